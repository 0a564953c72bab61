/*
 * The lock: one thread at a time, and nobody sleeps for ever.
 */
#include "crowd.h"
#include <twine/base/lock_internal.h>

SUITE_WITH_THREADS("lock")

#define CROWD 4

static struct {
    struct tw__lock lock;
    long each,
        held_long; /* how often; one time in so many it is kept for longer than others spin */
    long count;    /* plain: under the lock */
    bool is_held;
} shared;

static void count_under_lock(struct person *person)
{
    long i;
    for (i = 0; i < shared.each; i++) {
        bool stays = below(&person->random, (size_t)shared.held_long) == 0;
        tw__lock_acquire(&shared.lock);
        if (shared.is_held)
            abort();
        shared.is_held = true;
        shared.count++;
        if (stays)
            sched_yield();
        shared.is_held = false;
        tw__lock_release(&shared.lock);
    }
}

static void run(long each, long held_long)
{
    tw__lock_init(&shared.lock);
    shared.each = each;
    shared.held_long = held_long;
    shared.count = 0;
    crowd_run(CROWD, harness_seed(), count_under_lock, NULL);
    CU_ASSERT_EQUAL(shared.count, CROWD * each);
    tw__lock_done(&shared.lock);
}

/* Held for a moment, as ours are. */
TEST(one_thread_at_a_time)
{
    run(harness_long() ? 200000 : 20000, 1000);
}

/* Its holder gives its processor away each second time, so that others sleep, and are woken. */
TEST(those_that_sleep_are_woken)
{
    run(harness_long() ? 20000 : 2000, 2);
}

/* What is initialised by the macro is free. */
TEST(a_lock_that_nobody_has_is_taken_at_once)
{
    static struct tw__lock lock = TW_LOCK_INIT;
    tw__lock_acquire(&lock);
    tw__lock_release(&lock);
    tw__lock_acquire(&lock);
    tw__lock_release(&lock);
    tw__lock_done(&lock);
}
