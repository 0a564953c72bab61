/*
 * An executor's jobs.
 *
 * A job is one block: its future, the task that travels, and what to call. It has the users' holds
 * on the future, and one until its task is over.
 */
#include <twine/threads/executor_internal.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/here_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/spares_internal.h>
#include <twine/threads/cancel_internal.h>
#include <twine/threads/team_take_internal.h>

struct job {
    struct tw_future future;
    struct tw_task task;
    struct tw_executor *executor;    /* a hold */
    _Atomic(tw__fork_place *) place; /* where it waits, or has waited, in a list of forks; NULL */
    tw_call_fn work;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until the work is over */
};

/* --- its memory ------------------------------------------------------------------------------- */

/* Mostly a job is made and let go of on one thread, that which waits for it. Checking builds keep
 * none: a future used after its end is then seen by the tools that look for that. */
#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUALLY_KEPT 0
#else
#define USUALLY_KEPT 32
#endif

static _Thread_local
    __attribute__((tls_model("initial-exec"))) struct tw__spares spares = {.wanted = USUALLY_KEPT};

void tw__executor_keep_spares(unsigned most)
{
    tw__spares_limit(&spares, most, tw__free);
}

static void thread_ends(void)
{
    tw__executor_keep_spares(0);
}

static struct job *take_memory(void)
{
    void *kept = tw__spares_take(&spares);
    return (struct job *)(kept ? kept : tw__malloc(sizeof(struct job)));
}

static void give_memory(struct job *job)
{
    if (!tw__spares_keep(&spares, job) && !tw__spares_begin(&spares, job, thread_ends))
        tw__free(job);
}

/* --- counting --------------------------------------------------------------------------------- */

/*
 * A job that submits others and awaits them performs most of them itself, on its own stack. Those need
 * not be counted, one by one, in a word that all threads write to: as long as this job is not over
 * nobody cares how many others are. So what is over within it is kept, for the next ones that it
 * submits, and given back when it is over itself; or before, if it is much: that job may be one that
 * lives long.
 */
struct tw__job_scope {
    struct tw_executor *executor;
    uint64_t kept; /* of the executor's counts */
    /* Those that it has taken back, to perform them itself: if it does that it keeps its forks in a
     * list. */
    unsigned taken_back;
    uint64_t taken_from_list; /* of the team's count */
    struct tw__forks *forks;  /* its list, or NULL */
    bool has_ended;           /* its work: it keeps no list any more, and no count of the team's */
};

#define COUNTS_OF_A_JOB (TW__EXECUTOR_HOLD + 1)
#define MOST_KEPT 64 /* of each of the two */

static struct tw__job_scope *scope_of(const struct tw_executor *executor)
{
    struct tw__job_scope *scope = tw__here.job_scope;
    return scope && scope->executor == executor ? scope : NULL;
}

/* Its job is unfinished: so the executor stays, and nobody who joins need be woken. */
static void keep(struct tw__job_scope *scope, uint64_t counts)
{
    scope->kept += counts;
    if ((uint32_t)scope->kept < MOST_KEPT && scope->kept < MOST_KEPT * TW__EXECUTOR_HOLD)
        return;
    atomic_fetch_sub(&scope->executor->counts, scope->kept);
    scope->kept = 0;
}

static void count_new(struct tw_executor *executor)
{
    struct tw__job_scope *scope = scope_of(executor);
    if (scope && (uint32_t)scope->kept && scope->kept >= TW__EXECUTOR_HOLD)
        scope->kept -= COUNTS_OF_A_JOB;
    else
        atomic_fetch_add(&executor->counts, COUNTS_OF_A_JOB);
}

/* Its future has gone. The executor may be gone then. */
static void count_gone(struct tw_executor *executor)
{
    struct tw__job_scope *scope = scope_of(executor);
    if (scope)
        keep(scope, TW__EXECUTOR_HOLD);
    else
        tw__executor_drop_hold(executor);
}

/* It is over. Likewise. */
static void count_over(struct tw_executor *executor)
{
    struct tw__job_scope *scope = scope_of(executor);
    if (scope)
        keep(scope, 1);
    else
        tw__executor_count_out(executor, 1);
}

/* --- forks ------------------------------------------------------------------------------------ */

/* So many a job has to have taken back before it keeps a list: one that awaits none is better off
 * without. */
#define FEW_TAKEN_BACK 4

/* false: it is not in a list, or somebody has it. Relaxed: it was set before the submit returned. */
static bool leave_list(struct job *job)
{
    tw__fork_place *place = atomic_load_explicit(&job->place, memory_order_relaxed);
    return place && tw__fork_list_take(place, &job->task);
}

static void count_taken_from_list(struct tw__job_scope *scope, struct tw_worker *team)
{
    if (!scope || scope->has_ended) {
        tw__team_count_performed(team, 1);
    } else if (++scope->taken_from_list == MOST_KEPT) {
        tw__team_count_performed(team, MOST_KEPT);
        scope->taken_from_list = 0;
    }
}

/* Its work is over: what it has left behind is left to others. What is submitted from its delivery goes
 * to the team, since then its worker may be another's, or have gone. */
static void end_forks(struct tw__job_scope *scope)
{
    if (scope->forks)
        tw__forks_end(scope->forks);
    scope->forks = NULL;
    scope->has_ended = true;
    if (scope->taken_from_list)
        tw__team_count_performed((struct tw_worker *)scope->executor->place.team,
                                 (int64_t)scope->taken_from_list);
    scope->taken_from_list = 0;
}

/* As tw__forks_add(). */
static bool fork_job(struct tw__job_scope *scope, struct job *job)
{
    if (!scope->forks)
        scope->forks = tw__forks_begin(scope->executor);
    return scope->forks && tw__forks_add(scope->forks, &job->task, &job->place);
}

static int submit_job(struct tw_executor *executor, struct job *job)
{
    struct tw__job_scope *scope = scope_of(executor);
    if (scope && !scope->has_ended && scope->taken_back == FEW_TAKEN_BACK && fork_job(scope, job))
        return 0;
    return tw_worker_submit(executor->worker, &job->task);
}

/* --- a job ------------------------------------------------------------------------------------ */

static struct tw_failure *why_given_up(struct tw_executor *executor, int status)
{
    struct tw_failure *broken = atomic_load(&executor->broken);
    return broken ? broken : tw__failure_of_status(status);
}

static void run_work(struct job *job)
{
    atomic_bool *flag = tw__cancel_flag_set(&job->future.is_asked_to_stop);
    job->work(&job->future.result, job->arg);
    tw__cancel_flag_set(flag);
}

/* Begin its work, or find that there is none to do. Returns whether the future is to be completed. */
static bool begin(struct job *job, int status)
{
    struct tw_executor *executor = job->executor;
    if (status == 0 && atomic_load(&executor->broken))
        status = -ENOTRECOVERABLE; /* it was on its way into the backlog */
    if (status == 0 && atomic_load(&executor->gives_up))
        status = -ECANCELED;
    if (status == -ECANCELED && !atomic_load(&executor->broken)) {
        tw__future_cancel(&job->future);
        return false;
    }
    if (!tw__future_begin(&job->future))
        return false;
    if (status == 0)
        run_work(job);
    else
        tw_result_set_failure(&job->future.result, why_given_up(executor, status));
    return true;
}

/* Its future goes before it is counted, so that a value nobody holds is destroyed, and a failure nobody
 * will look at reported, when a join returns. own: if it is within no other job of the executor's.
 * false: in a child that the work has forked, and comes back from. */
static bool perform(struct job *job, int status, struct tw__job_scope *own)
{
    struct tw_context *before = tw__context_swap(job->context);
    bool is_to_complete = begin(job, status);
    if (tw__executor_is_inherited(job->executor))
        return false;
    if (job->destroy)
        job->destroy(job->arg);
    tw__context_swap_back(before, job->context);
    tw__context_drop(job->context);
    if (own)
        end_forks(own);
    tw_task_delivers(&job->task);
    if (is_to_complete)
        tw__future_complete(&job->future);
    tw_future_unref(&job->future);
    return true;
}

static void job_fn(struct tw_task *task, int status)
{
    struct job *job = TW_CONTAINER(task, struct job, task);
    struct tw_executor *executor = job->executor;
    struct tw__job_scope own = {.executor = executor}, *outer = tw__here.job_scope;
    bool is_over;
    if (scope_of(executor)) {
        if (perform(job, status, NULL))
            count_over(executor);
        return;
    }
    tw__here.job_scope = &own;
    is_over = perform(job, status, &own);
    tw__here.job_scope = outer;
    if (is_over)
        tw__executor_count_out(executor, own.kept + 1);
}

static void withdraw(struct tw_future *future)
{
    struct job *job = (struct job *)future;
    struct tw_executor *executor = job->executor;
    if (!tw__executor_count_in(executor))
        return;
    if (leave_list(job)) {
        tw__team_count_given_up((struct tw_worker *)future->place->team, 1);
        job_fn(&job->task, -ECANCELED);
    } else {
        tw_worker_cancel(executor->worker, &job->task);
    }
    tw__executor_count_out(executor, 1);
}

static void run_here(struct tw_future *future)
{
    struct job *job = (struct job *)future;
    struct tw_worker *team = (struct tw_worker *)future->place->team;
    struct tw__job_scope *scope = scope_of(job->executor);
    if (!tw__team_is_suspended(team) && leave_list(job))
        count_taken_from_list(scope, team);
    else if (!tw__team_take(team, &job->task))
        return;
    if (scope && scope->taken_back < FEW_TAKEN_BACK)
        scope->taken_back++;
    job_fn(&job->task, 0);
}

static void free_job(struct tw_future *future)
{
    struct job *job = (struct job *)future;
    struct tw_executor *executor = job->executor;
    tw__future_done(future);
    give_memory(job);
    count_gone(executor);
}

static const struct tw__future_ops job_ops = {withdraw, run_here, free_job};

static struct job *make_job(struct tw_executor *executor, tw_call_fn work, void *arg,
                            tw_destroy_fn destroy)
{
    struct job *job = take_memory();
    if (!job)
        return NULL;
    tw__future_init(&job->future, 2, &job_ops, &executor->place); /* the user's, and the task's */
    tw_task_init(&job->task, job_fn);
    job->executor = executor;
    atomic_init(&job->place, NULL);
    job->work = work;
    job->arg = arg;
    job->destroy = destroy;
    job->context = tw__context_capture();
    count_new(executor);
    return job;
}

/* It was not submitted. (arg, destroy) is the caller's. */
static void drop_job(struct job *job)
{
    struct tw_executor *executor = job->executor;
    tw__context_drop(job->context);
    give_memory(job);
    count_over(executor);
    count_gone(executor);
}

/* --- submitting ------------------------------------------------------------------------------- */

/* After the job was counted, so that a shutdown that waits either is seen here or sees it. */
static int is_open(struct tw_executor *executor)
{
    if (atomic_load(&executor->broken))
        return -ENOTRECOVERABLE;
    return atomic_load(&executor->is_shut) ? -ESHUTDOWN : 0;
}

static int submit(struct tw_executor *executor, tw_call_fn work, void *arg, tw_destroy_fn destroy,
                  struct job **ret_job)
{
    struct job *job;
    int rc;
    if (tw__executor_is_inherited(executor)) /* before it is counted, and a joiner looked for */
        return -EOWNERDEAD;
    job = make_job(executor, work, arg, destroy);
    if (!job)
        return -ENOMEM;
    rc = is_open(executor);
    if (rc >= 0)
        rc = submit_job(executor, job);
    if (rc < 0) {
        drop_job(job);
        return rc;
    }
    *ret_job = job;
    return 0;
}

int tw_executor_submit(struct tw_executor *executor, tw_call_fn work, void *arg,
                       tw_destroy_fn destroy, struct tw_future **ret_future)
{
    struct job *job = NULL;
    int rc = executor && work ? submit(executor, work, arg, destroy, &job)
                              : tw__misuse(-EINVAL, "tw_executor_submit: needs an executor and "
                                                    "work");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    if (ret_future) {
        *ret_future = &job->future;
        return 0;
    }
    atomic_store_explicit(&job->future.look, TW__UNHELD, memory_order_relaxed);
    tw_future_unref(&job->future);
    return 0;
}

/* In one visit to the books, if it is a pool or a team. */
static int submit_all(struct tw_executor *executor, struct tw_task **tasks, size_t count)
{
    struct tw__job_scope *scope = scope_of(executor);
    size_t done = 0;
    int rc = is_open(executor);
    if (rc >= 0 && scope && scope->forks) /* they are behind those */
        tw__forks_give_all(scope->forks);
    if (rc >= 0 && executor->place.team)
        return tw_team_submit_many((struct tw_team *)executor->place.team, tasks, count);
    while (rc >= 0 && done < count && (rc = tw_worker_submit(executor->worker, tasks[done])) >= 0)
        done++;
    if (rc >= 0)
        return 0;
    while (done-- > 0) { /* these are accepted already */
        struct job *job = TW_CONTAINER(tasks[done], struct job, task);
        tw_future_cancel(&job->future);
        tasks[done] = NULL;
        tw_future_unref(&job->future);
    }
    return rc;
}

int tw_executor_map(struct tw_executor *executor, tw_call_fn work, void *const *args, size_t count,
                    struct tw_future **ret_futures)
{
    struct tw_task **tasks;
    size_t made = 0, i;
    int rc;
    if (!executor || !work || (count && (!args || !ret_futures)))
        return tw__misuse(-EINVAL, "tw_executor_map: needs an executor, work, arguments and room "
                                   "for as many futures");
    if (tw__executor_is_inherited(executor))
        return -EOWNERDEAD;
    if (count >= SIZE_MAX / sizeof *tasks)
        return -ENOMEM;
    tasks = (struct tw_task **)tw__zalloc(count * sizeof *tasks + 1);
    if (!tasks)
        return -ENOMEM;
    for (; made < count; made++) {
        struct job *job = make_job(executor, work, args[made], NULL);
        if (!job)
            break;
        tasks[made] = &job->task;
    }
    rc = made < count ? -ENOMEM : submit_all(executor, tasks, count);
    for (i = 0; i < made; i++)
        if (rc >= 0)
            ret_futures[i] = &TW_CONTAINER(tasks[i], struct job, task)->future;
        else if (tasks[i])
            drop_job(TW_CONTAINER(tasks[i], struct job, task));
    tw__free(tasks);
    return rc;
}
