/*
 * What the common half of a reactor asks of a plug-in: one of the tests' own, whose timer rings
 * once, and whose waiting is a look at what it would have waited for.
 */
#include "../harness.h"
#include <poll.h>
#include <twine/reactor/reactor_ops.h>

SUITE("plug-in")

static struct {
    struct tw_reactor base;
    struct tw_clock *clock;
    uint64_t deadline;     /* what set_timer was told, until it has rung */
    uint64_t waited_until; /* by the last turn that had nothing to do */
    bool must_pass, is_alive;
} own;

static struct tw_reactor *const reactor = &own.base;
static struct tw_worker *pool; /* a memory worker */

static int set_timer(struct tw_reactor *self, uint64_t deadline)
{
    (void)self;
    own.deadline = deadline;
    return 0;
}

static void again(struct tw_reactor *self)
{
    (void)self;
    own.must_pass = true;
}

static void set_alive(struct tw_reactor *self, bool alive)
{
    (void)self;
    own.is_alive = alive;
}

static uint64_t now(void)
{
    return tw_clock_now(own.clock);
}

static void wait_for_the_timer(void)
{
    own.waited_until = own.deadline;
    if (own.deadline != TW_NEVER && own.deadline > now())
        tw_test_clock_advance(own.clock, tw_time_between(now(), own.deadline));
}

static int turn(struct tw_reactor *self, bool block)
{
    struct pollfd wake = {tw_reactor_wake_fd(self), POLLIN, 0};
    bool is_woken = poll(&wake, 1, 0) > 0, must_pass = own.must_pass || is_woken;
    if (is_woken)
        tw_reactor_woken(self);
    if (block && !must_pass)
        wait_for_the_timer();
    if (own.deadline <= now()) {
        own.deadline = TW_NEVER;
        must_pass = true;
    }
    own.must_pass = false;
    if (must_pass)
        tw_reactor_pass(self);
    return 0;
}

static void destroy(struct tw_reactor *self)
{
    tw_reactor_done(self);
    own.clock = tw_test_clock_unref(own.clock);
}

static const struct tw_reactor_ops ops = {
    sizeof ops, "by hand", set_timer, again, set_alive, tw_reactor_watch_none, turn, destroy};

static void set_up(void)
{
    memset(&own, 0, sizeof own);
    own.deadline = TW_NEVER;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&own.clock), 0);
    CU_ASSERT_EQUAL_FATAL(tw_reactor_init(&own.base, &ops, own.clock), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
}

static void tear_down(void)
{
    tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
}

static void turn_once(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0);
}

static void count(void *counter)
{
    ++*(int *)counter;
}

static void nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* --- the timer -------------------------------------------------------------------------------- */

static struct tw_delayed_call *early, *late;

static void move_the_late_one(void *calls)
{
    int64_t by = tw_time_between(tw_delayed_call_time(late), tw_delayed_call_time(early));
    CU_ASSERT_EQUAL(tw_delayed_call_delay(late, by), 0);
    count(calls);
}

/* A timer that has rung is set to nothing: a call moved, in the pass, to the very time it rang at
 * has it set anew, and runs. */
TEST(timer_is_set_again_once_it_has_rung)
{
    int calls = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 20, move_the_late_one, &calls, NULL, &early), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 500, count, &calls, NULL, &late), 0);
    turn_once();
    CU_ASSERT_EQUAL(now(), 20);
    CU_ASSERT_EQUAL(calls, 1);
    CU_ASSERT_EQUAL(own.deadline, 20);
    turn_once();
    CU_ASSERT_EQUAL(now(), 20);
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(own.deadline, TW_NEVER);
    early = tw_delayed_call_unref(early);
    late = tw_delayed_call_unref(late);
    tear_down();
}

static void take_long(void *calls)
{
    count(calls);
    tw_test_clock_advance(own.clock, 5 * TW_MILLISECOND);
}

static void note_time(void *ret_time)
{
    *(uint64_t *)ret_time = now();
}

/* R20: a batch ends in time when its calls are slow ones: of a hundred that take 5 ms each only a
 * few run before a timer that has come due. */
TEST(R20_slow_calls_do_not_hold_up_timers)
{
    uint64_t due = 20 * TW_MILLISECOND, ran = 0;
    int calls = 0, i;
    set_up();
    for (i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, take_long, &calls, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, (int64_t)due, note_time, &ran, NULL, NULL), 0);
    for (i = 0; i < 100 && !ran; i++)
        turn_once();
    CU_ASSERT_TRUE(ran >= due && ran <= due + 15 * TW_MILLISECOND);
    CU_ASSERT_TRUE(calls >= 4 && calls <= 7);
    for (i = 0; i < 100 && calls < 100; i++)
        turn_once();
    CU_ASSERT_EQUAL(calls, 100);
    tear_down();
}

/* --- how long a turn waits -------------------------------------------------------------------- */

/* RCT-017: iterate waits for as long as it is told, whether the loop has started or not, and leaves
 * no timer behind. */
TEST(RCT_017_iterate_waits_for_its_timeout)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 10), 0);
    CU_ASSERT_EQUAL(own.waited_until, 10);
    CU_ASSERT_EQUAL(own.deadline, TW_NEVER);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    tw_reactor_pass(reactor); /* as a loop that is not ours would: that starts it */
    CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 7), 0);
    CU_ASSERT_EQUAL(own.waited_until, 17);
    CU_ASSERT_EQUAL(own.deadline, TW_NEVER);
    tear_down();
}

/* RCT-021: a wait ends with the next delayed call, however far away that is. */
TEST(RCT_021_wait_ends_with_the_next_call)
{
    int calls = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_FOREVER - 1, count, &calls, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 50, count, &calls, NULL, NULL), 0);
    turn_once();
    CU_ASSERT_EQUAL(own.waited_until, 50);
    CU_ASSERT_EQUAL(calls, 1);
    turn_once();
    CU_ASSERT_EQUAL(own.waited_until, (uint64_t)(TW_FOREVER - 1));
    CU_ASSERT_EQUAL(calls, 2);
    tear_down();
}

/* RCT-022: with nothing scheduled it has no end of its own. */
TEST(RCT_022_wait_without_an_end)
{
    set_up();
    turn_once();
    CU_ASSERT_EQUAL(own.waited_until, TW_NEVER);
    tear_down();
}

/* RCT-017, R23: so it does while the reactor shuts down, which has longer to wait; the end of that
 * wait stands afterwards. */
TEST(RCT_017_iterate_waits_for_its_timeout_while_stopping)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 1000), 0);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, nothing, NULL, NULL, NULL), 0);
    tw_reactor_pass(reactor);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    turn_once();
    CU_ASSERT_EQUAL(own.deadline, 1000);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 10), 0);
    CU_ASSERT_EQUAL(own.waited_until, 10);
    CU_ASSERT_EQUAL(own.deadline, 1000);
    CU_ASSERT_TRUE(own.is_alive);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    turn_once();
    CU_ASSERT_FALSE(own.is_alive);
    CU_ASSERT_EQUAL(now(), 10);
    CU_ASSERT_EQUAL(own.deadline, TW_NEVER);
    tear_down();
}

/* --- keeping the loop alive ------------------------------------------------------------------- */

/* R22: a job keeps the loop alive until it is home. */
TEST(R22_job_keeps_the_loop_alive)
{
    set_up();
    CU_ASSERT_FALSE(own.is_alive);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, nothing, NULL, NULL, NULL), 0);
    CU_ASSERT_TRUE(own.is_alive);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_TRUE(own.is_alive);
    turn_once();
    CU_ASSERT_FALSE(own.is_alive);
    tear_down();
}

/* R22: one that its pool refuses does not, outside a pass as inside. */
TEST(R22_refused_job_does_not_keep_the_loop_alive)
{
    set_up();
    CU_ASSERT_EQUAL(tw_worker_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, nothing, NULL, NULL, NULL), -ESHUTDOWN);
    CU_ASSERT_FALSE(own.is_alive);
    tear_down();
}

/* R22: a call in a thread keeps it alive too, though nobody waits for its result. */
TEST(R22_call_in_thread_keeps_the_loop_alive)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, nothing, NULL, NULL), 0);
    CU_ASSERT_TRUE(own.is_alive);
    turn_once();
    CU_ASSERT_TRUE(own.is_alive);
    tear_down();
}
