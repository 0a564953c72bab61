/*
 * Coroutines: waiting.
 *
 * A wait is a link in the awaited Deferred. While it lasts the coroutine's outcome "waits for" that
 * Deferred, as a target of tw_deferred_chain() does: that is how a cycle is found, and how a cancel
 * finds its way to the innermost. A link says by a small record of its own that it is the current
 * wait's; one whose wait was cut short stays where it is, and passes its result on.
 */
#include <twine/deferred/coroutine_internal.h>

#include <errno.h>
#include <string.h>
#include <twine/base/check_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/from_thread.h>

/* --- one wait --------------------------------------------------------------------------------- */

/* The wait is over, and its result is where it belongs. */
static void end_wait(struct tw__coroutine *coroutine)
{
    struct tw_reactor *reactor = tw__coroutine_reactor(coroutine);
    coroutine->wait.link = NULL;
    coroutine->deferred.waits_for = NULL;
    if (coroutine->state != COROUTINE_WAITING)
        return; /* it has not left its stack yet */
    if (reactor)
        tw__reactor_waits_no_more(reactor, &coroutine->waiting);
    tw__coroutine_resume(coroutine);
}

static void end_wait_failed(struct tw__coroutine *coroutine, struct tw_failure *failure, int rc)
{
    coroutine->wait.rc = rc;
    if (coroutine->wait.ret_result)
        tw_result_set_failure(coroutine->wait.ret_result, failure);
    end_wait(coroutine);
}

/* The link in the awaited Deferred. */
static void take_result(struct tw_result *result, void *arg)
{
    struct tw__wait_link *link = (struct tw__wait_link *)arg;
    struct tw__coroutine *coroutine = link->coroutine;
    if (coroutine->wait.link != link)
        return;
    if (coroutine->wait.ret_result)
        tw_result_move(result, coroutine->wait.ret_result);
    end_wait(coroutine);
}

/* After take_result, or instead of it: then the Deferred goes, paused perhaps, and nobody is left
 * to let it go on. */
static void link_is_over(void *arg)
{
    struct tw__wait_link *link = (struct tw__wait_link *)arg;
    struct tw__coroutine *coroutine = link->coroutine;
    link->is_in_use = false;
    if (coroutine->wait.link == link)
        end_wait_failed(coroutine, tw__failure_abandoned(), 0);
    tw__coroutine_drop_hold(coroutine);
}

static struct tw__wait_link *free_link(struct tw__coroutine *coroutine)
{
    struct tw__wait_link *link = coroutine->links;
    while (link->is_in_use)
        link++;
    TW__CHECK(link < coroutine->links + TW__MOST_LINKS);
    return link;
}

/* It is not fired, or not idle, so that the link does not run yet. */
static int add_link(struct tw__coroutine *coroutine, struct tw_deferred *deferred,
                    struct tw_result *ret_result)
{
    struct tw__wait_link *own = free_link(coroutine);
    struct tw__link link = {{take_result, take_result}, own, link_is_over};
    int rc = tw__deferred_reserve(deferred);
    if (rc < 0)
        return rc;
    deferred->links[deferred->end++] = link;
    own->is_in_use = true;
    coroutine->holds++;
    coroutine->wait.link = own;
    coroutine->wait.ret_result = ret_result;
    coroutine->wait.count++;
    coroutine->wait.rc = 0;
    coroutine->deferred.waits_for = deferred;
    deferred->has_chained = true;
    return 0;
}

/* Leave the stack until the wait is over; gives back its answer. */
static int leave(struct tw__coroutine *coroutine)
{
    struct tw_reactor *reactor = tw__coroutine_reactor(coroutine);
    if (reactor)
        tw__reactor_waits(reactor, &coroutine->waiting);
    tw__coroutine_move(coroutine, COROUTINE_WAITING);
    return tw__fiber_go_back(coroutine->resumer, &coroutine->wait.rc);
}

/* --- cancelling ------------------------------------------------------------------------------- */

/* What is really waited for, below Deferreds that wait for others and coroutines that do. A loop:
 * if each coroutine's canceller called the next one's, it would need stack for each. */
static struct tw_deferred *innermost(struct tw_deferred *deferred)
{
    while (deferred->waits_for && (deferred->is_called || tw__coroutine_is_outcome(deferred)))
        deferred = deferred->waits_for;
    return deferred;
}

/* The outcome's canceller. Not to have fired it means that the coroutine goes on. */
int tw__coroutine_cancel(struct tw_source *source, void *unused)
{
    struct tw_deferred *outcome = tw__deferred_of(source);
    struct tw__coroutine *coroutine = TW_CONTAINER(outcome, struct tw__coroutine, deferred);
    int rc = 0;
    (void)unused;
    outcome->is_cancelling = false; /* its code runs in here, and may well cancel it once more */
    if (coroutine->wait.link)
        rc = tw_deferred_cancel(innermost(outcome->waits_for));
    else
        atomic_store_explicit(&coroutine->is_asked_to_stop, true, memory_order_relaxed);
    if (outcome->is_called)
        return 0;
    return rc ? rc : -EINPROGRESS;
}

/* Its reactor stops. What it waits for is asked to end; if that does not, it waits no longer. */
void tw__coroutine_cut_short(struct tw__waiting *waiting)
{
    struct tw__coroutine *coroutine = TW_CONTAINER(waiting, struct tw__coroutine, waiting);
    unsigned long count = coroutine->wait.count;
    coroutine->holds++;
    tw_deferred_cancel(innermost(coroutine->deferred.waits_for));
    if (coroutine->wait.link && coroutine->wait.count == count)
        end_wait_failed(coroutine, tw__failure_cancelled(), -ECANCELED);
    tw__coroutine_drop_hold(coroutine);
}

/* --- awaiting --------------------------------------------------------------------------------- */

static int not_awaited(struct tw_result *ret_result, struct tw_failure *failure, int rc)
{
    if (ret_result)
        tw_result_set_failure(ret_result, failure);
    return rc;
}

static int refused(struct tw_result *ret_result, int rc, const char *text)
{
    if (ret_result)
        tw_result_fail_at(ret_result, NULL, 0, &TW_ERROR_SYSTEM, -rc, text);
    return rc;
}

static int misused(struct tw_result *ret_result, int rc, const char *text)
{
    return refused(ret_result, tw__misuse(rc, text), text);
}

static bool is_in_lock(void)
{
    const struct tw__frame *frame = tw__frame_of_wait();
    return frame && frame->kind == TW__FRAME_LOCKED &&
           strcmp(tw_worker_kind(frame->worker), "reactor") != 0;
}

/* Whether this is code of the coroutine, and not of a task that some worker calls on its stack: who
 * waits in that may find, the next time, that the worker is in somebody else's hands. */
static bool is_own_code(const struct tw__coroutine *coroutine)
{
    return tw__here.frame == coroutine->frame &&
           tw__here.cancel_flag == &coroutine->is_asked_to_stop;
}

static int refuse(const struct tw__coroutine *coroutine, struct tw_result *ret_result)
{
    if (coroutine || is_in_lock())
        return misused(ret_result, -EDEADLK,
                       "tw_await or tw_await_in_thread: inside a worker's task, which nobody else "
                       "could go on with");
    return misused(ret_result, -EINVAL,
                   "tw_await or tw_await_in_thread: outside a coroutine there is no stack to "
                   "leave; add a callback, or call this in a function run by tw_spawn");
}

static inline int may_await(const struct tw__coroutine *coroutine, struct tw_result *ret_result)
{
    return coroutine && is_own_code(coroutine) ? 0 : refuse(coroutine, ret_result);
}

/* As for any Deferred; only one that somebody waits for can be waited for by what it waits for. */
static bool would_wait_for_itself(const struct tw_deferred *outcome,
                                  const struct tw_deferred *awaited)
{
    if (awaited == outcome)
        return true;
    if (outcome->last_waiter || outcome->has_chained)
        for (awaited = awaited->waits_for; awaited; awaited = awaited->waits_for)
            if (awaited == outcome)
                return true;
    return false;
}

static int wait_for(struct tw__coroutine *coroutine, struct tw_deferred *deferred,
                    struct tw_result *ret_result)
{
    struct tw_reactor *reactor = tw__coroutine_reactor(coroutine);
    int rc;
    if (coroutine->mailbox && !(reactor && tw__reactor_is_open(reactor)))
        return not_awaited(ret_result, tw__failure_shutdown(), -ESHUTDOWN);
    if (would_wait_for_itself(&coroutine->deferred, deferred))
        return not_awaited(ret_result, tw__failure_cycle(), -EDEADLK);
    rc = add_link(coroutine, deferred, ret_result);
    if (rc < 0)
        return refused(ret_result, rc, "no memory to wait for a Deferred");
    if (atomic_load_explicit(&coroutine->is_asked_to_stop, memory_order_relaxed)) {
        atomic_store_explicit(&coroutine->is_asked_to_stop, false, memory_order_relaxed);
        tw_deferred_cancel(innermost(deferred));
    }
    return coroutine->wait.link ? leave(coroutine) : coroutine->wait.rc;
}

int tw_await(struct tw_deferred *deferred, struct tw_result *ret_result)
{
    int rc = deferred ? may_await(tw__here.coroutine, ret_result)
                      : misused(ret_result, -EINVAL, "tw_await: needs a Deferred");
    if (rc < 0)
        return rc;
    if (!tw__deferred_may_run(
            deferred)) /* fired, and nothing left to run: else it would have run */
        return wait_for(tw__here.coroutine, deferred, ret_result);
    if (ret_result)
        tw_result_move(&deferred->result, ret_result);
    return 0;
}

static int defer(struct tw__coroutine *coroutine, struct tw_worker *pool, tw_call_fn work,
                 void *arg, tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    struct tw_reactor *reactor = tw__coroutine_reactor(coroutine);
    if (reactor && pool)
        return tw_defer_to_pool(reactor, pool, work, arg, destroy, ret_deferred);
    if (reactor)
        return tw_defer_to_thread(reactor, work, arg, destroy, ret_deferred);
    if (destroy)
        destroy(arg);
    return coroutine->mailbox ? -ESHUTDOWN
                              : tw__misuse(-EINVAL, "tw_await_in_thread: the coroutine was spawned "
                                                    "without a reactor");
}

static int await_work(struct tw_worker *pool, tw_call_fn work, void *arg, tw_destroy_fn destroy,
                      struct tw_result *ret_result)
{
    struct tw_deferred *deferred = NULL;
    int rc = defer(tw__here.coroutine, pool, work, arg, destroy, &deferred);
    if (rc == -ESHUTDOWN)
        return not_awaited(ret_result, tw__failure_shutdown(), rc);
    if (rc < 0)
        return refused(ret_result, rc, "the pool has not accepted the work");
    rc = tw_await(deferred, ret_result);
    tw_deferred_unref(deferred);
    return rc;
}

int tw_await_in_thread(struct tw_worker *pool, tw_call_fn work, void *arg, tw_destroy_fn destroy,
                       struct tw_result *ret_result)
{
    struct tw_result unwanted = TW_RESULT_INIT;
    int rc = may_await(tw__here.coroutine, ret_result);
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    rc = await_work(pool, work, arg, destroy, ret_result ? ret_result : &unwanted);
    if (rc < 0)
        tw_result_done(&unwanted); /* the answer tells it */
    else
        tw__result_done_reporting(&unwanted, "work awaited in a thread failed");
    return rc;
}
