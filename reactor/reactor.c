/*
 * The common half of a reactor: what Twisted's ReactorBase does, once, above the plug-in.
 *
 * Here it is made and ends, and what the plug-in has to know is kept: when its timer has to ring, and
 * whether work is out. See reactor_internal.h for the other files.
 */
#include <twine/reactor/reactor_internal.h>

#include <assert.h>
#include <errno.h>
#include <twine/base/check_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/self_internal.h>
#include <twine/threads/shutdown_internal.h>

#define POOL_SIZE 10
#define SHUTDOWN_TIMEOUT (30 * TW_SECOND)

void tw__reactor_move_state(struct tw__reactor_common *common, enum tw__reactor_state to)
{
    static const bool allowed[REACTOR_STATES][REACTOR_STATES] = {
        [REACTOR_NEW] = {[REACTOR_STARTING] = true, [REACTOR_STOPPING] = true},
        [REACTOR_STARTING] = {[REACTOR_RUNNING] = true, [REACTOR_NEW] = true},
        [REACTOR_RUNNING] = {[REACTOR_STOPPING] = true, [REACTOR_NEW] = true},
        [REACTOR_STOPPING] = {[REACTOR_ENDING] = true},
        [REACTOR_ENDING] = {[REACTOR_STOPPED] = true},
    };
    TW__CHECK(allowed[common->state][to] || (to == REACTOR_STOPPED && common->state < to));
    (void)allowed;
    common->state = to;
}

/* --- timers and keeping alive ----------------------------------------------------------------- */

void tw__reactor_update_alive(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    bool is_alive = common->state != REACTOR_STOPPED &&
                    (common->away_count || common->heap.count || common->calls ||
                     common->state == REACTOR_STARTING || common->wants_stop);
    if (is_alive == common->is_alive)
        return;
    common->is_alive = is_alive;
    reactor->_ops->set_alive(reactor, is_alive);
}

void tw__reactor_update_timer(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__timer *top = tw__timer_heap_top(&common->heap);
    uint64_t deadline = top && top->deadline < common->bell ? top->deadline : common->bell;
    int rc;
    if (common->state == REACTOR_STOPPED)
        deadline = TW_NEVER;
    if (common->is_in_pass || (deadline == common->armed && !common->has_rung))
        return; /* a pass looks once, at its end */
    common->has_rung = false;
    common->armed = deadline;
    rc = reactor->_ops->set_timer(reactor, deadline);
    if (rc < 0) {
        struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR_SYSTEM, -rc, "set_timer refused");
        tw__report(TW_REPORT_WARNING, "a reactor could not set its timer", failure);
        tw_failure_unref(failure);
    }
}

int tw__reactor_set_timer(struct tw_reactor *reactor, struct tw__timer *timer, uint64_t deadline)
{
    struct tw__timer_heap *heap = &reactor->_common->heap;
    int rc = 0;
    if (tw__timer_is_in_heap(timer))
        tw__timer_heap_move(heap, timer, deadline);
    else
        rc = tw__timer_heap_add(heap, timer, deadline);
    tw__reactor_update_timer(reactor);
    tw__reactor_update_alive(reactor);
    return rc;
}

void tw__reactor_clear_timer(struct tw_reactor *reactor, struct tw__timer *timer)
{
    if (tw__timer_is_in_heap(timer))
        tw__timer_heap_remove(&reactor->_common->heap, timer);
    tw__reactor_update_timer(reactor);
    tw__reactor_update_alive(reactor);
}

void tw__reactor_set_bell(struct tw_reactor *reactor, uint64_t deadline)
{
    reactor->_common->bell = deadline;
    tw__reactor_update_timer(reactor);
}

void tw__reactor_leave_all_behind(struct tw__reactor_common *common)
{
    while (common->away_count) {
        struct tw__away *away = common->away.next;
        tw__away_take_out(common, away);
        away->left_behind(away);
    }
}

/* Those that wait now: who waits again is not met twice. */
void tw__reactor_cut_all_short(struct tw__reactor_common *common)
{
    struct tw__waiting now = common->waiting;
    if (now.next == &common->waiting)
        return;
    now.next->prev = now.prev->next = &now;
    common->waiting.next = common->waiting.prev = &common->waiting;
    while (now.next != &now)
        now.next->cut_short(now.next);
}

/* --- what may be asked ------------------------------------------------------------------------ */

bool tw_reactor_is_running(struct tw_reactor *reactor)
{
    return reactor && (reactor->_common->state == REACTOR_RUNNING ||
                       reactor->_common->state == REACTOR_STOPPING);
}

bool tw_reactor_is_in_thread(struct tw_reactor *reactor)
{
    return reactor &&
           atomic_load_explicit(&reactor->_common->thread, memory_order_relaxed) == tw__self();
}

int tw_reactor_set_shutdown_timeout(struct tw_reactor *reactor, int64_t timeout)
{
    if (!reactor || timeout < 0)
        return tw__misuse(-EINVAL,
                          "tw_reactor_set_shutdown_timeout: needs a reactor, and 0 or more");
    reactor->_common->shutdown_timeout = timeout;
    return 0;
}

bool tw_reactor_is_inherited(struct tw_reactor *reactor)
{
    return tw__reactor_is_inherited(reactor);
}

struct tw_worker *tw_reactor_worker(struct tw_reactor *reactor)
{
    return reactor ? &reactor->_common->mailbox->base : NULL;
}

struct tw_clock *tw_reactor_clock(struct tw_reactor *reactor)
{
    return reactor ? reactor->_common->clock : NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

int tw_reactor_init(struct tw_reactor *reactor, const struct tw_reactor_ops *ops,
                    struct tw_clock *clock)
{
    struct tw__reactor_common *common = (struct tw__reactor_common *)tw__zalloc(sizeof *common);
    int rc;
    assert(ops->size == sizeof *ops && ops->name && ops->set_timer && ops->again &&
           ops->set_alive && ops->watch && ops->turn && ops->destroy);
    if (!common)
        return -ENOMEM;
    rc = tw__mailbox_new(&common->mailbox);
    if (rc < 0) {
        tw__free(common);
        return rc;
    }
    common->mailbox->reactor = reactor;
    common->clock = clock;
    common->refs = 1;
    common->armed = common->bell = TW_NEVER;
    common->away.next = common->away.prev = &common->away;
    common->waiting.next = common->waiting.prev = &common->waiting;
    tw__ring_init(&common->descriptors);
    tw__reactor_phases_init(common);
    common->pool_size = POOL_SIZE;
    common->shutdown_timeout = SHUTDOWN_TIMEOUT;
    reactor->_ops = ops;
    reactor->_common = common;
    return 0;
}

void tw_reactor_done(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    if (common->resolver)
        common->resolver_destroy(common->resolver);
    tw__spares_limit(&common->blocks, 0, common->free_block);
    tw__timer_heap_done(&common->heap);
    common->mailbox->reactor = NULL;
    tw_worker_unref(&common->mailbox->base);
    tw__free(common);
}

struct tw_reactor *tw_reactor_ref(struct tw_reactor *reactor)
{
    if (reactor)
        reactor->_common->refs++;
    return reactor;
}

/* Calls out only what must be: jobs out are failed, calls and timers only have their arguments
 * destroyed. */
static void end(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__timer *timer;
    common->refs++; /* what is called out may take and drop a reference */
    if (common->state < REACTOR_ENDING && common->pool) {
        tw_pool_quit(common->pool);
        tw__team_cut_short(tw_pool_team(common->pool));
    }
    if (common->state != REACTOR_STOPPED)
        tw__reactor_move_state(common, REACTOR_STOPPED);
    tw__reactor_leave_all_behind(common);
    tw__reactor_cut_all_short(common);
    tw__reactor_empty_mailbox(common, -ESHUTDOWN);
    tw__reactor_drop_events(reactor);
    tw__reactor_drop_descriptors(reactor);
    tw__reactor_end_stop_signals(reactor);
    tw__reactor_drop_signals(reactor);
    while ((timer = tw__timer_heap_top(&common->heap))) {
        tw__timer_heap_remove(&common->heap, timer);
        tw__delayed_call_drop(timer);
    }
    tw_pool_unref(common->pool);
}

struct tw_reactor *tw_reactor_unref(struct tw_reactor *reactor)
{
    if (!reactor || tw__reactor_is_inherited(reactor) || --reactor->_common->refs > 0)
        return NULL;
    if (reactor->_common->is_turning) {
        reactor->_common->refs++;
        tw__misuse(-EDEADLK, "tw_reactor_unref: the last reference goes from inside its own turn");
        return NULL;
    }
    end(reactor);
    reactor->_ops->destroy(reactor);
    return NULL;
}
