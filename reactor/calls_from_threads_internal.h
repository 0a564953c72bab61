/*
 * Calls from threads, as they travel: in runs.
 *
 * A run is one task in the mailbox, and what one thread called one after the other while nobody else
 * put anything in. So the loop takes, turns round and gives back runs, and its calls lie in memory
 * in the order made.
 */
#ifndef TWINE_REACTOR_CALLS_FROM_THREADS_INTERNAL_H
#define TWINE_REACTOR_CALLS_FROM_THREADS_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/context_internal.h>
#include <twine/reactor/reactor.h>

#define TW__CALL_RUN_CLOSED (1u << 31)

struct tw__call {
    tw_action_fn action; /* NULL: arg is a task, to be called with its fn */
    void *arg;
    tw_destroy_fn destroy; /* may be NULL */
};

/* With its first call one cache line, where it begins: all that a call by itself moves from one
 * processor to another, beside the inbox. */
struct tw__call_run {
    struct tw_task task; /* without a fn, by which it is known */
    atomic_uint count;   /* calls that are in; and CLOSED: no more come in, it is being performed */
    unsigned short done; /* the loop's: calls that have been taken out */
    unsigned short line; /* where it lies in its chunk */
    struct tw__call calls[];
};

/* The loop's thread. When its last call has been taken out. */
void tw__call_run_free(struct tw__call_run *run);

/* The loop's thread. The run that the task is; NULL: it is something else. */
static inline struct tw__call_run *tw__call_run_of(struct tw_task *task)
{
    return task->fn ? NULL : (struct tw__call_run *)task;
}

/* The loop's thread. Take the next call out. false: it was the last, and the run has gone. */
static inline bool tw__call_run_take(struct tw__call_run *run, struct tw__call *ret_call)
{
    /* Acquire: the calls' content. Of what has been closed before that was acquired then. */
    unsigned count = atomic_load_explicit(&run->count, memory_order_relaxed);
    if (!(count & TW__CALL_RUN_CLOSED))
        count = atomic_fetch_or_explicit(&run->count, TW__CALL_RUN_CLOSED, memory_order_acquire);
    *ret_call = run->calls[run->done++];
    if (run->done < (count & ~TW__CALL_RUN_CLOSED)) {
        __builtin_prefetch(run->calls[run->done].arg); /* it comes from another processor */
        return true;
    }
    tw__call_run_free(run);
    return false;
}

/* The loop's thread. Make a call, or give it up. */
static inline void tw__call_perform(const struct tw__call *call, struct tw_context *context,
                                    int status)
{
    struct tw_context *before;
    if (!call->action) {
        struct tw_task *task = (struct tw_task *)call->arg;
        task->fn(task, status);
        return;
    }
    before = tw__context_swap(context);
    if (status == 0)
        call->action(call->arg);
    if (call->destroy)
        call->destroy(call->arg);
    tw__context_swap_back(before, context);
}

/* In a pool's thread: the work of a task is over; it goes home, and fn ends it on the loop's thread.
 * As tw__mailbox_post(); -ESHUTDOWN: the reactor has gone, and the task is the caller's to end. */
int tw__task_send_home(struct tw_worker *mailbox, struct tw_task *task, tw_task_fn fn);

/* For tests: of chunks begun from now on, and this thread leaves the one it has. In lines, of which a
 * call by itself takes one; with one line, none is shared. */
void tw__calls_set_chunk_size(unsigned lines);

#endif
