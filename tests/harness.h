/*
 * What every test file uses. One file is one CUnit suite and one CTest entry:
 *
 *     #include "../harness.h"
 *
 *     SUITE("team")
 *
 *     // TEA-013: ...the rule in a sentence.
 *     TEST(TEA_013_shrink_debt_is_paid)
 *     {
 *         CU_ASSERT_EQUAL(...);
 *     }
 *
 * Each test starts with no report seen and must end with each report expected (EXPECT_REPORTS), and
 * with as many of the library's allocations and fibers alive as before it. A file that uses real
 * threads, whose cached threads outlive a test, says SUITE_WITH_THREADS instead, and lives in
 * tests/stress.
 */
#ifndef TWINE_TESTS_HARNESS_H
#define TWINE_TESTS_HARNESS_H

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <twine/twine.h>

extern const char *const harness_suite;
extern const bool harness_threads;

void harness_add(const char *name, void (*test)(void));
void harness_add_sweep(const char *name, void (*scenario)(void));

#define SUITE(name)                         \
    const char *const harness_suite = name; \
    const bool harness_threads = false;
#define SUITE_WITH_THREADS(name)            \
    const char *const harness_suite = name; \
    const bool harness_threads = true;

/* A test; it registers itself, and tests run in the order they are written. */
#define TEST(name)                                                         \
    static void name(void);                                                \
    __attribute__((constructor)) static void harness_register_##name(void) \
    {                                                                      \
        harness_add(#name, name);                                          \
    }                                                                      \
    static void name(void)

/* A scenario run again and again, with the first, the second, ... of the library's allocations (a
 * fiber's stack is one) failing, once alone and once with all after it, until one run has none left
 * to fail. It must cope with every -ENOMEM and check that nothing is lost, doubled or leaked. The
 * first run has no failure. */
#define SWEEP(name)                                                        \
    static void name(void);                                                \
    __attribute__((constructor)) static void harness_register_##name(void) \
    {                                                                      \
        harness_add_sweep(#name, name);                                    \
    }                                                                      \
    static void name(void)

/* The scenario asks whether an allocation was made to fail in this run so far. */
bool harness_failed_one(void);

/* How many of the library's allocations are alive. */
long harness_live(void);

/* Reports: what the library told since the test began. */
struct harness_report {
    enum tw_report_level level;
    char text[256];
    const struct tw_error *kind; /* of its failure; NULL if it had none */
    int code;
};
int harness_reports(void);                              /* how many */
const struct harness_report *harness_report(int index); /* from 0 */
void harness_expect_reports(int count); /* this many more are right, at the end of the test */
#define EXPECT_REPORTS(count) harness_expect_reports(count)

/* A call that breaks its contract on purpose: no abort, one misuse report expected, which names the
 * function that was called. */
void harness_misuse_begin(void);
void harness_misuse_end(void);
void harness_misuse_names(const char *call);
#define PROVOKE(call)                     \
    do {                                  \
        harness_misuse_begin();           \
        CU_ASSERT_EQUAL((call), -EINVAL); \
        harness_misuse_end();             \
        harness_misuse_names(#call);      \
    } while (0)
#define PROVOKE_ERROR(call, error)        \
    do {                                  \
        harness_misuse_begin();           \
        CU_ASSERT_EQUAL((call), (error)); \
        harness_misuse_end();             \
        harness_misuse_names(#call);      \
    } while (0)

/* The seed of this run: printed, and taken back from the environment variable TWINE_SEED. */
uint64_t harness_seed(void);
/* The next number of a small generator (splitmix64). */
uint64_t harness_random(uint64_t *state);
/* Whether this is the long grade (TWINE_LONG=1). */
bool harness_long(void);

/* Whether a sanitizer slows this build down, and its threads are heavy. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define HARNESS_SANITIZED 1
#elif defined(__has_feature)
#define HARNESS_SANITIZED (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#else
#define HARNESS_SANITIZED 0
#endif

/* Counts how often it was destroyed: (&counter, count_destroy). */
void count_destroy(void *counter);

#endif
