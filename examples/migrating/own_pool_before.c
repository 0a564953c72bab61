/*
 * A pool as it is often written by hand on libevent: a mutex, a condition, a list each way, and a
 * pipe to wake the loop. It counts primes. own_pool.c is the same with twine, and
 * doc/migrating/own_pool.md shows both.
 */
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 3
#define JOBS 6

/* snippet: job */
struct job {
    struct job *next;
    unsigned below, primes;
};
/* end */

/* snippet: pool */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct job *todo, *done;
    int quit;
    int wake[2];
    pthread_t threads[THREADS];
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER};
/* end */

static struct event_base *base;
static struct job jobs[JOBS];
static int left = JOBS;

/* snippet: work */
static void work(struct job *job)
{
    unsigned i, j;
    for (i = 2; i < job->below; i++) {
        for (j = 2; j * j <= i && i % j; j++)
            ;
        job->primes += j * j > i;
    }
}
/* end */

/* snippet: thread */
static void *thread_main(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&pool.mutex);
    for (;;) {
        struct job *job;
        while (!pool.todo && !pool.quit)
            pthread_cond_wait(&pool.wanted, &pool.mutex);
        job = pool.todo;
        if (!job)
            break;
        pool.todo = job->next;
        pthread_mutex_unlock(&pool.mutex);
        work(job);
        pthread_mutex_lock(&pool.mutex);
        job->next = pool.done;
        pool.done = job;
        if (write(pool.wake[1], "", 1) != 1)
            abort();
    }
    pthread_mutex_unlock(&pool.mutex);
    return NULL;
}
/* end */

/* snippet: home */
static void done(struct job *job)
{
    (void)job;
    if (--left == 0)
        event_base_loopbreak(base);
}

static void come_home(evutil_socket_t fd, short what, void *arg)
{
    struct job *job;
    char byte;
    (void)what;
    (void)arg;
    if (read(fd, &byte, 1) != 1)
        return;
    pthread_mutex_lock(&pool.mutex);
    job = pool.done;
    pool.done = NULL;
    pthread_mutex_unlock(&pool.mutex);
    while (job) {
        struct job *next = job->next;
        done(job);
        job = next;
    }
}
/* end */

/* snippet: submit */
static void submit(struct job *job)
{
    pthread_mutex_lock(&pool.mutex);
    job->next = pool.todo;
    pool.todo = job;
    pthread_cond_signal(&pool.wanted);
    pthread_mutex_unlock(&pool.mutex);
}
/* end */

static int start(struct event **ret_event)
{
    int i;
    base = event_base_new();
    if (!base || pipe(pool.wake) < 0)
        return -1;
    *ret_event = event_new(base, pool.wake[0], EV_READ | EV_PERSIST, come_home, NULL);
    if (!*ret_event || event_add(*ret_event, NULL) < 0)
        return -1;
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&pool.threads[i], NULL, thread_main, NULL) != 0)
            return -1;
    return 0;
}

/* snippet: stop */
static void stop(void)
{
    int i;
    pthread_mutex_lock(&pool.mutex);
    pool.quit = 1;
    pthread_cond_broadcast(&pool.wanted);
    pthread_mutex_unlock(&pool.mutex);
    for (i = 0; i < THREADS; i++)
        pthread_join(pool.threads[i], NULL);
}
/* end */

int main(void)
{
    struct event *event = NULL;
    unsigned i;
    if (start(&event) < 0)
        return 1;
    for (i = 0; i < JOBS; i++) {
        jobs[i].below = (i + 1) * 1000;
        submit(&jobs[i]);
    }
    event_base_dispatch(base);
    stop();
    for (i = 0; i < JOBS; i++)
        printf("below %u: %u\n", jobs[i].below, jobs[i].primes);
    event_free(event);
    event_base_free(base);
    return 0;
}
