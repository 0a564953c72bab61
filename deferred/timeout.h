/*
 * A time limit for a Deferred (Twisted's addTimeout, TMO).
 *
 *     tw_defer_to_thread(reactor, fetch, url, free, &deferred);
 *     tw_deferred_add_callback(deferred, parse, NULL, NULL);              inside the limit
 *     tw_deferred_add_timeout(deferred, reactor, 2 * TW_SECOND, NULL, NULL, NULL);
 *     tw_deferred_add_both(deferred, show, NULL, NULL);                   sees TW_ERROR_TIMEOUT
 */
#ifndef TWINE_DEFERRED_TIMEOUT_H
#define TWINE_DEFERRED_TIMEOUT_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/**
 * Cancel a Deferred unless its result has passed this point among its links in time.
 *
 * The countdown begins now, and covers the links added before, with the Deferreds they leave, but
 * none added after (TMO-002, TMO-016). Links added before see the cancel as TW_ERROR_CANCELLED.
 * At this point a cancelled failure becomes TW_ERROR_TIMEOUT, if it was the limit that cancelled;
 * what else the canceller or an earlier link has made of it passes (TMO-005 to TMO-013).
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called when the result has passed
 *            or the Deferred goes. When the reactor goes, so does the limit.
 * Returns:   0; -ENOMEM; -EINVAL without a Deferred or a reactor, or for a negative timeout;
 *            -ESHUTDOWN once the reactor has stopped.
 *
 * @param timeout nanoseconds on the reactor's clock
 * @param on_timeout called instead, if the limit has expired, with whatever result has come up
 *                   (TMO-009 to TMO-011); NULL: as above
 */
TW_EXPORT int tw_deferred_add_timeout(struct tw_deferred *deferred, struct tw_reactor *reactor,
                                      int64_t timeout, tw_call_fn on_timeout, void *arg,
                                      tw_destroy_fn destroy);

TW_END_DECLS

#endif
