/*
 * The ThreadPool shim from inside: threadpool.c has its life and sizes, threadpool_threads.c how its
 * threads are made and named, threadpool_jobs.c what runs in them.
 *
 * It stands on a pool, whose limit is 0 until it is started, or, if threads are made by a function
 * of the user's, on a team of its own.
 */
#ifndef TWINE_COMPAT_THREADPOOL_INTERNAL_H
#define TWINE_COMPAT_THREADPOOL_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/lock_internal.h>
#include <twine/base/park_internal.h>
#include <twine/compat/threadpool.h>
#include <twine/threads/worker_internal.h>

#define TW__THREADPOOL_NAME_SIZE 128

struct tw__threadpool_thread;

struct tw_threadpool {
    struct tw_pool *pool;            /* fixed, a reference; NULL with make_thread */
    struct tw_team *team;            /* fixed; the pool's, or a reference */
    atomic_int holds;                /* the user's, and one until the pool or the team has ended */
    tw_threadpool_name_fn make_name; /* fixed */
    tw_threadpool_thread_fn make_thread;
    void *arg;
    tw_destroy_fn destroy;
    bool is_waited_for;    /* fixed: of make_thread's, by stop */
    struct tw__park ended; /* woken when a team of its own has ended */
    _Atomic(size_t) limit; /* of such a team */
    char *name;            /* fixed; NULL */
    struct tw__lock lock;
    struct {
        size_t min, max;
        unsigned changes; /* of the two */
        bool has_started, has_stopped;
        struct tw__threadpool_thread *threads;
    } locked;
};

/* Make what it stands on. The pool or team then has the second hold, and drops it on error too. */
int tw__threadpool_make_pool(struct tw_threadpool *pool, size_t stack_size);
int tw__threadpool_make_team(struct tw_threadpool *pool, struct tw_worker *coordinator);

void tw__threadpool_drop_hold(struct tw_threadpool *pool);

/* Made before this process was forked: its lock may be held by nobody. */
static inline bool tw__threadpool_is_inherited(struct tw_threadpool *pool)
{
    return tw__worker_is_inherited(tw_threadpool_worker(pool));
}

#endif
