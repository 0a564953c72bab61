/*
 * A place where one thread sleeps until another wakes it.
 *
 * A wake is remembered: one that comes before the sleep makes it return at once, and several are as
 * one. On Linux it is a futex word; the portable path uses a mutex and a condition variable.
 */
#ifndef TWINE_BASE_PARK_INTERNAL_H
#define TWINE_BASE_PARK_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <twine/base/clock.h>
#include <twine/base/futex_internal.h>

#if !TWINE_FUTEX
#include <pthread.h>
#endif

struct tw__park {
    atomic_int word; /* see park.c */
#if !TWINE_FUTEX
    pthread_mutex_t mutex;
    pthread_cond_t woken;
#endif
};

void tw__park_init(struct tw__park *park);
void tw__park_done(struct tw__park *park);

/* Sleep until woken, or until the clock has reached the deadline; consumes the wake. One thread at
 * a time. Returns whether it was woken. */
bool tw__park_wait(struct tw__park *park, struct tw_clock *clock, uint64_t deadline);

/* Wake the thread that sleeps, or the next one to. Any thread. */
void tw__park_wake(struct tw__park *park);

#endif
