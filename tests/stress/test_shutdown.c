/*
 * Shutting down within a time: real threads, gated by futures and flags rather than by time.
 */
#include "../harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

SUITE_WITH_THREADS("stress_shutdown")

struct job {
    struct tw_task task;
    atomic_int begun, calls, status;
    atomic_bool may_end;     /* or it ends when it is asked to stop */
    atomic_bool is_stubborn; /* ignores that */
};

static void job_fn(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    atomic_store(&job->status, status);
    atomic_fetch_add(&job->calls, 1);
    if (status < 0)
        return;
    atomic_store(&job->begun, 1);
    while (!atomic_load(&job->may_end) && (atomic_load(&job->is_stubborn) || !tw_cancelled()))
        sched_yield();
}

static void job_init(struct job *job, bool is_stubborn)
{
    memset(job, 0, sizeof *job);
    tw_task_init(&job->task, job_fn);
    atomic_store(&job->is_stubborn, is_stubborn);
}

static void await_begin(struct job *job)
{
    while (!atomic_load(&job->begun))
        sched_yield();
}

static struct tw_pool *new_pool(size_t limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, NULL, &pool), 0);
    return pool;
}

/* What waits is given up, what runs is asked to stop, and shutdown returns when it has. */
TEST(shutdown_gives_up_what_waits_and_stops_what_runs)
{
    struct tw_shutdown_report report = {.size = sizeof report};
    struct tw_pool *pool = new_pool(1);
    struct job jobs[3];
    int i;
    for (i = 0; i < 3; i++) {
        job_init(&jobs[i], false);
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[i].task), 0);
    }
    await_begin(&jobs[0]);
    CU_ASSERT_EQUAL(tw_pool_shutdown(pool, TW_FOREVER, &report), 0);
    CU_ASSERT_EQUAL(report.given_up, 2);
    CU_ASSERT_EQUAL(report.running, 0);
    for (i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(atomic_load(&jobs[i].calls), 1);
        CU_ASSERT_EQUAL(atomic_load(&jobs[i].status), i ? -ECANCELED : 0);
    }
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[0].task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_shutdown(pool, 0, NULL), 0);
    tw_pool_unref(pool);
}

/* Past the deadline the report says what is stuck; asked again, it waits for the rest. */
TEST(the_report_says_what_is_stuck)
{
    struct tw_shutdown_report report = {.size = sizeof report};
    struct tw_pool *pool = new_pool(2);
    struct job jobs[2];
    tw_diagnostics_set(true);
    job_init(&jobs[0], true);
    job_init(&jobs[1], false);
    TW_LABEL("stuck in a library");
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[0].task), 0);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[1].task), 0);
    await_begin(&jobs[0]);
    await_begin(&jobs[1]);
    CU_ASSERT_EQUAL(tw_pool_shutdown(pool, 50 * TW_MILLISECOND, &report), -ETIMEDOUT);
    CU_ASSERT_EQUAL(report.given_up, 0);
    CU_ASSERT_EQUAL(report.running, 1);
    CU_ASSERT_EQUAL_FATAL(report.described, 1);
    CU_ASSERT_STRING_EQUAL(report.jobs[0].label, "stuck in a library");
    CU_ASSERT_PTR_NOT_NULL(strstr(report.jobs[0].file, "test_shutdown.c"));
    CU_ASSERT(report.jobs[0].age >= 50 * TW_MILLISECOND);
    atomic_store(&jobs[0].may_end, true);
    CU_ASSERT_EQUAL(tw_pool_shutdown(pool, TW_FOREVER, &report), 0);
    CU_ASSERT_EQUAL(report.running, 0);
    tw_diagnostics_set(false);
    tw_pool_unref(pool);
}

/* A team alone can be shut down as well, an idle one at once. */
TEST(a_team_is_shut_down)
{
    struct tw_shutdown_report report = {.size = sizeof report};
    struct tw_pool *pool = new_pool(2);
    struct job job;
    job_init(&job, true);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &job.task), 0);
    await_begin(&job);
    CU_ASSERT_EQUAL(tw_team_shutdown(tw_pool_team(pool), 0, &report), -ETIMEDOUT);
    CU_ASSERT_EQUAL(report.running, 1);
    CU_ASSERT_EQUAL(report.described, 0); /* diagnostics are off */
    atomic_store(&job.may_end, true);
    CU_ASSERT_EQUAL(tw_team_shutdown(tw_pool_team(pool), TW_FOREVER, &report), 0);
    CU_ASSERT_EQUAL(tw_team_shutdown(tw_pool_team(pool), 0, NULL), 0);
    tw_pool_unref(pool);
    pool = new_pool(2);
    CU_ASSERT_EQUAL(tw_team_shutdown(tw_pool_team(pool), 0, NULL), 0);
    tw_pool_unref(pool);
}

/* A job that waits for a future is woken, its await says that it is cancelled, and it ends. */
static struct tw_future *never;
static atomic_int awaited;

static void await_never(struct tw_result *result, void *begun)
{
    (void)result;
    atomic_fetch_add((atomic_int *)begun, 1);
    atomic_store(&awaited, tw_future_await(&never, 1));
    CU_ASSERT_TRUE(tw_cancelled());
}

TEST(a_suspended_job_is_resumed_with_cancelled)
{
    struct tw_pool *pool = new_pool(1);
    struct tw_executor *executor;
    struct tw_statistics books = {.size = sizeof books};
    atomic_int begun = 0;
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&never), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_pool_worker(pool), &executor), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(executor, await_never, &begun, NULL, NULL), 0);
    while (!atomic_load(&begun) || books.idle == 0)
        CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &books), 0);
    CU_ASSERT_EQUAL(tw_pool_shutdown(pool, TW_FOREVER, NULL), 0);
    CU_ASSERT_EQUAL(atomic_load(&awaited), -ECANCELED);
    tw_executor_unref(executor);
    tw_pool_unref(pool);
    tw_future_unref(never);
}

enum { CHILDREN = 1000, ROUNDS = 50 };

static void leave_as_it_is(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void await_children(struct tw_result *result, void *arg)
{
    struct tw_executor *executor = (struct tw_executor *)arg;
    struct tw_future *futures[CHILDREN];
    size_t count = 0;
    int rc;
    while (count < CHILDREN &&
           tw_executor_submit(executor, leave_as_it_is, NULL, NULL, &futures[count]) == 0)
        count++;
    atomic_store(&awaited, 1);
    rc = tw_future_await(futures, count);
    if (rc < 0 && rc != -ECANCELED)
        tw_result_failf(result, &TW_ERROR_SYSTEM, -rc, "an await");
    while (count-- > 0)
        tw_future_unref(futures[count]);
}

/* Jobs are given up in the moment in which one that awaits them would run them itself: each is over
 * one way, and once. */
TEST(given_up_while_they_are_awaited)
{
    int round;
    for (round = 0; round < ROUNDS; round++) {
        struct tw_pool *pool = new_pool(1);
        struct tw_executor *executor;
        atomic_store(&awaited, 0);
        CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_pool_worker(pool), &executor), 0);
        CU_ASSERT_EQUAL(tw_executor_submit(executor, await_children, executor, NULL, NULL), 0);
        while (!atomic_load(&awaited))
            sched_yield();
        CU_ASSERT_EQUAL(tw_pool_shutdown(pool, TW_FOREVER, NULL), 0);
        CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
        tw_executor_unref(executor);
        tw_pool_unref(pool);
    }
}

/* One of its own threads asks all to end, and is told that it cannot wait. */
static void shut_from_inside(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    CU_ASSERT_EQUAL(status, 0);
    PROVOKE_ERROR(tw_pool_shutdown(*(struct tw_pool **)(job + 1), TW_FOREVER, NULL), -EDEADLK);
    CU_ASSERT_TRUE(tw_cancelled());
    atomic_fetch_add(&job->calls, 1);
}

TEST(one_of_its_own_threads_does_not_wait)
{
    struct {
        struct job job;
        struct tw_pool *pool;
    } both;
    job_init(&both.job, false);
    tw_task_init(&both.job.task, shut_from_inside);
    both.pool = new_pool(2);
    CU_ASSERT_EQUAL(tw_pool_submit(both.pool, &both.job.task), 0);
    while (!atomic_load(&both.job.calls))
        sched_yield();
    CU_ASSERT_EQUAL(tw_pool_join(both.pool, TW_FOREVER), 0);
    tw_pool_unref(both.pool);
}

/* A team whose arg takes its time to be destroyed, at the end. */
static struct late {
    struct tw_worker *memory;
    struct tw_team *team;
    atomic_bool is_over; /* its arg has been destroyed */
    bool was_in_turn;    /* who waited heard of it after that */
} late;

static int lend_memory(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    if (live > 0)
        return TW_CREATED_NONE;
    *ret_worker = tw_worker_ref(late.memory);
    return TW_CREATED_READY;
}

static void destroy_late(void *arg)
{
    uint64_t until = tw_time_add(tw_clock_now(tw_clock_monotonic()), 5 * TW_MILLISECOND);
    (void)arg;
    while (tw_clock_now(tw_clock_monotonic()) < until)
        sched_yield();
    atomic_store(&late.is_over, true);
}

static void *shut_impatiently(void *arg)
{
    (void)arg;
    while (tw_team_shutdown(late.team, TW_MILLISECOND / 5, NULL) == -ETIMEDOUT)
        ;
    late.was_in_turn = atomic_load(&late.is_over);
    return NULL;
}

static bool end_late(void)
{
    struct tw_worker *coordinator = NULL;
    pthread_t thread;
    struct job job;
    memset(&late, 0, sizeof late);
    job_init(&job, false);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&late.memory), 0);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&coordinator), 0);
    CU_ASSERT_EQUAL_FATAL(tw_team_new(coordinator, lend_memory, NULL, destroy_late, &late.team), 0);
    CU_ASSERT_EQUAL(tw_team_submit(late.team, &job.task), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, shut_impatiently, NULL), 0);
    while (tw_memory_worker_perform(late.memory) == 1) /* it ends when it is asked to stop */
        ;
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(atomic_load(&job.calls), 1);
    tw_team_unref(late.team);
    tw_worker_unref(coordinator);
    tw_worker_unref(late.memory);
    return late.was_in_turn;
}

/* One whose time is up while the end is being told waits for it: it does not go away under the one
 * who tells. Only one who asks meanwhile is answered at once; so it is done until one has waited, which
 * most do. */
TEST(shutdown_times_out_as_the_team_ends)
{
    int round, in_turn = 0;
    for (round = 0; round < 200 && !in_turn; round++)
        in_turn += end_late();
    CU_ASSERT_TRUE(in_turn > 0);
}

TEST(misuse_is_told)
{
    struct tw_shutdown_report report = {.size = 1};
    struct tw_pool *pool = new_pool(0);
    PROVOKE(tw_pool_shutdown(NULL, 0, NULL));
    PROVOKE(tw_pool_shutdown(pool, -1, NULL));
    PROVOKE(tw_pool_shutdown(pool, 0, &report));
    PROVOKE(tw_team_shutdown(NULL, 0, NULL));
    tw_pool_unref(pool);
}
