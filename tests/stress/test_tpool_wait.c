/*
 * The tpool shim's waiting (TCL-020 to TCL-025): blocking, with a loop that turns, in a coroutine, and
 * where it is refused.
 */
#include "on_tpool.h"

SUITE_WITH_THREADS("tpool wait")

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
