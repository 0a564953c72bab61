/*
 * A pool's threads: how they are made for its team.
 *
 * The team asks for workers inside its coordinator, so "fewer than the limit" is decided there and
 * never exceeded. A thread counts from the moment its worker is made until it has gone back to the
 * cache.
 */
#include <twine/threads/pool_internal.h>

#include <stdio.h>

static void thread_has_gone(void *pool)
{
    tw__pool_thread_has_gone((struct tw_pool *)pool);
}

int tw__pool_create_worker(void *arg, size_t live, struct tw_worker **ret_worker)
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

bool tw_pool_is_own_thread(const struct tw_pool *pool)
{
    return pool && tw__thread_worker_current_owner() == pool;
}
