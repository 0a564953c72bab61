/*
 * A puller: a worker of a supply pool, and what it does, one step at a time, so that tests can take
 * the steps of several in any order.
 *
 *     TAKE     asks the supply, without the lock               free
 *     MARK     it has a task: it is no longer free             free, until this step
 *     RUN      calls its fn; free again when that delivers     busy
 *     LEAVE    the supply had nothing                          free, until this step
 *     GO       there are too many of them                      busy
 */
#ifndef TWINE_THREADS_SUPPLY_POOL_INTERNAL_H
#define TWINE_THREADS_SUPPLY_POOL_INTERNAL_H

#include <twine/threads/shortage_internal.h>
#include <twine/threads/supply_pool.h>
#include <twine/threads/task_internal.h>

enum tw__puller_phase { PULLER_TAKE, PULLER_MARK, PULLER_RUN, PULLER_LEAVE, PULLER_GO };

struct tw__puller {
    struct tw_task node; /* travels below while it is started */
    struct tw__runner runner;
    struct tw_supply_pool *pool;
    enum tw__puller_phase phase;
    struct tw_task *task;
    uint64_t seen; /* what had been told when it last became free */
    struct tw__puller *next;
};

/* The next step. false: it has left, and may be started anew. */
bool tw__puller_step(struct tw__puller *puller);

#endif
