/*
 * The pool written by hand (by_hand.h), as a peer.
 */
#include "by_hand.h"
#include "peer.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct {
    long to_send, to_come; /* the loop's thread */
    struct hand_pool *pool;
} course;

static void nothing(void *arg)
{
    (void)arg;
}

static void count_home(void)
{
    if (--course.to_come == 0)
        event_base_loopbreak(hand_pool_base(course.pool));
}

static void home(void *arg)
{
    (void)arg;
    if (course.to_send > 0) {
        course.to_send--;
        hand_pool_submit(course.pool, nothing, home, NULL);
    }
    count_home();
}

static uint64_t run_loop(uint64_t began)
{
    event_base_loop(hand_pool_base(course.pool), EVLOOP_NO_EXIT_ON_EMPTY);
    return bench_now() - began;
}

/* Its threads are all there from the start, and idle when there is one job at a time. */
static uint64_t trips(const struct course *is)
{
    uint64_t began;
    long i;
    course.to_send = is->jobs - is->in_flight;
    course.to_come = is->jobs;
    course.pool = hand_pool_new(is->threads);
    began = bench_now();
    for (i = 0; i < is->in_flight; i++)
        hand_pool_submit(course.pool, nothing, home, NULL);
    began = run_loop(began);
    hand_pool_free(course.pool);
    return began;
}

static atomic_long done;

static void count_done(void *arg)
{
    (void)arg;
    atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

static uint64_t alone(const struct course *is)
{
    uint64_t began;
    long i;
    course.pool = hand_pool_new(is->threads);
    atomic_store(&done, 0);
    began = bench_now();
    for (i = 0; i < is->jobs; i++)
        hand_pool_submit(course.pool, count_done, NULL, NULL);
    hand_pool_free(course.pool); /* works off what is queued, and joins */
    began = bench_now() - began;
    bench_must(atomic_load(&done) == is->jobs ? 0 : -EIO, "every job counted");
    return began;
}

static void count_call(void *arg)
{
    (void)arg;
    count_home();
}

static void *produce(void *arg)
{
    long i;
    for (i = 0; i < *(long *)arg; i++)
        hand_pool_call(course.pool, count_call, NULL);
    return NULL;
}

static uint64_t calls(const struct course *is)
{
    pthread_t *threads = (pthread_t *)calloc((size_t)is->threads, sizeof *threads);
    long each = is->jobs / is->threads;
    uint64_t began;
    int i;
    bench_must(threads ? 0 : -ENOMEM, "threads");
    course.to_come = each * is->threads;
    course.pool = hand_pool_new(0);
    began = bench_now();
    for (i = 0; i < is->threads; i++)
        bench_must(-pthread_create(&threads[i], NULL, produce, &each), "pthread_create");
    began = run_loop(began);
    for (i = 0; i < is->threads; i++)
        pthread_join(threads[i], NULL);
    hand_pool_free(course.pool);
    free(threads);
    return began;
}

const struct peer peer_by_hand = {"by hand", trips, NULL, alone, trips, calls};
