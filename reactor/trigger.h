/*
 * Triggers: functions called when an event is fired (Twisted's system event triggers, EVT).
 *
 * An event is a name, such as "startup" and "shutdown", which the reactor fires itself. It has three
 * phases; each runs its triggers in the order added, and the next phase begins once none of them
 * holds this one. A trigger that is not finished when its function returns holds its phase by
 * tw_trigger_hold(), until tw_trigger_release(); with a Deferred see deferred/trigger.h.
 *
 *     before startup     the reactor does not run yet
 *     during, after      it runs; calls from threads and delayed calls come after these
 *     before shutdown    it runs on: the time to close what listens, and to finish
 *     during shutdown    it counts as running no more; jobs that are out come home
 *     after shutdown     it is over: all that came in time is home, run is about to return
 *
 * Under a loop of your own, after shutdown is what tells that the reactor has finished.
 *
 * A trigger runs once: whoever wants it for the next firing adds it again. All of this belongs to
 * the loop's thread.
 */
#ifndef TWINE_REACTOR_TRIGGER_H
#define TWINE_REACTOR_TRIGGER_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

struct tw_trigger;

/** The phases of an event. */
enum tw_phase {
    TW_PHASE_BEFORE = 0, /**< first */
    TW_PHASE_DURING = 1, /**< then */
    TW_PHASE_AFTER = 2   /**< last */
};

/** What a trigger calls. The trigger is lent, to be held, or to keep a reference. */
typedef void (*tw_trigger_fn)(struct tw_trigger *trigger, void *arg);

/**
 * Add a trigger to a phase of an event.
 *
 * While the event is being fired: to the phase in progress or a later one, it runs in this firing;
 * to an earlier one, in the next (EVT-017).
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and follows the
 *            function, or the release if it holds. The event's name is copied. ret_trigger may be
 *            NULL; else the handle is yours to unref, and unref does not remove.
 * Returns:   0; -ENOMEM; -EINVAL for no function, or a phase there is not; -ESHUTDOWN once the
 *            reactor has stopped; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_add_trigger(struct tw_reactor *reactor, enum tw_phase phase,
                                     const char *event, tw_trigger_fn fn, void *arg,
                                     tw_destroy_fn destroy, struct tw_trigger **ret_trigger);

/**
 * Take a trigger back: it does not run, and its argument is destroyed now (EVT-011, EVT-013).
 *
 * Thread:  loop.
 * Returns: 0; -EALREADY if it has run, runs, or was removed.
 */
TW_EXPORT int tw_trigger_remove(struct tw_trigger *trigger);

/**
 * Say, inside a trigger's function, that it is not finished: its phase is held until it has been
 * released as often as it was held. A shutdown is held for no longer than its timeout.
 *
 * Thread:  loop.
 * Returns: 0; -EINVAL when it does not run.
 */
TW_EXPORT int tw_trigger_hold(struct tw_trigger *trigger);

/**
 * Say that a trigger which holds its phase is finished. The last one to be released lets the event
 * go on: at once, but for "startup" and "shutdown", which go on in the next turn.
 *
 * Thread:  loop.
 * Returns: 0; -EALREADY if it does not hold, or holds no more because the reactor has gone.
 */
TW_EXPORT int tw_trigger_release(struct tw_trigger *trigger);

/** Hold a trigger's handle once more. Thread: loop. Returns: the trigger; NULL for NULL. */
TW_EXPORT struct tw_trigger *tw_trigger_ref(struct tw_trigger *trigger);
/** Let go of a trigger; it runs all the same. Thread: loop. Returns: NULL. */
TW_EXPORT struct tw_trigger *tw_trigger_unref(struct tw_trigger *trigger);

/**
 * Fire an event of your own. One that nobody has a trigger for is nothing to be done (EVT-001).
 *
 * Thread:  loop.
 * Returns: 0 when it is over; -EINPROGRESS if a phase is held, and the rest comes with the release;
 *          -EALREADY if it is being fired already; -EINVAL for "startup" and "shutdown", which are
 *          the reactor's own; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_fire_event(struct tw_reactor *reactor, const char *event);

/**
 * Call a function once the reactor runs (Twisted's callWhenRunning, CWR): now, inside this call, if
 * it does; else after startup, in the order given.
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and follows the action.
 *            ret_trigger may be NULL; else it is set to a handle that is yours to unref, or to NULL
 *            if the function was called.
 * Returns:   as tw_reactor_add_trigger().
 */
TW_EXPORT int tw_reactor_call_when_running(struct tw_reactor *reactor, tw_action_fn action,
                                           void *arg, tw_destroy_fn destroy,
                                           struct tw_trigger **ret_trigger);

TW_END_DECLS

#endif
