/*
 * Teams, for those who perform a waiting task themselves, or give up all of them.
 */
#ifndef TWINE_THREADS_TEAM_TAKE_INTERNAL_H
#define TWINE_THREADS_TEAM_TAKE_INTERNAL_H

#include <stdbool.h>
#include <twine/threads/worker.h>

/* Whether it is a team itself. Any thread. */
bool tw__team_is(const struct tw_worker *worker);

/* The team that this worker is, or is the face of, as a pool is; NULL: none. Any thread. */
struct tw_worker *tw__team_of(struct tw_worker *worker);

/* Take a task out of a team's backlog: it is the caller's then, to call its fn. Any thread. false:
 * it is not there, or the coordinator cannot be entered. */
bool tw__team_take(struct tw_worker *team, struct tw_task *task);

/* Give up all that waits in a team's backlog. Any thread. It stays there, if the coordinator cannot
 * be entered. */
void tw__team_give_up(struct tw_worker *team, int why);

#endif
