/*
 * The GLib plug-in: what is GLib's about it. What every plug-in does is in
 * test_glib_conformance.c.
 */
#include "../harness.h"
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <twine/reactor/glib.h>
#include <unistd.h>

SUITE_WITH_THREADS("glib")

static GMainContext *context;
static GMainLoop *loop;
static struct tw_reactor *reactor;

static void own(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_glib_reactor_new(NULL, &reactor), 0);
    context = tw_glib_reactor_context(reactor);
}

static void adopt(GMainContext *which)
{
    context = which;
    loop = g_main_loop_new(context, FALSE);
    CU_ASSERT_EQUAL_FATAL(tw_glib_reactor_new(context, &reactor), 0);
}

static void drop(void)
{
    reactor = tw_reactor_unref(reactor);
    if (loop)
        g_main_loop_unref(loop);
    loop = NULL;
}

static void count(void *counter)
{
    ++*(int *)counter;
}

static void quit(void *arg)
{
    (void)arg;
    g_main_loop_quit(loop);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static gboolean count_once(gpointer counter)
{
    ++*(int *)counter;
    return G_SOURCE_REMOVE;
}

/* Call a function in the next turn of the context. */
static void soon(GSourceFunc fn, void *arg)
{
    GSource *source = g_idle_source_new();
    g_source_set_callback(source, fn, arg, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
}

/* --- a context of its own ---------------------------------------------------------------------- */

/* It is not the default context, and another plug-in has none. */
TEST(own_context_is_not_the_default_one)
{
    struct tw_reactor *other = NULL;
    own();
    CU_ASSERT_PTR_NOT_NULL(context);
    CU_ASSERT_PTR_NOT_EQUAL(context, g_main_context_default());
    CU_ASSERT_EQUAL(tw_test_clock_reactor_new(&other), 0);
    CU_ASSERT_PTR_NULL(tw_glib_reactor_context(other));
    CU_ASSERT_PTR_NULL(tw_glib_reactor_context(NULL));
    tw_reactor_unref(other);
    drop();
    PROVOKE(tw_glib_reactor_new(NULL, NULL));
}

/* REG-003: it can be made by its name, once that was told. */
TEST(REG_003_glib_by_name)
{
    struct tw_reactor *by_name = NULL;
    CU_ASSERT_EQUAL(tw_reactor_new("glib", &by_name), -ENOENT);
    CU_ASSERT_EQUAL(tw_glib_plug_in_add(), 0);
    CU_ASSERT_EQUAL(tw_glib_plug_in_add(), -EEXIST);
    CU_ASSERT_EQUAL(tw_reactor_new("glib", &by_name), 0);
    CU_ASSERT_PTR_NOT_NULL(tw_glib_reactor_context(by_name));
    tw_reactor_unref(by_name);
    CU_ASSERT_EQUAL(tw_plug_in_remove("glib"), 0);
}

/* A process without descriptors gets an answer, and leaves none behind. */
TEST(no_descriptors_is_an_answer)
{
    struct rlimit before, low;
    int lowest = open("/dev/null", O_RDONLY), i, rc = 0;
    CU_ASSERT_FATAL(lowest >= 0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    for (i = 0; i < 8 && rc != 1; i++) {
        low.rlim_cur = (rlim_t)lowest + (rlim_t)i;
        setrlimit(RLIMIT_NOFILE, &low);
        rc = tw_glib_reactor_new(NULL, &reactor);
        CU_ASSERT(rc == 0 || rc == -EMFILE);
        if (rc == 0)
            reactor = tw_reactor_unref(reactor);
    }
    CU_ASSERT_EQUAL(rc, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    i = open("/dev/null", O_RDONLY);
    CU_ASSERT_EQUAL(i, lowest);
    close(i);
}

static void note_default(void *ret_context)
{
    *(GMainContext **)ret_context = g_main_context_get_thread_default();
}

/* What GIO is asked for in a callback comes back to the context that turns. */
TEST(context_is_the_default_of_the_thread_in_each_turn)
{
    GMainContext *seen = NULL;
    own();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, note_default, &seen, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_PTR_EQUAL(seen, context);
    CU_ASSERT_PTR_NULL(g_main_context_get_thread_default());
    drop();
}

/* Sources of the user's are dispatched while the reactor runs. */
TEST(own_sources_work_under_run)
{
    int calls = 0;
    own();
    soon(count_once, &calls);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 2 * TW_MILLISECOND, stop, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(calls, 1);
    drop();
}

/* --- a loop of the user's ---------------------------------------------------------------------- */

static void work(struct tw_result *result, void *ret_thread)
{
    *(pthread_t *)ret_thread = pthread_self();
    (void)result;
}

static void see(struct tw_result *result, void *calls)
{
    count(calls);
    CU_ASSERT_TRUE(tw_result_is_ok(result));
    CU_ASSERT_TRUE(tw_reactor_is_in_thread(reactor));
    g_main_loop_quit(loop);
}

/* R22, THR-002: under g_main_loop_run the reactor starts by itself, on the default context and on
 * another, and a job's result comes home to it. */
TEST(THR_002_jobs_under_a_main_loop)
{
    GMainContext *mine = g_main_context_new();
    int is_default, round;
    for (is_default = 0; is_default < 2; is_default++) {
        int calls = 0;
        adopt(is_default ? g_main_context_default() : mine);
        for (round = 0; round < 50; round++) {
            struct tw_deferred *deferred = NULL;
            pthread_t worked_on = pthread_self();
            CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, work, &worked_on, NULL, &deferred), 0);
            CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, see, &calls, NULL), 0);
            tw_deferred_unref(deferred);
            g_main_loop_run(loop);
            CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
            CU_ASSERT_FALSE(pthread_equal(worked_on, pthread_self()));
        }
        CU_ASSERT_EQUAL(calls, 50);
        drop();
    }
    g_main_context_unref(mine);
}

static void quit_after(struct tw_trigger *trigger, void *calls)
{
    (void)trigger;
    count(calls);
    g_main_loop_quit(loop);
}

/* A stop does not leave the user's loop: a trigger after "shutdown" is what may. */
TEST(R22_stop_does_not_break_the_main_loop)
{
    int calls = 0;
    adopt(g_main_context_default());
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, TW_PHASE_AFTER, "shutdown", quit_after, &calls, NULL, NULL),
        0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, stop, NULL, NULL, NULL), 0);
    g_main_loop_run(loop);
    CU_ASSERT_EQUAL(calls, 1);
    soon(count_once, &calls);
    while (calls < 2)
        g_main_context_iteration(context, TRUE);
    drop();
}

/* Delayed calls come under the user's loop too, and not early. */
TEST(TIM_001_delayed_calls_under_a_main_loop)
{
    uint64_t begin = tw_clock_now(tw_clock_monotonic());
    adopt(g_main_context_default());
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 300 * TW_MICROSECOND, quit, NULL, NULL, NULL),
                    0);
    g_main_loop_run(loop);
    CU_ASSERT(tw_time_between(begin, tw_clock_now(tw_clock_monotonic())) >= 300 * TW_MICROSECOND);
    drop();
}

static gboolean turn_inside(gpointer calls)
{
    count(calls);
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_run(reactor), -EDEADLK);
    return G_SOURCE_REMOVE;
}

/* R19: the loop is not turned from a callback of the user's own source. */
TEST(R19_turning_from_a_callback_of_the_users_is_refused)
{
    int calls = 0;
    adopt(g_main_context_default());
    soon(turn_inside, &calls);
    while (!calls)
        g_main_context_iteration(context, TRUE);
    drop();
    own();
    soon(turn_inside, &calls);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(calls, 2);
    drop();
}

static gboolean run_another(gpointer calls)
{
    struct tw_reactor *other = NULL;
    CU_ASSERT_EQUAL(tw_glib_reactor_new(NULL, &other), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(other, count, calls, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(other, 0), 0);
    tw_reactor_unref(other);
    return G_SOURCE_REMOVE;
}

/* Another reactor's loop may be: it is another context. */
TEST(another_context_may_be_turned_from_a_callback)
{
    int calls = 0;
    adopt(g_main_context_default());
    soon(run_another, &calls);
    while (!calls)
        g_main_context_iteration(context, TRUE);
    drop();
}

static gboolean drop_inside(gpointer arg)
{
    (void)arg;
    reactor = tw_reactor_unref(reactor);
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void drop_in_a_call(void *arg)
{
    drop_inside(arg);
}

/* Under a loop of the user's the last reference may go in a callback, the reactor's own or not. */
TEST(last_unref_inside_a_callback)
{
    adopt(g_main_context_default());
    soon(drop_inside, NULL);
    g_main_loop_run(loop);
    drop();
    adopt(g_main_context_default());
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, drop_in_a_call, NULL, NULL), 0);
    g_main_loop_run(loop);
    drop();
}

static void *turn_elsewhere(void *arg)
{
    (void)arg;
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EBUSY);
    return NULL;
}

/* A context that another thread turns is refused, and not waited for. */
TEST(context_of_another_thread_is_refused)
{
    pthread_t thread;
    own();
    CU_ASSERT_TRUE(g_main_context_acquire(context));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, turn_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    g_main_context_release(context);
    drop();
}

/* --- a forked child ------------------------------------------------------------------------------ */

static int turn_in_child(const int *calls)
{
    int before = *calls, i;
    for (i = 0; i < 10; i++)
        g_main_context_iteration(context, FALSE);
    return *calls == before && tw_reactor_iterate(reactor, 0) == -EOWNERDEAD ? 17 : 1;
}

static void turn_in_a_child(const int *calls)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(turn_in_child(calls));
    while (waitpid(child, &status, 0) != child)
        ;
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 17);
}

/* A child that turns the context does none of the parent's work, and takes nothing from it. */
TEST(child_leaves_the_reactor_to_the_parent)
{
    int calls = 0;
    adopt(g_main_context_default());
    g_main_context_iteration(context, FALSE);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, count, &calls, NULL, NULL), 0);
    turn_in_a_child(&calls);
    while (calls < 1)
        g_main_context_iteration(context, TRUE);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, count, &calls, NULL), 0);
    turn_in_a_child(&calls);
    while (calls < 2)
        g_main_context_iteration(context, TRUE);
    drop();
}

/* --- idle -------------------------------------------------------------------------------------- */

static int polls;

static gint count_poll(GPollFD *fds, guint count_of_fds, gint timeout)
{
    polls++;
    return g_poll(fds, count_of_fds, timeout);
}

/* Idle is idle: after work the loop of a context sleeps until something comes. */
TEST(idle_reactor_does_not_wake_the_loop)
{
    int calls = 0, i;
    adopt(g_main_context_default());
    for (i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, count, &calls, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, quit, NULL, NULL, NULL), 0);
    g_main_loop_run(loop);
    CU_ASSERT_EQUAL(calls, 10);
    g_main_context_set_poll_func(context, count_poll);
    g_timeout_add(50, drop_inside, NULL);
    polls = 0;
    g_main_loop_run(loop);
    CU_ASSERT(polls <= 4);
    g_main_context_set_poll_func(context, NULL);
    drop();
}
