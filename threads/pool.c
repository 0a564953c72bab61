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
#include <twine/threads/team_take_internal.h>

void tw__pool_drop_hold(struct tw_pool *pool)
{
    if (atomic_fetch_sub(&pool->holds, 1) != 1)
        return;
    if (pool->team)
        tw__team_forget_policy(pool->team);
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

int tw_pool_suspend(struct tw_pool *pool)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_suspend: needs a pool");
    return tw__team_suspend(pool->team, true);
}

int tw_pool_resume(struct tw_pool *pool)
{
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_resume: needs a pool");
    return tw__team_suspend(pool->team, false);
}

size_t tw_pool_limit(struct tw_pool *pool)
{
    return pool ? atomic_load(&pool->limit) : 0;
}

/* Changes one of them, so that the minimum is never above the limit. false: it would be. */
static bool set_bounds(struct tw_pool *pool, const size_t *limit, const size_t *minimum)
{
    size_t most, least;
    tw__lock_acquire(&pool->lock);
    most = limit ? *limit : atomic_load(&pool->limit);
    least = minimum ? *minimum : atomic_load(&pool->minimum);
    if (least <= most) {
        atomic_store(&pool->limit, most); /* no more than that are made from now on */
        atomic_store(&pool->minimum, least);
    }
    tw__lock_release(&pool->lock);
    return least <= most;
}

int tw_pool_set_limit(struct tw_pool *pool, size_t limit)
{
    int rc;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_set_limit: needs a pool");
    if (tw__worker_is_inherited(&pool->base))
        return -EOWNERDEAD;
    if (tw_team_has_quit(pool->team))
        return -ESHUTDOWN;
    limit = limit_of(limit);
    if (!set_bounds(pool, &limit, NULL))
        return tw__misuse(-EINVAL, "tw_pool_set_limit: a limit not below the minimum");
    do { /* until the last one set is the one that holds, whoever sets it */
        limit = atomic_load(&pool->limit);
        tw__team_set_most(pool->team, limit);
        rc = tw_team_shrink_to(pool->team, limit);
    } while (rc >= 0 && limit != atomic_load(&pool->limit));
    return rc;
}

size_t tw_pool_minimum(struct tw_pool *pool)
{
    return pool ? atomic_load(&pool->minimum) : 0;
}

int tw_pool_set_minimum(struct tw_pool *pool, size_t minimum)
{
    int rc;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_pool_set_minimum: needs a pool");
    if (tw__worker_is_inherited(&pool->base))
        return -EOWNERDEAD;
    if (tw_team_has_quit(pool->team))
        return -ESHUTDOWN;
    if (!set_bounds(pool, NULL, &minimum))
        return tw__misuse(-EINVAL, "tw_pool_set_minimum: a minimum not above the limit");
    do { /* as above */
        minimum = atomic_load(&pool->minimum);
        rc = tw__team_keep(pool->team, minimum);
    } while (rc >= 0 && minimum != atomic_load(&pool->minimum));
    return rc;
}

static int64_t idle_time_of(int64_t idle_time)
{
    return idle_time ? idle_time : TW_FOREVER;
}

int64_t tw_pool_idle_time(struct tw_pool *pool)
{
    return pool ? atomic_load(&pool->idle_time) : TW_FOREVER;
}

int tw_pool_set_idle_time(struct tw_pool *pool, int64_t idle_time)
{
    if (!pool || idle_time < 0)
        return tw__misuse(-EINVAL, "tw_pool_set_idle_time: needs a pool, and a time not below 0");
    if (tw__worker_is_inherited(&pool->base))
        return -EOWNERDEAD;
    atomic_store(&pool->idle_time, idle_time_of(idle_time));
    return 0;
}

/* --- the pool as a worker --------------------------------------------------------------------- */

static int submit_op(struct tw_worker *worker, struct tw_task *task)
{
    return tw__team_submit(((struct tw_pool *)worker)->team, task);
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

struct tw_worker *tw__team_of(struct tw_worker *worker)
{
    if (worker->_ops == &pool_ops)
        return tw_team_worker(((struct tw_pool *)worker)->team);
    return tw__team_is(worker) ? worker : NULL;
}

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
static int make_team(struct tw_pool *pool, size_t max_backlog)
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
    if (rc >= 0)
        tw__team_set_policy(pool->team, &tw__pool_policy, max_backlog, pool->limit);
    return rc;
}

static size_t bound_of(size_t max_backlog)
{
    if (max_backlog == TW_POOL_NO_BACKLOG)
        return 0;
    return max_backlog ? max_backlog : SIZE_MAX;
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
    atomic_init(&pool->minimum, options->minimum);
    atomic_init(&pool->idle_time, idle_time_of(options->idle_time));
    pool->clock = options->clock ? options->clock : tw_clock_monotonic();
    pool->stack_size = options->stack_size;
    pool->start = options->start;
    pool->exit = options->exit;
    pool->hook_arg = options->hook_arg;
    pool->hook_destroy = options->hook_destroy;
    snprintf(pool->name, sizeof pool->name, "%s", options->name ? options->name : "twine");
    tw__lock_init(&pool->lock);
    tw__task_queue_init(&pool->locked.waiters);
    rc = make_team(pool, bound_of(options->max_backlog));
    if (rc < 0) {
        tw__pool_drop_hold(pool);
        return rc;
    }
    if (options->minimum)
        tw__team_keep(pool->team, options->minimum);
    *ret_pool = pool;
    return 0;
}

/* 0; -EINVAL. */
static int check_options(size_t limit, const struct tw_pool_options *options)
{
    if (options->minimum > limit_of(limit) || options->idle_time < 0)
        return tw__misuse(-EINVAL, "tw_pool_new: needs a minimum not above the limit, and an idle "
                                   "time not below 0");
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
    rc = ret_pool ? check_options(limit, options)
                  : tw__misuse(-EINVAL, "tw_pool_new: needs ret_pool");
    if (rc >= 0)
        return make_pool(limit, options, ret_pool);
    if (options->hook_destroy)
        options->hook_destroy(options->hook_arg);
    return rc;
}
