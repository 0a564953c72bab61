/*
 * A coroutine for tests that awaits one Deferred after the other, and writes down what it sees:
 * "(a " when it starts, "a=5 " or "a!7 " for each result, "a) " when it ends.
 */
#ifndef TWINE_TESTS_DEFERRED_SCRIPT_H
#define TWINE_TESTS_DEFERRED_SCRIPT_H

#include "trace.h"

#define MOST_AWAITS 4

struct script {
    const char *name;
    struct tw_deferred *awaits[MOST_AWAITS + 1]; /* borrowed; the first NULL ends it */
    bool handles;                                /* it goes on after a failure */
    int value;                                   /* what it leaves, if nothing failed */
};

static inline void follow(struct tw_result *result, void *arg)
{
    const struct script *script = (const struct script *)arg;
    struct tw_result seen = TW_RESULT_INIT;
    int i;
    trace("(%s ", script->name);
    for (i = 0; script->awaits[i] && tw_result_is_ok(result); i++) {
        tw_await(script->awaits[i], &seen);
        write_result(&seen, (void *)(uintptr_t)script->name);
        if (tw_result_is_failure(&seen) && !script->handles)
            tw_result_move(&seen, result);
        tw_result_done(&seen);
    }
    if (tw_result_is_ok(result))
        tw_result_set(result, VALUE(script->value), NULL);
    trace("%s) ", script->name);
}

static inline struct tw_deferred *spawn(struct tw_reactor *reactor, tw_call_fn fn, void *arg)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_spawn(reactor, fn, arg, NULL, NULL, &deferred), 0);
    return deferred;
}

#endif
