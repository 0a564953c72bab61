/*
 * What a lock and a semaphore have in common: so many permits, handed from hand to hand.
 *
 * A permit that is given back while somebody waits goes to the oldest waiter, and was free at no
 * time in between.
 */
#ifndef TWINE_DEFERRED_PERMITS_INTERNAL_H
#define TWINE_DEFERRED_PERMITS_INTERNAL_H

#include <twine/deferred/waiters_internal.h>

/* The first member of a lock and of a semaphore: who has been granted a permit is handed a
 * reference to it. */
struct tw__permits {
    size_t refs;
    size_t free, limit;
    struct tw__waiters waiters;
};

int tw__permits_new(size_t limit, struct tw__permits **ret_permits);
void tw__permits_unref(struct tw__permits *permits);

/* Fires with the permits, a reference. 0; -ENOMEM. */
int tw__permits_acquire(struct tw__permits *permits, struct tw_deferred **ret_deferred);

/* false: none is out. */
bool tw__permits_release(struct tw__permits *permits);

/* Takes (arg, destroy) over only if it succeeds. 0; -ENOMEM. */
int tw__permits_run(struct tw__permits *permits, tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                    struct tw_deferred **ret_deferred);

#endif
