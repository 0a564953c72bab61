/*
 * For the tests of workers: run the suite that every kind passes, as tests of this framework.
 */
#ifndef TWINE_TESTS_CONFORMS_H
#define TWINE_TESTS_CONFORMS_H

#include "harness.h"
#include <twine/test/worker_conformance.h>

static inline void print_wrong(void *arg, const char *check, const char *wrong)
{
    ++*(int *)arg;
    if (wrong)
        printf("\n    not kept: %s: %s\n", check, wrong);
}

/* The kind keeps all it promises. Its misuse check breaks the contract on purpose; the reports of
 * that are expected, and no others. */
static inline void check_conforms(const struct tw_worker_conformance_kind *kind)
{
    int checks = 0, before = harness_reports();
    harness_misuse_begin();
    CU_ASSERT_EQUAL(tw_worker_conformance(kind, print_wrong, &checks), 0);
    harness_misuse_end();
    CU_ASSERT_TRUE(checks >= 18);
    CU_ASSERT_TRUE(harness_reports() - before == 2 || harness_reports() - before == 3);
    EXPECT_REPORTS(harness_reports() - before - 1);
}

#endif
