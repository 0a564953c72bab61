/*
 * A list of a job's forks, that is of tasks that it has submitted to its own executor, and that nobody
 * has begun. (Nothing to do with processes.) The job takes back what it awaits, mostly the newest;
 * those who come to help take the oldest. executor_forks.c says who comes, and how they are called.
 *
 *     … NULL | oldest: TAKEN | task | TAKEN | task | next: TAKEN | TAKEN | end: NULL …
 *
 * Who takes a task changes its place, by a compare and exchange, so each has one taker:
 *
 *     NULL  -> task     the job, at the end
 *     task  -> TAKEN    the job, that awaits it or gives it to the backlog after all; or whoever awaits
 *                       or cancels it elsewhere
 *     TAKEN -> task     the job again
 *     task  -> NULL     the one that helps, which takes it; there is one at a time
 *     TAKEN -> NULL     the one that helps, which goes past it
 *
 * The one that helps goes past one place after the other, and what it has gone past is no more used. So
 * nothing comes behind it, and the order is kept. The job goes back over what was TAKEN, to use it
 * again, but not over NULL: below that there is nothing any more.
 *
 * Indices go round. One place of those below the oldest always stays NULL, so that the job stops there.
 */
#ifndef TWINE_THREADS_FORK_LIST_INTERNAL_H
#define TWINE_THREADS_FORK_LIST_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <twine/base/cache_line_internal.h>
#include <twine/threads/task.h>

#define TW__FORK_PLACES 64 /* a power of two */
#define TW__FORK_TAKEN ((struct tw_task *)1)

typedef _Atomic(struct tw_task *) tw__fork_place;

/* All zero, to begin with. */
struct tw__fork_list {
    _Atomic(uint32_t) oldest; /* written by the one that helps */
    TW__APART(from_helper);
    _Atomic(uint32_t) end; /* written by the job, like the rest; from here on nothing was used */
    uint32_t next;         /* from here on there are no tasks */
    uint32_t seen_oldest;  /* as last looked at; it only grows */
    tw__fork_place places[TW__FORK_PLACES];
};

static inline bool tw__fork_list_is_task(const struct tw_task *what)
{
    return (uintptr_t)what > (uintptr_t)TW__FORK_TAKEN;
}

static inline tw__fork_place *tw__fork_list_at(struct tw__fork_list *list, uint32_t index)
{
    return &list->places[index % TW__FORK_PLACES];
}

/* --- the job ---------------------------------------------------------------------------------- */

/* The newest place that is not TAKEN; NULL in it: the list is empty, until the job adds something.
 * Relaxed: it writes tasks itself, and no more is read of TAKEN than that. If it is TAKEN no more by now,
 * we come too far down, but not below the NULL under what we last saw as the oldest; then adding
 * finds it. */
static inline struct tw_task *tw__fork_list_newest(struct tw__fork_list *list)
{
    struct tw_task *task;
    while ((task = atomic_load_explicit(tw__fork_list_at(list, list->next - 1),
                                        memory_order_relaxed)) == TW__FORK_TAKEN)
        list->next--;
    return task;
}

/* Acquire: what is below the oldest is NULL. */
static inline bool tw__fork_list_has_room(struct tw__fork_list *list, uint32_t end)
{
    if (end - list->seen_oldest >= TW__FORK_PLACES - 1)
        list->seen_oldest = atomic_load_explicit(&list->oldest, memory_order_acquire);
    return end - list->seen_oldest < TW__FORK_PLACES - 1;
}

/* Where it is, is in *ret_place before anybody can take it. What the job looks at afterwards it sees as
 * it is then. false: the list is full. Relaxed, before the exchange that lets others see it. */
static inline bool tw__fork_list_add(struct tw__fork_list *list, struct tw_task *task,
                                     _Atomic(tw__fork_place *) *ret_place)
{
    uint32_t end = atomic_load_explicit(&list->end, memory_order_relaxed);
    tw__fork_list_newest(list);
    for (; list->next != end; list->next++) {
        tw__fork_place *place = tw__fork_list_at(list, list->next);
        struct tw_task *seen = TW__FORK_TAKEN;
        atomic_store_explicit(ret_place, place, memory_order_relaxed);
        if (atomic_compare_exchange_strong(place, &seen, task)) {
            list->next++;
            return true;
        }
    }
    if (!tw__fork_list_has_room(list, end))
        return false;
    atomic_store_explicit(ret_place, tw__fork_list_at(list, end), memory_order_relaxed);
    atomic_store_explicit(tw__fork_list_at(list, end), task, memory_order_relaxed);
    list->next = end + 1;
    atomic_exchange(&list->end, end + 1);
    return true;
}

/* --- any thread ------------------------------------------------------------------------------- */

/* Take it out. false: somebody else has. Acquire: its content; release: whoever goes past the place has
 * seen it taken. Relaxed, to look whether it is worth trying. */
static inline bool tw__fork_list_take(tw__fork_place *place, struct tw_task *task)
{
    return atomic_load_explicit(place, memory_order_relaxed) == task &&
           atomic_compare_exchange_strong_explicit(place, &task, TW__FORK_TAKEN,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/* --- the one that helps ----------------------------------------------------------------------- */

/* Whether there is anything in it. Of what it looks at nothing is older than what the caller did
 * before. */
static inline bool tw__fork_list_has_some(struct tw__fork_list *list)
{
    /* In this order: so the end is not below the oldest. */
    uint32_t i = atomic_load_explicit(&list->oldest, memory_order_acquire);
    uint32_t end = atomic_load(&list->end);
    for (; i != end; i++)
        if (tw__fork_list_is_task(atomic_load(tw__fork_list_at(list, i))))
            return true;
    return false;
}

/* NULL: nothing was seen. */
static inline struct tw_task *tw__fork_list_take_oldest(struct tw__fork_list *list)
{
    uint32_t end = atomic_load_explicit(&list->end, memory_order_acquire);
    uint32_t i = atomic_load_explicit(&list->oldest, memory_order_relaxed);
    struct tw_task *task = NULL;
    while (i != end && !tw__fork_list_is_task(task)) {
        tw__fork_place *place = tw__fork_list_at(list, i);
        task = atomic_load_explicit(place, memory_order_relaxed);
        /* Acquire: what the job did before it put it there is seen. Otherwise it is looked at again. */
        if (atomic_compare_exchange_strong_explicit(place, &task, NULL, memory_order_acq_rel,
                                                    memory_order_relaxed))
            i++;
        else
            task = NULL;
    }
    /* Release: pairs with the job's look for room. */
    atomic_store_explicit(&list->oldest, i, memory_order_release);
    return tw__fork_list_is_task(task) ? task : NULL;
}

#endif
