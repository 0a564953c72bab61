/*
 * Between Deferreds, futures and workers: with memory workers and the test clock's reactor every
 * step is taken by hand, on one thread.
 */
#include "script.h"

SUITE("bridge")

static struct tw_reactor *reactor;
static struct tw_worker *pool;

static void set_up(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

static struct tw_future *new_future(void)
{
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&future), 0);
    return future;
}

static int set_number(struct tw_future *future, int number)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_set(&result, VALUE(number), NULL);
    return tw_future_set(future, &result);
}

static struct tw_deferred *from_future(struct tw_future *future, const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_from_future(reactor, future, &deferred), 0);
    tw_deferred_add_both(deferred, handle, (void *)(uintptr_t)name, NULL);
    return deferred;
}

/* --- a future's result as a Deferred ---------------------------------------------------------- */

/* The Deferred fires in a pass after the future is done, with its value; one that is done already
 * gives a fired Deferred. */
TEST(a_futures_value_comes_home)
{
    struct tw_future *future = new_future(), *done = new_future();
    struct tw_deferred *deferred, *fired;
    set_up();
    set_number(done, 4);
    fired = from_future(done, "done");
    TRACED("done=4 ");
    deferred = from_future(future, "it");
    CU_ASSERT_EQUAL(set_number(future, 5), 0);
    TRACED("");
    pass();
    TRACED("it=5 ");
    CU_ASSERT_PTR_NULL(tw_future_value(future));
    tw_deferred_unref(deferred);
    tw_deferred_unref(fired);
    tw_future_unref(future);
    tw_future_unref(done);
    tear_down();
}

/* A failure comes too, and is not told by the future; a future that somebody cancels fails it as
 * cancelled. */
TEST(a_futures_failure_comes_home)
{
    struct tw_future *future = new_future(), *other = new_future();
    struct tw_result result = TW_RESULT_INIT;
    struct tw_deferred *deferred, *cancelled;
    set_up();
    deferred = from_future(future, "it");
    cancelled = from_future(other, "other");
    tw_result_failf(&result, &TW_ERROR, 7, "no luck");
    CU_ASSERT_EQUAL(tw_future_set(future, &result), 0);
    CU_ASSERT_EQUAL(tw_future_cancel(other), 0);
    tw_future_unref(future);
    tw_future_unref(other);
    pass();
    TRACED("it!7 other!125 ");
    tw_deferred_unref(deferred);
    tw_deferred_unref(cancelled);
    tear_down();
}

/* Cancelling the Deferred cancels the future; one that runs is asked to stop, and its late result is
 * its own. */
TEST(cancelling_the_deferred_cancels_the_future)
{
    struct tw_future *future = new_future(), *running = new_future();
    struct tw_deferred *deferred, *other;
    set_up();
    deferred = from_future(future, "it");
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    CU_ASSERT_TRUE(tw_future_is_cancelled(future));
    TRACED("it!125 ");
    tw_future_begin(running);
    other = from_future(running, "other");
    CU_ASSERT_EQUAL(tw_deferred_cancel(other), 0);
    TRACED("other!125 ");
    CU_ASSERT_TRUE(tw_future_is_running(running));
    CU_ASSERT_EQUAL(set_number(running, 3), 0);
    pass();
    TRACED("");
    CU_ASSERT_EQUAL(NUMBER(tw_future_value(running)), 3);
    tw_deferred_unref(deferred);
    tw_deferred_unref(other);
    tw_future_unref(future);
    tw_future_unref(running);
    tear_down();
}

/* A late failure is not reported: who has cancelled does not want to know. */
TEST(a_late_failure_of_a_cancelled_one_is_not_reported)
{
    struct tw_future *future = new_future();
    struct tw_result result = TW_RESULT_INIT;
    struct tw_deferred *deferred;
    set_up();
    tw_future_begin(future);
    deferred = from_future(future, "it");
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    tw_result_failf(&result, &TW_ERROR, 7, "stopped half-way");
    CU_ASSERT_EQUAL(tw_future_set(future, &result), 0);
    pass();
    TRACED("it!125 ");
    tw_deferred_unref(deferred);
    tw_future_unref(future);
    tear_down();
}

/* A reactor that goes fails it, on the spot; the future goes on without. On its way home, too. */
TEST(a_reactor_that_goes_leaves_the_future_alone)
{
    struct tw_future *future = new_future(), *on_its_way = new_future();
    struct tw_deferred *deferred, *other;
    set_up();
    deferred = from_future(future, "it");
    other = from_future(on_its_way, "other");
    set_number(on_its_way, 1);
    tear_down();
    TRACED("it!108 other!108 ");
    CU_ASSERT_EQUAL(set_number(future, 3), 0);
    CU_ASSERT_EQUAL(NUMBER(tw_future_value(future)), 3);
    tw_deferred_unref(deferred);
    tw_deferred_unref(other);
    tw_future_unref(future);
    tw_future_unref(on_its_way);
}

static void await_future(struct tw_result *result, void *future)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL(tw_deferred_from_future(reactor, (struct tw_future *)future, &deferred), 0);
    tw_await(deferred, result);
    tw_deferred_unref(deferred);
    write_result(result, "a");
}

/* So a coroutine can wait for a future. */
TEST(a_coroutine_waits_for_a_future)
{
    struct tw_future *future = new_future();
    set_up();
    tw_deferred_unref(spawn(reactor, await_future, future));
    set_number(future, 6);
    pass();
    TRACED("a=6 ");
    tw_future_unref(future);
    tear_down();
}

/* --- a Deferred's result as a future ---------------------------------------------------------- */

static struct tw_future *to_future(struct tw_deferred *deferred)
{
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_future_from_deferred(reactor, deferred, &future), 0);
    return future;
}

/* The future is done when the link is reached, with the value or the failure; later links see
 * null, and the failure is the future's to report. */
TEST(a_deferreds_result_is_the_futures)
{
    struct pair good = make(), bad = make();
    struct tw_future *value, *failure;
    struct tw_result taken = TW_RESULT_INIT;
    set_up();
    tw_deferred_add_both(good.deferred, add_one, "before", NULL);
    value = to_future(good.deferred);
    failure = to_future(bad.deferred);
    watch(good.deferred, "after");
    watch(bad.deferred, "after");
    CU_ASSERT_FALSE(tw_future_is_done(value));
    fire(good.source, 5);
    fire_failure(bad.source, 7);
    TRACED("before=5 after=0 after=0 ");
    CU_ASSERT_EQUAL(tw_future_result(value, 0, &taken), 0);
    write_result(&taken, "taken");
    CU_ASSERT_EQUAL(tw_failure_code(tw_future_failure(failure)), 7);
    TRACED("taken=6 ");
    PROVOKE(tw_future_set(value, &taken));
    tw_future_unref(value);
    tw_future_unref(failure);
    drop(&good);
    drop(&bad);
    tear_down();
}

static int tell(struct tw_source *source, void *name)
{
    (void)source;
    trace("%s! ", (const char *)name);
    return 0;
}

/* A future that is cancelled is so at once; its Deferred is, in the loop's next pass, and nothing is
 * reported. */
TEST(cancelling_the_future_cancels_the_deferred)
{
    struct pair first = make_cancellable(tell, "first");
    struct tw_future *future;
    set_up();
    future = to_future(first.deferred);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CU_ASSERT_TRUE(tw_future_is_cancelled(future));
    TRACED("");
    tw_future_unref(future);
    pass();
    TRACED("first! ");
    drop(&first);
    tear_down();
}

/* What was cancelled too late for the Deferred: its value is destroyed. */
TEST(a_value_for_a_cancelled_future_is_destroyed)
{
    struct pair first = make();
    struct tw_future *future;
    int destroyed = 0;
    set_up();
    future = to_future(first.deferred);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    tw_source_callback(first.source, &destroyed, count_destroy);
    CU_ASSERT_EQUAL(destroyed, 1);
    pass();
    tw_future_unref(future);
    drop(&first);
    tear_down();
}

/* Nobody waits for ever: a Deferred that is abandoned, or goes while it is paused, fails the future;
 * a cancel after the reactor has gone still cancels the future. */
TEST(a_future_of_a_deferred_that_goes)
{
    struct pair first = make(), second = make(), third = make();
    struct tw_future *one, *other, *last;
    set_up();
    one = to_future(first.deferred);
    other = to_future(second.deferred);
    last = to_future(third.deferred);
    drop(&first);
    tw_deferred_pause(second.deferred);
    fire(second.source, 1);
    drop(&second);
    CU_ASSERT_TRUE(tw_failure_is(tw_future_failure(one), &TW_ERROR_ABANDONED));
    CU_ASSERT_TRUE(tw_failure_is(tw_future_failure(other), &TW_ERROR_ABANDONED));
    tear_down();
    CU_ASSERT_EQUAL(tw_future_cancel(last), 0);
    tw_future_unref(one);
    tw_future_unref(other);
    tw_future_unref(last);
    fire(third.source, 1);
    drop(&third);
}

/* --- a link on another worker ----------------------------------------------------------------- */

static void add_on(struct pair *pair, tw_call_fn fn, const char *name)
{
    CU_ASSERT_EQUAL(tw_deferred_add_callback_on(pair->deferred, reactor, pool, fn,
                                                (void *)(uintptr_t)name, destroy_name),
                    0);
}

/* The link runs where the worker does, its argument goes there, and the chain goes on at home. */
TEST(a_link_runs_on_another_worker)
{
    struct pair first = make();
    set_up();
    tw_deferred_add_both(first.deferred, add_one, "1", NULL);
    add_on(&first, add_one, "2");
    tw_deferred_add_both(first.deferred, handle, "3", NULL);
    fire(first.source, 5);
    pass();
    TRACED("1=5 ");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("2=6 ~2 ");
    pass();
    TRACED("3=7 ");
    drop(&first);
    tear_down();
}

/* A failure passes it by, and its argument goes at home; a failure it leaves comes home. */
TEST(failures_and_a_link_on_another_worker)
{
    struct pair first = make(), second = make();
    set_up();
    add_on(&first, see, "1");
    add_on(&second, go_wrong, "2");
    fire_failure(first.source, 7);
    TRACED("~1 ");
    settle(first.deferred, "first");
    fire(second.source, 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    pass();
    settle(second.deferred, "second");
    TRACED("first!7 2=1 ~2 second!99 ");
    drop(&first);
    drop(&second);
    tear_down();
}

/* Cancelled before it starts it never runs: value and argument are destroyed. A worker that has quit
 * makes a failure, and so does a reactor that has gone. */
TEST(a_link_on_another_worker_that_is_given_up)
{
    struct pair first = make(), second = make(), third = make();
    int destroyed = 0;
    set_up();
    add_on(&first, see, "1");
    add_on(&second, see, "2");
    add_on(&third, see, "3");
    tw_source_callback(first.source, &destroyed, count_destroy);
    CU_ASSERT_EQUAL(tw_deferred_cancel(first.deferred), 0);
    settle(first.deferred, "first");
    tw_worker_quit(pool);
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    CU_ASSERT_EQUAL(destroyed, 1);
    TRACED("first!125 ~1 ");
    fire(second.source, 1);
    settle(second.deferred, "second");
    TRACED("~2 second!108 ");
    pass();
    tear_down();
    fire(third.source, 1);
    settle(third.deferred, "third");
    TRACED("~3 third!108 ");
    drop(&first);
    drop(&second);
    drop(&third);
}

/* --- refused, and short of memory ------------------------------------------------------------- */

/* Without one of the two worlds there is nothing to join; arguments are consumed. */
TEST(bad_calls_are_refused_and_their_argument_destroyed)
{
    struct tw_deferred *deferred = NULL;
    struct tw_future *future = new_future(), *other = NULL;
    struct pair first = make();
    set_up();
    PROVOKE(tw_deferred_from_future(reactor, NULL, &deferred));
    PROVOKE(tw_deferred_from_future(NULL, future, &deferred));
    PROVOKE(tw_future_from_deferred(reactor, NULL, &other));
    PROVOKE(tw_future_from_deferred(NULL, first.deferred, &other));
    PROVOKE(tw_deferred_add_callback_on(first.deferred, NULL, pool, see, "1", destroy_name));
    PROVOKE(tw_deferred_add_callback_on(first.deferred, reactor, NULL, see, "2", destroy_name));
    PROVOKE(tw_deferred_add_callback_on(first.deferred, reactor, pool, NULL, "3", destroy_name));
    TRACED("~1 ~2 ~3 ");
    tw_future_unref(future);
    fire(first.source, 1);
    drop(&first);
    tear_down();
}

/* Whatever finds no memory says so; the argument goes once, and nobody is left waiting. */
SWEEP(short_of_memory)
{
    struct pair first = {NULL, NULL};
    struct tw_deferred *home = NULL;
    struct tw_future *future = NULL;
    int destroyed = 0;
    reactor = NULL;
    pool = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0 || tw_memory_worker_new(&pool) < 0 ||
        tw_deferred_new(NULL, NULL, NULL, &first.source, &first.deferred) < 0) {
        tear_down();
        return;
    }
    tw_deferred_add_callback_on(first.deferred, reactor, pool, see, &destroyed, count_destroy);
    tw_deferred_add_both(first.deferred, see, "", NULL);
    if (tw_future_from_deferred(reactor, first.deferred, &future) >= 0)
        CU_ASSERT(tw_deferred_from_future(reactor, future, &home) == 0 || harness_failed_one());
    fire(first.source, 1);
    while (tw_memory_worker_perform(pool) > 0)
        pass();
    pass();
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT(!future || tw_future_is_done(future));
    CU_ASSERT(!home || tw_deferred_is_called(home));
    CU_ASSERT(home || harness_failed_one());
    if (home)
        tw_deferred_add_both(home, handle, "", NULL);
    tw_deferred_add_both(first.deferred, handle, "", NULL);
    if (future)
        tw_future_failure(future); /* looked at */
    trace_clear();
    tw_deferred_unref(home);
    tw_future_unref(future);
    drop(&first);
    tear_down();
}
