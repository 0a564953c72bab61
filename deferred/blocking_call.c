/*
 * The link in the awaited Deferred has the loop's hold of the block.
 */
#include <twine/deferred/blocking_call.h>

#include <errno.h>
#include <twine/base/failure_internal.h>
#include <twine/base/result_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/blocking_call_internal.h>

static void take(struct tw_result *result, void *arg)
{
    struct tw__blocked *blocked = (struct tw__blocked *)arg;
    struct tw_result nobodys = TW_RESULT_INIT;
    if (blocked->has_ended) {
        tw_result_move(result, &nobodys); /* it has gone on without it */
        tw_result_done(&nobodys);
        return;
    }
    tw_result_move(result, &blocked->result);
    tw__blocked_let_go(blocked, 0);
}

/* After take, or instead of it: the Deferred goes and nobody is left to let it go on, or there was
 * no memory for the link. */
static void link_is_over(void *arg)
{
    struct tw__blocked *blocked = (struct tw__blocked *)arg;
    if (!blocked->has_ended) {
        tw_result_set_failure(&blocked->result, tw__failure_abandoned());
        tw__blocked_let_go(blocked, 0);
    }
    tw__blocked_drop_hold(blocked);
}

static void wait_for(struct tw__blocked *blocked)
{
    struct tw_deferred *deferred = (struct tw_deferred *)tw__result_take_deferred(&blocked->result);
    tw__blocked_waits(blocked);
    tw_deferred_add_both(deferred, take, blocked, link_is_over);
    tw_deferred_unref(deferred);
}

int tw_reactor_blocking_defer_from_thread(struct tw_reactor *reactor, tw_call_fn fn, void *arg,
                                          tw_destroy_fn destroy, int64_t timeout,
                                          struct tw_result *ret_result)
{
    int rc = tw__blocking_call_check(reactor, fn, timeout);
    struct tw__blocked *blocked = rc < 0 ? NULL : tw__blocked_new(fn, arg, destroy);
    if (blocked) {
        blocked->wait_for = wait_for;
        blocked->result._takes_deferred = true;
        return tw__blocking_call(reactor, blocked, timeout, ret_result);
    }
    if (destroy)
        destroy(arg);
    return rc < 0 ? rc : -ENOMEM;
}
