/*
 * A team: a worker made of workers. It has idle ones, busy ones and a backlog (Twisted's Team,
 * TEA).
 *
 * Its books are kept inside an exclusive worker that is handed in, the coordinator. With a lock
 * worker each operation has taken effect when it returns; with a memory worker every step can be
 * taken by hand. A function, also handed in, makes workers when they are needed; how many there may
 * be is its business.
 *
 * What always holds:
 *   - the backlog is first in, first out, and goes before later work;
 *   - an idle worker takes the next task, the one last used first; one is woken at a time, and that
 *     one wakes the next, so nobody is woken for nothing;
 *   - an accepted task's fn is called exactly once. On quit the backlog is worked off; if no worker
 *     will ever come, its tasks are given up with -ESHUTDOWN.
 */
#ifndef TWINE_THREADS_TEAM_H
#define TWINE_THREADS_TEAM_H

#include <stddef.h>
#include <stdint.h>
#include <twine/base/result.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

struct tw_team;

/** What tw_create_worker_fn answers. */
enum tw_created {
    TW_CREATED_NONE = 0,  /**< no worker now */
    TW_CREATED_READY = 1, /**< a worker that can be used now */
    TW_CREATED_COMING = 2 /**< a worker whose thread has still to come up: it counts as live and
                             free, and gets its first task once it runs */
};

/**
 * Makes a worker for a team.
 *
 * Thread:    inside the coordinator, so it must be short, must not block, and must start no thread:
 *            a worker that is "coming" starts its own at its first submit, which comes after the
 *            books are closed. It may call the team's operations; they take effect afterwards.
 * Ownership: the team takes over the reference to *ret_worker. The team quits it, exactly once,
 *            never while it is busy.
 * Returns:   an enum tw_created; a negative errno, which is reported, and means "none now"; if
 *            there is no worker at all then, what waits is given up with -EAGAIN.
 *
 * @param arg as given to tw_team_new()
 * @param live how many workers the team has: idle, busy and coming
 * @param ret_worker the worker
 */
typedef int (*tw_create_worker_fn)(void *arg, size_t live, struct tw_worker **ret_worker);

/** A team's books at one moment. Where an executor's jobs await each other, scheduled and finished may
 * go back by one; see tw_executor_submit(). */
struct tw_statistics {
    size_t size;      /**< set it to sizeof(struct tw_statistics) before the call */
    size_t idle;      /**< workers without a task */
    size_t busy;      /**< workers with one */
    size_t coming;    /**< workers whose thread has still to come up */
    size_t backlog;   /**< tasks no worker has yet */
    size_t suspended; /**< tasks that have left their stack to wait (tw_future_await()); their
                          workers are free for others meanwhile */
    size_t
        remaining; /**< tasks that are not over: those that wait, those that run or are suspended, and, in a pool,
                          those whose delivery has not returned */
    uint64_t scheduled; /**< tasks accepted: scheduled = finished + given_up + backlog + busy +
                             suspended */
    uint64_t given_up;  /**< tasks cancelled, or given up for want of a worker */
    uint64_t finished;  /**< tasks whose fn has been called to perform them, and has come to its
                          delivery or its end */
    uint64_t wakes;     /**< how often an idle worker was woken for a task */
    uint64_t failed_creations; /**< how often a worker could not be made, or its thread could not be
                                  started */
};

/** Shrink by all there are. */
#define TW_TEAM_ALL SIZE_MAX

/**
 * Make a team.
 *
 * Thread:    any.
 * Ownership: the coordinator is borrowed, the team takes a reference and quits it at its end. (arg,
 *            destroy) is consumed, on error too: destroy is called once no worker will be made any
 *            more. The team is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL if the coordinator is not exclusive, or something is NULL.
 */
TW_EXPORT int tw_team_new(struct tw_worker *coordinator, tw_create_worker_fn create, void *arg,
                          tw_destroy_fn destroy, struct tw_team **ret_team);

/** The team as a worker, with the same reference count. Thread: any. Returns: NULL for NULL. */
TW_EXPORT struct tw_worker *tw_team_worker(struct tw_team *team);
/** Hold a team once more. Thread: any. Returns: the team; NULL for NULL. */
TW_EXPORT struct tw_team *tw_team_ref(struct tw_team *team);
/** Let go of a team; see tw_worker_unref(). Thread: any. Returns: NULL. */
TW_EXPORT struct tw_team *tw_team_unref(struct tw_team *team);

/** Hand a task to the team; see tw_worker_submit(). */
TW_EXPORT int tw_team_submit(struct tw_team *team, struct tw_task *task);

/**
 * Hand several tasks to the team, in order, in one visit to the books: how many workers are short
 * is asked once, after the last.
 *
 * Thread:    any.
 * Blocks:    as the coordinator's submit does.
 * Ownership: the tasks are lent, as by tw_team_submit(), each once; the array is not kept.
 * Returns:   0, and all are accepted; -ESHUTDOWN if the team has quit, or -EINVAL for NULL or a
 *            task that is submitted already, and then none is.
 */
TW_EXPORT int tw_team_submit_many(struct tw_team *team, struct tw_task *const *tasks, size_t count);

/** Give up a task that waits; see tw_worker_cancel(). One in the backlog leaves it at once. */
TW_EXPORT int tw_team_cancel(struct tw_team *team, struct tw_task *task);

/**
 * Make up to n workers more, as far as the create function goes, and let them take what waits.
 *
 * With n = 0 no worker is made beyond what the backlog wants: say that when the create function may
 * have changed its mind.
 *
 * Thread:  any.
 * Blocks:  as the coordinator's submit does.
 * Returns: 0; -ESHUTDOWN after quit; -ENOMEM if the step could not be noted (only with a
 *          coordinator that cannot be entered).
 */
TW_EXPORT int tw_team_grow(struct tw_team *team, size_t n);

/**
 * Quit n workers: idle ones now, the one idle longest first, others as they become idle with no
 * work waiting. TW_TEAM_ALL: all there are.
 *
 * Thread:  any.
 * Blocks:  as the coordinator's submit does.
 * Returns: as tw_team_grow().
 */
TW_EXPORT int tw_team_shrink(struct tw_team *team, size_t n);

/**
 * Quit workers until n are left, as tw_team_shrink() does: what earlier shrinks are owed still is
 * settled by it. With n above what there are it only does that.
 *
 * Thread:  any.
 * Blocks:  as the coordinator's submit does.
 * Returns: as tw_team_grow().
 */
TW_EXPORT int tw_team_shrink_to(struct tw_team *team, size_t n);

/** Work off the backlog, then quit every worker, then the coordinator; see tw_worker_quit(). */
TW_EXPORT int tw_team_quit(struct tw_team *team);

/** Whether quit has been called (QUI-001). Thread: any. */
TW_EXPORT bool tw_team_has_quit(struct tw_team *team);

/**
 * Read the books, after quit too.
 *
 * Thread:  any. The numbers are of one moment if the coordinator can be entered, as a pool's can,
 *          or if this is inside it; else each is true, but they may be of different moments.
 * Blocks:  as the coordinator's submit does.
 * Returns: 0; -EINVAL if something is NULL or the size is not set.
 */
TW_EXPORT int tw_team_statistics(struct tw_team *team, struct tw_statistics *ret_statistics);

TW_END_DECLS

#endif
