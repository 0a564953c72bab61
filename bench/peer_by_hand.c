/*
 * The pool written by hand (by_hand.h), as a peer.
 */
#include "by_hand.h"
#include "peer.h"

#include <errno.h>
#include <event2/event.h>

static struct {
    long to_send, to_come; /* the loop's thread */
    struct hand_pool *pool;
} course;

static void work(void *arg)
{
    (void)arg;
    bench_work();
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
        hand_pool_submit(course.pool, work, home, NULL);
    }
    count_home();
}

static void run_loop(void)
{
    event_base_loop(hand_pool_base(course.pool), EVLOOP_NO_EXIT_ON_EMPTY);
    bench_must(course.to_come == 0 ? 0 : -EIO, "every job home");
}

/* Its threads are all there from the start, and idle when there is one job at a time. */
static void trips(const struct course *is)
{
    long i;
    course.to_send = is->jobs - is->in_flight;
    course.to_come = is->jobs;
    course.pool = hand_pool_new(is->threads);
    bench_begin();
    for (i = 0; i < is->in_flight; i++)
        hand_pool_submit(course.pool, work, home, NULL);
    bench_queued();
    run_loop();
    bench_end();
    hand_pool_free(course.pool);
}

static void count_done(void *arg)
{
    (void)arg;
    bench_one_done();
}

static void alone(const struct course *is)
{
    long i;
    course.pool = hand_pool_new(is->threads);
    bench_expect(is->jobs);
    bench_begin();
    for (i = 0; i < is->jobs; i++)
        hand_pool_submit(course.pool, count_done, NULL, NULL);
    bench_wait_done();
    bench_end();
    hand_pool_free(course.pool);
}

static void count_call(void *arg)
{
    (void)arg;
    count_home();
}

static void *produce(void *each)
{
    long i;
    for (i = 0; i < *(long *)each; i++)
        hand_pool_call(course.pool, count_call, NULL);
    return NULL;
}

static void calls(const struct course *is)
{
    course.to_come = is->jobs;
    course.pool = hand_pool_new(0);
    bench_produce(is->threads, produce, is->jobs / is->threads, run_loop);
    hand_pool_free(course.pool);
}

const struct peer peer_by_hand = {
    .name = "by hand",
    .runs = {[TRIPS] = trips, [ALONE] = alone, [IDLE] = trips, [CALLS] = calls},
};
