/*
 * The word of a team's inbox: the entries, newest first, and the way for those who submit. It never
 * blocks and allocates nothing.
 *
 *     LONG        who submits visits the books
 *     SHORT       all workers there may be are busy, or one is being woken: it comes for what is here,
 *                 so who submits just puts it in
 *     SEARCHED    a worker with nothing to do looks at this word: it comes as soon as something is in,
 *                 and wakes others if it is more than one worker's
 *     CLOSED      as LONG, for ever
 *
 * Nobody is left waiting: the way and the entries are one word.
 *     - SHORT is set and cleared by who is inside the coordinator. Whoever clears it takes out, by
 *       the same exchange, what came until then; what would come later finds it cleared.
 *     - SEARCHED is set by a worker, outside, when the word is empty and LONG, or inside, by its own
 *       visit that ends SHORT. When its search is over it makes it LONG again, if it is still empty;
 *       otherwise something has come, and it visits the books, where it makes it LONG and takes that
 *       out by the same exchange. (SHORT may have come between, and after that another's SEARCHED.
 *       Then one puts an end to the other's search, as one does that goes to sleep: nobody relies on
 *       it any more, and both have looked.)
 *     - CLOSED is set inside, by the visit of a quit, which takes out what came until then. So
 *       nothing comes to a team that has ended.
 * Entries are taken out by those inside, all at once; and the newest one by who waits for it, whatever
 * is linked behind it. So a compare and exchange cannot mistake one list for another.
 */
#ifndef TWINE_THREADS_TEAM_INBOX_INTERNAL_H
#define TWINE_THREADS_TEAM_INBOX_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <twine/threads/task.h>

enum tw__way { TW__WAY_LONG, TW__WAY_SHORT, TW__WAY_SEARCHED, TW__WAY_CLOSED };

#define TW__WAY_MASK ((uintptr_t)3)

struct tw__team_inbox {
    _Atomic(uintptr_t) word;
};

static inline enum tw__way tw__team_inbox_way(uintptr_t word)
{
    return (enum tw__way)(word & TW__WAY_MASK);
}

static inline struct tw_task *tw__team_inbox_newest(uintptr_t word)
{
    return (struct tw_task *)(word & ~TW__WAY_MASK);
}

/* Relaxed: what this thread has put in it sees, and no order is promised to it of what others put in
 * meanwhile. */
static inline bool tw__team_inbox_has_entries(struct tw__team_inbox *inbox)
{
    return tw__team_inbox_newest(atomic_load_explicit(&inbox->word, memory_order_relaxed)) != NULL;
}

/* --- any thread ------------------------------------------------------------------------------- */

static inline bool tw__team_inbox_lets_in(uintptr_t word)
{
    enum tw__way way = tw__team_inbox_way(word);
    return way == TW__WAY_SHORT || way == TW__WAY_SEARCHED;
}

static inline bool tw__team_inbox_is_open(struct tw__team_inbox *inbox)
{
    return tw__team_inbox_lets_in(atomic_load_explicit(&inbox->word, memory_order_relaxed));
}

static inline bool tw__team_inbox_is_short(struct tw__team_inbox *inbox)
{
    return tw__team_inbox_way(atomic_load_explicit(&inbox->word, memory_order_relaxed)) ==
           TW__WAY_SHORT;
}

/* Put a task in, if that is all there is to do. */
static inline bool tw__team_inbox_push_short(struct tw__team_inbox *inbox, struct tw_task *task)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    do {
        if (!tw__team_inbox_lets_in(seen))
            return false;
        task->_next = tw__team_inbox_newest(seen);
        /* Release: who takes it out sees its content. */
    } while (!atomic_compare_exchange_weak_explicit(&inbox->word, &seen,
                                                    (uintptr_t)task | tw__team_inbox_way(seen),
                                                    memory_order_release, memory_order_relaxed));
    return true;
}

/* Take back a task whose submit has returned, if it came by the short way, nobody has come for it and
 * nothing has come after it. (It is not submitted again meanwhile: so while it is the newest, what it
 * is linked to is what it was.) */
static inline bool tw__team_inbox_take_back(struct tw__team_inbox *inbox, struct tw_task *task)
{
    uintptr_t seen = (uintptr_t)task | TW__WAY_SHORT, next;
    if (atomic_load_explicit(&inbox->word, memory_order_acquire) != seen)
        return false;
    /* Relaxed: if it has been taken out since, the exchange fails, whatever this is. */
    next = (uintptr_t)__atomic_load_n(&task->_next, __ATOMIC_RELAXED);
    return atomic_compare_exchange_strong_explicit(&inbox->word, &seen, next | TW__WAY_SHORT,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Put an entry in, and see otherwise that it is come for. */
static inline void tw__team_inbox_push(struct tw__team_inbox *inbox, struct tw_task *entry)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    do
        entry->_next = tw__team_inbox_newest(seen);
    while (!atomic_compare_exchange_weak_explicit(&inbox->word, &seen,
                                                  (uintptr_t)entry | tw__team_inbox_way(seen),
                                                  memory_order_release, memory_order_relaxed));
}

/* --- a worker that searches ------------------------------------------------------------------- */

/* Whether it may be counted on from now on. */
static inline bool tw__team_inbox_begin_search(struct tw__team_inbox *inbox)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    return seen == TW__WAY_LONG &&
           atomic_compare_exchange_strong_explicit(&inbox->word, &seen, TW__WAY_SEARCHED,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Whether its search may go on. */
static inline bool tw__team_inbox_is_searched(struct tw__team_inbox *inbox)
{
    return atomic_load_explicit(&inbox->word, memory_order_relaxed) == TW__WAY_SEARCHED;
}

/* In vain: it is not counted on any more. false: something has come, and it has to go inside. */
static inline bool tw__team_inbox_give_up_search(struct tw__team_inbox *inbox)
{
    uintptr_t seen = TW__WAY_SEARCHED;
    return atomic_compare_exchange_strong_explicit(&inbox->word, &seen, TW__WAY_LONG,
                                                   memory_order_relaxed, memory_order_relaxed) ||
           tw__team_inbox_newest(seen) == NULL;
}

/* --- inside the coordinator ------------------------------------------------------------------- */

/* What has come, the newest first. */
static inline struct tw_task *tw__team_inbox_take(struct tw__team_inbox *inbox)
{
    if (!tw__team_inbox_has_entries(inbox))
        return NULL;
    /* Acquire: pairs with the release of each push; the pushes between are a release sequence. */
    return tw__team_inbox_newest(
        atomic_fetch_and_explicit(&inbox->word, TW__WAY_MASK, memory_order_acquire));
}

/* The end of a search: what has come, the newest first; it is not counted on any more. */
static inline struct tw_task *tw__team_inbox_end_search(struct tw__team_inbox *inbox)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    uintptr_t to;
    do
        to = tw__team_inbox_way(seen) == TW__WAY_SEARCHED ? TW__WAY_LONG : tw__team_inbox_way(seen);
    while (!atomic_compare_exchange_weak_explicit(&inbox->word, &seen, to, memory_order_acquire,
                                                  memory_order_relaxed));
    return tw__team_inbox_newest(seen);
}

/* Not when it is closed. What is there stays there: somebody comes for it. */
static inline void tw__team_inbox_set_short(struct tw__team_inbox *inbox)
{
    uintptr_t seen = atomic_load_explicit(&inbox->word, memory_order_relaxed);
    uintptr_t to;
    do
        to = (seen & ~TW__WAY_MASK) | TW__WAY_SHORT;
    while (!atomic_compare_exchange_weak_explicit(&inbox->word, &seen, to, memory_order_release,
                                                  memory_order_relaxed));
}

/* Not when it is closed. What has come by the short way, the newest first; from now on it is LONG, or
 * SEARCHED by the worker whose visit this is. */
static inline struct tw_task *tw__team_inbox_clear_short(struct tw__team_inbox *inbox,
                                                         enum tw__way to)
{
    return tw__team_inbox_newest(
        atomic_exchange_explicit(&inbox->word, (uintptr_t)to, memory_order_acq_rel));
}

static inline struct tw_task *tw__team_inbox_close(struct tw__team_inbox *inbox)
{
    return tw__team_inbox_newest(
        atomic_exchange_explicit(&inbox->word, TW__WAY_CLOSED, memory_order_acq_rel));
}

#endif
