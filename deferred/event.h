/*
 * An event: something that happens, and those who wait for it without blocking (trio's and
 * asyncio's Event).
 *
 * Thread: one, the Deferreds'. Nothing blocks.
 */
#ifndef TWINE_DEFERRED_EVENT_H
#define TWINE_DEFERRED_EVENT_H

#include <stddef.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

struct tw_deferred_event;

/** Make an event, which is not set. Ownership: it is yours to unref. Returns: 0; -ENOMEM. */
TW_EXPORT int tw_deferred_event_new(struct tw_deferred_event **ret_event);

/** Hold an event once more. Returns: the event; NULL for NULL. */
TW_EXPORT struct tw_deferred_event *tw_deferred_event_ref(struct tw_deferred_event *event);
/** Let go of an event. When the last one goes, those who still wait fail with TW_ERROR_ABANDONED.
 * Returns: NULL. */
TW_EXPORT struct tw_deferred_event *tw_deferred_event_unref(struct tw_deferred_event *event);

/**
 * Wait for the event. If it is set, the Deferred has fired on return. A cancel ends the wait.
 *
 * Ownership: the handle is yours to unref. The Deferred fires with null.
 * Returns:   0; -ENOMEM.
 */
TW_EXPORT int tw_deferred_event_wait(struct tw_deferred_event *event,
                                     struct tw_deferred **ret_deferred);

/**
 * Set it: all who wait now have their turn, in order, even if one of them clears it again.
 *
 * They are called before it returns, unless it is called from inside one of them: then when that
 * one has returned.
 *
 * Returns: 0, also if it is set already.
 */
TW_EXPORT int tw_deferred_event_set(struct tw_deferred_event *event);
/** Clear it: who waits from now on waits for the next set. Returns: 0. */
TW_EXPORT int tw_deferred_event_clear(struct tw_deferred_event *event);

/** Whether it is set. */
TW_EXPORT bool tw_deferred_event_is_set(const struct tw_deferred_event *event);
/** How many wait for it. */
TW_EXPORT size_t tw_deferred_event_waiting(const struct tw_deferred_event *event);

TW_END_DECLS

#endif
