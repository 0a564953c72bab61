/*
 * A suspension: a job of a team leaves its stack as it is, and its thread does other work meanwhile.
 *
 * team_suspend.c says how. Only a team whose workers are thread workers, and whose coordinator can
 * be entered, can suspend: a pool.
 */
#ifndef TWINE_THREADS_SUSPENSION_INTERNAL_H
#define TWINE_THREADS_SUSPENSION_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/task.h>

struct slot;
struct tw__fiber;

/* On the stack of the job. */
struct tw__suspension {
    struct tw_task resume; /* goes into the queue of the job's thread */
    struct slot *slot;
    struct tw__fiber *fiber;            /* the stack that was left */
    atomic_int state;                   /* see team_suspend.c */
    struct tw__suspension *next, *prev; /* among the team's, inside the coordinator */
    bool is_linked;
    bool is_cancelled; /* written inside the coordinator, before the wake */
};

/* false: the job whose frame this is has said that it delivers. */
bool tw__suspension_may(struct tw__frame *frame);
/* Get ready to leave it; there is nothing to undo. 0; -ENOTSUP: block the thread instead; -ENOMEM:
 * there is no other stack. */
int tw__suspension_init(struct tw__suspension *suspension, struct tw__frame *frame);
/* Leave it until woken, or not at all if that has been done. 0; -ECANCELED: the team is shut down. */
int tw__suspension_wait(struct tw__suspension *suspension);
/* Any thread, any number of times. The waker excludes that the job goes on to its end meanwhile:
 * by a lock that the job takes when it is back, or by being inside the coordinator. */
void tw__suspension_wake(struct tw__suspension *suspension);

#endif
