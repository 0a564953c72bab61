/*
 * Lock workers and teams with real threads around and under them.
 */
#include "crowd.h"

SUITE_WITH_THREADS("threads")

#define CROWD 4
#define EACH 1500

/* --- the lock worker -------------------------------------------------------------------------- */

static struct {
    struct tw_worker *worker;
    struct job jobs[CROWD][EACH];
    atomic_size_t accepted;
    size_t performed; /* plain: only under the worker's lock */
    atomic_int inside, overlaps, strays, late;
} lock;

static void count_inside(struct job *job)
{
    lock.performed++;
    if (atomic_fetch_add(&lock.inside, 1) != 0)
        atomic_fetch_add(&lock.overlaps, 1);
    if (job->arg != this_thread())
        atomic_fetch_add(&lock.strays, 1);
    atomic_fetch_sub(&lock.inside, 1);
}

static void submit_to_lock(struct person *person)
{
    size_t i;
    for (i = 0; i < EACH; i++) {
        struct job *job = &lock.jobs[person->index][i];
        job->arg = this_thread();
        if (tw_worker_submit(lock.worker, &job->task) < 0)
            continue;
        atomic_fetch_add(&lock.accepted, 1);
        if (atomic_load(&job->calls) != 1)
            atomic_fetch_add(&lock.late, 1);
    }
}

static void submit_to_lock_or_quit(struct person *person)
{
    if (person->index < CROWD) {
        submit_to_lock(person);
        return;
    }
    WAIT_UNTIL(atomic_load(&lock.accepted) > below(&person->random, EACH));
    tw_worker_quit(lock.worker);
}

static void lock_round(size_t people, uint64_t seed)
{
    jobs_init(&lock.jobs[0][0], (size_t)CROWD * EACH, count_inside, NULL);
    atomic_store(&lock.accepted, 0);
    lock.performed = 0;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock.worker), 0);
    crowd_run(people, seed, submit_to_lock_or_quit, NULL);
    CU_ASSERT_EQUAL(lock.performed, atomic_load(&lock.accepted));
    CU_ASSERT_EQUAL(atomic_load(&lock.overlaps), 0);
    CU_ASSERT_EQUAL(atomic_load(&lock.strays), 0);
    CU_ASSERT_EQUAL(atomic_load(&lock.late), 0);
    tw_worker_unref(lock.worker);
}

/* LKW-004, WRK-003: another thread's submit waits for the lock, so tasks never overlap; each runs
 * on its submitter's thread, and has run when submit returns. */
TEST(LKW_004_tasks_of_several_threads_do_not_overlap)
{
    lock_round(CROWD, harness_seed());
    CU_ASSERT_EQUAL(atomic_load(&lock.accepted), (size_t)CROWD * EACH);
}

/* Somebody inside a lock worker, at a gate, while another quits it and submits to it. */
static struct {
    struct tw_worker *worker;
    struct gate gate;
    struct job job, late;
    int quit_answer, late_answer, over; /* over: the task inside, when both had answered */
} inside;

static void wait_inside_or_quit(struct person *person)
{
    if (person->index == 0) {
        tw_worker_submit(inside.worker, &inside.job.task);
        return;
    }
    WAIT_UNTIL(atomic_load(&inside.gate.waiting));
    inside.quit_answer = tw_worker_quit(inside.worker);
    inside.late_answer = tw_worker_submit(inside.worker, &inside.late.task);
    inside.over = atomic_load(&inside.job.calls);
    gate_open(&inside.gate, 1);
}

static void quit_while_one_is_inside(void)
{
    gate_init(&inside.gate);
    job_init(&inside.job, wait_at_gate, &inside.gate);
    job_init(&inside.late, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&inside.worker), 0);
    crowd_run(2, 0, wait_inside_or_quit, NULL);
    CU_ASSERT_EQUAL(inside.over, 0);
    CHECK_JOB(&inside.job, 0);
    tw_worker_unref(inside.worker);
}

/* LKW-007: quit takes no lock and waits for nobody: it returns while another thread is inside. */
TEST(LKW_007_quit_does_not_wait)
{
    quit_while_one_is_inside();
    CU_ASSERT_EQUAL(inside.quit_answer, 0);
}

/* LKW-010: a submit that comes after quit is refused, without waiting for the lock. */
TEST(LKW_010_a_submit_that_quit_forestalls_is_refused)
{
    quit_while_one_is_inside();
    CU_ASSERT_EQUAL(inside.late_answer, -ESHUTDOWN);
    CU_ASSERT_EQUAL(atomic_load(&inside.late.calls), 0);
}

/* LKW-009: a submit that quit overtakes while it waits for the lock still runs its task. Whatever
 * was accepted has run. */
TEST(LKW_009_what_was_accepted_runs_though_quit_races)
{
    int round;
    for (round = 0; round < (harness_long() ? 200 : 10); round++)
        lock_round(CROWD + 1, harness_seed() + (uint64_t)round);
}

/* --- teams of threads ------------------------------------------------------------------------- */

#define WORKERS 3

/* A team whose workers are threads made beforehand, since create must not start any. */
static struct {
    struct tw_worker *coordinator, *stash[WORKERS];
    struct tw_team *team;
    size_t handed_out;
    atomic_int ended;
    struct job jobs[CROWD][EACH];
    atomic_size_t accepted, cancelled;
} crew;

static int take_from_stash(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    if (live >= WORKERS || crew.handed_out == WORKERS)
        return TW_CREATED_NONE;
    *ret_worker = crew.stash[crew.handed_out++];
    return TW_CREATED_READY;
}

static void crew_ended(void *arg)
{
    (void)arg;
    atomic_store(&crew.ended, 1);
}

static void crew_start(struct tw_worker *coordinator)
{
    size_t i;
    crew.handed_out = 0;
    atomic_store(&crew.ended, 0);
    atomic_store(&crew.accepted, 0);
    atomic_store(&crew.cancelled, 0);
    for (i = 0; i < WORKERS; i++)
        CU_ASSERT_EQUAL_FATAL(tw_thread_worker_new(NULL, &crew.stash[i]), 0);
    crew.coordinator = coordinator;
    CU_ASSERT_EQUAL_FATAL(tw_team_new(coordinator, take_from_stash, NULL, crew_ended, &crew.team),
                          0);
    tw_worker_unref(coordinator);
}

/* Quits the team, and waits until all threads have gone back. */
static void crew_end(void)
{
    tw_team_unref(crew.team);
    WAIT_UNTIL(atomic_load(&crew.ended));
    while (crew.handed_out < WORKERS)
        tw_worker_unref(crew.stash[crew.handed_out++]);
    cache_empty();
}

static size_t crew_called(int status)
{
    size_t i, called = 0;
    for (i = 0; i < (size_t)CROWD * EACH; i++) {
        struct job *job = &crew.jobs[i / EACH][i % EACH];
        if (atomic_load(&job->status) == status)
            called += (size_t)atomic_load(&job->calls);
    }
    return called;
}

static void deliver(struct job *job)
{
    if (job->arg)
        tw_task_delivers(&job->task);
}

static void submit_and_cancel(struct person *person)
{
    size_t i;
    for (i = 0; i < EACH; i++) {
        struct job *job = &crew.jobs[person->index][i];
        job->arg = below(&person->random, 2) ? job : NULL;
        if (tw_team_submit(crew.team, &job->task) < 0)
            continue;
        atomic_fetch_add(&crew.accepted, 1);
        job = &crew.jobs[person->index][i - below(&person->random, i < 8 ? i + 1 : 8)];
        if (below(&person->random, 4) == 0 && tw_team_cancel(crew.team, &job->task) == 0)
            atomic_fetch_add(&crew.cancelled, 1);
    }
}

static void submit_or_manage(struct person *person)
{
    if (person->index < CROWD) {
        submit_and_cancel(person);
        return;
    }
    while (atomic_load(&crew.accepted) < (size_t)CROWD * EACH / 2) {
        tw_team_grow(crew.team, below(&person->random, 2));
        sched_yield();
    }
    tw_team_quit(crew.team);
}

static void crew_round(struct tw_worker *coordinator, size_t people, uint64_t seed)
{
    jobs_init(&crew.jobs[0][0], (size_t)CROWD * EACH, deliver, NULL);
    crew_start(coordinator);
    crowd_run(people, seed, submit_or_manage, NULL);
    crew_end();
    CU_ASSERT_EQUAL(crew_called(0) + crew_called(-ECANCELED), atomic_load(&crew.accepted));
    CU_ASSERT_EQUAL(crew_called(-ECANCELED), atomic_load(&crew.cancelled));
}

static struct tw_worker *make_lock(void)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&worker), 0);
    return worker;
}

static struct tw_worker *make_thread(void)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_thread_worker_new(NULL, &worker), 0);
    return worker;
}

/* R9: a team of threads under a lock worker performs or gives up each task it has accepted, once.
 */
TEST(a_team_of_threads_under_a_lock_worker)
{
    int round;
    for (round = 0; round < (harness_long() ? 100 : 5); round++)
        crew_round(make_lock(), CROWD, harness_seed() + (uint64_t)round);
    CU_ASSERT_EQUAL(atomic_load(&crew.accepted), (size_t)CROWD * EACH);
}

/* QUI-005, in twine's own way: accepting is one step with looking whether the team has quit, so
 * what was accepted is called, however submit and quit race. */
TEST(QUI_005_what_a_team_accepted_is_called_though_quit_races)
{
    int round;
    for (round = 0; round < (harness_long() ? 100 : 5); round++)
        crew_round(make_lock(), CROWD + 1, harness_seed() + (uint64_t)round);
}

/* The same under a coordinator that cannot be entered: a thread of its own takes the steps. */
TEST(a_team_of_threads_under_a_thread_worker)
{
    int round;
    for (round = 0; round < (harness_long() ? 100 : 5); round++) {
        crew_round(make_thread(), CROWD, harness_seed() + (uint64_t)round);
        crew_round(make_thread(), CROWD + 1, harness_seed() + (uint64_t)round);
    }
}
