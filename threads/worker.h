/*
 * A worker: anything that takes tasks and can quit. A thread, a lock, a list in memory, a team, a
 * pool and a reactor are all workers. What each promises beyond this page stands in its own header.
 *
 * In a forked child the workers made before are the parent's: there every function of theirs
 * answers -EOWNERDEAD, without waiting for any lock, and to let go of one does nothing.
 *
 * (Twisted's IWorker; its verb "do" is a keyword in C.)
 */
#ifndef TWINE_THREADS_WORKER_H
#define TWINE_THREADS_WORKER_H

#include <stdbool.h>
#include <twine/threads/task.h>

TW_BEGIN_DECLS

struct tw_worker;

/**
 * Hand a task to a worker.
 *
 * The worker calls task->fn exactly once: with 0 to perform it, or with a negative errno if the
 * worker gives it up. From then on the task is the caller's again: fn may free, move or submit it,
 * to this worker too.
 *
 * Thread:    any. A lock worker calls fn on this thread, before the outermost submit returns.
 * Blocks:    never, save a lock worker, which waits for its lock.
 * Ownership: the task is lent, and must not move until fn is entered; on error it was never lent.
 * Returns:   0; -ESHUTDOWN if the worker has quit, and then fn is not called; -EAGAIN from a worker
 *            whose thread cannot be made, or that lets no more tasks wait; -EOWNERDEAD for a worker
 *            made before a fork, in the child; -EINVAL for NULL, or a task that is submitted
 *            already.
 */
TW_EXPORT int tw_worker_submit(struct tw_worker *worker, struct tw_task *task);

/**
 * Ask a worker to give up a task that it has not started.
 *
 * If the answer is 0, fn will be called with -ECANCELED, perhaps before this returns, perhaps later
 * by whoever comes upon the task. A task that runs already goes on.
 *
 * Thread:  any. The caller makes sure that the task is not freed meanwhile.
 * Blocks:  as submit does.
 * Returns: 0; -EALREADY if it has started, is over, has been cancelled before, or was never
 *          submitted; -EINVAL for NULL.
 */
TW_EXPORT int tw_worker_cancel(struct tw_worker *worker, struct tw_task *task);

/**
 * Let a worker finish what it has accepted, and refuse everything from now on.
 *
 * Thread:  any, a task of the worker's own included.
 * Blocks:  never: it does not wait for anything.
 * Returns: 0; -ESHUTDOWN if it has quit before; -EINVAL for NULL.
 */
TW_EXPORT int tw_worker_quit(struct tw_worker *worker);

/** Whether its tasks never overlap. Thread: any. */
TW_EXPORT bool tw_worker_is_exclusive(const struct tw_worker *worker);
/** The name of its kind: "thread worker", "team", … Thread: any. Ownership: static. */
TW_EXPORT const char *tw_worker_kind(const struct tw_worker *worker);

/** Hold a worker once more. Thread: any. Returns: the worker; NULL for NULL. */
TW_EXPORT struct tw_worker *tw_worker_ref(struct tw_worker *worker);

/**
 * Let go of a worker. A worker that nobody holds any more quits by itself: what it has accepted
 * still runs.
 *
 * Thread:  any, a task of the worker's own included.
 * Returns: NULL.
 */
TW_EXPORT struct tw_worker *tw_worker_unref(struct tw_worker *worker);

TW_END_DECLS

#endif
