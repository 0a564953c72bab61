/*
 * An event: its triggers by phase, and how far its firing has come.
 *
 *     IDLE -> BEFORE -> DURING -> AFTER -> IDLE
 *
 * A phase ends when none of its triggers waits and none holds it. Triggers that hold are in a ring of
 * their own, so that an event that goes can let go of them.
 */
#ifndef TWINE_REACTOR_TRIGGER_INTERNAL_H
#define TWINE_REACTOR_TRIGGER_INTERNAL_H

#include <twine/reactor/ring_internal.h>
#include <twine/reactor/trigger.h>

enum { TW__PHASE_COUNT = 3, TW__PHASE_IDLE = -1 };

struct tw__event {
    struct tw__event *next; /* of the user's */
    const char *name;
    struct tw__ring phases[TW__PHASE_COUNT]; /* of triggers that wait */
    struct tw__ring holding;                 /* of triggers */
    int phase;                               /* TW__PHASE_IDLE: it is not being fired */
    bool is_going_on;                        /* inside tw__event_go_on() */
    /* Of the reactor's own events, else NULL: what it does itself as a phase begins, before the
     * triggers, and with TW__PHASE_IDLE at the end; and whether the phase in progress may end. */
    void (*enter)(struct tw_reactor *reactor, int phase);
    bool (*may_end)(struct tw_reactor *reactor, bool is_held);
};

void tw__event_init(struct tw__event *event, const char *name);
void tw__event_begin(struct tw_reactor *reactor, struct tw__event *event);
/* Run what is due. Returns whether the firing is over. */
bool tw__event_go_on(struct tw_reactor *reactor, struct tw__event *event);
/* Break the firing off; triggers that have not run wait for the next one. */
void tw__event_break_off(struct tw__event *event);
/* Let go of all triggers; nothing is called but what destroys their arguments. */
void tw__event_drop(struct tw__event *event);

/* All events, at the reactor's end. */
void tw__reactor_drop_events(struct tw_reactor *reactor);

#endif
