/*
 * gather: all the values, or the first failure; and what a FirstError says.
 */
#include "trace.h"

SUITE("gather")

enum { COUNT = 3 };

static struct pair child[COUNT];
static struct tw_deferred *array[COUNT];

static void make_children(tw_canceller_fn canceller)
{
    int i;
    for (i = 0; i < COUNT; i++) {
        child[i] = make_cancellable(canceller, NULL);
        array[i] = child[i].deferred;
    }
}

/* "1 2 3 " for values; "first 1 of 7 " if child 1 was the first to fail, with the code 7. */
static void show(struct tw_result *result, void *arg)
{
    struct tw_outcomes *outcomes = (struct tw_outcomes *)tw_result_value(result);
    struct tw_failure *failure = tw_result_failure(result);
    size_t i;
    (void)arg;
    if (tw_failure_is(failure, &TW_ERROR_FIRST_ERROR))
        trace("first %d of %d ", tw_failure_code(failure),
              tw_failure_code(tw_failure_cause(failure)));
    for (i = 0; i < tw_outcomes_count(outcomes); i++)
        trace("%d ", NUMBER(tw_result_value(tw_outcomes_at(outcomes, i))));
    tw_result_set(result, NULL, NULL);
}

static struct tw_deferred *gather(size_t count, unsigned flags)
{
    struct tw_deferred *all = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_gather(array, count, flags, &all), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(all, show, NULL, NULL), 0);
    return all;
}

static void drop_all(struct tw_deferred *all)
{
    int i;
    tw_deferred_unref(all);
    for (i = 0; i < COUNT; i++) {
        settle(child[i].deferred, "child");
        drop(&child[i]);
    }
    trace_clear();
}

/* GAT-001: it succeeds with the values in the order given. */
TEST(GAT_001_values_in_order)
{
    struct tw_deferred *all;
    make_children(NULL);
    all = gather(COUNT, 0);
    fire(child[2].source, 3);
    fire(child[0].source, 1);
    TRACED("");
    fire(child[1].source, 2);
    TRACED("1 2 3 ");
    drop_all(all);
}

/* GAT-002: it fails at the first failure, and says whose it was and which. */
TEST(GAT_002_first_failure)
{
    struct tw_deferred *all;
    make_children(NULL);
    all = gather(COUNT, 0);
    fire(child[0].source, 1);
    fire_failure(child[1].source, 7);
    TRACED("first 1 of 7 ");
    fire_failure(child[2].source, 8);
    TRACED("");
    drop_all(all);
}

/* GAT-003: a child keeps its failure, unless errors are consumed. */
TEST(GAT_003_consume_errors)
{
    struct tw_deferred *all;
    int consume;
    for (consume = 0; consume < 2; consume++) {
        make_children(NULL);
        all = gather(COUNT, consume ? TW_LIST_CONSUME_ERRORS : 0);
        fire_failure(child[1].source, 7);
        TRACED("first 1 of 7 ");
        settle(child[1].deferred, "child");
        TRACED(consume ? "child=0 " : "child!7 ");
        drop_all(all);
    }
}

static void count_values(struct tw_result *result, void *arg)
{
    (void)arg;
    trace("%zu values ", tw_outcomes_count((struct tw_outcomes *)tw_result_value(result)));
}

/* GAT-004: of none, it succeeds at once with no values. */
TEST(GAT_004_of_none)
{
    struct tw_deferred *all;
    CU_ASSERT_EQUAL(tw_deferred_gather(NULL, 0, 0, &all), 0);
    tw_deferred_add_callback(all, count_values, NULL, NULL);
    TRACED("0 values ");
    tw_deferred_unref(all);
}

/* GAT-005: a cancel cancels all, and the first cancellation is what it fails with. */
TEST(GAT_005_cancel)
{
    struct tw_deferred *all;
    int i;
    make_children(NULL);
    all = gather(COUNT, 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(all), 0);
    CU_ASSERT_EQUAL(strncmp(trace_text, "first 0 of ", 11), 0);
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_TRUE(tw_deferred_is_called(child[i].deferred));
    drop_all(all);
}

static int give_five(struct tw_source *source, void *arg)
{
    (void)arg;
    return fire(source, 5);
}

/* GAT-006: if all cancellers give a value, it succeeds with those. */
TEST(GAT_006_cancel_that_gives_values)
{
    struct tw_deferred *all;
    make_children(give_five);
    all = gather(COUNT, 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(all), 0);
    TRACED("5 5 5 ");
    drop_all(all);
}

/* GAT-007, and DLS-026 in C: fired, and waiting for a Deferred that a callback has left, it
 * forwards a cancel as any other does. */
TEST(GAT_007_fired_one_forwards_a_cancel)
{
    struct pair inner = make();
    struct tw_deferred *all;
    CU_ASSERT_EQUAL(tw_deferred_gather(NULL, 0, 0, &all), 0);
    tw_deferred_add_callback(all, give_deferred, inner.deferred, NULL);
    settle(all, "all");
    CU_ASSERT_EQUAL(tw_deferred_cancel(all), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(inner.deferred));
    trace_clear();
    tw_deferred_unref(all);
    drop(&inner);
}

static void keep_text(struct tw_result *result, void *text)
{
    tw_failure_describe(tw_result_failure(result), (char *)text, 256);
    tw_result_set(result, NULL, NULL);
}

/* DLS-028: a FirstError reads as its index and the failure inside. */
TEST(DLS_028_first_error_says_which_and_why)
{
    struct tw_deferred *all;
    char text[256] = "";
    make_children(NULL);
    CU_ASSERT_EQUAL(tw_deferred_gather(array, COUNT, 0, &all), 0);
    tw_deferred_add_errback(all, keep_text, text, NULL);
    fire_failure(child[2].source, 7);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "number 2 of several"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "made to fail"));
    drop_all(all);
}

/* What it does not know is refused. */
TEST(bad_flags_are_refused)
{
    struct tw_deferred *all;
    PROVOKE(tw_deferred_gather(NULL, 0, TW_LIST_FIRE_ON_ONE_CALLBACK, &all));
}
