/*
 * The suite of promises on the library's own plug-ins: libevent on a base of its own, on the user's,
 * and under the user's loop; and the test clock.
 */
#include "../reactor_conforms.h"
#include <event2/event.h>

SUITE_WITH_THREADS("reactor conformance")

static struct event_base *base;

static int make_own(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_libevent_reactor_new(NULL, ret_reactor);
}

static int make_adopted(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    base = event_base_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(base);
    return tw_libevent_reactor_new(base, ret_reactor);
}

/* A user who goes on though nothing is to be waited for has something that is. */
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

static void free_base(void *arg)
{
    (void)arg;
    event_base_free(base);
}

/* A reactor on a base of its own keeps what every reactor promises. */
TEST(libevent_conforms)
{
    struct tw_reactor_conformance_kind kind = {.size = sizeof kind, .make = make_own};
    check_reactor_conforms(&kind, 67);
}

/* So does one on the user's base. */
TEST(libevent_on_an_adopted_base_conforms)
{
    struct tw_reactor_conformance_kind kind = {
        .size = sizeof kind, .make = make_adopted, .end = free_base};
    check_reactor_conforms(&kind, 67);
}

/* So does one whose base is turned by the user's own loop. */
TEST(libevent_under_the_users_loop_conforms)
{
    struct tw_reactor_conformance_kind kind = {.size = sizeof kind,
                                               .make = make_adopted,
                                               .turn = turn,
                                               .dispatch = dispatch,
                                               .end = free_base};
    check_reactor_conforms(&kind, 64);
}

static int make_clock(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_test_clock_reactor_new(ret_reactor);
}

static int advance(void *arg, struct tw_reactor *reactor, int64_t duration)
{
    (void)arg;
    return tw_test_clock_reactor_advance(reactor, duration);
}

/* So does one whose time moves when told; it has no descriptors. */
TEST(test_clock_conforms)
{
    struct tw_reactor_conformance_kind kind = {
        .size = sizeof kind, .make = make_clock, .advance = advance};
    check_reactor_conforms(&kind, 54);
}
