/*
 * A reactor on libevent, for the tests of one: on a base of the test's, or on its own.
 */
#ifndef TWINE_TESTS_STRESS_ON_LIBEVENT_H
#define TWINE_TESTS_STRESS_ON_LIBEVENT_H

#include "../harness.h"
#include <event2/event.h>

static struct event_base *base;
static struct tw_reactor *reactor;

static void adopt(void)
{
    base = event_base_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(base);
    CU_ASSERT_EQUAL_FATAL(tw_libevent_reactor_new(base, &reactor), 0);
}

static void drop_both(void)
{
    reactor = tw_reactor_unref(reactor);
    event_base_free(base);
    base = NULL;
}

__attribute__((unused)) static void own(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
}

#endif
