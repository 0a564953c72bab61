/*
 * The thread cache: work on threads of its own, and which thread gets it.
 */
#include "course.h"
#include <signal.h>
#include <twine/base/here_internal.h>
#include <unistd.h>

SUITE_WITH_THREADS("thread cache")

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

/* --- stack sizes ------------------------------------------------------------------------------ */

static const size_t stack_sizes[] = {0, 256 * 1024, 512 * 1024, 1024 * 1024};

static void course_start_sized(struct course *course, struct gate *gate, size_t stack_size)
{
    struct tw_start_thread_options options = {sizeof options, NULL, stack_size};
    course_start_with(course, gate, &options);
}

/* R15: each stack size has idle threads of its own, and of each the last idle is taken first; no
 * thread is made while one of the size idles. */
TEST(each_stack_size_has_its_own_idle_threads)
{
    struct course courses[4][2], again[4];
    struct gate gates[4][2];
    size_t i, k;
    cache_empty();
    for (i = 0; i < 4; i++)
        for (k = 0; k < 2; k++) {
            gate_init(&gates[i][k]);
            course_start_sized(&courses[i][k], &gates[i][k], stack_sizes[i]);
        }
    for (k = 2; k-- > 0;) /* the first of each size becomes idle last */
        for (i = 0; i < 4; i++) {
            size_t before = cache_idle();
            gate_open(&gates[i][k], 1);
            WAIT_UNTIL(cache_idle() == before + 1);
        }
    CU_ASSERT_EQUAL(cache_threads(), 8);
    for (i = 0; i < 4; i++)
        course_start_sized(&again[i], NULL, stack_sizes[3 - i]);
    for (i = 0; i < 4; i++) {
        WAIT_UNTIL(atomic_load(&again[i].done));
        CU_ASSERT_PTR_EQUAL(again[i].work_on, courses[3 - i][0].work_on);
    }
    CU_ASSERT_EQUAL(cache_threads(), 8);
    cache_empty();
}

static void note_stack_size(struct tw_result *result, void *arg)
{
    pthread_attr_t attributes;
    (void)result;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, (size_t *)arg);
    pthread_attr_destroy(&attributes);
}

/* The thread has the stack asked for. One that the system refuses is -EINVAL, which leaves nothing
 * behind, and the argument is consumed; and the next start is as ever. */
TEST(a_stack_size_is_had_or_refused)
{
    struct tw_start_thread_options options = {sizeof options, NULL, 16 << 20};
    size_t stack_size = 0;
    int count = 0;
    cache_empty();
    CU_ASSERT_EQUAL(tw_start_thread_soon(note_stack_size, &stack_size, NULL, NULL, NULL, &options),
                    0);
    cache_empty();
    CU_ASSERT_TRUE(stack_size >= 16 << 20);
    options.stack_size = 1;
    CU_ASSERT_EQUAL(
        tw_start_thread_soon(note_stack_size, &count, count_destroy, NULL, NULL, &options),
        -EINVAL);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(cache_threads(), 0);
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
    else if (tw_start_thread_soon(chain_work, NULL, NULL, chain_deliver, chain, NULL) < 0)
        atomic_store(&chain->done, -1);
}

/* R14: a thread counts as idle before it delivers, so a delivery that starts the next work never
 * makes a second thread. */
TEST(a_delivery_that_starts_the_next_makes_no_second_thread)
{
    struct chain chain = {1000, 0, 0};
    cache_empty();
    CU_ASSERT_EQUAL(tw_start_thread_soon(chain_work, NULL, NULL, chain_deliver, &chain, NULL), 0);
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
    struct tw_start_thread_options options = {sizeof options, "many", 0};
    atomic_int *count = (atomic_int *)person->arg;
    int i;
    for (i = 0; i < 300; i++) {
        options.stack_size = stack_sizes[below(&person->random, 4)];
        while (tw_start_thread_soon(count_up, count, NULL, count_up, count, &options) < 0)
            sched_yield();
        if (below(&person->random, 3) == 0)
            sched_yield();
    }
}

/* R15: work handed over in the moment a thread expires is not lost: with threads of several stack
 * sizes that expire at once, each work and each delivery happens once. */
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
    CU_ASSERT_EQUAL(tw_start_thread_soon(give_value, &value, count_destroyed, leave_it, NULL, NULL),
                    0);
    WAIT_UNTIL(atomic_load(&destroyed) == 2);
    CU_ASSERT_EQUAL(tw_start_thread_soon(give_value, &value, NULL, NULL, NULL, NULL), 0);
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
    CU_ASSERT_EQUAL(tw_start_thread_soon(fail, NULL, NULL, NULL, NULL, NULL), 0);
    cache_empty();
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);
}

/* --- what a job leaves behind ----------------------------------------------------------------- */

/* What a job finds on its thread, and then spoils. */
struct found {
    sigset_t mask;
    char name[16];
    int error;
    struct tw__here here;
};

static void name_of(pid_t thread, char *ret_name)
{
    char path[64];
    FILE *file;
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)thread);
    ret_name[0] = '\0';
    if ((file = fopen(path, "r"))) {
        if (fscanf(file, "%15[^\n]", ret_name) != 1)
            ret_name[0] = '\0';
        fclose(file);
    }
}

static atomic_int thread_number;

static void find_and_spoil(struct tw_result *result, void *arg)
{
    struct found *found = (struct found *)arg;
    sigset_t open;
    (void)result;
    found->error = errno;
    found->here = tw__here;
    atomic_store(&thread_number, (int)gettid());
    pthread_getname_np(pthread_self(), found->name, sizeof found->name);
    pthread_sigmask(SIG_SETMASK, NULL, &found->mask);
    sigemptyset(&open);
    pthread_sigmask(SIG_SETMASK, &open, NULL);
    pthread_setname_np(pthread_self(), "spoiled");
    errno = EXDEV;
}

static void check_found(const struct found *found, const char *name)
{
    static const struct tw__here nothing;
    CU_ASSERT_TRUE(sigismember(&found->mask, SIGINT));
    CU_ASSERT_TRUE(sigismember(&found->mask, SIGTERM));
    CU_ASSERT_TRUE(sigismember(&found->mask, SIGCHLD));
    CU_ASSERT_FALSE(sigismember(&found->mask, SIGSEGV));
    CU_ASSERT_FALSE(sigismember(&found->mask, SIGFPE));
    CU_ASSERT_STRING_EQUAL(found->name, name);
    CU_ASSERT_EQUAL(found->error, 0);
    CU_ASSERT_EQUAL(memcmp(&found->here, &nothing, sizeof nothing), 0);
}

/* R15: all signals but the synchronous faults are blocked on the cache's threads; the thread has
 * the name of its work, 15 bytes of the label, and is "twine idle" in between; and nothing that one
 * job makes of mask, name or errno is found by the next on the same thread. */
TEST(nothing_of_a_job_is_left_on_its_thread)
{
    struct tw_start_thread_options options = {sizeof options, "resize 640x480 of 7.png", 0};
    const struct tw_start_thread_options *given[3] = {NULL, &options, NULL};
    const char *names[3] = {"twine soon", "resize 640x480 ", "twine soon"};
    struct chain last = {0, 0, 0};
    struct found found[3];
    char name[16];
    int i;
    cache_empty();
    for (i = 0; i < 3; i++) {
        atomic_store(&last.done, 0);
        last.left = 1;
        CU_ASSERT_EQUAL(
            tw_start_thread_soon(find_and_spoil, &found[i], NULL, chain_deliver, &last, given[i]),
            0);
        WAIT_UNTIL(atomic_load(&last.done));
        check_found(&found[i], names[i]);
        do
            name_of((pid_t)atomic_load(&thread_number), name);
        while (strcmp(name, "twine idle") != 0);
    }
    CU_ASSERT_EQUAL(cache_threads(), 1);
}

/* The argument has gone before the thread counts as idle: while it is being destroyed there is no
 * idle thread. */
static void note_idle(void *arg)
{
    *(size_t *)arg = cache_idle();
}

TEST(the_argument_goes_before_the_thread_is_idle)
{
    size_t idle = 99;
    cache_empty();
    CU_ASSERT_EQUAL(tw_start_thread_soon(leave_it, &idle, note_idle, NULL, NULL, NULL), 0);
    cache_empty();
    CU_ASSERT_EQUAL(idle, 0);
}

/* --- misuse, and no memory --------------------------------------------------------------------- */

/* Without work, with options of no size, and with a negative timeout, the call is misuse; the
 * argument is consumed. */
TEST(misuse_is_refused)
{
    const struct tw_start_thread_options unsized = {0, NULL, 0};
    int count = 0;
    PROVOKE(tw_start_thread_soon(NULL, &count, count_destroy, NULL, NULL, NULL));
    CU_ASSERT_EQUAL(count, 1);
    PROVOKE(tw_start_thread_soon(leave_it, &count, count_destroy, NULL, NULL, &unsized));
    CU_ASSERT_EQUAL(count, 2);
    PROVOKE(tw_thread_cache_set_idle_timeout(-1));
    tw_thread_cache_statistics(NULL, NULL);
}

/* Short of memory a start is refused with -ENOMEM, and the argument is consumed all the same. */
SWEEP(short_of_memory)
{
    struct tw_start_thread_options options = {sizeof options, NULL, stack_sizes[1]};
    int value = 0, rc;
    cache_empty();
    atomic_store(&destroyed, 0);
    rc = tw_start_thread_soon(give_value, &value, count_destroyed, leave_it, NULL, &options);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    cache_empty();
    CU_ASSERT_EQUAL(atomic_load(&destroyed), rc < 0 ? 1 : 2);
}
