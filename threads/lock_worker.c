/*
 * The lock worker: a lock, who holds it, and what was submitted from inside meanwhile.
 *
 * Only the holder touches the queue. "Am I inside?" compares the owner with this thread: no other
 * thread ever stores our number there, so the answer is right without the lock.
 */
#include <twine/threads/lock_worker.h>

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/self_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/task_queue_internal.h>
#include <twine/threads/worker_internal.h>

struct lock_worker {
    struct tw_worker base;
    struct tw__lock lock;
    _Atomic(uintptr_t) owner; /* tw__self() of the thread inside; 0 */
    atomic_bool has_quit;
    struct {
        struct tw__task_queue queue;
        bool is_unwanted; /* the last reference went while a thread was inside */
    } locked;
};

static bool is_inside(struct lock_worker *own)
{
    return atomic_load_explicit(&own->owner, memory_order_relaxed) == tw__self();
}

static void free_lock_worker(struct lock_worker *own)
{
    tw__lock_done(&own->lock);
    tw__free(own);
}

/* What was submitted from inside; in a child that a task has forked, and comes back from, it is the
 * parent's. */
static struct tw_task *next_inside(struct lock_worker *own)
{
    if (tw__worker_is_inherited(&own->base))
        return NULL;
    return tw__task_queue_pop(&own->locked.queue);
}

/* A task, and what is submitted from inside it meanwhile. */
static void perform(struct lock_worker *own, struct tw_task *task)
{
    struct tw__frame frame;
    tw__frame_push(&frame, TW__FRAME_LOCKED, &own->base);
    while (task) {
        task->fn(task, tw__task_take(task));
        task = next_inside(own);
    }
    tw__frame_pop(&frame);
}

static int lock_enter(struct tw_worker *worker) TW_GUARD(no_thread_safety_analysis)
{
    struct lock_worker *own = (struct lock_worker *)worker;
    if (is_inside(own))
        return -EDEADLK;
    tw__lock_acquire(&own->lock);
    atomic_store_explicit(&own->owner, tw__self(), memory_order_relaxed);
    return 0;
}

static void lock_leave(struct tw_worker *worker) TW_GUARD(no_thread_safety_analysis)
{
    struct lock_worker *own = (struct lock_worker *)worker;
    struct tw_task *task;
    bool is_unwanted;
    assert(is_inside(own));
    if ((task = next_inside(own)))
        perform(own, task);
    is_unwanted = own->locked.is_unwanted;
    atomic_store_explicit(&own->owner, 0, memory_order_relaxed);
    tw__lock_release(&own->lock);
    if (is_unwanted)
        free_lock_worker(own);
}

static int lock_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct lock_worker *own = (struct lock_worker *)worker;
    if (atomic_load(&own->has_quit))
        return -ESHUTDOWN;
    tw_task_accept(task, worker);
    if (is_inside(own)) {
        tw__task_queue_append(&own->locked.queue, task);
        return 0;
    }
    lock_enter(worker);
    perform(own, task);
    lock_leave(worker);
    return 0;
}

static int lock_quit(struct tw_worker *worker)
{
    struct lock_worker *own = (struct lock_worker *)worker;
    return atomic_exchange(&own->has_quit, true) ? -ESHUTDOWN : 0;
}

static void lock_last_unref(struct tw_worker *worker)
{
    struct lock_worker *own = (struct lock_worker *)worker;
    if (is_inside(own))
        own->locked.is_unwanted = true;
    else
        free_lock_worker(own);
}

static const struct tw_worker_ops lock_ops = {
    sizeof lock_ops, "lock worker", TW_WORKER_EXCLUSIVE, lock_submit,    tw_worker_cancel_claim,
    lock_quit,       lock_enter,    lock_leave,          lock_last_unref};

int tw_lock_worker_new(struct tw_worker **ret_worker)
{
    struct lock_worker *own = (struct lock_worker *)tw__zalloc(sizeof *own);
    if (!own)
        return -ENOMEM;
    tw_worker_init(&own->base, &lock_ops);
    tw__lock_init(&own->lock);
    tw__task_queue_init(&own->locked.queue);
    *ret_worker = &own->base;
    return 0;
}
