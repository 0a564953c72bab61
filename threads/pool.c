/*
 * The pool: a team of thread workers, and a policy. pool_threads.c makes its threads, pool_ends.c
 * tells of its end.
 */
#include <twine/threads/pool_internal.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/processors_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/lock_worker.h>

void tw__pool_drop_hold(struct tw_pool *pool)
{
    if (atomic_fetch_sub(&pool->holds, 1) != 1)
        return;
    tw_team_unref(pool->team);
    tw__lock_done(&pool->lock);
    tw__free(pool);
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
    tw__pool_drop_hold((struct tw_pool *)worker);
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
        tw__pool_team_has_ended(pool);
        return rc;
    }
    rc = tw_team_new(coordinator, tw__pool_create_worker, pool, tw__pool_team_has_ended,
                     &pool->team);
    tw_worker_unref(coordinator);
    return rc;
}

static int make_pool(size_t limit, const struct tw_pool_options *options, struct tw_pool **ret_pool)
{
    struct tw_pool *pool = (struct tw_pool *)tw__zalloc(sizeof *pool);
    int rc;
    if (!pool) {
        if (options->hook_destroy)
            options->hook_destroy(options->hook_arg);
        return -ENOMEM;
    }
    tw_worker_init(&pool->base, &pool_ops);
    atomic_init(&pool->limit, limit_of(limit));
    atomic_init(&pool->holds, 2);
    atomic_init(&pool->next_number, 1);
    pool->stack_size = options->stack_size;
    pool->start = options->start;
    pool->exit = options->exit;
    pool->hook_arg = options->hook_arg;
    pool->hook_destroy = options->hook_destroy;
    snprintf(pool->name, sizeof pool->name, "%s", options->name ? options->name : "twine");
    tw__lock_init(&pool->lock);
    tw__task_queue_init(&pool->locked.waiters);
    rc = make_team(pool);
    if (rc < 0)
        tw__pool_drop_hold(pool);
    else
        *ret_pool = pool;
    return rc;
}

/* 0; -EINVAL. */
static int check_options(const struct tw_pool_options *options)
{
    return tw__thread_cache_takes_stack(options->stack_size) ? 0 : -EINVAL;
}

int tw_pool_new(size_t limit, const struct tw_pool_options *options, struct tw_pool **ret_pool)
{
    static const struct tw_pool_options defaults = {.size = sizeof defaults};
    int rc;
    if (options && options->size != sizeof *options)
        return tw__misuse(-EINVAL, "tw_pool_new: needs options of the size this library knows");
    if (!options)
        options = &defaults;
    rc = ret_pool ? check_options(options) : tw__misuse(-EINVAL, "tw_pool_new: needs ret_pool");
    if (rc >= 0)
        return make_pool(limit, options, ret_pool);
    if (options->hook_destroy)
        options->hook_destroy(options->hook_arg);
    return rc;
}
