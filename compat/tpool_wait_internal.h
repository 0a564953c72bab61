/*
 * Waiting for jobs while a loop turns.
 */
#ifndef TWINE_COMPAT_TPOOL_WAIT_INTERNAL_H
#define TWINE_COMPAT_TPOOL_WAIT_INTERNAL_H

#include <twine/reactor/reactor.h>
#include <twine/threads/future.h>

/* Turn a loop that is not turning until one of several futures is done; one or more. 0; -ENOMEM;
 * what tw_reactor_wait() answers. */
int tw__tpool_serve(struct tw_reactor *reactor, struct tw_future *const *futures, size_t count);

#endif
