/*
 * The books of jobs that leave their stack, or that others perform in a worker's place; see
 * team_suspend.c. A worker with suspended jobs is idle to the books, but pinned: it is chosen last,
 * and does not go.
 */
#include <twine/threads/team_books_internal.h>

bool tw__books_take(struct tw_team *team, struct tw_task *task)
{
    void *claim = __atomic_load_n(&task->_claim, __ATOMIC_RELAXED);
    /* Its claim is looked at before its links: one that is given up is linked outside of the
     * coordinator, but not under this claim. Under this claim it is in the backlog if it is linked:
     * its submit has returned, so it has left the inbox with our entering. Then only a canceller
     * can be faster. (One that another thread is about to put back is not linked before it is there.) */
    if (team->coord.is_suspended || claim != team || !tw__task_is_linked(task) ||
        !__atomic_compare_exchange_n(&task->_claim, &claim, NULL, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return false;
    tw__task_unlink(task);
    books_add(&team->coord.waiting, -1);
    books_count(&team->coord.finished);
    return true;
}

static void link_suspension(struct tw_team *team, struct tw__suspension *suspension)
{
    suspension->prev = NULL;
    suspension->next = team->coord.suspended;
    if (suspension->next)
        suspension->next->prev = suspension;
    team->coord.suspended = suspension;
    suspension->is_linked = true;
}

static void unlink_suspension(struct tw_team *team, struct tw__suspension *suspension)
{
    if (suspension->prev)
        suspension->prev->next = suspension->next;
    else
        team->coord.suspended = suspension->next;
    if (suspension->next)
        suspension->next->prev = suspension->prev;
    suspension->next = suspension->prev = NULL;
}

/* The slot goes on with one of its own jobs; the others of its jobs keep it. */
static void take_back(struct tw_team *team, struct slot *slot, struct tw__suspension *suspension)
{
    slot->suspended--;
    books_add(&team->coord.jobs_suspended, -1);
    if (suspension->is_linked)
        unlink_suspension(team, suspension);
    suspension->is_linked = false;
}

struct tw_task *tw__books_suspend_job(struct tw_team *team, struct slot *slot,
                                      struct tw__suspension *suspension,
                                      struct tw__suspension *other, struct outcome *outcome)
{
    struct tw_task *next = NULL;
    link_suspension(team, suspension);
    slot->suspended++;
    books_add(&team->coord.jobs_suspended, 1);
    if (other) {
        take_back(team, slot, other);
    } else if (books_has_work(team)) {
        next = books_pop(team);
    } else {
        books_add(&team->coord.busy, -1);
        tw__books_rest(team, slot, outcome);
    }
    tw__books_pump(team, outcome);
    return next;
}

bool tw__books_resume(struct tw_team *team, struct slot *slot, struct tw__suspension *suspension)
{
    struct tw__suspension **end = &slot->ready;
    if (slot->state == SLOT_IDLE) {
        tw__books_remove_idle(team, slot);
        take_back(team, slot, suspension);
        slot_move(slot, SLOT_BUSY);
        books_add(&team->coord.busy, 1);
        return true;
    }
    TW__CHECK(slot->state == SLOT_WAKING);
    unlink_suspension(team, suspension);
    suspension->is_linked = false;
    while (*end)
        end = &(*end)->next;
    *end = suspension;
    return false;
}

void tw__books_resume_next(struct tw_team *team, struct slot *slot,
                           struct tw__suspension *suspension, bool was_performed,
                           struct outcome *outcome)
{
    books_count(was_performed ? &team->coord.finished : &team->coord.given_up);
    take_back(team, slot, suspension);
    tw__books_pump(team, outcome);
}

void tw__books_resume_instead(struct tw_team *team, struct slot *slot,
                              struct tw__suspension *suspension, struct tw_task *task,
                              struct outcome *outcome)
{
    tw__task_queue_prepend(&team->coord.backlog, task);
    books_add(&team->coord.waiting, 1);
    take_back(team, slot, suspension);
    tw__books_pump(team, outcome);
}

void tw__books_cancel_suspended(struct tw_team *team)
{
    struct tw__suspension *suspension;
    team->coord.is_cut_short = true;
    for (suspension = team->coord.suspended; suspension; suspension = suspension->next) {
        suspension->is_cancelled = true;
        tw__suspension_wake(suspension);
    }
}
