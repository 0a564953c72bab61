/*
 * A job's way to the pool and home again, in one block: the Deferred, the task that travels, and
 * the result.
 *
 *     loop's thread     block made; its task submitted to the pool
 *     pool's thread     work; destroy; the worker is free; the same task submitted to the mailbox
 *     loop's thread     the source is fired with the result, and let go
 *
 * The block has two holds: the Deferred's, while anybody has a handle or the source, and the
 * task's, until it is home or has found the mailbox closed. So it is freed on the loop's thread, or
 * by a worker that came too late, whichever is last. Blocks that end at home are kept for reuse, up
 * to a bound. They are allocated some at a time: a burst of jobs beyond what is kept costs little in
 * the allocator, and memory goes back when all the blocks of a chunk have.
 */
#include <twine/deferred/from_thread.h>

#include <errno.h>
#include <stdatomic.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/threads/cancel_internal.h>
#include <twine/threads/worker_internal.h>

#define BLOCKS_KEPT 64
#define CHUNK_BLOCKS 16

struct block {
    struct tw_deferred deferred; /* the loop's; its canceller holds the pool */
    struct tw__away away;        /* the loop's */
    struct tw_reactor *reactor;  /* the loop's; valid while it is away */
    struct tw_task task;         /* whose turn it is */
    struct tw_worker *mailbox;   /* a reference, until the task goes home */
    tw_call_fn work;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until the task ends */
    struct tw_result result;
    atomic_int holds;
    atomic_bool is_cancelled; /* see tw_cancelled() */
    bool has_source;          /* the loop's */
    struct chunk *chunk;      /* fixed: where it lies */
};

struct chunk {
    atomic_int out; /* blocks in use, or kept */
    struct block blocks[CHUNK_BLOCKS];
};

/* --- blocks ----------------------------------------------------------------------------------- */

/* It may be a worker's thread, if that came too late. */
static void free_block(void *block)
{
    struct chunk *chunk = ((struct block *)block)->chunk;
    /* Release what we did with it, acquire what others did with the rest. */
    if (atomic_fetch_sub_explicit(&chunk->out, 1, memory_order_acq_rel) == 1)
        tw__free(chunk);
}

static void keep_block(struct tw__free_list *kept, struct block *block)
{
    *(void **)block = kept->first;
    kept->first = block;
    kept->count++;
}

static bool add_chunk(struct tw__free_list *kept)
{
    struct chunk *chunk = (struct chunk *)tw__malloc(sizeof *chunk);
    int i;
    if (!chunk)
        return false;
    atomic_init(&chunk->out, CHUNK_BLOCKS);
    for (i = CHUNK_BLOCKS; i-- > 0;) {
        chunk->blocks[i].chunk = chunk;
        keep_block(kept, &chunk->blocks[i]);
    }
    kept->free_block = free_block;
    return true;
}

static struct block *take_block(struct tw_reactor *reactor)
{
    struct tw__free_list *kept = &reactor->_common->blocks;
    struct block *block;
    if (!kept->first && !add_chunk(kept))
        return NULL;
    block = (struct block *)kept->first;
    kept->first = *(void **)block;
    kept->count--;
    return block;
}

/* reactor: where to keep it, or NULL. */
static void drop_hold(struct block *block, struct tw_reactor *reactor)
{
    /* Release what we did with it, acquire what the other side did. */
    if (atomic_fetch_sub_explicit(&block->holds, 1, memory_order_acq_rel) != 1)
        return;
    if (reactor && reactor->_common->blocks.count < BLOCKS_KEPT)
        keep_block(&reactor->_common->blocks, block);
    else
        free_block(block);
}

static void release_deferred(struct tw_deferred *deferred)
{
    drop_hold(TW_CONTAINER(deferred, struct block, deferred), NULL);
}

/* --- the way home ----------------------------------------------------------------------------- */

static void drop_source(struct block *block)
{
    if (block->has_source) {
        block->has_source = false;
        tw_source_unref(tw__source_of(&block->deferred));
    }
}

/* The task has come to the end of its way. */
static void end_task(struct block *block, struct tw_reactor *reactor)
{
    tw_result_done(&block->result);
    tw__context_drop(block->context);
    drop_hold(block, reactor);
}

/* The callbacks that run because of it see the context of the job. */
static void fire(struct block *block)
{
    struct tw_context *before = tw__context_swap(block->context);
    tw_source_fire(tw__source_of(&block->deferred), &block->result);
    tw__context_swap_back(before, block->context);
}

/* On the loop's thread. When the reactor goes, it has left the block behind before. */
static void come_home(struct tw_task *task, int status)
{
    struct block *block = TW_CONTAINER(task, struct block, task);
    struct tw_reactor *reactor = block->has_source ? block->reactor : NULL;
    (void)status;
    if (reactor) {
        tw__reactor_is_home(reactor, &block->away);
        if (!block->deferred.is_called) /* cancelled meanwhile: it comes too late */
            fire(block);
        drop_source(block);
    }
    end_task(block, reactor);
}

static void ask_to_stop(struct block *block)
{
    atomic_store_explicit(&block->is_cancelled, true, memory_order_release);
}

static void left_behind(struct tw__away *away)
{
    struct block *block = TW_CONTAINER(away, struct block, away);
    ask_to_stop(block);
    if (!block->deferred.is_called)
        tw_source_errback(tw__source_of(&block->deferred), tw__failure_shutdown());
    drop_source(block);
}

/* --- in the pool ------------------------------------------------------------------------------ */

static void run_work(struct block *block)
{
    atomic_bool *before = tw__cancel_flag_set(&block->is_cancelled);
    block->work(&block->result, block->arg);
    tw__cancel_flag_set(before);
}

static void work_in_pool(struct tw_task *task, int status)
{
    struct block *block = TW_CONTAINER(task, struct block, task);
    struct tw_context *before = tw__context_swap(block->context);
    if (status == 0)
        run_work(block);
    else
        tw_result_set_failure(&block->result, tw__failure_of_status(status));
    if (tw__worker_is_inherited(block->mailbox))
        return; /* a child that the work has forked: the block is the parent's */
    if (block->destroy)
        block->destroy(block->arg);
    tw__context_swap_back(before, block->context);
    if (tw__mailbox_send_home(block->mailbox, task, come_home) < 0)
        end_task(block, NULL);
}

/* Takes the work out of the pool if it has not started, and asks it to stop if it has; the Deferred
 * fails as cancelled in either case. */
static int cancel_block(struct tw_source *source, void *pool)
{
    struct block *block = TW_CONTAINER(tw__deferred_of(source), struct block, deferred);
    ask_to_stop(block);
    tw_worker_cancel((struct tw_worker *)pool, &block->task);
    return 0;
}

static void let_pool_go(void *pool)
{
    tw_worker_unref((struct tw_worker *)pool);
}

/* --- going out -------------------------------------------------------------------------------- */

static void init_block(struct block *block, struct tw_reactor *reactor, struct tw_worker *pool)
{
    tw__deferred_init(&block->deferred, cancel_block, tw_worker_ref(pool), let_pool_go,
                      release_deferred);
    tw_task_init(&block->task, work_in_pool);
    tw_result_init(&block->result);
    block->away.left_behind = left_behind;
    block->reactor = reactor;
    block->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    block->context = tw__context_capture();
    block->has_source = true;
    atomic_init(&block->holds, 2);
    atomic_init(&block->is_cancelled, false);
}

/* Takes (arg, destroy) only if it succeeds. */
static int send_out(struct tw_reactor *reactor, struct tw_worker *pool, tw_call_fn work, void *arg,
                    tw_destroy_fn destroy, struct block **ret_block)
{
    struct block *block;
    int rc;
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    block = take_block(reactor);
    if (!block)
        return -ENOMEM;
    init_block(block, reactor, pool);
    block->work = work;
    block->arg = arg;
    block->destroy = destroy;
    tw__reactor_goes_out(reactor, &block->away); /* before it can come home */
    rc = tw_worker_submit(pool, &block->task);
    if (rc < 0) {
        tw__reactor_is_home(reactor, &block->away);
        tw_worker_unref(pool);
        tw_worker_unref(block->mailbox);
        tw__context_drop(block->context);
        free_block(block);
        return rc;
    }
    *ret_block = block;
    return 0;
}

int tw_defer_to_pool(struct tw_reactor *reactor, struct tw_worker *pool, tw_call_fn work, void *arg,
                     tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    struct block *block = NULL;
    int rc =
        reactor && pool && work
            ? send_out(reactor, pool, work, arg, destroy, &block)
            : tw__misuse(-EINVAL, "tw_defer_to_pool, tw_defer_to_thread or tw_await_in_thread: "
                                  "needs a reactor and work, and the first a pool");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    if (ret_deferred)
        *ret_deferred = &block->deferred;
    else
        tw_deferred_unref(&block->deferred);
    return 0;
}

int tw_defer_to_thread(struct tw_reactor *reactor, tw_call_fn work, void *arg,
                       tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    struct tw_pool *pool = NULL;
    int rc = reactor ? tw_reactor_get_thread_pool(reactor, &pool)
                     : tw__misuse(-EINVAL, "tw_defer_to_thread: needs a reactor");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    return tw_defer_to_pool(reactor, tw_pool_worker(pool), work, arg, destroy, ret_deferred);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static bool has_result(const struct tw_deferred *deferred)
{
    return deferred->is_called && !deferred->waits_for && !deferred->pauses &&
           !deferred->is_running;
}

int tw_reactor_wait(struct tw_reactor *reactor, struct tw_deferred *deferred,
                    struct tw_result *ret_result)
{
    static const char refusal[] = "tw_reactor_wait: inside a callback the loop cannot turn, so the "
                                  "Deferred could never fire; add a callback to it instead";
    int rc = 0;
    if (!reactor || !deferred)
        return tw__misuse(-EINVAL, "tw_reactor_wait: needs a reactor and a Deferred");
    tw_deferred_ref(deferred);
    tw__reactor_start_pool(reactor);
    while (rc >= 0 && !has_result(deferred))
        rc = tw__reactor_is_open(reactor) ? tw__reactor_turn(reactor, true, refusal) : -ESHUTDOWN;
    if (rc >= 0 && ret_result)
        tw_result_move(&deferred->result, ret_result);
    tw_deferred_unref(deferred);
    return rc;
}
