/*
 * The ThreadPool shim, on real threads. Jobs are held by semaphores, and nobody sleeps.
 */
#include "../harness.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE_WITH_THREADS("threadpool and threads")

static atomic_int ran, destroyed, delivered, failed_with;
static pthread_t worked_on, delivered_on;

static void count_ran(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    atomic_fetch_add(&ran, 1);
}

static void count_destroyed(void *arg)
{
    (void)arg;
    atomic_fetch_add(&destroyed, 1);
}

static void hold(struct tw_result *result, void *semaphore)
{
    (void)result;
    sem_wait((sem_t *)semaphore);
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    worked_on = pthread_self();
    tw_result_failf(result, &TW_ERROR_SYSTEM, 5, "as it must");
}

static void post(void *semaphore)
{
    sem_post((sem_t *)semaphore);
}

static void note_result(struct tw_result *result, void *arg)
{
    (void)arg;
    delivered_on = pthread_self();
    atomic_store(&failed_with, tw_failure_code(tw_result_failure(result)));
    atomic_fetch_add(&delivered, 1);
    tw_result_set(result, NULL, NULL);
}

/* For several threads at once. */
static void count_delivered(struct tw_result *result, void *arg)
{
    (void)arg;
    atomic_fetch_add(&delivered, 1);
    tw_result_set(result, NULL, NULL);
}

static struct tw_threadpool *make(size_t min, size_t max)
{
    struct tw_threadpool *pool = NULL;
    atomic_store(&ran, 0);
    atomic_store(&destroyed, 0);
    atomic_store(&delivered, 0);
    atomic_store(&failed_with, 0);
    CU_ASSERT_EQUAL_FATAL(tw_threadpool_new(min, max, "shim", &pool), 0);
    return pool;
}

static size_t live(struct tw_threadpool *pool)
{
    struct tw_statistics now = {.size = sizeof now};
    CU_ASSERT_EQUAL(tw_team_statistics(tw_threadpool_team(pool), &now), 0);
    return now.idle + now.busy + now.coming;
}

/* TPL-002: a min above max is refused. */
TEST(TPL_002_min_above_max_is_refused)
{
    struct tw_threadpool *pool = NULL;
    PROVOKE(tw_threadpool_new(3, 2, NULL, &pool));
    CU_ASSERT_PTR_NULL(pool);
}

/* TPL-005, TPL-006, TPL-009: no thread before start; start makes min of them; a second start adds
 * none. */
TEST(TPL_006_start_makes_min_threads)
{
    struct tw_threadpool *pool = make(3, 5);
    CU_ASSERT_EQUAL(live(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(live(pool), 3);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(live(pool), 3);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    tw_threadpool_unref(pool);
}

/* TPL-056: the statistics are of one moment: while threads come up and go from coming to idle, none is
 * counted nowhere, or twice. */
TEST(TPL_056_threads_that_come_up_are_counted_once)
{
    struct tw_statistics now = {.size = sizeof now};
    int round, strange = 0;
    for (round = 0; round < 200; round++) {
        struct tw_threadpool *pool = make(4, 4);
        CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
        do {
            tw_team_statistics(tw_threadpool_team(pool), &now);
            strange += now.idle + now.busy + now.coming != 4;
        } while (now.idle < 4);
        CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
        tw_threadpool_unref(pool);
    }
    CU_ASSERT_EQUAL(strange, 0);
}

/* TPL-008, TPL-012: work accepted before start runs after it, and stop lets all of it finish. */
TEST(TPL_008_work_before_start_runs_after_it)
{
    struct tw_threadpool *pool = make(0, 2);
    int i;
    for (i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, count_destroyed), 0);
    CU_ASSERT_EQUAL(live(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_TRUE(live(pool) <= 2);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 100);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 100);
    tw_threadpool_unref(pool);
}

/* TPL-013: stop before start runs nothing, and each argument is destroyed all the same. */
TEST(TPL_013_stop_before_start_drops_the_work)
{
    struct tw_threadpool *pool = make(0, 2);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, count_destroyed), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread_with_callback(pool, note_result, NULL, count_ran,
                                                               NULL, count_destroyed),
                    0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 2);
    CU_ASSERT_EQUAL(atomic_load(&delivered), 1);
    CU_ASSERT_EQUAL(atomic_load(&failed_with), ESHUTDOWN);
    tw_threadpool_unref(pool);
}

/* TPL-014, TPL-015, TPL-031: after a stop, everything is refused, and arguments are destroyed. */
TEST(TPL_015_a_stopped_pool_stays_stopped)
{
    struct tw_threadpool *pool = make(0, 2);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(pool, 1, 2), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, count_destroyed),
                    -ESHUTDOWN);
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 1);
    tw_threadpool_unref(pool);
}

static void stop_from_inside(struct tw_result *result, void *pool)
{
    PROVOKE_ERROR(tw_threadpool_stop((struct tw_threadpool *)pool), -EDEADLK);
    count_ran(result, NULL);
}

/* TPL-016: stop on one of the pool's own threads is refused, and changes nothing. */
TEST(TPL_016_stop_from_its_own_thread_is_refused)
{
    struct tw_threadpool *pool = make(0, 1);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, stop_from_inside, pool, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 2);
    tw_threadpool_unref(pool);
}

/* TPL-036, TPL-037: the callback gets the failure, on the thread that worked. */
TEST(TPL_037_callback_gets_the_failure_on_the_same_thread)
{
    struct tw_threadpool *pool = make(0, 4);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(pool, note_result, NULL, fail, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&delivered), 1);
    CU_ASSERT_EQUAL(atomic_load(&failed_with), 5);
    CU_ASSERT_TRUE(pthread_equal(worked_on, delivered_on));
    tw_threadpool_unref(pool);
}

/* TPL-038: without a callback a failure is reported. */
TEST(TPL_038_failure_without_callback_is_reported)
{
    struct tw_threadpool *pool = make(0, 4);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, fail, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    EXPECT_REPORTS(1);
    tw_threadpool_unref(pool);
}

/* TPL-051, TPL-052: while not started only the numbers change; while started, threads are made up
 * to min, and those above max go. */
TEST(TPL_052_adjust_makes_and_lets_go)
{
    struct tw_threadpool *pool = make(0, 1);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(pool, 2, 4), 0);
    CU_ASSERT_EQUAL(live(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(live(pool), 2);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(pool, 4, 4), 0);
    CU_ASSERT_EQUAL(live(pool), 4);
    PROVOKE(tw_threadpool_adjust_pool_size(pool, 5, 4));
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(live(pool), 0);
    tw_threadpool_unref(pool);
}

/* TPL-034: with room below max, work never waits behind work that blocks. */
TEST(TPL_034_new_work_does_not_wait_behind_blocked_work)
{
    struct tw_threadpool *pool = make(0, 2);
    sem_t gate, done;
    sem_init(&gate, 0, 0);
    sem_init(&done, 0, 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, hold, &gate, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, &done, post), 0);
    sem_wait(&done); /* comes only if the second ran while the first was held */
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    sem_post(&gate);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    tw_threadpool_unref(pool);
    sem_destroy(&gate);
    sem_destroy(&done);
}

/* --- threads and their names ------------------------------------------------------------------ */

struct rendezvous {
    pthread_barrier_t barrier;
    struct tw_threadpool *pool;
    char system[16], whole[2][128];
    atomic_int next;
};

static void meet(struct tw_result *result, void *arg)
{
    struct rendezvous *place = (struct rendezvous *)arg;
    int number = atomic_fetch_add(&place->next, 1);
    (void)result;
    snprintf(place->whole[number], sizeof place->whole[0], "%s",
             tw_threadpool_thread_name(place->pool));
    if (number == 0)
        pthread_getname_np(pthread_self(), place->system, sizeof place->system);
    pthread_barrier_wait(&place->barrier);
}

static void note_name(const char *name, void *seen)
{
    if (strcmp(name, "PoolThread-a rather long name-0") == 0)
        *(int *)seen |= 1;
    if (strcmp(name, "PoolThread-a rather long name-1") == 0)
        *(int *)seen |= 2;
}

/* TPL-019: threads have the pool's name and a number; the system shows 15 bytes of that. */
TEST(TPL_019_threads_have_names)
{
    struct rendezvous place = {.pool = NULL};
    int seen = 0, i;
    CU_ASSERT_EQUAL_FATAL(tw_threadpool_new(2, 2, "a rather long name", &place.pool), 0);
    pthread_barrier_init(&place.barrier, NULL, 2);
    CU_ASSERT_EQUAL(tw_threadpool_start(place.pool), 0);
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(place.pool, meet, &place, NULL), 0);
    while (atomic_load(&place.next) < 2)
        sched_yield();
    while (tw_threadpool_threads(place.pool, note_name, &seen) < 2)
        sched_yield();
    CU_ASSERT_EQUAL(seen, 3);
    CU_ASSERT_PTR_NULL(tw_threadpool_thread_name(place.pool));
    CU_ASSERT_EQUAL(tw_threadpool_stop(place.pool), 0);
    CU_ASSERT_STRING_EQUAL(place.system, "PoolThread-a ra");
    CU_ASSERT_STRING_NOT_EQUAL(place.whole[0], place.whole[1]);
    CU_ASSERT_NSTRING_EQUAL(place.whole[0], "PoolThread-a rather long name-", 30);
    pthread_barrier_destroy(&place.barrier);
    tw_threadpool_unref(place.pool);
}

/* TPL-044: functions that wait for each other are run if there are no more of them than max. */
TEST(TPL_044_functions_that_meet_need_as_many_threads)
{
    struct rendezvous place = {.pool = NULL};
    int i;
    CU_ASSERT_EQUAL_FATAL(tw_threadpool_new(0, 2, NULL, &place.pool), 0);
    pthread_barrier_init(&place.barrier, NULL, 2);
    CU_ASSERT_EQUAL(tw_threadpool_start(place.pool), 0);
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(place.pool, meet, &place, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(place.pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&place.next), 2);
    pthread_barrier_destroy(&place.barrier);
    tw_threadpool_unref(place.pool);
}

/* TPL-018: threads that have ended are not in the list. */
TEST(TPL_018_only_threads_that_live_are_listed)
{
    struct tw_threadpool *pool = make(3, 3);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    while (tw_threadpool_threads(pool, NULL, NULL) < 3)
        sched_yield();
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(pool, 0, 1), 0);
    while (tw_threadpool_threads(pool, NULL, NULL) > 1)
        sched_yield();
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_threads(pool, NULL, NULL), 0);
    tw_threadpool_unref(pool);
}

/* TPL-005: no thread is made before start, however long one waits. */
TEST(TPL_005_no_thread_before_start)
{
    struct tw_threadpool *pool = make(2, 4);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, count_destroyed), 0);
    CU_ASSERT_EQUAL(tw_threadpool_workers(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_queue_size(pool), 1);
    tw_threadpool_unref(pool);
    while (atomic_load(&destroyed) < 1)
        sched_yield();
    CU_ASSERT_EQUAL(atomic_load(&ran), 0);
}

static void note_thread(struct tw_result *result, void *main_thread)
{
    (void)result;
    atomic_fetch_add(&ran, !pthread_equal(pthread_self(), *(pthread_t *)main_thread));
}

/* TPL-032: a function runs on a thread of the pool, and not on the caller's. */
TEST(TPL_032_functions_run_on_the_pools_threads)
{
    struct tw_threadpool *pool = make(0, 2);
    pthread_t self = pthread_self();
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, note_thread, &self, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    tw_threadpool_unref(pool);
}

/* TPL-011: when stop returns, every thread has ended, and with a function that makes threads every
 * piece of work is over. */
static int make_thread(void *arg, const char *name, struct tw_worker **ret_worker)
{
    struct tw_thread_worker_options options = {.size = sizeof options, .name = name};
    int rc = tw_thread_worker_new(&options, ret_worker);
    (void)arg;
    return rc < 0 ? rc : TW_CREATED_READY;
}

TEST(TPL_011_stop_waits_for_threads_of_ones_own)
{
    struct tw_threadpool_options options = {.size = sizeof options, .make_thread = make_thread};
    struct tw_threadpool *pool = NULL;
    int i;
    tw_threadpool_unref(make(0, 0)); /* the counters */
    CU_ASSERT_EQUAL_FATAL(tw_threadpool_new_with_options(1, 3, &options, &pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, stop_from_inside, pool, NULL), 0);
    for (i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, count_destroyed), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 201);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 200);
    tw_threadpool_unref(pool);
}

struct adjuster {
    pthread_t thread;
    struct tw_threadpool *pool;
    pthread_barrier_t *barrier;
    size_t number;
};

#define ROUNDS 500

static void *adjust_often(void *arg)
{
    struct adjuster *own = (struct adjuster *)arg;
    size_t i;
    for (i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(own->barrier);
        tw_threadpool_adjust_pool_size(own->pool, 0, 2 * own->number + i % 2);
        pthread_barrier_wait(own->barrier);
    }
    return NULL;
}

/* Whoever adjusts last is obeyed, from whatever threads. */
TEST(adjusting_from_several_threads)
{
    struct tw_threadpool *pool = make(0, 2);
    struct adjuster adjusters[3];
    pthread_barrier_t barrier;
    size_t i, wrong = 0;
    pthread_barrier_init(&barrier, NULL, 4);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    for (i = 0; i < 3; i++) {
        adjusters[i].pool = pool;
        adjusters[i].barrier = &barrier;
        adjusters[i].number = i + 1;
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&adjusters[i].thread, NULL, adjust_often, &adjusters[i]), 0);
    }
    for (i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&barrier);
        CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, NULL), 0);
        pthread_barrier_wait(&barrier);
        wrong += tw_pool_limit(tw_threadpool_pool(pool)) != tw_threadpool_max(pool);
    }
    for (i = 0; i < 3; i++)
        pthread_join(adjusters[i].thread, NULL);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), ROUNDS);
    pthread_barrier_destroy(&barrier);
    tw_threadpool_unref(pool);
}

/* In a forked child the parent's pool answers without touching its lock, and its work is left alone.
 */
TEST(a_forked_child_leaves_the_parents_pool_alone)
{
    struct tw_threadpool *pool = make(1, 2);
    int status = 0;
    pid_t child;
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, count_destroyed), 0);
    child = fork();
    if (child == 0) {
        int wrong = tw_threadpool_start(pool) != -EOWNERDEAD;
        wrong += tw_threadpool_call_in_thread(pool, count_ran, NULL, NULL) != -EOWNERDEAD;
        wrong += tw_threadpool_adjust_pool_size(pool, 0, 1) != -EOWNERDEAD;
        wrong += tw_threadpool_start_a_worker(pool) != -EOWNERDEAD;
        wrong += tw_threadpool_max(pool) != 0 || tw_threadpool_started(pool);
        wrong += tw_threadpool_threads(pool, NULL, NULL) != 0 || tw_threadpool_workers(pool) != 0;
        wrong += tw_threadpool_stop(pool) != -EOWNERDEAD;
        tw_threadpool_unref(pool);
        _exit(wrong + (atomic_load(&destroyed) != 0));
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    tw_threadpool_unref(pool);
}

static int home;

static void come_home(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(tw_result_is_ok(result));
    home++;
}

/* It plugs in wherever a pool is wanted. */
TEST(defer_to_pool_takes_a_threadpool)
{
    struct tw_threadpool *pool = make(0, 2);
    struct tw_reactor *reactor = NULL;
    struct tw_deferred *deferred = NULL;
    home = 0;
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, tw_threadpool_worker(pool), count_ran, NULL,
                                     count_destroyed, &deferred),
                    0);
    CU_ASSERT_EQUAL(tw_deferred_add_callback(deferred, come_home, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, NULL), 0);
    CU_ASSERT_EQUAL(home, 1);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    tw_deferred_unref(deferred);
    tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    tw_threadpool_unref(pool);
}

static void note_own(struct tw_result *result, void *pool)
{
    (void)result;
    atomic_fetch_add(&ran, tw_threadpool_thread_name((struct tw_threadpool *)pool) != NULL);
}

static void stop_when_home(struct tw_result *result, void *reactor)
{
    come_home(result, NULL);
    CU_ASSERT_EQUAL(tw_reactor_stop((struct tw_reactor *)reactor), 0);
}

/* It can be a reactor's own pool: work goes there, its size stays unless another is suggested, and
 * the reactor ends it. */
TEST(a_threadpool_can_be_the_reactors_own)
{
    struct tw_threadpool *pool = make(0, 3);
    struct tw_reactor *reactor = NULL;
    struct tw_deferred *deferred = NULL;
    struct tw_pool *own = NULL;
    home = 0;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    PROVOKE(tw_reactor_set_thread_pool(reactor, NULL));
    PROVOKE(tw_reactor_set_thread_pool(NULL, tw_threadpool_pool(pool)));
    CU_ASSERT_EQUAL(tw_reactor_set_thread_pool(reactor, tw_threadpool_pool(pool)), 0);
    CU_ASSERT_EQUAL(tw_reactor_set_thread_pool(reactor, tw_threadpool_pool(pool)), -EBUSY);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &own), 0);
    CU_ASSERT_PTR_EQUAL(own, tw_threadpool_pool(pool));
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, note_own, pool, count_destroyed, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_callback(deferred, stop_when_home, reactor, NULL), 0);
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(home, 1);
    CU_ASSERT_EQUAL(atomic_load(&ran), 1);
    CU_ASSERT_EQUAL(tw_pool_limit(own), 3);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(pool, count_ran, NULL, NULL), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_reactor_set_thread_pool(reactor, tw_threadpool_pool(pool)), -ESHUTDOWN);
    tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    tw_threadpool_unref(pool);
}

/* A size that is suggested for a pool that was given holds at once. */
TEST(a_given_pool_can_be_resized)
{
    struct tw_threadpool *pool = make(0, 3);
    struct tw_reactor *reactor = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    CU_ASSERT_EQUAL(tw_reactor_set_thread_pool(reactor, tw_threadpool_pool(pool)), 0);
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 5), 0);
    CU_ASSERT_EQUAL(tw_pool_limit(tw_threadpool_pool(pool)), 5);
    tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    tw_threadpool_unref(pool);
}

static void make_and_use(void)
{
    struct tw_threadpool *pool = NULL;
    int sent = 0, i;
    if (tw_threadpool_new(1, 2, "sweep", &pool) < 0)
        return;
    for (i = 0; i < 3; i++)
        if (tw_threadpool_call_in_thread_with_callback(pool, count_delivered, NULL, count_ran, NULL,
                                                       count_destroyed) == 0)
            sent++;
    tw_threadpool_start(pool);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 3);
    CU_ASSERT_EQUAL(atomic_load(&delivered), sent);
    tw_threadpool_unref(pool);
}

/* Whatever allocation fails: every argument is destroyed once, every accepted job delivered once.
 */
SWEEP(nothing_is_lost_without_memory)
{
    atomic_store(&destroyed, 0);
    atomic_store(&delivered, 0);
    make_and_use();
    EXPECT_REPORTS(harness_reports()); /* a worker that could not be made is reported */
}
