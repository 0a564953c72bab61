/*
 * The tpool shim, after Tcl's manual page (TCL), on real threads. Jobs are held by gates, and nobody
 * sleeps. test_tpool_wait.c has its waiting.
 */
#include "on_tpool.h"
#include <sys/wait.h>
#include <twine/threads/future_internal.h>
#include <unistd.h>

SUITE_WITH_THREADS("tpool")

/* --- create ----------------------------------------------------------------------------------- */

/* TCL-001: create gives the pool's number. Options that make no sense are refused, and what was
 * handed over is destroyed. */
TEST(TCL_001_create_gives_a_number)
{
    struct tw_tpool_options options = {
        .size = sizeof options, .idle_time = -1, .destroy = count_destroyed};
    uint64_t pool = 0, other = 0;
    clear();
    CU_ASSERT_EQUAL_FATAL(tw_tpool_create(NULL, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_tpool_create(NULL, &other), 0);
    CU_ASSERT_NOT_EQUAL(pool, 0);
    CU_ASSERT_NOT_EQUAL(pool, other);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(other), 0);
    PROVOKE(tw_tpool_create(&options, &pool));
    PROVOKE(tw_tpool_create(&options, NULL));
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 2);
    options.size++;
    PROVOKE(tw_tpool_create(&options, &pool));
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 2);
}

/* TCL-002: -minworkers many are made with the pool, and stay. */
TEST(TCL_002_min_workers_are_made_at_once)
{
    uint64_t pool = create(3, 4);
    CU_ASSERT_EQUAL(live(pool), 3);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-003: by default there are none, and they are made on demand. */
TEST(TCL_003_by_default_workers_come_on_demand)
{
    uint64_t pool = 0, job;
    CU_ASSERT_EQUAL_FATAL(tw_tpool_create(NULL, &pool), 0);
    CU_ASSERT_EQUAL(live(pool), 0);
    job = post(pool, give_back, text);
    CU_ASSERT_EQUAL(live(pool), 1);
    wait_for(pool, job);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

static size_t live_with_jobs(uint64_t pool, sem_t *gate, int jobs)
{
    size_t count;
    int i;
    sem_init(gate, 0, 0);
    for (i = 0; i < jobs; i++)
        post(pool, hold, gate);
    count = live(pool);
    for (i = 0; i < jobs; i++)
        sem_post(gate);
    return count;
}

/* TCL-004: there are never more than -maxworkers, by default 4; and as many as -minworkers. */
TEST(TCL_004_max_workers_are_the_most)
{
    uint64_t pool = create(0, 2);
    sem_t gate;
    CU_ASSERT_EQUAL(live_with_jobs(pool, &gate, 8), 2);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    pool = create(0, 0);
    CU_ASSERT_EQUAL(live_with_jobs(pool, &gate, 8), 4);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    pool = create(3, 1);
    CU_ASSERT_EQUAL(live_with_jobs(pool, &gate, 8), 3);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

struct hooks {
    atomic_int inits, exits, wrong;
    int answer; /* of init */
};

static int init(void *arg, void **ret_state)
{
    struct hooks *hooks = (struct hooks *)arg;
    atomic_fetch_add(&hooks->inits, 1);
    *ret_state = hooks;
    return hooks->answer;
}

static void leave(void *arg, void *state)
{
    struct hooks *hooks = (struct hooks *)arg;
    atomic_fetch_add(&hooks->wrong, state != arg);
    atomic_fetch_add(&hooks->exits, 1);
}

static uint64_t create_with(struct hooks *hooks, size_t min, struct tw_clock *clock)
{
    struct tw_tpool_options options = {.size = sizeof options,
                                       .min_workers = min,
                                       .idle_time = clock ? TW_SECOND : 0,
                                       .init = init,
                                       .exit = leave,
                                       .arg = hooks,
                                       .destroy = count_destroyed,
                                       .clock = clock};
    uint64_t pool = 0;
    clear();
    CU_ASSERT_EQUAL_FATAL(tw_tpool_create(&options, &pool), 0);
    return pool;
}

/* TCL-005: a thread beyond -minworkers that has idled for -idletime goes, and runs -exitcmd first. */
TEST(TCL_005_idle_workers_go_after_the_idle_time)
{
    struct hooks hooks = {.answer = 0};
    struct tw_clock *clock = NULL;
    uint64_t pool;
    sem_t gate;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&clock), 0);
    pool = create_with(&hooks, 1, clock);
    CU_ASSERT_EQUAL(live_with_jobs(pool, &gate, 3), 3);
    WAIT_UNTIL(books(pool).idle == 3);
    while (atomic_load(&hooks.exits) < 2) /* until both have gone to sleep */
        tw_test_clock_advance(clock, TW_SECOND);
    WAIT_UNTIL(live(pool) == 1);
    tw_test_clock_advance(clock, 100 * TW_SECOND);
    CU_ASSERT_EQUAL(live(pool), 1);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&hooks.exits), 3);
    tw_test_clock_unref(clock);
    sem_destroy(&gate);
}

/* TCL-006: -initcmd is run on each thread before its first job. */
TEST(TCL_006_init_is_run_first)
{
    struct hooks hooks = {.answer = 0};
    uint64_t pool = create_with(&hooks, 0, NULL);
    CU_ASSERT_EQUAL(atomic_load(&hooks.inits), 0);
    wait_for(pool, post(pool, give_back, text));
    CU_ASSERT_EQUAL(atomic_load(&hooks.inits), 1);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
}

/* TCL-007: a thread whose -initcmd fails is not made; a job that no thread is left for fails, and
 * what went wrong is reported. */
TEST(TCL_007_a_failing_init_fails_the_job)
{
    struct hooks hooks = {.answer = -EIO};
    uint64_t pool = create_with(&hooks, 0, NULL), job = post(pool, give_back, text);
    wait_for(pool, job);
    CU_ASSERT_EQUAL(code_of(pool, job), EAGAIN);
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&hooks.exits), 0);
    CU_ASSERT_TRUE(harness_reports() >= 1);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);
    EXPECT_REPORTS(harness_reports());
}

/* TCL-008: -exitcmd is run on each thread as it goes, and has been when release returns. */
TEST(TCL_008_exit_is_run_last)
{
    struct hooks hooks = {.answer = 0};
    uint64_t pool = create_with(&hooks, 2, NULL);
    wait_for(pool, post(pool, give_back, text));
    WAIT_UNTIL(atomic_load(&hooks.inits) == 2);
    CU_ASSERT_EQUAL(atomic_load(&hooks.exits), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&hooks.exits), 2);
    CU_ASSERT_EQUAL(atomic_load(&hooks.wrong), 0);
}

/* --- names ------------------------------------------------------------------------------------ */

/* TCL-010: names gives the pools there are, oldest first, and none if there are none. */
TEST(TCL_010_names_are_the_pools_there_are)
{
    uint64_t a, b, names[3] = {1, 1, 1};
    CU_ASSERT_EQUAL(tw_tpool_names(names, 3), 0);
    a = create(0, 1);
    b = create(0, 1);
    CU_ASSERT_EQUAL(tw_tpool_names(names, 3), 2);
    CU_ASSERT_EQUAL(names[0], a);
    CU_ASSERT_EQUAL(names[1], b);
    names[1] = 1;
    CU_ASSERT_EQUAL(tw_tpool_names(names, 1), 2);
    CU_ASSERT_EQUAL(names[1], 1);
    CU_ASSERT_EQUAL(tw_tpool_names(NULL, 0), 2);
    CU_ASSERT_EQUAL(tw_tpool_release(a), 0);
    CU_ASSERT_EQUAL(tw_tpool_names(names, 3), 1);
    CU_ASSERT_EQUAL(names[0], b);
    CU_ASSERT_EQUAL(tw_tpool_release(b), 0);
}

/* --- post ------------------------------------------------------------------------------------- */

/* TCL-011: post gives the job's number, counted from 1 in each pool; its argument is destroyed after
 * the work. */
TEST(TCL_011_post_gives_a_number)
{
    uint64_t pool = create(0, 1), other = create(0, 1), job = 0;
    CU_ASSERT_EQUAL(post(pool, give_back, text), 1);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, TW_TPOOL_NOWAIT, give_back, text, count_destroyed, &job),
                    0);
    CU_ASSERT_EQUAL(job, 2);
    CU_ASSERT_EQUAL(post(other, give_back, text), 1);
    wait_for(pool, job);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(other), 0);
}

/* TCL-012: an idle thread takes the job; else one is made while there are fewer than -maxworkers. */
TEST(TCL_012_an_idle_worker_takes_it_or_a_new_one)
{
    uint64_t pool = create(0, 2);
    sem_t gate;
    wait_for(pool, post(pool, give_back, text));
    WAIT_UNTIL(books(pool).idle == 1);
    wait_for(pool, post(pool, give_back, text));
    CU_ASSERT_EQUAL(live(pool), 1);
    sem_init(&gate, 0, 0);
    post(pool, hold, &gate);
    wait_for(pool, post(pool, give_back, text));
    CU_ASSERT_EQUAL(live(pool), 2);
    sem_post(&gate);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

/* TCL-013, TCL-014: with all threads at work a post does not wait, with -nowait or without. */
TEST(TCL_013_post_never_waits)
{
    uint64_t pool = create(0, 1), job = 0;
    sem_t gate;
    sem_init(&gate, 0, 0);
    post(pool, hold, &gate);
    post(pool, give_back, text);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, TW_TPOOL_NOWAIT, give_back, text, NULL, &job), 0);
    CU_ASSERT_EQUAL(books(pool).backlog + books(pool).busy + books(pool).coming >= 2, 1);
    sem_post(&gate);
    wait_for(pool, job);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

/* TCL-014: with -nowait too a thread is made while there may be more. */
TEST(TCL_014_nowait_makes_workers_too)
{
    uint64_t pool = create(0, 2), job = 0;
    sem_t gate;
    sem_init(&gate, 0, 0);
    post(pool, hold, &gate);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, TW_TPOOL_NOWAIT, give_back, text, NULL, &job), 0);
    wait_for(pool, job); /* comes only if a second thread was made */
    sem_post(&gate);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

/* TCL-015: a detached job has no number, and is done all the same; the failure it leaves is
 * reported. */
TEST(TCL_015_a_detached_job_has_no_number)
{
    uint64_t pool = create(0, 1), job = 77;
    CU_ASSERT_EQUAL(
        tw_tpool_post(pool, TW_TPOOL_DETACHED | TW_TPOOL_NOWAIT, give_back, text, NULL, &job), 0);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, 0, fail, NULL, count_destroyed, NULL), 0);
    CU_ASSERT_EQUAL(job, 77);
    CU_ASSERT_EQUAL(post(pool, give_back, text), 1);
    job = 1;
    wait_for(pool, job);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 2);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
    CU_ASSERT_EQUAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    EXPECT_REPORTS(1);
}

/* TCL-016: to a pool that is not there nothing can be posted; the argument is destroyed. */
TEST(TCL_016_post_needs_a_pool)
{
    uint64_t pool = create(0, 1), job = 0;
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    PROVOKE_ERROR(tw_tpool_post(pool, 0, give_back, NULL, count_destroyed, &job), -ESRCH);
    PROVOKE_ERROR(tw_tpool_post(0, 0, give_back, NULL, count_destroyed, &job), -ESRCH);
    PROVOKE(tw_tpool_post(pool, 0, NULL, NULL, count_destroyed, &job));
    PROVOKE(tw_tpool_post(pool, 8, give_back, NULL, count_destroyed, &job));
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 4);
}

/* --- cancel ----------------------------------------------------------------------------------- */

/* TCL-030, TCL-031, TCL-032: jobs that wait are cancelled, and never run; one that runs is not. Those
 * cancelled come first, the others after them. */
TEST(TCL_030_jobs_that_wait_are_cancelled)
{
    uint64_t pool = create(0, 1), jobs[3];
    sem_t gate;
    sem_init(&gate, 0, 0);
    jobs[0] = post(pool, hold, &gate);
    WAIT_UNTIL(atomic_load(&ran) == 1);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, 0, give_back, text, count_destroyed, &jobs[1]), 0);
    jobs[2] = post(pool, give_back, text);
    CU_ASSERT_EQUAL(tw_tpool_cancel(pool, jobs, 3), 2);
    CU_ASSERT_EQUAL(jobs[0], 2);
    CU_ASSERT_EQUAL(jobs[1], 3);
    CU_ASSERT_EQUAL(jobs[2], 1);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
    sem_post(&gate);
    wait_for(pool, 1);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    CU_ASSERT_EQUAL(code_of(pool, 2), ECANCELED);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

static void hold_until_cancelled(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_fetch_add(&ran, 1);
    WAIT_UNTIL(tw_cancelled());
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* TCL-031: one that runs is not cancelled, but is asked to stop; one that is completed stays so. */
TEST(TCL_031_a_job_that_runs_is_asked_to_stop)
{
    atomic_int saw = 0;
    uint64_t pool = create(0, 1), job = post(pool, hold_until_cancelled, &saw);
    WAIT_UNTIL(atomic_load(&ran) == 1);
    CU_ASSERT_EQUAL(tw_tpool_cancel(pool, &job, 1), 0);
    wait_for(pool, job);
    CU_ASSERT_EQUAL(atomic_load(&saw), 1);
    CU_ASSERT_EQUAL(tw_tpool_cancel(pool, &job, 1), 0);
    CU_ASSERT_PTR_NULL(value_of(pool, job));
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-032: the others stand behind those cancelled, in their order. */
TEST(TCL_032_those_not_cancelled_come_after)
{
    uint64_t pool = create(0, 1), jobs[4];
    size_t i;
    jobs[1] = post(pool, give_back, text);
    jobs[3] = post(pool, give_back, text);
    wait_for(pool, jobs[3]);
    CU_ASSERT_EQUAL(tw_tpool_suspend(pool), 0);
    jobs[0] = post(pool, give_back, text);
    jobs[2] = post(pool, give_back, text);
    CU_ASSERT_EQUAL(tw_tpool_cancel(pool, jobs, 4), 2);
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(jobs[i], (i + 2) % 4 + 1);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-033: with a pool or a job that is not there nothing is cancelled. */
TEST(TCL_033_cancel_needs_pool_and_jobs)
{
    uint64_t pool = create(0, 1), jobs[2];
    CU_ASSERT_EQUAL(tw_tpool_suspend(pool), 0);
    jobs[0] = post(pool, give_back, text);
    jobs[1] = 9;
    PROVOKE_ERROR(tw_tpool_cancel(pool, jobs, 2), -ESRCH);
    PROVOKE(tw_tpool_cancel(pool, NULL, 2));
    CU_ASSERT_EQUAL(tw_tpool_resume(pool), 0);
    wait_for(pool, jobs[0]);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    PROVOKE_ERROR(tw_tpool_cancel(pool, jobs, 1), -ESRCH);
}

/* --- get -------------------------------------------------------------------------------------- */

/* TCL-040, TCL-041: get gives the value or reflects the failure, and forgets the job. */
TEST(TCL_040_get_gives_the_value)
{
    uint64_t pool = create(0, 1), job = post(pool, give_back, text);
    struct tw_result result = TW_RESULT_INIT;
    wait_for(pool, job);
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), 0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), text);
    PROVOKE_ERROR(tw_tpool_get(pool, job, &result), -ESRCH);
    PROVOKE_ERROR(tw_tpool_wait(pool, NULL, &job, 1), -ESRCH);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-041: a failure is reflected, whole. */
TEST(TCL_041_get_reflects_the_failure)
{
    uint64_t pool = create(0, 1), job = post(pool, fail, NULL);
    struct tw_result result = TW_RESULT_INIT;
    wait_for(pool, job);
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), 0);
    CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(&result), &TW_ERROR_SYSTEM));
    CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(&result)), 7);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "as it must");
    tw_result_done(&result);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-042: a job that is not completed has nothing to get yet; one that is, without a wait too. */
TEST(TCL_042_get_needs_a_completed_job)
{
    uint64_t pool = create(0, 1), job;
    struct tw_result result = TW_RESULT_INIT;
    sem_t gate;
    sem_init(&gate, 0, 0);
    job = post(pool, hold, &gate);
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), -EINPROGRESS);
    sem_post(&gate);
    WAIT_UNTIL(tw_tpool_get(pool, job, &result) == 0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &gate);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

/* TCL-043: a pool or a job that is not there has nothing to get. */
TEST(TCL_043_get_needs_pool_and_job)
{
    uint64_t pool = create(0, 1);
    struct tw_result result = TW_RESULT_INIT;
    struct tw_future *future = NULL;
    PROVOKE_ERROR(tw_tpool_get(pool, 1, &result), -ESRCH);
    PROVOKE_ERROR(tw_tpool_future(pool, 1, &future), -ESRCH);
    PROVOKE(tw_tpool_get(pool, 1, NULL));
    PROVOKE(tw_tpool_future(pool, 1, NULL));
    PROVOKE(tw_tpool_pool(pool, NULL));
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    PROVOKE_ERROR(tw_tpool_get(pool, 1, &result), -ESRCH);
}

/* --- preserve, release ------------------------------------------------------------------------ */

/* TCL-050, TCL-051: both give the count, which begins at 0. */
TEST(TCL_050_preserve_counts_from_0)
{
    uint64_t pool = create(0, 1);
    CU_ASSERT_EQUAL(tw_tpool_preserve(pool), 1);
    CU_ASSERT_EQUAL(tw_tpool_preserve(pool), 2);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 1);
    wait_for(pool, post(pool, give_back, text));
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-051: a release that leaves none, or comes without a preserve, ends the pool. */
TEST(TCL_051_release_to_0_ends_the_pool)
{
    uint64_t pool = create(2, 2);
    struct tw_pool *beneath = NULL;
    CU_ASSERT_EQUAL(tw_tpool_pool(pool, &beneath), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_TRUE(tw_team_has_quit(tw_pool_team(beneath)));
    CU_ASSERT_EQUAL(tw_pool_join(beneath, 0), 0);
    tw_pool_unref(beneath);
}

/* TCL-052: after that its number is no pool's, whatever is called, and never will be. */
TEST(TCL_052_a_released_pool_is_not_there)
{
    uint64_t pool = create(0, 1), other;
    struct tw_pool *beneath;
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    other = create(0, 1);
    CU_ASSERT_NOT_EQUAL(pool, other);
    PROVOKE_ERROR(tw_tpool_release(pool), -ESRCH);
    PROVOKE_ERROR(tw_tpool_preserve(pool), -ESRCH);
    PROVOKE_ERROR(tw_tpool_suspend(pool), -ESRCH);
    PROVOKE_ERROR(tw_tpool_resume(pool), -ESRCH);
    PROVOKE_ERROR(tw_tpool_pool(pool, &beneath), -ESRCH);
    CU_ASSERT_EQUAL(tw_tpool_release(other), 0);
}

/* TCL-053: at the end what waits is given up, what runs is waited for, and what nobody took is
 * destroyed, failures reported. */
TEST(TCL_053_release_gives_up_what_waits)
{
    atomic_int saw = 0;
    uint64_t pool = create(0, 1), done = post(pool, fail, NULL), job = 0;
    wait_for(pool, done);
    post(pool, hold_until_cancelled, &saw);
    WAIT_UNTIL(atomic_load(&ran) == 1);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, 0, give_back, text, count_destroyed, &job), 0);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, TW_TPOOL_DETACHED, give_back, text, count_destroyed, NULL),
                    0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&saw), 1);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 2);
    CU_ASSERT_EQUAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    EXPECT_REPORTS(1);
}

static void release_it(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_fetch_add(&ran, tw_tpool_release(*(uint64_t *)arg) == 0);
}

/* TCL-053: in a job of its own a pool is released without waiting, and ends by itself. */
TEST(TCL_053_a_job_may_release_its_pool)
{
    uint64_t pool = create(0, 1);
    struct tw_pool *beneath = NULL;
    CU_ASSERT_EQUAL(tw_tpool_pool(pool, &beneath), 0);
    CU_ASSERT_EQUAL(tw_tpool_post(pool, TW_TPOOL_DETACHED, release_it, &pool, NULL, NULL), 0);
    WAIT_UNTIL(tw_team_has_quit(tw_pool_team(beneath)));
    CU_ASSERT_EQUAL(tw_pool_join(beneath, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    tw_pool_unref(beneath);
    CU_ASSERT_EQUAL(tw_tpool_names(NULL, 0), 0);
}

struct other {
    pthread_t thread;
    uint64_t pool, job;
    int answer;
};

static void *wait_elsewhere(void *arg)
{
    struct other *other = (struct other *)arg;
    other->answer = tw_tpool_wait(other->pool, NULL, &other->job, 1);
    return NULL;
}

/* TCL-054: who waits while the pool is released is told. */
TEST(TCL_054_release_wakes_who_waits)
{
    struct other other = {.pool = create(0, 1)};
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL(tw_tpool_suspend(other.pool), 0);
    other.job = post(other.pool, give_back, text);
    CU_ASSERT_EQUAL(tw_tpool_future(other.pool, other.job, &future), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&other.thread, NULL, wait_elsewhere, &other), 0);
    WAIT_UNTIL(atomic_load(&future->state) & TW__AWAITED);
    CU_ASSERT_EQUAL(tw_tpool_release(other.pool), 0);
    pthread_join(other.thread, NULL);
    CU_ASSERT_EQUAL(other.answer, -ESHUTDOWN);
    CU_ASSERT_TRUE(tw_future_is_cancelled(future));
    tw_future_unref(future);
}

/* In a forked child the parent's pools are not there, but say whose they are. */
TEST(a_forked_child_leaves_the_parents_pools_alone)
{
    uint64_t pool = create(1, 1), job = 0, names[2];
    int status = 0;
    pid_t child;
    wait_for(pool, post(pool, give_back, text));
    WAIT_UNTIL(books(pool).idle == 1);
    child = fork();
    if (child == 0) {
        int wrong = tw_tpool_post(pool, 0, give_back, NULL, count_destroyed, &job) != -EOWNERDEAD;
        wrong += atomic_load(&destroyed) != 1;
        wrong += tw_tpool_wait(pool, NULL, &job, 1) != -EOWNERDEAD;
        wrong += tw_tpool_release(pool) != -EOWNERDEAD;
        wrong += tw_tpool_names(names, 2) != 0;
        wrong += tw_tpool_create(NULL, &job) != 0 || job == pool;
        wrong += tw_tpool_suspend(job) != 0 || tw_tpool_names(names, 2) != 1;
        _exit(wrong);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* --- suspend, resume -------------------------------------------------------------------------- */

/* TCL-060, TCL-061: while a pool is suspended jobs are accepted and wait, and no thread is made for
 * them. */
TEST(TCL_060_a_suspended_pool_accepts_and_waits)
{
    uint64_t pool = create(1, 4), job;
    CU_ASSERT_EQUAL(tw_tpool_suspend(pool), 0);
    CU_ASSERT_EQUAL(tw_tpool_suspend(pool), 0);
    job = post(pool, give_back, text);
    post(pool, give_back, text);
    CU_ASSERT_EQUAL(books(pool).backlog, 2);
    CU_ASSERT_EQUAL(live(pool), 1);
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
    CU_ASSERT_EQUAL(tw_tpool_resume(pool), 0);
    wait_for(pool, job);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-061: the threads there were are the threads there are. */
TEST(TCL_061_no_worker_is_made_while_suspended)
{
    uint64_t pool = create(0, 4);
    CU_ASSERT_EQUAL(tw_tpool_suspend(pool), 0);
    post(pool, give_back, text);
    CU_ASSERT_EQUAL(live(pool), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-062: resume lets them go on, with as many threads as are short; on a pool that runs it does
 * nothing. */
TEST(TCL_062_resume_lets_them_go_on)
{
    uint64_t pool = create(0, 2), jobs[3];
    size_t i;
    CU_ASSERT_EQUAL(tw_tpool_resume(pool), 0);
    CU_ASSERT_EQUAL(tw_tpool_suspend(pool), 0);
    for (i = 0; i < 3; i++)
        jobs[i] = post(pool, give_back, text);
    CU_ASSERT_EQUAL(tw_tpool_resume(pool), 0);
    for (i = 0; i < 3; i++)
        wait_for(pool, jobs[i]);
    CU_ASSERT_EQUAL(atomic_load(&ran), 3);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* --- more ------------------------------------------------------------------------------------- */

static struct tw_context_key who = TW_CONTEXT_KEY("who");

static void see(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set(result, tw_context_get(&who), NULL);
}

/* A job sees the context of who has posted it. */
TEST(the_context_is_carried)
{
    uint64_t pool = create(0, 1), job;
    struct tw_context *before = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&who, text, NULL, &before), 0);
    job = post(pool, see, NULL);
    tw_context_leave(before);
    wait_for(pool, job);
    CU_ASSERT_PTR_EQUAL(value_of(pool, job), text);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* Numbers are found among many, as they come and go. */
TEST(many_jobs_are_found)
{
    uint64_t pool = create(0, 2);
    uintptr_t i, wrong = 0;
    for (i = 1; i <= 500; i++)
        wrong += post(pool, give_back, (void *)i) != i;
    for (i = 2; i <= 500; i += 2) {
        wait_for(pool, i);
        wrong += value_of(pool, i) != (void *)i;
    }
    for (i = 501; i <= 1000; i++)
        wrong += post(pool, give_back, (void *)i) != i;
    for (i = 1; i <= 1000; i += i < 500 ? 2 : 1) {
        wait_for(pool, i);
        wrong += value_of(pool, i) != (void *)i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

struct client {
    pthread_t thread;
    uint64_t pool;
    int wrong;
};

static void *post_and_get(void *arg)
{
    struct client *client = (struct client *)arg;
    uintptr_t i;
    tw_tpool_preserve(client->pool);
    for (i = 1; i <= (harness_long() ? 20000 : 500); i++) {
        struct tw_result result = TW_RESULT_INIT;
        uint64_t job = 0;
        if (tw_tpool_post(client->pool, 0, give_back, (void *)i, NULL, &job) < 0 ||
            tw_tpool_wait(client->pool, NULL, &job, 1) != 1 ||
            tw_tpool_get(client->pool, job, &result) < 0 || tw_result_value(&result) != (void *)i)
            client->wrong++;
    }
    tw_tpool_release(client->pool);
    return NULL;
}

/* Several threads use one pool. */
TEST(several_threads_use_one_pool)
{
    struct client clients[4];
    uint64_t pool = create(0, 3);
    int i;
    CU_ASSERT_EQUAL(tw_tpool_preserve(pool), 1);
    for (i = 0; i < 4; i++) {
        clients[i].pool = pool;
        clients[i].wrong = 0;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&clients[i].thread, NULL, post_and_get, &clients[i]),
                              0);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(clients[i].thread, NULL);
        CU_ASSERT_EQUAL(clients[i].wrong, 0);
    }
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

static void *post_until_refused(void *arg)
{
    struct client *client = (struct client *)arg;
    uint64_t job = 0;
    while (tw_tpool_post(client->pool, 0, give_back, text, count_destroyed, &job) >= 0)
        client->wrong--;
    return NULL;
}

/* A post that meets a release is done or given up, and refused afterwards: either way its argument
 * goes, and nothing of it stays. */
TEST(posting_while_the_pool_is_released)
{
    int round, reports = 0;
    unsetenv("TWINE_ABORT_ON_MISUSE"); /* one that comes late is told so */
    for (round = 0; round < 100; round++) {
        struct client client = {.pool = create(1, 2)};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&client.thread, NULL, post_until_refused, &client), 0);
        WAIT_UNTIL(atomic_load(&ran) > 0);
        CU_ASSERT_EQUAL(tw_tpool_release(client.pool), 0);
        pthread_join(client.thread, NULL);
        CU_ASSERT_EQUAL(atomic_load(&destroyed), 1 - client.wrong);
        reports = harness_reports();
    }
    setenv("TWINE_ABORT_ON_MISUSE", "1", 1);
    CU_ASSERT_TRUE(reports <= round);
    EXPECT_REPORTS(reports);
}
