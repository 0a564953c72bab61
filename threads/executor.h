/*
 * An executor: gives jobs to a worker, and their results out as futures (concurrent.futures'
 * ThreadPoolExecutor, with betterconcurrent's join).
 *
 *     tw_executor_new(4, NULL, &executor);
 *     tw_executor_submit(executor, work, arg, NULL, &future);
 *     tw_future_result(future, TW_FOREVER, &result);
 *     tw_executor_shutdown(executor, true, false);
 *
 * In a forked child the parent's executors answer -EOWNERDEAD.
 */
#ifndef TWINE_THREADS_EXECUTOR_H
#define TWINE_THREADS_EXECUTOR_H

#include <twine/threads/future.h>
#include <twine/threads/pool.h>

TW_BEGIN_DECLS

struct tw_executor;

/** The kind of failure that queued jobs get when a thread's initializer has failed; the cause is
 * its failure. Code: ENOTRECOVERABLE. */
TW_EXPORT extern const struct tw_error TW_ERROR_BROKEN_EXECUTOR;

/** How an executor is made; a field left 0 means the default. */
struct tw_executor_options {
    size_t size;             /**< sizeof(struct tw_executor_options) */
    const char *thread_name; /**< see struct tw_pool_options */
    size_t stack_size;       /**< of its threads, in bytes */
    /** Called on each thread before its first job. If it leaves a failure the executor is broken:
     * what is queued fails, and nothing is accepted any more. */
    tw_call_fn initializer;
    void *initializer_arg;             /**< for the initializer */
    tw_destroy_fn destroy_initializer; /**< for initializer_arg, once no thread will start any more;
                                          on error at once */
};

/**
 * Make an executor with a pool of its own.
 *
 * Thread:    any.
 * Ownership: the options are borrowed for the call, NULL means the defaults; but see
 *            destroy_initializer. The executor is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL for options that are not right.
 *
 * @param max_workers the most threads at once; TW_POOL_LIMIT_DEFAULT
 */
TW_EXPORT int tw_executor_new(size_t max_workers, const struct tw_executor_options *options,
                              struct tw_executor **ret_executor);

/**
 * Make an executor over any worker: a pool that others use too, a strand, a limiter, …
 *
 * Thread:    any.
 * Ownership: the worker is borrowed, the executor takes a reference. The executor is yours to
 *            unref.
 * Returns:   0; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_executor_over(struct tw_worker *worker, struct tw_executor **ret_executor);

/** Hold an executor once more. Thread: any. Returns: the executor; NULL for NULL. */
TW_EXPORT struct tw_executor *tw_executor_ref(struct tw_executor *executor);
/** Let go of an executor. When nobody holds it, it shuts down by itself, without waiting: what it
 * has accepted still runs. Thread: any, its jobs' included. Returns: NULL. */
TW_EXPORT struct tw_executor *tw_executor_unref(struct tw_executor *executor);

/** The worker that runs its jobs. Thread: any. Ownership: the executor's. Returns: NULL for NULL. */
TW_EXPORT struct tw_worker *tw_executor_worker(struct tw_executor *executor);

/**
 * Have a job done.
 *
 * Over a pool or a team jobs are begun in the order submitted, but for those that somebody awaits
 * (tw_future_await()). A job that has awaited some of what it has submitted keeps what it submits by
 * itself while all workers are busy: they come for it in order, and for what was submitted elsewhere
 * in between. In the pool's statistics all that one job keeps is one task of the backlog, and what it
 * performs itself is counted soon after, at the latest before its delivery.
 *
 * Thread:    any, its own jobs' included.
 * Ownership: (arg, destroy) is consumed, on error too: destroy follows the work, on its thread, or
 *            runs where the job is given up. The future is yours to unref; with ret_future NULL
 *            there is none, and a failure is reported.
 * Returns:   0; -ENOMEM; -ESHUTDOWN after shutdown, or if the worker has quit; -ENOTRECOVERABLE if
 *            it is broken; -EAGAIN if the worker takes no more just now; -EINVAL for NULL.
 */
TW_EXPORT int tw_executor_submit(struct tw_executor *executor, tw_call_fn work, void *arg,
                                 tw_destroy_fn destroy, struct tw_future **ret_future);

/**
 * Have the same work done for each of several arguments, in one visit to the pool
 * (concurrent.futures' map). Go through the futures in order for the results in order.
 *
 * Thread:    as tw_executor_submit().
 * Ownership: the array is not kept; each argument is borrowed until its work is over. The futures
 *            are yours to unref, one by one.
 * Returns:   as tw_executor_submit(). On error there are no futures, and over a pool or a team none
 *            is submitted; over another worker those before the error are cancelled.
 *
 * @param args the arguments, count of them
 * @param ret_futures room for count futures
 */
TW_EXPORT int tw_executor_map(struct tw_executor *executor, tw_call_fn work, void *const *args,
                              size_t count, struct tw_future **ret_futures);

/**
 * Wait until every job is over, and the jobs those submit, and so on (betterconcurrent's join). The
 * executor can be used as before, meanwhile and afterwards.
 *
 * Thread:  any but its own jobs' and a loop's.
 * Blocks:  until then, or for timeout nanoseconds; TW_FOREVER.
 * Returns: 0; -ETIMEDOUT; -EDEADLK in one of its jobs, on the thread of a loop that turns, or
 *          inside a lock worker; -EINVAL for NULL.
 */
TW_EXPORT int tw_executor_join(struct tw_executor *executor, int64_t timeout);

/**
 * Refuse new jobs, and let those accepted run; or give up those that have not begun.
 *
 * A worker that was handed in, and others may use, is left as it is.
 *
 * Thread:  any; with wait, as tw_executor_join().
 * Blocks:  with wait, until every job is over and every thread of its own has gone back.
 * Returns: 0, the second time too; with wait, -EDEADLK as tw_executor_join(), and then it is shut
 *          down all the same; -EINVAL for NULL.
 *
 * @param wait whether to wait
 * @param cancel_futures whether to cancel what has not begun
 */
TW_EXPORT int tw_executor_shutdown(struct tw_executor *executor, bool wait, bool cancel_futures);

TW_END_DECLS

#endif
