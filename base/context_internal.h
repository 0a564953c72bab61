/*
 * Contexts, for those who carry work: captured where it is submitted, in force while it runs.
 *
 *     job->context = tw__context_capture();              on the submitting thread
 *     before = tw__context_swap(job->context);           where it runs; NULL too, or the work would
 *     work; destroy;                                     see what is in force there
 *     tw__context_swap_back(before, job->context);
 *     tw_context_unref(job->context);                    when its delivery has run
 *
 * Without contexts this is one load and a branch to capture, and a load and two stores to run.
 */
#ifndef TWINE_BASE_CONTEXT_INTERNAL_H
#define TWINE_BASE_CONTEXT_INTERNAL_H

#include <twine/base/context.h>
#include <twine/base/here_internal.h>

/* A reference to what is in force here. */
static inline struct tw_context *tw__context_capture(void)
{
    struct tw_context *context = tw__here.context;
    return context ? tw_context_ref(context) : NULL;
}

/* Lend a context to this thread. Returns what was in force. */
static inline struct tw_context *tw__context_swap(struct tw_context *context)
{
    struct tw_context *before = tw__here.context;
    tw__here.context = context;
    return before;
}

/* Work has entered a context and not left it: tell, and let it go. */
void tw__context_was_left(struct tw_context *left);

/* What was lent is taken back: nothing of the work stays on its thread. */
static inline void tw__context_swap_back(struct tw_context *before, struct tw_context *lent)
{
    struct tw_context *left = tw__context_swap(before);
    if (left != lent)
        tw__context_was_left(left);
}

static inline void tw__context_drop(struct tw_context *context)
{
    if (context)
        tw_context_unref(context);
}

#endif
