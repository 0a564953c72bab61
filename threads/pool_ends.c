/*
 * The end of a pool: when it has come, and who waits for it.
 *
 * The pool has ended when its team will make no more workers, and no thread is left: only then has
 * the last delivery returned.
 */
#include <twine/threads/pool_internal.h>

#include <errno.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/task_internal.h>

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

static void end(struct tw_pool *pool)
{
    struct tw__task_queue waiters;
    tw__task_queue_init(&waiters);
    if (pool->hook_destroy)
        pool->hook_destroy(pool->hook_arg);
    tw__lock_acquire(&pool->lock);
    pool->locked.has_ended = true;
    tw__task_queue_move(&pool->locked.waiters, &waiters);
    tw__lock_release(&pool->lock);
    tell_all(&waiters);
    tw__pool_drop_hold(pool);
}

/* A thread has gone, or the team will make no more. Whoever makes both true tells everybody. */
static void count_out(struct tw_pool *pool, size_t threads, bool team_has_ended)
{
    bool is_the_end;
    tw__lock_acquire(&pool->lock);
    pool->locked.threads -= threads;
    pool->locked.team_has_ended |= team_has_ended;
    is_the_end = pool->locked.team_has_ended && pool->locked.threads == 0;
    tw__lock_release(&pool->lock);
    if (is_the_end)
        end(pool);
}

void tw__pool_thread_has_gone(struct tw_pool *pool)
{
    count_out(pool, 1, false);
}

size_t tw__pool_threads(struct tw_pool *pool)
{
    size_t threads;
    tw__lock_acquire(&pool->lock);
    threads = pool->locked.threads;
    tw__lock_release(&pool->lock);
    return threads;
}

void tw__pool_team_has_ended(void *pool)
{
    count_out((struct tw_pool *)pool, 0, true);
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

struct joiner {
    struct tw_task task;
    struct tw__park park;
};

static void wake_joiner(struct tw_task *task, int status)
{
    (void)status;
    tw__park_wake(&((struct joiner *)task)->park);
}

static bool has_ended(struct tw_pool *pool)
{
    bool has_ended_now;
    tw__lock_acquire(&pool->lock);
    has_ended_now = pool->locked.has_ended;
    tw__lock_release(&pool->lock);
    return has_ended_now;
}

int tw_pool_join(struct tw_pool *pool, int64_t timeout)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    struct joiner joiner;
    int rc = 0;
    if (pool && tw__worker_is_inherited(&pool->base))
        return -EOWNERDEAD;
    if (!pool || timeout < 0 || !tw_team_has_quit(pool->team))
        return tw__misuse(-EINVAL,
                          "tw_pool_join: needs a pool that has quit, and a timeout of 0 or more");
    if (tw_pool_is_own_thread(pool))
        return tw__misuse(-EDEADLK,
                          "tw_pool_join: a thread of the pool cannot wait for its own end");
    if (timeout > 0 && tw__frame_forbids_blocking() && !has_ended(pool))
        return tw__misuse(-EDEADLK,
                          "tw_pool_join or tw_pool_shutdown: the thread of a loop that turns, or "
                          "inside a lock worker, cannot be blocked; tw_pool_notify_end() tells");
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
    if (pool && tw__worker_is_inherited(&pool->base))
        return -EOWNERDEAD;
    if (!pool || !worker || !task || !task->fn || tw__task_is_taken(task))
        return tw__misuse(-EINVAL, "tw_pool_notify_end: needs a pool, a worker and a task with an "
                                   "fn that is not submitted already");
    if (!add_waiter(pool, worker, task))
        tell(task, tw_worker_ref(worker));
    return 0;
}
