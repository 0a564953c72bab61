/*
 * Delayed calls: a function called on the loop's thread at a later time (Twisted's callLater and
 * DelayedCall, TIM).
 *
 * Calls due at the same time run in the order they were made due. A call runs in a later turn,
 * never inside tw_reactor_call_later() and never in the pass that made it.
 */
#ifndef TWINE_REACTOR_DELAYED_CALL_H
#define TWINE_REACTOR_DELAYED_CALL_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

struct tw_delayed_call;

/**
 * Call a function later.
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called once the
 *            call has run or inside its cancel. ret_call may be NULL; else the handle is yours to
 *            unref, and unref does not cancel.
 * Returns:   0; -ENOMEM; -EINVAL for a negative delay (TIM-002) or no action; -ESHUTDOWN once the
 *            reactor has stopped; -EOWNERDEAD in a forked child.
 *
 * @param delay nanoseconds from now; 0: in the next pass; TW_FOREVER: not before it is reset
 */
TW_EXPORT int tw_reactor_call_later(struct tw_reactor *reactor, int64_t delay, tw_action_fn action,
                                    void *arg, tw_destroy_fn destroy,
                                    struct tw_delayed_call **ret_call);

/**
 * Take a call back: it does not run, and its argument is destroyed now (TIM-009, TIM-011).
 *
 * Thread:  loop.
 * Returns: 0; -EALREADY if it has run, is running, or was cancelled; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_delayed_call_cancel(struct tw_delayed_call *call);
/** Make it due so many nanoseconds from now, earlier or later (TIM-013). Thread: loop. Returns: as
 * cancel. */
TW_EXPORT int tw_delayed_call_reset(struct tw_delayed_call *call, int64_t delay);
/** Move the time it is due by so many nanoseconds (TIM-014). Thread: loop. Returns: as cancel. */
TW_EXPORT int tw_delayed_call_delay(struct tw_delayed_call *call, int64_t by);
/** When it is, or was, due, on the reactor's clock (TIM-015). Thread: loop. */
TW_EXPORT uint64_t tw_delayed_call_time(const struct tw_delayed_call *call);
/** Whether it has still to run (TIM-016). Thread: loop. */
TW_EXPORT bool tw_delayed_call_is_active(const struct tw_delayed_call *call);

/**
 * All delayed calls that are active (Twisted's getDelayedCalls, TIM-017), in no order.
 *
 * Thread:    loop.
 * Ownership: borrowed; take a reference to keep one beyond the next turn.
 * Returns:   how many there are, which may be more than fit.
 *
 * @param ret_calls room for so many, or NULL
 * @param room may be 0
 */
TW_EXPORT size_t tw_reactor_delayed_calls(struct tw_reactor *reactor,
                                          struct tw_delayed_call **ret_calls, size_t room);

/** Hold a delayed call once more. Thread: loop. Returns: the call; NULL for NULL. */
TW_EXPORT struct tw_delayed_call *tw_delayed_call_ref(struct tw_delayed_call *call);
/** Let go of a delayed call; it runs all the same. Thread: loop. Returns: NULL. */
TW_EXPORT struct tw_delayed_call *tw_delayed_call_unref(struct tw_delayed_call *call);

TW_END_DECLS

#endif
