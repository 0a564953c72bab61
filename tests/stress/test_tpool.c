/*
 * The tpool shim, after Tcl's manual page (TCL), on real threads. Jobs are held by gates, and nobody
 * sleeps.
 */
#include "crowd.h"
#include <sys/wait.h>
#include <twine/threads/future_internal.h>
#include <unistd.h>

SUITE_WITH_THREADS("tpool")

static atomic_int ran, destroyed;

static void clear(void)
{
    atomic_store(&ran, 0);
    atomic_store(&destroyed, 0);
}

static void count_destroyed(void *arg)
{
    (void)arg;
    atomic_fetch_add(&destroyed, 1);
}

static uint64_t create(size_t min, size_t max)
{
    struct tw_tpool_options options = {
        .size = sizeof options, .min_workers = min, .max_workers = max};
    uint64_t pool = 0;
    clear();
    CU_ASSERT_EQUAL_FATAL(tw_tpool_create(&options, &pool), 0);
    CU_ASSERT_NOT_EQUAL(pool, 0);
    return pool;
}

static struct tw_statistics books(uint64_t number)
{
    struct tw_statistics now = {.size = sizeof now};
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_tpool_pool(number, &pool), 0);
    tw_team_statistics(tw_pool_team(pool), &now);
    tw_pool_unref(pool);
    return now;
}

static size_t live(uint64_t pool)
{
    struct tw_statistics now = books(pool);
    return now.idle + now.busy + now.coming;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void give_back(struct tw_result *result, void *arg)
{
    atomic_fetch_add(&ran, 1);
    tw_result_set(result, arg, NULL);
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR_SYSTEM, 7, "as it must");
}

static void hold(struct tw_result *result, void *semaphore)
{
    atomic_fetch_add(&ran, 1);
    sem_wait((sem_t *)semaphore);
    tw_result_set(result, semaphore, NULL);
}

static uint64_t post(uint64_t pool, tw_call_fn work, void *arg)
{
    uint64_t job = 0;
    CU_ASSERT_EQUAL_FATAL(tw_tpool_post(pool, 0, work, arg, NULL, &job), 0);
    return job;
}

static void *value_of(uint64_t pool, uint64_t job)
{
    struct tw_result result = TW_RESULT_INIT;
    void *value;
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), 0);
    value = tw_result_take(&result, NULL);
    tw_result_done(&result);
    return value;
}

static int code_of(uint64_t pool, uint64_t job)
{
    struct tw_result result = TW_RESULT_INIT;
    int code;
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), 0);
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    code = tw_failure_code(tw_result_failure(&result));
    tw_result_done(&result);
    return code;
}

static void wait_for(uint64_t pool, uint64_t job)
{
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, &job, 1), 1);
}

static char text[] = "text";

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

/* --- wait ------------------------------------------------------------------------------------- */

/* TCL-020, TCL-022: wait comes back when one of several is completed, with those that are and, after
 * them, those that are pending, in their order. */
TEST(TCL_020_wait_for_the_first_of_several)
{
    uint64_t pool = create(0, 4), jobs[5];
    sem_t gate;
    size_t i;
    sem_init(&gate, 0, 0);
    for (i = 0; i < 3; i++)
        jobs[i] = post(pool, hold, &gate);
    jobs[3] = post(pool, give_back, text);
    jobs[4] = jobs[0];
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, jobs, 5), 1);
    CU_ASSERT_EQUAL(jobs[0], 4);
    CU_ASSERT_EQUAL(jobs[1], 1);
    CU_ASSERT_EQUAL(jobs[2], 2);
    CU_ASSERT_EQUAL(jobs[3], 3);
    CU_ASSERT_EQUAL(jobs[4], 1);
    for (i = 0; i < 3; i++)
        sem_post(&gate);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    sem_destroy(&gate);
}

/* TCL-021: completed ones are given at once, all of them, and again and again. */
TEST(TCL_021_wait_gives_those_that_are_completed)
{
    uint64_t pool = create(0, 1), jobs[2];
    jobs[0] = post(pool, give_back, text);
    jobs[1] = post(pool, give_back, text);
    wait_for(pool, jobs[1]);
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, jobs, 2), 2);
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, jobs, 2), 2);
    CU_ASSERT_EQUAL(jobs[0], 1);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

/* TCL-022: the pending ones are what to wait for next: so all of many are had, one after another. */
TEST(TCL_022_the_pending_ones_are_waited_for_next)
{
    uint64_t pool = create(0, 4), jobs[50];
    size_t left = 50, i;
    intptr_t sum = 0;
    for (i = 0; i < 50; i++)
        jobs[i] = post(pool, give_back, (void *)(intptr_t)(i + 1));
    while (left > 0) {
        int done = tw_tpool_wait(pool, NULL, jobs, left);
        CU_ASSERT_TRUE_FATAL(done > 0);
        for (i = 0; i < (size_t)done; i++)
            sum += (intptr_t)value_of(pool, jobs[i]);
        left -= (size_t)done;
        memmove(jobs, jobs + done, left * sizeof jobs[0]);
    }
    CU_ASSERT_EQUAL(sum, 50 * 51 / 2);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
}

struct loop {
    struct tw_reactor *reactor;
    uint64_t pool, job;
    sem_t gate;
    int ticks, answer;
};

static void open_gate(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    loop->ticks++;
    sem_post(&loop->gate);
}

static void open_loop(struct loop *loop)
{
    memset(loop, 0, sizeof *loop);
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &loop->reactor), 0);
    sem_init(&loop->gate, 0, 0);
    loop->pool = create(0, 1);
    loop->job = post(loop->pool, hold, &loop->gate);
}

static void close_loop(struct loop *loop)
{
    CU_ASSERT_EQUAL(tw_tpool_release(loop->pool), 0);
    tw_reactor_unref(loop->reactor);
    sem_destroy(&loop->gate);
}

/* TCL-023: a wait with a loop that is not turning serves its events: only they let the job end. */
TEST(TCL_023_wait_serves_events)
{
    struct loop loop;
    open_loop(&loop);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loop.reactor, open_gate, &loop, NULL), 0);
    CU_ASSERT_EQUAL(tw_tpool_wait(loop.pool, loop.reactor, &loop.job, 1), 1);
    CU_ASSERT_EQUAL(loop.ticks, 1);
    CU_ASSERT_PTR_EQUAL(value_of(loop.pool, loop.job), &loop.gate);
    loop.job = post(loop.pool, give_back, text);
    CU_ASSERT_EQUAL(tw_tpool_wait(loop.pool, loop.reactor, &loop.job, 1), 1);
    CU_ASSERT_EQUAL(tw_tpool_wait(loop.pool, loop.reactor, &loop.job, 1), 1);
    close_loop(&loop);
}

static void wait_in_a_coroutine(struct tw_result *result, void *arg)
{
    struct loop *loop = (struct loop *)arg;
    (void)result;
    loop->answer = tw_tpool_wait(loop->pool, NULL, &loop->job, 1);
    if (loop->answer == 1)
        CU_ASSERT_PTR_EQUAL(value_of(loop->pool, loop->job), &loop->gate);
    if (tw_reactor_is_running(loop->reactor))
        tw_reactor_stop(loop->reactor);
}

/* TCL-023: in a coroutine a wait awaits, and the loop goes on: only that lets the job end. */
TEST(TCL_023_wait_in_a_coroutine_awaits)
{
    struct loop loop;
    open_loop(&loop);
    CU_ASSERT_EQUAL(tw_spawn(loop.reactor, wait_in_a_coroutine, &loop, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(loop.answer, 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loop.reactor, open_gate, &loop, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(loop.reactor), 0);
    CU_ASSERT_EQUAL(loop.answer, 1);
    close_loop(&loop);
}

static void open_gates(void *arg)
{
    int i;
    for (i = 0; i < 3; i++)
        open_gate(arg);
}

/* TCL-023: several that are completed at once come home once. */
TEST(TCL_023_several_are_completed_at_once)
{
    int round;
    for (round = 0; round < 50; round++) {
        struct loop loop = {.pool = create(3, 3)};
        uint64_t jobs[3];
        size_t i, left = 3;
        CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &loop.reactor), 0);
        sem_init(&loop.gate, 0, 0);
        for (i = 0; i < 3; i++)
            jobs[i] = post(loop.pool, hold, &loop.gate);
        WAIT_UNTIL(atomic_load(&ran) == 3);
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loop.reactor, open_gates, &loop, NULL), 0);
        while (left > 0) {
            int done = tw_tpool_wait(loop.pool, loop.reactor, jobs, left);
            CU_ASSERT_TRUE_FATAL(done > 0);
            left -= (size_t)done;
            memmove(jobs, jobs + done, left * sizeof jobs[0]);
        }
        close_loop(&loop);
    }
}

struct nested {
    struct tw_task task;
    struct loop *loop;
};

static void wait_in_a_lock(struct tw_task *task, int status)
{
    struct loop *loop = ((struct nested *)task)->loop;
    (void)status;
    PROVOKE_ERROR(tw_tpool_wait(loop->pool, loop->reactor, &loop->job, 1), -EDEADLK);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "tw_tpool_wait"));
    open_gate(loop);
}

static void lock_in_a_coroutine(struct tw_result *result, void *arg)
{
    struct nested nested = {.loop = (struct loop *)arg};
    struct tw_worker *lock = NULL;
    (void)result;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    tw_task_init(&nested.task, wait_in_a_lock);
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &nested.task), 0);
    tw_worker_unref(lock);
}

/* TCL-024: on a coroutine's stack too, inside another's task a wait is refused. */
TEST(TCL_024_inside_a_lock_a_coroutine_may_not_wait)
{
    struct loop loop;
    open_loop(&loop);
    CU_ASSERT_EQUAL(tw_spawn(loop.reactor, lock_in_a_coroutine, &loop, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(loop.ticks, 1);
    close_loop(&loop);
}

static void stop_reactor(void *arg)
{
    tw_reactor_stop(((struct loop *)arg)->reactor);
}

/* A coroutine that is cancelled, or whose reactor stops, waits no longer; the job goes on. */
TEST(a_wait_in_a_coroutine_can_be_cut_short)
{
    struct loop loop;
    struct tw_deferred *deferred = NULL;
    open_loop(&loop);
    CU_ASSERT_EQUAL(tw_spawn(loop.reactor, wait_in_a_coroutine, &loop, NULL, NULL, &deferred), 0);
    tw_deferred_cancel(deferred);
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL(loop.answer, -ECANCELED);
    loop.answer = 0;
    CU_ASSERT_EQUAL(tw_spawn(loop.reactor, wait_in_a_coroutine, &loop, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loop.reactor, stop_reactor, &loop, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(loop.reactor), 0);
    CU_ASSERT_EQUAL(loop.answer, -ECANCELED);
    sem_post(&loop.gate);
    close_loop(&loop);
}

static void wait_inside(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    PROVOKE_ERROR(tw_tpool_wait(loop->pool, loop->reactor, &loop->job, 1), -EDEADLK);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "tw_future_add_done_callback"));
    PROVOKE_ERROR(tw_tpool_wait(loop->pool, NULL, &loop->job, 1), -EDEADLK);
    open_gate(loop);
}

/* TCL-024: inside a callback a wait never turns the loop again: it is refused, with the call to use
 * instead; but what is completed already is given. */
TEST(TCL_024_inside_a_callback_wait_is_refused)
{
    struct loop loop;
    open_loop(&loop);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loop.reactor, wait_inside, &loop, NULL), 0);
    CU_ASSERT_EQUAL(tw_tpool_wait(loop.pool, loop.reactor, &loop.job, 1), 1);
    close_loop(&loop);
}

static void wait_in_a_job(struct tw_result *result, void *arg)
{
    struct loop *loop = (struct loop *)arg;
    struct tw_future *future = NULL;
    uint64_t job = post(loop->pool, give_back, text);
    (void)result;
    loop->answer = tw_tpool_wait(loop->pool, NULL, &job, 1);
    if (tw_tpool_future(loop->pool, job, &future) == 0 && tw_future_await(&future, 1) == 0)
        loop->ticks = tw_future_value(future) == text;
    tw_future_unref(future);
}

/* TCL-024: in a job of the same pool it is refused too, and tw_future_await() is what goes. */
TEST(TCL_024_in_a_job_of_the_same_pool_wait_is_refused)
{
    struct loop loop;
    memset(&loop, 0, sizeof loop);
    loop.pool = create(0, 1);
    harness_misuse_begin();
    wait_for(loop.pool, post(loop.pool, wait_in_a_job, &loop));
    harness_misuse_end();
    CU_ASSERT_EQUAL(loop.answer, -EDEADLK);
    CU_ASSERT_EQUAL(loop.ticks, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "tw_tpool_future"));
    CU_ASSERT_EQUAL(tw_tpool_release(loop.pool), 0);
}

/* TCL-025: a pool or a job that is not there cannot be waited for, and nothing is waited for at
 * once. */
TEST(TCL_025_wait_needs_pool_and_jobs)
{
    uint64_t pool = create(0, 1), jobs[2];
    jobs[0] = post(pool, give_back, text);
    jobs[1] = 9;
    PROVOKE_ERROR(tw_tpool_wait(pool, NULL, jobs, 2), -ESRCH);
    PROVOKE(tw_tpool_wait(pool, NULL, NULL, 2));
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, jobs, 0), 0);
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, NULL, 0), 0);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    PROVOKE_ERROR(tw_tpool_wait(pool, NULL, jobs, 1), -ESRCH);
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

/* A reactor that has stopped is not served any more. */
TEST(a_reactor_that_has_stopped_is_not_served)
{
    struct loop loop;
    open_loop(&loop);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loop.reactor, stop_reactor, &loop, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(loop.reactor), 0);
    CU_ASSERT_EQUAL(tw_tpool_wait(loop.pool, loop.reactor, &loop.job, 1), -ESHUTDOWN);
    sem_post(&loop.gate);
    close_loop(&loop);
}

/* Whatever allocation fails: every argument is destroyed once, a job that was accepted is completed,
 * and what fails can be tried again. */
SWEEP(nothing_is_lost_without_memory)
{
    struct tw_tpool_options options = {.size = sizeof options, .destroy = count_destroyed};
    struct tw_result result = TW_RESULT_INIT;
    struct tw_reactor *reactor = NULL;
    uint64_t pool = 0, jobs[20];
    size_t accepted = 0, i;
    clear();
    if (tw_tpool_create(&options, &pool) < 0) {
        CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
        return;
    }
    for (i = 0; i < 20; i++)
        accepted += tw_tpool_post(pool, 0, give_back, text, count_destroyed, &jobs[accepted]) == 0;
    if (tw_reactor_new(NULL, &reactor) >= 0)
        for (i = 0; i < accepted; i++) {
            int rc = tw_tpool_wait(pool, reactor, &jobs[i], 1);
            CU_ASSERT_TRUE(rc == 1 || rc == -ENOMEM);
            if (rc == 1)
                CU_ASSERT_EQUAL(tw_tpool_get(pool, jobs[i], &result), 0);
        }
    tw_result_done(&result);
    tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_tpool_release(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 21);
    EXPECT_REPORTS(harness_reports()); /* a thread that could not be made is reported */
}
