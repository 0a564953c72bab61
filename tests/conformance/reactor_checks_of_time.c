/*
 * What every reactor promises of its clock, and of calls that come later.
 *
 * Times that have to lie in a certain order are set exactly, so that a machine that stops in between
 * changes nothing.
 */
#include "stage_internal.h"

static void says_what_it_is(struct stage *stage)
{
    const struct tw_reactor_ops *ops = stage->reactor->_ops;
    EXPECT(stage, ops->size == sizeof *ops, "its table's size is not that of this library");
    EXPECT(stage, ops->name[0], "it has no name");
    EXPECT(stage, !tw_reactor_is_running(stage->reactor), "it runs before it was started");
}

static void clock_goes_on(struct stage *stage)
{
    uint64_t begin = stage_now(stage), end;
    stage_pass_time(stage, 2 * TW_MILLISECOND);
    end = stage_now(stage);
    EXPECT(stage, tw_time_between(begin, end) >= 2 * TW_MILLISECOND, "its clock does not go on");
    if (stage->kind->advance)
        EXPECT(stage, end - begin == 2 * TW_MILLISECOND, "its clock was not moved as told");
}

/* Set when it is due exactly. */
static void set_due(struct stage *stage, struct tw_delayed_call *call, uint64_t due)
{
    int64_t by = tw_time_between(tw_delayed_call_time(call), due);
    EXPECT(stage, tw_delayed_call_delay(call, by) == 0, "a delayed call could not be moved");
    EXPECT(stage, tw_delayed_call_time(call) == due, "a delayed call was moved to another time");
}

static void note_due(void *arg)
{
    struct timed *timed = (struct timed *)arg;
    struct stage *stage = timed->stage;
    EXPECT(stage, stage_now(stage) >= timed->due, "a delayed call came too early");
    note(letter(stage, 'a'));
}

static void runs_once_and_not_early(struct stage *stage)
{
    struct timed *timed = &stage->timed[0];
    int rc = tw_reactor_call_later(stage->reactor, 3 * TW_MILLISECOND, note_due, timed, NULL,
                                   &stage->calls[0]);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    *timed = (struct timed){stage, 0, tw_delayed_call_time(stage->calls[0])};
    EXPECT(stage, tw_delayed_call_is_active(stage->calls[0]), "a call that waits is not active");
    stage_await_due(stage, 1);
    stage_pass_time(stage, 5 * TW_MILLISECOND);
    stage_expect(stage, "a", "a delayed call did not run once");
    EXPECT(stage, !tw_delayed_call_is_active(stage->calls[0]), "a call that ran is active");
}

/* Calls from threads come first in a pass: one made by the first letter shows when that is over. */
static void make_both(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'a'));
    stage_later(stage, 0, 'c');
    stage_call(stage, 'b');
    stage_expect(stage, "a", "a delayed call ran inside the call that made it");
}

static void at_once_is_a_later_pass(struct stage *stage)
{
    int rc = tw_reactor_call_later(stage->reactor, 0, make_both, stage, NULL, NULL);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    stage_expect(stage, "", "a delayed call ran inside the call that made it");
    stage_await_due(stage, 3);
    stage_expect(stage, "abc", "a call that is due at once ran in the pass that made it");
}

static void in_order(struct stage *stage)
{
    static const struct {
        char name;
        int64_t after;
    } calls[] = {{'e', 4}, {'b', 1}, {'g', 5}, {'c', 2}, {'d', 2}, {'f', 4}, {'a', 0}};
    uint64_t base = stage_now(stage) + (uint64_t)TW_MILLISECOND;
    size_t i, count = sizeof calls / sizeof *calls;
    for (i = 0; i < count; i++) {
        struct tw_delayed_call *call = stage_later_call(stage, 0, calls[i].name);
        set_due(stage, call, base + (uint64_t)(calls[i].after * TW_MILLISECOND));
        tw_delayed_call_unref(call);
    }
    stage_await_due(stage, count);
    stage_expect(stage, "abcdefg", "delayed calls did not run in the order of their times");
}

static void note_order(void *arg)
{
    struct timed *timed = (struct timed *)arg;
    struct timed *last = &timed->stage->last;
    bool is_later =
        timed->due > last->due || (timed->due == last->due && timed->index > last->index);
    EXPECT(timed->stage, is_later || timed->stage->count == 0,
           "delayed calls did not run in the order of their times");
    *last = *timed;
    note(letter(timed->stage, 'a'));
}

static void many_in_order(struct stage *stage)
{
    uint64_t base = stage_now(stage), random = 1;
    size_t i;
    for (i = 0; i < MOST_TIMED; i++) {
        struct timed *timed = &stage->timed[i];
        struct tw_delayed_call *call = NULL;
        int rc = tw_reactor_call_later(stage->reactor, 0, note_order, timed, NULL, &call);
        EXPECT(stage, rc == 0, "a delayed call was refused");
        random = random * UINT64_C(6364136223846793005) + 1;
        *timed = (struct timed){stage, i, base + (random >> 60) * (uint64_t)TW_MILLISECOND / 4};
        set_due(stage, call, timed->due);
        tw_delayed_call_unref(call);
    }
    stage_await_due(stage, MOST_TIMED);
    EXPECT(stage, stage->count == MOST_TIMED, "delayed calls did not run once each");
}

static void cancelled_never_runs(struct stage *stage)
{
    stage->calls[0] = stage_later_call(stage, TW_MILLISECOND, 'a');
    EXPECT(stage, tw_delayed_call_cancel(stage->calls[0]) == 0, "a call could not be cancelled");
    EXPECT(stage, tw_delayed_call_cancel(stage->calls[0]) == -EALREADY,
           "a second cancel was not answered with -EALREADY");
    stage_pass_time(stage, 2 * TW_MILLISECOND);
    stage_later(stage, TW_MILLISECOND, 'b');
    stage_await_due(stage, 1);
    stage_expect(stage, "b", "a delayed call that was cancelled ran");
}

static void cancel_the_other(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'a'));
    EXPECT(stage, tw_delayed_call_cancel(stage->calls[1]) == 0,
           "a call could not cancel another that is due");
}

static void cancels_one_of_the_same_pass(struct stage *stage)
{
    uint64_t due = stage_now(stage) + (uint64_t)TW_MILLISECOND;
    int rc =
        tw_reactor_call_later(stage->reactor, 0, cancel_the_other, stage, NULL, &stage->calls[0]);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    stage->calls[1] = stage_later_call(stage, 0, 'b');
    set_due(stage, stage->calls[0], due);
    set_due(stage, stage->calls[1], due);
    stage_await_due(stage, 1);
    stage_pass_time(stage, TW_MILLISECOND);
    stage_expect(stage, "a", "a call that another cancelled ran");
}

static void can_be_moved(struct stage *stage)
{
    uint64_t base = stage_now(stage);
    stage->calls[0] = stage_later_call(stage, 3600 * TW_SECOND, 'a');
    stage->calls[1] = stage_later_call(stage, 0, 'b');
    set_due(stage, stage->calls[1], base + 3 * (uint64_t)TW_MILLISECOND);
    stage_turn(stage, false);
    set_due(stage, stage->calls[0], base + 2 * (uint64_t)TW_MILLISECOND);
    set_due(stage, stage->calls[1], base + 4 * (uint64_t)TW_MILLISECOND);
    stage_await_due(stage, 2);
    stage_expect(stage, "ab", "calls that were moved did not run in the order of their new times");
}

static void bring_forward(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'a'));
    EXPECT(stage, tw_delayed_call_reset(stage->calls[0], TW_MILLISECOND) == 0,
           "a delayed call could not be reset inside another");
}

static void can_be_moved_in_a_call(struct stage *stage)
{
    int rc =
        tw_reactor_call_later(stage->reactor, TW_MILLISECOND, bring_forward, stage, NULL, NULL);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    stage->calls[0] = stage_later_call(stage, 3600 * TW_SECOND, 'b');
    stage_await_due(stage, 2);
    stage_expect(stage, "ab", "a call that was brought forward did not run");
}

static void far_future_is_quiet(struct stage *stage)
{
    stage->calls[0] = stage_later_call(stage, TW_FOREVER, 'x');
    stage->calls[1] = stage_later_call(stage, TW_FOREVER - 1, 'y');
    stage->calls[2] = stage_later_call(stage, 1000000 * TW_SECOND, 'z');
    stage_pass_time(stage, 2 * TW_MILLISECOND);
    stage_expect(stage, "", "a call of the far future ran");
    stage_later(stage, TW_MILLISECOND, 'a');
    stage_await_due(stage, 1);
    stage_expect(stage, "a", "a call of the far future ran");
}

static void idle_turns_wait(struct stage *stage)
{
    size_t before;
    stage->calls[0] = stage_later_call(stage, 3600 * TW_SECOND, 'x');
    stage_later(stage, TW_MILLISECOND, 'a');
    stage_call(stage, 'b');
    stage_await_due(stage, 2);
    EXPECT(stage, tw_delayed_call_cancel(stage->calls[0]) == 0, "a call could not be cancelled");
    stage_turn_often(stage);
    before = stage->turns;
    stage_pass_time(stage, 20 * TW_MILLISECOND);
    EXPECT(stage, stage->turns - before <= 10,
           "the loop does not sleep when there is nothing to do");
}

/* --- all of them -------------------------------------------------------------------------------- */

const struct tw__reactor_check tw__reactor_checks_of_time[] = {
    {"REG-001 it says what it is", 0, says_what_it_is},
    {"TIM-021 its clock goes on", 0, clock_goes_on},
    {"TIM-001 a delayed call runs once, and not too early", 0, runs_once_and_not_early},
    {"TIM-003 what is due at once comes in a later pass", 0, at_once_is_a_later_pass},
    {"TIM-005 delayed calls run in the order of their times, then first in first out", 0, in_order},
    {"TIM-005 so do many", 0, many_in_order},
    {"TIM-009 a cancelled call never runs", 0, cancelled_never_runs},
    {"TIM-012 a call may cancel another of the same pass", 0, cancels_one_of_the_same_pass},
    {"TIM-014 a call can be moved, earlier and later", 0, can_be_moved},
    {"TIM-013 so it can inside another", 0, can_be_moved_in_a_call},
    {"TIM-022 the far future disturbs nothing", 0, far_future_is_quiet},
    {"RCT-022 with nothing to do the loop sleeps", NEEDS_TIME, idle_turns_wait},
    {NULL, 0, NULL},
};
