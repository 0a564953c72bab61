/*
 * For writers of workers: what a kind of worker provides.
 *
 * A kind is a static table of operations and a struct whose first member is a struct tw_worker:
 *
 *     static const struct tw_worker_ops my_ops = {sizeof my_ops, "my worker", TW_WORKER_EXCLUSIVE,
 *                                                 my_submit, tw_worker_cancel_claim, my_quit,
 *                                                 tw_worker_enter_none, tw_worker_leave_none,
 * my_last_unref};
 *
 * What each must keep: a task accepted has its fn called exactly once, never while the task is
 * still linked in a queue. The claim settles who calls it, when a cancel comes meanwhile:
 *
 *     submit accepts            tw_task_accept(task, worker), before others can see the task
 *     about to call fn          task->fn(task, tw_task_take(task)): 0, or -ECANCELED if a cancel
 *                               was first
 *     cancel                    tw_worker_cancel_claim: claims the task; it stays linked until
 *                               it is come upon
 */
#ifndef TWINE_THREADS_WORKER_OPS_H
#define TWINE_THREADS_WORKER_OPS_H

#include <stddef.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

/** Set in flags: tasks of such a worker never overlap. */
#define TW_WORKER_EXCLUSIVE 1u

/** What a kind of worker can do. No slot is NULL. */
struct tw_worker_ops {
    size_t size;      /**< sizeof(struct tw_worker_ops) */
    const char *name; /**< the kind, in words */
    unsigned flags;   /**< TW_WORKER_EXCLUSIVE or 0 */
    /** As tw_worker_submit(). */
    int (*submit)(struct tw_worker *worker, struct tw_task *task);
    /** As tw_worker_cancel(). */
    int (*cancel)(struct tw_worker *worker, struct tw_task *task);
    /** As tw_worker_quit(). */
    int (*quit)(struct tw_worker *worker);
    /**
     * Become, on the calling thread and until leave, the task that this exclusive worker performs.
     * Returns: 0; -ENOTSUP if the kind cannot; -EDEADLK if this thread is inside already.
     */
    int (*enter)(struct tw_worker *worker);
    /** End what enter began. */
    void (*leave)(struct tw_worker *worker);
    /** The last reference has gone: quit if that has not been done, and free once all accepted
     * tasks have run. */
    void (*last_unref)(struct tw_worker *worker);
};

/** A worker: the first member of each kind's struct. Its fields are private. */
struct tw_worker {
    const struct tw_worker_ops *_ops;
    unsigned _refs;
    unsigned _epoch;
    /* A pool's: where its team keeps the books of this one. */
    void *_slot;
};

/** Make a worker with one reference. Thread: the maker's. */
TW_EXPORT void tw_worker_init(struct tw_worker *worker, const struct tw_worker_ops *ops);

/** The operations slot for kinds whose tasks stay linked until they are come upon. */
TW_EXPORT int tw_worker_cancel_claim(struct tw_worker *worker, struct tw_task *task);
/** The operations slots for kinds that cannot be entered. */
TW_EXPORT int tw_worker_enter_none(struct tw_worker *worker);
/** See tw_worker_enter_none(). */
TW_EXPORT void tw_worker_leave_none(struct tw_worker *worker);

/** Note that a worker has accepted a task. Thread: the one in submit, before others can see the
 * task. */
TW_EXPORT void tw_task_accept(struct tw_task *task, struct tw_worker *worker);
/** Take a task that is no longer linked, to call its fn. Returns: 0; -ECANCELED if a cancel was
 * first. */
TW_EXPORT int tw_task_take(struct tw_task *task);

TW_END_DECLS

#endif
