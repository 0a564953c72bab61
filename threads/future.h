/*
 * A future: a result that any thread may wait for (concurrent.futures' Future).
 *
 * An executor makes one for each job that it is given. It is pending, then running, then done: with
 * a value, with a failure, or cancelled. The value belongs to the future and lives as long as it,
 * unless somebody takes it.
 *
 * There are two ways to wait:
 *
 *     tw_future_wait    blocks the thread. A thread of a pool that would wait like this for its own
 *                       pool is refused with -EDEADLK.
 *     tw_future_await   for jobs in a pool: they may wait for other jobs of the same pool, to any
 *                       depth, on as few threads as one. It runs those jobs right there if nobody
 *                       has started them, or else suspends the job, and its thread does other work
 *                       meanwhile.
 *
 * In a forked child a future of the parent's that was not done answers -EOWNERDEAD to all but the
 * questions that cannot fail.
 *
 * A future whose failure nobody has looked at when the last holder goes is reported.
 */
#ifndef TWINE_THREADS_FUTURE_H
#define TWINE_THREADS_FUTURE_H

#include <stddef.h>
#include <stdint.h>
#include <twine/base/clock.h>
#include <twine/base/result.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

struct tw_future;

/** Hold a future once more. Thread: any. Returns: the future; NULL for NULL. */
TW_EXPORT struct tw_future *tw_future_ref(struct tw_future *future);
/** Let go of a future; its job goes on all the same. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_future *tw_future_unref(struct tw_future *future);

/** Whether it has a value, a failure, or was cancelled. Thread: any. */
TW_EXPORT bool tw_future_is_done(const struct tw_future *future);
/** Whether its work has begun and is not over. Thread: any. */
TW_EXPORT bool tw_future_is_running(const struct tw_future *future);
/** Whether it was cancelled before its work began. Thread: any. */
TW_EXPORT bool tw_future_is_cancelled(const struct tw_future *future);

/**
 * The value of a future that is done.
 *
 * Thread:    any; not while another one takes it.
 * Ownership: the future's.
 * Returns:   NULL if it is not done, failed, was cancelled, or the value has been taken; or if that
 *            is the value.
 */
TW_EXPORT void *tw_future_value(struct tw_future *future);

/**
 * The failure of a future that is done: of kind TW_ERROR_CANCELLED if it was cancelled.
 *
 * Thread:    any.
 * Ownership: the future's.
 * Returns:   NULL if it is not done, or succeeded.
 */
TW_EXPORT struct tw_failure *tw_future_failure(struct tw_future *future);

/**
 * Wait for a future, and move its value, or its failure, into a result of your own. A failure can be
 * had again and again, a value once: then the future holds null.
 *
 * Thread:  as tw_future_wait().
 * Blocks:  as tw_future_wait().
 * Returns: 0; -ETIMEDOUT; -EDEADLK; -EINVAL for NULL.
 */
TW_EXPORT int tw_future_result(struct tw_future *future, int64_t timeout,
                               struct tw_result *ret_result);

/**
 * Cancel a future.
 *
 * If its work has not begun it never will: the future is done from now on, and those who wait are
 * woken. If it runs, it is asked to stop (tw_cancelled()), and decides itself.
 *
 * Thread:  any.
 * Returns: 0 if it is cancelled, now or before; -EINPROGRESS if it runs; -EALREADY if it is done;
 *          -EINVAL for NULL.
 */
TW_EXPORT int tw_future_cancel(struct tw_future *future);

/** What tw_future_add_done_callback() takes. Thread: the chosen worker's. */
typedef void (*tw_future_fn)(struct tw_future *future, void *arg);

/**
 * Have a function called once a future is done; at once if it is done already.
 *
 * Thread:    any. fn runs on the worker, or with NULL on the thread that completes the future or,
 *            if it is done, on this one; then it must not block.
 * Ownership: (arg, destroy) is consumed, on error too: destroy follows fn. The future is held
 *            until then, and so is the context in force here, which fn sees. If the worker refuses, or gives up, fn is not called, destroy is, and a
 *            warning is reported.
 * Returns:   0; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_future_add_done_callback(struct tw_future *future, struct tw_worker *worker,
                                          tw_future_fn fn, void *arg, tw_destroy_fn destroy);

/** When tw_future_wait is content (concurrent.futures' return_when). */
enum tw_wait_for {
    TW_WAIT_ALL = 0,          /**< all are done */
    TW_WAIT_FIRST = 1,        /**< one is done, in whatever way */
    TW_WAIT_FIRST_FAILURE = 2 /**< one has failed, or all are done */
};

/**
 * Block until some or all futures are done.
 *
 * Thread:    any; not a loop's, it blocks. In a pool's job see tw_future_await().
 * Blocks:    until then, or for timeout nanoseconds; TW_FOREVER; 0 only looks.
 * Ownership: the futures are borrowed. None is needed: then it is content at once.
 * Returns:   0; -ETIMEDOUT; -ENOMEM, only with more than 8 futures; -EDEADLK if it can never be
 *            content, or only by chance: on a thread of a pool that one of them that is not done
 *            was submitted to, inside the exclusive worker that it was submitted to, or on the
 *            thread of a loop that turns; -EINVAL for NULL.
 */
TW_EXPORT int tw_future_wait(struct tw_future *const *futures, size_t count,
                             enum tw_wait_for wait_for, int64_t timeout);

/**
 * Wait, in a job, until futures are all done, without keeping a thread from work.
 *
 * Those that were submitted directly to the job's own pool, and that nobody has begun, are run right
 * here. For what is left the job is suspended: its stack stays as it is, and its thread does other
 * work of the pool. It goes on on the same thread, before any other work there. So locks of your
 * own must not be held meanwhile. Off a pool's thread it blocks, as tw_future_wait() does.
 *
 * Thread:  any but a loop's.
 * Blocks:  off a pool's thread.
 * Returns: 0, and all are done; -ECANCELED if the pool is shut down meanwhile
 *          (tw_pool_shutdown()); -ENOMEM if there is no room for another stack; -EDEADLK inside a
 *          lock worker, on the thread of a loop that turns, for a future of the exclusive worker
 *          one is inside of, and in a job that has said tw_task_delivers(); -EINVAL for NULL.
 */
TW_EXPORT int tw_future_await(struct tw_future *const *futures, size_t count);

/**
 * Make a future of your own, for whoever writes something like an executor.
 *
 * Thread:    any.
 * Ownership: the future is yours to unref. If the last reference goes before it is set, nobody
 *            can be waiting for it.
 * Returns:   0; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_future_new(struct tw_future **ret_future);

/** Whether somebody has asked the work of a future of your own to stop: what tw_cancelled() tells an
 * executor's jobs. Thread: any. */
TW_EXPORT bool tw_future_is_asked_to_stop(const struct tw_future *future);

/**
 * Begin the work of a future of your own (concurrent.futures' set_running_or_notify_cancel).
 *
 * Thread:  any.
 * Returns: 0, and now it cannot be cancelled any more; -ECANCELED if it was; -EALREADY if it runs
 *          or is done; -EINVAL for NULL, or a future that an executor made.
 */
TW_EXPORT int tw_future_begin(struct tw_future *future);

/**
 * Give a future of your own its result. It need not have begun.
 *
 * Thread:    any.
 * Ownership: what the result holds is moved; on error it is destroyed. The result holds null then.
 * Returns:   0; -ECANCELED if it was cancelled; -EALREADY if it is done; -EINVAL for NULL, or a
 *            future that an executor made.
 */
TW_EXPORT int tw_future_set(struct tw_future *future, struct tw_result *result);

TW_END_DECLS

#endif
