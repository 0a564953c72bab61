/*
 * Tcl's tpool over a pool and futures: for those who carry it over to C, one call at a time (TCL).
 *
 * Pools and jobs are numbers, as in Tcl, and may be used from any thread. A number that is wrong, or
 * whose pool has been released, is answered with -ESRCH, and reported.
 *
 *     uint64_t pool, job;
 *     tw_tpool_create(NULL, &pool);
 *     tw_tpool_post(pool, 0, work, arg, free, &job);
 *     tw_tpool_wait(pool, NULL, &job, 1);
 *     tw_tpool_get(pool, job, &result);
 *     tw_tpool_release(pool);
 *
 * Where Tcl has a list of jobs and a variable for the rest of it, there is one array here: what was
 * asked for comes to its front, and the rest follows.
 *
 * In new code use threads/executor.h and threads/future.h, or tw_defer_to_pool() on a loop's thread;
 * tw_tpool_pool() and tw_tpool_future() lead there. In a forked child the parent's pools answer
 * -EOWNERDEAD.
 */
#ifndef TWINE_COMPAT_TPOOL_H
#define TWINE_COMPAT_TPOOL_H

#include <twine/reactor/reactor.h>
#include <twine/threads/future.h>
#include <twine/threads/pool.h>

TW_BEGIN_DECLS

/** How a pool is made; a field left 0 means the default. */
struct tw_tpool_options {
    size_t size;           /**< sizeof(struct tw_tpool_options) */
    size_t min_workers;    /**< -minworkers: threads that are made with the pool, and stay */
    size_t max_workers;    /**< -maxworkers: the most threads; 0: 4. One below min_workers is raised
                                to it */
    int64_t idle_time;     /**< -idletime, in nanoseconds: after that an idle thread beyond
                                min_workers goes; 0: never */
    tw_pool_start_fn init; /**< -initcmd: called on each thread first. If it fails, that thread does
                                not come up, and jobs that no thread is left for fail with
                                TW_ERROR_NO_THREAD */
    tw_pool_exit_fn exit;  /**< -exitcmd: called on each thread last */
    void *arg;             /**< for both */
    tw_destroy_fn destroy; /**< destroys arg when the last thread has gone; NULL: nothing */
    struct tw_clock *clock; /**< for idle_time; NULL: the monotonic one */
};

/** Flags of tw_tpool_post(). */
enum tw_tpool_flags {
    TW_TPOOL_DETACHED = 1, /**< the job has no number; a failure it leaves is reported */
    TW_TPOOL_NOWAIT = 2    /**< changes nothing: a post never waits here */
};

/**
 * Make a pool (tpool::create).
 *
 * Thread:    any.
 * Ownership: the options are borrowed for the call, NULL means the defaults. (arg, destroy) is
 *            consumed, on error too, unless the size is wrong. The pool lasts until it is released.
 * Returns:   0; -ENOMEM; -EINVAL for options that are not right.
 *
 * @param ret_pool its number, never 0
 */
TW_EXPORT int tw_tpool_create(const struct tw_tpool_options *options, uint64_t *ret_pool);

/**
 * The pools that have not been released (tpool::names), oldest first.
 *
 * Thread:  any.
 * Returns: how many there are, also if that is more than there was room for.
 *
 * @param ret_pools room for so many; may be NULL if that is 0
 */
TW_EXPORT size_t tw_tpool_names(uint64_t *ret_pools, size_t room);

/**
 * Have a job done (tpool::post). It is always queued: a post does not wait for a thread, and serves
 * no events. The job sees the context in force here.
 *
 * Thread:    any, the pool's own too.
 * Ownership: (arg, destroy) is consumed, on error too: destroy follows the work, on its thread, or
 *            runs where the job is given up. The result is kept until tw_tpool_get().
 * Returns:   0; -ENOMEM; -ESRCH for a pool that is not there; -EINVAL without work, or with a flag
 *            nobody knows.
 *
 * @param flags of enum tw_tpool_flags; 0
 * @param ret_job the job's number, counted from 1 in each pool; not written if the job is detached.
 *                NULL also means detached
 */
TW_EXPORT int tw_tpool_post(uint64_t pool, unsigned flags, tw_call_fn work, void *arg,
                            tw_destroy_fn destroy, uint64_t *ret_job);

/**
 * Wait until at least one of several jobs is completed (tpool::wait): done, failed or cancelled.
 *
 * With a reactor whose loop is not turning, the loop turns meanwhile, as in tw_reactor_wait(). In a
 * coroutine this awaits, and its loop goes on; NULL will do there. Else with NULL this blocks.
 * Inside a callback of a loop none of that is possible, nor in a job for one of its own pool.
 *
 * Thread:  with a reactor, the loop's to be; a coroutine's; else any but a loop's.
 * Blocks:  until one is completed, in a coroutine only that; with a count of 0 never.
 * Returns: how many are completed, and those come first in jobs now, the pending ones after them,
 *          each part in the order it was in; -ESRCH for a pool or a job that is not there;
 *          -ESHUTDOWN if the pool is released, or the reactor stops, meanwhile; -ECANCELED if the
 *          coroutine is cancelled, or its reactor stops; -EDEADLK inside a callback or a lock
 *          worker: use tw_future_add_done_callback() with tw_tpool_future(); in a job of the same
 *          pool: tw_future_await(); -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_tpool_wait(uint64_t pool, struct tw_reactor *reactor, uint64_t *jobs,
                            size_t count);

/**
 * Cancel jobs that have not begun (tpool::cancel). They are completed then, with a failure of kind
 * TW_ERROR_CANCELLED; one that runs goes on, and is asked to stop by tw_cancelled().
 *
 * Thread:  any.
 * Returns: how many are cancelled, and those come first in jobs now, the others after them, each
 *          part in the order it was in; -ESRCH for a pool or a job that is not there, and then none
 *          is cancelled; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_tpool_cancel(uint64_t pool, uint64_t *jobs, size_t count);

/**
 * Take the result of a job that is completed (tpool::get), and with that forget the job.
 *
 * Thread:    any.
 * Ownership: the value, or the failure, is moved into the result, which must have been initialised.
 * Returns:   0, for a value as for a failure; -EINPROGRESS if the job is not completed; -ESRCH for
 *            a pool or a job that is not there, also because its result has been taken; -EINVAL for
 *            NULL.
 */
TW_EXPORT int tw_tpool_get(uint64_t pool, uint64_t job, struct tw_result *ret_result);

/** Count one user more (tpool::preserve). A new pool's count is 0. Thread: any. Returns: the count;
 * -ESRCH for a pool that is not there. */
TW_EXPORT int tw_tpool_preserve(uint64_t pool);

/**
 * Count one user less (tpool::release), and if none is left, end the pool: jobs that have not begun
 * are given up, results nobody has taken are destroyed, failures among them reported.
 *
 * Thread:  any.
 * Blocks:  if it ends the pool, until what runs is over and every thread has gone; not in a job of
 *          the pool, nor inside a callback of a loop or a lock worker: there the pool ends by
 *          itself.
 * Returns: the count; 0, and now the pool is not there any more; -ESRCH for one that was not.
 */
TW_EXPORT int tw_tpool_release(uint64_t pool);

/** Let no thread take a job any more (tpool::suspend); those that run go on, and what is posted
 * waits. Thread: any. Returns: 0, the second time too; -ESRCH for a pool that is not there. */
TW_EXPORT int tw_tpool_suspend(uint64_t pool);
/** Let threads take jobs again (tpool::resume), and make those that are short. Thread: any. Returns:
 * 0, also if it was not suspended; -ESRCH for a pool that is not there. */
TW_EXPORT int tw_tpool_resume(uint64_t pool);

/** The future of a job: the same job in the words of threads/future.h. Thread: any. Ownership: yours
 * to unref; a value is taken once, by whoever comes first. Returns: 0; -ESRCH for a pool or a job
 * that is not there; -EINVAL for NULL. */
TW_EXPORT int tw_tpool_future(uint64_t pool, uint64_t job, struct tw_future **ret_future);

/** The pool beneath, for tw_defer_to_pool(), an executor over it, and statistics. Thread: any.
 * Ownership: yours to unref; the release quits it. Returns: 0; -ESRCH for a pool that is not there;
 * -EINVAL for NULL. */
TW_EXPORT int tw_tpool_pool(uint64_t pool, struct tw_pool **ret_pool);

TW_END_DECLS

#endif
