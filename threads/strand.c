/*
 * The strand: an inbox, and one task, its turn, that is in the queue of the worker below while
 * there is something to do.
 *
 * The inbox says when to submit the turn: who puts something into one whose owner sleeps does it,
 * and nobody else. The turn itself is the owner: it submits itself again while something is left,
 * and otherwise declares itself asleep. So at most one turn is out, which is what makes the strand
 * exclusive.
 *
 * It lives while somebody holds it or its turn is out.
 */
#include <twine/threads/strand_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/inbox_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/worker_internal.h>

struct strand {
    struct tw_worker base;
    struct tw_worker *below; /* fixed, a reference */
    unsigned budget;         /* fixed */
    atomic_int holds;
    struct tw__inbox inbox;
    struct tw_task turn;
    struct tw_task *left; /* the turn's: taken from the inbox, not run yet */
};

static void drop_hold(struct strand *strand)
{
    if (atomic_fetch_sub(&strand->holds, 1) != 1)
        return;
    tw_worker_unref(strand->below);
    tw__free(strand);
}

/* One task, if there is one: performed, or given up with a status. */
static bool run_one(struct strand *strand, int status)
{
    struct tw_task *task;
    int taken;
    if (!strand->left)
        strand->left = tw__inbox_take(&strand->inbox);
    task = strand->left;
    if (!task)
        return false;
    strand->left = task->_next;
    task->_next = NULL;
    taken = tw__task_take(task);
    task->fn(task, taken < 0 ? taken : status);
    return true;
}

/* The worker below has given up: so do we, for good. */
static void give_up(struct strand *strand, int status)
{
    tw__inbox_close(&strand->inbox);
    while (run_one(strand, status))
        ;
    drop_hold(strand);
}

static bool is_done(struct strand *strand)
{
    return !strand->left && (tw__inbox_sleep(&strand->inbox) || tw__inbox_is_over(&strand->inbox));
}

/* Once the turn is submitted the strand may go before submit has returned: so hold the one below.
 * false: it has no place just now, and the strand is still ours. */
static bool submit_turn(struct strand *strand)
{
    struct tw_worker *below = tw_worker_ref(strand->below);
    int rc = tw_worker_submit(below, &strand->turn);
    if (rc < 0 && rc != -EAGAIN)
        give_up(strand, rc);
    tw_worker_unref(below);
    return rc != -EAGAIN;
}

static void run_some(struct strand *strand)
{
    struct tw__frame frame;
    unsigned ran;
    tw__frame_push(&frame, TW__FRAME_STRAND, &strand->base);
    for (ran = 0; ran < strand->budget && run_one(strand, 0); ran++)
        if (tw__worker_is_inherited(&strand->base))
            break; /* in a child that the task has forked, and comes back from */
    tw__frame_pop(&frame);
}

static void turn_fn(struct tw_task *turn, int status)
{
    struct strand *strand = TW_CONTAINER(turn, struct strand, turn);
    bool is_over;
    if (status < 0) {
        give_up(strand, status);
        return;
    }
    do { /* without a place below to step back to, it goes on */
        run_some(strand);
        if (tw__worker_is_inherited(&strand->base))
            return; /* the rest is the parent's */
        is_over = is_done(strand);
    } while (!is_over && !submit_turn(strand));
    if (is_over)
        drop_hold(strand);
}

static int strand_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct strand *strand = (struct strand *)worker;
    int rc;
    tw_task_accept(task, worker);
    rc = tw__inbox_push(&strand->inbox, task);
    if (rc < 0)
        return tw__task_refused(task, rc);
    if (rc == 0)
        return 0;
    atomic_fetch_add(&strand->holds, 1);
    if (!submit_turn(strand)) {
        while (!is_done(strand))
            run_one(strand, -EAGAIN);
        drop_hold(strand);
    }
    return 0;
}

static int strand_quit(struct tw_worker *worker)
{
    int rc = tw__inbox_close(&((struct strand *)worker)->inbox);
    return rc < 0 ? rc : 0;
}

static void strand_last_unref(struct tw_worker *worker)
{
    strand_quit(worker);
    drop_hold((struct strand *)worker);
}

static const struct tw_worker_ops strand_ops = {
    sizeof strand_ops,      "strand",    TW_WORKER_EXCLUSIVE,  strand_submit,
    tw_worker_cancel_claim, strand_quit, tw_worker_enter_none, tw_worker_leave_none,
    strand_last_unref};

struct tw_worker *tw__strand_below(struct tw_worker *worker)
{
    return worker->_ops == &strand_ops ? ((struct strand *)worker)->below : NULL;
}

int tw_strand_new(struct tw_worker *below, unsigned budget, struct tw_worker **ret_strand)
{
    struct strand *strand;
    if (!below || !ret_strand)
        return tw__misuse(-EINVAL, "tw_strand_new: needs a worker below and ret_strand");
    if (tw__worker_is_inherited(below))
        return -EOWNERDEAD;
    strand = (struct strand *)tw__zalloc(sizeof *strand);
    if (!strand)
        return -ENOMEM;
    tw_worker_init(&strand->base, &strand_ops);
    strand->below = tw_worker_ref(below);
    strand->budget = budget ? budget : TW_STRAND_BUDGET;
    atomic_init(&strand->holds, 1);
    tw__inbox_init(&strand->inbox);
    tw__inbox_sleep(&strand->inbox); /* the first task submits the turn */
    tw_task_init(&strand->turn, turn_fn);
    *ret_strand = &strand->base;
    return 0;
}
