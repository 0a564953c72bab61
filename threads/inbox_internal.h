/*
 * An inbox: many threads put tasks in, its owner takes them all out at once. It never blocks and
 * allocates nothing.
 *
 * The whole state is one word:
 *
 *     0               empty, the owner is awake
 *     ASLEEP          empty, and the owner sleeps or is about to
 *     task            the newest of a list of tasks, each linked to the one before it
 *     … | CLOSED      any of these; nothing more is accepted
 *
 *     producer        links the task to what it sees and exchanges the word for it, if it has not
 *                     changed; who replaces ASLEEP must wake the owner, and nobody else does
 *     owner           takes the list whole, leaving the word empty; goes to sleep only by
 *                     exchanging empty for ASLEEP
 *
 * No wake-up is lost: a task can come either before the owner says ASLEEP, and then that exchange
 * fails; or after, and then its producer replaces ASLEEP and knows. There is no third case, as both
 * act on the same word. (The flag beside a list that this replaces needs two exchanges for each
 * task, and a look at the list after the flag.) Only the owner removes tasks, and all at once, so a
 * producer's compare and exchange cannot mistake one list for another.
 *
 * Closing is in the same word too: a task is accepted before the close, and then the owner finds
 * it, or not at all.
 */
#ifndef TWINE_THREADS_INBOX_INTERNAL_H
#define TWINE_THREADS_INBOX_INTERNAL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <twine/threads/task.h>

#define TW__INBOX_CLOSED ((uintptr_t)1)
#define TW__INBOX_ASLEEP ((uintptr_t)2)
#define TW__INBOX_FLAGS (TW__INBOX_CLOSED | TW__INBOX_ASLEEP)

struct tw__inbox {
    _Atomic(uintptr_t) word;
};

static inline void tw__inbox_init(struct tw__inbox *inbox)
{
    atomic_init(&inbox->word, 0);
}

/* Any thread. 0: accepted; 1: accepted, and the owner must be woken; -ESHUTDOWN: closed. */
static inline int tw__inbox_push(struct tw__inbox *inbox, struct tw_task *task)
{
    /* Acquire: who is told that it is closed sees what was done before that. */
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_acquire);
    do {
        if (seen & TW__INBOX_CLOSED)
            return -ESHUTDOWN;
        task->_next = (struct tw_task *)(seen & ~TW__INBOX_FLAGS);
        /* Release: the owner sees the task's content. */
    } while (!atomic_compare_exchange_weak_explicit(&inbox->word, &seen, (uintptr_t)task,
                                                    memory_order_acq_rel, memory_order_acquire));
    return seen == TW__INBOX_ASLEEP;
}

/* The same, but not if that would mean that the owner must be woken: then 1, and not accepted. So
 * once it is accepted the inbox is not touched any more. */
static inline int tw__inbox_push_to_awake(struct tw__inbox *inbox, struct tw_task *task)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_acquire);
    do {
        if (seen & TW__INBOX_CLOSED)
            return -ESHUTDOWN;
        if (seen == TW__INBOX_ASLEEP)
            return 1;
        task->_next = (struct tw_task *)(seen & ~TW__INBOX_FLAGS);
    } while (!atomic_compare_exchange_weak_explicit(&inbox->word, &seen, (uintptr_t)task,
                                                    memory_order_acq_rel, memory_order_acquire));
    return 0;
}

/* Owner. Whether there is something to take. */
static inline bool tw__inbox_has_tasks(struct tw__inbox *inbox)
{
    return (atomic_load_explicit(&inbox->word, memory_order_relaxed) & ~TW__INBOX_FLAGS) != 0;
}

/* Any thread, to compare addresses. The newest task, if the inbox is open; NULL: there is none. */
static inline const struct tw_task *tw__inbox_newest(struct tw__inbox *inbox)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    return seen & TW__INBOX_FLAGS ? NULL : (const struct tw_task *)seen;
}

/* Owner. All tasks, oldest first, linked by _next; NULL if there are none. The owner is awake
 * then. */
static inline struct tw_task *tw__inbox_take(struct tw__inbox *inbox)
{
    struct tw_task *newest, *oldest = NULL;
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    if ((seen & ~TW__INBOX_CLOSED) == 0)
        return NULL;
    /* Acquire: pairs with the release of each push; the pushes between are a release sequence. */
    seen = atomic_fetch_and_explicit(&inbox->word, TW__INBOX_CLOSED, memory_order_acquire);
    newest = (struct tw_task *)(seen & ~TW__INBOX_FLAGS);
    while (newest) {
        struct tw_task *before = newest->_next;
        newest->_next = oldest;
        oldest = newest;
        newest = before;
    }
    return oldest;
}

/* Owner. Say that it goes to sleep. false: there is something to take, or it is closed. */
static inline bool tw__inbox_sleep(struct tw__inbox *inbox)
{
    uintptr_t empty = 0;
    return atomic_compare_exchange_strong_explicit(&inbox->word, &empty, TW__INBOX_ASLEEP,
                                                   memory_order_acq_rel, memory_order_relaxed) ||
           empty == TW__INBOX_ASLEEP;
}

/* Any thread. 0: closed now; 1: closed now, and the owner must be woken; -ESHUTDOWN: it was closed
 * before. */
static inline int tw__inbox_close(struct tw__inbox *inbox)
{
    uintptr_t seen = atomic_fetch_or_explicit(&inbox->word, TW__INBOX_CLOSED, memory_order_acq_rel);
    if (seen & TW__INBOX_CLOSED)
        return -ESHUTDOWN;
    return seen == TW__INBOX_ASLEEP;
}

/* Owner. Closed, and nothing is left to take: in one look, so that what was accepted before is not
 * missed. */
static inline bool tw__inbox_is_over(struct tw__inbox *inbox)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_acquire);
    return (seen & TW__INBOX_CLOSED) && !(seen & ~TW__INBOX_FLAGS);
}

/* Any thread. */
static inline bool tw__inbox_is_closed(struct tw__inbox *inbox)
{
    return (atomic_load_explicit(&inbox->word, memory_order_acquire) & TW__INBOX_CLOSED) != 0;
}

#endif
