/*
 * A team's inbox and its step: the way to the books from where they cannot be entered.
 *
 * What is to be done is posted into the inbox, in order, and the step is submitted to the
 * coordinator if it is not there yet. Whoever gets inside first, the step or one that enters, does
 * what the inbox holds: so the order of one caller is kept.
 */
#include <twine/threads/team_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/self_internal.h>
#include <twine/threads/watch_internal.h>

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
    case OP_KEEP:
        tw__books_keep(team, op->n, outcome);
        break;
    case OP_QUIT:
        tw__team_close_inbox(team, outcome);
        tw__books_quit(team, outcome);
        break;
    }
    if (is_allocated)
        tw__free(op);
}

/* Into a queue, which puts them in order. Returns whether there are others than tasks. */
static bool put_in_order(struct tw_task *newest, struct tw__task_queue *queue, size_t *ret_count)
{
    struct tw_task *entry, *before, *after = &queue->head;
    bool has_ops = false;
    size_t count = 0;
    for (entry = newest; entry; entry = before) {
        before = entry->_next;
        tw__task_set_next(entry, after);
        after->_prev = entry;
        after = entry;
        has_ops = has_ops || entry->fn == tw__op_mark;
        count++;
    }
    queue->head._next = after;
    after->_prev = &queue->head;
    *ret_count = count;
    return has_ops;
}

/* Nothing more comes after a quit. What has come since entries were taken out is done behind them, as
 * it came. */
static void close_behind(struct tw_team *team, struct tw__task_queue *entries)
{
    struct tw__task_queue rest;
    size_t count;
    struct tw_task *newest = tw__team_inbox_close(&team->inbox);
    if (!newest)
        return;
    put_in_order(newest, &rest, &count);
    tw__task_queue_move(&rest, entries);
}

/* Only where tasks have come is anybody woken or made: a worker that is struck off is not tried
 * again. */
static bool take_in_with_ops(struct tw_team *team, struct tw__task_queue *entries,
                             struct outcome *outcome)
{
    struct tw_task *entry;
    bool has_tasks = false;
    while ((entry = tw__task_queue_pop(entries))) {
        if (entry->fn != tw__op_mark) {
            tw__books_append(team, entry);
            has_tasks = true;
            continue;
        }
        if (has_tasks) /* before it, as they came */
            tw__books_pump(team, outcome);
        has_tasks = false;
        if (((struct op *)entry)->kind == OP_QUIT)
            close_behind(team, entries);
        tw__team_do_op(team, (struct op *)entry, outcome);
    }
    return has_tasks;
}

bool tw__team_take_in(struct tw_team *team, struct tw_task *newest, struct outcome *outcome)
{
    struct tw__task_queue entries;
    size_t count;
    if (!newest)
        return false;
    if (put_in_order(newest, &entries, &count))
        return take_in_with_ops(team, &entries, outcome);
    tw__books_append_all(team, &entries, count);
    return true;
}

void tw__team_do_all(struct tw_team *team, struct tw_task *newest, struct outcome *outcome)
{
    if (tw__team_take_in(team, newest, outcome))
        tw__books_pump(team, outcome);
}

void tw__team_close_inbox(struct tw_team *team, struct outcome *outcome)
{
    team->coord.is_short = false;
    tw__team_take_in(team, tw__team_inbox_close(&team->inbox), outcome);
}

/* While is_posted nobody else takes the step; so it stays until the inbox has been seen empty. */
static bool is_through(struct tw_team *team)
{
    bool is_empty;
    tw__lock_acquire(&team->post_lock);
    is_empty = !tw__team_inbox_has_entries(&team->inbox);
    team->is_posted = !is_empty;
    tw__lock_release(&team->post_lock);
    return is_empty;
}

static void step_fn(struct tw_task *step, int status)
{
    struct tw_team *team = TW_CONTAINER(step, struct tw_team, step);
    struct tw_watch *to_tell;
    struct outcome outcome;
    (void)status; /* a coordinator that has gone excludes nobody any more, but is_posted does */
    tw__outcome_init(&outcome);
    do
        tw__team_drain(team, &outcome);
    while (!is_through(team));
    to_tell = tw__watch_gather(team);
    tw__team_settle(team, &outcome);
    tw__watch_tell(to_tell);
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
    tw__lock_acquire(&team->post_lock);
    if (is_refused_after_quit && atomic_load(&team->has_quit)) {
        tw__lock_release(&team->post_lock);
        return -ESHUTDOWN;
    }
    if (is_visiting(team))
        team->coord.has_asked = true;
    must_submit = !team->is_posted && !is_visiting(team);
    if (must_submit) {
        team->is_posted = true;
        /* Before they can be seen: a visit may do them at once, and end the team. */
        atomic_fetch_add(&team->holds, 1);
    }
    for (i = 0; i < count; i++) {
        if (entries[i]->fn != tw__op_mark)
            tw_task_accept(entries[i], &team->base);
        tw__team_inbox_push(&team->inbox, entries[i]);
    }
    tw__lock_release(&team->post_lock);
    if (must_submit)
        submit_step(team);
    return 0;
}

void tw__team_give_up_cancelled(struct tw_team *team, struct tw_task *task)
{
    struct outcome outcome;
    if (tw__team_enter(team, &outcome)) {
        tw__books_give_up_new(team, task, &outcome);
        tw__team_leave(team, &outcome);
    } else {
        task->fn(task, -ECANCELED);
    }
}

/*
 * The short way in, without a visit; team_inbox_internal.h says why nobody is left waiting.
 *
 * The task looks accepted before it is in. If a cancel finds it then, and this way has been closed
 * meanwhile, it is accepted and given up at once.
 */
int tw__team_submit_short(struct tw_team *team, struct tw_task *task)
{
    if (!tw__team_inbox_is_open(&team->inbox) ||
        atomic_load_explicit(&team->has_quit, memory_order_relaxed))
        return 1;
    tw_task_accept(task, &team->base);
    if (tw__team_inbox_push_short(&team->inbox, task))
        return 0;
    if (tw__task_take(task) == 0)
        return 1;
    tw__team_give_up_cancelled(team, task);
    return 0;
}

int tw__team_post_op(struct tw_team *team, struct op *op, bool is_refused_after_quit)
{
    struct tw_task *entry = &op->node;
    return tw__team_post(team, &entry, 1, is_refused_after_quit);
}
