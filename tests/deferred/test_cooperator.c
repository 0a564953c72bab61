/*
 * The cooperator: whose step is next, when a tick ends, and how tasks end. A scheduler and a
 * termination test by hand show each tick; the default ones are on the test clock.
 */
#include "trace.h"

SUITE("cooperator")

/* --- a scheduler by hand ---------------------------------------------------------------------- */

static struct tw_cooperator *cooperator;
static int scheduled, unscheduled; /* how often; at most one may be out */
static int refusal;                /* what schedule answers */
static int steps_left;             /* in this tick */

static int schedule(struct tw_cooperator *which, void *arg)
{
    (void)which;
    (void)arg;
    CU_ASSERT_EQUAL(scheduled, unscheduled);
    if (refusal)
        return refusal;
    scheduled++;
    return 0;
}

static void unschedule(struct tw_cooperator *which, void *arg)
{
    (void)which;
    (void)arg;
    unscheduled++;
    CU_ASSERT_EQUAL(scheduled, unscheduled);
}

static bool is_slice_over(void *arg)
{
    (void)arg;
    return --steps_left <= 0;
}

static bool is_due(void)
{
    return scheduled > unscheduled;
}

static void set_up_with(bool is_held_back)
{
    struct tw_cooperator_options options = {.size = sizeof options,
                                            .is_held_back = is_held_back,
                                            .schedule = schedule,
                                            .unschedule = unschedule,
                                            .is_slice_over = is_slice_over,
                                            .arg = "options",
                                            .destroy = destroy_name};
    trace_clear();
    scheduled = unscheduled = refusal = 0;
    CU_ASSERT_EQUAL_FATAL(tw_cooperator_new(NULL, &options, &cooperator), 0);
}

static void set_up(void)
{
    set_up_with(false);
}

static void tear_down(void)
{
    cooperator = tw_cooperator_unref(cooperator);
    CU_ASSERT_FALSE(is_due());
    TRACED("~options ");
}

/* The tick that is out, of at most so many steps. */
static void tick(int steps)
{
    CU_ASSERT_TRUE(is_due());
    unscheduled++;
    steps_left = steps;
    CU_ASSERT_EQUAL(tw_cooperator_tick(cooperator), 0);
}

/* --- tasks ------------------------------------------------------------------------------------ */

struct work {
    const char *name;
    int left;                     /* steps that have more to do */
    int error;                    /* what the last one answers */
    struct tw_deferred *deferred; /* left in the next step, once */
    void (*in_step)(void);
    bool leaves_failure;
    struct tw_cooperative_task *task;
};

static int step(struct tw_result *result, void *arg)
{
    struct work *work = (struct work *)arg;
    CU_ASSERT_PTR_NULL(tw_result_value(result));
    trace("%s ", work->name);
    if (work->in_step)
        work->in_step();
    if (work->deferred) {
        give_deferred(result, work->deferred);
        work->deferred = NULL;
        return TW_STEP_MORE;
    }
    if (work->leaves_failure)
        tw_result_failf(result, &TW_ERROR, 77, "left");
    return work->left-- > 0 ? TW_STEP_MORE : work->error;
}

static void destroy_work(void *arg)
{
    trace("~%s ", ((struct work *)arg)->name);
}

static struct work make_work(const char *name, int left)
{
    struct work work = {.name = name, .left = left};
    return work;
}

static void begin(struct work *work)
{
    CU_ASSERT_EQUAL_FATAL(
        tw_cooperator_cooperate(cooperator, step, work, destroy_work, &work->task), 0);
}

static void ended(struct tw_result *result, void *arg)
{
    struct work *work = (struct work *)arg;
    if (tw_result_is_failure(result)) {
        handle(result, (void *)(uintptr_t)work->name);
        return;
    }
    CU_ASSERT_PTR_EQUAL(
        tw_cooperative_task_arg((struct tw_cooperative_task *)tw_result_value(result)), work);
    trace("%s. ", work->name);
}

static struct tw_deferred *watch_end(struct work *work)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_cooperative_task_when_done(work->task, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, ended, work, NULL), 0);
    return deferred;
}

/* begin() and watch_end(), of which only the task is kept. */
static void begin_watched(struct work *work)
{
    begin(work);
    tw_deferred_unref(watch_end(work));
}

/* --- ticks ------------------------------------------------------------------------------------ */

/* COP-001: a new task asks for a tick, and does nothing itself. */
TEST(COP_001_cooperate_schedules_a_tick)
{
    struct work a = make_work("a", 1);
    set_up();
    CU_ASSERT_FALSE(is_due());
    begin_watched(&a);
    TRACED("");
    tick(10);
    TRACED("a a a. ");
    CU_ASSERT_FALSE(is_due());
    tw_cooperative_task_unref(a.task);
    TRACED("~a ");
    tear_down();
}

/* COP-002: a tick takes one step of each in turn until the test says stop; at least one. */
TEST(COP_002_steps_in_turn)
{
    struct work a = make_work("a", 9), b = make_work("b", 9), c = make_work("c", 0);
    set_up();
    begin(&a);
    begin(&b);
    begin(&c);
    tick(4);
    TRACED("a b c a ");
    tick(0);
    TRACED("b ");
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    tw_cooperative_task_unref(c.task);
    trace_clear();
    tw_cooperator_stop(cooperator);
    TRACED("~a ~b ");
    tear_down();
}

/* COP-003: the next tick goes on where this one stopped. */
TEST(COP_003_goes_on_where_it_stopped)
{
    struct work a = make_work("a", 9), b = make_work("b", 9), c = make_work("c", 9);
    set_up();
    begin(&a);
    begin(&b);
    tick(1);
    begin(&c);
    tick(2);
    tick(2);
    tick(2);
    TRACED("a b c a b c a ");
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    tw_cooperative_task_unref(c.task);
    tw_cooperator_stop(cooperator);
    trace_clear();
    tear_down();
}

/* COP-004: when a task ends nobody is passed over (in Twisted its successor is). */
TEST(COP_004_nobody_is_passed_over)
{
    struct work a = make_work("a", 0), b = make_work("b", 1), c = make_work("c", 1);
    set_up();
    begin_watched(&a);
    begin_watched(&b);
    begin_watched(&c);
    tick(10);
    TRACED("a a. b c b b. c c. ");
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    tw_cooperative_task_unref(c.task);
    TRACED("~a ~b ~c ");
    tear_down();
}

/* COP-005: a Deferred holds its task back until it fires. */
TEST(COP_005_a_deferred_holds_its_task_back)
{
    struct work a = make_work("a", 0), b = make_work("b", 1);
    struct pair inner = make();
    set_up();
    a.deferred = inner.deferred;
    begin_watched(&a);
    begin_watched(&b);
    tick(10);
    TRACED("a b b b. ");
    CU_ASSERT_FALSE(is_due());
    fire(inner.source, 5);
    TRACED("");
    tick(10);
    TRACED("a a. ");
    drop(&inner);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    trace_clear();
    tear_down();
}

/* COP-006: one that has fired already does not: its task keeps its place, before one that comes
 * later. */
TEST(COP_006_a_fired_deferred_holds_nothing_back)
{
    struct work a = make_work("a", 0), b = make_work("b", 1), c = make_work("c", 0);
    struct pair inner = make();
    set_up();
    fire(inner.source, 1);
    a.deferred = inner.deferred;
    begin_watched(&a);
    begin_watched(&b);
    tick(1);
    begin_watched(&c);
    tick(10);
    TRACED("a b c c. a a. b b. ");
    drop(&inner);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    tw_cooperative_task_unref(c.task);
    trace_clear();
    tear_down();
}

/* COP-007: an error of the step, a failure it leaves, or its Deferred's ends the task as failed. */
TEST(COP_007_errors)
{
    struct work a = make_work("a", 0), b = make_work("b", 0), c = make_work("c", 5);
    struct work d = make_work("d", 5);
    struct pair later = make(), fired = make();
    set_up();
    a.error = -ENOENT;
    b.leaves_failure = true;
    c.deferred = later.deferred;
    fire_failure(fired.source, 8);
    d.deferred = fired.deferred;
    begin_watched(&a);
    begin_watched(&b);
    begin_watched(&c);
    begin_watched(&d);
    tick(10);
    TRACED("a a!2 b b!77 c d d!8 ");
    fire_failure(later.source, 9);
    TRACED("c!9 ");
    CU_ASSERT_EQUAL(tw_cooperative_task_status(a.task), -EIO);
    CU_ASSERT_EQUAL(tw_cooperative_task_status(c.task), -EIO);
    CU_ASSERT_FALSE(is_due());
    drop(&later);
    drop(&fired);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    tw_cooperative_task_unref(c.task);
    tw_cooperative_task_unref(d.task);
    trace_clear();
    tear_down();
}

/* --- whenDone --------------------------------------------------------------------------------- */

static void change(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR, 1, "changed");
    tw_result_set(result, VALUE(3), NULL);
}

/* COP-008, COP-009: each call gives a new Deferred, which fires with the task, at once if it has
 * ended; what one's callbacks do is nothing to the others. */
TEST(COP_008_when_done)
{
    struct work a = make_work("a", 0);
    struct tw_deferred *first = NULL, *second, *third;
    set_up();
    begin(&a);
    CU_ASSERT_EQUAL(tw_cooperative_task_when_done(a.task, &first), 0);
    tw_deferred_add_both(first, change, NULL, NULL);
    second = watch_end(&a);
    CU_ASSERT_PTR_NOT_EQUAL(first, second);
    tick(1);
    TRACED("a a. ");
    third = watch_end(&a);
    TRACED("a. ");
    settle(first, "first");
    TRACED("first=3 ");
    tw_deferred_unref(first);
    tw_deferred_unref(second);
    tw_cooperative_task_unref(a.task);
    TRACED("");
    tw_deferred_unref(third); /* whose result holds the task */
    TRACED("~a ");
    tear_down();
}

/* COP-009: a failure is shared by all. */
TEST(COP_009_failures_are_shared)
{
    struct work a = make_work("a", 0);
    int i;
    set_up();
    a.error = -EPERM;
    begin_watched(&a);
    tw_deferred_unref(watch_end(&a));
    tick(1);
    for (i = 0; i < 2; i++)
        tw_deferred_unref(watch_end(&a));
    TRACED("a a!1 a!1 a!1 a!1 ");
    tw_cooperative_task_unref(a.task);
    TRACED("~a ");
    tear_down();
}

/* A cancel of one only ends that wait. */
TEST(cancelling_when_done)
{
    struct work a = make_work("a", 0);
    struct tw_deferred *deferred;
    set_up();
    begin(&a);
    deferred = watch_end(&a);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("a!125 ");
    tick(1);
    TRACED("a ");
    tw_deferred_unref(deferred);
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

static void stop_cooperator(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    CU_ASSERT_EQUAL(tw_cooperator_stop(cooperator), 0);
    trace("stopped ");
}

/* COP-010: the task has left the cooperator before its Deferreds fire: they may stop it. */
TEST(COP_010_left_before_its_deferreds_fire)
{
    struct work a = make_work("a", 0), b = make_work("b", 5);
    struct tw_deferred *deferred = NULL;
    set_up();
    begin(&a);
    begin_watched(&b);
    CU_ASSERT_EQUAL(tw_cooperative_task_when_done(a.task, &deferred), 0);
    tw_deferred_add_both(deferred, stop_cooperator, NULL, NULL);
    tick(10);
    TRACED("a b!108 stopped ");
    CU_ASSERT_EQUAL(tw_cooperative_task_status(a.task), -EALREADY);
    tw_deferred_unref(deferred);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    trace_clear();
    tear_down();
}

/* --- pausing ---------------------------------------------------------------------------------- */

/* COP-011: pauses nest; resume only puts it back, for the next tick. */
TEST(COP_011_pause_and_resume)
{
    struct work a = make_work("a", 0);
    set_up();
    begin_watched(&a);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), 0);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), 0);
    CU_ASSERT_FALSE(is_due());
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), 0);
    CU_ASSERT_FALSE(is_due());
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), 0);
    TRACED("");
    tick(1);
    TRACED("a a. ");
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* COP-012: a resume without a pause is refused. */
TEST(COP_012_resume_without_pause)
{
    struct work a = make_work("a", 0);
    set_up();
    begin(&a);
    PROVOKE(tw_cooperative_task_resume(a.task));
    tick(1);
    TRACED("a ");
    PROVOKE(tw_cooperative_task_resume(a.task));
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* COP-013: a task that waits for a Deferred may be paused as well, and goes on when both are over,
 * in either order. */
TEST(COP_013_paused_while_it_waits)
{
    struct work a = make_work("a", 0), b = make_work("b", 0);
    struct pair inner[2];
    set_up();
    inner[0] = make();
    inner[1] = make();
    a.deferred = inner[0].deferred;
    b.deferred = inner[1].deferred;
    begin_watched(&a);
    begin_watched(&b);
    tick(2);
    PROVOKE(tw_cooperative_task_resume(a.task)); /* to wait is not to be paused */
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), 0);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(b.task), 0);
    fire(inner[0].source, 1);
    CU_ASSERT_FALSE(is_due());
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(b.task), 0);
    CU_ASSERT_FALSE(is_due());
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), 0);
    tick(1);
    fire(inner[1].source, 1);
    tick(1);
    TRACED("a b a a. b b. ");
    drop(&inner[0]);
    drop(&inner[1]);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    trace_clear();
    tear_down();
}

static struct work *stepping;

static void pause_itself(void)
{
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(stepping->task), 0);
}

/* COP-011: a task may be paused inside its own step. */
TEST(COP_011_paused_inside_its_step)
{
    struct work a = make_work("a", 1);
    set_up();
    stepping = &a;
    a.in_step = pause_itself;
    begin_watched(&a);
    tick(10);
    TRACED("a ");
    CU_ASSERT_FALSE(is_due());
    a.in_step = NULL;
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), 0);
    tick(10);
    TRACED("a a. ");
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* --- stopping a task -------------------------------------------------------------------------- */

static void see_kind(struct tw_result *result, void *kind)
{
    CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(result), (const struct tw_error *)kind));
}

/* COP-014: stop ends it; later stops and pauses are told so. */
TEST(COP_014_stop)
{
    struct work a = make_work("a", 5);
    struct tw_deferred *deferred = NULL;
    set_up();
    begin(&a);
    tick(1);
    CU_ASSERT_EQUAL(tw_cooperative_task_when_done(a.task, &deferred), 0);
    tw_deferred_add_both(deferred, see_kind, (void *)(uintptr_t)&TW_ERROR_TASK_STOPPED, NULL);
    tw_deferred_add_both(deferred, ended, &a, NULL);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), 0);
    TRACED("a a!125 ");
    CU_ASSERT_FALSE(is_due());
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), -ECANCELED);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), -ECANCELED);
    tw_deferred_unref(deferred);
    tw_cooperative_task_unref(a.task);
    TRACED("~a ");
    tear_down();
}

static void stop_itself(void)
{
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(stepping->task), 0);
    trace("after ");
}

/* COP-014: inside its own step as well; what the step leaves then is dropped. */
TEST(COP_014_stopped_inside_its_step)
{
    struct work a = make_work("a", 5);
    struct pair inner = make();
    set_up();
    stepping = &a;
    a.in_step = stop_itself;
    a.deferred = inner.deferred;
    begin_watched(&a);
    tick(10);
    TRACED("a a!125 after ");
    tw_cooperative_task_unref(a.task);
    TRACED("~a ");
    drop(&inner);
    EXPECT_REPORTS(1); /* the Deferred was abandoned, and nobody looked */
    tear_down();
}

/* COP-015: resume of one that was paused and then stopped does nothing. */
TEST(COP_015_paused_then_stopped)
{
    struct work a = make_work("a", 5);
    set_up();
    begin_watched(&a);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), 0);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), 0);
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), 0);
    TRACED("a!125 ");
    CU_ASSERT_FALSE(is_due());
    tw_cooperative_task_unref(a.task);
    TRACED("~a ");
    tear_down();
}

/* COP-016: stopped while it waits for a Deferred: when that fires nothing happens, and its result
 * is consumed. */
TEST(COP_016_stopped_while_it_waits)
{
    struct work a = make_work("a", 5);
    struct pair inner = make();
    set_up();
    a.deferred = inner.deferred;
    begin_watched(&a);
    tick(1);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), 0);
    TRACED("a a!125 ");
    tw_cooperative_task_unref(a.task);
    fire_failure(inner.source, 4);
    TRACED("~a ");
    settle(inner.deferred, "inner");
    TRACED("inner=0 ");
    drop(&inner);
    tear_down();
}

/* COP-017: stop of one that is done, and of one that has failed. */
TEST(COP_017_stop_of_an_ended_task)
{
    struct work a = make_work("a", 0), b = make_work("b", 0);
    set_up();
    b.error = -EPERM;
    begin_watched(&a);
    begin_watched(&b);
    tick(10);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), -EALREADY);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), -EALREADY);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(b.task), -EIO);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(b.task), -EIO);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    trace_clear();
    tear_down();
}

/* --- the cooperator --------------------------------------------------------------------------- */

static struct tw_deferred *coiterate(struct work *work)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_cooperator_coiterate(cooperator, step, work, destroy_work, &deferred),
                          0);
    return deferred;
}

/* COP-018: coiterate is cooperate and whenDone. */
TEST(COP_018_coiterate)
{
    struct work a = make_work("a", 1);
    struct tw_deferred *deferred;
    set_up();
    deferred = coiterate(&a);
    tw_deferred_add_both(deferred, ended, &a, NULL);
    tick(10);
    TRACED("a a a. ");
    tw_deferred_unref(deferred);
    TRACED("~a ");
    tear_down();
}

/* COP-019: stop fails every task, also those that are paused or wait; a task that is added then
 * fails at once. */
TEST(COP_019_stop_fails_every_task)
{
    struct work a = make_work("a", 5), b = make_work("b", 5), c = make_work("c", 5);
    struct work d = make_work("d", 5);
    struct tw_deferred *late;
    struct pair inner = make();
    set_up();
    begin_watched(&a);
    begin_watched(&b);
    begin_watched(&c);
    c.deferred = inner.deferred;
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(b.task), 0);
    tick(2);
    CU_ASSERT_EQUAL(tw_cooperator_stop(cooperator), 0);
    CU_ASSERT_FALSE(is_due());
    TRACED("a c a!108 b!108 c!108 ");
    fire(inner.source, 1);
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(b.task), 0);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), -ESHUTDOWN);
    late = coiterate(&d);
    tw_deferred_add_both(late, see_kind, (void *)(uintptr_t)&TW_ERROR_SCHEDULER_STOPPED, NULL);
    tw_deferred_add_both(late, ended, &d, NULL);
    TRACED("~d d!108 ");
    tw_deferred_unref(late);
    drop(&inner);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    tw_cooperative_task_unref(c.task);
    trace_clear();
    tear_down();
}

/* COP-020: stop twice is right; started again it works again. */
TEST(COP_020_stopped_twice_and_started_again)
{
    struct work a = make_work("a", 0);
    set_up();
    CU_ASSERT_EQUAL(tw_cooperator_stop(cooperator), 0);
    CU_ASSERT_EQUAL(tw_cooperator_stop(cooperator), 0);
    CU_ASSERT_EQUAL(tw_cooperator_start(cooperator), 0);
    begin_watched(&a);
    tick(1);
    TRACED("a a. ");
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* COP-021: not started, tasks queue up; start asks for the first tick. */
TEST(COP_021_held_back_until_started)
{
    struct work a = make_work("a", 0);
    set_up_with(true);
    begin_watched(&a);
    CU_ASSERT_FALSE(is_due());
    CU_ASSERT_EQUAL(tw_cooperator_tick(cooperator), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_cooperator_start(cooperator), 0);
    tick(1);
    TRACED("a a. ");
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* COP-022: running is started and not stopped. */
TEST(COP_022_running)
{
    set_up_with(true);
    CU_ASSERT_FALSE(tw_cooperator_is_running(cooperator));
    CU_ASSERT_EQUAL(tw_cooperator_start(cooperator), 0);
    CU_ASSERT_TRUE(tw_cooperator_is_running(cooperator));
    CU_ASSERT_EQUAL(tw_cooperator_stop(cooperator), 0);
    CU_ASSERT_FALSE(tw_cooperator_is_running(cooperator));
    CU_ASSERT_FALSE(tw_cooperator_is_running(NULL));
    tear_down();
}

/* COP-023: with the last task goes the tick. */
TEST(COP_023_no_tick_without_a_task)
{
    struct work a = make_work("a", 5);
    set_up();
    begin_watched(&a);
    CU_ASSERT_TRUE(is_due());
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(a.task), 0);
    CU_ASSERT_FALSE(is_due());
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

static struct work *next_work;

static void begin_next(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    begin_watched(next_work);
}

/* COP-024: one tick is out at a time, also when the end of a task adds another (schedule looks at
 * that). */
TEST(COP_024_one_tick_at_a_time)
{
    struct work a = make_work("a", 0), b = make_work("b", 1);
    struct tw_deferred *deferred;
    set_up();
    next_work = &b;
    deferred = coiterate(&a);
    tw_deferred_add_both(deferred, begin_next, NULL, NULL);
    tick(1);
    TRACED("a ");
    CU_ASSERT_TRUE(is_due());
    tick(10);
    TRACED("b b b. ");
    tw_deferred_unref(deferred);
    tw_cooperative_task_unref(b.task);
    trace_clear();
    tear_down();
}

static struct tw_reactor *reactor;

/* Takes 4 ms of the clock's. */
static int slow_step(struct tw_result *result, void *arg)
{
    struct work *work = (struct work *)arg;
    (void)result;
    trace("%s ", work->name);
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 4 * TW_MILLISECOND), 0);
    return work->left-- > 0 ? TW_STEP_MORE : TW_STEP_DONE;
}

/* COP-002, COP-026: left to itself it ticks in the reactor's next pass, for 10 ms, or as long as it
 * was told; functions of one's own take the place of both. */
TEST(COP_026_default_scheduler_and_slice)
{
    struct tw_cooperator_options options = {.size = sizeof options, .slice = TW_MILLISECOND};
    struct work a = make_work("a", 4), b = make_work("b", 0);
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_cooperator_new(reactor, NULL, &cooperator), 0);
    CU_ASSERT_EQUAL(tw_cooperator_cooperate(cooperator, slow_step, &a, NULL, NULL), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("a a a ");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("a a ");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("");
    tw_cooperator_unref(cooperator);
    CU_ASSERT_EQUAL_FATAL(tw_cooperator_new(reactor, &options, &cooperator), 0);
    a.left = 0;
    CU_ASSERT_EQUAL(tw_cooperator_cooperate(cooperator, slow_step, &a, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_cooperator_cooperate(cooperator, slow_step, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("a ");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    TRACED("b ");
    tw_cooperator_unref(cooperator);
    tw_reactor_unref(reactor);
}

/* If the reactor goes before the tick, the tasks fail as shut down. */
TEST(the_reactor_goes)
{
    struct work a = make_work("a", 4);
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_cooperator_new(reactor, NULL, &cooperator), 0);
    begin_watched(&a);
    tw_reactor_unref(reactor);
    TRACED("a!108 ");
    tw_cooperative_task_unref(a.task);
    tw_cooperator_unref(cooperator);
}

/* When the cooperator goes, its tasks are abandoned, held or not. */
TEST(a_cooperator_that_goes)
{
    struct work a = make_work("a", 4), b = make_work("b", 4);
    set_up();
    begin_watched(&a);
    begin_watched(&b);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), 0);
    cooperator = tw_cooperator_unref(cooperator);
    CU_ASSERT_FALSE(is_due());
    TRACED("b!32 a!32 ~options ");
    CU_ASSERT_EQUAL(tw_cooperative_task_status(b.task), -ESHUTDOWN);
    tw_cooperative_task_unref(a.task);
    tw_cooperative_task_unref(b.task);
    TRACED("~a ~b ");
}

static void drop_cooperator(void)
{
    tw_cooperator_unref(cooperator);
}

/* It may go inside a step: then after the tick. */
TEST(a_cooperator_goes_inside_a_step)
{
    struct work a = make_work("a", 4);
    set_up();
    a.in_step = drop_cooperator;
    begin_watched(&a);
    tick(1);
    TRACED("a a!32 ~options ");
    CU_ASSERT_FALSE(is_due());
    tw_cooperative_task_unref(a.task);
    TRACED("~a ");
}

static void tick_inside(void)
{
    PROVOKE_ERROR(tw_cooperator_tick(cooperator), -EDEADLK);
}

/* What cannot be is refused, and arguments consumed. */
TEST(misuse_is_refused)
{
    struct tw_cooperator_options options = {
        .size = sizeof options, .arg = "o", .destroy = destroy_name};
    struct work a = make_work("a", 0);
    struct tw_cooperator *none = NULL;
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_cooperator_new(NULL, &options, &none));
    options.schedule = schedule;
    PROVOKE(tw_cooperator_new(NULL, &options, &none));
    options.unschedule = unschedule;
    PROVOKE(tw_cooperator_new(NULL, &options, &none));
    options.is_slice_over = is_slice_over;
    PROVOKE(tw_cooperator_new(NULL, &options, NULL));
    options.slice = -1;
    PROVOKE(tw_cooperator_new(NULL, &options, &none));
    TRACED("~o ~o ~o ~o ~o ");
    options.size = 1;
    PROVOKE(tw_cooperator_new(NULL, &options, &none));
    PROVOKE(tw_cooperator_cooperate(cooperator, NULL, &a, destroy_work, NULL));
    PROVOKE(tw_cooperator_coiterate(NULL, step, &a, destroy_work, &deferred));
    PROVOKE(tw_cooperator_coiterate(cooperator, step, &a, destroy_work, NULL));
    TRACED("~a ~a ~a ");
    a.in_step = tick_inside;
    begin(&a);
    tick(1);
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* If no tick can be had, adding and resuming say so and change nothing; at the end of a tick those
 * that would wait for it fail. */
TEST(no_tick_is_to_be_had)
{
    struct work a = make_work("a", 9), b = make_work("b", 9);
    set_up();
    refusal = -EMFILE;
    CU_ASSERT_EQUAL(tw_cooperator_cooperate(cooperator, step, &b, destroy_work, &b.task), -EMFILE);
    TRACED("~b ");
    CU_ASSERT_EQUAL(tw_cooperator_start(cooperator), 0); /* nothing is to be done */
    refusal = 0;
    begin_watched(&a);
    CU_ASSERT_EQUAL(tw_cooperative_task_pause(a.task), 0);
    refusal = -EMFILE;
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), -EMFILE);
    refusal = 0;
    CU_ASSERT_EQUAL(tw_cooperative_task_resume(a.task), 0);
    refusal = -EMFILE;
    tick(1);
    TRACED("a a!24 ");
    tw_cooperative_task_unref(a.task);
    trace_clear();
    tear_down();
}

/* A task that failed without anybody asking is reported when it goes; one that was stopped is
 * not. */
TEST(failures_nobody_asked_for_are_reported)
{
    struct work a = make_work("a", 0), b = make_work("b", 5);
    set_up();
    a.error = -EPERM;
    begin(&a);
    begin(&b);
    tick(1);
    tw_cooperative_task_unref(a.task);
    CU_ASSERT_EQUAL(harness_reports(), 1);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(tw_cooperative_task_stop(b.task), 0);
    tw_cooperative_task_unref(b.task);
    trace_clear();
    tear_down();
}

/* Whatever cannot be had, each argument goes once. */
SWEEP(failing_allocations)
{
    struct work a = make_work("a", 2), b = make_work("b", 0);
    struct pair inner = {NULL, NULL};
    struct tw_deferred *deferred = NULL;
    int gone = 0, made = 0;
    reactor = NULL;
    cooperator = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    if (tw_cooperator_new(reactor, NULL, &cooperator) == 0) {
        if (tw_deferred_new(NULL, NULL, NULL, &inner.source, &inner.deferred) == 0)
            a.deferred = inner.deferred;
        if (tw_cooperator_coiterate(cooperator, step, &a, NULL, &deferred) == 0)
            settle(deferred, "a");
        made = tw_cooperator_cooperate(cooperator, step, &b, NULL, &b.task) == 0;
        CU_ASSERT_EQUAL(
            tw_cooperator_cooperate(cooperator, slow_step, &gone, count_destroy, NULL) < 0, gone);
        if (!gone)
            tw_cooperator_stop(cooperator); /* its steps are not for that argument */
        CU_ASSERT_EQUAL(gone, 1);
        CU_ASSERT_EQUAL(tw_cooperator_start(cooperator), 0);
        CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 0), 0);
        if (inner.deferred)
            fire(inner.source, 1);
        CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 0), 0);
        if (made)
            CU_ASSERT_NOT_EQUAL(tw_cooperative_task_status(b.task), 0);
    }
    tw_cooperative_task_unref(b.task);
    tw_cooperator_unref(cooperator);
    tw_deferred_unref(deferred);
    drop(&inner);
    tw_reactor_unref(reactor);
    trace_clear();
}

/* The same for a task that waits and goes on. */
SWEEP(failing_allocations_while_it_waits)
{
    struct work a = make_work("a", 1);
    struct pair inner = {NULL, NULL};
    struct tw_deferred *deferred = NULL;
    reactor = NULL;
    cooperator = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    if (tw_cooperator_new(reactor, NULL, &cooperator) == 0 &&
        tw_deferred_new(NULL, NULL, NULL, &inner.source, &inner.deferred) == 0 &&
        tw_cooperator_coiterate(cooperator, step, &a, NULL, &deferred) == 0) {
        a.deferred = inner.deferred;
        settle(inner.deferred, "one");
        settle(inner.deferred, "two"); /* the task's link is one too many to be inside */
        settle(deferred, "a");
        CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 0), 0);
        fire(inner.source, 1);
        CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 0), 0);
        CU_ASSERT_TRUE(tw_deferred_is_called(deferred));
    }
    if (inner.deferred && !deferred)
        settle(inner.deferred, "nobody waits for it");
    tw_cooperator_unref(cooperator);
    tw_deferred_unref(deferred);
    drop(&inner);
    tw_reactor_unref(reactor);
    trace_clear();
}
