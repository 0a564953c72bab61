/*
 * uv_queue_work() in twine's words: it sums up numbers in threads, and calls one sum off.
 * doc/migrating/libuv.md shows it beside the old calls.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <twine/twine.h>

/* snippet: work */
struct request {
    uint64_t from, to;
    uint64_t sum;
    struct tw_deferred *deferred;
};

static void work(struct tw_result *result, void *arg) /* in a thread: may block */
{
    struct request *request = (struct request *)arg;
    uint64_t i;
    (void)result; /* or leave a value there, or a failure */
    for (i = request->from; i <= request->to; i++)
        request->sum += i;
}

static void after_work(struct tw_result *result, void *arg) /* on the loop's thread */
{
    struct request *request = (struct request *)arg;
    if (tw_result_is_ok(result))
        printf("to %u: %u\n", (unsigned)request->to, (unsigned)request->sum);
    else if (tw_failure_is(tw_result_failure(result), &TW_ERROR_CANCELLED))
        printf("to %u: cancelled\n", (unsigned)request->to); /* UV_ECANCELED */
    tw_result_set(result, NULL, NULL);                       /* handled */
}
/* end */

/* snippet: queue */
static int queue(struct tw_reactor *reactor, struct request *request)
{
    int rc = tw_defer_to_thread(reactor, work, request, NULL, &request->deferred);
    if (rc >= 0)
        rc = tw_deferred_add_both(request->deferred, after_work, request, NULL);
    return rc;
}
/* end */

static int run(struct tw_reactor *reactor, struct request *first, struct request *second)
{
    int rc = queue(reactor, first);
    if (rc >= 0)
        rc = queue(reactor, second);
    if (rc < 0)
        return rc;
    /* snippet: cancel */
    tw_deferred_cancel(second->deferred); /* calls after_work right here */
    /* end */
    return tw_reactor_wait(reactor, first->deferred, NULL);
}

int main(void)
{
    struct request first = {.from = 1, .to = 1000}, second = {.from = 1, .to = 2000};
    struct tw_reactor *reactor = NULL;
    /* snippet: loop */
    int rc = tw_reactor_new(NULL, &reactor);
    if (rc >= 0)
        rc = tw_reactor_suggest_thread_pool_size(reactor, 4); /* UV_THREADPOOL_SIZE */
    /* end */
    if (rc >= 0)
        rc = run(reactor, &first, &second);
    tw_deferred_unref(first.deferred);
    tw_deferred_unref(second.deferred);
    tw_reactor_unref(reactor);
    return rc < 0;
}
