/*
 * The thread cache: the process's OS threads between workers (after trio's).
 *
 * It is unbounded: whoever starts work limits it. The thread that became idle last is taken first,
 * so that the others stay idle and end after a while. Each stack size has threads of its own. All
 * signals but the synchronous faults are blocked on its threads. They do not keep the process
 * alive: what is at work when main returns ends with it.
 *
 * Nothing of the work is left on its thread: name, signal mask and errno are as before. What else
 * it changes (priority, affinity, floating-point modes, locale) it has to put back by itself.
 *
 * A forked child has a cache of its own, empty at first; see "fork" in doc/guide.md.
 */
#ifndef TWINE_THREADS_THREAD_CACHE_H
#define TWINE_THREADS_THREAD_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <twine/base/clock.h>
#include <twine/base/result.h>

TW_BEGIN_DECLS

/** How a thread is started; a field left 0 means the default. */
struct tw_start_thread_options {
    size_t size;       /**< sizeof(struct tw_start_thread_options) */
    const char *label; /**< the thread's name while the work and its delivery run: 15 bytes are
                            kept; NULL: "twine soon" */
    size_t stack_size; /**< bytes; 0: the system's default */
};

/**
 * Run work on a thread of its own, soon, and deliver its result there.
 *
 * The thread counts as idle before deliver is called, so that what the delivery starts finds it
 * free.
 *
 * Thread:    any. Work, the destroy of arg and deliver run, in this order, on one thread of the
 *            cache.
 * Blocks:    never; work may block, deliver must not.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL. deliver may be NULL;
 *            then a failure of the work is reported as unhandled. What deliver leaves in the result
 *            is destroyed. The options are borrowed for the call, NULL means the defaults.
 * Returns:   0; -ENOMEM; -EAGAIN if no thread can be made; -EINVAL without work, or for a stack
 *            size the system refuses.
 *
 * @param work what to run; it starts from null
 * @param arg its argument
 * @param destroy called for arg after the work, before the thread counts as idle
 * @param deliver takes the result, with deliver_arg
 * @param deliver_arg borrowed until deliver has returned
 */
TW_EXPORT int tw_start_thread_soon(tw_call_fn work, void *arg, tw_destroy_fn destroy,
                                   tw_call_fn deliver, void *deliver_arg,
                                   const struct tw_start_thread_options *options);

/**
 * How long an idle thread waits for work before it ends, in nanoseconds; 10 s unless told.
 *
 * It holds for threads that become idle from now on; those idle already are asked to look again.
 *
 * Thread:  any.
 * Returns: 0; -EINVAL if negative.
 */
TW_EXPORT int tw_thread_cache_set_idle_timeout(int64_t timeout);

/**
 * End the idle threads, let go of the stacks kept for suspended jobs and coroutines, and wait until
 * every thread of the cache has really ended: for a program that wants to leave nothing behind at
 * its exit, or a plug-in about to be unloaded.
 *
 * Ended is what pthread_join() says; Linux may list a thread for some microseconds more. What is
 * started meanwhile is waited for as well; afterwards the cache can be used as before.
 *
 * Thread:  any but the cache's own and a loop's, one at a time.
 * Blocks:  until all work is over, or for timeout nanoseconds; TW_FOREVER.
 * Returns: 0; -ETIMEDOUT if some are still at work; -EBUSY if another thread is at it; -EDEADLK on
 *          a thread of the cache, on that of a loop that turns, or inside a lock worker; -EINVAL if
 *          negative.
 */
TW_EXPORT int tw_thread_cache_drain(int64_t timeout);

/** How many threads the cache has, and how many of them are idle. Thread: any. Either may be NULL.
 */
TW_EXPORT void tw_thread_cache_statistics(size_t *ret_threads, size_t *ret_idle);

TW_END_DECLS

#endif
