/*
 * The program of tpool_shim.c on the new floors: it squares numbers in threads, by an executor and
 * futures. doc/migrating/tpool.md shows both.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <twine/twine.h>

#define COUNT 6

static struct tw_result squares[COUNT + 1]; /* by the number of the job */

static void square(struct tw_result *result, void *arg) /* in a thread: may block */
{
    intptr_t number = (intptr_t)arg;
    if (number == 4)
        tw_result_failf(result, &TW_ERROR_SYSTEM, EDOM, "%d is unlucky", (int)number);
    else
        tw_result_set(result, (void *)(number * number), NULL);
}

/* snippet: submit */
static int submit_all(struct tw_executor *executor, struct tw_future **futures)
{
    intptr_t i;
    int rc = 0;
    for (i = 0; rc >= 0 && i < COUNT; i++)
        rc = tw_executor_submit(executor, square, (void *)(i + 1), NULL, &futures[i]);
    return rc;
}
/* end */

/* snippet: wait */
static int get_all(struct tw_future *const *futures)
{
    int i, rc = 0;
    for (i = 0; rc >= 0 && i < COUNT; i++)
        rc = tw_future_result(futures[i], TW_FOREVER, &squares[i + 1]);
    return rc;
}
/* end */

static int run(struct tw_pool *pool, struct tw_executor *executor)
{
    struct tw_future *futures[COUNT] = {NULL};
    int i, rc;
    /* snippet: cancel */
    rc = tw_pool_suspend(pool);
    if (rc >= 0)
        rc = submit_all(executor, futures);
    if (rc >= 0)
        rc = tw_future_cancel(futures[COUNT - 1]); /* 0, or -EINPROGRESS if it runs already */
    tw_pool_resume(pool);
    /* end */
    if (rc >= 0)
        rc = get_all(futures);
    for (i = 0; i < COUNT; i++)
        tw_future_unref(futures[i]);
    return rc;
}

static void show(int number, struct tw_result *square)
{
    if (tw_result_is_ok(square))
        printf("%d: %d\n", number, (int)(intptr_t)tw_result_value(square));
    else
        printf("%d: %s\n", number, tw_failure_message(tw_result_failure(square)));
    tw_result_done(square);
}

int main(void)
{
    /* snippet: new */
    struct tw_pool_options options = {.size = sizeof options, .minimum = 1};
    struct tw_pool *pool = NULL;
    struct tw_executor *executor = NULL;
    int i, rc = tw_pool_new(3, &options, &pool);
    if (rc >= 0)
        rc = tw_executor_over(tw_pool_worker(pool), &executor);
    /* end */
    if (rc >= 0)
        rc = run(pool, executor);
    /* snippet: stop */
    tw_executor_unref(executor);
    if (pool && tw_pool_quit(pool) >= 0)
        tw_pool_join(pool, TW_FOREVER);
    tw_pool_unref(pool);
    /* end */
    for (i = 1; rc >= 0 && i <= COUNT; i++)
        show(i, &squares[i]);
    return rc < 0;
}
