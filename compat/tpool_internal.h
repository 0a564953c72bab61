/*
 * A tpool from inside: tpool.c has the pools, tpool_jobs.c their jobs.
 *
 * It is found by its number in a list of the process, which holds it until it is released; each call
 * holds it too. Its jobs stand in a table by their numbers, from the post until their result is
 * taken or the pool is released.
 */
#ifndef TWINE_COMPAT_TPOOL_INTERNAL_H
#define TWINE_COMPAT_TPOOL_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/lock_internal.h>
#include <twine/compat/tpool.h>
#include <twine/threads/executor.h>

#define TW__TPOOL_NO_POOL "needs a pool that has been made and not released"
#define TW__TPOOL_NO_JOB "needs jobs that have been posted to this pool, and not been taken by get"

struct tw__tpool_job {
    struct tw__tpool_job *next; /* in its chain */
    uint64_t number;
    struct tw_future *future; /* a reference */
};

/* Numbers follow each other, so a number's low bits are its chain. */
struct tw__tpool_table {
    struct tw__tpool_job **chains; /* NULL at first: then all are in first */
    struct tw__tpool_job *first;
    size_t chain_count, count; /* chain_count: a power of two */
};

struct tw__tpool {
    struct tw__tpool *next;       /* in the list of the process, under its lock */
    uint64_t number;              /* fixed */
    struct tw_pool *pool;         /* fixed, a reference */
    struct tw_executor *executor; /* fixed, a reference */
    atomic_int holds;
    int users; /* under the list's lock */
    struct tw__lock lock;
    struct {
        bool is_released;
        uint64_t last_number;
        struct tw__tpool_table jobs;
    } locked;
};

/* tpool.c: hold a pool by its number. 0; -EOWNERDEAD; -ESRCH, reported with who's sentence. */
int tw__tpool_take(uint64_t number, const char *who, struct tw__tpool **ret_pool);
void tw__tpool_put(struct tw__tpool *pool);

/* tpool_jobs.c: the pool has been released. Cancel all its jobs, and forget them. */
void tw__tpool_drop_jobs(struct tw__tpool *pool);

#endif
