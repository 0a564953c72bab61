/*
 * Forked children, with threads on both sides. A child has a minute, and says by its exit code what
 * it found.
 */
#include "crowd.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE_WITH_THREADS("fork and threads")

/* In a child ThreadSanitizer takes new threads for the parent's and gives up; and the allocator of
 * either sanitizer may have been locked by another thread at the moment of the fork. There the
 * children of a storm, and with ThreadSanitizer all, do not make anything new. */
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#elif __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#if defined(THREAD_SANITIZER)
enum { MAKES_NEW = false, MAKES_NEW_IN_STORM = false };
#elif defined(ADDRESS_SANITIZER)
enum { MAKES_NEW = true, MAKES_NEW_IN_STORM = false };
#else
enum { MAKES_NEW = true, MAKES_NEW_IN_STORM = true };
#endif

/* LeakSanitizer asks this: what a child leaves of the parent's is no leak. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

static bool is_child;

int __lsan_is_turned_off(void)
{
    return is_child;
}

#define GOOD 17 /* the exit code of a child in which all was well */

/* In a child, where CUnit counts for nobody. */
#define CHILD_CHECK(condition)                                                          \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: in a child: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                                   \
        }                                                                               \
    } while (0)

/* Returns the code the child has ended with; minus the signal that has ended it. */
static int code_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) != child)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void begin_child(void)
{
    is_child = true;
    alarm(60);
}

static int fork_and(void (*in_child)(void *arg), void *arg)
{
    pid_t child = fork();
    if (child == 0) {
        begin_child();
        in_child(arg);
        _exit(GOOD);
    }
    return code_of(child);
}

/* --- what a child does ------------------------------------------------------------------------ */

static void count_job(struct job *job)
{
    atomic_fetch_add((atomic_int *)job->arg, 1);
}

static void use_new_pool(void)
{
    struct tw_pool *pool = NULL;
    struct job jobs[4];
    atomic_int count = 0;
    int i;
    CHILD_CHECK(tw_pool_new(2, NULL, &pool) == 0);
    jobs_init(jobs, 4, count_job, &count);
    for (i = 0; i < 4; i++)
        CHILD_CHECK(tw_pool_submit(pool, &jobs[i].task) == 0);
    CHILD_CHECK(tw_pool_quit(pool) == 0);
    CHILD_CHECK(tw_pool_join(pool, TW_FOREVER) == 0);
    CHILD_CHECK(atomic_load(&count) == 4);
    tw_pool_unref(pool);
}

static void use_new_worker(void)
{
    struct tw_worker *worker = NULL;
    atomic_int count = 0;
    struct job job;
    CHILD_CHECK(tw_thread_worker_new(NULL, &worker) == 0);
    job_init(&job, count_job, &count);
    CHILD_CHECK(tw_worker_submit(worker, &job.task) == 0);
    tw_worker_unref(worker);
    WAIT_FOR(&job);
    CHILD_CHECK(atomic_load(&count) == 1);
}

static void count_work(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void use_cache(void)
{
    atomic_int count = 0;
    CHILD_CHECK(tw_start_thread_soon(count_work, &count, NULL, NULL, NULL, NULL) == 0);
    CHILD_CHECK(tw_thread_cache_drain(TW_FOREVER) == 0);
    CHILD_CHECK(atomic_load(&count) == 1);
    CHILD_CHECK(cache_threads() == 0);
}

static void refuse_pool(struct tw_pool *pool)
{
    struct tw_statistics books = {.size = sizeof books};
    struct job job;
    job_init(&job, NULL, NULL);
    CHILD_CHECK(tw_pool_submit(pool, &job.task) == -EOWNERDEAD);
    CHILD_CHECK(tw_team_statistics(tw_pool_team(pool), &books) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_set_limit(pool, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_set_minimum(pool, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_set_idle_time(pool, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_suspend(pool) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_resume(pool) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_quit(pool) == -EOWNERDEAD);
    CHILD_CHECK(tw_pool_join(pool, TW_FOREVER) == -EOWNERDEAD);
    CHILD_CHECK(atomic_load(&job.calls) == 0);
    tw_pool_unref(pool);
    tw_pool_unref(pool);
}

/* The cache starts empty, whatever the parent had. */
static void look(void *pool)
{
    refuse_pool((struct tw_pool *)pool);
    CHILD_CHECK(cache_threads() == 0 && cache_idle() == 0);
}

static void use_new(void)
{
    use_cache();
    use_new_worker();
    use_new_pool();
}

static void use_all(void *pool)
{
    look(pool);
    if (MAKES_NEW)
        use_new();
}

static void use_all_in_storm(void *pool)
{
    look(pool);
    if (MAKES_NEW_IN_STORM)
        use_new();
}

/* At the second fork there are idle threads. */
static void use_all_and_fork(void *pool)
{
    use_all(pool);
    CHILD_CHECK(fork_and(use_all, pool) == GOOD);
    if (MAKES_NEW)
        use_new();
}

static struct tw_pool *start(size_t limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, NULL, &pool), 0);
    return pool;
}

static void end(struct tw_pool *pool)
{
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
}

/* --- the tests -------------------------------------------------------------------------------- */

/* R23: a child finds an empty cache and may use all of the threads floor anew; the parent's pool,
 * with a thread at work, refuses there; and so in the child's own child. The parent goes on. */
TEST(a_child_starts_anew)
{
    struct tw_pool *pool = start(2);
    struct gate gate;
    struct job jobs[2];
    gate_init(&gate);
    jobs_init(jobs, 2, wait_at_gate, &gate);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[0].task), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    CU_ASSERT_EQUAL(fork_and(use_all_and_fork, pool), GOOD);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[1].task), 0);
    gate_open(&gate, 2);
    end(pool);
    CHECK_JOB(&jobs[0], 0);
    CHECK_JOB(&jobs[1], 0);
}

static void refuse_locked(void *worker)
{
    struct job job;
    job_init(&job, NULL, NULL);
    CHILD_CHECK(tw_worker_submit((struct tw_worker *)worker, &job.task) == -EOWNERDEAD);
    CHILD_CHECK(tw_worker_quit((struct tw_worker *)worker) == -EOWNERDEAD);
    tw_worker_unref((struct tw_worker *)worker);
}

struct held {
    struct tw_worker *lock;
    struct job job;
    struct gate gate;
    int rc, code;
};

static void hold_or_fork(struct person *person)
{
    struct held *held = (struct held *)person->arg;
    if (person->index == 0) {
        held->rc = tw_worker_submit(held->lock, &held->job.task);
        return;
    }
    WAIT_UNTIL(atomic_load(&held->gate.waiting) == 1);
    held->code = fork_and(refuse_locked, held->lock);
    gate_open(&held->gate, 1);
}

/* A lock that another thread holds at the moment of the fork is not touched in the child. */
TEST(a_held_lock_is_not_waited_for)
{
    struct held held;
    memset(&held, 0, sizeof held);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&held.lock), 0);
    gate_init(&held.gate);
    job_init(&held.job, wait_at_gate, &held.gate);
    crowd_run(2, harness_seed(), hold_or_fork, &held);
    CU_ASSERT_EQUAL(held.rc, 0);
    CU_ASSERT_EQUAL(held.code, GOOD);
    CHECK_JOB(&held.job, 0);
    tw_worker_unref(held.lock);
}

struct storm {
    struct tw_pool *pool;
    atomic_int is_over, good, submitted, ran;
};

static void blow(struct storm *storm, uint64_t *random)
{
    struct job job;
    job_init(&job, count_job, &storm->ran);
    if (below(random, 2)) {
        atomic_fetch_add(&storm->submitted, 1);
        if (tw_pool_submit(storm->pool, &job.task) == 0)
            WAIT_FOR(&job);
    } else if (tw_start_thread_soon(count_work, &storm->ran, NULL, NULL, NULL, NULL) == 0) {
        atomic_fetch_add(&storm->submitted, 1);
    }
}

static void storm_or_fork(struct person *person)
{
    struct storm *storm = (struct storm *)person->arg;
    int i;
    while (person->index && !atomic_load(&storm->is_over))
        blow(storm, &person->random);
    for (i = 0; !person->index && i < 50; i++)
        atomic_fetch_add(&storm->good, fork_and(use_all_in_storm, storm->pool) == GOOD);
    if (!person->index)
        atomic_store(&storm->is_over, 1);
}

/* Whatever locks others hold, of the cache and of a pool, no child hangs, in 50 forks in the middle
 * of a storm of starts; and in the parent nothing is lost by it. */
TEST(fifty_forks_in_a_storm)
{
    struct storm storm = {start(2), 0, 0, 0, 0};
    CU_ASSERT_EQUAL(tw_thread_cache_set_idle_timeout(0), 0);
    crowd_run(4, harness_seed(), storm_or_fork, &storm);
    CU_ASSERT_EQUAL(atomic_load(&storm.good), 50);
    end(storm.pool);
    cache_empty();
    CU_ASSERT_EQUAL(atomic_load(&storm.ran), atomic_load(&storm.submitted));
}

/* --- forks made by a job ---------------------------------------------------------------------- */

struct forking {
    struct tw_pool *pool;
    int code;
};

static void fork_in_job(struct job *job)
{
    struct forking *forking = (struct forking *)job->arg;
    forking->code = fork_and(use_all_and_fork, forking->pool);
}

/* A child forked by a job, on a thread of a pool, is like any other. */
TEST(a_job_may_fork)
{
    struct forking forking = {start(1), 0};
    struct job job;
    job_init(&job, fork_in_job, &forking);
    CU_ASSERT_EQUAL(tw_pool_submit(forking.pool, &job.task), 0);
    WAIT_FOR(&job);
    CHECK_JOB(&job, 0);
    CU_ASSERT_EQUAL(forking.code, GOOD);
    end(forking.pool);
}

/* Shared with the children: how often what has come after the fork. */
struct shared {
    atomic_int ran_after, destroyed, delivered;
    pid_t child;
    int fork_in;
};

static struct shared *shared;

static void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_TRUE_FATAL(memory != MAP_FAILED);
    return memory;
}

static void shared_new(void)
{
    shared = (struct shared *)shared_memory(sizeof *shared);
}

static void fork_and_return(void)
{
    pid_t child = fork();
    if (child == 0)
        begin_child();
    else
        shared->child = child;
}

static void fork_and_return_job(struct job *job)
{
    gate_wait((struct gate *)job->arg); /* until the next one waits */
    fork_and_return();
}

/* Performed or given up. */
static void count_call(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    atomic_fetch_add(&shared->ran_after, 1);
}

/* On a worker, and after it another job. */
static void fork_and_return_on(struct tw_worker *on)
{
    struct job forks;
    struct tw_task after;
    struct gate gate;
    shared_new();
    gate_init(&gate);
    job_init(&forks, fork_and_return_job, &gate);
    tw_task_init(&after, count_call);
    CU_ASSERT_EQUAL(tw_worker_submit(on, &forks.task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(on, &after), 0);
    gate_open(&gate, 1);
    WAIT_UNTIL(atomic_load(&shared->ran_after));
    CU_ASSERT_EQUAL(code_of(shared->child), 0);
    CU_ASSERT_EQUAL(atomic_load(&shared->ran_after), 1);
    munmap(shared, sizeof *shared);
}

static atomic_int *exits; /* shared with the children, too */

static void count_exit(void *arg, void *state)
{
    (void)arg;
    (void)state;
    atomic_fetch_add(exits, 1);
}

/* A child that comes back from the job that has forked it does none of the parent's work: its thread
 * ends, and with it the process. On a thread worker; in a pool, whose exit hook is the parent's; in
 * a strand and in a limiter. */
TEST(a_child_that_comes_back_from_its_job_ends)
{
    struct tw_pool_options options = {.size = sizeof options, .exit = count_exit};
    struct tw_worker *worker = NULL, *strand = NULL;
    struct tw_limiter *limiter = NULL;
    struct tw_pool *pool = NULL;
    exits = (atomic_int *)shared_memory(sizeof *exits);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, &options, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_thread_worker_new(NULL, &worker), 0);
    fork_and_return_on(worker);
    tw_worker_unref(worker);
    fork_and_return_on(tw_pool_worker(pool));
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(tw_pool_worker(pool), 0, &strand), 0);
    fork_and_return_on(strand);
    tw_worker_unref(strand);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(NULL, 1, &limiter), 0);
    fork_and_return_on(tw_limiter_worker(limiter));
    tw_limiter_unref(limiter);
    end(pool);
    CU_ASSERT_EQUAL(atomic_load(exits), 1);
    munmap(exits, sizeof *exits);
}

static void soon_work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (shared->fork_in == 0)
        fork_and_return();
}

static void soon_destroy(void *arg)
{
    (void)arg;
    atomic_fetch_add(&shared->destroyed, 1);
}

static void soon_deliver(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (shared->fork_in == 1)
        fork_and_return();
    atomic_fetch_add(&shared->delivered, 1);
}

/* So with a thread of its own: the argument is destroyed, and the result delivered, in the parent
 * alone. It may be forked in the delivery, too. */
TEST(a_child_that_comes_back_from_its_start_ends)
{
    int i;
    for (i = 0; i < 2; i++) {
        shared_new();
        shared->fork_in = i;
        CU_ASSERT_EQUAL(
            tw_start_thread_soon(soon_work, NULL, soon_destroy, soon_deliver, NULL, NULL), 0);
        CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
        CU_ASSERT_EQUAL(code_of(shared->child), 0);
        CU_ASSERT_EQUAL(atomic_load(&shared->destroyed), 1);
        CU_ASSERT_EQUAL(atomic_load(&shared->delivered), 1 + i);
        munmap(shared, sizeof *shared);
    }
}

/* And with work that was sent out by a loop. */
TEST(a_child_that_comes_back_from_deferred_work_ends)
{
    struct tw_reactor *reactor = NULL;
    struct tw_deferred *deferred = NULL;
    shared_new();
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_defer_to_thread(reactor, soon_work, NULL, soon_destroy, &deferred), 0);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, NULL), 0);
    tw_deferred_unref(deferred);
    tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(code_of(shared->child), 0);
    CU_ASSERT_EQUAL(atomic_load(&shared->destroyed), 1);
    munmap(shared, sizeof *shared);
}

/* --- futures ---------------------------------------------------------------------------------- */

static struct {
    struct tw_executor *executor;
    struct tw_future *pending, *done;
    struct tw_as_completed *each;
    atomic_bool is_enough;
    struct gate gate;
} futures;

static void give(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, NULL);
}

static void give_at_gate(struct tw_result *result, void *arg)
{
    gate_wait(&futures.gate);
    give(result, arg);
}

/* Comes back again and again, so that the executor is at work whenever the process is forked. */
static void go_on(struct tw_result *result, void *arg)
{
    (void)result;
    if (!atomic_load(&futures.is_enough) &&
        tw_executor_submit(futures.executor, go_on, arg, NULL, NULL) < 0)
        abort();
}

static void use_new_executor(void)
{
    struct tw_executor *executor = NULL;
    struct tw_result result = TW_RESULT_INIT;
    struct tw_future *future = NULL;
    CHILD_CHECK(tw_executor_new(1, NULL, &executor) == 0);
    CHILD_CHECK(tw_executor_submit(executor, give, &futures, NULL, &future) == 0);
    CHILD_CHECK(tw_future_result(future, TW_FOREVER, &result) == 0);
    CHILD_CHECK(tw_result_value(&result) == &futures);
    tw_future_unref(future);
    CHILD_CHECK(tw_executor_shutdown(executor, true, false) == 0);
    tw_executor_unref(executor);
}

static void use_the_parents_futures(void *arg)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_future *future = NULL;
    void *none = NULL;
    int destroyed = 0;
    (void)arg;
    CHILD_CHECK(tw_future_cancel(futures.pending) == -EOWNERDEAD);
    CHILD_CHECK(tw_future_wait(&futures.pending, 1, TW_WAIT_ALL, TW_FOREVER) == -EOWNERDEAD);
    CHILD_CHECK(tw_future_await(&futures.pending, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_future_result(futures.pending, TW_FOREVER, &result) == -EOWNERDEAD);
    CHILD_CHECK(tw_as_completed_next(futures.each, TW_FOREVER, &future) == -EOWNERDEAD);
    CHILD_CHECK(tw_future_value(futures.done) == &futures);
    CHILD_CHECK(tw_executor_submit(futures.executor, give, &destroyed, count_destroy, &future) ==
                -EOWNERDEAD);
    CHILD_CHECK(destroyed == 1);
    CHILD_CHECK(tw_executor_map(futures.executor, give, &none, 1, &future) == -EOWNERDEAD);
    CHILD_CHECK(tw_executor_join(futures.executor, TW_FOREVER) == -EOWNERDEAD);
    CHILD_CHECK(tw_executor_shutdown(futures.executor, true, true) == -EOWNERDEAD);
    tw_as_completed_free(futures.each);
    tw_future_unref(futures.pending);
    tw_future_unref(futures.done);
    tw_executor_unref(futures.executor);
    if (MAKES_NEW_IN_STORM)
        use_new_executor();
}

/* A child has no part in its parent's futures: what is not done never will be there, so nobody
 * waits for it; what is done can be looked at. Its own work as ever. */
TEST(futures_are_the_parents)
{
    int i;
    memset(&futures, 0, sizeof futures);
    gate_init(&futures.gate);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(3, NULL, &futures.executor), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(futures.executor, give, &futures, NULL, &futures.done), 0);
    CU_ASSERT_EQUAL(tw_executor_join(futures.executor, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(
        tw_executor_submit(futures.executor, give_at_gate, NULL, NULL, &futures.pending), 0);
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(&futures.pending, 1, &futures.each), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(futures.executor, go_on, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(futures.executor, go_on, NULL, NULL, NULL), 0);
    for (i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(fork_and(use_the_parents_futures, NULL), GOOD);
    atomic_store(&futures.is_enough, true);
    gate_open(&futures.gate, 1);
    CU_ASSERT_EQUAL(tw_future_wait(&futures.pending, 1, TW_WAIT_ALL, TW_FOREVER), 0);
    tw_as_completed_free(futures.each);
    tw_future_unref(futures.pending);
    tw_future_unref(futures.done);
    CU_ASSERT_EQUAL(tw_executor_join(futures.executor, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_executor_shutdown(futures.executor, true, false), 0);
    tw_executor_unref(futures.executor);
}

/* --- a child forked on another stack ---------------------------------------------------------- */

#if !defined(THREAD_SANITIZER) /* whose pthread_exit() takes another stack for another thread */

static void await_it(struct tw_result *result, void *future)
{
    struct tw_future *awaited = (struct tw_future *)future;
    tw_result_set(result, (void *)(intptr_t)tw_future_await(&awaited, 1), NULL);
}

static void suspend_one(struct tw_executor *executor, struct tw_pool *pool, size_t already)
{
    struct tw_statistics books = {.size = sizeof books};
    CU_ASSERT_EQUAL(tw_executor_submit(executor, await_it, futures.pending, NULL, NULL), 0);
    while (books.suspended <= already)
        CU_ASSERT_EQUAL_FATAL(tw_team_statistics(tw_pool_team(pool), &books), 0);
}

/* While jobs of its thread have left their stacks, a job runs on another. A child that it forks and
 * that comes back from it there ends as well, and does not go on with them. */
TEST(a_child_that_comes_back_on_another_stack_ends)
{
    struct tw_executor *executor = NULL;
    struct tw_pool *pool = NULL;
    size_t i;
    memset(&futures, 0, sizeof futures);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, NULL, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_pool_worker(pool), &executor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&futures.pending), 0);
    for (i = 0; i < 2; i++) {
        suspend_one(executor, pool, i);
        fork_and_return_on(tw_pool_worker(pool));
    }
    CU_ASSERT_EQUAL(tw_future_cancel(futures.pending), 0);
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), 0);
    tw_executor_unref(executor);
    tw_future_unref(futures.pending);
    end(pool);
}

#endif
