/*
 * The claim of a task: one word that says who may call its fn.
 *
 *     0               nobody has it: fresh, or given back; or the library's own, on its way to a loop,
 *                     which nobody can cancel
 *     worker          accepted by that worker, waiting
 *     CANCELLED       cancelled while it waited; whoever comes upon it calls fn with -ECANCELED
 *     runner | 2      fn is being called, by a worker that wants to know when the delivery begins
 *     worker | 4      lent to something else than a queue: it waits, to be told on that worker
 *     a status        given up, and about to be told so; too late for a cancel
 *
 * Waiting -> cancelled is a compare and exchange, waiting or cancelled -> taken is an exchange: so
 * exactly one of canceller and performer wins, and fn is called once, by the performer, in either
 * case.
 */
#ifndef TWINE_THREADS_TASK_INTERNAL_H
#define TWINE_THREADS_TASK_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <twine/threads/worker_ops.h>

#define TW__CLAIM_CANCELLED ((uintptr_t)1)
#define TW__CLAIM_RUNNER ((uintptr_t)2)
#define TW__CLAIM_TOLD_ON ((uintptr_t)4)

/* What a team puts into the claim of a task that it performs. */
struct tw__runner {
    /* is_brief: the rest of fn is a moment's work, and none of the user's. */
    void (*delivers)(struct tw__runner *runner, bool is_brief);
};

/* As tw_task_delivers(). */
void tw__task_delivers(struct tw_task *task, bool is_brief);

static inline void tw__task_set_runner(struct tw_task *task, struct tw__runner *runner)
{
    /* Relaxed: only fn's own thread acts on it; a canceller merely sees that it comes too late. */
    __atomic_store_n(&task->_claim, (void *)((uintptr_t)runner | TW__CLAIM_RUNNER),
                     __ATOMIC_RELAXED);
}

/* It is performed in place of another, that a worker has called: what that worker wants to know it
 * hears of this one. */
static inline void tw__task_pass_runner(struct tw_task *from, struct tw_task *to)
{
    uintptr_t claim = (uintptr_t)__atomic_load_n(&from->_claim, __ATOMIC_RELAXED);
    if (claim & TW__CLAIM_RUNNER)
        tw__task_set_runner(to, (struct tw__runner *)(claim & ~TW__CLAIM_RUNNER));
}

/* Whether some worker has it, and has not called its fn. */
static inline bool tw__task_is_taken(const struct tw_task *task)
{
    uintptr_t claim = (uintptr_t)__atomic_load_n(&task->_claim, __ATOMIC_RELAXED);
    /* A status is negative, as an address never is. */
    return (intptr_t)claim < 0 || (claim != 0 && !(claim & TW__CLAIM_RUNNER));
}

/* As tw_task_take(). A task that was handed on with an empty claim nobody can cancel, and it costs no
 * exchange. Relaxed, to see whether it is empty: the claim was written before the task was
 * published. The exchange: acquire, to see what the canceller did before; release, since the claim
 * may be looked at again. */
static inline int tw__task_take(struct tw_task *task)
{
    void *claim = __atomic_load_n(&task->_claim, __ATOMIC_RELAXED);
    if (claim)
        claim = __atomic_exchange_n(&task->_claim, NULL, __ATOMIC_ACQ_REL);
    return (uintptr_t)claim == TW__CLAIM_CANCELLED ? -ECANCELED : 0;
}

/* Give a task up: nobody can claim it any more. A cancel that was first stands. */
static inline void tw__task_give_up(struct tw_task *task, int status)
{
    if (tw__task_take(task) < 0)
        status = -ECANCELED;
    __atomic_store_n(&task->_claim, (void *)(intptr_t)status, __ATOMIC_RELAXED);
}

/* Why it was given up, for its fn. */
static inline int tw__task_given_up(struct tw_task *task)
{
    return (int)(intptr_t)__atomic_exchange_n(&task->_claim, NULL, __ATOMIC_ACQ_REL);
}

/* A queue has refused a task that looked accepted already. If a cancel has come between, it was
 * promised that fn hears of it, and so the task counts as accepted. Returns what submit answers. */
static inline int tw__task_refused(struct tw_task *task, int error)
{
    if (tw__task_take(task) == 0)
        return error;
    task->fn(task, -ECANCELED);
    return 0;
}

static inline bool tw__task_is_cancelled(const struct tw_task *task)
{
    return (uintptr_t)__atomic_load_n(&task->_claim, __ATOMIC_RELAXED) == TW__CLAIM_CANCELLED;
}

#endif
