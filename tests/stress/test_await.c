/*
 * Awaiting on real threads: jobs that wait for jobs to any depth, on as few threads as one; jobs
 * that leave their stacks, and come back to them.
 */
#include "crowd.h"
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/fiber_tools_internal.h>
#include <twine/threads/executor_internal.h>

SUITE_WITH_THREADS("await")

#if TW__TSAN
enum { FIB = 18, FIB_SUM = 2584, DEEP = 10000, MANY = 400, TURNS = 3000, NODES = 2000 };
#elif TW__ASAN
enum { FIB = 20, FIB_SUM = 6765, DEEP = 10000, MANY = 1000, TURNS = 5000, NODES = 5000 };
#else
enum { FIB = 25, FIB_SUM = 75025, DEEP = 100000, MANY = 1000, TURNS = 20000, NODES = 20000 };
#endif

static struct tw_executor *executor, *other;
static atomic_int wrong; /* what jobs saw and must not see */

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "\n%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            atomic_fetch_add(&wrong, 1);                                      \
        }                                                                     \
    } while (0)

static void start(size_t threads, size_t stack_size)
{
    struct tw_executor_options options = {.size = sizeof options, .stack_size = stack_size};
    atomic_store(&wrong, 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(threads, &options, &executor), 0);
}

static void stop(void)
{
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    executor = tw_executor_unref(executor);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
}

/* In a job too: it cannot fail here. */
static struct tw_future *submit(struct tw_executor *to, tw_call_fn work, void *arg)
{
    struct tw_future *future = NULL;
    if (tw_executor_submit(to, work, arg, NULL, &future) < 0)
        abort();
    return future;
}

static struct tw_future *own_future(void)
{
    struct tw_future *future = NULL;
    if (tw_future_new(&future) < 0)
        abort();
    return future;
}

static int set(struct tw_future *future, intptr_t value)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_set(&result, (void *)value, NULL);
    return tw_future_set(future, &result);
}

/* For the main thread: what the job left. */
static intptr_t finish(struct tw_future *future)
{
    intptr_t value;
    CU_ASSERT_EQUAL(tw_future_wait(&future, 1, TW_WAIT_ALL, TW_FOREVER), 0);
    CU_ASSERT_PTR_NULL(tw_future_failure(future));
    value = (intptr_t)tw_future_value(future);
    tw_future_unref(future);
    return value;
}

/* --- how many stacks -------------------------------------------------------------------------- */

static atomic_size_t most_stacks;

static void sample_stacks(void)
{
    size_t now = 0, most = atomic_load(&most_stacks);
    tw__fiber_statistics(NULL, &now);
    while (now > most && !atomic_compare_exchange_weak(&most_stacks, &most, now))
        continue;
}

static size_t stacks_in_use(void)
{
    size_t now = 0;
    tw__fiber_statistics(NULL, &now);
    return now;
}

/* --- recursion -------------------------------------------------------------------------------- */

static void fib(struct tw_result *result, void *arg)
{
    intptr_t n = (intptr_t)arg, sum = n;
    struct tw_future *half[2];
    int i;
    if (n == 5)
        sample_stacks();
    if (n >= 2) {
        for (i = 0; i < 2; i++)
            half[i] = submit(executor, fib, (void *)(n - 1 - i));
        CHECK(tw_future_await(half, 2) == 0);
        sum = (intptr_t)tw_future_value(half[0]) + (intptr_t)tw_future_value(half[1]);
        tw_future_unref(half[0]);
        tw_future_unref(half[1]);
    }
    tw_result_set(result, (void *)sum, NULL);
}

/* All has been counted that was over; who counted the last one may still hold the executor for a
 * moment. */
static void see_counts(struct tw_executor *of, uint64_t counts)
{
    while (atomic_load(&of->counts) > counts)
        sched_yield();
    CU_ASSERT_EQUAL(atomic_load(&of->counts), counts);
}

static void check_fib(size_t threads)
{
    uint64_t counts;
    start(threads, 0);
    counts = atomic_load(&executor->counts);
    atomic_store(&most_stacks, 0);
    CU_ASSERT_EQUAL(finish(submit(executor, fib, (void *)FIB)), FIB_SUM);
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
    see_counts(executor, counts);
    CU_ASSERT_TRUE(atomic_load(&most_stacks) <= 300);
    stop();
    CU_ASSERT_EQUAL(stacks_in_use(), 0);
}

/* A tree of jobs, each of which awaits two others, comes to its end on one thread. */
TEST(fib_on_one_thread)
{
    check_fib(1);
    CU_ASSERT_TRUE(atomic_load(&most_stacks) <= 1); /* all of it runs where it is awaited */
}

/* On several threads too, and with few stacks: who waits for a job that another has begun goes on
 * with what is oldest, and that is a large part of the tree. */
TEST(fib_on_four_threads)
{
    check_fib(4);
}

/* From one executor to the other, and back. */
static void zigzag(struct tw_result *result, void *arg)
{
    intptr_t n = (intptr_t)arg, sum = 1;
    struct tw_future *half[2];
    int i;
    if (n >= 1) {
        for (i = 0; i < 2; i++)
            half[i] = submit((n + i) % 2 ? executor : other, zigzag, (void *)(n - 1));
        CHECK(tw_future_await(half, 2) == 0);
        sum = (intptr_t)tw_future_value(half[0]) + (intptr_t)tw_future_value(half[1]);
        tw_future_unref(half[0]);
        tw_future_unref(half[1]);
    }
    tw_result_set(result, (void *)sum, NULL);
}

/* Two executors over one pool, whose jobs await each other's: each counts its own, and all that was
 * over within a job is counted when that is. */
TEST(jobs_of_two_executors_within_each_other)
{
    size_t threads;
    for (threads = 1; threads <= 3; threads++) {
        uint64_t counts, others;
        start(threads, 0);
        CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_executor_worker(executor), &other), 0);
        counts = atomic_load(&executor->counts);
        others = atomic_load(&other->counts);
        CU_ASSERT_EQUAL(finish(submit(executor, zigzag, (void *)10)), 1024);
        CU_ASSERT_EQUAL(finish(submit(other, zigzag, (void *)10)), 1024);
        CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
        CU_ASSERT_EQUAL(tw_executor_join(other, TW_FOREVER), 0);
        see_counts(executor, counts);
        see_counts(other, others);
        other = tw_executor_unref(other);
        stop();
    }
}

enum { ROUNDS = 1000 };

static uint64_t counts_before;

/* The most that may still be counted within a job, though it is over. */
static bool are_near(uint64_t counts, uint64_t jobs)
{
    return (uint32_t)counts <= (uint32_t)counts_before + jobs + 100 &&
           counts / TW__EXECUTOR_HOLD <= counts_before / TW__EXECUTOR_HOLD + jobs + 100;
}

static void none(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* Its jobs are performed by another worker, and it lets go of their futures. */
static void dispatch(struct tw_result *result, void *arg)
{
    int i;
    (void)result;
    (void)arg;
    for (i = 0; i < ROUNDS; i++) {
        struct tw_future *future = submit(executor, none, NULL);
        while (!tw_future_is_done(future))
            sched_yield();
        tw_future_unref(future);
        CHECK(are_near(atomic_load(&executor->counts), 2));
    }
}

/* It performs its jobs, and another thread lets go of their futures. */
static void gather(struct tw_result *result, void *futures)
{
    int i;
    (void)result;
    for (i = 0; i < ROUNDS; i++) {
        struct tw_future **future = (struct tw_future **)futures + i;
        *future = submit(executor, none, NULL);
        CHECK(tw_future_await(future, 1) == 0);
    }
    CHECK((uint32_t)atomic_load(&executor->counts) <= (uint32_t)counts_before + 100);
}

/* What is over within a job that lives long is counted in the end, and little of it is kept till
 * then. */
TEST(job_that_lives_long_keeps_few_counts)
{
    static struct tw_future *futures[ROUNDS];
    int i;
    start(2, 0);
    counts_before = atomic_load(&executor->counts);
    finish(submit(executor, dispatch, NULL));
    finish(submit(executor, gather, futures));
    for (i = 0; i < ROUNDS; i++)
        tw_future_unref(futures[i]);
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
    see_counts(executor, counts_before);
    stop();
}

static void deep(struct tw_result *result, void *arg)
{
    intptr_t n = (intptr_t)arg, below = 0;
    if (n == 1)
        sample_stacks();
    if (n > 1) {
        struct tw_future *next = submit(executor, deep, (void *)(n - 1));
        CHECK(tw_future_await(&next, 1) == 0);
        below = (intptr_t)tw_future_value(next);
        tw_future_unref(next);
    }
    tw_result_set(result, (void *)(below + 1), NULL);
}

/* Awaits nest deeper than one stack reaches: the rest is on fresh ones, which are all given back. */
TEST(recursion_deeper_than_one_stack)
{
    start(1, 65536);
    atomic_store(&most_stacks, 0);
    CU_ASSERT_EQUAL(finish(submit(executor, deep, (void *)(intptr_t)DEEP)), DEEP);
    CU_ASSERT_TRUE(atomic_load(&most_stacks) > 1);
    stop();
    CU_ASSERT_EQUAL(stacks_in_use(), 0);
    tw__fiber_trim();
}

/* --- work elsewhere --------------------------------------------------------------------------- */

static void give(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, NULL);
}

static struct tw_executor *on_strand;

static void await_elsewhere(struct tw_result *result, void *arg)
{
    struct tw_future *futures[11];
    intptr_t sum = 0;
    size_t i;
    (void)arg;
    for (i = 0; i < 4; i++)
        futures[i] = submit(other, give, (void *)1);
    for (; i < 7; i++)
        futures[i] = submit(on_strand, give, (void *)10);
    for (; i < 10; i++)
        futures[i] = submit(executor, give, (void *)100);
    futures[i] = tw_future_ref(futures[0]); /* twice */
    CHECK(tw_future_await(futures, 1) == 0);
    CHECK(tw_future_is_done(futures[0]));
    CHECK(tw_future_await(futures + 4, 1) == 0);
    CHECK(tw_future_await(futures, 11) == 0);
    CHECK(tw_future_await(futures, 11) == 0); /* all are done already */
    CHECK(tw_future_await(NULL, 0) == 0);
    for (i = 0; i < 11; i++) {
        sum += (intptr_t)tw_future_value(futures[i]);
        tw_future_unref(futures[i]);
    }
    tw_result_set(result, (void *)sum, NULL);
}

static void start_strand(void)
{
    struct tw_worker *strand = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(tw_executor_worker(executor), 0, &strand), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(strand, &on_strand), 0);
    tw_worker_unref(strand);
}

/* The last of its references are the jobs': let them end before the pool is looked at. */
static void stop_strand(void)
{
    CU_ASSERT_EQUAL(tw_executor_join(on_strand, TW_FOREVER), 0);
    on_strand = tw_executor_unref(on_strand);
}

/* A job of a pool of one thread awaits futures of another pool, of a strand over its own, and of its
 * own, one and several at once. */
TEST(futures_of_other_workers)
{
    start(1, 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(1, NULL, &other), 0);
    start_strand();
    CU_ASSERT_EQUAL(finish(submit(executor, await_elsewhere, NULL)), 335);
    stop_strand();
    CU_ASSERT_EQUAL(tw_executor_shutdown(other, true, false), 0);
    other = tw_executor_unref(other);
    stop();
}

static struct tw_future *set_last;

static void await_from_strand(struct tw_result *result, void *arg)
{
    struct tw_future *future = submit(executor, give, arg);
    CHECK(tw_future_await(&future, 1) == 0);
    tw_result_set(result, tw_future_value(future), NULL);
    tw_future_unref(future);
}

/* A job of a strand may await one of the pool below: the strand's turn is suspended with it, the
 * thread goes on, and the strand's next job comes after it. */
TEST(from_a_strand_on_one_thread)
{
    struct tw_future *first, *second;
    start(1, 0);
    start_strand();
    first = submit(on_strand, await_from_strand, (void *)7);
    second = submit(on_strand, await_from_strand, (void *)8);
    CU_ASSERT_EQUAL(finish(second), 8);
    CU_ASSERT_TRUE(tw_future_is_done(first));
    CU_ASSERT_EQUAL(finish(first), 7);
    stop_strand();
    stop();
}

/* Off a pool's thread an await blocks. */
TEST(off_a_pool_it_blocks)
{
    struct tw_future *future;
    start(1, 0);
    future = submit(executor, give, (void *)3);
    CU_ASSERT_EQUAL(tw_future_await(&future, 1), 0);
    CU_ASSERT_EQUAL(finish(future), 3);
    stop();
}

/* --- many suspended at once ------------------------------------------------------------------- */

static struct tw_context_key key = TW_CONTEXT_KEY("job");
static struct tw_future *keys[1000];
static atomic_int went_on[1000], suspended;

static void await_key(struct tw_result *result, void *arg)
{
    struct tw_future **mine = (struct tw_future **)arg;
    pthread_t thread = pthread_self();
    int *own_errno = &errno;
    struct tw_context *before = NULL;
    CHECK(tw_context_enter_with(&key, mine, NULL, &before) == 0);
    atomic_fetch_add(&suspended, 1);
    CHECK(tw_future_await(mine, 1) == 0);
    CHECK(pthread_equal(thread, pthread_self()));
    CHECK(own_errno == &errno);
    CHECK(tw_context_get(&key) == mine);
    CHECK(tw_cancelled() == ((mine - keys) % 7 == 0));
    tw_context_leave(before);
    CHECK(tw_context_get(&key) == NULL);
    atomic_fetch_add(&went_on[mine - keys], 1);
    tw_result_set(result, tw_future_value(*mine), NULL);
}

static void shuffle(size_t *order, size_t count)
{
    uint64_t random = harness_seed();
    size_t i;
    for (i = 0; i < count; i++) {
        size_t j = below(&random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

/* So many jobs on two threads are suspended at once and woken in any order: each goes on exactly
 * once, on its own thread, with its own context and its own flag. */
TEST(many_jobs_suspended_at_once)
{
    static struct tw_future *jobs[MANY];
    static size_t order[MANY];
    size_t i;
    start(2, 65536);
    atomic_store(&suspended, 0);
    shuffle(order, MANY);
    for (i = 0; i < MANY; i++) {
        keys[i] = own_future();
        atomic_store(&went_on[i], 0);
        jobs[i] = submit(executor, await_key, &keys[i]);
    }
    WAIT_UNTIL(atomic_load(&suspended) == MANY);
    for (i = 0; i < MANY; i += 7)
        CU_ASSERT_EQUAL(tw_future_cancel(jobs[i]), -EINPROGRESS);
    for (i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(set(keys[order[i]], (intptr_t)order[i]), 0);
    for (i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(finish(jobs[i]), (intptr_t)i);
        CU_ASSERT_EQUAL(atomic_load(&went_on[i]), 1);
        tw_future_unref(keys[i]);
    }
    stop();
    CU_ASSERT_EQUAL(stacks_in_use(), 0);
    tw__fiber_trim();
}

/* --- woken while it leaves -------------------------------------------------------------------- */

static _Atomic(struct tw_future *) to_set;

static void *set_at_once(void *arg)
{
    int done;
    (void)arg;
    for (done = 0; done < TURNS;) {
        struct tw_future *future = atomic_exchange(&to_set, NULL);
        volatile int delay = done % 100;
        if (!future)
            continue;
        while (delay > 0)
            delay--;
        CHECK(set(future, ++done) == 0);
        tw_future_unref(future);
    }
    return NULL;
}

static void await_what_is_set_at_once(struct tw_result *result, void *arg)
{
    intptr_t sum = 0;
    int i;
    (void)arg;
    for (i = 0; i < TURNS; i++) {
        struct tw_future *future = own_future();
        atomic_store(&to_set, tw_future_ref(future));
        CHECK(tw_future_await(&future, 1) == 0);
        sum += (intptr_t)tw_future_value(future) == i + 1;
        tw_future_unref(future);
    }
    tw_result_set(result, (void *)sum, NULL);
}

static void await_one(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    atomic_fetch_add(&suspended, 1);
    CHECK(tw_future_await(&future, 1) == 0);
    tw_result_set(result, tw_future_value(future), NULL);
}

/* A future may be set while the job that awaits it is about to leave its stack, with others of its
 * worker suspended: no wake is lost, and none comes twice. */
TEST(woken_while_it_leaves)
{
    struct tw_future *last = own_future(), *sleeper, *job;
    pthread_t setter;
    start(1, 0);
    atomic_store(&suspended, 0);
    sleeper = submit(executor, await_one, last);
    WAIT_UNTIL(atomic_load(&suspended) == 1);
    job = submit(executor, await_what_is_set_at_once, NULL);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&setter, NULL, set_at_once, NULL), 0);
    CU_ASSERT_EQUAL(finish(job), TURNS);
    pthread_join(setter, NULL);
    CU_ASSERT_EQUAL(set(last, 5), 0);
    CU_ASSERT_EQUAL(finish(sleeper), 5);
    tw_future_unref(last);
    stop();
}

/* --- the worker of a suspended job ------------------------------------------------------------ */

static struct tw_statistics books(struct tw_pool *pool)
{
    struct tw_statistics now = {.size = sizeof now};
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &now), 0);
    return now;
}

static void tell_thread(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set(result, this_thread(), NULL);
}

static struct gate gate;

static void wait_at_gate_and_await(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    void *thread = this_thread();
    gate_wait(&gate);
    CHECK(tw_future_await(&future, 1) == 0);
    CHECK(this_thread() == thread);
    tw_result_set(result, thread, NULL);
}

static struct tw_pool *pool;

static void start_pool(size_t limit)
{
    atomic_store(&wrong, 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, NULL, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_pool_worker(pool), &executor), 0);
}

static void end_pool(void)
{
    executor = tw_executor_unref(executor);
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    pool = tw_pool_unref(pool);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    CU_ASSERT_EQUAL(stacks_in_use(), 0);
}

/* A worker whose job is suspended is chosen last, though it was used last. */
TEST(is_chosen_last)
{
    struct tw_future *last = own_future(), *sleeper;
    intptr_t free_one;
    int i;
    start_pool(2);
    gate_init(&gate);
    sleeper = submit(executor, wait_at_gate_and_await, last);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    free_one = finish(submit(executor, tell_thread, NULL));
    gate_open(&gate, 1);
    WAIT_UNTIL(books(pool).idle == 2);
    for (i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(finish(submit(executor, tell_thread, NULL)), free_one);
        WAIT_UNTIL(books(pool).idle == 2);
    }
    CU_ASSERT_EQUAL(set(last, 0), 0);
    CU_ASSERT_NOT_EQUAL(finish(sleeper), free_one);
    tw_future_unref(last);
    end_pool();
}

/* It does not go when the pool shrinks, takes work meanwhile, and pays when its job has ended. */
TEST(does_not_shrink)
{
    struct tw_future *last = own_future(), *sleeper;
    start_pool(1);
    atomic_store(&suspended, 0);
    sleeper = submit(executor, await_one, last);
    WAIT_UNTIL(atomic_load(&suspended) == 1 && books(pool).idle == 1);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 0), 0);
    CU_ASSERT_EQUAL(tw_team_shrink(tw_pool_team(pool), TW_TEAM_ALL), 0);
    CU_ASSERT_EQUAL(books(pool).idle, 1);
    CU_ASSERT_EQUAL(finish(submit(executor, give, (void *)4)), 4);
    CU_ASSERT_EQUAL(set(last, 9), 0);
    CU_ASSERT_EQUAL(finish(sleeper), 9);
    WAIT_UNTIL(books(pool).idle + books(pool).busy == 0);
    tw_future_unref(last);
    end_pool();
}

/* Nor when it quits: the pool has ended only after its suspended jobs. */
TEST(does_not_quit)
{
    struct tw_future *last[3], *sleepers[3];
    int i;
    start_pool(2);
    atomic_store(&suspended, 0);
    for (i = 0; i < 3; i++) {
        last[i] = own_future();
        sleepers[i] = submit(executor, await_one, last[i]);
    }
    WAIT_UNTIL(atomic_load(&suspended) == 3 && books(pool).busy == 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, 0), -ETIMEDOUT);
    for (i = 2; i >= 0; i--) {
        CU_ASSERT_EQUAL(tw_pool_join(pool, 0), -ETIMEDOUT);
        CU_ASSERT_EQUAL(set(last[i], i), 0);
        CU_ASSERT_EQUAL(finish(sleepers[i]), i);
        tw_future_unref(last[i]);
    }
    end_pool();
}

static void await_and_be_stopped(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    atomic_fetch_add(&suspended, 1);
    CHECK(tw_future_await(&future, 1) == -ECANCELED);
    CHECK(tw_cancelled());
    CHECK(!tw_future_is_done(future));
    CHECK(tw_future_await(&future, 1) == -ECANCELED); /* again */
    tw_result_set(result, (void *)1, NULL);
}

static void await_when_stopped(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    atomic_fetch_add(&suspended, 1);
    WAIT_UNTIL(tw_cancelled());
    CHECK(tw_future_await(&future, 1) == -ECANCELED);
    tw_result_set(result, (void *)2, NULL);
}

/* R23: when its pool is shut down a suspended job goes on with -ECANCELED, and so does one that comes
 * to await only afterwards. What it awaits is as it was. */
TEST(R23_shutdown_cancels_awaits)
{
    struct tw_future *never = own_future(), *jobs[4];
    int i;
    start_pool(2);
    atomic_store(&suspended, 0);
    for (i = 0; i < 3; i++)
        jobs[i] = submit(executor, await_and_be_stopped, never);
    jobs[3] = submit(executor, await_when_stopped, never);
    WAIT_UNTIL(atomic_load(&suspended) == 4);
    CU_ASSERT_EQUAL(tw_pool_shutdown(pool, TW_FOREVER, NULL), 0);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(finish(jobs[i]), 1);
    CU_ASSERT_EQUAL(finish(jobs[3]), 2);
    CU_ASSERT_EQUAL(tw_future_cancel(never), 0);
    tw_future_unref(never);
    end_pool();
}

static int awaited_before;

/* Enough of them that a job keeps its forks in a list. */
static void await_some(int count)
{
    while (count-- > 0) {
        struct tw_future *some = submit(executor, give, NULL);
        CHECK(tw_future_await(&some, 1) == 0);
        tw_future_unref(some);
    }
}

static void await_next(struct tw_result *result, void *arg)
{
    struct tw_future *next;
    await_some(awaited_before);
    next = submit(executor, give, arg);
    gate_wait(&gate);
    atomic_fetch_add(&suspended, 1);
    CHECK(tw_future_await(&next, 1) == 0);
    tw_result_set(result, tw_future_value(next), NULL);
    tw_future_unref(next);
}

static void await_in_a_suspended_pool(int before)
{
    struct tw_future *job;
    awaited_before = before;
    start_pool(1);
    gate_init(&gate);
    atomic_store(&suspended, 0);
    job = submit(executor, await_next, (void *)3);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    CU_ASSERT_EQUAL(tw_pool_suspend(pool), 0);
    gate_open(&gate, 1);
    WAIT_UNTIL(atomic_load(&suspended) == 1 && books(pool).busy == 0);
    CU_ASSERT_EQUAL(books(pool).backlog, 1);
    CU_ASSERT_FALSE(tw_future_is_done(job));
    CU_ASSERT_EQUAL(tw_pool_resume(pool), 0);
    CU_ASSERT_EQUAL(finish(job), 3);
    end_pool();
}

/* In a suspended pool nobody takes what waits, and no more does who awaits it: it comes with the
 * resume. */
TEST(in_a_suspended_pool)
{
    await_in_a_suspended_pool(0);
}

TEST(a_fork_in_a_suspended_pool)
{
    await_in_a_suspended_pool(10);
}

/* --- where it is refused ---------------------------------------------------------------------- */

static atomic_int answer;

static void await_in_task(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    atomic_store(&answer, tw_future_await(&set_last, 1));
}

static void await_in_lock_worker(struct tw_result *result, void *lock)
{
    struct tw_task task;
    (void)result;
    tw_task_init(&task, await_in_task);
    CHECK(tw_worker_submit((struct tw_worker *)lock, &task) == 0);
}

/* Inside a lock worker everybody else is kept out: there no await is let in, be it in a job or not. */
TEST(refused_inside_a_lock_worker)
{
    struct tw_worker *lock = NULL;
    struct tw_result unused = TW_RESULT_INIT;
    start(1, 0);
    set_last = own_future();
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    harness_misuse_begin();
    atomic_store(&answer, 1);
    finish(submit(executor, await_in_lock_worker, lock));
    CU_ASSERT_EQUAL(atomic_load(&answer), -EDEADLK);
    EXPECT_REPORTS(1);
    await_in_lock_worker(&unused, lock);
    CU_ASSERT_EQUAL(atomic_load(&answer), -EDEADLK);
    harness_misuse_end();
    CU_ASSERT_EQUAL(set(set_last, 0), 0);
    atomic_store(&answer, 1);
    await_in_lock_worker(&unused, lock); /* it is done: nothing to wait for */
    CU_ASSERT_EQUAL(atomic_load(&answer), 0);
    set_last = tw_future_unref(set_last);
    tw_worker_unref(lock);
    stop();
}

static void await_in_callback(void *reactor)
{
    atomic_store(&answer, tw_future_await(&set_last, 1));
    CU_ASSERT_EQUAL(tw_future_wait(&set_last, 1, TW_WAIT_ALL, TW_FOREVER), -EDEADLK);
    CU_ASSERT_EQUAL(tw_future_wait(&set_last, 1, TW_WAIT_ALL, 0), -ETIMEDOUT);
    tw_reactor_stop((struct tw_reactor *)reactor);
}

/* On the thread of a loop that turns nothing waits, but for looking. */
TEST(refused_in_a_reactors_callback)
{
    struct tw_reactor *reactor = NULL;
    set_last = own_future();
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, await_in_callback, reactor, NULL, NULL), 0);
    harness_misuse_begin();
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    harness_misuse_end();
    CU_ASSERT_EQUAL(atomic_load(&answer), -EDEADLK);
    tw_reactor_unref(reactor);
    set_last = tw_future_unref(set_last);
}

static void deliver_and_await(struct job *job)
{
    tw_task_delivers(&job->task);
    atomic_store(&answer, tw_future_await(&set_last, 1));
}

/* A job that has said that only its delivery is left has given its worker away. */
TEST(refused_in_a_delivery)
{
    struct job job;
    start(1, 0);
    set_last = own_future();
    job_init(&job, deliver_and_await, NULL);
    harness_misuse_begin();
    CU_ASSERT_EQUAL(tw_worker_submit(tw_executor_worker(executor), &job.task), 0);
    WAIT_FOR(&job);
    harness_misuse_end();
    CU_ASSERT_EQUAL(atomic_load(&answer), -EDEADLK);
    set_last = tw_future_unref(set_last);
    stop();
}

static struct tw_executor *inner, *outer;

static void await_in_strands(struct tw_result *result, void *to)
{
    struct tw_future *future = submit((struct tw_executor *)to, give, NULL);
    atomic_store(&answer, tw_future_await(&future, 1));
    tw_future_unref(future);
    (void)result;
}

/* A job of a strand cannot await another of the same strand, nor one that has to go through it. */
TEST(refused_for_the_strand_one_is_inside_of)
{
    struct tw_worker *strand = NULL;
    int i;
    start(2, 0);
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(tw_executor_worker(executor), 0, &strand), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(strand, &inner), 0);
    tw_worker_unref(strand);
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(tw_executor_worker(inner), 0, &strand), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(strand, &outer), 0);
    tw_worker_unref(strand);
    for (i = 0; i < 4; i++) {
        harness_misuse_begin();
        atomic_store(&answer, 1);
        finish(submit(i & 1 ? inner : outer, await_in_strands, i & 2 ? inner : outer));
        harness_misuse_end();
        CU_ASSERT_EQUAL(atomic_load(&answer), -EDEADLK);
    }
    atomic_store(&answer, 1);
    finish(submit(executor, await_in_strands, outer)); /* from the pool it may be */
    CU_ASSERT_EQUAL(atomic_load(&answer), 0);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(tw_executor_join(i ? inner : outer, TW_FOREVER), 0);
        tw_executor_unref(i ? inner : outer);
    }
    stop();
}

TEST(bad_arguments_are_refused)
{
    struct tw_future *none = NULL;
    PROVOKE(tw_future_await(NULL, 1));
    PROVOKE(tw_future_await(&none, 1));
}

/* --- no room for a stack ---------------------------------------------------------------------- */

#if !TW__TSAN && !TW__ASAN /* they map memory themselves */

static void await_without_room(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    struct rlimit before, none;
    int without, with;
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    none = before;
    none.rlim_cur = 1;
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    without = tw_future_await(&future, 1);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    CHECK(without == -ENOMEM);
    atomic_fetch_add(&suspended, 1);
    with = tw_future_await(&future, 1);
    CHECK(with == 0);
    tw_result_set(result, tw_future_value(future), NULL);
}

/* With no room for another stack an await answers -ENOMEM, and the job goes on: here it tries once
 * more. */
TEST(no_room_for_a_stack)
{
    struct tw_future *last = own_future(), *job;
    tw__fiber_trim();
    start(1, 0);
    atomic_store(&suspended, 0);
    job = submit(executor, await_without_room, last);
    WAIT_UNTIL(atomic_load(&suspended) == 1);
    CU_ASSERT_EQUAL(set(last, 6), 0);
    CU_ASSERT_EQUAL(finish(job), 6);
    tw_future_unref(last);
    stop();
}

#endif

/* --- cancelling ------------------------------------------------------------------------------- */

static void await_cancelled(struct tw_result *result, void *arg)
{
    struct tw_future *future = (struct tw_future *)arg;
    atomic_fetch_add(&suspended, 1);
    CHECK(tw_future_await(&future, 1) == 0);
    CHECK(tw_future_is_cancelled(future));
    tw_result_set(result, (void *)1, NULL);
}

static void hold_thread(struct tw_result *result, void *arg)
{
    (void)result;
    gate_wait((struct gate *)arg);
}

/* Cancelling a future wakes who awaits it: a user's own, and one that waits in another pool. */
TEST(cancelling_wakes)
{
    struct tw_future *own = own_future(), *holder, *queued, *first, *second;
    start(1, 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(1, NULL, &other), 0);
    gate_init(&gate);
    atomic_store(&suspended, 0);
    holder = submit(other, hold_thread, &gate);
    queued = submit(other, give, NULL);
    first = submit(executor, await_cancelled, own);
    second = submit(executor, await_cancelled, queued);
    WAIT_UNTIL(atomic_load(&suspended) == 2);
    CU_ASSERT_EQUAL(tw_future_cancel(queued), 0);
    CU_ASSERT_EQUAL(finish(second), 1);
    CU_ASSERT_EQUAL(tw_future_cancel(own), 0);
    CU_ASSERT_EQUAL(finish(first), 1);
    gate_open(&gate, 1);
    finish(holder);
    tw_future_unref(own);
    tw_future_unref(queued);
    CU_ASSERT_EQUAL(tw_executor_shutdown(other, true, false), 0);
    other = tw_executor_unref(other);
    stop();
}

/* --- any shape -------------------------------------------------------------------------------- */

/* A job that makes others, awaits them, and gives their sum and one: so that the sum at the root is
 * the number of jobs that ran, less those whose parent did not count them. */
struct node {
    uint64_t random;
    unsigned depth;
    bool is_in_strand; /* then all below it must keep away from the strand */
};

static struct tw_executor *places[3];
static atomic_int nodes_left, nodes_made, nodes_ran, nodes_freed, nodes_cancelled;

static void free_node(void *node)
{
    atomic_fetch_add(&nodes_freed, 1);
    free(node);
}

static void run_node(struct tw_result *result, void *arg);

static struct tw_future *make_node(uint64_t *random, unsigned depth, bool is_in_strand)
{
    struct node *node = (struct node *)malloc(sizeof *node);
    size_t place = below(random, is_in_strand ? 2 : 3);
    struct tw_future *future = NULL;
    if (!node)
        abort();
    node->random = harness_random(random);
    node->depth = depth;
    node->is_in_strand = is_in_strand || place == 2;
    atomic_fetch_add(&nodes_made, 1);
    if (tw_executor_submit(places[place], run_node, node, free_node, &future) < 0)
        abort();
    return future;
}

static void run_node(struct tw_result *result, void *arg)
{
    struct node *node = (struct node *)arg;
    struct tw_future *children[12];
    size_t count = node->depth ? below(&node->random, 12) : 0, i;
    intptr_t sum = 1;
    void *thread = this_thread();
    atomic_fetch_add(&nodes_ran, 1);
    if (atomic_fetch_sub(&nodes_left, (int)count) <= 0)
        count = 0;
    for (i = 0; i < count; i++)
        children[i] = make_node(&node->random, node->depth - 1, node->is_in_strand);
    for (i = 0; i < count; i++)
        if (below(&node->random, 10) == 0)
            tw_future_cancel(children[i]);
    if (count && below(&node->random, 2))
        CHECK(tw_future_await(children + below(&node->random, count), 1) == 0);
    CHECK(tw_future_await(children, count) == 0);
    CHECK(this_thread() == thread);
    for (i = 0; i < count; i++) {
        CHECK(tw_future_is_done(children[i]));
        if (tw_future_is_cancelled(children[i]))
            atomic_fetch_add(&nodes_cancelled, 1);
        else
            sum += (intptr_t)tw_future_value(children[i]);
        tw_future_unref(children[i]);
    }
    tw_result_set(result, (void *)sum, NULL);
}

static void fork_and_join(size_t threads, uint64_t seed)
{
    uint64_t random = seed;
    intptr_t sum;
    size_t i;
    start(threads, 131072);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(threads, NULL, &other), 0);
    start_strand();
    places[0] = executor;
    places[1] = other;
    places[2] = on_strand;
    atomic_store(&nodes_left, NODES);
    atomic_store(&nodes_made, 0);
    atomic_store(&nodes_ran, 0);
    atomic_store(&nodes_freed, 0);
    atomic_store(&nodes_cancelled, 0);
    sum = finish(make_node(&random, 12, false));
    for (i = 3; i-- > 0;)
        CU_ASSERT_EQUAL(tw_executor_join(places[i], TW_FOREVER), 0);
    CU_ASSERT_EQUAL(sum, atomic_load(&nodes_ran));
    CU_ASSERT_EQUAL(atomic_load(&nodes_ran) + atomic_load(&nodes_cancelled),
                    atomic_load(&nodes_made));
    CU_ASSERT_EQUAL(atomic_load(&nodes_freed), atomic_load(&nodes_made));
    stop_strand();
    CU_ASSERT_EQUAL(tw_executor_shutdown(other, true, false), 0);
    other = tw_executor_unref(other);
    stop();
    CU_ASSERT_EQUAL(stacks_in_use(), 0);
}

/* Trees of any shape over two pools that call each other and a strand, with jobs cancelled here and
 * there: each job runs once or is cancelled, each argument is destroyed once, and the sums are
 * right. */
TEST(fork_and_join_at_random)
{
    uint64_t seed = harness_seed();
    int round, rounds = harness_long() ? 200 : 10;
    for (round = 0; round < rounds; round++)
        fork_and_join(1 + (size_t)round % 3, harness_random(&seed));
}
