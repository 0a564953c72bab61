/* By callbacks: what has to be remembered from one to the next is in a struct. */
#include "words.h"
#include <errno.h>
#include <stdlib.h>

struct count {
    struct tw_reactor *reactor;
    char **name; /* whose turn it is */
    uintptr_t sum;
    struct tw_source *source;
};

static void count_next(struct count *count);

/* The text is read: leave the Deferred of what comes next. */
static void count_text(struct tw_result *text, void *count)
{
    struct tw_deferred *deferred = NULL;
    int rc = tw_defer_to_thread(((struct count *)count)->reactor, count_words,
                                tw_result_take(text, NULL), free, &deferred);
    if (rc < 0)
        tw_result_failf(text, &TW_ERROR_SYSTEM, -rc, "cannot count its words");
    else
        tw_result_set_deferred(text, deferred);
}

static void show_and_go_on(struct tw_result *words, void *arg)
{
    struct count *count = (struct count *)arg;
    count->sum += show(*count->name++, words);
    tw_result_set(words, NULL, NULL); /* handled, failure or not */
    count_next(count);
}

static void end(struct count *count, int error)
{
    if (error == 0) {
        tw_source_callback(count->source, (void *)count->sum, NULL);
    } else {
        struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR_SYSTEM, error, "cannot go on");
        tw_source_errback(count->source, failure);
        tw_failure_unref(failure);
    }
    tw_source_unref(count->source);
    free(count);
}

static void count_next(struct count *count)
{
    struct tw_deferred *deferred = NULL;
    int rc = *count->name
                 ? tw_defer_to_thread(count->reactor, read_file, *count->name, NULL, &deferred)
                 : 0;
    if (rc < 0 || !deferred) {
        end(count, -rc);
        return;
    }
    tw_deferred_add_callback(deferred, count_text, count, NULL);
    tw_deferred_add_both(deferred, show_and_go_on, count, NULL);
    tw_deferred_unref(deferred);
}

int count_files(struct tw_reactor *reactor, char **names, struct tw_deferred **ret_deferred)
{
    struct count *count = (struct count *)calloc(1, sizeof *count);
    int rc = count ? tw_deferred_new(NULL, NULL, NULL, &count->source, ret_deferred) : -ENOMEM;
    if (rc < 0) {
        free(count);
        return rc;
    }
    count->reactor = reactor;
    count->name = names;
    count_next(count);
    return 0;
}
