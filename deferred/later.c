/*
 * A timer that is set again and again: one delayed call after the other.
 *
 * Each delayed call that is out has a reference, given up by the destroy of its argument. That
 * destroy is also how one learns that the reactor has gone: it comes without the action before it.
 */
#include <twine/deferred/later_internal.h>

#include <errno.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>

struct tw__later {
    size_t refs;
    struct tw_delayed_call *call; /* a handle, while it is set */
    tw__later_fn fn;              /* NULL: the owner has gone */
    void *owner;
    bool has_run;  /* the destroy that comes next follows an action */
    bool is_ended; /* the destroy that comes next is of our own making */
};

struct tw__later *tw__later_new(tw__later_fn fn, void *owner)
{
    struct tw__later *later = (struct tw__later *)tw__zalloc(sizeof *later);
    if (!later)
        return NULL;
    later->refs = 1;
    later->fn = fn;
    later->owner = owner;
    return later;
}

static void drop(struct tw__later *later)
{
    if (--later->refs == 0)
        tw__free(later);
}

static void tell(struct tw__later *later, int status)
{
    later->call = tw_delayed_call_unref(later->call);
    if (later->fn)
        later->fn(later->owner, status);
}

static void on_time(void *arg)
{
    struct tw__later *later = (struct tw__later *)arg;
    tell(later, 0);
    later->has_run = true; /* nothing comes between this and the destroy */
}

static void on_end(void *arg)
{
    struct tw__later *later = (struct tw__later *)arg;
    if (later->has_run)
        later->has_run = false;
    else if (!later->is_ended)
        tell(later, -ESHUTDOWN);
    drop(later);
}

int tw__later_start(struct tw__later *later, struct tw_reactor *reactor, int64_t delay)
{
    int rc;
    if (later->call)
        return tw_delayed_call_reset(later->call, delay);
    later->refs++;
    later->is_ended = true; /* if it fails, its argument is destroyed at once */
    rc = tw_reactor_call_later(reactor, delay, on_time, later, on_end, &later->call);
    later->is_ended = false;
    return rc;
}

void tw__later_stop(struct tw__later *later)
{
    struct tw_delayed_call *call = later->call;
    if (!call)
        return;
    later->call = NULL;
    later->is_ended = true;
    tw_delayed_call_cancel(call);
    later->is_ended = false;
    tw_delayed_call_unref(call);
}

bool tw__later_is_set(const struct tw__later *later)
{
    return later->call;
}

void tw__later_free(struct tw__later *later)
{
    if (!later)
        return;
    tw__later_stop(later);
    later->fn = NULL;
    drop(later);
}

struct tw_failure *tw__failure_of_start(int error, const char *message)
{
    if (error == -ESHUTDOWN)
        return tw_failure_ref(tw__failure_shutdown());
    return TW_FAILURE_NEW(error == -ENOMEM ? &TW_ERROR_NO_MEMORY : &TW_ERROR_SYSTEM, -error,
                          message);
}
