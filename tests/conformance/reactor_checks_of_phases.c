/*
 * What every reactor promises of starting and stopping, by its own run and under a loop of the
 * user's.
 */
#include "stage_internal.h"

/* --- run ---------------------------------------------------------------------------------------- */

static void stop_it(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    EXPECT(stage, tw_reactor_is_running(stage->reactor), "it does not run inside run");
    note(letter(stage, 's'));
    stage_stop(stage);
}

static void stop_soon(struct stage *stage)
{
    int rc = tw_reactor_call_later(stage->reactor, 0, stop_it, stage, NULL, NULL);
    EXPECT(stage, rc == 0, "a delayed call was refused");
}

static void run(struct stage *stage)
{
    stage->is_in_run = true;
    EXPECT(stage, tw_reactor_run(stage->reactor) == 0, "run was not answered with 0");
    stage->is_in_run = false;
}

static void runs_until_stopped(struct stage *stage)
{
    stage_call(stage, 'a');
    stop_soon(stage);
    run(stage);
    stage_expect(stage, "as", "run did not do what was there, or did not end when stopped");
    EXPECT(stage, !tw_reactor_is_running(stage->reactor), "it runs after it was stopped");
}

static void run_inside(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    stage->answers[0] = tw_reactor_run(stage->reactor);
    stage->answers[1] = tw_reactor_iterate(stage->reactor, 0);
    note(letter(stage, 'a'));
}

static void nested_run_is_refused(struct stage *stage)
{
    int rc = tw_reactor_call_from_thread(stage->reactor, run_inside, stage, NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
    stage_await(stage, 1);
    EXPECT(stage, stage->answers[0] == -EDEADLK, "run inside a turn was not refused");
    EXPECT(stage, stage->answers[1] == -EDEADLK, "iterate inside a turn was not refused");
}

static void runs_only_once(struct stage *stage)
{
    struct tw_reactor *reactor = stage->reactor;
    stop_soon(stage);
    run(stage);
    EXPECT(stage, tw_reactor_run(reactor) == -ESHUTDOWN,
           "a second run was not answered with -ESHUTDOWN");
    EXPECT(stage,
           tw_reactor_call_from_thread(reactor, note, letter(stage, 'x'), NULL) == -ESHUTDOWN,
           "a call from a thread after the end was not refused");
    EXPECT(stage,
           tw_reactor_call_later(reactor, 0, note, letter(stage, 'x'), NULL, NULL) == -ESHUTDOWN,
           "a delayed call after the end was not refused");
    stage_turn_often(stage);
    stage_expect(stage, "s", "something was called after the end");
}

static void crash(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'c'));
    EXPECT(stage, tw_reactor_crash(stage->reactor) == 0, "a crash was refused");
}

static void may_run_again_after_a_crash(struct stage *stage)
{
    int rc = tw_reactor_call_from_thread(stage->reactor, crash, stage, NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
    rc = tw_reactor_call_later(stage->reactor, stage_patience(stage), stage_give_up, stage, NULL,
                               &stage->calls[3]);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    stage_trigger(stage, TW_PHASE_BEFORE, "shutdown", 'z');
    run(stage);
    stage_expect(stage, "c", "a crash did not leave the loop as it was");
    EXPECT(stage, !tw_reactor_is_running(stage->reactor), "it runs after a crash");
    stop_soon(stage);
    run(stage);
    stage_expect(stage, "csz", "it could not be run again after a crash");
}

/* --- iterate ------------------------------------------------------------------------------------- */

static void iterate_starts_nothing(struct stage *stage)
{
    stage_trigger(stage, TW_PHASE_BEFORE, "startup", 'x');
    stage_call(stage, 'a');
    stage_later(stage, 0, 'b');
    stage_await(stage, 2);
    stage_turn_often(stage);
    stage_expect(stage, "ab", "iterate did not do what was there, and nothing else");
    EXPECT(stage, !tw_reactor_is_running(stage->reactor), "iterate started it");
}

static void iterate_ends_in_time(struct stage *stage)
{
    uint64_t begin = stage_now(stage);
    int i;
    for (i = 0; i < 5; i++)
        EXPECT(stage, tw_reactor_iterate(stage->reactor, TW_MILLISECOND) == 0,
               "iterate was not answered with 0");
    EXPECT(stage, tw_time_between(begin, stage_now(stage)) < 10 * TW_SECOND,
           "iterate waited for longer than it was told");
}

/* --- starting and stopping ----------------------------------------------------------------------- */

static void stop_answers(struct stage *stage)
{
    stage->answers[0] = tw_reactor_stop(stage->reactor);
    stage_trigger(stage, TW_PHASE_AFTER, "shutdown", 'z');
    stage_start(stage);
    stage->answers[1] = tw_reactor_stop(stage->reactor);
    stage->answers[2] = tw_reactor_stop(stage->reactor);
    stage_await(stage, 1);
    stage->answers[3] = tw_reactor_stop(stage->reactor);
    EXPECT(stage, stage->answers[0] == -ESRCH, "a stop before the start was not refused");
    EXPECT(stage, stage->answers[1] == 0, "a stop was refused");
    EXPECT(stage, stage->answers[2] == -ESRCH, "a second stop was not refused");
    EXPECT(stage, stage->answers[3] == -ESRCH, "a stop after the end was not refused");
}

static void stop_only_notes_the_wish(struct stage *stage)
{
    stage_trigger(stage, TW_PHASE_BEFORE, "shutdown", 'a');
    stage_start(stage);
    stage_stop(stage);
    stage_expect(stage, "", "a trigger was called inside stop");
    stage_await(stage, 1);
}

static void phases_come_in_order(struct stage *stage)
{
    stage_trigger(stage, TW_PHASE_AFTER, "startup", 'c');
    stage_trigger(stage, TW_PHASE_DURING, "startup", 'b');
    stage_trigger(stage, TW_PHASE_BEFORE, "startup", 'a');
    stage_trigger(stage, TW_PHASE_AFTER, "shutdown", 'f');
    stage_trigger(stage, TW_PHASE_BEFORE, "shutdown", 'd');
    stage_trigger(stage, TW_PHASE_DURING, "shutdown", 'e');
    stage_start(stage);
    stage_expect(stage, "abc", "the phases of startup did not come in order");
    stage_stop(stage);
    stage_await(stage, 6);
    stage_turn_often(stage);
    stage_expect(stage, "abcdef", "the phases of shutdown did not come in order");
}

static void calls_come_after_startup(struct stage *stage)
{
    stage_call(stage, 'c');
    stage_trigger(stage, TW_PHASE_AFTER, "startup", 'b');
    stage_trigger(stage, TW_PHASE_BEFORE, "startup", 'a');
    stage_start(stage);
    stage_await(stage, 3);
    stage_expect(stage, "abc", "a call made before the start came before the triggers of startup");
}

static void calls_when_running(struct stage *stage)
{
    int rc = tw_reactor_call_when_running(stage->reactor, note, letter(stage, 'a'), NULL, NULL);
    EXPECT(stage, rc == 0, "a call for when it runs was refused");
    stage_expect(stage, "", "a call for when it runs was called before the start");
    stage_start(stage);
    stage_await(stage, 1);
    rc = tw_reactor_call_when_running(stage->reactor, note, letter(stage, 'b'), NULL, NULL);
    EXPECT(stage, rc == 0, "a call for when it runs was refused");
    stage_expect(stage, "ab", "a call for when it runs was not called when it runs");
}

static void hold(struct tw_trigger *trigger, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    EXPECT(stage, tw_trigger_hold(trigger) == 0, "a trigger could not hold its phase");
    note(letter(stage, 'h'));
}

static void hold_shutdown(struct stage *stage)
{
    int rc = tw_reactor_add_trigger(stage->reactor, TW_PHASE_BEFORE, "shutdown", hold, stage, NULL,
                                    &stage->trigger);
    EXPECT(stage, rc == 0, "a trigger was refused");
    stage_trigger(stage, TW_PHASE_AFTER, "shutdown", 'z');
}

static void release(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'r'));
    EXPECT(stage, tw_trigger_release(stage->trigger) == 0, "a trigger that holds was not released");
}

static void a_held_shutdown_turns_the_loop(struct stage *stage)
{
    hold_shutdown(stage);
    stage_start(stage);
    stage_stop(stage);
    stage_await(stage, 1);
    stage_call(stage, 'a');
    stage_await(stage, 2);
    EXPECT(stage,
           tw_reactor_call_later(stage->reactor, TW_MILLISECOND, release, stage, NULL, NULL) == 0,
           "a delayed call was refused while a shutdown is held");
    stage_await_due(stage, 4);
    stage_expect(stage, "harz", "a shutdown that is held did not let the loop turn");
}

static void a_shutdown_takes_no_longer_than_its_time(struct stage *stage)
{
    hold_shutdown(stage);
    EXPECT(stage, tw_reactor_set_shutdown_timeout(stage->reactor, 3 * TW_MILLISECOND) == 0,
           "the time for a shutdown could not be set");
    stage_start(stage);
    stage_stop(stage);
    stage_await_due(stage, 2);
    stage_expect(stage, "hz", "a shutdown that is held did not end when its time was over");
}

/* --- a loop of the user's ------------------------------------------------------------------------ */

static void the_first_turn_starts_it(struct stage *stage)
{
    stage_trigger(stage, TW_PHASE_AFTER, "startup", 'a');
    stage_turn(stage, true);
    stage_expect(stage, "a", "the first turn of the user's loop did not start it");
    EXPECT(stage, tw_reactor_is_running(stage->reactor), "it does not run after the first turn");
}

static void dispatch(struct stage *stage)
{
    int rc = stage->kind->dispatch(stage->kind->arg, stage->reactor);
    EXPECT(stage, rc == 0, "the user's loop was not answered with 0");
}

static void idle_it_does_not_keep_the_loop(struct stage *stage)
{
    dispatch(stage);
    EXPECT(stage, tw_reactor_is_running(stage->reactor), "the user's loop did not start it");
    stage->calls[0] = stage_later_call(stage, 3600 * TW_SECOND, 'x');
    EXPECT(stage, tw_delayed_call_cancel(stage->calls[0]) == 0, "a call could not be cancelled");
    dispatch(stage);
    stage_expect(stage, "", "something was called that was not made");
}

static void leave(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set(result, NULL, NULL);
}

static void see(struct tw_result *result, void *arg)
{
    (void)result;
    note(letter((struct stage *)arg, 'j'));
}

static void work_keeps_the_loop(struct stage *stage)
{
    stage_later(stage, TW_MILLISECOND, 'a');
    dispatch(stage);
    stage_expect(stage, "a", "the user's loop ended before a delayed call");
    stage_defer(stage, leave, see);
    dispatch(stage);
    stage_expect(stage, "aj", "the user's loop ended before a job was home");
    stage_trigger(stage, TW_PHASE_AFTER, "shutdown", 'z');
    stage_stop(stage);
    dispatch(stage);
    stage_expect(stage, "ajz", "the user's loop ended before a shutdown did");
}

/* --- all of them -------------------------------------------------------------------------------- */

const struct tw__reactor_check tw__reactor_checks_of_phases[] = {
    {"RCT-001 it runs until it is stopped", NEEDS_RUN, runs_until_stopped},
    {"RCT-004 a run inside a turn is refused", NEEDS_PATIENCE, nested_run_is_refused},
    {"RCT-005 once stopped it does not run again", NEEDS_RUN, runs_only_once},
    {"RCT-006 a stop too early, a second one and one too late are refused", 0, stop_answers},
    {"RCT-007 stop only notes the wish", 0, stop_only_notes_the_wish},
    {"RCT-010 a shutdown that is held turns the loop", 0, a_held_shutdown_turns_the_loop},
    {"RCT-010 but takes no longer than its time", 0, a_shutdown_takes_no_longer_than_its_time},
    {"RCT-013 after a crash it may run again", NEEDS_RUN, may_run_again_after_a_crash},
    {"RCT-017 iterate starts nothing", NEEDS_RUN, iterate_starts_nothing},
    {"RCT-017 iterate ends in time", NEEDS_RUN | NEEDS_TIME, iterate_ends_in_time},
    {"EVT-004 the phases of startup and shutdown come in order", 0, phases_come_in_order},
    {"CFT-009 calls made before come after the triggers of startup", 0, calls_come_after_startup},
    {"CWR-001 calls for when it runs come when it runs", 0, calls_when_running},
    {"the first turn of the user's loop starts it", NEEDS_TURN, the_first_turn_starts_it},
    {"idle it does not keep the user's loop", NEEDS_DISPATCH, idle_it_does_not_keep_the_loop},
    {"work that is out keeps the user's loop", NEEDS_DISPATCH, work_keeps_the_loop},
    {NULL, 0, NULL},
};
