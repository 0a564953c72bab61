/*
 * A kind of worker of a user's own, and the suite that every kind passes.
 *
 * It performs each task in submit, or when the task that runs there is over: a queue and a flag,
 * for one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <twine/test/worker_conformance.h>
#include <twine/threads/worker_ops.h>

#define MOST 1024

struct own_worker {
    struct tw_worker base;
    struct tw_task *tasks[MOST];
    size_t first, count;
    int has_quit, is_busy, is_unwanted;
};

static int own_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct own_worker *own = (struct own_worker *)worker;
    if (own->has_quit)
        return -ESHUTDOWN;
    if (own->count == MOST)
        return -EAGAIN;
    tw_task_accept(task, worker);
    own->tasks[(own->first + own->count++) % MOST] = task;
    if (own->is_busy)
        return 0;
    own->is_busy = 1;
    while (own->count > 0) {
        task = own->tasks[own->first];
        own->first = (own->first + 1) % MOST;
        own->count--;
        task->fn(task, tw_task_take(task));
    }
    own->is_busy = 0;
    if (own->is_unwanted)
        free(own);
    return 0;
}

static int own_quit(struct tw_worker *worker)
{
    struct own_worker *own = (struct own_worker *)worker;
    int had_quit = own->has_quit;
    own->has_quit = 1;
    return had_quit ? -ESHUTDOWN : 0;
}

static void own_last_unref(struct tw_worker *worker)
{
    struct own_worker *own = (struct own_worker *)worker;
    if (own->is_busy)
        own->is_unwanted = 1;
    else
        free(own);
}

static const struct tw_worker_ops own_ops = {sizeof(struct tw_worker_ops),
                                             "own worker",
                                             TW_WORKER_EXCLUSIVE,
                                             own_submit,
                                             tw_worker_cancel_claim,
                                             own_quit,
                                             tw_worker_enter_none,
                                             tw_worker_leave_none,
                                             own_last_unref};

static int make(void *arg, struct tw_worker **ret_worker)
{
    struct own_worker *own = (struct own_worker *)calloc(1, sizeof *own);
    (void)arg;
    if (!own)
        return -ENOMEM;
    tw_worker_init(&own->base, &own_ops);
    *ret_worker = &own->base;
    return 0;
}

static void print(void *arg, const char *check, const char *wrong)
{
    (void)arg;
    printf("%s: %s\n", check, wrong ? wrong : "kept");
}

int main(void)
{
    struct tw_worker_conformance_kind kind = {0};
    kind.size = sizeof kind;
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.make = make;
    return tw_worker_conformance(&kind, print, NULL) != 0;
}
