/*
 * Idle after work: no thread wakes up, and no processor time is used. Counted by the kernel, for each
 * thread: how often it has given up the processor or was taken off it.
 */
#include "on_libevent.h"
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

SUITE_WITH_THREADS("idle")

enum { JOBS = 200 };

static pthread_t loop_thread;
static sem_t done;
static int homes; /* the loop's */

/* The thread whose numbers are not counted: it waits for the time to pass. */
static long own_id(void)
{
    return (long)gettid();
}

static long switches_of(const char *id)
{
    char name[64], line[128];
    long sum = 0, number;
    FILE *file;
    snprintf(name, sizeof name, "/proc/self/task/%.16s/status", id);
    file = fopen(name, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &number) == 1)
            sum += number;
    if (file)
        fclose(file);
    return sum;
}

/* How often the other threads have gone to sleep since they began; -1: cannot be told here. */
static long switches(void)
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    long sum = folder ? 0 : -1;
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && atol(entry->d_name) != own_id())
            sum += switches_of(entry->d_name);
    if (folder)
        closedir(folder);
    return sum;
}

static int64_t processor_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * TW_SECOND + time.tv_nsec;
}

static void pass_time(int64_t duration)
{
    struct timespec left = {(time_t)(duration / TW_SECOND), (long)(duration % TW_SECOND)};
    while (nanosleep(&left, &left) < 0)
        ;
}

/* Whatever has to come to rest after work does so in a short time, in the long grade in a second. */
static void check_idle(void)
{
    long before, after;
    int64_t used;
    pass_time(harness_long() ? TW_SECOND : 100 * TW_MILLISECOND);
    before = switches();
    used = processor_time();
    pass_time(harness_long() ? 8 * TW_SECOND : 400 * TW_MILLISECOND);
    used = processor_time() - used;
    after = switches();
    CU_ASSERT_EQUAL(after - before, 0);
    CU_ASSERT(used < 5 * TW_MILLISECOND); /* what counting takes itself */
}

static void work(struct tw_result *result, void *arg)
{
    (void)arg;
    usleep(100);
    tw_result_set(result, NULL, NULL);
}

static void count_home(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (++homes == JOBS)
        sem_post(&done);
}

static void send_jobs(void *arg)
{
    int i;
    (void)arg;
    for (i = 0; i < JOBS; i++) {
        struct tw_deferred *deferred = NULL;
        CU_ASSERT_EQUAL_FATAL(tw_defer_to_thread(reactor, work, NULL, NULL, &deferred), 0);
        CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, count_home, NULL, NULL), 0);
        tw_deferred_unref(deferred);
    }
}

static void signal_nothing(int number, void *arg)
{
    (void)number;
    (void)arg;
}

/* Delayed calls that have run, and one that is far away; a signal that is watched. */
static void do_more(void *arg)
{
    struct tw_delayed_call *cancelled = NULL;
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, send_jobs, arg, NULL, NULL), 0);
    CU_ASSERT_EQUAL(
        tw_reactor_call_later(reactor, 300 * TW_MILLISECOND, send_jobs, arg, NULL, &cancelled), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(cancelled), 0);
    tw_delayed_call_unref(cancelled);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 3600 * TW_SECOND, send_jobs, arg, NULL, NULL),
                    0);
    CU_ASSERT_EQUAL(tw_reactor_watch_signal(reactor, SIGUSR1, signal_nothing, NULL, NULL, NULL), 0);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void *run(void *arg)
{
    int rc = base ? event_base_dispatch(base) : tw_reactor_run(reactor);
    (void)arg;
    CU_ASSERT(rc >= 0);
    return NULL;
}

static void call(tw_action_fn action)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, NULL, NULL), 0);
}

static void work_then_rest(void)
{
    homes = 0;
    sem_init(&done, 0, 0);
    call(do_more);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&loop_thread, NULL, run, NULL), 0);
    while (sem_wait(&done) < 0)
        ;
    check_idle();
    call(stop);
    pthread_join(loop_thread, NULL);
    sem_destroy(&done);
}

/* A reactor that has worked, and its pool, are silent; under run … */
TEST(idle_after_work)
{
    if (HARNESS_SANITIZED || switches() < 0) /* a sanitizer has a thread of its own */
        return;
    own();
    work_then_rest();
    reactor = tw_reactor_unref(reactor);
}

/* … and under the user's own dispatch. */
TEST(idle_after_work_under_the_users_loop)
{
    if (HARNESS_SANITIZED || switches() < 0) /* a sanitizer has a thread of its own */
        return;
    adopt();
    work_then_rest();
    drop_both();
}
