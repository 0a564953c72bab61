/*
 * Cancelling: with a canceller and without, refused, forwarded to what a Deferred waits for.
 */
#include "trace.h"

SUITE("cancel")

/* Cancellers; each counts its calls in its argument. */
static int cancel_nothing(struct tw_source *source, void *calls)
{
    (void)source;
    ++*(int *)calls;
    return 0;
}

static int cancel_with_value(struct tw_source *source, void *calls)
{
    ++*(int *)calls;
    return fire(source, 5);
}

static int cancel_with_failure(struct tw_source *source, void *calls)
{
    ++*(int *)calls;
    return fire_failure(source, 6);
}

static int refuse_once(struct tw_source *source, void *calls)
{
    (void)source;
    return ++*(int *)calls == 1 ? -EBUSY : 0;
}

/* --- without a canceller ---------------------------------------------------------------------- */

static void see_cancelled(struct tw_result *result, void *name)
{
    bool cancelled = tw_failure_is(tw_result_failure(result), &TW_ERROR_CANCELLED);
    trace("%s:%s ", (const char *)name, cancelled ? "cancelled" : "?");
    tw_result_set(result, NULL, NULL);
}

/* CAN-001: cancel fails an unfired Deferred with TW_ERROR_CANCELLED at once; an errback may handle
 * it like any failure (CAN-023). */
TEST(CAN_001_cancel_without_canceller_fails_at_once)
{
    struct pair a = make();
    tw_deferred_add_both(a.deferred, see_cancelled, "a", destroy_name);
    tw_deferred_add_callback(a.deferred, see, "b", NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    TRACED("a:cancelled ~a b=0 ");
    drop(&a);
}

/* CAN-002, CAN-003, CAN-005: one firing that comes too late is swallowed, its value destroyed, its
 * failure not reported; the next is refused. */
TEST(CAN_002_one_late_firing_is_swallowed)
{
    int way;
    for (way = 0; way < 3; way++) {
        struct pair a = make();
        struct tw_result result = TW_RESULT_INIT;
        int destroyed = 0;
        settle(a.deferred, "a");
        CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
        TRACED("a!125 ");
        tw_result_set(&result, &destroyed, count_destroy);
        if (way == 0)
            CU_ASSERT_EQUAL(tw_source_callback(a.source, &destroyed, count_destroy), 0);
        if (way == 1)
            CU_ASSERT_EQUAL(fire_failure(a.source, 7), 0);
        if (way == 2)
            CU_ASSERT_EQUAL(tw_source_fire(a.source, &result), 0);
        CU_ASSERT_EQUAL(destroyed, way == 1 ? 0 : 1);
        CU_ASSERT_EQUAL(fire(a.source, 1), -EALREADY);
        tw_result_done(&result);
        watch(a.deferred, "end");
        TRACED("end=0 ");
        drop(&a);
    }
}

/* CAN-004, CAN-006: another cancel does nothing, and does not renew the allowance. */
TEST(CAN_004_second_cancel_does_not_renew_the_allowance)
{
    struct pair a = make();
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 1), -EALREADY);
    TRACED("a!125 ");
    drop(&a);
}

/* A cancelled Deferred may go before its producer is done. */
TEST(late_firing_of_one_that_is_gone)
{
    struct pair a = make();
    int destroyed = 0;
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    a.deferred = tw_deferred_unref(a.deferred);
    CU_ASSERT_EQUAL(tw_source_callback(a.source, &destroyed, count_destroy), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    TRACED("a!125 ");
    drop(&a);
}

/* --- with a canceller ------------------------------------------------------------------------- */

/* CAN-007, CAN-009, CAN-010: the canceller is called once; if it does not fire, TW_ERROR_CANCELLED
 * is the outcome; nothing is swallowed then. */
TEST(CAN_009_canceller_that_does_not_fire)
{
    int calls = 0;
    struct pair a = make_cancellable(cancel_nothing, &calls);
    tw_deferred_add_both(a.deferred, see_cancelled, "a", NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(calls, 1);
    TRACED("a:cancelled ");
    CU_ASSERT_EQUAL(fire(a.source, 1), -EALREADY);
    drop(&a);
}

/* CAN-008, CAN-010: if it fires, that is the outcome. */
TEST(CAN_008_canceller_that_fires_decides)
{
    int calls = 0;
    struct pair a = make_cancellable(cancel_with_value, &calls);
    struct pair b = make_cancellable(cancel_with_failure, &calls);
    settle(a.deferred, "a");
    settle(b.deferred, "b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(b.deferred), 0);
    TRACED("a=5 b!6 ");
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(fire(a.source, 1), -EALREADY);
    CU_ASSERT_EQUAL(fire_failure(b.source, 1), -EALREADY);
    drop(&a);
    drop(&b);
}

/* CAN-012: what a canceller answers that refuses comes out of cancel; the Deferred is as it was,
 * and a second cancel asks again. */
TEST(CAN_012_canceller_may_refuse)
{
    int calls = 0;
    struct pair a = make_cancellable(refuse_once, &calls);
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), -EBUSY);
    CU_ASSERT_FALSE(tw_deferred_is_called(a.deferred));
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(calls, 2);
    TRACED("a!125 ");
    drop(&a);
}

/* CAN-012: one that has refused may fire later. */
TEST(CAN_012_refused_one_is_fired_as_usual)
{
    int calls = 0;
    struct pair a = make_cancellable(refuse_once, &calls);
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), -EBUSY);
    CU_ASSERT_EQUAL(fire(a.source, 3), 0);
    TRACED("a=3 ");
    drop(&a);
    CU_ASSERT_EQUAL(calls, 1);
}

static int cancel_again(struct tw_source *source, void *deferred)
{
    (void)source;
    trace("canceller ");
    PROVOKE_ERROR(tw_deferred_cancel(*(struct tw_deferred **)deferred), -EDEADLK);
    return 0;
}

/* CAN-013: a cancel from inside the canceller is refused (differs on purpose: Twisted's runs
 * away). */
TEST(CAN_013_cancel_inside_the_canceller_is_refused)
{
    struct tw_deferred *self;
    struct pair a = make_cancellable(cancel_again, &self);
    self = a.deferred;
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    TRACED("canceller a!125 ");
    drop(&a);
}

static int drop_the_source(struct tw_source *source, void *held)
{
    struct tw_source **mine = (struct tw_source **)held;
    CU_ASSERT_PTR_EQUAL(source, *mine);
    *mine = tw_source_unref(*mine);
    return 0;
}

static int drop_the_handle(struct tw_source *source, void *held)
{
    struct tw_deferred **mine = (struct tw_deferred **)held;
    (void)source;
    *mine = tw_deferred_unref(*mine);
    return 0;
}

/* A canceller may let go of the source, or of the handle, it is called about: it is cancelled all
 * the same. */
TEST(canceller_may_let_go_of_either_side)
{
    struct tw_source *source = NULL;
    struct tw_deferred *deferred = NULL;
    struct pair a = make_cancellable(drop_the_source, &source);
    struct pair b = make_cancellable(drop_the_handle, &deferred);
    source = a.source;
    deferred = b.deferred;
    settle(a.deferred, "a");
    settle(b.deferred, "b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    TRACED("a!125 ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(b.deferred), 0);
    TRACED("b!125 ");
    tw_deferred_unref(a.deferred);
    tw_source_unref(b.source);
}

/* --- fired already ---------------------------------------------------------------------------- */

/* CAN-014: cancel on a fired Deferred that waits for nothing does nothing. */
TEST(CAN_014_cancel_after_firing_does_nothing)
{
    int calls = 0;
    struct pair a = make_cancellable(cancel_nothing, &calls), b = make();
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(fire_failure(b.source, 2), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(b.deferred), 0);
    CU_ASSERT_EQUAL(calls, 0);
    settle(a.deferred, "a");
    settle(b.deferred, "b");
    TRACED("a=1 b!2 ");
    CU_ASSERT_EQUAL(fire(a.source, 1), -EALREADY);
    drop(&a);
    drop(&b);
}

static void cancel_it(struct tw_result *result, void *deferred)
{
    write_result(result, "cancel");
    CU_ASSERT_EQUAL(tw_deferred_cancel((struct tw_deferred *)deferred), 0);
}

/* CAN-018: cancel from inside the Deferred's own callback does nothing. */
TEST(CAN_018_cancel_inside_a_callback_does_nothing)
{
    int calls = 0;
    struct pair a = make_cancellable(cancel_nothing, &calls);
    tw_deferred_add_both(a.deferred, cancel_it, a.deferred, NULL);
    watch(a.deferred, "end");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("cancel=1 end=1 ");
    CU_ASSERT_EQUAL(calls, 0);
    drop(&a);
}

/* CAN-019: nor does it on a fired one that is paused. */
TEST(CAN_019_cancel_of_a_fired_and_paused_one_does_nothing)
{
    struct pair a = make();
    watch(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("a=1 ");
    drop(&a);
}

/* Cancelled while paused, it fails, and its links run in the unpause. */
TEST(cancel_of_a_paused_one_is_seen_in_the_unpause)
{
    struct pair a = make();
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(a.deferred));
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("a!125 ");
    drop(&a);
}

/* --- forwarded -------------------------------------------------------------------------------- */

static void wait_for(struct pair *outer, struct pair *inner)
{
    tw_deferred_add_callback(outer->deferred, give_deferred, inner->deferred, NULL);
    CU_ASSERT_EQUAL(fire(outer->source, 1), 0);
}

/* CAN-015, CAN-016: cancel goes down to the one that is really pending; outer's own canceller is
 * not called; what comes of it flows up through every level, each of which may handle it. */
TEST(CAN_015_cancel_is_forwarded_inward)
{
    int outer_calls = 0, inner_calls = 0;
    struct pair outer = make_cancellable(cancel_nothing, &outer_calls), middle = make();
    struct pair inner = make_cancellable(cancel_with_failure, &inner_calls);
    wait_for(&middle, &inner);
    wait_for(&outer, &middle);
    watch(middle.deferred, "middle");
    settle(outer.deferred, "outer");
    tw_deferred_add_callback(outer.deferred, see, "end", NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outer.deferred), 0);
    CU_ASSERT_EQUAL(outer_calls, 0);
    CU_ASSERT_EQUAL(inner_calls, 1);
    /* what was attached to middle after outer runs behind it */
    TRACED("outer!6 end=0 middle=0 ");
    drop(&outer);
    drop(&middle);
    drop(&inner);
}

/* CAN-016: a link of the middle one that handles it turns outer's outcome into a success. */
TEST(CAN_016_middle_may_handle_the_cancel)
{
    struct pair outer = make(), middle = make(), inner = make();
    wait_for(&middle, &inner);
    settle(middle.deferred, "middle");
    wait_for(&outer, &middle);
    watch(outer.deferred, "outer");
    CU_ASSERT_EQUAL(tw_deferred_cancel(outer.deferred), 0);
    TRACED("middle!125 outer=0 ");
    /* CAN-017: the late firing swallowed is that of the one that was really cancelled */
    CU_ASSERT_EQUAL(fire(outer.source, 1), -EALREADY);
    CU_ASSERT_EQUAL(fire(middle.source, 1), -EALREADY);
    CU_ASSERT_EQUAL(fire(inner.source, 1), 0);
    CU_ASSERT_EQUAL(fire(inner.source, 1), -EALREADY);
    drop(&outer);
    drop(&middle);
    drop(&inner);
}

/* A refusal comes out of the outer cancel, and outer goes on waiting. */
TEST(CAN_015_refusal_of_the_inner_comes_out)
{
    int calls = 0;
    struct pair outer = make(), inner = make_cancellable(refuse_once, &calls);
    wait_for(&outer, &inner);
    watch(outer.deferred, "outer");
    CU_ASSERT_EQUAL(tw_deferred_cancel(outer.deferred), -EBUSY);
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outer.deferred), inner.deferred);
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("outer=2 ");
    drop(&outer);
    drop(&inner);
}

/* DEF-094: the inner canceller is reached though only the waiting outer holds inner. */
TEST(DEF_094_cancel_reaches_an_inner_nobody_else_holds)
{
    int calls = 0;
    struct pair outer = make(), inner = make_cancellable(cancel_with_value, &calls);
    wait_for(&outer, &inner);
    watch(outer.deferred, "outer");
    inner.deferred = tw_deferred_unref(inner.deferred);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outer.deferred), 0);
    CU_ASSERT_EQUAL(calls, 1);
    TRACED("outer=5 ");
    drop(&outer);
    drop(&inner);
}

/* An outer that is paused as well forwards cancel too: it waits. */
TEST(cancel_of_a_paused_waiting_one_is_forwarded)
{
    struct pair outer = make(), inner = make();
    wait_for(&outer, &inner);
    settle(outer.deferred, "outer");
    CU_ASSERT_EQUAL(tw_deferred_pause(outer.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outer.deferred), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(inner.deferred));
    CU_ASSERT_EQUAL(tw_deferred_unpause(outer.deferred), 0);
    TRACED("outer!125 ");
    drop(&outer);
    drop(&inner);
}

/* There is nothing to cancel without a Deferred. */
TEST(cancel_of_null_is_refused)
{
    PROVOKE(tw_deferred_cancel(NULL));
}
