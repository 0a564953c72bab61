/*
 * The common half of a reactor, for the files of this floor and for deferred/.
 *
 *     reactor.c         making one and its end, its timer, keeping the loop alive
 *     reactor_pass.c    a pass: calls, timers, signals, and what a start or a stop asks for
 *     reactor_turn.c    run, stop, crash, iterate
 *     reactor_phases.c  what it does itself in the phases of startup and shutdown
 *     reactor_calls.c   its pool, and calls in threads
 *     calls_from_threads.c, mailbox.c    what other threads send it
 *
 * States:
 *
 *     NEW      -> STARTING   run, or the first turn of a loop that is not ours: "startup" is fired
 *     STARTING -> RUNNING    nothing holds the phase before it
 *     RUNNING  -> STOPPING   stop was asked for, and a pass has come to its end: "shutdown" is fired
 *     STOPPING -> ENDING     nothing holds the phase before it, or the time is up
 *     ENDING   -> STOPPED    every job is home, the pool has ended and nothing holds the phases, or
 *                            the time is up
 *     STARTING, RUNNING -> NEW    crash
 *     any      -> STOPPED    the last reference has gone
 */
#ifndef TWINE_REACTOR_REACTOR_INTERNAL_H
#define TWINE_REACTOR_REACTOR_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/search_internal.h>
#include <twine/base/spares_internal.h>
#include <twine/reactor/mailbox_internal.h>
#include <twine/reactor/reactor_ops.h>
#include <twine/reactor/ring_internal.h>
#include <twine/reactor/signal.h>
#include <twine/reactor/timer_heap_internal.h>
#include <twine/reactor/trigger_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/worker_internal.h>

enum tw__reactor_state {
    REACTOR_NEW,
    REACTOR_STARTING,
    REACTOR_RUNNING,
    REACTOR_STOPPING,
    REACTOR_ENDING,
    REACTOR_STOPPED,
    REACTOR_STATES
};

/* Something that has left this thread and will come home by the mailbox. While it is away the loop
 * is kept alive, and a shutdown waits for it. */
struct tw__away {
    struct tw__away *next, *prev;
    /* The reactor ends without it. Called on the loop's thread; it is not in the list any more. */
    void (*left_behind)(struct tw__away *away);
};

/* Something on this thread that waits and is not to wait for ever: a coroutine, a thread that is
 * blocked until a Deferred fires. It does not keep the loop alive, what it waits for does. A
 * shutdown cuts it short, and waits for those that then wait again. */
struct tw__waiting {
    struct tw__waiting *next, *prev;
    /* Calls tw__reactor_waits_no_more(). */
    void (*cut_short)(struct tw__waiting *waiting);
};

struct tw__reactor_common {
    struct tw_clock *clock;      /* fixed, borrowed */
    struct tw__mailbox *mailbox; /* fixed, a reference */
    _Atomic(uintptr_t) thread;   /* who turns, or turned, the loop; 0: nobody yet */
    /* What follows belongs to the loop's thread. */
    size_t refs;
    enum tw__reactor_state state;
    bool is_turning; /* inside a turn of ours */
    bool is_in_pass, wants_stop, wants_crash, is_alive;
    bool has_crashed; /* only run starts it again */
    bool is_pool_started, has_pool_ended;
    bool is_pool_given;    /* by the user, and its limit is left alone */
    struct tw_task *calls; /* taken from the mailbox, still to be run, oldest first */
    struct tw__timer_heap heap;
    bool has_rung;        /* the plug-in's timer has, and is set to nothing */
    uint64_t armed;       /* what the plug-in's timer is set to */
    struct tw__away away; /* the head of a ring */
    size_t away_count;
    struct tw__waiting waiting; /* the head of a ring */
    struct tw__event startup, shutdown;
    struct tw__event *events;                /* the user's */
    struct tw__ring descriptors;             /* that are waited for */
    struct tw__signals *signals;             /* signal.c's; NULL: none was ever watched */
    struct tw_signal_watch *stop_signals[2]; /* references, while it runs */
    bool stops_on_signals;
    int stop_signal;      /* which has stopped it; 0 */
    struct tw_pool *pool; /* a reference, or NULL */
    size_t pool_size;
    int64_t shutdown_timeout; /* nanoseconds */
    uint64_t shutdown_deadline;
    unsigned cut_off; /* what a shutdown had no time for, reactor_phases.c */
    uint64_t
        bell; /* a time to wake the loop at, for nothing: the end of an iterate, or of a shutdown */
    struct tw__spares blocks; /* of jobs, kept until the reactor goes: deferred/from_thread.c */
    void (*free_block)(void *block);
    struct {
        struct tw_worker *pool; /* a reference while jobs are out, one for all of them */
        size_t jobs;
    } usual;        /* where most jobs are sent: deferred/from_thread.c */
    void *resolver; /* deferred/resolver.c's, which this floor does not know */
    tw_destroy_fn resolver_destroy;
    struct tw__search search;
};

/* Whether it was made before this process was forked: it is the parent's. */
static inline bool tw__reactor_is_inherited(const struct tw_reactor *reactor)
{
    return tw__worker_is_inherited(&reactor->_common->mailbox->base);
}

/* Whether anything is accepted still. */
static inline bool tw__reactor_is_open(const struct tw_reactor *reactor)
{
    return reactor->_common->state < REACTOR_STOPPED;
}

/* --- reactor.c -------------------------------------------------------------------------------- */

void tw__reactor_move_state(struct tw__reactor_common *common, enum tw__reactor_state to);

/* Keep the plug-in informed of what has changed; in a pass that is done at its end. */
void tw__reactor_update_alive(struct tw_reactor *reactor);
void tw__reactor_update_timer(struct tw_reactor *reactor);
/* Wake the loop at a time, for nothing. */
void tw__reactor_set_bell(struct tw_reactor *reactor, uint64_t deadline);

static inline void tw__away_take_out(struct tw__reactor_common *common, struct tw__away *away)
{
    away->prev->next = away->next;
    away->next->prev = away->prev;
    away->next = away->prev = NULL;
    common->away_count--;
}

/* Note that something goes out, or has come home. In a pass, whether the loop stays alive is looked at
 * when it ends. */
static inline void tw__reactor_goes_out(struct tw_reactor *reactor, struct tw__away *away)
{
    struct tw__reactor_common *common = reactor->_common;
    away->prev = common->away.prev;
    away->next = &common->away;
    away->prev->next = away;
    common->away.prev = away;
    common->away_count++;
    if (!common->is_in_pass)
        tw__reactor_update_alive(reactor);
}

static inline void tw__reactor_is_home(struct tw_reactor *reactor, struct tw__away *away)
{
    tw__away_take_out(reactor->_common, away);
    if (!reactor->_common->is_in_pass)
        tw__reactor_update_alive(reactor);
}

void tw__reactor_leave_all_behind(struct tw__reactor_common *common);

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
    if (reactor->_common->state == REACTOR_ENDING)
        reactor->_ops->again(reactor); /* it may have been the last that a shutdown waited for */
}

/* Those that wait now: who waits again is not met twice. A reactor that has stopped lets nobody. */
void tw__reactor_cut_all_short(struct tw__reactor_common *common);

/* Put a timer into the heap, move it or take it out, and keep the plug-in informed. */
int tw__reactor_set_timer(struct tw_reactor *reactor, struct tw__timer *timer, uint64_t deadline);
void tw__reactor_clear_timer(struct tw_reactor *reactor, struct tw__timer *timer);

/* --- reactor_pass.c --------------------------------------------------------------------------- */

/* Around whatever is called on the loop's thread: it is inside of the reactor, which does not go
 * meanwhile. Afterwards the plug-in hears what has changed. */
struct tw__pass {
    struct tw__frame frame;
    bool is_outermost;
};
void tw__reactor_enter(struct tw_reactor *reactor, struct tw__pass *pass);
void tw__reactor_leave(struct tw_reactor *reactor, struct tw__pass *pass);

/* --- reactor_turn.c --------------------------------------------------------------------------- */

/* A turn of our own, from run, iterate or wait. 0; -EDEADLK from inside a turn; what the plug-in
 * says. */
int tw__reactor_turn(struct tw_reactor *reactor, bool block, const char *who);

/* --- reactor_phases.c ------------------------------------------------------------------------- */

void tw__reactor_phases_init(struct tw__reactor_common *common);
/* Fire "startup", or "shutdown"; then go on with it in each pass. Inside a pass. */
void tw__reactor_begin_startup(struct tw_reactor *reactor);
void tw__reactor_begin_shutdown(struct tw_reactor *reactor);
void tw__reactor_go_on(struct tw_reactor *reactor);
/* Let the pool work though the reactor has not started. */
void tw__reactor_start_pool(struct tw_reactor *reactor);

/* --- reactor_pass.c --------------------------------------------------------------------------- */

/* Nothing is accepted any more: what was accepted before is run, or, when the reactor goes, given
 * up. */
void tw__reactor_empty_mailbox(struct tw__reactor_common *common, int status);

/* --- delayed_call.c --------------------------------------------------------------------------- */

/* Run one that is due and has been taken out of the heap; or drop one that will not run. */
void tw__delayed_call_run(struct tw__timer *timer);
void tw__delayed_call_drop(struct tw__timer *timer);

/* --- descriptor.c ----------------------------------------------------------------------------- */

/* The reactor shuts down: tell each that it is lost. It goes: only let go of them. */
void tw__reactor_lose_descriptors(struct tw_reactor *reactor);
void tw__reactor_drop_descriptors(struct tw_reactor *reactor);

/* --- signal.c --------------------------------------------------------------------------------- */

/* Tell those that have come. */
void tw__reactor_run_signals(struct tw_reactor *reactor);
/* Watch those that are to stop it, if it was asked for. */
void tw__reactor_begin_stop_signals(struct tw_reactor *reactor);
void tw__reactor_end_stop_signals(struct tw_reactor *reactor);
void tw__reactor_drop_signals(struct tw_reactor *reactor);

#endif
