/*
 * The tpool shim's pools: each is a pool and an executor over it, in a list of the process.
 */
#include <twine/compat/tpool_internal.h>

#include <errno.h>
#include <stdio.h>
#include <twine/base/fork_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>

#define MAX_WORKERS 4

static struct {
    struct tw__lock lock;
    struct tw__tpool *first; /* newest first */
    uint64_t last_number;    /* of all that were ever made */
    uint64_t inherited;      /* those up to this one are the parent's */
} list = {.lock = TW_LOCK_INIT};

/* In a forked child: the lock may be held by nobody, and the list torn. */
static void begin_anew(void)
{
    tw__lock_init(&list.lock);
    list.first = NULL;
    list.inherited = list.last_number;
}

/* --- finding ---------------------------------------------------------------------------------- */

static struct tw__tpool **find_locked(uint64_t number)
{
    struct tw__tpool **link = &list.first;
    while (*link && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

static int not_there(uint64_t number, const char *who)
{
    return number && number <= list.inherited ? -EOWNERDEAD : tw__misuse(-ESRCH, who);
}

int tw__tpool_take(uint64_t number, const char *who, struct tw__tpool **ret_pool)
{
    struct tw__tpool *pool;
    tw__lock_acquire(&list.lock);
    pool = *find_locked(number);
    if (pool)
        atomic_fetch_add_explicit(&pool->holds, 1, memory_order_relaxed); /* under the lock */
    tw__lock_release(&list.lock);
    *ret_pool = pool;
    return pool ? 0 : not_there(number, who);
}

void tw__tpool_put(struct tw__tpool *pool)
{
    if (atomic_fetch_sub(&pool->holds, 1) != 1)
        return;
    tw_executor_unref(pool->executor);
    tw_pool_unref(pool->pool);
    tw__lock_done(&pool->lock);
    tw__free(pool);
}

size_t tw_tpool_names(uint64_t *ret_pools, size_t room)
{
    struct tw__tpool *pool;
    size_t count = 0, at;
    tw__lock_acquire(&list.lock);
    for (pool = list.first; pool; pool = pool->next)
        count++;
    for (pool = list.first, at = count; pool; pool = pool->next)
        if (--at < room && ret_pools)
            ret_pools[at] = pool->number;
    tw__lock_release(&list.lock);
    return count;
}

/* --- making ----------------------------------------------------------------------------------- */

static int make_pool(const struct tw_tpool_options *options, struct tw_pool **ret_pool)
{
    struct tw_pool_options of_pool = {.size = sizeof of_pool, .name = "tpool"};
    size_t limit = options->max_workers ? options->max_workers : MAX_WORKERS;
    of_pool.minimum = options->min_workers;
    of_pool.idle_time = options->idle_time;
    of_pool.clock = options->clock;
    of_pool.start = options->init;
    of_pool.exit = options->exit;
    of_pool.hook_arg = options->arg;
    of_pool.hook_destroy = options->destroy;
    return tw_pool_new(limit < options->min_workers ? options->min_workers : limit, &of_pool,
                       ret_pool);
}

static void add(struct tw__tpool *pool)
{
    tw__fork_renew(begin_anew);
    tw__lock_acquire(&list.lock);
    pool->number = ++list.last_number;
    pool->next = list.first;
    list.first = pool;
    tw__lock_release(&list.lock);
}

static int make(const struct tw_tpool_options *options, struct tw__tpool **ret_pool)
{
    struct tw__tpool *pool = (struct tw__tpool *)tw__zalloc(sizeof *pool);
    int rc;
    if (!pool) {
        if (options->destroy)
            options->destroy(options->arg);
        return -ENOMEM;
    }
    rc = make_pool(options, &pool->pool);
    if (rc >= 0)
        rc = tw_executor_over(tw_pool_worker(pool->pool), &pool->executor);
    if (rc < 0) {
        tw_pool_unref(pool->pool);
        tw__free(pool);
        return rc;
    }
    tw__lock_init(&pool->lock);
    atomic_init(&pool->holds, 1);
    *ret_pool = pool;
    return 0;
}

int tw_tpool_create(const struct tw_tpool_options *options, uint64_t *ret_pool)
{
    static const struct tw_tpool_options defaults = {.size = sizeof defaults};
    struct tw__tpool *pool = NULL;
    int rc;
    if (options && options->size != sizeof *options)
        return tw__misuse(-EINVAL, "tw_tpool_create: needs options of the size this library knows");
    if (!options)
        options = &defaults;
    if (!ret_pool || options->idle_time < 0) {
        if (options->destroy)
            options->destroy(options->arg);
        return tw__misuse(-EINVAL, "tw_tpool_create: needs ret_pool, and an idle time not below 0");
    }
    rc = make(options, &pool);
    if (rc < 0)
        return rc;
    add(pool);
    *ret_pool = pool->number;
    return 0;
}

/* --- counting users --------------------------------------------------------------------------- */

int tw_tpool_preserve(uint64_t number)
{
    struct tw__tpool *pool;
    int users = 0;
    tw__lock_acquire(&list.lock);
    pool = *find_locked(number);
    if (pool)
        users = ++pool->users;
    tw__lock_release(&list.lock);
    return pool ? users : not_there(number, "tw_tpool_preserve: " TW__TPOOL_NO_POOL);
}

/* Whether this thread may block until the pool has ended. */
static bool may_join(const struct tw__tpool *pool)
{
    const struct tw__frame *frame;
    for (frame = tw__here.frame; frame; frame = frame->outer)
        if (frame->kind == TW__FRAME_LOCKED)
            return false;
    return !tw_pool_is_own_thread(pool->pool);
}

/* It is in the list no more, and nobody will find it; others may be in the middle of a call. */
static void end(struct tw__tpool *pool)
{
    tw__lock_acquire(&pool->lock);
    pool->locked.is_released = true;
    tw__lock_release(&pool->lock);
    tw_executor_shutdown(pool->executor, false, true);
    tw__tpool_drop_jobs(pool);
    tw_pool_quit(pool->pool);
    if (may_join(pool))
        tw_pool_join(pool->pool, TW_FOREVER);
    tw__tpool_put(pool);
}

int tw_tpool_release(uint64_t number)
{
    struct tw__tpool **link, *pool;
    int users = 0;
    tw__lock_acquire(&list.lock);
    link = find_locked(number);
    pool = *link;
    if (pool && (users = --pool->users) <= 0)
        *link = pool->next;
    tw__lock_release(&list.lock);
    if (!pool)
        return not_there(number, "tw_tpool_release: " TW__TPOOL_NO_POOL);
    if (users > 0)
        return users;
    end(pool);
    return 0;
}

/* --- the pool beneath ------------------------------------------------------------------------- */

static int set_suspended(uint64_t number, int (*set)(struct tw_pool *pool), const char *who)
{
    struct tw__tpool *pool;
    int rc = tw__tpool_take(number, who, &pool);
    if (rc < 0)
        return rc;
    rc = set(pool->pool);
    tw__tpool_put(pool);
    return rc == -EALREADY ? 0 : rc == -ESHUTDOWN ? -ESRCH : rc;
}

int tw_tpool_suspend(uint64_t pool)
{
    return set_suspended(pool, tw_pool_suspend, "tw_tpool_suspend: " TW__TPOOL_NO_POOL);
}

int tw_tpool_resume(uint64_t pool)
{
    return set_suspended(pool, tw_pool_resume, "tw_tpool_resume: " TW__TPOOL_NO_POOL);
}

int tw_tpool_pool(uint64_t number, struct tw_pool **ret_pool)
{
    struct tw__tpool *pool;
    int rc = ret_pool ? tw__tpool_take(number, "tw_tpool_pool: " TW__TPOOL_NO_POOL, &pool)
                      : tw__misuse(-EINVAL, "tw_tpool_pool: needs ret_pool");
    if (rc < 0)
        return rc;
    *ret_pool = tw_pool_ref(pool->pool);
    tw__tpool_put(pool);
    return 0;
}
