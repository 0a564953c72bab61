/*
 * Deferreds as they complete: in which order, what is held how long, and turns given back.
 */
#include "trace.h"

SUITE("deferreds as completed")

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

static void drop_children(void)
{
    int i;
    for (i = 0; i < COUNT; i++)
        drop(&child[i]);
}

static struct tw_deferred_as_completed *begin(void)
{
    struct tw_deferred_as_completed *each = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_as_completed_new(array, COUNT, &each), 0);
    return each;
}

/* Writes "2:" and the result of the child that was yielded. */
static void show(struct tw_result *result, void *name)
{
    struct tw_deferred *one = (struct tw_deferred *)tw_result_value(result);
    int i;
    if (tw_result_is_failure(result)) {
        trace("%s!%d ", (const char *)name, tw_failure_code(tw_result_failure(result)));
        tw_result_set(result, NULL, NULL);
        return;
    }
    for (i = 0; i < COUNT; i++)
        if (array[i] == one)
            trace("%s%d:", (const char *)name, i);
    settle(one, "");
}

static struct tw_deferred *ask(struct tw_deferred_as_completed *each, const char *name)
{
    struct tw_deferred *next = NULL;
    CU_ASSERT_EQUAL(tw_deferred_as_completed_next(each, &next), 1);
    tw_deferred_add_both(next, show, (void *)(uintptr_t)name, NULL);
    return next;
}

/* They come in the order in which they have their results, failures among them; asked for
 * beforehand or afterwards. A child is still busy with the link when it is yielded from inside:
 * what is added to it then runs right after. */
TEST(they_come_as_they_complete)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next[COUNT], *more = NULL;
    make_children();
    each = begin();
    next[0] = ask(each, "a");
    fire(child[2].source, 2);
    TRACED("a2:=2 ");
    fire_failure(child[0].source, 7);
    fire(child[1].source, 1);
    TRACED("");
    next[1] = ask(each, "b");
    next[2] = ask(each, "c");
    TRACED("b0:!7 c1:=1 ");
    CU_ASSERT_EQUAL(tw_deferred_as_completed_next(each, &more), 0);
    CU_ASSERT_PTR_NULL(more);
    tw_deferred_as_completed_free(each);
    tw_deferred_unref(next[0]);
    tw_deferred_unref(next[1]);
    tw_deferred_unref(next[2]);
    drop_children();
}

/* Those that have fired before come at once, in the order given; several may be asked for ahead,
 * and are served in that order. */
TEST(asked_for_ahead)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next[COUNT];
    int i;
    make_children();
    fire(child[1].source, 1);
    each = begin();
    next[0] = ask(each, "a");
    next[1] = ask(each, "b");
    next[2] = ask(each, "c");
    TRACED("a1:=1 ");
    fire(child[2].source, 2);
    fire(child[0].source, 0);
    TRACED("b2:=2 c0:=0 ");
    tw_deferred_as_completed_free(each);
    for (i = 0; i < COUNT; i++)
        tw_deferred_unref(next[i]);
    drop_children();
}

/* It lets go of what it has yielded, and holds the others. */
TEST(yielded_ones_are_let_go_of)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next;
    int gone = 0, i;
    make_children();
    each = begin();
    for (i = 0; i < COUNT; i++) {
        tw_source_callback(child[i].source, &gone, count_destroy);
        drop(&child[i]);
    }
    CU_ASSERT_EQUAL(gone, 0);
    for (i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(tw_deferred_as_completed_next(each, &next), 1);
        tw_deferred_unref(next); /* and its value with it */
        CU_ASSERT_EQUAL(gone, i + 1);
    }
    tw_deferred_as_completed_free(each);
}

/* A failure that is yielded and not looked at is reported by its Deferred, as ever. */
TEST(yielded_failure_is_not_swallowed)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next;
    make_children();
    each = begin();
    fire_failure(child[0].source, 7);
    drop(&child[0]);
    CU_ASSERT_EQUAL(tw_deferred_as_completed_next(each, &next), 1);
    CU_ASSERT_EQUAL(harness_reports(), 0);
    tw_deferred_unref(next);
    EXPECT_REPORTS(1);
    tw_deferred_as_completed_free(each);
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    drop(&child[1]);
    drop(&child[2]);
}

/* Cancelled, a turn is given back: the next who asks gets what it would have had. */
TEST(cancelled_turn_is_given_back)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next[COUNT + 1];
    int i;
    make_children();
    each = begin();
    for (i = 0; i < COUNT; i++)
        next[i] = ask(each, i == 0 ? "a" : i == 1 ? "b" : "c");
    CU_ASSERT_EQUAL(tw_deferred_cancel(next[1]), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(next[0]), 0);
    trace_clear();
    fire(child[0].source, 5);
    TRACED("c0:=5 ");
    tw_deferred_unref(next[0]);
    next[0] = ask(each, "d");
    CU_ASSERT_EQUAL(tw_deferred_cancel(next[2]), 0); /* too late */
    fire(child[1].source, 6);
    TRACED("d1:=6 ");
    tw_deferred_as_completed_free(each);
    for (i = 0; i < COUNT; i++)
        tw_deferred_unref(next[i]);
    fire(child[2].source, 0);
    drop_children();
}

/* Let go of early: who waits is abandoned, children go on as if nothing had been. */
TEST(let_go_of_early)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next;
    make_children();
    each = begin();
    next = ask(each, "a");
    fire(child[0].source, 1);
    trace_clear();
    tw_deferred_unref(next);
    next = ask(each, "b");
    CU_ASSERT_PTR_NULL(tw_deferred_as_completed_free(each));
    TRACED("b!32 ");
    settle(child[1].deferred, "child");
    fire(child[1].source, 1);
    TRACED("child=1 ");
    fire(child[2].source, 1);
    tw_deferred_unref(next);
    drop_children();
    CU_ASSERT_PTR_NULL(tw_deferred_as_completed_free(NULL));
}

static void free_it(struct tw_result *result, void *each)
{
    (void)result;
    tw_deferred_as_completed_free((struct tw_deferred_as_completed *)each);
}

/* Whoever is served may let go of the whole. */
TEST(let_go_of_inside_a_callback)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next[2];
    make_children();
    each = begin();
    next[0] = ask(each, "a");
    tw_deferred_add_callback(next[0], free_it, each, NULL);
    next[1] = ask(each, "b");
    fire(child[0].source, 1);
    TRACED("a0:b!32 =1 ");
    fire(child[1].source, 0);
    fire(child[2].source, 0);
    tw_deferred_unref(next[0]);
    tw_deferred_unref(next[1]);
    drop_children();
}

/* What cannot be gone through is refused. */
TEST(bad_ones_are_refused)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *none = NULL, *next;
    PROVOKE(tw_deferred_as_completed_new(&none, 1, &each));
    PROVOKE(tw_deferred_as_completed_new(NULL, 0, NULL));
    PROVOKE(tw_deferred_as_completed_next(NULL, &next));
}

/* Short of memory nothing is lost, and nothing is taken from the children. */
SWEEP(short_of_memory)
{
    struct tw_deferred_as_completed *each = NULL;
    struct tw_deferred *next = NULL, *two[2];
    struct pair pair[2] = {{NULL, NULL}, {NULL, NULL}};
    int i, made = 0, gone = 0;
    for (i = 0; i < 2; i++)
        if (tw_deferred_new(NULL, NULL, NULL, &pair[i].source, &pair[i].deferred) == 0)
            two[made++] = pair[i].deferred;
    if (made == 2 && tw_deferred_as_completed_new(two, 2, &each) == 0)
        tw_deferred_as_completed_next(each, &next);
    for (i = 0; i < 2; i++)
        if (pair[i].source)
            tw_source_callback(pair[i].source, &gone, count_destroy);
    tw_deferred_as_completed_free(each);
    tw_deferred_unref(next);
    for (i = 0; i < 2; i++)
        if (pair[i].deferred)
            drop(&pair[i]);
    CU_ASSERT_EQUAL(gone, made);
}
