/*
 * Parking on one word:
 *
 *     EMPTY    nobody sleeps, no wake is remembered
 *     ASLEEP   the owner sleeps, or is about to
 *     WOKEN    a wake that has not been consumed
 *
 *     owner    EMPTY -> ASLEEP, sleep while ASLEEP; WOKEN -> EMPTY on the way out;
 *              ASLEEP -> EMPTY on a timeout
 *     waker    anything -> WOKEN, and a system call only if it was ASLEEP
 *
 * No wake is lost: the kernel compares the word with ASLEEP under its own lock before it puts the
 * thread to sleep, and the exchange of the waker, which comes before its call, has changed it. What
 * the waker wrote before is seen by the owner: release in its exchange, acquire in the owner's.
 *
 * The portable path has the same states under a mutex. Note that glibc condition variables
 * before 2.41 can lose a signal (bug 25847), which is why Linux uses the futex; broadcast, used
 * here, is not touched by that bug.
 */
#include <twine/base/park_internal.h>

#include <errno.h>
#include <limits.h>
#include <time.h>

#if TWINE_FUTEX
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { EMPTY = 0, ASLEEP = 1, WOKEN = 2 };

#if TWINE_FUTEX

void tw__park_init(struct tw__park *park)
{
    atomic_init(&park->word, EMPTY);
}

void tw__park_done(struct tw__park *park)
{
    (void)park;
}

/* Until the word is not ASLEEP, or the monotonic clock has reached the deadline, or for no
 * reason. */
static void sleep_on_word(struct tw__park *park, uint64_t deadline)
{
    struct timespec until;
    until.tv_sec = (time_t)(deadline / (uint64_t)TW_SECOND);
    until.tv_nsec = (long)(deadline % (uint64_t)TW_SECOND);
    /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. */
    syscall(SYS_futex, &park->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, ASLEEP,
            deadline == TW_NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void tw__park_wake(struct tw__park *park)
{
    if (atomic_exchange_explicit(&park->word, WOKEN, memory_order_acq_rel) == ASLEEP)
        syscall(SYS_futex, &park->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

#else

void tw__park_init(struct tw__park *park)
{
    pthread_condattr_t attributes;
    atomic_init(&park->word, EMPTY);
    pthread_mutex_init(&park->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&park->woken, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Whoever woke us may still be inside; with the mutex once in hand it is not. */
void tw__park_done(struct tw__park *park)
{
    pthread_mutex_lock(&park->mutex);
    pthread_mutex_unlock(&park->mutex);
    pthread_cond_destroy(&park->woken);
    pthread_mutex_destroy(&park->mutex);
}

static void sleep_on_word(struct tw__park *park, uint64_t deadline)
{
    struct timespec until;
    until.tv_sec = (time_t)(deadline / (uint64_t)TW_SECOND);
    until.tv_nsec = (long)(deadline % (uint64_t)TW_SECOND);
    pthread_mutex_lock(&park->mutex);
    if (atomic_load(&park->word) == ASLEEP) {
        if (deadline == TW_NEVER)
            pthread_cond_wait(&park->woken, &park->mutex);
        else
            pthread_cond_timedwait(&park->woken, &park->mutex, &until);
    }
    pthread_mutex_unlock(&park->mutex);
}

/* The exchange is made under the mutex: its owner may free the park as soon as it sees WOKEN and
 * has the mutex. */
void tw__park_wake(struct tw__park *park)
{
    pthread_mutex_lock(&park->mutex);
    if (atomic_exchange(&park->word, WOKEN) == ASLEEP)
        pthread_cond_broadcast(&park->woken);
    pthread_mutex_unlock(&park->mutex);
}

#endif

/* A clock that is not the monotonic one tells by an alarm that its time has come. */
struct park_alarm {
    struct tw_alarm alarm;
    struct tw__park *park;
};

static void wake_by_alarm(struct tw_alarm *alarm)
{
    tw__park_wake(((struct park_alarm *)alarm)->park);
}

/* Sleeps until the word is WOKEN or the deadline has come. An alarm's wake is consumed as any
 * other: the caller sees that the time has come by the clock. */
static bool wait_until(struct tw__park *park, struct tw_clock *clock, uint64_t deadline,
                       uint64_t futex_deadline)
{
    for (;;) {
        int expected = EMPTY;
        if (!atomic_compare_exchange_strong(&park->word, &expected, ASLEEP) && expected == WOKEN) {
            atomic_exchange(&park->word, EMPTY);
            return true;
        }
        if (deadline != TW_NEVER && tw_clock_now(clock) >= deadline) {
            /* A wake that comes right now is kept: this exchange sees it. */
            return atomic_exchange(&park->word, EMPTY) == WOKEN;
        }
        sleep_on_word(park, futex_deadline);
    }
}

bool tw__park_wait(struct tw__park *park, struct tw_clock *clock, uint64_t deadline)
{
    struct park_alarm own;
    bool woken;
    if (clock == tw_clock_monotonic() || deadline == TW_NEVER)
        return wait_until(park, clock, deadline, deadline);
    own.alarm.fn = wake_by_alarm;
    own.park = park;
    clock->ops->set_alarm(clock, &own.alarm, deadline);
    woken = wait_until(park, clock, deadline, TW_NEVER);
    clock->ops->clear_alarm(clock, &own.alarm);
    return woken;
}
