/*
 * The limiter: a queue of its own, and tokens that carry its tasks to the worker below.
 *
 * A token owns the node that travels in the queue below, so that a task needs no memory; tokens are
 * made when the total is set, and freed with the limiter. A token is free, or borrowed: it has a
 * task, whose fn is being called, or its node is below.
 *
 * What always holds when the lock is free: while a task waits, all tokens of the total are borrowed;
 * or a thread could not be had, and one at least is borrowed. Either way somebody gives a token back
 * later, and whoever does serves those that wait, in the same visit. Only with a total of 0 may
 * tasks wait for nobody: then set_total serves them, and quit gives them up.
 *
 * Nothing is called with the lock held: a visit collects what is to be sent below and what is to be
 * given up. A send that fails is a visit again, whose tokens join the same list, so that a worker
 * below that refuses a thousand tasks needs no stack.
 *
 * A token is given back at tw_task_delivers(), while the task's fn is still on its thread's stack.
 * Over a worker it may then be sent below again at once: the worker below has been told first, so it
 * is idle and the first to take it (R14). A thread of the cache is idle only when fn has returned;
 * so there the token stays bound to its thread until then, and a task that borrows it meanwhile goes
 * to this same thread.
 *
 * The limiter lives while somebody holds it or a token is out.
 */
#include <twine/threads/limiter_internal.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/task_queue_internal.h>
#include <twine/threads/thread_cache_internal.h>
#include <twine/threads/worker_internal.h>

struct token {
    struct tw_task node;      /* goes to the worker below, or: */
    struct tw__cache_job job; /* to a thread of the cache */
    struct tw_limiter *limiter;
    struct tw_task *task; /* the borrower; written under the lock, read also by who performs it */
    atomic_bool is_running;
    struct {
        struct token *next, *prev; /* borrowed: in that ring; free: next in the stack */
        bool is_bound;             /* to a thread of the cache, which has not returned yet */
    } locked;
    struct token *next_to_send;
};

/* Tokens are made in blocks, one each time the total rises above what there are. */
struct block {
    struct block *next;
    struct token tokens[];
};

struct tw_limiter {
    struct tw_worker base;
    struct tw_worker *below; /* fixed, a reference, or NULL */
    struct tw__lock lock;
    struct {
        struct tw__task_queue waiting;
        struct token *free;    /* the one last given back first */
        struct token borrowed; /* the head of a ring, the longest holder first */
        struct block *blocks;
        size_t made, total, borrowers, waiters;
        size_t holds; /* the users' one, and one for each token that is out or bound */
        bool is_closed;
    } locked;
};

/* What is to be done when the lock is free. */
struct outcome {
    struct token *to_send, **end;
    struct tw__task_queue given_up; /* each with the reason in its claim */
    bool is_the_end;
};

/* --- visits, under the lock ------------------------------------------------------------------- */

static void enter(struct tw_limiter *limiter, struct outcome *outcome)
{
    outcome->to_send = NULL;
    outcome->end = &outcome->to_send;
    tw__task_queue_init(&outcome->given_up);
    outcome->is_the_end = false;
    tw__lock_acquire(&limiter->lock);
}

/* One hold, until it is given back, or has left its thread. */
static void to_send_locked(struct token *token, struct outcome *outcome)
{
    token->limiter->locked.holds++;
    token->locked.is_bound = !token->limiter->below;
    token->next_to_send = NULL;
    *outcome->end = token;
    outcome->end = &token->next_to_send;
}

static void lend_locked(struct tw_limiter *limiter, struct outcome *outcome)
{
    struct token *token = limiter->locked.free, *head = &limiter->locked.borrowed;
    limiter->locked.free = token->locked.next;
    token->locked.next = head;
    token->locked.prev = head->locked.prev;
    token->locked.prev->locked.next = token;
    head->locked.prev = token;
    limiter->locked.borrowers++;
    token->task = tw__task_queue_pop(&limiter->locked.waiting);
    atomic_store_explicit(&token->is_running, false, memory_order_relaxed);
    limiter->locked.waiters--;
    if (!token->locked.is_bound) /* else its thread looks when it returns */
        to_send_locked(token, outcome);
}

static void return_locked(struct token *token)
{
    struct tw_limiter *limiter = token->limiter;
    token->locked.prev->locked.next = token->locked.next;
    token->locked.next->locked.prev = token->locked.prev;
    limiter->locked.borrowers--;
    token->task = NULL;
    token->locked.next = limiter->locked.free;
    limiter->locked.free = token;
}

static void give_up_locked(struct tw_task *task, int why, struct outcome *outcome)
{
    tw__task_give_up(task, why); /* here, so that no cancel finds it on its way */
    tw__task_queue_append(&outcome->given_up, task);
}

/* Lend what can be lent; give up what nobody will come for. */
static void serve_locked(struct tw_limiter *limiter, struct outcome *outcome)
{
    bool is_dead = limiter->locked.is_closed && !limiter->locked.total;
    while (limiter->locked.waiters && limiter->locked.borrowers < limiter->locked.total)
        lend_locked(limiter, outcome);
    while (is_dead && limiter->locked.waiters && !limiter->locked.borrowers) {
        limiter->locked.waiters--;
        give_up_locked(tw__task_queue_pop(&limiter->locked.waiting), -ESHUTDOWN, outcome);
    }
}

/* After serve, so that what is to be sent counts already. */
static void drop_hold_locked(struct tw_limiter *limiter, struct outcome *outcome)
{
    outcome->is_the_end = --limiter->locked.holds == 0;
}

/* It could not be sent. Its task waits on if there is anybody to wait for; should that one's send
 * be failing just now too, the last of them finds nobody. */
static void take_back_locked(struct token *token, int error, struct outcome *outcome)
{
    struct tw_limiter *limiter = token->limiter;
    struct tw_task *task = token->task;
    token->locked.is_bound = false;
    return_locked(token);
    limiter->locked.is_closed |= error == -ESHUTDOWN;
    if (error != -ESHUTDOWN && limiter->locked.borrowers > 0) {
        tw__task_queue_prepend(&limiter->locked.waiting, task);
        limiter->locked.waiters++;
    } else {
        give_up_locked(task, error == -ESHUTDOWN ? -ESHUTDOWN : -EAGAIN, outcome);
        serve_locked(limiter, outcome);
    }
    drop_hold_locked(limiter, outcome);
}

/* --- the end of a visit ----------------------------------------------------------------------- */

/* Once it is sent, the limiter may go before submit has returned: so hold the worker below. */
static int send(struct token *token)
{
    struct tw_worker *below = tw_worker_ref(token->limiter->below);
    int rc = below ? tw_worker_submit(below, &token->node) : tw__thread_cache_start(&token->job);
    tw_worker_unref(below);
    return rc;
}

static void send_all(struct outcome *outcome)
{
    struct token *token;
    while ((token = outcome->to_send)) {
        struct tw_limiter *limiter = token->limiter;
        int rc;
        outcome->to_send = token->next_to_send; /* once it is sent, others may send it again */
        if (!outcome->to_send)
            outcome->end = &outcome->to_send;
        rc = send(token);
        if (rc < 0) {
            tw__lock_acquire(&limiter->lock); /* its hold is ours still */
            take_back_locked(token, rc, outcome);
            tw__lock_release(&limiter->lock);
        }
    }
}

static void tell_given_up(struct tw__task_queue *tasks)
{
    struct tw_task *task;
    while ((task = tw__task_queue_pop(tasks)))
        task->fn(task, tw__task_given_up(task));
}

static void free_limiter(struct tw_limiter *limiter)
{
    struct block *block, *next;
    for (block = limiter->locked.blocks; block; block = next) {
        next = block->next;
        tw__free(block);
    }
    tw_worker_unref(limiter->below);
    tw__lock_done(&limiter->lock);
    tw__free(limiter);
}

/* The limiter may be gone afterwards. */
static void leave(struct tw_limiter *limiter, struct outcome *outcome)
{
    tw__lock_release(&limiter->lock);
    send_all(outcome);
    tell_given_up(&outcome->given_up);
    if (outcome->is_the_end)
        free_limiter(limiter);
}

/* --- a token's way ---------------------------------------------------------------------------- */

/* On the stack while a task's fn is called. */
struct run {
    struct tw__runner base;
    struct token *token; /* not to be looked at once it is over */
    bool is_over;
};

static void give_back(struct run *run, bool is_brief)
{
    struct token *token = run->token;
    struct tw_limiter *limiter = token->limiter;
    struct outcome outcome;
    run->is_over = true;
    if (tw__worker_is_inherited(&limiter->base))
        return; /* in a child that the task has forked, and comes back from */
    if (limiter->below)
        tw__task_delivers(&token->node,
                          is_brief); /* before the next is sent, which finds this worker free */
    enter(limiter, &outcome);
    return_locked(token);
    serve_locked(limiter, &outcome);
    if (limiter->below)
        drop_hold_locked(limiter, &outcome);
    leave(limiter, &outcome);
}

static void run_delivers(struct tw__runner *runner, bool is_brief)
{
    give_back((struct run *)runner, is_brief);
}

static void perform(struct token *token, enum tw__frame_kind kind, int status)
{
    struct run run = {{run_delivers}, token, false};
    struct tw_task *task = token->task;
    struct tw__frame frame;
    int taken = tw__task_take(task);
    if (taken < 0)
        status = taken;
    if (status == 0)
        tw__task_set_runner(task, &run.base);
    /* Relaxed: only for those who look. */
    atomic_store_explicit(&token->is_running, true, memory_order_relaxed);
    tw__frame_push(&frame, kind, &token->limiter->base);
    task->fn(task, status);
    tw__frame_pop(&frame);
    if (!run.is_over)
        give_back(&run, true);
}

static void node_fn(struct tw_task *node, int status)
{
    perform(TW_CONTAINER(node, struct token, node), TW__FRAME_STRAND, status);
}

static void run_on_thread(struct tw__cache_job *job)
{
    perform(TW_CONTAINER(job, struct token, job), TW__FRAME_WORKER, 0);
}

/* The thread is idle. If the token has been borrowed meanwhile, it is the first to be taken. */
static void leave_thread(struct tw__cache_job *job)
{
    struct token *token = TW_CONTAINER(job, struct token, job);
    struct tw_limiter *limiter = token->limiter;
    struct outcome outcome;
    enter(limiter, &outcome);
    token->locked.is_bound = false;
    if (token->task)
        to_send_locked(token, &outcome);
    drop_hold_locked(limiter, &outcome);
    leave(limiter, &outcome);
}

/* --- the worker ------------------------------------------------------------------------------- */

static int limiter_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct tw_limiter *limiter = (struct tw_limiter *)worker;
    struct outcome outcome;
    int rc = 0;
    enter(limiter, &outcome);
    if (limiter->locked.is_closed) {
        rc = -ESHUTDOWN;
    } else {
        tw_task_accept(task, worker);
        tw__task_queue_append(&limiter->locked.waiting, task);
        limiter->locked.waiters++;
        serve_locked(limiter, &outcome);
    }
    leave(limiter, &outcome);
    return rc;
}

/* One that has a token is not linked here; whoever performs it finds it cancelled. */
static int limiter_cancel(struct tw_worker *worker, struct tw_task *task)
{
    struct tw_limiter *limiter = (struct tw_limiter *)worker;
    struct outcome outcome;
    int rc = tw_worker_cancel_claim(worker, task);
    if (rc < 0)
        return rc;
    enter(limiter, &outcome);
    if (tw__task_is_cancelled(task) && tw__task_is_linked(task)) {
        tw__task_unlink(task);
        limiter->locked.waiters--;
        give_up_locked(task, -ECANCELED, &outcome);
    }
    leave(limiter, &outcome);
    return 0;
}

static int limiter_quit(struct tw_worker *worker)
{
    struct tw_limiter *limiter = (struct tw_limiter *)worker;
    struct outcome outcome;
    bool was_closed;
    enter(limiter, &outcome);
    was_closed = limiter->locked.is_closed;
    limiter->locked.is_closed = true;
    serve_locked(limiter, &outcome);
    leave(limiter, &outcome);
    return was_closed ? -ESHUTDOWN : 0;
}

static void limiter_last_unref(struct tw_worker *worker)
{
    struct tw_limiter *limiter = (struct tw_limiter *)worker;
    struct outcome outcome;
    enter(limiter, &outcome);
    limiter->locked.is_closed = true;
    serve_locked(limiter, &outcome);
    drop_hold_locked(limiter, &outcome);
    leave(limiter, &outcome);
}

static const struct tw_worker_ops limiter_ops = {sizeof limiter_ops,
                                                 "limiter",
                                                 0,
                                                 limiter_submit,
                                                 limiter_cancel,
                                                 limiter_quit,
                                                 tw_worker_enter_none,
                                                 tw_worker_leave_none,
                                                 limiter_last_unref};

struct tw_worker *tw_limiter_worker(struct tw_limiter *limiter)
{
    return limiter ? &limiter->base : NULL;
}

struct tw_limiter *tw_limiter_ref(struct tw_limiter *limiter)
{
    tw_worker_ref(tw_limiter_worker(limiter));
    return limiter;
}

struct tw_limiter *tw_limiter_unref(struct tw_limiter *limiter)
{
    tw_worker_unref(tw_limiter_worker(limiter));
    return NULL;
}

/* --- tokens ----------------------------------------------------------------------------------- */

static void init_token(struct token *token, struct tw_limiter *limiter)
{
    static const char name[] = "twine limiter";
    tw_task_init(&token->node, node_fn);
    token->job.run = run_on_thread;
    token->job.deliver = leave_thread;
    memcpy(token->job.name, name, sizeof name);
    token->limiter = limiter;
}

static struct block *make_block(struct tw_limiter *limiter, size_t count)
{
    struct block *block = NULL;
    size_t i;
    if (count <= (SIZE_MAX - sizeof *block) / sizeof block->tokens[0])
        block = (struct block *)tw__zalloc(sizeof *block + count * sizeof block->tokens[0]);
    for (i = 0; block && i < count; i++)
        init_token(&block->tokens[i], limiter);
    return block;
}

static void add_block_locked(struct tw_limiter *limiter, struct block *block, size_t count)
{
    block->next = limiter->locked.blocks;
    limiter->locked.blocks = block;
    limiter->locked.made += count;
    while (count-- > 0) {
        block->tokens[count].locked.next = limiter->locked.free;
        limiter->locked.free = &block->tokens[count];
    }
}

/* Two callers at once may make more than are needed; they are there for the next time. */
int tw_limiter_set_total(struct tw_limiter *limiter, size_t total)
{
    struct block *block = NULL;
    struct outcome outcome;
    size_t made;
    if (!limiter)
        return tw__misuse(-EINVAL, "tw_limiter_set_total: needs a limiter");
    if (tw__worker_is_inherited(&limiter->base))
        return -EOWNERDEAD;
    tw__lock_acquire(&limiter->lock);
    made = limiter->locked.made;
    tw__lock_release(&limiter->lock);
    if (total > made && !(block = make_block(limiter, total - made)))
        return -ENOMEM;
    enter(limiter, &outcome);
    if (block)
        add_block_locked(limiter, block, total - made);
    limiter->locked.total = total;
    serve_locked(limiter, &outcome);
    leave(limiter, &outcome);
    return 0;
}

/* --- making one, and looking at it ------------------------------------------------------------ */

struct tw_worker *tw__limiter_below(struct tw_worker *worker)
{
    return worker->_ops == &limiter_ops ? ((struct tw_limiter *)worker)->below : NULL;
}

int tw_limiter_new(struct tw_worker *below, size_t total, struct tw_limiter **ret_limiter)
{
    struct tw_limiter *limiter;
    struct block *block = NULL;
    if (!ret_limiter)
        return tw__misuse(-EINVAL, "tw_limiter_new: needs ret_limiter");
    limiter = (struct tw_limiter *)tw__zalloc(sizeof *limiter);
    if (!limiter || (total && !(block = make_block(limiter, total)))) {
        tw__free(limiter);
        return -ENOMEM;
    }
    tw_worker_init(&limiter->base, &limiter_ops);
    limiter->below = tw_worker_ref(below);
    tw__lock_init(&limiter->lock);
    tw__task_queue_init(&limiter->locked.waiting);
    limiter->locked.borrowed.locked.next = limiter->locked.borrowed.locked.prev =
        &limiter->locked.borrowed;
    limiter->locked.holds = 1;
    if (block)
        add_block_locked(limiter, block, total);
    limiter->locked.total = total;
    *ret_limiter = limiter;
    return 0;
}

int tw_limiter_statistics(struct tw_limiter *limiter, struct tw_limiter_numbers *ret_statistics)
{
    if (!limiter || !ret_statistics || ret_statistics->size != sizeof *ret_statistics)
        return tw__misuse(-EINVAL,
                          "tw_limiter_statistics: needs a limiter, and a struct whose size is set");
    if (tw__worker_is_inherited(&limiter->base))
        return -EOWNERDEAD;
    tw__lock_acquire(&limiter->lock);
    ret_statistics->total = limiter->locked.total;
    ret_statistics->borrowed = limiter->locked.borrowers;
    ret_statistics->waiting = limiter->locked.waiters;
    tw__lock_release(&limiter->lock);
    return 0;
}

int tw_limiter_each_borrower(struct tw_limiter *limiter, tw_borrower_fn fn, void *arg)
{
    struct token *token, *head;
    int count = 0;
    if (!limiter || !fn)
        return tw__misuse(-EINVAL, "tw_limiter_each_borrower: needs a limiter and a function");
    if (tw__worker_is_inherited(&limiter->base))
        return -EOWNERDEAD;
    tw__lock_acquire(&limiter->lock);
    head = &limiter->locked.borrowed;
    for (token = head->locked.next; token != head; token = token->locked.next, count++)
        fn(arg, token->task, atomic_load_explicit(&token->is_running, memory_order_relaxed));
    tw__lock_release(&limiter->lock);
    return count;
}
