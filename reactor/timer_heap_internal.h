/*
 * A heap of delayed calls, the earliest on top; of equal ones, the one that was put in first
 * (libevent's own heap scrambles those).
 */
#ifndef TWINE_REACTOR_TIMER_HEAP_INTERNAL_H
#define TWINE_REACTOR_TIMER_HEAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TW__NOT_IN_HEAP SIZE_MAX

/* Embedded in what is timed. */
struct tw__timer {
    uint64_t deadline, sequence;
    size_t index; /* TW__NOT_IN_HEAP */
};

struct tw__timer_heap {
    struct tw__timer **timers;
    size_t count, capacity;
    uint64_t next_sequence;
};

static inline void tw__timer_init(struct tw__timer *timer)
{
    timer->index = TW__NOT_IN_HEAP;
}

static inline bool tw__timer_is_in_heap(const struct tw__timer *timer)
{
    return timer->index != TW__NOT_IN_HEAP;
}

static inline struct tw__timer *tw__timer_heap_top(const struct tw__timer_heap *heap)
{
    return heap->count ? heap->timers[0] : NULL;
}

int tw__timer_heap_add(struct tw__timer_heap *heap, struct tw__timer *timer,
                       uint64_t deadline); /* 0; -ENOMEM */
void tw__timer_heap_remove(struct tw__timer_heap *heap, struct tw__timer *timer);
/* Move one that is in the heap; it comes after others of the same deadline. */
void tw__timer_heap_move(struct tw__timer_heap *heap, struct tw__timer *timer, uint64_t deadline);
void tw__timer_heap_done(struct tw__timer_heap *heap); /* it must be empty */

#endif
