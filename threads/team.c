/*
 * The team: its operations, each a visit to its books, and what happens when they are closed.
 * team_internal.h has the books.
 *
 *     entered   the coordinator can be entered (a lock worker): the caller enters it, changes the
 *               books, and leaves. A worker that has finished a task recycles itself and takes its
 *               next one in the same visit.
 *     posted    it cannot, or this thread is inside already: see team_inbox.c
 */
#include <twine/threads/team_books_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/self_internal.h>
#include <twine/threads/diagnostics_internal.h>
#include <twine/threads/team_take_internal.h>
#include <twine/threads/watch_internal.h>

void tw__team_drop_hold(struct tw_team *team)
{
    if (atomic_fetch_sub(&team->holds, 1) != 1)
        return;
    tw_worker_unref(team->coordinator);
    tw__lock_done(&team->post_lock);
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
    while ((task = tw__task_queue_pop(tasks))) {
        if (tw__diagnostics_are_on())
            tw__diagnostics_forget(&task, 1);
        task->fn(task, tw__task_given_up(task));
    }
}

static void report_create_error(int error)
{
    struct tw_failure *failure =
        TW_FAILURE_NEW(&TW_ERROR_SYSTEM, -error, "no memory, or an answer of the create function");
    tw__report(TW_REPORT_WARNING, "a team could not make a worker", failure);
    tw_failure_unref(failure);
}

/* Nobody joins or leaves them any more. Each may be gone once it is woken. */
static void wake_enders(struct tw__ender *ender)
{
    while (ender) {
        struct tw__ender *next = ender->next;
        tw__park_wake(&ender->park);
        ender = next;
    }
}

/* The last thing done for a visit: the team may be gone afterwards. */
void tw__team_settle(struct tw_team *team, struct outcome *outcome)
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
        wake_enders(team->coord.enders);
        tw__team_drop_hold(team);
    }
}

/* --- entering --------------------------------------------------------------------------------- */

static void begin_visit(struct tw_team *team, struct outcome *outcome)
{
    atomic_store_explicit(&team->visitor, tw__self(), memory_order_relaxed);
    tw__outcome_init(outcome);
}

bool tw__team_enter_bare(struct tw_team *team, struct outcome *outcome)
{
    if (team->coordinator->_ops->enter(team->coordinator) < 0)
        return false;
    begin_visit(team, outcome);
    return true;
}

bool tw__team_enter(struct tw_team *team, struct outcome *outcome)
{
    if (!tw__team_enter_bare(team, outcome))
        return false;
    if (tw__team_inbox_has_entries(&team->inbox))
        tw__team_drain(team, outcome);
    return true;
}

/* What came later than what waits is left in the inbox. */
void tw__team_begin_recycle(struct tw_team *team, struct outcome *outcome)
{
    begin_visit(team, outcome);
    /* The inbox last: to look there takes its line from those who submit. */
    if (!books_get(&team->coord.waiting))
        tw__team_take_in(team, tw__team_inbox_take(&team->inbox), outcome);
}

/* A task more could only wait: nobody is free, or one is being woken, who wakes the next one if
 * something waits; nobody else may be made; somebody will come back; and nobody asks to be told of
 * each task at once. */
static inline bool may_be_short(struct tw_team *team)
{
    return (!books_get(&team->coord.idles) || team->coord.is_waking) &&
           books_get(&team->coord.busy) && books_live(team) >= books_most(team) &&
           !team->coord.should_quit && !team->coord.is_suspended && team->max_backlog == SIZE_MAX &&
           !atomic_load_explicit(&team->watches, memory_order_relaxed);
}

/* LONG, or SEARCHED, if the one that leaves is about to search. */
static inline enum tw__way way_to_leave(struct tw_team *team)
{
    bool *searches = team->coord.searches;
    if (!searches)
        return TW__WAY_LONG;
    *searches = true;
    team->coord.searches = NULL;
    return TW__WAY_SEARCHED;
}

/* Before the books are left. Returns whether there was something more to do: what create_worker has
 * asked of the team meanwhile, and what came by the short way for a worker that is free now. */
static bool look_around(struct tw_team *team, struct outcome *outcome)
{
    if (team->coord.has_asked) {
        team->coord.has_asked = false;
        tw__team_drain(team, outcome);
        return true;
    }
    if (may_be_short(team) == team->coord.is_short)
        return false;
    team->coord.is_short = !team->coord.is_short;
    if (team->coord.is_short) {
        tw__team_inbox_set_short(&team->inbox);
        return false;
    }
    tw__team_do_all(team, tw__team_inbox_clear_short(&team->inbox, way_to_leave(team)), outcome);
    return true;
}

void tw__team_leave(struct tw_team *team, struct outcome *outcome)
{
    struct tw_watch *to_tell;
    while (look_around(team, outcome))
        ;
    team->coord.searches = NULL;
    to_tell = tw__watch_gather(team);
    atomic_store_explicit(&team->visitor, 0, memory_order_relaxed);
    team->coordinator->_ops->leave(team->coordinator);
    if (!tw__outcome_is_nothing(outcome))
        tw__team_settle(team, outcome);
    tw__watch_tell(to_tell);
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

/* --- the five operations, and cancel ---------------------------------------------------------- */

/* Inside: 0, or why so many tasks are refused. */
static int admit(struct tw_team *team, size_t count)
{
    if (atomic_load_explicit(&team->has_quit, memory_order_relaxed))
        return -ESHUTDOWN;
    if (team->max_backlog == SIZE_MAX || tw__books_has_room(team, count))
        return 0;
    return -EAGAIN;
}

/* What a submit answers, after it was noted that tasks come. */
static int noted(int rc, struct tw_task *const *tasks, size_t count)
{
    if (rc < 0 && tw__diagnostics_are_on())
        tw__diagnostics_forget(tasks, count);
    return rc;
}

static __attribute__((noinline)) int submit_long(struct tw_team *team, struct tw_task *task)
{
    struct outcome outcome;
    int rc;
    if (tw__diagnostics_are_on())
        tw__diagnostics_submitted(&task, 1);
    if (tw__team_enter(team, &outcome)) {
        /* Inside, so that what is accepted comes before the step of a quit, and what is refused
         * never looks accepted to a canceller. */
        rc = admit(team, 1);
        if (rc == 0)
            tw__books_submit(team, task, &outcome);
        tw__team_leave(team, &outcome);
    } else {
        rc = tw__team_post(team, &task, 1, true);
    }
    return noted(rc, &task, 1);
}

int tw__team_submit(struct tw_team *team, struct tw_task *task)
{
    int rc = tw__diagnostics_are_on() ? 1 : tw__team_submit_short(team, task);
    return rc <= 0 ? rc : submit_long(team, task);
}

int tw_team_submit(struct tw_team *team, struct tw_task *task)
{
    if (!team || !task || !task->fn)
        return tw__misuse(
            -EINVAL,
            "tw_team_submit or tw_pool_submit: needs a team or pool, and a task with an fn");
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    if (tw__task_is_taken(task))
        return tw__misuse(
            -EINVAL,
            "tw_team_submit or tw_pool_submit: the task has been submitted, and has not run");
    return tw__team_submit(team, task);
}

static bool can_be_submitted(struct tw_task *const *tasks, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (!tasks[i] || !tasks[i]->fn || tw__task_is_taken(tasks[i]))
            return false;
    return true;
}

int tw_team_submit_many(struct tw_team *team, struct tw_task *const *tasks, size_t count)
{
    struct outcome outcome;
    int rc;
    if (team && tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    if (!team || (count && !tasks) || !can_be_submitted(tasks, count))
        return tw__misuse(-EINVAL, "tw_team_submit_many or tw_pool_submit_many: needs a team or "
                                   "pool, and tasks with an fn that are not submitted already");
    if (tw__diagnostics_are_on())
        tw__diagnostics_submitted(tasks, count);
    if (!tw__team_enter(team, &outcome))
        return noted(tw__team_post(team, tasks, count, true), tasks, count);
    rc = admit(team, count);
    if (rc == 0)
        tw__books_submit_many(team, tasks, count, &outcome);
    tw__team_leave(team, &outcome);
    return noted(rc, tasks, count);
}

/* Under a coordinator that cannot be entered the task stays linked, and the worker that reaches it
 * gives it up: the step that would unlink it would need a node of its own, and might come after the
 * task has gone. */
int tw_team_cancel(struct tw_team *team, struct tw_task *task)
{
    struct outcome outcome;
    int rc;
    if (!team || !task)
        return tw__misuse(-EINVAL,
                          "tw_team_cancel or tw_pool_cancel: needs a team or pool, and a task");
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    rc = tw_worker_cancel_claim(&team->base, task);
    if (rc == 0 && tw__team_enter(team, &outcome)) {
        /* Now it is in the backlog, if it has not been taken; or it is about to be put into the inbox
         * by a submit that has not returned: then the worker that reaches it gives it up. */
        tw__team_drain(team, &outcome);
        tw__books_cancel(team, task, &outcome);
        tw__team_leave(team, &outcome);
    }
    return rc;
}

static int do_sized(struct tw_team *team, enum op_kind kind, size_t n)
{
    struct op *op;
    struct outcome outcome;
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    if (tw__team_enter(team, &outcome)) {
        struct op on_stack = {.kind = kind, .n = n};
        bool has_quit = atomic_load(&team->has_quit);
        if (!has_quit)
            tw__team_do_op(team, &on_stack, &outcome);
        tw__team_leave(team, &outcome);
        return has_quit ? -ESHUTDOWN : 0;
    }
    op = (struct op *)tw__zalloc(sizeof *op);
    if (!op)
        return -ENOMEM;
    tw__op_init(op, kind, NULL);
    op->n = n;
    op->is_allocated = true;
    if (tw__team_post_op(team, op, true) == 0)
        return 0;
    tw__free(op);
    return -ESHUTDOWN;
}

int tw_team_grow(struct tw_team *team, size_t n)
{
    if (!team)
        return tw__misuse(-EINVAL, "tw_team_grow: needs a team");
    return do_sized(team, OP_GROW, n);
}

int tw_team_shrink(struct tw_team *team, size_t n)
{
    if (!team)
        return tw__misuse(-EINVAL, "tw_team_shrink: needs a team");
    return do_sized(team, OP_SHRINK, n);
}

int tw_team_shrink_to(struct tw_team *team, size_t n)
{
    if (!team)
        return tw__misuse(-EINVAL, "tw_team_shrink_to: needs a team");
    return do_sized(team, OP_SHRINK_TO, n);
}

int tw__team_keep(struct tw_team *team, size_t n)
{
    return do_sized(team, OP_KEEP, n);
}

bool tw__team_refuse(struct tw_team *team)
{
    bool had_quit;
    tw__lock_acquire(&team->post_lock);
    had_quit = atomic_exchange(&team->has_quit, true);
    tw__lock_release(&team->post_lock);
    return had_quit;
}

int tw_team_quit(struct tw_team *team)
{
    if (!team)
        return tw__misuse(-EINVAL, "tw_team_quit: needs a team");
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    if (tw__team_refuse(team))
        return -ESHUTDOWN;
    tw__team_do(team, &team->quit);
    return 0;
}

bool tw_team_has_quit(struct tw_team *team)
{
    return team && atomic_load(&team->has_quit);
}

/* --- the team as a worker --------------------------------------------------------------------- */

static int submit_op(struct tw_worker *worker, struct tw_task *task)
{
    return tw__team_submit((struct tw_team *)worker, task);
}

static int cancel_op(struct tw_worker *worker, struct tw_task *task)
{
    return tw_team_cancel((struct tw_team *)worker, task);
}

static int quit_op(struct tw_worker *worker)
{
    return tw_team_quit((struct tw_team *)worker);
}

static void last_unref_op(struct tw_worker *worker)
{
    tw_team_quit((struct tw_team *)worker);
    tw__team_drop_hold((struct tw_team *)worker);
}

static const struct tw_worker_ops team_ops = {
    sizeof team_ops,      "team",       0, submit_op, cancel_op, quit_op, tw_worker_enter_none,
    tw_worker_leave_none, last_unref_op};

struct tw_worker *tw_team_worker(struct tw_team *team)
{
    return team ? &team->base : NULL;
}

struct tw_team *tw_team_ref(struct tw_team *team)
{
    tw_worker_ref(tw_team_worker(team));
    return team;
}

struct tw_team *tw_team_unref(struct tw_team *team)
{
    tw_worker_unref(tw_team_worker(team));
    return NULL;
}

bool tw__team_is(const struct tw_worker *worker)
{
    return worker->_ops == &team_ops;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct tw_team *make_team(struct tw_worker *coordinator, tw_create_worker_fn create,
                                 void *arg, tw_destroy_fn destroy)
{
    struct tw_team *team = (struct tw_team *)tw__zalloc(sizeof *team);
    if (!team)
        return NULL;
    tw_worker_init(&team->base, &team_ops);
    team->coordinator = tw_worker_ref(coordinator);
    team->create = create;
    team->arg = arg;
    team->destroy = destroy;
    team->max_backlog = SIZE_MAX;
    atomic_init(&team->most, SIZE_MAX);
    atomic_init(&team->holds, 2);
    tw__task_queue_init(&team->coord.backlog);
    tw__lock_init(&team->post_lock);
    tw__op_init(&team->quit, OP_QUIT, NULL);
    if (!tw__books_spare_slot(team)) {
        tw_worker_unref(coordinator);
        tw__lock_done(&team->post_lock);
        tw__free(team);
        return NULL;
    }
    return team;
}

int tw_team_new(struct tw_worker *coordinator, tw_create_worker_fn create, void *arg,
                tw_destroy_fn destroy, struct tw_team **ret_team)
{
    struct tw_team *team = NULL;
    int rc = 0;
    if (!tw_worker_is_exclusive(coordinator) || !create || !ret_team)
        rc = tw__misuse(-EINVAL, "tw_team_new: needs an exclusive coordinator, a create function "
                                 "and ret_team");
    else if (tw__worker_is_inherited(coordinator))
        rc = -EOWNERDEAD;
    else if (!(team = make_team(coordinator, create, arg, destroy)))
        rc = -ENOMEM;
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    *ret_team = team;
    return 0;
}
