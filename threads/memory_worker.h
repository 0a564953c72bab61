/*
 * A memory worker: an exclusive worker that only queues, and performs a task when told (Twisted's
 * MemoryWorker, MEM).
 *
 * With it every interleaving of a team's books can be stepped by hand, on one thread. It is meant
 * for tests.
 */
#ifndef TWINE_THREADS_MEMORY_WORKER_H
#define TWINE_THREADS_MEMORY_WORKER_H

#include <twine/threads/worker.h>

TW_BEGIN_DECLS

/**
 * Make a memory worker.
 *
 * Thread:    any, but all its operations on one thread at a time: it has no lock.
 * Ownership: the worker is yours to unref. Tasks still queued when the last reference goes are
 *            given up with -ESHUTDOWN.
 * Returns:   0; -ENOMEM.
 */
TW_EXPORT int tw_memory_worker_new(struct tw_worker **ret_worker);

/**
 * Perform the oldest task queued.
 *
 * It leaves the queue before it runs, so it may submit and perform itself (MEM-008). After quit
 * what was queued before can still be performed (MEM-005).
 *
 * Returns: 1 if a task was performed or given up as cancelled; 0 if there was none; -EINVAL for
 *          another kind of worker.
 */
TW_EXPORT int tw_memory_worker_perform(struct tw_worker *worker);

TW_END_DECLS

#endif
