/*
 * Memory that a thread keeps for its next Deferreds.
 */
#include "trace.h"
#include <pthread.h>
#include <twine/deferred/deferred_internal.h>

SUITE("spare deferreds")

static int sum;

static void add(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    sum++;
}

static void live_once(int links)
{
    struct pair pair = make();
    int i;
    sum = 0;
    CU_ASSERT_FALSE(tw_deferred_is_called(pair.deferred));
    for (i = 0; i < links; i++)
        CU_ASSERT_EQUAL(tw_deferred_add_callback(pair.deferred, add, NULL, NULL), 0);
    CU_ASSERT_EQUAL(fire(pair.source, 1), 0);
    CU_ASSERT_EQUAL(sum, links);
    drop(&pair);
}

/* A Deferred with two callbacks is 192 bytes at most, one allocation. */
TEST(deferred_with_two_callbacks_is_small)
{
    size_t checked = sizeof(struct tw_deferred);
#if defined(TWINE_CHECKS) && TWINE_CHECKS
    checked -= sizeof(uintptr_t); /* the thread it belongs to */
#endif
    CU_ASSERT_TRUE(checked <= 192);
}

/* R24: made, given ten callbacks and gone, it has taken two allocations; once more it takes none. */
TEST(R24_second_life_allocates_nothing)
{
    long before = harness_live(), kept;
    tw__deferred_keep_spares(4);
    live_once(10);
    kept = harness_live();
    CU_ASSERT_EQUAL(kept - before, 2);
    live_once(10);
    live_once(1);
    live_once(12);
    CU_ASSERT_EQUAL(harness_live(), kept);
    tw__deferred_keep_spares(0);
    CU_ASSERT_EQUAL(harness_live(), before);
}

/* Nothing of its first life is left: paused, failed, cancelled, waited for, chained to. */
TEST(second_life_begins_anew)
{
    struct pair outer = make(), inner = make(), next;
    tw__deferred_keep_spares(4);
    tw_deferred_chain(inner.deferred, tw_source_ref(outer.source));
    tw_deferred_pause(inner.deferred);
    tw_deferred_cancel(inner.deferred);
    tw_deferred_unpause(inner.deferred);
    settle(outer.deferred, "outer");
    drop(&outer);
    drop(&inner);
    trace_clear();
    next = make();
    CU_ASSERT_EQUAL(tw_deferred_pauses(next.deferred), 0);
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(next.deferred));
    CU_ASSERT_FALSE(tw_deferred_is_called(next.deferred));
    watch(next.deferred, "next");
    CU_ASSERT_EQUAL(fire(next.source, 3), 0);
    CU_ASSERT_EQUAL(fire(next.source, 4), -EALREADY); /* no allowance for a late firing */
    TRACED("next=3 ");
    drop(&next);
    tw__deferred_keep_spares(0);
}

/* No more are kept than the bound says, and none that have grown large. */
TEST(bound_holds)
{
    long before = harness_live();
    struct pair pairs[5];
    int i;
    tw__deferred_keep_spares(2);
    for (i = 0; i < 5; i++)
        pairs[i] = make();
    for (i = 0; i < 5; i++) {
        fire(pairs[i].source, 0);
        drop(&pairs[i]);
    }
    CU_ASSERT_EQUAL(harness_live() - before, 2);
    tw__deferred_keep_spares(0);
    tw__deferred_keep_spares(2);
    live_once(100);
    CU_ASSERT_EQUAL(harness_live(), before);
    tw__deferred_keep_spares(0);
}

static void *keep_some(void *arg)
{
    tw__deferred_keep_spares(4);
    live_once(10);
    CU_ASSERT_TRUE(harness_live() > *(const long *)arg);
    return arg;
}

/* A thread's end frees what it has kept. */
TEST(thread_frees_them_at_its_end)
{
    long before = harness_live();
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, keep_some, &before), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(harness_live(), before);
}

/* Short of memory nothing is lost, with memory kept or without. */
SWEEP(short_of_memory_with_spares)
{
    struct pair pair;
    int i, gone = 0;
    tw__deferred_keep_spares(2);
    for (i = 0; i < 2; i++)
        if (tw_deferred_new(NULL, &gone, count_destroy, &pair.source, &pair.deferred) == 0) {
            int j;
            for (j = 0; j < 10; j++)
                tw_deferred_add_callback(pair.deferred, add, &gone, count_destroy);
            fire(pair.source, 0);
            drop(&pair);
        } else {
            gone += 10;
        }
    CU_ASSERT_EQUAL(gone, 22);
    tw__deferred_keep_spares(0);
}
