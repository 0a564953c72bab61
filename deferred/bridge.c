/*
 * Between Deferreds and what belongs to all threads.
 *
 *     future -> Deferred    a waiter in the future, which sends itself to the mailbox when it is
 *                           done, as a job goes home (from_thread.c)
 *     Deferred -> future    a link in the Deferred, which completes the future; a cancel of the
 *                           future travels to the mailbox the other way
 *     a link elsewhere      a callback that leaves the Deferred of a job
 */
#include <twine/deferred/bridge.h>

#include <errno.h>
#include <stdatomic.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/deferred/from_thread.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/threads/future_internal.h>

/* --- a future's result as a Deferred ---------------------------------------------------------- */

/* Held by the Deferred, while anybody has a handle or the source, and by the way home. */
struct arrival {
    struct tw_deferred deferred; /* the loop's */
    struct tw__away away;        /* the loop's */
    struct tw_reactor *reactor;  /* the loop's; valid while it has its source */
    struct tw__waiter waiter;
    struct tw_task task;
    struct tw_worker *mailbox;  /* a reference, until the way home ends */
    struct tw_future *future;   /* so too */
    struct tw_context *context; /* so too */
    atomic_int holds;
    atomic_bool is_on_its_way; /* the future is done, or the reactor does not wait for that */
    bool has_source;           /* the loop's */
};

static void drop_hold(struct arrival *arrival)
{
    /* Release what we did with it, acquire what the other side did. */
    if (atomic_fetch_sub_explicit(&arrival->holds, 1, memory_order_acq_rel) == 1)
        tw__free(arrival);
}

static void release_deferred(struct tw_deferred *deferred)
{
    drop_hold(TW_CONTAINER(deferred, struct arrival, deferred));
}

static void end_way(struct arrival *arrival)
{
    tw_future_unref(arrival->future);
    tw_worker_unref(arrival->mailbox);
    tw__context_drop(arrival->context);
    drop_hold(arrival);
}

static void drop_source(struct arrival *arrival)
{
    arrival->has_source = false;
    tw_source_unref(tw__source_of(&arrival->deferred));
}

/* The callbacks that run because of it see the context of who asked for it. */
static void fire(struct arrival *arrival)
{
    struct tw_context *before = tw__context_swap(arrival->context);
    struct tw_result result = TW_RESULT_INIT;
    tw_future_result(arrival->future, 0, &result);
    tw_source_fire(tw__source_of(&arrival->deferred), &result);
    tw__context_swap_back(before, arrival->context);
}

static void arrive(struct arrival *arrival)
{
    tw__reactor_is_home(arrival->reactor, &arrival->away);
    if (!arrival->deferred.is_called)
        fire(arrival);
    else
        tw_future_failure(arrival->future); /* whoever has cancelled it does not want to be told */
    drop_source(arrival);
}

static void come_home(struct tw_task *task, int status)
{
    struct arrival *arrival = TW_CONTAINER(task, struct arrival, task);
    (void)status;
    if (arrival->has_source)
        arrive(arrival);
    end_way(arrival);
}

static bool is_done(struct tw__waiter *waiter, struct tw_future *future)
{
    struct arrival *arrival = TW_CONTAINER(waiter, struct arrival, waiter);
    (void)future;
    return !atomic_exchange(&arrival->is_on_its_way, true);
}

/* The reference is held until submit has returned, since the block may go as soon as it is in. */
static void send_home(struct tw__waiter *waiter, struct tw_future *future)
{
    struct arrival *arrival = TW_CONTAINER(waiter, struct arrival, waiter);
    struct tw_worker *mailbox = tw_worker_ref(arrival->mailbox);
    (void)future;
    if (tw_worker_submit(mailbox, &arrival->task) < 0)
        end_way(arrival);
    tw_worker_unref(mailbox);
}

static void left_behind(struct tw__away *away)
{
    struct arrival *arrival = TW_CONTAINER(away, struct arrival, away);
    if (!arrival->deferred.is_called)
        tw_source_errback(tw__source_of(&arrival->deferred), tw__failure_shutdown());
    drop_source(arrival);
    tw__future_remove_waiter(arrival->future, &arrival->waiter);
    if (!atomic_exchange(&arrival->is_on_its_way, true))
        end_way(arrival);
}

static int cancel_future(struct tw_source *source, void *unused)
{
    (void)unused;
    tw_future_cancel(TW_CONTAINER(tw__deferred_of(source), struct arrival, deferred)->future);
    return 0;
}

static void init_arrival(struct arrival *arrival, struct tw_reactor *reactor,
                         struct tw_future *future)
{
    tw__deferred_init(&arrival->deferred, cancel_future, NULL, NULL, release_deferred);
    arrival->away.left_behind = left_behind;
    arrival->reactor = reactor;
    arrival->waiter.is_done = is_done;
    arrival->waiter.afterwards = send_home;
    tw_task_init(&arrival->task, come_home);
    arrival->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    arrival->future = tw_future_ref(future);
    arrival->context = tw__context_capture();
    atomic_init(&arrival->holds, 2);
    arrival->has_source = true;
}

int tw_deferred_from_future(struct tw_reactor *reactor, struct tw_future *future,
                            struct tw_deferred **ret_deferred)
{
    struct arrival *arrival;
    if (!reactor || !future || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_deferred_from_future: needs a reactor, a future and "
                                   "ret_deferred");
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    arrival = (struct arrival *)tw__zalloc(sizeof *arrival);
    if (!arrival)
        return -ENOMEM;
    init_arrival(arrival, reactor, future);
    tw__reactor_goes_out(reactor, &arrival->away);
    *ret_deferred = &arrival->deferred;
    if (!tw__future_add_waiter(future, &arrival->waiter)) {
        arrive(arrival); /* it is done already */
        end_way(arrival);
    }
    return 0;
}

/* --- a Deferred's result as a future ---------------------------------------------------------- */

/* Counted as the future is; the link in the Deferred has a reference, and a cancel that travels. */
struct departure {
    struct tw_future future;
    struct tw_task task;          /* the cancel */
    struct tw_worker *mailbox;    /* fixed, a reference */
    struct tw_deferred *deferred; /* the loop's: while our link is in it; NULL */
};

static void cancel_deferred(struct tw_task *task, int status)
{
    struct departure *departure = TW_CONTAINER(task, struct departure, task);
    if (status == 0 && departure->deferred)
        tw_deferred_cancel(departure->deferred);
    tw_future_unref(&departure->future);
}

/* At most once, since a future is cancelled at most once. */
static void withdraw(struct tw_future *future)
{
    struct departure *departure = (struct departure *)future;
    tw_future_ref(future);
    if (tw_worker_submit(departure->mailbox, &departure->task) < 0)
        tw_future_unref(future);
}

static void run_here(struct tw_future *future)
{
    (void)future; /* it has no place, so nobody asks for that */
}

static void free_departure(struct tw_future *future)
{
    struct departure *departure = (struct departure *)future;
    tw__future_done(future);
    tw_worker_unref(departure->mailbox);
    tw__free(departure);
}

static const struct tw__future_ops departure_ops = {withdraw, run_here, free_departure};

/* If it was cancelled meanwhile nobody wants the result. */
static void complete(struct departure *departure, struct tw_result *result)
{
    departure->deferred = NULL;
    if (tw__future_begin(&departure->future)) {
        tw_result_move(result, &departure->future.result);
        tw__future_complete(&departure->future);
    } else {
        tw_result_set(result, NULL, NULL);
    }
}

static void complete_link(struct tw_result *result, void *departure)
{
    complete((struct departure *)departure, result);
}

static void link_is_over(void *arg)
{
    struct departure *departure = (struct departure *)arg;
    struct tw_result result = TW_RESULT_INIT;
    if (departure->deferred) { /* it has gone without running the link */
        tw_result_set_failure(&result, tw__failure_abandoned());
        complete(departure, &result);
    }
    tw_future_unref(&departure->future);
}

static struct departure *new_departure(struct tw_reactor *reactor, struct tw_deferred *deferred)
{
    struct departure *departure = (struct departure *)tw__zalloc(sizeof *departure);
    if (!departure)
        return NULL;
    tw__future_init(&departure->future, 1, &departure_ops, NULL);
    tw_task_init(&departure->task, cancel_deferred);
    departure->mailbox = tw_worker_ref(tw_reactor_worker(reactor));
    departure->deferred = deferred;
    return departure;
}

int tw_future_from_deferred(struct tw_reactor *reactor, struct tw_deferred *deferred,
                            struct tw_future **ret_future)
{
    struct departure *departure;
    int rc;
    if (!reactor || !deferred || !ret_future)
        return tw__misuse(-EINVAL, "tw_future_from_deferred: needs a reactor, a Deferred and "
                                   "ret_future");
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    departure = new_departure(reactor, deferred);
    if (!departure)
        return -ENOMEM;
    tw_future_ref(&departure->future); /* the link's; the first is the user's */
    rc = tw_deferred_add_both(deferred, complete_link, departure, link_is_over);
    if (rc < 0) {
        tw_future_failure(&departure->future); /* nobody has to look at it any more */
        tw_future_unref(&departure->future);
        return rc;
    }
    *ret_future = &departure->future;
    return 0;
}

/* --- a link on another worker ----------------------------------------------------------------- */

/* Held by the link, and by the job once it is sent. */
struct hop {
    struct tw_result result;  /* on its way there */
    struct tw__mailbox *home; /* a reference: it knows whether its reactor has gone */
    struct tw_worker *worker; /* a reference */
    atomic_int holds;
    bool is_sent; /* the loop's: the argument is the job's */
    tw_call_fn fn;
    void *arg;
    tw_destroy_fn destroy;
};

static void drop_hop(struct hop *hop)
{
    /* As for an arrival. */
    if (atomic_fetch_sub_explicit(&hop->holds, 1, memory_order_acq_rel) != 1)
        return;
    tw_worker_unref(hop->worker);
    tw_worker_unref(&hop->home->base);
    tw__free(hop);
}

static void work_there(struct tw_result *result, void *arg)
{
    struct hop *hop = (struct hop *)arg;
    tw_result_move(&hop->result, result);
    hop->fn(result, hop->arg);
}

/* Behind the work, or where it is given up. */
static void job_is_over(void *arg)
{
    struct hop *hop = (struct hop *)arg;
    if (hop->destroy)
        hop->destroy(hop->arg);
    tw_result_done(&hop->result);
    drop_hop(hop);
}

static int send(struct hop *hop, struct tw_result *result, struct tw_deferred **ret_deferred)
{
    struct tw_reactor *reactor = (struct tw_reactor *)hop->home->reactor;
    if (!reactor)
        return -ESHUTDOWN;
    tw_result_move(result, &hop->result);
    hop->is_sent = true;
    atomic_fetch_add_explicit(&hop->holds, 1, memory_order_relaxed); /* we have one */
    return tw_defer_to_pool(reactor, hop->worker, work_there, hop, job_is_over, ret_deferred);
}

static void hop_over(struct tw_result *result, void *arg)
{
    struct tw_deferred *deferred = NULL;
    int rc = send((struct hop *)arg, result, &deferred);
    if (rc >= 0)
        tw_result_set_deferred(result, deferred);
    else if (rc == -ESHUTDOWN)
        tw_result_set_failure(result, tw__failure_shutdown());
    else
        tw_result_fail_at(result, NULL, 0, &TW_ERROR_SYSTEM, -rc,
                          "a callback could not be sent to its worker");
}

static void hop_link_is_over(void *arg)
{
    struct hop *hop = (struct hop *)arg;
    if (!hop->is_sent && hop->destroy)
        hop->destroy(hop->arg);
    drop_hop(hop);
}

static struct hop *new_hop(struct tw_reactor *reactor, struct tw_worker *worker)
{
    struct hop *hop = (struct hop *)tw__zalloc(sizeof *hop);
    if (!hop)
        return NULL;
    hop->home = reactor->_common->mailbox;
    tw_worker_ref(&hop->home->base);
    hop->worker = tw_worker_ref(worker);
    atomic_init(&hop->holds, 1);
    return hop;
}

int tw_deferred_add_callback_on(struct tw_deferred *deferred, struct tw_reactor *reactor,
                                struct tw_worker *worker, tw_call_fn fn, void *arg,
                                tw_destroy_fn destroy)
{
    struct hop *hop = NULL;
    int rc = 0;
    if (!deferred || !reactor || !worker || !fn)
        rc = tw__misuse(-EINVAL, "tw_deferred_add_callback_on: needs a Deferred, a reactor, a "
                                 "worker and a function");
    else if (!(hop = new_hop(reactor, worker)))
        rc = -ENOMEM;
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    hop->fn = fn;
    hop->arg = arg;
    hop->destroy = destroy;
    return tw_deferred_add_callback(deferred, hop_over, hop, hop_link_is_over);
}
