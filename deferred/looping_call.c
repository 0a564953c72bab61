/*
 * The looping call.
 *
 *     idle  ->  running, timer set  ->  running, calling  ->  running, timer set  ...
 *
 * A loop that runs, or whose last call has not ended, holds itself. While a call's Deferred is out
 * the timer is set to never, which tells if the reactor goes meanwhile.
 */
#include <twine/deferred/looping_call.h>

#include <errno.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>
#include <twine/deferred/later_internal.h>
#include <twine/reactor/reactor_internal.h>

struct tw_looping_call {
    size_t refs;
    struct tw_reactor *reactor; /* valid while the timer is set, or a call of the user's begins */
    struct tw__later *timer;
    tw_call_fn fn;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_source *source; /* from start until the loop has ended */
    bool is_running, is_calling;
    bool has_begun; /* last_time counts */
    int64_t interval;
    uint64_t start_time, last_time;
    uint64_t count;
};

static void on_time(void *owner, int status);

int tw_looping_call_new(struct tw_reactor *reactor, tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                        struct tw_looping_call **ret_loop)
{
    struct tw_looping_call *loop = NULL;
    int rc = -ENOMEM;
    if (!reactor || !fn || !ret_loop)
        rc = tw__misuse(-EINVAL, "tw_looping_call_new: needs a reactor, a function and ret_loop");
    else if ((loop = (struct tw_looping_call *)tw__zalloc(sizeof *loop)) &&
             (loop->timer = tw__later_new(on_time, loop)))
        rc = 0;
    if (rc < 0) {
        tw__free(loop);
        if (destroy)
            destroy(arg);
        return rc;
    }
    loop->refs = 1;
    loop->reactor = reactor;
    loop->fn = fn;
    loop->arg = arg;
    loop->destroy = destroy;
    *ret_loop = loop;
    return 0;
}

struct tw_looping_call *tw_looping_call_ref(struct tw_looping_call *loop)
{
    if (loop)
        loop->refs++;
    return loop;
}

struct tw_looping_call *tw_looping_call_unref(struct tw_looping_call *loop)
{
    if (!loop || --loop->refs > 0)
        return NULL;
    tw__later_free(loop->timer);
    if (loop->destroy)
        loop->destroy(loop->arg);
    tw__free(loop);
    return NULL;
}

static void unref_value(void *loop)
{
    tw_looping_call_unref((struct tw_looping_call *)loop);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* With its own hold goes perhaps the loop. A failure is borrowed; NULL: it was stopped. */
static void end(struct tw_looping_call *loop, struct tw_failure *failure)
{
    struct tw_source *source = loop->source;
    loop->is_running = false;
    loop->source = NULL;
    tw__later_stop(loop->timer);
    if (failure)
        tw_source_errback(source, failure);
    else
        tw_source_callback(source, tw_looping_call_ref(loop), unref_value);
    tw_source_unref(source);
    tw_looping_call_unref(loop);
}

static void end_for_error(struct tw_looping_call *loop, int error)
{
    struct tw_failure *failure = tw__failure_of_start(error, "a looping call could not go on");
    end(loop, failure);
    tw_failure_unref(failure);
}

/* --- the grid --------------------------------------------------------------------------------- */

static uint64_t now(struct tw_looping_call *loop)
{
    return tw_clock_now(tw_reactor_clock(loop->reactor));
}

/* To the next point that is strictly in the future (LPC-007). */
static int schedule(struct tw_looping_call *loop)
{
    int64_t delay = 0;
    if (loop->interval > 0)
        delay = loop->interval - tw_time_between(loop->start_time, now(loop)) % loop->interval;
    return tw__later_start(loop->timer, loop->reactor, delay);
}

/* How many points lie between the last call and this one. */
static uint64_t count_points(struct tw_looping_call *loop, uint64_t time)
{
    int64_t last = 0, points;
    if (loop->interval == 0)
        return 1;
    if (loop->has_begun)
        last = tw_time_between(loop->start_time, loop->last_time);
    points = tw_time_between(loop->start_time, time) / loop->interval - last / loop->interval;
    return points > 1 ? (uint64_t)points : 1;
}

/* --- a call ----------------------------------------------------------------------------------- */

static void call_ended(struct tw_result *result, void *arg)
{
    struct tw_looping_call *loop = (struct tw_looping_call *)arg;
    struct tw_failure *failure = tw_failure_ref(tw_result_failure(result));
    int rc;
    tw_result_set(result, NULL, NULL);
    loop->is_calling = false;
    /* Without a source it has ended: the reactor has gone meanwhile. */
    if (loop->source && (failure || !loop->is_running))
        end(loop, failure);
    else if (loop->source && (rc = schedule(loop)) < 0)
        end_for_error(loop, rc);
    tw_failure_unref(failure);
}

/* Wait for what the function left. Its link holds the loop, which may have ended by then. */
static void wait_for(struct tw_looping_call *loop, struct tw_deferred *deferred)
{
    int rc = tw__later_start(loop->timer, loop->reactor, TW_FOREVER);
    if (rc >= 0)
        rc = tw_deferred_add_both(deferred, call_ended, tw_looping_call_ref(loop), unref_value);
    tw_deferred_unref(deferred);
    if (rc >= 0)
        return;
    loop->is_calling = false;
    end_for_error(loop, rc);
}

static void call(struct tw_looping_call *loop)
{
    struct tw_result result = TW_RESULT_INIT;
    uint64_t time = now(loop);
    result._takes_deferred = 1;
    loop->is_calling = true;
    loop->count = count_points(loop, time);
    loop->last_time = time;
    loop->has_begun = true;
    loop->fn(&result, loop->arg);
    if (tw_result_kind(&result) == TW_RESULT_DEFERRED)
        wait_for(loop, (struct tw_deferred *)tw__result_take_deferred(&result));
    else
        call_ended(&result, loop);
}

static void on_time(void *owner, int status)
{
    struct tw_looping_call *loop = (struct tw_looping_call *)owner;
    if (status < 0)
        end(loop, tw__failure_shutdown());
    else
        call(loop);
}

/* --- what the user asks for ------------------------------------------------------------------- */

static int begin(struct tw_looping_call *loop, int64_t interval, bool is_now)
{
    int rc = 0;
    loop->interval = interval;
    loop->start_time = now(loop);
    loop->has_begun = false;
    if (!is_now)
        rc = schedule(loop);
    if (rc < 0)
        return rc;
    loop->is_running = true;
    loop->refs++;
    if (is_now)
        call(loop);
    return 0;
}

int tw_looping_call_start(struct tw_looping_call *loop, int64_t interval, bool is_now,
                          struct tw_deferred **ret_deferred)
{
    struct tw_deferred *deferred = NULL;
    int rc;
    if (!loop || interval < 0 || loop->source || loop->is_calling)
        return tw__misuse(-EINVAL, "tw_looping_call_start: needs a loop that does not run, and an "
                                   "interval of 0 or more");
    if (!tw__reactor_is_open(loop->reactor))
        return -ESHUTDOWN;
    rc = tw_deferred_new(NULL, NULL, NULL, &loop->source, &deferred);
    if (rc < 0)
        return rc;
    if (ret_deferred)
        *ret_deferred = tw_deferred_ref(deferred); /* the function may want it */
    rc = begin(loop, interval, is_now);
    if (rc < 0) {
        tw_source_callback(loop->source, NULL, NULL); /* nobody sees it: it only lets go */
        loop->source = tw_source_unref(loop->source);
        if (ret_deferred)
            *ret_deferred = tw_deferred_unref(deferred);
    }
    tw_deferred_unref(deferred);
    return rc;
}

int tw_looping_call_stop(struct tw_looping_call *loop)
{
    if (!loop || !loop->is_running)
        return tw__misuse(-EINVAL, "tw_looping_call_stop: needs a loop that runs");
    loop->is_running = false;
    if (!loop->is_calling)
        end(loop, NULL);
    return 0;
}

int tw_looping_call_reset(struct tw_looping_call *loop)
{
    if (!loop || !loop->is_running)
        return tw__misuse(-EINVAL, "tw_looping_call_reset: needs a loop that runs");
    if (loop->is_calling)
        return 0;
    loop->start_time = now(loop);
    return schedule(loop); /* its timer is set, so that needs no memory */
}

int tw_looping_call_set_interval(struct tw_looping_call *loop, int64_t interval)
{
    if (!loop || interval < 0)
        return tw__misuse(
            -EINVAL, "tw_looping_call_set_interval: needs a loop and an interval of 0 or more");
    loop->interval = interval;
    return 0;
}

int64_t tw_looping_call_interval(const struct tw_looping_call *loop)
{
    return loop ? loop->interval : 0;
}

bool tw_looping_call_is_running(const struct tw_looping_call *loop)
{
    return loop && loop->is_running;
}

uint64_t tw_looping_call_count(const struct tw_looping_call *loop)
{
    return loop ? loop->count : 0;
}
