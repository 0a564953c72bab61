/*
 * Thread workers, for the pool: made now, started by their first task.
 */
#ifndef TWINE_THREADS_THREAD_WORKER_INTERNAL_H
#define TWINE_THREADS_THREAD_WORKER_INTERNAL_H

#include <stdatomic.h>
#include <twine/threads/thread_cache_internal.h>
#include <twine/threads/thread_worker.h>

struct tw__fiber;

/* No slot is NULL. */
struct tw__thread_worker_hooks {
    /* On the thread, before its first task. 0, or why all its tasks are given up. */
    int (*begin)(void *owner);
    /* On the thread, after its last task, if begin has succeeded. */
    void (*finish)(void *owner);
    /* On the thread, about to sleep: until when it may, and by which clock. TW_NEVER: it may for
     * ever. */
    uint64_t (*idles_until)(void *owner, struct tw_clock **ret_clock);
    /* On the thread: that time has come. It sleeps on until it has had another task, or is quit. */
    void (*has_overstayed)(void *owner);
    /* On the thread, with nothing to do: it will look for work at its owner's too, until it ends that.
     * Whether it may. */
    bool (*begin_search)(void *owner);
    /* On the thread: whether its owner may have something. */
    bool (*has_news)(void *owner);
    /* On the thread, before it runs or sleeps: the search is over. What it has found, claimed by
     * nobody; NULL. */
    struct tw_task *(*end_search)(void *owner);
    /* The last thing: the thread has gone back to the cache, or was never started. */
    void (*ended)(void *owner);
};

struct tw__thread_worker_plan {
    char name[TW__THREAD_NAME_SIZE];
    size_t stack_size;
    const struct tw__thread_worker_hooks *hooks; /* NULL: none */
    void *owner;                                 /* for the hooks */
};

/* A worker that starts its thread when the first task is submitted; that one submit may answer
 * -EAGAIN, and must not overlap with another. 0; -ENOMEM. */
int tw__thread_worker_new(const struct tw__thread_worker_plan *plan, struct tw_worker **ret_worker);

/* For its team to set while a task of it delivers: of the thread worker whose thread this is. NULL:
 * it is another kind, or not on its thread. */
atomic_bool *tw__thread_worker_delivers(struct tw_worker *worker);
/* For its team to set when it has begun a search at its owner's for this worker: the same, and NULL
 * too while a search does not pay. */
bool *tw__thread_worker_searches(struct tw_worker *worker);
/* Whether it delivers. Any thread; of a thread worker only. */
bool tw__thread_worker_is_delivering(struct tw_worker *worker);

/* Whether it is a thread worker. */
bool tw__thread_worker_is(const struct tw_worker *worker);

/* A task of its own may leave its stack, and the worker's loop goes on on another. All of these on
 * the worker's thread: */

/* See that there is another stack. 0; -ENOMEM. */
int tw__thread_worker_prepare(struct tw_worker *worker);
/* Leave the stack of the task that runs, after prepare; returns when it is resumed. first: what the
 * loop runs before all else, or NULL. */
void tw__thread_worker_suspend(struct tw_worker *worker, struct tw_task *first);
/* Go back to a stack that was left, from the loop, giving up this one; or, on the thread's own,
 * until the loop comes back to it. */
void tw__thread_worker_resume(struct tw_worker *worker, struct tw__fiber *fiber);
/* What has come meanwhile, the oldest, unlinked and taken; NULL. */
struct tw_task *tw__thread_worker_poll(struct tw_worker *worker);

/* The owner of the thread worker whose thread this is, or NULL. */
void *tw__thread_worker_current_owner(void);

#endif
