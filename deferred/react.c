/*
 * react: one Deferred, whose first link is the main function, and whose second notes the code and
 * stops the reactor.
 */
#include <twine/deferred/react.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

const struct tw_error TW_ERROR_EXIT = {"exit", &TW_ERROR};

struct program {
    int refs;                   /* the link's, and tw_react()'s */
    struct tw_reactor *reactor; /* NULL: tw_react() has returned */
    tw_main_fn fn;
    void *arg;
    bool has_ended;
    int code;
};

static void drop_program(void *program)
{
    if (--((struct program *)program)->refs == 0)
        tw__free(program);
}

static int code_of(struct tw_failure *failure)
{
    if (!failure)
        return 0;
    if (tw_failure_is(failure, &TW_ERROR_EXIT))
        return tw_failure_code(failure) & 255;
    tw__report(TW_REPORT_UNHANDLED, "the main function failed", failure);
    return 1;
}

/* One that is stopping already, or is not running yet, is left alone. */
static void stop(void *reactor)
{
    (void)tw_reactor_stop((struct tw_reactor *)reactor);
}

static void call_main(struct tw_result *result, void *arg)
{
    struct program *program = (struct program *)arg;
    program->fn(program->reactor, result, program->arg);
}

static void note_end(struct tw_result *result, void *arg)
{
    struct program *program = (struct program *)arg;
    if (!program->reactor) { /* too late; a failure stands, and is reported */
        if (tw_failure_is(tw_result_failure(result), &TW_ERROR_SHUTDOWN))
            tw_result_set(result, NULL, NULL);
        return;
    }
    program->code = code_of(tw_result_failure(result));
    program->has_ended = true;
    tw_result_set(result, NULL, NULL);
    stop(program->reactor);
}

static int run(struct program *program)
{
    struct tw_reactor *reactor = program->reactor;
    int rc = 0;
    if (program->has_ended) /* it runs all the same, briefly (REA-002) */
        rc = tw_reactor_call_from_thread(reactor, stop, reactor, NULL);
    if (rc >= 0)
        rc = tw_reactor_run(reactor);
    program->reactor = NULL;
    rc = rc < 0 ? rc : program->code;
    drop_program(program);
    return rc;
}

static int react(struct tw_reactor *reactor, tw_main_fn fn, void *arg)
{
    struct program *program = (struct program *)tw__zalloc(sizeof *program);
    struct tw_source *source = NULL;
    struct tw_deferred *deferred = NULL;
    int rc = program ? tw_deferred_new(NULL, NULL, NULL, &source, &deferred) : -ENOMEM;
    if (rc < 0) {
        tw__free(program);
        return rc;
    }
    program->refs = 2;
    program->reactor = reactor;
    program->fn = fn;
    program->arg = arg;
    tw_deferred_add_callback(deferred, call_main, program, NULL);
    tw_deferred_add_both(deferred, note_end, program, drop_program);
    tw_source_callback(source, NULL, NULL);
    tw_source_unref(source);
    rc = run(program);
    tw_deferred_unref(deferred);
    return rc;
}

int tw_react(struct tw_reactor *reactor, tw_main_fn fn, void *arg)
{
    int rc = 0;
    if (!fn)
        return tw__misuse(-EINVAL, "tw_react: needs a main function");
    if (reactor)
        return react(reactor, fn, arg);
    rc = tw_reactor_new(NULL, &reactor);
    if (rc < 0)
        return rc;
    rc = react(reactor, fn, arg);
    tw_reactor_unref(reactor);
    return rc;
}
