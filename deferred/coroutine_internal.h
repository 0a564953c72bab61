/*
 * A coroutine from inside: a fiber, and a Deferred for its outcome, in one block.
 *
 *     NEW     -> RUNNING     by tw_spawn
 *     RUNNING -> WAITING     in tw_await, back to whoever resumed it
 *     WAITING -> RUNNING     resumed: its link in the awaited Deferred runs, or goes without
 *                            running, or the wait is cut short
 *     RUNNING -> ENDED       its function has returned; its stack goes when the outcome has fired
 *
 * The block is held by the outcome's two sides and by each link of its waits that is still in some
 * Deferred.
 */
#ifndef TWINE_DEFERRED_COROUTINE_INTERNAL_H
#define TWINE_DEFERRED_COROUTINE_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/check_internal.h>
#include <twine/base/fiber_internal.h>
#include <twine/deferred/coroutine.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/threads/frame_internal.h>

/* The link that has just resumed it is not over when the next wait begins; and a reactor cuts a
 * wait short at most twice, when it begins to stop and when it has stopped. */
#define TW__MOST_LINKS 4

enum tw__coroutine_state {
    COROUTINE_NEW,
    COROUTINE_RUNNING,
    COROUTINE_WAITING,
    COROUTINE_ENDED,
    COROUTINE_STATES
};

struct tw__wait_link {
    struct tw__coroutine *coroutine;
    bool is_in_use;
};

struct tw__coroutine {
    struct tw_deferred deferred; /* the outcome; its source is ours */
    struct tw__waiting waiting;  /* while it waits, if it has a reactor */
    struct tw__mailbox *mailbox; /* a reference: it knows whether its reactor has gone; NULL */
    enum tw__coroutine_state state;
    unsigned holds; /* see above */
    struct tw__fiber *fiber;
    struct tw__fiber *resumer; /* while it runs */
    struct tw__frame *frame;   /* what the resumer is inside of */
    struct tw_context *context;
    atomic_bool is_asked_to_stop; /* it was cancelled while it ran; see tw_cancelled() */
    struct {
        struct tw__wait_link *link; /* NULL: it has its result, or there is none */
        struct tw_result *ret_result;
        unsigned long count;
        int rc;
    } wait; /* the current one */
    struct tw__wait_link links[TW__MOST_LINKS];
    tw_call_fn fn;
    void *arg;
    tw_destroy_fn destroy;
};

static inline void tw__coroutine_move(struct tw__coroutine *coroutine, enum tw__coroutine_state to)
{
    static const bool allowed[COROUTINE_STATES][COROUTINE_STATES] = {
        [COROUTINE_NEW] = {[COROUTINE_RUNNING] = true},
        [COROUTINE_RUNNING] = {[COROUTINE_WAITING] = true, [COROUTINE_ENDED] = true},
        [COROUTINE_WAITING] = {[COROUTINE_RUNNING] = true},
    };
    TW__CHECK(allowed[coroutine->state][to]);
    (void)allowed;
    coroutine->state = to;
}

/* Go on with it; what runs here is its resumer. Returns when it waits again or has ended, and then
 * it may be gone. To be called last, see tw__fiber_go_back(). */
static inline void tw__coroutine_resume(struct tw__coroutine *coroutine)
{
    tw__coroutine_move(coroutine, COROUTINE_RUNNING);
    coroutine->frame = tw__here.frame;
    tw__fiber_call(coroutine->fiber, &coroutine->resumer);
}

/* Whether a Deferred is a coroutine's outcome. */
bool tw__coroutine_is_outcome(const struct tw_deferred *deferred);
void tw__coroutine_drop_hold(struct tw__coroutine *coroutine);

/* coroutine_await.c: the outcome's canceller, and what its reactor calls when it stops. */
int tw__coroutine_cancel(struct tw_source *source, void *unused);
void tw__coroutine_cut_short(struct tw__waiting *waiting);

/* NULL if it has none, or that has gone. */
static inline struct tw_reactor *tw__coroutine_reactor(const struct tw__coroutine *coroutine)
{
    return coroutine->mailbox ? (struct tw_reactor *)coroutine->mailbox->reactor : NULL;
}

#endif
