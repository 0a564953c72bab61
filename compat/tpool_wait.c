/*
 * Waiting for the first of several jobs while a loop turns: the first that is done sends a task home
 * to the loop, which fires a Deferred. For that one turns the loop, or a coroutine awaits it.
 *
 * The block may outlive the wait: when the loop breaks down, that task is still on its way. It has
 * two holds, the wait's and the task's.
 */
#include <twine/compat/tpool_wait_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/deferred/coroutine_internal.h>
#include <twine/deferred/from_thread.h>
#include <twine/threads/future_internal.h>

struct first {
    struct tw_task task;
    struct tw__away away;
    struct tw_worker *mailbox; /* a reference */
    struct tw_source *source;  /* the loop's; NULL once the wait is over */
    atomic_int holds;
    atomic_bool is_sent;
    bool was_left; /* the reactor has ended without us */
    size_t count;
    struct entry {
        struct tw__waiter base;
        struct first *first;
    } entries[];
};

static void drop_hold(struct first *first)
{
    if (atomic_fetch_sub(&first->holds, 1) != 1)
        return;
    tw_worker_unref(first->mailbox);
    tw__free(first);
}

/* Under the future's lock: the wait, which would let go, has to come by here before. */
static bool is_done(struct tw__waiter *waiter, struct tw_future *future)
{
    struct first *first = ((struct entry *)waiter)->first;
    (void)future;
    if (atomic_exchange(&first->is_sent, true))
        return false;
    atomic_fetch_add(&first->holds, 1);
    return true;
}

static void send_home(struct tw__waiter *waiter, struct tw_future *future)
{
    struct first *first = ((struct entry *)waiter)->first;
    (void)future;
    if (tw_worker_submit(first->mailbox, &first->task) < 0)
        drop_hold(first);
}

/* On the loop's thread; also when the wait itself has come to its end. */
static void fire(struct first *first)
{
    if (first->source)
        tw_source_callback(first->source, NULL, NULL);
    first->source = tw_source_unref(first->source);
}

static void come_home(struct tw_task *task, int status)
{
    struct first *first = TW_CONTAINER(task, struct first, task);
    (void)status;
    fire(first);
    drop_hold(first);
}

static void left_behind(struct tw__away *away)
{
    TW_CONTAINER(away, struct first, away)->was_left = true;
}

static struct first *make(struct tw_reactor *reactor, size_t count)
{
    struct first *first =
        (struct first *)tw__zalloc(sizeof *first + count * sizeof first->entries[0]);
    size_t i;
    if (!first)
        return NULL;
    tw_task_init(&first->task, come_home);
    first->away.left_behind = left_behind;
    first->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    atomic_init(&first->holds, 1);
    atomic_init(&first->is_sent, false);
    first->count = count;
    for (i = 0; i < count; i++) {
        first->entries[i].first = first;
        first->entries[i].base.is_done = is_done;
        first->entries[i].base.afterwards = send_home;
    }
    return first;
}

struct tw_reactor *tw__tpool_awaits_on(struct tw_reactor *reactor)
{
    const struct tw__coroutine *coroutine = tw__here.coroutine;
    struct tw_reactor *own;
    if (!coroutine || tw__here.frame != coroutine->frame)
        return NULL; /* a callback on a coroutine's stack is one like any other */
    own = tw__coroutine_reactor(coroutine);
    return own ? own : reactor;
}

/* Whoever cancels the coroutine, or stops the reactor, cancels what it waits for. */
static int await(struct tw_deferred *deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    int rc = tw_await(deferred, &result);
    if (rc >= 0 && tw_result_is_failure(&result))
        rc = -ECANCELED;
    tw_result_done(&result);
    return rc;
}

/* While it is out the loop is kept alive, and a shutdown waits for it. */
static int turn(struct first *first, struct tw_reactor *reactor, struct tw_deferred *deferred)
{
    int rc;
    tw__reactor_goes_out(reactor, &first->away);
    rc = tw__tpool_awaits_on(reactor) ? await(deferred) : tw_reactor_wait(reactor, deferred, NULL);
    if (!first->was_left)
        tw__reactor_is_home(reactor, &first->away);
    return rc;
}

static int wait_for(struct first *first, struct tw_reactor *reactor,
                    struct tw_future *const *futures)
{
    struct tw_deferred *deferred;
    bool is_there = false;
    size_t added = 0;
    int rc = tw_deferred_new(NULL, NULL, NULL, &first->source, &deferred);
    if (rc < 0)
        return rc;
    for (; added < first->count && !is_there; added++)
        is_there = !tw__future_add_waiter(futures[added], &first->entries[added].base);
    if (!is_there)
        rc = turn(first, reactor, deferred);
    while (added-- > 0)
        tw__future_remove_waiter(futures[added], &first->entries[added].base);
    fire(first); /* nobody waits for it: it is not abandoned */
    tw_deferred_unref(deferred);
    return rc;
}

int tw__tpool_serve(struct tw_reactor *reactor, struct tw_future *const *futures, size_t count)
{
    struct first *first = make(reactor, count);
    int rc;
    if (!first)
        return -ENOMEM;
    rc = wait_for(first, reactor, futures);
    drop_hold(first);
    return rc;
}
