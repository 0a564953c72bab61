/*
 * Shutting a team down within a time, and learning what did not end.
 */
#ifndef TWINE_THREADS_SHUTDOWN_H
#define TWINE_THREADS_SHUTDOWN_H

#include <twine/threads/diagnostics.h>
#include <twine/threads/pool.h>

TW_BEGIN_DECLS

/** How many jobs a report describes at most. */
#define TW_SHUTDOWN_JOBS 16

/** What a shutdown found. */
struct tw_shutdown_report {
    size_t size;      /**< set it to sizeof(struct tw_shutdown_report) before the call */
    size_t given_up;  /**< tasks that waited; their fn has had -ECANCELED */
    size_t running;   /**< jobs that are not over; 0 if all has ended in time */
    size_t described; /**< how many of these are in jobs: none while diagnostics are off */
    struct tw_running jobs[TW_SHUTDOWN_JOBS]; /**< those that have run longest first */
};

/**
 * End a team: refuse what is new, give up what waits, ask what runs to stop (tw_cancelled(), and a
 * suspended job's await returns -ECANCELED), and wait until all workers are idle and have been quit.
 *
 * Past the deadline the team goes on ending by itself; to ask again is no mistake.
 *
 * Thread:  any but its own workers', and not a loop's: it blocks.
 * Blocks:  until all has ended, and no longer; timeout nanoseconds at most, TW_FOREVER.
 * Returns: 0; -ETIMEDOUT, and the report says what is stuck; -EDEADLK on one of its own workers, in
 *          a callback of a loop or inside a lock worker, where it asks all to end but does not
 *          wait; -ENOTSUP if the coordinator cannot be
 *          entered, or the caller is inside it, and then nothing has happened; -EINVAL.
 *
 * @param ret_report may be NULL
 */
TW_EXPORT int tw_team_shutdown(struct tw_team *team, int64_t timeout,
                               struct tw_shutdown_report *ret_report);

/** tw_team_shutdown() of a pool's team, and then tw_pool_join(), in one deadline: what has not
 * delivered yet, and a thread that has not gone back, count as running. */
TW_EXPORT int tw_pool_shutdown(struct tw_pool *pool, int64_t timeout,
                               struct tw_shutdown_report *ret_report);

TW_END_DECLS

#endif
