/*
 * A time limit: a delayed call that cancels the Deferred, and a link that takes it back.
 *
 * The link owns both, and takes the call back when it goes, having run or not. Until then the Deferred
 * is there, so the delayed call needs no hold.
 */
#include <twine/deferred/timeout.h>

#include <errno.h>
#include <stdio.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/delayed_call.h>

struct limit {
    struct tw_deferred *deferred; /* whose link this is */
    struct tw_delayed_call *call; /* a handle */
    int64_t timeout;
    tw_call_fn on_timeout;
    void *arg;
    tw_destroy_fn destroy;
    bool has_expired;
};

/* The link runs inside the cancel, more often than not, and frees the limit. */
static void expire(void *arg)
{
    struct limit *limit = (struct limit *)arg;
    struct tw_failure *failure;
    int rc;
    limit->has_expired = true;
    rc = tw_deferred_cancel(limit->deferred);
    if (rc == 0 || rc == -EINPROGRESS)
        return;
    failure = TW_FAILURE_NEW(NULL, rc, "its canceller refused");
    tw__report(TW_REPORT_WARNING, "a Deferred could not be cancelled by its timeout", failure);
    tw_failure_unref(failure);
}

static void set_timeout_failure(struct tw_result *result, int64_t timeout)
{
    char message[64];
    struct tw_failure *failure;
    snprintf(message, sizeof message, "it took longer than %g seconds",
             (double)timeout / (double)TW_SECOND);
    failure = tw_failure_new(&TW_ERROR_TIMEOUT, ETIMEDOUT, message, NULL, 0, NULL);
    if (!tw_failure_is(failure, &TW_ERROR_TIMEOUT)) /* no memory for the number */
        failure = tw__failure_timeout();
    tw_result_set_failure(result, failure);
    tw_failure_unref(failure);
}

static void result_passes(struct tw_result *result, void *arg)
{
    struct limit *limit = (struct limit *)arg;
    if (!limit->has_expired)
        return;
    if (limit->on_timeout)
        limit->on_timeout(result, limit->arg);
    else if (tw_failure_is(tw_result_failure(result), &TW_ERROR_CANCELLED))
        set_timeout_failure(result, limit->timeout);
}

static void drop_limit(void *arg)
{
    struct limit *limit = (struct limit *)arg;
    tw_delayed_call_cancel(limit->call);
    tw_delayed_call_unref(limit->call);
    if (limit->destroy)
        limit->destroy(limit->arg);
    tw__free(limit);
}

/* Takes (arg, destroy) only if it succeeds. The room for the link comes first: adding it cannot
 * fail then. */
static int add_limit(const struct limit *wanted, struct tw_reactor *reactor)
{
    struct limit *limit;
    int rc = tw__deferred_reserve(wanted->deferred);
    if (rc < 0)
        return rc;
    limit = (struct limit *)tw__malloc(sizeof *limit);
    if (!limit)
        return -ENOMEM;
    *limit = *wanted;
    rc = tw_reactor_call_later(reactor, limit->timeout, expire, limit, NULL, &limit->call);
    if (rc < 0) {
        tw__free(limit);
        return rc;
    }
    return tw_deferred_add_both(limit->deferred, result_passes, limit, drop_limit);
}

int tw_deferred_add_timeout(struct tw_deferred *deferred, struct tw_reactor *reactor,
                            int64_t timeout, tw_call_fn on_timeout, void *arg,
                            tw_destroy_fn destroy)
{
    struct limit limit = {deferred, NULL, timeout, on_timeout, arg, destroy, false};
    int rc =
        deferred && reactor && timeout >= 0
            ? add_limit(&limit, reactor)
            : tw__misuse(-EINVAL, "tw_deferred_add_timeout: needs a Deferred, a reactor, and a "
                                  "timeout of 0 or more");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}
