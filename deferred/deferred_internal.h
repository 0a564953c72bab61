/*
 * What a Deferred is made of, for those that embed one.
 *
 * Its links lie in an array, two of them inside. Deferreds that wait for it are kept beside the
 * links, each with its position among them, so that waiting needs no memory: they are linked
 * through themselves, since a Deferred waits for one at a time.
 */
#ifndef TWINE_DEFERRED_DEFERRED_INTERNAL_H
#define TWINE_DEFERRED_DEFERRED_INTERNAL_H

#include <stdint.h>
#include <twine/base/result_internal.h>
#include <twine/deferred/deferred.h>

#define TW__LINKS_INSIDE 2

struct tw__link {
    tw_call_fn callback, errback;
    void *arg;
    tw_destroy_fn destroy;
};

struct tw_deferred {
    struct tw_result result;
    uint32_t refs; /* handles, and our own holds: while running, and by the one it waits for */
    uint32_t sources;
    uint32_t pauses;
    /* Each once or never set, and never cleared, but is_running, is_cancelling and swallows. */
    bool is_called : 1;
    bool is_running : 1;    /* its links are being run, further up the stack */
    bool is_cancelling : 1; /* its canceller is being called */
    bool swallows : 1;      /* the next firing comes too late, and is no error */
    bool has_chained : 1;   /* some other is, or was, chained to it */
    bool is_in_turn : 1;    /* its source is about to go */
    bool is_disposed : 1;   /* nobody wants it any more; its memory waits for the source to go */
    tw_canceller_fn canceller;
    void *canceller_arg;
    tw_destroy_fn canceller_destroy;
    /* Fired: the one a callback left, a reference. Not fired: the one that is chained to it, no
     * reference. */
    struct tw_deferred *waits_for;
    struct tw_deferred *last_waiter; /* a ring through next; each has a reference of ours */
    struct tw_deferred
        *next; /* among the waiters of another, or below on the stack of those that run */
    struct tw__link *links;
    uint32_t first, end, capacity; /* of links: those to run are first to end */
    uint32_t run;                  /* how many have been taken out */
    uint32_t position;             /* as a waiter: how many links of the other come before */
    void (*release)(struct tw_deferred *deferred); /* frees the memory */
    struct tw__link inside[TW__LINKS_INSIDE];
#if defined(TWINE_CHECKS) && TWINE_CHECKS
    uintptr_t thread;
#endif
};

/* A Deferred in memory of yours: one handle, one source. release is called when both sides are
 * gone. */
void tw__deferred_init(struct tw_deferred *deferred, tw_canceller_fn canceller, void *arg,
                       tw_destroy_fn destroy, void (*release)(struct tw_deferred *deferred));

/* deferred.c: let go of one reference; marking it fired, false if it was before. */
void tw__deferred_unref(struct tw_deferred *deferred);
bool tw__deferred_mark_fired(struct tw_deferred *deferred);

/* Make room for one link more. 0; -ENOMEM. */
int tw__deferred_reserve(struct tw_deferred *deferred);
/* Fired, idle, and free to run: a link added now runs at once. */
bool tw__deferred_may_run(const struct tw_deferred *deferred);

/* deferred_run.c: run what is due, if it may; and the mark of a link that tw_deferred_chain() adds,
 * never called. */
void tw__deferred_run(struct tw_deferred *deferred);
void tw__deferred_fire_chained(struct tw_result *result, void *source);

/* The two sides are one object. */
static inline struct tw_source *tw__source_of(struct tw_deferred *deferred)
{
    return (struct tw_source *)deferred;
}

static inline struct tw_deferred *tw__deferred_of(struct tw_source *source)
{
    return (struct tw_deferred *)source;
}

#endif
