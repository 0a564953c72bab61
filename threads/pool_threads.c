/*
 * A pool's threads: how they are made for its team, and what happens on each of them.
 *
 * The team asks for workers inside its coordinator, so "fewer than the limit" is decided there and
 * never exceeded. A thread counts from the moment its worker is made until it has gone back to the
 * cache.
 */
#include <twine/threads/pool_internal.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

/* One of a pool's threads, from the moment its worker is made until it has gone. */
struct pool_thread {
    struct tw_pool *pool;
    struct tw_worker *worker; /* lives longer */
    void *state;              /* the thread's own: from its start hook */
    struct pool_thread *next, *prev;
};

static void link_thread(struct pool_thread *thread)
{
    struct tw_pool *pool = thread->pool;
    tw__lock_acquire(&pool->lock);
    thread->next = pool->locked.first;
    if (thread->next)
        thread->next->prev = thread;
    pool->locked.first = thread;
    tw__lock_release(&pool->lock);
}

static void unlink_thread(struct pool_thread *thread)
{
    struct tw_pool *pool = thread->pool;
    tw__lock_acquire(&pool->lock);
    if (thread->prev)
        thread->prev->next = thread->next;
    else
        pool->locked.first = thread->next;
    if (thread->next)
        thread->next->prev = thread->prev;
    tw__lock_release(&pool->lock);
}

/* --- a start hook that fails ------------------------------------------------------------------ */

/* After each failure in a row, twice as many chances to make a thread are let go by. */
#define MOST_SKIPPED 255

/* Whether to let this chance go by. */
static bool skips_locked(struct tw__pool_patience *patience)
{
    if (patience->to_skip > 0) {
        patience->to_skip--;
        return true;
    }
    patience->to_skip = patience->next_skip; /* one at a time, until one has come up */
    return false;
}

static void remember_start(struct tw_pool *pool, bool has_failed)
{
    struct tw__pool_patience *patience = &pool->locked.patience;
    tw__lock_acquire(&pool->lock);
    patience->next_skip = has_failed ? 2 * patience->next_skip + 1 : 0;
    if (patience->next_skip > MOST_SKIPPED)
        patience->next_skip = MOST_SKIPPED;
    patience->to_skip = patience->next_skip;
    tw__lock_release(&pool->lock);
}

static void report_start_error(int error)
{
    struct tw_failure *failure =
        TW_FAILURE_NEW(&TW_ERROR_SYSTEM, -error, "the answer of the start hook");
    tw__report(TW_REPORT_WARNING, "a pool could not start a thread", failure);
    tw_failure_unref(failure);
}

/* --- on the thread ---------------------------------------------------------------------------- */

static int begin(void *owner)
{
    struct pool_thread *thread = (struct pool_thread *)owner;
    struct tw_pool *pool = thread->pool;
    int rc;
    if (!pool->start)
        return 0;
    rc = pool->start(pool->hook_arg, &thread->state);
    if (tw__worker_is_inherited(&pool->base))
        return rc; /* a child that the hook has forked, and the pool is the parent's */
    remember_start(pool, rc < 0);
    if (rc >= 0)
        return 0;
    thread->state = NULL;
    report_start_error(rc);
    return -EAGAIN;
}

static void finish(void *owner)
{
    struct pool_thread *thread = (struct pool_thread *)owner;
    if (thread->pool->exit)
        thread->pool->exit(thread->pool->hook_arg, thread->state);
}

/* Relaxed: a change holds from the next time on. */
static uint64_t idles_until(void *owner, struct tw_clock **ret_clock)
{
    struct tw_pool *pool = ((struct pool_thread *)owner)->pool;
    int64_t idle_time = atomic_load_explicit(&pool->idle_time, memory_order_relaxed);
    if (idle_time == TW_FOREVER)
        return TW_NEVER;
    *ret_clock = pool->clock;
    return tw_time_add(tw_clock_now(pool->clock), idle_time);
}

/* If the team agrees, it has quit the worker when this returns. */
static void has_overstayed(void *owner)
{
    struct pool_thread *thread = (struct pool_thread *)owner;
    tw__team_overstay(thread->pool->team, thread->worker);
}

static bool begin_search(void *owner)
{
    return tw__team_begin_search(((struct pool_thread *)owner)->pool->team);
}

static bool has_news(void *owner)
{
    return !tw__team_inbox_is_searched(&((struct pool_thread *)owner)->pool->team->inbox);
}

static struct tw_task *end_search(void *owner)
{
    struct pool_thread *thread = (struct pool_thread *)owner;
    return tw__team_end_search(thread->pool->team, thread->worker);
}

static void ended(void *owner)
{
    struct pool_thread *thread = (struct pool_thread *)owner;
    struct tw_pool *pool = thread->pool;
    unlink_thread(thread);
    tw__free(thread);
    tw__pool_thread_has_gone(pool);
}

static const struct tw__thread_worker_hooks thread_hooks = {
    begin, finish, idles_until, has_overstayed, begin_search, has_news, end_search, ended};

static struct pool_thread *own_thread(const struct tw_pool *pool)
{
    struct pool_thread *thread = (struct pool_thread *)tw__thread_worker_current_owner();
    return thread && thread->pool == pool ? thread : NULL;
}

bool tw_pool_is_own_thread(const struct tw_pool *pool)
{
    return own_thread(pool) != NULL;
}

void *tw_pool_thread_state(const struct tw_pool *pool)
{
    struct pool_thread *thread = own_thread(pool);
    return thread ? thread->state : NULL;
}

/* --- making workers --------------------------------------------------------------------------- */

static size_t delivering(void *arg)
{
    struct tw_pool *pool = (struct tw_pool *)arg;
    const struct pool_thread *thread;
    size_t count = 0;
    tw__lock_acquire(&pool->lock);
    for (thread = pool->locked.first; thread; thread = thread->next)
        count += tw__thread_worker_is_delivering(thread->worker);
    tw__lock_release(&pool->lock);
    return count;
}

const struct tw__team_policy tw__pool_policy = {delivering};

/* Whether one more may be made; then it is counted. With none at all there is nobody to leave the
 * work to, and no chance is let go by. */
static bool count_in(struct tw_pool *pool, size_t live)
{
    bool may;
    if (live >= atomic_load_explicit(&pool->limit, memory_order_relaxed))
        return false;
    tw__lock_acquire(&pool->lock);
    if (live == 0)
        pool->locked.patience.to_skip = 0;
    may = !skips_locked(&pool->locked.patience);
    pool->locked.threads += may;
    tw__lock_release(&pool->lock);
    return may;
}

static int make_worker(struct tw_pool *pool, struct tw_worker **ret_worker)
{
    struct pool_thread *thread = (struct pool_thread *)tw__zalloc(sizeof *thread);
    struct tw__thread_worker_plan plan;
    int rc;
    if (!thread)
        return -ENOMEM;
    thread->pool = pool;
    snprintf(plan.name, sizeof plan.name, "%.10s-%u", pool->name,
             atomic_fetch_add(&pool->next_number, 1) % 10000);
    plan.stack_size = pool->stack_size;
    plan.hooks = &thread_hooks;
    plan.owner = thread;
    rc = tw__thread_worker_new(&plan, ret_worker);
    if (rc < 0) {
        tw__free(thread);
        return rc;
    }
    thread->worker = *ret_worker;
    link_thread(thread);
    return 0;
}

int tw__pool_create_worker(void *arg, size_t live, struct tw_worker **ret_worker)
{
    struct tw_pool *pool = (struct tw_pool *)arg;
    int rc;
    if (!count_in(pool, live))
        return TW_CREATED_NONE;
    rc = make_worker(pool, ret_worker);
    if (rc >= 0)
        return TW_CREATED_COMING;
    tw__pool_thread_has_gone(pool);
    return rc;
}
