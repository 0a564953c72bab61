/*
 * The reactor on a test clock beside Twisted's Clock: what test_delayed_call.c, which is written on
 * it, does not show of section CLK under that name.
 */
#include "../harness.h"

SUITE("clock reactor")

static struct tw_reactor *reactor;
static char text[256];

static void set_up(void)
{
    text[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
}

static void write_name(void *name)
{
    strcat(strcat(text, (const char *)name), " ");
}

static struct tw_delayed_call *later(int64_t delay, const char *name)
{
    struct tw_delayed_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(
        tw_reactor_call_later(reactor, delay, write_name, (void *)(uintptr_t)name, NULL, &call), 0);
    return call;
}

static void advance(int64_t duration)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, duration), 0);
}

#define WROTE(expected)                         \
    do {                                        \
        CU_ASSERT_STRING_EQUAL(text, expected); \
        text[0] = '\0';                         \
    } while (0)

/* CLK-002: a delayed call has here the operations it has on any reactor. */
TEST(CLK_002_delayed_calls_as_on_any_reactor)
{
    struct tw_delayed_call *a, *b, *c;
    set_up();
    a = later(10, "a");
    b = later(10, "b");
    c = later(10, "c");
    CU_ASSERT_EQUAL(tw_delayed_call_time(a), 10);
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(a), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_delay(b, 5), 0);
    advance(3);
    CU_ASSERT_EQUAL(tw_delayed_call_reset(c, 2), 0);
    advance(2);
    WROTE("c ");
    CU_ASSERT_FALSE(tw_delayed_call_is_active(a));
    CU_ASSERT_TRUE(tw_delayed_call_is_active(b));
    advance(10);
    WROTE("b ");
    tw_delayed_call_unref(a);
    tw_delayed_call_unref(b);
    tw_delayed_call_unref(c);
    tear_down();
}

/* CLK-003: a negative delay is refused here as on any reactor. */
TEST(CLK_003_negative_delay)
{
    set_up();
    PROVOKE(tw_reactor_call_later(reactor, -1, write_name, "a", NULL, NULL));
    advance(1);
    WROTE("");
    tear_down();
}

/* CLK-005: calls due at the same time run in the order they were made. */
TEST(CLK_005_equal_times_first_in_first_out)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    size_t i;
    set_up();
    for (i = 0; i < sizeof names / sizeof *names; i++)
        tw_delayed_call_unref(later(7, names[i]));
    advance(7);
    WROTE("a b c d e f ");
    tear_down();
}

static void advance_inside(void *arg)
{
    (void)arg;
    PROVOKE_ERROR(tw_test_clock_reactor_advance(reactor, 5), -EDEADLK);
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 5), 0);
    write_name("inside");
}

/* CLK-009: inside a call the loop cannot be turned, but its clock be moved: what becomes due runs
 * after it, in the same advance. */
TEST(CLK_009_advance_from_inside_a_call)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, advance_inside, NULL, NULL, NULL), 0);
    tw_delayed_call_unref(later(6, "late"));
    tw_delayed_call_unref(later(7, "not yet"));
    advance(1);
    WROTE("inside late ");
    tear_down();
}

static struct tw_delayed_call *running;

static void cancel_itself(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(running), -EALREADY);
    write_name("ran");
}

/* CLK-010: a call that runs cannot be cancelled any more. */
TEST(CLK_010_cancel_from_inside_the_call)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, cancel_itself, NULL, NULL, &running), 0);
    advance(1);
    WROTE("ran ");
    tw_delayed_call_unref(running);
    tear_down();
}

static void count_calls(void *expected)
{
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, NULL, 0), *(size_t *)expected);
    write_name("counted");
}

/* CLK-012: the calls that have still to run can be listed, inside one too, which is none of them. */
TEST(CLK_012_pending_calls_are_listed)
{
    struct tw_delayed_call *calls[2] = {NULL, NULL}, *later_one;
    size_t one = 1;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, count_calls, &one, NULL, NULL), 0);
    later_one = later(2, "b");
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, calls, 2), 2);
    advance(1);
    WROTE("counted ");
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, calls, 2), 1);
    CU_ASSERT_PTR_EQUAL(calls[0], later_one);
    advance(1);
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, calls, 2), 0);
    tw_delayed_call_unref(later_one);
    tear_down();
}

/* CLK-013: time does not go back. */
TEST(CLK_013_negative_advance)
{
    set_up();
    advance(10);
    PROVOKE(tw_test_clock_reactor_advance(reactor, -1));
    CU_ASSERT_EQUAL(tw_clock_now(tw_reactor_clock(reactor)), 10);
    tear_down();
}
