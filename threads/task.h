/*
 * A task: a node its caller owns and embeds, the unit every worker takes.
 *
 * A worker calls an accepted task's fn exactly once: to perform it, or to say that it has given it
 * up. Nothing is allocated for a task, so accepting one cannot fail for want of memory.
 *
 *     struct my_request {
 *         struct tw_task task;    first, so that fn gets from it to the request by a cast
 *         ...
 *     };
 */
#ifndef TWINE_THREADS_TASK_H
#define TWINE_THREADS_TASK_H

#include <twine/base/export.h>

TW_BEGIN_DECLS

struct tw_task;

/**
 * Performs a task, or learns that it was given up.
 *
 * Once it is entered nobody else touches the task: it may free it, move it, or submit it again.
 *
 * Thread:  the worker's, when status is 0. A task given up may hear of it on the thread that gave
 *          it up.
 *
 * @param task the task
 * @param status 0: perform it. Else it was given up: -ECANCELED because it was cancelled,
 *               -ESHUTDOWN because its worker was shut down before any thread could take it,
 *               -EAGAIN because no thread can be made.
 */
typedef void (*tw_task_fn)(struct tw_task *task, int status);

/** A task. Its fields but fn are private. */
struct tw_task {
    struct tw_task *_next, *_prev;
    void *_claim;
    tw_task_fn fn; /**< see tw_task_fn */
};

/** Make a task ready to be submitted. Thread: the owner's. */
TW_EXPORT void tw_task_init(struct tw_task *task, tw_task_fn fn);

/**
 * Say, from inside a task's fn, that its work is over and that only its delivery is left.
 *
 * The worker that performs the task becomes idle, or takes hold of its next task, at once and not
 * when fn returns. So what the delivery sets off finds this very worker free, and no second thread
 * is made for it (trio's "idle before deliver"). What follows in fn must not block. Elsewhere than
 * in a team it does nothing.
 *
 * Thread:  the one that runs fn, at most once for each time fn is called.
 */
TW_EXPORT void tw_task_delivers(struct tw_task *task);

TW_END_DECLS

#endif
