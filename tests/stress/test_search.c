/*
 * A worker that looks for its next task before it sleeps, and tasks that come just then.
 */
#include "crowd.h"
#include <twine/base/search_internal.h>

SUITE_WITH_THREADS("search")

enum { CROWD = 3, EACH = HARNESS_SANITIZED ? 500 : 3000 };

static struct {
    struct tw_pool *pool;
    struct job jobs[CROWD][EACH];
    int quits_at; /* the first of the crowd; -1: never */
} rush;

/* For up to a bit longer than a search takes, so that tasks come at any moment of one. */
static void spin(struct person *person)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t until = tw_clock_now(clock) + below(&person->random, TW__SEARCH_TIME * 3 / 2);
    while (tw_clock_now(clock) < until)
        ;
}

/* The next task comes when this one is over, or has been told to go. */
static void submit_slowly(struct person *person)
{
    int i;
    for (i = 0; i < EACH; i++) {
        struct job *job = &rush.jobs[person->index][i];
        if (person->index == 0 && i == rush.quits_at)
            tw_pool_quit(rush.pool);
        if (tw_pool_submit(rush.pool, &job->task) < 0)
            return;
        if (below(&person->random, 8) == 0 && tw_pool_cancel(rush.pool, &job->task) == 0)
            job->arg = job;
        WAIT_FOR(job);
        spin(person);
    }
}

static void run(size_t limit, size_t crowd, int quits_at)
{
    size_t i;
    int k;
    memset(&rush, 0, sizeof rush);
    rush.quits_at = quits_at;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, NULL, &rush.pool), 0);
    for (i = 0; i < crowd; i++)
        jobs_init(rush.jobs[i], EACH, NULL, NULL);
    crowd_run(crowd, harness_seed(), submit_slowly, NULL);
    tw_pool_quit(rush.pool);
    CU_ASSERT_EQUAL(tw_pool_join(rush.pool, TW_FOREVER), 0);
    for (i = 0; i < crowd; i++)
        for (k = 0; k < EACH; k++) {
            struct job *job = &rush.jobs[i][k];
            CU_ASSERT_EQUAL(atomic_load(&job->calls), quits_at < 0 || atomic_load(&job->calls));
            if (atomic_load(&job->calls))
                CU_ASSERT_EQUAL(atomic_load(&job->status), job->arg ? -ECANCELED : 0);
        }
    tw_pool_unref(rush.pool);
}

/* One task at a time, at any moment of a search and after it: each is come for. */
TEST(a_task_that_comes_while_a_worker_searches_is_come_for)
{
    run(1, 1, -1);
    run(2, 1, -1);
}

/* The same by several, with fewer workers and with as many. */
TEST(tasks_of_several_that_come_while_workers_search)
{
    run(1, CROWD, -1);
    run(2, CROWD, -1);
    run(CROWD, CROWD, -1);
}

/* A quit in the middle: what was accepted runs, what was not does not. */
TEST(a_quit_while_workers_search)
{
    int round;
    for (round = 0; round < 20; round++)
        run(1 + (size_t)round % 3, CROWD, 3 + 7 * round);
}

/* --- what a search does not let in ------------------------------------------------------------ */

/* Where nothing may wait, a worker that searches is sent one task, however fast others come. */
TEST(a_bound_on_what_waits_holds_while_a_worker_searches)
{
    struct tw_pool_options options = {.size = sizeof options, .max_backlog = TW_POOL_NO_BACKLOG};
    enum { ROUNDS = HARNESS_SANITIZED ? 300 : 3000, BURST = 16 };
    struct tw_pool *pool = NULL;
    struct job jobs[BURST];
    struct gate gate;
    int round, i, most = 0;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, &options, &pool), 0);
    for (round = 0; round < ROUNDS; round++) {
        gate_init(&gate);
        jobs_init(jobs, BURST, wait_at_gate, &gate);
        for (i = 0; i < BURST && tw_pool_submit(pool, &jobs[i].task) == 0; i++)
            ;
        most = i > most ? i : most;
        gate_open(&gate, i);
        for (; i > 0; i--)
            WAIT_FOR(&jobs[i - 1]);
    }
    CU_ASSERT_EQUAL(most, 1);
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
}

/* In a delivery, until told. */
static void deliver_long(struct job *job)
{
    struct gate *gates = (struct gate *)job->arg;
    gate_wait(&gates[0]);
    tw_task_delivers(&job->task);
    gate_wait(&gates[1]);
}

static size_t idle_workers(struct tw_pool *pool)
{
    struct tw_statistics books = {.size = sizeof books};
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &books), 0);
    return books.idle;
}

/* One worker is in its delivery, which takes long, and another is idle: it gets what comes, and not the
 * one that is going to look once the delivery is over. */
TEST(a_long_delivery_keeps_nothing_from_an_idle_worker)
{
    int round;
    for (round = 0; round < 20; round++) {
        struct gate gates[2], other;
        struct job delivers, first, second;
        struct tw_pool *pool = NULL;
        CU_ASSERT_EQUAL_FATAL(tw_pool_new(2, NULL, &pool), 0);
        gate_init(&gates[0]);
        gate_init(&gates[1]);
        gate_init(&other);
        job_init(&delivers, deliver_long, gates);
        job_init(&first, wait_at_gate, &other);
        job_init(&second, NULL, NULL);
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &delivers.task), 0);
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &first.task), 0);
        WAIT_UNTIL(atomic_load(&gates[0].waiting) == 1 && atomic_load(&other.waiting) == 1);
        gate_open(&gates[0], 1);
        WAIT_UNTIL(atomic_load(&gates[1].waiting) == 1);
        gate_open(&other, 1);
        WAIT_UNTIL(idle_workers(pool) == 2);
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &second.task), 0);
        WAIT_FOR(&second); /* the delivery goes on */
        gate_open(&gates[1], 1);
        tw_pool_quit(pool);
        CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
        tw_pool_unref(pool);
    }
}
