/*
 * For the tests of plug-ins: run the suite that every kind of reactor passes, as a test of this
 * framework.
 */
#ifndef TWINE_TESTS_REACTOR_CONFORMS_H
#define TWINE_TESTS_REACTOR_CONFORMS_H

#include "conforms.h"
#include <twine/test/reactor_conformance.h>

/* The kind keeps all it promises, in so many checks. Some break the contract on purpose, and one
 * lets a shutdown run out of time; the reports of that are expected, and no others. */
static inline void check_reactor_conforms(const struct tw_reactor_conformance_kind *kind, int least)
{
    const int right = TW_REACTOR_CONFORMANCE_MISUSES + 1;
    int checks = 0, before = harness_reports();
    harness_misuse_begin();
    CU_ASSERT_EQUAL(tw_reactor_conformance(kind, print_wrong, &checks), 0);
    harness_misuse_end();
    CU_ASSERT_TRUE(checks >= least);
    CU_ASSERT_EQUAL(harness_reports() - before, right);
    EXPECT_REPORTS(right - 1);
}

#endif
