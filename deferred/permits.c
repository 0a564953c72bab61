/*
 * Permits, and the running of a function with one.
 *
 * A run is one block with two Deferreds. The one inside waits for the permit; its links call the
 * function, and give the permit back when the function's own Deferred, if any, has its result. The
 * one outside is the caller's. It is put behind the waiter that gets the permit next, and so is
 * fired after it (LCK-010), however many runs follow on each other.
 */
#include <twine/deferred/permits_internal.h>

#include <errno.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>

int tw__permits_new(size_t limit, struct tw__permits **ret_permits)
{
    struct tw__permits *permits = (struct tw__permits *)tw__malloc(sizeof *permits);
    if (!permits)
        return -ENOMEM;
    permits->refs = 1;
    permits->free = permits->limit = limit;
    tw__waiters_init(&permits->waiters);
    *ret_permits = permits;
    return 0;
}

void tw__permits_unref(struct tw__permits *permits)
{
    if (--permits->refs > 0)
        return;
    tw__waiters_abandon(&permits->waiters);
    tw__free(permits);
}

static void unref_value(void *permits)
{
    tw__permits_unref((struct tw__permits *)permits);
}

/* A permit, which is a reference too. */
static void set_granted(struct tw__permits *permits, struct tw_result *ret_result)
{
    permits->refs++;
    tw_result_set(ret_result, permits, unref_value);
}

int tw__permits_acquire(struct tw__permits *permits, struct tw_deferred **ret_deferred)
{
    int rc;
    if (!permits->free)
        return tw__waiters_add(&permits->waiters, ret_deferred);
    permits->refs++;
    rc = tw_deferred_succeed(permits, unref_value, ret_deferred);
    if (rc >= 0)
        permits->free--;
    return rc;
}

/* Whoever waits is only made due: tw__waiters_serve() is to follow. */
static void give_back(struct tw__permits *permits)
{
    struct tw_result granted = TW_RESULT_INIT;
    if (!permits->waiters.count) {
        permits->free++;
        return;
    }
    set_granted(permits, &granted);
    tw__waiters_answer(&permits->waiters, &granted);
}

bool tw__permits_release(struct tw__permits *permits)
{
    if (permits->free == permits->limit)
        return false;
    permits->refs++;
    give_back(permits);
    tw__waiters_serve(&permits->waiters);
    tw__permits_unref(permits);
    return true;
}

/* --- running with a permit -------------------------------------------------------------------- */

struct run {
    struct tw__waiter inside, outside;
    int parts;                   /* of these two, that are there */
    bool is_cancelled;           /* the function is not to be called any more */
    struct tw__permits *permits; /* a reference, while it has a permit */
    tw_call_fn fn;
    void *arg;
    tw_destroy_fn destroy;
};

static void release_part(struct run *run)
{
    if (--run->parts == 0)
        tw__free(run);
}

static void release_inside(struct tw_deferred *deferred)
{
    release_part(TW_CONTAINER(deferred, struct run, inside.deferred));
}

static void release_outside(struct tw_deferred *deferred)
{
    release_part(TW_CONTAINER(deferred, struct run, outside.deferred));
}

static void call_with_permit(struct tw_result *result, void *arg)
{
    struct run *run = (struct run *)arg;
    run->permits = (struct tw__permits *)tw_result_take(result, NULL);
    if (run->is_cancelled)
        tw_result_set_failure(result, tw__failure_cancelled());
    else
        run->fn(result, run->arg);
}

/* The link that has called the function goes, or goes without having called it. */
static void destroy_run_arg(void *arg)
{
    struct run *run = (struct run *)arg;
    if (run->destroy)
        run->destroy(run->arg);
}

static void finish_run(struct tw_result *result, void *arg)
{
    struct run *run = (struct run *)arg;
    struct tw__permits *permits = run->permits;
    struct tw_source *source = tw__source_of(&run->outside.deferred);
    tw_deferred_unref(&run->inside.deferred); /* our handle; it is running, so it stays */
    if (!permits) {                           /* none was to be had */
        tw_source_fire(source, result);
        tw_source_unref(source);
        return;
    }
    give_back(permits);
    tw__waiters_put_due(&permits->waiters, &run->outside, result);
    tw__waiters_serve(&permits->waiters);
    tw__permits_unref(permits);
}

/* What the function waits for is cancelled, or the wait for the permit. Either way its end is what
 * fires the outer one, and that may be still to come. */
static int cancel_run(struct tw_source *source, void *arg)
{
    struct run *run = (struct run *)arg;
    int rc;
    (void)source;
    if (run->outside.is_due) {
        tw__waiter_fire(&run->outside);
        return 0;
    }
    run->is_cancelled = true; /* it may have a permit, and not have been called yet */
    rc = tw_deferred_cancel(&run->inside.deferred);
    if (rc == 0 && run->outside.is_due)
        tw__waiter_fire(&run->outside);
    return rc ? rc : -EINPROGRESS;
}

static void join_or_go(struct tw__permits *permits, struct run *run)
{
    struct tw_result granted = TW_RESULT_INIT;
    tw__waiters_join(&permits->waiters, &run->inside, release_inside);
    tw_deferred_add_callback(&run->inside.deferred, call_with_permit, run, destroy_run_arg);
    tw_deferred_add_both(&run->inside.deferred, finish_run, run, NULL);
    if (!permits->free)
        return;
    permits->free--;
    set_granted(permits, &granted);
    tw__waiters_answer(&permits->waiters, &granted); /* with one free, nobody else waits */
    tw__waiter_fire(&run->inside);
}

int tw__permits_run(struct tw__permits *permits, tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                    struct tw_deferred **ret_deferred)
{
    struct run *run = (struct run *)tw__malloc(sizeof *run);
    if (!run)
        return -ENOMEM;
    run->parts = 2;
    run->permits = NULL;
    run->is_cancelled = false;
    run->fn = fn;
    run->arg = arg;
    run->destroy = destroy;
    run->outside.is_due = false;
    tw_result_init(&run->outside.answer);
    tw__deferred_init(&run->outside.deferred, cancel_run, run, NULL, release_outside);
    *ret_deferred = &run->outside.deferred; /* before anything runs that may ask for it */
    join_or_go(permits, run);
    return 0;
}
