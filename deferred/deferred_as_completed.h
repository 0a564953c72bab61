/*
 * Deferreds in the order in which they have their results (concurrent.futures' as_completed). Each is
 * let go of when it is yielded.
 *
 *     tw_deferred_as_completed_new(deferreds, count, &each);
 *     while (tw_deferred_as_completed_next(each, &next) > 0) {
 *         tw_deferred_add_callback(next, take_one, NULL, NULL);    its value is one of the Deferreds
 *         tw_deferred_unref(next);
 *     }
 */
#ifndef TWINE_DEFERRED_DEFERRED_AS_COMPLETED_H
#define TWINE_DEFERRED_DEFERRED_AS_COMPLETED_H

#include <stddef.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

struct tw_deferred_as_completed;

/**
 * Go through Deferreds in the order in which they reach this point among their links.
 *
 * Thread:    loop.
 * Ownership: the Deferreds are held until they are yielded; the array is not kept. What is made is
 *            yours to free.
 * Returns:   0; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_deferred_as_completed_new(struct tw_deferred *const *deferreds, size_t count,
                                           struct tw_deferred_as_completed **ret_each);

/**
 * A Deferred for the next one. Several may be asked for at once; they fire in the order asked.
 *
 * Its value is the one that has its result (a struct tw_deferred *, whose result you get by adding
 * a callback); a failure stays in that one. Cancelled, it gives its turn back.
 *
 * Thread:    loop.
 * Ownership: the handle is yours to unref. The value is a handle too: take it out to keep it.
 * Returns:   1; 0 when all have been asked for; -ENOMEM; -EINVAL for NULL.
 */
TW_EXPORT int tw_deferred_as_completed_next(struct tw_deferred_as_completed *each,
                                            struct tw_deferred **ret_next);

/** Let go of it, and of what was not yielded; what was asked for and has not fired is abandoned.
 * Thread: loop. Returns: NULL. */
TW_EXPORT struct tw_deferred_as_completed *
tw_deferred_as_completed_free(struct tw_deferred_as_completed *each);

TW_END_DECLS

#endif
