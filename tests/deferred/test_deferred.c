/*
 * A Deferred by itself: how it is made, fired, and read; what its callbacks may leave; pauses.
 */
#include "trace.h"

SUITE("deferred")

/* --- made ------------------------------------------------------------------------------------- */

/* DEF-001, DEF-002: a new Deferred is not fired, not paused, and waits for nothing. */
TEST(DEF_001_a_new_one_is_unfired)
{
    struct pair a = make();
    CU_ASSERT_FALSE(tw_deferred_is_called(a.deferred));
    CU_ASSERT_EQUAL(tw_deferred_pauses(a.deferred), 0);
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(a.deferred));
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(a.deferred));
    drop(&a);
}

static int trace_canceller(struct tw_source *source, void *name)
{
    (void)source;
    trace("cancel %s ", (const char *)name);
    return 0;
}

/* DEF-003: the canceller is for cancel only; a Deferred that goes unfired does not call it, but
 * its argument is destroyed. */
TEST(DEF_003_canceller_is_not_called_at_the_end)
{
    struct pair a;
    CU_ASSERT_EQUAL(tw_deferred_new(trace_canceller, "c", destroy_name, &a.source, &a.deferred), 0);
    settle(a.deferred, "a");
    a.source = tw_source_unref(a.source);
    TRACED("~c a!32 "); /* EPIPE: abandoned */
    drop(&a);
    TRACED("");
}

/* DEF-004: the canceller's argument goes the moment the Deferred is fired, before any callback. */
TEST(DEF_004_canceller_is_dropped_before_the_callbacks)
{
    struct pair a;
    CU_ASSERT_EQUAL(tw_deferred_new(trace_canceller, "c", destroy_name, &a.source, &a.deferred), 0);
    watch(a.deferred, "a");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("~c a=1 ");
    drop(&a);
}

static int fire_the_argument(struct tw_source *source, void *arg)
{
    CU_ASSERT_PTR_EQUAL(source, *(struct tw_source **)arg);
    return fire(source, 8);
}

static void unref_source_at(void *source)
{
    *(struct tw_source **)source = tw_source_unref(*(struct tw_source **)source);
}

/* DEF-004: a canceller that holds its own source is no leak: firing lets go of it, also from
 * inside the canceller. */
TEST(DEF_004_canceller_may_hold_its_own_source)
{
    struct tw_source *held;
    struct tw_deferred *a;
    CU_ASSERT_EQUAL(tw_deferred_new(fire_the_argument, &held, unref_source_at, &held, &a), 0);
    CU_ASSERT_EQUAL(fire(held, 1), 0);
    CU_ASSERT_PTR_NULL(held);
    tw_deferred_unref(a);

    CU_ASSERT_EQUAL(tw_deferred_new(fire_the_argument, &held, unref_source_at, &held, &a), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a), 0);
    CU_ASSERT_PTR_NULL(held);
    settle(a, "a");
    TRACED("a=8 ");
    tw_deferred_unref(a);
}

static int fire_and_trace(struct tw_source *source, void *name)
{
    (void)name;
    trace("( ");
    CU_ASSERT_EQUAL(fire(source, 5), 0);
    trace(") ");
    return 0;
}

/* DEF-006: while the canceller runs its argument stays, though the Deferred is fired meanwhile. */
TEST(DEF_006_canceller_argument_outlives_the_call)
{
    struct pair a;
    CU_ASSERT_EQUAL(tw_deferred_new(fire_and_trace, "c", destroy_name, &a.source, &a.deferred), 0);
    watch(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    TRACED("( a=5 ) ~c ");
    drop(&a);
}

/* A Deferred made fired has its result for whoever adds a callback; its value, if nobody takes it,
 * is destroyed once. */
TEST(succeed_and_fail_are_fired_already)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 7, "seven");
    struct tw_deferred *ok, *bad;
    int destroyed = 0;
    CU_ASSERT_EQUAL(tw_deferred_succeed(&destroyed, count_destroy, &ok), 0);
    CU_ASSERT_EQUAL(tw_deferred_fail(failure, &bad), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(ok) && tw_deferred_is_called(bad));
    settle(bad, "bad");
    TRACED("bad!7 ");
    CU_ASSERT_EQUAL(destroyed, 0);
    tw_deferred_unref(ok);
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_deferred_unref(bad);
    tw_failure_unref(failure);
    PROVOKE(tw_deferred_fail(NULL, &bad));
}

/* --- links ------------------------------------------------------------------------------------ */

/* DEF-010, DEF-011: of a link's two alternatives one is called, and the argument is destroyed
 * after it, before the next link. */
TEST(DEF_011_one_alternative_of_each_link_runs)
{
    struct pair a = make();
    tw_deferred_add_callbacks(a.deferred, see, go_wrong, "1", destroy_name);
    tw_deferred_add_callbacks(a.deferred, go_wrong, see, "2", destroy_name);
    tw_deferred_add_callbacks(a.deferred, see, handle, "3", destroy_name);
    TRACED("");
    CU_ASSERT_EQUAL(fire(a.source, 4), 0);
    TRACED("1=4 ~1 2=4 ~2 3!99 ~3 ");
    drop(&a);
}

static void keep_failure(struct tw_result *result, void *ret_failure)
{
    *(struct tw_failure **)ret_failure = tw_result_failure(result);
}

/* DEF-012, DEF-031, DEF-054: a link without errback, and an errback that leaves it alone, pass the
 * very same failure on; the first errback gets the one that was fired. */
TEST(DEF_012_missing_errback_passes_the_same_failure)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 7, "seven"), *first = NULL, *last = NULL;
    struct pair a = make();
    tw_deferred_add_errback(a.deferred, keep_failure, &first, NULL);
    tw_deferred_add_callback(a.deferred, go_wrong, "never", destroy_name);
    tw_deferred_add_errback(a.deferred, keep_failure, &last, NULL);
    CU_ASSERT_EQUAL(tw_source_errback(a.source, failure), 0);
    TRACED("~never ");
    CU_ASSERT_PTR_EQUAL(first, failure);
    CU_ASSERT_PTR_EQUAL(last, failure);
    settle(a.deferred, "end");
    TRACED("end!7 ");
    drop(&a);
    tw_failure_unref(failure);
}

/* DEF-013: a link without callback passes the value on. */
TEST(DEF_013_missing_callback_passes_the_value)
{
    struct pair a = make();
    tw_deferred_add_errback(a.deferred, go_wrong, "never", destroy_name);
    watch(a.deferred, "b");
    CU_ASSERT_EQUAL(fire(a.source, 3), 0);
    TRACED("~never b=3 ");
    drop(&a);
}

/* DEF-014: add_both gives one function for either case. */
TEST(DEF_014_both_sees_value_and_failure)
{
    struct pair a = make(), b = make();
    settle(a.deferred, "a");
    settle(b.deferred, "b");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(fire_failure(b.source, 2), 0);
    TRACED("a=1 b!2 ");
    drop(&a);
    drop(&b);
}

/* DEF-017, DEF-018, DEF-039: what is added to a fired Deferred runs inside the add, and what goes
 * wrong there stays in the Deferred. */
TEST(DEF_017_link_on_a_fired_one_runs_at_once)
{
    struct pair a = make();
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(a.deferred, go_wrong, "a", destroy_name), 0);
    TRACED("a=1 ~a ");
    settle(a.deferred, "b");
    TRACED("b!99 ");
    drop(&a);
}

struct add_more {
    struct tw_deferred *deferred;
    tw_call_fn fn;
    const char *name, *new_name;
};

static void add_another(struct tw_result *result, void *arg)
{
    struct add_more *more = (struct add_more *)arg;
    write_result(result, (void *)(uintptr_t)more->name);
    tw_deferred_add_both(more->deferred, more->fn, (void *)(uintptr_t)more->new_name, destroy_name);
    trace("| ");
}

/* DEF-019, DEF-022: a link added by a running callback is only appended: it runs once that has
 * returned, behind every link queued before. */
TEST(DEF_019_link_added_inside_a_callback_is_appended)
{
    struct pair a = make();
    struct add_more more = {a.deferred, see, "a", "new"};
    tw_deferred_add_both(a.deferred, add_another, &more, NULL);
    watch(a.deferred, "b");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("a=1 | b=1 new=1 ~new ");
    tw_deferred_add_both(a.deferred, add_another, &more, NULL);
    TRACED("a=1 | new=1 ~new ");
    drop(&a);
}

/* DEF-020: what goes wrong in such a link reaches the errbacks added later. */
TEST(DEF_020_failure_of_an_added_link_goes_on)
{
    struct pair a = make();
    struct add_more more = {a.deferred, go_wrong, "a", "new"};
    tw_deferred_add_both(a.deferred, add_another, &more, NULL);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    settle(a.deferred, "b");
    TRACED("a=1 | new=1 ~new b!99 ");
    drop(&a);
}

static void unref_inside(struct tw_result *result, void *arg)
{
    struct pair *pair = (struct pair *)arg;
    write_result(result, "a");
    drop(pair);
}

/* The last handle and the source may go inside a callback: the links behind it still run. */
TEST(last_handle_may_go_inside_a_callback)
{
    struct pair a = make();
    struct tw_source *source = a.source;
    tw_deferred_add_both(a.deferred, unref_inside, &a, NULL);
    tw_deferred_add_both(a.deferred, see, "b", destroy_name);
    CU_ASSERT_EQUAL(fire(source, 1), 0);
    TRACED("a=1 b=1 ~b ");
}

/* A handle may be held more than once, and callbacks run when none is held any more. */
TEST(links_run_without_a_handle)
{
    struct pair a = make();
    CU_ASSERT_PTR_EQUAL(tw_deferred_ref(a.deferred), a.deferred);
    CU_ASSERT_PTR_EQUAL(tw_source_ref(a.source), a.source);
    tw_deferred_add_both(a.deferred, see, "a", destroy_name);
    CU_ASSERT_PTR_NULL(tw_deferred_unref(a.deferred));
    CU_ASSERT_PTR_NULL(tw_deferred_unref(a.deferred));
    CU_ASSERT_PTR_NULL(tw_source_unref(a.source));
    TRACED("");
    CU_ASSERT_EQUAL(fire(a.source, 2), 0);
    TRACED("a=2 ~a ");
    CU_ASSERT_PTR_NULL(tw_source_unref(a.source));
    CU_ASSERT_PTR_NULL(tw_deferred_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_deferred_unref(NULL));
    CU_ASSERT_PTR_NULL(tw_source_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_source_unref(NULL));
}

/* A link needs a Deferred and a function; the argument is consumed all the same. */
TEST(bad_links_are_refused_and_their_argument_destroyed)
{
    struct pair a = make();
    PROVOKE(tw_deferred_add_callbacks(a.deferred, NULL, NULL, "1", destroy_name));
    TRACED("~1 ");
    PROVOKE(tw_deferred_add_callbacks(NULL, see, see, "2", destroy_name));
    TRACED("~2 ");
    PROVOKE(tw_deferred_add_callback(a.deferred, NULL, "3", destroy_name));
    TRACED("~3 ");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    drop(&a);
}

/* --- fired ------------------------------------------------------------------------------------ */

/* DEF-030, DEF-041: firing runs the links before it returns, in order; null is a value. */
TEST(DEF_030_firing_runs_the_links)
{
    struct pair a = make(), b = make();
    tw_deferred_add_callback(a.deferred, add_one, "a", NULL);
    tw_deferred_add_callback(a.deferred, add_one, "b", NULL);
    watch(a.deferred, "c");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("a=1 b=2 c=3 ");
    watch(b.deferred, "null");
    CU_ASSERT_EQUAL(tw_source_callback(b.source, NULL, NULL), 0);
    TRACED("null=0 ");
    drop(&a);
    drop(&b);
}

/* DEF-035: firing with a result that holds a failure is an errback; the result is moved out. */
TEST(DEF_035_fire_takes_either_kind_of_result)
{
    struct pair a = make(), b = make();
    struct tw_result result = TW_RESULT_INIT;
    int destroyed = 0;
    settle(a.deferred, "a");
    tw_result_failf(&result, &TW_ERROR, 7, "seven");
    CU_ASSERT_EQUAL(tw_source_fire(a.source, &result), 0);
    TRACED("a!7 ");
    CU_ASSERT_TRUE(tw_result_is_ok(&result));
    tw_result_set(&result, &destroyed, count_destroy);
    CU_ASSERT_EQUAL(tw_source_fire(b.source, &result), 0);
    CU_ASSERT_PTR_NULL(tw_result_value(&result));
    drop(&a);
    CU_ASSERT_EQUAL(destroyed, 0);
    drop(&b);
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* DEF-036: whichever way it was fired, a second firing is refused, its value destroyed, and
 * nothing changes. */
TEST(DEF_036_second_firing_is_refused)
{
    struct tw_result result = TW_RESULT_INIT;
    int with_failure, destroyed = 0;
    for (with_failure = 0; with_failure < 2; with_failure++) {
        struct pair a = make();
        CU_ASSERT_EQUAL(with_failure ? fire_failure(a.source, 1) : fire(a.source, 1), 0);
        CU_ASSERT_EQUAL(tw_source_callback(a.source, &destroyed, count_destroy), -EALREADY);
        CU_ASSERT_EQUAL(fire_failure(a.source, 3), -EALREADY);
        tw_result_set(&result, &destroyed, count_destroy);
        CU_ASSERT_EQUAL(tw_source_fire(a.source, &result), -EALREADY);
        CU_ASSERT_PTR_NULL(tw_result_value(&result));
        CU_ASSERT_EQUAL(destroyed, 2 * (with_failure + 1));
        settle(a.deferred, "a");
        TRACED(with_failure ? "a!1 " : "a=1 ");
        drop(&a);
    }
}

static void fire_again(struct tw_result *result, void *source)
{
    write_result(result, "again");
    CU_ASSERT_EQUAL(fire((struct tw_source *)source, 2), -EALREADY);
}

/* DEF-037: the same from inside one of its own callbacks. */
TEST(DEF_037_firing_from_inside_a_callback_is_refused)
{
    struct pair a = make();
    tw_deferred_add_both(a.deferred, fire_again, a.source, NULL);
    watch(a.deferred, "end");
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("again=1 end=1 ");
    drop(&a);
}

static void fire_with_deferred(struct tw_result *result, void *source)
{
    struct tw_deferred *inner;
    CU_ASSERT_EQUAL(tw_deferred_succeed(NULL, NULL, &inner), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, inner), 0);
    CU_ASSERT_EQUAL(tw_result_kind(result), TW_RESULT_DEFERRED);
    PROVOKE(tw_source_fire((struct tw_source *)source, result));
    CU_ASSERT_TRUE(tw_result_is_ok(result));
}

/* DEF-038: a Deferred is not fired with a Deferred; it is consumed, and nothing else changes. */
TEST(DEF_038_firing_with_a_deferred_is_refused)
{
    struct pair a = make(), b = make();
    tw_deferred_add_both(a.deferred, fire_with_deferred, b.source, NULL);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_FALSE(tw_deferred_is_called(b.deferred));
    CU_ASSERT_EQUAL(fire(b.source, 2), 0);
    drop(&a);
    drop(&b);
}

/* There is no failing without a failure; the Deferred stays unfired. */
TEST(errback_without_a_failure_is_refused)
{
    struct pair a = make();
    PROVOKE(tw_source_errback(a.source, NULL));
    CU_ASSERT_FALSE(tw_deferred_is_called(a.deferred));
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    drop(&a);
}

/* A source that goes without firing fails its Deferred as abandoned; only the last reference
 * does. */
TEST(source_that_goes_unfired_abandons)
{
    struct pair a = make();
    struct tw_failure *failure = NULL;
    tw_source_ref(a.source);
    tw_deferred_add_errback(a.deferred, keep_failure, &failure, NULL);
    tw_source_unref(a.source);
    CU_ASSERT_FALSE(tw_deferred_is_called(a.deferred));
    a.source = tw_source_unref(a.source);
    CU_ASSERT_TRUE(tw_deferred_is_called(a.deferred));
    CU_ASSERT_TRUE(tw_failure_is(failure, &TW_ERROR_ABANDONED));
    settle(a.deferred, "end");
    TRACED("end!32 ");
    drop(&a);
}
