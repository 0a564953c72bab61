/*
 * APR's thread pool, as a peer; its jobs go home through the list and eventfd of by_hand.h, since it
 * has no loop of its own.
 */
#include "by_hand.h"
#include "peer.h"

#include <apr_general.h>
#include <apr_thread_pool.h>
#include <errno.h>
#include <event2/event.h>

static struct {
    long to_send, to_come; /* the loop's thread */
    apr_pool_t *memory;
    apr_thread_pool_t *pool;
    struct hand_pool *loop;
} course;

static void must(apr_status_t status)
{
    bench_must(status == APR_SUCCESS ? 0 : -EIO, "APR");
}

static void open_pool(int threads)
{
    must(apr_initialize());
    must(apr_pool_create(&course.memory, NULL));
    must(apr_thread_pool_create(&course.pool, (apr_size_t)threads, (apr_size_t)threads,
                                course.memory));
    apr_thread_pool_idle_max_set(course.pool, (apr_size_t)threads);
}

static void close_pool(void)
{
    must(apr_thread_pool_destroy(course.pool));
    apr_pool_destroy(course.memory);
    apr_terminate();
}

static void home(void *arg);

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *arg)
{
    (void)thread;
    bench_work();
    hand_pool_call(course.loop, home, arg);
    return NULL;
}

/* At the front: apr_thread_pool_push() walks past all that is queued, which for a long queue is what
 * would be measured. */
static void submit(apr_thread_start_t fn)
{
    must(apr_thread_pool_top(course.pool, fn, NULL, APR_THREAD_TASK_PRIORITY_NORMAL, NULL));
}

static void home(void *arg)
{
    (void)arg;
    if (course.to_send > 0) {
        course.to_send--;
        submit(work);
    }
    if (--course.to_come == 0)
        event_base_loopbreak(hand_pool_base(course.loop));
}

static void trips(const struct course *is)
{
    long i;
    course.to_send = is->jobs - is->in_flight;
    course.to_come = is->jobs;
    course.loop = hand_pool_new(0);
    open_pool(is->threads);
    bench_begin();
    for (i = 0; i < is->in_flight; i++)
        submit(work);
    bench_queued();
    event_base_loop(hand_pool_base(course.loop), EVLOOP_NO_EXIT_ON_EMPTY);
    bench_end();
    bench_must(course.to_come == 0 ? 0 : -EIO, "every job home");
    close_pool();
    hand_pool_free(course.loop);
}

static void *APR_THREAD_FUNC count_done(apr_thread_t *thread, void *arg)
{
    (void)thread;
    (void)arg;
    bench_one_done();
    return NULL;
}

static void alone(const struct course *is)
{
    long i;
    open_pool(is->threads);
    bench_expect(is->jobs);
    bench_begin();
    for (i = 0; i < is->jobs; i++)
        submit(count_done);
    bench_wait_done();
    bench_end();
    close_pool();
}

const struct peer peer_apr = {
    .name = "APR",
    .runs = {[TRIPS] = trips, [ALONE] = alone, [IDLE] = trips},
};
