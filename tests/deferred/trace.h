/*
 * For the Deferreds' tests: callbacks that write down what they saw, and short ways to make, fire
 * and drop Deferreds.
 *
 * A callback with the argument "a" writes "a=5 " when it is handed the value 5, and "a!7 " when it
 * is handed a failure with the code 7. The destroy of that argument writes "~a ".
 */
#ifndef TWINE_TESTS_DEFERRED_TRACE_H
#define TWINE_TESTS_DEFERRED_TRACE_H

#include "../harness.h"
#include <stdarg.h>

/* A number as a value that needs no destroy, and back. */
#define VALUE(number) ((void *)(intptr_t)(number))
#define NUMBER(value) ((int)(intptr_t)(value))

static char trace_text[2048];
static size_t trace_length;

TW_PRINTF(1, 2) static inline void trace(const char *format, ...)
{
    size_t room = sizeof trace_text - trace_length;
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsnprintf(trace_text + trace_length, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < room)
        trace_length += (size_t)length;
}

static inline void trace_clear(void)
{
    trace_text[0] = '\0';
    trace_length = 0;
}

/* Whether this is what has been written since the last look. */
static inline bool traced(const char *expected, int line)
{
    bool same = strcmp(trace_text, expected) == 0;
    if (!same)
        printf("\n    line %d: \"%s\" instead of \"%s\"", line, trace_text, expected);
    trace_clear();
    return same;
}
#define TRACED(expected) CU_ASSERT(traced((expected), __LINE__))

static inline void write_result(struct tw_result *result, void *name)
{
    if (tw_result_is_failure(result))
        trace("%s!%d ", (const char *)name, tw_failure_code(tw_result_failure(result)));
    else
        trace("%s=%d ", (const char *)name, NUMBER(tw_result_value(result)));
}

/* --- callbacks: the argument is a name -------------------------------------------------------- */

static inline void see(struct tw_result *result, void *name)
{
    write_result(result, name);
}

static inline void handle(struct tw_result *result, void *name)
{
    write_result(result, name);
    tw_result_set(result, NULL, NULL);
}

static inline void add_one(struct tw_result *result, void *name)
{
    write_result(result, name);
    tw_result_set(result, VALUE(NUMBER(tw_result_value(result)) + 1), NULL);
}

static inline void go_wrong(struct tw_result *result, void *name)
{
    write_result(result, name);
    tw_result_failf(result, &TW_ERROR, 99, "%s went wrong", (const char *)name);
}

static inline void destroy_name(void *name)
{
    trace("~%s ", (const char *)name);
}

/* The argument is a Deferred, borrowed: leave it as the result. */
static inline void give_deferred(struct tw_result *result, void *deferred)
{
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, tw_deferred_ref((struct tw_deferred *)deferred)),
                    0);
}

/* --- both sides of a Deferred ----------------------------------------------------------------- */

struct pair {
    struct tw_source *source;
    struct tw_deferred *deferred;
};

static inline struct pair make_cancellable(tw_canceller_fn canceller, void *arg)
{
    struct pair pair = {NULL, NULL};
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(canceller, arg, NULL, &pair.source, &pair.deferred), 0);
    return pair;
}

static inline struct pair make(void)
{
    return make_cancellable(NULL, NULL);
}

static inline void drop(struct pair *pair)
{
    pair->deferred = tw_deferred_unref(pair->deferred);
    pair->source = tw_source_unref(pair->source);
}

static inline int fire(struct tw_source *source, int number)
{
    return tw_source_callback(source, VALUE(number), NULL);
}

static inline int fire_failure(struct tw_source *source, int code)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, code, "made to fail");
    int rc = tw_source_errback(source, failure);
    tw_failure_unref(failure);
    return rc;
}

static inline void watch(struct tw_deferred *deferred, const char *name)
{
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, see, (void *)(uintptr_t)name, NULL), 0);
}

/* Look at a Deferred that has its result, and leave null there. */
static inline void settle(struct tw_deferred *deferred, const char *name)
{
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, handle, (void *)(uintptr_t)name, NULL), 0);
}

#endif
