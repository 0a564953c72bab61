/*
 * The common half of a reactor: what Twisted's ReactorBase does, once, above the plug-in.
 *
 * A pass is: the calls that other threads have sent, as many as were there when it began and within
 * a budget; the timers that are due by one reading of the clock; then what a stop asks for. At its
 * end the reactor either asks to be called again, or says in its mailbox that it sleeps: from then
 * on whoever puts something in wakes it.
 */
#include <twine/reactor/reactor_internal.h>

#include <assert.h>
#include <errno.h>
#include <twine/base/check_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/search_internal.h>
#include <twine/base/self_internal.h>
#include <twine/threads/frame_internal.h>

/* A batch: so many calls, or so long. Then I/O and timers get
 * their turn (measured: a million calls delay I/O by some 0.1 ms, and cost nothing more in all). */
#define BATCH_CALLS 128
#define BATCH_TIME TW_MILLISECOND

/* How long a pass may go on looking for results that come home, before I/O gets its turn. */
#define LONGEST_LOOK (100 * TW_MICROSECOND)

#define POOL_SIZE 10
#define SHUTDOWN_TIMEOUT (30 * TW_SECOND)

static void move_state(struct tw__reactor_common *common, enum tw__reactor_state to)
{
    TW__CHECK(to > common->state && (to == common->state + 1 || to == REACTOR_STOPPED));
    common->state = to;
}

/* --- timers and keeping alive ----------------------------------------------------------------- */

static void update_alive(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    bool is_alive = common->state != REACTOR_STOPPED && (common->away_count || common->heap.count ||
                                                         common->calls || common->wants_stop);
    if (is_alive == common->is_alive)
        return;
    common->is_alive = is_alive;
    reactor->_ops->set_alive(reactor, is_alive);
}

static void update_timer(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__timer *top = tw__timer_heap_top(&common->heap);
    uint64_t deadline = top && top->deadline < common->bell ? top->deadline : common->bell;
    int rc;
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
    update_timer(reactor);
    update_alive(reactor);
    return rc;
}

void tw__reactor_clear_timer(struct tw_reactor *reactor, struct tw__timer *timer)
{
    if (tw__timer_is_in_heap(timer))
        tw__timer_heap_remove(&reactor->_common->heap, timer);
    update_timer(reactor);
    update_alive(reactor);
}

/* Wake the loop at a time, for nothing. */
static void set_bell(struct tw_reactor *reactor, uint64_t deadline)
{
    reactor->_common->bell = deadline;
    update_timer(reactor);
}

void tw__reactor_goes_out(struct tw_reactor *reactor, struct tw__away *away)
{
    struct tw__away *head = &reactor->_common->away;
    away->prev = head->prev;
    away->next = head;
    away->prev->next = away;
    head->prev = away;
    reactor->_common->away_count++;
    update_alive(reactor);
}

static void take_out(struct tw__reactor_common *common, struct tw__away *away)
{
    away->prev->next = away->next;
    away->next->prev = away->prev;
    away->next = away->prev = NULL;
    common->away_count--;
}

/* In a pass, whether the loop stays alive is looked at when it ends. */
void tw__reactor_is_home(struct tw_reactor *reactor, struct tw__away *away)
{
    take_out(reactor->_common, away);
    if (!reactor->_common->is_in_pass)
        update_alive(reactor);
}

/* --- starting --------------------------------------------------------------------------------- */

void tw__reactor_start_pool(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    common->is_pool_started = true;
    if (common->pool)
        tw_pool_set_limit(common->pool, common->pool_size);
}

static void start(struct tw_reactor *reactor)
{
    move_state(reactor->_common, REACTOR_RUNNING);
    tw__reactor_start_pool(reactor);
}

/* --- shutting down ---------------------------------------------------------------------------- */

static void pool_ended(struct tw_task *task, int status)
{
    struct tw__mailbox *mailbox = TW_CONTAINER(task, struct tw__mailbox, pool_ended);
    struct tw_reactor *reactor = status == 0 ? (struct tw_reactor *)mailbox->reactor : NULL;
    if (reactor)
        reactor->_common->has_pool_ended = true;
}

static void quit_pool(struct tw__reactor_common *common)
{
    if (!common->pool)
        return;
    tw_pool_quit(common->pool);
    tw_task_init(&common->mailbox->pool_ended, pool_ended);
    tw_pool_notify_end(common->pool, &common->mailbox->base, &common->mailbox->pool_ended);
}

/* Those that wait now: who waits again is not met twice. A reactor that has stopped lets nobody. */
static void cut_all_short(struct tw__reactor_common *common)
{
    struct tw__waiting now = common->waiting;
    if (now.next == &common->waiting)
        return;
    now.next->prev = now.prev->next = &now;
    common->waiting.next = common->waiting.prev = &common->waiting;
    while (now.next != &now)
        now.next->cut_short(now.next);
}

static void begin_shutdown(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    move_state(common, REACTOR_STOPPING);
    common->shutdown_deadline = tw_time_add(tw_clock_now(common->clock), common->shutdown_timeout);
    set_bell(reactor, common->shutdown_deadline);
    cut_all_short(common);
    quit_pool(common);
}

static void leave_all_behind(struct tw__reactor_common *common)
{
    while (common->away_count) {
        struct tw__away *away = common->away.next;
        take_out(common, away);
        away->left_behind(away);
    }
}

/* Nothing is accepted any more: what was accepted before is run, or, when the reactor goes, given
 * up. */
static void empty_mailbox(struct tw__reactor_common *common, int status)
{
    struct tw_task *task = common->calls;
    common->calls = NULL;
    tw__inbox_close(&common->mailbox->inbox);
    do {
        while (task) {
            struct tw_task *next = task->_next;
            int taken = tw_task_take(task);
            task->fn(task, taken < 0 ? taken : status);
            task = next;
        }
        task = tw__inbox_take(&common->mailbox->inbox);
    } while (task);
}

static void finish_shutdown(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    common->wants_stop = false;
    common->bell = TW_NEVER;
    empty_mailbox(common, 0);
    move_state(common, REACTOR_STOPPED);
    leave_all_behind(common);
    cut_all_short(common);
    update_alive(reactor);
}

/* The phase is held while a job is out, a coroutine still waits or the pool has not ended, with the
 * loop turning, but not for ever (R23). */
static void go_on_shutting_down(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    bool is_held = common->away_count || common->waiting.next != &common->waiting ||
                   (common->pool && !common->has_pool_ended);
    if (!is_held || tw_clock_now(common->clock) >= common->shutdown_deadline)
        finish_shutdown(reactor);
}

/* --- a pass ----------------------------------------------------------------------------------- */

/* Whether it is time to read the clock: after a few calls often, since they may be slow ones, and
 * after many seldom. */
static bool is_clock_due(unsigned ran)
{
    return ran % 16 == 0 || (ran & (ran - 1)) == 0;
}

/* Only what is there now: what these calls send waits for the next pass, and for I/O before it
 * (CFT-005, CFT-014). One call alone needs no clock. */
static void run_calls(struct tw__reactor_common *common)
{
    uint64_t until = 0, now;
    unsigned ran = 0;
    if (!common->calls)
        common->calls = tw__inbox_take(&common->mailbox->inbox);
    while (common->calls && ran < BATCH_CALLS) {
        struct tw_task *task = common->calls;
        common->calls = task->_next;
        task->_next = NULL;
        task->fn(task, tw_task_take(task));
        if (!is_clock_due(++ran) || !common->calls)
            continue;
        now = tw_clock_now(common->clock);
        if (!until)
            until = tw_time_add(now, BATCH_TIME);
        else if (now >= until)
            break;
    }
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
    if (common->calls || !common->away_count || common->wants_stop || has_calls(common) ||
        !tw__search(&common->search, has_calls, common))
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

/* Ask for another pass, or sleep. */
static void end_pass(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    common->is_in_pass = false;
    update_alive(reactor);
    update_timer(reactor);
    if (common->calls ||
        (!tw__inbox_sleep(&common->mailbox->inbox) && tw__inbox_has_tasks(&common->mailbox->inbox)))
        reactor->_ops->again(reactor);
}

void tw_reactor_pass(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__frame frame;
    atomic_store_explicit(&common->thread, tw__self(), memory_order_relaxed);
    if (common->state == REACTOR_STOPPED)
        return;
    if (common->state == REACTOR_NEW && !common->is_turning)
        start(reactor);
    common->refs++; /* a call may let go of the last reference */
    common->is_in_pass = true;
    tw__frame_push(&frame, TW__FRAME_LOCKED, &common->mailbox->base);
    run_calls_that_come(common);
    run_timers(common);
    if (common->wants_stop && common->state == REACTOR_RUNNING)
        begin_shutdown(reactor);
    if (common->state == REACTOR_STOPPING)
        go_on_shutting_down(reactor);
    tw__frame_pop(&frame);
    end_pass(reactor);
    tw_reactor_unref(reactor);
}

void tw_reactor_woken(struct tw_reactor *reactor)
{
    tw__wake_fd_read(&reactor->_common->mailbox->wake);
}

int tw_reactor_wake_fd(struct tw_reactor *reactor)
{
    return reactor->_common->mailbox->wake.to_read;
}

/* --- turning ---------------------------------------------------------------------------------- */

int tw__reactor_turn(struct tw_reactor *reactor, bool block, const char *who)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw__frame frame;
    int rc;
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

int tw_reactor_run(struct tw_reactor *reactor)
{
    static const char refusal[] = "tw_reactor_run: the loop is turning already";
    struct tw__reactor_common *common;
    int rc = 0;
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_run: needs a reactor");
    common = reactor->_common;
    if (common->is_turning || common->is_in_pass)
        return tw__misuse(-EDEADLK, refusal);
    if (common->state >= REACTOR_STOPPING)
        return -ESHUTDOWN;
    if (common->state == REACTOR_NEW)
        start(reactor);
    while (rc >= 0 && common->state != REACTOR_STOPPED)
        rc = tw__reactor_turn(reactor, true, refusal);
    return rc;
}

int tw_reactor_stop(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common;
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_stop: needs a reactor");
    common = reactor->_common;
    if (common->state != REACTOR_RUNNING || common->wants_stop)
        return -ESRCH;
    common->wants_stop = true;
    update_alive(reactor);
    reactor->_ops->again(reactor);
    return 0;
}

int tw_reactor_iterate(struct tw_reactor *reactor, int64_t timeout)
{
    struct tw__reactor_common *common;
    bool has_bell = timeout > 0 && timeout != TW_FOREVER;
    int rc;
    if (!reactor || timeout < 0)
        return tw__misuse(-EINVAL,
                          "tw_reactor_iterate: needs a reactor, and a timeout of 0 or more");
    common = reactor->_common;
    if (has_bell) {
        uint64_t until = tw_time_add(tw_clock_now(common->clock), timeout);
        if (until < common->bell)
            set_bell(reactor, until);
    }
    rc = tw__reactor_turn(reactor, timeout > 0, "tw_reactor_iterate: the loop is turning already");
    if (has_bell)
        set_bell(reactor, common->state == REACTOR_STOPPING ? common->shutdown_deadline : TW_NEVER);
    return rc;
}

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
           ops->set_alive && ops->turn && ops->destroy);
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
    common->pool_size = POOL_SIZE;
    common->shutdown_timeout = SHUTDOWN_TIMEOUT;
    reactor->_ops = ops;
    reactor->_common = common;
    return 0;
}

void tw_reactor_done(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    void *block;
    if (common->resolver)
        common->resolver_destroy(common->resolver);
    while ((block = common->blocks.first)) {
        common->blocks.first = *(void **)block;
        tw__free(block);
    }
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
    if (common->state < REACTOR_STOPPING && common->pool)
        tw_pool_quit(common->pool);
    if (common->state != REACTOR_STOPPED)
        move_state(common, REACTOR_STOPPED);
    leave_all_behind(common);
    cut_all_short(common);
    empty_mailbox(common, -ESHUTDOWN);
    while ((timer = tw__timer_heap_top(&common->heap))) {
        tw__timer_heap_remove(&common->heap, timer);
        tw__delayed_call_drop(timer);
    }
    tw_pool_unref(common->pool);
}

struct tw_reactor *tw_reactor_unref(struct tw_reactor *reactor)
{
    if (!reactor || --reactor->_common->refs > 0)
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
