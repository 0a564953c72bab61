/*
 * Limiters, for those who ask what is below.
 */
#ifndef TWINE_THREADS_LIMITER_INTERNAL_H
#define TWINE_THREADS_LIMITER_INTERNAL_H

#include <twine/threads/limiter.h>

/* The worker below, borrowed, if this is a limiter that has one; else NULL. Any thread. */
struct tw_worker *tw__limiter_below(struct tw_worker *worker);

#endif
