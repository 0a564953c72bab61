/*
 * twine: whole Deferreds (trips), bare tasks that go home by themselves (bare).
 */
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <twine/twine.h>

/* What the run under way is given, and where it counts. */
static struct {
    long to_send, to_come; /* the loop's thread */
    struct tw_reactor *reactor;
    struct tw_pool *pool;
} course;

static void open_course(const struct course *is)
{
    course.to_send = course.to_come = is->jobs;
    bench_must(tw_reactor_new(NULL, &course.reactor), "tw_reactor_new");
    bench_must(tw_pool_new((size_t)is->threads, NULL, &course.pool), "tw_pool_new");
}

static void close_course(void)
{
    tw_pool_quit(course.pool);
    bench_must(tw_pool_join(course.pool, TW_FOREVER), "tw_pool_join");
    tw_pool_unref(course.pool);
    tw_reactor_unref(course.reactor);
}

static uint64_t run_course(const struct course *is, void (*begin)(void *))
{
    uint64_t began;
    bench_must(tw_reactor_call_from_thread(course.reactor, begin, (void *)is, NULL), "call");
    began = bench_now();
    bench_must(tw_reactor_run(course.reactor), "tw_reactor_run");
    return bench_now() - began;
}

/* --- whole Deferreds -------------------------------------------------------------------------- */

static void no_op(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void send_deferred(void);

static void deferred_home(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (course.to_send > 0)
        send_deferred();
    if (--course.to_come == 0)
        tw_reactor_stop(course.reactor);
}

static void send_deferred(void)
{
    struct tw_deferred *deferred;
    course.to_send--;
    bench_must(
        tw_defer_to_pool(course.reactor, tw_pool_worker(course.pool), no_op, NULL, NULL, &deferred),
        "tw_defer_to_pool");
    bench_must(tw_deferred_add_both(deferred, deferred_home, NULL, NULL), "tw_deferred_add_both");
    tw_deferred_unref(deferred);
}

static void begin_deferreds(void *arg)
{
    long i;
    for (i = 0; i < ((const struct course *)arg)->in_flight; i++)
        send_deferred();
}

static uint64_t trips(const struct course *is)
{
    uint64_t took;
    open_course(is);
    took = run_course(is, begin_deferreds);
    close_course();
    return took;
}

/* --- bare tasks ------------------------------------------------------------------------------- */

static void bare_work(struct tw_task *task, int status);

static void send_bare(struct tw_task *task)
{
    course.to_send--;
    tw_task_init(task, bare_work);
    bench_must(tw_pool_submit(course.pool, task), "tw_pool_submit");
}

static void bare_home(struct tw_task *task, int status)
{
    (void)status;
    if (course.to_send > 0)
        send_bare(task);
    if (--course.to_come == 0)
        tw_reactor_stop(course.reactor);
}

static void bare_work(struct tw_task *task, int status)
{
    (void)status;
    tw_task_delivers(task);
    tw_task_init(task, bare_home);
    bench_must(tw_worker_submit(tw_reactor_worker(course.reactor), task), "home");
}

static struct tw_task *bare_tasks;

static void begin_bare(void *arg)
{
    long i;
    for (i = 0; i < ((const struct course *)arg)->in_flight; i++)
        send_bare(&bare_tasks[i]);
}

static uint64_t bare(const struct course *is)
{
    uint64_t took;
    bare_tasks = (struct tw_task *)calloc((size_t)is->in_flight, sizeof *bare_tasks);
    bench_must(bare_tasks ? 0 : -ENOMEM, "tasks");
    open_course(is);
    took = run_course(is, begin_bare);
    close_course();
    free(bare_tasks);
    return took;
}

/* --- many idle threads ------------------------------------------------------------------------ */

static uint64_t idle(const struct course *is)
{
    struct tw_statistics books = {.size = sizeof books};
    uint64_t took;
    open_course(is);
    bench_must(tw_team_grow(tw_pool_team(course.pool), (size_t)is->threads), "tw_team_grow");
    do
        bench_must(tw_team_statistics(tw_pool_team(course.pool), &books), "statistics");
    while (books.idle < (size_t)is->threads);
    took = run_course(is, begin_deferreds);
    close_course();
    return took;
}

/* --- the pool alone --------------------------------------------------------------------------- */

static atomic_long done;

static void count_task(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

static void submit_all(struct tw_task *tasks, struct tw_task **each, long burst, long jobs)
{
    long i;
    for (i = 0; i < jobs; i++) {
        tw_task_init(&tasks[i], count_task);
        each[i] = &tasks[i];
        if (burst == 1)
            bench_must(tw_pool_submit(course.pool, &tasks[i]), "tw_pool_submit");
        else if ((i + 1) % burst == 0)
            bench_must(tw_pool_submit_many(course.pool, each + i + 1 - burst, (size_t)burst),
                       "tw_pool_submit_many");
    }
}

static uint64_t alone(const struct course *is)
{
    struct tw_task *tasks = (struct tw_task *)calloc((size_t)is->jobs, sizeof *tasks);
    struct tw_task **each = (struct tw_task **)calloc((size_t)is->jobs, sizeof *each);
    uint64_t began;
    bench_must(tasks && each ? 0 : -ENOMEM, "tasks");
    bench_must(tw_pool_new((size_t)is->threads, NULL, &course.pool), "tw_pool_new");
    atomic_store(&done, 0);
    began = bench_now();
    submit_all(tasks, each, is->in_flight, is->jobs);
    tw_pool_quit(course.pool);
    bench_must(tw_pool_join(course.pool, TW_FOREVER), "tw_pool_join");
    began = bench_now() - began;
    bench_must(atomic_load(&done) == is->jobs ? 0 : -EIO, "every job counted");
    tw_pool_unref(course.pool);
    free(each);
    free(tasks);
    return began;
}

/* --- calls into the loop ---------------------------------------------------------------------- */

static void count_call(void *arg)
{
    (void)arg;
    if (--course.to_come == 0)
        tw_reactor_stop(course.reactor);
}

static void *produce(void *arg)
{
    long i;
    for (i = 0; i < *(long *)arg; i++)
        bench_must(tw_reactor_call_from_thread(course.reactor, count_call, NULL, NULL), "call");
    return NULL;
}

static uint64_t calls(const struct course *is)
{
    pthread_t *threads = (pthread_t *)calloc((size_t)is->threads, sizeof *threads);
    long each = is->jobs / is->threads;
    uint64_t began;
    int i;
    bench_must(threads ? 0 : -ENOMEM, "threads");
    course.to_come = each * is->threads;
    bench_must(tw_reactor_new(NULL, &course.reactor), "tw_reactor_new");
    began = bench_now();
    for (i = 0; i < is->threads; i++)
        bench_must(-pthread_create(&threads[i], NULL, produce, &each), "pthread_create");
    bench_must(tw_reactor_run(course.reactor), "tw_reactor_run");
    began = bench_now() - began;
    for (i = 0; i < is->threads; i++)
        pthread_join(threads[i], NULL);
    tw_reactor_unref(course.reactor);
    free(threads);
    return began;
}

const struct peer peer_twine = {"twine", trips, bare, alone, idle, calls};
