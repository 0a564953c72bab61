/*
 * The looping call, on the test clock's reactor: when it calls, how it ends, and what it counts.
 */
#include "trace.h"

SUITE("looping call")

static struct tw_reactor *reactor;
static struct tw_looping_call *loop;
static int64_t busy;      /* how long a call takes */
static struct pair inner; /* what a call waits for, if it has one */
static void (*in_call)(void);

static void advance(int64_t duration)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, duration), 0);
}

static uint64_t now(void)
{
    return tw_clock_now(tw_reactor_clock(reactor));
}

/* Writes the time, and how many points it stands for if that is not one. */
static void tick(struct tw_result *result, void *arg)
{
    uint64_t count = tw_looping_call_count(loop);
    (void)arg;
    CU_ASSERT_PTR_NULL(tw_result_value(result));
    if (count == 1)
        trace("%d ", (int)now());
    else
        trace("%dx%d ", (int)now(), (int)count);
    if (busy)
        tw_test_clock_advance(tw_reactor_clock(reactor), busy);
    if (in_call)
        in_call();
    if (inner.deferred)
        give_deferred(result, inner.deferred);
}

static void set_up_with(tw_call_fn fn)
{
    trace_clear();
    busy = 0;
    in_call = NULL;
    inner.deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_looping_call_new(reactor, fn, "arg", destroy_name, &loop), 0);
}

static void set_up(void)
{
    set_up_with(tick);
}

static void tear_down(void)
{
    loop = tw_looping_call_unref(loop);
    reactor = tw_reactor_unref(reactor);
}

static void ended(struct tw_result *result, void *name)
{
    if (tw_result_is_failure(result)) {
        handle(result, name);
        return;
    }
    CU_ASSERT_PTR_EQUAL(tw_result_value(result), loop);
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    trace("%s. ", (const char *)name);
}

static struct tw_deferred *start(int64_t interval, bool is_now)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_looping_call_start(loop, interval, is_now, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, ended, "end", NULL), 0);
    return deferred;
}

static void stop(void)
{
    CU_ASSERT_EQUAL(tw_looping_call_stop(loop), 0);
}

/* --- starting and stopping -------------------------------------------------------------------- */

/* LPC-001: started with now, the first call is made inside start. */
TEST(LPC_001_first_call_inside_start)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = start(10, true);
    TRACED("0 ");
    advance(10);
    advance(10);
    TRACED("10 20 ");
    CU_ASSERT_FALSE(tw_deferred_is_called(deferred));
    stop();
    TRACED("end. ");
    tw_deferred_unref(deferred);
    tear_down();
    TRACED("~arg ");
}

/* LPC-002: without, one interval later. */
TEST(LPC_002_first_call_one_interval_later)
{
    set_up();
    tw_deferred_unref(start(10, false));
    advance(9);
    TRACED("");
    advance(1);
    TRACED("10 ");
    stop();
    tear_down();
}

/* LPC-003: stop fires the Deferred with the loop, and no call follows. */
TEST(LPC_003_stop)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = start(10, false);
    stop();
    TRACED("end. ");
    advance(100);
    TRACED("");
    tw_deferred_unref(deferred);
    tear_down();
}

/* LPC-003: at once, inside the first call. */
TEST(LPC_003_stop_at_once)
{
    struct tw_deferred *deferred;
    set_up();
    in_call = stop;
    deferred = start(10, true);
    TRACED("0 end. ");
    advance(100);
    TRACED("");
    tw_deferred_unref(deferred);
    tear_down();
}

/* LPC-004: start while it runs, stop and reset while it does not, are refused. */
TEST(LPC_004_misuse)
{
    struct tw_looping_call *none = NULL;
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_looping_call_stop(loop));
    PROVOKE(tw_looping_call_reset(loop));
    tw_deferred_unref(start(10, true));
    PROVOKE(tw_looping_call_start(loop, 10, true, &deferred));
    CU_ASSERT_PTR_NULL(deferred);
    TRACED("0 ");
    advance(10);
    TRACED("10 ");
    stop();
    PROVOKE(tw_looping_call_stop(loop));
    TRACED("end. ");
    PROVOKE(tw_looping_call_new(NULL, tick, "1", destroy_name, &none));
    PROVOKE(tw_looping_call_new(reactor, NULL, "2", destroy_name, &none));
    PROVOKE(tw_looping_call_new(reactor, tick, "3", destroy_name, NULL));
    TRACED("~1 ~2 ~3 ");
    CU_ASSERT_PTR_NULL(tw_looping_call_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_looping_call_unref(NULL));
    tear_down();
}

/* LPC-005: a negative interval is refused, and leaves it stopped. */
TEST(LPC_005_negative_interval)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_looping_call_start(loop, -1, true, &deferred));
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    PROVOKE(tw_looping_call_set_interval(loop, -1));
    TRACED("");
    tear_down();
}

/* --- the grid --------------------------------------------------------------------------------- */

/* LPC-006: a late call does not shift those that follow. */
TEST(LPC_006_late_calls_do_not_shift_the_grid)
{
    set_up();
    tw_deferred_unref(start(10, true));
    advance(13);
    TRACED("0 13 ");
    advance(7);
    TRACED("20 ");
    stop();
    tear_down();
}

/* LPC-007: points that were missed are skipped, whether the loop was late or a call was slow; the
 * next call is strictly later. */
TEST(LPC_007_missed_points_are_skipped)
{
    set_up();
    tw_deferred_unref(start(10, true));
    advance(35);
    TRACED("0 35x3 ");
    advance(4);
    TRACED("");
    advance(1);
    TRACED("40 ");
    busy = 20; /* from 50 to 70, which is a point itself */
    advance(10);
    TRACED("50 ");
    busy = 0;
    CU_ASSERT_EQUAL(now(), 70);
    advance(9);
    TRACED("");
    advance(1);
    TRACED("80x3 ");
    stop();
    tear_down();
}

/* LPC-008: with interval 0 it is called once in each turn. */
TEST(LPC_008_interval_0)
{
    int i;
    set_up();
    tw_deferred_unref(start(0, true));
    for (i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
        trace("| ");
    }
    TRACED("0 0 | 0 | 0 | ");
    stop();
    tear_down();
}

/* LPC-013: reset makes the next call one interval from now, and the grid begins there. */
TEST(LPC_013_reset)
{
    set_up();
    tw_deferred_unref(start(10, false));
    advance(7);
    CU_ASSERT_EQUAL(tw_looping_call_reset(loop), 0);
    advance(9);
    TRACED("");
    advance(1);
    TRACED("17 ");
    advance(10);
    TRACED("27 ");
    stop();
    tear_down();
}

static void reset(void)
{
    CU_ASSERT_EQUAL(tw_looping_call_reset(loop), 0);
}

/* LPC-014: inside a call it does nothing. */
TEST(LPC_014_reset_inside_a_call)
{
    set_up();
    tw_deferred_unref(start(10, true));
    in_call = reset;
    advance(13);
    in_call = NULL;
    advance(7);
    TRACED("0 13 20 ");
    stop();
    tear_down();
}

/* --- Deferreds and failures ------------------------------------------------------------------- */

/* LPC-009: if the function leaves a Deferred, the next call waits for it, and falls on the grid. */
TEST(LPC_009_waits_for_a_deferred)
{
    set_up();
    inner = make();
    tw_deferred_unref(start(10, true));
    advance(23);
    TRACED("0 ");
    fire(inner.source, 5);
    drop(&inner);
    advance(6);
    TRACED("");
    advance(1);
    TRACED("30x3 ");
    stop();
    tear_down();
}

/* LPC-010: an error in the function, or in its Deferred, ends the loop and comes out. */
TEST(LPC_010_failure)
{
    struct tw_deferred *deferred;
    set_up_with(go_wrong);
    deferred = start(10, true);
    TRACED("arg=0 end!99 ");
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    advance(100);
    TRACED("");
    tw_deferred_unref(deferred);
    tear_down();
    set_up();
    inner = make();
    deferred = start(10, true);
    fire_failure(inner.source, 8);
    TRACED("0 end!8 ");
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    drop(&inner);
    tw_deferred_unref(deferred);
    tear_down();
}

/* LPC-011: stopped inside a call, the loop ends after that call's Deferred. */
TEST(LPC_011_stop_inside_a_call)
{
    struct tw_deferred *deferred;
    set_up();
    inner = make();
    in_call = stop;
    deferred = start(10, true);
    TRACED("0 ");
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    PROVOKE(tw_looping_call_start(loop, 10, true, NULL));
    fire(inner.source, 1);
    TRACED("end. ");
    drop(&inner);
    tw_deferred_unref(deferred);
    tear_down();
}

/* LPC-012: and if that fails, so does the loop. */
TEST(LPC_012_stop_and_fail)
{
    struct tw_deferred *deferred;
    set_up();
    inner = make();
    deferred = start(10, true);
    stop();
    TRACED("0 ");
    fire_failure(inner.source, 6);
    TRACED("end!6 ");
    drop(&inner);
    tw_deferred_unref(deferred);
    tear_down();
}

static void start_again(struct tw_result *result, void *arg)
{
    ended(result, arg);
    tw_deferred_unref(start(5, true));
}

/* LPC-015: it can be started again, from inside the callback that tells of its end, too. */
TEST(LPC_015_started_again)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    tw_deferred_unref(start(10, true));
    advance(12);
    stop();
    TRACED("0 12 end. ");
    CU_ASSERT_EQUAL(tw_looping_call_start(loop, 10, false, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, start_again, "again", NULL), 0);
    advance(10);
    TRACED("22 ");
    stop();
    TRACED("again. 22 ");
    advance(5);
    TRACED("27 ");
    stop();
    TRACED("end. ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* LPC-016: a cancel of the Deferred does not stop the loop. */
TEST(LPC_016_cancel_does_not_stop)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = start(10, true);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("0 end!125 ");
    advance(10);
    TRACED("10 ");
    stop();
    TRACED("");
    tw_deferred_unref(deferred);
    tear_down();
}

/* LPC-017: it runs from start until it is stopped or fails, and not any more when its Deferred
 * fires (which `ended` looks at). */
TEST(LPC_017_running)
{
    set_up();
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    tw_deferred_unref(start(10, false));
    CU_ASSERT_TRUE(tw_looping_call_is_running(loop));
    stop();
    TRACED("end. ");
    CU_ASSERT_FALSE(tw_looping_call_is_running(loop));
    tear_down();
}

/* --- counting --------------------------------------------------------------------------------- */

/* LPC-018: the count is of the points since the last call, never 0. */
TEST(LPC_018_counts_points)
{
    set_up();
    tw_deferred_unref(start(10, true));
    advance(10);
    advance(30);
    advance(5);
    advance(5);
    TRACED("0 10 40x3 50 ");
    stop();
    tw_deferred_unref(start(10, false)); /* from 50 */
    advance(25);
    TRACED("end. 75x2 ");
    stop();
    tear_down();
}

/* LPC-019: with interval 0 it is always 1. */
TEST(LPC_019_counts_1_with_interval_0)
{
    set_up();
    tw_deferred_unref(start(0, false));
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 50), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 50), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("50 100 ");
    stop();
    tear_down();
}

/* LPC-020: time for which a Deferred held it up counts as missed. */
TEST(LPC_020_held_up_time_counts)
{
    set_up();
    tw_deferred_unref(start(10, true));
    inner = make();
    advance(10);
    advance(35);
    fire(inner.source, 0);
    drop(&inner);
    advance(5);
    TRACED("0 10 50x4 ");
    stop();
    tear_down();
}

/* LPC-021: an interval that is changed from 0 counts from the last call. */
TEST(LPC_021_interval_changed_from_0)
{
    set_up();
    tw_deferred_unref(start(0, false));
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 35), 0);
    CU_ASSERT_EQUAL(tw_looping_call_set_interval(loop, 10), 0);
    CU_ASSERT_EQUAL(tw_looping_call_interval(loop), 10);
    CU_ASSERT_EQUAL(tw_looping_call_set_interval(loop, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_looping_call_set_interval(loop, 10), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("35 35 ");
    advance(4);
    TRACED("");
    advance(1);
    advance(30);
    TRACED("40 70x3 ");
    stop();
    tear_down();
}

/* LPC-024: times are whole nanoseconds, so a point is never missed by the last bit: a second cut in
 * ten, a hundred times. */
TEST(LPC_024_no_point_is_missed_by_rounding)
{
    int i;
    set_up();
    tw_deferred_unref(start(TW_SECOND / 10, true));
    trace_clear();
    for (i = 1; i <= 100; i++) {
        advance(TW_SECOND / 10);
        CU_ASSERT_EQUAL(tw_looping_call_count(loop), 1);
        CU_ASSERT_NOT_EQUAL(trace_length, 0);
        trace_clear();
    }
    stop();
    tear_down();
}

/* --- going ------------------------------------------------------------------------------------ */

/* A loop that runs goes on without a handle, and goes when it has ended. */
TEST(runs_without_a_handle)
{
    struct tw_looping_call *mine;
    set_up();
    tw_deferred_unref(start(10, true));
    mine = loop;
    tw_looping_call_unref(loop);
    advance(10);
    TRACED("0 10 ");
    CU_ASSERT_EQUAL(tw_looping_call_stop(mine), 0);
    TRACED("end. ~arg ");
    loop = NULL;
    tear_down();
}

/* If the reactor goes, the loop fails as shut down, and lets its argument go. */
TEST(the_reactor_goes)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = start(10, true);
    loop = tw_looping_call_unref(loop);
    reactor = tw_reactor_unref(reactor);
    TRACED("0 end!108 ~arg ");
    tw_deferred_unref(deferred);
}

/* So it does while the function's Deferred is out; when that fires, nothing more happens. */
TEST(the_reactor_goes_while_a_deferred_is_out)
{
    struct tw_deferred *deferred;
    set_up();
    inner = make();
    deferred = start(10, true);
    loop = tw_looping_call_unref(loop);
    reactor = tw_reactor_unref(reactor);
    TRACED("0 end!108 ");
    fire_failure(inner.source, 3);
    TRACED("~arg ");
    drop(&inner);
    tw_deferred_unref(deferred);
}

/* A failure of a loop that nobody watches is reported. */
TEST(failure_without_a_handle_is_reported)
{
    set_up_with(go_wrong);
    CU_ASSERT_EQUAL(tw_looping_call_start(loop, 1, true, NULL), 0);
    tear_down();
    EXPECT_REPORTS(1);
}

/* Whatever cannot be had: start refuses, or the loop ends, and its argument goes once. */
SWEEP(failing_allocations)
{
    struct tw_deferred *deferred = NULL;
    int gone = 0, rc;
    trace_clear();
    busy = 0;
    in_call = NULL;
    inner.deferred = NULL;
    reactor = NULL;
    loop = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    rc = tw_looping_call_new(reactor, tick, &gone, count_destroy, &loop);
    CU_ASSERT_EQUAL(gone, rc < 0);
    if (rc == 0) {
        rc = tw_looping_call_start(loop, 10, true, &deferred);
        if (rc == 0 && tw_deferred_add_both(deferred, ended, "end", NULL) == 0)
            advance(10);
        if (tw_looping_call_is_running(loop))
            stop();
        CU_ASSERT_TRUE(rc < 0 || tw_deferred_is_called(deferred));
        tw_deferred_unref(deferred);
        deferred = NULL;
        rc = tw_looping_call_start(loop, 10, false, &deferred);
        CU_ASSERT_EQUAL(tw_looping_call_is_running(loop), rc == 0);
        if (rc == 0)
            stop();
        tw_deferred_unref(deferred);
    }
    tear_down();
    CU_ASSERT_EQUAL(gone, 1);
}
