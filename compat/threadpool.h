/*
 * Twisted's ThreadPool over a pool: for those who carry it over to C, one call at a time (TPL).
 *
 *     tw_threadpool_new(5, 20, "disk", &pool);
 *     tw_threadpool_start(pool);
 *     tw_threadpool_call_in_thread(pool, work, arg, free);
 *     tw_threadpool_stop(pool);
 *
 * What comes first here is its narrow interface: start, stop, adjust, call in thread, call with a
 * callback. What is accepted before start runs after it. The rest of the old class stands below, as
 * legacy, each with what to use instead. In new code use threads/pool.h, and tw_defer_to_pool() for
 * a result on the loop's thread. In a forked child the parent's pools answer -EOWNERDEAD, and all
 * numbers are 0.
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
 * @param min how many threads start makes; Twisted's default is 5
 * @param max how many there may be; Twisted's default is 20
 * @param name its threads are PoolThread-NAME-0, PoolThread-NAME-1, …, the system shows 15 bytes of
 *             that; NULL: its address takes the name's place (TPL-019)
 */
TW_EXPORT int tw_threadpool_new(size_t min, size_t max, const char *name,
                                struct tw_threadpool **ret_pool);

/** Let go of a pool, with no call to it in progress. One that was never stopped finishes its work
 *  by itself. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_threadpool *tw_threadpool_unref(struct tw_threadpool *pool);

/** Make min threads, and begin with what was accepted (TPL-006, TPL-008). Thread: any. Returns: 0,
 *  also if it has started (TPL-009); -ESHUTDOWN if it was stopped (TPL-015). */
TW_EXPORT int tw_threadpool_start(struct tw_threadpool *pool);

/**
 * Finish what was accepted, end every thread, and wait for that (TPL-011, TPL-012). What was
 * accepted by a pool that never started is given up: its arguments are destroyed, its callbacks get
 * a failure (TPL-013).
 *
 * Thread:  any but the pool's own, and not a loop's: it blocks.
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
 * Run a function on a thread of the pool; a failure it leaves is reported (TPL-030, TPL-038). It
 * sees the context in force here.
 *
 * Thread:    any.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called after the
 *            function.
 * Returns:   0; -ENOMEM; -ESHUTDOWN if it was stopped, and then nothing else happens (TPL-031).
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
/** The pool beneath, for whatever wants one: a reactor, for instance. Thread: any. Ownership: the
 * pool's. Returns: NULL if its threads are made by a function of yours. */
TW_EXPORT struct tw_pool *tw_threadpool_pool(struct tw_threadpool *pool);

/* --- legacy -----------------------------------------------------------------------------------
 *
 * The rest of the old class, so that code that uses it can come over as it is. Each says what new
 * code uses instead.
 */

/** Writes a thread's name. Thread: the new one; for a function of yours that makes threads, inside
 * the coordinator.
 *
 * @param number the lowest that no other thread of the pool has, from 0
 * @param buffer room for size bytes
 */
typedef void (*tw_threadpool_name_fn)(void *arg, size_t number, char *buffer, size_t size);

/**
 * Makes a thread: a worker of whatever kind (TPL-020).
 *
 * Thread:    inside the coordinator; see tw_create_worker_fn.
 * Ownership: the reference to *ret_worker is taken over; the pool quits it.
 * Returns:   as tw_create_worker_fn.
 *
 * @param name what it is to be named; not kept
 */
typedef int (*tw_threadpool_thread_fn)(void *arg, const char *name, struct tw_worker **ret_worker);

/** What the old class let a subclass replace; a field left 0 means the default. */
struct tw_threadpool_options {
    size_t size;       /**< sizeof(struct tw_threadpool_options) */
    const char *name;  /**< see tw_threadpool_new() */
    size_t stack_size; /**< of its threads, in bytes. Instead: the same of tw_pool_options */
    tw_threadpool_name_fn make_name; /**< _generateName. Instead: the name of tw_pool_options */
    tw_threadpool_thread_fn
        make_thread; /**< threadFactory. Instead: a team of your own, by tw_team_new(); to do
                          something on each thread, the start hook of tw_pool_options */
    struct tw_worker *coordinator; /**< the team's, with make_thread; NULL: a lock worker. With one
                                        handed in stop does not wait. Instead: tw_team_new() */
    void *arg;                     /**< for make_name and make_thread */
    tw_destroy_fn destroy;         /**< destroys arg when the pool has ended; NULL: nothing */
};

/**
 * Make a pool with something replaced. Instead: tw_pool_new(), or tw_team_new().
 *
 * Thread:    any.
 * Ownership: the options are borrowed for the call, NULL means the defaults. (arg, destroy) is
 *            consumed, on error too, unless the size is wrong. A coordinator is borrowed, the team
 *            takes a reference.
 * Returns:   as tw_threadpool_new(); -EINVAL also for options that are not right.
 */
TW_EXPORT int tw_threadpool_new_with_options(size_t min, size_t max,
                                             const struct tw_threadpool_options *options,
                                             struct tw_threadpool **ret_pool);

/** Make one thread more, within max; before start it does nothing (TPL-054). Instead:
 * tw_team_grow(). Thread: any. Returns: 0; -ESHUTDOWN if it was stopped. */
TW_EXPORT int tw_threadpool_start_a_worker(struct tw_threadpool *pool);
/** Let one thread go, once one is idle (TPL-055). Instead: tw_team_shrink(). Thread: any. Returns:
 * 0; -ESHUTDOWN if it was stopped. */
TW_EXPORT int tw_threadpool_stop_a_worker(struct tw_threadpool *pool);

/** The min it was given (TPL-004). Instead: tw_pool_minimum(), which also keeps so many. Thread:
 * any. */
TW_EXPORT size_t tw_threadpool_min(struct tw_threadpool *pool);
/** The max it was given (TPL-004). Instead: tw_pool_limit(). Thread: any. */
TW_EXPORT size_t tw_threadpool_max(struct tw_threadpool *pool);
/** Its name, or NULL. Instead: keep it yourself. Thread: any. Ownership: the pool's. */
TW_EXPORT const char *tw_threadpool_name(struct tw_threadpool *pool);
/** Whether it has started and was not stopped. Instead: a pool works from its making on. Thread:
 * any. */
TW_EXPORT bool tw_threadpool_started(struct tw_threadpool *pool);
/** Whether it was stopped. Instead: tw_team_has_quit(). Thread: any. */
TW_EXPORT bool tw_threadpool_joined(struct tw_threadpool *pool);

/** How many threads it has, those that come up among them (TPL-056). Instead:
 * tw_team_statistics(), for this and the next three. Thread: any. */
TW_EXPORT size_t tw_threadpool_workers(struct tw_threadpool *pool);
/** How many run a function. Thread: any. */
TW_EXPORT size_t tw_threadpool_working(struct tw_threadpool *pool);
/** How many are free. Thread: any. */
TW_EXPORT size_t tw_threadpool_waiters(struct tw_threadpool *pool);
/** How many calls wait for a thread (TPL-057: _queue, q). Thread: any. */
TW_EXPORT size_t tw_threadpool_queue_size(struct tw_threadpool *pool);

/**
 * The threads that live (TPL-018), in no order. Instead: nothing; a pool's threads are its own.
 *
 * Thread:  any.
 * Returns: how many there are; 0 with make_thread.
 *
 * @param fn called with the whole name of each, which it may not keep; it may not call the pool.
 *           NULL: only count
 */
TW_EXPORT size_t tw_threadpool_threads(struct tw_threadpool *pool,
                                       void (*fn)(const char *name, void *arg), void *arg);
/** The whole name of the thread that calls. Instead: pthread_getname_np() has 15 bytes of it.
 * Thread: any. Returns: NULL if that is not one of the pool's own. */
TW_EXPORT const char *tw_threadpool_thread_name(struct tw_threadpool *pool);

/** Report three lines: waiters, workers, total (TPL-059). Instead: tw_team_statistics(), or a
 * tw_watch. Thread: any. */
TW_EXPORT void tw_threadpool_dump_stats(struct tw_threadpool *pool);

TW_END_DECLS

#endif
