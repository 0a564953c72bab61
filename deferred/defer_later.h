/*
 * A function later, and what it leaves as a Deferred (Twisted's deferLater, DLT).
 */
#ifndef TWINE_DEFERRED_DEFER_LATER_H
#define TWINE_DEFERRED_DEFER_LATER_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/**
 * Call a function after a delay, and have what it leaves as a Deferred.
 *
 * The function starts from null, and may leave a Deferred in its result. Cancelled before its time,
 * it is never called; later, what it waits for is cancelled (DLT-004, DLT-005). If the reactor goes
 * first, the Deferred fails with TW_ERROR_SHUTDOWN.
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called after the function, or
 *            when it will not be called. The handle is yours to unref; with ret_deferred NULL there
 *            is none, and a failure is reported.
 * Returns:   0; -ENOMEM; -ESHUTDOWN once the reactor has stopped; -EINVAL for a negative delay.
 *
 * @param delay nanoseconds from now
 * @param fn takes one of the two links there is room for from the beginning; NULL: it fires with
 *           null (DLT-003)
 */
TW_EXPORT int tw_defer_later(struct tw_reactor *reactor, int64_t delay, tw_call_fn fn, void *arg,
                             tw_destroy_fn destroy, struct tw_deferred **ret_deferred);

TW_END_DECLS

#endif
