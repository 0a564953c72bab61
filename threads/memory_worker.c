/*
 * The memory worker: a queue, and perform.
 */
#include <twine/threads/memory_worker.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/task_queue_internal.h>
#include <twine/threads/worker_internal.h>

struct memory_worker {
    struct tw_worker base;
    struct tw__task_queue queue;
    bool has_quit;
};

static int memory_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct memory_worker *memory = (struct memory_worker *)worker;
    if (memory->has_quit)
        return -ESHUTDOWN;
    tw_task_accept(task, worker);
    tw__task_queue_append(&memory->queue, task);
    return 0;
}

static int memory_quit(struct tw_worker *worker)
{
    struct memory_worker *memory = (struct memory_worker *)worker;
    if (memory->has_quit)
        return -ESHUTDOWN;
    memory->has_quit = true;
    return 0;
}

static void memory_last_unref(struct tw_worker *worker)
{
    struct memory_worker *memory = (struct memory_worker *)worker;
    struct tw_task *task;
    memory->has_quit = true;
    while ((task = tw__task_queue_pop(&memory->queue)))
        task->fn(task, tw__task_take(task) < 0 ? -ECANCELED : -ESHUTDOWN);
    tw__free(memory);
}

static const struct tw_worker_ops memory_ops = {
    sizeof memory_ops,    "memory worker",        TW_WORKER_EXCLUSIVE,
    memory_submit,        tw_worker_cancel_claim, memory_quit,
    tw_worker_enter_none, tw_worker_leave_none,   memory_last_unref};

int tw_memory_worker_new(struct tw_worker **ret_worker)
{
    struct memory_worker *memory = (struct memory_worker *)tw__zalloc(sizeof *memory);
    if (!memory)
        return -ENOMEM;
    tw_worker_init(&memory->base, &memory_ops);
    tw__task_queue_init(&memory->queue);
    *ret_worker = &memory->base;
    return 0;
}

int tw_memory_worker_perform(struct tw_worker *worker)
{
    struct memory_worker *memory = (struct memory_worker *)worker;
    struct tw__frame frame;
    struct tw_task *task;
    if (!worker || worker->_ops != &memory_ops)
        return tw__misuse(-EINVAL, "tw_memory_worker_perform: needs a memory worker");
    if (tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    task = tw__task_queue_pop(&memory->queue);
    if (!task)
        return 0;
    tw__frame_push(&frame, TW__FRAME_WORKER, worker);
    task->fn(task, tw__task_take(task));
    tw__frame_pop(&frame);
    return 1;
}
