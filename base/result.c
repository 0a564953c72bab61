/*
 * Results. What one holds is a pointer and what lets go of it; a failure and a Deferred are held in
 * the same way, so that replacing, moving and destroying need not ask.
 */
#include <twine/base/result_internal.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <twine/base/failure_internal.h>
#include <twine/base/here_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

static void drop_failure(void *failure)
{
    tw_failure_unref((struct tw_failure *)failure);
}

/* What the result held goes last: its destroy may well look at the result. */
static void replace(struct tw_result *result, void *held, tw_destroy_fn destroy,
                    enum tw_result_kind kind)
{
    void *old = result->_held;
    tw_destroy_fn destroy_old = result->_destroy;
    result->_held = held;
    result->_destroy = destroy;
    result->_kind = (int)kind;
    if (destroy_old)
        destroy_old(old);
}

void tw_result_init(struct tw_result *result)
{
    struct tw_result null = TW_RESULT_INIT;
    *result = null;
}

void tw_result_done(struct tw_result *result)
{
    if (result)
        replace(result, NULL, NULL, TW_RESULT_VALUE);
}

enum tw_result_kind tw_result_kind(const struct tw_result *result)
{
    return (enum tw_result_kind)result->_kind;
}

bool tw_result_is_ok(const struct tw_result *result)
{
    return result->_kind == TW_RESULT_VALUE;
}

bool tw_result_is_failure(const struct tw_result *result)
{
    return result->_kind == TW_RESULT_FAILURE;
}

void *tw_result_value(const struct tw_result *result)
{
    return result->_kind == TW_RESULT_VALUE ? result->_held : NULL;
}

struct tw_failure *tw_result_failure(const struct tw_result *result)
{
    return result->_kind == TW_RESULT_FAILURE ? (struct tw_failure *)result->_held : NULL;
}

void tw_result_set(struct tw_result *result, void *value, tw_destroy_fn destroy)
{
    if (value && result->_kind == TW_RESULT_VALUE && result->_held == value)
        result->_destroy = destroy; /* the same value with another destructor: it stays */
    else
        replace(result, value, destroy, TW_RESULT_VALUE);
}

void tw_result_set_failure(struct tw_result *result, struct tw_failure *failure)
{
    if (!failure)
        failure = TW_FAILURE_NEW(NULL, 0, "tw_result_set_failure was given none");
    else
        tw_failure_ref(failure);
    replace(result, failure, drop_failure, TW_RESULT_FAILURE);
}

void *tw_result_take(struct tw_result *result, tw_destroy_fn *ret_destroy)
{
    void *value = result->_held;
    if (result->_kind != TW_RESULT_VALUE)
        return NULL;
    if (ret_destroy)
        *ret_destroy = result->_destroy;
    result->_held = NULL;
    result->_destroy = NULL;
    return value;
}

void tw_result_move(struct tw_result *from, struct tw_result *to)
{
    struct tw_result moved = *from;
    if (from == to)
        return;
    from->_held = NULL;
    from->_destroy = NULL;
    from->_kind = TW_RESULT_VALUE;
    replace(to, moved._held, moved._destroy, (enum tw_result_kind)moved._kind);
}

static void set_own_failure(struct tw_result *result, struct tw_failure *failure)
{
    replace(result, failure, drop_failure, TW_RESULT_FAILURE);
}

void tw_result_fail_at(struct tw_result *result, const char *file, int line,
                       const struct tw_error *kind, int code, const char *message)
{
    set_own_failure(result, tw_failure_new(kind, code, message, file, line, NULL));
}

/* A message that is too long for the stack and finds no memory is cut off. */
void tw_result_failf_at(struct tw_result *result, const char *file, int line,
                        const struct tw_error *kind, int code, const char *format, ...)
{
    char on_stack[256], *message = on_stack;
    va_list arguments, again;
    int length;
    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(on_stack, sizeof on_stack, format, arguments);
    if (length >= (int)sizeof on_stack) {
        message = (char *)tw__malloc((size_t)length + 1);
        if (message)
            vsnprintf(message, (size_t)length + 1, format, again);
        else
            message = on_stack;
    }
    va_end(again);
    va_end(arguments);
    tw_result_fail_at(result, file, line, kind, code, message);
    if (message != on_stack)
        tw__free(message);
}

/* --- for the floors above --------------------------------------------------------------------- */

int tw__result_set_deferred(struct tw_result *result, void *deferred, tw_destroy_fn unref)
{
    if (!result->_takes_deferred) {
        unref(deferred);
        return tw__misuse(
            -EINVAL,
            tw__here.coroutine
                ? "tw_result_set_deferred: a coroutine's result cannot take one; tw_await() it"
                : "tw_result_set_deferred: only the result handed to a Deferred's callback can "
                  "take one, a job's cannot");
    }
    replace(result, deferred, unref, TW_RESULT_DEFERRED);
    return 0;
}

void *tw__result_take_deferred(struct tw_result *result)
{
    void *deferred = result->_held;
    assert(result->_kind == TW_RESULT_DEFERRED);
    result->_held = NULL;
    result->_destroy = NULL;
    result->_kind = TW_RESULT_VALUE;
    return deferred;
}

void tw__result_done_slowly(struct tw_result *result, const char *text)
{
    if (tw_result_is_failure(result))
        tw__report(TW_REPORT_UNHANDLED, text, tw_result_failure(result));
    tw_result_done(result);
}
