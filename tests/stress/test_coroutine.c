/*
 * Coroutines on real threads: loops that each run many of them, which wait for work in one pool and
 * for futures; some are cancelled, and some loops are stopped early.
 */
#include "../harness.h"
#include <pthread.h>
#include <stdatomic.h>

SUITE_WITH_THREADS("stress_coroutine")

#define LOOPS 3
#define AT_ONCE 50

static struct tw_pool *pool;
static struct tw_executor *executor;
static atomic_long values_made, values_gone;

struct loop {
    pthread_t thread;
    struct tw_reactor *reactor;
    int left, running, ended; /* coroutines to spawn, out, over */
    uint64_t random;
    bool leaves_early;
    long wrong;
};

static void value_gone(void *value)
{
    atomic_fetch_add(&values_gone, 1);
    free(value);
}

static void work(struct tw_result *result, void *arg)
{
    uintptr_t random = (uintptr_t)arg;
    volatile unsigned spin = (unsigned)(random % 300);
    while (spin > 0)
        spin--;
    if (random % 5 == 0) {
        tw_result_failf(result, &TW_ERROR, 7, "unlucky");
        return;
    }
    atomic_fetch_add(&values_made, 1);
    tw_result_set(result, malloc(8), value_gone);
}

/* Whatever it gives is a value or a failure. */
static void await_one_way(struct loop *loop, struct tw_result *seen)
{
    void *random = (void *)(uintptr_t)(harness_random(&loop->random) >> 8);
    struct tw_deferred *deferred = NULL;
    struct tw_future *future = NULL;
    if ((uintptr_t)random % 2) {
        tw_await_in_thread(tw_pool_worker(pool), work, random, NULL, seen);
        return;
    }
    if (tw_executor_submit(executor, work, random, NULL, &future) < 0)
        return;
    if (tw_deferred_from_future(loop->reactor, future, &deferred) >= 0)
        tw_await(deferred, seen);
    tw_deferred_unref(deferred);
    if (tw_future_is_done(future))
        tw_future_failure(future);
    tw_future_unref(future);
}

static void live(struct tw_result *result, void *arg)
{
    struct loop *loop = (struct loop *)arg;
    int waits = (int)(harness_random(&loop->random) % 5);
    struct tw_result seen = TW_RESULT_INIT;
    (void)result;
    while (waits-- > 0) {
        await_one_way(loop, &seen);
        if (!tw_reactor_is_in_thread(loop->reactor))
            loop->wrong++;
        tw_result_done(&seen);
    }
}

static void spawn_more(struct loop *loop);

static void over(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    loop->running--;
    loop->ended++;
}

static void tick(void *arg)
{
    spawn_more((struct loop *)arg);
}

static void spawn_more(struct loop *loop)
{
    while (loop->left > 0 && loop->running < AT_ONCE) {
        struct tw_deferred *outcome = NULL;
        loop->left--;
        loop->running++;
        if (tw_spawn(loop->reactor, live, loop, over, NULL, &outcome) < 0)
            loop->wrong++;
        if (harness_random(&loop->random) % 4 == 0)
            tw_deferred_cancel(outcome);
        tw_deferred_unref(outcome);
    }
    if (loop->left == 0 && (loop->running == 0 || loop->leaves_early))
        tw_reactor_stop(loop->reactor);
    else
        tw_reactor_call_from_thread(loop->reactor, tick, loop, NULL);
}

static void *run_loop(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    if (tw_reactor_new(NULL, &loop->reactor) < 0)
        abort();
    tw_reactor_call_from_thread(loop->reactor, tick, loop, NULL);
    if (tw_reactor_run(loop->reactor) < 0)
        loop->wrong++;
    loop->reactor = tw_reactor_unref(loop->reactor);
    return NULL;
}

/* R9, R18: each coroutine runs to its end on its own loop's thread, each argument and each value
 * goes once, whether it is cancelled or its reactor is stopped. */
TEST(R18_storm_of_coroutines_on_several_loops)
{
    struct tw_executor_options options = {.size = sizeof options};
    struct loop loops[LOOPS];
    int count = harness_long() ? 50000 : HARNESS_SANITIZED ? 500 : 3000, i;
    memset(loops, 0, sizeof loops);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(3, NULL, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(2, &options, &executor), 0);
    for (i = 0; i < LOOPS; i++) {
        loops[i].left = count;
        loops[i].random = harness_seed() + (uint64_t)i;
        loops[i].leaves_early = i == 0;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
    }
    for (i = 0; i < LOOPS; i++)
        pthread_join(loops[i].thread, NULL);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    pool = tw_pool_unref(pool);
    executor = tw_executor_unref(executor);
    for (i = 0; i < LOOPS; i++) {
        CU_ASSERT_EQUAL(loops[i].wrong, 0);
        CU_ASSERT_EQUAL(loops[i].ended, count);
        CU_ASSERT_EQUAL(loops[i].running, 0);
    }
    CU_ASSERT_EQUAL(atomic_load(&values_made), atomic_load(&values_gone));
    EXPECT_REPORTS(harness_reports()); /* failures of futures that nobody waited for any more */
}

/* --- from a thread to a loop ------------------------------------------------------------------ */

static struct tw_reactor *reactor;

static void do_nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void *wait_for_loop(void *arg)
{
    struct tw_result seen = TW_RESULT_INIT;
    PROVOKE(tw_spawn(reactor, do_nothing, NULL, NULL, NULL, NULL)); /* on the wrong thread */
    CU_ASSERT_EQUAL(tw_future_result((struct tw_future *)arg, TW_FOREVER, &seen), 0);
    CU_ASSERT_EQUAL((intptr_t)tw_result_value(&seen), 5);
    return NULL;
}

static void fire_and_stop(void *source)
{
    tw_source_callback((struct tw_source *)source, (void *)5, NULL);
    tw_reactor_stop(reactor);
}

/* A thread waits for what a loop does; a coroutine cannot be spawned from there. */
TEST(a_thread_waits_for_a_deferred)
{
    struct tw_source *source = NULL;
    struct tw_deferred *deferred = NULL;
    struct tw_future *future = NULL;
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), 0);
    CU_ASSERT_EQUAL(tw_future_from_deferred(reactor, deferred, &future), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for_loop, future), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, fire_and_stop, source, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    pthread_join(thread, NULL);
    tw_future_unref(future);
    tw_deferred_unref(deferred);
    tw_source_unref(source);
    reactor = tw_reactor_unref(reactor);
}
