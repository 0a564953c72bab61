/*
 * A ring of what is embedded: its head is a member like the others, so putting in and taking out
 * ask nothing.
 */
#ifndef TWINE_REACTOR_RING_INTERNAL_H
#define TWINE_REACTOR_RING_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct tw__ring {
    struct tw__ring *next, *prev;
};

static inline void tw__ring_init(struct tw__ring *head)
{
    head->next = head->prev = head;
}

static inline bool tw__ring_is_empty(const struct tw__ring *head)
{
    return head->next == head;
}

/* As the last one. */
static inline void tw__ring_add(struct tw__ring *head, struct tw__ring *member)
{
    member->prev = head->prev;
    member->next = head;
    member->prev->next = member;
    head->prev = member;
}

/* It is a ring by itself then, so that to take it out again does no harm. */
static inline void tw__ring_remove(struct tw__ring *member)
{
    member->prev->next = member->next;
    member->next->prev = member->prev;
    tw__ring_init(member);
}

/* Move all to another head, which was empty. */
static inline void tw__ring_move(struct tw__ring *from, struct tw__ring *to)
{
    tw__ring_init(to);
    if (tw__ring_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    tw__ring_init(from);
}

#endif
