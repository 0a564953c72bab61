/*
 * Between Deferreds, which belong to a loop's thread, and what belongs to all threads: futures and
 * workers.
 */
#ifndef TWINE_DEFERRED_BRIDGE_H
#define TWINE_DEFERRED_BRIDGE_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>
#include <twine/threads/future.h>

TW_BEGIN_DECLS

/**
 * Have a future's result as a Deferred on a loop.
 *
 * The result is taken as by tw_future_result(): the future holds null then. Cancelling the Deferred
 * cancels the future and fails the Deferred at once; a future that runs is only asked to stop, and
 * keeps what comes too late. If the reactor shuts down first the Deferred fails with
 * TW_ERROR_SHUTDOWN, and the future goes on.
 *
 * Thread:    loop.
 * Ownership: the future is held until it is done: so one of your own has to be set or cancelled.
 *            Until then it keeps the loop alive. The handle is yours to unref.
 * Returns:   0; -ENOMEM; -ESHUTDOWN if the reactor has stopped; -EINVAL for NULL.
 */
TW_EXPORT int tw_deferred_from_future(struct tw_reactor *reactor, struct tw_future *future,
                                      struct tw_deferred **ret_deferred);

/**
 * Have a Deferred's result as a future, for other threads to wait for.
 *
 * It is a link: later ones see null, a failure counts as handled here, and is the future's. When
 * the future is cancelled, on any thread, it is so at once, and the Deferred is cancelled on the
 * loop's thread in its next turn.
 *
 * Thread:    loop. The future is any thread's; the loop's own cannot wait for it.
 * Ownership: the Deferred is borrowed, the future yours to unref. A value nobody takes is destroyed
 *            on the thread that lets go of the future last.
 * Returns:   0; -ENOMEM; -ESHUTDOWN if the reactor has stopped; -EINVAL for NULL.
 */
TW_EXPORT int tw_future_from_deferred(struct tw_reactor *reactor, struct tw_deferred *deferred,
                                      struct tw_future **ret_future);

/**
 * Attach a function for a value that is called by another worker: a link that may block. The chain
 * waits for it, and goes on with its result on the loop's thread. A failure passes it by.
 *
 * Cancelling the Deferred meanwhile is as cancelling one of tw_defer_to_pool().
 *
 * Thread:    loop. fn runs where the worker calls its tasks; the value goes there with it.
 * Ownership: (arg, destroy) is consumed, on error too: destroy follows fn there, or is called where
 *            the link is given up. The worker is held until then.
 * Returns:   as tw_deferred_add_callbacks(). If the work cannot be sent out when its turn comes the
 *            result is a failure.
 *
 * @param fn is handed the value, and leaves its result, which may not be a Deferred
 */
TW_EXPORT int tw_deferred_add_callback_on(struct tw_deferred *deferred, struct tw_reactor *reactor,
                                          struct tw_worker *worker, tw_call_fn fn, void *arg,
                                          tw_destroy_fn destroy);

TW_END_DECLS

#endif
