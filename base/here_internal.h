/*
 * What belongs to the work that runs on this thread just now, and not to the thread.
 *
 * Whoever calls work on behalf of others puts its own values here and afterwards back what was
 * there before. When a stack is switched (base/fiber) they go along with it.
 */
#ifndef TWINE_BASE_HERE_INTERNAL_H
#define TWINE_BASE_HERE_INTERNAL_H

#include <stdatomic.h>

struct tw_context;
struct tw__coroutine;
struct tw__frame;
struct tw__job_scope;

struct tw__here {
    struct tw__frame *frame;         /* the innermost worker whose task runs here; threads/frame */
    atomic_bool *cancel_flag;        /* of the work that runs here; threads/cancel */
    struct tw_context *context;      /* the values in force here, a reference; base/context */
    struct tw__job_scope *job_scope; /* the executor's job that runs here; threads/executor_jobs */
    struct tw__coroutine *coroutine; /* whose code runs here, or NULL; deferred/coroutine */
};

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
extern _Thread_local struct tw__here tw__here __attribute__((tls_model("initial-exec")));

#endif
