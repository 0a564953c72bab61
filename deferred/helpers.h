/*
 * Small things around Deferreds (Twisted's execute, maybeDeferred, logError and passthru; HLP).
 */
#ifndef TWINE_DEFERRED_HELPERS_H
#define TWINE_DEFERRED_HELPERS_H

#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

/**
 * Call a function now, and have its outcome as a Deferred that has fired (Twisted's execute,
 * HLP-005). Like a job's, its result takes no Deferred.
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called after the function. The
 *            handle is yours to unref.
 * Returns:   0; -ENOMEM or -EINVAL, and then the function is not called.
 */
TW_EXPORT int tw_deferred_execute(tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                                  struct tw_deferred **ret_deferred);

/**
 * The same, for a function that may leave a Deferred: then that one comes out (Twisted's
 * maybeDeferred, HLP-006 to HLP-009).
 */
TW_EXPORT int tw_deferred_maybe(tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                                struct tw_deferred **ret_deferred);

/**
 * An errback that reports a failure, and lets it pass (Twisted's logError, HLP-011).
 *
 * @param text a sentence to report it with, or NULL
 */
TW_EXPORT void tw_result_log_error(struct tw_result *result, void *text);

/** A callback that lets everything pass (Twisted's passthru, HLP-012), to hang a destroy on. */
TW_EXPORT void tw_result_passthru(struct tw_result *result, void *arg);

TW_END_DECLS

#endif
