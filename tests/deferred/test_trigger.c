/*
 * Triggers that hold their phase until a Deferred has fired.
 */
#include "../harness.h"

SUITE("trigger, deferred")

static struct tw_reactor *reactor;
static struct tw_source *source;
static struct tw_deferred *deferred;
static char text[256];

static void set_up(void)
{
    text[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
    if (source && !tw_deferred_is_called(deferred))
        CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    source = tw_source_unref(source);
    deferred = tw_deferred_unref(deferred);
}

static void write_name(struct tw_trigger *trigger, void *name)
{
    (void)trigger;
    strcat(strcat(text, (const char *)name), " ");
}

static void hold(struct tw_trigger *trigger, void *name)
{
    write_name(trigger, name);
    CU_ASSERT_EQUAL(tw_trigger_hold_until(trigger, deferred), 0);
}

static void add(enum tw_phase phase, const char *event, tw_trigger_fn fn, const char *name)
{
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, phase, event, fn, (void *)(uintptr_t)name, NULL, NULL), 0);
}

static void add_two(const char *event)
{
    add(TW_PHASE_BEFORE, event, hold, "before");
    add(TW_PHASE_DURING, event, write_name, "during");
}

/* During starts once the Deferred has fired, inside its firing. */
TEST(EVT_005_during_waits_for_the_deferred)
{
    set_up();
    add_two("event");
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "event"), -EINPROGRESS);
    CU_ASSERT_STRING_EQUAL(text, "before ");
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    CU_ASSERT_STRING_EQUAL(text, "before during ");
    tear_down();
}

/* One that has fired already holds nothing. */
TEST(EVT_005_fired_already)
{
    set_up();
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    add_two("event");
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "event"), 0);
    CU_ASSERT_STRING_EQUAL(text, "before during ");
    tear_down();
}

/* One that fails counts as done; the failure stays unhandled, and is reported when it goes. */
TEST(EVT_007_failure_counts_as_done)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 7, "no luck");
    set_up();
    add_two("event");
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "event"), -EINPROGRESS);
    CU_ASSERT_EQUAL(tw_source_errback(source, failure), 0);
    tw_failure_unref(failure);
    CU_ASSERT_STRING_EQUAL(text, "before during ");
    CU_ASSERT_EQUAL(harness_reports(), 0);
    tear_down();
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
}

/* So does one whose source has gone: it fails as abandoned. */
TEST(EVT_007_abandoned_counts_as_done)
{
    set_up();
    add_two("event");
    CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "event"), -EINPROGRESS);
    source = tw_source_unref(source);
    CU_ASSERT_STRING_EQUAL(text, "before during ");
    tear_down();
    EXPECT_REPORTS(1);
}

static void fire(void *arg)
{
    (void)arg;
    strcat(text, "fire ");
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

/* RCT-010: so shutdown waits for a Deferred, with the loop turning. */
TEST(RCT_010_shutdown_waits_for_a_deferred)
{
    set_up();
    add_two("shutdown");
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, stop, NULL, NULL, NULL), 0);
    tw_reactor_pass(reactor); /* as a loop that is not ours would: that starts it */
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, fire, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_STRING_EQUAL(text, "before fire during ");
    tear_down();
}

/* Outside the trigger's function there is nothing to be held. */
TEST(only_inside_the_function)
{
    struct tw_trigger *trigger = NULL;
    set_up();
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, "event", write_name, "1", NULL, &trigger),
        0);
    PROVOKE(tw_trigger_hold_until(trigger, deferred));
    PROVOKE(tw_trigger_hold_until(trigger, NULL));
    tw_trigger_unref(trigger);
    tear_down();
}

static int held;

static void try_to_hold(struct tw_trigger *trigger, void *arg)
{
    (void)arg;
    held = tw_trigger_hold_until(trigger, deferred);
    CU_ASSERT(held == 0 || (held == -ENOMEM && harness_failed_one()));
}

static void nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* Out of memory, which a third link may be, the phase is not held. */
SWEEP(EVT_005_not_held_when_memory_is_short)
{
    int rc;
    reactor = NULL;
    source = NULL;
    deferred = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0 ||
        tw_deferred_new(NULL, NULL, NULL, &source, &deferred) < 0) {
        CU_ASSERT_TRUE(harness_failed_one());
        tear_down();
        return;
    }
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, nothing, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, nothing, NULL, NULL), 0);
    rc = tw_reactor_add_trigger(reactor, TW_PHASE_BEFORE, "event", try_to_hold, NULL, NULL, NULL);
    if (rc >= 0) {
        rc = tw_reactor_fire_event(reactor, "event");
        CU_ASSERT_EQUAL(rc, held == 0 ? -EINPROGRESS : 0);
        CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
        CU_ASSERT_EQUAL(tw_reactor_fire_event(reactor, "event"), 0);
    }
    tear_down();
}
