/*
 * The program of threadpool_shim.c on the new floors: it measures words in threads, and its results
 * come home as Deferreds. doc/migrating/threadpool.md shows both.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <twine/twine.h>

#define COUNT 5

static struct tw_reactor *reactor;
static struct tw_pool *pool;
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

/* snippet: callback */
static void keep(struct tw_result *result, void *word) /* on the loop's thread */
{
    tw_result_move(result, &((struct word *)word)->length);
    if (--left == 0)
        tw_reactor_stop(reactor);
}
/* end */

/* snippet: calls */
static int measure_all(void)
{
    struct tw_deferred *deferred = NULL;
    int i, rc = 0;
    for (i = 0; rc >= 0 && i < COUNT; i++) {
        rc = tw_defer_to_pool(reactor, tw_pool_worker(pool), measure, (void *)words[i].text, NULL,
                              &deferred);
        if (rc >= 0)
            rc = tw_deferred_add_both(deferred, keep, &words[i], NULL);
        deferred = tw_deferred_unref(deferred);
    }
    if (rc >= 0)
        rc = tw_reactor_run(reactor);
    tw_pool_quit(pool);
    tw_pool_join(pool, TW_FOREVER);
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
    struct tw_pool_options options = {.size = sizeof options, .name = "words"};
    if (rc >= 0)
        rc = tw_pool_new(4, &options, &pool);
    /* end */
    if (rc >= 0)
        rc = measure_all();
    tw_pool_unref(pool);
    tw_reactor_unref(reactor);
    for (i = 0; rc >= 0 && i < COUNT; i++)
        show(&words[i]);
    return rc < 0;
}
