/*
 * Deferreds that wait for one another: a callback that leaves a Deferred, and explicit chains.
 */
#include "trace.h"

SUITE("chaining")

/* outer waits for inner; both pairs are made here. */
static void make_waiting(struct pair *outer, struct pair *inner)
{
    *outer = make();
    *inner = make();
    tw_deferred_add_callback(outer->deferred, give_deferred, inner->deferred, NULL);
    CU_ASSERT_EQUAL(fire(outer->source, 1), 0);
}

static void drop_both(struct pair *outer, struct pair *inner)
{
    drop(outer);
    drop(inner);
}

/* --- a callback leaves a Deferred ------------------------------------------------------------- */

/* DEF-005: the canceller's argument is gone by the time its Deferred waits for another. */
TEST(DEF_005_canceller_is_dropped_before_waiting)
{
    struct pair inner = make(), outer;
    int destroyed = 0;
    tw_deferred_new(NULL, &destroyed, count_destroy, &outer.source, &outer.deferred);
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(fire(inner.source, 1), 0);
    drop_both(&outer, &inner);
}

/* DEF-070, DEF-082: outer's links wait until inner has a result, and outer knows for whom. */
TEST(DEF_070_outer_waits_for_inner)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    watch(outer.deferred, "outer");
    TRACED("");
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outer.deferred), inner.deferred);
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(inner.deferred));
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("outer=2 ");
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(outer.deferred));
    drop_both(&outer, &inner);
}

/* DEF-071, DEF-072, DEF-073: outer resumes where it attached: behind inner's links of that time,
 * with what they had reached; inner's later links see null. */
TEST(DEF_071_outer_resumes_where_it_attached)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(inner.deferred, add_one, "before", NULL);
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    watch(outer.deferred, "outer1");
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    watch(inner.deferred, "after");
    watch(outer.deferred, "outer2");
    CU_ASSERT_EQUAL(fire(inner.source, 5), 0);
    TRACED("before=5 outer1=6 outer2=6 after=0 ");
    drop_both(&outer, &inner);
}

/* DEF-073, DEF-079: the failure handed over is outer's: inner's later links see null, on the
 * callback side. */
TEST(DEF_073_failure_is_handed_over)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    settle(outer.deferred, "outer");
    tw_deferred_add_callbacks(inner.deferred, see, go_wrong, "inner", NULL);
    CU_ASSERT_EQUAL(fire_failure(inner.source, 7), 0);
    TRACED("outer!7 inner=0 ");
    drop_both(&outer, &inner);
}

/* DEF-074: an inner that has its result gives it at once, and outer goes on in the same pass. */
TEST(DEF_074_fired_inner_gives_its_result_at_once)
{
    int with_failure;
    for (with_failure = 0; with_failure < 2; with_failure++) {
        struct pair outer = make(), inner = make();
        CU_ASSERT_EQUAL(with_failure ? fire_failure(inner.source, 7) : fire(inner.source, 7), 0);
        tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
        settle(outer.deferred, "outer");
        CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
        TRACED(with_failure ? "outer!7 " : "outer=7 ");
        watch(inner.deferred, "inner");
        TRACED("inner=0 ");
        drop_both(&outer, &inner);
    }
}

/* DEF-056: an errback may leave a Deferred too. */
TEST(DEF_056_errback_may_leave_a_deferred)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_errback(outer.deferred, give_deferred, inner.deferred, NULL);
    tw_deferred_add_callback(outer.deferred, see, "outer", NULL);
    CU_ASSERT_EQUAL(fire_failure(outer.source, 7), 0);
    CU_ASSERT_EQUAL(fire(inner.source, 3), 0);
    TRACED("outer=3 ");
    drop_both(&outer, &inner);
}

/* A link on a waiting Deferred is only appended (DEF-021). */
TEST(DEF_021_link_on_a_waiting_one_is_appended)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    watch(outer.deferred, "1");
    watch(outer.deferred, "2");
    TRACED("");
    CU_ASSERT_EQUAL(fire(inner.source, 3), 0);
    TRACED("1=3 2=3 ");
    drop_both(&outer, &inner);
}

/* DEF-075: for an inner that is fired but paused, outer waits. */
TEST(DEF_075_outer_waits_for_a_paused_inner)
{
    struct pair outer = make(), inner = make();
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(inner.deferred), 0);
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    watch(outer.deferred, "outer");
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(inner.deferred), 0);
    TRACED("outer=2 ");
    drop_both(&outer, &inner);
}

/* DEF-076, DEF-077: waiting is transitive; the links of the middle one run before outer gets
 * anything. */
TEST(DEF_076_waiting_is_transitive)
{
    struct pair outer = make(), middle, inner;
    make_waiting(&middle, &inner);
    tw_deferred_add_callback(middle.deferred, add_one, "middle", NULL);
    tw_deferred_add_callback(outer.deferred, give_deferred, middle.deferred, NULL);
    watch(outer.deferred, "outer");
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outer.deferred), middle.deferred);
    watch(middle.deferred, "later");
    CU_ASSERT_EQUAL(fire(inner.source, 5), 0);
    TRACED("middle=5 outer=6 later=0 ");
    drop(&outer);
    drop_both(&middle, &inner);
}

/* DEF-078: of two that wait for one, the first to attach gets the value, the second null. */
TEST(DEF_078_first_to_attach_gets_the_value)
{
    struct pair first, second = make(), inner;
    make_waiting(&first, &inner);
    tw_deferred_add_callback(second.deferred, give_deferred, inner.deferred, NULL);
    CU_ASSERT_EQUAL(fire(second.source, 1), 0);
    watch(second.deferred, "second");
    watch(first.deferred, "first");
    CU_ASSERT_EQUAL(fire(inner.source, 4), 0);
    TRACED("first=4 second=0 ");
    drop(&second);
    drop_both(&first, &inner);
}

/* DEF-083, DEF-084: waiting is no pause of the user's: to unpause a waiting outer by hand is
 * refused (differs on purpose), and a pause of its own adds to the waiting. */
TEST(DEF_084_waiting_cannot_be_unpaused_by_hand)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    watch(outer.deferred, "outer");
    PROVOKE(tw_deferred_unpause(outer.deferred));
    CU_ASSERT_EQUAL(tw_deferred_pause(outer.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_unpause(outer.deferred), 0);
    TRACED("");
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outer.deferred), inner.deferred);
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("outer=2 ");
    drop_both(&outer, &inner);
}

/* DEF-085: a paused outer takes the value and stays put; inner's links behind it run all the same
 * (differs on purpose), and outer's in the unpause. */
TEST(DEF_085_paused_outer_takes_the_value_and_stays)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    watch(outer.deferred, "outer");
    watch(inner.deferred, "behind");
    CU_ASSERT_EQUAL(tw_deferred_pause(outer.deferred), 0);
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("behind=0 ");
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(outer.deferred));
    watch(inner.deferred, "later"); /* DEF-087 */
    TRACED("later=0 ");
    CU_ASSERT_EQUAL(tw_deferred_unpause(outer.deferred), 0);
    TRACED("outer=2 ");
    drop_both(&outer, &inner);
}

/* DEF-086: a second outer behind a paused first one is not stuck (differs on purpose). */
TEST(DEF_086_second_outer_is_not_held_up_by_a_paused_first)
{
    struct pair first, second = make(), inner;
    make_waiting(&first, &inner);
    watch(first.deferred, "first");
    tw_deferred_add_callback(second.deferred, give_deferred, inner.deferred, NULL);
    watch(second.deferred, "second");
    CU_ASSERT_EQUAL(fire(second.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(first.deferred), 0);
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("second=0 ");
    CU_ASSERT_EQUAL(tw_deferred_unpause(first.deferred), 0);
    TRACED("first=2 ");
    drop(&second);
    drop_both(&first, &inner);
}

struct taker {
    struct tw_deferred *outer, *inner;
};

static void let_outer_take(struct tw_result *result, void *arg)
{
    struct taker *taker = (struct taker *)arg;
    write_result(result, "running");
    tw_deferred_add_callback(taker->outer, give_deferred, taker->inner, NULL);
    watch(taker->outer, "outer");
    tw_result_set(result, VALUE(8), NULL);
}

/* DEF-088: an outer made to wait for a Deferred that is running one of its callbacks waits like
 * any other, behind the links there are (differs on purpose: Twisted's takes the value at once, and
 * in C that would be from under the running callback's hands). */
TEST(DEF_088_running_inner_is_waited_for)
{
    struct pair outer = make(), inner = make();
    struct taker taker = {outer.deferred, inner.deferred};
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    tw_deferred_add_both(inner.deferred, let_outer_take, &taker, NULL);
    watch(inner.deferred, "after");
    CU_ASSERT_EQUAL(fire(inner.source, 5), 0);
    TRACED("running=5 after=8 outer=8 ");
    drop_both(&outer, &inner);
}

/* --- cycles ----------------------------------------------------------------------------------- */

static void see_cycle(struct tw_result *result, void *name)
{
    bool cycle = tw_failure_is(tw_result_failure(result), &TW_ERROR_CYCLE);
    trace("%s:%s ", (const char *)name, cycle ? "cycle" : "?");
    tw_result_set(result, NULL, NULL);
}

/* DEF-089: a callback that leaves its own Deferred is refused with a failure (differs on
 * purpose: Twisted waits for ever). */
TEST(DEF_089_waiting_for_itself_is_refused)
{
    struct pair a = make();
    tw_deferred_add_callback(a.deferred, give_deferred, a.deferred, NULL);
    tw_deferred_add_both(a.deferred, see_cycle, "a", NULL);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("a:cycle ");
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(a.deferred));
    drop(&a);
}

/* DEF-091: so is a longer cycle, in the one that would close it; the others get its outcome. */
TEST(DEF_091_longer_cycle_is_refused)
{
    struct pair a = make(), b = make(), c = make();
    tw_deferred_add_callback(a.deferred, give_deferred, b.deferred, NULL);
    tw_deferred_add_callback(b.deferred, give_deferred, c.deferred, NULL);
    tw_deferred_add_callback(c.deferred, give_deferred, a.deferred, NULL);
    watch(a.deferred, "a");
    watch(b.deferred, "b");
    tw_deferred_add_both(c.deferred, see_cycle, "c", NULL);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(fire(b.source, 2), 0);
    TRACED("");
    CU_ASSERT_EQUAL(fire(c.source, 3), 0);
    TRACED("c:cycle b=0 a=0 ");
    drop(&a);
    drop(&b);
    drop(&c);
}

/* --- who keeps whom --------------------------------------------------------------------------- */

/* DEF-092: where nobody holds either and nobody will fire, Twisted's vanish; ours end as
 * abandoned. */
TEST(DEF_092_wait_that_nobody_can_end_is_abandoned)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    tw_deferred_add_both(outer.deferred, handle, "outer", destroy_name);
    tw_deferred_add_both(inner.deferred, see, "inner", destroy_name);
    outer.deferred = tw_deferred_unref(outer.deferred);
    outer.source = tw_source_unref(outer.source);
    inner.deferred = tw_deferred_unref(inner.deferred);
    TRACED("");
    inner.source = tw_source_unref(inner.source);
    TRACED("outer!32 ~outer inner=0 ~inner ");
}

/* DEF-093: a waiting outer nobody holds is kept by inner, and completes. */
TEST(DEF_093_waiting_outer_is_kept_by_inner)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    tw_deferred_add_both(outer.deferred, see, "outer", destroy_name);
    drop(&outer);
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("outer=2 ~outer ");
    drop(&inner);
}

/* DEF-094: an inner nobody else holds is kept by the outer that waits for it. */
TEST(DEF_094_inner_is_kept_by_a_waiting_outer)
{
    struct pair outer, inner;
    make_waiting(&outer, &inner);
    watch(outer.deferred, "outer");
    inner.deferred = tw_deferred_unref(inner.deferred);
    CU_ASSERT_EQUAL(tw_deferred_add_both(tw_deferred_waits_for(outer.deferred), see, "in", NULL),
                    0);
    CU_ASSERT_EQUAL(fire(inner.source, 2), 0);
    TRACED("outer=2 in=0 ");
    drop_both(&outer, &inner);
}

static void give_twice(struct tw_result *result, void *deferred)
{
    struct tw_deferred *first;
    CU_ASSERT_EQUAL(tw_deferred_succeed(NULL, NULL, &first), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, first), 0);
    give_deferred(result, deferred);
}

static void give_and_think_again(struct tw_result *result, void *deferred)
{
    give_deferred(result, deferred);
    tw_result_set(result, VALUE(6), NULL);
}

/* A callback may leave another Deferred after all, or a value: the first is let go of. */
TEST(last_thing_left_counts)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(outer.deferred, give_twice, inner.deferred, NULL);
    watch(outer.deferred, "1");
    tw_deferred_add_callback(outer.deferred, give_and_think_again, inner.deferred, NULL);
    watch(outer.deferred, "2");
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    CU_ASSERT_EQUAL(fire(inner.source, 3), 0);
    TRACED("1=3 2=6 ");
    drop_both(&outer, &inner);
}

/* Only the result of a Deferred's callback takes a Deferred; the handle is consumed. */
TEST(result_of_your_own_takes_no_deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_deferred *deferred;
    int destroyed = 0;
    CU_ASSERT_EQUAL(tw_deferred_succeed(&destroyed, count_destroy, &deferred), 0);
    PROVOKE(tw_result_set_deferred(&result, deferred));
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(tw_result_kind(&result), TW_RESULT_VALUE);
}
