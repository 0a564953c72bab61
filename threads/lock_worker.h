/*
 * A lock worker: an exclusive worker that performs a task at once, on the calling thread, with a
 * lock held (Twisted's LockWorker, LKW).
 *
 * A submit from inside one of its tasks only queues: the outermost submit on that thread runs it
 * afterwards, first in first out, under the same acquisition (LKW-002, LKW-003). Another thread's
 * submit waits. After quit, a submit that waits for the lock already still runs its task (LKW-009).
 */
#ifndef TWINE_THREADS_LOCK_WORKER_H
#define TWINE_THREADS_LOCK_WORKER_H

#include <twine/threads/worker.h>

TW_BEGIN_DECLS

/**
 * Make a lock worker.
 *
 * Thread:    any.
 * Ownership: the worker is yours to unref. It may be freed once no thread is inside.
 * Returns:   0; -ENOMEM.
 */
TW_EXPORT int tw_lock_worker_new(struct tw_worker **ret_worker);

TW_END_DECLS

#endif
