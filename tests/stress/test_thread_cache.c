/*
 * The thread cache: work on threads of its own, and which thread gets it.
 */
#include "crowd.h"
#include <dirent.h>
#include <signal.h>

SUITE_WITH_THREADS("thread cache")

/* What happens to one start: each step notes when, and on which thread. */
struct course {
    atomic_int step;
    int work_at, destroy_at, deliver_at;
    void *work_on, *destroy_on, *deliver_on;
    void *value;
    struct gate *gate;
    atomic_int done;
};

static void course_work(struct tw_result *result, void *arg)
{
    struct course *course = (struct course *)arg;
    course->work_at = atomic_fetch_add(&course->step, 1);
    course->work_on = this_thread();
    course->value = tw_result_value(result);
    if (course->gate)
        gate_wait(course->gate);
    tw_result_set(result, course, NULL);
}

static void course_destroy(void *arg)
{
    struct course *course = (struct course *)arg;
    course->destroy_at = atomic_fetch_add(&course->step, 1);
    course->destroy_on = this_thread();
}

static void course_deliver(struct tw_result *result, void *arg)
{
    struct course *course = (struct course *)arg;
    course->deliver_at = atomic_fetch_add(&course->step, 1);
    course->deliver_on = this_thread();
    course->value = tw_result_value(result);
    atomic_store(&course->done, 1);
}

static void course_start(struct course *course, struct gate *gate)
{
    memset(course, 0, sizeof *course);
    course->gate = gate;
    CU_ASSERT_EQUAL(
        tw_start_thread_soon(course_work, course, course_destroy, course_deliver, course), 0);
}

/* Work, the destroy of its argument, and the delivery of its result happen once each, in this
 * order, on one thread that is not the caller's. */
TEST(work_destroy_and_deliver_run_in_order_on_one_thread)
{
    struct course course;
    course_start(&course, NULL);
    WAIT_UNTIL(atomic_load(&course.done));
    CU_ASSERT_EQUAL(course.work_at, 0);
    CU_ASSERT_EQUAL(course.destroy_at, 1);
    CU_ASSERT_EQUAL(course.deliver_at, 2);
    CU_ASSERT_PTR_NOT_EQUAL(course.work_on, this_thread());
    CU_ASSERT_PTR_EQUAL(course.destroy_on, course.work_on);
    CU_ASSERT_PTR_EQUAL(course.deliver_on, course.work_on);
    CU_ASSERT_PTR_EQUAL(course.value, &course);
}

/* The thread that became idle last is taken first. */
TEST(the_thread_idle_last_is_taken_first)
{
    struct course first, second, third;
    struct gate one, two;
    cache_empty();
    gate_init(&one);
    gate_init(&two);
    course_start(&first, &one);
    course_start(&second, &two);
    WAIT_UNTIL(atomic_load(&one.waiting) && atomic_load(&two.waiting));
    CU_ASSERT_EQUAL(cache_threads(), 2);
    gate_open(&two, 1);
    WAIT_UNTIL(cache_idle() == 1);
    gate_open(&one, 1);
    WAIT_UNTIL(cache_idle() == 2);
    course_start(&third, NULL);
    WAIT_UNTIL(atomic_load(&first.done) && atomic_load(&second.done) && atomic_load(&third.done));
    CU_ASSERT_PTR_EQUAL(third.work_on, first.work_on);
    CU_ASSERT_EQUAL(cache_threads(), 2);
}

/* --- idle before deliver ---------------------------------------------------------------------- */

struct chain {
    int left;
    size_t most_threads;
    atomic_int done;
};

static void chain_work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void chain_deliver(struct tw_result *result, void *arg)
{
    struct chain *chain = (struct chain *)arg;
    size_t threads = cache_threads();
    (void)result;
    if (threads > chain->most_threads)
        chain->most_threads = threads;
    if (--chain->left == 0)
        atomic_store(&chain->done, 1);
    else if (tw_start_thread_soon(chain_work, NULL, NULL, chain_deliver, chain) < 0)
        atomic_store(&chain->done, -1);
}

/* R14: a thread counts as idle before it delivers, so a delivery that starts the next work never
 * makes a second thread. */
TEST(a_delivery_that_starts_the_next_makes_no_second_thread)
{
    struct chain chain = {1000, 0, 0};
    cache_empty();
    CU_ASSERT_EQUAL(tw_start_thread_soon(chain_work, NULL, NULL, chain_deliver, &chain), 0);
    WAIT_UNTIL(atomic_load(&chain.done));
    CU_ASSERT_EQUAL(atomic_load(&chain.done), 1);
    CU_ASSERT_EQUAL(chain.most_threads, 1);
    CU_ASSERT_EQUAL(cache_threads(), 1);
}

/* --- expiry ----------------------------------------------------------------------------------- */

/* Threads idle already are asked to look again when the timeout changes: with 0 they end. */
TEST(a_timeout_of_zero_ends_idle_threads)
{
    struct course courses[4];
    struct gate gate;
    int i;
    cache_empty();
    gate_init(&gate);
    for (i = 0; i < 4; i++)
        course_start(&courses[i], &gate);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 4);
    CU_ASSERT_EQUAL(cache_threads(), 4);
    CU_ASSERT_EQUAL(cache_idle(), 0);
    gate_open(&gate, 4);
    WAIT_UNTIL(cache_idle() == 4);
    CU_ASSERT_EQUAL(tw_thread_cache_set_idle_timeout(0), 0);
    WAIT_UNTIL(cache_threads() == 0);
    CU_ASSERT_EQUAL(cache_idle(), 0);
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(atomic_load(&courses[i].done), 1);
}

static void count_up(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void start_many(struct person *person)
{
    atomic_int *count = (atomic_int *)person->arg;
    int i;
    for (i = 0; i < 300; i++) {
        while (tw_start_thread_soon(count_up, count, NULL, count_up, count) < 0)
            sched_yield();
        if (below(&person->random, 3) == 0)
            sched_yield();
    }
}

/* R15: work handed over in the moment a thread expires is not lost: with threads that expire at
 * once, each work and each delivery happens once. */
TEST(work_in_the_moment_of_expiry_is_not_lost)
{
    atomic_int count = 0;
    CU_ASSERT_EQUAL(tw_thread_cache_set_idle_timeout(0), 0);
    crowd_run(3, harness_seed(), start_many, &count);
    WAIT_UNTIL(cache_threads() == 0);
    CU_ASSERT_EQUAL(atomic_load(&count), 2 * 3 * 300);
    cache_empty();
}

/* --- results ---------------------------------------------------------------------------------- */

static atomic_int destroyed;

static void count_destroyed(void *value)
{
    (void)value;
    atomic_fetch_add(&destroyed, 1);
}

static void give_value(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, count_destroyed);
}

static void leave_it(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* What deliver leaves in the result is destroyed once, and so is a result nobody takes delivery
 * of; the argument too, each time. */
TEST(what_nobody_takes_is_destroyed_once)
{
    int value = 0;
    cache_empty();
    atomic_store(&destroyed, 0);
    CU_ASSERT_EQUAL(tw_start_thread_soon(give_value, &value, count_destroyed, leave_it, NULL), 0);
    WAIT_UNTIL(atomic_load(&destroyed) == 2);
    CU_ASSERT_EQUAL(tw_start_thread_soon(give_value, &value, NULL, NULL, NULL), 0);
    WAIT_UNTIL(atomic_load(&destroyed) == 3);
    cache_empty();
    CU_ASSERT_EQUAL(atomic_load(&destroyed), 3);
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR_SYSTEM, EIO, "no luck");
}

/* A failure without a delivery is reported as unhandled. */
TEST(a_failure_without_delivery_is_reported)
{
    cache_empty();
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(tw_start_thread_soon(fail, NULL, NULL, NULL, NULL), 0);
    cache_empty();
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);
}

/* --- signals and misuse ----------------------------------------------------------------------- */

static void note_mask(struct tw_result *result, void *arg)
{
    sigset_t open;
    (void)result;
    pthread_sigmask(SIG_SETMASK, NULL, (sigset_t *)arg);
    sigemptyset(&open);
    pthread_sigmask(SIG_SETMASK, &open, NULL);
}

/* All signals but the synchronous faults are blocked on the cache's threads, and are so again for
 * the next work when one has opened them. */
TEST(signals_are_blocked)
{
    struct chain last = {1, 0, 0};
    sigset_t masks[2];
    int i;
    cache_empty();
    for (i = 0; i < 2; i++) {
        atomic_store(&last.done, 0);
        last.left = 1;
        CU_ASSERT_EQUAL(tw_start_thread_soon(note_mask, &masks[i], NULL, chain_deliver, &last), 0);
        WAIT_UNTIL(atomic_load(&last.done));
        CU_ASSERT_TRUE(sigismember(&masks[i], SIGINT));
        CU_ASSERT_TRUE(sigismember(&masks[i], SIGTERM));
        CU_ASSERT_TRUE(sigismember(&masks[i], SIGCHLD));
        CU_ASSERT_FALSE(sigismember(&masks[i], SIGSEGV));
        CU_ASSERT_FALSE(sigismember(&masks[i], SIGFPE));
    }
    CU_ASSERT_EQUAL(cache_threads(), 1);
}

/* --- draining --------------------------------------------------------------------------------- */

static int tasks_of_the_process(void)
{
    DIR *folder = opendir("/proc/self/task");
    int count = 0;
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

/* Draining ends idle threads and waits until the system has none of them left; what is at work is
 * waited for; and the cache works on afterwards. */
TEST(drain_waits_for_the_real_end)
{
    struct course courses[5];
    size_t threads, i;
    int round, before;
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    before = tasks_of_the_process();
    for (round = 0; round < 10; round++) {
        for (i = 0; i < 5; i++)
            course_start(&courses[i], NULL);
        CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
        for (i = 0; i < 5; i++)
            CU_ASSERT_EQUAL(atomic_load(&courses[i].done), 1);
        tw_thread_cache_statistics(&threads, NULL);
        CU_ASSERT_EQUAL(threads, 0);
        CU_ASSERT_EQUAL(tasks_of_the_process(), before);
    }
}

/* It does not wait longer than it is told. */
TEST(drain_gives_up_in_time)
{
    struct course course;
    struct gate gate;
    gate_init(&gate);
    course_start(&course, &gate);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(0), -ETIMEDOUT);
    gate_open(&gate, 1);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    CU_ASSERT_EQUAL(atomic_load(&course.done), 1);
}

static void drain_here(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    PROVOKE_ERROR(tw_thread_cache_drain(TW_FOREVER), -EDEADLK);
}

/* A thread of the cache cannot wait for its own end. */
TEST(drain_on_its_own_thread_is_refused)
{
    CU_ASSERT_EQUAL(tw_start_thread_soon(drain_here, NULL, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    PROVOKE(tw_thread_cache_drain(-1));
}

/* Without work, and with a negative timeout, the call is misuse; the argument is consumed. */
TEST(misuse_is_refused)
{
    int count = 0;
    PROVOKE(tw_start_thread_soon(NULL, &count, count_destroy, NULL, NULL));
    CU_ASSERT_EQUAL(count, 1);
    PROVOKE(tw_thread_cache_set_idle_timeout(-1));
    tw_thread_cache_statistics(NULL, NULL);
}

/* Short of memory a start is refused with -ENOMEM, and the argument is consumed all the same. */
SWEEP(short_of_memory)
{
    int value = 0, rc;
    cache_empty();
    atomic_store(&destroyed, 0);
    rc = tw_start_thread_soon(give_value, &value, count_destroyed, leave_it, NULL);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    cache_empty();
    CU_ASSERT_EQUAL(atomic_load(&destroyed), rc < 0 ? 1 : 2);
}
