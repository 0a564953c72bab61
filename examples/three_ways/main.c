#include "words.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct tw_result sum = TW_RESULT_INIT;
    struct tw_reactor *reactor = NULL;
    struct tw_deferred *deferred = NULL;
    int rc = argc > 1 ? tw_reactor_new(NULL, &reactor) : fprintf(stderr, "usage: %s FILE\n", *argv);
    if (rc == 0)
        rc = count_files(reactor, argv + 1, &deferred);
    if (rc == 0)
        rc = tw_reactor_wait(reactor, deferred, &sum);
    if (rc == 0 && tw_result_is_ok(&sum))
        printf("%8ju  in all\n", (uintmax_t)(uintptr_t)tw_result_value(&sum));
    else if (rc == 0)
        rc = fprintf(stderr, "%s\n", tw_failure_message(tw_result_failure(&sum)));
    else if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    tw_result_done(&sum);
    tw_deferred_unref(deferred);
    tw_reactor_unref(reactor);
    return rc != 0;
}
