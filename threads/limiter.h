/*
 * A limiter: a worker that lets so many of its tasks run at once on whatever is below (after trio's
 * CapacityLimiter).
 *
 * A pool bounds threads; a limiter bounds uses of something else: eight queries at a database, two
 * decoders, one printer. Several may stand over one pool, or none at all below: then each task runs
 * on a thread of the cache, and the limiter is the only bound. Tasks wait in its own queue, first in
 * first out, until a token is free, and then go to the worker below.
 *
 * A token is given back when the task's fn has returned, or has said tw_task_delivers(). Cancelling
 * does not give it back: work that runs on, abandoned, keeps its token until it is really over.
 *
 * It is a worker by tw_limiter_worker(), so tw_defer_to_pool() takes it.
 *
 * In a forked child a limiter made before is the parent's, and answers -EOWNERDEAD.
 */
#ifndef TWINE_THREADS_LIMITER_H
#define TWINE_THREADS_LIMITER_H

#include <stddef.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

struct tw_limiter;

/** A limiter at one moment. */
struct tw_limiter_numbers {
    size_t size;     /**< set it to sizeof(struct tw_limiter_numbers) before the call */
    size_t total;    /**< how many tasks may run at once */
    size_t borrowed; /**< how many have a token; above total after that was lowered */
    size_t waiting;  /**< how many have none yet */
};

/**
 * Make a limiter.
 *
 * Quit lets what was accepted run, and leaves the worker below as it is; with a total of 0 what
 * waits is given up then. If the worker below refuses for good, so does the limiter: what waits
 * gets -ESHUTDOWN. If a thread cannot be made, a task waits for another to give its token back; if
 * none has one, its fn gets -EAGAIN. A cancelled task that waits for a token leaves at once; one
 * that waits in the queue below is given up when it is reached.
 *
 * Thread:    any.
 * Ownership: the worker below is borrowed; the limiter takes a reference. The limiter is yours to
 *            unref.
 * Returns:   0; -ENOMEM; -EINVAL without ret_limiter.
 *
 * @param below who runs the tasks; NULL: threads of the cache
 * @param total how many tasks may run at once; 0: none until tw_limiter_set_total()
 */
TW_EXPORT int tw_limiter_new(struct tw_worker *below, size_t total,
                             struct tw_limiter **ret_limiter);

/** The limiter as a worker, with the same reference count. Thread: any. Returns: NULL for NULL. */
TW_EXPORT struct tw_worker *tw_limiter_worker(struct tw_limiter *limiter);
/** Hold a limiter once more. Thread: any. Returns: the limiter; NULL for NULL. */
TW_EXPORT struct tw_limiter *tw_limiter_ref(struct tw_limiter *limiter);
/** Let go of a limiter; see tw_worker_unref(). Thread: any. Returns: NULL. */
TW_EXPORT struct tw_limiter *tw_limiter_unref(struct tw_limiter *limiter);

/**
 * Change how many tasks may run at once. Raised, waiting tasks go at once; lowered, those that run
 * finish, and tokens are not lent again until fewer are out.
 *
 * Thread:  any.
 * Blocks:  as the submit of the worker below does.
 * Returns: 0; -ENOMEM, and the total stays; -EINVAL for NULL.
 */
TW_EXPORT int tw_limiter_set_total(struct tw_limiter *limiter, size_t total);

/** Read a limiter, at one moment. Thread: any. Returns: 0; -EINVAL if something is NULL or the size
 * is not set. */
TW_EXPORT int tw_limiter_statistics(struct tw_limiter *limiter,
                                    struct tw_limiter_numbers *ret_statistics);

/**
 * Is told of a task that has a token.
 *
 * @param arg as given to tw_limiter_each_borrower()
 * @param task the task. It keeps its token while this is called; so look into it if it is alive as
 *             long as its fn has not returned, and compare addresses if it frees itself in there
 * @param is_running whether its fn is being called; else it waits for a worker below
 */
typedef void (*tw_borrower_fn)(void *arg, struct tw_task *task, bool is_running);

/**
 * Say who has a token, the longest holder first.
 *
 * Thread:  any. The function is called on this thread, with the limiter's lock held: it must be
 *          short, and must not call the limiter.
 * Returns: how many there are; -EINVAL for NULL.
 */
TW_EXPORT int tw_limiter_each_borrower(struct tw_limiter *limiter, tw_borrower_fn fn, void *arg);

TW_END_DECLS

#endif
