/*
 * The queue: values for those who wait, those who wait for values, and the bounds of both.
 */
#include "trace.h"

SUITE("queue")

static struct tw_deferred_queue *queue;

static void set_up_bounded(size_t size, size_t backlog)
{
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_queue_new(size, backlog, &queue), 0);
}

static void set_up(void)
{
    set_up_bounded(TW_QUEUE_UNLIMITED, TW_QUEUE_UNLIMITED);
}

static void tear_down(void)
{
    queue = tw_deferred_queue_unref(queue);
}

static int put(int number)
{
    return tw_deferred_queue_put(queue, VALUE(number), NULL);
}

static struct tw_deferred *get_with(tw_call_fn fn, const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_queue_get(queue, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, fn, (void *)(uintptr_t)name, NULL), 0);
    return deferred;
}

static struct tw_deferred *get(const char *name)
{
    return get_with(handle, name);
}

/* QUE-001: a put serves the oldest who waits, inside the call, and nothing is stored. */
TEST(QUE_001_put_serves_the_oldest_who_waits)
{
    struct tw_deferred *a, *b;
    set_up();
    a = get("a");
    b = get("b");
    CU_ASSERT_EQUAL(tw_deferred_queue_waiting(queue), 2);
    CU_ASSERT_EQUAL(put(1), 0);
    TRACED("a=1 ");
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), 0);
    CU_ASSERT_EQUAL(put(2), 0);
    TRACED("b=2 ");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

/* QUE-002: with nobody waiting it is stored, if there is room. */
TEST(QUE_002_put_stores)
{
    set_up_bounded(2, 0);
    CU_ASSERT_EQUAL(put(1), 0);
    CU_ASSERT_EQUAL(put(2), 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), 2);
    tear_down();
}

/* QUE-003: without room it is refused and not stored; being consumed, it goes. */
TEST(QUE_003_put_beyond_the_size_is_refused)
{
    struct tw_deferred *a;
    set_up_bounded(1, TW_QUEUE_UNLIMITED);
    CU_ASSERT_EQUAL(tw_deferred_queue_put(queue, "x", destroy_name), 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_put(queue, "y", destroy_name), -EAGAIN);
    TRACED("~y ");
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), 1);
    CU_ASSERT_EQUAL(tw_deferred_queue_get(queue, &a), 0);
    CU_ASSERT_EQUAL(put(2), 0);
    tw_deferred_unref(a);
    TRACED("~x ");
    tear_down();
}

/* QUE-004: a get with something stored has fired on return, with the oldest. */
TEST(QUE_004_get_takes_the_oldest)
{
    struct tw_deferred *a = NULL;
    int i;
    set_up();
    for (i = 1; i <= 40; i++)
        CU_ASSERT_EQUAL(put(i), 0);
    for (i = 1; i <= 40; i++) {
        CU_ASSERT_EQUAL(tw_deferred_queue_get(queue, &a), 0);
        CU_ASSERT_TRUE(tw_deferred_is_called(a));
        if (i > 37)
            settle(a, "a");
        tw_deferred_unref(a);
        if (i <= 20)
            CU_ASSERT_EQUAL(put(100 + i), 0);
    }
    TRACED("a=38 a=39 a=40 ");
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), 20);
    a = get("a");
    TRACED("a=101 ");
    tw_deferred_unref(a);
    tear_down();
}

/* QUE-004: also when room is made for more while the oldest is somewhere in the middle. */
TEST(QUE_004_order_is_kept_when_it_grows)
{
    struct tw_deferred *a;
    int i, next = 1;
    set_up();
    for (i = 1; i <= 10; i++)
        CU_ASSERT_EQUAL(put(i), 0);
    for (; i <= 60; i++) {
        CU_ASSERT_EQUAL(put(i), 0);
        if (i % 3)
            continue;
        trace_clear();
        a = get("a");
        CU_ASSERT_EQUAL(atoi(trace_text + 2), next++);
        tw_deferred_unref(a);
    }
    for (; next <= 60; next++) {
        trace_clear();
        a = get("a");
        CU_ASSERT_EQUAL(atoi(trace_text + 2), next);
        tw_deferred_unref(a);
    }
    tear_down();
}

/* QUE-005: with nothing stored a get waits, if there is room in the backlog. */
TEST(QUE_005_get_waits)
{
    struct tw_deferred *a;
    set_up_bounded(0, 1);
    a = get("a");
    TRACED("");
    CU_ASSERT_EQUAL(put(1), 0);
    TRACED("a=1 ");
    tw_deferred_unref(a);
    tear_down();
}

/* QUE-006: beyond the backlog a get is refused. */
TEST(QUE_006_get_beyond_the_backlog_is_refused)
{
    struct tw_deferred *a, *b = NULL;
    set_up_bounded(TW_QUEUE_UNLIMITED, 1);
    a = get("a");
    CU_ASSERT_EQUAL(tw_deferred_queue_get(queue, &b), -EAGAIN);
    CU_ASSERT_PTR_NULL(b);
    CU_ASSERT_EQUAL(tw_deferred_queue_waiting(queue), 1);
    CU_ASSERT_EQUAL(put(1), 0);
    TRACED("a=1 ");
    tw_deferred_unref(a);
    tear_down();
}

/* QUE-007: with size 0 nothing is stored, but one who waits is served. */
TEST(QUE_007_size_0)
{
    struct tw_deferred *a;
    set_up_bounded(0, TW_QUEUE_UNLIMITED);
    CU_ASSERT_EQUAL(put(1), -EAGAIN);
    a = get("a");
    CU_ASSERT_EQUAL(put(2), 0);
    TRACED("a=2 ");
    tw_deferred_unref(a);
    tear_down();
}

/* QUE-008: with backlog 0 a get needs something stored. */
TEST(QUE_008_backlog_0)
{
    struct tw_deferred *a = NULL;
    set_up_bounded(TW_QUEUE_UNLIMITED, 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_get(queue, &a), -EAGAIN);
    CU_ASSERT_EQUAL(put(1), 0);
    a = get("a");
    TRACED("a=1 ");
    tw_deferred_unref(a);
    tear_down();
}

/* QUE-009: both may be without bound. */
TEST(QUE_009_unlimited)
{
    enum { MANY = 3000 };
    static struct tw_deferred *all[MANY];
    int i, rc = 0;
    long empty;
    set_up();
    empty = harness_live();
    for (i = 0; i < MANY; i++)
        rc |= put(i);
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), MANY);
    for (i = 0; i < MANY; i++)
        rc |= tw_deferred_queue_get(queue, &all[i]);
    for (i = 0; i < MANY; i++)
        tw_deferred_unref(all[i]);
    CU_ASSERT_EQUAL(harness_live(), empty); /* much room is given back when it is empty */
    for (i = 0; i < MANY; i++)
        rc |= tw_deferred_queue_get(queue, &all[i]);
    CU_ASSERT_EQUAL(tw_deferred_queue_waiting(queue), MANY);
    for (i = 0; i < MANY; i++)
        rc |= put(i);
    CU_ASSERT_EQUAL(rc, 0);
    for (i = 0; i < MANY; i++)
        tw_deferred_unref(all[i]);
    tear_down();
}

/* QUE-010: a cancel takes out who waits, and frees its place; a later put does not find it. */
TEST(QUE_010_cancel_while_waiting)
{
    struct tw_deferred *a, *b;
    set_up_bounded(0, 1);
    a = get("a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a), 0);
    TRACED("a!125 ");
    CU_ASSERT_EQUAL(put(1), -EAGAIN);
    b = get("b");
    CU_ASSERT_EQUAL(put(2), 0);
    TRACED("b=2 ");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

/* QUE-011: a cancel of one that has been served does nothing. */
TEST(QUE_011_cancel_when_served)
{
    struct tw_deferred *a = NULL;
    set_up();
    CU_ASSERT_EQUAL(put(1), 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_get(queue, &a), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a), 0);
    settle(a, "a");
    TRACED("a=1 ");
    tw_deferred_unref(a);
    tear_down();
}

static struct tw_deferred *other;

static void put_and_cancel_other(struct tw_result *result, void *name)
{
    handle(result, name);
    CU_ASSERT_EQUAL(tw_deferred_queue_put(queue, "value", destroy_name), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(other), 0);
    trace("%s. ", (const char *)name);
}

static void take_name(struct tw_result *result, void *arg)
{
    trace("%s:%s ", (const char *)arg, (const char *)tw_result_value(result));
}

/* QUE-011: nor of one that has been served and has not had its turn: no value is lost. */
TEST(QUE_011_cancel_between_put_and_call)
{
    struct tw_deferred *a;
    set_up();
    a = get_with(put_and_cancel_other, "a");
    other = get_with(take_name, "b");
    CU_ASSERT_EQUAL(put(1), 0);
    TRACED("a=1 b:value a. ");
    tw_deferred_unref(a);
    tw_deferred_unref(other);
    TRACED("~value ");
    tear_down();
}

/* QUE-012: a failure that is put in makes whoever gets it fail. */
TEST(QUE_012_failures)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 9, "put in");
    struct tw_deferred *a, *b;
    set_up();
    a = get("a");
    CU_ASSERT_EQUAL(tw_deferred_queue_put_failure(queue, failure), 0);
    TRACED("a!9 ");
    CU_ASSERT_EQUAL(tw_deferred_queue_put_failure(queue, failure), 0);
    b = get("b");
    TRACED("b!9 ");
    tw_failure_unref(failure);
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

static void put_two(struct tw_result *result, void *name)
{
    handle(result, name);
    CU_ASSERT_EQUAL(put(7), 0);
    CU_ASSERT_EQUAL(put(8), 0);
    trace("%s. ", (const char *)name);
}

/* QUE-013: a put from inside a call serves the next in line before the outer put returns, even
 * where nothing can be stored. */
TEST(QUE_013_put_from_inside_a_call)
{
    struct tw_deferred *a, *b, *c;
    set_up_bounded(0, TW_QUEUE_UNLIMITED);
    a = get_with(put_two, "a");
    b = get("b");
    c = get("c");
    CU_ASSERT_EQUAL(put(1), 0);
    TRACED("a=1 a. b=7 c=8 ");
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), 0);
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tear_down();
}

/* A queue that goes abandons those who wait, destroys what is stored, and reports failures. */
TEST(a_queue_that_goes)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 9, "put in");
    struct tw_deferred *a;
    set_up();
    a = get("a");
    tear_down();
    TRACED("a!32 ");
    tw_deferred_unref(a);
    set_up();
    CU_ASSERT_EQUAL(tw_deferred_queue_put(queue, "x", destroy_name), 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_put_failure(queue, failure), 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_put(queue, "y", destroy_name), 0);
    tw_failure_unref(failure);
    tear_down();
    TRACED("~x ~y ");
    EXPECT_REPORTS(1);
}

static void drop_queue(struct tw_result *result, void *name)
{
    handle(result, name);
    tw_deferred_queue_unref(queue);
}

/* The last hold may go inside a put. */
TEST(a_queue_goes_inside_its_put)
{
    struct tw_deferred *a, *b;
    set_up();
    a = get_with(drop_queue, "a");
    b = get("b");
    CU_ASSERT_EQUAL(put(1), 0);
    TRACED("a=1 b!32 ");
    tw_deferred_unref(a);
    tw_deferred_unref(b);
}

TEST(misuse_is_refused)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 9, "put in");
    struct tw_deferred *a = NULL;
    trace_clear();
    set_up();
    PROVOKE(tw_deferred_queue_new(1, 1, NULL));
    PROVOKE(tw_deferred_queue_put(NULL, "x", destroy_name));
    TRACED("~x ");
    PROVOKE(tw_deferred_queue_put_failure(queue, NULL));
    PROVOKE(tw_deferred_queue_put_failure(NULL, failure));
    PROVOKE(tw_deferred_queue_get(queue, NULL));
    PROVOKE(tw_deferred_queue_get(NULL, &a));
    CU_ASSERT_PTR_NULL(tw_deferred_queue_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_deferred_queue_unref(NULL));
    tw_failure_unref(failure);
    tear_down();
}

/* Without memory a put is refused and its value goes; a get leaves what is stored. */
SWEEP(failing_allocations)
{
    struct tw_deferred *a = NULL, *b = NULL;
    int gone = 0, rc, waits;
    queue = NULL;
    if (tw_deferred_queue_new(1, 1, &queue) < 0)
        return;
    rc = tw_deferred_queue_put(queue, &gone, count_destroy);
    CU_ASSERT_EQUAL(gone, rc < 0);
    CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), rc == 0);
    if (rc == 0 && tw_deferred_queue_get(queue, &a) < 0)
        CU_ASSERT_EQUAL(tw_deferred_queue_pending(queue), 1);
    waits = tw_deferred_queue_get(queue, &b) == 0 && !tw_deferred_is_called(b);
    CU_ASSERT_EQUAL(tw_deferred_queue_waiting(queue), waits ? 1 : 0);
    rc = tw_deferred_queue_put(queue, &gone, count_destroy);
    CU_ASSERT_TRUE(rc == 0 || !waits); /* with somebody waiting no memory is needed */
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    queue = tw_deferred_queue_unref(queue);
    CU_ASSERT_EQUAL(gone, 2);
}
