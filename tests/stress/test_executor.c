/*
 * The executor on real threads: what concurrent.futures documents, what its own regression tests
 * are about, betterconcurrent's join, and waits that would be for oneself.
 */
#include "crowd.h"
#include <pthread.h>
#include <twine/base/fiber_tools_internal.h>

SUITE_WITH_THREADS("executor on threads")

#if TW__TSAN || TW__ASAN
enum { TREE = 10000, ROUNDS = 100, RACES = 500 };
#else
enum { TREE = 100000, ROUNDS = 500, RACES = 3000 };
#endif

static struct tw_executor *executor;
static struct gate gate;
static atomic_int ran, destroyed;

static void start(size_t threads)
{
    gate_init(&gate);
    atomic_store(&ran, 0);
    atomic_store(&destroyed, 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(threads, NULL, &executor), 0);
}

static void stop(void)
{
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    executor = tw_executor_unref(executor);
}

static void note_destroyed(void *arg)
{
    (void)arg;
    atomic_fetch_add(&destroyed, 1);
}

static void give(struct tw_result *result, void *arg)
{
    atomic_fetch_add(&ran, 1);
    tw_result_set(result, arg, NULL);
}

static void give_at_gate(struct tw_result *result, void *arg)
{
    gate_wait(&gate);
    give(result, arg);
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR_SYSTEM, EIO, "no luck");
}

static int submit_to(struct tw_executor *to, tw_call_fn work, void *arg,
                     struct tw_future **ret_future)
{
    return tw_executor_submit(to, work, arg, note_destroyed, ret_future);
}

static struct tw_future *submit(tw_call_fn work, void *arg)
{
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL(submit_to(executor, work, arg, &future), 0);
    return future;
}

static bool is_of(struct tw_future *future, const struct tw_error *kind)
{
    return tw_failure_is(tw_future_failure(future), kind);
}

/* A job that keeps a thread of its own until the gate is opened once more. */
static struct tw_future *hold_one_thread(void)
{
    int before = atomic_load(&gate.waiting);
    struct tw_future *holder = submit(give_at_gate, NULL);
    WAIT_UNTIL(atomic_load(&gate.waiting) == before + 1);
    return holder;
}

/* --- what concurrent.futures documents -------------------------------------------------------- */

/* Future.result(timeout): what it has not by then is a timeout, and may be had later. */
TEST(result_with_a_timeout)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_future *future;
    start(1);
    future = submit(give_at_gate, &gate);
    CU_ASSERT_EQUAL(tw_future_result(future, 0, &result), -ETIMEDOUT);
    CU_ASSERT_EQUAL(tw_future_result(future, 1000, &result), -ETIMEDOUT);
    gate_open(&gate, 1);
    CU_ASSERT_EQUAL(tw_future_result(future, TW_FOREVER, &result), 0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &gate);
    tw_result_done(&result);
    tw_future_unref(future);
    stop();
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
}

static void run_until_cancelled(struct tw_result *result, void *arg)
{
    (void)arg;
    WAIT_UNTIL(tw_cancelled());
    tw_result_failf(result, &TW_ERROR_CANCELLED, ECANCELED, "as asked");
}

/* Future.cancel(): what waits never runs; what runs is asked, which Python does not do. */
TEST(cancel_what_waits_and_what_runs)
{
    struct tw_future *running, *queued;
    start(1);
    running = submit(run_until_cancelled, NULL);
    WAIT_UNTIL(tw_future_is_running(running));
    queued = submit(give, NULL);
    CU_ASSERT_EQUAL(tw_future_cancel(queued), 0);
    CU_ASSERT_TRUE(tw_future_is_cancelled(queued));
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
    CU_ASSERT_EQUAL(tw_future_cancel(running), -EINPROGRESS);
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
    CU_ASSERT_FALSE(tw_future_is_cancelled(running));
    CU_ASSERT_TRUE(is_of(running, &TW_ERROR_CANCELLED));
    CU_ASSERT_EQUAL(tw_future_cancel(running), -EALREADY);
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 2);
    tw_future_unref(running);
    tw_future_unref(queued);
    stop();
}

struct heard {
    void *thread;
    atomic_int calls;
};

static void hear(struct tw_future *future, void *arg)
{
    struct heard *heard = (struct heard *)arg;
    (void)future;
    heard->thread = this_thread();
    atomic_fetch_add(&heard->calls, 1);
}

static void tell_thread(struct tw_result *result, void *arg)
{
    gate_wait((struct gate *)arg);
    tw_result_set(result, this_thread(), NULL);
}

/* Future.add_done_callback(): on the worker that was named, or on the thread that completes it. */
TEST(done_callbacks)
{
    struct heard here = {.calls = 0}, there = {.calls = 0}, late = {.calls = 0};
    struct tw_worker *thread = NULL;
    struct tw_future *future;
    start(1);
    CU_ASSERT_EQUAL_FATAL(tw_thread_worker_new(NULL, &thread), 0);
    future = submit(tell_thread, &gate);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, hear, &here, NULL), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, thread, hear, &there, NULL), 0);
    gate_open(&gate, 1);
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, hear, &late, NULL), 0);
    CU_ASSERT_EQUAL(atomic_load(&here.calls), 1);
    CU_ASSERT_PTR_EQUAL(here.thread, tw_future_value(future));
    CU_ASSERT_EQUAL(atomic_load(&late.calls), 1);
    CU_ASSERT_PTR_EQUAL(late.thread, this_thread());
    WAIT_UNTIL(atomic_load(&there.calls) == 1);
    CU_ASSERT_PTR_NOT_EQUAL(there.thread, here.thread);
    CU_ASSERT_PTR_NOT_EQUAL(there.thread, this_thread());
    tw_future_unref(future);
    tw_worker_unref(thread);
    stop();
}

/* wait(return_when): the first, the first that has failed, all. */
TEST(wait_for_each_of_the_three)
{
    struct tw_future *futures[12];
    size_t i;
    start(12);
    for (i = 0; i < 10; i++)
        futures[i] = submit(give_at_gate, NULL);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 10);
    CU_ASSERT_EQUAL(tw_future_wait(futures, 10, TW_WAIT_FIRST, 1000), -ETIMEDOUT);
    gate_open(&gate, 1);
    CU_ASSERT_EQUAL(tw_future_wait(futures, 10, TW_WAIT_FIRST, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_future_wait(futures, 10, TW_WAIT_FIRST_FAILURE, 1000), -ETIMEDOUT);
    futures[10] = submit(fail, NULL);
    CU_ASSERT_EQUAL(tw_future_wait(futures, 11, TW_WAIT_FIRST_FAILURE, TW_FOREVER), 0);
    CU_ASSERT_TRUE(tw_future_is_done(futures[10]));
    CU_ASSERT_EQUAL(tw_future_wait(futures, 11, TW_WAIT_ALL, 1000), -ETIMEDOUT);
    gate_open(&gate, 9);
    CU_ASSERT_EQUAL(tw_future_wait(futures, 11, TW_WAIT_ALL, TW_FOREVER), 0);
    CU_ASSERT_TRUE(is_of(futures[10], &TW_ERROR_SYSTEM));
    for (i = 0; i < 11; i++) {
        CU_ASSERT_TRUE(tw_future_is_done(futures[i]));
        tw_future_unref(futures[i]);
    }
    stop();
}

static struct gate gates[3];

static void give_counted(struct tw_result *result, void *arg)
{
    gate_wait((struct gate *)arg);
    tw_result_set(result, arg, note_destroyed);
}

/* as_completed(): in the order in which they are done; what is yielded is held by nobody else, so its
 * value is destroyed with it. */
TEST(as_completed_in_order)
{
    static const int order[3] = {2, 0, 1};
    struct tw_as_completed *each = NULL;
    struct tw_future *futures[3], *future = NULL;
    int i;
    start(3);
    for (i = 0; i < 3; i++) {
        gate_init(&gates[i]);
        CU_ASSERT_EQUAL(tw_executor_submit(executor, give_counted, &gates[i], NULL, &futures[i]),
                        0);
    }
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(futures, 3, &each), 0);
    for (i = 0; i < 3; i++)
        tw_future_unref(futures[i]);
    CU_ASSERT_EQUAL(tw_as_completed_next(each, 1000, &future), -ETIMEDOUT);
    for (i = 0; i < 3; i++) {
        gate_open(&gates[order[i]], 1);
        CU_ASSERT_EQUAL(tw_as_completed_next(each, TW_FOREVER, &future), 1);
        CU_ASSERT_PTR_EQUAL(tw_future_value(future), &gates[order[i]]);
        CU_ASSERT_EQUAL(atomic_load(&destroyed), i);
        tw_future_unref(future);
        WAIT_UNTIL(atomic_load(&destroyed) == i + 1); /* its thread has hold of it a moment more */
    }
    CU_ASSERT_EQUAL(tw_as_completed_next(each, TW_FOREVER, &future), 0);
    tw_as_completed_free(each);
    stop();
}

/* Executor.map(): the results come in the order of the arguments. */
TEST(map_gives_results_in_order)
{
    static int numbers[100];
    static void *args[100];
    static struct tw_future *futures[100];
    size_t i;
    start(3);
    for (i = 0; i < 100; i++)
        args[i] = &numbers[i];
    CU_ASSERT_EQUAL(tw_executor_map(executor, give, args, 100, futures), 0);
    for (i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(tw_future_wait(&futures[i], 1, TW_WAIT_ALL, TW_FOREVER), 0);
        CU_ASSERT_PTR_EQUAL(tw_future_value(futures[i]), &numbers[i]);
        tw_future_unref(futures[i]);
    }
    stop();
}

/* Executor.shutdown(wait): what was accepted has run when it returns; later work is refused. */
TEST(shutdown_that_waits)
{
    struct tw_future *future = NULL;
    int i;
    start(2);
    for (i = 0; i < 50; i++)
        CU_ASSERT_EQUAL(submit_to(executor, give, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 50);
    CU_ASSERT_EQUAL(submit_to(executor, give, NULL, &future), -ESHUTDOWN);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 51);
    stop(); /* a second time */
}

/* --- an initializer --------------------------------------------------------------------------- */

static atomic_int initialized;

static void initialize(struct tw_result *result, void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    tw_result_set(result, arg, NULL); /* dropped */
}

static void initialize_and_fail(struct tw_result *result, void *arg)
{
    gate_wait((struct gate *)arg);
    fail(result, NULL);
}

static void start_with(size_t threads, tw_call_fn initializer, void *arg)
{
    struct tw_executor_options options = {.size = sizeof options, .thread_name = "inits"};
    gate_init(&gate);
    atomic_store(&ran, 0);
    atomic_store(&destroyed, 0);
    options.initializer = initializer;
    options.initializer_arg = arg;
    options.destroy_initializer = note_destroyed;
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(threads, &options, &executor), 0);
}

/* ThreadPoolExecutor(initializer): called once on each thread before its first job. */
TEST(initializer_on_each_thread)
{
    struct tw_future *futures[3];
    int i;
    atomic_store(&initialized, 0);
    start_with(3, initialize, &initialized);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_executor_submit(executor, give_at_gate, NULL, NULL, &futures[i]), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 3);
    CU_ASSERT_EQUAL(atomic_load(&initialized), 3);
    gate_open(&gate, 3);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 0);
    for (i = 0; i < 3; i++)
        tw_future_unref(futures[i]);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
    executor = tw_executor_unref(executor);
    CU_ASSERT_EQUAL(atomic_load(&initialized), 3);
}

/* BrokenThreadPool: if it fails, all that is queued fails with that as the cause, and nothing is
 * accepted any more. */
static void break_with(size_t threads)
{
    struct tw_future *futures[5], *late = NULL;
    void *arg = NULL;
    int i;
    start_with(threads, initialize_and_fail, &gate);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(submit_to(executor, give, NULL, &futures[i]), 0);
    gate_open(&gate, 100);
    CU_ASSERT_EQUAL(tw_future_wait(futures, 5, TW_WAIT_ALL, TW_FOREVER), 0);
    for (i = 0; i < 5; i++) {
        struct tw_failure *failure = tw_future_failure(futures[i]);
        CU_ASSERT_TRUE(tw_failure_is(failure, &TW_ERROR_BROKEN_EXECUTOR));
        CU_ASSERT_EQUAL(tw_failure_code(failure), ENOTRECOVERABLE);
        CU_ASSERT_EQUAL(tw_failure_code(tw_failure_cause(failure)), EIO);
        tw_future_unref(futures[i]);
    }
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 5);
    CU_ASSERT_EQUAL(submit_to(executor, give, NULL, &late), -ENOTRECOVERABLE);
    CU_ASSERT_EQUAL(tw_executor_map(executor, give, &arg, 1, &late), -ENOTRECOVERABLE);
    stop();
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 7);
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
    CU_ASSERT_TRUE(harness_reports() >= 1); /* a thread that could not start */
    EXPECT_REPORTS(harness_reports());
}

TEST(initializer_that_fails)
{
    break_with(1);
}

TEST(initializer_that_fails_on_several_threads)
{
    break_with(4);
}

/* --- CPython's regression tests --------------------------------------------------------------- */

/* A cancel just before a shutdown once left it hanging. */
TEST(cancel_just_before_shutdown)
{
    int round;
    for (round = 0; round < ROUNDS; round++) {
        struct tw_future *first, *second;
        start(1);
        first = submit(give, NULL);
        second = submit(give, NULL);
        tw_future_cancel(second);
        tw_future_unref(first);
        tw_future_unref(second);
        stop();
        CU_ASSERT_EQUAL(atomic_load(&destroyed), 2);
    }
}

/* Shut down without waiting, and let go of: what was accepted runs, and the threads end by
 * themselves. */
TEST(shutdown_without_waiting)
{
    struct tw_future *futures[5];
    int i;
    start(2);
    for (i = 0; i < 5; i++)
        futures[i] = submit(give_at_gate, &gate);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, false, false), 0);
    executor = tw_executor_unref(executor);
    gate_open(&gate, 5);
    for (i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(tw_future_wait(&futures[i], 1, TW_WAIT_ALL, TW_FOREVER), 0);
        CU_ASSERT_PTR_EQUAL(tw_future_value(futures[i]), &gate);
        tw_future_unref(futures[i]);
    }
    WAIT_UNTIL(cache_idle() == cache_threads());
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 5);
}

/* Fifty jobs on five threads, shut down with cancel_futures: those that run end, all others are
 * cancelled, and none is lost. */
TEST(fifty_cancelled_on_five_threads)
{
    struct tw_future *futures[50];
    int i, cancelled = 0;
    start(5);
    for (i = 0; i < 50; i++)
        futures[i] = submit(give_at_gate, &gate);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 5);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, false, true), 0);
    gate_open(&gate, 5);
    stop();
    for (i = 0; i < 50; i++) {
        CU_ASSERT_TRUE(tw_future_is_done(futures[i]));
        cancelled += tw_future_is_cancelled(futures[i]);
        tw_future_unref(futures[i]);
    }
    CU_ASSERT_EQUAL(cancelled, 45);
    CU_ASSERT_EQUAL(atomic_load(&ran), 5);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 50);
}

/* Fifteen times as many jobs as threads: never more threads than were allowed. */
TEST(saturation)
{
    int i;
    start(4);
    for (i = 0; i < 60; i++)
        CU_ASSERT_EQUAL(submit_to(executor, give_at_gate, NULL, NULL), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 4);
    CU_ASSERT_TRUE(cache_threads() - cache_idle() <= 4);
    gate_open(&gate, 60);
    stop();
    CU_ASSERT_EQUAL(atomic_load(&ran), 60);
}

/* One job after the other: one thread does them all. */
TEST(idle_thread_is_used_again)
{
    void *thread = NULL;
    int i;
    start(4);
    gate_open(&gate, 20);
    for (i = 0; i < 20; i++) {
        struct tw_future *future = submit(tell_thread, &gate);
        CU_ASSERT_EQUAL(tw_future_wait(&future, 1, TW_WAIT_ALL, TW_FOREVER), 0);
        thread = thread ? thread : tw_future_value(future);
        CU_ASSERT_PTR_EQUAL(tw_future_value(future), thread);
        tw_future_unref(future);
    }
    stop();
}

/* --- join ------------------------------------------------------------------------------------- */

static void search(struct tw_result *result, void *arg)
{
    uintptr_t node = (uintptr_t)arg, child;
    (void)result;
    atomic_fetch_add(&ran, 1);
    for (child = 2 * node + 1; child <= 2 * node + 2 && child < TREE; child++)
        if (submit_to(executor, search, (void *)child, NULL) < 0)
            abort();
}

static void join_it(struct person *person)
{
    int *ret_seen = (int *)person->arg;
    if (tw_executor_join(executor, TW_FOREVER) == 0)
        ret_seen[person->index] = atomic_load(&ran);
}

/* betterconcurrent: a search that unfolds as it goes, without any future to wait for, is over when
 * join returns, for everybody who joins; and the executor can be used again. */
TEST(join_a_search_that_unfolds)
{
    int seen[3] = {0, 0, 0}, round, i;
    start(4);
    for (round = 1; round <= 2; round++) {
        CU_ASSERT_EQUAL(submit_to(executor, search, NULL, NULL), 0);
        crowd_run(3, 0, join_it, seen);
        for (i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(seen[i], round * TREE);
        CU_ASSERT_EQUAL(atomic_load(&destroyed), round * TREE);
    }
    stop();
}

static void leave_a_value(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, note_destroyed);
}

/* Once a job is over nothing of it is left: a value nobody holds is destroyed and a failure nobody
 * can look at is reported when join returns. */
TEST(join_leaves_nothing_behind)
{
    int round, wrong = 0, reports = 10;
    start(2);
    for (round = 1; round <= RACES; round++) {
        if (tw_executor_submit(executor, leave_a_value, &gate, NULL, NULL) < 0)
            abort();
        wrong += tw_executor_join(executor, TW_FOREVER) != 0 || atomic_load(&destroyed) != round;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    EXPECT_REPORTS(reports);
    for (round = 1; round <= reports; round++) {
        CU_ASSERT_EQUAL(submit_to(executor, fail, NULL, NULL), 0);
        CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
        CU_ASSERT_EQUAL(harness_reports(), round);
    }
    stop();
}

static atomic_bool is_enough;

static void *go_on_submitting(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_enough)) {
        struct tw_future *future = NULL;
        if (submit_to(executor, give, NULL, &future) < 0)
            abort();
        tw_future_wait(&future, 1, TW_WAIT_ALL, TW_FOREVER);
        tw_future_unref(future);
    }
    return NULL;
}

/* A join without a timeout says 0 and nothing else, even if others go on submitting. */
TEST(join_while_others_submit)
{
    pthread_t others;
    int i, wrong = 0;
    start(2);
    atomic_store(&is_enough, false);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&others, NULL, go_on_submitting, NULL), 0);
    for (i = 0; i < RACES; i++)
        wrong += tw_executor_join(executor, TW_FOREVER) != 0;
    atomic_store(&is_enough, true);
    pthread_join(others, NULL);
    CU_ASSERT_EQUAL(wrong, 0);
    stop();
}

/* --- waits for oneself ------------------------------------------------------------------------ */

enum { QUESTIONS = 5 };

static struct tw_executor *over;
static struct tw_future *unfinished;
static int answers[QUESTIONS];

static void ask(struct tw_result *result, void *arg)
{
    struct tw_as_completed *each = NULL;
    struct tw_future *next = NULL;
    struct tw_result unused = TW_RESULT_INIT;
    (void)result;
    (void)arg;
    answers[0] = tw_future_wait(&unfinished, 1, TW_WAIT_ALL, TW_FOREVER);
    answers[1] = tw_future_result(unfinished, TW_FOREVER, &unused);
    if (tw_as_completed_new(&unfinished, 1, &each) == 0)
        answers[2] = tw_as_completed_next(each, TW_FOREVER, &next);
    tw_as_completed_free(each);
    answers[3] = tw_executor_join(over, TW_FOREVER);
    answers[4] = tw_executor_shutdown(over, true, false);
}

/* One job asks, on one thread, with a job of `over` queued behind it. */
static void check_answers(struct tw_executor *asked_in)
{
    struct tw_future *holder = hold_one_thread(), *asker = NULL;
    int i;
    for (i = 0; i < QUESTIONS; i++)
        answers[i] = 1;
    CU_ASSERT_EQUAL(submit_to(asked_in, ask, NULL, &asker), 0);
    CU_ASSERT_EQUAL(submit_to(over, give, NULL, &unfinished), 0);
    harness_misuse_begin();
    EXPECT_REPORTS(QUESTIONS - 1);
    gate_open(&gate, 1);
    CU_ASSERT_EQUAL(tw_future_wait(&asker, 1, TW_WAIT_ALL, TW_FOREVER), 0);
    harness_misuse_end();
    for (i = 0; i < QUESTIONS; i++)
        CU_ASSERT_EQUAL(answers[i], -EDEADLK);
    CU_ASSERT_EQUAL(tw_future_wait(&unfinished, 1, TW_WAIT_ALL, TW_FOREVER), 0);
    tw_future_unref(unfinished);
    tw_future_unref(asker);
    tw_future_unref(holder);
}

/* R19: a job does not block for its own pool, and does not join it. */
TEST(R19_blocking_for_ones_own_pool)
{
    start(1);
    over = executor;
    check_answers(executor);
    stop();
}

/* R19: nor for what stands on its pool, whichever of the two it is in itself. */
static void check_over(struct tw_worker *worker)
{
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(worker, &over), 0);
    check_answers(executor);
    over = tw_executor_unref(over);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(worker, &over), 0);
    check_answers(over);
    over = tw_executor_unref(over);
}

TEST(R19_blocking_for_a_strand_over_ones_own_pool)
{
    struct tw_worker *strand = NULL;
    start(1);
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(tw_executor_worker(executor), 0, &strand), 0);
    check_over(strand);
    tw_worker_unref(strand);
    stop();
}

TEST(R19_blocking_for_a_limiter_over_ones_own_pool)
{
    struct tw_limiter *limiter = NULL;
    start(1);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(tw_executor_worker(executor), 2, &limiter), 0);
    check_over(tw_limiter_worker(limiter));
    tw_limiter_unref(limiter);
    stop();
}

static void wait_for_another(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    tw_result_set(result, (void *)(intptr_t)tw_future_wait(&future, 1, TW_WAIT_ALL, TW_FOREVER),
                  NULL);
}

/* For another pool's it may. */
TEST(blocking_for_another_pool)
{
    struct tw_executor *another = NULL;
    struct tw_future *there, *here = NULL;
    start(1);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(1, NULL, &another), 0);
    there = submit(give_at_gate, NULL);
    CU_ASSERT_EQUAL(submit_to(another, wait_for_another, there, &here), 0);
    gate_open(&gate, 1);
    CU_ASSERT_EQUAL(tw_future_wait(&here, 1, TW_WAIT_ALL, TW_FOREVER), 0);
    CU_ASSERT_PTR_NULL(tw_future_value(here));
    tw_future_unref(here);
    tw_future_unref(there);
    CU_ASSERT_EQUAL(tw_executor_shutdown(another, true, false), 0);
    tw_executor_unref(another);
    stop();
}

/* --- races ------------------------------------------------------------------------------------ */

static struct tw_future *shared;
static atomic_int heard, added, won;

static void count_heard(struct tw_future *future, void *arg)
{
    (void)arg;
    atomic_fetch_add(&heard, tw_future_is_done(future) ? 1 : 1000000);
}

/* By turns: set it, cancel it, add callbacks to it, wait for it. */
static void race(struct person *person)
{
    struct tw_result result = TW_RESULT_INIT;
    size_t what = (person->index + below(&person->random, 2)) % 4;
    if (what == 0) {
        tw_result_set(&result, &shared, note_destroyed);
        atomic_fetch_add(&won, tw_future_set(shared, &result) == 0);
    } else if (what == 1) {
        atomic_fetch_add(&won, tw_future_cancel(shared) == 0 && tw_future_begin(shared) < 0);
    } else if (what == 2) {
        atomic_fetch_add(&added, tw_future_add_done_callback(shared, NULL, count_heard, NULL,
                                                             note_destroyed) == 0);
    } else {
        tw_future_wait(&shared, 1, TW_WAIT_FIRST_FAILURE, (int64_t)below(&person->random, 20000));
    }
}

/* Whoever is first, the callbacks are called once each and nothing leaks. */
TEST(set_cancel_and_callbacks_at_once)
{
    uint64_t seed = harness_seed();
    int round;
    for (round = 0; round < ROUNDS / 2; round++) {
        struct tw_result result = TW_RESULT_INIT;
        atomic_store(&heard, 0);
        atomic_store(&added, 0);
        CU_ASSERT_EQUAL_FATAL(tw_future_new(&shared), 0);
        crowd_run(8, harness_random(&seed), race, NULL);
        tw_future_set(shared, &result); /* if nobody has */
        CU_ASSERT_TRUE(tw_future_is_done(shared));
        CU_ASSERT_EQUAL(atomic_load(&heard), atomic_load(&added));
        tw_future_unref(shared);
    }
}

static struct tw_future *passing[4];

static void *set_all(void *arg)
{
    int i;
    (void)arg;
    for (i = 0; i < 4; i++) {
        struct tw_result result = TW_RESULT_INIT;
        tw_future_set(passing[i], &result);
    }
    return NULL;
}

/* What goes through them may be freed as soon as the last one is yielded, with whoever completed
 * that one still on the way out. */
TEST(as_completed_freed_at_once)
{
    int round, i;
    for (round = 0; round < RACES / 2; round++) {
        struct tw_as_completed *each = NULL;
        struct tw_future *future;
        pthread_t setter;
        int count = 0, rc;
        for (i = 0; i < 4; i++)
            CU_ASSERT_EQUAL_FATAL(tw_future_new(&passing[i]), 0);
        CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(passing, 4, &each), 0);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&setter, NULL, set_all, NULL), 0);
        while ((rc = tw_as_completed_next(each, round % 2 ? 0 : TW_FOREVER, &future)) != 0)
            if (rc > 0) {
                count++;
                tw_future_unref(future);
            }
        tw_as_completed_free(each);
        CU_ASSERT_EQUAL(count, 4);
        pthread_join(setter, NULL);
        for (i = 0; i < 4; i++)
            tw_future_unref(passing[i]);
    }
}

static atomic_int accepted, refused;

static void submit_and_cancel(struct person *person)
{
    int i;
    for (i = 0; i < 50; i++) {
        struct tw_future *future = NULL;
        bool is_kept = below(&person->random, 2);
        int rc = submit_to(executor, give, NULL, is_kept ? &future : NULL);
        atomic_fetch_add(rc < 0 ? &refused : &accepted, 1);
        if (future && below(&person->random, 2))
            tw_future_cancel(future);
        tw_future_unref(future);
        if (below(&person->random, 60) == 0)
            tw_executor_shutdown(executor, false, below(&person->random, 2));
    }
}

/* Submitting, cancelling and shutting down at once: each argument is destroyed exactly once, and the
 * executor comes to its end. */
TEST(submit_cancel_and_shutdown_at_once)
{
    uint64_t seed = harness_seed();
    int round;
    for (round = 0; round < ROUNDS / 5; round++) {
        start(1 + (size_t)round % 4);
        atomic_store(&accepted, 0);
        atomic_store(&refused, 0);
        crowd_run(4, harness_random(&seed), submit_and_cancel, NULL);
        stop();
        CU_ASSERT_EQUAL(atomic_load(&destroyed), atomic_load(&accepted) + atomic_load(&refused));
        CU_ASSERT_TRUE(atomic_load(&ran) <= atomic_load(&accepted));
    }
}
