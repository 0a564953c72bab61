/*
 * The thread cache: how its threads end, by a drain or with the process.
 */
#include "course.h"
#include "entries.h"
#include <sys/wait.h>
#include <unistd.h>

SUITE_WITH_THREADS("thread cache, ends")

/* --- draining --------------------------------------------------------------------------------- */

static pthread_key_t key;
static atomic_int marked, ended;

/* The last thing that a thread does of its own, and not a quick one. */
static void note_end(void *arg)
{
    int i;
    (void)arg;
    for (i = 0; i < 100; i++)
        sched_yield();
    atomic_fetch_add(&ended, 1);
}

static void mark_thread(struct tw_result *result, void *arg)
{
    if (!pthread_getspecific(key) && pthread_setspecific(key, &key) == 0)
        atomic_fetch_add(&marked, 1);
    course_work(result, arg);
}

/* Draining ends idle threads and waits until each has ended, as pthread_join() says; the system's list
 * follows. What is at work is waited for; and the cache works on afterwards. */
TEST(drain_waits_for_the_real_end)
{
    struct course courses[5];
    size_t threads, i, before;
    int round;
    CU_ASSERT_EQUAL_FATAL(pthread_key_create(&key, note_end), 0);
    course_start(&courses[0], NULL); /* the first makes a sanitizer start its own */
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    before = entries_of(THREADS_HELD);
    for (round = 0; round < 10; round++) {
        for (i = 0; i < 5; i++)
            course_start_as(&courses[i], mark_thread, NULL, NULL);
        CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
        CU_ASSERT_TRUE(atomic_load(&marked) > round);
        CU_ASSERT_EQUAL(atomic_load(&ended), atomic_load(&marked));
        for (i = 0; i < 5; i++)
            CU_ASSERT_EQUAL(atomic_load(&courses[i].done), 1);
        tw_thread_cache_statistics(&threads, NULL);
        CU_ASSERT_EQUAL(threads, 0);
        CU_ASSERT_TRUE(comes_down_to(THREADS_HELD, before));
    }
    pthread_key_delete(key);
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
    CU_ASSERT_EQUAL(tw_start_thread_soon(drain_here, NULL, NULL, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    PROVOKE(tw_thread_cache_drain(-1));
}

static atomic_int drained, refused;

static void leave_as_it_is(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void drain_often(struct person *person)
{
    int i, rc;
    for (i = 0; i < 500; i++) {
        if (person->index == 0)
            tw_start_thread_soon(leave_as_it_is, NULL, NULL, NULL, NULL, NULL);
        rc = tw_thread_cache_drain(TW_FOREVER);
        if (rc == 0)
            atomic_fetch_add(&drained, 1);
        else if (rc == -EBUSY)
            atomic_fetch_add(&refused, 1);
    }
}

/* One drains at a time, and the next can as soon as one is through: what they wait by is the one's
 * until then, and the next's from then on. */
TEST(drains_in_turn)
{
    atomic_store(&drained, 0);
    atomic_store(&refused, 0);
    crowd_run(3, harness_seed(), drain_often, NULL);
    CU_ASSERT_TRUE(atomic_load(&drained) > 0);
    CU_ASSERT_EQUAL(atomic_load(&drained) + atomic_load(&refused), 1500);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
}

/* --- the end of the process ------------------------------------------------------------------- */

#define CHILD "TWINE_TEST_ENDS_AT_WORK"

/* In the program below: work that never ends, and the return from main. */
static void work_for_ever(void)
{
    static struct gate gate;
    static struct course course;
    gate_init(&gate);
    course_start(&course, &gate);
    WAIT_UNTIL(atomic_load(&gate.waiting));
}

static void become_program(void)
{
    setenv(CHILD, "1", 1);
    alarm(60); /* not for ever */
    if (freopen("/dev/null", "w", stdout))
        execl("/proc/self/exe", "test", "work_does_not_keep_the_process_alive", (char *)NULL);
    _exit(99);
}

/* R15: the cache's threads do not keep the process alive: a program that returns from main while
 * one of them works has ended, as it said. (The program is this very test, once more.) */
TEST(work_does_not_keep_the_process_alive)
{
    int status = -1;
    pid_t child;
    if (getenv(CHILD)) {
        work_for_ever();
        return;
    }
    child = fork();
    if (child == 0)
        become_program();
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}
