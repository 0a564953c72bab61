/*
 * The watch: a task that is out at most once, and compares when it is performed.
 *
 *     IDLE      its task is not out. A visit that ends makes it POSTED, and submits the task
 *     POSTED    it is out. A visit that ends makes it AGAIN
 *     AGAIN     it is out, and has to look once more
 *
 * The task, when it is performed, says POSTED, reads and compares, tells, and then goes from POSTED
 * to IDLE, or, if it is AGAIN by now, is submitted anew. No change is missed: a visit changes the
 * books before it changes this word, and the task changes the word before it reads the books; both
 * by an exchange, so whichever is second sees what the first has done.
 *
 * The team knows its watches by a list under its lock, and whether there are any by
 * its head. A watch holds the team's memory, but not the team.
 */
#include <twine/threads/watch_internal.h>

#include <errno.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/team_take_internal.h>

enum watch_state { WATCH_IDLE, WATCH_POSTED, WATCH_AGAIN };

struct tw_watch {
    struct tw_task task;
    struct tw_team *team;     /* fixed; its memory is held */
    struct tw_worker *worker; /* fixed, a reference */
    tw_watch_fn fn;
    void *arg;
    tw_destroy_fn destroy;
    atomic_int refs, holds; /* holds: one for all refs, one while its task is out */
    atomic_int state;
    atomic_bool has_ended;
    bool is_listed;                  /* under the team's post_lock, as are: */
    struct tw_watch *before, *after; /* in the team's list */
    struct tw_watch *next_to_tell;   /* of who has made it POSTED */
    struct tw_statistics told;       /* the task's */
};

/* In a forked child all of it is the parent's. */
static bool is_inherited(const struct tw_watch *watch)
{
    return tw__worker_is_inherited(&watch->team->base);
}

/* --- the team's list -------------------------------------------------------------------------- */

static void list(struct tw_watch *watch)
{
    struct tw_team *team = watch->team;
    tw__lock_acquire(&team->post_lock);
    watch->after = atomic_load_explicit(&team->watches, memory_order_relaxed);
    if (watch->after)
        watch->after->before = watch;
    atomic_store_explicit(&team->watches, watch, memory_order_relaxed);
    watch->is_listed = true;
    tw__lock_release(&team->post_lock);
}

static void unlist(struct tw_watch *watch)
{
    struct tw_team *team = watch->team;
    tw__lock_acquire(&team->post_lock);
    if (watch->is_listed) {
        if (watch->before)
            watch->before->after = watch->after;
        else
            atomic_store_explicit(&team->watches, watch->after, memory_order_relaxed);
        if (watch->after)
            watch->after->before = watch->before;
        watch->is_listed = false;
    }
    tw__lock_release(&team->post_lock);
}

static void drop_hold(struct tw_watch *watch)
{
    /* Release what we did with it, acquire what others did. */
    if (atomic_fetch_sub_explicit(&watch->holds, 1, memory_order_acq_rel) != 1)
        return;
    if (watch->destroy)
        watch->destroy(watch->arg);
    tw_worker_unref(watch->worker);
    tw__team_drop_hold(watch->team);
    tw__free(watch);
}

static void end(struct tw_watch *watch)
{
    atomic_store(&watch->has_ended, true);
    unlist(watch);
}

/* --- posting ---------------------------------------------------------------------------------- */

/* Returns whether its task is to be posted. */
static bool note_visit(struct tw_watch *watch)
{
    int seen = atomic_load_explicit(&watch->state, memory_order_relaxed);
    int to;
    do
        to = seen == WATCH_IDLE ? WATCH_POSTED : WATCH_AGAIN;
    /* Release, for the task to see the books; an exchange even if nothing changes, for that. */
    while (!atomic_compare_exchange_weak_explicit(&watch->state, &seen, to, memory_order_acq_rel,
                                                  memory_order_relaxed));
    return seen == WATCH_IDLE;
}

struct tw_watch *tw__watch_gather_slow(struct tw_team *team)
{
    struct tw_watch *watch, *to_tell = NULL;
    tw__lock_acquire(&team->post_lock);
    watch = atomic_load_explicit(&team->watches, memory_order_relaxed);
    for (; watch; watch = watch->after)
        if (note_visit(watch)) {
            atomic_fetch_add_explicit(&watch->holds, 1, memory_order_relaxed);
            watch->next_to_tell = to_tell;
            to_tell = watch;
        }
    tw__lock_release(&team->post_lock);
    return to_tell;
}

/* Once it is submitted it may be performed, and go, before submit has returned. */
static void post(struct tw_watch *watch)
{
    struct tw_worker *worker = tw_worker_ref(watch->worker);
    if (tw_worker_submit(worker, &watch->task) < 0) {
        end(watch); /* nobody will ever perform it */
        drop_hold(watch);
    }
    tw_worker_unref(worker);
}

void tw__watch_tell_slow(struct tw_watch *watches)
{
    while (watches) {
        struct tw_watch *watch = watches;
        watches = watch->next_to_tell;
        post(watch);
    }
}

/* --- telling ---------------------------------------------------------------------------------- */

static void read_books(struct tw_team *team, struct tw_statistics *ret_now)
{
    memset(ret_now, 0, sizeof *ret_now); /* to be compared as bytes */
    ret_now->size = sizeof *ret_now;
    tw_team_statistics(team, ret_now);
}

static void look(struct tw_watch *watch)
{
    struct tw_statistics now;
    read_books(watch->team, &now);
    if (memcmp(&now, &watch->told, sizeof now) == 0)
        return;
    watch->told = now;
    watch->fn(&now, watch->arg);
}

static void task_fn(struct tw_task *task, int status)
{
    struct tw_watch *watch = TW_CONTAINER(task, struct tw_watch, task);
    int posted = WATCH_POSTED;
    if (status < 0)
        end(watch);
    atomic_exchange_explicit(&watch->state, WATCH_POSTED, memory_order_acq_rel);
    if (!atomic_load(&watch->has_ended))
        look(watch);
    if (is_inherited(watch))
        return; /* fn has forked, and comes back from it in the child */
    /* Acquire and release, as the next to post it goes on with what was told. */
    if (atomic_load(&watch->has_ended) ||
        atomic_compare_exchange_strong_explicit(&watch->state, &posted, WATCH_IDLE,
                                                memory_order_acq_rel, memory_order_relaxed))
        drop_hold(watch);
    else
        post(watch); /* anew, so that others of its worker get their turn */
}

/* --- the watch -------------------------------------------------------------------------------- */

static int make_watch(struct tw_team *team, struct tw_worker *worker, struct tw_watch **ret_watch)
{
    struct tw_watch *watch;
    if (tw__worker_is_inherited(&team->base) || tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    watch = (struct tw_watch *)tw__zalloc(sizeof *watch);
    if (!watch)
        return -ENOMEM;
    tw_task_init(&watch->task, task_fn);
    watch->team = team;
    atomic_fetch_add(&team->holds, 1);
    watch->worker = tw_worker_ref(worker);
    atomic_init(&watch->refs, 1);
    atomic_init(&watch->holds, 1);
    *ret_watch = watch;
    return 0;
}

/* As if its task were being performed: what changes after it is listed is told. (A visit that does
 * not see it in the list comes before it in the coordinator, or, by a step, in that lock; so
 * what that has done is read here.) AGAIN at first, so that our own visit, which ends the short way
 * into the team's inbox, posts nothing. */
static void begin(struct tw_watch *watch)
{
    struct outcome outcome;
    int posted = WATCH_POSTED;
    atomic_init(&watch->state, WATCH_AGAIN);
    list(watch);
    if (tw__team_enter(watch->team, &outcome))
        tw__team_leave(watch->team, &outcome);
    atomic_exchange_explicit(&watch->state, WATCH_POSTED, memory_order_acq_rel);
    read_books(watch->team, &watch->told);
    if (!atomic_compare_exchange_strong_explicit(&watch->state, &posted, WATCH_IDLE,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&watch->holds, 1, memory_order_relaxed);
        post(watch);
    }
}

int tw_watch_new(struct tw_team *team, struct tw_worker *worker, tw_watch_fn fn, void *arg,
                 tw_destroy_fn destroy, struct tw_watch **ret_watch)
{
    struct tw_watch *watch = NULL;
    int rc = team && worker && tw__team_of(worker) != tw_team_worker(team) && fn && ret_watch
                 ? make_watch(team, worker, &watch)
                 : tw__misuse(-EINVAL, "tw_watch_new: needs a team, a worker that is not the team, "
                                       "a function and ret_watch");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    watch->fn = fn;
    watch->arg = arg;
    watch->destroy = destroy;
    begin(watch);
    *ret_watch = watch;
    return 0;
}

struct tw_watch *tw_watch_ref(struct tw_watch *watch)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (watch)
        atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
    return watch;
}

struct tw_watch *tw_watch_unref(struct tw_watch *watch)
{
    if (!watch || is_inherited(watch))
        return NULL;
    if (atomic_fetch_sub_explicit(&watch->refs, 1, memory_order_acq_rel) == 1) {
        end(watch);
        drop_hold(watch);
    }
    return NULL;
}
