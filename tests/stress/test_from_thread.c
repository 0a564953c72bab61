/*
 * A storm: several reactors on threads of their own share one pool, send work, cancel some of it
 * at random, and some of them stop with work still out. Whatever happens, every Deferred fires
 * once, every argument and every value is destroyed once.
 */
#include "../harness.h"
#include <pthread.h>
#include <stdatomic.h>
#include <twine/reactor/calls_from_threads_internal.h>

SUITE_WITH_THREADS("from_thread storm")

enum { LOOPS = 4, AT_ONCE = 50, MAX_JOBS = 200000 };

static struct tw_pool *pool;
static atomic_long values_made, values_gone;

struct job {
    struct loop *loop;
    struct tw_deferred *deferred; /* on the loop's thread, until it has fired */
    int fired;                    /* there too */
    uint64_t random;
    atomic_int ran, gone;
};

struct loop {
    pthread_t thread;
    struct tw_reactor *reactor;
    struct job *jobs;
    size_t count, sent, out; /* how many to send, how many have been, how many have not fired */
    uint64_t random;
    bool leaves_early, tick_is_coming;
    int failed; /* a call that should have succeeded did not */
};

/* --- in the pool ------------------------------------------------------------------------------ */

static void value_gone(void *value)
{
    atomic_fetch_add(&values_gone, 1);
    free(value);
}

static void work(struct tw_result *result, void *arg)
{
    struct job *job = (struct job *)arg;
    volatile uint64_t spin = job->random % 500;
    atomic_fetch_add(&job->ran, 1);
    while (spin > 0)
        spin--;
    if (job->random % 7 == 0) {
        tw_result_failf(result, &TW_ERROR, 7, "unlucky");
        return;
    }
    atomic_fetch_add(&values_made, 1);
    tw_result_set(result, malloc(8), value_gone);
}

static void job_gone(void *job)
{
    atomic_fetch_add(&((struct job *)job)->gone, 1);
}

/* --- on the loop's thread --------------------------------------------------------------------- */

static void tick(void *arg);

static void tick_soon(struct loop *loop)
{
    if (loop->tick_is_coming)
        return;
    loop->tick_is_coming = tw_reactor_call_from_thread(loop->reactor, tick, loop, NULL) == 0;
}

static void home(struct tw_result *result, void *arg)
{
    struct job *job = (struct job *)arg;
    job->fired++;
    job->loop->out--;
    job->deferred = tw_deferred_unref(job->deferred);
    if (tw_result_is_failure(result) || job->random % 3 == 0)
        tw_result_set(result, NULL, NULL);
    tick_soon(job->loop);
}

static void send_one(struct loop *loop)
{
    struct job *job = &loop->jobs[loop->sent++];
    job->loop = loop;
    job->random = harness_random(&loop->random);
    loop->out++;
    if (tw_defer_to_pool(loop->reactor, tw_pool_worker(pool), work, job, job_gone, &job->deferred) <
            0 ||
        tw_deferred_add_both(job->deferred, home, job, NULL) < 0)
        loop->failed++;
}

static void cancel_some(struct loop *loop)
{
    int i;
    for (i = 0; i < 5; i++) {
        size_t back = harness_random(&loop->random) % (2 * AT_ONCE);
        struct job *job = back < loop->sent ? &loop->jobs[loop->sent - 1 - back] : NULL;
        if (job && job->deferred && tw_deferred_cancel(job->deferred) < 0)
            loop->failed++;
    }
}

static void tick(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    loop->tick_is_coming = false;
    while (loop->sent < loop->count && loop->out < AT_ONCE)
        send_one(loop);
    if (loop->sent == loop->count && (loop->leaves_early || loop->out == 0)) {
        if (tw_reactor_is_running(loop->reactor))
            tw_reactor_stop(loop->reactor);
        return;
    }
    cancel_some(loop);
    if (loop->out < AT_ONCE / 2)
        tick_soon(loop);
}

static void *run_loop(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    if (tw_reactor_new(NULL, &loop->reactor) < 0)
        abort();
    if (loop->leaves_early)
        tw_reactor_set_shutdown_timeout(loop->reactor, 0);
    tick_soon(loop);
    if (tw_reactor_run(loop->reactor) < 0)
        loop->failed++;
    loop->reactor = tw_reactor_unref(loop->reactor);
    return NULL;
}

/* --- the storm -------------------------------------------------------------------------------- */

static void check(struct loop *loop)
{
    size_t i, fired = 0, gone = 0, more = 0;
    for (i = 0; i < loop->count; i++) {
        struct job *job = &loop->jobs[i];
        fired += job->fired == 1 && !job->deferred;
        gone += atomic_load(&job->gone) == 1;
        more += atomic_load(&job->ran) > 1;
    }
    CU_ASSERT_EQUAL(fired, loop->count);
    CU_ASSERT_EQUAL(gone, loop->count);
    CU_ASSERT_EQUAL(more, 0);
    CU_ASSERT_EQUAL(loop->out, 0);
    CU_ASSERT_EQUAL(loop->failed, 0);
}

static void storm(size_t threads, size_t jobs, uint64_t seed)
{
    struct loop loops[LOOPS];
    size_t i;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(threads, NULL, &pool), 0);
    memset(loops, 0, sizeof loops);
    for (i = 0; i < LOOPS; i++) {
        loops[i].count = jobs;
        loops[i].jobs = (struct job *)calloc(jobs, sizeof(struct job));
        loops[i].random = seed + i;
        loops[i].leaves_early = i % 2;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
    }
    for (i = 0; i < LOOPS; i++)
        pthread_join(loops[i].thread, NULL);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    pool = tw_pool_unref(pool);
    for (i = 0; i < LOOPS; i++) {
        check(&loops[i]);
        free(loops[i].jobs);
    }
    CU_ASSERT_EQUAL(atomic_load(&values_made), atomic_load(&values_gone));
}

/* R9, R6, R23: many reactors share a pool, cancel at random, stop early; nothing is lost, nothing
 * happens twice. */
TEST(R9_storm_of_reactors_on_one_pool)
{
    uint64_t seed = harness_seed();
    size_t jobs = harness_long() ? MAX_JOBS : 5000;
    storm(1, jobs, seed);
    storm(3, jobs, seed + 100);
    storm(16, jobs, seed + 200);
}

/* The same, many times with few jobs each: starting and stopping are then most of it. */
static void short_storms(uint64_t seed)
{
    int i, rounds = harness_long() ? 2000 : 50;
    for (i = 0; i < rounds; i++)
        storm(1 + (size_t)i % 4, 1 + (size_t)i % 60, seed + (uint64_t)(10 * i));
}

TEST(R9_many_short_storms)
{
    short_storms(harness_seed() + 1000);
}

/* Both as in release: what goes home while a loop is behind goes together. */
TEST(R9_storms_whose_results_come_home_together)
{
    uint64_t seed = harness_seed() + 3000;
    tw__calls_set_chunk_size(31);
    storm(4, harness_long() ? MAX_JOBS : 5000, seed);
    tw__calls_set_chunk_size(3);
    storm(2, harness_long() ? MAX_JOBS : 5000, seed + 100);
    short_storms(seed + 200);
    tw__calls_set_chunk_size(1);
}
