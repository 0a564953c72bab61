/*
 * The GLib plug-in, by what twine and GLib export.
 *
 * The reactor is one source on the context. It is ready
 *
 *     when the mailbox's descriptor is readable      another thread has sent something
 *     when a timerfd is readable                     a delayed call is due
 *     when the next turn begins with a pass          again was called, or a context that is not ours
 *                                                    has its first turn but for those asked of us
 *
 * and then a pass is made. GLib polls all its descriptors before it dispatches anything, so I/O is
 * looked at between two passes. Its own timers are good to a millisecond, hence the timerfd; the
 * portable path has the context wait for so long.
 *
 * Each of the user's descriptors is one more source. A source that was destroyed is not dispatched
 * any more, even if it was found ready together with the one that is.
 */
#include <twine/reactor/glib.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <twine/base/memory.h>
#include <twine/base/report.h>
#include <twine/reactor/plug_ins.h>
#include <twine/reactor/reactor_ops.h>
#include <unistd.h>

#if defined(__linux__) && !defined(TWINE_PORTABLE)
#define HAS_TIMERFD 1
#include <sys/timerfd.h>
#else
#define HAS_TIMERFD 0
#endif

struct glib_reactor {
    struct tw_reactor base;
    GMainContext *context; /* a reference */
    GSource *source;       /* a reference */
    gpointer wake, timer;  /* tags of its descriptors */
    bool must_start;       /* a loop that is not ours has not started the reactor yet */
    bool is_turning;       /* inside a turn that we were asked for */
    bool must_pass;        /* the next turn begins with a pass */
    int timer_fd;          /* -1 on the portable path */
    uint64_t deadline;     /* on the portable path: what set_timer was told */
};

struct reactor_source {
    GSource source;
    struct glib_reactor *own;
};

/* --- the timer -------------------------------------------------------------------------------- */

#if HAS_TIMERFD
static int set_timer(struct tw_reactor *reactor, uint64_t deadline)
{
    struct glib_reactor *own = (struct glib_reactor *)reactor;
    struct itimerspec when = {{0, 0}, {0, 0}}; /* all zero: none */
    if (deadline != TW_NEVER) {
        when.it_value.tv_sec = (time_t)(deadline / (uint64_t)TW_SECOND);
        when.it_value.tv_nsec = (long)(deadline % (uint64_t)TW_SECOND);
        if (deadline == 0)
            when.it_value.tv_nsec = 1;
    }
    return timerfd_settime(own->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}

static int open_timer(struct glib_reactor *own)
{
    own->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return own->timer_fd < 0 ? -errno : 0;
}

static void look_at_timer(struct glib_reactor *own)
{
    uint64_t times;
    if (g_source_query_unix_fd(own->source, own->timer)) {
        ssize_t got = read(own->timer_fd, &times, sizeof times);
        (void)got; /* nothing to read means that it was set anew meanwhile */
    }
}

static gint time_left(const struct glib_reactor *own)
{
    (void)own;
    return -1;
}
#else
/* Not by the source's ready time: GLib wakes the loop each time that is set. */
static int set_timer(struct tw_reactor *reactor, uint64_t deadline)
{
    ((struct glib_reactor *)reactor)->deadline = deadline;
    return 0;
}

static int open_timer(struct glib_reactor *own)
{
    own->timer_fd = -1;
    return 0;
}

/* In milliseconds, rather too many than too few; -1: for ever. */
static gint time_left(const struct glib_reactor *own)
{
    const int64_t longest = 1000000 * TW_SECOND;
    int64_t left = tw_time_between(tw_clock_now(tw_clock_monotonic()), own->deadline);
    if (own->deadline == TW_NEVER)
        return -1;
    if (left > longest)
        left = longest; /* prepare asks again then */
    return left <= 0 ? 0 : (gint)((left + TW_MILLISECOND - 1) / TW_MILLISECOND);
}

static void look_at_timer(struct glib_reactor *own)
{
    if (time_left(own) == 0)
        own->deadline = TW_NEVER;
}
#endif

/* --- the source ------------------------------------------------------------------------------- */

static gboolean prepare(GSource *source, gint *timeout)
{
    struct glib_reactor *own = ((struct reactor_source *)source)->own;
    *timeout = time_left(own);
    return own->must_pass || *timeout == 0 || (own->must_start && !own->is_turning);
}

/* GLib looks at the descriptors itself. */
static gboolean check(GSource *source)
{
    return time_left(((struct reactor_source *)source)->own) == 0;
}

/* The last reference to the reactor may go inside the pass. In a forked child what the source waits
 * for is the parent's, to read it would take it from there: the child's copy of it is removed. */
static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer arg)
{
    struct glib_reactor *own = ((struct reactor_source *)source)->own;
    (void)callback;
    (void)arg;
    if (tw_reactor_is_inherited(&own->base))
        return G_SOURCE_REMOVE;
    if (g_source_query_unix_fd(source, own->wake))
        tw_reactor_woken(&own->base);
    look_at_timer(own);
    own->must_pass = false;
    own->must_start = own->must_start && own->is_turning;
    tw_reactor_pass(&own->base);
    return G_SOURCE_CONTINUE;
}

static void again(struct tw_reactor *reactor)
{
    ((struct glib_reactor *)reactor)->must_pass = true;
}

/* A context does not end by itself. */
static void set_alive(struct tw_reactor *reactor, bool alive)
{
    (void)reactor;
    (void)alive;
}

/* --- descriptors ------------------------------------------------------------------------------ */

struct watched {
    GSource source;
    struct tw_reactor *reactor;
    struct tw_descriptor *descriptor;
    gpointer tag;
};

/* What is wrong with it is told by reading and writing. */
static gboolean dispatch_watched(GSource *source, GSourceFunc callback, gpointer arg)
{
    const unsigned wrong = G_IO_HUP | G_IO_ERR | G_IO_NVAL;
    struct watched *watched = (struct watched *)source;
    unsigned seen = (unsigned)g_source_query_unix_fd(source, watched->tag), what = 0;
    (void)callback;
    (void)arg;
    if (tw_reactor_is_inherited(watched->reactor))
        return G_SOURCE_REMOVE;
    if (seen & (G_IO_IN | wrong))
        what |= TW_IO_READ;
    if (seen & (G_IO_OUT | wrong))
        what |= TW_IO_WRITE;
    tw_reactor_descriptor_ready(watched->reactor, watched->descriptor, what);
    return G_SOURCE_CONTINUE;
}

static GIOCondition condition_of(unsigned what)
{
    return (GIOCondition)((what & TW_IO_READ ? G_IO_IN : 0) | (what & TW_IO_WRITE ? G_IO_OUT : 0));
}

static struct watched *make_watched(struct tw_reactor *reactor, struct tw_descriptor *descriptor,
                                    unsigned what)
{
    static GSourceFuncs funcs = {NULL, NULL, dispatch_watched, NULL, NULL, NULL};
    GSource *source = g_source_new(&funcs, sizeof(struct watched));
    struct watched *watched = (struct watched *)source;
    watched->reactor = reactor;
    watched->descriptor = descriptor;
    watched->tag = g_source_add_unix_fd(source, tw_descriptor_fd(descriptor), condition_of(what));
    g_source_attach(source, ((struct glib_reactor *)reactor)->context);
    return watched;
}

static int watch(struct tw_reactor *reactor, struct tw_descriptor *descriptor, unsigned what,
                 void **slot)
{
    struct watched *watched = (struct watched *)*slot;
    if (!watched && what) {
        if (fcntl(tw_descriptor_fd(descriptor), F_GETFD) < 0)
            return -errno; /* poll would find it ready for ever */
        *slot = make_watched(reactor, descriptor, what);
    } else if (watched && what) {
        g_source_modify_unix_fd(&watched->source, watched->tag, condition_of(what));
    } else if (watched) {
        g_source_destroy(&watched->source);
        g_source_unref(&watched->source);
        *slot = NULL;
    }
    return 0;
}

/* --- turning ---------------------------------------------------------------------------------- */

/* GLib would let a context be turned from inside one of its callbacks. */
static bool is_in_callback(const struct glib_reactor *own)
{
    GSource *current = g_main_current_source();
    return current && !g_source_is_destroyed(current) &&
           g_source_get_context(current) == own->context;
}

static int turn(struct tw_reactor *reactor, bool block)
{
    struct glib_reactor *own = (struct glib_reactor *)reactor;
    if (is_in_callback(own))
        return tw_report_misuse(-EDEADLK,
                                "tw_reactor_run, tw_reactor_iterate or tw_reactor_wait: the loop "
                                "cannot be turned from inside one of its callbacks");
    if (!g_main_context_acquire(own->context))
        return tw_report_misuse(-EBUSY, "tw_reactor_run, tw_reactor_iterate or tw_reactor_wait: "
                                        "the loop is turned by another thread");
    g_main_context_push_thread_default(own->context);
    own->is_turning = true;
    g_main_context_iteration(own->context, block);
    own->is_turning = false;
    g_main_context_pop_thread_default(own->context);
    g_main_context_release(own->context);
    return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void free_own(struct glib_reactor *own)
{
    if (own->context)
        g_main_context_unref(own->context);
    if (own->timer_fd >= 0)
        close(own->timer_fd);
    tw_memory_free(own);
}

static void destroy(struct tw_reactor *reactor)
{
    struct glib_reactor *own = (struct glib_reactor *)reactor;
    g_source_destroy(own->source);
    g_source_unref(own->source);
    tw_reactor_done(reactor);
    free_own(own);
}

static const struct tw_reactor_ops glib_ops = {sizeof glib_ops, "glib", set_timer, again,
                                               set_alive,       watch,  turn,      destroy};

/* GLib ends the process if a new context finds no descriptors to be woken by: see first. */
static int can_open_descriptors(void)
{
    int fds[2], count = 0, rc = 0;
    while (count < 2 && rc == 0) {
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

static int find_context(struct glib_reactor *own, GMainContext *context)
{
    int rc = context ? 0 : can_open_descriptors();
    if (rc >= 0)
        own->context = context ? g_main_context_ref(context) : g_main_context_new();
    return rc;
}

static void add_source(struct glib_reactor *own)
{
    static GSourceFuncs funcs = {prepare, check, dispatch, NULL, NULL, NULL};
    own->source = g_source_new(&funcs, sizeof(struct reactor_source));
    ((struct reactor_source *)own->source)->own = own;
    g_source_set_name(own->source, "twine");
    own->wake = g_source_add_unix_fd(own->source, tw_reactor_wake_fd(&own->base), G_IO_IN);
    if (own->timer_fd >= 0)
        own->timer = g_source_add_unix_fd(own->source, own->timer_fd, G_IO_IN);
    g_source_attach(own->source, own->context);
}

int tw_glib_reactor_new(GMainContext *context, struct tw_reactor **ret_reactor)
{
    struct glib_reactor *own;
    int rc;
    if (!ret_reactor)
        return tw_report_misuse(-EINVAL, "tw_glib_reactor_new: needs ret_reactor");
    own = (struct glib_reactor *)tw_memory_alloc(sizeof *own);
    if (!own)
        return -ENOMEM;
    own->deadline = TW_NEVER;
    rc = open_timer(own);
    if (rc >= 0)
        rc = find_context(own, context);
    if (rc >= 0)
        rc = tw_reactor_init(&own->base, &glib_ops, tw_clock_monotonic());
    if (rc < 0) {
        free_own(own);
        return rc;
    }
    own->must_start = context != NULL;
    add_source(own);
    *ret_reactor = &own->base;
    return 0;
}

GMainContext *tw_glib_reactor_context(struct tw_reactor *reactor)
{
    return reactor && reactor->_ops == &glib_ops ? ((struct glib_reactor *)reactor)->context : NULL;
}

static int make(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_glib_reactor_new(NULL, ret_reactor);
}

int tw_glib_plug_in_add(void)
{
    return tw_plug_in_add("glib", "a main context of GLib's", make, NULL, NULL);
}
