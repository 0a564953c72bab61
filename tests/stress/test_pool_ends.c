/*
 * The pool's ends, raced: giving up against cancelling, the end against a join that gives up, one
 * limit against another.
 */
#include "crowd.h"

SUITE_WITH_THREADS("pool ends")

static struct tw_pool *start(size_t limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, NULL, &pool), 0);
    return pool;
}

static void submit(struct tw_pool *pool, struct job *jobs, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[i].task), 0);
}

static struct tw_statistics books(struct tw_pool *pool)
{
    struct tw_statistics now;
    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    tw_team_statistics(tw_pool_team(pool), &now);
    return now;
}

static size_t live(struct tw_pool *pool)
{
    struct tw_statistics now = books(pool);
    return now.idle + now.busy + now.coming;
}

/* --- giving up against cancelling ------------------------------------------------------------- */

#define WAITING 1000

static struct {
    struct tw_pool *pool;
    struct job jobs[WAITING];
    bool was_cancelled[WAITING]; /* as cancel answered */
} fall;

/* One quits the pool, which gives all up from the front; the other cancels from the back. */
static void quit_or_cancel(struct person *person)
{
    size_t i;
    if (person->index == 0) {
        for (i = below(&person->random, 64); i > 0; i--)
            sched_yield();
        tw_pool_quit(fall.pool);
        return;
    }
    for (i = WAITING; i-- > 0;)
        fall.was_cancelled[i] = tw_pool_cancel(fall.pool, &fall.jobs[i].task) == 0;
}

/* R9: a task is either cancelled or given up, never both, whoever comes first: its fn is called
 * once, with what cancel promised. */
TEST(R9_cancel_races_with_giving_up)
{
    int round;
    size_t i, wrong = 0;
    for (round = 0; round < (harness_long() ? 500 : 30); round++) {
        fall.pool = start(0);
        jobs_init(fall.jobs, WAITING, NULL, NULL);
        submit(fall.pool, fall.jobs, WAITING);
        crowd_run(2, harness_seed() + (uint64_t)round * 2, quit_or_cancel, NULL);
        for (i = 0; i < WAITING; i++)
            wrong += atomic_load(&fall.jobs[i].calls) != 1 ||
                     atomic_load(&fall.jobs[i].status) !=
                         (fall.was_cancelled[i] ? -ECANCELED : -ESHUTDOWN);
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(books(fall.pool).backlog, 0);
        tw_pool_unref(fall.pool);
    }
}

/* --- the end against a join that gives up ----------------------------------------------------- */

static void take(int64_t duration)
{
    uint64_t until = tw_time_add(tw_clock_now(tw_clock_monotonic()), duration);
    WAIT_UNTIL(tw_clock_now(tw_clock_monotonic()) >= until);
}

static void take_a_little(struct job *job)
{
    (void)job;
    take(TW_MILLISECOND);
}

static void take_longer(struct job *job)
{
    (void)job;
    take(5 * TW_MILLISECOND);
}

/* Joins again and again, and says whether all who had asked before were told of the end by then. */
static bool join_impatiently(struct tw_pool *pool, struct job *told_before)
{
    int rc;
    do
        rc = tw_pool_join(pool, TW_MILLISECOND / 5);
    while (rc == -ETIMEDOUT);
    CU_ASSERT_EQUAL(rc, 0);
    return atomic_load(&told_before->calls) == 1;
}

/* A join whose time is up while the end is being told, and its turn has not come, waits for it: it
 * does not go away under the one who tells. Only a join begun meanwhile returns at once; that is
 * rare, and never so five times. */
TEST(join_times_out_as_the_pool_ends)
{
    struct tw_worker *lock = NULL;
    int round, in_turn = 0;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    for (round = 0; round < 5; round++) {
        struct tw_pool *pool = start(1);
        struct job job, told;
        job_init(&job, take_a_little, NULL);
        job_init(&told, take_longer, NULL);
        CU_ASSERT_EQUAL(tw_pool_notify_end(pool, lock, &told.task), 0);
        submit(pool, &job, 1);
        CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
        in_turn += join_impatiently(pool, &told);
        WAIT_FOR(&told);
        CHECK_JOB(&job, 0);
        tw_pool_unref(pool);
    }
    CU_ASSERT_TRUE(in_turn > 0);
    cache_empty();
    tw_worker_unref(lock);
}

/* --- one limit against another ---------------------------------------------------------------- */

#define MOST 6

static void set_limits(struct person *person)
{
    int i;
    for (i = 0; i < 2; i++)
        tw_pool_set_limit((struct tw_pool *)person->arg, 1 + below(&person->random, MOST));
}

/* Of limits set at the same time one holds: the pool never has more threads for long than it says
 * it may have. */
TEST(limits_set_at_once)
{
    struct tw_pool *pool = start(MOST);
    int round;
    for (round = 0; round < (harness_long() ? 5000 : 400); round++) {
        struct gate gate;
        struct job jobs[MOST];
        size_t limit, i;
        gate_init(&gate);
        jobs_init(jobs, MOST, wait_at_gate, &gate);
        CU_ASSERT_EQUAL(tw_pool_set_limit(pool, MOST), 0);
        submit(pool, jobs, MOST);
        WAIT_UNTIL(atomic_load(&gate.waiting) == MOST);
        crowd_run(3, harness_seed() + (uint64_t)round * 3, set_limits, pool);
        limit = tw_pool_limit(pool);
        gate_open(&gate, MOST);
        WAIT_UNTIL(books(pool).busy == 0);
        CU_ASSERT_TRUE(live(pool) <= limit);
        CU_ASSERT_TRUE(limit >= 1 && limit <= MOST);
        for (i = 0; i < MOST; i++)
            WAIT_FOR(&jobs[i]);
    }
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
}

static atomic_bool may_go;

static void wait_to_go(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    while (!atomic_load(&may_go))
        sched_yield();
}

static struct tw_pool *joined;

static void join_inside(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    PROVOKE_ERROR(tw_pool_join(joined, TW_FOREVER), -EDEADLK);
    PROVOKE_ERROR(tw_thread_cache_drain(TW_FOREVER), -EDEADLK);
    CU_ASSERT_EQUAL(tw_pool_join(joined, 0), -ETIMEDOUT); /* it only looks */
}

/* Where nobody else could go on, inside a lock or in a loop's callback, a thread is not blocked. */
TEST(nobody_joins_where_others_cannot_go_on)
{
    struct tw_worker *lock = NULL;
    struct tw_task job, task;
    atomic_store(&may_go, false);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, NULL, &joined), 0);
    tw_task_init(&job, wait_to_go);
    CU_ASSERT_EQUAL(tw_pool_submit(joined, &job), 0);
    CU_ASSERT_EQUAL(tw_pool_quit(joined), 0);
    tw_task_init(&task, join_inside);
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &task), 0);
    atomic_store(&may_go, true);
    CU_ASSERT_EQUAL(tw_pool_join(joined, TW_FOREVER), 0);
    tw_pool_unref(joined);
    tw_worker_unref(lock);
}
