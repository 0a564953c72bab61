/*
 * A pass of a reactor.
 *
 * It is: the calls that other threads have sent, those that were there when it began and within a
 * budget; the timers that are due by one reading of the clock; signals that have come; then what a
 * start, a stop or a crash asks for. At its end the reactor either asks to be called again, or says
 * in its mailbox that it sleeps: from then on whoever puts something in wakes it.
 */
#include <twine/reactor/reactor_internal.h>

#include <twine/base/search_internal.h>
#include <twine/base/self_internal.h>
#include <twine/reactor/calls_from_threads_internal.h>
#include <twine/threads/task_internal.h>

/* A batch: so many calls, or so long. Then I/O and timers get their turn (measured: a million calls
 * delay I/O by some 0.1 ms, and cost nothing more in all). */
#define BATCH_CALLS 128
#define BATCH_TIME TW_MILLISECOND

/* How long a pass may go on looking for results that come home, after the first, before I/O gets its
 * turn: it does sooner after a yield in which others had the processor. */
#define LONGEST_LOOK (50 * TW_MICROSECOND)

/* --- calls ------------------------------------------------------------------------------------ */

/* Make the next of the calls that have been taken out, or give it up. It is out of the way before that,
 * since it may turn the loop. */
static inline __attribute__((always_inline)) void call_next(struct tw__reactor_common *common,
                                                            int status)
{
    struct tw_task *task = common->calls, *next = task->_next;
    struct tw__call_run *run = tw__call_run_of(task);
    struct tw__call call;
    int taken;
    if (run) {
        if (!tw__call_run_take(run, &call))
            common->calls = next;
        tw__call_perform(&call, NULL, status);
        return;
    }
    common->calls = next;
    task->_next = NULL;
    taken = tw__task_take(task);
    task->fn(task, taken < 0 ? taken : status);
}

/* Only what is there now: what these calls send waits for the next pass, and for I/O before it
 * (CFT-005, CFT-014). The clock is read after a few calls often, since they may be slow ones, and
 * after many seldom: at 1, 2, 4, 8, 16, 32, 48. One call alone needs none. */
static void run_calls(struct tw__reactor_common *common)
{
    uint64_t until = 0, now;
    unsigned ran = 0, look = 1;
    if (!common->calls)
        common->calls = tw__inbox_take(&common->mailbox->inbox);
    while (common->calls && ran < BATCH_CALLS) {
        call_next(common, 0);
        if (++ran < look || !common->calls)
            continue;
        look += ran < 16 ? ran : 16;
        now = tw_clock_now(common->clock);
        if (!until)
            until = tw_time_add(now, BATCH_TIME);
        else if (now >= until)
            break;
    }
}

void tw__reactor_empty_mailbox(struct tw__reactor_common *common, int status)
{
    tw__inbox_close(&common->mailbox->inbox);
    do {
        while (common->calls)
            call_next(common, status);
        common->calls = tw__inbox_take(&common->mailbox->inbox);
    } while (common->calls);
}

static bool has_calls(void *common)
{
    return tw__inbox_has_tasks(&((struct tw__reactor_common *)common)->mailbox->inbox);
}

/* While jobs are out, and nothing else is to be done, their results may come within the next few
 * microseconds. What these calls send themselves is not waited for here: it finds has_calls() true
 * at once, and waits for the next pass. */
static bool look_for_calls(struct tw__reactor_common *common, uint64_t *until)
{
    uint64_t now;
    if (common->calls || !common->away_count || common->wants_stop || common->wants_crash ||
        has_calls(common) || !tw__search(&common->search, has_calls, common) ||
        common->search.was_away)
        return false;
    now = tw_clock_now(common->clock);
    if (!*until)
        *until = tw_time_add(now, LONGEST_LOOK);
    return now < *until && now < common->armed;
}

static void run_calls_that_come(struct tw__reactor_common *common)
{
    uint64_t until = 0;
    do
        run_calls(common);
    while (look_for_calls(common, &until));
}

/* --- timers ----------------------------------------------------------------------------------- */

/* One reading of the clock, and only those that were there: one made due meanwhile waits for the
 * next pass (TIM-003, TIM-004). */
static void run_timers(struct tw__reactor_common *common)
{
    uint64_t last = common->heap.next_sequence, now;
    struct tw__timer *timer;
    if (common->armed == TW_NEVER && !common->heap.count)
        return;
    now = tw_clock_now(common->clock);
    common->has_rung = common->armed <= now;
    while ((timer = tw__timer_heap_top(&common->heap)) && timer->deadline <= now &&
           timer->sequence < last) {
        tw__timer_heap_remove(&common->heap, timer);
        tw__delayed_call_run(timer);
    }
}

/* --- in and out ------------------------------------------------------------------------------- */

void tw__reactor_enter(struct tw_reactor *reactor, struct tw__pass *pass)
{
    struct tw__reactor_common *common = reactor->_common;
    common->refs++; /* what is called may let go of the last reference */
    pass->is_outermost = !common->is_in_pass;
    if (!pass->is_outermost)
        return;
    common->is_in_pass = true;
    atomic_store_explicit(&common->thread, tw__self(), memory_order_relaxed);
    tw__frame_push(&pass->frame, TW__FRAME_LOCKED, &common->mailbox->base);
}

/* Ask for another pass, or sleep. */
static void sleep_or_go_on(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    if (common->calls ||
        (!tw__inbox_sleep(&common->mailbox->inbox) && tw__inbox_has_tasks(&common->mailbox->inbox)))
        reactor->_ops->again(reactor);
}

void tw__reactor_leave(struct tw_reactor *reactor, struct tw__pass *pass)
{
    if (pass->is_outermost) {
        tw__frame_pop(&pass->frame);
        reactor->_common->is_in_pass = false;
        tw__reactor_update_alive(reactor);
        tw__reactor_update_timer(reactor);
        sleep_or_go_on(reactor);
    }
    tw_reactor_unref(reactor);
}

void tw_reactor_pass(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__pass pass;
    if (common->state == REACTOR_STOPPED || tw__reactor_is_inherited(reactor))
        return;
    tw__reactor_enter(reactor, &pass);
    if (common->state == REACTOR_NEW && !common->is_turning && !common->has_crashed)
        tw__reactor_begin_startup(reactor);
    if (common->state == REACTOR_STARTING)
        tw__reactor_go_on(reactor); /* before the calls (CFT-009) */
    run_calls_that_come(common);
    run_timers(common);
    tw__reactor_run_signals(reactor);
    tw__reactor_go_on(reactor);
    tw__reactor_leave(reactor, &pass);
}

void tw_reactor_woken(struct tw_reactor *reactor)
{
    if (!tw__reactor_is_inherited(reactor)) /* or it would be taken from the parent */
        tw__wake_fd_read(&reactor->_common->mailbox->wake);
}

void tw_reactor_wake_up(struct tw_reactor *reactor)
{
    if (reactor && !tw__reactor_is_inherited(reactor))
        tw__wake_fd_write(&reactor->_common->mailbox->wake);
}

int tw_reactor_wake_fd(struct tw_reactor *reactor)
{
    return reactor->_common->mailbox->wake.to_read;
}
