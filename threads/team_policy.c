/*
 * What others ask of a team from inside: statistics for everybody, and for the pool its policy. Each is
 * a visit to the books.
 */
#include <twine/threads/team_internal.h>

#include <errno.h>
#include <twine/base/report_internal.h>
#include <twine/threads/diagnostics_internal.h>
#include <twine/threads/team_take_internal.h>
#include <twine/threads/worker_internal.h>

/* --- statistics ------------------------------------------------------------------------------- */

static void read_books(struct tw_team *team, struct tw_statistics *ret)
{
    uint64_t performed = atomic_load_explicit(&team->performed, memory_order_relaxed);
    uint64_t given_up = atomic_load_explicit(&team->given_up, memory_order_relaxed);
    ret->idle = atomic_load_explicit(&team->coord.idles, memory_order_relaxed);
    ret->busy = atomic_load_explicit(&team->coord.busy, memory_order_relaxed);
    ret->coming = atomic_load_explicit(&team->coord.coming, memory_order_relaxed);
    ret->backlog = atomic_load_explicit(&team->coord.waiting, memory_order_relaxed);
    ret->suspended = atomic_load_explicit(&team->coord.jobs_suspended, memory_order_relaxed);
    ret->remaining = ret->backlog + ret->busy + ret->suspended;
    if (team->policy)
        ret->remaining += team->policy->delivering(team->arg);
    ret->scheduled =
        atomic_load_explicit(&team->coord.scheduled, memory_order_relaxed) + performed + given_up;
    ret->given_up = atomic_load_explicit(&team->coord.given_up, memory_order_relaxed) + given_up;
    ret->finished = atomic_load_explicit(&team->coord.finished, memory_order_relaxed) + performed;
    ret->wakes = atomic_load_explicit(&team->coord.wakes, memory_order_relaxed);
    ret->failed_creations =
        atomic_load_explicit(&team->coord.failed_creations, memory_order_relaxed);
}

/* Inside, the numbers are of one moment: a worker that moves from coming to idle between two of
 * them would be counted nowhere. */
int tw_team_statistics(struct tw_team *team, struct tw_statistics *ret_statistics)
{
    struct tw_worker *coordinator;
    struct outcome outcome;
    bool is_inside;
    if (!team || !ret_statistics || ret_statistics->size != sizeof *ret_statistics)
        return tw__misuse(-EINVAL,
                          "tw_team_statistics: needs a team, and a struct whose size is set");
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    coordinator = team->coordinator;
    if (tw__team_inbox_has_entries(&team->inbox) && tw__team_enter(team, &outcome))
        tw__team_leave(team, &outcome); /* now it is in the books */
    is_inside = coordinator->_ops->enter(coordinator) == 0;
    read_books(team, ret_statistics);
    if (is_inside)
        coordinator->_ops->leave(coordinator);
    return 0;
}

/* --- a pool's policy -------------------------------------------------------------------------- */

void tw__team_set_most(struct tw_team *team, size_t n)
{
    atomic_store(&team->most, n);
}

void tw__team_set_policy(struct tw_team *team, const struct tw__team_policy *policy,
                         size_t max_backlog, size_t most)
{
    team->policy = policy;
    team->max_backlog = max_backlog;
    tw__team_set_most(team, most);
}

/* It has ended: only statistics still asks. */
void tw__team_forget_policy(struct tw_team *team)
{
    struct outcome outcome;
    if (tw__team_enter(team, &outcome)) {
        team->policy = NULL;
        tw__team_leave(team, &outcome);
    }
}

void tw__team_overstay(struct tw_team *team, struct tw_worker *worker)
{
    struct outcome outcome;
    if (tw__team_enter(team, &outcome)) {
        tw__books_overstay(team, worker, &outcome);
        tw__team_leave(team, &outcome);
    }
}

int tw__team_suspend(struct tw_team *team, bool is_suspended)
{
    struct outcome outcome;
    int rc = -ESHUTDOWN;
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    if (!tw__team_enter(team, &outcome))
        return -EDEADLK; /* not with a pool's coordinator */
    if (!atomic_load(&team->has_quit))
        rc = tw__books_suspend(team, is_suspended, &outcome);
    tw__team_leave(team, &outcome);
    return rc;
}

/* --- for those who perform tasks themselves --------------------------------------------------- */

/* Relaxed: numbers. */
void tw__team_count_performed(struct tw_worker *worker, int64_t count)
{
    atomic_fetch_add_explicit(&((struct tw_team *)worker)->performed, (uint64_t)count,
                              memory_order_relaxed);
}

void tw__team_count_given_up(struct tw_worker *worker, int64_t count)
{
    atomic_fetch_add_explicit(&((struct tw_team *)worker)->given_up, (uint64_t)count,
                              memory_order_relaxed);
}

/* Without a visit: where the short way is open, nobody watches, and the team is not suspended. */
static bool take_back(struct tw_team *team, struct tw_task *task, bool *ret_is_taken)
{
    void *claim = team;
    if (!tw__team_inbox_take_back(&team->inbox, task))
        return false;
    *ret_is_taken = __atomic_compare_exchange_n(&task->_claim, &claim, NULL, false,
                                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    if (*ret_is_taken)
        tw__team_count_performed(&team->base, 1);
    else
        tw__team_give_up_cancelled(team, task);
    return true;
}

bool tw__team_take(struct tw_worker *worker, struct tw_task *task)
{
    struct tw_team *team = (struct tw_team *)worker;
    struct outcome outcome;
    bool is_taken;
    if (tw__worker_is_inherited(worker))
        return false;
    if (!tw__diagnostics_are_on() && take_back(team, task, &is_taken))
        return is_taken;
    if (!tw__team_enter(team, &outcome))
        return false;
    is_taken = tw__books_take(team, task);
    tw__team_leave(team, &outcome);
    if (is_taken && tw__diagnostics_are_on())
        tw__diagnostics_forget(&task, 1);
    return is_taken;
}

bool tw__team_is_saturated(const struct tw_worker *worker)
{
    struct tw_team *team = (struct tw_team *)worker;
    /* Relaxed: as tw__team_submit_short(), to which a task would go. */
    return tw__team_inbox_is_short(&team->inbox) && !tw__diagnostics_are_on() &&
           !atomic_load_explicit(&team->has_quit, memory_order_relaxed);
}

bool tw__team_is_suspended(const struct tw_worker *worker)
{
    /* Relaxed: it may be noticed a moment late. */
    return atomic_load_explicit(&((struct tw_team *)worker)->coord.is_suspended,
                                memory_order_relaxed);
}

void tw__team_put_back(struct tw_worker *worker, struct tw_task *task)
{
    struct tw_team *team = (struct tw_team *)worker;
    struct outcome outcome;
    if (tw__team_submit_short(team, task) == 0)
        return;
    if (!tw__team_enter(team, &outcome)) {
        tw__team_post(team, &task, 1, false);
        return;
    }
    if (atomic_load(&team->is_stopping))
        tw__books_give_up_new(team, task, &outcome);
    else
        tw__books_submit(team, task, &outcome);
    tw__team_leave(team, &outcome);
}

void tw__team_give_up(struct tw_worker *worker, int why)
{
    struct tw_team *team = (struct tw_team *)worker;
    struct outcome outcome;
    if (tw__worker_is_inherited(worker) || !tw__team_enter(team, &outcome))
        return;
    tw__books_give_up(team, why, &outcome);
    tw__team_leave(team, &outcome);
}
