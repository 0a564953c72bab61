/*
 * The ThreadPool shim: a pool whose limit is 0 until it is started, and jobs that end with their
 * callback.
 */
#include <twine/compat/threadpool.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

struct tw_threadpool {
    struct tw_pool *pool; /* a reference */
    struct tw__lock lock;
    struct {
        size_t min, max;
        bool has_started, has_stopped;
    } locked;
};

/* --- life ------------------------------------------------------------------------------------- */

int tw_threadpool_new(size_t min, size_t max, const char *name, struct tw_threadpool **ret_pool)
{
    struct tw_pool_options options = {.size = sizeof options, .name = name ? name : "PoolThread"};
    struct tw_threadpool *pool;
    int rc;
    if (min > max || !ret_pool)
        return tw__misuse(-EINVAL, "tw_threadpool_new: needs min <= max, and ret_pool");
    pool = (struct tw_threadpool *)tw__zalloc(sizeof *pool);
    if (!pool)
        return -ENOMEM;
    rc = tw_pool_new(0, &options, &pool->pool);
    if (rc < 0) {
        tw__free(pool);
        return rc;
    }
    tw__lock_init(&pool->lock);
    pool->locked.min = min;
    pool->locked.max = max;
    *ret_pool = pool;
    return 0;
}

struct tw_threadpool *tw_threadpool_unref(struct tw_threadpool *pool)
{
    if (pool) {
        tw_pool_unref(pool->pool);
        tw__lock_done(&pool->lock);
        tw__free(pool);
    }
    return NULL;
}

static int apply_size(struct tw_threadpool *pool, size_t min, size_t max)
{
    struct tw_team *team = tw_pool_team(pool->pool);
    struct tw_statistics now;
    size_t live;
    int rc = tw_pool_set_limit(pool->pool, max);
    if (rc < 0)
        return rc;
    now.size = sizeof now;
    tw_team_statistics(team, &now);
    live = now.idle + now.busy + now.coming;
    return live < min ? tw_team_grow(team, min - live) : 0;
}

int tw_threadpool_start(struct tw_threadpool *pool)
{
    size_t min, max;
    bool had_started, has_stopped;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_threadpool_start: needs a pool");
    tw__lock_acquire(&pool->lock);
    min = pool->locked.min;
    max = pool->locked.max;
    had_started = pool->locked.has_started;
    has_stopped = pool->locked.has_stopped;
    pool->locked.has_started = true;
    tw__lock_release(&pool->lock);
    if (has_stopped)
        return -ESHUTDOWN;
    return had_started ? 0 : apply_size(pool, min, max);
}

int tw_threadpool_stop(struct tw_threadpool *pool)
{
    bool had_stopped;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_threadpool_stop: needs a pool");
    if (tw_pool_is_own_thread(pool->pool))
        return tw__misuse(-EDEADLK,
                          "tw_threadpool_stop: a thread of the pool cannot wait for its own end");
    tw__lock_acquire(&pool->lock);
    had_stopped = pool->locked.has_stopped;
    pool->locked.has_stopped = true;
    tw__lock_release(&pool->lock);
    if (had_stopped)
        return -ESHUTDOWN;
    tw_pool_quit(pool->pool);
    return tw_pool_join(pool->pool, TW_FOREVER);
}

int tw_threadpool_adjust_pool_size(struct tw_threadpool *pool, size_t min, size_t max)
{
    bool is_running, has_stopped;
    if (!pool || min > max)
        return tw__misuse(-EINVAL, "tw_threadpool_adjust_pool_size: needs a pool, and min <= max");
    tw__lock_acquire(&pool->lock);
    has_stopped = pool->locked.has_stopped;
    is_running = pool->locked.has_started && !has_stopped;
    pool->locked.min = min;
    pool->locked.max = max;
    tw__lock_release(&pool->lock);
    if (has_stopped)
        return -ESHUTDOWN;
    return is_running ? apply_size(pool, min, max) : 0;
}

struct tw_worker *tw_threadpool_worker(struct tw_threadpool *pool)
{
    return pool ? tw_pool_worker(pool->pool) : NULL;
}

struct tw_team *tw_threadpool_team(struct tw_threadpool *pool)
{
    return pool ? tw_pool_team(pool->pool) : NULL;
}

/* --- jobs ------------------------------------------------------------------------------------- */

struct job {
    struct tw_task task;
    tw_call_fn function, on_result;
    void *arg, *on_result_arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference */
};

/* The callback is the user's and may block, so it belongs to the work: the thread is busy until it
 * has returned. */
static void job_fn(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    struct tw_result result = TW_RESULT_INIT;
    struct tw_context *before = tw__context_swap(job->context);
    if (status == 0)
        job->function(&result, job->arg);
    else
        tw_result_set_failure(&result, tw__failure_of_status(status));
    if (job->destroy)
        job->destroy(job->arg);
    if (job->on_result) {
        job->on_result(&result, job->on_result_arg);
        tw__result_done_reporting(&result, "the callback of a ThreadPool's job left a failure");
    } else if (status < 0) {
        tw_result_done(&result); /* dropped silently (TPL-013) */
    } else {
        tw__result_done_reporting(&result, "a ThreadPool's job failed, and has no callback");
    }
    tw__context_swap_back(before, job->context);
    tw__context_drop(job->context);
    tw__free(job);
}

static int send_job(struct tw_threadpool *pool, tw_call_fn on_result, void *on_result_arg,
                    tw_call_fn function, void *arg, tw_destroy_fn destroy)
{
    struct job *job = (struct job *)tw__malloc(sizeof *job);
    int rc;
    if (!job)
        return -ENOMEM;
    tw_task_init(&job->task, job_fn);
    job->function = function;
    job->on_result = on_result;
    job->arg = arg;
    job->on_result_arg = on_result_arg;
    job->destroy = destroy;
    job->context = tw__context_capture();
    rc = tw_pool_submit(pool->pool, &job->task);
    if (rc < 0) {
        tw__context_drop(job->context);
        tw__free(job);
    }
    return rc;
}

int tw_threadpool_call_in_thread(struct tw_threadpool *pool, tw_call_fn function, void *arg,
                                 tw_destroy_fn destroy)
{
    return tw_threadpool_call_in_thread_with_callback(pool, NULL, NULL, function, arg, destroy);
}

int tw_threadpool_call_in_thread_with_callback(struct tw_threadpool *pool, tw_call_fn on_result,
                                               void *on_result_arg, tw_call_fn function, void *arg,
                                               tw_destroy_fn destroy)
{
    int rc = pool && function
                 ? send_job(pool, on_result, on_result_arg, function, arg, destroy)
                 : tw__misuse(-EINVAL, "tw_threadpool_call_in_thread: needs a pool and a function");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}
