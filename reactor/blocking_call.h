/*
 * A call on the loop's thread that a thread waits for (Twisted's blockingCallFromThread, THR-012).
 */
#ifndef TWINE_REACTOR_BLOCKING_CALL_H
#define TWINE_REACTOR_BLOCKING_CALL_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/**
 * Call a function on the loop's thread, and wait for its outcome.
 *
 * It is queued like tw_reactor_call_from_thread(). A reactor that shuts down calls it no more, from
 * during "shutdown" on, and lets the thread go. When the time is over a call that has not begun is
 * taken back; one that has goes on, and what it leaves is destroyed. With a Deferred to wait for see
 * tw_reactor_blocking_defer_from_thread().
 *
 * Thread:    any but a loop's; one that keeps the reactor alive until this has begun.
 * Blocks:    for at most timeout nanoseconds; TW_FOREVER. A thread of a pool does no other work
 *            meanwhile.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and follows fn on the
 *            loop's thread. The outcome, a failure too (THR-014), is moved into *ret_result, which
 *            must have been initialised; with NULL it is destroyed, and a failure is reported.
 * Returns:   0: it was called; -ETIMEDOUT; -ESHUTDOWN if the reactor shuts down or has stopped;
 *            -EDEADLK on the loop's own thread, on that of another loop that turns and inside a lock
 *            worker (THR-016); -ENOMEM; -EINVAL; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_blocking_call_from_thread(struct tw_reactor *reactor, tw_call_fn fn,
                                                   void *arg, tw_destroy_fn destroy,
                                                   int64_t timeout, struct tw_result *ret_result);

TW_END_DECLS

#endif
