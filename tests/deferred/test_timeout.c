/*
 * Timeouts, on a test clock: what a limit covers, what comes of it when it expires, and that no
 * delayed call stays behind.
 */
#include "limits.h"

SUITE("timeout")

/* --- in time ---------------------------------------------------------------------------------- */

/* TMO-014: a result that comes in time passes as it is, and the delayed call is taken
 * back. */
TEST(TMO_014_result_in_time_passes)
{
    struct pair pair[2] = {make(), make()};
    open_reactor();
    limit(pair[0].deferred, 10);
    limit_to(pair[1].deferred, 10, handle);
    seconds_pass(9.9);
    CU_ASSERT_EQUAL(fire(pair[0].source, 5), 0);
    CU_ASSERT_EQUAL(fire_failure(pair[1].source, 7), 0);
    TRACED("~late ");
    settle(pair[0].deferred, "a");
    settle(pair[1].deferred, "b");
    TRACED("a=5 b!7 ");
    nothing_is_left();
    drop(&pair[0]);
    drop(&pair[1]);
    close_reactor();
}

/* TMO-016: once the result has passed, the limit cannot cancel what a later link waits for. */
TEST(TMO_016_later_links_are_not_covered)
{
    struct pair outer = make(), inner = make();
    open_reactor();
    limit(outer.deferred, 10);
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    watch(outer.deferred, "outer");
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    nothing_is_left();
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("outer=2 ");
    drop(&outer);
    drop(&inner);
    close_reactor();
}

/* TMO-017: on a Deferred that has fired it leaves no delayed call. */
TEST(TMO_017_fired_already)
{
    struct pair pair = make();
    open_reactor();
    CU_ASSERT_EQUAL(fire(pair.source, 1), 0);
    limit_to(pair.deferred, 10, handle);
    TRACED("~late ");
    nothing_is_left();
    drop(&pair);
    close_reactor();
}

/* TMO-015: cancelled by hand before, it stays cancelled: on_timeout is not called, and the delayed
 * call is gone. */
TEST(TMO_015_cancel_by_hand_stays_one)
{
    struct pair pair[2] = {make(), make()};
    open_reactor();
    limit(pair[0].deferred, 10);
    limit_to(pair[1].deferred, 10, handle);
    watch_kind(pair[0].deferred);
    watch_kind(pair[1].deferred);
    CU_ASSERT_EQUAL(tw_deferred_cancel(pair[0].deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(pair[1].deferred), 0);
    TRACED("C ~late C ");
    nothing_is_left();
    drop(&pair[0]);
    drop(&pair[1]);
    close_reactor();
}

/* --- too late --------------------------------------------------------------------------------- */

static void keep_failure(struct tw_result *result, void *ret_failure)
{
    *(struct tw_failure **)ret_failure = tw_failure_ref(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

/* TMO-005: it expires so long after it was added, and then the Deferred
 * is cancelled, which becomes a timeout that says how long it was. */
TEST(TMO_005_expired_it_is_a_timeout)
{
    struct pair pair = make();
    struct tw_failure *failure = NULL;
    open_reactor();
    seconds_pass(5);
    CU_ASSERT_EQUAL(
        tw_deferred_add_timeout(pair.deferred, reactor, 5 * TW_SECOND / 2, NULL, NULL, NULL), 0);
    tw_deferred_add_errback(pair.deferred, keep_failure, &failure, NULL);
    seconds_pass(2.4);
    CU_ASSERT_PTR_NULL(failure);
    seconds_pass(0.2);
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(failure), &TW_ERROR_TIMEOUT);
    CU_ASSERT_EQUAL(tw_failure_code(failure), ETIMEDOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(tw_failure_message(failure), "2.5 seconds"));
    tw_failure_unref(failure);
    drop(&pair);
    close_reactor();
}

/* TMO-020: without a canceller, the one firing that comes too late is swallowed. */
TEST(TMO_020_one_late_firing_is_swallowed)
{
    struct pair pair = make();
    open_reactor();
    limit(pair.deferred, 1);
    watch_kind(pair.deferred);
    seconds_pass(1);
    TRACED("T ");
    CU_ASSERT_EQUAL(fire(pair.source, 1), 0);
    CU_ASSERT_EQUAL(fire(pair.source, 1), -EALREADY);
    drop(&pair);
    close_reactor();
}

static int fire_five(struct tw_source *source, void *arg)
{
    (void)arg;
    return fire(source, 5);
}

static int fire_seven(struct tw_source *source, void *arg)
{
    (void)arg;
    return fire_failure(source, 7);
}

/* TMO-007: a value or a failure of the canceller's own is kept. */
TEST(TMO_007_what_the_canceller_gives_is_kept)
{
    struct pair value = make_cancellable(fire_five, NULL);
    struct pair failure = make_cancellable(fire_seven, NULL);
    open_reactor();
    limit(value.deferred, 1);
    limit(failure.deferred, 1);
    settle(value.deferred, "a");
    settle(failure.deferred, "b");
    seconds_pass(1);
    TRACED("a=5 b!7 ");
    drop(&value);
    drop(&failure);
    close_reactor();
}

/* TMO-009: on_timeout is called with whatever has come up when the limit has
 * expired: a cancellation, one handled by an earlier link, a value or a failure of the canceller's;
 * what it leaves is the result. */
TEST(TMO_009_on_timeout_decides)
{
    struct pair plain = make(), handled = make();
    struct pair value = make_cancellable(fire_five, NULL);
    struct pair failure = make_cancellable(fire_seven, NULL);
    open_reactor();
    tw_deferred_add_errback(handled.deferred, show_kind, NULL, NULL);
    limit_to(plain.deferred, 1, show_kind);
    limit_to(handled.deferred, 2, add_one);
    limit_to(value.deferred, 3, go_wrong);
    limit_to(failure.deferred, 4, see);
    settle(plain.deferred, "plain");
    settle(handled.deferred, "handled");
    settle(value.deferred, "value");
    settle(failure.deferred, "failure");
    seconds_pass(1);
    TRACED("C ~late plain=0 ");
    seconds_pass(1);
    TRACED("C late=0 ~late handled=1 ");
    seconds_pass(1);
    TRACED("late=5 ~late value!99 ");
    seconds_pass(1);
    TRACED("late!7 ~late failure!7 ");
    drop(&plain);
    drop(&handled);
    drop(&value);
    drop(&failure);
    close_reactor();
}

/* TMO-012: errbacks added before see the cancellation, and may handle it. */
TEST(TMO_012_earlier_errbacks_see_a_cancellation)
{
    struct pair passed = make(), handled = make();
    open_reactor();
    tw_deferred_add_errback(passed.deferred, see, "early", NULL);
    limit(passed.deferred, 1);
    watch_kind(passed.deferred);
    seconds_pass(1);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "early!"));
    trace_clear();
    tw_deferred_add_errback(handled.deferred, show_kind, NULL, NULL);
    limit(handled.deferred, 1);
    settle(handled.deferred, "after");
    seconds_pass(1);
    TRACED("C after=0 ");
    drop(&passed);
    drop(&handled);
    close_reactor();
}

/* TMO-018: when an earlier link has made the Deferred wait for another, that one is cancelled. */
TEST(TMO_018_inner_one_is_cancelled)
{
    struct pair outer = make(), inner = make();
    open_reactor();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    limit(outer.deferred, 1);
    watch_kind(outer.deferred);
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    seconds_pass(1);
    TRACED("T ");
    CU_ASSERT_TRUE(tw_deferred_is_called(inner.deferred));
    drop(&outer);
    drop(&inner);
    close_reactor();
}

/* TMO-019: of two, the one that expires first decides, whichever was added first; nothing of
 * either is left. */
TEST(TMO_019_first_to_expire_decides)
{
    int i;
    for (i = 0; i < 2; i++) {
        struct pair pair = make();
        open_reactor();
        limit_to(pair.deferred, i ? 1 : 5, see);
        limit_to(pair.deferred, i ? 5 : 1, add_one);
        watch_kind(pair.deferred);
        seconds_pass(1);
        if (i)
            CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "late!"));
        trace_clear();
        nothing_is_left();
        drop(&pair);
        close_reactor();
    }
}

/* --- what may go wrong ------------------------------------------------------------------------ */

static int refuse(struct tw_source *source, void *arg)
{
    (void)source;
    (void)arg;
    return -EBUSY;
}

/* CAN-012 for a timeout: a refusal is reported, and the Deferred waits on; the limit has expired
 * all the same. */
TEST(refusal_of_the_canceller_is_reported)
{
    struct pair pair = make_cancellable(refuse, NULL);
    open_reactor();
    limit_to(pair.deferred, 1, add_one);
    seconds_pass(1);
    TRACED("");
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->code, -EBUSY);
    fire(pair.source, 1);
    settle(pair.deferred, "after");
    TRACED("late=1 ~late after=2 ");
    drop(&pair);
    close_reactor();
}

/* A Deferred that nobody wants any more is still cancelled in time, if its source lives. */
TEST(handle_may_go_before_it_expires)
{
    struct pair pair = make();
    open_reactor();
    limit(pair.deferred, 1);
    watch_kind(pair.deferred);
    pair.deferred = tw_deferred_unref(pair.deferred);
    seconds_pass(1);
    TRACED("T ");
    drop(&pair);
    close_reactor();
}

/* A Deferred that ends paused takes its limit with it. */
TEST(limit_goes_with_its_deferred)
{
    struct pair pair = make();
    open_reactor();
    limit_to(pair.deferred, 10, see);
    tw_deferred_pause(pair.deferred);
    fire(pair.source, 1);
    drop(&pair);
    TRACED("~late ");
    nothing_is_left();
    close_reactor();
}

/* A reactor that goes takes the limit with it, not the Deferred. */
TEST(reactor_may_go_first)
{
    struct pair pair = make();
    open_reactor();
    limit_to(pair.deferred, 10, see);
    close_reactor();
    TRACED("");
    fire(pair.source, 1);
    settle(pair.deferred, "after");
    TRACED("~late after=1 ");
    drop(&pair);
}

/* What cannot be done is refused, and its argument destroyed. */
TEST(bad_timeouts_are_refused)
{
    struct pair pair = make();
    int gone = 0;
    open_reactor();
    PROVOKE(tw_deferred_add_timeout(NULL, reactor, 1, NULL, &gone, count_destroy));
    PROVOKE(tw_deferred_add_timeout(pair.deferred, NULL, 1, NULL, &gone, count_destroy));
    PROVOKE(tw_deferred_add_timeout(pair.deferred, reactor, -1, NULL, &gone, count_destroy));
    CU_ASSERT_EQUAL(gone, 3);
    fire(pair.source, 0);
    drop(&pair);
    close_reactor();
}

/* Short of memory it is refused whole, or works. When it expires and there is none for the number
 * of seconds, it is a timeout all the same. */
SWEEP(TMO_005_timeout_without_memory)
{
    struct pair pair = {NULL, NULL};
    int gone = 0, added;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    if (tw_deferred_new(NULL, NULL, NULL, &pair.source, &pair.deferred) == 0) {
        added =
            tw_deferred_add_timeout(pair.deferred, reactor, TW_SECOND, NULL, &gone, count_destroy);
        CU_ASSERT_TRUE(added == 0 || (added == -ENOMEM && gone == 1));
        if (tw_deferred_add_both(pair.deferred, show_kind, NULL, NULL) == 0) {
            tw_test_clock_reactor_advance(reactor, TW_SECOND);
            if (added == 0)
                TRACED("T ");
        }
        fire(pair.source, 0);
        trace_clear();
        drop(&pair);
        CU_ASSERT_EQUAL(gone, 1);
    }
    close_reactor();
}
