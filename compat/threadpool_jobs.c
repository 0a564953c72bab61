/*
 * The ThreadPool shim's jobs: a function, and perhaps a callback for its result on the same thread.
 */
#include <twine/compat/threadpool_internal.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>
#include <twine/threads/worker_internal.h>

struct job {
    struct tw_task task;
    struct tw_worker *worker; /* borrowed: it has not ended while the job is there */
    tw_call_fn function, on_result;
    void *arg, *on_result_arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference */
};

static void run(struct job *job, int status, struct tw_result *result)
{
    if (status == 0)
        job->function(result, job->arg);
    else
        tw_result_set_failure(result, tw__failure_of_status(status));
}

/* The callback is the user's and may block, so it belongs to the work: the thread is busy until it
 * has returned. */
static void hand_over(struct job *job, int status, struct tw_result *result)
{
    if (job->on_result) {
        job->on_result(result, job->on_result_arg);
        tw__result_done_reporting(result, "the callback of a ThreadPool's job left a failure");
    } else if (status < 0) {
        tw_result_done(result); /* dropped silently (TPL-013) */
    } else {
        tw__result_done_reporting(result, "a ThreadPool's job failed, and has no callback");
    }
}

static void job_fn(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    struct tw_result result = TW_RESULT_INIT;
    struct tw_context *before = tw__context_swap(job->context);
    run(job, status, &result);
    if (tw__worker_is_inherited(job->worker))
        return; /* in a child that the function has forked, and comes back from */
    if (job->destroy)
        job->destroy(job->arg);
    hand_over(job, status, &result);
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
    job->worker = tw_threadpool_worker(pool);
    job->function = function;
    job->on_result = on_result;
    job->arg = arg;
    job->on_result_arg = on_result_arg;
    job->destroy = destroy;
    job->context = tw__context_capture();
    rc = tw_worker_submit(job->worker, &job->task);
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
