/*
 * Rules of time limits that stand for themselves, each by its number.
 */
#include "limits.h"

SUITE("timeout rules")

/* TMO-001: it only adds: the same Deferred goes on. */
TEST(TMO_001_deferred_goes_on)
{
    struct pair pair = make();
    open_reactor();
    limit(pair.deferred, 1);
    CU_ASSERT_FALSE(tw_deferred_is_called(pair.deferred));
    watch(pair.deferred, "it");
    fire(pair.source, 1);
    TRACED("it=1 ");
    drop(&pair);
    close_reactor();
}

/* TMO-002: links added before run inside the limit, even if they make the Deferred wait. */
TEST(TMO_002_earlier_links_are_covered)
{
    struct pair outer = make(), inner = make();
    open_reactor();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    limit(outer.deferred, 1);
    watch_kind(outer.deferred);
    fire(outer.source, 1);
    seconds_pass(0.9);
    TRACED("");
    seconds_pass(0.1);
    TRACED("T ");
    drop(&outer);
    drop(&inner);
    close_reactor();
}

/* TMO-003: the countdown begins when the limit is added. */
TEST(TMO_003_countdown_begins_at_once)
{
    struct pair pair = make();
    open_reactor();
    seconds_pass(7);
    limit(pair.deferred, 2);
    seconds_pass(1.9);
    watch_kind(pair.deferred);
    TRACED("");
    seconds_pass(0.1);
    TRACED("T ");
    drop(&pair);
    close_reactor();
}

static int note_call(struct tw_source *source, void *name)
{
    (void)source;
    trace("cancel:%s ", (const char *)name);
    return 0;
}

/* TMO-004: it cancels by the rules of any cancel: the canceller is called. */
TEST(TMO_004_canceller_is_called)
{
    struct pair pair = make_cancellable(note_call, "it");
    open_reactor();
    limit(pair.deferred, 1);
    watch_kind(pair.deferred);
    seconds_pass(1);
    TRACED("cancel:it T ");
    CU_ASSERT_EQUAL(fire(pair.source, 1), -EALREADY);
    drop(&pair);
    close_reactor();
}

static int fire_seven(struct tw_source *source, void *arg)
{
    (void)arg;
    return fire_failure(source, 7);
}

static struct tw_failure *own_failure;

static int fail_by_itself(struct tw_source *source, void *arg)
{
    (void)arg;
    return tw_source_errback(source, own_failure);
}

static void is_own_failure(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_PTR_EQUAL(tw_result_failure(result), own_failure);
    trace("own ");
    tw_result_set(result, NULL, NULL);
}

/* TMO-008: a failure of the canceller's own is kept, the same one. */
TEST(TMO_008_failure_of_the_canceller_is_kept)
{
    struct pair pair = make_cancellable(fail_by_itself, NULL);
    own_failure = TW_FAILURE_NEW(NULL, 7, NULL);
    open_reactor();
    limit(pair.deferred, 1);
    tw_deferred_add_errback(pair.deferred, is_own_failure, NULL, NULL);
    seconds_pass(1);
    TRACED("own ");
    drop(&pair);
    tw_failure_unref(own_failure);
    close_reactor();
}

/* TMO-010: on_timeout is called though an earlier errback has handled the cancellation. */
TEST(TMO_010_on_timeout_after_a_handled_cancellation)
{
    struct pair pair = make();
    open_reactor();
    tw_deferred_add_errback(pair.deferred, show_kind, NULL, NULL);
    limit_to(pair.deferred, 1, go_wrong);
    settle(pair.deferred, "after");
    seconds_pass(1);
    TRACED("C late=0 ~late after!99 ");
    drop(&pair);
    close_reactor();
}

/* TMO-011: and when the canceller has given a failure of its own. */
TEST(TMO_011_on_timeout_after_an_own_failure)
{
    struct pair pair = make_cancellable(fire_seven, NULL);
    open_reactor();
    limit_to(pair.deferred, 1, handle);
    settle(pair.deferred, "after");
    seconds_pass(1);
    TRACED("late!7 ~late after=0 ");
    drop(&pair);
    close_reactor();
}

/* TMO-013: a cancellation that an earlier errback has handled is a success. */
TEST(TMO_013_handled_cancellation_is_a_success)
{
    struct pair pair = make();
    open_reactor();
    tw_deferred_add_errback(pair.deferred, show_kind, NULL, NULL);
    limit(pair.deferred, 1);
    watch(pair.deferred, "after");
    seconds_pass(1);
    TRACED("C after=0 ");
    drop(&pair);
    close_reactor();
}
