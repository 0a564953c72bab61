/*
 * The event: set, clear and wait.
 */
#include "trace.h"

SUITE("event")

static struct tw_deferred_event *event;

static void set_up(void)
{
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_event_new(&event), 0);
}

static void tear_down(void)
{
    event = tw_deferred_event_unref(event);
}

static struct tw_deferred *wait_with(tw_call_fn fn, const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_event_wait(event, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, fn, (void *)(uintptr_t)name, NULL), 0);
    return deferred;
}

static struct tw_deferred *wait_for(const char *name)
{
    return wait_with(handle, name);
}

/* Those who wait are called by set, in order; once it is set nobody waits. */
TEST(set_calls_those_who_wait)
{
    struct tw_deferred *a, *b, *c;
    set_up();
    CU_ASSERT_FALSE(tw_deferred_event_is_set(event));
    a = wait_for("a");
    b = wait_for("b");
    CU_ASSERT_EQUAL(tw_deferred_event_waiting(event), 2);
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("a=0 b=0 ");
    CU_ASSERT_TRUE(tw_deferred_event_is_set(event));
    c = wait_for("c");
    TRACED("c=0 ");
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tear_down();
}

/* Who comes after clear waits for the next set. */
TEST(clear_makes_wait_again)
{
    struct tw_deferred *a;
    set_up();
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    CU_ASSERT_EQUAL(tw_deferred_event_clear(event), 0);
    a = wait_for("a");
    TRACED("");
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("a=0 ");
    tw_deferred_unref(a);
    tear_down();
}

static struct tw_deferred *late;

static void clear_and_wait(struct tw_result *result, void *name)
{
    handle(result, name);
    tw_deferred_event_clear(event);
    late = wait_for("late");
}

/* All who waited at the set have their turn, even if one of them clears it; who waits again then
 * waits for another set. */
TEST(all_who_waited_are_called_though_it_is_cleared)
{
    struct tw_deferred *a, *b;
    set_up();
    a = wait_with(clear_and_wait, "a");
    b = wait_for("b");
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("a=0 b=0 ");
    CU_ASSERT_FALSE(tw_deferred_event_is_set(event));
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("late=0 ");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(late);
    tear_down();
}

/* A cancel ends the wait. */
TEST(cancel_ends_the_wait)
{
    struct tw_deferred *a, *b;
    set_up();
    a = wait_for("a");
    b = wait_for("b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a), 0);
    TRACED("a!125 ");
    CU_ASSERT_EQUAL(tw_deferred_event_waiting(event), 1);
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("b=0 ");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

static void drop_event(struct tw_result *result, void *name)
{
    handle(result, name);
    tw_deferred_event_unref(event);
}

/* An event that goes abandons those who wait; inside a set, those it has reached are called. */
TEST(an_event_that_goes)
{
    struct tw_deferred *a, *b;
    set_up();
    a = wait_for("a");
    tear_down();
    TRACED("a!32 ");
    tw_deferred_unref(a);
    set_up();
    a = wait_with(drop_event, "a");
    b = wait_for("b");
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    TRACED("a=0 b=0 ");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
}

TEST(misuse_is_refused)
{
    struct tw_deferred *deferred = NULL;
    PROVOKE(tw_deferred_event_new(NULL));
    PROVOKE(tw_deferred_event_wait(NULL, &deferred));
    PROVOKE(tw_deferred_event_set(NULL));
    PROVOKE(tw_deferred_event_clear(NULL));
    CU_ASSERT_FALSE(tw_deferred_event_is_set(NULL));
    CU_ASSERT_PTR_NULL(tw_deferred_event_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_deferred_event_unref(NULL));
}

SWEEP(failing_allocations)
{
    struct tw_deferred *a = NULL, *b = NULL;
    int rc;
    event = NULL;
    if (tw_deferred_event_new(&event) < 0)
        return;
    rc = tw_deferred_event_wait(event, &a);
    CU_ASSERT_EQUAL(tw_deferred_event_waiting(event), rc == 0);
    CU_ASSERT_EQUAL(tw_deferred_event_set(event), 0);
    if (rc == 0)
        CU_ASSERT_TRUE(tw_deferred_is_called(a));
    (void)tw_deferred_event_wait(event, &b);
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    event = tw_deferred_event_unref(event);
}
