/*
 * A program on Tcl's tpool, carried over to the shim call by call: it squares numbers in threads,
 * one of which cannot be, and thinks better of one. tpool.c is the same on the new floors, and
 * doc/migrating/tpool.md shows both.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <twine/twine.h>

#define COUNT 6

static struct tw_result squares[COUNT + 1]; /* by the number of the job */

/* snippet: work */
static void square(struct tw_result *result, void *arg) /* in a thread: may block */
{
    intptr_t number = (intptr_t)arg;
    if (number == 4)
        tw_result_failf(result, &TW_ERROR_SYSTEM, EDOM, "%d is unlucky", (int)number);
    else
        tw_result_set(result, (void *)(number * number), NULL);
}
/* end */

/* snippet: post */
static int post_all(uint64_t pool, uint64_t *jobs)
{
    intptr_t i;
    int rc = 0;
    for (i = 0; rc >= 0 && i < COUNT; i++)
        rc = tw_tpool_post(pool, 0, square, (void *)(i + 1), NULL, &jobs[i]);
    return rc;
}
/* end */

/* snippet: wait */
static int get_all(uint64_t pool, uint64_t *jobs)
{
    size_t left = COUNT;
    int rc = 0;
    while (rc >= 0 && left > 0) {
        int i, completed = rc = tw_tpool_wait(pool, NULL, jobs, left);
        for (i = 0; rc >= 0 && i < completed; i++)
            rc = tw_tpool_get(pool, jobs[i], &squares[jobs[i]]);
        if (rc >= 0) {
            left -= (size_t)completed;
            memmove(jobs, jobs + completed, left * sizeof jobs[0]);
        }
    }
    return rc;
}
/* end */

static int run(uint64_t pool)
{
    uint64_t jobs[COUNT], last;
    /* snippet: cancel */
    int rc = tw_tpool_suspend(pool);
    if (rc >= 0)
        rc = post_all(pool, jobs);
    if (rc >= 0) {
        last = jobs[COUNT - 1];
        rc = tw_tpool_cancel(pool, &last, 1); /* 1 if it is cancelled, 0 if it runs already */
    }
    tw_tpool_resume(pool);
    /* end */
    return rc < 0 ? rc : get_all(pool, jobs);
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
    /* snippet: create */
    struct tw_tpool_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 3};
    uint64_t pool;
    int i, rc = tw_tpool_create(&options, &pool);
    /* end */
    if (rc >= 0) {
        rc = run(pool);
        tw_tpool_release(pool);
    }
    for (i = 1; rc >= 0 && i <= COUNT; i++)
        show(i, &squares[i]);
    return rc < 0;
}
