/*
 * A result: a value with its destructor, or a failure, or a Deferred still to come.
 *
 * Work, callbacks and errbacks all have one shape, tw_call_fn: they are handed the current result
 * and change it in place. Left alone, it passes on. Taking the value leaves null. Setting NULL says
 * "handled". So an errback that sets nothing leaves the failure standing, and an error is never
 * swallowed by forgetting.
 *
 * A result owns its value: a value nobody takes is destroyed exactly once, on the thread that holds
 * the result then. No function here can fail for want of memory.
 *
 * Thread: a result belongs to whoever it was handed to, for as long as the call lasts. It has no
 * lock.
 */
#ifndef TWINE_BASE_RESULT_H
#define TWINE_BASE_RESULT_H

#include <twine/base/failure.h>

TW_BEGIN_DECLS

/** What a result holds. */
enum tw_result_kind {
    TW_RESULT_VALUE = 0,   /**< a value; NULL is one */
    TW_RESULT_FAILURE = 1, /**< a failure */
    TW_RESULT_DEFERRED = 2 /**< a Deferred that will have the result (deferred/deferred.h) */
};

/** A result. Its fields are private; it is public so that it can live on your stack. */
struct tw_result {
    void *_held;
    tw_destroy_fn _destroy;
    int _kind;
    int _takes_deferred;
};

/** A result that holds null. */
#define TW_RESULT_INIT           \
    {                            \
        0, 0, TW_RESULT_VALUE, 0 \
    }

/** Work, callback and errback alike. */
typedef void (*tw_call_fn)(struct tw_result *result, void *arg);

/** Make a result of your own hold null. */
TW_EXPORT void tw_result_init(struct tw_result *result);
/** Destroy what a result of your own holds; it holds null then, and may be used again. NULL is
 * left alone; all others here need a result. */
TW_EXPORT void tw_result_done(struct tw_result *result);

/** What it holds. */
TW_EXPORT enum tw_result_kind tw_result_kind(const struct tw_result *result);
/** Whether it holds a value. */
TW_EXPORT bool tw_result_is_ok(const struct tw_result *result);
/** Whether it holds a failure. */
TW_EXPORT bool tw_result_is_failure(const struct tw_result *result);
/** The value, still owned by the result; NULL if it holds none. */
TW_EXPORT void *tw_result_value(const struct tw_result *result);
/** The failure, still owned by the result; NULL if it holds none. */
TW_EXPORT struct tw_failure *tw_result_failure(const struct tw_result *result);

/**
 * Replace what it holds by a value.
 *
 * Ownership: value now belongs to the result; destroy is called for it unless somebody takes it,
 *            and may be NULL if there is nothing to do. What the result held before is destroyed,
 *            unless it is the same value.
 */
TW_EXPORT void tw_result_set(struct tw_result *result, void *value, tw_destroy_fn destroy);

/** Replace what it holds by a failure. Ownership: borrowed; the result takes a reference of its
 * own. */
TW_EXPORT void tw_result_set_failure(struct tw_result *result, struct tw_failure *failure);

/**
 * Take the value out; the result holds null then.
 *
 * Ownership: the value is yours. Its destructor comes out by ret_destroy, if that is not NULL.
 * Returns:   the value; NULL if the result holds none, and then the result is left as it was.
 */
TW_EXPORT void *tw_result_take(struct tw_result *result, tw_destroy_fn *ret_destroy);

/** Move what one result holds into another, whose old content is destroyed; the first holds null
 * then. */
TW_EXPORT void tw_result_move(struct tw_result *from, struct tw_result *to);

/** Make it a failure made at a place; see tw_failure_new(). It cannot fail. */
TW_EXPORT void tw_result_fail_at(struct tw_result *result, const char *file, int line,
                                 const struct tw_error *kind, int code, const char *message);
/** The same with a printf-like message. */
TW_EXPORT void tw_result_failf_at(struct tw_result *result, const char *file, int line,
                                  const struct tw_error *kind, int code, const char *format, ...)
    TW_PRINTF(6, 7);

/** tw_result_failf(result, kind, code, format, ...): make it a failure made here. */
#define tw_result_failf(result, ...) tw_result_failf_at((result), __FILE__, __LINE__, __VA_ARGS__)

TW_END_DECLS

#endif
