/*
 * The libevent plug-in.
 *
 * The events on the base, all touched on the loop's thread only (T16, T18):
 *
 *     wake    the mailbox's descriptor is readable     internal: it does not keep the loop alive
 *     timer   a timerfd is readable                    internal as well
 *     pass    the work itself, made active by the two  ordinary, so it counts for EVLOOP_ONCE
 *     alive   a timer that never comes                 added while work is out: it keeps the loop
 *     start   active from the beginning, on a base that is not ours: its first turn starts the
 *             reactor, but not a turn that we are asked for
 *
 * libevent's own timers follow a coarse and cached clock (T1, T2), hence the timerfd. The portable
 * path uses a libevent timer on a base with a precise clock, and keeps the cached time fresh.
 *
 * A pass that has more to do makes its event active again and breaks off the queue of active
 * events, so that the loop polls for I/O first (T4).
 */
#include <twine/reactor/libevent.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <sys/time.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/reactor_ops.h>
#include <unistd.h>

#if defined(__linux__) && !defined(TWINE_PORTABLE)
#define HAS_TIMERFD 1
#include <sys/timerfd.h>
#else
#define HAS_TIMERFD 0
#endif

struct libevent_reactor {
    struct tw_reactor base;
    struct event_base *event_base;
    bool is_base_ours;
    bool must_start;   /* a loop that is not ours has not started the reactor yet */
    bool is_turning;   /* inside a turn that we were asked for */
    bool wants_pass;   /* again was called in it: the next turn begins with a pass */
    int timer_fd;      /* -1 on the portable path */
    uint64_t deadline; /* on the portable path: what set_timer was told */
    struct event wake, timer, pass, alive, start;
};

/* An event that does not keep the loop alive. The flag is in libevent's installed headers, with the
 * same value in 2.1 and 2.2. */
static void make_internal(struct event *event)
{
    event->ev_evcallback.evcb_flags |= EVLIST_INTERNAL;
}

/* --- events ----------------------------------------------------------------------------------- */

/* In a forked child, on a base that its user has made the child's by event_reinit(): what the events
 * wait for is the parent's, to read it would take it from there. Returns whether it is so. */
static bool leave_to_parent(struct libevent_reactor *own)
{
    if (!tw_reactor_is_inherited(&own->base))
        return false;
    event_del(&own->wake);
    event_del(&own->timer);
    return true;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct libevent_reactor *own = (struct libevent_reactor *)arg;
    (void)fd;
    (void)what;
    if (leave_to_parent(own))
        return;
    tw_reactor_woken(&own->base);
    event_active(&own->pass, EV_READ, 0);
}

static int set_timer(struct tw_reactor *reactor, uint64_t deadline);

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct libevent_reactor *own = (struct libevent_reactor *)arg;
    (void)what;
    if (leave_to_parent(own))
        return;
#if HAS_TIMERFD
    {
        uint64_t times;
        ssize_t got = read(fd, &times, sizeof times);
        (void)got; /* nothing to read means that it was set anew meanwhile */
    }
#else
    (void)fd;
    if (tw_clock_now(tw_clock_monotonic()) < own->deadline) {
        set_timer(&own->base, own->deadline); /* libevent's clock is a coarse one (T2): not yet */
        return;
    }
#endif
    event_active(&own->pass, EV_READ, 0);
}

static void on_pass(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tw_reactor_pass(&((struct libevent_reactor *)arg)->base);
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
    ((struct libevent_reactor *)arg)->must_start = false;
    on_pass(fd, what, arg);
}

static void on_alive(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* --- what the common half asks for ------------------------------------------------------------ */

#if HAS_TIMERFD
static int set_timer(struct tw_reactor *reactor, uint64_t deadline)
{
    struct libevent_reactor *own = (struct libevent_reactor *)reactor;
    struct itimerspec when = {{0, 0}, {0, 0}}; /* all zero: none */
    if (deadline != TW_NEVER) {
        when.it_value.tv_sec = (time_t)(deadline / (uint64_t)TW_SECOND);
        when.it_value.tv_nsec = (long)(deadline % (uint64_t)TW_SECOND);
        if (deadline == 0)
            when.it_value.tv_nsec = 1;
    }
    return timerfd_settime(own->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}
#else
static int set_timer(struct tw_reactor *reactor, uint64_t deadline)
{
    struct libevent_reactor *own = (struct libevent_reactor *)reactor;
    const int64_t longest = 1000000 * TW_SECOND;
    struct timeval left;
    int64_t duration;
    own->deadline = deadline;
    event_base_update_cache_time(own->event_base);
    if (deadline == TW_NEVER)
        return event_del(&own->timer) < 0 ? -EINVAL : 0;
    duration = tw_time_between(tw_clock_now(tw_clock_monotonic()), deadline);
    if (duration < 0)
        duration = 0;
    if (duration > longest)
        duration = longest;         /* it comes too early then; on_timer sets it again */
    duration += TW_MICROSECOND - 1; /* rather too late than too early */
    left.tv_sec = (time_t)(duration / TW_SECOND);
    left.tv_usec = (suseconds_t)(duration % TW_SECOND / TW_MICROSECOND);
    return event_add(&own->timer, &left) < 0 ? -ENOMEM : 0;
}
#endif

static void again(struct tw_reactor *reactor)
{
    struct libevent_reactor *own = (struct libevent_reactor *)reactor;
    if (own->is_turning) {
        own->wants_pass = true; /* a turn that does not end while it has work would not be one */
        return;
    }
    event_active(&own->pass, EV_READ, 0);
    event_base_loopcontinue(own->event_base);
}

static void set_alive(struct tw_reactor *reactor, bool alive)
{
    static const struct timeval never = {1 << 30, 0};
    struct libevent_reactor *own = (struct libevent_reactor *)reactor;
    if (!alive)
        event_del(&own->alive);
    else if (event_add(&own->alive, &never) < 0)
        tw__report(TW_REPORT_WARNING, "libevent could not keep the loop alive", NULL);
}

/* --- descriptors ------------------------------------------------------------------------------ */

/* Two events, so that to ask for one more cannot harm the other. They are ordinary ones: they keep
 * the loop alive. */
struct watched {
    struct tw_reactor *reactor;
    struct tw_descriptor *descriptor;
    struct event read, write;
};

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watched *watched = (struct watched *)arg;
    (void)fd;
    if (tw_reactor_is_inherited(watched->reactor)) { /* as leave_to_parent() */
        event_del(&watched->read);
        event_del(&watched->write);
        return;
    }
    tw_reactor_descriptor_ready(watched->reactor, watched->descriptor,
                                what & EV_READ ? TW_IO_READ : TW_IO_WRITE);
}

static struct watched *make_watched(struct tw_reactor *reactor, struct tw_descriptor *descriptor)
{
    struct event_base *base = ((struct libevent_reactor *)reactor)->event_base;
    struct watched *watched = (struct watched *)tw__zalloc(sizeof *watched);
    int fd = tw_descriptor_fd(descriptor);
    if (!watched)
        return NULL;
    watched->reactor = reactor;
    watched->descriptor = descriptor;
    event_assign(&watched->read, base, fd, EV_READ | EV_PERSIST, on_ready, watched);
    event_assign(&watched->write, base, fd, EV_WRITE | EV_PERSIST, on_ready, watched);
    return watched;
}

static int set_event(struct event *event, bool is_wanted)
{
    errno = 0;
    if ((is_wanted ? event_add(event, NULL) : event_del(event)) >= 0 || !is_wanted)
        return 0;
    return errno ? -errno : -ENOMEM;
}

static void free_watched(struct watched *watched)
{
    event_del(&watched->read);
    event_del(&watched->write);
    tw__free(watched);
}

/* Taking away comes last, and cannot fail. */
static int set_events(struct watched *watched, unsigned what)
{
    int rc = what & TW_IO_READ ? set_event(&watched->read, true) : 0;
    if (rc >= 0 && (what & TW_IO_WRITE))
        rc = set_event(&watched->write, true);
    if (rc < 0)
        return rc;
    if (!(what & TW_IO_READ))
        set_event(&watched->read, false);
    if (!(what & TW_IO_WRITE))
        set_event(&watched->write, false);
    return 0;
}

static int watch(struct tw_reactor *reactor, struct tw_descriptor *descriptor, unsigned what,
                 void **slot)
{
    struct watched *watched = (struct watched *)*slot;
    bool is_new = !watched;
    int rc;
    if (!watched && what)
        watched = make_watched(reactor, descriptor);
    if (!watched)
        return what ? -ENOMEM : 0;
    rc = set_events(watched, what);
    if (what == 0 || (rc < 0 && is_new)) {
        free_watched(watched);
        watched = NULL;
    }
    *slot = watched;
    return rc;
}

/* --- turning ---------------------------------------------------------------------------------- */

/* The start event would keep our own turns from waiting: it is put aside meanwhile. */
static void begin_turn(struct libevent_reactor *own)
{
    own->is_turning = true;
    if (own->must_start)
        event_del(&own->start);
}

static void end_turn(struct libevent_reactor *own)
{
    own->is_turning = false;
    if (own->wants_pass)
        event_active(&own->pass, EV_READ, 0);
    own->wants_pass = false;
    own->must_start = own->must_start && !tw_reactor_is_running(&own->base);
    if (own->must_start)
        event_active(&own->start, EV_READ, 0);
}

static int turn(struct tw_reactor *reactor, bool block)
{
    struct libevent_reactor *own = (struct libevent_reactor *)reactor;
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (block ? 0 : EVLOOP_NONBLOCK);
    int rc;
    errno = 0;
    begin_turn(own);
    rc = event_base_loop(own->event_base, flags);
    end_turn(own);
    if (rc >= 0) /* the user may have told the loop to end, and then it does */
        return event_base_got_break(own->event_base) || event_base_got_exit(own->event_base)
                   ? -EINTR
                   : 0;
    /* Without an errno: a callback of the user's own loop calls this.
     * (event_base_get_running_event() would tell, but crashes when nothing runs: 2.1.12.) */
    return errno
               ? -errno
               : tw__misuse(-EDEADLK, "tw_reactor_run, tw_reactor_iterate or tw_reactor_wait: the "
                                      "loop cannot be turned from inside one of its callbacks");
}

/* --- life ------------------------------------------------------------------------------------- */

static void remove_events(struct libevent_reactor *own)
{
    event_del(&own->wake);
    event_del(&own->timer);
    event_del(&own->pass);
    event_del(&own->alive);
    event_del(&own->start);
}

static void free_own(struct libevent_reactor *own)
{
    if (own->timer_fd >= 0)
        close(own->timer_fd);
    if (own->is_base_ours)
        event_base_free(own->event_base);
    tw__free(own);
}

static void destroy(struct tw_reactor *reactor)
{
    struct libevent_reactor *own = (struct libevent_reactor *)reactor;
    remove_events(own);
    tw_reactor_done(reactor);
    free_own(own);
}

static const struct tw_reactor_ops libevent_ops = {
    sizeof libevent_ops, "libevent", set_timer, again, set_alive, watch, turn, destroy};

/* libevent exits the process if it cannot make the pair of sockets for signals (T7): see first that
 * there are descriptors. */
static int can_open_descriptors(void)
{
    int fds[8], count = 0, rc = 0;
    while (count < 8 && rc == 0) {
        fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fds[count] < 0)
            rc = -errno;
        else
            count++;
    }
    while (count > 0)
        close(fds[--count]);
    return rc;
}

static int make_base(struct event_base **ret_base)
{
    struct event_config *config;
    int rc = can_open_descriptors();
    if (rc < 0)
        return rc;
    config = event_config_new();
    if (!config)
        return -ENOMEM;
#if !HAS_TIMERFD
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
#endif
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    *ret_base = event_base_new_with_config(config);
    event_config_free(config);
    return *ret_base ? 0 : -ENOMEM;
}

static int open_timer(struct libevent_reactor *own)
{
#if HAS_TIMERFD
    own->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return own->timer_fd < 0 ? -errno : 0;
#else
    own->timer_fd = -1;
    return 0;
#endif
}

static int add_events(struct libevent_reactor *own)
{
    struct event_base *base = own->event_base;
    event_assign(&own->wake, base, tw_reactor_wake_fd(&own->base), EV_READ | EV_PERSIST, on_wake,
                 own);
    event_assign(&own->timer, base, own->timer_fd,
                 (short)(own->timer_fd < 0 ? 0 : EV_READ | EV_PERSIST), on_timer, own);
    event_assign(&own->pass, base, -1, 0, on_pass, own);
    event_assign(&own->alive, base, -1, 0, on_alive, own);
    event_assign(&own->start, base, -1, 0, on_start, own);
    make_internal(&own->wake);
    make_internal(&own->timer);
    if (event_add(&own->wake, NULL) < 0 ||
        (own->timer_fd >= 0 && event_add(&own->timer, NULL) < 0)) {
        remove_events(own);
        return -ENOMEM;
    }
    return 0;
}

static int make_parts(struct libevent_reactor *own, struct event_base *base)
{
    int rc = open_timer(own);
    own->event_base = base;
    if (rc >= 0 && !base) {
        rc = make_base(&own->event_base);
        own->is_base_ours = rc >= 0;
    }
    if (rc >= 0)
        rc = tw_reactor_init(&own->base, &libevent_ops, tw_clock_monotonic());
    if (rc < 0)
        return rc;
    rc = add_events(own);
    if (rc < 0)
        tw_reactor_done(&own->base);
    return rc;
}

int tw_libevent_reactor_new(struct event_base *base, struct tw_reactor **ret_reactor)
{
    struct libevent_reactor *own;
    int rc;
    if (!ret_reactor)
        return tw__misuse(-EINVAL, "tw_libevent_reactor_new: needs ret_reactor");
    own = (struct libevent_reactor *)tw__zalloc(sizeof *own);
    if (!own)
        return -ENOMEM;
    own->timer_fd = -1;
    rc = make_parts(own, base);
    if (rc < 0) {
        free_own(own);
        return rc;
    }
    own->must_start = base != NULL;
    if (own->must_start)
        event_active(&own->start, EV_READ, 0);
    *ret_reactor = &own->base;
    return 0;
}

struct event_base *tw_libevent_reactor_base(struct tw_reactor *reactor)
{
    return reactor && reactor->_ops == &libevent_ops
               ? ((struct libevent_reactor *)reactor)->event_base
               : NULL;
}
