/*
 * The executor: jobs that are futures, and how many of them are not over.
 *
 * A job is one block: its future, the task that travels, and what to call. It has the users' holds
 * on the future, and one until its task is over. An executor counts twice:
 *
 *     unfinished   the jobs that are not over, and one while the users hold the executor. join waits
 *                  for it to be 1, and as a job is over only after the jobs it has submitted were
 *                  counted, that is when work has stopped unfolding. At 0 the worker is let go of.
 *     holds        the futures that exist, and one for the users: at 0 it is freed. So a future may
 *                  outlive the executor's users, and the worker.
 */
#include <twine/threads/executor.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/cancel_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/future_internal.h>
#include <twine/threads/limiter_internal.h>
#include <twine/threads/strand_internal.h>
#include <twine/threads/team_take_internal.h>
#include <twine/threads/worker_internal.h>

const struct tw_error TW_ERROR_BROKEN_EXECUTOR = {"broken executor", &TW_ERROR};

struct joiner {
    struct tw__park park;
    struct joiner *next;
};

struct tw_executor {
    struct tw__future_place place; /* fixed */
    struct tw_worker *worker;      /* fixed; a reference, while something is unfinished */
    struct tw_pool *pool;          /* fixed: the same, if it is our own; or NULL */
    tw_call_fn initializer;        /* fixed */
    void *initializer_arg;
    tw_destroy_fn destroy_initializer;
    unsigned epoch;   /* fixed: see base/fork */
    atomic_uint refs; /* the users' */
    atomic_size_t unfinished, holds;
    atomic_bool is_shut, gives_up; /* gives_up: what has not begun is cancelled */
    atomic_uint has_joiners;
    _Atomic(struct tw_failure *) broken; /* a reference, once an initializer has failed */
    struct tw__lock lock;
    struct {
        struct joiner *joiners;
    } locked;
};

struct job {
    struct tw_future future;
    struct tw_task task;
    struct tw_executor *executor; /* a hold */
    tw_call_fn work;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until the work is over */
};

/* Made before this process was forked: its jobs are the parent's, and so is its lock. */
static bool is_inherited(const struct tw_executor *executor)
{
    return executor->epoch != tw__fork_epoch();
}

/* --- counting --------------------------------------------------------------------------------- */

static void drop_hold(struct tw_executor *executor)
{
    if (atomic_fetch_sub(&executor->holds, 1) != 1)
        return;
    tw_failure_unref(atomic_load(&executor->broken));
    tw__lock_done(&executor->lock);
    tw__free(executor);
}

static void wake_joiners(struct tw_executor *executor)
{
    struct joiner *joiner;
    tw__lock_acquire(&executor->lock);
    for (joiner = executor->locked.joiners; joiner; joiner = joiner->next)
        tw__park_wake(&joiner->park);
    tw__lock_release(&executor->lock);
}

/* The caller has a hold. A joiner says that it is there and then looks at the count, we change the
 * count and then look for joiners: one of us sees the other. */
static void count_out(struct tw_executor *executor)
{
    size_t before = atomic_fetch_sub(&executor->unfinished, 1);
    if (before == 2 && atomic_load(&executor->has_joiners))
        wake_joiners(executor);
    else if (before == 1)
        tw_worker_unref(executor->worker);
}

/* Keep the worker, unless it has been let go of. */
static bool count_in(struct tw_executor *executor)
{
    size_t seen = atomic_load(&executor->unfinished);
    while (seen && !atomic_compare_exchange_weak(&executor->unfinished, &seen, seen + 1))
        ;
    return seen != 0;
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

/* It goes before it is counted, so that a value nobody holds is destroyed, and a failure nobody will
 * look at reported, when a join returns. */
static void finish(struct job *job)
{
    struct tw_executor *executor = job->executor;
    atomic_fetch_add_explicit(&executor->holds, 1, memory_order_relaxed);
    tw_future_unref(&job->future);
    count_out(executor);
    drop_hold(executor);
}

static void job_fn(struct tw_task *task, int status)
{
    struct job *job = TW_CONTAINER(task, struct job, task);
    struct tw_context *before = tw__context_swap(job->context);
    bool is_to_complete = begin(job, status);
    if (is_inherited(job->executor))
        return; /* in a child that the work has forked, and comes back from */
    if (job->destroy)
        job->destroy(job->arg);
    tw__context_swap_back(before, job->context);
    tw__context_drop(job->context);
    tw_task_delivers(task);
    if (is_to_complete)
        tw__future_complete(&job->future);
    finish(job);
}

static void withdraw(struct tw_future *future)
{
    struct job *job = (struct job *)future;
    struct tw_executor *executor = job->executor;
    if (!count_in(executor))
        return;
    tw_worker_cancel(executor->worker, &job->task);
    count_out(executor);
}

static void run_here(struct tw_future *future)
{
    struct job *job = (struct job *)future;
    if (tw__team_take((struct tw_worker *)future->place->team, &job->task))
        job_fn(&job->task, 0);
}

static void free_job(struct tw_future *future)
{
    struct job *job = (struct job *)future;
    tw__future_done(future);
    drop_hold(job->executor);
    tw__free(job);
}

static const struct tw__future_ops job_ops = {withdraw, run_here, free_job};

static struct job *make_job(struct tw_executor *executor, tw_call_fn work, void *arg,
                            tw_destroy_fn destroy)
{
    struct job *job = (struct job *)tw__malloc(sizeof *job);
    if (!job)
        return NULL;
    tw__future_init(&job->future, &job_ops, &executor->place);
    tw_task_init(&job->task, job_fn);
    job->executor = executor;
    job->work = work;
    job->arg = arg;
    job->destroy = destroy;
    job->context = tw__context_capture();
    atomic_fetch_add_explicit(&executor->holds, 1, memory_order_relaxed);
    atomic_fetch_add(&executor->unfinished, 1);
    tw_future_ref(&job->future); /* the task's; the first is the user's */
    return job;
}

/* It was not submitted. (arg, destroy) is the caller's. */
static void drop_job(struct job *job)
{
    struct tw_executor *executor = job->executor;
    tw__context_drop(job->context);
    tw__free(job);
    count_out(executor);
    drop_hold(executor);
}

/* --- submitting ------------------------------------------------------------------------------- */

/* After the job was counted, so that a shutdown that waits either is seen here or sees it. */
static int is_open(struct tw_executor *executor)
{
    if (is_inherited(executor))
        return -EOWNERDEAD;
    if (atomic_load(&executor->broken))
        return -ENOTRECOVERABLE;
    return atomic_load(&executor->is_shut) ? -ESHUTDOWN : 0;
}

static int submit(struct tw_executor *executor, tw_call_fn work, void *arg, tw_destroy_fn destroy,
                  struct job **ret_job)
{
    struct job *job = make_job(executor, work, arg, destroy);
    int rc;
    if (!job)
        return -ENOMEM;
    rc = is_open(executor);
    if (rc >= 0)
        rc = tw_worker_submit(executor->worker, &job->task);
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
    if (ret_future)
        *ret_future = &job->future;
    else
        tw_future_unref(&job->future);
    return 0;
}

/* In one visit to the pool's books, if it is a pool. */
static int submit_all(struct tw_executor *executor, struct tw_task **tasks, size_t count)
{
    size_t done = 0;
    int rc = is_open(executor);
    if (rc >= 0 && executor->pool)
        return tw_pool_submit_many(executor->pool, tasks, count);
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

/* --- joining and shutting down ---------------------------------------------------------------- */

static int may_join(struct tw_executor *executor)
{
    struct tw__frame *frame = tw__frame_of_wait();
    if ((frame && frame->kind == TW__FRAME_LOCKED) || tw__place_is_here(&executor->place))
        return tw__misuse(-EDEADLK, "an executor's job cannot wait for all of them to be over, nor "
                                    "can a loop that turns");
    return 0;
}

static bool is_quiet(struct tw_executor *executor)
{
    return atomic_load(&executor->unfinished) <= 1; /* that one is the caller's */
}

static void add_joiner(struct tw_executor *executor, struct joiner *joiner)
{
    tw__park_init(&joiner->park);
    tw__lock_acquire(&executor->lock);
    joiner->next = executor->locked.joiners;
    executor->locked.joiners = joiner;
    tw__lock_release(&executor->lock);
    atomic_fetch_add(&executor->has_joiners, 1);
}

static void remove_joiner(struct tw_executor *executor, struct joiner *joiner)
{
    struct joiner **place = &executor->locked.joiners;
    atomic_fetch_sub(&executor->has_joiners, 1);
    tw__lock_acquire(&executor->lock);
    while (*place != joiner)
        place = &(*place)->next;
    *place = joiner->next;
    tw__lock_release(&executor->lock);
    tw__park_done(&joiner->park);
}

static int wait_until_quiet(struct tw_executor *executor, uint64_t deadline)
{
    struct tw_clock *clock = tw_clock_monotonic();
    struct joiner joiner;
    bool is_over, is_late = false;
    add_joiner(executor, &joiner);
    while (!(is_over = is_quiet(executor)) && !is_late)
        is_late = !tw__park_wait(&joiner.park, clock, deadline);
    remove_joiner(executor, &joiner);
    return is_over ? 0 : -ETIMEDOUT; /* as it was seen: others may have gone on since */
}

int tw_executor_join(struct tw_executor *executor, int64_t timeout)
{
    int rc;
    if (!executor || timeout < 0)
        return tw__misuse(-EINVAL,
                          "tw_executor_join: needs an executor and a timeout of 0 or more");
    if (is_inherited(executor))
        return -EOWNERDEAD;
    rc = may_join(executor);
    return rc < 0 ? rc
                  : wait_until_quiet(executor,
                                     tw_time_add(tw_clock_now(tw_clock_monotonic()), timeout));
}

static void shut(struct tw_executor *executor, bool cancel_futures)
{
    atomic_store(&executor->is_shut, true);
    if (cancel_futures)
        atomic_store(&executor->gives_up, true);
    if (executor->pool && !tw_team_has_quit(tw_pool_team(executor->pool)))
        tw_pool_quit(executor->pool);
    if (executor->pool && cancel_futures)
        tw__team_give_up(tw_team_worker(tw_pool_team(executor->pool)), -ECANCELED);
}

int tw_executor_shutdown(struct tw_executor *executor, bool wait, bool cancel_futures)
{
    int rc;
    if (!executor)
        return tw__misuse(-EINVAL, "tw_executor_shutdown: needs an executor");
    if (is_inherited(executor))
        return -EOWNERDEAD;
    shut(executor, cancel_futures);
    rc = wait ? may_join(executor) : 0;
    if (!wait || rc < 0)
        return rc;
    wait_until_quiet(executor, TW_NEVER);
    return executor->pool ? tw_pool_join(executor->pool, TW_FOREVER) : 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct tw_worker *below(struct tw_worker *worker)
{
    struct tw_worker *strand = tw__strand_below(worker);
    return strand ? strand : tw__limiter_below(worker);
}

/* All that a job goes through, down to the worker that performs it in the end. */
static void find_place(struct tw__future_place *place, struct tw_worker *worker)
{
    size_t count = 0;
    place->worker = worker;
    place->team = tw__team_of(worker);
    for (; worker; worker = below(worker)) {
        place->bottom = tw__team_of(worker) ? tw__team_of(worker) : worker;
        if (tw_worker_is_exclusive(worker) && count < TW__PLACE_EXCLUSIVES)
            place->exclusives[count++] = worker;
    }
}

static struct tw_executor *alloc_executor(void)
{
    struct tw_executor *executor = (struct tw_executor *)tw__zalloc(sizeof *executor);
    if (!executor)
        return NULL;
    tw__future_prepare();
    executor->epoch = tw__fork_epoch();
    atomic_init(&executor->refs, 1);
    atomic_init(&executor->unfinished, 1);
    atomic_init(&executor->holds, 1);
    tw__lock_init(&executor->lock);
    return executor;
}

/* Takes over the reference. */
static void stand_on(struct tw_executor *executor, struct tw_worker *worker)
{
    executor->worker = worker;
    find_place(&executor->place, worker);
}

/* On each thread first. A failure breaks the executor: it accepts nothing any more, and what waits
 * fails with it as the cause. */
static int start_thread(void *arg, void **ret_state)
{
    struct tw_executor *executor = (struct tw_executor *)arg;
    struct tw_result result = TW_RESULT_INIT;
    struct tw_failure *none = NULL, *broken;
    (void)ret_state;
    if (atomic_load(&executor->broken))
        return -ENOTRECOVERABLE;
    executor->initializer(&result, executor->initializer_arg);
    if (!tw_result_is_failure(&result)) {
        tw_result_done(&result);
        return 0;
    }
    broken = tw_failure_new(&TW_ERROR_BROKEN_EXECUTOR, ENOTRECOVERABLE,
                            "the initializer of an executor's thread has failed", NULL, 0,
                            tw_result_failure(&result));
    tw_result_done(&result);
    if (!atomic_compare_exchange_strong(&executor->broken, &none, broken))
        tw_failure_unref(broken);
    tw__team_give_up((struct tw_worker *)executor->place.team, -ENOTRECOVERABLE);
    return -ENOTRECOVERABLE;
}

/* When the pool has ended. */
static void threads_have_ended(void *arg)
{
    struct tw_executor *executor = (struct tw_executor *)arg;
    if (executor->destroy_initializer)
        executor->destroy_initializer(executor->initializer_arg);
    drop_hold(executor);
}

static int make_pool(struct tw_executor *executor, size_t max_workers,
                     const struct tw_executor_options *options)
{
    struct tw_pool_options of_pool = {.size = sizeof of_pool};
    if (options) {
        of_pool.name = options->thread_name;
        of_pool.stack_size = options->stack_size;
        executor->initializer = options->initializer;
        executor->initializer_arg = options->initializer_arg;
        executor->destroy_initializer = options->destroy_initializer;
    }
    of_pool.start = executor->initializer ? start_thread : NULL;
    of_pool.hook_arg = executor;
    of_pool.hook_destroy = threads_have_ended;
    atomic_fetch_add(&executor->holds, 1); /* the pool's */
    return tw_pool_new(max_workers, &of_pool, &executor->pool);
}

static int refuse(const struct tw_executor_options *options, int error)
{
    if (options && options->size == sizeof *options && options->destroy_initializer)
        options->destroy_initializer(options->initializer_arg);
    return error;
}

int tw_executor_new(size_t max_workers, const struct tw_executor_options *options,
                    struct tw_executor **ret_executor)
{
    struct tw_executor *executor;
    int rc;
    if (!ret_executor || !max_workers || (options && options->size != sizeof *options))
        return refuse(options, tw__misuse(-EINVAL, "tw_executor_new: needs ret_executor, one "
                                                   "worker or more, and options of the size "
                                                   "this library knows"));
    executor = alloc_executor();
    if (!executor)
        return refuse(options, -ENOMEM);
    rc = make_pool(executor, max_workers, options);
    if (rc < 0) {
        drop_hold(executor);
        return rc;
    }
    stand_on(executor, tw_pool_worker(executor->pool));
    *ret_executor = executor;
    return 0;
}

int tw_executor_over(struct tw_worker *worker, struct tw_executor **ret_executor)
{
    struct tw_executor *executor;
    if (!worker || !ret_executor)
        return tw__misuse(-EINVAL, "tw_executor_over: needs a worker and ret_executor");
    if (tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    executor = alloc_executor();
    if (!executor)
        return -ENOMEM;
    stand_on(executor, tw_worker_ref(worker));
    *ret_executor = executor;
    return 0;
}

struct tw_executor *tw_executor_ref(struct tw_executor *executor)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (executor)
        atomic_fetch_add_explicit(&executor->refs, 1, memory_order_relaxed);
    return executor;
}

struct tw_executor *tw_executor_unref(struct tw_executor *executor)
{
    if (!executor || is_inherited(executor) || atomic_fetch_sub(&executor->refs, 1) != 1)
        return NULL;
    shut(executor, false);
    count_out(executor);
    drop_hold(executor);
    return NULL;
}

struct tw_worker *tw_executor_worker(struct tw_executor *executor)
{
    return executor ? executor->worker : NULL;
}
