/*
 * Calls from threads, and their memory.
 */
#ifndef TWINE_REACTOR_CALL_MEMORY_INTERNAL_H
#define TWINE_REACTOR_CALL_MEMORY_INTERNAL_H

#include <twine/reactor/reactor.h>

struct tw__call_chunk;

/* One cache line: it is all that a call moves from one processor to another, beside the inbox. */
struct tw__call {
    struct tw_task task;
    tw_action_fn action;
    void *arg;
    tw_destroy_fn destroy;
    struct tw__call_chunk *chunk; /* where it lies; NULL: it is allocated by itself */
};

struct tw__call *tw__call_new(void);       /* only its chunk is set. Any thread. NULL: no memory */
void tw__call_free(struct tw__call *call); /* any thread */
void tw__call_set_chunk_size(unsigned calls); /* for tests: of chunks begun from now on */

#endif
