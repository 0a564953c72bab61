/*
 * What the random test does, as data: operations that the model and the library perform alike, and
 * the events by which they are compared.
 */
#ifndef TWINE_TESTS_DEFERRED_RANDOM_SCRIPT_H
#define TWINE_TESTS_DEFERRED_RANDOM_SCRIPT_H

#include "../harness.h"

enum { CHILDREN = 3, RACE = 8 };
enum { SLOTS = 8, MAX_STEPS = 2048, MAX_EVENTS = 4096 };

/* How a callback ends: what it leaves in the result. */
enum leave { LEAVE_IT, LEAVE_VALUE, LEAVE_FAILURE, LEAVE_NULL, LEAVE_DEFERRED, LEAVE_KINDS };

/* What a canceller does. */
enum canceller { NO_CANCELLER, DOES_NOTHING, FIRES_VALUE, FIRES_FAILURE, REFUSES, CANCELLERS };

enum verb {
    MAKE,
    ADD,
    FIRE,
    FIRE_FAILURE,
    CANCEL,
    PAUSE,
    UNPAUSE,
    CHAIN,
    REF,
    UNREF,
    SOURCE_UNREF,
    LIST,
    TIMEOUT,
    ADVANCE,
    VERBS
};

/* One operation, on the Deferred that is in a slot then. It does nothing if that has no handle, or
 * no source, as it may need. */
struct operation {
    enum verb verb;
    int slot, other;          /* other: CHAIN's target */
    int number;               /* a value, or a failure's code; 0 is no value */
    enum canceller canceller; /* MAKE */
    int id;                   /* MAKE: of the Deferred */
    struct step *step;        /* ADD */
    bool even_if_paused;      /* UNREF: let go of the last handle of a paused one */
    int children[CHILDREN];   /* LIST: slots; those without a handle are left out */
    unsigned flags;           /* LIST: TW_LIST_..., or RACE */
    bool custom;              /* TIMEOUT: with an on_timeout */
};

/* A link: what its callback does. It performs an operation, then leaves something. */
struct step {
    int id, owner; /* owner: the rank of the Deferred it was added to */
    bool on_value, on_failure;
    bool has_operation;
    struct operation operation;
    enum leave leave;
    int number, slot; /* what it leaves; slot: of the Deferred */
};

/* What happened; see the letters where they are noted. */
struct event {
    int what; /* a letter */
    int id, detail;
};

struct events {
    struct event list[MAX_EVENTS];
    int count;
};

static inline void note(struct events *events, char what, int id, int detail)
{
    struct event event = {what, id, detail};
    if (events->count < MAX_EVENTS)
        events->list[events->count++] = event;
}

/* In the half of the scripts where cycles are allowed there are no explicit chains and no lists; in
 * the other half whoever waits is of lower rank than the one it waits for: a list of lower rank than
 * its children, and else the older one of the two. */
static bool cycles_allowed;

enum { RANKS = 16 }; /* from one Deferred to the next */

static inline bool may_wait(int outer_rank, int inner_rank)
{
    return cycles_allowed || outer_rank < inner_rank;
}

/* How a list's outcomes are written down as a number: how many, the winner, which have come. */
static inline int outcomes_number(int count, int winner, int come)
{
    return 1000000000 + count * 10000 + (winner + 1) * 100 + come;
}

#endif
