/*
 * A pool: a team of thread workers under a limit, coordinated by a lock worker (Twisted's pool,
 * POL).
 *
 * Threads are made when work needs them, as many as are short and never more than the limit, and
 * are taken from the process-wide cache; they go back to it when they have idled for long, but for
 * a minimum. Hooks may be called on each thread first and last. A pool whose limit is 0 keeps what
 * it is given until the limit is raised. In a forked child a pool made before is the parent's, and
 * answers -EOWNERDEAD.
 */
#ifndef TWINE_THREADS_POOL_H
#define TWINE_THREADS_POOL_H

#include <stdint.h>
#include <twine/base/clock.h>
#include <twine/threads/team.h>

TW_BEGIN_DECLS

struct tw_pool;

/** The limit that follows the machine: for work that mostly waits, some more threads than
 * processors. */
#define TW_POOL_LIMIT_DEFAULT SIZE_MAX

/** A bound of the backlog: no task may wait, but for a thread that is idle, coming or about to be
 * made. */
#define TW_POOL_NO_BACKLOG SIZE_MAX

/**
 * Makes what a thread of a pool needs before its first task: a connection, a handle.
 *
 * Thread:  the new one. It may block; meanwhile the thread counts as one that comes.
 * Returns: 0; a negative errno, and then the thread is given back. That is reported and counted
 *          (failed_creations); what waits is left to the other threads, or given up with -EAGAIN if
 *          there is none. While this goes on failing it is tried more and more seldom, as long as
 *          there are other threads.
 *
 * @param arg the options' hook_arg
 * @param ret_state the thread's own state; NULL if it is left alone
 */
typedef int (*tw_pool_start_fn)(void *arg, void **ret_state);

/**
 * Undoes it after the thread's last task; not called if the start hook has failed.
 *
 * Thread: the one that goes. It may block; the pool has not ended before it returns.
 */
typedef void (*tw_pool_exit_fn)(void *arg, void *state);

/** How a pool is made; a field left 0 means the default. */
struct tw_pool_options {
    size_t size; /**< sizeof(struct tw_pool_options) */
    const char
        *name; /**< its threads are named NAME-1, NAME-2, …, 15 bytes of that; NULL: "twine" */
    size_t stack_size;      /**< of its threads, in bytes; 0: the system's default */
    size_t minimum;         /**< threads that are made with the pool, and not let go */
    int64_t idle_time;      /**< nanoseconds after which an idle thread beyond the minimum goes; 0:
                                 never */
    struct tw_clock *clock; /**< for that; it has to outlive the pool. NULL: the monotonic one */
    size_t max_backlog; /**< the most tasks that may wait beyond those for which a thread is idle,
                                 is coming, or may be made within the limit; while the pool is
                                 suspended all that wait count. Past that submit answers -EAGAIN. 0:
                                 no bound; TW_POOL_NO_BACKLOG */
    tw_pool_start_fn start;     /**< called on each of its threads first; NULL: nothing */
    tw_pool_exit_fn exit;       /**< called on each of its threads last; NULL: nothing */
    void *hook_arg;             /**< for both */
    tw_destroy_fn hook_destroy; /**< destroys hook_arg; NULL: nothing */
};

/**
 * Make a pool.
 *
 * No thread is made before there is work, beyond the minimum. If fewer than that can be made the
 * pool is made all the same: it is reported and counted (failed_creations), and tried again whenever
 * a task is submitted or over.
 *
 * Thread:    any.
 * Ownership: the options are borrowed for the call, NULL means the defaults. (hook_arg,
 *            hook_destroy) is consumed, on error too, unless the size is wrong: it is destroyed when
 *            the pool has ended, after the last exit hook and before anybody is told. The pool is
 *            yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL for options that are not right, a stack size the system refuses
 *            among them.
 *
 * @param limit the most threads it may have at once; 0: none yet; TW_POOL_LIMIT_DEFAULT
 */
TW_EXPORT int tw_pool_new(size_t limit, const struct tw_pool_options *options,
                          struct tw_pool **ret_pool);

/** The pool as a worker, with the same reference count. Thread: any. Returns: NULL for NULL. */
TW_EXPORT struct tw_worker *tw_pool_worker(struct tw_pool *pool);
/** Its team, for statistics, grow and shrink. Thread: any. Ownership: the pool's. Returns: NULL for
 * NULL. */
TW_EXPORT struct tw_team *tw_pool_team(struct tw_pool *pool);
/** Hold a pool once more. Thread: any. Returns: the pool; NULL for NULL. */
TW_EXPORT struct tw_pool *tw_pool_ref(struct tw_pool *pool);
/** Let go of a pool; see tw_worker_unref(). Thread: any. Returns: NULL. */
TW_EXPORT struct tw_pool *tw_pool_unref(struct tw_pool *pool);

/**
 * Hand a task to the pool; see tw_worker_submit().
 *
 * Returns: also -EAGAIN if it would have to wait, and the backlog is as long as it may be: the task
 *          is still yours. What has been accepted is never refused later.
 */
TW_EXPORT int tw_pool_submit(struct tw_pool *pool, struct tw_task *task);
/** Hand several tasks to the pool at once; see tw_team_submit_many(). -EAGAIN, as from
 * tw_pool_submit(), means that none is accepted. */
TW_EXPORT int tw_pool_submit_many(struct tw_pool *pool, struct tw_task *const *tasks, size_t count);
/** Give up a task that waits; see tw_worker_cancel(). */
TW_EXPORT int tw_pool_cancel(struct tw_pool *pool, struct tw_task *task);
/** Finish what was accepted, refuse the rest; see tw_worker_quit(). */
TW_EXPORT int tw_pool_quit(struct tw_pool *pool);

/**
 * Let no thread take a task any more (Tcl's tpool::suspend). What runs goes on; what is submitted
 * is accepted and waits, and no thread is woken or made for it. Tasks that wait can be cancelled.
 *
 * Thread:  any.
 * Blocks:  for the pool's lock, never for work.
 * Returns: 0; -EALREADY if it is suspended; -ESHUTDOWN after quit, which resumes it.
 */
TW_EXPORT int tw_pool_suspend(struct tw_pool *pool);

/**
 * Let threads take tasks again: those that wait are a burst, and get the threads it needs at once.
 *
 * Thread:  any.
 * Blocks:  for the pool's lock, never for work.
 * Returns: 0; -EALREADY if it is not suspended; -ESHUTDOWN after quit.
 */
TW_EXPORT int tw_pool_resume(struct tw_pool *pool);

/** Its limit. Thread: any. */
TW_EXPORT size_t tw_pool_limit(struct tw_pool *pool);

/** Its minimum. Thread: any. */
TW_EXPORT size_t tw_pool_minimum(struct tw_pool *pool);
/** Its idle time, in nanoseconds; TW_FOREVER: idle threads stay. Thread: any. */
TW_EXPORT int64_t tw_pool_idle_time(struct tw_pool *pool);

/**
 * Change how many threads are kept, however long they idle. When it rises they are made now; when
 * it falls, those go that were kept for it alone. tw_team_shrink() goes no lower either.
 *
 * Thread:  any.
 * Blocks:  for the pool's lock, never for work.
 * Returns: 0; -ESHUTDOWN after quit; -EINVAL above the limit.
 */
TW_EXPORT int tw_pool_set_minimum(struct tw_pool *pool, size_t minimum);

/**
 * Change for how long a thread beyond the minimum may idle. Nobody is woken for it: it holds for
 * each thread from its next task on.
 *
 * Thread:  any.
 * Returns: 0; -EINVAL for a negative time.
 *
 * @param idle_time nanoseconds; 0 or TW_FOREVER: for ever
 */
TW_EXPORT int tw_pool_set_idle_time(struct tw_pool *pool, int64_t idle_time);

/**
 * Change the limit. When it rises, work that waits is given threads; when it falls below the number
 * of threads, those too many go as they become idle.
 *
 * Thread:  any.
 * Blocks:  for the pool's lock, never for work.
 * Returns: 0; -ESHUTDOWN after quit; -EINVAL below the minimum.
 */
TW_EXPORT int tw_pool_set_limit(struct tw_pool *pool, size_t limit);

/**
 * Wait until a pool that has quit has ended: every accepted task over, deliveries too, every thread
 * gone back.
 *
 * Thread:  any but the pool's own, and not a loop's: it blocks.
 * Blocks:  for as long as it takes, or timeout nanoseconds; TW_FOREVER.
 * Returns: 0; -ETIMEDOUT; -EDEADLK on one of the pool's own threads, in a callback of a loop or
 *          inside a lock worker; -EINVAL if nobody has quit it, or for a timeout below 0.
 */
TW_EXPORT int tw_pool_join(struct tw_pool *pool, int64_t timeout);

/** Whether the caller is one of the pool's own threads. Thread: any. */
TW_EXPORT bool tw_pool_is_own_thread(const struct tw_pool *pool);

/** What the start hook has made for this thread. Thread: any. Returns: NULL if it made nothing, or
 * the caller is not one of the pool's own threads. */
TW_EXPORT void *tw_pool_thread_state(const struct tw_pool *pool);

/**
 * Be told, without blocking, when a pool that has quit, or will quit, has ended.
 *
 * Thread:    any.
 * Ownership: the task is lent. It is submitted to the worker, of which a reference is held, when
 *            the pool has ended: perhaps before this returns. If the worker refuses it, its fn gets
 *            the worker's error.
 * Returns:   0; -EINVAL for NULL, or a task that is submitted already.
 */
TW_EXPORT int tw_pool_notify_end(struct tw_pool *pool, struct tw_worker *worker,
                                 struct tw_task *task);

TW_END_DECLS

#endif
