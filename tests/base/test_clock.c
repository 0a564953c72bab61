/*
 * Clocks: saturating times, the test clock and its alarms.
 */
#include "../harness.h"

SUITE("clock")

#define MAX_RINGS 16

static struct {
    struct tw_clock *clock;
    struct ring {
        int id;
        uint64_t at;
    } rings[MAX_RINGS];
    int count;
} heard;

struct bell {
    struct tw_alarm alarm;
    int id;
    bool asks;                  /* the time, when it rings */
    struct bell *sets, *clears; /* what it does to another then */
    uint64_t sets_at;
};

static void ring(struct tw_alarm *alarm)
{
    struct bell *bell = (struct bell *)alarm;
    if (heard.count < MAX_RINGS) {
        heard.rings[heard.count].id = bell->id;
        heard.rings[heard.count].at = bell->asks ? tw_clock_now(heard.clock) : 0;
    }
    heard.count++;
    if (bell->clears)
        heard.clock->ops->clear_alarm(heard.clock, &bell->clears->alarm);
    if (bell->sets)
        heard.clock->ops->set_alarm(heard.clock, &bell->sets->alarm, bell->sets_at);
}

static void start(void)
{
    memset(&heard, 0, sizeof heard);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&heard.clock), 0);
}

static void stop(void)
{
    CU_ASSERT_PTR_NULL(tw_test_clock_unref(heard.clock));
}

static struct bell make(int id)
{
    struct bell bell;
    memset(&bell, 0, sizeof bell);
    bell.alarm.fn = ring;
    bell.id = id;
    return bell;
}

static void set(struct bell *bell, uint64_t deadline)
{
    heard.clock->ops->set_alarm(heard.clock, &bell->alarm, deadline);
}

static void advance(int64_t duration)
{
    CU_ASSERT_EQUAL(tw_test_clock_advance(heard.clock, duration), 0);
}

/* A sum that goes beyond the range stops at its end: a far deadline is never in the past. */
TEST(time_add_saturates)
{
    CU_ASSERT_EQUAL(tw_time_add(5, 3), 8);
    CU_ASSERT_EQUAL(tw_time_add(5, -3), 2);
    CU_ASSERT_EQUAL(tw_time_add(5, -5), 0);
    CU_ASSERT_EQUAL(tw_time_add(5, -6), 0);
    CU_ASSERT_EQUAL(tw_time_add(5, INT64_MIN), 0);
    CU_ASSERT_EQUAL(tw_time_add(TW_NEVER - 1, 3), TW_NEVER);
    CU_ASSERT_EQUAL(tw_time_add(UINT64_C(1) << 63, INT64_MAX - 1), TW_NEVER - 1);
}

/* A duration without end leads to the time that never comes, and never comes stays so. */
TEST(forever_leads_to_never)
{
    CU_ASSERT_EQUAL(tw_time_add(0, TW_FOREVER), TW_NEVER);
    CU_ASSERT_EQUAL(tw_time_add(123, TW_FOREVER), TW_NEVER);
    CU_ASSERT_EQUAL(tw_time_add(TW_NEVER, 1), TW_NEVER);
}

/* The way between two times saturates at both ends. */
TEST(time_between_saturates)
{
    CU_ASSERT_EQUAL(tw_time_between(3, 8), 5);
    CU_ASSERT_EQUAL(tw_time_between(8, 3), -5);
    CU_ASSERT_EQUAL(tw_time_between(7, 7), 0);
    CU_ASSERT_EQUAL(tw_time_between(0, TW_NEVER), TW_FOREVER);
    CU_ASSERT_TRUE(tw_time_between(TW_NEVER, 0) <= -INT64_MAX);
    CU_ASSERT_EQUAL(tw_time_between(0, UINT64_C(1) << 63), TW_FOREVER);
}

/* The monotonic clock is one object and never goes back. */
TEST(the_monotonic_clock_does_not_go_back)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t before = tw_clock_now(clock);
    int i;
    CU_ASSERT_PTR_EQUAL(clock, tw_clock_monotonic());
    for (i = 0; i < 1000; i++) {
        uint64_t now = tw_clock_now(clock);
        CU_ASSERT_TRUE(now >= before);
        before = now;
    }
}

/* A clock that moves by itself never calls an alarm. */
TEST(the_monotonic_clock_does_not_call)
{
    struct tw_clock *clock = tw_clock_monotonic();
    struct bell bell = make(1);
    memset(&heard, 0, sizeof heard);
    clock->ops->set_alarm(clock, &bell.alarm, 0);
    clock->ops->clear_alarm(clock, &bell.alarm);
    CU_ASSERT_EQUAL(heard.count, 0);
}

/* Each kind of clock names itself and gives the size of its table. */
TEST(each_clock_has_a_complete_table)
{
    struct tw_clock *both[2];
    int i;
    start();
    both[0] = heard.clock;
    both[1] = tw_clock_monotonic();
    for (i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(both[i]->ops->size, sizeof(struct tw_clock_ops));
        CU_ASSERT_PTR_NOT_NULL(both[i]->ops->name);
    }
    stop();
}

/* CLK-001: a test clock starts at 0. It moves only when told. */
TEST(CLK_001_a_test_clock_starts_at_zero)
{
    start();
    CU_ASSERT_EQUAL(tw_clock_now(heard.clock), 0);
    advance(TW_SECOND);
    CU_ASSERT_EQUAL(tw_clock_now(heard.clock), 1000000000);
    CU_ASSERT_EQUAL(tw_clock_now(heard.clock), 1000000000);
    advance(0);
    advance(TW_MILLISECOND);
    CU_ASSERT_EQUAL(tw_clock_now(heard.clock), 1001000000);
    stop();
}

/* It stops at the end of time. */
TEST(a_test_clock_saturates)
{
    start();
    advance(TW_FOREVER - 1);
    advance(TW_FOREVER - 1);
    advance(TW_FOREVER - 1);
    CU_ASSERT_EQUAL(tw_clock_now(heard.clock), TW_NEVER);
    stop();
}

/* An alarm is told once its time has come, not before, and once. */
TEST(an_alarm_rings_when_its_time_has_come)
{
    struct bell bell = make(1);
    start();
    set(&bell, 10);
    advance(9);
    CU_ASSERT_EQUAL(heard.count, 0);
    advance(1);
    CU_ASSERT_EQUAL(heard.count, 1);
    advance(100);
    CU_ASSERT_EQUAL(heard.count, 1);
    stop();
}

/* The alarms that are due are told earliest first, whatever the order they were set in; those of
 * one time in the order they were set. */
TEST(alarms_ring_in_the_order_of_their_times)
{
    static const uint64_t deadlines[6] = {50, 10, 30, 10, 20, 30};
    static const int expected[6] = {1, 3, 4, 2, 5, 0};
    struct bell bells[6];
    int i;
    start();
    for (i = 0; i < 6; i++) {
        bells[i] = make(i);
        set(&bells[i], deadlines[i]);
    }
    advance(100);
    CU_ASSERT_EQUAL(heard.count, 6);
    for (i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(heard.rings[i].id, expected[i]);
    stop();
}

/* Alarms are told after the time has moved, and may ask for it: each sees the time that was
 * advanced to. */
TEST(the_time_moves_before_the_alarms_ring)
{
    struct bell early = make(1), late = make(2);
    start();
    early.asks = late.asks = true;
    set(&early, 10);
    set(&late, 20);
    advance(15);
    CU_ASSERT_EQUAL(heard.count, 1);
    CU_ASSERT_EQUAL(heard.rings[0].at, 15);
    advance(15);
    CU_ASSERT_EQUAL(heard.count, 2);
    CU_ASSERT_EQUAL(heard.rings[1].at, 30);
    stop();
}

/* An alarm taken back does not ring; taking back one that has rung, or was taken back, does
 * nothing. */
TEST(an_alarm_taken_back_does_not_ring)
{
    struct bell stays = make(1), goes = make(2);
    start();
    set(&goes, 5);
    set(&stays, 5);
    heard.clock->ops->clear_alarm(heard.clock, &goes.alarm);
    heard.clock->ops->clear_alarm(heard.clock, &goes.alarm);
    advance(10);
    CU_ASSERT_EQUAL(heard.count, 1);
    CU_ASSERT_EQUAL(heard.rings[0].id, 1);
    heard.clock->ops->clear_alarm(heard.clock, &stays.alarm);
    stop();
}

/* An alarm may take back another that is due in the same advance, and that one stays silent. */
TEST(an_alarm_may_take_back_the_next)
{
    struct bell first = make(1), second = make(2), third = make(3);
    start();
    first.clears = &second;
    set(&first, 1);
    set(&second, 2);
    set(&third, 3);
    advance(10);
    CU_ASSERT_EQUAL(heard.count, 2);
    CU_ASSERT_EQUAL(heard.rings[1].id, 3);
    stop();
}

/* An alarm may set itself again, or another; what is due already is told before advance returns. */
TEST(an_alarm_may_set_alarms)
{
    struct bell first = make(1), second = make(2);
    start();
    first.sets = &second;
    first.sets_at = 7;
    second.sets = &first;
    second.sets_at = 20;
    set(&first, 5);
    advance(10);
    CU_ASSERT_EQUAL(heard.count, 2);
    CU_ASSERT_EQUAL(heard.rings[1].id, 2);
    first.sets = NULL;
    advance(10);
    CU_ASSERT_EQUAL(heard.count, 3);
    CU_ASSERT_EQUAL(heard.rings[2].id, 1);
    stop();
}

/* An alarm for a time that has passed is told at once or at the next advance, even of 0. */
TEST(an_alarm_in_the_past_is_due)
{
    struct bell bell = make(1);
    start();
    advance(10);
    set(&bell, 3);
    advance(0);
    CU_ASSERT_EQUAL(heard.count, 1);
    stop();
}

/* Time does not go back, and only a test clock can be told to move: both are misuse. */
TEST(advance_refuses_what_is_wrong)
{
    start();
    advance(5);
    PROVOKE(tw_test_clock_advance(heard.clock, -1));
    CU_ASSERT_EQUAL(tw_clock_now(heard.clock), 5);
    PROVOKE(tw_test_clock_advance(tw_clock_monotonic(), 1));
    PROVOKE(tw_test_clock_advance(NULL, 1));
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_MISUSE);
    stop();
    CU_ASSERT_PTR_NULL(tw_test_clock_unref(NULL));
}

/* Making a clock without memory is -ENOMEM and writes nothing. */
SWEEP(making_a_clock_without_memory)
{
    struct tw_clock *clock = NULL;
    int rc = tw_test_clock_new(&clock);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    CU_ASSERT_EQUAL(rc == 0, clock != NULL);
    tw_test_clock_unref(clock);
}
