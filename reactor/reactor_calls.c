/*
 * A reactor's own pool, and calls in its threads.
 */
#include <twine/reactor/calls_from_threads_internal.h>
#include <twine/reactor/reactor_internal.h>

#include <errno.h>
#include <string.h>
#include <twine/base/context_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

/* --- the pool --------------------------------------------------------------------------------- */

int tw_reactor_get_thread_pool(struct tw_reactor *reactor, struct tw_pool **ret_pool)
{
    struct tw_pool_options options = {.size = sizeof options, .name = "reactor"};
    struct tw__reactor_common *common;
    int rc = 0;
    if (!reactor || !ret_pool)
        return tw__misuse(-EINVAL, "tw_reactor_get_thread_pool: needs a reactor and ret_pool");
    common = reactor->_common;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (common->state >= REACTOR_ENDING)
        return -ESHUTDOWN;
    if (!common->pool)
        rc = tw_pool_new(common->is_pool_started ? common->pool_size : 0, &options, &common->pool);
    if (rc >= 0)
        *ret_pool = common->pool;
    return rc;
}

int tw_reactor_set_thread_pool(struct tw_reactor *reactor, struct tw_pool *pool)
{
    struct tw__reactor_common *common;
    if (!reactor || !pool)
        return tw__misuse(-EINVAL, "tw_reactor_set_thread_pool: needs a reactor and a pool");
    common = reactor->_common;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (common->state >= REACTOR_ENDING)
        return -ESHUTDOWN;
    if (common->pool)
        return -EBUSY;
    common->pool = tw_pool_ref(pool);
    common->is_pool_given = true;
    return 0;
}

int tw_reactor_suggest_thread_pool_size(struct tw_reactor *reactor, size_t size)
{
    struct tw_pool *pool = NULL;
    int rc = reactor ? tw_reactor_get_thread_pool(reactor, &pool)
                     : tw__misuse(-EINVAL, "tw_reactor_suggest_thread_pool_size: needs a reactor");
    if (rc < 0)
        return rc;
    if (size < tw_pool_minimum(pool))
        return tw__misuse(-EINVAL,
                          "tw_reactor_suggest_thread_pool_size: not below the minimum of the pool");
    if (reactor->_common->is_pool_started || reactor->_common->is_pool_given)
        rc = tw_pool_set_limit(pool, size);
    if (rc >= 0)
        reactor->_common->pool_size = size;
    return rc;
}

/* --- calls in a thread ------------------------------------------------------------------------ */

struct job {
    struct tw_task task;
    struct tw__away away;       /* the loop's: it is out until it comes home, if only to say so */
    struct tw_reactor *reactor; /* the loop's; NULL when it was left behind */
    struct tw_worker *mailbox;  /* a reference */
    struct tw_context *context; /* a reference, until the work is over */
    size_t count;
    struct tw_call calls[];
};

static void free_job(struct job *job)
{
    tw_worker_unref(job->mailbox);
    tw__free(job);
}

static void job_home(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    (void)status;
    if (job->reactor)
        tw__reactor_is_home(job->reactor, &job->away);
    free_job(job);
}

static void job_left_behind(struct tw__away *away)
{
    TW_CONTAINER(away, struct job, away)->reactor = NULL;
}

static void destroy_args(const struct tw_call *calls, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (calls[i].destroy)
            calls[i].destroy(calls[i].arg);
}

/* One after the other, until one fails (THR-010). */
static void run_calls(struct tw_result *result, const struct tw_call *calls, size_t count)
{
    size_t i;
    for (i = 0; i < count && tw_result_is_ok(result); i++) {
        tw_result_done(result);
        calls[i].work(result, calls[i].arg);
        destroy_args(&calls[i], 1);
    }
    destroy_args(calls + i, count - i);
}

static void job_fn(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    struct tw_result result = TW_RESULT_INIT;
    struct tw_context *before = tw__context_swap(job->context);
    if (status == 0)
        run_calls(&result, job->calls, job->count);
    else
        destroy_args(job->calls, job->count);
    tw__context_swap_back(before, job->context);
    tw__context_drop(job->context);
    tw__result_done_reporting(&result, "work of tw_reactor_call_in_thread failed");
    if (tw__task_send_home(job->mailbox, task, job_home) < 0)
        free_job(job);
}

static struct job *new_job(struct tw_reactor *reactor, const struct tw_call *calls, size_t count)
{
    struct job *job = (struct job *)tw__zalloc(sizeof *job + count * sizeof *calls);
    if (!job)
        return NULL;
    tw_task_init(&job->task, job_fn);
    job->away.left_behind = job_left_behind;
    job->reactor = reactor;
    job->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    job->count = count;
    memcpy(job->calls, calls, count * sizeof *calls);
    job->context = tw__context_capture();
    return job;
}

static int send_job(struct tw_reactor *reactor, const struct tw_call *calls, size_t count)
{
    struct tw_pool *pool = NULL;
    struct job *job;
    int rc = tw_reactor_get_thread_pool(reactor, &pool);
    if (rc < 0)
        return rc;
    job = new_job(reactor, calls, count);
    if (!job)
        return -ENOMEM;
    tw__reactor_goes_out(reactor, &job->away); /* before it can come home */
    rc = tw_pool_submit(pool, &job->task);
    if (rc < 0) {
        tw__reactor_is_home(reactor, &job->away);
        tw__context_drop(job->context);
        free_job(job);
    }
    return rc;
}

int tw_reactor_call_in_thread(struct tw_reactor *reactor, tw_call_fn work, void *arg,
                              tw_destroy_fn destroy)
{
    struct tw_call call = {work, arg, destroy};
    int rc = reactor && work
                 ? send_job(reactor, &call, 1)
                 : tw__misuse(-EINVAL, "tw_reactor_call_in_thread: needs a reactor and work");
    if (rc < 0)
        destroy_args(&call, 1);
    return rc;
}

static bool have_work(const struct tw_call *calls, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (!calls[i].work)
            return false;
    return true;
}

int tw_reactor_call_multiple_in_thread(struct tw_reactor *reactor, const struct tw_call *calls,
                                       size_t count)
{
    int rc = reactor && (calls || !count) && have_work(calls, count)
                 ? 0
                 : tw__misuse(-EINVAL, "tw_reactor_call_multiple_in_thread: needs a reactor, and "
                                       "work in each call");
    if (rc >= 0 && count > 0)
        rc = send_job(reactor, calls, count);
    if (rc < 0 && calls)
        destroy_args(calls, count);
    return rc;
}
