/*
 * deferLater, on the test clock's reactor.
 */
#include "trace.h"

SUITE("defer later")

static struct tw_reactor *reactor;

static void set_up(void)
{
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
}

static void advance(int64_t duration)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, duration), 0);
}

static void work(struct tw_result *result, void *name)
{
    write_result(result, name);
    tw_result_set(result, VALUE(7), NULL);
}

static struct tw_deferred *later(int64_t delay, tw_call_fn fn, const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(
        tw_defer_later(reactor, delay, fn, (void *)(uintptr_t)name, destroy_name, &deferred), 0);
    settle(deferred, "later");
    return deferred;
}

/* DLT-001: the function is called after the delay, and what it leaves comes out. */
TEST(DLT_001_calls_after_the_delay)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = later(10, work, "work");
    advance(9);
    TRACED("");
    advance(1);
    TRACED("work=0 ~work later=7 ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* DLT-001: it needs no handle. */
TEST(DLT_001_without_a_handle)
{
    set_up();
    CU_ASSERT_EQUAL(tw_defer_later(reactor, 10, work, "work", destroy_name, NULL), 0);
    tw_deferred_unref(later(10, work, "two"));
    advance(10);
    TRACED("work=0 ~work two=0 ~two later=7 ");
    tear_down();
}

/* DLT-002: an error in the function fails it. */
TEST(DLT_002_failure)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = later(0, go_wrong, "work");
    advance(0);
    TRACED("work=0 ~work later!99 ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* DLT-003: without a function it fires with null. */
TEST(DLT_003_without_a_function)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = later(5, NULL, "arg");
    TRACED("~arg ");
    advance(5);
    TRACED("later=0 ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* DLT-004: cancelled before its time, the timer goes and the function is not called. */
TEST(DLT_004_cancel_before_its_time)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = later(10, work, "work");
    advance(3);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("~work later!125 ");
    advance(100);
    TRACED("");
    tw_deferred_unref(deferred);
    tear_down();
}

/* DLT-005: a Deferred the function leaves is followed, and cancelled. */
TEST(DLT_005_a_deferred_is_followed)
{
    struct tw_deferred *one = NULL, *two = NULL;
    struct pair inner[2];
    set_up();
    inner[0] = make();
    inner[1] = make();
    CU_ASSERT_EQUAL(tw_defer_later(reactor, 1, give_deferred, inner[0].deferred, NULL, &one), 0);
    CU_ASSERT_EQUAL(tw_defer_later(reactor, 1, give_deferred, inner[1].deferred, NULL, &two), 0);
    settle(one, "one");
    settle(two, "two");
    advance(1);
    TRACED("");
    fire(inner[0].source, 5);
    TRACED("one=5 ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(two), 0);
    TRACED("two!125 ");
    drop(&inner[0]);
    drop(&inner[1]);
    tw_deferred_unref(one);
    tw_deferred_unref(two);
    tear_down();
}

/* If the reactor goes first, it fails, and the function is not called. */
TEST(the_reactor_goes_first)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = later(10, work, "work");
    tear_down();
    TRACED("~work later!108 ");
    tw_deferred_unref(deferred);
}

/* What cannot be is refused, and the argument consumed. */
TEST(misuse_is_refused)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_defer_later(reactor, -1, work, "1", destroy_name, &deferred));
    PROVOKE(tw_defer_later(NULL, 1, work, "2", destroy_name, &deferred));
    TRACED("~1 ~2 ");
    CU_ASSERT_PTR_NULL(deferred);
    tear_down();
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

/* After the reactor has stopped it is refused, and nothing is reported. */
TEST(refused_after_the_reactor_has_stopped)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(tw_defer_later(reactor, 1, work, "1", destroy_name, &deferred), -ESHUTDOWN);
    TRACED("~1 ");
    CU_ASSERT_PTR_NULL(deferred);
    tear_down();
}

SWEEP(failing_allocations)
{
    struct tw_deferred *deferred = NULL;
    int gone = 0, rc;
    reactor = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    rc = tw_defer_later(reactor, 1, handle, &gone, count_destroy, &deferred);
    CU_ASSERT_EQUAL(gone, rc < 0);
    CU_ASSERT_EQUAL(!deferred, rc < 0);
    advance(1);
    CU_ASSERT_EQUAL(gone, 1);
    tw_deferred_unref(deferred);
    tear_down();
}
