/*
 * Rules of lists that stand for themselves, each by its number.
 */
#include "trace.h"

SUITE("list rules")

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
    return list;
}

static void drop_all(struct tw_deferred *list)
{
    int i;
    for (i = 0; i < COUNT; i++) {
        settle(child[i].deferred, "");
        drop(&child[i]);
    }
    settle(list, "");
    tw_deferred_unref(list);
    trace_clear();
}

static void show_count(struct tw_result *result, void *arg)
{
    (void)arg;
    if (tw_result_is_ok(result))
        trace("%zu ", tw_outcomes_count((struct tw_outcomes *)tw_result_value(result)));
    else
        trace("failed ");
}

/* DLS-001: a list is a Deferred, and has one link on each child, where the child's links end at
 * that time. */
TEST(DLS_001_one_link_on_each)
{
    struct tw_deferred *list;
    make_children();
    watch(child[0].deferred, "before");
    list = make_list(1, 0);
    tw_deferred_add_both(list, show_count, NULL, NULL);
    watch(child[0].deferred, "after");
    fire(child[0].source, 5);
    TRACED("before=5 1 after=0 ");
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop_all(list);
}

/* DLS-003: without flags it never fails, whatever the children do. */
TEST(DLS_003_never_fails_by_default)
{
    struct tw_deferred *list;
    int i;
    make_children();
    list = make_list(COUNT, 0);
    tw_deferred_add_both(list, show_count, NULL, NULL);
    for (i = 0; i < COUNT; i++)
        fire_failure(child[i].source, 7);
    TRACED("3 ");
    drop_all(list);
}

/* DLS-008: empty, it fires at once, also if it is to fail on one failure. */
TEST(DLS_008_empty_with_fire_on_one_errback)
{
    struct tw_deferred *list = make_list(0, TW_LIST_FIRE_ON_ONE_ERRBACK);
    tw_deferred_add_both(list, show_count, NULL, NULL);
    TRACED("0 ");
    tw_deferred_unref(list);
}

static void keep_outcomes(struct tw_result *result, void *ret_outcomes)
{
    *(struct tw_outcomes **)ret_outcomes = (struct tw_outcomes *)tw_result_value(result);
}

/* DLS-014: children that come after it has fired are still recorded, and cause nothing. */
TEST(DLS_014_later_children_are_recorded)
{
    struct tw_outcomes *outcomes = NULL;
    struct tw_deferred *list;
    make_children();
    list = make_list(COUNT, TW_LIST_FIRE_ON_ONE_CALLBACK);
    tw_deferred_add_callback(list, keep_outcomes, &outcomes, NULL);
    watch(list, "");
    fire(child[1].source, 5);
    trace_clear();
    CU_ASSERT_FALSE(tw_outcomes_has(outcomes, 0));
    fire(child[0].source, 4);
    fire_failure(child[2].source, 7);
    TRACED("");
    CU_ASSERT_EQUAL(NUMBER(tw_result_value(tw_outcomes_at(outcomes, 0))), 4);
    CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(tw_outcomes_at(outcomes, 2))), 7);
    CU_ASSERT_EQUAL(tw_outcomes_winner(outcomes), 1);
    drop_all(list);
}

/* DLS-017: consuming errors changes neither what the list delivers nor when. */
TEST(DLS_017_consuming_changes_nothing_else)
{
    unsigned consume;
    for (consume = 0; consume <= TW_LIST_CONSUME_ERRORS; consume += TW_LIST_CONSUME_ERRORS) {
        struct tw_deferred *list;
        make_children();
        list = make_list(COUNT, TW_LIST_FIRE_ON_ONE_ERRBACK | consume);
        settle(list, "list");
        fire(child[0].source, 1);
        fire_failure(child[2].source, 7);
        TRACED("list!2 ");
        fire(child[1].source, 1);
        TRACED("");
        drop_all(list);
    }
}

static void keep_failure(struct tw_result *result, void *ret_failure)
{
    *(struct tw_failure **)ret_failure = tw_failure_ref(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

/* DLS-027: a FirstError holds the child's failure as its cause, and its index as its code; by these
 * two it can be compared. */
TEST(DLS_027_first_error_holds_failure_and_index)
{
    struct tw_failure *failures[2] = {NULL, NULL};
    struct tw_deferred *lists[2];
    int i;
    make_children();
    for (i = 0; i < 2; i++) {
        lists[i] = make_list(COUNT, TW_LIST_FIRE_ON_ONE_ERRBACK);
        tw_deferred_add_errback(lists[i], keep_failure, &failures[i], NULL);
    }
    fire_failure(child[1].source, 7);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_PTR_EQUAL(tw_failure_kind(failures[i]), &TW_ERROR_FIRST_ERROR);
        CU_ASSERT_EQUAL(tw_failure_code(failures[i]), 1);
    }
    CU_ASSERT_PTR_EQUAL(tw_failure_cause(failures[0]), tw_failure_cause(failures[1]));
    tw_failure_unref(failures[0]);
    tw_failure_unref(failures[1]);
    fire(child[0].source, 0);
    fire(child[2].source, 0);
    tw_deferred_unref(lists[1]);
    drop_all(lists[0]);
}
