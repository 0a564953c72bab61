/*
 * Cancelling a list, and lists when memory is short.
 */
#include "trace.h"

SUITE("deferred list cancel")

static int trace_cancel(struct tw_source *source, void *name)
{
    (void)source;
    trace("cancel %s ", (const char *)name);
    return 0;
}

static int succeed(struct tw_source *source, void *name)
{
    trace("cancel %s ", (const char *)name);
    return fire(source, 4);
}

static int refuse(struct tw_source *source, void *name)
{
    (void)source;
    trace("refuse %s ", (const char *)name);
    return -EBUSY;
}

static void show_count(struct tw_result *result, void *name)
{
    struct tw_outcomes *outcomes = (struct tw_outcomes *)tw_result_value(result);
    if (outcomes)
        trace("%s:%zu*%d ", (const char *)name, tw_outcomes_count(outcomes),
              (int)tw_outcomes_winner(outcomes));
    else
        handle(result, name);
}

enum { COUNT = 3 };
static struct pair child[COUNT];

static void make_children(tw_canceller_fn second)
{
    static char names[COUNT][2] = {"0", "1", "2"};
    int i;
    for (i = 0; i < COUNT; i++)
        child[i] = make_cancellable(i == 1 ? second : trace_cancel, names[i]);
}

static struct tw_deferred *make_list(unsigned flags)
{
    struct tw_deferred *array[COUNT], *list = NULL;
    int i;
    for (i = 0; i < COUNT; i++)
        array[i] = child[i].deferred;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_list_new(array, COUNT, flags | TW_LIST_CONSUME_ERRORS, &list),
                          0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(list, show_count, "list", NULL), 0);
    return list;
}

static void drop_children(void)
{
    int i;
    for (i = 0; i < COUNT; i++)
        drop(&child[i]);
}

/* DLS-021, DLS-022: cancel cancels every child in order; the list fires by its rules from what
 * becomes of them, and adds no failure of its own. */
TEST(DLS_021_cancel_cancels_every_child)
{
    struct tw_deferred *list;
    make_children(trace_cancel);
    list = make_list(0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    TRACED("cancel 0 cancel 1 cancel 2 list:3*-1 ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-021, DLS-022: the same with the flags; what a child's canceller gives may fire the list, and
 * the children after it are cancelled all the same. */
TEST(DLS_022_cancelled_list_fires_by_its_rules)
{
    struct tw_deferred *list;
    make_children(succeed);
    list = make_list(TW_LIST_FIRE_ON_ONE_CALLBACK);
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    TRACED("cancel 0 cancel 1 list:3*1 cancel 2 ");
    drop_children();
    tw_deferred_unref(list);

    make_children(succeed);
    list = make_list(TW_LIST_FIRE_ON_ONE_ERRBACK);
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    TRACED("cancel 0 list!0 cancel 1 cancel 2 ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-023, DLS-024: a child whose canceller refuses is told about, and does not spare the others;
 * the list waits on for it. */
TEST(DLS_023_refusal_does_not_spare_the_others)
{
    struct tw_deferred *list;
    make_children(refuse);
    list = make_list(0);
    tw_deferred_cancel(list);
    TRACED("cancel 0 refuse 1 cancel 2 ");
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_EQUAL(harness_report(0)->code, -EBUSY);
    CU_ASSERT_FALSE(tw_deferred_is_called(list));
    CU_ASSERT_EQUAL(fire(child[1].source, 1), 0);
    TRACED("list:3*-1 ");
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-025: cancel on a fired list leaves the children that are still out alone. */
TEST(DLS_025_cancel_of_a_fired_list_does_nothing)
{
    struct tw_deferred *list;
    make_children(trace_cancel);
    list = make_list(TW_LIST_FIRE_ON_ONE_CALLBACK);
    CU_ASSERT_EQUAL(fire(child[1].source, 1), 0);
    TRACED("list:3*1 ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    TRACED("");
    fire(child[0].source, 0);
    fire(child[2].source, 0);
    drop_children();
    tw_deferred_unref(list);
}

/* DLS-026: cancel on a fired list that waits is forwarded, as for any Deferred (differs on
 * purpose). */
TEST(DLS_026_cancel_of_a_waiting_list_is_forwarded)
{
    struct pair inner = make_cancellable(trace_cancel, "inner");
    struct tw_deferred *list;
    int i;
    make_children(trace_cancel);
    list = make_list(0);
    tw_deferred_add_both(list, give_deferred, inner.deferred, NULL);
    settle(list, "end");
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(fire(child[i].source, i), 0);
    TRACED("list:3*-1 ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    TRACED("cancel inner end!125 ");
    drop_children();
    drop(&inner);
    tw_deferred_unref(list);
}

static void drop_list(struct tw_result *result, void *list)
{
    (void)result;
    *(struct tw_deferred **)list = tw_deferred_unref(*(struct tw_deferred **)list);
}

/* The list may go in the middle of its own cancel. */
TEST(list_may_go_while_it_is_cancelled)
{
    struct tw_deferred *list;
    make_children(trace_cancel);
    list = make_list(TW_LIST_FIRE_ON_ONE_ERRBACK);
    tw_deferred_add_both(list, drop_list, &list, NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    CU_ASSERT_PTR_NULL(list);
    TRACED("cancel 0 list!0 cancel 1 cancel 2 ");
    drop_children();
}

/* DEF-009: a list left by a callback is waited for like any Deferred. */
TEST(DEF_009_list_may_be_waited_for)
{
    struct pair outer = make();
    struct tw_deferred *list;
    int i;
    make_children(trace_cancel);
    list = make_list(0);
    tw_deferred_add_callback(outer.deferred, give_deferred, list, NULL);
    tw_deferred_add_both(outer.deferred, show_count, "outer", NULL);
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    tw_deferred_unref(list);
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(fire(child[i].source, i), 0);
    TRACED("list:3*-1 outer:3*-1 ");
    drop_children();
    drop(&outer);
}

/* Out of memory the children are as before: values not taken, no link left. */
SWEEP(children_are_untouched_when_memory_is_short)
{
    struct tw_deferred *array[COUNT], *list = NULL;
    int destroyed = 0, i, made = 0, rc = 0;
    for (i = 0; i < COUNT; i++, made++)
        if (tw_deferred_new(NULL, NULL, NULL, &child[i].source, &child[i].deferred) < 0)
            break;
    for (i = 0; i < made; i++)
        array[i] = child[i].deferred;
    if (made == COUNT) {
        CU_ASSERT_EQUAL(tw_source_callback(child[0].source, &destroyed, count_destroy), 0);
        rc = tw_deferred_list_new(array, COUNT, 0, &list);
        CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one() && !list));
    }
    for (i = made == COUNT; i < made; i++)
        CU_ASSERT_EQUAL(tw_source_callback(child[i].source, &destroyed, count_destroy), 0);
    CU_ASSERT_EQUAL(destroyed, 0);
    for (i = 0; i < made; i++)
        drop(&child[i]);
    CU_ASSERT_EQUAL(destroyed, list ? 0 : made);
    tw_deferred_unref(list);
    CU_ASSERT_EQUAL(destroyed, made);
}
