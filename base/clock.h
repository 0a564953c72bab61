/*
 * Clocks: an interface, the monotonic clock, and a clock for tests that moves when told.
 *
 * Times are nanoseconds since the clock's own zero, in a uint64_t; durations are nanoseconds in an
 * int64_t. Sums saturate, so a deadline in the far future is TW_NEVER and not the past.
 */
#ifndef TWINE_BASE_CLOCK_H
#define TWINE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <twine/base/export.h>

TW_BEGIN_DECLS

/** A time that never comes. */
#define TW_NEVER UINT64_MAX
/** A duration without end. */
#define TW_FOREVER INT64_MAX
/** Nanoseconds in a microsecond, a millisecond, a second. */
#define TW_MICROSECOND INT64_C(1000)
#define TW_MILLISECOND INT64_C(1000000) /**< nanoseconds in a millisecond */
#define TW_SECOND INT64_C(1000000000)   /**< nanoseconds in a second */

struct tw_clock;

/** Something to be told when a clock reaches a time. Embed it; its fields but fn are private. */
struct tw_alarm {
    struct tw_alarm *_next, *_prev;
    uint64_t _deadline;
    /** Called once the clock has reached the deadline, on the thread that moved it. It must not
     * block. */
    void (*fn)(struct tw_alarm *alarm);
};

/** What a kind of clock can do. */
struct tw_clock_ops {
    size_t size;      /**< sizeof(struct tw_clock_ops) */
    const char *name; /**< the kind's name */
    /** The time. Thread: any. */
    uint64_t (*now)(struct tw_clock *clock);
    /** Ask to be told at a deadline, perhaps from within the call. A clock that moves by itself
     * with the monotonic clock never calls. Thread: any. */
    void (*set_alarm)(struct tw_clock *clock, struct tw_alarm *alarm, uint64_t deadline);
    /** Take that back; the alarm is not called after this has returned. Thread: any. */
    void (*clear_alarm)(struct tw_clock *clock, struct tw_alarm *alarm);
};

/** A clock: the first member of each kind's struct. */
struct tw_clock {
    const struct tw_clock_ops *ops; /**< what it can do; fixed */
};

/** The time by a clock. Thread: any. */
TW_EXPORT uint64_t tw_clock_now(struct tw_clock *clock);
/** The system's monotonic clock. Thread: any. Ownership: static. */
TW_EXPORT struct tw_clock *tw_clock_monotonic(void);
/** A time and a duration, saturating at 0 and TW_NEVER; TW_FOREVER leads to TW_NEVER. Thread: any.
 */
TW_EXPORT uint64_t tw_time_add(uint64_t time, int64_t duration);
/** From one time to another, saturating. Thread: any. */
TW_EXPORT int64_t tw_time_between(uint64_t from, uint64_t to);

/**
 * Make a clock for tests. It starts at 0 and moves only when told (Twisted's Clock, CLK-001).
 *
 * Thread:    any.
 * Ownership: the clock is yours; unref it when nobody uses it any more.
 * Returns:   0; -ENOMEM.
 */
TW_EXPORT int tw_test_clock_new(struct tw_clock **ret_clock);

/**
 * Move a test clock forward, and tell every alarm that is due, earliest first, after the time has
 * moved.
 *
 * Thread:  any, one at a time.
 * Returns: 0; -EINVAL for a negative duration or another kind of clock.
 */
TW_EXPORT int tw_test_clock_advance(struct tw_clock *clock, int64_t duration);

/** Let go of a test clock, which frees it. No alarm may be set. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_clock *tw_test_clock_unref(struct tw_clock *clock);

TW_END_DECLS

#endif
