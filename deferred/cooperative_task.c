/*
 * A cooperative task: its steps, its pauses, and its end.
 */
#include <twine/deferred/cooperator_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

const struct tw_error TW_ERROR_TASK_STOPPED = {"task stopped", &TW_ERROR_CANCELLED};

/* --- life ------------------------------------------------------------------------------------- */

struct tw_cooperative_task *tw__cooperative_task_new(struct tw_cooperator *cooperator,
                                                     tw_step_fn step, void *arg,
                                                     tw_destroy_fn destroy)
{
    struct tw_cooperative_task *task = (struct tw_cooperative_task *)tw__zalloc(sizeof *task);
    if (!task)
        return NULL;
    task->refs = 1;
    task->cooperator = cooperator;
    task->step = step;
    task->arg = arg;
    task->destroy = destroy;
    tw__waiters_init(&task->waiters);
    return task;
}

struct tw_cooperative_task *tw_cooperative_task_ref(struct tw_cooperative_task *task)
{
    if (task)
        task->refs++;
    return task;
}

/* Only an error nobody has asked for is told here: to be stopped is none. */
static void free_task(struct tw_cooperative_task *task)
{
    tw__waiters_abandon(&task->waiters);
    if (task->status == -EIO && !task->is_watched)
        tw__report(TW_REPORT_UNHANDLED, "a cooperative task failed, and nobody asked",
                   task->failure);
    tw_failure_unref(task->failure);
    if (task->destroy)
        task->destroy(task->arg);
    tw__free(task);
}

struct tw_cooperative_task *tw_cooperative_task_unref(struct tw_cooperative_task *task)
{
    if (task && --task->refs == 0)
        free_task(task);
    return NULL;
}

static void unref_value(void *task)
{
    tw_cooperative_task_unref((struct tw_cooperative_task *)task);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void set_outcome(struct tw_cooperative_task *task, struct tw_result *ret_result)
{
    if (task->failure)
        tw_result_set_failure(ret_result, task->failure);
    else
        tw_result_set(ret_result, tw_cooperative_task_ref(task), unref_value);
}

/* It has left the cooperator before anybody hears of it (COP-010). */
void tw__cooperative_task_end(struct tw_cooperative_task *task, int status,
                              struct tw_failure *failure)
{
    tw__cooperator_forget(task);
    task->status = status;
    task->failure = tw_failure_ref(failure);
    while (task->waiters.count) {
        struct tw_result outcome = TW_RESULT_INIT;
        set_outcome(task, &outcome);
        tw__waiters_answer(&task->waiters, &outcome);
    }
    tw__waiters_serve(&task->waiters);
    tw_cooperative_task_unref(task); /* the cooperator's */
}

int tw_cooperative_task_when_done(struct tw_cooperative_task *task,
                                  struct tw_deferred **ret_deferred)
{
    int rc;
    if (!task || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_cooperative_task_when_done: needs a task and ret_deferred");
    if (!task->status)
        rc = tw__waiters_add(&task->waiters, ret_deferred);
    else if (task->failure)
        rc = tw_deferred_fail(task->failure, ret_deferred);
    else
        rc = tw_deferred_succeed(tw_cooperative_task_ref(task), unref_value, ret_deferred);
    if (rc >= 0)
        task->is_watched = true;
    return rc;
}

/* --- a step ----------------------------------------------------------------------------------- */

static void end_for_error(struct tw_cooperative_task *task, int error, const char *message)
{
    struct tw_failure *failure = tw__failure_of_start(error, message);
    tw__cooperative_task_end(task, -EIO, failure);
    tw_failure_unref(failure);
}

/* What it waited for has fired. If it has been stopped meanwhile, that is all (COP-016). */
static void waited(struct tw_result *result, void *arg)
{
    struct tw_cooperative_task *task = (struct tw_cooperative_task *)arg;
    struct tw_failure *failure = tw_failure_ref(tw_result_failure(result));
    int rc = 0;
    tw_result_set(result, NULL, NULL);
    task->is_waiting = false;
    if (!task->status && failure)
        tw__cooperative_task_end(task, -EIO, failure);
    else if (!task->status && task->is_held && !task->pauses)
        rc = tw__cooperator_make_ready(task);
    if (rc < 0)
        end_for_error(task, rc, "a task could not go on");
    tw_failure_unref(failure);
}

/* One that has fired already holds nothing back: the task keeps its place in the rotation
 * (COP-006). */
static void wait_for(struct tw_cooperative_task *task, struct tw_deferred *deferred)
{
    int rc;
    task->is_waiting = true;
    rc = tw_deferred_add_both(deferred, waited, tw_cooperative_task_ref(task), unref_value);
    tw_deferred_unref(deferred);
    if (rc < 0)
        end_for_error(task, rc, "a task could not wait");
    else if (!task->status && task->is_waiting)
        tw__cooperator_hold(task);
}

static void take_answer(struct tw_cooperative_task *task, int answer, struct tw_result *result)
{
    if (task->status)
        return; /* stopped inside its step */
    if (tw_result_is_failure(result))
        tw__cooperative_task_end(task, -EIO, tw_result_failure(result));
    else if (answer < 0)
        end_for_error(task, answer, "a step failed");
    else if (answer == TW_STEP_DONE)
        tw__cooperative_task_end(task, -EALREADY, NULL);
    else if (tw_result_kind(result) == TW_RESULT_DEFERRED)
        wait_for(task, (struct tw_deferred *)tw__result_take_deferred(result));
}

void tw__cooperative_task_step(struct tw_cooperative_task *task)
{
    struct tw_result result = TW_RESULT_INIT;
    int answer;
    result._takes_deferred = 1;
    tw_cooperative_task_ref(task);
    answer = task->step(&result, task->arg);
    take_answer(task, answer, &result);
    tw_result_done(&result);
    tw_cooperative_task_unref(task);
}

/* --- what the user asks for ------------------------------------------------------------------- */

int tw_cooperative_task_pause(struct tw_cooperative_task *task)
{
    if (!task)
        return tw__misuse(-EINVAL, "tw_cooperative_task_pause: needs a task");
    if (task->status)
        return task->status;
    task->pauses++;
    tw__cooperator_hold(task);
    return 0;
}

int tw_cooperative_task_resume(struct tw_cooperative_task *task)
{
    int rc = 0;
    if (!task || !task->pauses)
        return tw__misuse(-EINVAL, "tw_cooperative_task_resume: needs a task that is paused");
    if (task->pauses == 1 && !task->status && !task->is_waiting)
        rc = tw__cooperator_make_ready(task);
    if (rc >= 0)
        task->pauses--;
    return rc;
}

int tw_cooperative_task_stop(struct tw_cooperative_task *task)
{
    if (!task)
        return tw__misuse(-EINVAL, "tw_cooperative_task_stop: needs a task");
    if (task->status)
        return task->status;
    tw__cooperative_task_end(task, -ECANCELED, task->cooperator->task_stopped);
    return 0;
}

int tw_cooperative_task_status(const struct tw_cooperative_task *task)
{
    return task ? task->status : 0;
}

void *tw_cooperative_task_arg(const struct tw_cooperative_task *task)
{
    return task ? task->arg : NULL;
}
