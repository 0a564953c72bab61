/*
 * What a Deferred's callbacks may leave, who destroys it, and pauses.
 */
#include "trace.h"

SUITE("deferred results")

/* --- left ------------------------------------------------------------------------------------- */

/* DEF-051: an errback that sets null has handled the failure (in Twisted: that returns nothing). */
TEST(DEF_051_null_means_handled)
{
    struct pair a = make();
    tw_deferred_add_errback(a.deferred, handle, "a", NULL);
    tw_deferred_add_callback(a.deferred, see, "b", NULL);
    CU_ASSERT_EQUAL(fire_failure(a.source, 7), 0);
    TRACED("a!7 b=0 ");
    drop(&a);
}

/* R3: an errback that sets nothing leaves the failure standing. */
TEST(R3_errback_that_sets_nothing_passes_the_failure)
{
    struct pair a = make();
    tw_deferred_add_errback(a.deferred, see, "a", NULL);
    tw_deferred_add_callback(a.deferred, see, "never", NULL);
    settle(a.deferred, "b");
    CU_ASSERT_EQUAL(fire_failure(a.source, 7), 0);
    TRACED("a!7 b!7 ");
    drop(&a);
}

/* DEF-050, DEF-052, DEF-053, DEF-055: a value leads to the callback side of the next link, a
 * failure to its errback side, wherever it comes from. */
TEST(DEF_052_what_is_left_chooses_the_next_side)
{
    struct pair a = make();
    tw_deferred_add_callbacks(a.deferred, add_one, see, "1", NULL);
    tw_deferred_add_callbacks(a.deferred, go_wrong, see, "2", NULL);
    tw_deferred_add_callbacks(a.deferred, see, go_wrong, "3", NULL);
    tw_deferred_add_callbacks(a.deferred, see, add_one, "4", NULL);
    tw_deferred_add_callbacks(a.deferred, add_one, see, "5", NULL);
    CU_ASSERT_EQUAL(fire(a.source, 10), 0);
    TRACED("1=10 2=11 3!99 4!99 5=1 ");
    drop(&a);
}

static void take(struct tw_result *result, void *ret_value)
{
    tw_destroy_fn destroy = NULL;
    *(void **)ret_value = tw_result_take(result, &destroy);
    CU_ASSERT(destroy == count_destroy);
}

static void replace_value(struct tw_result *result, void *value)
{
    tw_result_set(result, value, count_destroy);
}

/* R3: a value nobody takes is destroyed once: when it is replaced, or when the last handle goes.
 * Taken, it is not; the next callback sees null. */
TEST(R3_value_is_destroyed_once_or_taken)
{
    struct pair a = make();
    int first = 0, second = 0, third = 0;
    void *taken = NULL;
    CU_ASSERT_EQUAL(tw_source_callback(a.source, &first, count_destroy), 0);
    tw_deferred_add_callback(a.deferred, replace_value, &second, NULL);
    CU_ASSERT_EQUAL(first, 1);
    tw_deferred_add_callback(a.deferred, take, &taken, NULL);
    CU_ASSERT_PTR_EQUAL(taken, &second);
    watch(a.deferred, "after");
    TRACED("after=0 ");
    tw_deferred_add_callback(a.deferred, replace_value, &third, NULL);
    CU_ASSERT_EQUAL(third, 0);
    drop(&a);
    CU_ASSERT_EQUAL(second, 0);
    CU_ASSERT_EQUAL(third, 1);
}

/* The result goes with the last handle, though the source is still held. */
TEST(last_handle_destroys_the_result)
{
    struct pair a = make();
    int destroyed = 0;
    CU_ASSERT_EQUAL(tw_source_callback(a.source, &destroyed, count_destroy), 0);
    a.deferred = tw_deferred_unref(a.deferred);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(fire(a.source, 2), -EALREADY);
    drop(&a);
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* A Deferred without a handle destroys the value it is fired with. */
TEST(value_for_nobody_is_destroyed)
{
    struct pair a = make();
    int destroyed = 0;
    a.deferred = tw_deferred_unref(a.deferred);
    CU_ASSERT_EQUAL(tw_source_callback(a.source, &destroyed, count_destroy), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    drop(&a);
}

/* --- pauses ----------------------------------------------------------------------------------- */

/* DEF-040, DEF-060, DEF-062: a paused Deferred may be fired; its links run in the unpause. */
TEST(DEF_062_unpause_runs_what_is_due)
{
    struct pair a = make();
    watch(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_pauses(a.deferred), 1);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(a.deferred));
    CU_ASSERT_EQUAL(fire(a.source, 2), -EALREADY);
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("a=1 ");
    CU_ASSERT_EQUAL(tw_deferred_pauses(a.deferred), 0);
    drop(&a);
}

/* DEF-021: while it is paused a link is only appended. */
TEST(DEF_021_link_on_a_paused_one_waits)
{
    struct pair a = make();
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    watch(a.deferred, "a");
    watch(a.deferred, "b");
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("a=1 b=1 ");
    drop(&a);
}

/* DEF-061: the unpause of an unfired one does nothing else. */
TEST(DEF_061_unpause_before_firing)
{
    struct pair a = make();
    watch(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("a=1 ");
    drop(&a);
}

/* DEF-063: two pauses need two unpauses. */
TEST(DEF_063_pauses_nest)
{
    struct pair a = make();
    watch(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_pauses(a.deferred), 2);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("a=1 ");
    drop(&a);
}

static void pause_it(struct tw_result *result, void *deferred)
{
    write_result(result, "pause");
    CU_ASSERT_EQUAL(tw_deferred_pause((struct tw_deferred *)deferred), 0);
}

/* DEF-064: a pause from inside its own callback does not stop the pass in progress; it holds for
 * later ones. */
TEST(DEF_064_pause_inside_a_callback_holds_later_passes)
{
    struct pair a = make();
    tw_deferred_add_both(a.deferred, pause_it, a.deferred, NULL);
    watch(a.deferred, "b");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("pause=1 b=1 ");
    watch(a.deferred, "c");
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_unpause(a.deferred), 0);
    TRACED("c=1 ");
    drop(&a);
}

/* DEF-065: an unpause without a pause is refused, and changes nothing (differs on purpose). */
TEST(DEF_065_unpause_without_a_pause_is_refused)
{
    struct pair a = make();
    PROVOKE(tw_deferred_unpause(a.deferred));
    CU_ASSERT_EQUAL(tw_deferred_pauses(a.deferred), 0);
    PROVOKE(tw_deferred_unpause(NULL));
    PROVOKE(tw_deferred_pause(NULL));
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    watch(a.deferred, "a");
    TRACED("a=1 ");
    drop(&a);
}

/* DEF-023: a Deferred that goes while paused destroys the arguments of its links, unrun. */
TEST(DEF_023_links_that_never_run_are_released)
{
    struct pair a = make();
    tw_deferred_add_both(a.deferred, see, "a", destroy_name);
    tw_deferred_add_both(a.deferred, see, "b", destroy_name);
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("");
    drop(&a);
    TRACED("~a ~b ");
}

/* --- short of memory -------------------------------------------------------------------------- */

static void pass(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* Whatever allocation fails, each argument and each value is destroyed once, and firing works. */
SWEEP(nothing_is_lost_when_memory_is_short)
{
    enum { LINKS = 20 };
    struct pair a = {NULL, NULL};
    int value = 0, canceller = 0, args = 0, i;
    int rc = tw_deferred_new(NULL, &canceller, count_destroy, &a.source, &a.deferred);
    if (rc < 0) {
        CU_ASSERT(rc == -ENOMEM && harness_failed_one() && canceller == 1);
        return;
    }
    for (i = 0; i < LINKS; i++) {
        int before = args;
        rc = tw_deferred_add_both(a.deferred, pass, &args, count_destroy);
        CU_ASSERT((rc == 0 && args == before) || (rc == -ENOMEM && args == before + 1));
    }
    CU_ASSERT_EQUAL(tw_source_callback(a.source, &value, count_destroy), 0);
    drop(&a);
    CU_ASSERT_EQUAL(args, LINKS);
    CU_ASSERT_EQUAL(canceller, 1);
    CU_ASSERT_EQUAL(value, 1);
}

/* The same for a Deferred made with its value: out of memory, the value is destroyed at once. */
SWEEP(succeed_destroys_its_value_when_memory_is_short)
{
    struct tw_deferred *made = NULL;
    int value = 0;
    int rc = tw_deferred_succeed(&value, count_destroy, &made);
    CU_ASSERT((rc == 0 && value == 0) || (rc == -ENOMEM && value == 1 && harness_failed_one()));
    tw_deferred_unref(made);
    CU_ASSERT_EQUAL(value, 1);
}
