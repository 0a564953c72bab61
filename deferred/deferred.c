/*
 * The Deferred.
 *
 * Lifetime: refs counts handles and our own holds, sources the other side. When no refs are left of
 * a called one, what it holds is disposed of, and a failure reported; when no sources are left
 * either, its memory goes. A Deferred that waits and the one it waits for hold each other (DEF-093,
 * DEF-094); as the inner one has a source, which fires it or abandons it, they part in the end.
 */
#include <twine/deferred/deferred_spare_internal.h>

#include <errno.h>
#include <string.h>
#include <twine/base/failure_internal.h>
#include <twine/base/report_internal.h>

/* --- life ------------------------------------------------------------------------------------- */

static void destroy_link(struct tw__link *link)
{
    if (link->destroy)
        link->destroy(link->arg);
}

static void release_memory(struct tw_deferred *deferred)
{
    if (deferred->is_noted)
        tw__debug_forget(deferred);
    if (deferred->release) {
        tw__deferred_free_links(deferred);
        deferred->release(deferred);
    } else {
        tw__deferred_give_spare(deferred);
    }
}

/* Nobody wants it any more. What it still has to run is not run, only released (DEF-023). */
static void dispose(struct tw_deferred *deferred)
{
    deferred->is_disposed = true;
    deferred->sources++; /* the memory stays until we are through */
    while (deferred->first < deferred->end)
        destroy_link(&deferred->links[deferred->first++]);
    if (deferred->is_noted)
        tw__debug_report_unhandled(deferred);
    else
        tw__result_done_reporting(&deferred->result, TW__UNHANDLED);
    if (--deferred->sources == 0)
        release_memory(deferred);
}

void tw__deferred_unref(struct tw_deferred *deferred)
{
    if (--deferred->refs == 0 && deferred->is_called && !deferred->is_disposed)
        dispose(deferred);
}

/* All but the links' array, which a kept one brings along. (Field by field: compilers clear 100
 * bytes at once with a string instruction that takes longer than the rest.) */
static inline void begin_life(struct tw_deferred *deferred, tw_canceller_fn canceller, void *arg,
                              tw_destroy_fn destroy)
{
    static const struct tw_result null = {NULL, NULL, TW_RESULT_VALUE, 1};
    deferred->result = null;
    deferred->refs = 1;
    deferred->sources = 1;
    deferred->pauses = 0;
    deferred->is_called = false;
    deferred->is_running = false;
    deferred->is_cancelling = false;
    deferred->swallows = false;
    deferred->has_chained = false;
    deferred->is_in_turn = false;
    deferred->is_disposed = false;
    deferred->is_noted = false;
    deferred->canceller = canceller;
    deferred->canceller_arg = arg;
    deferred->canceller_destroy = destroy;
    deferred->waits_for = NULL;
    deferred->last_waiter = NULL;
    deferred->next = NULL;
    deferred->release = NULL;
    deferred->first = deferred->end = deferred->gone = deferred->position = 0;
    if (tw__debug_is_on())
        tw__debug_made(deferred);
#if defined(TWINE_CHECKS) && TWINE_CHECKS
    deferred->thread = tw__self();
#endif
}

void tw__deferred_init(struct tw_deferred *deferred, tw_canceller_fn canceller, void *arg,
                       tw_destroy_fn destroy, void (*release)(struct tw_deferred *deferred))
{
    begin_life(deferred, canceller, arg, destroy);
    deferred->links = deferred->inside;
    deferred->capacity = TW__LINKS_INSIDE;
    deferred->release = release;
}

int tw_deferred_new(tw_canceller_fn canceller, void *arg, tw_destroy_fn destroy,
                    struct tw_source **ret_source, struct tw_deferred **ret_deferred)
{
    struct tw_deferred *deferred = NULL;
    int rc = 0;
    if (!ret_source || !ret_deferred)
        rc = tw__misuse(-EINVAL, "tw_deferred_new: needs ret_source and ret_deferred");
    else if (!(deferred = tw__deferred_take_spare()))
        rc = -ENOMEM;
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    begin_life(deferred, canceller, arg, destroy);
    *ret_source = tw__source_of(deferred);
    *ret_deferred = deferred;
    return 0;
}

struct tw_deferred *tw_deferred_ref(struct tw_deferred *deferred)
{
    if (deferred) {
        tw__deferred_check_thread(deferred);
        deferred->refs++;
    }
    return deferred;
}

struct tw_deferred *tw_deferred_unref(struct tw_deferred *deferred)
{
    if (deferred) {
        tw__deferred_check_thread(deferred);
        tw__deferred_unref(deferred);
    }
    return NULL;
}

struct tw_source *tw_source_ref(struct tw_source *source)
{
    if (source) {
        tw__deferred_check_thread(tw__deferred_of(source));
        tw__deferred_of(source)->sources++;
    }
    return source;
}

/* --- firing ----------------------------------------------------------------------------------- */

static void drop_canceller(struct tw_deferred *deferred)
{
    tw_destroy_fn destroy = deferred->canceller_destroy;
    deferred->canceller = NULL;
    deferred->canceller_destroy = NULL;
    if (destroy)
        destroy(deferred->canceller_arg);
}

static __attribute__((noinline)) void mark_fired_slowly(struct tw_deferred *deferred)
{
    if (deferred->is_noted)
        tw__debug_fired(deferred);
    if (deferred->is_in_turn)
        tw__deferred_leave_turn(deferred);
    deferred->refs++; /* its argument's destroy may let go of the last handle */
    if (!deferred->is_cancelling)
        drop_canceller(deferred);
    deferred->refs--;
}

/* false: it was fired before. The canceller goes before any callback runs, but not while it is
 * being called (DEF-004, DEF-006). */
static inline bool mark_fired(struct tw_deferred *deferred)
{
    if (deferred->is_called)
        return false;
    deferred->is_called = true;
    deferred->waits_for = NULL;
    if (deferred->is_noted || deferred->is_in_turn || deferred->canceller_destroy)
        mark_fired_slowly(deferred);
    else if (!deferred->is_cancelling)
        deferred->canceller = NULL;
    return true;
}

bool tw__deferred_mark_fired(struct tw_deferred *deferred)
{
    return mark_fired(deferred);
}

static __attribute__((noinline)) int fire_again(struct tw_deferred *deferred,
                                                struct tw_result *result)
{
    bool swallows = deferred->swallows;
    deferred->swallows = false;
    if (deferred->is_noted && !swallows)
        tw__debug_report_again(deferred);
    tw_result_done(result);
    return swallows ? 0 : -EALREADY;
}

static inline int fire(struct tw_deferred *deferred, struct tw_result *result)
{
    tw__deferred_check_thread(deferred);
    if (!mark_fired(deferred))
        return fire_again(deferred, result);
    tw__result_move_to_null(result, &deferred->result);
    if (tw__deferred_may_run(deferred)) {
        tw__deferred_run_now(deferred);
    } else { /* the last handle may have gone before, or with the canceller */
        deferred->refs++;
        tw__deferred_unref(deferred);
    }
    return 0;
}

static __attribute__((noinline)) int fire_failure(struct tw_deferred *deferred,
                                                  struct tw_failure *failure)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_set_failure(&result, failure);
    return fire(deferred, &result);
}

int tw_source_callback(struct tw_source *source, void *value, tw_destroy_fn destroy)
{
    struct tw_result result = {value, destroy, TW_RESULT_VALUE, 0};
    if (!source) {
        tw_result_done(&result);
        return tw__misuse(-EINVAL, "tw_source_callback: needs a source");
    }
    return fire(tw__deferred_of(source), &result);
}

int tw_source_errback(struct tw_source *source, struct tw_failure *failure)
{
    if (!source || !failure)
        return tw__misuse(-EINVAL, "tw_source_errback: needs a source and a failure");
    return fire_failure(tw__deferred_of(source), failure);
}

int tw_source_fire(struct tw_source *source, struct tw_result *result)
{
    if (!result)
        return tw__misuse(-EINVAL, "tw_source_fire: needs a result");
    if (!source || result->_kind == TW_RESULT_DEFERRED) {
        tw_result_done(result);
        return tw__misuse(-EINVAL, "tw_source_fire: needs a source, and a value or a failure");
    }
    return fire(tw__deferred_of(source), result);
}

struct tw_source *tw_source_unref(struct tw_source *source)
{
    struct tw_deferred *deferred = tw__deferred_of(source);
    if (!deferred)
        return NULL;
    tw__deferred_check_thread(deferred);
    if (deferred->sources == 1 && !deferred->is_called && !deferred->is_cancelling)
        fire_failure(deferred, tw__failure_abandoned());
    if (--deferred->sources == 0 && deferred->is_disposed)
        release_memory(deferred);
    return NULL;
}

void tw__deferred_fire_last(struct tw_deferred *deferred, struct tw_result *result)
{
    if (result->_kind ==
        TW_RESULT_DEFERRED) { /* moved into it by somebody: the source refuses it */
        tw_source_fire(tw__source_of(deferred), result);
        tw_source_unref(tw__source_of(deferred));
        return;
    }
    fire(deferred, result);
    if (--deferred->sources == 0 && deferred->is_disposed)
        release_memory(deferred);
}

/* Fired already: there is no other side. */
static int new_fired(struct tw_result *result, struct tw_deferred **ret_deferred)
{
    struct tw_deferred *deferred = tw__deferred_take_spare();
    if (!deferred) {
        tw_result_done(result);
        return -ENOMEM;
    }
    begin_life(deferred, NULL, NULL, NULL);
    deferred->sources = 0;
    deferred->is_called = true;
    if (deferred->is_noted)
        tw__debug_fired(deferred);
    tw_result_move(result, &deferred->result);
    *ret_deferred = deferred;
    return 0;
}

int tw_deferred_succeed(void *value, tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_set(&result, value, destroy);
    if (!ret_deferred) {
        tw_result_done(&result);
        return tw__misuse(-EINVAL, "tw_deferred_succeed: needs ret_deferred");
    }
    return new_fired(&result, ret_deferred);
}

int tw_deferred_fail(struct tw_failure *failure, struct tw_deferred **ret_deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    if (!failure || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_deferred_fail: needs a failure and ret_deferred");
    tw_result_set_failure(&result, failure);
    return new_fired(&result, ret_deferred);
}

/* --- as a result ------------------------------------------------------------------------------ */

static void unref_handle(void *deferred)
{
    tw_deferred_unref((struct tw_deferred *)deferred);
}

int tw_result_set_deferred(struct tw_result *result, struct tw_deferred *deferred)
{
    if (!result || !deferred) {
        tw_deferred_unref(deferred);
        return tw__misuse(-EINVAL, "tw_result_set_deferred: needs a result and a Deferred");
    }
    return tw__result_set_deferred(result, deferred, unref_handle);
}

/* --- cancel and pause ------------------------------------------------------------------------- */

/* Returns what the canceller said, and 0 if it fired. */
static int call_canceller(struct tw_deferred *deferred)
{
    int rc;
    deferred->is_cancelling = true;
    rc = deferred->canceller(tw__source_of(deferred), deferred->canceller_arg);
    deferred->is_cancelling = false;
    if (!deferred->is_called)
        return deferred->sources ? rc : 0; /* nobody is left to fire what it refused to cancel */
    drop_canceller(deferred);
    return 0;
}

static int cancel_innermost(struct tw_deferred *deferred)
{
    int rc = 0;
    if (deferred->canceller)
        rc = call_canceller(deferred);
    else
        deferred->swallows = true; /* its producer does not know, and may fire once (CAN-002) */
    if (rc == 0 && !deferred->is_called)
        fire_failure(deferred, tw__failure_cancelled());
    return rc;
}

int tw_deferred_cancel(struct tw_deferred *deferred)
{
    int rc;
    if (!deferred)
        return tw__misuse(-EINVAL, "tw_deferred_cancel: needs a Deferred");
    tw__deferred_check_thread(deferred);
    while (deferred->is_called && deferred->waits_for)
        deferred = deferred->waits_for;
    if (deferred->is_called)
        return 0;
    if (deferred->is_cancelling)
        return tw__misuse(-EDEADLK, "tw_deferred_cancel: its canceller is being called");
    deferred->refs++;
    rc = cancel_innermost(deferred);
    tw__deferred_unref(deferred);
    return rc;
}

int tw_deferred_pause(struct tw_deferred *deferred)
{
    if (!deferred)
        return tw__misuse(-EINVAL, "tw_deferred_pause: needs a Deferred");
    tw__deferred_check_thread(deferred);
    deferred->pauses++;
    return 0;
}

int tw_deferred_unpause(struct tw_deferred *deferred)
{
    if (!deferred || !deferred->pauses)
        return tw__misuse(-EINVAL, "tw_deferred_unpause: needs a Deferred that is paused");
    tw__deferred_check_thread(deferred);
    if (--deferred->pauses == 0 && tw__deferred_may_run(deferred))
        tw__deferred_run_now(deferred);
    return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

bool tw_deferred_is_called(const struct tw_deferred *deferred)
{
    return deferred && deferred->is_called;
}

unsigned tw_deferred_pauses(const struct tw_deferred *deferred)
{
    return deferred ? deferred->pauses : 0;
}

struct tw_deferred *tw_deferred_waits_for(const struct tw_deferred *deferred)
{
    return deferred ? deferred->waits_for : NULL;
}
