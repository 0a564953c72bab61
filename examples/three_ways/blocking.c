/* Blocking, all of it in one thread of the pool: the simplest, and it keeps that thread. */
#include "words.h"

static void count_each(struct tw_result *result, void *names)
{
    uintptr_t sum = 0;
    char **name;
    for (name = (char **)names; *name; name++) {
        struct tw_result text = TW_RESULT_INIT, words = TW_RESULT_INIT;
        read_file(&text, *name);
        if (tw_result_is_ok(&text))
            count_words(&words, tw_result_value(&text));
        else
            tw_result_move(&text, &words);
        sum += show(*name, &words);
        tw_result_done(&words);
        tw_result_done(&text);
    }
    tw_result_set(result, (void *)sum, NULL);
}

int count_files(struct tw_reactor *reactor, char **names, struct tw_deferred **ret_deferred)
{
    return tw_defer_to_thread(reactor, count_each, (void *)names, NULL, ret_deferred);
}
