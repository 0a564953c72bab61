/*
 * The suite of promises on the GLib plug-in: on a context of its own, on the default one, and under
 * the user's loop.
 */
#include "../reactor_conforms.h"
#include <glib.h>
#include <twine/reactor/glib.h>

SUITE_WITH_THREADS("glib conformance")

static int make_own(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_glib_reactor_new(NULL, ret_reactor);
}

static int make_on_default(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_glib_reactor_new(g_main_context_default(), ret_reactor);
}

/* A reactor on a context of its own keeps what every reactor promises. */
TEST(glib_conforms)
{
    struct tw_reactor_conformance_kind kind = {.size = sizeof kind, .make = make_own};
    check_reactor_conforms(&kind, 67);
}

/* So does one on the default context. */
TEST(glib_on_the_default_context_conforms)
{
    struct tw_reactor_conformance_kind kind = {.size = sizeof kind, .make = make_on_default};
    check_reactor_conforms(&kind, 67);
}

static int turn(void *arg, struct tw_reactor *reactor, bool block)
{
    (void)arg;
    g_main_context_iteration(tw_glib_reactor_context(reactor), block);
    return 0;
}

/* So does one whose context is turned by the user's own loop. */
TEST(glib_under_the_users_loop_conforms)
{
    struct tw_reactor_conformance_kind kind = {
        .size = sizeof kind, .make = make_on_default, .turn = turn};
    check_reactor_conforms(&kind, 62);
}
