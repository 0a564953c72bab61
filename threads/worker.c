/*
 * What all kinds of worker have in common: the checks, and the count of references.
 */
#include <twine/threads/task_internal.h>

#include <assert.h>
#include <errno.h>
#include <twine/base/report_internal.h>
#include <twine/threads/worker_internal.h>

int tw_worker_submit(struct tw_worker *worker, struct tw_task *task)
{
    if (!worker || !task || !task->fn)
        return tw__misuse(-EINVAL, "tw_worker_submit: needs a worker and a task with an fn");
    if (tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    if (tw__task_is_taken(task))
        return tw__misuse(-EINVAL,
                          "tw_worker_submit: the task has been submitted, and has not run");
    return worker->_ops->submit(worker, task);
}

int tw_worker_cancel(struct tw_worker *worker, struct tw_task *task)
{
    if (!worker || !task)
        return tw__misuse(-EINVAL, "tw_worker_cancel: needs a worker and a task");
    if (tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    return worker->_ops->cancel(worker, task);
}

int tw_worker_quit(struct tw_worker *worker)
{
    if (!worker)
        return tw__misuse(-EINVAL, "tw_worker_quit: needs a worker");
    if (tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    return worker->_ops->quit(worker);
}

bool tw_worker_is_exclusive(const struct tw_worker *worker)
{
    return worker && worker->_ops->flags & TW_WORKER_EXCLUSIVE;
}

const char *tw_worker_kind(const struct tw_worker *worker)
{
    return worker ? worker->_ops->name : "none";
}

void tw_worker_init(struct tw_worker *worker, const struct tw_worker_ops *ops)
{
    assert(ops->size == sizeof *ops && ops->name && ops->submit && ops->cancel && ops->quit &&
           ops->enter && ops->leave && ops->last_unref);
    tw__fork_watch();
    worker->_ops = ops;
    worker->_slot = NULL;
    worker->_epoch = tw__fork_epoch();
    __atomic_store_n(&worker->_refs, 1, __ATOMIC_RELAXED);
}

struct tw_worker *tw_worker_ref(struct tw_worker *worker)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (worker)
        __atomic_fetch_add(&worker->_refs, 1, __ATOMIC_RELAXED);
    return worker;
}

struct tw_worker *tw_worker_unref(struct tw_worker *worker)
{
    if (!worker || tw__worker_is_inherited(worker))
        return NULL;
    /* Release what we did with it, acquire what all others did, before it goes. */
    if (__atomic_fetch_sub(&worker->_refs, 1, __ATOMIC_ACQ_REL) == 1)
        worker->_ops->last_unref(worker);
    return NULL;
}

int tw_worker_enter_none(struct tw_worker *worker)
{
    (void)worker;
    return -ENOTSUP;
}

void tw_worker_leave_none(struct tw_worker *worker)
{
    (void)worker;
    assert(worker == NULL); /* nobody has entered, so nobody leaves */
}
