/*
 * Keeping a team's books: what team_books.c and team_books_jobs.c share, and what team.c looks at
 * before it closes them. Inside the coordinator.
 */
#ifndef TWINE_THREADS_TEAM_BOOKS_INTERNAL_H
#define TWINE_THREADS_TEAM_BOOKS_INTERNAL_H

#include <stdint.h>
#include <twine/base/check_internal.h>
#include <twine/threads/team_internal.h>

/* --- the numbers others read ------------------------------------------------------------------ */

/* Relaxed, and a load and a store instead of one exchange: only the coordinator writes, and a
 * reader of statistics asks for nothing but a number that was true. */
static inline void books_add(_Atomic(size_t) *number, ptrdiff_t by)
{
    size_t now = atomic_load_explicit(number, memory_order_relaxed);
    atomic_store_explicit(number, now + (size_t)by, memory_order_relaxed);
}

static inline void books_count_by(_Atomic(uint64_t) *number, size_t by)
{
    uint64_t now = atomic_load_explicit(number, memory_order_relaxed);
    atomic_store_explicit(number, now + by, memory_order_relaxed);
}

static inline void books_count(_Atomic(uint64_t) *number)
{
    books_count_by(number, 1);
}

static inline size_t books_get(_Atomic(size_t) *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static inline size_t books_live(struct tw_team *team)
{
    return books_get(&team->coord.idles) + books_get(&team->coord.busy) +
           books_get(&team->coord.coming);
}

static inline size_t books_most(struct tw_team *team)
{
    return atomic_load_explicit(&team->most, memory_order_relaxed);
}

static inline void slot_move(struct slot *slot, enum slot_state to)
{
    static const bool allowed[SLOT_STATES][SLOT_STATES] = {
        [SLOT_COMING] = {[SLOT_IDLE] = true, [SLOT_BUSY] = true, [SLOT_GONE] = true},
        [SLOT_IDLE] = {[SLOT_WAKING] = true, [SLOT_BUSY] = true, [SLOT_GONE] = true},
        [SLOT_WAKING] = {[SLOT_BUSY] = true, [SLOT_GONE] = true},
        [SLOT_BUSY] = {[SLOT_IDLE] = true, [SLOT_GONE] = true},
    };
    TW__CHECK(allowed[slot->state][to]);
    (void)allowed;
    slot->state = to;
}

/* Whether something waits that a worker may take. */
static inline bool books_has_work(struct tw_team *team)
{
    return books_get(&team->coord.waiting) && !team->coord.is_suspended;
}

static inline struct tw_task *books_pop(struct tw_team *team)
{
    struct tw_task *task = tw__task_queue_pop(&team->coord.backlog);
    books_add(&team->coord.waiting, -1);
    return task;
}

/* A task waits, and a worker that is through with one takes that and changes nothing else: nobody is
 * free or must be made, nobody watches or has asked for something, and it is not the end. */
static inline bool books_are_steady(struct tw_team *team)
{
    return team->coord.is_short && books_has_work(team) && !team->coord.is_lacking &&
           !team->coord.has_asked;
}

/* --- team_books.c ----------------------------------------------------------------------------- */

/* Take one out of the idle ones. */
void tw__books_remove_idle(struct tw_team *team, struct slot *slot);
/* A worker that is counted nowhere, and for which nothing waits, becomes idle, or goes. */
void tw__books_rest(struct tw_team *team, struct slot *slot, struct outcome *outcome);

#endif
