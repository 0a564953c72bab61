/*
 * For the tests with real threads: tasks that count atomically, threads that start together, and
 * waiting without sleeping.
 *
 * CUnit's assertions are for the main thread: others note what they see, and main looks at it.
 */
#ifndef TWINE_TESTS_STRESS_CROWD_H
#define TWINE_TESTS_STRESS_CROWD_H

#include "../harness.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#define WAIT_UNTIL(condition) \
    do {                      \
        while (!(condition))  \
            sched_yield();    \
    } while (0)

/* --- tasks ------------------------------------------------------------------------------------ */

struct job {
    struct tw_task task;
    atomic_int calls, status;
    void (*then)(struct job *); /* what it does besides when performed, or NULL */
    void *arg;                  /* for then */
};

/* The count comes last: who sees it may use the job again. */
static inline void job_fn(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    atomic_store(&job->status, status);
    if (job->then && status == 0)
        job->then(job);
    atomic_fetch_add(&job->calls, 1);
}

static inline void job_init(struct job *job, void (*then)(struct job *), void *arg)
{
    tw_task_init(&job->task, job_fn);
    atomic_init(&job->calls, 0);
    atomic_init(&job->status, 1);
    job->then = then;
    job->arg = arg;
}

static inline void jobs_init(struct job *jobs, size_t count, void (*then)(struct job *), void *arg)
{
    size_t i;
    for (i = 0; i < count; i++)
        job_init(&jobs[i], then, arg);
}

#define WAIT_FOR(job) WAIT_UNTIL(atomic_load(&(job)->calls) > 0)
#define CHECK_JOB(job, expected)                                  \
    do {                                                          \
        CU_ASSERT_EQUAL(atomic_load(&(job)->calls), 1);           \
        CU_ASSERT_EQUAL(atomic_load(&(job)->status), (expected)); \
    } while (0)

/* A gate that jobs wait at until main opens it, once for each. */
struct gate {
    atomic_int waiting;
    sem_t open;
};

static inline void gate_init(struct gate *gate)
{
    atomic_init(&gate->waiting, 0);
    sem_init(&gate->open, 0, 0);
}

static inline void gate_wait(struct gate *gate)
{
    atomic_fetch_add(&gate->waiting, 1);
    while (sem_wait(&gate->open) != 0)
        ;
}

static inline void gate_open(struct gate *gate, int count)
{
    while (count-- > 0)
        sem_post(&gate->open);
}

static inline void wait_at_gate(struct job *job)
{
    gate_wait((struct gate *)job->arg);
}

/* --- threads ---------------------------------------------------------------------------------- */

#define MAX_CROWD 16

struct person {
    pthread_t thread;
    size_t index;
    uint64_t random;
    void (*fn)(struct person *);
    void *arg;
    pthread_barrier_t *start;
};

static inline void *person_main(void *arg)
{
    struct person *person = (struct person *)arg;
    pthread_barrier_wait(person->start);
    person->fn(person);
    return NULL;
}

/* Run a function on so many threads at once, and wait until all have returned. */
static inline void crowd_run(size_t count, uint64_t seed, void (*fn)(struct person *), void *arg)
{
    struct person people[MAX_CROWD];
    pthread_barrier_t start;
    size_t i;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (i = 0; i < count; i++) {
        people[i].index = i;
        people[i].random = seed + i;
        people[i].fn = fn;
        people[i].arg = arg;
        people[i].start = &start;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&people[i].thread, NULL, person_main, &people[i]), 0);
    }
    for (i = 0; i < count; i++)
        pthread_join(people[i].thread, NULL);
    pthread_barrier_destroy(&start);
}

static inline size_t below(uint64_t *random, size_t bound)
{
    return (size_t)(harness_random(random) % bound);
}

/* --- the thread cache ------------------------------------------------------------------------- */

static inline size_t cache_threads(void)
{
    size_t threads = 0;
    tw_thread_cache_statistics(&threads, NULL);
    return threads;
}

static inline size_t cache_idle(void)
{
    size_t idle = 0;
    tw_thread_cache_statistics(NULL, &idle);
    return idle;
}

/* End all threads, and let those to come live on. */
static inline void cache_empty(void)
{
    CU_ASSERT_EQUAL(tw_thread_cache_set_idle_timeout(0), 0);
    WAIT_UNTIL(cache_threads() == 0);
    CU_ASSERT_EQUAL(tw_thread_cache_set_idle_timeout(TW_FOREVER), 0);
}

/* Says on which thread one is. */
static inline void *this_thread(void)
{
    static _Thread_local char mark;
    return &mark;
}

#endif
