/*
 * Kinds of error, a small tree.
 *
 * A failure says what went wrong by its kind. Kinds form a tree by their parents, so that a handler
 * can ask for "any timeout" without knowing each one (Twisted's exception classes, FAI-004). Users
 * add their own:
 *
 *     static const struct tw_error PARSE_ERROR = {"parse error", &TW_ERROR};
 */
#ifndef TWINE_BASE_ERROR_H
#define TWINE_BASE_ERROR_H

#include <stdbool.h>
#include <twine/base/export.h>

TW_BEGIN_DECLS

/** A kind of error: an object whose address is its identity. It must live as long as any failure of
 * its kind. */
struct tw_error {
    const char *name;              /**< a few words, for people */
    const struct tw_error *parent; /**< what it is a special case of; NULL for a root */
};

/** The root of the library's kinds. */
TW_EXPORT extern const struct tw_error TW_ERROR;
/** Somebody asked for it not to be done. Code: ECANCELED. */
TW_EXPORT extern const struct tw_error TW_ERROR_CANCELLED;
/** It took longer than it was given. Code: ETIMEDOUT. */
TW_EXPORT extern const struct tw_error TW_ERROR_TIMEOUT;
/** A Deferred was fired that had been fired already. Code: EALREADY. */
TW_EXPORT extern const struct tw_error TW_ERROR_ALREADY_CALLED;
/** The worker, pool or reactor that was to do it has been shut down. Code: ESHUTDOWN. */
TW_EXPORT extern const struct tw_error TW_ERROR_SHUTDOWN;
/** Whoever was to give the result went away without giving one. Code: EPIPE. */
TW_EXPORT extern const struct tw_error TW_ERROR_ABANDONED;
/** No thread could be made to do it. Code: EAGAIN. */
TW_EXPORT extern const struct tw_error TW_ERROR_NO_THREAD;
/** A Deferred was made to wait for itself, at some remove. Code: EDEADLK. */
TW_EXPORT extern const struct tw_error TW_ERROR_CYCLE;
/** One of several failed; the cause is its failure. Code: its index. */
TW_EXPORT extern const struct tw_error TW_ERROR_FIRST_ERROR;
/** Of several none succeeded: a group of failures (deferred/list.h). Code: how many. */
TW_EXPORT extern const struct tw_error TW_ERROR_FAILURE_GROUP;
/** The operating system refused. Code: the errno. */
TW_EXPORT extern const struct tw_error TW_ERROR_SYSTEM;
/** Out of memory: a system error. Code: ENOMEM. */
TW_EXPORT extern const struct tw_error TW_ERROR_NO_MEMORY;

/** A name could not be looked up. Code: getaddrinfo()'s (EAI_NONAME, ...). */
TW_EXPORT extern const struct tw_error TW_ERROR_LOOKUP;
/** It could not be looked up in time: a lookup error. Code: ETIMEDOUT. */
TW_EXPORT extern const struct tw_error TW_ERROR_LOOKUP_TIMEOUT;

/**
 * Whether a kind is, or descends from, another.
 *
 * Thread:  any.
 * Returns: true if so; false if not, or if either is NULL.
 */
TW_EXPORT bool tw_error_is(const struct tw_error *kind, const struct tw_error *ancestor);

TW_END_DECLS

#endif
