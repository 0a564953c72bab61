/*
 * react: a program of one main function, on the test clock's reactor.
 */
#include "trace.h"

SUITE("react")

static struct tw_reactor *reactor;
static struct pair end; /* what main leaves */
static int number;      /* what it is fired with */

static void set_up(void)
{
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    end = make();
    number = 0;
}

static void tear_down(void)
{
    drop(&end);
    reactor = tw_reactor_unref(reactor);
}

static void in_reactor(tw_action_fn action)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, NULL, NULL), 0);
}

static void succeed(void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
    trace("fire ");
    fire(end.source, number);
}

static void fail(void *arg)
{
    (void)arg;
    trace("fail ");
    fire_failure(end.source, 9);
}

static void exit_with_code(void *arg)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR_EXIT, number, "enough");
    (void)arg;
    tw_source_errback(end.source, failure);
    tw_failure_unref(failure);
}

static void stop(void *arg)
{
    (void)arg;
    trace("stop ");
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void main_that_waits(struct tw_reactor *which, struct tw_result *result, void *arg)
{
    CU_ASSERT_FALSE(tw_reactor_is_running(which));
    CU_ASSERT_PTR_NULL(tw_result_value(result));
    trace("main ");
    if (arg)
        in_reactor(*(tw_action_fn *)arg);
    give_deferred(result, end.deferred);
}

static int react(tw_action_fn action)
{
    return tw_react(reactor, main_that_waits, action ? &action : NULL);
}

/* REA-001: main is called, the reactor runs until its Deferred fires, and stops. */
TEST(REA_001_runs_until_the_deferred_fires)
{
    set_up();
    CU_ASSERT_EQUAL(react(succeed), 0);
    TRACED("main fire ");
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    tear_down();
}

static void note_running(void *arg)
{
    (void)arg;
    trace(tw_reactor_is_running(reactor) ? "running " : "not running ");
}

/* REA-002: main is called before the reactor runs; if it has ended already, the reactor runs
 * briefly. */
TEST(REA_002_ended_before_the_reactor_runs)
{
    set_up();
    fire(end.source, 1);
    CU_ASSERT_EQUAL(react(note_running), 0);
    TRACED("main running ");
    tear_down();
}

static void main_without_deferred(struct tw_reactor *which, struct tw_result *result, void *arg)
{
    (void)which;
    (void)arg;
    trace("main ");
    tw_result_set(result, "value", destroy_name);
}

/* REA-002: one that leaves no Deferred has ended. */
TEST(REA_002_main_without_a_deferred)
{
    set_up();
    CU_ASSERT_EQUAL(tw_react(reactor, main_without_deferred, NULL), 0);
    TRACED("main ~value ");
    fire(end.source, 0);
    tear_down();
}

/* REA-003: 1 for a failure, which is reported; the code of a request to exit, which is not. */
TEST(REA_003_exit_codes)
{
    set_up();
    CU_ASSERT_EQUAL(react(fail), 1);
    EXPECT_REPORTS(1);
    tear_down();
    set_up();
    fire_failure(end.source, 3);
    CU_ASSERT_EQUAL(react(NULL), 1);
    EXPECT_REPORTS(1);
    tear_down();
    set_up();
    number = 42;
    CU_ASSERT_EQUAL(react(exit_with_code), 42);
    tear_down();
    trace_clear();
}

static void stop_and_succeed(void *arg)
{
    stop(arg);
    succeed(arg);
}

static void stop_and_fail(void *arg)
{
    stop(arg);
    fail(arg);
}

/* REA-004: if the reactor is stopping when it ends, it is not stopped again; the code counts. */
TEST(REA_004_not_stopped_twice)
{
    set_up();
    CU_ASSERT_EQUAL(react(stop_and_succeed), 0);
    TRACED("main stop fire ");
    tear_down();
    set_up();
    CU_ASSERT_EQUAL(react(stop_and_fail), 1);
    TRACED("main stop fail ");
    EXPECT_REPORTS(1);
    tear_down();
}

/* REA-005: stopped by something else, with the Deferred never fired, it is 0; what comes later does
 * not matter to it. */
TEST(REA_005_stopped_by_something_else)
{
    set_up();
    CU_ASSERT_EQUAL(react(stop), 0);
    TRACED("main stop ");
    fire(end.source, 5);
    tear_down();
}

static void main_of_its_own(struct tw_reactor *which, struct tw_result *result, void *arg)
{
    struct tw_deferred *deferred = NULL;
    (void)arg;
    CU_ASSERT_EQUAL(tw_defer_later(which, 0, NULL, NULL, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, deferred), 0);
    trace("main ");
}

/* REA-006: without a reactor it makes one. */
TEST(REA_006_a_reactor_of_its_own)
{
    trace_clear();
    CU_ASSERT_EQUAL(tw_react(NULL, main_of_its_own, NULL), 0);
    TRACED("main ");
}

static void coroutine(struct tw_result *result, void *arg)
{
    (void)arg;
    trace("waits ");
    CU_ASSERT_EQUAL(tw_await(end.deferred, result), 0);
}

static void spawning_main(struct tw_reactor *which, struct tw_result *result, void *arg)
{
    struct tw_deferred *deferred = NULL;
    (void)arg;
    CU_ASSERT_EQUAL(tw_spawn(which, coroutine, NULL, NULL, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, deferred), 0);
    in_reactor(exit_with_code);
}

/* REA-007: main may spawn a coroutine and leave its Deferred. */
TEST(REA_007_main_spawns_a_coroutine)
{
    set_up();
    number = 5;
    CU_ASSERT_EQUAL(tw_react(reactor, spawning_main, NULL), 5);
    TRACED("waits ");
    tear_down();
}

static void stop_which(void *which)
{
    CU_ASSERT_EQUAL(tw_reactor_stop((struct tw_reactor *)which), 0);
}

static void main_that_never_ends(struct tw_reactor *which, struct tw_result *result, void *arg)
{
    struct tw_deferred *deferred = NULL;
    (void)arg;
    CU_ASSERT_EQUAL(tw_defer_later(which, TW_FOREVER, NULL, NULL, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, deferred), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(which, stop_which, which, NULL), 0);
}

/* REA-005: what the end of its reactor fails then is not told. */
TEST(REA_005_stopped_with_its_own_reactor)
{
    CU_ASSERT_EQUAL(tw_react(NULL, main_that_never_ends, NULL), 0);
}

/* A reactor that has stopped cannot be run again. */
TEST(a_reactor_that_has_stopped)
{
    set_up();
    CU_ASSERT_EQUAL(react(succeed), 0);
    CU_ASSERT_EQUAL(tw_react(reactor, main_without_deferred, NULL), -ESHUTDOWN);
    PROVOKE(tw_react(reactor, NULL, NULL));
    tear_down();
    trace_clear();
}

SWEEP(failing_allocations)
{
    int rc;
    reactor = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    rc = tw_react(reactor, main_without_deferred, NULL);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    reactor = tw_reactor_unref(reactor);
    trace_clear();
}
