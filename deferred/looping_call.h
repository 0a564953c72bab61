/*
 * A function called again and again (Twisted's LoopingCall, LPC).
 *
 *     tw_looping_call_new(reactor, poll, meter, NULL, &loop);
 *     tw_looping_call_start(loop, TW_SECOND, true, NULL);          poll is called here, first
 *     loop = tw_looping_call_unref(loop);                          it goes on all the same
 *
 * Calls fall on a grid, start + k × interval: a late one does not shift those that follow, and
 * those that were missed are not made up for. A function that leaves a Deferred in its result is
 * called again only after that has fired; one that fails ends the loop.
 *
 * Thread: loop. Nothing blocks.
 */
#ifndef TWINE_DEFERRED_LOOPING_CALL_H
#define TWINE_DEFERRED_LOOPING_CALL_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

struct tw_looping_call;

/**
 * Make a loop, not yet started.
 *
 * Ownership: the reactor is borrowed, and must be there when the loop is started. (arg, destroy) is
 *            consumed, on error too; destroy is called when the loop goes. The loop is yours to
 *            unref.
 * Returns:   0; -ENOMEM; -EINVAL without a reactor or a function.
 *
 * @param fn starts from null each time; a value it leaves is destroyed
 */
TW_EXPORT int tw_looping_call_new(struct tw_reactor *reactor, tw_call_fn fn, void *arg,
                                  tw_destroy_fn destroy, struct tw_looping_call **ret_loop);

/** Hold a loop once more. Returns: the loop; NULL for NULL. */
TW_EXPORT struct tw_looping_call *tw_looping_call_ref(struct tw_looping_call *loop);
/** Let go of a loop. One that runs goes on: it holds itself until it has stopped, has failed, or
 * its reactor goes. Returns: NULL. */
TW_EXPORT struct tw_looping_call *tw_looping_call_unref(struct tw_looping_call *loop);

/**
 * Start it (LPC-001, LPC-002). It may be started again when it has ended.
 *
 * The Deferred fires when the loop ends: with the loop, a reference, when it has been stopped; with
 * the function's failure; with TW_ERROR_SHUTDOWN if the reactor goes. A cancel of it does not stop
 * the loop (LPC-016).
 *
 * Ownership: the handle is yours to unref; with ret_deferred NULL there is none, and a failure is
 *            reported.
 * Returns:   0; -ENOMEM; -ESHUTDOWN once the reactor has stopped; -EINVAL for a negative interval,
 *            or if it runs, or its last call has not ended.
 *
 * @param interval nanoseconds; 0: again in each turn of the reactor (LPC-008)
 * @param now whether the first call is made right here, or one interval later
 */
TW_EXPORT int tw_looping_call_start(struct tw_looping_call *loop, int64_t interval, bool now,
                                    struct tw_deferred **ret_deferred);

/** Stop it: no call follows. Inside the function, or while its Deferred is out, the loop ends after
 * that (LPC-011). Returns: 0; -EINVAL if it does not run (LPC-004). */
TW_EXPORT int tw_looping_call_stop(struct tw_looping_call *loop);

/** Make the next call one interval from now, and let the grid begin anew there (LPC-013). While a
 * call is going on it does nothing (LPC-014). Returns: 0; -EINVAL if it does not run. */
TW_EXPORT int tw_looping_call_reset(struct tw_looping_call *loop);

/** Change the interval, for what is scheduled from now on: with the end of the next call, or by a
 * reset. Returns: 0; -EINVAL if it is negative. */
TW_EXPORT int tw_looping_call_set_interval(struct tw_looping_call *loop, int64_t interval);

/** The interval, in nanoseconds. */
TW_EXPORT int64_t tw_looping_call_interval(const struct tw_looping_call *loop);
/** Whether it has been started and has neither been stopped nor failed (LPC-017). */
TW_EXPORT bool tw_looping_call_is_running(const struct tw_looping_call *loop);
/** Inside the function: how many points of the grid have come since the last call, this one
 * included (Twisted's withCount, LPC-018). 1, or more if some were missed; always 1 with interval
 * 0. */
TW_EXPORT uint64_t tw_looping_call_count(const struct tw_looping_call *loop);

TW_END_DECLS

#endif
