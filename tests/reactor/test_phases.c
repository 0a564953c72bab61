/*
 * Starting, stopping and crashing: the phases of startup and shutdown, and what the reactor does in
 * them.
 */
#include "../harness.h"

SUITE("phases")

static struct tw_reactor *reactor;
static struct tw_worker *pool; /* a memory worker */
static char text[1024];
static struct tw_trigger *kept;

static void set_up(void)
{
    text[0] = '\0';
    kept = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
}

static void tear_down(void)
{
    kept = tw_trigger_unref(kept);
    reactor = tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
}

#define WROTE(expected)                         \
    do {                                        \
        CU_ASSERT_STRING_EQUAL(text, expected); \
        text[0] = '\0';                         \
    } while (0)

static void write_text(const char *name)
{
    strcat(strcat(text, name), " ");
}

static void write_action(void *name)
{
    write_text((const char *)name);
}

static void write_name(struct tw_trigger *trigger, void *name)
{
    (void)trigger;
    write_text((const char *)name);
}

static void write_running(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    write_text(tw_reactor_is_running(reactor) ? "+" : "-");
}

static void hold(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_hold(trigger), 0);
    kept = tw_trigger_ref(trigger);
}

static void release(void *name)
{
    write_action(name);
    CU_ASSERT_EQUAL(tw_trigger_release(kept), 0);
}

static void add(enum tw_phase phase, const char *event, tw_trigger_fn fn, const char *name)
{
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, phase, event, fn, (void *)(uintptr_t)name, NULL, NULL), 0);
}

static void add_all(const char *event, tw_trigger_fn fn)
{
    add(TW_PHASE_BEFORE, event, fn, "before");
    add(TW_PHASE_DURING, event, fn, "during");
    add(TW_PHASE_AFTER, event, fn, "after");
}

static void call(tw_action_fn action, const char *name)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, (void *)(uintptr_t)name, NULL), 0);
}

static void later(tw_action_fn action, const char *name)
{
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, action, (void *)(uintptr_t)name, NULL, NULL),
                    0);
}

static void stop(void *name)
{
    write_action(name);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void crash(void *name)
{
    write_action(name);
    CU_ASSERT_EQUAL(tw_reactor_crash(reactor), 0);
}

static void run(void)
{
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

/* --- startup ---------------------------------------------------------------------------------- */

/* The reactor runs from during startup on. */
TEST(RCT_002_running_from_during_startup)
{
    set_up();
    add_all("startup", write_running);
    call(stop, "stop");
    run();
    WROTE("before - during + after + stop ");
    tear_down();
}

/* Calls queued before run are executed after all startup triggers. */
TEST(CFT_009_calls_come_after_startup)
{
    set_up();
    call(write_action, "call");
    call(stop, "stop");
    later(write_action, "timer");
    add_all("startup", write_name);
    run();
    WROTE("before during after call stop timer ");
    tear_down();
}

/* A trigger that holds the phase before startup does not block the loop: it turns, and the rest
 * comes when it is released. */
TEST(RCT_026_startup_is_held)
{
    set_up();
    add(TW_PHASE_BEFORE, "startup", hold, "held");
    add(TW_PHASE_DURING, "startup", write_running, "during");
    call(write_action, "call");
    later(release, "release");
    CU_ASSERT_EQUAL(
        tw_reactor_call_when_running(reactor, stop, (void *)(uintptr_t) "stop", NULL, NULL), 0);
    run();
    WROTE("held call release during + stop ");
    tear_down();
}

static void stop_from_trigger(struct tw_trigger *trigger, void *name)
{
    (void)trigger;
    stop(name);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
}

/* Stop is allowed from before startup on: the reactor starts, then stops. */
TEST(RCT_011_stop_before_startup)
{
    set_up();
    add(TW_PHASE_BEFORE, "startup", stop_from_trigger, "stop");
    add(TW_PHASE_DURING, "startup", write_running, "during");
    add(TW_PHASE_AFTER, "startup", write_running, "after");
    add(TW_PHASE_AFTER, "shutdown", write_running, "over");
    run();
    WROTE("stop during + after + over - ");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -ESHUTDOWN);
    tear_down();
}

static void turn_from_trigger(struct tw_trigger *trigger, void *name)
{
    PROVOKE_ERROR(tw_reactor_run(reactor), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EDEADLK);
    write_name(trigger, name);
}

/* Neither run nor iterate from a trigger, as from any callback. */
TEST(RCT_019_turning_from_a_trigger_is_refused)
{
    set_up();
    add_all("startup", turn_from_trigger);
    add_all("shutdown", turn_from_trigger);
    call(stop, "stop");
    run();
    WROTE("before during after stop before during after ");
    tear_down();
}

/* --- shutdown --------------------------------------------------------------------------------- */

/* It runs until during shutdown, whose triggers find it running no more. */
TEST(RCT_003_running_until_during_shutdown)
{
    set_up();
    add_all("shutdown", write_running);
    call(stop, "stop");
    run();
    WROTE("stop before + during - after - ");
    tear_down();
}

/* Shutdown is fired at the end of the step in which stop was called, or of the next one. */
TEST(RCT_008_shutdown_at_the_end_of_the_step)
{
    set_up();
    add(TW_PHASE_BEFORE, "shutdown", write_name, "before");
    tw_reactor_pass(reactor); /* as a loop that is not ours would: that starts it */
    call(stop, "stop");
    call(write_action, "call");
    later(write_action, "timer");
    pass();
    WROTE("stop call timer before ");
    tear_down();
    set_up();
    add(TW_PHASE_BEFORE, "shutdown", write_name, "before");
    tw_reactor_pass(reactor);
    stop((void *)(uintptr_t) "stop");
    WROTE("stop ");
    pass();
    WROTE("before ");
    tear_down();
}

/* All three phases run before run returns, once. */
TEST(RCT_009_all_phases_before_run_returns)
{
    set_up();
    add_all("shutdown", write_name);
    call(stop, "stop");
    run();
    WROTE("stop before during after ");
    pass();
    WROTE("");
    tear_down();
}

/* While a trigger holds the phase before shutdown the loop keeps turning: timers and calls go on. */
TEST(RCT_010_loop_turns_while_shutdown_is_held)
{
    set_up();
    add(TW_PHASE_BEFORE, "shutdown", hold, "held");
    add(TW_PHASE_DURING, "shutdown", write_name, "during");
    tw_reactor_pass(reactor);
    stop((void *)(uintptr_t) "stop");
    pass();
    call(write_action, "call");
    later(write_action, "timer");
    pass();
    pass();
    WROTE("stop held call timer ");
    release((void *)(uintptr_t) "release");
    WROTE("release ");
    pass();
    WROTE("during ");
    tear_down();
}

/* R23: a trigger may hold the phase during shutdown too, and the one after it. */
TEST(R23_trigger_holds_during_shutdown)
{
    set_up();
    add(TW_PHASE_DURING, "shutdown", hold, "during");
    add(TW_PHASE_AFTER, "shutdown", write_name, "after");
    tw_reactor_pass(reactor);
    stop((void *)(uintptr_t) "stop");
    pass();
    pass();
    WROTE("stop during ");
    release((void *)(uintptr_t) "release");
    pass();
    WROTE("release after ");
    tear_down();
}

/* R23: but not for ever: when the shutdown timeout has passed nothing holds it. */
TEST(R23_shutdown_is_held_until_its_timeout)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 100), 0);
    add(TW_PHASE_BEFORE, "shutdown", hold, "before");
    add(TW_PHASE_DURING, "shutdown", write_name, "during");
    add(TW_PHASE_AFTER, "shutdown", write_name, "after");
    tw_reactor_pass(reactor);
    stop((void *)(uintptr_t) "stop");
    pass();
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 99), 0);
    WROTE("stop before ");
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 1), 0);
    WROTE("during after ");
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, write_action, NULL, NULL), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_trigger_release(kept), 0);
    tear_down();
}

static void nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void handle(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, NULL);
}

/* One warning says all that was cut off. With a timeout of 0 that was asked for, and there is none. */
TEST(a_shutdown_that_runs_out_of_time_says_what_it_left_behind)
{
    int timeout;
    for (timeout = 10; timeout >= 0; timeout -= 10) {
        struct tw_pool *own = NULL;
        struct tw_deferred *deferred = NULL;
        set_up();
        CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, timeout), 0);
        add(TW_PHASE_BEFORE, "shutdown", hold, "before");
        CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &own), 0);
        CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, nothing, NULL, NULL, &deferred), 0);
        CU_ASSERT_EQUAL(tw_deferred_add_errback(deferred, handle, NULL, NULL), 0);
        tw_deferred_unref(deferred);
        tw_reactor_pass(reactor);
        CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
        pass();
        CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, timeout), 0);
        CU_ASSERT_EQUAL(tw_trigger_release(kept), 0);
        CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
        tear_down();
        EXPECT_REPORTS(timeout != 0);
    }
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_STRING_EQUAL(harness_report(0)->text,
                           "a reactor's shutdown has run out of time; left behind: triggers that "
                           "hold it, jobs that are out, its pool");
}

/* R23: a job that is out holds the phase during shutdown, and after it all is home. */
TEST(R23_after_shutdown_all_is_home)
{
    set_up();
    add_all("shutdown", write_name);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, nothing, NULL, NULL, NULL), 0);
    tw_reactor_pass(reactor);
    stop((void *)(uintptr_t) "stop");
    pass();
    WROTE("stop before during ");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    pass();
    WROTE("after ");
    tear_down();
}

static void call_in_shutdown(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    call(write_action, "call");
}

/* CFT-012: a call made by a trigger before shutdown is executed, whether the phase is held or not:
 * at the latest when the mailbox is closed. */
TEST(CFT_012_call_made_before_shutdown)
{
    set_up();
    add(TW_PHASE_BEFORE, "shutdown", call_in_shutdown, "before");
    add(TW_PHASE_AFTER, "shutdown", write_name, "after");
    call(stop, "stop");
    run();
    WROTE("stop before after call ");
    tear_down();
}

static void use_pool(struct tw_trigger *trigger, void *expected)
{
    struct tw_pool *own = NULL;
    (void)trigger;
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &own), (int)(intptr_t)expected);
}

/* RTP-012: its pool can be used by triggers before shutdown; it is quit before user triggers run
 * during shutdown, and has ended in those after it. */
TEST(RTP_012_pool_in_the_phases_of_shutdown)
{
    struct tw_pool *own = NULL;
    set_up();
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, "shutdown", use_pool, NULL, NULL, NULL),
        0);
    CU_ASSERT_EQUAL(tw_reactor_add_trigger(reactor, TW_PHASE_DURING, "shutdown", use_pool,
                                           (void *)(intptr_t)-ESHUTDOWN, NULL, NULL),
                    0);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &own), 0);
    tw_pool_ref(own);
    call(stop, "stop");
    run();
    CU_ASSERT_EQUAL(tw_pool_join(own, 0), 0);
    tw_pool_unref(own);
    tear_down();
}

/* --- crash ------------------------------------------------------------------------------------ */

/* Crash leaves the loop at the end of the turn, and calls no shutdown trigger. */
TEST(RCT_012_crash_calls_no_trigger)
{
    set_up();
    add_all("shutdown", write_name);
    call(crash, "crash");
    call(write_action, "behind");
    run();
    WROTE("crash behind ");
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    tear_down();
}

/* After it run may be called again; what was added for startup since then runs. */
TEST(RCT_013_run_after_crash)
{
    set_up();
    add(TW_PHASE_BEFORE, "startup", write_name, "first");
    call(crash, "crash");
    run();
    WROTE("first crash ");
    CU_ASSERT_EQUAL(tw_reactor_call_when_running(reactor, write_action,
                                                 (void *)(uintptr_t) "second", NULL, NULL),
                    0);
    add(TW_PHASE_AFTER, "shutdown", write_running, "over");
    call(stop, "stop");
    run();
    WROTE("second stop over - ");
    tear_down();
}

/* Crash before run, or twice, is accepted, and harms no later run. */
TEST(RCT_014_crash_before_run)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_crash(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_crash(reactor), 0);
    call(crash, "crash");
    call(crash, "again");
    run();
    WROTE("crash again ");
    CU_ASSERT_EQUAL(tw_reactor_crash(reactor), 0);
    call(stop, "stop");
    run();
    WROTE("stop ");
    CU_ASSERT_EQUAL(tw_reactor_crash(reactor), -ESHUTDOWN);
    tear_down();
}

/* Stop after a crash is accepted, and then it cannot be run any more; a turn shuts it down. */
TEST(RCT_015_stop_after_crash)
{
    set_up();
    add_all("shutdown", write_name);
    call(crash, "crash");
    run();
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -ESHUTDOWN);
    WROTE("crash ");
    pass();
    WROTE("before during after ");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -ESHUTDOWN);
    tear_down();
}

/* Timers and calls that wait survive a crash. */
TEST(RCT_016_timers_and_calls_survive_a_crash)
{
    set_up();
    call(crash, "crash");
    CU_ASSERT_EQUAL(
        tw_reactor_call_later(reactor, 10, write_action, (void *)(uintptr_t) "timer", NULL, NULL),
        0);
    run();
    call(write_action, "call");
    WROTE("crash ");
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 10), 0);
    WROTE("call timer ");
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    tear_down();
}

static void crash_from_trigger(struct tw_trigger *trigger, void *name)
{
    (void)trigger;
    crash(name);
}

/* One in the middle of startup breaks it off: what was to come waits for the next run. */
TEST(RCT_013_crash_in_startup)
{
    set_up();
    add(TW_PHASE_BEFORE, "startup", crash_from_trigger, "crash");
    add(TW_PHASE_BEFORE, "startup", write_name, "before");
    add(TW_PHASE_DURING, "startup", write_running, "during");
    run();
    WROTE("crash before ");
    call(stop, "stop");
    run();
    WROTE("during + stop ");
    tear_down();
}

/* RTP-013: the pool survives a crash, and is still the same in the next run. */
TEST(RTP_013_pool_survives_a_crash)
{
    struct tw_pool *before = NULL, *after = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &before), 0);
    call(crash, "crash");
    run();
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &after), 0);
    CU_ASSERT_PTR_EQUAL(before, after);
    CU_ASSERT_FALSE(tw_team_has_quit(tw_pool_team(after)));
    CU_ASSERT_EQUAL(tw_pool_limit(after), 10);
    call(stop, "stop");
    run();
    tear_down();
}

/* --- iterate ---------------------------------------------------------------------------------- */

/* It works before run and after stop; it starts nothing. */
TEST(RCT_018_iterate_before_run_and_after_stop)
{
    set_up();
    add_all("startup", write_name);
    call(write_action, "call");
    pass();
    WROTE("call ");
    call(stop, "stop");
    run();
    WROTE("before during after stop ");
    pass();
    tear_down();
}

/* One turn: calls that were there, timers that are due, then shutdown if it was asked for. */
TEST(RCT_020_order_of_a_turn)
{
    set_up();
    add(TW_PHASE_BEFORE, "shutdown", write_name, "shutdown");
    tw_reactor_pass(reactor);
    later(stop, "timer");
    call(write_action, "call");
    pass();
    WROTE("call timer shutdown ");
    tear_down();
}
