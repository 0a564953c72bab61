/*
 * A failure: what went wrong, immutable and counted.
 *
 * It holds a kind, a code, a message, the place where it was made and, if it came of another
 * failure, that one as its cause. Being immutable it may be shared by several holders and threads
 * (Twisted's Failure, FAI-016).
 */
#ifndef TWINE_BASE_FAILURE_H
#define TWINE_BASE_FAILURE_H

#include <stddef.h>
#include <twine/base/error.h>

TW_BEGIN_DECLS

/** Destroys a value or an argument. Called exactly once, on the thread that owned it then. It must
 * not block. */
typedef void (*tw_destroy_fn)(void *value);

struct tw_failure;

/**
 * Make a failure.
 *
 * Thread:    any.
 * Ownership: the message is copied, file is kept as it is and must live on (a string literal does);
 *            the cause, which may be NULL, is borrowed: the failure takes a reference of its own.
 *            The result is yours to unref.
 * Returns:   never NULL. When memory is short it is the out-of-memory failure, which needs none.
 *
 * @param kind what went wrong; NULL means TW_ERROR
 * @param code a number that goes with the kind, an errno for TW_ERROR_SYSTEM
 * @param message a sentence for people; NULL means the kind's name
 * @param file the source file that made it, or NULL
 * @param line the line there, or 0
 */
TW_EXPORT struct tw_failure *tw_failure_new(const struct tw_error *kind, int code,
                                            const char *message, const char *file, int line,
                                            struct tw_failure *cause);

/** tw_failure_new() for the place where it is written. */
#define TW_FAILURE_NEW(kind, code, message) \
    tw_failure_new((kind), (code), (message), __FILE__, __LINE__, (struct tw_failure *)0)

/** What a failure is made of; zero what you do not need. */
struct tw_failure_options {
    size_t size;                 /**< sizeof(struct tw_failure_options) */
    const struct tw_error *kind; /**< as for tw_failure_new() */
    int code;                    /**< as for tw_failure_new() */
    const char *message;         /**< as for tw_failure_new() */
    const char *file;            /**< as for tw_failure_new() */
    int line;                    /**< as for tw_failure_new() */
    struct tw_failure *cause;    /**< as for tw_failure_new() */
    void *payload;               /**< something of yours, or NULL: another language's exception */
    tw_destroy_fn destroy;       /**< lets go of the payload, on the thread that lets go last */
};

/**
 * Make a failure that may carry something of yours; see tw_failure_new().
 *
 * Thread:    any.
 * Ownership: (payload, destroy) is consumed; if memory is short destroy is called before this
 *            returns.
 * Returns:   never NULL. Options of another size are misuse, and not looked at.
 */
TW_EXPORT struct tw_failure *tw_failure_new_with(const struct tw_failure_options *options);

/** Hold a failure once more. Thread: any. Returns: the failure; NULL for NULL. */
TW_EXPORT struct tw_failure *tw_failure_ref(struct tw_failure *failure);
/** Let go of a failure; the last one out frees it, and its cause's reference. Thread: any. Returns:
 * NULL. */
TW_EXPORT struct tw_failure *tw_failure_unref(struct tw_failure *failure);

/** Its kind. Thread: any. */
TW_EXPORT const struct tw_error *tw_failure_kind(const struct tw_failure *failure);
/** Its code. Thread: any. */
TW_EXPORT int tw_failure_code(const struct tw_failure *failure);
/** Its message, never NULL. Thread: any. Ownership: the failure's. */
TW_EXPORT const char *tw_failure_message(const struct tw_failure *failure);
/** The source file that made it, or NULL. Thread: any. */
TW_EXPORT const char *tw_failure_file(const struct tw_failure *failure);
/** The line there, or 0. Thread: any. */
TW_EXPORT int tw_failure_line(const struct tw_failure *failure);
/** The failure it came of, or NULL. Thread: any. Ownership: the failure's. */
TW_EXPORT struct tw_failure *tw_failure_cause(const struct tw_failure *failure);
/** What was given to it as payload, or NULL. Thread: any. Ownership: the failure's. */
TW_EXPORT void *tw_failure_payload(const struct tw_failure *failure);

/**
 * Whether the failure is of this kind or one that descends from it (Twisted's check, FAI-004).
 *
 * Thread:  any.
 * Returns: true if so; false if not, or if either is NULL.
 */
TW_EXPORT bool tw_failure_is(const struct tw_failure *failure, const struct tw_error *kind);

/**
 * The first of these kinds that the failure is, or descends from (FAI-004).
 *
 * Thread:  any.
 * Returns: that kind; NULL if there is none, or no failure.
 */
TW_EXPORT const struct tw_error *tw_failure_check(const struct tw_failure *failure,
                                                  const struct tw_error *const *kinds,
                                                  size_t count);

/**
 * Write the failure as text: "kind: message (file:line)", and " caused by " before each cause.
 *
 * Thread:  any.
 * Returns: the length of the whole text, as snprintf does; what does not fit is cut off.
 */
TW_EXPORT size_t tw_failure_describe(const struct tw_failure *failure, char *buffer, size_t size);

TW_END_DECLS

#endif
