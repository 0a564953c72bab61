/*
 * A supply pool: threads over any source of tasks that you have: a list in a database, a priority
 * queue, the lines of a file (the "any old list" of the STM pool).
 *
 * The supply stays yours: its order, its locks, what is removed from it. The pool takes a task
 * whenever one of its workers is free, and starts workers as they are needed: tell it when you have
 * added something, and it asks how many workers it is short of. A worker that finds nothing leaves
 * at once, so nobody is woken to find nothing. In a forked child a pool made before is the
 * parent's, and answers -EOWNERDEAD.
 *
 *     static struct tw_task *take(void *arg);     the most urgent, or NULL; brings its own lock
 *     static size_t count(void *arg);
 *     static const struct tw_supply_ops ops = {sizeof ops, take, count};
 *
 *     rc = tw_supply_pool_new(tw_pool_worker(pool), 4, &ops, queue, queue_free, &workers);
 *     ...
 *     queue_put(queue, &request->task);
 *     rc = tw_supply_pool_added(workers, 1);
 */
#ifndef TWINE_THREADS_SUPPLY_POOL_H
#define TWINE_THREADS_SUPPLY_POOL_H

#include <stddef.h>
#include <stdint.h>
#include <twine/base/result.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

struct tw_supply_pool;

/** What a supply can do. */
struct tw_supply_ops {
    size_t size; /**< sizeof(struct tw_supply_ops) */
    /**
     * Take the next task out; its fn will be called with 0, once.
     *
     * Thread:  the pool's workers, several at once.
     * Returns: the task; NULL if there is none now.
     */
    struct tw_task *(*take)(void *arg);
    /**
     * How many tasks there are; or NULL in the slot, and then the pool keeps count by what it is
     * told and what it takes. Give one if tasks also leave the supply in other ways.
     *
     * Thread: any, under the pool's lock: it must be short, and must not call the pool.
     */
    size_t (*count)(void *arg);
};

/** A supply pool at one moment. */
struct tw_supply_pool_numbers {
    size_t size;            /**< set it to sizeof(struct tw_supply_pool_numbers) before the call */
    size_t limit;           /**< how many workers there may be */
    size_t live;            /**< how many there are */
    size_t free;            /**< how many of them have no task, and are about to look for one */
    uint64_t started;       /**< how many were started so far */
    uint64_t failed_starts; /**< how many more could not be */
};

/**
 * Make a pool over a supply.
 *
 * Thread:    any.
 * Ownership: the worker below is borrowed; the pool takes a reference. The ops are static. (arg,
 *            destroy) is consumed, on error too: destroy is called after the last call of the ops,
 *            when the pool has ended. The pool is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL without a worker or ops.
 *
 * @param below whose threads do the work: a tw_pool, for instance. Each worker is a task of it that
 *              goes on until the supply is empty
 * @param limit how many workers there may be; 0: none until tw_supply_pool_set_limit()
 */
TW_EXPORT int tw_supply_pool_new(struct tw_worker *below, size_t limit,
                                 const struct tw_supply_ops *ops, void *arg, tw_destroy_fn destroy,
                                 struct tw_supply_pool **ret_pool);

/** Hold a pool once more. Thread: any. Returns: the pool; NULL for NULL. */
TW_EXPORT struct tw_supply_pool *tw_supply_pool_ref(struct tw_supply_pool *pool);
/** Let go of a pool. One that nobody holds any more quits by itself. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_supply_pool *tw_supply_pool_unref(struct tw_supply_pool *pool);

/**
 * Say that n tasks have been added to the supply, after they were. As many workers as are short
 * then are started: one for each task that no free worker will take, up to the limit.
 *
 * Thread:  any, a task of the pool's own included.
 * Blocks:  as the submit of the worker below does.
 * Returns: 0; -ESHUTDOWN after quit, or if the worker below has quit; -EAGAIN if no worker could be
 *          started and there is none: what is in the supply waits for the next call; -EINVAL.
 */
TW_EXPORT int tw_supply_pool_added(struct tw_supply_pool *pool, size_t n);

/**
 * Change how many workers there may be. Raised, those that are short are started; lowered, those
 * too many leave when their task is done.
 *
 * Thread:  any.
 * Blocks:  as the submit of the worker below does.
 * Returns: 0; -ENOMEM, and the limit stays; -EINVAL for NULL.
 */
TW_EXPORT int tw_supply_pool_set_limit(struct tw_supply_pool *pool, size_t limit);

/**
 * Work off what the supply still has, and refuse to be told of more. With no worker there, what it
 * has stays in it. Then (arg, destroy) goes.
 *
 * Thread:  any.
 * Blocks:  never.
 * Returns: 0; -ESHUTDOWN if it has quit before; -EINVAL for NULL.
 */
TW_EXPORT int tw_supply_pool_quit(struct tw_supply_pool *pool);

/** Read a pool, at one moment. Thread: any. Returns: 0; -EINVAL if something is NULL or the size is
 * not set. */
TW_EXPORT int tw_supply_pool_statistics(struct tw_supply_pool *pool,
                                        struct tw_supply_pool_numbers *ret_statistics);

TW_END_DECLS

#endif
