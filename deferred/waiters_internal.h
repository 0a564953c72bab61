/*
 * Those who wait for something: a line of Deferreds, oldest first, for locks, queues, events and
 * whatever else answers them one by one.
 *
 * A waiter is a Deferred with its place in the line, one block. It is in one of three states:
 *
 *     waiting   in the line; a cancel takes it out, in constant time
 *     due       has its answer, and will be fired with it; a cancel only fires it earlier
 *     gone      fired
 *
 * Answers are given in two steps, so that waiters whose callbacks answer the next one need no
 * stack: tw__waiters_answer() makes the oldest one due, and tw__waiters_serve() fires those that
 * are due, in order, unless that is being done further up the stack; then they have their turn
 * there.
 */
#ifndef TWINE_DEFERRED_WAITERS_INTERNAL_H
#define TWINE_DEFERRED_WAITERS_INTERNAL_H

#include <twine/deferred/deferred_internal.h>

struct tw__waiter_place {
    struct tw__waiter_place *next, *prev; /* a ring; NULL: in none */
};

struct tw__waiters {
    struct tw__waiter_place line; /* the heads of two rings */
    struct tw__waiter_place due;
    size_t count; /* of those that wait */
    bool is_serving;
};

struct tw__waiter {
    struct tw_deferred deferred;
    struct tw__waiter_place place;
    struct tw__waiters *waiters; /* while it waits, or is due */
    struct tw_result answer;     /* while it is due */
    bool is_due;
};

void tw__waiters_init(struct tw__waiters *waiters);

/* Add a new Deferred to the end of the line. 0; -ENOMEM. */
int tw__waiters_add(struct tw__waiters *waiters, struct tw_deferred **ret_deferred);

/* The same for one in memory of yours. Its handle is yours; its source is the line's. */
void tw__waiters_join(struct tw__waiters *waiters, struct tw__waiter *waiter,
                      void (*release)(struct tw_deferred *deferred));

/* Make the oldest that waits due, with an answer that is moved out. There must be one. */
void tw__waiters_answer(struct tw__waiters *waiters, struct tw_result *answer);

/* Make one due that waits in no line. Its source is taken over. */
void tw__waiters_put_due(struct tw__waiters *waiters, struct tw__waiter *waiter,
                         struct tw_result *answer);

/* Fire one that is due, perhaps before its turn. */
void tw__waiter_fire(struct tw__waiter *waiter);

/* Fire those that are due. The caller holds whatever the waiters are part of. */
void tw__waiters_serve(struct tw__waiters *waiters);

/* What they wait for goes: each fails as abandoned. Nothing is due then, since whoever serves holds
 * it. */
void tw__waiters_abandon(struct tw__waiters *waiters);

#endif
