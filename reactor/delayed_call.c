/*
 * Delayed calls: a timer in the reactor's heap, and a count of handles.
 *
 * The heap has one reference while the call is in it. The arg goes when the call has run, or inside
 * its cancel.
 */
#include <twine/reactor/delayed_call.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/reactor_internal.h>

struct tw_delayed_call {
    struct tw__timer timer;
    struct tw_reactor *reactor; /* valid while the call is in the heap */
    size_t refs;
    tw_action_fn action;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until its action has run or it is dropped */
};

static void destroy_arg(struct tw_delayed_call *call)
{
    tw_destroy_fn destroy = call->destroy;
    call->destroy = NULL;
    if (destroy)
        destroy(call->arg);
}

static void drop_context(struct tw_delayed_call *call)
{
    tw__context_drop(call->context);
    call->context = NULL;
}

static struct tw_delayed_call *new_call(tw_action_fn action, void *arg, tw_destroy_fn destroy)
{
    struct tw_delayed_call *call = (struct tw_delayed_call *)tw__zalloc(sizeof *call);
    if (!call)
        return NULL;
    tw__timer_init(&call->timer);
    call->refs = 1; /* the heap's */
    call->action = action;
    call->arg = arg;
    call->destroy = destroy;
    call->context = tw__context_capture();
    return call;
}

/* Takes (arg, destroy) only if it succeeds. */
static int add_call(struct tw_reactor *reactor, int64_t delay, tw_action_fn action, void *arg,
                    tw_destroy_fn destroy, struct tw_delayed_call **ret_call)
{
    struct tw_delayed_call *call;
    int rc;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    call = new_call(action, arg, destroy);
    if (!call)
        return -ENOMEM;
    call->reactor = reactor;
    rc = tw__reactor_set_timer(reactor, &call->timer,
                               tw_time_add(tw_clock_now(reactor->_common->clock), delay));
    if (rc < 0) {
        drop_context(call);
        tw__free(call);
    } else if (ret_call) {
        *ret_call = tw_delayed_call_ref(call);
    }
    return rc;
}

int tw_reactor_call_later(struct tw_reactor *reactor, int64_t delay, tw_action_fn action, void *arg,
                          tw_destroy_fn destroy, struct tw_delayed_call **ret_call)
{
    int rc;
    if (!reactor || delay < 0 || !action)
        rc = tw__misuse(
            -EINVAL, "tw_reactor_call_later: needs a reactor, a delay of 0 or more and an action");
    else
        rc = add_call(reactor, delay, action, arg, destroy, ret_call);
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}

/* Inside its action a call is not active any more (TIM-007), and may be held, but not taken
 * back. */
void tw__delayed_call_run(struct tw__timer *timer)
{
    struct tw_delayed_call *call = TW_CONTAINER(timer, struct tw_delayed_call, timer);
    struct tw_context *before = tw__context_swap(call->context);
    call->action(call->arg);
    destroy_arg(call);
    tw__context_swap_back(before, call->context);
    tw__delayed_call_drop(timer);
}

void tw__delayed_call_drop(struct tw__timer *timer)
{
    struct tw_delayed_call *call = TW_CONTAINER(timer, struct tw_delayed_call, timer);
    destroy_arg(call);
    drop_context(call);
    tw_delayed_call_unref(call);
}

int tw_delayed_call_cancel(struct tw_delayed_call *call)
{
    if (!call)
        return tw__misuse(-EINVAL, "tw_delayed_call_cancel: needs a call");
    if (!tw__timer_is_in_heap(&call->timer))
        return -EALREADY;
    if (tw__reactor_is_inherited(call->reactor))
        return -EOWNERDEAD;
    tw__reactor_clear_timer(call->reactor, &call->timer);
    tw__delayed_call_drop(&call->timer);
    return 0;
}

static int move_to(struct tw_delayed_call *call, uint64_t deadline)
{
    return tw__reactor_set_timer(call->reactor, &call->timer, deadline);
}

int tw_delayed_call_reset(struct tw_delayed_call *call, int64_t delay)
{
    if (!call)
        return tw__misuse(-EINVAL, "tw_delayed_call_reset: needs a call");
    if (!tw__timer_is_in_heap(&call->timer))
        return -EALREADY;
    if (tw__reactor_is_inherited(call->reactor))
        return -EOWNERDEAD;
    return move_to(call, tw_time_add(tw_clock_now(call->reactor->_common->clock), delay));
}

int tw_delayed_call_delay(struct tw_delayed_call *call, int64_t by)
{
    if (!call)
        return tw__misuse(-EINVAL, "tw_delayed_call_delay: needs a call");
    if (!tw__timer_is_in_heap(&call->timer))
        return -EALREADY;
    if (tw__reactor_is_inherited(call->reactor))
        return -EOWNERDEAD;
    return move_to(call, tw_time_add(call->timer.deadline, by));
}

uint64_t tw_delayed_call_time(const struct tw_delayed_call *call)
{
    return call ? call->timer.deadline : TW_NEVER;
}

bool tw_delayed_call_is_active(const struct tw_delayed_call *call)
{
    return call && tw__timer_is_in_heap(&call->timer);
}

size_t tw_reactor_delayed_calls(struct tw_reactor *reactor, struct tw_delayed_call **ret_calls,
                                size_t room)
{
    struct tw__timer_heap *heap = reactor ? &reactor->_common->heap : NULL;
    size_t i;
    for (i = 0; heap && ret_calls && i < heap->count && i < room; i++)
        ret_calls[i] = TW_CONTAINER(heap->timers[i], struct tw_delayed_call, timer);
    return heap ? heap->count : 0;
}

struct tw_delayed_call *tw_delayed_call_ref(struct tw_delayed_call *call)
{
    if (call)
        call->refs++;
    return call;
}

struct tw_delayed_call *tw_delayed_call_unref(struct tw_delayed_call *call)
{
    if (call && --call->refs == 0)
        tw__free(call);
    return NULL;
}
