/*
 * The test-clock plug-in: a turn is a pass, and time moves when told.
 */
#include <twine/reactor/test_clock.h>

#include <errno.h>
#include <poll.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/reactor_internal.h>

struct test_reactor {
    struct tw_reactor base;
    struct tw_clock *clock; /* owned */
    uint64_t deadline;      /* what set_timer was told */
    bool must_pass;
};

static int set_timer(struct tw_reactor *reactor, uint64_t deadline)
{
    ((struct test_reactor *)reactor)->deadline = deadline;
    return 0;
}

static void again(struct tw_reactor *reactor)
{
    ((struct test_reactor *)reactor)->must_pass = true;
}

static void set_alive(struct tw_reactor *reactor, bool alive)
{
    (void)reactor;
    (void)alive;
}

/* Other threads may be about to send something, so a turn that blocks waits for that; time will not
 * come. */
static bool is_woken(struct tw_reactor *reactor, bool block)
{
    struct pollfd wake = {tw_reactor_wake_fd(reactor), POLLIN, 0};
    return poll(&wake, 1, block ? -1 : 0) > 0;
}

static int turn(struct tw_reactor *reactor, bool block)
{
    struct test_reactor *own = (struct test_reactor *)reactor;
    bool is_due = own->must_pass || own->deadline <= tw_clock_now(own->clock);
    if (is_woken(reactor, block && !is_due)) {
        tw_reactor_woken(reactor);
        is_due = true;
    }
    own->must_pass = false;
    if (is_due)
        tw_reactor_pass(reactor);
    return 0;
}

static void destroy(struct tw_reactor *reactor)
{
    struct test_reactor *own = (struct test_reactor *)reactor;
    tw_reactor_done(reactor);
    tw_test_clock_unref(own->clock);
    tw__free(own);
}

static const struct tw_reactor_ops test_ops = {
    sizeof test_ops, "test_clock",          set_timer, again,
    set_alive,       tw_reactor_watch_none, turn,      destroy};

int tw_test_clock_reactor_new(struct tw_reactor **ret_reactor)
{
    struct test_reactor *own;
    int rc;
    if (!ret_reactor)
        return tw__misuse(-EINVAL, "tw_test_clock_reactor_new: needs ret_reactor");
    own = (struct test_reactor *)tw__zalloc(sizeof *own);
    if (!own)
        return -ENOMEM;
    own->deadline = TW_NEVER;
    rc = tw_test_clock_new(&own->clock);
    if (rc >= 0)
        rc = tw_reactor_init(&own->base, &test_ops, own->clock);
    if (rc < 0) {
        tw_test_clock_unref(own->clock);
        tw__free(own);
        return rc;
    }
    *ret_reactor = &own->base;
    return 0;
}

/* What is due runs turn by turn, until nothing is due any more at the time reached. */
int tw_test_clock_reactor_advance(struct tw_reactor *reactor, int64_t duration)
{
    struct test_reactor *own = (struct test_reactor *)reactor;
    int rc;
    if (!reactor || reactor->_ops != &test_ops || duration < 0)
        return tw__misuse(-EINVAL, "tw_test_clock_reactor_advance: needs a test-clock reactor, and "
                                   "a duration of 0 or more");
    if (reactor->_common->is_turning || reactor->_common->is_in_pass)
        return tw__misuse(-EDEADLK, "tw_test_clock_reactor_advance: the loop is turning already");
    tw_test_clock_advance(own->clock, duration);
    tw_reactor_ref(reactor);
    do
        rc = tw_reactor_iterate(reactor, 0);
    while (rc >= 0 && (own->must_pass || own->deadline <= tw_clock_now(own->clock) ||
                       is_woken(reactor, false)));
    tw_reactor_unref(reactor);
    return rc;
}
