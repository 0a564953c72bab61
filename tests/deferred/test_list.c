/*
 * A Deferred for several: when it fires, with what, and what it leaves in its children.
 */
#include "trace.h"

SUITE("deferred list")

/* Writes what a list fired with: "[1 !7 -]" are a value, a failure, and a child that has not come;
 * "[- 2]*1" says that child 1 fired it. A failure of the list is written "!FIRST:index". */
static void show(struct tw_result *result, void *arg)
{
    struct tw_outcomes *outcomes = (struct tw_outcomes *)tw_result_value(result);
    size_t i, winner;
    (void)arg;
    if (tw_result_is_failure(result)) {
        struct tw_failure *failure = tw_result_failure(result);
        trace("!%s:%d ", tw_failure_is(failure, &TW_ERROR_FIRST_ERROR) ? "FIRST" : "?",
              tw_failure_code(failure));
        tw_result_set(result, NULL, NULL);
        return;
    }
    trace("[");
    for (i = 0; i < tw_outcomes_count(outcomes); i++) {
        struct tw_result *one = tw_outcomes_at(outcomes, i);
        if (!tw_outcomes_has(outcomes, i))
            trace("%s-", i ? " " : "");
        else if (tw_result_is_failure(one))
            trace("%s!%d", i ? " " : "", tw_failure_code(tw_result_failure(one)));
        else
            trace("%s%d", i ? " " : "", NUMBER(tw_result_value(one)));
    }
    winner = tw_outcomes_winner(outcomes);
    trace(winner == TW_LIST_NONE ? "] " : "]*%zu ", winner);
}

enum { COUNT = 3 };
static struct pair child[COUNT];
static struct tw_deferred *array[COUNT];

static void make_children(void)
{
    int i;
    for (i = 0; i < COUNT; i++) {
        child[i] = make();
        array[i] = child[i].deferred;
    }
}

static struct tw_deferred *make_list(size_t count, unsigned flags)
{
    struct tw_deferred *list = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_list_new(array, count, flags, &list), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(list, show, NULL, NULL), 0);
    return list;
}

/* Lets the children go; those that hold a failure are handled first. */
static void drop_children(void)
{
    int i;
    for (i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(tw_deferred_add_both(child[i].deferred, handle, "child", NULL), 0);
        drop(&child[i]);
    }
    trace_clear();
}

/* --- the default ------------------------------------------------------------------------------ */

/* DLS-001, DLS-002, DLS-003: it fires when every child has passed its link, with the outcomes in
 * the order given, whatever the order they came in; failures do not fail it. */
TEST(DLS_002_fires_with_every_outcome_in_order)
{
    struct tw_deferred *list;
    make_children();
    list = make_list(COUNT, 0);
    CU_ASSERT_EQUAL(fire(child[2].source, 3), 0);
    CU_ASSERT_EQUAL(fire_failure(child[1].source, 7), 0);
    TRACED("");
    CU_ASSERT_EQUAL(fire(child[0].source, 1), 0);
    TRACED("[1 !7 3] ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-004: what counts is the child's result at the point of its link. */
TEST(DLS_004_takes_what_the_child_has_reached_by_then)
{
    struct tw_deferred *list;
    make_children();
    tw_deferred_add_callback(child[0].deferred, add_one, "before", NULL);
    list = make_list(1, 0);
    tw_deferred_add_callback(child[0].deferred, see, "after", NULL);
    CU_ASSERT_EQUAL(fire(child[0].source, 1), 0);
    TRACED("before=1 [2] after=0 "); /* DLS-018 in C: the list has the value now */
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-005: children that have fired are counted at once. */
TEST(DLS_005_fired_children_count_at_once)
{
    struct tw_deferred *list;
    int i;
    make_children();
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(fire(child[i].source, i), 0);
    CU_ASSERT_EQUAL(tw_deferred_list_new(array, COUNT, 0, &list), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(list));
    tw_deferred_add_both(list, show, NULL, NULL);
    TRACED("[0 1 2] ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-006, DLS-008: without children it fires at once. */
TEST(DLS_006_empty_list_fires_at_once)
{
    struct tw_deferred *list = make_list(0, 0);
    TRACED("[] ");
    tw_deferred_unref(list);
    list = make_list(0, TW_LIST_FIRE_ON_ONE_ERRBACK);
    TRACED("[] ");
    tw_deferred_unref(list);
}

/* DLS-007: but with fire-on-one-callback nobody will ever fire it: it is abandoned at once (differs
 * on purpose: in Twisted it waits for ever). */
TEST(DLS_007_empty_list_that_waits_for_one_is_abandoned)
{
    struct tw_deferred *list = NULL;
    CU_ASSERT_EQUAL(tw_deferred_list_new(array, 0, TW_LIST_FIRE_ON_ONE_CALLBACK, &list), 0);
    settle(list, "list");
    TRACED("list!32 ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    tw_deferred_unref(list);
}

/* --- fire on one ------------------------------------------------------------------------------ */

/* DLS-009, DLS-014: the first success fires it, and says which it was; what comes later causes
 * nothing. */
TEST(DLS_009_first_success_fires)
{
    struct tw_deferred *list;
    make_children();
    list = make_list(COUNT, TW_LIST_FIRE_ON_ONE_CALLBACK);
    CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
    TRACED("");
    CU_ASSERT_EQUAL(fire(child[2].source, 3), 0);
    TRACED("[!7 - 3]*2 ");
    CU_ASSERT_EQUAL(fire(child[1].source, 2), 0);
    TRACED("");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-010: if all fail, it succeeds with all the failures. */
TEST(DLS_010_fire_on_one_callback_when_all_fail)
{
    struct tw_deferred *list;
    int i;
    make_children();
    list = make_list(COUNT, TW_LIST_FIRE_ON_ONE_CALLBACK);
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(fire_failure(child[i].source, i + 1), 0);
    TRACED("[!1 !2 !3] ");
    drop_children();
    tw_deferred_unref(list);
}

static void see_cause(struct tw_result *result, void *arg)
{
    struct tw_failure *failure = tw_result_failure(result);
    (void)arg;
    trace("cause %d ", tw_failure_code(tw_failure_cause(failure)));
    CU_ASSERT_TRUE(tw_failure_is(failure, &TW_ERROR));
}

/* DLS-011, DLS-027: the first failure fails it, with the child's failure as its cause and the
 * index as its code. */
TEST(DLS_011_first_failure_fails)
{
    struct tw_deferred *list = NULL;
    make_children();
    CU_ASSERT_EQUAL(tw_deferred_list_new(array, COUNT, TW_LIST_FIRE_ON_ONE_ERRBACK, &list), 0);
    tw_deferred_add_both(list, see_cause, NULL, NULL);
    tw_deferred_add_both(list, show, NULL, NULL);
    CU_ASSERT_EQUAL(fire(child[0].source, 1), 0);
    CU_ASSERT_EQUAL(fire_failure(child[1].source, 7), 0);
    TRACED("cause 7 !FIRST:1 ");
    CU_ASSERT_EQUAL(fire_failure(child[2].source, 8), 0);
    TRACED("");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-012: if all succeed, it has them all. */
TEST(DLS_012_fire_on_one_errback_when_all_succeed)
{
    struct tw_deferred *list;
    int i;
    make_children();
    list = make_list(COUNT, TW_LIST_FIRE_ON_ONE_ERRBACK);
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(fire(child[i].source, i + 1), 0);
    TRACED("[1 2 3] ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-013: with both flags whichever comes first decides. */
TEST(DLS_013_both_flags)
{
    int with_failure;
    for (with_failure = 0; with_failure < 2; with_failure++) {
        struct tw_deferred *list;
        make_children();
        list = make_list(COUNT, TW_LIST_FIRE_ON_ONE_CALLBACK | TW_LIST_FIRE_ON_ONE_ERRBACK);
        CU_ASSERT_EQUAL(with_failure ? fire_failure(child[1].source, 7) : fire(child[1].source, 7),
                        0);
        TRACED(with_failure ? "!FIRST:1 " : "[- 7 -]*1 ");
        fire(child[0].source, 1);
        fire_failure(child[2].source, 1);
        TRACED("");
        drop_children();
        tw_deferred_unref(list);
    }
}

/* --- what stays in a child -------------------------------------------------------------------- */

/* DLS-015, DEF-119: a child keeps its failure too, the same object; unhandled it is reported by
 * the child, and not by a list that succeeded. */
TEST(DLS_015_failure_stays_in_the_child)
{
    struct tw_deferred *list;
    make_children();
    list = make_list(1, 0);
    CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
    TRACED("[!7] ");
    drop(&child[0]);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    tw_deferred_unref(list);
    child[0] = make();
    fire(child[0].source, 0);
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop_children();
}

/* DEF-119: a list that failed because of a child reports as well, each once. */
TEST(DEF_119_child_and_list_each_report)
{
    struct tw_deferred *list = NULL;
    make_children();
    CU_ASSERT_EQUAL(tw_deferred_list_new(array, 1, TW_LIST_FIRE_ON_ONE_ERRBACK, &list), 0);
    CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
    CU_ASSERT_EQUAL(harness_reports(), 0);
    tw_deferred_unref(list);
    CU_ASSERT_EQUAL(harness_reports(), 1);
    CU_ASSERT_PTR_EQUAL(harness_report(0)->kind, &TW_ERROR_FIRST_ERROR);
    drop(&child[0]);
    CU_ASSERT_EQUAL(harness_reports(), 2);
    CU_ASSERT_EQUAL(harness_report(1)->code, 7);
    EXPECT_REPORTS(2);
    child[0] = make();
    fire(child[0].source, 0);
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop_children();
}

/* DLS-016, DLS-017: told to consume errors it leaves null in the child, and delivers the same. */
TEST(DLS_016_consume_errors_leaves_null)
{
    unsigned flags;
    for (flags = 0; flags <= TW_LIST_FIRE_ON_ONE_ERRBACK; flags += TW_LIST_FIRE_ON_ONE_ERRBACK) {
        struct tw_deferred *list;
        make_children();
        list = make_list(COUNT, flags | TW_LIST_CONSUME_ERRORS);
        CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
        TRACED(flags ? "!FIRST:0 " : "");
        watch(child[0].deferred, "child");
        TRACED("child=0 ");
        CU_ASSERT_EQUAL(fire_failure(child[1].source, 8), 0);
        CU_ASSERT_EQUAL(fire(child[2].source, 9), 0);
        TRACED(flags ? "" : "[!7 !8 9] ");
        watch(child[1].deferred, "late"); /* also when the list has fired already */
        TRACED("late=0 ");
        drop_children();
        tw_deferred_unref(list);
    }
}

/* DLS-019: the array is copied. */
TEST(DLS_019_array_is_copied)
{
    struct tw_deferred *list;
    make_children();
    list = make_list(COUNT, 0);
    memset(array, 0, sizeof array);
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    TRACED("[!125 !125 !125] ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-020: the same one may stand in it twice; a value has one owner, so the second slot has
 * null, while a failure is in both. */
TEST(DLS_020_same_child_twice)
{
    struct tw_deferred *list;
    make_children();
    array[1] = array[0];
    list = make_list(2, 0);
    CU_ASSERT_EQUAL(fire(child[0].source, 5), 0);
    TRACED("[5 0] ");
    tw_deferred_unref(list);
    array[1] = array[0] = child[2].deferred;
    list = make_list(2, 0);
    CU_ASSERT_EQUAL(fire_failure(child[2].source, 5), 0);
    TRACED("[!5 !5] ");
    tw_deferred_unref(list);
    fire(child[1].source, 0);
    drop_children();
}

static void take_second(struct tw_result *result, void *ret_value)
{
    struct tw_outcomes *outcomes = (struct tw_outcomes *)tw_result_value(result);
    *(void **)ret_value = tw_result_take(tw_outcomes_at(outcomes, 1), NULL);
    CU_ASSERT_EQUAL(tw_outcomes_count(outcomes), 3);
    CU_ASSERT_PTR_NULL(tw_result_value(tw_outcomes_at(outcomes, 3)));
    CU_ASSERT_FALSE(tw_outcomes_has(outcomes, 3));
}

/* The list owns the values: whoever does not take one out leaves it to be destroyed with the
 * outcomes. */
TEST(values_are_taken_or_destroyed_with_the_outcomes)
{
    int destroyed[COUNT] = {0, 0, 0}, i;
    struct tw_deferred *list = NULL;
    void *taken = NULL;
    make_children();
    CU_ASSERT_EQUAL(tw_deferred_list_new(array, COUNT, 0, &list), 0);
    for (i = 0; i < COUNT; i++)
        tw_source_callback(child[i].source, &destroyed[i], count_destroy);
    drop_children();
    CU_ASSERT_EQUAL(destroyed[0], 0);
    tw_deferred_add_both(list, take_second, &taken, NULL);
    tw_deferred_unref(list);
    CU_ASSERT_PTR_EQUAL(taken, &destroyed[1]);
    CU_ASSERT(destroyed[0] == 1 && destroyed[1] == 0 && destroyed[2] == 1);
}

/* The list keeps its children: the caller may let go of them, and of the list, at once. */
TEST(list_and_children_go_by_themselves)
{
    struct tw_deferred *list;
    int i;
    make_children();
    list = make_list(COUNT, 0);
    for (i = 0; i < COUNT; i++)
        child[i].deferred = tw_deferred_unref(child[i].deferred);
    tw_deferred_unref(list);
    for (i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(fire(child[i].source, i), 0);
        drop(&child[i]);
    }
    TRACED("[0 1 2] ");
}

/* A child whose source goes unfired counts as failed: a list never waits for ever. */
TEST(abandoned_child_counts_as_failed)
{
    struct tw_deferred *list;
    make_children();
    list = make_list(1, TW_LIST_CONSUME_ERRORS);
    child[0].source = tw_source_unref(child[0].source);
    TRACED("[!32] ");
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop_children();
    tw_deferred_unref(list);
}

/* A bad flag, and a child that is NULL, are refused. */
TEST(bad_lists_are_refused)
{
    struct tw_deferred *list = NULL;
    make_children();
    PROVOKE(tw_deferred_list_new(array, COUNT, 64, &list));
    array[1] = NULL;
    PROVOKE(tw_deferred_list_new(array, COUNT, 0, &list));
    CU_ASSERT_PTR_NULL(list);
    fire(child[0].source, 0);
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop_children();
}
