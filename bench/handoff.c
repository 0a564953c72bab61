/*
 * Handing work over and bringing it back: twine beside the pool people write by hand on libevent.
 *
 *     handoff [ROUNDS]
 *
 * Both do the same work in turn, round by round, so that the machine's moods touch both; what is
 * printed is the median of the rounds in ns per operation, and the ratio of the medians. Every job
 * is counted home.
 *
 *     W1    one no-op job at a time, loop -> pool of 4 -> loop
 *     W2/n  64 jobs in flight, pool of n
 *     W3    a burst of jobs, pool of 4
 *     W4    the pool alone, no loop, pool of 4; x100: by bursts of 100
 *     W6    4 threads that call into the loop
 */
#include "by_hand.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <twine/twine.h>

enum { MOST_ROUNDS = 99, PRODUCERS = 4 };

static uint64_t now(void)
{
    return tw_clock_now(tw_clock_monotonic());
}

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "handoff: %s: %s\n", what, strerror(-rc));
    exit(1);
}

/* What each kind of run is given, and where it counts. */
static struct {
    long to_send, to_come; /* the loop's thread */
    struct tw_reactor *reactor;
    struct tw_pool *pool;
    struct hand_pool *hand;
} course;

static void nothing(void *arg)
{
    (void)arg;
}

static void no_op(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* --- twine: loop -> pool -> loop -------------------------------------------------------------- */

static void send_deferred(void);

static void deferred_home(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (course.to_send > 0)
        send_deferred();
    if (--course.to_come == 0)
        tw_reactor_stop(course.reactor);
}

static void send_deferred(void)
{
    struct tw_deferred *deferred;
    course.to_send--;
    must(
        tw_defer_to_pool(course.reactor, tw_pool_worker(course.pool), no_op, NULL, NULL, &deferred),
        "tw_defer_to_pool");
    must(tw_deferred_add_both(deferred, deferred_home, NULL, NULL), "tw_deferred_add_both");
    tw_deferred_unref(deferred);
}

static void begin_twine(void *in_flight)
{
    long i;
    for (i = 0; i < *(long *)in_flight; i++)
        send_deferred();
}

static uint64_t twine_trips(int threads, long in_flight, long jobs)
{
    uint64_t began;
    course.to_send = course.to_come = jobs;
    must(tw_reactor_new(NULL, &course.reactor), "tw_reactor_new");
    must(tw_pool_new((size_t)threads, NULL, &course.pool), "tw_pool_new");
    must(tw_reactor_call_from_thread(course.reactor, begin_twine, &in_flight, NULL), "call");
    began = now();
    must(tw_reactor_run(course.reactor), "tw_reactor_run");
    began = now() - began;
    tw_pool_quit(course.pool);
    must(tw_pool_join(course.pool, TW_FOREVER), "tw_pool_join");
    tw_pool_unref(course.pool);
    tw_reactor_unref(course.reactor);
    return began;
}

/* --- by hand: the same ------------------------------------------------------------------------ */

static void hand_home(void *arg)
{
    (void)arg;
    if (course.to_send > 0) {
        course.to_send--;
        hand_pool_submit(course.hand, nothing, hand_home, NULL);
    }
    if (--course.to_come == 0)
        event_base_loopbreak(hand_pool_base(course.hand));
}

static uint64_t hand_trips(int threads, long in_flight, long jobs)
{
    uint64_t began;
    long i;
    course.to_send = jobs - in_flight;
    course.to_come = jobs;
    course.hand = hand_pool_new(threads);
    began = now();
    for (i = 0; i < in_flight; i++)
        hand_pool_submit(course.hand, nothing, hand_home, NULL);
    event_base_loop(hand_pool_base(course.hand), EVLOOP_NO_EXIT_ON_EMPTY);
    began = now() - began;
    hand_pool_free(course.hand);
    return began;
}

/* --- the pool alone --------------------------------------------------------------------------- */

static atomic_long done;

static void count_task(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

static void count_done(void *arg)
{
    (void)arg;
    atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

/* burst: how many are handed over at once; 1: by single submits. */
static uint64_t twine_alone(int threads, long burst, long jobs)
{
    struct tw_task *tasks = (struct tw_task *)calloc((size_t)jobs, sizeof *tasks);
    struct tw_task **each = (struct tw_task **)calloc((size_t)jobs, sizeof *each);
    uint64_t began;
    long i;
    must(tasks && each ? 0 : -ENOMEM, "tasks");
    must(tw_pool_new((size_t)threads, NULL, &course.pool), "tw_pool_new");
    atomic_store(&done, 0);
    began = now();
    for (i = 0; i < jobs; i++) {
        tw_task_init(&tasks[i], count_task);
        each[i] = &tasks[i];
        if (burst == 1)
            must(tw_pool_submit(course.pool, &tasks[i]), "tw_pool_submit");
        else if ((i + 1) % burst == 0)
            must(tw_pool_submit_many(course.pool, each + i + 1 - burst, (size_t)burst),
                 "submit_many");
    }
    tw_pool_quit(course.pool);
    must(tw_pool_join(course.pool, TW_FOREVER), "tw_pool_join");
    began = now() - began;
    must(atomic_load(&done) == jobs ? 0 : -EIO, "every job counted");
    tw_pool_unref(course.pool);
    free(each);
    free(tasks);
    return began;
}

static uint64_t hand_alone(int threads, long unused, long jobs)
{
    uint64_t began;
    long i;
    (void)unused;
    course.hand = hand_pool_new(threads);
    atomic_store(&done, 0);
    began = now();
    for (i = 0; i < jobs; i++)
        hand_pool_submit(course.hand, count_done, NULL, NULL);
    hand_pool_free(course.hand); /* works off what is queued, and joins */
    began = now() - began;
    must(atomic_load(&done) == jobs ? 0 : -EIO, "every job counted");
    return began;
}

/* --- calls into the loop ---------------------------------------------------------------------- */

static long calls_each;

static void count_call(void *arg)
{
    (void)arg;
    if (--course.to_come == 0)
        tw_reactor_stop(course.reactor);
}

static void *call_twine(void *arg)
{
    long i;
    for (i = 0; i < calls_each; i++)
        must(tw_reactor_call_from_thread(course.reactor, count_call, NULL, NULL),
             "call_from_thread");
    return arg;
}

static void count_hand_call(void *arg)
{
    (void)arg;
    if (--course.to_come == 0)
        event_base_loopbreak(hand_pool_base(course.hand));
}

static void *call_hand(void *arg)
{
    long i;
    for (i = 0; i < calls_each; i++)
        hand_pool_call(course.hand, count_hand_call, NULL);
    return arg;
}

static void start_producers(pthread_t *threads, void *(*produce)(void *))
{
    int i;
    for (i = 0; i < PRODUCERS; i++)
        must(-pthread_create(&threads[i], NULL, produce, NULL), "pthread_create");
}

static void join_producers(pthread_t *threads)
{
    int i;
    for (i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
}

static uint64_t twine_calls(int unused, long unused_too, long calls)
{
    pthread_t threads[PRODUCERS];
    uint64_t began;
    (void)unused;
    (void)unused_too;
    calls_each = calls / PRODUCERS;
    course.to_come = calls_each * PRODUCERS;
    must(tw_reactor_new(NULL, &course.reactor), "tw_reactor_new");
    began = now();
    start_producers(threads, call_twine);
    must(tw_reactor_run(course.reactor), "tw_reactor_run");
    began = now() - began;
    join_producers(threads);
    tw_reactor_unref(course.reactor);
    return began;
}

static uint64_t hand_calls(int unused, long unused_too, long calls)
{
    pthread_t threads[PRODUCERS];
    uint64_t began;
    (void)unused;
    (void)unused_too;
    calls_each = calls / PRODUCERS;
    course.to_come = calls_each * PRODUCERS;
    course.hand = hand_pool_new(0);
    began = now();
    start_producers(threads, call_hand);
    event_base_loop(hand_pool_base(course.hand), EVLOOP_NO_EXIT_ON_EMPTY);
    began = now() - began;
    join_producers(threads);
    hand_pool_free(course.hand);
    return began;
}

/* --- the table -------------------------------------------------------------------------------- */

typedef uint64_t (*measure_fn)(int threads, long in_flight, long jobs);

static const struct row {
    const char *name;
    measure_fn twine, hand;
    int threads;
    long in_flight, jobs;
} rows[] = {
    {"W1", twine_trips, hand_trips, 4, 1, 20000},
    {"W2/1", twine_trips, hand_trips, 1, 64, 100000},
    {"W2/2", twine_trips, hand_trips, 2, 64, 100000},
    {"W2/4", twine_trips, hand_trips, 4, 64, 100000},
    {"W3", twine_trips, hand_trips, 4, 200000, 200000},
    {"W4", twine_alone, hand_alone, 4, 1, 200000},
    {"W4 x100", twine_alone, hand_alone, 4, 100, 200000},
    {"W6", twine_calls, hand_calls, 0, 0, 400000},
};

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void measure(const struct row *row, int rounds)
{
    double twine[MOST_ROUNDS], hand[MOST_ROUNDS], ours, theirs;
    int i;
    for (i = 0; i < rounds; i++) {
        twine[i] = (double)row->twine(row->threads, row->in_flight, row->jobs) / (double)row->jobs;
        hand[i] = (double)row->hand(row->threads, row->in_flight, row->jobs) / (double)row->jobs;
    }
    ours = median(twine, rounds);
    theirs = median(hand, rounds);
    printf("%-8s %10.0f %10.0f %8.2f   %.0f..%.0f\n", row->name, ours, theirs, ours / theirs,
           twine[0], twine[rounds - 1]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    size_t i;
    if (rounds < 1 || rounds > MOST_ROUNDS) {
        fprintf(stderr, "usage: handoff [ROUNDS], 1 to %d\n", MOST_ROUNDS);
        return 2;
    }
    printf("%-8s %10s %10s %8s   %s\n", "", "twine ns", "by hand ns", "ratio", "twine's spread");
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
        measure(&rows[i], rounds);
    return 0;
}
