/*
 * A job's way to the pool and home again, in one block: the Deferred, the task that travels, and
 * the result.
 *
 *     loop's thread     block made; its task submitted to the pool
 *     pool's thread     work; destroy; the worker is free; the same task submitted to the mailbox
 *     loop's thread     the source is fired with the result, and let go
 *
 * What the pool's thread needs is the block's first cache line, and nothing else of the block: that
 * line goes there and back, and the others stay with the loop.
 *
 * The block has two holds: the Deferred's, while anybody has a handle or the source, and the
 * task's, until it is home or has found the mailbox closed. So it is freed on the loop's thread, or
 * by a worker that came too late, whichever is last. Only such a worker, and who drops the other hold
 * of a block that was left behind, need an exchange for that: all else happens on the loop's thread.
 *
 * Blocks that end at home are kept for reuse, up to a bound. They are allocated some at a time: a
 * burst of jobs beyond what is kept costs little in the allocator, and memory goes back when all the
 * blocks of a chunk have. A chunk holds the mailbox for all of its blocks, and the reactor the pool
 * that most jobs are sent to, for all that are out.
 */
#include <twine/deferred/from_thread.h>

#include <errno.h>
#include <stdatomic.h>
#include <twine/base/cache_line_internal.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/calls_from_threads_internal.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/threads/cancel_internal.h>
#include <twine/threads/worker_internal.h>

#define BLOCKS_KEPT 64
#define CHUNK_BLOCKS 16

enum where { OUT, HOME, LEFT_BEHIND };

/* Four lines. The canceller's argument is the pool: a reference while it is out, unless that is the
 * usual one's. */
struct block {
    _Alignas(TW__CACHE_LINE) struct tw_task task; /* whose turn it is, has all of this line */
    union {
        struct {
            tw_call_fn work;
            void *arg;
            tw_destroy_fn destroy;
        } job;
        struct tw_result result; /* once the work begins */
    } as;
    unsigned char place;      /* fixed: in its chunk */
    bool has_context;         /* fixed while it is out */
    atomic_bool is_cancelled; /* see tw_cancelled() */
    atomic_uchar holds;
    unsigned char where; /* the loop's, as are the others, but it does not change while it is out */
    bool has_usual_pool;
    _Alignas(TW__CACHE_LINE) struct tw_deferred deferred; /* the loop's */
};

#if !defined(TWINE_CHECKS) || !TWINE_CHECKS
_Static_assert(sizeof(struct block) <= (size_t)4 * TW__CACHE_LINE, "four lines");
#endif

static void left_behind(struct tw__away *away);

struct chunk {
    struct block blocks[CHUNK_BLOCKS];
    /* Fixed, but for the contexts, which change between two jobs. */
    void *memory;                 /* what was allocated: blocks begin with a line */
    struct tw_reactor *reactor;   /* the loop's; valid while a block is out */
    struct tw_worker *mailbox;    /* a reference */
    struct tw_context **contexts; /* of each block that has one: a reference, until its task ends;
                                     NULL: no block has had one yet */
    TW__APART(from_the_workers);
    /* The loop's. */
    struct tw__away away; /* while any block is out */
    unsigned outside;     /* a bit for each that is */
    atomic_int out;       /* blocks in use, or kept */
};

/* --- blocks ----------------------------------------------------------------------------------- */

static struct chunk *chunk_of(struct block *block)
{
    return TW_CONTAINER(block - block->place, struct chunk, blocks);
}

/* It may be a worker's thread, if that came too late. */
static void free_block(void *block)
{
    struct chunk *chunk = chunk_of((struct block *)block);
    /* Release what we did with it, acquire what others did with the rest. */
    if (atomic_fetch_sub_explicit(&chunk->out, 1, memory_order_acq_rel) == 1) {
        tw_worker_unref(chunk->mailbox);
        tw__free(chunk->contexts);
        tw__free(chunk->memory);
    }
}

static struct chunk *new_chunk(struct tw_reactor *reactor)
{
    void *memory = tw__malloc(sizeof(struct chunk) + TW__CACHE_LINE - 1);
    struct chunk *chunk = (struct chunk *)tw__next_line(memory);
    if (!memory)
        return NULL;
    chunk->memory = memory;
    chunk->reactor = reactor;
    chunk->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    chunk->contexts = NULL;
    chunk->away.left_behind = left_behind;
    chunk->outside = 0;
    atomic_init(&chunk->out, CHUNK_BLOCKS);
    return chunk;
}

static bool add_chunk(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    struct chunk *chunk = new_chunk(reactor);
    int i;
    if (!chunk)
        return false;
    common->blocks.room = BLOCKS_KEPT;
    common->free_block = free_block;
    for (i = CHUNK_BLOCKS; i-- > 0;) {
        chunk->blocks[i].place = (unsigned char)i;
        tw__spares_keep(&common->blocks, &chunk->blocks[i]);
    }
    return true;
}

static struct block *take_block(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    void *block = tw__spares_take(&common->blocks);
    if (!block && add_chunk(reactor))
        block = tw__spares_take(&common->blocks);
    return (struct block *)block;
}

/* On the loop's thread. reactor: NULL, if it has left the block behind. */
static void end_block(struct block *block, struct tw_reactor *reactor)
{
    if (!reactor || !tw__spares_keep(&reactor->_common->blocks, block))
        free_block(block);
}

/* Returns whether it was the last. Alone: nobody can be dropping the other one on another thread. */
static bool drop_hold(struct block *block, bool is_alone)
{
    unsigned char holds;
    if (!is_alone) /* release what we did with it, acquire what the other side did */
        return atomic_fetch_sub_explicit(&block->holds, 1, memory_order_acq_rel) == 1;
    holds = (unsigned char)(atomic_load_explicit(&block->holds, memory_order_relaxed) - 1);
    atomic_store_explicit(&block->holds, holds, memory_order_relaxed);
    return holds == 0;
}

/* While it is out the source is ours: so it is home, or has been left behind. */
static void release_deferred(struct tw_deferred *deferred)
{
    struct block *block = TW_CONTAINER(deferred, struct block, deferred);
    if (drop_hold(block, block->where == HOME))
        free_block(block);
}

/* --- out and home ----------------------------------------------------------------------------- */

static void goes_out(struct block *block)
{
    struct chunk *chunk = chunk_of(block);
    unsigned before = chunk->outside;
    chunk->outside = before | 1u << block->place;
    if (!before)
        tw__reactor_goes_out(chunk->reactor, &chunk->away);
}

static void is_home(struct block *block)
{
    struct chunk *chunk = chunk_of(block);
    chunk->outside &= ~(1u << block->place);
    if (!chunk->outside)
        tw__reactor_is_home(chunk->reactor, &chunk->away);
}

/* --- the pool it is sent to ------------------------------------------------------------------- */

static void hold_pool(struct block *block, struct tw_reactor *reactor, struct tw_worker *pool)
{
    struct tw__reactor_common *common = reactor->_common;
    if (!common->usual.jobs)
        common->usual.pool = tw_worker_ref(pool);
    block->has_usual_pool = common->usual.pool == pool;
    if (block->has_usual_pool)
        common->usual.jobs++;
    else
        tw_worker_ref(pool);
}

static void let_pool_go(struct block *block, struct tw_reactor *reactor)
{
    if (!block->has_usual_pool || --reactor->_common->usual.jobs == 0)
        tw_worker_unref((struct tw_worker *)block->deferred.canceller_arg);
}

/* --- its context ------------------------------------------------------------------------------ */

static struct tw_context *context_of(struct block *block)
{
    return block->has_context ? chunk_of(block)->contexts[block->place] : NULL;
}

/* false: no memory. Few jobs have one, so there is no room for it in a block. */
static bool take_context(struct block *block)
{
    struct chunk *chunk = chunk_of(block);
    block->has_context = tw__here.context != NULL;
    if (!block->has_context)
        return true;
    if (!chunk->contexts) {
        size_t bytes = CHUNK_BLOCKS * sizeof *chunk->contexts;
        chunk->contexts = (struct tw_context **)tw__malloc(bytes);
    }
    if (chunk->contexts)
        chunk->contexts[block->place] = tw__context_capture();
    return chunk->contexts != NULL;
}

/* --- the way home ----------------------------------------------------------------------------- */

/* Unless it was cancelled meanwhile, and this comes too late. The callbacks that run because of it see
 * the context of the job. */
static void fire(struct block *block)
{
    struct tw_context *context = context_of(block);
    struct tw_context *before = tw__context_swap(context);
    if (!block->deferred.is_called)
        tw__deferred_fire_last(&block->deferred, &block->as.result);
    else
        tw_source_unref(tw__source_of(&block->deferred));
    tw__context_swap_back(before, context);
}

/* The task has come to the end of its way, but for its hold. */
static void end_task(struct block *block)
{
    tw_result_done(&block->as.result);
    if (block->has_context)
        tw_context_unref(context_of(block));
}

/* On the loop's thread. When the reactor goes, it has left the block behind before. */
static void come_home(struct tw_task *task, int status)
{
    struct block *block = TW_CONTAINER(task, struct block, task);
    struct tw_reactor *reactor = block->where == OUT ? chunk_of(block)->reactor : NULL;
    (void)status;
    block->where = HOME;
    if (reactor) {
        is_home(block);
        let_pool_go(block, reactor);
        fire(block);
    }
    end_task(block);
    if (drop_hold(block, true))
        end_block(block, reactor);
}

static void ask_to_stop(struct block *block)
{
    atomic_store_explicit(&block->is_cancelled, true, memory_order_release);
}

static void leave_block_behind(struct block *block, struct tw_reactor *reactor)
{
    ask_to_stop(block);
    let_pool_go(block, reactor);
    if (!block->deferred.is_called)
        tw_source_errback(tw__source_of(&block->deferred), tw__failure_shutdown());
    block->where = LEFT_BEHIND;
    tw_source_unref(tw__source_of(&block->deferred));
}

/* In no particular order. The chunk goes with its last block. */
static void left_behind(struct tw__away *away)
{
    struct chunk *chunk = TW_CONTAINER(away, struct chunk, away);
    struct tw_reactor *reactor = chunk->reactor;
    struct block *block = chunk->blocks;
    unsigned outside = chunk->outside;
    chunk->outside = 0;
    for (; outside; block++, outside >>= 1)
        if (outside & 1)
            leave_block_behind(block, reactor);
}

/* --- in the pool ------------------------------------------------------------------------------ */

/* The result takes the place of the job. */
static void run_work(struct block *block, void *arg)
{
    atomic_bool *before = tw__cancel_flag_set(&block->is_cancelled);
    tw_call_fn work = block->as.job.work;
    tw_result_init(&block->as.result);
    work(&block->as.result, arg);
    tw__cancel_flag_set(before);
}

static void work_in_pool(struct tw_task *task, int status)
{
    struct block *block = TW_CONTAINER(task, struct block, task);
    struct tw_context *context = context_of(block);
    struct tw_context *before = tw__context_swap(context);
    struct tw_worker *mailbox = chunk_of(block)->mailbox;
    tw_destroy_fn destroy = block->as.job.destroy;
    void *arg = block->as.job.arg;
    if (status == 0) {
        run_work(block, arg);
    } else {
        tw_result_init(&block->as.result);
        tw_result_set_failure(&block->as.result, tw__failure_of_status(status));
    }
    if (tw__worker_is_inherited(mailbox))
        return; /* a child that the work has forked: the block is the parent's */
    if (destroy)
        destroy(arg);
    tw__context_swap_back(before, context);
    if (tw__task_send_home(mailbox, task, come_home) == 0)
        return;
    end_task(block);
    if (drop_hold(block, false))
        free_block(block);
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

/* --- going out -------------------------------------------------------------------------------- */

static void init_block(struct block *block, struct tw_reactor *reactor, struct tw_worker *pool)
{
    tw__deferred_init(&block->deferred, cancel_block, pool, NULL, release_deferred);
    tw_task_init(&block->task, work_in_pool);
    hold_pool(block, reactor, pool);
    block->where = OUT;
    atomic_init(&block->holds, 2);
    atomic_init(&block->is_cancelled, false);
}

/* It was refused, and nobody has seen its Deferred. */
static void take_down(struct block *block, struct tw_reactor *reactor)
{
    is_home(block);
    let_pool_go(block, reactor);
    tw__context_drop(context_of(block));
    if (block->deferred.is_noted)
        tw__debug_forget(&block->deferred);
}

/* With its context, and nothing else. */
static int get_block(struct tw_reactor *reactor, struct block **ret_block)
{
    struct block *block;
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    block = take_block(reactor);
    if (!block)
        return -ENOMEM;
    if (!take_context(block)) {
        end_block(block, reactor);
        return -ENOMEM;
    }
    *ret_block = block;
    return 0;
}

/* Takes (arg, destroy) only if it succeeds. */
static int send_out(struct tw_reactor *reactor, struct tw_worker *pool, tw_call_fn work, void *arg,
                    tw_destroy_fn destroy, struct block **ret_block)
{
    struct block *block;
    int rc = get_block(reactor, &block);
    if (rc < 0)
        return rc;
    init_block(block, reactor, pool);
    block->as.job.work = work;
    block->as.job.arg = arg;
    block->as.job.destroy = destroy;
    goes_out(block); /* before it can come home */
    rc = tw_worker_submit(pool, &block->task);
    if (rc < 0) {
        take_down(block, reactor);
        end_block(block, reactor);
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
