/*
 * A thread worker: an exclusive worker that performs its tasks on a thread of its own, in order
 * (Twisted's ThreadWorker, THW).
 *
 * The thread comes from the process-wide cache and goes back there after quit, when what was
 * accepted has run.
 */
#ifndef TWINE_THREADS_THREAD_WORKER_H
#define TWINE_THREADS_THREAD_WORKER_H

#include <stddef.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

/** How a thread worker is made; a field left 0 means the default. */
struct tw_thread_worker_options {
    size_t size; /**< sizeof(struct tw_thread_worker_options) */
    const char
        *name; /**< the thread's name while it works here: 15 bytes are kept; NULL: "twine" */
    size_t stack_size; /**< bytes; 0: the system's default */
};

/**
 * Make a thread worker and start its thread.
 *
 * Thread:    any.
 * Ownership: the options are borrowed for the call, NULL means the defaults. The worker is yours to
 *            unref.
 * Returns:   0; -ENOMEM; -EAGAIN if no thread can be made; -EINVAL for a stack size the system
 *            refuses.
 */
TW_EXPORT int tw_thread_worker_new(const struct tw_thread_worker_options *options,
                                   struct tw_worker **ret_worker);

TW_END_DECLS

#endif
