/*
 * The monotonic clock, and the test clock: a number and a list of alarms in the order of their
 * deadlines.
 */
#include <twine/base/clock.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

uint64_t tw_clock_now(struct tw_clock *clock)
{
    return clock->ops->now(clock);
}

uint64_t tw_time_add(uint64_t time, int64_t duration)
{
    if (duration == TW_FOREVER)
        return TW_NEVER;
    if (duration >= 0)
        return time > TW_NEVER - (uint64_t)duration ? TW_NEVER : time + (uint64_t)duration;
    return time < -(uint64_t)duration ? 0 : time - -(uint64_t)duration;
}

int64_t tw_time_between(uint64_t from, uint64_t to)
{
    uint64_t distance = to >= from ? to - from : from - to;
    int64_t saturated = distance > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)distance;
    return to >= from ? saturated : -saturated;
}

/* --- the monotonic clock ---------------------------------------------------------------------- */

static uint64_t monotonic_now(struct tw_clock *clock)
{
    struct timespec now;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * (uint64_t)TW_SECOND + (uint64_t)now.tv_nsec;
}

/* It moves by itself: who waits on it sleeps with a timeout. */
static void monotonic_set_alarm(struct tw_clock *clock, struct tw_alarm *alarm, uint64_t deadline)
{
    (void)clock;
    alarm->_deadline = deadline;
}

static void monotonic_clear_alarm(struct tw_clock *clock, struct tw_alarm *alarm)
{
    (void)clock;
    (void)alarm;
}

static const struct tw_clock_ops monotonic_ops = {sizeof monotonic_ops, "monotonic clock",
                                                  monotonic_now, monotonic_set_alarm,
                                                  monotonic_clear_alarm};

struct tw_clock *tw_clock_monotonic(void)
{
    static struct tw_clock monotonic = {&monotonic_ops};
    return &monotonic;
}

/* --- the test clock --------------------------------------------------------------------------- */

struct test_clock {
    struct tw_clock base;
    pthread_mutex_t lock;  /* recursive: an alarm may set and clear others */
    _Atomic(uint64_t) now; /* changed under the lock; an alarm may read it, with the lock held */
    struct {
        struct tw_alarm *first; /* the earliest; equal ones in the order they were set */
    } locked;
};

static uint64_t test_now(struct tw_clock *clock)
{
    return atomic_load(&((struct test_clock *)clock)->now);
}

static void insert_locked(struct test_clock *test, struct tw_alarm *alarm)
{
    struct tw_alarm **place = &test->locked.first, *before = NULL;
    while (*place && (*place)->_deadline <= alarm->_deadline) {
        before = *place;
        place = &before->_next;
    }
    alarm->_next = *place;
    alarm->_prev = before;
    if (*place)
        (*place)->_prev = alarm;
    *place = alarm;
}

static void remove_locked(struct test_clock *test, struct tw_alarm *alarm)
{
    if (alarm->_prev)
        alarm->_prev->_next = alarm->_next;
    else
        test->locked.first = alarm->_next;
    if (alarm->_next)
        alarm->_next->_prev = alarm->_prev;
    alarm->_next = alarm->_prev = NULL;
}

static bool is_linked_locked(struct test_clock *test, struct tw_alarm *alarm)
{
    return alarm->_prev || alarm->_next || test->locked.first == alarm;
}

static void test_set_alarm(struct tw_clock *clock, struct tw_alarm *alarm, uint64_t deadline)
{
    struct test_clock *test = (struct test_clock *)clock;
    alarm->_deadline = deadline;
    alarm->_next = alarm->_prev = NULL;
    pthread_mutex_lock(&test->lock);
    if (deadline <= atomic_load(&test->now))
        alarm->fn(alarm);
    else
        insert_locked(test, alarm);
    pthread_mutex_unlock(&test->lock);
}

static void test_clear_alarm(struct tw_clock *clock, struct tw_alarm *alarm)
{
    struct test_clock *test = (struct test_clock *)clock;
    pthread_mutex_lock(&test->lock);
    if (is_linked_locked(test, alarm))
        remove_locked(test, alarm);
    pthread_mutex_unlock(&test->lock);
}

static const struct tw_clock_ops test_ops = {sizeof test_ops, "test clock", test_now,
                                             test_set_alarm, test_clear_alarm};

int tw_test_clock_new(struct tw_clock **ret_clock)
{
    struct test_clock *test = (struct test_clock *)tw__zalloc(sizeof *test);
    pthread_mutexattr_t attributes;
    if (!test)
        return -ENOMEM;
    test->base.ops = &test_ops;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&test->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    *ret_clock = &test->base;
    return 0;
}

/* An alarm's fn is called under the lock, so that one that has been cleared is not being called
 * either. */
int tw_test_clock_advance(struct tw_clock *clock, int64_t duration)
{
    struct test_clock *test = (struct test_clock *)clock;
    struct tw_alarm *alarm;
    if (!clock || clock->ops != &test_ops || duration < 0)
        return tw__misuse(-EINVAL,
                          "tw_test_clock_advance: needs a test clock and a duration of 0 or more");
    pthread_mutex_lock(&test->lock);
    atomic_store(&test->now, tw_time_add(atomic_load(&test->now), duration));
    while ((alarm = test->locked.first) && alarm->_deadline <= atomic_load(&test->now)) {
        remove_locked(test, alarm);
        alarm->fn(alarm);
    }
    pthread_mutex_unlock(&test->lock);
    return 0;
}

struct tw_clock *tw_test_clock_unref(struct tw_clock *clock)
{
    if (clock) {
        pthread_mutex_destroy(&((struct test_clock *)clock)->lock);
        tw__free(clock);
    }
    return NULL;
}
