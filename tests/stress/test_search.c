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
