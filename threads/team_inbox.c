/*
 * The ways to a team's books, and what happens when they are closed. team_internal.h has the books.
 *
 *     entered   the coordinator can be entered (a lock worker): the caller enters it, changes the
 *               books, and leaves. A worker that has finished a task recycles itself and takes its
 *               next one in the same visit.
 *     posted    it cannot, or this thread is inside already: what is to be done goes into the
 *               team's inbox, in order, and the team's one step is submitted to the coordinator if
 *               it is not there yet.
 *
 * Whoever gets inside first does what the inbox holds, so that the order of one caller is kept.
 */
#include <twine/threads/team_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/self_internal.h>

void tw__team_drop_hold(struct tw_team *team)
{
    if (atomic_fetch_sub(&team->holds, 1) != 1)
        return;
    tw_worker_unref(team->coordinator);
    tw__lock_done(&team->inbox_lock);
    tw__free(team->coord.spare);
    tw__free(team);
}

/* --- when the books are closed ---------------------------------------------------------------- */

/* Threads start here, and wakes happen here. */
static void run_slots(struct slot *slot)
{
    while (slot) {
        /* Once the node is submitted its worker may have run it, gone, and taken the slot along,
         * before submit has returned: so hold the worker, and do not look at the slot. */
        struct slot *next = slot->next;
        struct tw_worker *worker = tw_worker_ref(slot->worker);
        int rc = tw_worker_submit(worker, &slot->node);
        if (rc < 0)
            tw__slot_strike_off(slot, rc);
        tw_worker_unref(worker);
        slot = next;
    }
}

static void quit_slots(struct slot *slot)
{
    while (slot) {
        struct slot *next = slot->next;
        tw_worker_quit(slot->worker);
        tw_worker_unref(slot->worker);
        tw__free(slot);
        slot = next;
    }
}

static void tell_given_up(struct tw__task_queue *tasks)
{
    struct tw_task *task;
    while ((task = tw__task_queue_pop(tasks)))
        task->fn(task, tw__task_given_up(task));
}

static void report_create_error(int error)
{
    struct tw_failure *failure =
        TW_FAILURE_NEW(&TW_ERROR_SYSTEM, -error, "no memory, or an answer of the create function");
    tw__report(TW_REPORT_WARNING, "a team could not make a worker", failure);
    tw_failure_unref(failure);
}

/* The last thing done for a visit: the team may be gone afterwards. */
static void settle(struct tw_team *team, struct outcome *outcome)
{
    run_slots(outcome->to_run);
    quit_slots(outcome->to_quit);
    tell_given_up(&outcome->given_up);
    if (outcome->create_error)
        report_create_error(outcome->create_error);
    if (outcome->has_ended) {
        if (team->destroy)
            team->destroy(team->arg);
        tw_worker_quit(team->coordinator);
        tw__team_drop_hold(team);
    }
}

/* --- the inbox and the step ------------------------------------------------------------------- */

/* Never called: it tells an op from a user's task. */
void tw__op_mark(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
}

void tw__op_init(struct op *op, enum op_kind kind, struct slot *slot)
{
    tw_task_init(&op->node, tw__op_mark);
    op->kind = kind;
    op->slot = slot;
}

/* A worker's next task reaches it by its node, since nobody waits for the step. */
static void send_task(struct slot *slot, struct tw_task *task, struct outcome *outcome)
{
    if (!task)
        return;
    slot->task = task;
    slot->next = outcome->to_run;
    outcome->to_run = slot;
}

void tw__team_do_op(struct tw_team *team, struct op *op, struct outcome *outcome)
{
    enum slot_state before;
    struct tw_task *task;
    bool is_allocated = op->is_allocated; /* a slot's own op may go with its slot */
    switch (op->kind) {
    case OP_START:
        before = op->slot->state;
        task = tw__books_start(team, op->slot, outcome);
        if (before == SLOT_COMING)
            send_task(op->slot, task, outcome);
        break;
    case OP_RECYCLE:
        task = tw__books_recycle(team, op->slot, op->n != 0, outcome);
        send_task(op->slot, task, outcome);
        break;
    case OP_STRIKE_OFF:
        tw__books_strike_off(team, op->slot, op->error, outcome);
        break;
    case OP_GROW:
        tw__books_grow(team, op->n, outcome);
        break;
    case OP_SHRINK:
        tw__books_shrink(team, op->n, outcome);
        break;
    case OP_SHRINK_TO:
        tw__books_shrink_to(team, op->n, outcome);
        break;
    case OP_QUIT:
        tw__books_quit(team, outcome);
        break;
    }
    if (is_allocated)
        tw__free(op);
}

/* Inside the coordinator: what the inbox holds, in order. */
static void drain(struct tw_team *team, struct outcome *outcome)
{
    struct tw__task_queue entries;
    struct tw_task *entry;
    tw__task_queue_init(&entries);
    tw__lock_acquire(&team->inbox_lock);
    tw__task_queue_move(&team->inbox.entries, &entries);
    atomic_store_explicit(&team->inbox_is_full, false, memory_order_relaxed);
    tw__lock_release(&team->inbox_lock);
    while ((entry = tw__task_queue_pop(&entries)))
        if (entry->fn == tw__op_mark)
            tw__team_do_op(team, (struct op *)entry, outcome);
        else
            tw__books_wait(team, entry, outcome);
}

/* While is_posted nobody else takes the step; so it stays until the inbox has been seen empty. */
static bool is_through(struct tw_team *team)
{
    bool is_empty;
    tw__lock_acquire(&team->inbox_lock);
    is_empty = tw__task_queue_is_empty(&team->inbox.entries);
    team->inbox.is_posted = !is_empty;
    tw__lock_release(&team->inbox_lock);
    return is_empty;
}

static void step_fn(struct tw_task *step, int status)
{
    struct tw_team *team = TW_CONTAINER(step, struct tw_team, step);
    struct outcome outcome;
    (void)status; /* a coordinator that has gone excludes nobody any more, but is_posted does */
    tw__outcome_init(&outcome);
    do
        drain(team, &outcome);
    while (!is_through(team));
    settle(team, &outcome);
    tw__team_drop_hold(team);
}

/* The coordinator is held: once it has the step, the team may end, and it may go, before submit has
 * returned. */
static void submit_step(struct tw_team *team)
{
    struct tw_worker *coordinator = tw_worker_ref(team->coordinator);
    tw_task_init(&team->step, step_fn);
    if (tw_worker_submit(coordinator, &team->step) < 0)
        step_fn(&team->step, -ESHUTDOWN);
    tw_worker_unref(coordinator);
}

static bool is_visiting(struct tw_team *team)
{
    return atomic_load_explicit(&team->visitor, memory_order_relaxed) == tw__self();
}

/* Put entries into the inbox, and see that they are come for: by the visit that this thread is in
 * the middle of, or else by the step. */
int tw__team_post(struct tw_team *team, struct tw_task *const *entries, size_t count,
                  bool is_refused_after_quit)
{
    bool must_submit;
    size_t i;
    tw__lock_acquire(&team->inbox_lock);
    if (is_refused_after_quit && atomic_load(&team->has_quit)) {
        tw__lock_release(&team->inbox_lock);
        return -ESHUTDOWN;
    }
    for (i = 0; i < count; i++) {
        if (entries[i]->fn != tw__op_mark)
            tw_task_accept(entries[i], &team->base);
        tw__task_queue_append(&team->inbox.entries, entries[i]);
    }
    atomic_store_explicit(&team->inbox_is_full, true, memory_order_relaxed);
    must_submit = !team->inbox.is_posted && !is_visiting(team);
    if (must_submit) {
        team->inbox.is_posted = true;
        /* Before they can be seen: a visit may do them at once, and end the team. */
        atomic_fetch_add(&team->holds, 1);
    }
    tw__lock_release(&team->inbox_lock);
    if (must_submit)
        submit_step(team);
    return 0;
}

int tw__team_post_op(struct tw_team *team, struct op *op, bool is_refused_after_quit)
{
    struct tw_task *entry = &op->node;
    return tw__team_post(team, &entry, 1, is_refused_after_quit);
}

/* --- entering --------------------------------------------------------------------------------- */

bool tw__team_enter(struct tw_team *team, struct outcome *outcome)
{
    if (team->coordinator->_ops->enter(team->coordinator) < 0)
        return false;
    atomic_store_explicit(&team->visitor, tw__self(), memory_order_relaxed);
    tw__outcome_init(outcome);
    /* Relaxed: what this thread has posted it sees, and no order is promised to it of what others
     * post meanwhile. */
    if (atomic_load_explicit(&team->inbox_is_full, memory_order_relaxed))
        drain(team, outcome);
    return true;
}

/* What create_worker has asked of the team meanwhile is in the inbox. */
void tw__team_leave(struct tw_team *team, struct outcome *outcome)
{
    while (atomic_load_explicit(&team->inbox_is_full, memory_order_relaxed))
        drain(team, outcome);
    atomic_store_explicit(&team->visitor, 0, memory_order_relaxed);
    team->coordinator->_ops->leave(team->coordinator);
    settle(team, outcome);
}

void tw__team_do(struct tw_team *team, struct op *op)
{
    struct outcome outcome;
    if (tw__team_enter(team, &outcome)) {
        tw__team_do_op(team, op, &outcome);
        tw__team_leave(team, &outcome);
    } else {
        tw__team_post_op(team, op, false);
    }
}
