/*
 * GLib, as two peers: GThreadPool with g_main_context_invoke() home, and GTask.
 */
#include "peer.h"

#include <errno.h>
#include <gio/gio.h>

static struct {
    long to_send, to_come; /* the loop's thread */
    GMainContext *context;
    GMainLoop *loop;
    GThreadPool *pool;
} course;

static void open_course(const struct course *is)
{
    course.to_send = is->jobs - is->in_flight;
    course.to_come = is->jobs;
    course.context = g_main_context_new(); /* the default one is anybody's to run */
    course.loop = g_main_loop_new(course.context, FALSE);
    g_main_context_push_thread_default(course.context);
}

static void close_course(void)
{
    bench_must(course.to_come == 0 ? 0 : -EIO, "every job home");
    g_main_context_pop_thread_default(course.context);
    g_main_loop_unref(course.loop);
    g_main_context_unref(course.context);
}

static void run_loop(void)
{
    g_main_loop_run(course.loop);
}

static void count_home(void)
{
    if (--course.to_come == 0)
        g_main_loop_quit(course.loop);
}

/* --- the pool --------------------------------------------------------------------------------- */

static void send_job(void)
{
    g_thread_pool_push(course.pool, &course, NULL);
}

static gboolean home(gpointer arg)
{
    (void)arg;
    if (course.to_send > 0) {
        course.to_send--;
        send_job();
    }
    count_home();
    return G_SOURCE_REMOVE;
}

static void work(gpointer job, gpointer arg)
{
    (void)arg;
    bench_work();
    g_main_context_invoke_full(course.context, G_PRIORITY_DEFAULT, home, job, NULL);
}

/* An exclusive pool has all its threads from the start. */
static GThreadPool *new_pool(GFunc fn, int threads)
{
    return (GThreadPool *)bench_made(g_thread_pool_new(fn, NULL, threads, TRUE, NULL));
}

static void trips(const struct course *is)
{
    long i;
    open_course(is);
    course.pool = new_pool(work, is->threads);
    bench_begin();
    for (i = 0; i < is->in_flight; i++)
        send_job();
    bench_queued();
    run_loop();
    bench_end();
    g_thread_pool_free(course.pool, FALSE, TRUE);
    close_course();
}

static void count_done(gpointer job, gpointer arg)
{
    (void)job;
    (void)arg;
    bench_one_done();
}

static void alone(const struct course *is)
{
    long i;
    course.pool = new_pool(count_done, is->threads);
    bench_expect(is->jobs);
    bench_begin();
    for (i = 0; i < is->jobs; i++)
        send_job();
    bench_wait_done();
    bench_end();
    g_thread_pool_free(course.pool, FALSE, TRUE);
}

static gboolean count_call(gpointer arg)
{
    (void)arg;
    count_home();
    return G_SOURCE_REMOVE;
}

static void *produce(void *each)
{
    long i;
    for (i = 0; i < *(long *)each; i++)
        g_main_context_invoke_full(course.context, G_PRIORITY_DEFAULT, count_call, NULL, NULL);
    return NULL;
}

/* Whoever calls before the loop runs would find a context that nobody owns, and become its owner. */
static void run_owned(void)
{
    run_loop();
    g_main_context_release(course.context);
}

static void calls(const struct course *is)
{
    open_course(is);
    bench_must(g_main_context_acquire(course.context) ? 0 : -EBUSY, "context");
    bench_produce(is->threads, produce, is->jobs / is->threads, run_owned);
    close_course();
}

const struct peer peer_glib = {
    .name = "GLib",
    .runs = {[TRIPS] = trips, [ALONE] = alone, [IDLE] = trips, [CALLS] = calls},
};

/* --- GTask ------------------------------------------------------------------------------------ */

static void task_work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    (void)source;
    (void)data;
    (void)cancellable;
    bench_work();
    g_task_return_boolean(task, TRUE);
}

static void send_task(void);

static void task_home(GObject *source, GAsyncResult *result, gpointer arg)
{
    (void)source;
    (void)arg;
    bench_must(g_task_propagate_boolean(G_TASK(result), NULL) ? 0 : -EIO, "a task's result");
    if (course.to_send > 0) {
        course.to_send--;
        send_task();
    }
    count_home();
}

static void send_task(void)
{
    GTask *task = g_task_new(NULL, NULL, task_home, NULL);
    g_task_run_in_thread(task, task_work);
    g_object_unref(task);
}

static void tasks(const struct course *is)
{
    long i;
    open_course(is);
    bench_begin();
    for (i = 0; i < is->in_flight; i++)
        send_task();
    bench_queued();
    run_loop();
    bench_end();
    close_course();
}

/* Its threads are ten for the process, whatever one would like: it stands beside pools of 4. */
const struct peer peer_gtask = {
    .name = "GTask",
    .only_threads = 4,
    .runs = {[TRIPS] = tasks},
    .programs = {[DEFERRED] = &deferred_gtask},
};
