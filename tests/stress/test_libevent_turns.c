/*
 * Turning a libevent reactor: the reactor's own turns and the user's, one after the other on one
 * base, and when each of them ends.
 */
#include "on_libevent.h"
#include <sched.h>

SUITE_WITH_THREADS("libevent turns")

static uint64_t now(void)
{
    return tw_clock_now(tw_clock_monotonic());
}

static void count(void *counter)
{
    ++*(int *)counter;
}

/* Work that leaves its argument, and a callback that counts it. */
static void work(struct tw_result *result, void *arg)
{
    sched_yield();
    tw_result_set(result, arg, NULL);
}

static void count_result(struct tw_result *result, void *counter)
{
    if (tw_result_value(result))
        count(counter);
    tw_result_set(result, NULL, NULL);
}

static struct tw_deferred *send_out(int *homes)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_defer_to_thread(reactor, work, homes, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, count_result, homes, NULL), 0);
    return deferred;
}

/* --- our own turns ---------------------------------------------------------------------------- */

enum { MANY = 1000000, FEW = 1000 };

static void call_again(void *counter)
{
    count(counter);
    if (*(int *)counter < MANY)
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, call_again, counter, NULL), 0);
}

/* RCT-017, CFT-005: a turn ends though a call sends itself again each time, and the next goes on
 * with it. */
TEST(RCT_017_turn_ends_though_calls_repeat_themselves)
{
    int calls = 0, before, i, adopted;
    for (adopted = 0; adopted < 2; adopted++) {
        if (adopted)
            adopt();
        else
            own();
        calls = 0;
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, call_again, &calls, NULL), 0);
        for (i = 0; i < 10; i++) {
            before = calls;
            CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, i % 2 ? TW_SECOND : 0), 0);
            CU_ASSERT(calls > before && calls < before + FEW);
        }
        if (adopted)
            drop_both();
        else
            reactor = tw_reactor_unref(reactor);
    }
}

static struct tw_delayed_call *early, *late;

static void move_the_late_one(void *calls)
{
    int64_t by = tw_time_between(tw_delayed_call_time(late), tw_delayed_call_time(early));
    CU_ASSERT_EQUAL(tw_delayed_call_delay(late, by), 0);
    count(calls);
}

static void stop(void *calls)
{
    count(calls);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

/* TIM-014: a call moved to the very time for which the timer has just rung still runs. */
TEST(TIM_014_call_moved_to_the_time_that_has_come)
{
    int calls = 0;
    own();
    CU_ASSERT_EQUAL(
        tw_reactor_call_later(reactor, TW_MILLISECOND, move_the_late_one, &calls, NULL, &early), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 3600 * TW_SECOND, stop, &calls, NULL, &late), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(calls, 2);
    early = tw_delayed_call_unref(early);
    late = tw_delayed_call_unref(late);
    reactor = tw_reactor_unref(reactor);
}

/* RCT-017: on a base of the user's, which has still to start the reactor, iterate waits for its
 * timeout all the same. */
TEST(RCT_017_iterate_waits_on_a_base_that_has_not_started)
{
    int i;
    adopt();
    for (i = 0; i < 3; i++) {
        uint64_t before = now();
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 2 * TW_MILLISECOND), 0);
        CU_ASSERT(now() - before >= (uint64_t)(2 * TW_MILLISECOND));
        CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    }
    drop_both();
}

/* --- then the user's -------------------------------------------------------------------------- */

static void iterate_first(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_MILLISECOND), 0);
}

static void wait_first(void)
{
    int homes = 0;
    struct tw_deferred *deferred = send_out(&homes);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, NULL), 0);
    CU_ASSERT_EQUAL(homes, 1);
    tw_deferred_unref(deferred);
}

/* R22: turns of the reactor's own start nothing, and the user's loop starts it by its first turn
 * after them as well: jobs run, and come home. */
TEST(R22_users_loop_starts_the_reactor_after_turns_of_its_own)
{
    void (*const first[])(void) = {iterate_first, wait_first};
    size_t i;
    for (i = 0; i < sizeof first / sizeof first[0]; i++) {
        int homes = 0;
        adopt();
        first[i]();
        CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
        tw_deferred_unref(send_out(&homes));
        CU_ASSERT(event_base_dispatch(base) >= 0);
        CU_ASSERT_EQUAL(homes, 1);
        CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
        first[i]();
        CU_ASSERT(event_base_dispatch(base) >= 0);
        drop_both();
    }
}

/* R22: after such a turn an idle reactor still does not keep the user's loop. */
TEST(R22_idle_reactor_does_not_keep_the_loop_after_a_turn)
{
    adopt();
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
    drop_both();
}

static void send_and_be_refused(evutil_socket_t fd, short what, void *pool)
{
    (void)fd;
    (void)what;
    CU_ASSERT_EQUAL(
        tw_defer_to_pool(reactor, tw_pool_worker((struct tw_pool *)pool), work, NULL, NULL, NULL),
        -ESHUTDOWN);
}

/* R22: a job that its pool refuses, in a callback of the user's, does not keep the loop. */
TEST(R22_refused_job_does_not_keep_the_loop)
{
    struct timeval soon = {0, 1000};
    struct tw_pool *pool = NULL;
    adopt();
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, NULL, &pool), 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(event_base_once(base, -1, EV_TIMEOUT, send_and_be_refused, pool, &soon), 0);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    tw_pool_unref(pool);
    drop_both();
}

static int calls_home;

static void call_home(struct tw_result *result, void *arg)
{
    int i;
    (void)result;
    for (i = 0; i < 20; i++)
        sched_yield();
    if (tw_reactor_call_from_thread(reactor, count, arg, NULL) < 0)
        abort();
}

/* RTP-006, R22: a call in a thread keeps the user's loop until it is done, so that what it calls
 * there is called. */
TEST(R22_call_in_thread_keeps_the_loop)
{
    int round;
    adopt();
    for (round = 0; round < 100; round++) {
        calls_home = 0;
        CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, call_home, &calls_home, NULL), 0);
        CU_ASSERT(event_base_dispatch(base) >= 0);
        CU_ASSERT_EQUAL(calls_home, 1);
    }
    drop_both();
}

/* --- timers under load ------------------------------------------------------------------------ */

enum { TICKS = 200 };
static int ticks, early_ticks;
static uint64_t due;

static void tick(void *arg)
{
    int64_t delay = 3 * TW_MILLISECOND + ticks * INT64_C(7919) % TW_MILLISECOND;
    early_ticks += now() < due;
    if (++ticks == TICKS) {
        CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
        return;
    }
    due = now() + (uint64_t)delay;
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, delay, tick, arg, NULL, NULL), 0);
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* TIM-001: no delayed call is lost, however often the user's own timers wake the loop before it is
 * due. (libevent's clock is a coarse one, and rings too early on the portable path.) */
TEST(TIM_001_timers_of_the_users_lose_no_delayed_call)
{
    struct timeval often = {0, 300};
    struct event *event;
    adopt();
    ticks = early_ticks = 0;
    due = 0;
    event = event_new(base, -1, EV_PERSIST, nothing, NULL);
    CU_ASSERT_EQUAL(event_add(event, &often), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1000, tick, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(ticks, TICKS);
    CU_ASSERT_EQUAL(early_ticks, 0);
    event_free(event);
    drop_both();
}

/* --- the user's ways to end a loop ------------------------------------------------------------ */

static void break_loop(void *arg)
{
    count(arg);
    event_base_loopbreak(tw_libevent_reactor_base(reactor));
}

static void exit_loop(void *arg)
{
    count(arg);
    event_base_loopexit(tw_libevent_reactor_base(reactor), NULL);
}

static void call(tw_action_fn action, void *arg)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, arg, NULL), 0);
}

/* loopbreak and loopexit end run, which may be called again. */
TEST(users_loopbreak_ends_run)
{
    int calls = 0;
    own();
    call(break_loop, &calls);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -EINTR);
    CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
    call(exit_loop, &calls);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -EINTR);
    call(stop, &calls);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(calls, 3);
    reactor = tw_reactor_unref(reactor);
}

/* They end the user's own dispatch, too, though the reactor has work left: that is done when the
 * loop is turned again. */
TEST(users_loopbreak_ends_dispatch)
{
    int calls = 0;
    adopt();
    call(break_loop, &calls);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 3600 * TW_SECOND, count, &calls, NULL, NULL), 0);
    CU_ASSERT_EQUAL(event_base_dispatch(base), 0);
    CU_ASSERT_TRUE(event_base_got_break(base));
    call(exit_loop, &calls);
    CU_ASSERT_EQUAL(event_base_dispatch(base), 0);
    CU_ASSERT_TRUE(event_base_got_exit(base));
    CU_ASSERT_EQUAL(calls, 2);
    drop_both();
}

static void hold(struct tw_trigger *trigger, void *ret_trigger)
{
    CU_ASSERT_EQUAL(tw_trigger_hold(trigger), 0);
    *(struct tw_trigger **)ret_trigger = tw_trigger_ref(trigger);
}

static void release(void *trigger)
{
    CU_ASSERT_EQUAL(tw_trigger_release((struct tw_trigger *)trigger), 0);
    tw_trigger_unref((struct tw_trigger *)trigger);
}

/* A shutdown that was broken off is gone on with by the next run. */
TEST(users_loopbreak_in_a_shutdown)
{
    struct tw_trigger *holds = NULL;
    int calls = 0;
    own();
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, "shutdown", hold, &holds, NULL, NULL), 0);
    call(stop, &calls);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, break_loop, &calls, NULL, NULL),
                    0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -EINTR);
    call(release, holds);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(calls, 2);
    reactor = tw_reactor_unref(reactor);
}

/* --- when it is over, under the user's loop --------------------------------------------------- */

static void note_over(struct tw_trigger *trigger, void *counter)
{
    (void)trigger;
    count(counter);
}

/* R22: a trigger after shutdown tells when the reactor has finished, under the user's dispatch too;
 * and one after startup that it has started. */
TEST(R22_triggers_under_the_users_loop)
{
    int started = 0, over = 0, calls = 0;
    adopt();
    CU_ASSERT_EQUAL(tw_reactor_call_when_running(reactor, count, &started, NULL, NULL), 0);
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_AFTER, "shutdown", note_over, &over, NULL, NULL),
        0);
    CU_ASSERT_EQUAL(event_base_loop(base, EVLOOP_NONBLOCK) >= 0, 1);
    CU_ASSERT(started == 1 && over == 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, stop, &calls, NULL, NULL), 0);
    tw_deferred_unref(send_out(&calls));
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT_EQUAL(over, 1);
    CU_ASSERT_EQUAL(calls, 2);
    drop_both();
}

/* R22: a shutdown that a trigger holds keeps the user's loop, until the time is up. */
TEST(R22_held_shutdown_keeps_the_users_loop)
{
    struct tw_trigger *holds = NULL;
    int over = 0, calls = 0;
    adopt();
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 2 * TW_MILLISECOND), 0);
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, "shutdown", hold, &holds, NULL, NULL), 0);
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_AFTER, "shutdown", note_over, &over, NULL, NULL),
        0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, stop, &calls, NULL, NULL), 0);
    EXPECT_REPORTS(1);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT_EQUAL(over, 1);
    tw_trigger_unref(holds);
    drop_both();
}
