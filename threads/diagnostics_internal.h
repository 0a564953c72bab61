/*
 * Diagnostics, for a team: to be told of each task that is accepted, begun and over.
 */
#ifndef TWINE_THREADS_DIAGNOSTICS_INTERNAL_H
#define TWINE_THREADS_DIAGNOSTICS_INTERNAL_H

#include <stdatomic.h>
#include <twine/threads/diagnostics.h>

/* On the stack of whoever calls a task's fn. */
struct tw__running {
    struct tw__running *next, *prev;
    const struct tw_worker *team;
    const char *label, *file;
    int line;
    uint64_t submitted, begun; /* 0: not known */
};

extern atomic_bool tw__diagnostics_on;

static inline bool tw__diagnostics_are_on(void)
{
    /* Relaxed: it may be noticed late. */
    return atomic_load_explicit(&tw__diagnostics_on, memory_order_relaxed);
}

/* Tasks are about to be accepted, by the thread that submits them. Nothing is kept without memory. */
void tw__diagnostics_submitted(struct tw_task *const *tasks, size_t count);
/* They will not be begun after all, or not by a team. */
void tw__diagnostics_forget(struct tw_task *const *tasks, size_t count);
/* Its fn is about to be called, and has returned. */
void tw__diagnostics_begin(struct tw__running *running, const struct tw_worker *team,
                           const struct tw_task *task);
void tw__diagnostics_end(struct tw__running *running);

#endif
