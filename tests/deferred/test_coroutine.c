/*
 * Coroutines: starting, waiting, ending (Twisted's inlineCallbacks, INL).
 */
#include "script.h"
#include <twine/base/fiber_internal.h>

SUITE("coroutine")

static size_t stacks_in_use(void)
{
    size_t count;
    tw__fiber_statistics(NULL, &count);
    return count;
}

/* --- starting and waiting --------------------------------------------------------------------- */

/* INL-001: it starts at once and runs to its first wait, and its outcome is there then. */
TEST(INL_001_starts_at_once_and_runs_to_its_first_wait)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, false, 0};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    TRACED("(a ");
    CU_ASSERT_FALSE(tw_deferred_is_called(outcome));
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(outcome), first.deferred);
    fire(first.source, 1);
    TRACED("a=1 a) ");
    CU_ASSERT_TRUE(tw_deferred_is_called(outcome));
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(outcome));
    tw_deferred_unref(outcome);
    drop(&first);
}

/* INL-002: a wait gives the value when the awaited Deferred's chain has come to it, and what fires
 * it comes back when the coroutine waits again. */
TEST(INL_002_a_wait_gives_the_value)
{
    struct pair first = make(), second = make();
    struct script script = {"a", {first.deferred, second.deferred}, false, 9};
    struct tw_deferred *outcome;
    tw_deferred_add_both(first.deferred, add_one, "before", NULL);
    outcome = spawn(NULL, follow, &script);
    fire(first.source, 1);
    TRACED("(a before=1 a=2 ");
    fire(second.source, 5);
    TRACED("a=5 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=9 ");
    tw_deferred_unref(outcome);
    drop(&first);
    drop(&second);
}

/* INL-002: a Deferred that has a Deferred to wait for is waited for until that has its result. */
TEST(INL_002_a_wait_for_one_that_waits)
{
    struct pair outer = make(), inner = make();
    struct script script = {"a", {outer.deferred}, false, 0};
    tw_deferred_add_both(outer.deferred, give_deferred, inner.deferred, NULL);
    fire(outer.source, 1);
    tw_deferred_unref(spawn(NULL, follow, &script));
    TRACED("(a ");
    fire(inner.source, 2);
    TRACED("a=2 a) ");
    drop(&outer);
    drop(&inner);
}

/* INL-003, INL-011: a failure comes out of the wait as a result, to be handled there, and is not
 * reported. */
TEST(INL_003_a_failure_comes_out_of_the_wait)
{
    struct pair first = make(), second = make();
    struct script script = {"a", {first.deferred, second.deferred}, true, 3};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    fire_failure(first.source, 7);
    fire(second.source, 1);
    TRACED("(a a!7 a=1 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=3 ");
    tw_deferred_unref(outcome);
    drop(&first);
    drop(&second);
}

/* INL-011: so too if it has been there before the wait. */
TEST(INL_011_a_failure_that_was_there_is_not_reported)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, true, 0};
    fire_failure(first.source, 7);
    tw_deferred_unref(spawn(NULL, follow, &script));
    TRACED("(a a!7 a) ");
    drop(&first);
}

/* Under a sanitizer fewer, to save time. */
#define MANY (HARNESS_SANITIZED ? 100000 : 1000000)

static void await_many(struct tw_result *result, void *arg)
{
    struct tw_deferred *fired = NULL;
    struct tw_result seen = TW_RESULT_INIT;
    intptr_t sum = 0;
    int i;
    (void)arg;
    for (i = 0; i < MANY; i++) {
        tw_deferred_succeed(VALUE(i % 2), NULL, &fired);
        tw_await(fired, &seen);
        sum += NUMBER(tw_result_value(&seen));
        tw_deferred_unref(fired);
    }
    tw_result_set(result, VALUE(sum), NULL);
}

/* INL-006: a million waits for fired Deferreds neither suspend it nor need stack. */
TEST(INL_006_a_million_waits_for_fired_ones)
{
    struct tw_spawn_options options = {sizeof options, 1};
    struct tw_deferred *outcome = NULL;
    CU_ASSERT_EQUAL(tw_spawn(NULL, await_many, NULL, NULL, &options, &outcome), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(outcome));
    settle(outcome, "outcome");
    CU_ASSERT_EQUAL(atoi(strchr(trace_text, '=') + 1), MANY / 2);
    trace_clear();
    tw_deferred_unref(outcome);
}

static void await_in_turn(struct tw_result *result, void *arg)
{
    struct tw_source **ret_source = (struct tw_source **)arg;
    intptr_t sum = 0;
    int i;
    for (i = 0; i < MANY / 10; i++) {
        struct tw_deferred *next = NULL;
        struct tw_result seen = TW_RESULT_INIT;
        tw_deferred_new(NULL, NULL, NULL, ret_source, &next);
        tw_await(next, &seen);
        sum += NUMBER(tw_result_value(&seen));
        tw_deferred_unref(next);
    }
    *ret_source = NULL;
    tw_result_set(result, VALUE(sum), NULL);
}

/* INL-006: nor do waits that suspend it, whether they are fired one after the other or each inside
 * the last one's callback. */
TEST(INL_006_many_waits_that_suspend)
{
    struct tw_source *next = NULL, *source;
    struct tw_deferred *outcome = spawn(NULL, await_in_turn, &next);
    while ((source = next)) {
        fire(source, 1);
        tw_source_unref(source);
    }
    settle(outcome, "outcome");
    CU_ASSERT_EQUAL(atoi(strchr(trace_text, '=') + 1), MANY / 10);
    trace_clear();
    tw_deferred_unref(outcome);
}

/* --- ending ----------------------------------------------------------------------------------- */

static void do_nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* INL-007: what it leaves fires the outcome; nothing left is null. */
TEST(INL_007_the_outcome_is_what_it_leaves)
{
    struct script script = {"a", {NULL}, false, 4};
    struct tw_deferred *some = spawn(NULL, follow, &script), *none = spawn(NULL, do_nothing, NULL);
    settle(some, "some");
    settle(none, "none");
    TRACED("(a a) some=4 none=0 ");
    tw_deferred_unref(some);
    tw_deferred_unref(none);
}

/* INL-008: a failure it leaves fails the outcome, and is reported if nobody handles it. */
TEST(INL_008_the_outcome_is_the_failure_it_leaves)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, false, 4};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_spawn(NULL, follow, &script, NULL, NULL, NULL), 0);
    fire_failure(first.source, 7);
    TRACED("(a (a a!7 a) a=0 a) ");
    settle(outcome, "outcome");
    TRACED("outcome!7 ");
    tw_deferred_unref(outcome);
    drop(&first);
    CU_ASSERT_EQUAL(tw_spawn(NULL, go_wrong, "b", NULL, NULL, NULL), 0);
    TRACED("b=0 ");
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, 99);
}

static void leave_deferred(struct tw_result *result, void *arg)
{
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_succeed(arg, count_destroy, &deferred), 0);
    PROVOKE(tw_result_set_deferred(result, deferred));
}

/* INL-009: it cannot leave a Deferred: that is refused. */
TEST(INL_009_it_cannot_leave_a_deferred)
{
    int destroyed = 0;
    tw_deferred_unref(spawn(NULL, leave_deferred, &destroyed));
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* INL-010: the awaited Deferred's own later links see null; links before the wait go first. */
TEST(INL_010_later_links_see_null)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, false, 0};
    tw_deferred_add_both(first.deferred, see, "before", NULL);
    tw_deferred_unref(spawn(NULL, follow, &script));
    tw_deferred_add_both(first.deferred, see, "after", NULL);
    fire(first.source, 6);
    TRACED("(a before=6 a=6 a) after=0 ");
    drop(&first);
}

static void await_and_leave_it(struct tw_result *result, void *deferred)
{
    (void)result;
    CU_ASSERT_EQUAL(tw_await((struct tw_deferred *)deferred, NULL), 0);
    trace("waited ");
}

/* Asked for no result, a wait leaves it where it is. */
TEST(a_wait_without_a_result_leaves_it_in_the_deferred)
{
    struct pair first = make();
    tw_deferred_unref(spawn(NULL, await_and_leave_it, first.deferred));
    fire(first.source, 6);
    tw_deferred_unref(spawn(NULL, await_and_leave_it, first.deferred));
    TRACED("waited waited ");
    watch(first.deferred, "still");
    TRACED("still=6 ");
    drop(&first);
}

static void gone(void *arg)
{
    trace("~%s ", ((struct script *)arg)->name);
}

/* INL-025: its argument goes when its function has returned, before the outcome's callbacks; then
 * nothing of it is kept but the outcome. */
TEST(INL_025_nothing_is_kept_after_its_end)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, false, 4};
    struct tw_deferred *outcome = NULL;
    long before = harness_live();
    size_t stacks = stacks_in_use();
    CU_ASSERT_EQUAL(tw_spawn(NULL, follow, &script, gone, NULL, &outcome), 0);
    tw_deferred_add_both(outcome, see, "outcome", destroy_name);
    CU_ASSERT_EQUAL(stacks_in_use(), stacks + 1);
    fire(first.source, 1);
    TRACED("(a a=1 a) ~a outcome=4 ~outcome ");
    CU_ASSERT_EQUAL(stacks_in_use(), stacks);
    CU_ASSERT_EQUAL(harness_live(), before + 1);
    tw_deferred_unref(outcome);
    CU_ASSERT_EQUAL(harness_live(), before);
    drop(&first);
}

/* It goes on though nobody holds its outcome. */
TEST(it_goes_on_without_a_handle)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, false, 0};
    CU_ASSERT_EQUAL(tw_spawn(NULL, follow, &script, gone, NULL, NULL), 0);
    fire(first.source, 1);
    TRACED("(a a=1 a) ~a ");
    drop(&first);
}

/* --- several of them -------------------------------------------------------------------------- */

/* INL-012, INL-028: coroutines wait for coroutines: the innermost resumes first. */
TEST(INL_012_the_innermost_resumes_first)
{
    struct pair first = make();
    struct script inner = {"c", {first.deferred}, false, 3}, middle = {"b", {NULL}, false, 2},
                  outer = {"a", {NULL}, false, 1};
    struct tw_deferred *outcome;
    middle.awaits[0] = spawn(NULL, follow, &inner);
    outer.awaits[0] = spawn(NULL, follow, &middle);
    outcome = spawn(NULL, follow, &outer);
    TRACED("(c (b (a ");
    fire(first.source, 5);
    TRACED("c=5 c) b=3 b) a=2 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=1 ");
    tw_deferred_unref(outcome);
    tw_deferred_unref(outer.awaits[0]);
    tw_deferred_unref(middle.awaits[0]);
    drop(&first);
}

/* INL-012: several that wait for the same one resume in the order of waiting; the first takes the
 * value. */
TEST(INL_012_waiters_resume_in_the_order_of_waiting)
{
    struct pair first = make(), second = make();
    struct script one = {"a", {first.deferred, second.deferred}, false, 0},
                  two = {"b", {first.deferred, second.deferred}, false, 0};
    tw_deferred_unref(spawn(NULL, follow, &one));
    tw_deferred_unref(spawn(NULL, follow, &two));
    fire(first.source, 1);
    TRACED("(a (b a=1 b=0 ");
    fire(second.source, 2);
    TRACED("a=2 a) b=0 b) ");
    drop(&first);
    drop(&second);
}

/* INL-013: callbacks that are added to a coroutine's outcome before it is awaited go first. */
TEST(INL_013_callbacks_added_before_the_wait_go_first)
{
    struct pair first = make();
    struct script inner = {"b", {first.deferred}, false, 3}, outer = {"a", {NULL}, false, 1};
    outer.awaits[0] = spawn(NULL, follow, &inner);
    tw_deferred_add_both(outer.awaits[0], add_one, "+", NULL);
    tw_deferred_unref(spawn(NULL, follow, &outer));
    fire(first.source, 5);
    TRACED("(b (a b=5 b) +=3 a=4 a) ");
    tw_deferred_unref(outer.awaits[0]);
    drop(&first);
}

struct pinger {
    struct tw_source *fires;
    struct tw_deferred *awaits;
    const char *name;
};

static void await_then_fire(struct tw_result *result, void *arg)
{
    struct pinger *pinger = (struct pinger *)arg;
    struct tw_result seen = TW_RESULT_INIT;
    (void)result;
    tw_await(pinger->awaits, &seen);
    trace("(%s=%d ", pinger->name, NUMBER(tw_result_value(&seen)));
    fire(pinger->fires, NUMBER(tw_result_value(&seen)) + 1);
    trace("%s) ", pinger->name);
}

/* What a coroutine fires runs before the firing returns, another coroutine too. */
TEST(one_that_fires_what_another_waits_for_runs_it_there)
{
    struct pair first = make(), second = make(), third = make();
    struct pinger one = {second.source, first.deferred, "a"},
                  two = {third.source, second.deferred, "b"};
    tw_deferred_unref(spawn(NULL, await_then_fire, &one));
    tw_deferred_unref(spawn(NULL, await_then_fire, &two));
    fire(first.source, 1);
    TRACED("(a=1 (b=2 b) a) ");
    settle(third.deferred, "third");
    TRACED("third=3 ");
    drop(&first);
    drop(&second);
    drop(&third);
}

#define DEEP (HARNESS_SANITIZED ? 500 : 5000)

static struct pair deepest;

static void await_one_deeper(struct tw_result *result, void *arg)
{
    struct tw_spawn_options options = {sizeof options, 32 * 1024};
    struct tw_deferred *deeper = deepest.deferred;
    int depth = NUMBER(arg);
    if (depth > 0)
        CU_ASSERT_EQUAL_FATAL(
            tw_spawn(NULL, await_one_deeper, VALUE(depth - 1), NULL, &options, &deeper), 0);
    tw_await(deeper, result);
    if (depth > 0)
        tw_deferred_unref(deeper);
    if (tw_result_is_ok(result))
        tw_result_set(result, VALUE(NUMBER(tw_result_value(result)) + 1), NULL);
}

static void cancel_it(struct tw_result *result, void *outcome)
{
    (void)result;
    CU_ASSERT_EQUAL(tw_deferred_cancel((struct tw_deferred *)outcome), 0);
}

/* Thousands in a row that wait for each other resume, and are cancelled, in constant stack: they
 * have small ones, and so has the one that cancels. */
TEST(INL_021_a_deep_row_resumes_and_is_cancelled_in_constant_stack)
{
    struct tw_spawn_options options = {sizeof options, 32 * 1024};
    struct tw_deferred *outcome;
    char last[32];
    int round;
    for (round = 0; round < 2; round++) {
        deepest = make();
        outcome = spawn(NULL, await_one_deeper, VALUE(DEEP));
        CU_ASSERT_EQUAL(stacks_in_use(), DEEP + 1);
        if (round == 0)
            fire(deepest.source, 1);
        else
            CU_ASSERT_EQUAL(tw_spawn(NULL, cancel_it, outcome, NULL, &options, NULL), 0);
        CU_ASSERT_EQUAL(stacks_in_use(), 0);
        settle(outcome, "outcome");
        tw_deferred_unref(outcome);
        drop(&deepest);
    }
    snprintf(last, sizeof last, "outcome=%d outcome!125 ", DEEP + 2);
    TRACED(last);
}

/* --- what never comes ------------------------------------------------------------------------- */

/* What is abandoned resumes it, as a failure of that kind. */
TEST(a_wait_for_one_that_is_abandoned)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, true, 0};
    tw_deferred_unref(spawn(NULL, follow, &script));
    drop(&first);
    TRACED("(a a!32 a) ");
}

/* So does a Deferred that is paused, when nobody is left to let it go on. */
TEST(a_wait_for_one_that_goes_while_it_is_paused)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, true, 0};
    tw_deferred_unref(spawn(NULL, follow, &script));
    tw_deferred_pause(first.deferred);
    fire(first.source, 1);
    TRACED("(a ");
    drop(&first);
    TRACED("a!32 a) ");
}

static void await_itself(struct tw_result *result, void *arg)
{
    struct pair *first = (struct pair *)arg;
    struct tw_result seen = TW_RESULT_INIT;
    tw_await(first->deferred, &seen);
    CU_ASSERT_EQUAL(tw_await((struct tw_deferred *)tw_result_value(&seen), result), -EDEADLK);
    write_result(result, "itself");
    tw_result_set(result, NULL, NULL);
}

/* DEF-091: one that would wait for itself, or for one that waits for it, is given a failure. */
TEST(DEF_091_a_coroutine_does_not_wait_for_itself)
{
    struct pair first = make(), second = make();
    struct tw_deferred *outcome = spawn(NULL, await_itself, &first), *other;
    struct script script = {"a", {outcome}, false, 0};
    tw_source_callback(first.source, outcome, NULL);
    TRACED("itself!35 ");
    tw_deferred_unref(outcome);

    outcome = spawn(NULL, await_itself, &second);
    script.awaits[0] = outcome;
    other = spawn(NULL, follow, &script);
    tw_source_callback(second.source, other, NULL);
    TRACED("(a itself!35 a=0 a) ");
    tw_deferred_unref(other);
    tw_deferred_unref(outcome);
    drop(&first);
    drop(&second);
}

static void give_outcome(struct tw_result *result, void *place)
{
    give_deferred(result, *(struct tw_deferred **)place);
}

/* DEF-091: nor does it come about the other way, by what the awaited Deferred is to wait for. */
TEST(DEF_091_what_it_waits_for_does_not_wait_for_it)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, true, 0};
    struct tw_deferred *outcome = NULL;
    tw_deferred_add_both(first.deferred, give_outcome, (void *)&outcome, NULL);
    outcome = spawn(NULL, follow, &script);
    fire(first.source, 1);
    TRACED("(a a!35 a) ");
    tw_deferred_unref(outcome);
    drop(&first);
}
