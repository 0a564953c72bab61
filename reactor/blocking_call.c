/*
 * Blocking calls.
 *
 *     thread             block made; its task submitted to the mailbox; sleeps
 *     loop's thread      fn; destroy; is_over, and the thread is woken
 *     thread             takes the result
 *
 * Who sets is_over first has the say: the loop that has an outcome, or the thread whose time is over
 * and that leaves the rest to the loop.
 */
#include <twine/reactor/blocking_call_internal.h>

#include <errno.h>
#include <twine/base/check_internal.h>
#include <twine/base/context_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

/* --- the loop's side -------------------------------------------------------------------------- */

void tw__blocked_drop_hold(struct tw__blocked *blocked)
{
    /* Release what we did with it, acquire what the other side did. */
    if (atomic_fetch_sub_explicit(&blocked->holds, 1, memory_order_acq_rel) != 1)
        return;
    tw_result_done(&blocked->result);
    tw__park_done(&blocked->park);
    tw_worker_unref(blocked->mailbox);
    tw__free(blocked);
}

static struct tw_reactor *reactor_of(const struct tw__blocked *blocked)
{
    return (struct tw_reactor *)((struct tw__mailbox *)blocked->mailbox)->reactor;
}

void tw__blocked_let_go(struct tw__blocked *blocked, int rc)
{
    TW__CHECK(!blocked->has_ended);
    blocked->has_ended = true;
    if (blocked->is_waiting) {
        blocked->is_waiting = false;
        tw__reactor_waits_no_more(reactor_of(blocked), &blocked->waiting);
    }
    blocked->rc = rc;
    /* Release: the thread sees the outcome. */
    if (!atomic_exchange_explicit(&blocked->is_over, true, memory_order_acq_rel))
        tw__park_wake(&blocked->park);
}

static void cut_short(struct tw__waiting *waiting)
{
    tw__blocked_let_go(TW_CONTAINER(waiting, struct tw__blocked, waiting), -ESHUTDOWN);
}

void tw__blocked_waits(struct tw__blocked *blocked)
{
    blocked->is_waiting = true;
    blocked->waiting.cut_short = cut_short;
    tw__reactor_waits(reactor_of(blocked), &blocked->waiting);
}

static void call(struct tw__blocked *blocked, int rc)
{
    struct tw_context *before = tw__context_swap(blocked->context);
    if (rc == 0)
        blocked->fn(&blocked->result, blocked->arg);
    if (blocked->destroy)
        blocked->destroy(blocked->arg);
    tw__context_swap_back(before, blocked->context);
    tw__context_drop(blocked->context);
}

/* Once a shutdown has let go of those that are blocked, it lets nobody block any more. */
static bool may_call(const struct tw__blocked *blocked)
{
    struct tw_reactor *reactor = reactor_of(blocked);
    return reactor && reactor->_common->state < REACTOR_ENDING;
}

static void blocked_fn(struct tw_task *task, int status)
{
    struct tw__blocked *blocked = (struct tw__blocked *)task;
    int rc = status == 0 && may_call(blocked) ? 0 : -ESHUTDOWN;
    call(blocked, rc);
    if (tw_result_kind(&blocked->result) == TW_RESULT_DEFERRED) {
        blocked->wait_for(blocked);
        return;
    }
    tw__blocked_let_go(blocked, rc);
    tw__blocked_drop_hold(blocked);
}

/* --- the thread's side ------------------------------------------------------------------------ */

struct tw__blocked *tw__blocked_new(tw_call_fn fn, void *arg, tw_destroy_fn destroy)
{
    struct tw__blocked *blocked = (struct tw__blocked *)tw__zalloc(sizeof *blocked);
    if (!blocked)
        return NULL;
    tw_task_init(&blocked->task, blocked_fn);
    tw_result_init(&blocked->result);
    tw__park_init(&blocked->park);
    atomic_init(&blocked->holds, 2);
    atomic_init(&blocked->is_over, false);
    blocked->fn = fn;
    blocked->arg = arg;
    blocked->destroy = destroy;
    blocked->context = tw__context_capture();
    return blocked;
}

/* It may have been woken in this very moment, and then that counts. */
static bool wait(struct tw__blocked *blocked, int64_t timeout)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    if (tw__park_wait(&blocked->park, clock, deadline))
        return true;
    return atomic_exchange_explicit(&blocked->is_over, true, memory_order_acq_rel);
}

static void take(struct tw__blocked *blocked, struct tw_result *ret_result)
{
    if (ret_result)
        tw_result_move(&blocked->result, ret_result);
    else
        tw__result_done_reporting(&blocked->result, "a blocking call from a thread failed");
}

static void give_back(struct tw__blocked *blocked)
{
    if (blocked->destroy)
        blocked->destroy(blocked->arg);
    tw__context_drop(blocked->context);
    tw__blocked_drop_hold(blocked);
}

int tw__blocking_call(struct tw_reactor *reactor, struct tw__blocked *blocked, int64_t timeout,
                      struct tw_result *ret_result)
{
    int rc;
    blocked->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    rc = tw_worker_submit(blocked->mailbox, &blocked->task);
    if (rc < 0) {
        give_back(blocked);
    } else if (wait(blocked, timeout)) {
        rc = blocked->rc;
        if (rc == 0)
            take(blocked, ret_result);
    } else {
        tw_worker_cancel(blocked->mailbox, &blocked->task);
        rc = -ETIMEDOUT;
    }
    tw__blocked_drop_hold(blocked);
    return rc;
}

#define BLOCKING                               \
    "tw_reactor_blocking_call_from_thread or " \
    "tw_reactor_blocking_defer_from_thread"

int tw__blocking_call_check(struct tw_reactor *reactor, tw_call_fn fn, int64_t timeout)
{
    const struct tw__frame *frame = tw__frame_of_wait();
    if (!reactor || !fn || timeout < 0)
        return tw__misuse(-EINVAL,
                          BLOCKING ": needs a reactor, a function, and a timeout of 0 or more");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (tw_reactor_is_in_thread(reactor) || (frame && frame->kind == TW__FRAME_LOCKED))
        return tw__misuse(
            -EDEADLK,
            BLOCKING ": on the loop's thread, or inside a lock worker, it would wait for itself");
    return 0;
}

int tw_reactor_blocking_call_from_thread(struct tw_reactor *reactor, tw_call_fn fn, void *arg,
                                         tw_destroy_fn destroy, int64_t timeout,
                                         struct tw_result *ret_result)
{
    int rc = tw__blocking_call_check(reactor, fn, timeout);
    struct tw__blocked *blocked = rc < 0 ? NULL : tw__blocked_new(fn, arg, destroy);
    if (blocked)
        return tw__blocking_call(reactor, blocked, timeout, ret_result);
    if (destroy)
        destroy(arg);
    return rc < 0 ? rc : -ENOMEM;
}
