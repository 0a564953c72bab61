/*
 * deferLater: a Deferred whose source a delayed call has, and whose first link is the function.
 */
#include <twine/deferred/defer_later.h>

#include <errno.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/delayed_call.h>

struct later {
    struct tw_deferred deferred;
    struct tw_delayed_call *call; /* a handle */
    bool is_cancelled;
};

static void on_time(void *arg)
{
    struct later *later = (struct later *)arg;
    tw_source_callback(tw__source_of(&later->deferred), NULL, NULL);
}

/* The delayed call has run, was cancelled, or goes with its reactor. */
static void on_end(void *arg)
{
    struct later *later = (struct later *)arg;
    struct tw_source *source = tw__source_of(&later->deferred);
    later->call = tw_delayed_call_unref(later->call);
    if (!later->deferred.is_called && !later->is_cancelled)
        tw_source_errback(source, tw__failure_shutdown());
    tw_source_unref(source); /* last: the block may go with it */
}

static int cancel(struct tw_source *source, void *arg)
{
    struct later *later = (struct later *)arg;
    (void)source;
    later->is_cancelled = true;
    tw_delayed_call_cancel(later->call);
    return 0;
}

static void release(struct tw_deferred *deferred)
{
    tw__free(TW_CONTAINER(deferred, struct later, deferred));
}

static int defer(struct tw_reactor *reactor, int64_t delay, const struct tw__link *link,
                 struct tw_deferred **ret_deferred)
{
    struct later *later = (struct later *)tw__malloc(sizeof *later);
    int rc;
    if (!later) {
        if (link->destroy)
            link->destroy(link->arg);
        return -ENOMEM;
    }
    later->call = NULL;
    later->is_cancelled = false;
    tw__deferred_init(&later->deferred, cancel, later, NULL, release);
    if (link->fn[0])
        tw_deferred_add_callback(&later->deferred, link->fn[0], link->arg, link->destroy);
    else if (link->destroy)
        link->destroy(link->arg);
    rc = tw_reactor_call_later(reactor, delay, on_time, later, on_end, &later->call);
    if (rc < 0) /* on_end has failed it: nobody is to hear of that */
        tw_result_set(&later->deferred.result, NULL, NULL);
    if (rc >= 0 && ret_deferred)
        *ret_deferred = &later->deferred;
    else
        tw_deferred_unref(&later->deferred);
    return rc;
}

int tw_defer_later(struct tw_reactor *reactor, int64_t delay, tw_call_fn fn, void *arg,
                   tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    struct tw__link link = {{fn, NULL}, arg, destroy};
    if (reactor && delay >= 0)
        return defer(reactor, delay, &link, ret_deferred);
    if (destroy)
        destroy(arg);
    return tw__misuse(-EINVAL, "tw_defer_later: needs a reactor and a delay of 0 or more");
}
