/*
 * Forks: jobs that a job submits to its own executor, while all workers of the team are busy.
 *
 * Most of them that job awaits, and performs itself, before anybody else has come for them. So it keeps
 * them in a list of its own, where it takes them back by one exchange, and puts one task into the
 * team's backlog for all of them, the carrier. The worker that comes upon it takes the oldest fork, puts
 * the carrier back behind what has come meanwhile, so that others come too, and performs that fork
 * in the carrier's place.
 *
 *     Something is in the list  =>  its carrier is out, or somebody is about to send it.
 *
 * A job adds a fork and then looks whether the carrier is out. The carrier that has found nothing says
 * that it is home and then looks once more. So one of the two sees the other, and by an exchange only
 * one of them sends it.
 *
 * A list belongs to the executor, and to one job at a time; when that is over, what is left in the list
 * is still come for, and another job adds behind it. So a place in a list can be looked at for as long
 * as the executor is there. The carrier that is out holds it.
 */
#include <twine/threads/executor_internal.h>

#include <twine/base/memory_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/team_take_internal.h>

struct tw__forks {
    struct tw__fork_list list;
    struct tw_executor *executor;
    struct tw__forks *next; /* of those no job has; under the executor's lock */
    struct tw_task carrier;
    atomic_bool is_out; /* the carrier: to a worker, or about to be */
    bool is_ahead;      /* the job's: while this carrier is out, of what was given to the team */
};

static struct tw_worker *team_of(struct tw_executor *executor)
{
    return (struct tw_worker *)executor->place.team;
}

/* --- the carrier ------------------------------------------------------------------------------ */

/* It is home, unless something has come. Afterwards the executor may be gone. */
static bool is_home(struct tw__forks *forks)
{
    atomic_store(&forks->is_out, false);
    if (tw__fork_list_has_some(&forks->list) && !atomic_exchange(&forks->is_out, true))
        return false;
    tw__executor_drop_hold(forks->executor);
    return true;
}

/* NULL: it is home. */
static struct tw_task *take_oldest(struct tw__forks *forks)
{
    struct tw_task *task;
    do
        task = tw__fork_list_take_oldest(&forks->list);
    while (!task && !is_home(forks));
    return task;
}

static void carry(struct tw_task *carrier, int status);

static int send(struct tw__forks *forks)
{
    struct tw_executor *executor = forks->executor;
    int rc;
    atomic_fetch_add(&executor->counts, TW__EXECUTOR_HOLD);
    tw_task_init(&forks->carrier, carry);
    rc = tw_worker_submit(executor->worker, &forks->carrier);
    if (rc < 0) {
        atomic_store(&forks->is_out, false);
        tw__executor_drop_hold(executor);
    }
    return rc;
}

/* For what else there is. The list may be another's afterwards. */
static void pass_on(struct tw__forks *forks)
{
    if (!tw__fork_list_has_some(&forks->list) && is_home(forks))
        return;
    tw_task_init(&forks->carrier, carry);
    tw__team_put_back(team_of(forks->executor), &forks->carrier);
}

static void carry(struct tw_task *carrier, int status)
{
    struct tw__forks *forks = TW_CONTAINER(carrier, struct tw__forks, carrier);
    struct tw_task *task = take_oldest(forks);
    if (status < 0) {
        for (; task; task = take_oldest(forks))
            task->fn(task, status);
    } else if (task) {
        tw__task_pass_runner(carrier, task);
        pass_on(forks);
        task->fn(task, 0);
    }
}

/* --- the job ---------------------------------------------------------------------------------- */

struct tw__forks *tw__forks_begin(struct tw_executor *executor)
{
    struct tw__forks *forks;
    tw__lock_acquire(&executor->lock);
    forks = executor->locked.forks;
    if (forks)
        executor->locked.forks = forks->next;
    tw__lock_release(&executor->lock);
    if (!forks && (forks = (struct tw__forks *)tw__zalloc(sizeof *forks)))
        forks->executor = executor;
    return forks;
}

void tw__forks_end(struct tw__forks *forks)
{
    struct tw_executor *executor = forks->executor;
    tw__lock_acquire(&executor->lock);
    forks->next = executor->locked.forks;
    executor->locked.forks = forks;
    tw__lock_release(&executor->lock);
}

void tw__forks_free(struct tw__forks *forks)
{
    struct tw__forks *next;
    for (; forks; forks = next) {
        next = forks->next;
        tw__free(forks);
    }
}

/* While one waits here, those after it do so too, and after some were given to the team none comes
 * here before those: they keep their order. */
static bool may_add(struct tw__forks *forks)
{
    struct tw_worker *team = team_of(forks->executor);
    forks->is_ahead = forks->is_ahead && atomic_load(&forks->is_out);
    if (forks->is_ahead)
        return false;
    return tw__team_is_saturated(team) ||
           (tw__fork_list_newest(&forks->list) && !tw_team_has_quit((struct tw_team *)team));
}

void tw__forks_give_all(struct tw__forks *forks)
{
    struct tw__fork_list *list = &forks->list;
    uint32_t i;
    for (i = list->seen_oldest; i != list->next; i++) {
        tw__fork_place *place = tw__fork_list_at(list, i);
        struct tw_task *task = atomic_load_explicit(place, memory_order_relaxed);
        if (tw__fork_list_is_task(task) && tw__fork_list_take(place, task))
            tw__team_put_back(team_of(forks->executor), task);
    }
    forks->is_ahead = true;
}

int tw__forks_add(struct tw__forks *forks, struct tw_task *task,
                  _Atomic(tw__fork_place *) *ret_place)
{
    int rc;
    if (!may_add(forks))
        return TW__FORKS_NOT_NOW;
    if (!tw__fork_list_add(&forks->list, task, ret_place)) {
        tw__forks_give_all(forks);
        return TW__FORKS_FULL;
    }
    if (atomic_load(&forks->is_out) || atomic_exchange(&forks->is_out, true))
        return 0;
    rc = send(forks);
    if (rc < 0) /* the carrier was home: so this is all there is, and nobody else knows of it */
        tw__fork_list_take(atomic_load_explicit(ret_place, memory_order_relaxed), task);
    return rc;
}
