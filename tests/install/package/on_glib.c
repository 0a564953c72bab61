/*
 * A program that has a main loop of GLib's: work goes to a thread, and its result comes home.
 */
#include <glib.h>
#include <twine/reactor/glib.h>
#include <twine/twine.h>

static void work(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, NULL);
}

static int is_right;

static void quit(struct tw_result *result, void *loop)
{
    is_right = tw_result_value(result) == loop;
    tw_result_set(result, NULL, NULL);
    g_main_loop_quit((GMainLoop *)loop);
}

int main(void)
{
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    struct tw_reactor *reactor = NULL;
    struct tw_deferred *deferred = NULL;
    int rc = tw_glib_reactor_new(g_main_context_default(), &reactor);
    if (rc >= 0)
        rc = tw_defer_to_thread(reactor, work, loop, NULL, &deferred);
    if (rc >= 0)
        rc = tw_deferred_add_both(deferred, quit, loop, NULL);
    tw_deferred_unref(deferred);
    if (rc >= 0)
        g_main_loop_run(loop);
    tw_reactor_unref(reactor);
    g_main_loop_unref(loop);
    return rc < 0 || !is_right;
}
