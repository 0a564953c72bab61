/*
 * A thread that is blocked in a call, for deferred/: its end may come later than the function's.
 */
#ifndef TWINE_REACTOR_BLOCKING_CALL_INTERNAL_H
#define TWINE_REACTOR_BLOCKING_CALL_INTERNAL_H

#include <twine/base/park_internal.h>
#include <twine/reactor/blocking_call.h>
#include <twine/reactor/reactor_internal.h>

/* A block with two holds: the blocked thread's, and the loop's until it has let the thread go. */
struct tw__blocked {
    struct tw_task task;
    struct tw__waiting waiting; /* the loop's, while is_waiting */
    struct tw_worker *mailbox;  /* a reference */
    tw_call_fn fn;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until fn has returned */
    /* fn has left a Deferred in the result: wait for it, then tw__blocked_let_go(). NULL: a result
     * does not take any. */
    void (*wait_for)(struct tw__blocked *blocked);
    struct tw_result result; /* the loop's until it is over, then the thread's */
    int rc;                  /* likewise */
    struct tw__park park;
    atomic_int holds;
    atomic_bool is_over;        /* the thread is let go, or has gone */
    bool is_waiting, has_ended; /* the loop's */
};

/* Whether it may be made: 0; -EINVAL; -EDEADLK; -EOWNERDEAD. */
int tw__blocking_call_check(struct tw_reactor *reactor, tw_call_fn fn, int64_t timeout);

/* As tw_reactor_blocking_call_from_thread(). Takes the block. */
int tw__blocking_call(struct tw_reactor *reactor, struct tw__blocked *blocked, int64_t timeout,
                      struct tw_result *ret_result);

/* NULL: out of memory, and (arg, destroy) is as it was. */
struct tw__blocked *tw__blocked_new(tw_call_fn fn, void *arg, tw_destroy_fn destroy);

/* On the loop's thread: it waits for something on this thread; a shutdown ends that. */
void tw__blocked_waits(struct tw__blocked *blocked);
/* On the loop's thread, once: with the result it has, or with an error. The loop's hold stays. */
void tw__blocked_let_go(struct tw__blocked *blocked, int rc);
void tw__blocked_drop_hold(struct tw__blocked *blocked);

#endif
