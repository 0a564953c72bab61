/*
 * A slot's turn: what a worker of a team does when its slot's node has reached it.
 *
 * It runs the task that it brings, and then, in the visit in which it says so, takes its next one,
 * until there is none.
 *
 * A worker is idle from the moment its task says that only the delivery is left. The task's fn is
 * still on its stack then, and meanwhile it may be handed its next task, or be quit and its slot
 * freed: so after a recycle that brought no next task, slot_run looks at nothing but its own stack.
 */
#include <twine/threads/team_books_internal.h>

#include <twine/base/check_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/threads/diagnostics_internal.h>
#include <twine/threads/thread_worker_internal.h>

/* On the stack of slot_run, while a task's fn is called. */
struct run {
    struct tw__runner base;
    struct tw__frame frame;
    struct slot *slot; /* not to be looked at after a recycle that left nothing to do next */
    struct tw_task *next;
    struct tw__suspension *resumes; /* or this, next */
    bool was_performed, is_recycled;
    atomic_bool *is_delivering; /* a thread worker's; NULL */
};

struct slot *tw__slot_of_frame(struct tw__frame *frame)
{
    struct run *run = TW_CONTAINER(frame, struct run, frame);
    return run->is_recycled ? NULL : run->slot;
}

/* Release: who sees that a delivery is over sees what it did. */
static void set_delivering(struct run *run, bool is_delivering)
{
    if (run->is_delivering)
        atomic_store_explicit(run->is_delivering, is_delivering, memory_order_release);
}

/* Inside the coordinator, and left when this returns. */
static __attribute__((noinline)) void recycle_slowly(struct run *run, bool is_brief)
{
    struct slot *slot = run->slot;
    struct tw_team *team = slot->team;
    struct outcome outcome;
    tw__team_begin_recycle(team, &outcome);
    if (run->resumes)
        tw__books_resume_next(team, slot, run->resumes, run->was_performed, &outcome);
    else
        run->next = tw__books_recycle(team, slot, run->was_performed, &outcome);
    /* It is about to look for its next task. (A slot that is GONE goes when the books are
     * closed.) */
    if (is_brief && team->coord.is_short && slot->state == SLOT_IDLE && !slot->suspended)
        team->coord.searches = tw__thread_worker_searches(slot->worker);
    tw__team_leave(team, &outcome);
}

/* The worker is idle, or has its next task, when this returns. A child forked by the task that
 * comes back from it has no worker and no team, and gets no next one. */
static void recycle(struct run *run, bool is_delivering, bool is_brief)
{
    struct slot *slot = run->slot;
    struct tw_team *team = slot->team;
    run->is_recycled = true;
    run->frame.is_stopping = NULL; /* the team may go before the delivery is over */
    if (tw__worker_is_inherited(team->coordinator)) /* of the same process as the team */
        return;
    run->resumes = slot->suspended ? tw__slot_ready(slot) : NULL;
    if (team->coordinator->_ops->enter(team->coordinator) < 0) {
        slot->recycle.n = run->was_performed;
        tw__team_post_op(team, &slot->recycle, false);
        return;
    }
    if (is_delivering) /* inside, so that the task is counted there or here */
        set_delivering(run, true);
    if (books_are_steady(team) && !run->resumes) {
        run->next = tw__books_next(team, run->was_performed);
        team->coordinator->_ops->leave(team->coordinator);
    } else {
        recycle_slowly(run, is_brief);
    }
}

static void run_delivers(struct tw__runner *runner, bool is_brief)
{
    recycle((struct run *)runner, true, is_brief);
}

static void call_noted(struct run *run, struct tw_task *task, int status)
{
    struct tw__running running;
    tw__diagnostics_begin(&running, run->frame.worker, task);
    task->fn(task, status);
    if (!tw__worker_is_inherited(run->frame.worker))
        tw__diagnostics_end(&running);
}

static void perform(struct run *run, struct tw_task *task)
{
    int status = tw__task_take(task);
    run->next = NULL;
    run->is_recycled = false;
    run->frame.is_stopping = &run->slot->team->is_stopping;
    run->resumes = NULL;
    run->was_performed = status == 0;
    if (status == 0)
        tw__task_set_runner(task, &run->base);
    if (tw__diagnostics_are_on())
        call_noted(run, task, status);
    else
        task->fn(task, status);
    if (run->is_recycled)
        set_delivering(run, false);
    else
        recycle(run, false, true);
}

/* The first task of a slot whose node has arrived, and the news that it has. */
static struct tw_task *begin(struct slot *slot)
{
    struct tw_team *team = slot->team;
    struct tw_task *task = slot->task;
    struct outcome outcome;
    if (slot->state == SLOT_BUSY) {
        slot->task = NULL; /* only the wake of an idle worker, and a new thread, are news */
        return task;
    }
    if (tw__team_enter(team, &outcome)) {
        task = tw__books_start(team, slot, &outcome);
        if (task)
            slot->task = NULL;
        tw__team_leave(team, &outcome);
    } else {
        slot->task = NULL;
        slot->start.kind = OP_START;
        tw__team_post_op(team, &slot->start, false);
    }
    return task;
}

/* It comes for what the inbox holds before others are woken for that. */
struct tw_task *tw__team_end_search(struct tw_team *team, struct tw_worker *worker)
{
    struct outcome outcome;
    struct slot *slot;
    struct tw_task *node = NULL;
    if (tw__team_inbox_give_up_search(&team->inbox) || !tw__team_enter_bare(team, &outcome))
        return NULL;
    tw__team_take_in(team, tw__team_inbox_end_search(&team->inbox), &outcome);
    slot = (struct slot *)worker->_slot;
    if (slot && slot->state == SLOT_IDLE && !slot->suspended && books_has_work(team)) {
        tw__books_take_up(team, slot);
        node = &slot->node;
    }
    tw__books_pump(team, &outcome);
    tw__team_leave(team, &outcome);
    return node;
}

void tw__slot_strike_off(struct slot *slot, int error)
{
    slot->start.kind = OP_STRIKE_OFF;
    slot->start.error = error;
    tw__team_do(slot->team, &slot->start);
}

/* A job that was woken at the same time goes before the task that the worker was woken for. */
static struct tw__suspension *prefer_ready(struct slot *slot, struct tw_task *task)
{
    struct tw__suspension *suspension = tw__slot_ready(slot);
    struct tw_team *team = slot->team;
    struct outcome outcome;
    bool is_inside = tw__team_enter(team, &outcome);
    TW__CHECK(is_inside);
    (void)is_inside;
    tw__books_resume_instead(team, slot, suspension, task, &outcome);
    tw__team_leave(team, &outcome);
    return suspension;
}

static void slot_run(struct tw_task *node, int status)
{
    struct slot *slot = TW_CONTAINER(node, struct slot, node);
    struct tw_task *task;
    struct run run;
    if (status < 0) {
        tw__slot_strike_off(slot, status);
        return;
    }
    run.base.delivers = run_delivers;
    run.slot = slot;
    run.is_delivering = tw__thread_worker_delivers(slot->worker);
    run.resumes = NULL;
    run.is_recycled = true; /* no job of this slot's runs yet */
    tw__frame_push(&run.frame, TW__FRAME_SLOT, &slot->team->base);
    task = begin(slot);
    if (task && slot->ready) /* without a task the slot may be gone */
        run.resumes = prefer_ready(slot, task);
    else
        for (; task; task = run.next)
            perform(&run, task);
    if (run.resumes)
        tw__slot_resume(slot, run.resumes);
    tw__frame_pop(&run.frame);
}

void tw__slot_init(struct slot *slot, struct tw_team *team)
{
    tw_task_init(&slot->node, slot_run);
    slot->team = team;
    slot->state = SLOT_COMING;
    tw__op_init(&slot->start, OP_START, slot);
    tw__op_init(&slot->recycle, OP_RECYCLE, slot);
}
