/*
 * A future from inside: for whoever makes futures (executor.c) and waits for them (future_wait.c).
 *
 * Its state is one word, a phase and whether anybody waits:
 *
 *     PENDING   -> RUNNING | CANCELLED | SETTING    by compare and exchange: one of them wins.
 *                                                   A user's own need not run
 *     RUNNING   -> SETTING                          whoever has the result
 *     SETTING   -> DONE                             the same thread, when the result is written
 *
 * Who waits is in a list under a lock that several futures share. The one that completes a future
 * exchanges the word, and looks into the list only if the word says that somebody is there. Nobody
 * is missed: a waiter sets that bit and then links itself, both under the lock, and only if the
 * word is not yet final.
 */
#ifndef TWINE_THREADS_FUTURE_INTERNAL_H
#define TWINE_THREADS_FUTURE_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/fork_internal.h>
#include <twine/threads/future.h>
#include <twine/threads/task_internal.h>

enum tw__phase {
    TW__PENDING,
    TW__RUNNING,
    TW__SETTING,
    TW__CANCELLED,
    TW__DONE,
    TW__PHASES,
    TW__AWAITED = 8 /* a bit beside the phase */
};

/* Whether anybody has looked at its failure, or ever can. */
enum tw__look { TW__UNSEEN, TW__SEEN, TW__UNHELD };

struct tw__waiter {
    struct tw__waiter *next, *prev;
    bool is_linked;
    /* Under the lock: short, calls nothing of the user's. Returns whether to call it once more
     * without the lock, and not to look at it before that. */
    bool (*is_done)(struct tw__waiter *waiter, struct tw_future *future);
    void (*afterwards)(struct tw__waiter *waiter, struct tw_future *future);
};

/* What the maker of a future does for it. */
struct tw__future_ops {
    /* It was cancelled before its work began: get the work back, if that is quick. */
    void (*withdraw)(struct tw_future *future);
    /* Begin and end its work on this stack, if it waits in the backlog of its place's team. */
    void (*run_here)(struct tw_future *future);
    /* Nobody holds it any more. */
    void (*free)(struct tw_future *future);
};

#define TW__PLACE_EXCLUSIVES 4

/* Where its work is done. Addresses to compare with: they may be stale once it is done. */
struct tw__future_place {
    const struct tw_worker *worker; /* was handed the work */
    const struct tw_worker *team;   /* the same, if it is a team; or NULL */
    const struct tw_worker *bottom; /* performs it in the end */
    /* The exclusive ones from the worker down to the bottom, the uppermost; the rest is NULL. */
    const struct tw_worker *exclusives[TW__PLACE_EXCLUSIVES];
};

/* Whether this thread is inside of a task of one of those that are needed for it. */
bool tw__place_is_here(const struct tw__future_place *place);

struct tw_future {
    const struct tw__future_ops *ops;     /* fixed; NULL: a user's own */
    const struct tw__future_place *place; /* fixed, the maker's; or NULL */
    unsigned epoch;                       /* fixed: the process that made it (base/fork) */
    atomic_uint refs;
    atomic_uint state;
    atomic_bool is_asked_to_stop;
    atomic_uchar look; /* an enum tw__look */
    struct tw_result result;
    struct {
        struct tw__waiter *first, *last;
    } locked; /* under the lock that tw__future_lock_of() gives */
};

void tw__future_init(struct tw_future *future, unsigned refs, const struct tw__future_ops *ops,
                     const struct tw__future_place *place);
/* Once, before the first one is made: what futures share is new in a forked child. */
void tw__future_prepare(void);
/* Report a failure nobody has looked at, and destroy the result. */
void tw__future_done(struct tw_future *future);

/* PENDING -> CANCELLED; wakes who waits. false: it was not pending. */
bool tw__future_cancel(struct tw_future *future);
/* PENDING -> RUNNING. false: it was cancelled. */
bool tw__future_begin(struct tw_future *future);
/* RUNNING -> SETTING -> DONE, with what is in the result; wakes who waits. */
void tw__future_complete(struct tw_future *future);

/* false: it is done, and the waiter was not added. */
bool tw__future_add_waiter(struct tw_future *future, struct tw__waiter *waiter);
/* When this returns, is_done has been called or never will be. */
void tw__future_remove_waiter(struct tw_future *future, struct tw__waiter *waiter);

/* Whether this thread may block until it is done. 0, also if it is; -EDEADLK, and reported. */
int tw__future_may_block(const struct tw_future *future);

static inline bool tw__phase_is_final(enum tw__phase phase)
{
    return phase == TW__CANCELLED || phase == TW__DONE;
}

static inline enum tw__phase tw__future_phase(const struct tw_future *future)
{
    /* Acquire: who sees that it is done sees its result. */
    unsigned state = atomic_load_explicit((atomic_uint *)&future->state, memory_order_acquire);
    return (enum tw__phase)(state & ~(unsigned)TW__AWAITED);
}

static inline bool tw__future_is_done(const struct tw_future *future)
{
    return tw__phase_is_final(tw__future_phase(future));
}

/* Made before this process was forked: it stays as it is, and nobody will complete it. */
static inline bool tw__future_is_inherited(const struct tw_future *future)
{
    return future->epoch != tw__fork_epoch();
}

#endif
