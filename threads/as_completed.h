/*
 * Futures in the order in which they are done (concurrent.futures' as_completed). Each is let go of
 * when it is yielded.
 *
 *     tw_as_completed_new(futures, count, &each);
 *     while (tw_as_completed_next(each, TW_FOREVER, &future) > 0) {
 *         ...
 *         tw_future_unref(future);
 *     }
 *     tw_as_completed_free(each);
 */
#ifndef TWINE_THREADS_AS_COMPLETED_H
#define TWINE_THREADS_AS_COMPLETED_H

#include <twine/threads/future.h>

TW_BEGIN_DECLS

struct tw_as_completed;

/**
 * Go through futures in the order in which they are done (concurrent.futures' as_completed).
 *
 * Thread:    any; the thing made, and tw_as_completed_next(), one at a time.
 * Ownership: the futures are held until they are yielded; the array is not kept. What is made is
 *            yours to free.
 * Returns:   0; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_as_completed_new(struct tw_future *const *futures, size_t count,
                                  struct tw_as_completed **ret_each);

/**
 * The next future that is done.
 *
 * Thread:    as tw_future_wait().
 * Blocks:    as tw_future_wait().
 * Ownership: *ret_future is handed over: nothing else here holds it any more.
 * Returns:   1; 0 when all have been yielded, and *ret_future is NULL; -ETIMEDOUT; -EDEADLK as tw_future_wait();
 *            -EINVAL for NULL, or a timeout below 0.
 */
TW_EXPORT int tw_as_completed_next(struct tw_as_completed *each, int64_t timeout,
                                   struct tw_future **ret_future);

/** Let go of it, and of what was not yielded. Thread: the owner's. Returns: NULL. */
TW_EXPORT struct tw_as_completed *tw_as_completed_free(struct tw_as_completed *each);

TW_END_DECLS

#endif
