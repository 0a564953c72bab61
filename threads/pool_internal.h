/*
 * A pool's parts, for pool.c (its operations), pool_threads.c (making its threads) and pool_ends.c
 * (the word when all of it is over).
 */
#ifndef TWINE_THREADS_POOL_INTERNAL_H
#define TWINE_THREADS_POOL_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/lock_internal.h>
#include <twine/threads/pool.h>
#include <twine/threads/task_queue_internal.h>
#include <twine/threads/team_internal.h>
#include <twine/threads/thread_worker_internal.h>
#include <twine/threads/worker_internal.h>

/* How seldom a start hook that fails is tried. */
struct tw__pool_patience {
    unsigned to_skip, next_skip;
};

struct tw_pool {
    struct tw_worker base;
    struct tw_team *team;           /* fixed, a reference */
    _Atomic(size_t) limit, minimum; /* written under the lock */
    atomic_int holds;               /* the users' one, and one until the end */
    atomic_uint next_number;        /* of a thread's name */
    size_t stack_size;              /* fixed */
    struct tw_clock *clock;         /* fixed */
    _Atomic(int64_t) idle_time;     /* nanoseconds; TW_FOREVER */
    tw_pool_start_fn start;         /* fixed */
    tw_pool_exit_fn exit;           /* fixed */
    void *hook_arg;                 /* until the end */
    tw_destroy_fn hook_destroy;
    char name[TW__THREAD_NAME_SIZE]; /* fixed */
    struct tw__lock lock;
    struct {
        size_t threads;
        bool team_has_ended, has_ended;
        struct tw__pool_patience patience;
        struct pool_thread *first;     /* of all threads */
        struct tw__task_queue waiters; /* without a worker to be told on, fn is called at once */
    } locked;
};

void tw__pool_drop_hold(struct tw_pool *pool);

/* --- pool_threads.c --------------------------------------------------------------------------- */

/* For its team; arg is the pool. */
extern const struct tw__team_policy tw__pool_policy;
int tw__pool_create_worker(void *arg, size_t live, struct tw_worker **ret_worker);

/* --- pool_ends.c ------------------------------------------------------------------------------ */

/* A thread has gone back to the cache, or was never started. */
void tw__pool_thread_has_gone(struct tw_pool *pool);
/* How many threads have not gone back. Any thread. */
size_t tw__pool_threads(struct tw_pool *pool);
/* The team will make no more. As a destroy function. */
void tw__pool_team_has_ended(void *pool);

#endif
