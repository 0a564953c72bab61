/*
 * The watch with real threads: whatever happens, the last state is told.
 */
#include "crowd.h"
#include <twine/threads/team_internal.h>

SUITE_WITH_THREADS("watch under load")

enum { PEOPLE = 3 };

static struct hall {
    struct tw_pool *pool;
    struct tw_worker *worker;
    struct job *jobs;
    size_t each;
    _Atomic(uint64_t) finished; /* as it was told */
    atomic_int calls, at_once, wrong, destroyed;
    atomic_int made, gone; /* those that come and go */
} hall;

static void tell(const struct tw_statistics *now, void *arg)
{
    (void)arg;
    if (atomic_fetch_add(&hall.at_once, 1) != 0)
        atomic_fetch_add(&hall.wrong, 1);
    if (now->finished < atomic_load(&hall.finished))
        atomic_fetch_add(&hall.wrong, 1);
    atomic_store(&hall.finished, now->finished);
    atomic_fetch_add(&hall.calls, 1);
    atomic_fetch_sub(&hall.at_once, 1);
}

static void destroy(void *arg)
{
    (void)arg;
    if (atomic_load(&hall.at_once) != 0)
        atomic_fetch_add(&hall.wrong, 1);
    atomic_fetch_add(&hall.destroyed, 1);
}

static void count_gone(void *arg)
{
    (void)arg;
    atomic_fetch_add(&hall.gone, 1);
}

static void nothing(const struct tw_statistics *now, void *arg)
{
    (void)now;
    (void)arg;
}

static void visit(struct person *person)
{
    struct job *jobs = hall.jobs + person->index * hall.each;
    size_t i;
    for (i = 0; i < hall.each; i++) {
        job_init(&jobs[i], NULL, NULL);
        if (tw_pool_submit(hall.pool, &jobs[i].task) < 0)
            atomic_fetch_add(&hall.wrong, 1);
        if (below(&person->random, 8) == 0) {
            struct tw_watch *watch = NULL; /* one that comes and goes */
            if (tw_watch_new(tw_pool_team(hall.pool), hall.worker, nothing, NULL, count_gone,
                             &watch) < 0)
                atomic_fetch_add(&hall.wrong, 1);
            atomic_fetch_add(&hall.made, 1);
            if (below(&person->random, 2))
                sched_yield();
            tw_watch_unref(watch);
        }
    }
}

static void check(int (*make)(struct tw_worker **ret_worker))
{
    struct tw_watch *watch = NULL;
    size_t total;
    memset(&hall, 0, sizeof hall);
    hall.each = harness_long() ? 30000 : 2000;
    total = hall.each * PEOPLE;
    hall.jobs = (struct job *)calloc(total, sizeof *hall.jobs);
    CU_ASSERT_EQUAL_FATAL(make(&hall.worker), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(4, NULL, &hall.pool), 0);
    CU_ASSERT_EQUAL_FATAL(
        tw_watch_new(tw_pool_team(hall.pool), hall.worker, tell, NULL, destroy, &watch), 0);
    crowd_run(PEOPLE, harness_seed(), visit, NULL);
    WAIT_UNTIL(atomic_load(&hall.finished) == total); /* the last change is told without another */
    CU_ASSERT_TRUE(atomic_load(&hall.calls) >= 1);
    tw_watch_unref(watch);
    WAIT_UNTIL(atomic_load(&hall.destroyed) == 1);
    WAIT_UNTIL(atomic_load(&hall.gone) == atomic_load(&hall.made));
    CU_ASSERT_EQUAL(atomic_load(&hall.wrong), 0);
    tw_pool_quit(hall.pool);
    CU_ASSERT_EQUAL(tw_pool_join(hall.pool, TW_FOREVER), 0);
    tw_pool_unref(hall.pool);
    tw_worker_quit(hall.worker);
    tw_worker_unref(hall.worker);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    free(hall.jobs);
}

static int make_thread(struct tw_worker **ret_worker)
{
    return tw_thread_worker_new(NULL, ret_worker);
}

/* On a thread. */
TEST(the_last_state_is_told_on_a_thread)
{
    check(make_thread);
}

static int make_pool(struct tw_worker **ret_worker)
{
    struct tw_pool *pool = NULL;
    int rc = tw_pool_new(3, NULL, &pool);
    *ret_worker = tw_pool_worker(pool);
    return rc;
}

/* On another pool: one call at a time, on whatever thread. */
TEST(the_last_state_is_told_on_another_pool)
{
    check(make_pool);
}

/* --- as it comes ------------------------------------------------------------------------------ */

enum { ROUNDS = 3000 };

static struct {
    struct tw_pool *pool;
    struct job *jobs;
    atomic_int begun, done;
} meeting;

static void submit_each(struct person *person)
{
    int round;
    if (person->index == 0)
        return;
    for (round = 0; round < ROUNDS; round++) {
        WAIT_UNTIL(atomic_load(&meeting.begun) > round);
        if (tw_pool_submit(meeting.pool, &meeting.jobs[round].task) < 0)
            abort();
        atomic_store(&meeting.done, round + 1);
    }
}

static void watch_each(struct person *person)
{
    struct tw_team *team = tw_pool_team(meeting.pool);
    int round;
    submit_each(person);
    for (round = 0; person->index == 0 && round < ROUNDS; round++) {
        struct tw_watch *watch = NULL;
        atomic_store(&meeting.begun, round + 1);
        if (tw_watch_new(team, hall.worker, nothing, NULL, NULL, &watch) < 0)
            abort();
        WAIT_UNTIL(atomic_load(&meeting.done) > round);
        if (tw__team_inbox_has_entries(&team->inbox))
            atomic_fetch_add(&hall.wrong, 1);
        tw_watch_unref(watch);
    }
}

/* A task that comes in the moment a watch does, to workers that all are busy, is seen by it: it is
 * in the books, and not left in the inbox for the next visit. */
TEST(a_task_that_comes_with_the_watch_is_in_the_books)
{
    struct gate gate;
    struct job holder;
    memset(&hall, 0, sizeof hall);
    memset(&meeting, 0, sizeof meeting);
    gate_init(&gate);
    job_init(&holder, wait_at_gate, &gate);
    meeting.jobs = (struct job *)calloc(ROUNDS, sizeof *meeting.jobs);
    jobs_init(meeting.jobs, ROUNDS, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(make_thread(&hall.worker), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, NULL, &meeting.pool), 0);
    CU_ASSERT_EQUAL(tw_pool_submit(meeting.pool, &holder.task), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    crowd_run(2, harness_seed(), watch_each, NULL);
    CU_ASSERT_EQUAL(atomic_load(&hall.wrong), 0);
    gate_open(&gate, 1);
    tw_pool_quit(meeting.pool);
    CU_ASSERT_EQUAL(tw_pool_join(meeting.pool, TW_FOREVER), 0);
    tw_pool_unref(meeting.pool);
    tw_worker_quit(hall.worker);
    tw_worker_unref(hall.worker);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    free(meeting.jobs);
}
