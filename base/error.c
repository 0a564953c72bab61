/*
 * The library's kinds of error.
 */
#include <twine/base/error.h>

#include <stddef.h>

const struct tw_error TW_ERROR = {"error", NULL};
const struct tw_error TW_ERROR_CANCELLED = {"cancelled", &TW_ERROR};
const struct tw_error TW_ERROR_TIMEOUT = {"timeout", &TW_ERROR};
const struct tw_error TW_ERROR_ALREADY_CALLED = {"already called", &TW_ERROR};
const struct tw_error TW_ERROR_SHUTDOWN = {"shut down", &TW_ERROR};
const struct tw_error TW_ERROR_ABANDONED = {"abandoned", &TW_ERROR};
const struct tw_error TW_ERROR_NO_THREAD = {"no thread", &TW_ERROR};
const struct tw_error TW_ERROR_CYCLE = {"cycle", &TW_ERROR};
const struct tw_error TW_ERROR_FIRST_ERROR = {"first error", &TW_ERROR};
const struct tw_error TW_ERROR_FAILURE_GROUP = {"failure group", &TW_ERROR};
const struct tw_error TW_ERROR_SYSTEM = {"system error", &TW_ERROR};
const struct tw_error TW_ERROR_NO_MEMORY = {"out of memory", &TW_ERROR_SYSTEM};
const struct tw_error TW_ERROR_LOOKUP = {"lookup failed", &TW_ERROR};
const struct tw_error TW_ERROR_LOOKUP_TIMEOUT = {"lookup timed out", &TW_ERROR_LOOKUP};

bool tw_error_is(const struct tw_error *kind, const struct tw_error *ancestor)
{
    for (; kind && ancestor; kind = kind->parent)
        if (kind == ancestor)
            return true;
    return false;
}
