/*
 * Teams, for those who perform a waiting task themselves, keep tasks back that could only wait, or
 * give up all that waits.
 */
#ifndef TWINE_THREADS_TEAM_TAKE_INTERNAL_H
#define TWINE_THREADS_TEAM_TAKE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <twine/threads/worker.h>

/* Whether it is a team itself. Any thread. */
bool tw__team_is(const struct tw_worker *worker);

/* The team that this worker is, or is the face of, as a pool is; NULL: none. Any thread. */
struct tw_worker *tw__team_of(struct tw_worker *worker);

/* Take a task out of a team's backlog: it is the caller's then, to call its fn. Any thread. false:
 * it is not there, or the coordinator cannot be entered. */
bool tw__team_take(struct tw_worker *team, struct tw_task *task);

/* For the team's statistics: so many tasks more than its books know of were performed, or given up; or
 * fewer. Any thread. */
void tw__team_count_performed(struct tw_worker *team, int64_t count);
void tw__team_count_given_up(struct tw_worker *team, int64_t count);

/* Whether a task more could only wait, or for one who is being woken: nobody is told of tasks that wait,
 * and it has not quit. Any thread. */
bool tw__team_is_saturated(const struct tw_worker *team);

/* Whether nobody is to begin what waits. Any thread. */
bool tw__team_is_suspended(const struct tw_worker *team);

/* Put a task into the backlog that this team has accepted already: it is not refused after a quit, but
 * given up after a shutdown. On one of its workers, before the delivery. */
void tw__team_put_back(struct tw_worker *team, struct tw_task *task);

/* Give up all that waits in a team's backlog. Any thread. It stays there, if the coordinator cannot
 * be entered. */
void tw__team_give_up(struct tw_worker *team, int why);

#endif
