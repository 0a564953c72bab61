/*
 * The cooperator and its tasks: cooperator.c has the rotation and the ticks, cooperative_task.c a
 * task's steps and its end.
 *
 * A task that has not ended is in one of two rings: ready, in the rotation, or held, while it is
 * paused or waits for a Deferred. The cooperator has a reference to each.
 */
#ifndef TWINE_DEFERRED_COOPERATOR_INTERNAL_H
#define TWINE_DEFERRED_COOPERATOR_INTERNAL_H

#include <twine/deferred/cooperator.h>
#include <twine/deferred/later_internal.h>
#include <twine/deferred/waiters_internal.h>

struct tw__task_place {
    struct tw__task_place *next, *prev;
};

struct tw_cooperator {
    size_t refs;
    struct tw_reactor *reactor; /* borrowed, or NULL */
    struct tw_cooperator_options options;
    struct tw__later *timer;           /* for the default schedule, or NULL */
    struct tw__task_place ready, held; /* heads of rings */
    struct tw__task_place *last; /* stepped last: its next is next; the head at the beginning */
    uint64_t slice_end;
    bool is_running, has_stopped;
    bool is_scheduled, is_ticking;
    struct tw_failure *task_stopped; /* made in advance: stopping needs no memory */
    struct tw_failure *scheduler_stopped;
};

struct tw_cooperative_task {
    size_t refs;
    struct tw_cooperator *cooperator; /* valid until it has ended */
    struct tw__task_place place;
    tw_step_fn step;
    void *arg;
    tw_destroy_fn destroy;
    size_t pauses;
    bool is_held;
    bool is_waiting; /* for a Deferred it has left */
    bool is_watched; /* its end has been asked for */
    int status;      /* 0 until it has ended */
    struct tw_failure *failure;
    struct tw__waiters waiters;
};

/* cooperator.c: put into the rotation, at its end; 0, or what schedule answered, and then nothing
 * has changed. Take out of the rotation; and out of everything. */
int tw__cooperator_make_ready(struct tw_cooperative_task *task);
void tw__cooperator_hold(struct tw_cooperative_task *task);
void tw__cooperator_forget(struct tw_cooperative_task *task);

/* cooperative_task.c: one step; and the end, which lets go of the cooperator's reference. The
 * failure is borrowed; NULL: it is done. */
void tw__cooperative_task_step(struct tw_cooperative_task *task);
void tw__cooperative_task_end(struct tw_cooperative_task *task, int status,
                              struct tw_failure *failure);
/* Made, but in no ring. Takes (arg, destroy) over only if it succeeds. NULL without memory. */
struct tw_cooperative_task *tw__cooperative_task_new(struct tw_cooperator *cooperator,
                                                     tw_step_fn step, void *arg,
                                                     tw_destroy_fn destroy);

#endif
