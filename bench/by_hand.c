/*
 * The hand-written pool: jobs signalled under one mutex, results in a list with one wake-up while
 * it is not empty.
 */
#include "by_hand.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    struct job *next;
    void (*work)(void *arg);
    void (*home)(void *arg);
    void *arg;
};

struct list {
    struct job *first, **last;
};

struct hand_pool {
    struct event_base *base;
    struct event *woken;
    int fd, count;
    pthread_t *threads;
    pthread_mutex_t lock; /* of the jobs */
    pthread_cond_t more;
    struct list jobs;
    bool must_end;
    pthread_mutex_t results_lock;
    struct list results;
};

static void *must(void *made)
{
    if (!made)
        abort();
    return made;
}

static void append(struct list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static void empty(struct list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void send_home(struct hand_pool *pool, struct job *job)
{
    static const uint64_t one = 1;
    bool was_empty;
    pthread_mutex_lock(&pool->results_lock);
    was_empty = !pool->results.first;
    append(&pool->results, job);
    pthread_mutex_unlock(&pool->results_lock);
    if (was_empty && write(pool->fd, &one, sizeof one) < 0)
        abort();
}

static void *work(void *arg)
{
    struct hand_pool *pool = (struct hand_pool *)arg;
    struct job *job;
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        while (!pool->jobs.first && !pool->must_end)
            pthread_cond_wait(&pool->more, &pool->lock);
        job = pool->jobs.first;
        if (job && !(pool->jobs.first = job->next))
            pool->jobs.last = &pool->jobs.first;
        pthread_mutex_unlock(&pool->lock);
        if (!job)
            return NULL;
        job->work(job->arg);
        if (job->home)
            send_home(pool, job);
        else
            free(job);
    }
}

static void on_woken(evutil_socket_t fd, short what, void *arg)
{
    struct hand_pool *pool = (struct hand_pool *)arg;
    struct job *job, *next;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof count) < 0)
        return;
    pthread_mutex_lock(&pool->results_lock);
    job = pool->results.first;
    empty(&pool->results);
    pthread_mutex_unlock(&pool->results_lock);
    for (; job; job = next) {
        next = job->next;
        job->home(job->arg);
        free(job);
    }
}

static struct job *new_job(void (*work_fn)(void *), void (*home)(void *), void *arg)
{
    struct job *job = (struct job *)must(malloc(sizeof *job));
    job->work = work_fn;
    job->home = home;
    job->arg = arg;
    return job;
}

void hand_pool_submit(struct hand_pool *pool, void (*work_fn)(void *arg), void (*home)(void *arg),
                      void *arg)
{
    struct job *job = new_job(work_fn, home, arg);
    pthread_mutex_lock(&pool->lock);
    append(&pool->jobs, job);
    pthread_cond_signal(&pool->more);
    pthread_mutex_unlock(&pool->lock);
}

void hand_pool_call(struct hand_pool *pool, void (*home)(void *arg), void *arg)
{
    send_home(pool, new_job(NULL, home, arg));
}

struct event_base *hand_pool_base(struct hand_pool *pool)
{
    return pool->base;
}

struct hand_pool *hand_pool_new(int threads)
{
    struct hand_pool *pool = (struct hand_pool *)must(calloc(1, sizeof *pool));
    int i;
    pool->base = (struct event_base *)must(event_base_new());
    pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->woken =
        (struct event *)must(event_new(pool->base, pool->fd, EV_READ | EV_PERSIST, on_woken, pool));
    if (pool->fd < 0 || event_add(pool->woken, NULL) < 0)
        abort();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_init(&pool->results_lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    empty(&pool->jobs);
    empty(&pool->results);
    pool->count = threads;
    pool->threads = (pthread_t *)must(calloc((size_t)threads + 1, sizeof *pool->threads));
    for (i = 0; i < threads; i++)
        if (pthread_create(&pool->threads[i], NULL, work, pool))
            abort();
    return pool;
}

void hand_pool_free(struct hand_pool *pool)
{
    int i;
    pthread_mutex_lock(&pool->lock);
    pool->must_end = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    event_free(pool->woken);
    event_base_free(pool->base);
    close(pool->fd);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->results_lock);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
