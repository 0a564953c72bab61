/*
 * A binary heap in an array; each timer knows its place, so that it can be taken out from anywhere.
 */
#include <twine/reactor/timer_heap_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>

static bool comes_before(const struct tw__timer *a, const struct tw__timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

static void place(struct tw__timer_heap *heap, struct tw__timer *timer, size_t index)
{
    heap->timers[index] = timer;
    timer->index = index;
}

/* Up from a hole towards the top, until its parent comes before it; then down, until it comes
 * before its children. */
static void sift(struct tw__timer_heap *heap, struct tw__timer *timer, size_t hole)
{
    size_t child;
    while (hole > 0 && comes_before(timer, heap->timers[(hole - 1) / 2])) {
        place(heap, heap->timers[(hole - 1) / 2], hole);
        hole = (hole - 1) / 2;
    }
    while ((child = 2 * hole + 1) < heap->count) {
        if (child + 1 < heap->count && comes_before(heap->timers[child + 1], heap->timers[child]))
            child++;
        if (comes_before(timer, heap->timers[child]))
            break;
        place(heap, heap->timers[child], hole);
        hole = child;
    }
    place(heap, timer, hole);
}

static int make_room(struct tw__timer_heap *heap)
{
    size_t capacity = heap->capacity ? 2 * heap->capacity : 16;
    struct tw__timer **timers;
    if (heap->count < heap->capacity)
        return 0;
    timers = (struct tw__timer **)tw__realloc(heap->timers, capacity * sizeof(struct tw__timer *));
    if (!timers)
        return -ENOMEM;
    heap->timers = timers;
    heap->capacity = capacity;
    return 0;
}

int tw__timer_heap_add(struct tw__timer_heap *heap, struct tw__timer *timer, uint64_t deadline)
{
    int rc = make_room(heap);
    if (rc < 0)
        return rc;
    timer->deadline = deadline;
    timer->sequence = heap->next_sequence++;
    heap->count++;
    sift(heap, timer, heap->count - 1);
    return 0;
}

void tw__timer_heap_remove(struct tw__timer_heap *heap, struct tw__timer *timer)
{
    struct tw__timer *last = heap->timers[--heap->count];
    if (last != timer)
        sift(heap, last, timer->index);
    timer->index = TW__NOT_IN_HEAP;
}

void tw__timer_heap_move(struct tw__timer_heap *heap, struct tw__timer *timer, uint64_t deadline)
{
    timer->deadline = deadline;
    timer->sequence = heap->next_sequence++;
    sift(heap, timer, timer->index);
}

void tw__timer_heap_done(struct tw__timer_heap *heap)
{
    tw__free(heap->timers);
    heap->timers = NULL;
    heap->count = heap->capacity = 0;
}
