/*
 * For the tests of time limits: a reactor on a test clock, and short ways to set limits on it.
 */
#ifndef TWINE_TESTS_DEFERRED_LIMITS_H
#define TWINE_TESTS_DEFERRED_LIMITS_H

#include "trace.h"

static struct tw_reactor *reactor;

static inline void open_reactor(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static inline void close_reactor(void)
{
    reactor = tw_reactor_unref(reactor);
}

static inline void seconds_pass(double seconds)
{
    int64_t duration = (int64_t)(seconds * (double)TW_SECOND);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, duration), 0);
}

static inline void limit(struct tw_deferred *deferred, int seconds)
{
    CU_ASSERT_EQUAL(
        tw_deferred_add_timeout(deferred, reactor, seconds * TW_SECOND, NULL, NULL, NULL), 0);
}

/* With an on_timeout: one of trace.h's callbacks. */
static inline void limit_to(struct tw_deferred *deferred, int seconds, tw_call_fn on_timeout)
{
    CU_ASSERT_EQUAL(tw_deferred_add_timeout(deferred, reactor, seconds * TW_SECOND, on_timeout,
                                            "late", destroy_name),
                    0);
}

/* Writes "T " for a timeout and "C " for a cancellation, and leaves null. */
static inline void show_kind(struct tw_result *result, void *arg)
{
    struct tw_failure *failure = tw_result_failure(result);
    (void)arg;
    trace(tw_failure_is(failure, &TW_ERROR_TIMEOUT)     ? "T "
          : tw_failure_is(failure, &TW_ERROR_CANCELLED) ? "C "
                                                        : "? ");
    tw_result_set(result, NULL, NULL);
}

static inline void watch_kind(struct tw_deferred *deferred)
{
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, show_kind, NULL, NULL), 0);
}

/* Whether a delayed call is left: if so, time makes it do something. */
static inline void nothing_is_left(void)
{
    seconds_pass(1000);
    TRACED("");
}

#endif
