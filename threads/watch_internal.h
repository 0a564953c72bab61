/*
 * What a team does for those who watch it: one look at the end of each visit to its books.
 */
#ifndef TWINE_THREADS_WATCH_INTERNAL_H
#define TWINE_THREADS_WATCH_INTERNAL_H

#include <twine/threads/team_internal.h>
#include <twine/threads/watch.h>

struct tw_watch *tw__watch_gather_slow(struct tw_team *team);
void tw__watch_tell_slow(struct tw_watch *watches);

/* Inside the coordinator, or with the team held otherwise: those whose task has to be posted for
 * this visit, each held. */
static inline struct tw_watch *tw__watch_gather(struct tw_team *team)
{
    /* Relaxed: watch.c's begin() says why no change is missed. */
    if (!atomic_load_explicit(&team->watches, memory_order_relaxed))
        return NULL;
    return tw__watch_gather_slow(team);
}

/* With the books closed: post them. The team may be gone by now. */
static inline void tw__watch_tell(struct tw_watch *watches)
{
    if (watches)
        tw__watch_tell_slow(watches);
}

#endif
