/*
 * What a Deferred is made of, for those that embed one.
 *
 * Its links lie in an array, two of them inside. Deferreds that wait for it are kept beside the
 * links, each with its position among them, so that waiting needs no memory: they are linked
 * through themselves, since a Deferred waits for one at a time.
 */
#ifndef TWINE_DEFERRED_DEFERRED_INTERNAL_H
#define TWINE_DEFERRED_DEFERRED_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>
#include <twine/base/check_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/result_internal.h>
#include <twine/base/self_internal.h>
#include <twine/deferred/deferred.h>

#define TW__LINKS_INSIDE 2
#define TW__LINKS_OUTSIDE \
    12 /* in the first array outside: ten and a bit, so that few need a second */

struct tw__link {
    tw_call_fn fn[2]; /* the callback and the errback: by what the result holds */
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
    bool is_noted : 1;      /* it was made while debugging was on, and has places */
    tw_canceller_fn canceller;
    void *canceller_arg;
    tw_destroy_fn canceller_destroy;
    /* Fired: the one a callback left, a reference. Not fired: the one that is chained to it, no
     * reference. */
    struct tw_deferred *waits_for;
    struct tw_deferred *last_waiter; /* a ring through next; each has a reference of ours */
    struct tw_deferred
        *next; /* among the waiters of another, or below on the stack of those that run */
    void (*release)(
        struct tw_deferred *deferred); /* frees the memory; NULL: it is kept for reuse */
    uint32_t first, end;               /* of links: those to run */
    uint32_t gone;                     /* how many had been run and left the array before */
    uint32_t position;                 /* as a waiter: how many links of the other come before */
    uint32_t capacity;                 /* of links; from here on nothing is changed by a new life */
    struct tw__link *links;            /* inside, or an array of their own */
    struct tw__link inside[TW__LINKS_INSIDE];
#if defined(TWINE_CHECKS) && TWINE_CHECKS
    uintptr_t thread;
#endif
};

static inline void tw__deferred_check_thread(const struct tw_deferred *deferred)
{
#if defined(TWINE_CHECKS) && TWINE_CHECKS
    TW__CHECK(deferred->thread == tw__self());
#else
    (void)deferred;
#endif
}

/* A Deferred in memory of yours: one handle, one source. release is called when both sides are
 * gone. */
void tw__deferred_init(struct tw_deferred *deferred, tw_canceller_fn canceller, void *arg,
                       tw_destroy_fn destroy, void (*release)(struct tw_deferred *deferred));

/* deferred.c: let go of one reference; marking it fired, false if it was before. */
void tw__deferred_unref(struct tw_deferred *deferred);
bool tw__deferred_mark_fired(struct tw_deferred *deferred);
/* Fire one that may have been before, as tw_source_fire(), and let go of its only source. */
void tw__deferred_fire_last(struct tw_deferred *deferred, struct tw_result *result);

/* deferred_links.c: make room for one link more, 0 or -ENOMEM; let go of the array they are in;
 * what destroys a link that tw_deferred_chain() added, and so marks it; and fired by somebody while
 * it waits for its turn to be abandoned. */
int tw__deferred_reserve(struct tw_deferred *deferred);
void tw__deferred_drop_chain_link(void *source);
void tw__deferred_leave_turn(struct tw_deferred *target);

static inline void tw__deferred_free_links(struct tw_deferred *deferred)
{
    if (deferred->links != deferred->inside)
        tw__free(deferred->links);
}

/* deferred_spare.c: of so many this thread keeps the memory for its next ones, from now on; that of
 * those too many is freed. */
void tw__deferred_keep_spares(unsigned most);

/* Fired, idle, and free to run: a link added now runs at once. */
static inline bool tw__deferred_may_run(const struct tw_deferred *deferred)
{
    return deferred->is_called && !deferred->is_running && !deferred->pauses &&
           !deferred->waits_for;
}

/* deferred_run.c: run what is due, if it may (above). */
void tw__deferred_run_now(struct tw_deferred *deferred);

/* debug.c: made and fired here; its memory goes; what is told of one that is noted. */
extern atomic_bool tw__debug_on;
void tw__debug_made(struct tw_deferred *deferred);
void tw__debug_fired(const struct tw_deferred *deferred);
void tw__debug_forget(const struct tw_deferred *deferred);
void tw__debug_report_unhandled(struct tw_deferred *deferred);
void tw__debug_report_again(const struct tw_deferred *deferred);
struct tw_failure *tw__debug_already_called(const struct tw_deferred *deferred);

#define TW__UNHANDLED "a failure in a Deferred was not handled"

static inline bool tw__debug_is_on(void)
{
    /* Relaxed: it may be noticed late. */
    return atomic_load_explicit(&tw__debug_on, memory_order_relaxed);
}

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
