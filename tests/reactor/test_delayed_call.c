/*
 * Delayed calls, on the test clock's reactor: when they run and in which order, cancel, reset and
 * delay in every state.
 */
#include "../harness.h"

SUITE("delayed call")

static struct tw_reactor *reactor;
static char text[1024];

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

static void destroy_name(void *name)
{
    strcat(text, "~");
    write_name(name);
}

static struct tw_delayed_call *later(int64_t delay, const char *name)
{
    struct tw_delayed_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_call_later(reactor, delay, write_name, (void *)(uintptr_t)name,
                                                destroy_name, &call),
                          0);
    return call;
}

/* A call nobody keeps a handle of. */
static void set(int64_t delay, const char *name)
{
    tw_delayed_call_unref(later(delay, name));
}

static void advance(int64_t duration)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, duration), 0);
}

static uint64_t now(void)
{
    return tw_clock_now(tw_reactor_clock(reactor));
}

#define WROTE(expected)                         \
    do {                                        \
        CU_ASSERT_STRING_EQUAL(text, expected); \
        text[0] = '\0';                         \
    } while (0)

/* --- when ------------------------------------------------------------------------------------- */

/* CLK-001, TIM-001: the clock starts at 0 and moves only when told; a call runs once it has
 * reached its time, and its argument is destroyed after it. */
TEST(TIM_001_runs_when_it_is_due)
{
    set_up();
    CU_ASSERT_EQUAL(now(), 0);
    set(10, "a");
    advance(9);
    WROTE("");
    advance(1);
    WROTE("a ~a ");
    advance(100);
    WROTE("");
    CU_ASSERT_EQUAL(now(), 110);
    tear_down();
}

/* TIM-002 (and CLK-003, which differs on purpose): a negative delay is refused, as is a call of
 * nothing; the argument is consumed. */
TEST(TIM_002_negative_delay_is_refused)
{
    struct tw_delayed_call *call = NULL;
    set_up();
    PROVOKE(tw_reactor_call_later(reactor, -1, write_name, "1", destroy_name, &call));
    PROVOKE(tw_reactor_call_later(reactor, 1, NULL, "2", destroy_name, &call));
    PROVOKE(tw_reactor_call_later(NULL, 1, write_name, "3", destroy_name, &call));
    WROTE("~1 ~2 ~3 ");
    CU_ASSERT_PTR_NULL(call);
    tear_down();
}

static void set_another(void *name)
{
    write_name(name);
    set(0, "new");
    strcat(text, "| ");
}

/* TIM-003: with delay 0 it runs in a later pass: not inside the call, nor in the pass that made
 * it. */
TEST(TIM_003_delay_0_runs_in_a_later_pass)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, set_another, "a", NULL, NULL), 0);
    WROTE("");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    WROTE("a | ");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    WROTE("new ~new ");
    tear_down();
}

/* CLK-006: but an advance goes on until nothing is due. */
TEST(CLK_006_advance_runs_what_it_makes_due)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 5, set_another, "a", NULL, NULL), 0);
    advance(5);
    WROTE("a | new ~new ");
    tear_down();
}

static void move_the_clock(void *name)
{
    write_name(name);
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 10), 0);
}

/* TIM-004: within one pass the time is read once; what becomes due while others run waits for the
 * next. */
TEST(TIM_004_time_is_read_once_in_a_pass)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, move_the_clock, "a", NULL, NULL), 0);
    set(5, "b");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    WROTE("a ");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    WROTE("b ~b ");
    tear_down();
}

static void see_time(void *ret_time)
{
    *(uint64_t *)ret_time = now();
}

/* CLK-004: an advance first moves the time by all of it, then runs what is due, earliest first:
 * all see the final time. */
TEST(CLK_004_calls_see_the_final_time)
{
    uint64_t first = 0, second = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 20, see_time, &second, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 10, see_time, &first, NULL, NULL), 0);
    advance(50);
    CU_ASSERT_EQUAL(first, 50);
    CU_ASSERT_EQUAL(second, 50);
    tear_down();
}

/* TIM-005, CLK-005: in the order of their times, and of equal ones in the order they were made
 * due, by a reset too. */
TEST(TIM_005_in_order_and_fifo_at_equal_time)
{
    struct tw_delayed_call *moved;
    set_up();
    moved = later(10, "moved");
    set(20, "20a");
    set(10, "10a");
    set(20, "20b");
    set(10, "10b");
    set(5, "5");
    CU_ASSERT_EQUAL(tw_delayed_call_reset(moved, 20), 0);
    set(20, "20c");
    advance(30);
    WROTE("5 ~5 10a ~10a 10b ~10b 20a ~20a 20b ~20b moved ~moved 20c ~20c ");
    tw_delayed_call_unref(moved);
    tear_down();
}

/* TIM-022: a time in the far future does no harm, and TW_FOREVER is never, until it is reset. */
TEST(TIM_022_far_future_and_never)
{
    struct tw_delayed_call *never;
    set_up();
    never = later(TW_FOREVER, "never");
    set(TW_FOREVER - 1, "far");
    set(1, "soon");
    CU_ASSERT_EQUAL(tw_delayed_call_time(never), TW_NEVER);
    advance(TW_FOREVER - 2);
    WROTE("soon ~soon ");
    CU_ASSERT_TRUE(tw_delayed_call_is_active(never));
    CU_ASSERT_EQUAL(tw_delayed_call_reset(never, 1), 0);
    advance(1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "never ~never "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "far ~far "));
    tw_delayed_call_unref(never);
    tear_down();
}

/* TIM-024: it counts from the call, whether the reactor runs or not. */
TEST(TIM_024_counts_from_the_call)
{
    struct tw_delayed_call *call;
    set_up();
    advance(100);
    call = later(5, "a");
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), 105);
    tw_delayed_call_unref(call);
    tear_down();
    WROTE("~a ");
}

/* --- cancel, reset, delay --------------------------------------------------------------------- */

/* What all three answer when it is too late. */
static void expect_too_late(struct tw_delayed_call *call)
{
    CU_ASSERT_FALSE(tw_delayed_call_is_active(call));
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(call), -EALREADY);
    CU_ASSERT_EQUAL(tw_delayed_call_reset(call, 1), -EALREADY);
    CU_ASSERT_EQUAL(tw_delayed_call_delay(call, 1), -EALREADY);
}

/* TIM-009, TIM-010, TIM-011, TIM-016: cancelled, it never runs, its argument is destroyed inside
 * the cancel; after that nothing can be done to it, and its time can still be read (TIM-015). */
TEST(TIM_009_cancel)
{
    struct tw_delayed_call *call;
    set_up();
    call = later(10, "a");
    CU_ASSERT_TRUE(tw_delayed_call_is_active(call));
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(call), 0);
    WROTE("~a ");
    expect_too_late(call);
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), 10);
    advance(20);
    WROTE("");
    tw_delayed_call_unref(call);
    tear_down();
}

static struct tw_delayed_call *self;

static void touch_itself(void *name)
{
    write_name(name);
    expect_too_late(self);
}

/* TIM-007, TIM-009, TIM-010, CLK-010: while it runs and after it has run it is no longer active,
 * and can be neither cancelled nor moved. */
TEST(TIM_007_running_call_is_no_longer_active)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, touch_itself, "a", destroy_name, &self), 0);
    advance(1);
    WROTE("a ~a ");
    expect_too_late(self);
    tw_delayed_call_unref(self);
    tear_down();
}

static struct tw_delayed_call *other;

static void cancel_other(void *name)
{
    write_name(name);
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(other), 0);
}

/* TIM-012: a call may cancel another that is due in the same pass; that one does not run. */
TEST(TIM_012_call_may_cancel_another_due_in_the_same_pass)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, cancel_other, "a", NULL, NULL), 0);
    other = later(1, "b");
    set(1, "c");
    advance(1);
    WROTE("a ~b c ~c ");
    tw_delayed_call_unref(other);
    tear_down();
}

static void put_other_off(void *name)
{
    write_name(name);
    CU_ASSERT_EQUAL(tw_delayed_call_reset(other, 10), 0);
}

/* CLK-007: the same for one that is put off. */
TEST(CLK_007_call_may_put_off_another)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, put_other_off, "a", NULL, NULL), 0);
    other = later(1, "b");
    set(1, "c");
    advance(5);
    WROTE("a c ~c ");
    CU_ASSERT_EQUAL(tw_delayed_call_time(other), 15);
    advance(10);
    WROTE("b ~b ");
    tw_delayed_call_unref(other);
    tear_down();
}

/* TIM-013, TIM-015: reset counts from now, to earlier or later; a negative one is overdue. */
TEST(TIM_013_reset_counts_from_now)
{
    struct tw_delayed_call *a, *b;
    set_up();
    a = later(10, "a");
    b = later(10, "b");
    advance(5);
    CU_ASSERT_EQUAL(tw_delayed_call_reset(a, 10), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_time(a), 15);
    CU_ASSERT_EQUAL(tw_delayed_call_reset(b, 2), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_time(b), 7);
    advance(2);
    WROTE("b ~b ");
    CU_ASSERT_EQUAL(tw_delayed_call_reset(a, -3), 0);
    advance(0);
    WROTE("a ~a ");
    tw_delayed_call_unref(a);
    tw_delayed_call_unref(b);
    tear_down();
}

/* TIM-014: delay moves it from the time it is due, to later or earlier. */
TEST(TIM_014_delay_counts_from_its_time)
{
    struct tw_delayed_call *a;
    set_up();
    a = later(10, "a");
    advance(5);
    CU_ASSERT_EQUAL(tw_delayed_call_delay(a, 10), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_time(a), 20);
    CU_ASSERT_EQUAL(tw_delayed_call_delay(a, -4), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_time(a), 16);
    advance(10);
    WROTE("");
    advance(1);
    WROTE("a ~a ");
    tw_delayed_call_unref(a);
    tear_down();
}

static struct tw_delayed_call *listed[4];

static size_t list(void)
{
    memset(listed, 0, sizeof listed);
    return tw_reactor_delayed_calls(reactor, listed, 4);
}

static void list_inside(void *name)
{
    write_name(name);
    CU_ASSERT_EQUAL(list(), 1);
    CU_ASSERT_PTR_EQUAL(listed[0], other);
}

/* A call that runs is not among those listed. */
TEST(TIM_008_running_call_is_not_listed)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, list_inside, "a", NULL, NULL), 0);
    other = later(2, "b");
    advance(1);
    WROTE("a ");
    tw_delayed_call_unref(other);
    tear_down();
}

/* After a cancel, too, it can be neither moved nor cancelled. */
TEST(TIM_010_moving_what_is_over)
{
    struct tw_delayed_call *call;
    set_up();
    call = later(1, "a");
    advance(1);
    expect_too_late(call);
    tw_delayed_call_unref(call);
    call = later(1, "b");
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(call), 0);
    expect_too_late(call);
    tw_delayed_call_unref(call);
    PROVOKE(tw_delayed_call_cancel(NULL));
    PROVOKE(tw_delayed_call_reset(NULL, 1));
    PROVOKE(tw_delayed_call_delay(NULL, 1));
    tear_down();
}

/* A cancel destroys the argument at once, though the handle lives on. */
TEST(TIM_011_cancel_lets_go_at_once)
{
    struct tw_delayed_call *call;
    set_up();
    call = later(1, "a");
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(call), 0);
    WROTE("~a ");
    tw_delayed_call_unref(call);
    tear_down();
    WROTE("");
}

/* The time it is due can be read, after reset and delay, and after it has run or was cancelled. */
TEST(TIM_015_time_can_be_read)
{
    struct tw_delayed_call *call;
    set_up();
    call = later(10, "a");
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), 10);
    CU_ASSERT_EQUAL(tw_delayed_call_reset(call, 20), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_delay(call, 5), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), 25);
    advance(25);
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), 25);
    tw_delayed_call_unref(call);
    tear_down();
}

/* It is active until it runs or is cancelled. */
TEST(TIM_016_active)
{
    struct tw_delayed_call *a, *b;
    set_up();
    a = later(1, "a");
    b = later(2, "b");
    CU_ASSERT_TRUE(tw_delayed_call_is_active(a) && tw_delayed_call_is_active(b));
    advance(1);
    CU_ASSERT_FALSE(tw_delayed_call_is_active(a));
    CU_ASSERT_TRUE(tw_delayed_call_is_active(b));
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(b), 0);
    CU_ASSERT_FALSE(tw_delayed_call_is_active(b));
    tw_delayed_call_unref(a);
    tw_delayed_call_unref(b);
    tear_down();
}

/* All that are active can be listed, those just made too, none that was cancelled. */
TEST(TIM_017_list)
{
    struct tw_delayed_call *a, *b, *c;
    set_up();
    CU_ASSERT_EQUAL(list(), 0);
    a = later(1, "a");
    b = later(2, "b");
    c = later(TW_FOREVER, "c");
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(b), 0);
    CU_ASSERT_EQUAL(list(), 2);
    CU_ASSERT((listed[0] == a && listed[1] == c) || (listed[0] == c && listed[1] == a));
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, listed, 0), 2);
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, NULL, 0), 2);
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(NULL, NULL, 0), 0);
    tw_delayed_call_unref(a);
    tw_delayed_call_unref(b);
    tw_delayed_call_unref(c);
    tear_down();
}

/* The clock of the reactor is the one that counts. */
TEST(TIM_021_the_reactors_clock)
{
    struct tw_delayed_call *call;
    set_up();
    CU_ASSERT_EQUAL(tw_test_clock_advance(tw_reactor_clock(reactor), 7), 0);
    CU_ASSERT_EQUAL(now(), 7);
    call = later(3, "a");
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), now() + 3);
    CU_ASSERT_PTR_NULL(tw_reactor_clock(NULL));
    tw_delayed_call_unref(call);
    tear_down();
}

/* A cancelled call is gone at once, and leaves no place behind that a later one would have to
 * pass. */
TEST(TIM_023_cancelled_calls_leave_nothing)
{
    enum { MANY = 1000 };
    struct tw_delayed_call *calls[MANY];
    long before;
    int i;
    set_up();
    before = harness_live();
    for (i = 0; i < MANY; i++)
        calls[i] = later(i, "");
    for (i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(tw_delayed_call_cancel(calls[i]), 0);
        tw_delayed_call_unref(calls[i]);
        text[0] = '\0';
    }
    CU_ASSERT_EQUAL(list(), 0);
    CU_ASSERT(harness_live() <= before + 1); /* the heap's own array */
    tear_down();
}

static void set_from_thread(void *name)
{
    set(5, (const char *)name);
}

enum { MILLION = HARNESS_SANITIZED ? 100000 : 1000000 };

static uint64_t last_due;
static int ran, disorders;

static void note_order(void *arg)
{
    uint64_t due = (uint64_t)(uintptr_t)arg;
    disorders += due < last_due;
    last_due = due;
    ran++;
}

/* A million of them: made, every second one cancelled, the others moved, and run in order. */
TEST(TIM_005_a_million)
{
    struct tw_delayed_call **calls =
        (struct tw_delayed_call **)calloc(MILLION, sizeof(struct tw_delayed_call *));
    uint64_t random = harness_seed(), wrong = 0;
    int i;
    CU_ASSERT_PTR_NOT_NULL_FATAL(calls);
    set_up();
    last_due = 0;
    ran = disorders = 0;
    for (i = 0; i < MILLION; i++) {
        int64_t due = 1 + (int64_t)(harness_random(&random) % 1000000);
        wrong += tw_reactor_call_later(reactor, 2 * due, note_order, (void *)(uintptr_t)due, NULL,
                                       &calls[i]) != 0;
        wrong += tw_delayed_call_delay(calls[i], -due) != 0;
    }
    for (i = 0; i < MILLION; i += 2)
        wrong += tw_delayed_call_cancel(calls[i]) != 0;
    CU_ASSERT_EQUAL(tw_reactor_delayed_calls(reactor, NULL, 0), MILLION / 2);
    advance(1000000);
    CU_ASSERT(ran == MILLION / 2 && disorders == 0);
    for (i = 0; i < MILLION; i++)
        tw_delayed_call_unref(calls[i]);
    CU_ASSERT_EQUAL(wrong, 0);
    free(calls);
    tear_down();
}

/* From another thread one is made by a call from a thread, which comes to the loop's. */
TEST(TIM_025_from_another_thread)
{
    set_up();
    CU_ASSERT_EQUAL(
        tw_reactor_call_from_thread(reactor, set_from_thread, (void *)(uintptr_t) "a", NULL), 0);
    advance(0);
    WROTE("");
    advance(5);
    WROTE("a ~a ");
    tear_down();
}

/* --- handles ---------------------------------------------------------------------------------- */

/* Each call is its own (CLK-015); a handle does not keep it from running, nor is one needed. */
TEST(CLK_015_handles_are_counted)
{
    struct tw_delayed_call *a, *b;
    set_up();
    a = later(1, "a");
    b = later(1, "b");
    CU_ASSERT_PTR_NOT_EQUAL(a, b);
    CU_ASSERT_PTR_EQUAL(tw_delayed_call_ref(a), a);
    CU_ASSERT_PTR_NULL(tw_delayed_call_unref(a));
    CU_ASSERT_PTR_NULL(tw_delayed_call_unref(a));
    advance(1);
    WROTE("a ~a b ~b ");
    tw_delayed_call_unref(b);
    CU_ASSERT_PTR_NULL(tw_delayed_call_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_delayed_call_unref(NULL));
    tear_down();
}

/* A handle may outlive the reactor, with which the call was given up. */
TEST(handle_may_outlive_the_reactor)
{
    struct tw_delayed_call *call;
    set_up();
    call = later(10, "a");
    tear_down();
    WROTE("~a ");
    CU_ASSERT_FALSE(tw_delayed_call_is_active(call));
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(call), -EALREADY);
    CU_ASSERT_EQUAL(tw_delayed_call_time(call), 10);
    tw_delayed_call_unref(call);
}

static void drop_self(void *name)
{
    write_name(name);
    self = tw_delayed_call_unref(self);
}

/* The last handle may go inside the call itself, or inside the destroy of its argument. */
TEST(handle_may_go_inside_the_call)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, drop_self, "a", destroy_name, &self), 0);
    advance(1);
    WROTE("a ~a ");
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 1, write_name, "b", drop_self, &self), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(self), 0);
    WROTE("b ");
    CU_ASSERT_PTR_NULL(self);
    tear_down();
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Out of memory, the argument is destroyed at once, and the calls made before still run. */
SWEEP(nothing_is_lost_when_memory_is_short)
{
    enum { CALLS = 40 };
    int destroyed = 0, i, rc;
    rc = tw_test_clock_reactor_new(&reactor);
    if (rc < 0) {
        CU_ASSERT(rc == -ENOMEM && harness_failed_one());
        return;
    }
    for (i = 0; i < CALLS; i++) {
        int before = destroyed;
        rc = tw_reactor_call_later(reactor, CALLS - i, nothing, &destroyed, count_destroy, NULL);
        CU_ASSERT((rc == 0 && destroyed == before) || (rc == -ENOMEM && destroyed == before + 1));
    }
    advance(CALLS);
    CU_ASSERT_EQUAL(destroyed, CALLS);
    tear_down();
}
