/*
 * Coroutines that are cancelled, or whose reactor stops (Twisted's inlineCallbacks, INL).
 */
#include "script.h"

SUITE("coroutine_cancel")

/* --- cancelling ------------------------------------------------------------------------------- */

static int answer_five(struct tw_source *source, void *name)
{
    trace("%s! ", (const char *)name);
    fire(source, 5);
    return 0;
}

static int only_tell(struct tw_source *source, void *name)
{
    (void)source;
    trace("%s! ", (const char *)name);
    return 0;
}

static int refuse(struct tw_source *source, void *name)
{
    (void)source;
    trace("%s? ", (const char *)name);
    return -EBUSY;
}

static void await_into(struct tw_result *result, void *arg)
{
    void **pair = (void **)arg;
    (void)result;
    tw_await((struct tw_deferred *)pair[0], (struct tw_result *)pair[1]);
}

/* INL-014: cancelling the outcome cancels what is awaited, at once. */
TEST(INL_014_cancel_cancels_what_is_awaited)
{
    struct pair first = make_cancellable(only_tell, "first");
    struct script script = {"a", {first.deferred}, false, 0};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    TRACED("(a first! a!125 a) ");
    CU_ASSERT_TRUE(tw_deferred_is_called(outcome));
    settle(outcome, "outcome");
    trace_clear();
    tw_deferred_unref(outcome);
    drop(&first);
}

/* INL-015: a cancellation that the coroutine does not handle is its outcome. */
TEST(INL_015_a_cancellation_not_handled_is_the_outcome)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, false, 0};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    struct tw_result result = TW_RESULT_INIT;
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    tw_deferred_unref(spawn(NULL, await_into, (void *[]){outcome, &result}));
    CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(&result), &TW_ERROR_CANCELLED));
    tw_result_done(&result);
    tw_deferred_unref(outcome);
    drop(&first);
    trace_clear();
}

/* INL-014: what the canceller fires is what the coroutine sees. */
TEST(INL_014_it_sees_what_the_canceller_fires)
{
    struct pair first = make_cancellable(answer_five, "first");
    struct script script = {"a", {first.deferred}, false, 4};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    TRACED("(a first! a=5 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=4 ");
    tw_deferred_unref(outcome);
    drop(&first);
}

static void translate(struct tw_result *result, void *deferred)
{
    tw_await((struct tw_deferred *)deferred, result);
    write_result(result, "t");
    tw_result_failf(result, &TW_ERROR, 66, "it was translated");
}

/* INL-016: it may translate the failure, or turn it into a success. */
TEST(INL_016_it_translates_the_cancellation)
{
    struct pair first = make(), second = make();
    struct script script = {"a", {second.deferred}, true, 4};
    struct tw_deferred *outcome = spawn(NULL, translate, first.deferred),
                       *other = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(other), 0);
    settle(outcome, "outcome");
    settle(other, "other");
    TRACED("(a t!125 a!125 a) outcome!66 other=4 ");
    tw_deferred_unref(outcome);
    tw_deferred_unref(other);
    drop(&first);
    drop(&second);
}

/* INL-017: if it goes on and waits for something else the outcome stays as it is, and can be
 * cancelled again. */
TEST(INL_017_a_cancellation_that_is_caught)
{
    struct pair first = make(), second = make();
    struct script script = {"a", {first.deferred, second.deferred}, true, 4};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), -EINPROGRESS);
    TRACED("(a a!125 ");
    CU_ASSERT_FALSE(tw_deferred_is_called(outcome));
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    TRACED("a!125 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=4 ");
    tw_deferred_unref(outcome);
    drop(&first);
    drop(&second);
}

/* INL-018: if what it waits for answers by waiting for yet another, it resumes only with that. */
TEST(INL_018_a_cancellation_that_takes_its_time)
{
    struct pair first = make(), later = make();
    struct script script = {"a", {first.deferred}, true, 4};
    struct tw_deferred *outcome;
    tw_deferred_add_errback(first.deferred, give_deferred, later.deferred, NULL);
    outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), -EINPROGRESS);
    TRACED("(a ");
    CU_ASSERT_FALSE(tw_deferred_is_called(outcome));
    fire(later.source, 3);
    TRACED("a=3 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=4 ");
    tw_deferred_unref(outcome);
    drop(&first);
    drop(&later);
}

/* INL-019: the producer of what was awaited may fire once, too late (CAN-002). */
TEST(INL_019_the_producer_may_fire_too_late)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, true, 0};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    CU_ASSERT_EQUAL(fire(first.source, 1), 0);
    CU_ASSERT_EQUAL(fire(first.source, 1), -EALREADY);
    TRACED("(a a!125 a) ");
    tw_deferred_unref(outcome);
    drop(&first);
}

/* INL-020: cancelling one that has ended does nothing. */
TEST(INL_020_cancel_after_its_end)
{
    struct script script = {"a", {NULL}, false, 4};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    settle(outcome, "outcome");
    TRACED("(a a) outcome=4 ");
    tw_deferred_unref(outcome);
}

/* INL-021: through nested ones only the innermost wait is cancelled. */
TEST(INL_021_only_the_innermost_wait_is_cancelled)
{
    struct pair first = make_cancellable(only_tell, "first");
    struct script inner = {"c", {first.deferred}, false, 0}, middle = {"b", {NULL}, false, 0},
                  outer = {"a", {NULL}, true, 7};
    struct tw_deferred *outcome;
    middle.awaits[0] = spawn(NULL, follow, &inner);
    outer.awaits[0] = spawn(NULL, follow, &middle);
    outcome = spawn(NULL, follow, &outer);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    TRACED("(c (b (a first! c!125 c) b!125 b) a!125 a) ");
    settle(outcome, "outcome");
    TRACED("outcome=7 ");
    tw_deferred_unref(outcome);
    tw_deferred_unref(outer.awaits[0]);
    tw_deferred_unref(middle.awaits[0]);
    drop(&first);
}

/* What refuses to be cancelled refuses through a coroutine as well, and nothing changes. */
TEST(a_refusal_comes_back)
{
    struct pair first = make_cancellable(refuse, "first");
    struct script script = {"a", {first.deferred}, false, 0};
    struct tw_deferred *outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), -EBUSY);
    fire(first.source, 1);
    TRACED("(a first? a=1 a) ");
    tw_deferred_unref(outcome);
    drop(&first);
}

static struct tw_deferred *own_outcome;

static void be_cancelled_by_itself(struct tw_result *result, void *arg)
{
    struct pair *pair = (struct pair *)arg;
    tw_await(pair[0].deferred, NULL);
    CU_ASSERT_FALSE(tw_cancelled());
    CU_ASSERT_EQUAL(tw_deferred_cancel(own_outcome), -EINPROGRESS);
    CU_ASSERT_TRUE(tw_cancelled());
    tw_await(pair[2].deferred, result);
    write_result(result, "a");
    CU_ASSERT_TRUE(tw_cancelled());
    tw_await(pair[1].deferred, result);
    CU_ASSERT_FALSE(tw_cancelled());
    write_result(result, "a");
    tw_await(pair[3].deferred, result);
    write_result(result, "a");
}

/* Cancelled while it runs, it is told so, and its next wait that would suspend it is cancelled. */
TEST(a_cancel_while_it_runs_counts_for_the_next_wait)
{
    struct pair pairs[4] = {make(), make_cancellable(only_tell, "second"), make(), make()};
    int i;
    fire(pairs[2].source, 1);
    own_outcome = spawn(NULL, be_cancelled_by_itself, pairs);
    fire(pairs[0].source, 1);
    TRACED("a=1 second! a!125 ");
    fire(pairs[3].source, 2);
    TRACED("a=2 ");
    own_outcome = tw_deferred_unref(own_outcome);
    for (i = 0; i < 4; i++)
        drop(&pairs[i]);
}

static int cancel_outcome(struct tw_source *source, void *unused)
{
    (void)source;
    (void)unused;
    PROVOKE_ERROR(tw_deferred_cancel(own_outcome), -EDEADLK);
    return 0;
}

/* CAN-013: a cancel inside the canceller of what it waits for is refused. */
TEST(CAN_013_cancel_inside_the_canceller_of_what_it_waits_for)
{
    struct pair first = make_cancellable(cancel_outcome, NULL);
    struct script script = {"a", {first.deferred}, true, 0};
    own_outcome = spawn(NULL, follow, &script);
    CU_ASSERT_EQUAL(tw_deferred_cancel(own_outcome), 0);
    TRACED("(a a!125 a) ");
    own_outcome = tw_deferred_unref(own_outcome);
    drop(&first);
}

/* --- a reactor that stops --------------------------------------------------------------------- */

static struct tw_reactor *reactor;

static void set_up(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    trace("stop ");
}

static void run_and_stop(void)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
}

/* R18, R23: when its reactor stops each waiting coroutine sees a cancellation; nested ones in their
 * order. */
TEST(R18_a_stop_cancels_each_that_waits)
{
    struct pair first = make_cancellable(only_tell, "first"), second = make();
    struct script inner = {"b", {first.deferred}, false, 0}, outer = {"a", {NULL}, true, 1},
                  other = {"c", {second.deferred}, true, 1};
    set_up();
    outer.awaits[0] = spawn(reactor, follow, &inner);
    tw_deferred_unref(spawn(reactor, follow, &outer));
    tw_deferred_unref(spawn(reactor, follow, &other));
    run_and_stop();
    TRACED("(b (a (c stop first! b!125 b) a!125 a) c!125 c) ");
    tw_deferred_unref(outer.awaits[0]);
    drop(&first);
    drop(&second);
    tear_down();
}

/* R18: one that waits for something that refuses, or that takes its time, is resumed all the same;
 * what comes out of that later stays in the Deferred. */
TEST(R18_a_stop_ends_waits_that_cannot_be_cancelled)
{
    struct pair first = make_cancellable(refuse, "first"), second = make(), later = make();
    struct script one = {"a", {first.deferred}, true, 1}, other = {"b", {second.deferred}, true, 1};
    set_up();
    tw_deferred_add_errback(second.deferred, give_deferred, later.deferred, NULL);
    tw_deferred_unref(spawn(reactor, follow, &one));
    tw_deferred_unref(spawn(reactor, follow, &other));
    run_and_stop();
    TRACED("(a (b stop first? a!125 a) b!125 b) ");
    fire(first.source, 1);
    fire(later.source, 2);
    watch(first.deferred, "first");
    watch(second.deferred, "second");
    TRACED("first=1 second=2 ");
    drop(&first);
    drop(&second);
    drop(&later);
    tear_down();
}

static void fire_three(void *source)
{
    fire((struct tw_source *)source, 3);
}

static void clean_up(struct tw_result *result, void *arg)
{
    struct pair *pair = (struct pair *)arg;
    CU_ASSERT_EQUAL(tw_await(pair[0].deferred, result), -ECANCELED);
    write_result(result, "a");
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, fire_three, pair[1].source, NULL), 0);
    CU_ASSERT_EQUAL(tw_await(pair[1].deferred, result), 0);
    write_result(result, "a");
}

/* R23: it may wait again while it cleans up, once cancelled it is not again, and the shutdown waits
 * for it. */
TEST(R23_it_may_wait_while_it_cleans_up)
{
    struct pair pairs[2] = {make_cancellable(refuse, "first"), make()};
    set_up();
    tw_deferred_unref(spawn(reactor, clean_up, pairs));
    run_and_stop();
    TRACED("stop first? a!125 a=3 ");
    fire(pairs[0].source, 1);
    drop(&pairs[0]);
    drop(&pairs[1]);
    tear_down();
}

static void never_end(struct tw_result *result, void *arg)
{
    struct pair *pair = (struct pair *)arg;
    int i;
    for (i = 0; i < 4; i++) {
        int rc = tw_await(pair[i].deferred, result);
        trace("%d ", rc);
        write_result(result, "a");
    }
    tw_result_set(result, NULL, NULL);
}

static void fire_and_drop(struct pair *pairs, int count)
{
    for (; count > 0; count--, pairs++) {
        fire(pairs->source, 0);
        drop(pairs);
    }
}

/* R23: but not for longer than the shutdown timeout; a reactor that has stopped lets nobody wait.
 */
TEST(R23_a_reactor_that_has_stopped_lets_nobody_wait)
{
    struct pair pairs[4];
    int i;
    set_up();
    for (i = 0; i < 4; i++)
        pairs[i] = make_cancellable(refuse, "?");
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 0), 0);
    tw_deferred_unref(spawn(reactor, never_end, pairs));
    run_and_stop();
    TRACED("stop ?? -125 a!125 ?? -125 a!125 -108 a!108 -108 a!108 ");
    CU_ASSERT_EQUAL(tw_spawn(reactor, never_end, "b", destroy_name, NULL, NULL), -ESHUTDOWN);
    TRACED("~b ");
    fire_and_drop(pairs, 4);
    tear_down();
}

/* A reactor that goes without having been stopped does the same at once. */
TEST(R18_a_reactor_that_goes_resumes_each_that_waits)
{
    struct pair pairs[4];
    int i;
    set_up();
    for (i = 0; i < 4; i++)
        pairs[i] = make_cancellable(refuse, "?");
    tw_deferred_unref(spawn(reactor, never_end, pairs));
    tear_down();
    TRACED("?? -125 a!125 -108 a!108 -108 a!108 -108 a!108 ");
    fire_and_drop(pairs, 4);
}

static void let_reactor_go(struct tw_result *result, void *deferred)
{
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_await((struct tw_deferred *)deferred, result), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_await_in_thread(NULL, see, "work", destroy_name, result), -ESHUTDOWN);
    write_result(result, "a");
    tw_result_set(result, NULL, NULL);
}

/* It may let go of its own reactor, and then it cannot wait any more. */
TEST(a_coroutine_may_outlive_its_reactor)
{
    struct pair first = make();
    set_up();
    tw_deferred_unref(spawn(reactor, let_reactor_go, first.deferred));
    TRACED("~work a!108 ");
    fire_and_drop(&first, 1);
}

static void spawn_another(struct tw_result *result, void *arg)
{
    static struct script script;
    struct pair *pair = (struct pair *)arg;
    tw_await(pair[0].deferred, result);
    tw_result_set(result, NULL, NULL);
    script.name = "b";
    script.awaits[0] = pair[1].deferred;
    script.handles = true;
    tw_deferred_unref(spawn(reactor, follow, &script));
}

/* One that is spawned while the reactor stops may wait, until it has stopped. */
TEST(one_spawned_while_the_reactor_stops)
{
    struct pair pairs[2] = {make(), make()};
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 0), 0);
    tw_deferred_unref(spawn(reactor, spawn_another, pairs));
    run_and_stop();
    TRACED("stop (b b!125 b) ");
    drop(&pairs[0]);
    drop(&pairs[1]);
    tear_down();
}

/* Without a reactor nobody ends its wait: it is over when the source goes. */
TEST(without_a_reactor_it_is_left_alone_by_a_stop)
{
    struct pair first = make();
    struct script script = {"a", {first.deferred}, true, 0};
    set_up();
    tw_deferred_unref(spawn(NULL, follow, &script));
    run_and_stop();
    tear_down();
    TRACED("(a stop ");
    drop(&first);
    TRACED("a!32 a) ");
}
