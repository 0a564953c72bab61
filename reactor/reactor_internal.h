/*
 * The common half of a reactor, for the files of this floor and for deferred/.
 *
 * States:
 *
 *     NEW      -> RUNNING    run, or the first turn of a loop that is not ours
 *     RUNNING  -> STOPPING   stop was asked for, and a pass has come to its end
 *     STOPPING -> STOPPED    every job is home and the pool has ended, or the time is up
 *     any      -> STOPPED    the last reference has gone
 */
#ifndef TWINE_REACTOR_REACTOR_INTERNAL_H
#define TWINE_REACTOR_REACTOR_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/search_internal.h>
#include <twine/reactor/mailbox_internal.h>
#include <twine/reactor/reactor_ops.h>
#include <twine/reactor/timer_heap_internal.h>

enum tw__reactor_state { REACTOR_NEW, REACTOR_RUNNING, REACTOR_STOPPING, REACTOR_STOPPED };

/* Something that has left this thread and will come home by the mailbox. While it is away the loop
 * is kept alive, and a shutdown waits for it. */
struct tw__away {
    struct tw__away *next, *prev;
    /* The reactor ends without it. Called on the loop's thread; it is not in the list any more. */
    void (*left_behind)(struct tw__away *away);
};

/* Something on this thread that waits and is not to wait for ever: a coroutine. It does not keep
 * the loop alive, what it waits for does. A shutdown cuts it short, and waits for those that then
 * wait again. */
struct tw__waiting {
    struct tw__waiting *next, *prev;
    /* Calls tw__reactor_waits_no_more(). */
    void (*cut_short)(struct tw__waiting *waiting);
};

/* Blocks of one size, kept for reuse. */
struct tw__free_list {
    void *first;
    size_t count;
};

struct tw__reactor_common {
    struct tw_clock *clock;      /* fixed, borrowed */
    struct tw__mailbox *mailbox; /* fixed, a reference */
    _Atomic(uintptr_t) thread;   /* who turns, or turned, the loop; 0: nobody yet */
    /* What follows belongs to the loop's thread. */
    size_t refs;
    enum tw__reactor_state state;
    bool is_turning; /* inside a turn of ours */
    bool is_in_pass, wants_stop, is_alive;
    bool is_pool_started, has_pool_ended;
    struct tw_task *calls; /* taken from the mailbox, still to be run, oldest first */
    struct tw__timer_heap heap;
    bool has_rung;        /* the plug-in's timer has, and is set to nothing */
    uint64_t armed;       /* what the plug-in's timer is set to */
    struct tw__away away; /* the head of a ring */
    size_t away_count;
    struct tw__waiting waiting; /* the head of a ring */
    struct tw_pool *pool; /* a reference, or NULL */
    size_t pool_size;
    int64_t shutdown_timeout; /* nanoseconds */
    uint64_t shutdown_deadline;
    uint64_t
        bell; /* a time to wake the loop at, for nothing: the end of an iterate, or of a shutdown */
    struct tw__free_list blocks;
    void *resolver; /* deferred/resolver.c's, which this floor does not know */
    tw_destroy_fn resolver_destroy;
    struct tw__search search;
};

/* A turn of our own, from run, iterate or wait. 0; -EDEADLK from inside a turn; what the plug-in
 * says. */
int tw__reactor_turn(struct tw_reactor *reactor, bool block, const char *who);

/* Let the pool work though the reactor has not started. */
void tw__reactor_start_pool(struct tw_reactor *reactor);

/* Note that something goes out, or has come home. */
void tw__reactor_goes_out(struct tw_reactor *reactor, struct tw__away *away);
void tw__reactor_is_home(struct tw_reactor *reactor, struct tw__away *away);

/* Note that something waits, or does so no more. */
static inline void tw__reactor_waits(struct tw_reactor *reactor, struct tw__waiting *waiting)
{
    struct tw__waiting *head = &reactor->_common->waiting;
    waiting->prev = head->prev;
    waiting->next = head;
    waiting->prev->next = waiting;
    head->prev = waiting;
}

static inline void tw__reactor_waits_no_more(struct tw_reactor *reactor,
                                             struct tw__waiting *waiting)
{
    waiting->prev->next = waiting->next;
    waiting->next->prev = waiting->prev;
    if (reactor->_common->state == REACTOR_STOPPING)
        reactor->_ops->again(reactor); /* it may have been the last that a shutdown waited for */
}

/* Put a timer into the heap, move it or take it out, and keep the plug-in informed. */
int tw__reactor_set_timer(struct tw_reactor *reactor, struct tw__timer *timer, uint64_t deadline);
void tw__reactor_clear_timer(struct tw_reactor *reactor, struct tw__timer *timer);

/* Whether anything is accepted still. */
static inline bool tw__reactor_is_open(const struct tw_reactor *reactor)
{
    return reactor->_common->state < REACTOR_STOPPED;
}

/* delayed_call.c: run one that is due and has been taken out of the heap; or drop one that will not
 * run. */
void tw__delayed_call_run(struct tw__timer *timer);
void tw__delayed_call_drop(struct tw__timer *timer);

#endif
