/*
 * Watches: what a reactor does with the signals that its seat in the service has got.
 *
 * A watch is in its reactor's ring, with a reference, until it ends.
 */
#include <twine/reactor/signal.h>

#include <errno.h>
#include <signal.h>
#include <twine/base/context_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/reactor/signal_service_internal.h>

struct tw__signals {
    struct tw__signal_seat seat;
    struct tw__ring watches;
    unsigned watched_by[TW__SIGNALS]; /* how many watches */
};

struct tw_signal_watch {
    struct tw__ring ring;
    struct tw_reactor *reactor; /* NULL: it has ended */
    size_t refs;
    int number;
    tw_signal_fn fn;
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until it ends */
};

static struct tw_signal_watch *watch_of(struct tw__ring *ring)
{
    return TW_CONTAINER(ring, struct tw_signal_watch, ring);
}

/* --- a reactor's seat ------------------------------------------------------------------------- */

static struct tw__signals *get_signals(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    if (common->signals)
        return common->signals;
    common->signals = (struct tw__signals *)tw__zalloc(sizeof *common->signals);
    if (!common->signals)
        return NULL;
    tw__ring_init(&common->signals->watches);
    common->signals->seat.wake = &common->mailbox->wake;
    tw__signal_seat_take(&common->signals->seat);
    return common->signals;
}

static int want(struct tw__signals *signals, int number)
{
    int rc = 0;
    if (number <= 0 || number >= TW__SIGNALS)
        return -EINVAL;
    if (signals->watched_by[number] == 0)
        rc = tw__signal_want(&signals->seat, number);
    if (rc >= 0)
        signals->watched_by[number]++;
    return rc;
}

static void unwant(struct tw__signals *signals, int number)
{
    if (--signals->watched_by[number] == 0)
        tw__signal_unwant(&signals->seat, number);
}

/* --- one watch -------------------------------------------------------------------------------- */

/* Takes (arg, destroy) only if it succeeds. */
static int add_watch(struct tw_reactor *reactor, int number, struct tw_signal_watch **ret_watch)
{
    struct tw__signals *signals;
    struct tw_signal_watch *watch;
    int rc;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    signals = get_signals(reactor);
    watch = signals ? (struct tw_signal_watch *)tw__zalloc(sizeof *watch) : NULL;
    if (!watch)
        return -ENOMEM;
    rc = want(signals, number);
    if (rc < 0) {
        tw__free(watch);
        return tw__misuse(rc, "tw_reactor_watch_signal: this signal cannot be watched");
    }
    watch->reactor = reactor;
    watch->refs = 1; /* the ring's */
    watch->number = number;
    watch->context = tw__context_capture();
    tw__ring_add(&signals->watches, &watch->ring);
    *ret_watch = watch;
    return 0;
}

int tw_reactor_watch_signal(struct tw_reactor *reactor, int number, tw_signal_fn fn, void *arg,
                            tw_destroy_fn destroy, struct tw_signal_watch **ret_watch)
{
    struct tw_signal_watch *watch = NULL;
    int rc = reactor && fn
                 ? add_watch(reactor, number, &watch)
                 : tw__misuse(-EINVAL, "tw_reactor_watch_signal: needs a reactor and a function");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    watch->fn = fn;
    watch->arg = arg;
    watch->destroy = destroy;
    if (ret_watch)
        *ret_watch = tw_signal_watch_ref(watch);
    return 0;
}

static void end_watch(struct tw__signals *signals, struct tw_signal_watch *watch)
{
    unwant(signals, watch->number);
    watch->reactor = NULL;
    tw__ring_remove(&watch->ring);
    if (watch->destroy)
        watch->destroy(watch->arg);
    tw__context_drop(watch->context);
    tw_signal_watch_unref(watch);
}

int tw_signal_watch_end(struct tw_signal_watch *watch)
{
    if (!watch)
        return tw__misuse(-EINVAL, "tw_signal_watch_end: needs a watch");
    if (!watch->reactor)
        return -EALREADY;
    if (tw__reactor_is_inherited(watch->reactor))
        return -EOWNERDEAD;
    end_watch(watch->reactor->_common->signals, watch);
    return 0;
}

struct tw_signal_watch *tw_signal_watch_ref(struct tw_signal_watch *watch)
{
    if (watch)
        watch->refs++;
    return watch;
}

struct tw_signal_watch *tw_signal_watch_unref(struct tw_signal_watch *watch)
{
    if (watch && --watch->refs == 0)
        tw__free(watch);
    return NULL;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(struct tw_signal_watch *watch)
{
    struct tw_context *context = watch->context ? tw_context_ref(watch->context) : NULL;
    struct tw_context *before = tw__context_swap(context);
    tw_signal_watch_ref(watch);
    watch->fn(watch->number, watch->arg);
    tw_signal_watch_unref(watch);
    tw__context_swap_back(before, context);
    tw__context_drop(context);
}

/* Those that watch it now: what is called may end them, and add others. */
static void tell_all(struct tw__signals *signals, int number)
{
    struct tw__ring now;
    tw__ring_move(&signals->watches, &now);
    while (!tw__ring_is_empty(&now)) {
        struct tw_signal_watch *watch = watch_of(now.next);
        tw__ring_remove(&watch->ring);
        tw__ring_add(&signals->watches, &watch->ring);
        if (watch->number == number)
            tell(watch);
    }
}

void tw__reactor_run_signals(struct tw_reactor *reactor)
{
    struct tw__signals *signals = reactor->_common->signals;
    int number;
    if (!signals || !atomic_load_explicit(&signals->seat.has_any_come, memory_order_relaxed))
        return;
    atomic_store(&signals->seat.has_any_come, false); /* before it is looked for what has come */
    for (number = 1; number < TW__SIGNALS; number++)
        if (atomic_exchange(&signals->seat.has_come[number], false))
            tell_all(signals, number);
}

void tw__reactor_drop_signals(struct tw_reactor *reactor)
{
    struct tw__signals *signals = reactor->_common->signals;
    if (!signals)
        return;
    while (!tw__ring_is_empty(&signals->watches))
        end_watch(signals, watch_of(signals->watches.next));
    tw__signal_seat_leave(&signals->seat);
    reactor->_common->signals = NULL;
    tw__free(signals);
}

/* --- stopping --------------------------------------------------------------------------------- */

static void stop(int number, void *reactor)
{
    struct tw__reactor_common *common = ((struct tw_reactor *)reactor)->_common;
    if (tw_reactor_stop((struct tw_reactor *)reactor) == 0)
        common->stop_signal = number;
}

static void stop_on(struct tw_reactor *reactor, int number, struct tw_signal_watch **ret_watch)
{
    if (tw_reactor_watch_signal(reactor, number, stop, reactor, NULL, ret_watch) < 0)
        tw__report(TW_REPORT_WARNING, "a signal that is to stop the reactor could not be watched",
                   NULL);
}

void tw__reactor_begin_stop_signals(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    if (!common->stops_on_signals)
        return;
    if (tw__signal_is_default(SIGINT))
        stop_on(reactor, SIGINT, &common->stop_signals[0]);
    stop_on(reactor, SIGTERM, &common->stop_signals[1]);
}

void tw__reactor_end_stop_signals(struct tw_reactor *reactor)
{
    int i;
    for (i = 0; i < 2; i++) {
        struct tw_signal_watch **watch = &reactor->_common->stop_signals[i];
        if (*watch)
            tw_signal_watch_end(*watch);
        *watch = tw_signal_watch_unref(*watch);
    }
}

int tw_reactor_stop_on_signals(struct tw_reactor *reactor, bool stops)
{
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_stop_on_signals: needs a reactor");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (reactor->_common->state != REACTOR_NEW)
        return -EBUSY;
    reactor->_common->stops_on_signals = stops;
    return 0;
}

int tw_reactor_stop_signal(struct tw_reactor *reactor)
{
    return reactor ? reactor->_common->stop_signal : 0;
}
