/*
 * The ThreadPool shim's threads: the pool's own, which are named as they come up, or those that a
 * function of the user's makes.
 */
#include <twine/compat/threadpool_internal.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/memory_internal.h>

/* A thread of the pool's own, between its hooks. */
struct tw__threadpool_thread {
    struct tw__threadpool_thread *next;
    size_t number;
    char name[TW__THREADPOOL_NAME_SIZE];
};

/* --- names ------------------------------------------------------------------------------------ */

static void write_name(struct tw_threadpool *pool, size_t number, char *buffer)
{
    buffer[0] = '\0';
    if (pool->make_name)
        pool->make_name(pool->arg, number, buffer, TW__THREADPOOL_NAME_SIZE);
    else if (pool->name)
        snprintf(buffer, TW__THREADPOOL_NAME_SIZE, "PoolThread-%s-%zu", pool->name, number);
    else
        snprintf(buffer, TW__THREADPOOL_NAME_SIZE, "PoolThread-%p-%zu", (void *)pool, number);
}

/* What the system shows; the cache puts its own name back when the thread returns to it. */
static void show_name(const char *name)
{
#if defined(__linux__)
    char shown[16];
    snprintf(shown, sizeof shown, "%.15s", name);
    pthread_setname_np(pthread_self(), shown);
#else
    (void)name;
#endif
}

/* --- the pool's own --------------------------------------------------------------------------- */

/* They are kept by number: the first gap is where this one belongs. */
static void add_thread(struct tw_threadpool *pool, struct tw__threadpool_thread *thread)
{
    struct tw__threadpool_thread **link = &pool->locked.threads;
    tw__lock_acquire(&pool->lock);
    for (thread->number = 0; *link && (*link)->number == thread->number; thread->number++)
        link = &(*link)->next;
    thread->next = *link;
    *link = thread;
    tw__lock_release(&pool->lock);
}

/* Without memory it works too, but is not in the list. */
static int start_hook(void *arg, void **ret_state)
{
    struct tw_threadpool *pool = (struct tw_threadpool *)arg;
    struct tw__threadpool_thread *thread =
        (struct tw__threadpool_thread *)tw__zalloc(sizeof *thread);
    char name[TW__THREADPOOL_NAME_SIZE];
    if (!thread)
        return 0;
    add_thread(pool, thread);
    write_name(pool, thread->number, name);
    tw__lock_acquire(&pool->lock);
    memcpy(thread->name, name, sizeof name);
    tw__lock_release(&pool->lock);
    show_name(name);
    *ret_state = thread;
    return 0;
}

static void exit_hook(void *arg, void *state)
{
    struct tw_threadpool *pool = (struct tw_threadpool *)arg;
    struct tw__threadpool_thread *thread = (struct tw__threadpool_thread *)state, **link;
    if (!thread)
        return;
    tw__lock_acquire(&pool->lock);
    for (link = &pool->locked.threads; *link != thread;)
        link = &(*link)->next;
    *link = thread->next;
    tw__lock_release(&pool->lock);
    tw__free(thread);
}

static void pool_has_ended(void *arg)
{
    tw__threadpool_drop_hold((struct tw_threadpool *)arg);
}

int tw__threadpool_make_pool(struct tw_threadpool *pool, size_t stack_size)
{
    struct tw_pool_options options = {.size = sizeof options,
                                      .name = "PoolThread",
                                      .stack_size = stack_size,
                                      .start = start_hook,
                                      .exit = exit_hook,
                                      .hook_arg = pool,
                                      .hook_destroy = pool_has_ended};
    int rc = tw_pool_new(0, &options, &pool->pool);
    if (rc >= 0)
        pool->team = tw_pool_team(pool->pool);
    return rc;
}

size_t tw_threadpool_threads(struct tw_threadpool *pool, void (*fn)(const char *name, void *arg),
                             void *arg)
{
    const struct tw__threadpool_thread *thread;
    size_t count = 0;
    if (!pool || tw__threadpool_is_inherited(pool))
        return 0;
    tw__lock_acquire(&pool->lock);
    for (thread = pool->locked.threads; thread; thread = thread->next, count++)
        if (fn && thread->name[0]) /* else it is only coming up */
            fn(thread->name, arg);
    tw__lock_release(&pool->lock);
    return count;
}

const char *tw_threadpool_thread_name(struct tw_threadpool *pool)
{
    const struct tw__threadpool_thread *thread =
        pool && pool->pool ? (const struct tw__threadpool_thread *)tw_pool_thread_state(pool->pool)
                           : NULL;
    return thread ? thread->name : NULL;
}

/* --- made by the user's function -------------------------------------------------------------- */

static int create_worker(void *arg, size_t live, struct tw_worker **ret_worker)
{
    struct tw_threadpool *pool = (struct tw_threadpool *)arg;
    char name[TW__THREADPOOL_NAME_SIZE];
    if (live >= atomic_load(&pool->limit))
        return TW_CREATED_NONE;
    write_name(pool, live, name);
    return pool->make_thread(pool->arg, name, ret_worker);
}

static void team_has_ended(void *arg)
{
    struct tw_threadpool *pool = (struct tw_threadpool *)arg;
    tw__park_wake(&pool->ended);
    tw__threadpool_drop_hold(pool);
}

int tw__threadpool_make_team(struct tw_threadpool *pool, struct tw_worker *coordinator)
{
    return tw_team_new(coordinator, create_worker, pool, team_has_ended, &pool->team);
}
