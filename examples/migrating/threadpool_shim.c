/*
 * A program on Twisted's ThreadPool, carried over to the shim call by call: it measures words in
 * threads. threadpool.c is the same on the new floors, and doc/migrating/threadpool.md shows both.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <twine/twine.h>

#define COUNT 5

static struct tw_reactor *reactor;
static struct tw_threadpool *pool;
static int left = COUNT;

static struct word {
    const char *text;
    struct tw_result length;
} words[COUNT] = {{"reactor", TW_RESULT_INIT},
                  {"deferred", TW_RESULT_INIT},
                  {"", TW_RESULT_INIT},
                  {"thread", TW_RESULT_INIT},
                  {"pool", TW_RESULT_INIT}};

/* snippet: function */
static void measure(struct tw_result *result, void *arg) /* in a thread: may block */
{
    const char *text = (const char *)arg;
    if (*text)
        tw_result_set(result, (void *)(intptr_t)strlen(text), NULL);
    else
        tw_result_failf(result, &TW_ERROR_SYSTEM, EINVAL, "an empty word");
}
/* end */

/* snippet: on_result */
static void on_loop(void *word) /* on the loop's thread */
{
    (void)word;
    if (--left == 0)
        tw_reactor_stop(reactor);
}

static void on_result(struct tw_result *result, void *word) /* still on the pool's thread */
{
    tw_result_move(result, &((struct word *)word)->length);
    tw_reactor_call_from_thread(reactor, on_loop, word, NULL);
}
/* end */

/* snippet: calls */
static int measure_all(void)
{
    int i, rc = tw_threadpool_start(pool);
    for (i = 0; rc >= 0 && i < COUNT; i++)
        rc = tw_threadpool_call_in_thread_with_callback(pool, on_result, &words[i], measure,
                                                        (void *)words[i].text, NULL);
    if (rc >= 0)
        rc = tw_reactor_run(reactor);
    tw_threadpool_stop(pool); /* waits for its threads */
    return rc;
}
/* end */

static void show(struct word *word)
{
    if (tw_result_is_ok(&word->length))
        printf("%s: %d\n", word->text, (int)(intptr_t)tw_result_value(&word->length));
    else
        printf("\"%s\": %s\n", word->text, tw_failure_message(tw_result_failure(&word->length)));
    tw_result_done(&word->length);
}

int main(void)
{
    int i, rc = tw_reactor_new(NULL, &reactor);
    /* snippet: new */
    if (rc >= 0)
        rc = tw_threadpool_new(2, 4, "words", &pool);
    /* end */
    if (rc >= 0)
        rc = measure_all();
    tw_threadpool_unref(pool);
    tw_reactor_unref(reactor);
    for (i = 0; rc >= 0 && i < COUNT; i++)
        show(&words[i]);
    return rc < 0;
}
