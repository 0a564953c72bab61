/*
 * The supply pool: shortage, asked under a lock, and pullers that take tasks until there are none.
 *
 * The supply is the user's, and is asked without our lock; so what is counted here may be behind
 * it. What must hold all the same is that no task of which the pool was told waits while a worker
 * could be had for it. A worker counts as free from its start, or from the delivery of a task, until
 * it marks itself as busy or leaves. When somebody tells of a task, each free worker is in one of
 * three places:
 *
 *     it has not asked yet      it will, and finds that task or one before it
 *     it has got a task         it is counted free and is not. So when it marks itself as busy it
 *                               asks for the shortage again, and starts the worker that the teller
 *                               believed it to be
 *     it has found nothing      when it comes to leave, it sees under the lock that something has
 *                               been told since it became free, and asks once more
 *
 * Without an op that counts, what has been told less what has been taken stands for the number of
 * tasks. It may be too high, if tasks left the supply in other ways; then a worker is started that
 * finds nothing. A worker that leaves sets it right: nothing has been told since before it asked, so
 * all that may be left in the number are tasks that other free workers have got and not marked, one
 * each at most. It is never too low: it falls only by a mark, which follows a task taken. (It may be
 * below 0, by tasks that are taken before they are told.)
 *
 * The pool lives while somebody holds it, and until it has ended: it has quit and no puller is out.
 */
#include <twine/threads/supply_pool_internal.h>

#include <errno.h>
#include <stdatomic.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/worker_internal.h>

/* Pullers are made in blocks, one each time the limit rises above what there are. */
struct block {
    struct block *next;
    struct tw__puller pullers[];
};

struct tw_supply_pool {
    atomic_int refs, holds;          /* holds: one for all refs, one until the end */
    struct tw_worker *below;         /* fixed, a reference */
    const struct tw_supply_ops *ops; /* fixed, as are arg and destroy */
    void *arg;
    tw_destroy_fn destroy;
    struct tw__lock lock;
    struct {
        struct tw__puller *spare;
        struct block *blocks;
        size_t made, limit, live, free;
        size_t leaving;  /* live ones that only have to return from a delivery */
        ptrdiff_t tasks; /* told and not taken; not kept if the ops count */
        uint64_t told;   /* how often something was */
        uint64_t started, failed_starts;
        bool is_closed, has_ended;
    } locked;
};

/* It is never made of another process's worker, so it was made before a fork if that was. */
static bool is_inherited(const struct tw_supply_pool *pool)
{
    return tw__worker_is_inherited(pool->below);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void drop_hold(struct tw_supply_pool *pool)
{
    struct block *block, *next;
    if (atomic_fetch_sub(&pool->holds, 1) != 1)
        return;
    for (block = pool->locked.blocks; block; block = next) {
        next = block->next;
        tw__free(block);
    }
    tw_worker_unref(pool->below);
    tw__lock_done(&pool->lock);
    tw__free(pool);
}

/* Release the lock; if that was the end, tell it, and the pool may be gone. */
static void leave_locked(struct tw_supply_pool *pool)
{
    bool ends = pool->locked.is_closed && !pool->locked.live && !pool->locked.has_ended;
    pool->locked.has_ended |= ends;
    tw__lock_release(&pool->lock);
    if (!ends)
        return;
    if (pool->destroy)
        pool->destroy(pool->arg);
    drop_hold(pool);
}

/* --- starting pullers ------------------------------------------------------------------------- */

static size_t tasks_locked(struct tw_supply_pool *pool)
{
    if (pool->ops->count)
        return pool->ops->count(pool->arg);
    return pool->locked.tasks > 0 ? (size_t)pool->locked.tasks : 0;
}

/* As many as are short, counted as live and free from now on. There is a spare one for each: what
 * was made is never less than the limit, and what is not spare is live. */
static struct tw__puller *those_short_locked(struct tw_supply_pool *pool)
{
    struct tw__puller *list = NULL, **end = &list;
    size_t n = 0;
    if (!pool->locked.has_ended)
        n = tw__shortage(tasks_locked(pool), pool->locked.free, pool->locked.limit,
                         pool->locked.live);
    for (; n > 0; n--) {
        struct tw__puller *puller = pool->locked.spare;
        pool->locked.spare = puller->next;
        puller->next = NULL;
        puller->phase = PULLER_TAKE;
        puller->seen = pool->locked.told;
        pool->locked.live++;
        pool->locked.free++;
        pool->locked.started++;
        *end = puller;
        end = &puller->next;
    }
    return list;
}

static void to_spare_locked(struct tw__puller *puller)
{
    struct tw_supply_pool *pool = puller->pool;
    pool->locked.live--;
    puller->next = pool->locked.spare;
    pool->locked.spare = puller;
}

/* Returns whether there is no other, and so nobody who will come. The pool may be gone. */
static bool could_not_start(struct tw__puller *puller)
{
    struct tw_supply_pool *pool = puller->pool;
    bool is_last;
    tw__lock_acquire(&pool->lock);
    pool->locked.free--;
    pool->locked.started--;
    pool->locked.failed_starts++;
    to_spare_locked(puller);
    is_last = pool->locked.live == 0;
    leave_locked(pool);
    return is_last;
}

/* Returns what submit answered if there is nobody now who will come; 0. The pool may be gone, and
 * the worker below with it, as soon as one is started. */
static int start_all(struct tw__puller *list)
{
    int answer = 0;
    while (list) {
        struct tw__puller *puller = list;
        struct tw_worker *below = tw_worker_ref(puller->pool->below);
        int rc;
        list = puller->next;
        rc = tw_worker_submit(below, &puller->node);
        tw_worker_unref(below);
        if (rc < 0 && could_not_start(puller))
            answer = rc == -ESHUTDOWN ? rc : -EAGAIN;
    }
    return answer;
}

/* --- a puller's steps ------------------------------------------------------------------------- */

static void take(struct tw__puller *puller)
{
    struct tw_supply_pool *pool = puller->pool;
    puller->task = pool->ops->take(pool->arg);
    puller->phase = puller->task ? PULLER_MARK : PULLER_LEAVE;
}

/* No longer free: who believed it was has to be made good. */
static void mark(struct tw__puller *puller)
{
    struct tw_supply_pool *pool = puller->pool;
    struct tw__puller *list;
    tw__lock_acquire(&pool->lock);
    pool->locked.free--;
    pool->locked.tasks--;
    list = those_short_locked(pool);
    tw__lock_release(&pool->lock); /* it is live itself: this is not the end */
    puller->phase = PULLER_RUN;
    start_all(list);
}

/* The work of its task is over. */
static void become_free(struct tw__runner *runner, bool is_brief)
{
    struct tw__puller *puller = TW_CONTAINER(runner, struct tw__puller, runner);
    struct tw_supply_pool *pool = puller->pool;
    (void)is_brief;
    if (is_inherited(pool))
        return; /* in a child that the task has forked, and comes back from */
    tw__lock_acquire(&pool->lock);
    if (pool->locked.live - pool->locked.leaving > pool->locked.limit) {
        pool->locked.leaving++;
        puller->phase = PULLER_GO;
    } else {
        pool->locked.free++;
        puller->seen = pool->locked.told;
        puller->phase = PULLER_TAKE;
    }
    tw__lock_release(&pool->lock);
}

static void run(struct tw__puller *puller)
{
    struct tw_task *task = puller->task;
    tw__task_set_runner(task, &puller->runner);
    task->fn(task, 0);
    if (puller->phase == PULLER_RUN) /* it has not said that it delivers */
        become_free(&puller->runner, true);
}

/* Returns whether it has left. */
static bool leave(struct tw__puller *puller)
{
    struct tw_supply_pool *pool = puller->pool;
    bool has_news;
    tw__lock_acquire(&pool->lock);
    has_news = puller->seen != pool->locked.told;
    if (has_news) {
        puller->seen = pool->locked.told;
        puller->phase = PULLER_TAKE;
        tw__lock_release(&pool->lock);
        return false;
    }
    pool->locked.free--;
    if (pool->locked.tasks > (ptrdiff_t)pool->locked.free)
        pool->locked.tasks = (ptrdiff_t)pool->locked.free;
    to_spare_locked(puller);
    leave_locked(pool);
    return true;
}

/* There were too many; meanwhile there may be too few. The pool is held by those it starts. */
static void go(struct tw__puller *puller)
{
    struct tw_supply_pool *pool = puller->pool;
    struct tw__puller *list;
    tw__lock_acquire(&pool->lock);
    pool->locked.leaving--;
    to_spare_locked(puller);
    list = those_short_locked(pool);
    leave_locked(pool);
    start_all(list);
}

bool tw__puller_step(struct tw__puller *puller)
{
    switch (puller->phase) {
    case PULLER_TAKE:
        take(puller);
        return true;
    case PULLER_MARK:
        mark(puller);
        return true;
    case PULLER_RUN:
        run(puller);
        return true;
    case PULLER_LEAVE:
        return !leave(puller);
    case PULLER_GO:
        go(puller);
        break;
    }
    return false;
}

static void node_fn(struct tw_task *node, int status)
{
    struct tw__puller *puller = TW_CONTAINER(node, struct tw__puller, node);
    struct tw_supply_pool *pool = puller->pool;
    if (status < 0)
        could_not_start(puller);
    else
        while (tw__puller_step(puller) && !is_inherited(pool))
            ;
}

/* --- the pool --------------------------------------------------------------------------------- */

int tw_supply_pool_added(struct tw_supply_pool *pool, size_t n)
{
    struct tw__puller *list;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_supply_pool_added: needs a pool");
    if (is_inherited(pool))
        return -EOWNERDEAD;
    tw__lock_acquire(&pool->lock);
    if (pool->locked.is_closed) {
        tw__lock_release(&pool->lock);
        return -ESHUTDOWN;
    }
    pool->locked.tasks += (ptrdiff_t)n;
    pool->locked.told++;
    list = those_short_locked(pool);
    tw__lock_release(&pool->lock);
    return start_all(list);
}

static struct block *make_block(struct tw_supply_pool *pool, size_t count)
{
    struct block *block = NULL;
    size_t i;
    if (count <= (SIZE_MAX - sizeof *block) / sizeof block->pullers[0])
        block = (struct block *)tw__zalloc(sizeof *block + count * sizeof block->pullers[0]);
    for (i = 0; block && i < count; i++) {
        tw_task_init(&block->pullers[i].node, node_fn);
        block->pullers[i].runner.delivers = become_free;
        block->pullers[i].pool = pool;
    }
    return block;
}

static void add_block_locked(struct tw_supply_pool *pool, struct block *block, size_t count)
{
    block->next = pool->locked.blocks;
    pool->locked.blocks = block;
    pool->locked.made += count;
    while (count-- > 0) {
        block->pullers[count].next = pool->locked.spare;
        pool->locked.spare = &block->pullers[count];
    }
}

/* Two callers at once may make more than are needed; they are there for the next time. */
int tw_supply_pool_set_limit(struct tw_supply_pool *pool, size_t limit)
{
    struct tw__puller *list;
    struct block *block = NULL;
    size_t made;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_supply_pool_set_limit: needs a pool");
    if (is_inherited(pool))
        return -EOWNERDEAD;
    tw__lock_acquire(&pool->lock);
    made = pool->locked.made;
    tw__lock_release(&pool->lock);
    if (limit > made && !(block = make_block(pool, limit - made)))
        return -ENOMEM;
    tw__lock_acquire(&pool->lock);
    if (block)
        add_block_locked(pool, block, limit - made);
    pool->locked.limit = limit;
    list = those_short_locked(pool);
    tw__lock_release(&pool->lock);
    start_all(list);
    return 0;
}

int tw_supply_pool_quit(struct tw_supply_pool *pool)
{
    bool was_closed;
    if (!pool)
        return tw__misuse(-EINVAL, "tw_supply_pool_quit: needs a pool");
    if (is_inherited(pool))
        return -EOWNERDEAD;
    tw__lock_acquire(&pool->lock);
    was_closed = pool->locked.is_closed;
    pool->locked.is_closed = true;
    leave_locked(pool);
    return was_closed ? -ESHUTDOWN : 0;
}

struct tw_supply_pool *tw_supply_pool_ref(struct tw_supply_pool *pool)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (pool)
        atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
    return pool;
}

struct tw_supply_pool *tw_supply_pool_unref(struct tw_supply_pool *pool)
{
    if (!pool || is_inherited(pool))
        return NULL;
    /* Release what we did with it, acquire what all others did. */
    if (atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) == 1) {
        tw_supply_pool_quit(pool);
        drop_hold(pool);
    }
    return NULL;
}

static int make_pool(struct tw_worker *below, size_t limit, struct tw_supply_pool **ret_pool)
{
    struct tw_supply_pool *pool;
    struct block *block = NULL;
    if (tw__worker_is_inherited(below))
        return -EOWNERDEAD;
    pool = (struct tw_supply_pool *)tw__zalloc(sizeof *pool);
    if (!pool || (limit && !(block = make_block(pool, limit)))) {
        tw__free(pool);
        return -ENOMEM;
    }
    atomic_init(&pool->refs, 1);
    atomic_init(&pool->holds, 2);
    pool->below = tw_worker_ref(below);
    tw__lock_init(&pool->lock);
    if (block)
        add_block_locked(pool, block, limit);
    pool->locked.limit = limit;
    *ret_pool = pool;
    return 0;
}

int tw_supply_pool_new(struct tw_worker *below, size_t limit, const struct tw_supply_ops *ops,
                       void *arg, tw_destroy_fn destroy, struct tw_supply_pool **ret_pool)
{
    struct tw_supply_pool *pool = NULL;
    int rc = below && ops && ops->size == sizeof *ops && ops->take && ret_pool
                 ? make_pool(below, limit, &pool)
                 : tw__misuse(-EINVAL, "tw_supply_pool_new: needs a worker, ops whose size is set, "
                                       "and ret_pool");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    pool->ops = ops;
    pool->arg = arg;
    pool->destroy = destroy;
    *ret_pool = pool;
    return 0;
}

int tw_supply_pool_statistics(struct tw_supply_pool *pool,
                              struct tw_supply_pool_numbers *ret_statistics)
{
    if (!pool || !ret_statistics || ret_statistics->size != sizeof *ret_statistics)
        return tw__misuse(
            -EINVAL, "tw_supply_pool_statistics: needs a pool, and a struct whose size is set");
    if (is_inherited(pool))
        return -EOWNERDEAD;
    tw__lock_acquire(&pool->lock);
    ret_statistics->limit = pool->locked.limit;
    ret_statistics->live = pool->locked.live;
    ret_statistics->free = pool->locked.free;
    ret_statistics->started = pool->locked.started;
    ret_statistics->failed_starts = pool->locked.failed_starts;
    tw__lock_release(&pool->lock);
    return 0;
}
