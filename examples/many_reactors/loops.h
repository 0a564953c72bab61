/*
 * Loops: as many reactors as wanted, each on a thread of its own, and one pool for all of them.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include <pthread.h>
#include <twine/twine.h>

struct loop {
    int number; /* from 1 */
    pthread_t thread;
    struct tw_reactor *reactor;
    struct tw_worker *pool;
    unsigned long answered, strays; /* its thread's, until it is joined */
};

struct loops {
    struct loop *loop;
    int count, running;
    struct tw_pool *pool;
};

/* 0; a negative errno, and then none is left. */
int loops_start(struct loops *loops, int count, size_t threads);

/* Call a function on one loop's thread; (arg, destroy) is consumed. */
int loops_call(struct loop *loop, tw_action_fn action, void *arg, tw_destroy_fn destroy);

/* Stop them all, and wait until they and the pool have ended. Then their counts can be read. */
void loops_stop(struct loops *loops);
void loops_free(struct loops *loops);

#endif
