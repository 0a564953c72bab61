/*
 * Every thread that could not be made: a scenario is run with the first, the second, ... creation
 * failing, once alone and once with all after it.
 */
#include "crowd.h"
#include <twine/threads/thread_cache_internal.h>

SUITE_WITH_THREADS("failed threads")

#define JOBS 8
#define SOONS 4

static atomic_int countdown; /* creations until one fails; 0 or less: none does */
static atomic_int failures;
static bool is_persistent;

static int maybe_fail(void)
{
    int left = atomic_fetch_sub(&countdown, 1);
    if (left > 1 || (left < 1 && !is_persistent))
        return 0;
    atomic_fetch_add(&failures, 1);
    return EAGAIN;
}

/* --- a pool ----------------------------------------------------------------------------------- */

static void check_jobs(struct job *jobs, uint64_t *ret_performed)
{
    int i;
    *ret_performed = 0;
    for (i = 0; i < JOBS; i++) {
        int status = atomic_load(&jobs[i].status);
        CU_ASSERT_EQUAL(atomic_load(&jobs[i].calls), 1);
        CU_ASSERT_TRUE(status == 0 || (status == -EAGAIN && is_persistent));
        *ret_performed += status == 0;
    }
}

/* A burst: each fn is called once, performed or told -EAGAIN; the latter only if there is no thread
 * at all; and the books count the failures. */
static void use_pool(void)
{
    struct tw_statistics books = {.size = sizeof books};
    int i, failed_before = atomic_load(&failures);
    struct tw_task *tasks[JOBS];
    struct job jobs[JOBS];
    struct tw_pool *pool = NULL;
    uint64_t performed;
    jobs_init(jobs, JOBS, NULL, NULL);
    for (i = 0; i < JOBS; i++)
        tasks[i] = &jobs[i].task;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(4, NULL, &pool), 0);
    CU_ASSERT_EQUAL(tw_pool_submit_many(pool, tasks, JOBS), 0);
    for (i = 0; i < JOBS; i++)
        WAIT_FOR(&jobs[i]);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    check_jobs(jobs, &performed);
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &books), 0);
    CU_ASSERT_EQUAL((int)books.failed_creations, atomic_load(&failures) - failed_before);
    CU_ASSERT_EQUAL(books.finished, performed);
    tw_pool_unref(pool);
}

/* --- threads of their own --------------------------------------------------------------------- */

struct steps {
    atomic_int work, destroy, deliver;
    struct gate *gate;
};

static void steps_work(struct tw_result *result, void *arg)
{
    struct steps *steps = (struct steps *)arg;
    (void)result;
    atomic_fetch_add(&steps->work, 1);
    gate_wait(steps->gate);
}

static void steps_destroy(void *arg)
{
    atomic_fetch_add(&((struct steps *)arg)->destroy, 1);
}

static void steps_deliver(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_fetch_add(&((struct steps *)arg)->deliver, 1);
}

/* Of two stack sizes in turn, all at work at once. Returns 1 if it has been started. */
static int start_one(struct steps *steps, struct gate *gate, int index)
{
    struct tw_start_thread_options options = {sizeof options, NULL,
                                              (size_t)(index % 2) * 256 * 1024};
    int rc;
    memset(steps, 0, sizeof *steps);
    steps->gate = gate;
    rc = tw_start_thread_soon(steps_work, steps, steps_destroy, steps_deliver, steps, &options);
    CU_ASSERT_TRUE(rc == 0 || rc == -EAGAIN);
    CU_ASSERT_TRUE(rc == 0 || atomic_load(&steps->destroy) == 1);
    return rc == 0;
}

static void use_threads(void)
{
    struct steps steps[SOONS];
    int i, started[SOONS], count = 0;
    struct gate gate;
    gate_init(&gate);
    for (i = 0; i < SOONS; i++)
        count += started[i] = start_one(&steps[i], &gate, i);
    gate_open(&gate, count);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    for (i = 0; i < SOONS; i++) {
        CU_ASSERT_EQUAL(atomic_load(&steps[i].work), started[i]);
        CU_ASSERT_EQUAL(atomic_load(&steps[i].deliver), started[i]);
        CU_ASSERT_EQUAL(atomic_load(&steps[i].destroy), 1);
    }
}

static void use_worker(void)
{
    struct tw_worker *worker = NULL;
    struct job job;
    int rc = tw_thread_worker_new(NULL, &worker);
    CU_ASSERT_TRUE(rc == 0 || rc == -EAGAIN);
    CU_ASSERT_EQUAL(rc == 0, worker != NULL);
    if (!worker)
        return;
    job_init(&job, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &job.task), 0);
    WAIT_FOR(&job);
    CHECK_JOB(&job, 0);
    tw_worker_unref(worker);
}

/* --- the sweep -------------------------------------------------------------------------------- */

/* With the nth creation failing; 0: none. Returns whether one did. */
static bool run_scenario(int nth)
{
    long live;
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    live = harness_live();
    atomic_store(&failures, 0);
    atomic_store(&countdown, nth);
    use_pool();
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    use_threads();
    use_worker();
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    CU_ASSERT_EQUAL(cache_threads(), 0);
    CU_ASSERT_EQUAL(harness_live(), live);
    return atomic_load(&failures) > 0;
}

/* Each creation failed once: nothing is lost, nothing runs twice, nothing leaks, and the
 * counters tell. Four threads of the pool, four starts and a worker make nine creations. */
TEST(each_thread_that_cannot_be_made_loses_nothing)
{
    int mode, nth;
    tw__thread_create_hook = maybe_fail;
    for (mode = 0; mode < 2; mode++) {
        is_persistent = mode == 1;
        for (nth = 1; run_scenario(nth); nth++)
            ;
        CU_ASSERT_EQUAL(nth, 4 + SOONS + 1 + 1);
    }
    is_persistent = false;
    CU_ASSERT_FALSE(run_scenario(0));
    tw__thread_create_hook = NULL;
}
