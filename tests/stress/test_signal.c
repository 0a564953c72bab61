/*
 * Signals and several loops, each on a thread of its own.
 */
#include "../harness.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

SUITE_WITH_THREADS("signals and loops")

enum { LOOPS = 4, ROUNDS = 500 };

static struct loop {
    pthread_t thread;
    struct tw_reactor *reactor;
    atomic_int told, wrong;
} loops[LOOPS];

static sem_t ready, heard;

static void hear(int number, void *arg)
{
    struct loop *loop = (struct loop *)arg;
    atomic_fetch_add(&loop->told, 1);
    atomic_fetch_add(&loop->wrong, number != SIGUSR1 || !tw_reactor_is_in_thread(loop->reactor));
    sem_post(&heard);
}

static void say_ready(void *arg)
{
    (void)arg;
    sem_post(&ready);
}

static void stop(void *reactor)
{
    tw_reactor_stop((struct tw_reactor *)reactor);
}

static void *run_loop(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    if (tw_reactor_new(NULL, &loop->reactor) < 0 ||
        tw_reactor_watch_signal(loop->reactor, SIGUSR1, hear, loop, NULL, NULL) < 0 ||
        tw_reactor_call_when_running(loop->reactor, say_ready, NULL, NULL, NULL) < 0 ||
        tw_reactor_run(loop->reactor) < 0)
        abort();
    tw_reactor_unref(loop->reactor);
    return NULL;
}

/* Each of several loops is told of every signal, on its own thread: none is lost to another. */
TEST(every_loop_is_told)
{
    int i, round;
    sem_init(&ready, 0, 0);
    sem_init(&heard, 0, 0);
    for (i = 0; i < LOOPS; i++) {
        atomic_store(&loops[i].told, 0);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
    }
    for (i = 0; i < LOOPS; i++)
        sem_wait(&ready);
    for (round = 0; round < ROUNDS; round++) {
        CU_ASSERT_EQUAL(kill(getpid(), SIGUSR1), 0);
        for (i = 0; i < LOOPS; i++)
            while (sem_wait(&heard) < 0)
                ;
    }
    for (i = 0; i < LOOPS; i++) {
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(loops[i].reactor, stop, loops[i].reactor, NULL),
                        0);
        pthread_join(loops[i].thread, NULL);
        CU_ASSERT_EQUAL(atomic_load(&loops[i].told), ROUNDS);
        CU_ASSERT_EQUAL(atomic_load(&loops[i].wrong), 0);
    }
    sem_destroy(&ready);
    sem_destroy(&heard);
}

static atomic_bool is_over;

static void *raise_all_the_time(void *arg)
{
    while (!atomic_load(&is_over)) {
        kill(getpid(), SIGUSR1);
        usleep(50); /* a storm, not a blockade */
    }
    return arg;
}

static void *come_and_go(void *arg)
{
    int i;
    for (i = 0; i < ROUNDS / 5; i++) {
        struct loop loop;
        atomic_init(&loop.told, 0);
        atomic_init(&loop.wrong, 0);
        if (tw_reactor_new(NULL, &loop.reactor) < 0 ||
            tw_reactor_watch_signal(loop.reactor, SIGUSR1, hear, &loop, NULL, NULL) < 0)
            abort();
        while (atomic_load(&loop.told) == 0)
            if (tw_reactor_iterate(loop.reactor, TW_FOREVER) < 0)
                abort();
        tw_reactor_unref(loop.reactor);
    }
    return arg;
}

/* Reactors that watch come and go in a storm of signals: nothing of one that has gone is touched. */
TEST(loops_come_and_go_in_a_storm)
{
    pthread_t storm, threads[LOOPS];
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    int i;
    sem_init(&heard, 0, 0);
    atomic_store(&is_over, false);
    CU_ASSERT_EQUAL(sigaction(SIGUSR1, &ignore, &before), 0); /* between two watches */
    CU_ASSERT_EQUAL_FATAL(pthread_create(&storm, NULL, raise_all_the_time, NULL), 0);
    for (i = 0; i < LOOPS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&is_over, true);
    pthread_join(storm, NULL);
    CU_ASSERT_EQUAL(sigaction(SIGUSR1, &before, &ignore), 0);
    CU_ASSERT(ignore.sa_handler == SIG_IGN);
    sem_destroy(&heard);
}
