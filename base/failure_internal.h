/*
 * Failures that need no memory: what clean-up hands out, so that cancelling and stopping cannot
 * fail.
 */
#ifndef TWINE_BASE_FAILURE_INTERNAL_H
#define TWINE_BASE_FAILURE_INTERNAL_H

#include <twine/base/failure.h>

/* Never freed; ref and unref leave them as they are. */
struct tw_failure *tw__failure_cancelled(void);
struct tw_failure *tw__failure_shutdown(void);
struct tw_failure *tw__failure_abandoned(void);
struct tw_failure *tw__failure_cycle(void);
struct tw_failure *tw__failure_timeout(void);

/* The failure that says why a task was given up: -ECANCELED, -ESHUTDOWN, -EAGAIN. */
struct tw_failure *tw__failure_of_status(int status);

#endif
