/*
 * The claim of a task: one word that says who may call its fn.
 *
 *     0               nobody has it: fresh, or given back
 *     worker          accepted by that worker, waiting
 *     CANCELLED       cancelled while it waited; whoever comes upon it calls fn with -ECANCELED
 *     runner | 2      fn is being called, by a worker that wants to know when the delivery begins
 *
 * Waiting -> cancelled is a compare and exchange, waiting or cancelled -> taken is an exchange: so
 * exactly one of canceller and performer wins, and fn is called once, by the performer, in either
 * case.
 */
#ifndef TWINE_THREADS_TASK_INTERNAL_H
#define TWINE_THREADS_TASK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <twine/threads/worker_ops.h>

#define TW__CLAIM_CANCELLED ((uintptr_t)1)
#define TW__CLAIM_RUNNER ((uintptr_t)2)

/* What a team puts into the claim of a task that it performs. */
struct tw__runner {
    void (*delivers)(struct tw__runner *runner);
};

static inline void tw__task_set_runner(struct tw_task *task, struct tw__runner *runner)
{
    /* Relaxed: only fn's own thread acts on it; a canceller merely sees that it comes too late. */
    __atomic_store_n(&task->_claim, (void *)((uintptr_t)runner | TW__CLAIM_RUNNER),
                     __ATOMIC_RELAXED);
}

static inline bool tw__task_is_cancelled(const struct tw_task *task)
{
    return (uintptr_t)__atomic_load_n(&task->_claim, __ATOMIC_RELAXED) == TW__CLAIM_CANCELLED;
}

#endif
