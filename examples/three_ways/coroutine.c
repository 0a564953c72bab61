/* As a coroutine: it reads like blocking code, and runs on the loop's thread. */
#include "words.h"
#include <stdlib.h>

static void count_each(struct tw_result *result, void *names)
{
    uintptr_t sum = 0;
    char **name;
    for (name = (char **)names; *name; name++) {
        struct tw_result text = TW_RESULT_INIT, words = TW_RESULT_INIT;
        tw_await_in_thread(NULL, read_file, *name, NULL, &text);
        if (tw_result_is_ok(&text))
            tw_await_in_thread(NULL, count_words, tw_result_take(&text, NULL), free, &words);
        else
            tw_result_move(&text, &words);
        sum += show(*name, &words);
        tw_result_done(&words);
    }
    tw_result_set(result, (void *)sum, NULL);
}

int count_files(struct tw_reactor *reactor, char **names, struct tw_deferred **ret_deferred)
{
    return tw_spawn(reactor, count_each, (void *)names, NULL, NULL, ret_deferred);
}
