/*
 * Work on a thread of its own: one block that is the thread cache's job, and holds the result.
 *
 * The argument is destroyed by the job's run, so before the thread counts as idle; the delivery
 * comes after that.
 */
#include <twine/threads/thread_cache_internal.h>

#include <errno.h>
#include <stdio.h>
#include <twine/base/context_internal.h>
#include <twine/base/fork_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

struct soon {
    struct tw__cache_job job;
    tw_call_fn work, deliver;
    void *arg, *deliver_arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference */
    struct tw_result result;
};

static void soon_run(struct tw__cache_job *job)
{
    struct soon *soon = (struct soon *)job;
    struct tw_context *before = tw__context_swap(soon->context);
    unsigned epoch = tw__fork_epoch();
    soon->work(&soon->result, soon->arg);
    if (soon->destroy && epoch == tw__fork_epoch()) /* in a child the argument is the parent's */
        soon->destroy(soon->arg);
    tw__context_swap_back(before, soon->context);
}

static void soon_deliver(struct tw__cache_job *job)
{
    struct soon *soon = (struct soon *)job;
    struct tw_context *before = tw__context_swap(soon->context);
    if (soon->deliver) {
        soon->deliver(&soon->result, soon->deliver_arg);
        tw_result_done(&soon->result);
    } else {
        tw__result_done_reporting(&soon->result,
                                  "work of tw_start_thread_soon failed, and nobody takes delivery");
    }
    tw__context_swap_back(before, soon->context);
    tw__context_drop(soon->context);
    tw__free(soon);
}

static const struct tw_start_thread_options defaults = {sizeof defaults, NULL, 0};

static void soon_init(struct soon *soon, const struct tw_start_thread_options *options)
{
    soon->job.run = soon_run;
    soon->job.deliver = soon_deliver;
    soon->job.stack_size = options->stack_size;
    snprintf(soon->job.name, sizeof soon->job.name, "%s",
             options->label ? options->label : "twine soon");
}

/* The work comes in a block on the caller's stack. */
static int soon_start(const struct soon *plan, const struct tw_start_thread_options *options)
{
    struct soon *soon;
    int rc;
    if (!plan->work || options->size != sizeof *options)
        return tw__misuse(-EINVAL, "tw_start_thread_soon: needs work, and options of the size this "
                                   "library knows");
    soon = (struct soon *)tw__malloc(sizeof *soon);
    if (!soon)
        return -ENOMEM;
    *soon = *plan;
    soon_init(soon, options);
    soon->context = tw__context_capture();
    rc = tw__thread_cache_start(&soon->job);
    if (rc < 0) {
        tw__context_drop(soon->context);
        tw__free(soon);
    }
    return rc;
}

int tw_start_thread_soon(tw_call_fn work, void *arg, tw_destroy_fn destroy, tw_call_fn deliver,
                         void *deliver_arg, const struct tw_start_thread_options *options)
{
    struct soon plan = {.work = work,
                        .arg = arg,
                        .destroy = destroy,
                        .deliver = deliver,
                        .deliver_arg = deliver_arg};
    int rc = soon_start(&plan, options ? options : &defaults);
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}
