/*
 * The heap of timers by itself, against a model: a table in which the earliest is looked for.
 */
#include "../harness.h"
#include <twine/reactor/timer_heap_internal.h>

SUITE("timer heap")

enum { TIMERS = 300, OPERATIONS = 20000 };

static struct tw__timer timers[TIMERS];

static void set_up(struct tw__timer_heap *heap)
{
    int i;
    memset(heap, 0, sizeof *heap);
    for (i = 0; i < TIMERS; i++)
        tw__timer_init(&timers[i]);
}

static void empty(struct tw__timer_heap *heap)
{
    while (tw__timer_heap_top(heap))
        tw__timer_heap_remove(heap, tw__timer_heap_top(heap));
    tw__timer_heap_done(heap);
}

/* TIM-005: the earliest comes first; of equal ones the one that was put in first. */
TEST(TIM_005_equal_deadlines_come_in_the_order_put_in)
{
    struct tw__timer_heap heap;
    int i, wrong = 0;
    set_up(&heap);
    for (i = 0; i < TIMERS; i++)
        CU_ASSERT_EQUAL(tw__timer_heap_add(&heap, &timers[i], (uint64_t)(i % 3)), 0);
    for (i = 0; i < TIMERS; i++) {
        struct tw__timer *top = tw__timer_heap_top(&heap);
        int expected = i % (TIMERS / 3) * 3 + i / (TIMERS / 3);
        wrong += top != &timers[expected];
        tw__timer_heap_remove(&heap, top);
        CU_ASSERT_FALSE(tw__timer_is_in_heap(top));
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_PTR_NULL(tw__timer_heap_top(&heap));
    tw__timer_heap_done(&heap);
}

/* One that is moved comes after the others of its new deadline, moved to the same one too. */
TEST(moved_one_comes_after_its_equals)
{
    struct tw__timer_heap heap;
    int i;
    set_up(&heap);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw__timer_heap_add(&heap, &timers[i], 5), 0);
    tw__timer_heap_move(&heap, &timers[0], 5);
    CU_ASSERT_PTR_EQUAL(tw__timer_heap_top(&heap), &timers[1]);
    tw__timer_heap_move(&heap, &timers[0], 4);
    CU_ASSERT_PTR_EQUAL(tw__timer_heap_top(&heap), &timers[0]);
    tw__timer_heap_move(&heap, &timers[0], TW_NEVER);
    tw__timer_heap_remove(&heap, &timers[1]);
    CU_ASSERT_PTR_EQUAL(tw__timer_heap_top(&heap), &timers[2]);
    empty(&heap);
}

static struct tw__timer *earliest(void)
{
    struct tw__timer *best = NULL;
    int i;
    for (i = 0; i < TIMERS; i++) {
        struct tw__timer *one = &timers[i];
        if (!tw__timer_is_in_heap(one))
            continue;
        if (!best || one->deadline < best->deadline ||
            (one->deadline == best->deadline && one->sequence < best->sequence))
            best = one;
    }
    return best;
}

/* Whatever is put in, moved and taken out, the top is the earliest. */
TEST(top_is_the_earliest_whatever_is_done)
{
    struct tw__timer_heap heap;
    uint64_t random = harness_seed();
    int i, wrong = 0;
    set_up(&heap);
    for (i = 0; i < OPERATIONS; i++) {
        struct tw__timer *one = &timers[harness_random(&random) % TIMERS];
        uint64_t deadline = harness_random(&random) % 50;
        if (!tw__timer_is_in_heap(one)) {
            CU_ASSERT_EQUAL(tw__timer_heap_add(&heap, one, deadline), 0);
        } else if (harness_random(&random) % 2) {
            tw__timer_heap_move(&heap, one, deadline);
        } else {
            tw__timer_heap_remove(&heap, one);
        }
        wrong += tw__timer_heap_top(&heap) != earliest();
    }
    CU_ASSERT_EQUAL(wrong, 0);
    empty(&heap);
}

/* Out of memory one is not in the heap, and the others are as they were. */
SWEEP(heap_is_as_it_was_when_memory_is_short)
{
    struct tw__timer_heap heap;
    size_t in = 0;
    int i;
    set_up(&heap);
    for (i = 0; i < TIMERS; i++) {
        int rc = tw__timer_heap_add(&heap, &timers[i], (uint64_t)(TIMERS - i));
        CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
        CU_ASSERT_EQUAL(tw__timer_is_in_heap(&timers[i]), rc == 0);
        in += rc == 0;
        CU_ASSERT_EQUAL(heap.count, in);
        CU_ASSERT_PTR_EQUAL(tw__timer_heap_top(&heap), earliest());
    }
    empty(&heap);
}
