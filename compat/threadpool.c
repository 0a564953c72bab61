/*
 * The ThreadPool shim's life and its sizes.
 */
#include <twine/compat/threadpool_internal.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/lock_worker.h>

/* --- making ----------------------------------------------------------------------------------- */

void tw__threadpool_drop_hold(struct tw_threadpool *pool)
{
    if (atomic_fetch_sub(&pool->holds, 1) != 1)
        return;
    if (pool->destroy)
        pool->destroy(pool->arg);
    tw__park_done(&pool->ended);
    tw__lock_done(&pool->lock);
    tw__free(pool->name);
    tw__free(pool);
}

static int refuse(const struct tw_threadpool_options *options, int error)
{
    if (options->destroy)
        options->destroy(options->arg);
    return error;
}

static bool copy_name(struct tw_threadpool *pool, const char *name)
{
    size_t size = name ? strlen(name) + 1 : 0;
    if (!name)
        return true;
    pool->name = (char *)tw__malloc(size);
    if (pool->name)
        memcpy(pool->name, name, size);
    return pool->name != NULL;
}

static struct tw_threadpool *alloc_pool(const struct tw_threadpool_options *options)
{
    struct tw_threadpool *pool = (struct tw_threadpool *)tw__zalloc(sizeof *pool);
    if (!pool)
        return NULL;
    if (!copy_name(pool, options->name)) {
        tw__free(pool);
        return NULL;
    }
    atomic_init(&pool->holds, 2);
    atomic_init(&pool->limit, 0);
    pool->make_name = options->make_name;
    pool->make_thread = options->make_thread;
    pool->arg = options->arg;
    pool->destroy = options->destroy;
    pool->is_waited_for = !options->coordinator;
    tw__park_init(&pool->ended);
    tw__lock_init(&pool->lock);
    return pool;
}

/* Under a lock worker of its own. */
static int make_team(struct tw_threadpool *pool)
{
    struct tw_worker *coordinator;
    int rc = tw_lock_worker_new(&coordinator);
    if (rc < 0) {
        tw__threadpool_drop_hold(pool);
        return rc;
    }
    rc = tw__threadpool_make_team(pool, coordinator);
    tw_worker_unref(coordinator);
    return rc;
}

static int make(const struct tw_threadpool_options *options, struct tw_threadpool **ret_pool)
{
    struct tw_threadpool *pool = alloc_pool(options);
    int rc;
    if (!pool)
        return refuse(options, -ENOMEM);
    if (!options->make_thread)
        rc = tw__threadpool_make_pool(pool, options->stack_size);
    else if (options->coordinator)
        rc = tw__threadpool_make_team(pool, options->coordinator);
    else
        rc = make_team(pool);
    if (rc < 0)
        tw__threadpool_drop_hold(pool);
    else
        *ret_pool = pool;
    return rc;
}

int tw_threadpool_new_with_options(size_t min, size_t max,
                                   const struct tw_threadpool_options *options,
                                   struct tw_threadpool **ret_pool)
{
    static const struct tw_threadpool_options defaults = {.size = sizeof defaults};
    int rc;
    if (!options)
        options = &defaults;
    if (options->size != sizeof *options)
        return tw__misuse(-EINVAL, "tw_threadpool_new or tw_threadpool_new_with_options: needs "
                                   "options of the size this library knows");
    if (min > max || !ret_pool)
        return refuse(options,
                      tw__misuse(-EINVAL, "tw_threadpool_new or tw_threadpool_new_with_options: "
                                          "needs min <= max, and ret_pool"));
    if (options->coordinator && !options->make_thread)
        return refuse(
            options,
            tw__misuse(-EINVAL,
                       "tw_threadpool_new or tw_threadpool_new_with_options: a coordinator needs a "
                       "function that makes threads"));
    rc = make(options, ret_pool);
    if (rc < 0)
        return rc;
    (*ret_pool)->locked.min = min;
    (*ret_pool)->locked.max = max;
    return 0;
}

int tw_threadpool_new(size_t min, size_t max, const char *name, struct tw_threadpool **ret_pool)
{
    struct tw_threadpool_options options = {.size = sizeof options, .name = name};
    return tw_threadpool_new_with_options(min, max, &options, ret_pool);
}

struct tw_threadpool *tw_threadpool_unref(struct tw_threadpool *pool)
{
    if (!pool)
        return NULL;
    if (pool->pool)
        tw_pool_unref(pool->pool);
    else
        tw_team_unref(pool->team);
    tw__threadpool_drop_hold(pool);
    return NULL;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static struct tw_statistics statistics(struct tw_threadpool *pool)
{
    struct tw_statistics now = {.size = sizeof now};
    if (pool)
        tw_team_statistics(pool->team, &now);
    return now;
}

static size_t live(const struct tw_statistics *now)
{
    return now->idle + now->busy + now->coming;
}

static int set_limit(struct tw_threadpool *pool, size_t max)
{
    if (pool->pool)
        return tw_pool_set_limit(pool->pool, max);
    atomic_store(&pool->limit, max);
    return tw_team_shrink_to(pool->team, max);
}

static int apply(struct tw_threadpool *pool, size_t min, size_t max)
{
    struct tw_statistics now;
    int rc = set_limit(pool, max);
    if (rc < 0)
        return rc;
    now = statistics(pool);
    return tw_team_grow(pool->team, live(&now) < min ? min - live(&now) : 0);
}

/* Until the last numbers set are those that hold, whoever sets them. */
static int apply_sizes(struct tw_threadpool *pool)
{
    size_t min, max;
    unsigned seen, changes;
    bool is_running;
    int rc;
    do {
        tw__lock_acquire(&pool->lock);
        min = pool->locked.min;
        max = pool->locked.max;
        seen = pool->locked.changes;
        is_running = pool->locked.has_started && !pool->locked.has_stopped;
        tw__lock_release(&pool->lock);
        rc = is_running ? apply(pool, min, max) : 0;
        tw__lock_acquire(&pool->lock);
        changes = pool->locked.changes;
        tw__lock_release(&pool->lock);
    } while (rc >= 0 && changes != seen);
    return rc;
}

int tw_threadpool_start(struct tw_threadpool *pool)
{
    bool had_started, has_stopped;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_threadpool_start: needs a pool");
    if (tw__threadpool_is_inherited(pool))
        return -EOWNERDEAD;
    tw__lock_acquire(&pool->lock);
    had_started = pool->locked.has_started;
    has_stopped = pool->locked.has_stopped;
    pool->locked.has_started = true;
    tw__lock_release(&pool->lock);
    if (has_stopped)
        return -ESHUTDOWN;
    return had_started ? 0 : apply_sizes(pool);
}

int tw_threadpool_adjust_pool_size(struct tw_threadpool *pool, size_t min, size_t max)
{
    bool has_stopped;
    if (!pool || min > max)
        return tw__misuse(-EINVAL, "tw_threadpool_adjust_pool_size: needs a pool, and min <= max");
    if (tw__threadpool_is_inherited(pool))
        return -EOWNERDEAD;
    tw__lock_acquire(&pool->lock);
    has_stopped = pool->locked.has_stopped;
    pool->locked.min = min;
    pool->locked.max = max;
    pool->locked.changes++;
    tw__lock_release(&pool->lock);
    return has_stopped ? -ESHUTDOWN : apply_sizes(pool);
}

/* --- stopping --------------------------------------------------------------------------------- */

static bool is_inside(struct tw_threadpool *pool)
{
    return tw__frame_is_inside(tw_team_worker(pool->team)) ||
           (pool->pool && tw_pool_is_own_thread(pool->pool));
}

static int join(struct tw_threadpool *pool)
{
    if (pool->pool)
        return tw_pool_join(pool->pool, TW_FOREVER);
    if (pool->is_waited_for)
        tw__park_wait(&pool->ended, tw_clock_monotonic(), TW_NEVER);
    return 0;
}

int tw_threadpool_stop(struct tw_threadpool *pool)
{
    bool had_stopped;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_threadpool_stop: needs a pool");
    if (tw__threadpool_is_inherited(pool))
        return -EOWNERDEAD;
    if (is_inside(pool))
        return tw__misuse(-EDEADLK,
                          "tw_threadpool_stop: a thread of the pool cannot wait for its own end");
    tw__lock_acquire(&pool->lock);
    had_stopped = pool->locked.has_stopped;
    pool->locked.has_stopped = true;
    tw__lock_release(&pool->lock);
    if (had_stopped)
        return -ESHUTDOWN;
    tw_team_quit(pool->team);
    return join(pool);
}

/* --- what it stands on ------------------------------------------------------------------------ */

struct tw_worker *tw_threadpool_worker(struct tw_threadpool *pool)
{
    if (!pool)
        return NULL;
    return pool->pool ? tw_pool_worker(pool->pool) : tw_team_worker(pool->team);
}

struct tw_team *tw_threadpool_team(struct tw_threadpool *pool)
{
    return pool ? pool->team : NULL;
}

struct tw_pool *tw_threadpool_pool(struct tw_threadpool *pool)
{
    return pool ? pool->pool : NULL;
}

/* --- legacy ----------------------------------------------------------------------------------- */

int tw_threadpool_start_a_worker(struct tw_threadpool *pool)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_threadpool_start_a_worker: needs a pool");
    return tw_team_grow(pool->team, 1);
}

int tw_threadpool_stop_a_worker(struct tw_threadpool *pool)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_threadpool_stop_a_worker: needs a pool");
    return tw_team_shrink(pool->team, 1);
}

struct numbers {
    size_t min, max;
    bool is_started, is_stopped;
};

/* Of one moment; none in a forked child. */
static struct numbers read_numbers(struct tw_threadpool *pool)
{
    struct numbers numbers = {.min = 0};
    if (!pool || tw__threadpool_is_inherited(pool))
        return numbers;
    tw__lock_acquire(&pool->lock);
    numbers.min = pool->locked.min;
    numbers.max = pool->locked.max;
    numbers.is_started = pool->locked.has_started && !pool->locked.has_stopped;
    numbers.is_stopped = pool->locked.has_stopped;
    tw__lock_release(&pool->lock);
    return numbers;
}

size_t tw_threadpool_min(struct tw_threadpool *pool)
{
    return read_numbers(pool).min;
}

size_t tw_threadpool_max(struct tw_threadpool *pool)
{
    return read_numbers(pool).max;
}

bool tw_threadpool_started(struct tw_threadpool *pool)
{
    return read_numbers(pool).is_started;
}

bool tw_threadpool_joined(struct tw_threadpool *pool)
{
    return read_numbers(pool).is_stopped;
}

const char *tw_threadpool_name(struct tw_threadpool *pool)
{
    return pool ? pool->name : NULL;
}

size_t tw_threadpool_workers(struct tw_threadpool *pool)
{
    struct tw_statistics now = statistics(pool);
    return live(&now);
}

size_t tw_threadpool_working(struct tw_threadpool *pool)
{
    return statistics(pool).busy;
}

size_t tw_threadpool_waiters(struct tw_threadpool *pool)
{
    struct tw_statistics now = statistics(pool);
    return now.idle + now.coming;
}

size_t tw_threadpool_queue_size(struct tw_threadpool *pool)
{
    return statistics(pool).backlog;
}

static void report_number(const char *what, size_t number)
{
    char line[64];
    snprintf(line, sizeof line, "%s: %zu", what, number);
    tw__report(TW_REPORT_WARNING, line, NULL);
}

void tw_threadpool_dump_stats(struct tw_threadpool *pool)
{
    struct tw_statistics now = statistics(pool);
    report_number("waiters", now.idle + now.coming);
    report_number("workers", now.busy);
    report_number("total", live(&now));
}
