/*
 * The program of own_pool_before.c with twine: it counts primes in threads, under a loop of the
 * program's own. doc/migrating/own_pool.md shows both.
 */
#include <event2/event.h>
#include <stdio.h>
#include <twine/twine.h>

#define THREADS 3
#define JOBS 6

/* snippet: job */
struct job {
    unsigned below, primes;
};
/* end */

static struct event_base *base;
static struct tw_reactor *reactor;
static struct job jobs[JOBS];
static int left = JOBS;

/* snippet: work */
static void work(struct tw_result *result, void *arg) /* in a thread: may block */
{
    struct job *job = (struct job *)arg;
    unsigned i, j;
    (void)result; /* or leave a value there, or a failure */
    for (i = 2; i < job->below; i++) {
        for (j = 2; j * j <= i && i % j; j++)
            ;
        job->primes += j * j > i;
    }
}
/* end */

/* snippet: home */
static void done(struct tw_result *result, void *job) /* on the loop's thread */
{
    (void)job;
    tw_result_set(result, NULL, NULL); /* handled, failure or not */
    if (--left == 0)
        event_base_loopbreak(base);
}
/* end */

/* snippet: submit */
static int submit(struct job *job)
{
    struct tw_deferred *deferred = NULL;
    int rc = tw_defer_to_thread(reactor, work, job, NULL, &deferred);
    if (rc >= 0)
        rc = tw_deferred_add_both(deferred, done, job, NULL);
    tw_deferred_unref(deferred); /* keep it, if you may want to cancel */
    return rc;
}
/* end */

int main(void)
{
    unsigned i;
    int rc;
    /* snippet: start */
    base = event_base_new();
    rc = base ? tw_libevent_reactor_new(base, &reactor) : -1;
    if (rc >= 0)
        rc = tw_reactor_suggest_thread_pool_size(reactor, THREADS);
    /* end */
    for (i = 0; rc >= 0 && i < JOBS; i++) {
        jobs[i].below = (i + 1) * 1000;
        rc = submit(&jobs[i]);
    }
    if (rc >= 0)
        event_base_dispatch(base);
    /* snippet: stop */
    tw_reactor_unref(reactor); /* before the base */
    if (base)
        event_base_free(base);
    /* end */
    for (i = 0; rc >= 0 && i < JOBS; i++)
        printf("below %u: %u\n", jobs[i].below, jobs[i].primes);
    return rc < 0;
}
