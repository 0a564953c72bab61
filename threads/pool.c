/*
 * The pool: what makes workers for a team, and how many; and the word when all of it is over.
 *
 * The team asks for workers inside its coordinator, so "fewer than the limit" is decided there and
 * never exceeded. A thread counts from the moment its worker is made until it has gone back to the
 * cache. The pool has ended when its team will make no more, and no thread is left: only then has
 * the last delivery returned.
 */
#include <twine/threads/pool.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/processors_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/lock_worker.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/task_queue_internal.h>
#include <twine/threads/thread_worker_internal.h>
#include <twine/threads/worker_ops.h>

struct tw_pool {
    struct tw_worker base;
    struct tw_team *team; /* fixed, a reference */
    _Atomic(size_t) limit;
    atomic_int holds;                /* the users' one, and one until the end */
    atomic_uint next_number;         /* of a thread's name */
    size_t stack_size;               /* fixed */
    char name[TW__THREAD_NAME_SIZE]; /* fixed */
    struct tw__lock lock;
    struct {
        size_t threads;
        bool team_has_ended, has_ended;
        struct tw__task_queue waiters; /* without a worker to be told on, fn is called at once */
    } locked;
};

static void drop_hold(struct tw_pool *pool)
{
    if (atomic_fetch_sub(&pool->holds, 1) != 1)
        return;
    tw_team_unref(pool->team);
    tw__lock_done(&pool->lock);
    tw__free(pool);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void tell(struct tw_task *task, struct tw_worker *worker)
{
    int rc;
    if (!worker) {
        task->fn(task, 0);
        return;
    }
    rc = tw_worker_submit(worker, task);
    if (rc < 0)
        task->fn(task, rc);
    tw_worker_unref(worker);
}

static void tell_all(struct tw__task_queue *waiters)
{
    struct tw_task *task;
    while ((task = tw__task_queue_pop(waiters))) {
        uintptr_t claim = (uintptr_t)task->_claim;
        struct tw_worker *worker = (struct tw_worker *)(claim & ~TW__CLAIM_TOLD_ON);
        task->_claim = NULL;
        tell(task, worker);
    }
}

/* A thread has gone, or the team will make no more. Whoever makes both true tells everybody. */
static void count_out(struct tw_pool *pool, size_t threads, bool team_has_ended)
{
    struct tw__task_queue waiters;
    bool is_the_end;
    tw__task_queue_init(&waiters);
    tw__lock_acquire(&pool->lock);
    pool->locked.threads -= threads;
    pool->locked.team_has_ended |= team_has_ended;
    is_the_end = pool->locked.team_has_ended && pool->locked.threads == 0;
    if (is_the_end) {
        pool->locked.has_ended = true;
        tw__task_queue_move(&pool->locked.waiters, &waiters);
    }
    tw__lock_release(&pool->lock);
    if (is_the_end) {
        tell_all(&waiters);
        drop_hold(pool);
    }
}

static void thread_has_gone(void *pool)
{
    count_out((struct tw_pool *)pool, 1, false);
}

static void team_has_ended(void *pool)
{
    count_out((struct tw_pool *)pool, 0, true);
}

/* --- making workers --------------------------------------------------------------------------- */

static int create_worker(void *arg, size_t live, struct tw_worker **ret_worker)
{
    struct tw_pool *pool = (struct tw_pool *)arg;
    struct tw__thread_worker_plan plan;
    int rc;
    if (live >= atomic_load_explicit(&pool->limit, memory_order_relaxed))
        return TW_CREATED_NONE;
    snprintf(plan.name, sizeof plan.name, "%.10s-%u", pool->name,
             atomic_fetch_add(&pool->next_number, 1) % 10000);
    plan.stack_size = pool->stack_size;
    plan.ended = thread_has_gone;
    plan.owner = pool;
    rc = tw__thread_worker_new(&plan, ret_worker);
    if (rc < 0)
        return rc;
    tw__lock_acquire(&pool->lock);
    pool->locked.threads++;
    tw__lock_release(&pool->lock);
    return TW_CREATED_COMING;
}

/* For work that mostly waits: a few more than the processors we may run on. */
static size_t limit_of(size_t limit)
{
    return limit == TW_POOL_LIMIT_DEFAULT ? tw__processors() + 4 : limit;
}

/* --- the operations --------------------------------------------------------------------------- */

int tw_pool_submit(struct tw_pool *pool, struct tw_task *task)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_submit: needs a pool");
    return tw_team_submit(pool->team, task);
}

int tw_pool_submit_many(struct tw_pool *pool, struct tw_task *const *tasks, size_t count)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_submit_many: needs a pool");
    return tw_team_submit_many(pool->team, tasks, count);
}

int tw_pool_cancel(struct tw_pool *pool, struct tw_task *task)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_cancel: needs a pool");
    return tw_team_cancel(pool->team, task);
}

int tw_pool_quit(struct tw_pool *pool)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_quit: needs a pool");
    return tw_team_quit(pool->team);
}

size_t tw_pool_limit(struct tw_pool *pool)
{
    return pool ? atomic_load(&pool->limit) : 0;
}

int tw_pool_set_limit(struct tw_pool *pool, size_t limit)
{
    int rc;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_set_limit: needs a pool");
    if (tw_team_has_quit(pool->team))
        return -ESHUTDOWN;
    atomic_store(&pool->limit, limit_of(limit)); /* no more than that are made from now on */
    do { /* until the last one set is the one that holds, whoever sets it */
        limit = atomic_load(&pool->limit);
        rc = tw_team_shrink_to(pool->team, limit);
    } while (rc >= 0 && limit != atomic_load(&pool->limit));
    return rc;
}

/* --- waiting for the end ---------------------------------------------------------------------- */

/* Adds a waiter. false: it has ended already. */
static bool add_waiter(struct tw_pool *pool, struct tw_worker *worker, struct tw_task *task)
{
    bool has_ended;
    tw__lock_acquire(&pool->lock);
    has_ended = pool->locked.has_ended;
    if (!has_ended) {
        /* Tagged, so that it does not look accepted by that worker, and no cancel claims it. */
        task->_claim = (void *)((uintptr_t)tw_worker_ref(worker) | TW__CLAIM_TOLD_ON);
        tw__task_queue_append(&pool->locked.waiters, task);
    }
    tw__lock_release(&pool->lock);
    return !has_ended;
}

/* false: it is being told right now. */
static bool remove_waiter(struct tw_pool *pool, struct tw_task *task)
{
    bool was_there;
    tw__lock_acquire(&pool->lock);
    was_there = !pool->locked.has_ended; /* at the end all are taken out to be told */
    if (was_there)
        tw__task_unlink(task);
    tw__lock_release(&pool->lock);
    return was_there;
}

bool tw_pool_is_own_thread(const struct tw_pool *pool)
{
    return pool && tw__thread_worker_current_owner() == pool;
}

struct joiner {
    struct tw_task task;
    struct tw__park park;
};

static void wake_joiner(struct tw_task *task, int status)
{
    (void)status;
    tw__park_wake(&((struct joiner *)task)->park);
}

int tw_pool_join(struct tw_pool *pool, int64_t timeout)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    struct joiner joiner;
    int rc = 0;
    if (!pool || !tw_team_has_quit(pool->team))
        return tw__misuse(-EINVAL, "tw_pool_join: needs a pool that has quit");
    if (tw_pool_is_own_thread(pool))
        return tw__misuse(-EDEADLK,
                          "tw_pool_join: a thread of the pool cannot wait for its own end");
    tw_task_init(&joiner.task, wake_joiner);
    tw__park_init(&joiner.park);
    if (add_waiter(pool, NULL, &joiner.task) && !tw__park_wait(&joiner.park, clock, deadline)) {
        if (remove_waiter(pool, &joiner.task))
            rc = -ETIMEDOUT;
        else
            tw__park_wait(&joiner.park, clock, TW_NEVER);
    }
    tw__park_done(&joiner.park);
    return rc;
}

int tw_pool_notify_end(struct tw_pool *pool, struct tw_worker *worker, struct tw_task *task)
{
    if (!pool || !worker || !task || !task->fn || tw__task_is_taken(task))
        return tw__misuse(-EINVAL, "tw_pool_notify_end: needs a pool, a worker and a task with an "
                                   "fn that is not submitted already");
    if (!add_waiter(pool, worker, task))
        tell(task, tw_worker_ref(worker));
    return 0;
}

/* --- the pool as a worker --------------------------------------------------------------------- */

static int submit_op(struct tw_worker *worker, struct tw_task *task)
{
    return tw_team_submit(((struct tw_pool *)worker)->team, task);
}

static int cancel_op(struct tw_worker *worker, struct tw_task *task)
{
    return tw_team_cancel(((struct tw_pool *)worker)->team, task);
}

static int quit_op(struct tw_worker *worker)
{
    return tw_pool_quit((struct tw_pool *)worker);
}

static void last_unref_op(struct tw_worker *worker)
{
    tw_pool_quit((struct tw_pool *)worker);
    drop_hold((struct tw_pool *)worker);
}

static const struct tw_worker_ops pool_ops = {
    sizeof pool_ops,      "pool",       0, submit_op, cancel_op, quit_op, tw_worker_enter_none,
    tw_worker_leave_none, last_unref_op};

struct tw_worker *tw_pool_worker(struct tw_pool *pool)
{
    return pool ? &pool->base : NULL;
}

struct tw_team *tw_pool_team(struct tw_pool *pool)
{
    return pool ? pool->team : NULL;
}

struct tw_pool *tw_pool_ref(struct tw_pool *pool)
{
    tw_worker_ref(tw_pool_worker(pool));
    return pool;
}

struct tw_pool *tw_pool_unref(struct tw_pool *pool)
{
    tw_worker_unref(tw_pool_worker(pool));
    return NULL;
}

/* The team tells of its end, and so drops the second hold, also if it could not be made. */
static int make_team(struct tw_pool *pool)
{
    struct tw_worker *coordinator;
    int rc = tw_lock_worker_new(&coordinator);
    if (rc < 0) {
        team_has_ended(pool);
        return rc;
    }
    rc = tw_team_new(coordinator, create_worker, pool, team_has_ended, &pool->team);
    tw_worker_unref(coordinator);
    return rc;
}

int tw_pool_new(size_t limit, const struct tw_pool_options *options, struct tw_pool **ret_pool)
{
    struct tw_pool *pool;
    int rc;
    if (!ret_pool || (options && options->size != sizeof *options))
        return tw__misuse(
            -EINVAL, "tw_pool_new: needs ret_pool, and options of the size this library knows");
    if (options && !tw__thread_cache_takes_stack(options->stack_size))
        return -EINVAL;
    pool = (struct tw_pool *)tw__zalloc(sizeof *pool);
    if (!pool)
        return -ENOMEM;
    tw_worker_init(&pool->base, &pool_ops);
    atomic_init(&pool->limit, limit_of(limit));
    atomic_init(&pool->holds, 2);
    atomic_init(&pool->next_number, 1);
    pool->stack_size = options ? options->stack_size : 0;
    snprintf(pool->name, sizeof pool->name, "%s",
             options && options->name ? options->name : "twine");
    tw__lock_init(&pool->lock);
    tw__task_queue_init(&pool->locked.waiters);
    rc = make_team(pool);
    if (rc < 0)
        drop_hold(pool);
    else
        *ret_pool = pool;
    return rc;
}
