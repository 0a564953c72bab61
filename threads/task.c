/*
 * Tasks and their claims; task_internal.h has the states.
 */
#include <twine/threads/task_internal.h>

#include <errno.h>

void tw_task_init(struct tw_task *task, tw_task_fn fn)
{
    /* Atomic, since a canceller that has been too late may be looking; see tw__books_cancel(). */
    task->_next = NULL;
    __atomic_store_n(&task->_prev, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&task->_claim, NULL, __ATOMIC_RELAXED);
    task->fn = fn;
}

void tw_task_accept(struct tw_task *task, struct tw_worker *worker)
{
    /* Relaxed: linking the task into the worker's queue publishes it. */
    __atomic_store_n(&task->_claim, worker, __ATOMIC_RELAXED);
}

int tw_task_take(struct tw_task *task)
{
    return tw__task_take(task);
}

int tw_worker_cancel_claim(struct tw_worker *worker, struct tw_task *task)
{
    void *expected = worker;
    return __atomic_compare_exchange_n(&task->_claim, &expected, (void *)TW__CLAIM_CANCELLED, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)
               ? 0
               : -EALREADY;
}

void tw__task_delivers(struct tw_task *task, bool is_brief)
{
    uintptr_t claim = (uintptr_t)__atomic_load_n(&task->_claim, __ATOMIC_RELAXED);
    struct tw__runner *runner = (struct tw__runner *)(claim & ~TW__CLAIM_RUNNER);
    if (!(claim & TW__CLAIM_RUNNER))
        return;
    __atomic_store_n(&task->_claim, NULL, __ATOMIC_RELAXED);
    runner->delivers(runner, is_brief);
}

void tw_task_delivers(struct tw_task *task)
{
    tw__task_delivers(task, false);
}
