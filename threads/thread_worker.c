/*
 * The thread worker: an inbox, and a thread of the cache that empties it.
 *
 * It lives while somebody holds it or its thread works: each is one hold, and the last one frees
 * it. The thread ends when the inbox is closed and empty; as both are in one word, what was
 * accepted before the close has run.
 */
#include <twine/threads/thread_worker_internal.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/check_internal.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/search_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/inbox_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/worker_internal.h>

struct thread_worker {
    struct tw_worker base;
    struct tw__cache_job job;
    struct tw__inbox inbox;
    struct tw__park park;
    struct tw__search search;  /* the thread's own */
    struct tw_task *left;      /* the thread's own: taken from the inbox, still to run */
    bool has_overstayed;       /* the thread's own: its owner knows, and has let it stay */
    bool is_searching;         /* the thread's own: at its owner's, who counts on it */
    struct tw__fiber *native;  /* the thread's own stack */
    struct tw__fiber *home;    /* the same, while the loop waits there to be gone on with */
    struct tw__fiber *spare;   /* made for the next task that leaves its stack */
    atomic_int holds;          /* the users' one, and the thread's */
    atomic_bool is_delivering; /* set by its own thread */
    bool is_started;           /* only touched by the one first submit */
    const struct tw__thread_worker_hooks *hooks;
    void *owner;
};

static const struct tw_worker_ops thread_ops;
static _Thread_local struct thread_worker *current;

void *tw__thread_worker_current_owner(void)
{
    return current ? current->owner : NULL;
}

atomic_bool *tw__thread_worker_delivers(struct tw_worker *worker)
{
    return current && &current->base == worker ? &current->is_delivering : NULL;
}

bool *tw__thread_worker_searches(struct tw_worker *worker)
{
    bool may = current && &current->base == worker && current->hooks && !current->is_searching &&
               tw__search_pays(&current->search);
    return may ? &current->is_searching : NULL;
}

bool tw__thread_worker_is_delivering(struct tw_worker *worker)
{
    return atomic_load_explicit(&((struct thread_worker *)worker)->is_delivering,
                                memory_order_acquire);
}

static void drop_hold(struct thread_worker *own)
{
    if (atomic_fetch_sub(&own->holds, 1) != 1)
        return;
    if (!own->is_started && own->hooks)
        own->hooks->ended(own->owner);
    tw__park_done(&own->park);
    tw__free(own);
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool has_news(void *worker)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    return tw__inbox_has_tasks(&own->inbox) || tw__inbox_is_closed(&own->inbox) ||
           (own->is_searching && own->hooks->has_news(own->owner));
}

/* It may be that it has begun before. */
static void begin_search(struct thread_worker *own)
{
    if (own->hooks && !own->is_searching && !own->has_overstayed && tw__search_pays(&own->search))
        own->is_searching = own->hooks->begin_search(own->owner);
}

/* Nobody counts on it any more. And if it is about to sleep, on nobody else either: another may have
 * begun, and be kept from looking, while this one could be woken. */
static struct tw_task *end_search(struct thread_worker *own, bool is_to_sleep)
{
    if (!own->is_searching && !(is_to_sleep && own->hooks))
        return NULL;
    own->is_searching = false;
    return own->hooks->end_search(own->owner);
}

static void sleep_on(struct thread_worker *own)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = TW_NEVER;
    if (own->hooks && !own->has_overstayed)
        deadline = own->hooks->idles_until(own->owner, &clock);
    tw__park_wait(&own->park, clock, deadline);
    if (deadline == TW_NEVER || tw_clock_now(clock) < deadline)
        return;
    own->has_overstayed = true;
    own->hooks->has_overstayed(own->owner);
}

/* The next task, unlinked; it may be long in coming. NULL: the inbox is closed, and empty; or a task
 * has come back in a child that it forked, and the rest is the parent's. */
static struct tw_task *next_task(struct thread_worker *own)
{
    struct tw_task *task = own->left, *elsewhere;
    bool has_found;
    if (tw__worker_is_inherited(&own->base))
        return NULL;
    while (!task && !(task = tw__inbox_take(&own->inbox)) && !tw__inbox_is_over(&own->inbox)) {
        begin_search(own);
        has_found = tw__search(&own->search, has_news, own);
        task = end_search(own, !has_found);
        if (!task && !has_found && tw__inbox_sleep(&own->inbox))
            sleep_on(own);
    }
    /* One that has begun before, if the task came by our own inbox: who is sent something there is not
     * idle any more. */
    elsewhere = end_search(own, false);
    TW__CHECK(!elsewhere);
    (void)elsewhere;
    if (!task)
        return NULL;
    own->has_overstayed = false;
    own->left = task->_next; /* the task is gone once fn is entered */
    task->_next = NULL;
    return task;
}

static void run_all(struct thread_worker *own)
{
    struct tw_task *task;
    while ((task = next_task(own)))
        task->fn(task, tw__task_take(task));
}

static void give_up_all(struct thread_worker *own, int why)
{
    struct tw_task *task;
    while ((task = next_task(own))) {
        int taken = tw__task_take(task);
        task->fn(task, taken < 0 ? taken : why);
    }
}

static void run_on_thread(struct tw__cache_job *job)
{
    struct thread_worker *own = TW_CONTAINER(job, struct thread_worker, job);
    struct tw__frame frame;
    int rc;
    current = own;
    own->native = tw__fiber_self();
    tw__frame_push(&frame, TW__FRAME_WORKER, &own->base);
    rc = own->hooks ? own->hooks->begin(own->owner) : 0;
    if (rc < 0) {
        give_up_all(own, rc);
    } else {
        run_all(own);
        if (own->hooks && !tw__worker_is_inherited(&own->base))
            own->hooks->finish(own->owner);
    }
    tw__frame_pop(&frame);
    if (own->spare)
        tw__fiber_free(own->spare);
    current = NULL;
}

/* --- other stacks ----------------------------------------------------------------------------- */

/*
 * A task that leaves its stack stays there, and the loop with it, in the middle of calling it. So
 * the loop goes on on another stack, from its top. When the task is resumed the loop that was at its
 * top is given up with its stack, and the one below the task takes over. Only the thread's own
 * stack cannot be given up: a loop at its top there waits, as home, and others go back to it as soon
 * as they are at theirs. So at most one stack is at the top of the loop and not home, and when no
 * task waits any more it is the thread's own.
 */

static struct tw__fiber *take(struct tw__fiber **place)
{
    struct tw__fiber *fiber = *place;
    *place = NULL;
    return fiber;
}

static void loop_elsewhere(void *arg)
{
    struct thread_worker *own = (struct thread_worker *)arg;
    struct tw_task *task;
    while (!own->home) {
        task = next_task(own);
        if (tw__worker_is_inherited(&own->base)) /* a child: its own stack is in a task for ever */
            pthread_exit(NULL);
        TW__CHECK(task); /* it is not quit while tasks wait */
        task->fn(task, tw__task_take(task));
    }
    tw__fiber_exit(take(&own->home));
}

bool tw__thread_worker_is(const struct tw_worker *worker)
{
    return worker->_ops == &thread_ops;
}

int tw__thread_worker_prepare(struct tw_worker *worker)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    TW__CHECK(current == own);
    if (own->home || own->spare)
        return 0;
    return tw__fiber_new(own->job.stack_size, loop_elsewhere, own, &own->spare);
}

void tw__thread_worker_suspend(struct tw_worker *worker, struct tw_task *first)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    if (first) {
        first->_next = own->left;
        own->left = first;
    }
    tw__fiber_switch(own->home ? take(&own->home) : take(&own->spare));
}

void tw__thread_worker_resume(struct tw_worker *worker, struct tw__fiber *fiber)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    if (tw__fiber_self() != own->native)
        tw__fiber_exit(fiber);
    own->home = own->native; /* cleared by whoever comes back to it */
    tw__fiber_switch(fiber);
}

struct tw_task *tw__thread_worker_poll(struct tw_worker *worker)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    struct tw_task *task = own->left ? own->left : tw__inbox_take(&own->inbox);
    if (task) {
        own->left = task->_next;
        task->_next = NULL;
        tw__task_take(task);
    }
    return task;
}

static void leave_thread(struct tw__cache_job *job)
{
    struct thread_worker *own = TW_CONTAINER(job, struct thread_worker, job);
    if (own->hooks)
        own->hooks->ended(own->owner);
    drop_hold(own);
}

/* --- the worker ------------------------------------------------------------------------------- */

static int start_thread(struct thread_worker *own)
{
    int rc;
    own->is_started = true;
    atomic_fetch_add(&own->holds, 1);
    rc = tw__thread_cache_start(&own->job);
    if (rc < 0) {
        own->is_started = false;
        atomic_fetch_sub(&own->holds, 1);
    }
    return rc;
}

/* The task is in the inbox when the thread starts, so that it need not sleep first. */
static int submit_first(struct thread_worker *own, struct tw_task *task)
{
    int rc = tw__inbox_push(&own->inbox, task);
    if (rc >= 0) {
        rc = start_thread(own);
        if (rc < 0)
            tw__inbox_take(&own->inbox);
    }
    return rc < 0 ? tw__task_refused(task, rc) : 0;
}

static int thread_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    int rc;
    tw_task_accept(task, worker);
    if (!own->is_started)
        return submit_first(own, task);
    rc = tw__inbox_push(&own->inbox, task);
    if (rc > 0)
        tw__park_wake(&own->park);
    return rc < 0 ? tw__task_refused(task, rc) : 0;
}

static int thread_quit(struct tw_worker *worker)
{
    struct thread_worker *own = (struct thread_worker *)worker;
    int rc = tw__inbox_close(&own->inbox);
    if (rc > 0)
        tw__park_wake(&own->park);
    return rc < 0 ? rc : 0;
}

static void thread_last_unref(struct tw_worker *worker)
{
    thread_quit(worker);
    drop_hold((struct thread_worker *)worker);
}

static const struct tw_worker_ops thread_ops = {
    sizeof thread_ops,    "thread worker",        TW_WORKER_EXCLUSIVE,
    thread_submit,        tw_worker_cancel_claim, thread_quit,
    tw_worker_enter_none, tw_worker_leave_none,   thread_last_unref};

int tw__thread_worker_new(const struct tw__thread_worker_plan *plan, struct tw_worker **ret_worker)
{
    struct thread_worker *own = (struct thread_worker *)tw__zalloc(sizeof *own);
    if (!own)
        return -ENOMEM;
    tw_worker_init(&own->base, &thread_ops);
    tw__inbox_init(&own->inbox);
    tw__park_init(&own->park);
    atomic_init(&own->holds, 1);
    own->job.run = run_on_thread;
    own->job.deliver = leave_thread;
    own->job.stack_size = plan->stack_size;
    memcpy(own->job.name, plan->name, sizeof own->job.name);
    own->hooks = plan->hooks;
    own->owner = plan->owner;
    *ret_worker = &own->base;
    return 0;
}

int tw_thread_worker_new(const struct tw_thread_worker_options *options,
                         struct tw_worker **ret_worker)
{
    struct tw__thread_worker_plan plan;
    struct tw_worker *worker = NULL;
    int rc;
    if (!ret_worker || (options && options->size != sizeof *options))
        return tw__misuse(-EINVAL, "tw_thread_worker_new: needs ret_worker, and options of the "
                                   "size this library knows");
    memset(&plan, 0, sizeof plan);
    plan.stack_size = options ? options->stack_size : 0;
    snprintf(plan.name, sizeof plan.name, "%s", options && options->name ? options->name : "twine");
    rc = tw__thread_worker_new(&plan, &worker);
    if (rc >= 0)
        rc = start_thread((struct thread_worker *)worker);
    if (rc >= 0)
        *ret_worker = worker;
    else
        tw_worker_unref(worker);
    return rc;
}
