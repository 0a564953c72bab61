/*
 * Cancelling work that runs: it is asked, and stops when it sees that.
 *
 * A thread cannot be stopped from outside without breaking what it is in the middle of. So who
 * wants the work to end early raises a flag, and work that may take long looks at it now and then.
 */
#ifndef TWINE_THREADS_CANCEL_H
#define TWINE_THREADS_CANCEL_H

#include <stdbool.h>
#include <twine/base/export.h>

TW_BEGIN_DECLS

/**
 * Whether the work that runs on this thread has been asked to stop: its Deferred or future was
 * cancelled, the reactor that waited for it has gone, or its team is shut down. What it returns then is destroyed, so it may leave
 * anything.
 *
 * Thread:  any. It costs a few nanoseconds.
 * Returns: true if so; false if not, or if no work runs here that could be asked.
 */
TW_EXPORT bool tw_cancelled(void);

TW_END_DECLS

#endif
