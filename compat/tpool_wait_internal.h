/*
 * Waiting for jobs while a loop turns.
 */
#ifndef TWINE_COMPAT_TPOOL_WAIT_INTERNAL_H
#define TWINE_COMPAT_TPOOL_WAIT_INTERNAL_H

#include <twine/reactor/reactor.h>
#include <twine/threads/future.h>

/* Whose loop goes on turning if this awaits; NULL: this is not the code of a coroutine, or nobody's.
 * reactor: of one that was spawned without; or NULL. */
struct tw_reactor *tw__tpool_awaits_on(struct tw_reactor *reactor);

/* Turn a loop that is not turning, or await in a coroutine, until one of several futures is done;
 * one or more. 0; -ENOMEM; what tw_reactor_wait() or tw_await() answers; -ECANCELED if the await was
 * cancelled. */
int tw__tpool_serve(struct tw_reactor *reactor, struct tw_future *const *futures, size_t count);

#endif
