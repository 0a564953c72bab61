/*
 * A trigger that holds its phase until a Deferred has fired (Twisted's trigger that returns one).
 */
#ifndef TWINE_DEFERRED_TRIGGER_H
#define TWINE_DEFERRED_TRIGGER_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/trigger.h>

TW_BEGIN_DECLS

/**
 * Hold the phase of a trigger, inside its function, until a Deferred has its result, success or
 * failure (EVT-005, EVT-007). The result stays in the Deferred: a failure that nobody handles is
 * reported when that goes.
 *
 * Thread:    loop.
 * Ownership: the Deferred is borrowed: unref your handle when you will.
 * Returns:   0, also if it has fired already; -ENOMEM, and then the phase is not held; -EINVAL
 *            when the trigger does not run.
 */
TW_EXPORT int tw_trigger_hold_until(struct tw_trigger *trigger, struct tw_deferred *deferred);

TW_END_DECLS

#endif
