/*
 * Turning a reactor's loop: run, stop, crash and iterate.
 */
#include <twine/reactor/reactor_internal.h>

#include <errno.h>
#include <twine/base/report_internal.h>
#include <twine/base/self_internal.h>

int tw__reactor_turn(struct tw_reactor *reactor, bool block, const char *who)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__frame frame;
    int rc;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (common->is_turning || common->is_in_pass)
        return tw__misuse(-EDEADLK, who);
    atomic_store_explicit(&common->thread, tw__self(), memory_order_relaxed);
    common->is_turning = true;
    tw__frame_push(&frame, TW__FRAME_LOCKED, &common->mailbox->base);
    rc = reactor->_ops->turn(reactor, block);
    tw__frame_pop(&frame);
    common->is_turning = false;
    return rc;
}

/* --- run, stop, crash ------------------------------------------------------------------------- */

/* Fires "startup". The calls that wait come in the first turn. */
static void start(struct tw_reactor *reactor)
{
    struct tw__pass pass;
    tw__reactor_enter(reactor, &pass);
    tw__reactor_begin_startup(reactor);
    tw__reactor_go_on(reactor);
    tw__reactor_leave(reactor, &pass);
}

static bool is_on(const struct tw__reactor_common *common)
{
    return common->state != REACTOR_NEW && common->state != REACTOR_STOPPED;
}

int tw_reactor_run(struct tw_reactor *reactor)
{
    static const char refusal[] = "tw_reactor_run: the loop is turning already";
    struct tw__reactor_common *common;
    int rc = 0;
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_run: needs a reactor");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    common = reactor->_common;
    if (common->is_turning || common->is_in_pass)
        return tw__misuse(-EDEADLK, refusal);
    if (common->state == REACTOR_STOPPED || (common->state == REACTOR_NEW && common->wants_stop))
        return -ESHUTDOWN;
    common->wants_crash = common->wants_crash && common->state != REACTOR_NEW;
    if (common->state == REACTOR_NEW)
        start(reactor);
    while (rc >= 0 && is_on(common))
        rc = tw__reactor_turn(reactor, true, refusal);
    return rc;
}

int tw_reactor_stop(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common;
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_stop: needs a reactor");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    common = reactor->_common;
    if (common->wants_stop || common->state >= REACTOR_STOPPING ||
        (common->state == REACTOR_NEW && !common->has_crashed))
        return -ESRCH;
    common->wants_stop = true;
    tw__reactor_update_alive(reactor);
    reactor->_ops->again(reactor);
    return 0;
}

int tw_reactor_crash(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common;
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_crash: needs a reactor");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    common = reactor->_common;
    if (common->state >= REACTOR_STOPPING)
        return -ESHUTDOWN;
    if (common->state == REACTOR_NEW)
        return 0;
    common->wants_crash = true;
    reactor->_ops->again(reactor);
    return 0;
}

/* --- iterate ---------------------------------------------------------------------------------- */

/* The bell of an iterate is put in front of what the bell rings for otherwise. */
int tw_reactor_iterate(struct tw_reactor *reactor, int64_t timeout)
{
    struct tw__reactor_common *common;
    bool has_bell = timeout > 0 && timeout != TW_FOREVER;
    int rc;
    if (!reactor || timeout < 0)
        return tw__misuse(-EINVAL,
                          "tw_reactor_iterate: needs a reactor, and a timeout of 0 or more");
    common = reactor->_common;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (has_bell) {
        uint64_t until = tw_time_add(tw_clock_now(common->clock), timeout);
        if (until < common->bell)
            tw__reactor_set_bell(reactor, until);
    }
    rc = tw__reactor_turn(reactor, timeout > 0, "tw_reactor_iterate: the loop is turning already");
    if (has_bell)
        tw__reactor_set_bell(reactor, common->shutdown.phase != TW__PHASE_IDLE
                                          ? common->shutdown_deadline
                                          : TW_NEVER);
    return rc;
}
