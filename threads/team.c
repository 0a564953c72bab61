/*
 * The team: its operations, each of which is a visit to its books. team_internal.h has the books,
 * team_inbox.c the ways to them.
 */
#include <twine/threads/team_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

/* --- the five operations, and cancel ---------------------------------------------------------- */

int tw_team_submit(struct tw_team *team, struct tw_task *task)
{
    struct outcome outcome;
    int rc = 0;
    if (!team || !task || !task->fn)
        return tw__misuse(-EINVAL, "tw_team_submit: needs a team and a task with an fn");
    if (tw__task_is_taken(task))
        return tw__misuse(-EINVAL, "tw_team_submit: the task has been submitted, and has not run");
    if (tw__team_enter(team, &outcome)) {
        /* Inside, so that what is accepted comes before the step of a quit, and what is refused
         * never looks accepted to a canceller. */
        if (atomic_load_explicit(&team->has_quit, memory_order_relaxed))
            rc = -ESHUTDOWN;
        else
            tw__books_submit(team, task, &outcome);
        tw__team_leave(team, &outcome);
    } else {
        rc = tw__team_post(team, &task, 1, true);
    }
    return rc;
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
    int rc = 0;
    if (!team || (count && !tasks) || !can_be_submitted(tasks, count))
        return tw__misuse(-EINVAL, "tw_team_submit_many: needs a team, and tasks with an fn that "
                                   "are not submitted already");
    if (!tw__team_enter(team, &outcome))
        return tw__team_post(team, tasks, count, true);
    if (atomic_load_explicit(&team->has_quit, memory_order_relaxed))
        rc = -ESHUTDOWN;
    else
        tw__books_submit_many(team, tasks, count, &outcome);
    tw__team_leave(team, &outcome);
    return rc;
}

/* Under a coordinator that cannot be entered the task stays linked, and the worker that reaches it
 * gives it up: the step that would unlink it would need a node of its own, and might come after the
 * task has gone. */
int tw_team_cancel(struct tw_team *team, struct tw_task *task)
{
    struct outcome outcome;
    int rc;
    if (!team || !task)
        return tw__misuse(-EINVAL, "tw_team_cancel: needs a team and a task");
    rc = tw_worker_cancel_claim(&team->base, task);
    if (rc == 0 && tw__team_enter(team, &outcome)) {
        tw__books_cancel(team, task, &outcome);
        tw__team_leave(team, &outcome);
    }
    return rc;
}

static int do_sized(struct tw_team *team, enum op_kind kind, size_t n)
{
    struct op *op;
    struct outcome outcome;
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

int tw_team_quit(struct tw_team *team)
{
    bool had_quit;
    if (!team)
        return tw__misuse(-EINVAL, "tw_team_quit: needs a team");
    tw__lock_acquire(&team->inbox_lock);
    had_quit = atomic_exchange(&team->has_quit, true);
    tw__lock_release(&team->inbox_lock);
    if (had_quit)
        return -ESHUTDOWN;
    tw__team_do(team, &team->quit);
    return 0;
}

bool tw_team_has_quit(struct tw_team *team)
{
    return team && atomic_load(&team->has_quit);
}

static void read_books(struct tw_team *team, struct tw_statistics *ret)
{
    ret->idle = atomic_load_explicit(&team->coord.idles, memory_order_relaxed);
    ret->busy = atomic_load_explicit(&team->coord.busy, memory_order_relaxed);
    ret->coming = atomic_load_explicit(&team->coord.coming, memory_order_relaxed);
    ret->backlog = atomic_load_explicit(&team->coord.waiting, memory_order_relaxed);
    ret->finished = atomic_load_explicit(&team->coord.finished, memory_order_relaxed);
    ret->wakes = atomic_load_explicit(&team->coord.wakes, memory_order_relaxed);
    ret->failed_creations =
        atomic_load_explicit(&team->coord.failed_creations, memory_order_relaxed);
}

/* Inside, the numbers are of one moment: a worker that moves from coming to idle between two of
 * them would be counted nowhere. */
int tw_team_statistics(struct tw_team *team, struct tw_statistics *ret_statistics)
{
    struct tw_worker *coordinator;
    bool is_inside;
    if (!team || !ret_statistics || ret_statistics->size != sizeof *ret_statistics)
        return tw__misuse(-EINVAL,
                          "tw_team_statistics: needs a team, and a struct whose size is set");
    coordinator = team->coordinator;
    is_inside = coordinator->_ops->enter(coordinator) == 0;
    read_books(team, ret_statistics);
    if (is_inside)
        coordinator->_ops->leave(coordinator);
    return 0;
}

/* --- the team as a worker --------------------------------------------------------------------- */

static int submit_op(struct tw_worker *worker, struct tw_task *task)
{
    return tw_team_submit((struct tw_team *)worker, task);
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
    atomic_init(&team->holds, 2);
    tw__task_queue_init(&team->coord.backlog);
    tw__lock_init(&team->inbox_lock);
    tw__task_queue_init(&team->inbox.entries);
    tw__op_init(&team->quit, OP_QUIT, NULL);
    if (!tw__books_spare_slot(team)) {
        tw_worker_unref(coordinator);
        tw__lock_done(&team->inbox_lock);
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
