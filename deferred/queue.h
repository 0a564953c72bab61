/*
 * A queue between those who put values in and those who wait for them without blocking (Twisted's
 * DeferredQueue, QUE).
 *
 * At any time it holds values, or those who wait for one, or neither. Both may be bounded.
 *
 * Thread: one, the Deferreds'. Nothing blocks.
 */
#ifndef TWINE_DEFERRED_QUEUE_H
#define TWINE_DEFERRED_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

/** No bound. */
#define TW_QUEUE_UNLIMITED SIZE_MAX

struct tw_deferred_queue;

/**
 * Make a queue.
 *
 * Ownership: it is yours to unref.
 * Returns:   0; -ENOMEM.
 *
 * @param size how many values it may store; 0: a value needs somebody who waits for it (QUE-007);
 *             or TW_QUEUE_UNLIMITED
 * @param backlog how many may wait; 0: a get needs a stored value (QUE-008); or TW_QUEUE_UNLIMITED
 */
TW_EXPORT int tw_deferred_queue_new(size_t size, size_t backlog,
                                    struct tw_deferred_queue **ret_queue);

/** Hold a queue once more. Returns: the queue; NULL for NULL. */
TW_EXPORT struct tw_deferred_queue *tw_deferred_queue_ref(struct tw_deferred_queue *queue);
/** Let go of a queue. When the last one goes, those who wait fail with TW_ERROR_ABANDONED, values
 * nobody has got are destroyed, and failures reported. Returns: NULL. */
TW_EXPORT struct tw_deferred_queue *tw_deferred_queue_unref(struct tw_deferred_queue *queue);

/**
 * Put a value in: the oldest who waits is called with it, or it is stored.
 *
 * Whoever gets it is called before this returns, unless this is called from inside such a call:
 * then when that one has returned, and before the outermost put returns (QUE-013). So any number
 * follow on each other in constant stack.
 *
 * Ownership: (value, destroy) is consumed, on error too.
 * Returns:   0; -EAGAIN if nobody waits and as many are stored as may be (QUE-003); -ENOMEM.
 */
TW_EXPORT int tw_deferred_queue_put(struct tw_deferred_queue *queue, void *value,
                                    tw_destroy_fn destroy);
/** Put a failure in, with which whoever gets it fails (QUE-012); see tw_deferred_queue_put().
 * Ownership: the failure is borrowed. */
TW_EXPORT int tw_deferred_queue_put_failure(struct tw_deferred_queue *queue,
                                            struct tw_failure *failure);

/**
 * Ask for a value. If one is stored, the Deferred has fired on return.
 *
 * A cancel ends the wait and frees its place in the backlog; no put finds it any more (QUE-010).
 *
 * Ownership: the handle is yours to unref; the value is owned by its result, as any.
 * Returns:   0; -EAGAIN if nothing is stored and as many wait as may (QUE-006); -ENOMEM.
 */
TW_EXPORT int tw_deferred_queue_get(struct tw_deferred_queue *queue,
                                    struct tw_deferred **ret_deferred);

/** How many values are stored. */
TW_EXPORT size_t tw_deferred_queue_pending(const struct tw_deferred_queue *queue);
/** How many wait for one. */
TW_EXPORT size_t tw_deferred_queue_waiting(const struct tw_deferred_queue *queue);

TW_END_DECLS

#endif
