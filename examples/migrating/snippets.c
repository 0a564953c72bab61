/*
 * What the guides in doc/migrating/ show besides the programs, run so that it stays right.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <twine/twine.h>

static struct tw_reactor *the_reactor;
static int left = 4;

/* In place of an answer to a client; here all have been answered after the fourth. */
static void answer(const char *text, intptr_t length)
{
    printf("%s: %d\n", text, (int)length);
    if (--left == 0)
        tw_reactor_stop(the_reactor);
}

static void measure(struct tw_result *result, void *text)
{
    tw_result_set(result, (void *)(intptr_t)strlen((const char *)text), NULL);
}

static void show(struct tw_result *result, void *text)
{
    if (tw_result_is_ok(result))
        answer((const char *)text, (intptr_t)tw_result_value(result));
    tw_result_set(result, NULL, NULL);
}

/* --- threadpool.md ---------------------------------------------------------------------------- */

static int move_one_call(struct tw_reactor *reactor, struct tw_threadpool *pool, char *text)
{
    /* snippet: one call */
    struct tw_deferred *deferred = NULL;
    int rc = tw_defer_to_pool(reactor, tw_threadpool_worker(pool), measure, text, NULL, &deferred);
    if (rc >= 0)
        rc = tw_deferred_add_both(deferred, show, text, NULL);
    tw_deferred_unref(deferred);
    /* end */
    return rc;
}

static int be_the_reactors(struct tw_reactor *reactor, struct tw_threadpool *pool)
{
    /* snippet: reactor pool */
    int rc = tw_threadpool_start(pool);
    if (rc >= 0)
        rc = tw_reactor_set_thread_pool(reactor, tw_threadpool_pool(pool));
    /* end */
    return rc;
}

/* --- tpool.md --------------------------------------------------------------------------------- */

static int serve(struct tw_reactor *reactor, uint64_t pool, uint64_t job, struct tw_result *result)
{
    /* snippet: serve */
    int rc = tw_tpool_wait(pool, reactor, &job, 1); /* timers, sockets and calls go on meanwhile */
    if (rc == 1)
        rc = tw_tpool_get(pool, job, result);
    /* end */
    return rc;
}

/* snippet: be told */
static void on_done(struct tw_future *future, void *text) /* on the loop's thread */
{
    struct tw_failure *failure = tw_future_failure(future);
    if (failure)
        fprintf(stderr, "%s: %s\n", (char *)text, tw_failure_message(failure));
    else
        answer((const char *)text, (intptr_t)tw_future_value(future));
}

static int tell(struct tw_reactor *reactor, uint64_t pool, uint64_t job, char *text)
{
    struct tw_future *future = NULL;
    int rc = tw_tpool_future(pool, job, &future);
    if (rc >= 0)
        rc = tw_future_add_done_callback(future, tw_reactor_worker(reactor), on_done, text, NULL);
    tw_future_unref(future);
    return rc;
}
/* end */

/* snippet: defer */
static int defer(struct tw_reactor *reactor, uint64_t number, char *text)
{
    struct tw_deferred *deferred = NULL;
    struct tw_pool *pool = NULL;
    int rc = tw_tpool_pool(number, &pool);
    if (rc >= 0)
        rc = tw_defer_to_pool(reactor, tw_pool_worker(pool), measure, text, NULL, &deferred);
    if (rc >= 0)
        rc = tw_deferred_add_both(deferred, show, text, NULL);
    tw_deferred_unref(deferred);
    tw_pool_unref(pool);
    return rc;
}
/* end */

/* --- libuv.md --------------------------------------------------------------------------------- */

/* snippet: from thread */
static void on_loop(void *text) /* on the loop's thread */
{
    answer((const char *)text, 0);
}

static int send(struct tw_reactor *reactor, const char *text) /* from any thread */
{
    return tw_reactor_call_from_thread(reactor, on_loop, strdup(text), free);
}
/* end */

static int use_tpool(struct tw_reactor *reactor, uint64_t pool, char *text)
{
    struct tw_result result = TW_RESULT_INIT;
    uint64_t job = 0;
    int rc = tw_tpool_post(pool, 0, measure, text, NULL, &job);
    if (rc >= 0)
        rc = serve(reactor, pool, job, &result);
    tw_result_done(&result);
    if (rc >= 0)
        rc = tw_tpool_post(pool, 0, measure, text, NULL, &job);
    if (rc >= 0)
        rc = tell(reactor, pool, job, text);
    return rc < 0 ? rc : defer(reactor, pool, text);
}

int main(void)
{
    static char text[] = "snippet";
    struct tw_reactor *reactor = NULL;
    struct tw_threadpool *pool = NULL;
    uint64_t number = 0;
    int rc = tw_reactor_new(NULL, &reactor);
    the_reactor = reactor;
    if (rc >= 0)
        rc = tw_threadpool_new(0, 2, text, &pool);
    if (rc >= 0)
        rc = tw_tpool_create(NULL, &number);
    if (rc >= 0)
        rc = be_the_reactors(reactor, pool);
    if (rc >= 0)
        rc = move_one_call(reactor, pool, text);
    if (rc >= 0)
        rc = use_tpool(reactor, number, text);
    if (rc >= 0)
        rc = send(reactor, text);
    if (rc >= 0)
        rc = tw_reactor_run(reactor);
    if (number)
        tw_tpool_release(number);
    tw_reactor_unref(reactor);
    tw_threadpool_unref(pool);
    return rc < 0;
}
