/*
 * An executor from inside. executor.c has its life, executor_jobs.c its jobs.
 *
 * It counts twice, in one word since each job changes both:
 *
 *     unfinished   the jobs that are not over, and one while the users hold the executor. join waits
 *                  for it to be 1, and as a job is over only after the jobs it has submitted were
 *                  counted, that is when work has stopped unfolding. At 0 the worker is let go of.
 *     holds        the futures that exist, and one while anything is unfinished: at 0 it is freed. So
 *                  a future may outlive the executor's users, and the worker.
 *
 * A few that are over, or gone, may still be counted while a job of the executor's runs within which
 * they were: see tw__job_scope.
 */
#ifndef TWINE_THREADS_EXECUTOR_INTERNAL_H
#define TWINE_THREADS_EXECUTOR_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>
#include <twine/base/cache_line_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/park_internal.h>
#include <twine/threads/executor.h>
#include <twine/threads/fork_list_internal.h>
#include <twine/threads/future_internal.h>

#define TW__EXECUTOR_HOLD ((uint64_t)1 << 32)

struct tw__joiner {
    struct tw__park park;
    struct tw__joiner *next;
};

struct tw_executor {
    struct tw__future_place place; /* fixed */
    struct tw_worker *worker;      /* fixed; a reference, while something is unfinished */
    struct tw_pool *pool;          /* fixed: the same, if it is our own; or NULL */
    tw_call_fn initializer;        /* fixed */
    void *initializer_arg;
    tw_destroy_fn destroy_initializer;
    unsigned epoch;                      /* fixed: see base/fork */
    atomic_bool is_shut, gives_up;       /* gives_up: what has not begun is cancelled */
    _Atomic(struct tw_failure *) broken; /* a reference, once an initializer has failed */
    TW__APART(from_fixed);
    _Atomic(uint64_t) counts; /* changes with each job: unfinished below, holds above */
    atomic_uint refs;         /* the users' */
    atomic_uint has_joiners;
    struct tw__lock lock;
    struct {
        struct tw__joiner *joiners;
        struct tw__forks *first_forks, *last_forks; /* the lists that no job has */
    } locked;
};

/* Made before this process was forked: its jobs are the parent's, and so is its lock. */
static inline bool tw__executor_is_inherited(const struct tw_executor *executor)
{
    return executor->epoch != tw__fork_epoch();
}

void tw__executor_drop_hold(struct tw_executor *executor);
/* So many jobs are over, and futures gone. The executor may be gone then, unless the caller has a
 * hold. */
void tw__executor_count_out(struct tw_executor *executor, uint64_t counts);
/* Keep the worker, unless it has been let go of. */
bool tw__executor_count_in(struct tw_executor *executor);

/* executor_jobs.c: of so many jobs this thread keeps the memory, from now on. */
void tw__executor_keep_spares(unsigned most);

/* --- executor_forks.c: the jobs of a job ------------------------------------------------------ */

struct tw__forks;

/* A list for one job, of an executor over a team. NULL: out of memory. */
struct tw__forks *tw__forks_begin(struct tw_executor *executor);
/* That job is over. What is in the list is still come for. */
void tw__forks_end(struct tw__forks *forks);
/* By its job, of a task that is performed with the executor's team, and accepted. The task is in
 * *ret_place then, and can be taken out there as long as the executor is held; or it is given to the
 * team one day, as below. false: it is to be submitted to the team, behind those that were in the
 * list. */
bool tw__forks_add(struct tw__forks *forks, struct tw_task *task,
                   _Atomic(tw__fork_place *) *ret_place);
/* By its job, which is about to submit something to the team: all that wait in the list go into the
 * team's backlog, as they came. */
void tw__forks_give_all(struct tw__forks *forks);
/* The executor goes, and with it this list and the next ones. */
void tw__forks_free(struct tw__forks *forks);

#endif
