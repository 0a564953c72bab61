/*
 * Failures. One is a single allocation: the struct and behind it the message. A payload is set before
 * anybody else holds it, so that nothing changes under a reader.
 *
 * A count of 0 marks the static ones, which are never counted or freed.
 */
#include <twine/base/failure_internal.h>

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

struct tw_failure {
    atomic_uint refs; /* 0: static */
    int code;
    const struct tw_error *kind;
    const char *message; /* behind the struct, or static */
    const char *file;
    struct tw_failure *cause;
    int line;
    void *payload;
    tw_destroy_fn destroy;
};

#define STATIC_FAILURE(name, number, error, text) \
    static struct tw_failure name = {0, number, &error, text, NULL, NULL, 0, NULL, NULL};

STATIC_FAILURE(cancelled, ECANCELED, TW_ERROR_CANCELLED, "it was cancelled")
STATIC_FAILURE(shutdown, ESHUTDOWN, TW_ERROR_SHUTDOWN, "what was to do it has been shut down")
STATIC_FAILURE(abandoned, EPIPE, TW_ERROR_ABANDONED, "its source went away without firing it")
STATIC_FAILURE(no_thread, EAGAIN, TW_ERROR_NO_THREAD, "no thread could be made to do it")
STATIC_FAILURE(no_memory, ENOMEM, TW_ERROR_NO_MEMORY, "out of memory")
STATIC_FAILURE(timeout, ETIMEDOUT, TW_ERROR_TIMEOUT, "it took too long")
STATIC_FAILURE(cycle, EDEADLK, TW_ERROR_CYCLE, "the Deferred would wait for itself")

struct tw_failure *tw__failure_cancelled(void)
{
    return &cancelled;
}

struct tw_failure *tw__failure_shutdown(void)
{
    return &shutdown;
}

struct tw_failure *tw__failure_abandoned(void)
{
    return &abandoned;
}

struct tw_failure *tw__failure_cycle(void)
{
    return &cycle;
}

struct tw_failure *tw__failure_timeout(void)
{
    return &timeout;
}

struct tw_failure *tw__failure_of_status(int status)
{
    switch (status) {
    case -ECANCELED:
        return &cancelled;
    case -EAGAIN:
        return &no_thread;
    default:
        return &shutdown;
    }
}

struct tw_failure *tw_failure_new(const struct tw_error *kind, int code, const char *message,
                                  const char *file, int line, struct tw_failure *cause)
{
    struct tw_failure *failure;
    size_t length;
    if (!kind)
        kind = &TW_ERROR;
    if (!message)
        message = kind->name;
    length = strlen(message);
    failure = (struct tw_failure *)tw__malloc(sizeof *failure + length + 1);
    if (!failure)
        return &no_memory;
    atomic_init(&failure->refs, 1);
    failure->code = code;
    failure->kind = kind;
    failure->message = memcpy(failure + 1, message, length + 1);
    failure->file = file;
    failure->line = line;
    failure->cause = tw_failure_ref(cause);
    failure->payload = NULL;
    failure->destroy = NULL;
    return failure;
}

/* Static failures are told by a count of 0, which no counted failure has while somebody holds
 * it. */
static bool is_static(struct tw_failure *failure)
{
    return atomic_load_explicit(&failure->refs, memory_order_relaxed) == 0;
}

struct tw_failure *tw_failure_new_with(const struct tw_failure_options *options)
{
    static const struct tw_failure_options nothing;
    struct tw_failure *failure;
    if (options && options->size != sizeof *options)
        tw__misuse(-EINVAL, "tw_failure_new_with: options of another version");
    if (!options || options->size != sizeof *options)
        options = &nothing;
    failure = tw_failure_new(options->kind, options->code, options->message, options->file,
                             options->line, options->cause);
    if (!is_static(failure)) {
        failure->payload = options->payload;
        failure->destroy = options->destroy;
    } else if (options->destroy) {
        options->destroy(options->payload);
    }
    return failure;
}

struct tw_failure *tw_failure_ref(struct tw_failure *failure)
{
    /* Relaxed: whoever refs holds a reference already, so nothing can be freed meanwhile. */
    if (failure && !is_static(failure))
        atomic_fetch_add_explicit(&failure->refs, 1, memory_order_relaxed);
    return failure;
}

/* In a loop, since causes may form a long chain. */
struct tw_failure *tw_failure_unref(struct tw_failure *failure)
{
    while (failure && !is_static(failure)) {
        struct tw_failure *cause = failure->cause;
        /* Release our reads before the count falls; acquire everybody else's before freeing. */
        if (atomic_fetch_sub_explicit(&failure->refs, 1, memory_order_acq_rel) != 1)
            break;
        if (failure->destroy)
            failure->destroy(failure->payload);
        tw__free(failure);
        failure = cause;
    }
    return NULL;
}

const struct tw_error *tw_failure_kind(const struct tw_failure *failure)
{
    return failure ? failure->kind : NULL;
}

int tw_failure_code(const struct tw_failure *failure)
{
    return failure ? failure->code : 0;
}

const char *tw_failure_message(const struct tw_failure *failure)
{
    return failure ? failure->message : "";
}

const char *tw_failure_file(const struct tw_failure *failure)
{
    return failure ? failure->file : NULL;
}

int tw_failure_line(const struct tw_failure *failure)
{
    return failure ? failure->line : 0;
}

struct tw_failure *tw_failure_cause(const struct tw_failure *failure)
{
    return failure ? failure->cause : NULL;
}

void *tw_failure_payload(const struct tw_failure *failure)
{
    return failure ? failure->payload : NULL;
}

bool tw_failure_is(const struct tw_failure *failure, const struct tw_error *kind)
{
    return failure && tw_error_is(failure->kind, kind);
}

const struct tw_error *tw_failure_check(const struct tw_failure *failure,
                                        const struct tw_error *const *kinds, size_t count)
{
    size_t i;
    for (i = 0; failure && kinds && i < count; i++)
        if (tw_error_is(failure->kind, kinds[i]))
            return kinds[i];
    return NULL;
}

/* Appends as snprintf does; *length counts what there would be. */
static void append(char *buffer, size_t size, size_t *length, const char *text)
{
    size_t more = strlen(text), room = *length < size ? size - *length : 0;
    if (room) {
        size_t fits = more < room ? more : room - 1;
        memcpy(buffer + *length, text, fits);
        buffer[*length + fits] = '\0';
    }
    *length += more;
}

size_t tw_failure_describe(const struct tw_failure *failure, char *buffer, size_t size)
{
    size_t length = 0;
    char line[16];
    if (size)
        buffer[0] = '\0';
    for (; failure; failure = failure->cause) {
        if (length)
            append(buffer, size, &length, " caused by ");
        append(buffer, size, &length, failure->kind->name);
        append(buffer, size, &length, ": ");
        append(buffer, size, &length, failure->message);
        if (failure->file) {
            snprintf(line, sizeof line, ":%d)", failure->line);
            append(buffer, size, &length, " (");
            append(buffer, size, &length, failure->file);
            append(buffer, size, &length, line);
        }
    }
    return length;
}
