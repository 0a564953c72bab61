/*
 * Rules of Deferreds that stand for themselves, each by its number.
 */
#include "trace.h"

SUITE("rules")

/* --- general ---------------------------------------------------------------------------------- */

/* GEN-002: whatever makes a callback due runs it, before it returns: fire, add, unpause, cancel. */
TEST(GEN_002_callbacks_run_inside_the_call)
{
    struct pair fired = make(), paused = make(), cancelled = make();
    watch(fired.deferred, "fire");
    fire(fired.source, 1);
    TRACED("fire=1 ");
    watch(fired.deferred, "add");
    TRACED("add=1 ");
    tw_deferred_pause(paused.deferred);
    fire(paused.source, 2);
    watch(paused.deferred, "unpause");
    TRACED("");
    tw_deferred_unpause(paused.deferred);
    TRACED("unpause=2 ");
    settle(cancelled.deferred, "cancel");
    tw_deferred_cancel(cancelled.deferred);
    CU_ASSERT_EQUAL(strncmp(trace_text, "cancel!", 7), 0);
    trace_clear();
    drop(&fired);
    drop(&paused);
    drop(&cancelled);
}

/* GEN-007: callbacks are first in, first out. */
TEST(GEN_007_first_in_first_out)
{
    struct pair pair = make();
    char names[20][12];
    char expected[256] = "";
    int i;
    for (i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        watch(pair.deferred, names[i]);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%d=7 ", i);
    }
    fire(pair.source, 7);
    TRACED(expected);
    drop(&pair);
}

/* --- links ------------------------------------------------------------------------------------ */

/* DEF-002: called, pauses and what it waits for can be read at any time. */
TEST(DEF_002_state_can_be_read)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    CU_ASSERT_FALSE(tw_deferred_is_called(outer.deferred));
    CU_ASSERT_EQUAL(tw_deferred_pauses(outer.deferred), 0);
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(outer.deferred));
    tw_deferred_pause(outer.deferred);
    tw_deferred_pause(outer.deferred);
    CU_ASSERT_EQUAL(tw_deferred_pauses(outer.deferred), 2);
    tw_deferred_unpause(outer.deferred);
    tw_deferred_unpause(outer.deferred);
    fire(outer.source, 1);
    CU_ASSERT_TRUE(tw_deferred_is_called(outer.deferred));
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outer.deferred), inner.deferred);
    fire(inner.source, 1);
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(outer.deferred));
    CU_ASSERT_TRUE(tw_deferred_is_called(outer.deferred));
    drop(&outer);
    drop(&inner);
}

/* DEF-016: a function is handed the result first, then its own argument. */
TEST(DEF_016_result_and_argument)
{
    struct pair pair = make();
    watch(pair.deferred, "mine");
    fire(pair.source, 3);
    TRACED("mine=3 ");
    drop(&pair);
}

/* DEF-018: what goes wrong in a link that runs inside the add is the Deferred's, not the add's. */
TEST(DEF_018_failure_inside_an_add)
{
    struct pair pair = make();
    fire(pair.source, 1);
    CU_ASSERT_EQUAL(tw_deferred_add_callback(pair.deferred, go_wrong, "link", NULL), 0);
    settle(pair.deferred, "after");
    TRACED("link=1 after!99 ");
    drop(&pair);
}

static void fire_again(struct tw_result *result, void *source)
{
    write_result(result, "once");
    CU_ASSERT_EQUAL(fire((struct tw_source *)source, 9), -EALREADY);
}

/* DEF-022: a link is taken out before it runs: nothing it does makes it run again. */
TEST(DEF_022_link_runs_once)
{
    struct pair pair = make();
    tw_deferred_add_both(pair.deferred, fire_again, pair.source, NULL);
    fire(pair.source, 1);
    tw_deferred_pause(pair.deferred);
    tw_deferred_unpause(pair.deferred);
    watch(pair.deferred, "later");
    TRACED("once=1 later=1 ");
    drop(&pair);
}

/* --- firing ----------------------------------------------------------------------------------- */

static void is_this_failure(struct tw_result *result, void *failure)
{
    CU_ASSERT_PTR_EQUAL(tw_result_failure(result), failure);
    trace("same ");
    tw_result_set(result, NULL, NULL);
}

/* DEF-031: fired with a failure it begins on the errback side, with that same failure. */
TEST(DEF_031_errback_gets_the_same_failure)
{
    struct tw_failure *failure = TW_FAILURE_NEW(NULL, 7, NULL);
    struct pair pair = make();
    tw_deferred_add_callbacks(pair.deferred, see, is_this_failure, failure, NULL);
    CU_ASSERT_EQUAL(tw_source_errback(pair.source, failure), 0);
    TRACED("same ");
    drop(&pair);
    tw_failure_unref(failure);
}

/* DEF-039: a result that comes before anybody asks is kept. */
TEST(DEF_039_result_is_kept)
{
    struct pair pair = make();
    fire(pair.source, 4);
    pair.source = tw_source_unref(pair.source);
    watch(pair.deferred, "late");
    TRACED("late=4 ");
    drop(&pair);
}

/* DEF-040: a paused one may be fired, and counts as called; nothing runs. */
TEST(DEF_040_firing_a_paused_one)
{
    struct pair pair = make();
    watch(pair.deferred, "it");
    tw_deferred_pause(pair.deferred);
    CU_ASSERT_EQUAL(fire(pair.source, 5), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(pair.deferred));
    CU_ASSERT_EQUAL(fire(pair.source, 6), -EALREADY);
    TRACED("");
    tw_deferred_unpause(pair.deferred);
    TRACED("it=5 ");
    drop(&pair);
}

static void is_null_value(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(tw_result_is_ok(result));
    CU_ASSERT_PTR_NULL(tw_result_value(result));
    trace("null ");
}

/* DEF-041: NULL is a value like others, and not "no result yet". */
TEST(DEF_041_null_is_a_value)
{
    struct pair pair = make();
    tw_deferred_add_callback(pair.deferred, is_null_value, NULL, NULL);
    TRACED("");
    CU_ASSERT_EQUAL(tw_source_callback(pair.source, NULL, NULL), 0);
    TRACED("null ");
    drop(&pair);
}

/* --- what a callback leaves ------------------------------------------------------------------- */

/* DEF-050: a value leads to the callback side of the next link. */
TEST(DEF_050_value_leads_on)
{
    struct pair pair = make();
    tw_deferred_add_callback(pair.deferred, add_one, "a", NULL);
    tw_deferred_add_callbacks(pair.deferred, add_one, go_wrong, "b", NULL);
    watch(pair.deferred, "c");
    fire(pair.source, 1);
    TRACED("a=1 b=2 c=3 ");
    drop(&pair);
}

static void leave_failure(struct tw_result *result, void *failure)
{
    tw_result_set_failure(result, (struct tw_failure *)failure);
}

/* DEF-053: a failure that was there already may be left like one made on the spot. */
TEST(DEF_053_failure_as_a_result)
{
    struct tw_failure *failure = TW_FAILURE_NEW(NULL, 7, NULL);
    struct pair pair = make();
    tw_deferred_add_callback(pair.deferred, leave_failure, failure, NULL);
    tw_deferred_add_callbacks(pair.deferred, see, is_this_failure, failure, NULL);
    fire(pair.source, 1);
    TRACED("same ");
    drop(&pair);
    tw_failure_unref(failure);
}

/* DEF-054: an errback that leaves the failure it was handed passes it on. */
TEST(DEF_054_errback_passes_the_same)
{
    struct tw_failure *failure = TW_FAILURE_NEW(NULL, 7, NULL);
    struct pair pair = make();
    tw_deferred_add_errback(pair.deferred, leave_failure, failure, NULL);
    tw_deferred_add_errback(pair.deferred, is_this_failure, failure, NULL);
    tw_source_errback(pair.source, failure);
    TRACED("same ");
    drop(&pair);
    tw_failure_unref(failure);
}

static void set_eight(struct tw_result *result, void *name)
{
    write_result(result, name);
    tw_result_set(result, VALUE(8), NULL);
}

/* DEF-055: anything else an errback leaves leads back to the callback side. */
TEST(DEF_055_errback_leads_back)
{
    struct pair pair = make();
    tw_deferred_add_errback(pair.deferred, set_eight, "a", NULL);
    tw_deferred_add_callbacks(pair.deferred, see, go_wrong, "b", NULL);
    fire_failure(pair.source, 7);
    TRACED("a!7 b=8 ");
    drop(&pair);
}

/* DEF-060: pauses are counted, and callbacks run when the count is back at zero. */
TEST(DEF_060_pauses_are_counted)
{
    struct pair pair = make();
    watch(pair.deferred, "it");
    tw_deferred_pause(pair.deferred);
    tw_deferred_pause(pair.deferred);
    fire(pair.source, 1);
    tw_deferred_unpause(pair.deferred);
    TRACED("");
    tw_deferred_unpause(pair.deferred);
    TRACED("it=1 ");
    drop(&pair);
}

/* --- chains ----------------------------------------------------------------------------------- */

/* DEF-072: the outer one gets what the inner one's links had reached where it attached. */
TEST(DEF_072_value_of_that_point)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(inner.deferred, add_one, "before", NULL);
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    watch(outer.deferred, "outer");
    fire(outer.source, 0);
    tw_deferred_add_callback(inner.deferred, set_eight, "after", NULL);
    fire(inner.source, 5);
    TRACED("before=5 outer=6 after=0 ");
    drop(&outer);
    drop(&inner);
}

/* DEF-077: waiting goes to any depth. */
TEST(DEF_077_waiting_at_any_depth)
{
    struct pair pairs[6];
    int i;
    for (i = 0; i < 6; i++)
        pairs[i] = make();
    for (i = 0; i < 5; i++) {
        tw_deferred_add_callback(pairs[i].deferred, give_deferred, pairs[i + 1].deferred, NULL);
        tw_deferred_add_callback(pairs[i].deferred, add_one, "", NULL);
    }
    for (i = 0; i < 5; i++)
        fire(pairs[i].source, 0);
    TRACED("");
    fire(pairs[5].source, 1);
    TRACED("=1 =2 =3 =4 =5 ");
    for (i = 0; i < 6; i++)
        drop(&pairs[i]);
}

/* DEF-079: a failure handed over is the outer one's: the inner one reports nothing. */
TEST(DEF_079_failure_handed_over_is_not_reported)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    fire(outer.source, 0);
    fire_failure(inner.source, 7);
    drop(&inner);
    CU_ASSERT_EQUAL(harness_reports(), 0);
    settle(outer.deferred, "outer");
    TRACED("outer!7 ");
    drop(&outer);
}

static void waits_for_nothing(struct tw_result *result, void *pair)
{
    write_result(result, "outer");
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(((struct pair *)pair)->deferred));
}

/* DEF-082: what it waits for is recorded, and the record gone when it runs again. */
TEST(DEF_082_record_is_cleared)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    tw_deferred_add_both(outer.deferred, waits_for_nothing, &outer, NULL);
    fire(outer.source, 0);
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outer.deferred), inner.deferred);
    fire(inner.source, 2);
    TRACED("outer=2 ");
    drop(&outer);
    drop(&inner);
}

/* DEF-087: links added to the inner one after a paused outer one has taken its value run at once,
 * and see null. */
TEST(DEF_087_inner_goes_on_with_null)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    fire(outer.source, 0);
    tw_deferred_pause(outer.deferred);
    fire(inner.source, 3);
    watch(inner.deferred, "inner");
    TRACED("inner=0 ");
    tw_deferred_unpause(outer.deferred);
    watch(outer.deferred, "outer");
    TRACED("outer=3 ");
    drop(&outer);
    drop(&inner);
}

/* DEF-101: after an explicit chain the first holds null, also where it was a failure. */
TEST(DEF_101_null_after_the_chain)
{
    struct pair from = make(), to = make();
    tw_deferred_chain(from.deferred, tw_source_ref(to.source));
    watch(from.deferred, "from");
    settle(to.deferred, "to");
    fire_failure(from.source, 7);
    TRACED("to!7 from=0 ");
    drop(&from);
    drop(&to);
}

/* --- reports ---------------------------------------------------------------------------------- */

/* DEF-111, DEF-112 in C: one report, of its own level, with a sentence and the failure. */
TEST(DEF_111_one_report)
{
    struct pair pair = make();
    fire_failure(pair.source, 7);
    drop(&pair);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "not handled"));
}

/* DEF-114: nothing is reported while it is alive, however long the failure waits. */
TEST(DEF_114_no_report_while_it_lives)
{
    struct pair pair = make();
    int i;
    fire_failure(pair.source, 7);
    for (i = 0; i < 100; i++)
        tw_deferred_add_both(pair.deferred, see, "", NULL);
    CU_ASSERT_EQUAL(harness_reports(), 0);
    trace_clear();
    settle(pair.deferred, "it");
    TRACED("it!7 ");
    drop(&pair);
}
