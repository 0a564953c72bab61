/*
 * A queue of tasks, first in first out, linked through the tasks. No lock: who uses it excludes
 * others.
 *
 * It is a ring through a head of its own, so that a task can be unlinked in constant time and tells
 * by its _prev whether it is linked.
 */
#ifndef TWINE_THREADS_TASK_QUEUE_INTERNAL_H
#define TWINE_THREADS_TASK_QUEUE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <twine/threads/task.h>

struct tw__task_queue {
    struct tw_task head; /* only its links are used */
};

static inline void tw__task_queue_init(struct tw__task_queue *queue)
{
    queue->head._next = queue->head._prev = &queue->head;
}

static inline bool tw__task_queue_is_empty(const struct tw__task_queue *queue)
{
    return queue->head._next == &queue->head;
}

static inline bool tw__task_is_linked(const struct tw_task *task)
{
    return __atomic_load_n(&task->_prev, __ATOMIC_RELAXED) != NULL;
}

/* Atomic, since one that waits for the task may have looked too late whether it is still in the inbox;
 * see tw__team_inbox_take_back(). */
static inline void tw__task_set_next(struct tw_task *task, struct tw_task *next)
{
    __atomic_store_n(&task->_next, next, __ATOMIC_RELAXED);
}

static inline void tw__task_queue_append(struct tw__task_queue *queue, struct tw_task *task)
{
    task->_prev = queue->head._prev;
    tw__task_set_next(task, &queue->head);
    tw__task_set_next(task->_prev, task);
    queue->head._prev = task;
}

static inline void tw__task_queue_prepend(struct tw__task_queue *queue, struct tw_task *task)
{
    tw__task_set_next(task, queue->head._next);
    task->_prev = &queue->head;
    task->_next->_prev = task;
    queue->head._next = task;
}

static inline void tw__task_unlink(struct tw_task *task)
{
    tw__task_set_next(task->_prev, task->_next);
    task->_next->_prev = task->_prev;
    tw__task_set_next(task, NULL);
    task->_prev = NULL;
}

/* The oldest, unlinked; NULL if there is none. */
static inline struct tw_task *tw__task_queue_pop(struct tw__task_queue *queue)
{
    struct tw_task *task = queue->head._next;
    if (task == &queue->head)
        return NULL;
    tw__task_unlink(task);
    return task;
}

/* Everything of one queue to the end of another. */
static inline void tw__task_queue_move(struct tw__task_queue *from, struct tw__task_queue *to)
{
    if (tw__task_queue_is_empty(from))
        return;
    from->head._next->_prev = to->head._prev;
    tw__task_set_next(to->head._prev, from->head._next);
    tw__task_set_next(from->head._prev, &to->head);
    to->head._prev = from->head._prev;
    tw__task_queue_init(from);
}

#endif
