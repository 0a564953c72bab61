/*
 * A timer on a reactor that one thing owns and sets again and again.
 *
 * Its owner is told if the reactor goes while it is set; while it is not, the owner must not
 * outlive the reactor and then set it.
 */
#ifndef TWINE_DEFERRED_LATER_INTERNAL_H
#define TWINE_DEFERRED_LATER_INTERNAL_H

#include <twine/reactor/delayed_call.h>

struct tw__later;

/* status 0: the time has come. -ESHUTDOWN: the reactor has gone. The timer is not set any more, and
 * may be set again or freed. */
typedef void (*tw__later_fn)(void *owner, int status);

/* NULL without memory. */
struct tw__later *tw__later_new(tw__later_fn fn, void *owner);

/* Set it, or set it anew. 0; -ENOMEM, only if it was not set; -ESHUTDOWN. On error it is not set. */
int tw__later_start(struct tw__later *later, struct tw_reactor *reactor, int64_t delay);
void tw__later_stop(struct tw__later *later);
bool tw__later_is_set(const struct tw__later *later);
void tw__later_free(struct tw__later *later);

/* The failure of something that could not be set going. Yours to unref. */
struct tw_failure *tw__failure_of_start(int error, const char *message);

#endif
