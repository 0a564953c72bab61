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
 * that it is home and then looks once more. So one of the two sees the other, and by a compare and
 * exchange only one of them sends it.
 *
 * Forks of one job are begun in the order submitted. Within the list they are; and nothing is added
 * while something that the job has submitted to this executor since waits in the backlog behind the
 * carrier.
 *
 * A list belongs to the executor, and to one job at a time; when that is over, what is left in the list
 * is still come for. So a place in a list can be looked at for as long as the executor is there. The
 * carrier that is out holds it.
 *
 * To the team's statistics a carrier is the fork that it brings: one that brings none, or more, is made
 * good.
 */
#include <twine/threads/executor_internal.h>

#include <twine/base/memory_internal.h>
#include <twine/threads/diagnostics_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/team_take_internal.h>

/* Of the lists that no job has so many are looked at for one whose carrier is home. */
#define LISTS_TRIED 8

struct tw__forks {
    struct tw__fork_list list;
    struct tw_executor *executor;
    struct tw__forks *next; /* of those no job has; under the executor's lock */
    struct tw_task carrier;
    /* Odd: the carrier is out, with a worker or on its way to one. It only grows, so that a carrier
     * that has looked whether to go out again does so only if nothing else has happened since. */
    atomic_uint state;
    bool is_ahead; /* the job's: its carrier, of what that has submitted since */
};

static struct tw_worker *team_of(struct tw_executor *executor)
{
    return (struct tw_worker *)executor->place.team;
}

static bool is_out(struct tw__forks *forks)
{
    return atomic_load(&forks->state) % 2 != 0;
}

static bool is_empty(struct tw__forks *forks)
{
    return !tw__fork_list_newest(&forks->list);
}

/* --- the carrier ------------------------------------------------------------------------------ */

/* false: something has come, and it is out again. Otherwise the executor may be gone afterwards. */
static bool go_home(struct tw__forks *forks)
{
    unsigned state = atomic_fetch_add(&forks->state, 1) + 1;
    if (tw__fork_list_has_some(&forks->list) &&
        atomic_compare_exchange_strong(&forks->state, &state, state + 1))
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
    while (!task && !go_home(forks));
    return task;
}

static void carry(struct tw_task *carrier, int status);

/* What it stands for is accepted: the team is asked no more, and is there, as this is one of its jobs.
 * The list may be another's afterwards. */
static void put_out(struct tw__forks *forks)
{
    tw_task_init(&forks->carrier, carry);
    tw__team_put_back(team_of(forks->executor), &forks->carrier);
}

static void send(struct tw__forks *forks)
{
    atomic_fetch_add(&forks->executor->counts, TW__EXECUTOR_HOLD);
    put_out(forks);
}

/* All that it stands for: the first is counted already, as the carrier, each other one before it is
 * called, since with the last one the team may go. */
static void give_up(struct tw__forks *forks, int status)
{
    struct tw_worker *team = team_of(forks->executor);
    struct tw_task *task = take_oldest(forks);
    if (!task)
        tw__team_count_given_up(team, -1);
    while (task) {
        task->fn(task, status);
        task = take_oldest(forks);
        if (task)
            tw__team_count_given_up(team, 1);
    }
}

static void carry(struct tw_task *carrier, int status)
{
    struct tw__forks *forks = TW_CONTAINER(carrier, struct tw__forks, carrier);
    struct tw_worker *team = team_of(forks->executor);
    struct tw_task *task;
    if (status < 0) {
        give_up(forks, status);
    } else if ((task = take_oldest(forks))) {
        tw__task_pass_runner(carrier, task);
        if (!go_home(forks)) /* there is more */
            put_out(forks);
        task->fn(task, 0);
    } else {
        tw__team_count_performed(team, -1);
    }
}

/* --- the job ---------------------------------------------------------------------------------- */

/* Its carrier is home, and does not go out again from there for what is added now. */
static bool begin_anew(struct tw__forks *forks)
{
    unsigned state = atomic_load(&forks->state);
    return state % 2 == 0 && atomic_compare_exchange_strong(&forks->state, &state, state + 2);
}

static struct tw__forks *pop_kept(struct tw_executor *executor)
{
    struct tw__forks *forks = executor->locked.first_forks;
    if (forks)
        executor->locked.first_forks = forks->next;
    return forks;
}

static void put_kept(struct tw_executor *executor, struct tw__forks *forks)
{
    forks->next = NULL;
    if (executor->locked.first_forks)
        executor->locked.last_forks->next = forks;
    else
        executor->locked.first_forks = forks;
    executor->locked.last_forks = forks;
}

/* One whose carrier is home: nothing that this job has submitted before waits behind that. They are
 * looked at in turn, so that there are not many more of them than carriers that are out. */
static struct tw__forks *take_kept(struct tw_executor *executor)
{
    struct tw__forks *forks = NULL;
    unsigned tries;
    tw__lock_acquire(&executor->lock);
    for (tries = 0; tries < LISTS_TRIED && (forks = pop_kept(executor)); tries++) {
        /* Empty for good: or else the carrier, about to go out again, would be kept from it. */
        if (is_empty(forks) && begin_anew(forks))
            break;
        put_kept(executor, forks);
        forks = NULL;
    }
    tw__lock_release(&executor->lock);
    return forks;
}

struct tw__forks *tw__forks_begin(struct tw_executor *executor)
{
    struct tw__forks *forks = take_kept(executor);
    if (!forks && (forks = (struct tw__forks *)tw__zalloc(sizeof *forks)))
        forks->executor = executor;
    if (forks)
        forks->is_ahead = false;
    return forks;
}

/* A carrier that nobody has come upon, and that would find nothing. The list stays empty, so whoever
 * comes upon the carrier now does not put it back: what it is linked to is what it was, as the inbox
 * asks of what is taken back from it. */
static void take_carrier_back(struct tw__forks *forks)
{
    struct tw_executor *executor = forks->executor;
    if (!tw__team_take(team_of(executor), &forks->carrier))
        return;
    atomic_fetch_add(&forks->state, 1);
    tw__executor_drop_hold(executor);
    tw__team_count_performed(team_of(executor), -1);
}

void tw__forks_end(struct tw__forks *forks)
{
    struct tw_executor *executor = forks->executor;
    if (is_empty(forks) && is_out(forks))
        take_carrier_back(forks);
    tw__lock_acquire(&executor->lock);
    put_kept(executor, forks);
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

/* From the newest on, so that the carrier's worker only takes what is older than these. */
void tw__forks_give_all(struct tw__forks *forks)
{
    struct tw__fork_list *list = &forks->list;
    struct tw_task *taken[TW__FORK_PLACES];
    uint32_t i, count = 0;
    forks->is_ahead = true;
    tw__fork_list_newest(list);
    i = list->next;
    while (i != list->seen_oldest) {
        tw__fork_place *place = tw__fork_list_at(list, --i);
        /* Relaxed: the job has put it there itself. */
        struct tw_task *task = atomic_load_explicit(place, memory_order_relaxed);
        if (!task)
            break;
        if (tw__fork_list_is_task(task) && tw__fork_list_take(place, task))
            taken[count++] = task;
    }
    while (count-- > 0)
        tw__team_put_back(team_of(forks->executor), taken[count]);
}

/* While one waits here, those after it do so too: they keep their order. */
static bool may_add(struct tw__forks *forks)
{
    struct tw_worker *team = team_of(forks->executor);
    if (forks->is_ahead && !begin_anew(forks))
        return false;
    forks->is_ahead = false;
    if (tw__team_is_saturated(team))
        return true;
    if (is_empty(forks) || tw_team_has_quit((struct tw_team *)team))
        return false;
    return !tw__diagnostics_are_on();
}

bool tw__forks_add(struct tw__forks *forks, struct tw_task *task,
                   _Atomic(tw__fork_place *) *ret_place)
{
    unsigned state;
    if (!may_add(forks) || !tw__fork_list_add(&forks->list, task, ret_place)) {
        tw__forks_give_all(forks);
        return false;
    }
    state = atomic_load(&forks->state);
    if (state % 2 == 0 && atomic_compare_exchange_strong(&forks->state, &state, state + 1))
        send(forks);
    return true;
}
