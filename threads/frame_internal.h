/*
 * Frames: which workers are calling tasks on this thread, the innermost first.
 *
 * Whoever calls a task's fn pushes a frame, on its own stack. So a wait can tell what it is inside
 * of, and whether it would wait for itself:
 *
 *     what is innermost, strands aside      a wait for something unfinished
 *     a team's worker                       suspends the job, and the worker does other work
 *     a loop that turns, a lock             is refused: nobody else could go on
 *     any other worker, or nothing          blocks the thread
 */
#ifndef TWINE_THREADS_FRAME_INTERNAL_H
#define TWINE_THREADS_FRAME_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <twine/base/here_internal.h>

struct tw_worker;

enum tw__frame_kind {
    TW__FRAME_SLOT,   /* a worker of a team; worker: the team. Embedded in team_slot.c's run */
    TW__FRAME_STRAND, /* runs inside of another worker's task */
    TW__FRAME_WORKER, /* a worker that has the thread for itself */
    TW__FRAME_LOCKED  /* what runs here keeps everybody else out, or the loop from turning */
};

struct tw__frame {
    struct tw__frame *outer;
    const struct tw_worker *worker; /* whose task is being called */
    enum tw__frame_kind kind;
    const atomic_bool *is_stopping; /* raised: what runs here is asked to end; NULL */
};

static inline void tw__frame_push(struct tw__frame *frame, enum tw__frame_kind kind,
                                  const struct tw_worker *worker)
{
    frame->outer = tw__here.frame;
    frame->worker = worker;
    frame->kind = kind;
    frame->is_stopping = NULL;
    tw__here.frame = frame;
}

static inline void tw__frame_pop(struct tw__frame *frame)
{
    tw__here.frame = frame->outer;
}

/* Whether this thread is in the middle of a task of this worker. */
static inline bool tw__frame_is_inside(const struct tw_worker *worker)
{
    const struct tw__frame *frame;
    for (frame = tw__here.frame; frame; frame = frame->outer)
        if (frame->worker == worker)
            return true;
    return false;
}

/* The frame that says what a wait does; NULL: nothing runs here for anybody. */
static inline struct tw__frame *tw__frame_of_wait(void)
{
    struct tw__frame *frame = tw__here.frame;
    while (frame && frame->kind == TW__FRAME_STRAND)
        frame = frame->outer;
    return frame;
}

/* Whether this thread must not block: nobody else could go on. */
static inline bool tw__frame_forbids_blocking(void)
{
    const struct tw__frame *frame = tw__frame_of_wait();
    return frame && frame->kind == TW__FRAME_LOCKED;
}

#endif
