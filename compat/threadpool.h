/*
 * Twisted's ThreadPool over a pool: for those who carry it over to C, one call at a time (TPL).
 *
 * This is its narrow interface: start, stop, adjust, call in thread, call with a callback. What is
 * accepted before start runs after it. In new code use threads/pool.h, and tw_defer_to_pool() for a
 * result on the loop's thread.
 */
#ifndef TWINE_COMPAT_THREADPOOL_H
#define TWINE_COMPAT_THREADPOOL_H

#include <twine/base/result.h>
#include <twine/threads/pool.h>

TW_BEGIN_DECLS

struct tw_threadpool;

/**
 * Make a pool that has not started (TPL-001, TPL-005).
 *
 * Thread:    any.
 * Ownership: the name is copied. The pool is yours to unref.
 * Returns:   0; -EINVAL if min is above max (TPL-002); -ENOMEM.
 *
 * @param min how many threads start makes
 * @param max how many there may be; Twisted's default is 20, with min 5
 * @param name its threads are named after it; NULL: "PoolThread"
 */
TW_EXPORT int tw_threadpool_new(size_t min, size_t max, const char *name,
                                struct tw_threadpool **ret_pool);

/** Let go of a pool, with no call to it in progress. One that was never stopped finishes its work
 *  by itself. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_threadpool *tw_threadpool_unref(struct tw_threadpool *pool);

/** Make min threads, and begin with what was accepted (TPL-006, TPL-008). Thread: one, the owner's.
 *  Returns: 0, also if it has started (TPL-009); -ESHUTDOWN if it was stopped (TPL-015). */
TW_EXPORT int tw_threadpool_start(struct tw_threadpool *pool);

/**
 * Finish what was accepted, end every thread, and wait for that (TPL-011, TPL-012). What was
 * accepted by a pool that never started is given up: its arguments are destroyed, its callbacks get
 * a failure (TPL-013).
 *
 * Thread:  one, the owner's.
 * Blocks:  until the last thread has ended.
 * Returns: 0; -ESHUTDOWN the second time (TPL-014); -EDEADLK on one of the pool's own threads
 *          (TPL-016).
 */
TW_EXPORT int tw_threadpool_stop(struct tw_threadpool *pool);

/** Change both numbers; threads above max go as they become idle, and some are made if there are
 * fewer than min (TPL-050 to TPL-052). Thread: any. Returns: 0; -EINVAL if min is above max;
 * -ESHUTDOWN if it was stopped. */
TW_EXPORT int tw_threadpool_adjust_pool_size(struct tw_threadpool *pool, size_t min, size_t max);

/**
 * Run a function on a thread of the pool; a failure it leaves is reported (TPL-030, TPL-038).
 *
 * Thread:    any.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called after the
 *            function.
 * Returns:   0; -ENOMEM; -ESHUTDOWN if it was stopped (TPL-031).
 */
TW_EXPORT int tw_threadpool_call_in_thread(struct tw_threadpool *pool, tw_call_fn function,
                                           void *arg, tw_destroy_fn destroy);

/**
 * The same, and hand the result to a callback on the same thread, right after the function and the
 * destroy of its argument (TPL-036, TPL-040). What the callback leaves is destroyed; a failure it
 * leaves is reported (TPL-039).
 *
 * @param on_result takes the result; also that of a job that was given up
 * @param on_result_arg borrowed until on_result has returned; on error it is not called
 */
TW_EXPORT int tw_threadpool_call_in_thread_with_callback(struct tw_threadpool *pool,
                                                         tw_call_fn on_result, void *on_result_arg,
                                                         tw_call_fn function, void *arg,
                                                         tw_destroy_fn destroy);

/** The pool as a worker, for tw_defer_to_pool(). Thread: any. Ownership: the pool's. */
TW_EXPORT struct tw_worker *tw_threadpool_worker(struct tw_threadpool *pool);
/** Its team, for statistics. Thread: any. Ownership: the pool's. */
TW_EXPORT struct tw_team *tw_threadpool_team(struct tw_threadpool *pool);

TW_END_DECLS

#endif
