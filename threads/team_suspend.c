/*
 * Suspending a job: it stays on its stack, and the loop of its thread goes on on another.
 *
 * A job never leaves its thread. So all that decides when it goes on is a task in the queue of its
 * own thread, sent there by whoever wakes it: a wake that comes while the stacks are still being
 * switched is found when that has been done. The job costs its stack, its worker costs nothing: to
 * the books it is idle, chosen last, and cannot be quit before its jobs have ended.
 *
 *     AWAKE  -> ASLEEP     the job, about to leave; then it is sure to be woken by a task
 *     AWAKE  -> WOKEN      a waker was first: the job does not leave
 *     ASLEEP -> WOKEN      a waker: it, and nobody else, sends the task
 *
 * What has been woken goes before other work: between two tasks of a worker (tw__slot_ready), and
 * when a worker is woken for new work at the same time (slot_run): then that work goes back to the
 * front of the backlog.
 */
#include <twine/threads/suspension_internal.h>

#include <errno.h>
#include <twine/base/check_internal.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/threads/team_internal.h>
#include <twine/threads/thread_worker_internal.h>
#include <twine/threads/worker_internal.h>

enum { AWAKE, ASLEEP, WOKEN };

/* --- resuming --------------------------------------------------------------------------------- */

/* In the loop of the job's thread, on another stack. */
static void resume_fn(struct tw_task *task, int status)
{
    struct tw__suspension *suspension = TW_CONTAINER(task, struct tw__suspension, resume);
    struct slot *slot = suspension->slot;
    struct tw_team *team = slot->team;
    struct outcome outcome;
    bool is_now, is_inside = tw__team_enter(team, &outcome);
    (void)status;
    TW__CHECK(status == 0 && is_inside);
    is_now = tw__books_resume(team, slot, suspension);
    tw__team_leave(team, &outcome);
    (void)is_inside;
    if (is_now)
        tw__thread_worker_resume(slot->worker, suspension->fiber);
}

void tw__slot_resume(struct slot *slot, struct tw__suspension *suspension)
{
    tw__thread_worker_resume(slot->worker, suspension->fiber);
}

/* While a worker has a task its own node is in no queue, so all that comes to its thread is this. */
struct tw__suspension *tw__slot_ready(struct slot *slot)
{
    struct tw__suspension *suspension = slot->ready;
    struct tw_task *task;
    if (suspension) {
        slot->ready = suspension->next;
        return suspension;
    }
    task = tw__thread_worker_poll(slot->worker);
    TW__CHECK(!task || task->fn == resume_fn);
    return task ? TW_CONTAINER(task, struct tw__suspension, resume) : NULL;
}

/* --- suspending ------------------------------------------------------------------------------- */

bool tw__suspension_may(struct tw__frame *frame)
{
    return tw__slot_of_frame(frame) != NULL;
}

int tw__suspension_init(struct tw__suspension *suspension, struct tw__frame *frame)
{
    struct slot *slot = tw__slot_of_frame(frame);
    if (tw__worker_is_inherited(&slot->team->base) ||
        slot->team->coordinator->_ops->enter == tw_worker_enter_none ||
        !tw__thread_worker_is(slot->worker))
        return -ENOTSUP;
    tw_task_init(&suspension->resume, resume_fn);
    suspension->slot = slot;
    suspension->is_linked = suspension->is_cancelled = false;
    atomic_init(&suspension->state, AWAKE);
    return tw__thread_worker_prepare(slot->worker);
}

void tw__suspension_wake(struct tw__suspension *suspension)
{
    int refused;
    if (atomic_exchange(&suspension->state, WOKEN) != ASLEEP)
        return;
    refused = tw_worker_submit(suspension->slot->worker, &suspension->resume);
    TW__CHECK(refused == 0); /* it has not been quit: it has this job */
    (void)refused;
}

int tw__suspension_wait(struct tw__suspension *suspension)
{
    struct slot *slot = suspension->slot;
    struct tw__suspension *other;
    struct outcome outcome;
    int awake = AWAKE;
    bool is_inside, has_next;
    suspension->fiber = tw__fiber_self();
    is_inside = tw__team_enter(slot->team, &outcome);
    TW__CHECK(is_inside); /* nobody waits inside of a team's coordinator */
    (void)is_inside;
    if (slot->team->coord.is_cut_short) {
        tw__team_leave(slot->team, &outcome); /* those that wait have been told */
        return -ECANCELED;
    }
    if (!atomic_compare_exchange_strong(&suspension->state, &awake, ASLEEP)) {
        tw__team_leave(slot->team, &outcome);
        return 0;
    }
    other = slot->suspended ? tw__slot_ready(slot) : NULL;
    if (other == suspension) { /* it was woken just now, and its task has come already */
        tw__team_leave(slot->team, &outcome);
        return 0;
    }
    slot->task = tw__books_suspend_job(slot->team, slot, suspension, other, &outcome);
    has_next = slot->task != NULL; /* here, before others may give it one */
    tw__team_leave(slot->team, &outcome);
    if (other)
        tw__fiber_switch(other->fiber);
    else
        tw__thread_worker_suspend(slot->worker, has_next ? &slot->node : NULL);
    return suspension->is_cancelled ? -ECANCELED : 0;
}
