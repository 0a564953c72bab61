/*
 * Futures: their states, their results, and what is called when they are done. future_internal.h
 * has the states; waiting is in future_wait.c.
 */
#include <twine/threads/future_internal.h>

#include <errno.h>
#include <twine/base/check_internal.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

/* --- who waits -------------------------------------------------------------------------------- */

/* A few locks for all futures: one is held for some instructions, and only if somebody waits. */
#define LOCKS 16

static struct tw__lock locks[LOCKS] = {TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT,
                                       TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT,
                                       TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT,
                                       TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT, TW_LOCK_INIT};

static void renew_locks(void)
{
    size_t i;
    for (i = 0; i < LOCKS; i++)
        tw__lock_init(&locks[i]);
}

void tw__future_prepare(void)
{
    tw__fork_renew(renew_locks);
}

static struct tw__lock *lock_of(const struct tw_future *future)
{
    return &locks[((uintptr_t)future >> 6) % LOCKS];
}

static void link_waiter(struct tw_future *future, struct tw__waiter *waiter)
{
    waiter->is_linked = true;
    waiter->next = NULL;
    waiter->prev = future->locked.last;
    if (waiter->prev)
        waiter->prev->next = waiter;
    else
        future->locked.first = waiter;
    future->locked.last = waiter;
}

static void unlink_waiter(struct tw_future *future, struct tw__waiter *waiter)
{
    waiter->is_linked = false;
    if (waiter->prev)
        waiter->prev->next = waiter->next;
    else
        future->locked.first = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    else
        future->locked.last = waiter->prev;
}

bool tw__future_add_waiter(struct tw_future *future, struct tw__waiter *waiter)
{
    struct tw__lock *lock = lock_of(future);
    unsigned state;
    bool is_added;
    tw__lock_acquire(lock);
    state = atomic_fetch_or_explicit(&future->state, TW__AWAITED, memory_order_acq_rel);
    is_added = !tw__phase_is_final((enum tw__phase)(state & ~(unsigned)TW__AWAITED));
    if (is_added)
        link_waiter(future, waiter);
    tw__lock_release(lock);
    return is_added;
}

void tw__future_remove_waiter(struct tw_future *future, struct tw__waiter *waiter)
{
    struct tw__lock *lock = lock_of(future);
    tw__lock_acquire(lock);
    if (waiter->is_linked)
        unlink_waiter(future, waiter);
    tw__lock_release(lock);
}

static void call_waiters(struct tw_future *future)
{
    struct tw__lock *lock = lock_of(future);
    struct tw__waiter *waiter, *next, *later = NULL, **end = &later;
    tw__lock_acquire(lock);
    while ((waiter = future->locked.first)) {
        unlink_waiter(future, waiter);
        if (waiter->is_done(waiter, future)) {
            *end = waiter;
            end = &waiter->next;
            waiter->next = NULL;
        }
    }
    tw__lock_release(lock);
    for (; later; later = next) {
        next = later->next;
        later->afterwards(later, future);
    }
}

/* --- states ----------------------------------------------------------------------------------- */

/* From one phase to another, whoever waits. false: it was not in that phase. */
static bool move(struct tw_future *future, enum tw__phase from, enum tw__phase to)
{
    unsigned seen = from;
    while (!atomic_compare_exchange_weak_explicit(&future->state, &seen,
                                                  (seen & TW__AWAITED) | (unsigned)to,
                                                  memory_order_acq_rel, memory_order_acquire))
        if ((seen & ~(unsigned)TW__AWAITED) != (unsigned)from)
            return false;
    return true;
}

/* The last move; the maker holds it. */
static void finish(struct tw_future *future, enum tw__phase phase)
{
    unsigned before = atomic_exchange_explicit(&future->state, phase, memory_order_acq_rel);
    if (before & TW__AWAITED)
        call_waiters(future);
}

bool tw__future_begin(struct tw_future *future)
{
    return move(future, TW__PENDING, TW__RUNNING);
}

void tw__future_complete(struct tw_future *future)
{
    finish(future, TW__DONE);
}

bool tw__future_cancel(struct tw_future *future)
{
    unsigned seen = TW__PENDING;
    while (!atomic_compare_exchange_weak_explicit(&future->state, &seen, TW__CANCELLED,
                                                  memory_order_acq_rel, memory_order_acquire))
        if ((seen & ~(unsigned)TW__AWAITED) != TW__PENDING)
            return false;
    if (seen & TW__AWAITED)
        call_waiters(future);
    return true;
}

int tw_future_cancel(struct tw_future *future)
{
    if (!future)
        return tw__misuse(-EINVAL, "tw_future_cancel: needs a future");
    if (tw__future_is_inherited(future))
        return -EOWNERDEAD;
    if (tw__future_cancel(future)) {
        if (future->ops)
            future->ops->withdraw(future);
        return 0;
    }
    switch (tw__future_phase(future)) {
    case TW__CANCELLED:
        return 0;
    case TW__DONE:
        return -EALREADY;
    default:
        /* Release: who sees it sees what was done before it was asked to stop. */
        atomic_store_explicit(&future->is_asked_to_stop, true, memory_order_release);
        return -EINPROGRESS;
    }
}

bool tw_future_is_done(const struct tw_future *future)
{
    return future && tw__future_is_done(future);
}

bool tw_future_is_running(const struct tw_future *future)
{
    enum tw__phase phase = future ? tw__future_phase(future) : TW__DONE;
    return phase == TW__RUNNING || phase == TW__SETTING;
}

bool tw_future_is_cancelled(const struct tw_future *future)
{
    return future && tw__future_phase(future) == TW__CANCELLED;
}

/* --- results ---------------------------------------------------------------------------------- */

void *tw_future_value(struct tw_future *future)
{
    return future && tw__future_phase(future) == TW__DONE ? tw_result_value(&future->result) : NULL;
}

struct tw_failure *tw_future_failure(struct tw_future *future)
{
    enum tw__phase phase = future ? tw__future_phase(future) : TW__PENDING;
    if (phase == TW__CANCELLED)
        return tw__failure_cancelled();
    if (phase != TW__DONE)
        return NULL;
    atomic_store_explicit(&future->look, TW__SEEN, memory_order_relaxed);
    return tw_result_failure(&future->result);
}

int tw_future_result(struct tw_future *future, int64_t timeout, struct tw_result *ret_result)
{
    struct tw_failure *failure;
    tw_destroy_fn destroy = NULL;
    void *value;
    int rc;
    if (!future || !ret_result)
        return tw__misuse(-EINVAL, "tw_future_result: needs a future and ret_result");
    rc = tw_future_wait(&future, 1, TW_WAIT_ALL, timeout);
    if (rc < 0)
        return rc;
    failure = tw_future_failure(future);
    if (failure) {
        tw_result_set_failure(ret_result, failure);
        return 0;
    }
    /* Not moved: that it is a value stays, and others may be looking whether it is a failure. */
    value = tw_result_take(&future->result, &destroy);
    tw_result_set(ret_result, value, destroy);
    return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

void tw__future_init(struct tw_future *future, unsigned refs, const struct tw__future_ops *ops,
                     const struct tw__future_place *place)
{
    future->ops = ops;
    future->place = place;
    future->epoch = tw__fork_epoch();
    atomic_init(&future->refs, refs);
    atomic_init(&future->state, TW__PENDING);
    atomic_init(&future->is_asked_to_stop, false);
    atomic_init(&future->look, TW__UNSEEN);
    tw_result_init(&future->result);
    future->locked.first = future->locked.last = NULL;
}

void tw__future_done(struct tw_future *future)
{
    unsigned char look = atomic_load_explicit(&future->look, memory_order_relaxed);
    TW__CHECK(!future->locked.first);
    if (look == TW__SEEN)
        tw_result_done(&future->result);
    else
        tw__result_done_reporting(
            &future->result, look == TW__UNHELD ? "a job has failed, and nobody holds its future"
                                                : "nobody has looked at a future's failure");
}

/* The last reference has gone, and nobody will set it any more. Callbacks can be left to hear of it,
 * and they hold it for as long as they run. */
static void abandon(struct tw_future *future)
{
    atomic_store_explicit(&future->refs, 1, memory_order_relaxed);
    tw_result_set_failure(&future->result, tw__failure_abandoned());
    atomic_store_explicit(&future->look, TW__SEEN, memory_order_relaxed);
    finish(future, TW__DONE);
    tw_future_unref(future);
}

struct tw_future *tw_future_ref(struct tw_future *future)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (future)
        atomic_fetch_add_explicit(&future->refs, 1, memory_order_relaxed);
    return future;
}

/* Acquire what all others did, before it goes; release what we did with it. If there is only ours,
 * nobody else can change the number. */
static bool drop_ref(struct tw_future *future)
{
    return atomic_load_explicit(&future->refs, memory_order_acquire) == 1 ||
           atomic_fetch_sub_explicit(&future->refs, 1, memory_order_acq_rel) == 1;
}

struct tw_future *tw_future_unref(struct tw_future *future)
{
    if (!future || tw__future_is_inherited(future) || !drop_ref(future))
        return NULL;
    if (future->ops) {
        future->ops->free(future);
    } else if (!tw_future_is_done(future)) {
        abandon(future);
    } else {
        tw__future_done(future);
        tw__free(future);
    }
    return NULL;
}

/* --- done callbacks --------------------------------------------------------------------------- */

struct callback {
    struct tw__waiter waiter;
    struct tw_task task;
    struct tw_future *future; /* a reference, once it is on its way */
    struct tw_worker *worker; /* a reference, or NULL */
    tw_future_fn fn;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference: what was in force where it was added */
};

static void end_callback(struct callback *callback)
{
    tw__context_drop(callback->context);
    tw_worker_unref(callback->worker);
    tw_future_unref(callback->future);
    tw__free(callback);
}

static void warn(int error)
{
    tw__report(TW_REPORT_WARNING, "a future's callback was not called: its worker gave it up",
               tw__failure_of_status(error));
}

static void run_callback(struct tw_task *task, int status)
{
    struct callback *callback = TW_CONTAINER(task, struct callback, task);
    struct tw_context *before = tw__context_swap(callback->context);
    if (status == 0)
        callback->fn(callback->future, callback->arg);
    else
        warn(status);
    if (callback->destroy)
        callback->destroy(callback->arg);
    tw__context_swap_back(before, callback->context);
    end_callback(callback);
}

static void send_callback(struct callback *callback, struct tw_future *future)
{
    struct tw_worker *worker = tw_worker_ref(callback->worker);
    int rc = 0;
    callback->future = tw_future_ref(future);
    if (worker)
        rc = tw_worker_submit(worker, &callback->task);
    if (!worker || rc < 0)
        run_callback(&callback->task, rc);
    tw_worker_unref(worker);
}

static bool always(struct tw__waiter *waiter, struct tw_future *future)
{
    (void)waiter;
    (void)future;
    return true;
}

static void callback_afterwards(struct tw__waiter *waiter, struct tw_future *future)
{
    send_callback((struct callback *)waiter, future);
}

int tw_future_add_done_callback(struct tw_future *future, struct tw_worker *worker, tw_future_fn fn,
                                void *arg, tw_destroy_fn destroy)
{
    struct callback *callback = NULL;
    int rc = 0;
    if (!future || !fn)
        rc = tw__misuse(-EINVAL, "tw_future_add_done_callback: needs a future and fn");
    else if (tw__future_is_inherited(future) && !tw_future_is_done(future))
        rc = -EOWNERDEAD;
    else if (!(callback = (struct callback *)tw__zalloc(sizeof *callback)))
        rc = -ENOMEM;
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    callback->waiter.is_done = always;
    callback->waiter.afterwards = callback_afterwards;
    tw_task_init(&callback->task, run_callback);
    callback->worker = tw_worker_ref(worker);
    callback->fn = fn;
    callback->arg = arg;
    callback->destroy = destroy;
    callback->context = tw__context_capture();
    if (!tw__future_add_waiter(future, &callback->waiter))
        send_callback(callback, future);
    return 0;
}

/* --- a user's own ----------------------------------------------------------------------------- */

int tw_future_new(struct tw_future **ret_future)
{
    struct tw_future *future;
    if (!ret_future)
        return tw__misuse(-EINVAL, "tw_future_new: needs ret_future");
    future = (struct tw_future *)tw__malloc(sizeof *future);
    if (!future)
        return -ENOMEM;
    tw__future_prepare();
    tw__future_init(future, 1, NULL, NULL);
    *ret_future = future;
    return 0;
}

bool tw_future_is_asked_to_stop(const struct tw_future *future)
{
    /* Acquire: who sees it sees what was done before it was asked to stop. */
    return future &&
           atomic_load_explicit((atomic_bool *)&future->is_asked_to_stop, memory_order_acquire);
}

int tw_future_begin(struct tw_future *future)
{
    if (!future || future->ops)
        return tw__misuse(-EINVAL, "tw_future_begin: needs a future that tw_future_new has made");
    if (tw__future_is_inherited(future))
        return -EOWNERDEAD;
    if (tw__future_begin(future))
        return 0;
    return tw_future_is_cancelled(future) ? -ECANCELED : -EALREADY;
}

int tw_future_set(struct tw_future *future, struct tw_result *result)
{
    if (!future || future->ops || !result || tw_result_kind(result) == TW_RESULT_DEFERRED) {
        if (result)
            tw_result_done(result);
        return tw__misuse(-EINVAL, "tw_future_set: needs a future that tw_future_new has made, and "
                                   "a value or a failure");
    }
    if (tw__future_is_inherited(future)) {
        tw_result_done(result);
        return -EOWNERDEAD;
    }
    if (!move(future, TW__PENDING, TW__SETTING) && !move(future, TW__RUNNING, TW__SETTING)) {
        tw_result_done(result);
        return tw_future_is_cancelled(future) ? -ECANCELED : -EALREADY;
    }
    tw_result_move(result, &future->result);
    tw_future_ref(future); /* who is woken may let go of the last one */
    finish(future, TW__DONE);
    tw_future_unref(future);
    return 0;
}
