/*
 * The executor over workers whose every task is taken by hand: what becomes of each job, its
 * argument and its future, on each way it can go.
 */
#include "by_hand.h"
#include <pthread.h>
#include <twine/threads/executor_internal.h>

SUITE("executor")

enum { MOST = 10 };

static struct tw_worker *worker;
static struct tw_executor *executor;
static int ran, destroyed[MOST], order[MOST];

static void start(void)
{
    ran = 0;
    memset(destroyed, 0, sizeof destroyed);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(worker, &executor), 0);
}

static void run(void)
{
    while (tw_memory_worker_perform(worker) > 0)
        continue;
}

static void stop(void)
{
    executor = tw_executor_unref(executor);
    run();
    worker = tw_worker_unref(worker);
}

/* Work that gives its number, in order. */
static void work(struct tw_result *result, void *arg)
{
    int *mine = (int *)arg;
    CU_ASSERT_EQUAL(*mine, 0); /* not destroyed yet */
    order[ran++] = (int)(mine - destroyed);
    tw_result_set(result, mine, NULL);
}

static int submit_to(struct tw_executor *to, int i, struct tw_future **ret_future)
{
    return tw_executor_submit(to, work, &destroyed[i], count_destroy, ret_future);
}

static struct tw_future *submit(int i)
{
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL(submit_to(executor, i, &future), 0);
    return future;
}

static bool is_of(struct tw_future *future, const struct tw_error *kind)
{
    return tw_failure_is(tw_future_failure(future), kind);
}

/* --- a job's ways ----------------------------------------------------------------------------- */

/* It runs, its argument is destroyed, its future has what it left. */
TEST(submit_and_run)
{
    struct tw_future *future;
    start();
    CU_ASSERT_PTR_EQUAL(tw_executor_worker(executor), worker);
    future = submit(0);
    CU_ASSERT_FALSE(tw_future_is_running(future) || tw_future_is_done(future));
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(ran, 1);
    CU_ASSERT_EQUAL(destroyed[0], 1);
    CU_ASSERT_TRUE(tw_future_is_done(future));
    CU_ASSERT_PTR_EQUAL(tw_future_value(future), &destroyed[0]);
    PROVOKE(tw_future_begin(future)); /* an executor's are not the user's to set */
    tw_future_unref(future);
    stop();
    CU_ASSERT_EQUAL(destroyed[0], 1);
}

static void fail_with(struct tw_result *result, void *code)
{
    tw_result_failf(result, &TW_ERROR_SYSTEM, *(int *)code, "no luck");
}

/* Without a future nobody can look at a failure, so it is reported. */
TEST(fire_and_forget)
{
    int code = EIO;
    start();
    CU_ASSERT_EQUAL(submit_to(executor, 0, NULL), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(executor, fail_with, &code, NULL, NULL), 0);
    EXPECT_REPORTS(1);
    run();
    CU_ASSERT_EQUAL(destroyed[0], 1);
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "nobody holds its future"));
    stop();
}

/* Cancelled before its work begins it never does: the future is done at once, the argument goes when
 * the worker comes upon the task. A second cancel answers the same. */
TEST(cancel_before_it_begins)
{
    struct tw_future *future;
    start();
    future = submit(0);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CU_ASSERT_TRUE(tw_future_is_cancelled(future));
    CU_ASSERT_EQUAL(destroyed[0], 0);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    run();
    CU_ASSERT_EQUAL(ran, 0);
    CU_ASSERT_EQUAL(destroyed[0], 1);
    CU_ASSERT_TRUE(is_of(future, &TW_ERROR_CANCELLED));
    tw_future_unref(future);
    stop();
}

/* In a team's backlog it leaves at once, and the argument with it. */
TEST(cancel_takes_it_out_of_a_teams_backlog)
{
    struct hand hand;
    struct tw_future *future = NULL;
    memset(destroyed, 0, sizeof destroyed);
    ran = 0;
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 1), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_team_worker(hand.team), &executor), 0);
    CU_ASSERT_EQUAL(submit_to(executor, 0, NULL), 0);
    future = submit(1);
    CHECK_BOOKS(&hand, 0, 1, 1);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CHECK_BOOKS(&hand, 0, 1, 0);
    CU_ASSERT_EQUAL(destroyed[1], 1);
    hand_run(&hand);
    CU_ASSERT_EQUAL(ran, 1);
    CU_ASSERT_EQUAL(destroyed[1], 1);
    tw_future_unref(future);
    executor = tw_executor_unref(executor);
    hand_end(&hand);
}

static struct tw_future *running;
static bool saw[2];

static void cancel_from_inside(struct tw_result *result, void *arg)
{
    (void)arg;
    saw[0] = tw_cancelled();
    CU_ASSERT_TRUE(tw_future_is_running(running));
    CU_ASSERT_EQUAL(tw_future_cancel(running), -EINPROGRESS);
    saw[1] = tw_cancelled();
    tw_result_set(result, saw, NULL);
}

/* A job that runs is asked to stop, and decides itself. */
TEST(cancel_while_it_runs)
{
    start();
    CU_ASSERT_EQUAL(tw_executor_submit(executor, cancel_from_inside, NULL, NULL, &running), 0);
    run();
    CU_ASSERT_FALSE(saw[0]);
    CU_ASSERT_TRUE(saw[1]);
    CU_ASSERT_FALSE(tw_cancelled());
    CU_ASSERT_PTR_EQUAL(tw_future_value(running), saw);
    CU_ASSERT_EQUAL(tw_future_cancel(running), -EALREADY);
    CU_ASSERT_FALSE(tw_future_is_cancelled(running));
    running = tw_future_unref(running);
    stop();
}

/* A worker that has quit refuses: the argument is destroyed, nothing else happens. */
TEST(worker_has_quit)
{
    struct tw_future *future = NULL;
    start();
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(submit_to(executor, 0, &future), -ESHUTDOWN);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_EQUAL(destroyed[0], 1);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), 0);
    stop();
}

/* A worker that gives up what it has accepted: the future fails with why. */
TEST(worker_gives_up)
{
    struct hand hand;
    struct tw_future *future = NULL;
    memset(destroyed, 0, sizeof destroyed);
    ran = 0;
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 0), 0); /* no worker, ever */
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_team_worker(hand.team), &executor), 0);
    future = submit(0);
    CU_ASSERT_EQUAL(submit_to(executor, 1, NULL), 0);
    EXPECT_REPORTS(1); /* that of the one without a future */
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_TRUE(is_of(future, &TW_ERROR_SHUTDOWN));
    CU_ASSERT_FALSE(tw_future_is_cancelled(future));
    CU_ASSERT_EQUAL(ran, 0);
    CU_ASSERT_EQUAL(destroyed[0], 1);
    CU_ASSERT_EQUAL(destroyed[1], 1);
    tw_future_unref(future);
    executor = tw_executor_unref(executor);
    hand_end(&hand);
}

static struct tw_context_key key = TW_CONTEXT_KEY("job");
static void *seen[2];

static void look(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    seen[0] = tw_context_get(&key);
}

static void look_last(void *arg)
{
    (void)arg;
    seen[1] = tw_context_get(&key);
}

/* A job sees the context in force where it was submitted, the destroy of its argument too. */
TEST(job_sees_its_context)
{
    struct tw_context *before = NULL;
    int value_destroyed = 0;
    start();
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&key, &value_destroyed, count_destroy, &before), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(executor, look, NULL, look_last, NULL), 0);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(value_destroyed, 0);
    run();
    CU_ASSERT_PTR_EQUAL(seen[0], &value_destroyed);
    CU_ASSERT_PTR_EQUAL(seen[1], &value_destroyed);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    stop();
}

/* --- map -------------------------------------------------------------------------------------- */

/* One future for each argument, in order, whatever runs when. */
TEST(map_in_order)
{
    struct tw_future *futures[3];
    void *args[3] = {&destroyed[0], &destroyed[1], &destroyed[2]};
    int i;
    start();
    CU_ASSERT_EQUAL(tw_executor_map(executor, work, args, 3, futures), 0);
    CU_ASSERT_EQUAL(tw_executor_map(executor, work, NULL, 0, NULL), 0);
    memset(args, 0, sizeof args); /* the array is not kept */
    run();
    for (i = 0; i < 3; i++) {
        CU_ASSERT_PTR_EQUAL(tw_future_value(futures[i]), &destroyed[i]);
        CU_ASSERT_EQUAL(order[i], i);
        tw_future_unref(futures[i]);
    }
    stop();
}

/* If the worker refuses one of them, none is done. */
TEST(map_that_is_refused)
{
    struct tw_future *futures[3] = {NULL, NULL, NULL};
    void *args[3] = {&destroyed[0], &destroyed[1], &destroyed[2]};
    start();
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_executor_map(executor, work, args, 3, futures), -ESHUTDOWN);
    CU_ASSERT_PTR_NULL(futures[0]);
    stop();
    CU_ASSERT_EQUAL(ran, 0);
}

static int refuse_third(struct tw_worker *own, struct tw_task *task)
{
    struct watched *watched = (struct watched *)own;
    return watched->submits == 2 ? -EAGAIN : watched_submit(own, task);
}

/* … nor those that were accepted before it. */
TEST(map_that_is_refused_half_way)
{
    struct tw_worker_ops ops = watched_ops;
    struct watched own;
    struct tw_future *futures[3];
    void *args[3] = {&destroyed[0], &destroyed[1], &destroyed[2]};
    start();
    ops.submit = refuse_third;
    watched_init(&own, tw_worker_ref(worker));
    own.base._ops = &ops;
    executor = tw_executor_unref(executor);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(&own.base, &executor), 0);
    CU_ASSERT_EQUAL(tw_executor_map(executor, work, args, 3, futures), -EAGAIN);
    run();
    CU_ASSERT_EQUAL(ran, 0);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), 0);
    tw_worker_unref(&own.base);
    stop();
}

/* --- joining ---------------------------------------------------------------------------------- */

/* It is quiet again only when each job is over, and those it has submitted. */
static void submit_another(struct tw_result *result, void *arg)
{
    (void)result;
    CU_ASSERT_EQUAL(submit_to(executor, *(int *)arg, NULL), 0);
}

TEST(join)
{
    int first = 1;
    struct tw_future *future;
    start();
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(executor, submit_another, &first, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), -ETIMEDOUT);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 1), -ETIMEDOUT);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), -ETIMEDOUT);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), 0);
    future = submit(2); /* it can be used as before */
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), -ETIMEDOUT);
    run();
    CU_ASSERT_EQUAL(tw_executor_join(executor, 0), 0);
    tw_future_unref(future);
    stop();
}

static int answers[4];

static void wait_for_itself(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    answers[0] = tw_executor_join(executor, TW_FOREVER);
    answers[1] = tw_future_wait(&running, 1, TW_WAIT_ALL, TW_FOREVER);
    answers[2] = tw_future_await(&running, 1);
    answers[3] = tw_executor_shutdown(executor, true, false);
}

/* R19: a job cannot wait for the worker that it is on, in whatever way; shut down it is all the
 * same. */
TEST(R19_a_job_cannot_wait_for_its_own_worker)
{
    int i;
    start();
    CU_ASSERT_EQUAL(tw_executor_submit(executor, wait_for_itself, NULL, NULL, NULL), 0);
    running = submit(1);
    harness_misuse_begin();
    EXPECT_REPORTS(3);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    harness_misuse_end();
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(answers[i], -EDEADLK);
    CU_ASSERT_EQUAL(submit_to(executor, 2, NULL), -ESHUTDOWN);
    run();
    CU_ASSERT_EQUAL(ran, 1);
    running = tw_future_unref(running);
    stop();
}

/* --- shutting down ---------------------------------------------------------------------------- */

/* What was accepted runs, what comes later is refused, the worker is left as it is. */
TEST(shutdown_lets_what_was_accepted_run)
{
    struct note note;
    start();
    CU_ASSERT_EQUAL(submit_to(executor, 0, NULL), 0);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, false, false), 0);
    CU_ASSERT_EQUAL(submit_to(executor, 1, NULL), -ESHUTDOWN);
    CU_ASSERT_EQUAL(destroyed[1], 1);
    run();
    CU_ASSERT_EQUAL(ran, 1);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false),
                    0); /* nothing is left to wait for */
    note_init(&note, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    run();
    CHECK_NOTE(&note, 0);
    stop();
}

/* With cancel_futures what has not begun is cancelled when the worker comes upon it. */
TEST(shutdown_that_cancels)
{
    struct tw_future *futures[2];
    start();
    futures[0] = submit(0);
    futures[1] = submit(1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, false, true), 0);
    run();
    CU_ASSERT_EQUAL(ran, 1);
    CU_ASSERT_FALSE(tw_future_is_cancelled(futures[0]));
    CU_ASSERT_TRUE(tw_future_is_cancelled(futures[1]));
    CU_ASSERT_EQUAL(destroyed[0], 1);
    CU_ASSERT_EQUAL(destroyed[1], 1);
    tw_future_unref(futures[0]);
    tw_future_unref(futures[1]);
    stop();
}

/* The last reference may go while jobs wait: they run, and their futures outlive the executor, and
 * the worker. */
TEST(futures_outlive_the_executor)
{
    struct tw_future *future;
    start();
    future = submit(0);
    CU_ASSERT_PTR_EQUAL(tw_executor_ref(executor), executor);
    tw_executor_unref(executor);
    stop();
    CU_ASSERT_EQUAL(ran, 1);
    CU_ASSERT_PTR_EQUAL(tw_future_value(future), &destroyed[0]);
    CU_ASSERT_EQUAL(tw_future_cancel(future), -EALREADY);
    tw_future_unref(future);
}

static void let_go(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    executor = tw_executor_unref(executor);
}

/* … and it may go in one of its jobs. */
TEST(let_go_of_in_a_job)
{
    start();
    CU_ASSERT_EQUAL(tw_executor_submit(executor, let_go, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(submit_to(executor, 0, NULL), 0);
    run();
    CU_ASSERT_EQUAL(ran, 1);
    stop();
}

/* Over a lock worker a job runs inside submit. */
TEST(over_a_lock_worker)
{
    struct tw_worker *lock = NULL;
    struct tw_executor *on_lock = NULL;
    struct tw_future *future = NULL;
    ran = destroyed[0] = 0;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(lock, &on_lock), 0);
    CU_ASSERT_EQUAL(submit_to(on_lock, 0, &future), 0);
    CU_ASSERT_EQUAL(ran, 1);
    CU_ASSERT_TRUE(tw_future_is_done(future));
    tw_future_unref(future);
    tw_executor_unref(on_lock);
    tw_worker_unref(lock);
}

/* --- misuse ----------------------------------------------------------------------------------- */

TEST(misuse)
{
    struct tw_executor_options options = {.size = 1};
    struct tw_executor *made = NULL;
    struct tw_future *future = NULL;
    int arg_destroyed = 0;
    void *arg = NULL;
    start();
    PROVOKE(tw_executor_submit(NULL, work, &arg_destroyed, count_destroy, &future));
    PROVOKE(tw_executor_submit(executor, NULL, &arg_destroyed, count_destroy, &future));
    CU_ASSERT_EQUAL(arg_destroyed, 2);
    PROVOKE(tw_executor_map(NULL, work, &arg, 1, &future));
    PROVOKE(tw_executor_map(executor, NULL, &arg, 1, &future));
    PROVOKE(tw_executor_map(executor, work, NULL, 1, &future));
    PROVOKE(tw_executor_map(executor, work, &arg, 1, NULL));
    PROVOKE(tw_executor_join(NULL, 0));
    PROVOKE(tw_executor_join(executor, -1));
    PROVOKE(tw_executor_shutdown(NULL, false, false));
    PROVOKE(tw_executor_over(NULL, &made));
    PROVOKE(tw_executor_over(worker, NULL));
    PROVOKE(tw_executor_new(1, &options, &made));
    options.size = sizeof options;
    options.destroy_initializer = count_destroy;
    options.initializer_arg = &arg_destroyed;
    PROVOKE(tw_executor_new(0, &options, &made));
    PROVOKE(tw_executor_new(1, &options, NULL));
    CU_ASSERT_EQUAL(arg_destroyed, 4);
    CU_ASSERT_PTR_NULL(tw_executor_worker(NULL));
    CU_ASSERT_PTR_NULL(tw_executor_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_executor_unref(NULL));
    CU_ASSERT_PTR_NULL(made);
    stop();
}

/* --- memory that is kept ---------------------------------------------------------------------- */

static void live_once(void)
{
    struct tw_future *future = submit(0);
    run();
    tw_future_unref(future);
    destroyed[0] = 0;
}

/* A job that has gone leaves its memory to the thread's next one, up to a bound. */
TEST(second_job_allocates_nothing)
{
    struct tw_future *futures[3];
    long before, kept;
    int i;
    tw__executor_keep_spares(2);
    start();
    before = harness_live();
    live_once();
    kept = harness_live();
    CU_ASSERT_EQUAL(kept, before + 1);
    live_once();
    CU_ASSERT_EQUAL(harness_live(), kept);
    for (i = 0; i < 3; i++)
        futures[i] = submit(i);
    run();
    for (i = 0; i < 3; i++)
        tw_future_unref(futures[i]);
    CU_ASSERT_EQUAL(harness_live(), before + 2);
    tw__executor_keep_spares(0);
    CU_ASSERT_EQUAL(harness_live(), before);
    stop();
}

static void *live_here(void *arg)
{
    tw__executor_keep_spares(2);
    start();
    live_once();
    stop();
    CU_ASSERT_EQUAL(harness_live(), *(const long *)arg + 1);
    return arg;
}

/* A thread's end frees it. */
TEST(thread_frees_what_it_has_kept)
{
    long before = harness_live();
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, live_here, &before), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(harness_live(), before);
}

/* --- short of memory -------------------------------------------------------------------------- */

/* Making one and submitting need memory; then nothing is left behind, and each argument is destroyed
 * once, whether its job ran, was cancelled, or was never taken. */
SWEEP(short_of_memory)
{
    struct tw_future *futures[MOST];
    int i, rc[MOST];
    worker = NULL;
    executor = NULL;
    ran = 0;
    memset(destroyed, 0, sizeof destroyed);
    memset(futures, 0, sizeof futures);
    if (tw_memory_worker_new(&worker) == 0 && tw_executor_over(worker, &executor) == 0) {
        for (i = 0; i < MOST; i++) {
            rc[i] = submit_to(executor, i, &futures[i]);
            CU_ASSERT_TRUE(rc[i] == 0 || rc[i] == -ENOMEM);
            CU_ASSERT_EQUAL(destroyed[i], rc[i] < 0);
            if (i % 2 && rc[i] == 0)
                CU_ASSERT_EQUAL(tw_future_cancel(futures[i]), 0);
        }
        executor = tw_executor_unref(executor);
        run();
        for (i = 0; i < MOST; i++) {
            CU_ASSERT_EQUAL(destroyed[i], 1);
            CU_ASSERT_EQUAL(futures[i] != NULL, rc[i] == 0);
            CU_ASSERT_EQUAL(tw_future_value(futures[i]) != NULL, rc[i] == 0 && i % 2 == 0);
            tw_future_unref(futures[i]);
        }
    }
    tw_worker_unref(worker);
}

/* A map is taken whole or not at all. */
SWEEP(map_short_of_memory)
{
    struct tw_future *futures[3] = {NULL, NULL, NULL};
    void *args[3] = {&destroyed[0], &destroyed[1], &destroyed[2]};
    int i, rc;
    worker = NULL;
    executor = NULL;
    ran = 0;
    memset(destroyed, 0, sizeof destroyed);
    if (tw_memory_worker_new(&worker) == 0 && tw_executor_over(worker, &executor) == 0) {
        rc = tw_executor_map(executor, work, args, 3, futures);
        CU_ASSERT_TRUE(rc == 0 || rc == -ENOMEM);
        run();
        CU_ASSERT_EQUAL(ran, rc == 0 ? 3 : 0);
        CU_ASSERT_EQUAL(tw_executor_join(executor, 0), 0);
        for (i = 0; i < 3; i++)
            tw_future_unref(futures[i]);
    }
    tw_executor_unref(executor);
    tw_worker_unref(worker);
}

/* An executor with a pool of its own: what initialises its threads is destroyed once, on error too.
 * No thread is made here. */
SWEEP(pool_short_of_memory)
{
    struct tw_executor_options options = {.size = sizeof options};
    struct tw_executor *made = NULL;
    int initializer_destroyed = 0, rc;
    options.initializer = look;
    options.initializer_arg = &initializer_destroyed;
    options.destroy_initializer = count_destroy;
    rc = tw_executor_new(2, &options, &made);
    CU_ASSERT_TRUE(rc == 0 || rc == -ENOMEM);
    CU_ASSERT_EQUAL(initializer_destroyed, rc < 0);
    if (rc == 0)
        CU_ASSERT_EQUAL(tw_executor_shutdown(made, true, false), 0);
    tw_executor_unref(made);
    CU_ASSERT_EQUAL(initializer_destroyed, 1);
}
