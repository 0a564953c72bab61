/*
 * A Deferred: a result that the reactor's thread will have later, and the callbacks that wait for
 * it (Twisted's Deferred, DEF and CAN).
 *
 * It has two sides, counted apart. The source may fire it, once. The handles belong to whoever
 * wants the result: they add callbacks, which run in the order added, each handed what the one
 * before left in the result. A callback may leave another Deferred there; then the rest waits for
 * it.
 *
 *     tw_deferred_new(NULL, NULL, NULL, &source, &deferred);
 *     tw_deferred_add_both(deferred, show, arg, NULL);
 *     deferred = tw_deferred_unref(deferred);              nothing more to attach
 *     ...
 *     tw_source_callback(source, value, free);             show runs here
 *     source = tw_source_unref(source);
 *
 * What always holds:
 *   - each callback, and each destroy, is called at most, and exactly, once;
 *   - a source that goes without firing fails its Deferred with TW_ERROR_ABANDONED, so nothing
 *     waits for ever;
 *   - a failure that nobody handled is reported when the last holder goes;
 *   - chains, cancels and waits of any length run in constant stack; firing and cancelling allocate
 *     nothing.
 *
 * Thread: a Deferred belongs to one thread, its reactor's, and has no lock. Everything here is to
 * be called there, and nothing blocks.
 */
#ifndef TWINE_DEFERRED_DEFERRED_H
#define TWINE_DEFERRED_DEFERRED_H

#include <twine/base/result.h>

TW_BEGIN_DECLS

struct tw_deferred;
struct tw_source;

/**
 * Is asked to end early what would have fired the source. It may fire it; if it does not, the
 * Deferred fails with TW_ERROR_CANCELLED.
 *
 * Returns: 0; anything else leaves the Deferred as it was, and comes back out of
 *          tw_deferred_cancel() (CAN-012).
 *
 * @param source what it may fire; borrowed
 */
typedef int (*tw_canceller_fn)(struct tw_source *source, void *arg);

/**
 * Make a Deferred.
 *
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called when the Deferred is
 *            fired, though not while the canceller is running. The source and the handle are yours
 *            to unref, each for itself.
 * Returns:   0; -ENOMEM.
 *
 * @param canceller called at most once, unless it refuses, by a cancel before it is fired; NULL: a
 *                  cancel only fails it, and the one firing that comes too late is swallowed
 *                  (CAN-002)
 */
TW_EXPORT int tw_deferred_new(tw_canceller_fn canceller, void *arg, tw_destroy_fn destroy,
                              struct tw_source **ret_source, struct tw_deferred **ret_deferred);

/** Make a Deferred that has succeeded. Ownership: the value is consumed, on error too. Returns: 0;
 * -ENOMEM. */
TW_EXPORT int tw_deferred_succeed(void *value, tw_destroy_fn destroy,
                                  struct tw_deferred **ret_deferred);
/** Make a Deferred that has failed. Ownership: the failure is borrowed. Returns: 0; -ENOMEM;
 * -EINVAL for NULL. */
TW_EXPORT int tw_deferred_fail(struct tw_failure *failure, struct tw_deferred **ret_deferred);

/** Hold the source once more. Returns: the source; NULL for NULL. */
TW_EXPORT struct tw_source *tw_source_ref(struct tw_source *source);
/** Let go of the source; the last one out fails a Deferred not yet fired as abandoned. Returns:
 * NULL. */
TW_EXPORT struct tw_source *tw_source_unref(struct tw_source *source);

/**
 * Fire with a value. Callbacks run before it returns, as far as they go.
 *
 * Ownership: (value, destroy) is consumed, on error too.
 * Returns:   0, also for the one firing swallowed after a cancel; -EALREADY if it was fired before
 *            (DEF-036).
 */
TW_EXPORT int tw_source_callback(struct tw_source *source, void *value, tw_destroy_fn destroy);
/** Fire with a failure, which is borrowed; see tw_source_callback(). Returns: also -EINVAL for
 * NULL. */
TW_EXPORT int tw_source_errback(struct tw_source *source, struct tw_failure *failure);
/** Fire with what a result holds, which is moved out, on error too; see tw_source_callback().
 *  Returns: also -EINVAL if it holds a Deferred (DEF-038). */
TW_EXPORT int tw_source_fire(struct tw_source *source, struct tw_result *result);

/** Hold a handle once more. Returns: the Deferred; NULL for NULL. */
TW_EXPORT struct tw_deferred *tw_deferred_ref(struct tw_deferred *deferred);
/** Let go of a handle. Callbacks attached still run. The last one out of a fired Deferred destroys
 * its result, and reports it if it is a failure. Returns: NULL. */
TW_EXPORT struct tw_deferred *tw_deferred_unref(struct tw_deferred *deferred);

/**
 * Attach a link: callback for a value, errback for a failure; one of the two is called (DEF-010,
 * DEF-011).
 *
 * On a Deferred that has its result already it runs before this returns (DEF-017); from inside one
 * of the Deferred's own callbacks it is only appended (DEF-019).
 *
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called after the link has run, or
 *            when the Deferred goes without running it.
 * Returns:   0; -ENOMEM; -EINVAL without a Deferred or with neither function. There is room for two
 *            links from the beginning: it cannot fail until more than two wait.
 *
 * @param callback NULL: a value passes
 * @param errback NULL: a failure passes
 */
TW_EXPORT int tw_deferred_add_callbacks(struct tw_deferred *deferred, tw_call_fn callback,
                                        tw_call_fn errback, void *arg, tw_destroy_fn destroy);
/** Attach a function for a value; see tw_deferred_add_callbacks(). */
TW_EXPORT int tw_deferred_add_callback(struct tw_deferred *deferred, tw_call_fn callback, void *arg,
                                       tw_destroy_fn destroy);
/** Attach a function for a failure; see tw_deferred_add_callbacks(). */
TW_EXPORT int tw_deferred_add_errback(struct tw_deferred *deferred, tw_call_fn errback, void *arg,
                                      tw_destroy_fn destroy);
/** Attach a function for either; see tw_deferred_add_callbacks(). */
TW_EXPORT int tw_deferred_add_both(struct tw_deferred *deferred, tw_call_fn both, void *arg,
                                   tw_destroy_fn destroy);

/**
 * Let what this Deferred has reached fire another (Twisted's chainDeferred, DEF-100). Its own
 * result is null then.
 *
 * Ownership: takes your reference to the source over, on error too.
 * Returns:   as tw_deferred_add_callbacks().
 */
TW_EXPORT int tw_deferred_chain(struct tw_deferred *deferred, struct tw_source *source);

/**
 * Leave a Deferred as the result, from inside a callback: what comes after waits for it and gets
 * its result (DEF-070).
 *
 * Ownership: takes your handle over, on error too.
 * Returns:   0; -EINVAL if this is not the result of a Deferred's callback (a job's cannot take
 *            one).
 */
TW_EXPORT int tw_result_set_deferred(struct tw_result *result, struct tw_deferred *deferred);

/**
 * Cancel: end early what this Deferred, or the one it waits for, is waiting for (CAN-001 to
 * CAN-023).
 *
 * Returns: 0, also if there is nothing to cancel any more; what the canceller answered, if it
 *          refused (-EINPROGRESS from a list that still waits); -EDEADLK from inside the canceller.
 */
TW_EXPORT int tw_deferred_cancel(struct tw_deferred *deferred);

/** Hold its callbacks back, until as many unpauses (DEF-060). Keep a handle until then: what waits
 *  for it could not go on without. Returns: 0; -EINVAL for NULL. */
TW_EXPORT int tw_deferred_pause(struct tw_deferred *deferred);
/** Take a pause back; the last one runs what is due. Returns: 0; -EINVAL if it is not paused
 * (DEF-065). */
TW_EXPORT int tw_deferred_unpause(struct tw_deferred *deferred);

/** Whether it has been fired. */
TW_EXPORT bool tw_deferred_is_called(const struct tw_deferred *deferred);
/** How many pauses have not been taken back. */
TW_EXPORT unsigned tw_deferred_pauses(const struct tw_deferred *deferred);
/** The Deferred it waits for, or NULL. Ownership: borrowed. */
TW_EXPORT struct tw_deferred *tw_deferred_waits_for(const struct tw_deferred *deferred);

TW_END_DECLS

#endif
