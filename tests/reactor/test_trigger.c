/*
 * Triggers: phases and their order, holding a phase, removing, and what happens to those added while
 * an event is fired.
 */
#include "../harness.h"

SUITE("trigger")

static struct tw_reactor *reactor;
static char text[1024];
static struct tw_trigger *kept; /* a reference of a test's */

static void set_up(void)
{
    text[0] = '\0';
    kept = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void tear_down(void)
{
    kept = tw_trigger_unref(kept);
    reactor = tw_reactor_unref(reactor);
}

#define WROTE(expected)                         \
    do {                                        \
        CU_ASSERT_STRING_EQUAL(text, expected); \
        text[0] = '\0';                         \
    } while (0)

static void write_name(struct tw_trigger *trigger, void *name)
{
    (void)trigger;
    strcat(strcat(text, (const char *)name), " ");
}

static void destroy_name(void *name)
{
    strcat(strcat(strcat(text, "~"), (const char *)name), " ");
}

static void add(enum tw_phase phase, const char *event, tw_trigger_fn fn, const char *name)
{
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, phase, event, fn, (void *)(uintptr_t)name, NULL, NULL), 0);
}

static struct tw_trigger *make(enum tw_phase phase, const char *event, tw_trigger_fn fn,
                               const char *name)
{
    struct tw_trigger *trigger = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_add_trigger(reactor, phase, event, fn, (void *)(uintptr_t)name,
                                                 destroy_name, &trigger),
                          0);
    return trigger;
}

static int fire(void)
{
    return tw_reactor_fire_event(reactor, "event");
}

/* Holds its phase until the test releases it. */
static void hold(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_hold(trigger), 0);
    kept = tw_trigger_ref(trigger);
}

static void release(void)
{
    CU_ASSERT_EQUAL(tw_trigger_release(kept), 0);
    kept = tw_trigger_unref(kept);
}

/* --- phases and order ------------------------------------------------------------------------- */

/* Any name will do; to fire one that nobody waits for does nothing. */
TEST(EVT_001_any_name_may_be_used)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "nobody's"), 0);
    add(TW_PHASE_BEFORE, "a name with spaces", write_name, "1");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("");
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "a name with spaces"), 0);
    WROTE("1 ");
    PROVOKE(tw_reactor_fire_event(reactor, NULL));
    PROVOKE(tw_reactor_fire_event(reactor, "startup"));
    PROVOKE(tw_reactor_fire_event(reactor, "shutdown"));
    tear_down();
}

/* Another phase than the three is refused, and the argument consumed. */
TEST(EVT_002_unknown_phase_is_refused)
{
    set_up();
    PROVOKE(tw_reactor_add_trigger(reactor, (enum tw_phase)3, "event", write_name, "1",
                                   destroy_name, NULL));
    PROVOKE(tw_reactor_add_trigger(reactor, (enum tw_phase) - 1, "event", write_name, "2",
                                   destroy_name, NULL));
    WROTE("~1 ~2 ");
    tear_down();
}

/* So is a trigger without a function. */
TEST(EVT_003_no_function_is_refused)
{
    set_up();
    PROVOKE(
        tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, "event", NULL, "1", destroy_name, NULL));
    PROVOKE(tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, NULL, write_name, "2", destroy_name,
                                   NULL));
    WROTE("~1 ~2 ");
    CU_ASSERT_EQUAL(fire(), 0);
    tear_down();
}

/* All before, then during, then after, each in the order added. */
TEST(EVT_004_phases_run_in_order)
{
    set_up();
    add(TW_PHASE_AFTER, "event", write_name, "a1");
    add(TW_PHASE_DURING, "event", write_name, "d1");
    add(TW_PHASE_BEFORE, "event", write_name, "b1");
    add(TW_PHASE_BEFORE, "event", write_name, "b2");
    add(TW_PHASE_DURING, "event", write_name, "d2");
    add(TW_PHASE_AFTER, "event", write_name, "a2");
    WROTE("");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("b1 b2 d1 d2 a1 a2 ");
    tear_down();
}

/* What was given is passed to it, and destroyed when it is over. */
TEST(EVT_021_argument_is_passed_and_destroyed)
{
    struct tw_trigger *trigger;
    set_up();
    trigger = make(TW_PHASE_DURING, "event", write_name, "1");
    add(TW_PHASE_DURING, "event", write_name, "2");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 ~1 2 ");
    tw_trigger_unref(trigger);
    tear_down();
}

/* A trigger runs once. */
TEST(EVT_010_trigger_is_consumed)
{
    set_up();
    add(TW_PHASE_BEFORE, "event", write_name, "1");
    CU_ASSERT_EQUAL(fire(), 0);
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 ");
    tear_down();
}

/* --- holding ---------------------------------------------------------------------------------- */

/* During begins only when all that hold the phase before it are released; what they were given is
 * destroyed then. */
TEST(EVT_005_during_waits_for_all_that_hold)
{
    struct tw_trigger *first, *second;
    set_up();
    first = make(TW_PHASE_BEFORE, "event", hold, "1");
    second = make(TW_PHASE_BEFORE, "event", hold, "2");
    add(TW_PHASE_BEFORE, "event", write_name, "3");
    add(TW_PHASE_DURING, "event", write_name, "during");
    CU_ASSERT_EQUAL(fire(), -EINPROGRESS);
    WROTE("1 2 3 ");
    CU_ASSERT_EQUAL(fire(), -EALREADY);
    CU_ASSERT_EQUAL(tw_trigger_release(second), 0);
    WROTE("~2 ");
    CU_ASSERT_EQUAL(tw_trigger_release(second), -EALREADY);
    CU_ASSERT_EQUAL(tw_trigger_release(first), 0);
    WROTE("~1 during ");
    tw_trigger_unref(first);
    tw_trigger_unref(first); /* kept, twice */
    tw_trigger_unref(second);
    kept = second;
    tear_down();
}

static struct tw_trigger *earlier;

static void release_earlier(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_release(earlier), 0);
}

/* All before triggers run even if one of them releases an earlier one. */
TEST(EVT_006_release_by_a_later_trigger)
{
    set_up();
    earlier = make(TW_PHASE_BEFORE, "event", hold, "1");
    add(TW_PHASE_BEFORE, "event", release_earlier, "2");
    add(TW_PHASE_BEFORE, "event", write_name, "3");
    add(TW_PHASE_DURING, "event", write_name, "during");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 2 ~1 3 during ");
    earlier = tw_trigger_unref(earlier);
    tear_down();
}

static void hold_twice_release_once(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_hold(trigger), 0);
    CU_ASSERT_EQUAL(tw_trigger_hold(trigger), 0);
    CU_ASSERT_EQUAL(tw_trigger_release(trigger), 0);
}

static void hold_and_release(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_hold(trigger), 0);
    CU_ASSERT_EQUAL(tw_trigger_release(trigger), 0);
}

/* Holds are counted, and one released inside the function holds nothing; outside it nothing can be
 * held. */
TEST(holds_are_counted)
{
    struct tw_trigger *trigger;
    set_up();
    trigger = make(TW_PHASE_DURING, "event", hold_twice_release_once, "1");
    PROVOKE(tw_trigger_hold(trigger));
    CU_ASSERT_EQUAL(tw_trigger_release(trigger), -EALREADY);
    add(TW_PHASE_AFTER, "event", hold_and_release, "2");
    CU_ASSERT_EQUAL(fire(), -EINPROGRESS);
    WROTE("1 ");
    PROVOKE(tw_trigger_hold(trigger));
    CU_ASSERT_EQUAL(tw_trigger_release(trigger), 0);
    WROTE("~1 2 ");
    tw_trigger_unref(trigger);
    tear_down();
}

/* Events are independent, also while one of them waits. */
TEST(EVT_018_events_are_independent)
{
    set_up();
    add(TW_PHASE_BEFORE, "event", hold, "1");
    add(TW_PHASE_DURING, "event", write_name, "2");
    add(TW_PHASE_BEFORE, "other", write_name, "3");
    CU_ASSERT_EQUAL(fire(), -EINPROGRESS);
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "other"), 0);
    WROTE("1 3 ");
    release();
    WROTE("2 ");
    tear_down();
}

/* --- removing --------------------------------------------------------------------------------- */

/* A trigger that was removed does not run; its argument is destroyed inside the removal. */
TEST(EVT_011_removed_trigger_does_not_run)
{
    struct tw_trigger *trigger;
    set_up();
    trigger = make(TW_PHASE_BEFORE, "event", write_name, "1");
    add(TW_PHASE_BEFORE, "event", write_name, "2");
    CU_ASSERT_EQUAL(tw_trigger_remove(trigger), 0);
    WROTE("~1 ");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("2 ");
    tw_trigger_unref(trigger);
    tear_down();
}

/* Removing it twice is answered, as is a handle that is none. */
TEST(EVT_012_removing_twice)
{
    struct tw_trigger *trigger;
    set_up();
    trigger = make(TW_PHASE_BEFORE, "event", write_name, "1");
    CU_ASSERT_EQUAL(tw_trigger_remove(trigger), 0);
    CU_ASSERT_EQUAL(tw_trigger_remove(trigger), -EALREADY);
    WROTE("~1 ");
    PROVOKE(tw_trigger_remove(NULL));
    tw_trigger_unref(trigger);
    tear_down();
}

static struct tw_trigger *victims[3];

static void remove_victims(struct tw_trigger *trigger, void *name)
{
    size_t i;
    write_name(trigger, name);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_trigger_remove(victims[i]), 0);
}

static void make_victims(void)
{
    victims[0] = make(TW_PHASE_BEFORE, "event", write_name, "b");
    victims[1] = make(TW_PHASE_DURING, "event", write_name, "d");
    victims[2] = make(TW_PHASE_AFTER, "event", write_name, "a");
}

static void drop_victims(void)
{
    size_t i;
    for (i = 0; i < 3; i++)
        victims[i] = tw_trigger_unref(victims[i]);
}

/* A before trigger may remove those to come, of any phase; so may anybody while a phase is held. */
TEST(EVT_013_trigger_removes_others)
{
    struct tw_trigger *during;
    set_up();
    add(TW_PHASE_BEFORE, "event", remove_victims, "1");
    make_victims();
    add(TW_PHASE_BEFORE, "event", hold, "2");
    during = make(TW_PHASE_DURING, "event", write_name, "3");
    CU_ASSERT_EQUAL(fire(), -EINPROGRESS);
    WROTE("1 ~b ~d ~a 2 ");
    CU_ASSERT_EQUAL(tw_trigger_remove(during), 0);
    release();
    WROTE("~3 ");
    drop_victims();
    tw_trigger_unref(during);
    tear_down();
}

/* One that has run already, in this firing too, is answered so. */
TEST(EVT_014_removing_what_has_run)
{
    struct tw_trigger *first;
    set_up();
    first = make(TW_PHASE_BEFORE, "event", write_name, "1");
    add(TW_PHASE_BEFORE, "event", hold, "2");
    CU_ASSERT_EQUAL(fire(), -EINPROGRESS);
    CU_ASSERT_EQUAL(tw_trigger_remove(first), -EALREADY);
    CU_ASSERT_EQUAL(tw_trigger_remove(kept), -EALREADY);
    release();
    tw_trigger_unref(first);
    tear_down();
}

/* The same function with the same argument in another phase is another trigger. */
TEST(EVT_015_same_function_in_another_phase)
{
    struct tw_trigger *before, *during;
    set_up();
    before = make(TW_PHASE_BEFORE, "event", write_name, "1");
    during = make(TW_PHASE_DURING, "event", write_name, "1");
    CU_ASSERT_EQUAL(tw_trigger_remove(during), 0);
    WROTE("~1 ");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 ~1 ");
    tw_trigger_unref(before);
    tw_trigger_unref(during);
    tear_down();
}

static void remove_one(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_remove(victims[0]), 0);
}

/* A during trigger may remove one of its own phase that is to come. */
TEST(EVT_016_during_removes_during)
{
    set_up();
    add(TW_PHASE_DURING, "event", remove_one, "1");
    victims[0] = make(TW_PHASE_DURING, "event", write_name, "2");
    add(TW_PHASE_DURING, "event", write_name, "3");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 ~2 3 ");
    victims[0] = tw_trigger_unref(victims[0]);
    tear_down();
}

/* Of two that are alike each has its own handle. */
TEST(EVT_019_alike_but_two)
{
    struct tw_trigger *first, *second;
    set_up();
    first = make(TW_PHASE_BEFORE, "event", write_name, "1");
    second = make(TW_PHASE_BEFORE, "event", write_name, "1");
    CU_ASSERT_PTR_NOT_EQUAL(first, second);
    CU_ASSERT_EQUAL(tw_trigger_remove(second), 0);
    WROTE("~1 ");
    CU_ASSERT_EQUAL(tw_trigger_remove(second), -EALREADY);
    CU_ASSERT_EQUAL(tw_trigger_remove(first), 0);
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("~1 ");
    tw_trigger_unref(first);
    tw_trigger_unref(second);
    tear_down();
}

/* --- adding while firing ---------------------------------------------------------------------- */

static void add_three(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    add(TW_PHASE_BEFORE, "event", write_name, "new-b");
    add(TW_PHASE_DURING, "event", write_name, "new-d");
    add(TW_PHASE_AFTER, "event", write_name, "new-a");
}

/* Those added to the phase in progress or a later one run in this firing, the others in the next. */
TEST(EVT_017_added_while_firing)
{
    set_up();
    add(TW_PHASE_DURING, "event", add_three, "1");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 new-d new-a ");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("new-b ");
    tear_down();
}

static void fire_inside(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(fire(), -EALREADY);
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "other"), 0);
}

/* Inside a firing the same event is not fired again, others are. */
TEST(fired_inside_a_trigger)
{
    set_up();
    add(TW_PHASE_BEFORE, "event", fire_inside, "1");
    add(TW_PHASE_AFTER, "event", write_name, "2");
    add(TW_PHASE_AFTER, "other", write_name, "other");
    CU_ASSERT_EQUAL(fire(), 0);
    WROTE("1 other 2 ");
    tear_down();
}

/* --- call when running ------------------------------------------------------------------------ */

static void write_action(void *name)
{
    write_name(NULL, name);
}

static void when_running(const char *name)
{
    CU_ASSERT_EQUAL(tw_reactor_call_when_running(reactor, write_action, (void *)(uintptr_t)name,
                                                 destroy_name, NULL),
                    0);
}

static void stop(void *name)
{
    write_action(name);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void run_until_stopped(void)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, "stop", NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
}

/* Before the reactor runs it is a trigger after startup, and there is a handle. */
TEST(CWR_001_is_an_after_startup_trigger)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_when_running(reactor, write_action, "1", destroy_name, &kept),
                    0);
    CU_ASSERT_PTR_NOT_NULL(kept);
    add(TW_PHASE_DURING, "startup", write_name, "during");
    add(TW_PHASE_AFTER, "startup", write_name, "after");
    WROTE("");
    run_until_stopped();
    WROTE("during 1 ~1 after stop ");
    tear_down();
}

/* They are called in the order given. */
TEST(CWR_002_in_the_order_given)
{
    set_up();
    when_running("1");
    when_running("2");
    when_running("3");
    run_until_stopped();
    WROTE("1 ~1 2 ~2 3 ~3 stop ");
    tear_down();
}

static void call_inside(void *name)
{
    struct tw_trigger *trigger = (struct tw_trigger *)text;
    CU_ASSERT_EQUAL(
        tw_reactor_call_when_running(reactor, write_action, "inner", destroy_name, &trigger), 0);
    CU_ASSERT_PTR_NULL(trigger);
    write_action(name);
}

/* While it runs they are called at once, and there is no handle. */
TEST(CWR_003_at_once_while_running)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, call_inside, "outer", NULL), 0);
    run_until_stopped();
    WROTE("inner ~inner outer stop ");
    PROVOKE(tw_reactor_call_when_running(reactor, NULL, "2", destroy_name, NULL));
    CU_ASSERT_EQUAL(tw_reactor_call_when_running(reactor, write_action, "3", destroy_name, NULL),
                    -ESHUTDOWN);
    WROTE("~2 ~3 ");
    tear_down();
}

static void ask_from_trigger(struct tw_trigger *trigger, void *name)
{
    when_running((const char *)name);
    write_name(trigger, "|");
}

/* In a during trigger of startup that is at once, in a before one it is not. */
TEST(CWR_005_in_startup_triggers)
{
    set_up();
    add(TW_PHASE_BEFORE, "startup", ask_from_trigger, "b");
    add(TW_PHASE_DURING, "startup", ask_from_trigger, "d");
    run_until_stopped();
    WROTE("| d ~d | b ~b stop ");
    tear_down();
}

/* The handle takes it back. */
TEST(CWR_006_handle_removes_it)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_when_running(reactor, write_action, "1", destroy_name, &kept),
                    0);
    CU_ASSERT_EQUAL(tw_trigger_remove(kept), 0);
    run_until_stopped();
    WROTE("~1 stop ");
    tear_down();
}

/* --- the end ---------------------------------------------------------------------------------- */

/* A reactor that goes lets go of all of them, also of those that hold, and calls nothing. */
TEST(triggers_go_with_the_reactor)
{
    struct tw_trigger *waiting, *holding;
    set_up();
    waiting = make(TW_PHASE_AFTER, "event", write_name, "1");
    holding = make(TW_PHASE_BEFORE, "event", hold, "2");
    CU_ASSERT_EQUAL(fire(), -EINPROGRESS);
    when_running("3");
    WROTE("2 ");
    CU_ASSERT_PTR_EQUAL(holding, kept);
    tear_down();
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "~1 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "~2 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "~3 "));
    CU_ASSERT_EQUAL(strlen(text), 9);
    CU_ASSERT_EQUAL(tw_trigger_release(holding), -EALREADY);
    CU_ASSERT_EQUAL(tw_trigger_remove(waiting), -EALREADY);
    tw_trigger_unref(waiting);
    tw_trigger_unref(holding);
    CU_ASSERT_PTR_NULL(tw_trigger_ref(NULL));
}

/* Whatever allocation fails, each argument is destroyed once, and those that were accepted run. */
SWEEP(EVT_004_nothing_is_lost_when_memory_is_short)
{
    int ran = 0, accepted = 0, i;
    text[0] = '\0';
    kept = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    for (i = 0; i < 3; i++) {
        int rc = tw_reactor_add_trigger(reactor, (enum tw_phase)i, i ? "event" : "other",
                                        write_name, "1", destroy_name, NULL);
        CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
        accepted += rc == 0;
        CU_ASSERT_EQUAL(strlen(text), rc == 0 ? 0 : 3);
        text[0] = '\0';
    }
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "other"), 0);
    CU_ASSERT_EQUAL(fire(), 0);
    ran = (int)(strlen(text) / strlen("1 ~1 "));
    CU_ASSERT_EQUAL(ran, accepted);
    tear_down();
}
