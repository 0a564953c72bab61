/*
 * What the random test does, as data: operations that the model and the library perform alike, and
 * the events by which they are compared.
 */
#ifndef TWINE_TESTS_DEFERRED_RANDOM_SCRIPT_H
#define TWINE_TESTS_DEFERRED_RANDOM_SCRIPT_H

#include "../harness.h"

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
};

/* A link: what its callback does. It performs an operation, then leaves something. */
struct step {
    int id, owner; /* owner: the id of the Deferred it was added to */
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

/* In the half of the scripts where cycles are allowed, Deferreds are not chained explicitly; in the
 * other half whoever waits is older than the one it waits for. */
static bool cycles_allowed;

static inline bool may_wait(int outer_id, int inner_id)
{
    return cycles_allowed || outer_id < inner_id;
}

#endif
