/*
 * Coroutines on a loop: work in threads, contexts, calls that are refused, memory that runs out.
 */
#include "script.h"

SUITE("coroutine_loop")

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

/* --- at any depth ------------------------------------------------------------------------------ */

static int sum_of(struct pair *pairs, int count)
{
    struct tw_result seen = TW_RESULT_INIT;
    if (count == 0)
        return 0;
    tw_await(pairs[0].deferred, &seen);
    return NUMBER(tw_result_value(&seen)) + sum_of(pairs + 1, count - 1);
}

static void sum_up(struct tw_result *result, void *pairs)
{
    tw_result_set(result, VALUE(sum_of((struct pair *)pairs, 3)), NULL);
}

/* INL-027: any function that a coroutine calls may wait, at any depth. */
TEST(INL_027_an_await_at_any_depth)
{
    struct pair pairs[3] = {make(), make(), make()};
    struct tw_deferred *outcome = spawn(NULL, sum_up, pairs);
    int i;
    for (i = 0; i < 3; i++)
        fire(pairs[i].source, i + 1);
    settle(outcome, "outcome");
    TRACED("outcome=6 ");
    tw_deferred_unref(outcome);
    for (i = 0; i < 3; i++)
        drop(&pairs[i]);
}

static void spawn_and_await(struct tw_result *result, void *pairs)
{
    struct tw_deferred *nested = spawn(NULL, sum_up, pairs);
    tw_await(nested, result);
    tw_deferred_unref(nested);
    write_result(result, "nested");
}

/* INL-028: a coroutine runs another one, and waits for it. */
TEST(INL_028_a_nested_coroutine)
{
    struct pair pairs[3] = {make(), make(), make()};
    int i;
    tw_deferred_unref(spawn(NULL, spawn_and_await, pairs));
    for (i = 0; i < 3; i++)
        fire(pairs[i].source, i + 1);
    TRACED("nested=6 ");
    for (i = 0; i < 3; i++)
        drop(&pairs[i]);
}

/* --- in a thread ------------------------------------------------------------------------------ */

static void await_work_and_failure(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_await_in_thread(pool, add_one, "one", destroy_name, result), 0);
    write_result(result, "a");
    CU_ASSERT_EQUAL(tw_await_in_thread(pool, go_wrong, "two", destroy_name, result), 0);
    write_result(result, "a");
    tw_result_set(result, NULL, NULL);
}

/* Work in a pool reads like a call: it runs there, its argument goes there, and the coroutine goes
 * on when the result is home; a failure comes as one. */
TEST(await_in_thread_reads_like_a_call)
{
    set_up();
    tw_deferred_unref(spawn(reactor, await_work_and_failure, NULL));
    TRACED("");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("one=0 ~one ");
    pass();
    TRACED("a=1 ");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    pass();
    TRACED("two=0 ~two a!99 ");
    tear_down();
}

static void await_in_own_pool(struct tw_result *result, void *rc)
{
    *(int *)rc = tw_await_in_thread(NULL, see, "work", destroy_name, result);
    write_result(result, "a");
    tw_result_set(result, NULL, NULL);
}

/* Without a pool it is the reactor's own, which holds work back until the reactor runs; a reactor
 * that goes before ends the wait. */
TEST(await_in_thread_uses_the_reactors_pool)
{
    int rc = 1;
    set_up();
    tw_deferred_unref(spawn(reactor, await_in_own_pool, &rc));
    pass();
    TRACED("");
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "a!108 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "~work "));
    trace_clear();
    tear_down();
}

/* THR-004: cancelling the coroutine takes work that has not started out of the pool. */
TEST(THR_004_cancel_takes_the_work_out_of_the_pool)
{
    struct tw_deferred *outcome;
    set_up();
    outcome = spawn(reactor, await_work_and_failure, NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), -EINPROGRESS);
    CU_ASSERT_EQUAL(tw_deferred_cancel(outcome), 0);
    TRACED("a!125 a!125 ");
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    TRACED("~one ~two ");
    tw_deferred_unref(outcome);
    tear_down();
}

static void await_in_quit_pool(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_await_in_thread(pool, see, "work", destroy_name, result), -ESHUTDOWN);
    write_result(result, "a");
    tw_result_set(result, NULL, NULL);
}

/* A pool that has quit refuses, at once, and the result says so too. */
TEST(await_in_a_pool_that_has_quit)
{
    set_up();
    tw_worker_quit(pool);
    tw_deferred_unref(spawn(reactor, await_in_quit_pool, NULL));
    TRACED("~work a!108 ");
    tear_down();
}

static int value_destroyed;

static void leave_value(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set(result, &value_destroyed, count_destroy);
}

static void await_and_ignore(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    CU_ASSERT_EQUAL(tw_await_in_thread(pool, leave_value, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    CU_ASSERT_EQUAL(tw_await_in_thread(pool, go_wrong, "work", NULL, NULL), 0);
}

/* Results nobody asks for: a value is destroyed, a failure reported. */
TEST(await_in_thread_without_a_result)
{
    set_up();
    value_destroyed = 0;
    tw_deferred_unref(spawn(reactor, await_and_ignore, NULL));
    while (tw_memory_worker_perform(pool) > 0)
        pass();
    CU_ASSERT_EQUAL(value_destroyed, 1);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 99);
    trace_clear();
    tear_down();
}

/* --- contexts --------------------------------------------------------------------------------- */

static struct tw_context_key who = TW_CONTEXT_KEY("who");

static const char *name_here(void)
{
    const char *name = (const char *)tw_context_get(&who);
    return name ? name : "nobody";
}

static struct tw_context *enter(const char *name)
{
    struct tw_context *before = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&who, (void *)(uintptr_t)name, NULL, &before), 0);
    return before;
}

static void name_twice(struct tw_result *result, void *arg)
{
    struct pair *pair = (struct pair *)arg;
    struct tw_context *before;
    trace("%s ", name_here());
    tw_await(pair[0].deferred, result);
    trace("%s ", name_here());
    before = enter("inside");
    tw_await(pair[1].deferred, result);
    trace("%s ", name_here());
    tw_context_leave(before);
    trace("%s ", name_here());
}

static void name_and_enter(struct tw_result *result, void *ret_before)
{
    (void)result;
    trace("link:%s ", name_here());
    *(struct tw_context **)ret_before = enter("link");
}

static void name_outcome(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    trace("outcome:%s ", name_here());
}

/* INL-026: the context in force at the spawn is so at each resumption, and changes made by the
 * awaited Deferred's callbacks are not seen; what the coroutine enters itself stays over its waits.
 * Nothing of it is left behind with those who fire. */
TEST(INL_026_the_context_of_the_spawn_is_in_force)
{
    struct pair pairs[2] = {make(), make()};
    struct tw_context *before = enter("spawner"), *entered = NULL;
    struct tw_deferred *outcome;
    tw_deferred_add_both(pairs[0].deferred, name_and_enter, (void *)&entered, NULL);
    outcome = spawn(NULL, name_twice, pairs);
    tw_deferred_add_both(outcome, name_outcome, NULL, NULL);
    tw_context_leave(before);
    before = enter("firer");
    fire(pairs[0].source, 1);
    TRACED("spawner link:firer spawner ");
    CU_ASSERT_STRING_EQUAL(name_here(), "link");
    tw_context_leave(entered);
    fire(pairs[1].source, 1);
    TRACED("inside spawner outcome:spawner ");
    CU_ASSERT_STRING_EQUAL(name_here(), "firer");
    tw_context_leave(before);
    tw_deferred_unref(outcome);
    drop(&pairs[0]);
    drop(&pairs[1]);
}

static void enter_and_forget(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    enter("forgotten");
    harness_misuse_begin();
}

/* One that ends in a context that it entered is told. */
TEST(a_context_that_is_not_left_is_told)
{
    struct tw_deferred *outcome = spawn(NULL, enter_and_forget, NULL);
    harness_misuse_end();
    tw_deferred_add_both(outcome, name_outcome, NULL, NULL);
    TRACED("outcome:nobody ");
    tw_deferred_unref(outcome);
}

/* --- refused ---------------------------------------------------------------------------------- */

static void await_in_callback(struct tw_result *result, void *deferred)
{
    PROVOKE(tw_await((struct tw_deferred *)deferred, result));
}

static void do_nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void await_it(struct tw_result *result, void *deferred)
{
    tw_await((struct tw_deferred *)deferred, result);
}

/* Outside a coroutine an await is refused with a sentence, and its result says so too; so in a
 * callback of a coroutine's outcome. */
TEST(an_await_outside_a_coroutine_is_refused)
{
    struct tw_result seen = TW_RESULT_INIT;
    struct pair first = make(), second = make(), third = make();
    struct tw_deferred *outcome;
    PROVOKE(tw_await(first.deferred, &seen));
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "tw_spawn"));
    write_result(&seen, "seen");
    TRACED("seen!22 ");
    tw_result_done(&seen);
    PROVOKE(tw_await_in_thread(NULL, see, "work", destroy_name, NULL));
    TRACED("~work ");
    outcome = spawn(NULL, await_it, third.deferred);
    tw_deferred_add_both(outcome, await_in_callback, first.deferred, NULL);
    fire(third.source, 1);
    drop(&third);
    settle(outcome, "outcome");
    TRACED("outcome!22 ");
    tw_deferred_unref(outcome);
    tw_deferred_add_both(first.deferred, await_in_callback, second.deferred, NULL);
    fire(first.source, 1);
    settle(first.deferred, "first");
    TRACED("first!22 ");
    fire(second.source, 1);
    drop(&first);
    drop(&second);
}

struct inside {
    struct tw_task task;
    struct tw_deferred *awaited;
};

static void await_in_task(struct tw_task *task, int status)
{
    struct tw_result seen = TW_RESULT_INIT;
    CU_ASSERT_EQUAL(status, 0);
    PROVOKE_ERROR(tw_await(((struct inside *)task)->awaited, &seen), -EDEADLK);
    write_result(&seen, "task");
    tw_result_done(&seen);
}

static void await_inside_workers(struct tw_result *result, void *deferred)
{
    struct tw_worker *lock = NULL;
    struct inside inside;
    tw_task_init(&inside.task, await_in_task);
    inside.awaited = (struct tw_deferred *)deferred;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &inside.task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(pool, &inside.task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    tw_worker_unref(lock);
    CU_ASSERT_EQUAL(tw_await(inside.awaited, result), 0);
    write_result(result, "a");
}

/* R18: inside a lock worker's task, or any other worker's that is called on the coroutine's stack,
 * an await is refused as a deadlock; behind it the coroutine may wait. */
TEST(R18_an_await_inside_a_workers_task_is_a_deadlock)
{
    struct tw_worker *lock = NULL;
    struct pair first = make();
    struct inside inside;
    set_up();
    tw_deferred_unref(spawn(NULL, await_inside_workers, first.deferred));
    fire(first.source, 1);
    TRACED("task!35 task!35 a=1 ");
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    tw_task_init(&inside.task, await_in_task);
    inside.awaited = first.deferred;
    tw_worker_submit(lock, &inside.task); /* in no coroutine */
    TRACED("task!35 ");
    tw_worker_unref(lock);
    drop(&first);
    tear_down();
}

static void block_on_the_loop(struct tw_result *result, void *deferred)
{
    struct tw_future *future = NULL;
    tw_await((struct tw_deferred *)deferred, result);
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&future), 0);
    PROVOKE_ERROR(tw_future_wait(&future, 1, TW_WAIT_ALL, TW_FOREVER), -EDEADLK);
    PROVOKE_ERROR(tw_future_await(&future, 1), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EDEADLK);
    tw_future_unref(future);
    trace("refused ");
}

static void fire_one(void *source)
{
    fire((struct tw_source *)source, 1);
}

/* R19: a coroutine is inside of what its resumer is inside of: in a turn of the loop what blocks is
 * refused. */
TEST(R19_what_blocks_is_refused_in_a_turn)
{
    struct pair first = make();
    set_up();
    tw_deferred_unref(spawn(reactor, block_on_the_loop, first.deferred));
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, fire_one, first.source, NULL), 0);
    pass();
    TRACED("refused ");
    drop(&first);
    tear_down();
}

static void await_bad_things(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    PROVOKE(tw_await(NULL, NULL));
    PROVOKE(tw_await_in_thread(pool, NULL, "no work", destroy_name, NULL));
    PROVOKE(tw_await_in_thread(NULL, NULL, "none either", destroy_name, NULL));
}

static void await_in_thread_alone(struct tw_result *result, void *arg)
{
    (void)arg;
    PROVOKE(tw_await_in_thread(pool, see, "no reactor", destroy_name, result));
    tw_result_set(result, NULL, NULL);
}

/* Other calls that make no sense. */
TEST(bad_calls_are_refused_and_their_argument_destroyed)
{
    struct tw_spawn_options options = {0, 0};
    struct tw_deferred *outcome = NULL;
    set_up();
    PROVOKE(tw_spawn(reactor, NULL, "no function", destroy_name, NULL, &outcome));
    PROVOKE(tw_spawn(reactor, see, "no size", destroy_name, &options, &outcome));
    CU_ASSERT_PTR_NULL(outcome);
    TRACED("~no function ~no size ");
    tw_deferred_unref(spawn(reactor, await_bad_things, NULL));
    TRACED("~no work ~none either ");
    tw_deferred_unref(spawn(NULL, await_in_thread_alone, NULL));
    TRACED("~no reactor ");
    tear_down();
}

/* --- memory ----------------------------------------------------------------------------------- */

static int work_destroyed;

static void await_everything(struct tw_result *result, void *arg)
{
    struct pair *pair = (struct pair *)arg;
    int rc = tw_await(pair->deferred, result);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    CU_ASSERT_EQUAL(rc == 0, tw_result_is_ok(result));
    tw_result_set(result, NULL, NULL);
    rc = tw_await_in_thread(pool, leave_value, &work_destroyed, count_destroy, result);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    CU_ASSERT_EQUAL(rc == 0, tw_result_is_ok(result));
    if (rc < 0)
        tw_result_set(result, NULL, NULL);
}

/* Whatever finds no memory says so, in its answer and its result; nothing is lost. */
SWEEP(short_of_memory)
{
    struct pair first = {NULL, NULL};
    struct tw_deferred *outcome = NULL;
    int rc, i;
    work_destroyed = value_destroyed = 0;
    reactor = NULL;
    pool = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0 || tw_memory_worker_new(&pool) < 0 ||
        tw_deferred_new(NULL, NULL, NULL, &first.source, &first.deferred) < 0) {
        tear_down();
        return;
    }
    for (i = 0; i < 2; i++) /* so that the wait needs room for one link more */
        tw_deferred_add_both(first.deferred, do_nothing, NULL, NULL);
    rc = tw_spawn(reactor, await_everything, &first, NULL, NULL, &outcome);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    fire(first.source, 1);
    while (tw_memory_worker_perform(pool) > 0)
        pass();
    if (outcome)
        CU_ASSERT_TRUE(tw_deferred_is_called(outcome));
    CU_ASSERT_EQUAL(work_destroyed, rc == 0);
    tw_deferred_unref(outcome);
    CU_ASSERT(value_destroyed == 1 || harness_failed_one());
    drop(&first);
    tear_down();
}
