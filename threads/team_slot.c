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
#include <twine/threads/team_internal.h>

#include <twine/base/memory_internal.h>
#include <twine/threads/thread_worker_internal.h>

/* On the stack of slot_run, while a task's fn is called. */
struct run {
    struct tw__runner base;
    struct slot *slot; /* not to be looked at after a recycle without next */
    struct tw_task *next;
    bool was_performed, is_recycled;
    atomic_bool *is_delivering; /* a thread worker's; NULL */
};

/* Release: who sees that a delivery is over sees what it did. */
static void set_delivering(struct run *run, bool is_delivering)
{
    if (run->is_delivering)
        atomic_store_explicit(run->is_delivering, is_delivering, memory_order_release);
}

/* The worker is idle, or has its next task, when this returns. A child forked by the task that
 * comes back from it has no worker and no team, and gets no next one. */
static void recycle(struct run *run, bool is_delivering)
{
    struct slot *slot = run->slot;
    struct tw_team *team = slot->team;
    struct outcome outcome;
    run->is_recycled = true;
    if (tw__worker_is_inherited(&team->base))
        return;
    if (tw__team_enter(team, &outcome)) {
        if (is_delivering) /* inside, so that the task is counted there or here */
            set_delivering(run, true);
        run->next = tw__books_recycle(team, slot, run->was_performed, &outcome);
        tw__team_leave(team, &outcome);
    } else {
        slot->recycle.n = run->was_performed;
        tw__team_post_op(team, &slot->recycle, false);
    }
}

static void run_delivers(struct tw__runner *runner)
{
    recycle((struct run *)runner, true);
}

static void perform(struct run *run, struct tw_task *task)
{
    int status = tw_task_take(task);
    run->next = NULL;
    run->is_recycled = false;
    run->was_performed = status == 0;
    if (status == 0)
        tw__task_set_runner(task, &run->base);
    task->fn(task, status);
    if (run->is_recycled)
        set_delivering(run, false);
    else
        recycle(run, false);
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

void tw__slot_strike_off(struct slot *slot, int error)
{
    slot->start.kind = OP_STRIKE_OFF;
    slot->start.error = error;
    tw__team_do(slot->team, &slot->start);
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
    for (task = begin(slot); task; task = run.next)
        perform(&run, task);
}

void tw__slot_init(struct slot *slot, struct tw_team *team)
{
    tw_task_init(&slot->node, slot_run);
    slot->team = team;
    slot->state = SLOT_COMING;
    tw__op_init(&slot->start, OP_START, slot);
    tw__op_init(&slot->recycle, OP_RECYCLE, slot);
}
