/*
 * The suite for reactors itself: it finds what a plug-in does wrong. Each is libevent's with one of
 * its operations changed.
 */
#include "../harness.h"
#include <event2/event.h>
#include <poll.h>
#include <twine/test/reactor_conformance.h>

SUITE_WITH_THREADS("reactor faults")

static const struct tw_reactor_ops *right;
static struct tw_reactor_ops faulty;
static struct event_base *base;
static uint64_t deadline; /* what set_timer was told */
static bool must_pass;

/* --- operations that do something wrong -------------------------------------------------------- */

static int set_timer_only_later(struct tw_reactor *reactor, uint64_t to)
{
    if (to < deadline && deadline != TW_NEVER)
        return 0;
    deadline = to;
    return right->set_timer(reactor, to);
}

static int set_timer_a_minute_late(struct tw_reactor *reactor, uint64_t to)
{
    return right->set_timer(reactor, tw_time_add(to, 60 * TW_SECOND));
}

static void again_never(struct tw_reactor *reactor)
{
    (void)reactor;
}

static void again_in_the_same_turn(struct tw_reactor *reactor)
{
    (void)reactor;
    must_pass = true;
}

static int turn_until_nothing_is_left(struct tw_reactor *reactor, bool block)
{
    int rc = right->turn(reactor, block);
    while (must_pass) {
        must_pass = false;
        tw_reactor_pass(reactor);
    }
    return rc;
}

static void set_alive_never(struct tw_reactor *reactor, bool alive)
{
    (void)reactor;
    (void)alive;
}

static int watch_to_read_only(struct tw_reactor *reactor, struct tw_descriptor *descriptor,
                              unsigned what, void **slot)
{
    return right->watch(reactor, descriptor, what & TW_IO_READ, slot);
}

static int watch_ever_more(struct tw_reactor *reactor, struct tw_descriptor *descriptor,
                           unsigned what, void **slot)
{
    return right->watch(reactor, descriptor, what ? TW_IO_READ | TW_IO_WRITE : 0, slot);
}

static int turn_without_sleep(struct tw_reactor *reactor, bool block)
{
    (void)block;
    return right->turn(reactor, false);
}

/* It is woken, and makes no pass. */
static int turn_deaf(struct tw_reactor *reactor, bool block)
{
    struct pollfd wake = {tw_reactor_wake_fd(reactor), POLLIN, 0};
    if (poll(&wake, 1, block ? 1 : 0) > 0)
        tw_reactor_woken(reactor);
    return right->turn(reactor, false);
}

static int turn_with_an_error(struct tw_reactor *reactor, bool block)
{
    right->turn(reactor, block);
    return -EIO;
}

/* --- what the suite says ------------------------------------------------------------------------ */

static int make(void *arg, struct tw_reactor **ret_reactor)
{
    bool is_adopted = *(bool *)arg;
    int rc;
    base = is_adopted ? event_base_new() : NULL;
    rc = tw_libevent_reactor_new(base, ret_reactor);
    if (rc < 0)
        return rc;
    deadline = TW_NEVER;
    must_pass = false;
    (*ret_reactor)->_ops = &faulty;
    return 0;
}

static void free_base(void *arg)
{
    (void)arg;
    if (base)
        event_base_free(base);
}

static int turn(void *arg, struct tw_reactor *reactor, bool block)
{
    int flags = EVLOOP_NO_EXIT_ON_EMPTY | (block ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    (void)arg;
    (void)reactor;
    return event_base_loop(base, flags) < 0 ? -EIO : 0;
}

static int dispatch(void *arg, struct tw_reactor *reactor)
{
    (void)arg;
    (void)reactor;
    return event_base_dispatch(base) < 0 ? -EIO : 0;
}

struct expected {
    const char *check;
    int found;
};

static void look(void *arg, const char *check, const char *wrong)
{
    struct expected *expected = (struct expected *)arg;
    size_t length = strlen(expected->check);
    if (wrong && strncmp(check, expected->check, length) == 0)
        expected->found++;
}

/* A copy of the right operations, to be changed. */
static struct tw_reactor_ops *begin(void)
{
    struct tw_reactor *reactor = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_libevent_reactor_new(NULL, &reactor), 0);
    right = reactor->_ops;
    faulty = *right;
    tw_reactor_unref(reactor);
    return &faulty;
}

/* Among what is wrong is a check whose name begins so. */
static void finds(const char *check, bool is_adopted)
{
    struct expected expected = {check, 0};
    struct tw_reactor_conformance_kind kind = {.size = sizeof kind,
                                               .arg = &is_adopted,
                                               .make = make,
                                               .end = free_base,
                                               .patience = 30 * TW_MILLISECOND};
    int before = harness_reports(), failed;
    if (is_adopted) {
        kind.turn = turn;
        kind.dispatch = dispatch;
    }
    failed = tw_reactor_conformance(&kind, look, &expected);
    CU_ASSERT_TRUE(failed > 0);
    CU_ASSERT_TRUE(expected.found > 0);
    if (!expected.found)
        printf("\n    not found: %s\n", check);
    EXPECT_REPORTS(harness_reports() - before);
}

/* A description that is not right is refused. */
TEST(description_has_to_be_right)
{
    bool is_adopted = false;
    struct tw_reactor_conformance_kind kind = {
        .size = sizeof kind, .arg = &is_adopted, .make = make, .dispatch = dispatch};
    CU_ASSERT_EQUAL(tw_reactor_conformance(NULL, NULL, NULL), -EINVAL);
    CU_ASSERT_EQUAL(tw_reactor_conformance(&kind, NULL, NULL), -EINVAL);
    kind.dispatch = NULL;
    kind.size--;
    CU_ASSERT_EQUAL(tw_reactor_conformance(&kind, NULL, NULL), -EINVAL);
    kind.size++;
    kind.make = NULL;
    CU_ASSERT_EQUAL(tw_reactor_conformance(&kind, NULL, NULL), -EINVAL);
}

/* A timer that is not set to an earlier time. */
TEST(finds_a_timer_that_is_not_brought_forward)
{
    begin()->set_timer = set_timer_only_later;
    finds("TIM-014", false);
}

/* One that rings late. */
TEST(finds_a_timer_that_rings_late)
{
    begin()->set_timer = set_timer_a_minute_late;
    finds("TIM-001", false);
}

/* A pass that does not go on when its budget is used up. */
TEST(finds_that_a_pass_does_not_go_on)
{
    begin()->again = again_never;
    finds("CFT-007", false);
}

/* One that goes on without a look at I/O. */
TEST(finds_that_io_is_not_looked_at)
{
    struct tw_reactor_ops *ops = begin();
    ops->again = again_in_the_same_turn;
    ops->turn = turn_until_nothing_is_left;
    finds("CFT-006", false);
}

/* A loop that is not kept while work is out. */
TEST(finds_a_loop_that_is_not_kept)
{
    begin()->set_alive = set_alive_never;
    finds("work that is out", true);
}

/* A descriptor that is not waited for to be writable; one that is waited for once removed. */
TEST(finds_what_descriptors_are_waited_for)
{
    begin()->watch = watch_to_read_only;
    finds("FDS-001", false);
    begin()->watch = watch_ever_more;
    finds("FDS-004 removed", false);
}

/* A loop that never sleeps. */
TEST(finds_a_loop_that_never_sleeps)
{
    begin()->turn = turn_without_sleep;
    finds("RCT-022", false);
}

/* One that is not woken. */
TEST(finds_a_loop_that_is_not_woken)
{
    begin()->turn = turn_deaf;
    finds("CFT-001", false);
}

/* One that fails. */
TEST(finds_a_turn_that_fails)
{
    begin()->turn = turn_with_an_error;
    finds("RCT-001", false);
}

/* A plug-in without a name. */
TEST(finds_that_it_has_no_name)
{
    begin()->name = "";
    finds("REG-001", false);
}
