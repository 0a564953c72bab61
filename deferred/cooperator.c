/*
 * The cooperator: the rotation of tasks, and the ticks in which they have their steps.
 *
 * The rotation is a ring with a mark at the task stepped last. New tasks come to its end; one that
 * leaves takes the mark back by one, so that nobody is passed over (COP-004).
 */
#include <twine/deferred/cooperator_internal.h>

#include <errno.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

#define SLICE (10 * TW_MILLISECOND)

const struct tw_error TW_ERROR_SCHEDULER_STOPPED = {"scheduler stopped", &TW_ERROR_SHUTDOWN};

/* --- the two rings ---------------------------------------------------------------------------- */

static void init_ring(struct tw__task_place *head)
{
    head->next = head->prev = head;
}

static bool is_empty(const struct tw__task_place *head)
{
    return head->next == head;
}

static void append(struct tw__task_place *head, struct tw__task_place *place)
{
    place->prev = head->prev;
    place->next = head;
    place->prev->next = place;
    head->prev = place;
}

static void take_out(struct tw_cooperator *cooperator, struct tw__task_place *place)
{
    if (cooperator->last == place)
        cooperator->last = place->prev;
    place->prev->next = place->next;
    place->next->prev = place->prev;
}

static struct tw_cooperative_task *task_at(struct tw__task_place *place)
{
    return TW_CONTAINER(place, struct tw_cooperative_task, place);
}

/* --- scheduling ------------------------------------------------------------------------------- */

/* At most one tick is out (COP-024). */
static int schedule(struct tw_cooperator *cooperator)
{
    int rc;
    if (!cooperator->is_running || cooperator->is_scheduled || is_empty(&cooperator->ready))
        return 0;
    if (cooperator->timer)
        rc = tw__later_start(cooperator->timer, cooperator->reactor, 0);
    else
        rc = cooperator->options.schedule(cooperator, cooperator->options.arg);
    cooperator->is_scheduled = rc >= 0;
    return rc < 0 ? rc : 0;
}

static void unschedule(struct tw_cooperator *cooperator)
{
    if (!cooperator->is_scheduled)
        return;
    cooperator->is_scheduled = false;
    if (cooperator->timer)
        tw__later_stop(cooperator->timer);
    else
        cooperator->options.unschedule(cooperator, cooperator->options.arg);
}

/* COP-023: with the last task goes the tick. */
static void leave_rotation(struct tw_cooperator *cooperator, struct tw_cooperative_task *task)
{
    take_out(cooperator, &task->place);
    if (is_empty(&cooperator->ready))
        unschedule(cooperator);
}

int tw__cooperator_make_ready(struct tw_cooperative_task *task)
{
    struct tw_cooperator *cooperator = task->cooperator;
    int rc;
    take_out(cooperator, &task->place);
    append(&cooperator->ready, &task->place);
    task->is_held = false;
    rc = schedule(cooperator);
    if (rc < 0)
        tw__cooperator_hold(task);
    return rc;
}

void tw__cooperator_hold(struct tw_cooperative_task *task)
{
    if (task->is_held)
        return;
    leave_rotation(task->cooperator, task);
    append(&task->cooperator->held, &task->place);
    task->is_held = true;
}

void tw__cooperator_forget(struct tw_cooperative_task *task)
{
    if (task->is_held)
        take_out(task->cooperator, &task->place);
    else
        leave_rotation(task->cooperator, task);
    task->cooperator = NULL;
}

/* --- ending all ------------------------------------------------------------------------------- */

static void end_ring(struct tw__task_place *head, int status, struct tw_failure *failure)
{
    while (!is_empty(head))
        tw__cooperative_task_end(task_at(head->next), status, failure);
}

static void end_all(struct tw_cooperator *cooperator, struct tw_failure *failure)
{
    cooperator->is_running = false;
    cooperator->has_stopped = true;
    end_ring(&cooperator->ready, -ESHUTDOWN, failure);
    end_ring(&cooperator->held, -ESHUTDOWN, failure);
}

/* There will be no tick: those that wait for it fail, rather than wait for ever. */
static void end_ready(struct tw_cooperator *cooperator, int error)
{
    struct tw_failure *failure = tw__failure_of_start(error, "the next tick cannot be scheduled");
    end_ring(&cooperator->ready, -EIO, failure);
    tw_failure_unref(failure);
}

/* --- ticks ------------------------------------------------------------------------------------ */

static void begin_slice(struct tw_cooperator *cooperator)
{
    struct tw_cooperator_options *options = &cooperator->options;
    if (options->begin_slice)
        options->begin_slice(options->arg);
    if (!options->is_slice_over)
        cooperator->slice_end = tw_time_add(tw_clock_now(tw_reactor_clock(cooperator->reactor)),
                                            options->slice ? options->slice : SLICE);
}

static bool is_slice_over(struct tw_cooperator *cooperator)
{
    struct tw_cooperator_options *options = &cooperator->options;
    if (options->is_slice_over)
        return options->is_slice_over(options->arg);
    return tw_clock_now(tw_reactor_clock(cooperator->reactor)) >= cooperator->slice_end;
}

static void step_next(struct tw_cooperator *cooperator)
{
    struct tw__task_place *next = cooperator->last->next;
    if (next == &cooperator->ready)
        next = next->next;
    cooperator->last = next;
    tw__cooperative_task_step(task_at(next));
}

static void tick(struct tw_cooperator *cooperator)
{
    int rc;
    tw_cooperator_ref(cooperator);
    cooperator->is_ticking = true;
    begin_slice(cooperator);
    do
        step_next(cooperator);
    while (!is_empty(&cooperator->ready) && !is_slice_over(cooperator));
    cooperator->is_ticking = false;
    rc = schedule(cooperator);
    if (rc < 0)
        end_ready(cooperator, rc);
    tw_cooperator_unref(cooperator);
}

int tw_cooperator_tick(struct tw_cooperator *cooperator)
{
    if (!cooperator)
        return tw__misuse(-EINVAL, "tw_cooperator_tick: needs a cooperator");
    if (cooperator->is_ticking)
        return tw__misuse(-EDEADLK, "tw_cooperator_tick: a tick is going on");
    cooperator->is_scheduled = false;
    if (cooperator->is_running && !is_empty(&cooperator->ready))
        tick(cooperator);
    return 0;
}

static void on_time(void *owner, int status)
{
    struct tw_cooperator *cooperator = (struct tw_cooperator *)owner;
    cooperator->is_scheduled = false;
    if (status == 0) {
        tw_cooperator_tick(cooperator);
        return;
    }
    tw_cooperator_ref(cooperator);
    end_all(cooperator, tw__failure_shutdown()); /* the reactor has gone */
    tw_cooperator_unref(cooperator);
}

/* --- life ------------------------------------------------------------------------------------- */

static struct tw_failure *make_failure(const struct tw_error *kind, int code, const char *message)
{
    struct tw_failure *failure = tw_failure_new(kind, code, message, NULL, 0, NULL);
    return tw_failure_kind(failure) == kind ? failure : tw_failure_unref(failure);
}

static void free_cooperator(struct tw_cooperator *cooperator)
{
    if (!cooperator)
        return;
    tw__later_free(cooperator->timer);
    tw_failure_unref(cooperator->task_stopped);
    tw_failure_unref(cooperator->scheduler_stopped);
    tw__free(cooperator);
}

static struct tw_cooperator *make(struct tw_reactor *reactor,
                                  const struct tw_cooperator_options *options)
{
    struct tw_cooperator *cooperator = (struct tw_cooperator *)tw__zalloc(sizeof *cooperator);
    if (!cooperator)
        return NULL;
    cooperator->task_stopped =
        make_failure(&TW_ERROR_TASK_STOPPED, ECANCELED, "the task was stopped");
    cooperator->scheduler_stopped =
        make_failure(&TW_ERROR_SCHEDULER_STOPPED, ESHUTDOWN, "the cooperator was stopped");
    if (!options->schedule)
        cooperator->timer = tw__later_new(on_time, cooperator);
    if (!cooperator->task_stopped || !cooperator->scheduler_stopped ||
        (!options->schedule && !cooperator->timer)) {
        free_cooperator(cooperator);
        return NULL;
    }
    cooperator->refs = 1;
    cooperator->reactor = reactor;
    cooperator->options = *options;
    init_ring(&cooperator->ready);
    init_ring(&cooperator->held);
    cooperator->last = &cooperator->ready;
    cooperator->is_running = !options->is_held_back;
    return cooperator;
}

static bool are_good(struct tw_reactor *reactor, const struct tw_cooperator_options *options)
{
    return options->slice >= 0 && !options->schedule == !options->unschedule &&
           (reactor || (options->schedule && options->is_slice_over));
}

int tw_cooperator_new(struct tw_reactor *reactor, const struct tw_cooperator_options *options,
                      struct tw_cooperator **ret_cooperator)
{
    static const struct tw_cooperator_options defaults = {.size = sizeof defaults};
    struct tw_cooperator *cooperator;
    int rc = 0;
    if (options && options->size != sizeof *options)
        return tw__misuse(-EINVAL,
                          "tw_cooperator_new: needs options of the size this library knows");
    if (!options)
        options = &defaults;
    if (!ret_cooperator || !are_good(reactor, options))
        rc = tw__misuse(-EINVAL, "tw_cooperator_new: needs a reactor, or its own functions in "
                                 "pairs, and ret_cooperator");
    else if (!(cooperator = make(reactor, options)))
        rc = -ENOMEM;
    else
        *ret_cooperator = cooperator;
    if (rc < 0 && options->destroy)
        options->destroy(options->arg);
    return rc;
}

struct tw_cooperator *tw_cooperator_ref(struct tw_cooperator *cooperator)
{
    if (cooperator)
        cooperator->refs++;
    return cooperator;
}

struct tw_cooperator *tw_cooperator_unref(struct tw_cooperator *cooperator)
{
    if (!cooperator || --cooperator->refs > 0)
        return NULL;
    end_all(cooperator, tw__failure_abandoned());
    if (cooperator->options.destroy)
        cooperator->options.destroy(cooperator->options.arg);
    free_cooperator(cooperator);
    return NULL;
}

/* --- what the user asks for ------------------------------------------------------------------- */

/* Put a new task in, with a reference of the cooperator's own. */
static int add(struct tw_cooperator *cooperator, struct tw_cooperative_task *task)
{
    int rc;
    tw_cooperative_task_ref(task);
    append(&cooperator->held, &task->place);
    task->is_held = true;
    if (cooperator->has_stopped) {
        tw__cooperative_task_end(task, -ESHUTDOWN, cooperator->scheduler_stopped);
        return 0;
    }
    rc = tw__cooperator_make_ready(task);
    if (rc >= 0)
        return rc;
    tw__cooperator_forget(task);
    tw_cooperative_task_unref(task);
    return rc;
}

int tw_cooperator_cooperate(struct tw_cooperator *cooperator, tw_step_fn step, void *arg,
                            tw_destroy_fn destroy, struct tw_cooperative_task **ret_task)
{
    struct tw_cooperative_task *task = NULL;
    int rc = 0;
    if (!cooperator || !step)
        rc = tw__misuse(-EINVAL, "tw_cooperator_cooperate: needs a cooperator and a step");
    else if (!(task = tw__cooperative_task_new(cooperator, step, arg, destroy)))
        rc = -ENOMEM;
    if (!task) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    rc = add(cooperator, task);
    if (rc >= 0 && ret_task)
        *ret_task = task;
    else
        tw_cooperative_task_unref(task);
    return rc;
}

/* The task was not added, so nobody is to hear of it. */
static void drop_unseen(struct tw_cooperative_task *task, struct tw_deferred *deferred)
{
    struct tw_result nothing = TW_RESULT_INIT;
    tw__waiters_answer(&task->waiters, &nothing);
    tw__waiters_serve(&task->waiters);
    tw_deferred_unref(deferred);
}

int tw_cooperator_coiterate(struct tw_cooperator *cooperator, tw_step_fn step, void *arg,
                            tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    struct tw_cooperative_task *task = NULL;
    struct tw_deferred *deferred = NULL;
    int rc = 0;
    if (!cooperator || !step || !ret_deferred)
        rc = tw__misuse(-EINVAL, "tw_cooperator_coiterate: needs a cooperator, a step and "
                                 "ret_deferred");
    else if (!(task = tw__cooperative_task_new(cooperator, step, arg, destroy)))
        rc = -ENOMEM;
    if (!task) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    rc = tw_cooperative_task_when_done(task, &deferred);
    if (rc >= 0)
        rc = add(cooperator, task);
    if (rc >= 0)
        *ret_deferred = deferred;
    else if (deferred)
        drop_unseen(task, deferred);
    tw_cooperative_task_unref(task);
    return rc;
}

int tw_cooperator_start(struct tw_cooperator *cooperator)
{
    int rc;
    if (!cooperator)
        return tw__misuse(-EINVAL, "tw_cooperator_start: needs a cooperator");
    cooperator->is_running = true;
    rc = schedule(cooperator);
    cooperator->is_running = rc >= 0;
    if (rc >= 0)
        cooperator->has_stopped = false;
    return rc;
}

int tw_cooperator_stop(struct tw_cooperator *cooperator)
{
    if (!cooperator)
        return tw__misuse(-EINVAL, "tw_cooperator_stop: needs a cooperator");
    tw_cooperator_ref(cooperator);
    end_all(cooperator, cooperator->scheduler_stopped);
    tw_cooperator_unref(cooperator);
    return 0;
}

bool tw_cooperator_is_running(const struct tw_cooperator *cooperator)
{
    return cooperator && cooperator->is_running;
}
