/*
 * twine: whole Deferreds (trips), bare tasks that go home by themselves (bare), under its own loop or
 * the user's (dispatch).
 */
#include "peer.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <twine/twine.h>
#include <unistd.h>

enum { MANY = 1000 }; /* handed over at once, where many are */

/* The run under way. */
static struct {
    long to_send, to_come; /* the loop's thread */
    struct tw_reactor *reactor;
    struct tw_pool *pool;
    struct event_base *base; /* the user's, if it is the user that runs it */
} course;

static void open_pool(int threads)
{
    bench_must(tw_pool_new((size_t)threads, NULL, &course.pool), "tw_pool_new");
}

static void close_pool(void)
{
    struct tw_statistics books = {.size = sizeof books};
    bench_must(tw_team_statistics(tw_pool_team(course.pool), &books), "statistics");
    bench_wakes(books.wakes);
    tw_pool_quit(course.pool);
    bench_must(tw_pool_join(course.pool, TW_FOREVER), "tw_pool_join");
    tw_pool_unref(course.pool);
}

static void open_course(const struct course *is)
{
    course.to_send = course.to_come = is->jobs;
    bench_must(tw_libevent_reactor_new(course.base, &course.reactor), "tw_libevent_reactor_new");
    open_pool(is->threads);
}

static void close_course(void)
{
    bench_must(course.to_come == 0 ? 0 : -EIO, "every job home");
    close_pool();
    tw_reactor_unref(course.reactor);
}

static void count_home(void)
{
    if (--course.to_come > 0)
        return;
    if (course.base)
        event_base_loopbreak(course.base);
    else
        tw_reactor_stop(course.reactor);
}

static void run_loop(void)
{
    if (course.base)
        event_base_loop(course.base, EVLOOP_NO_EXIT_ON_EMPTY);
    else
        bench_must(tw_reactor_run(course.reactor), "tw_reactor_run");
}

static void run_course(const struct course *is, void (*begin)(void *))
{
    bench_must(tw_reactor_call_from_thread(course.reactor, begin, (void *)is, NULL), "call");
    bench_begin();
    run_loop();
    bench_end();
}

/* --- whole Deferreds -------------------------------------------------------------------------- */

static void work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    bench_work();
}

static void send_deferred(void);

static void deferred_home(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (course.to_send > 0)
        send_deferred();
    count_home();
}

static void send_deferred(void)
{
    struct tw_deferred *deferred;
    course.to_send--;
    bench_must(
        tw_defer_to_pool(course.reactor, tw_pool_worker(course.pool), work, NULL, NULL, &deferred),
        "tw_defer_to_pool");
    bench_must(tw_deferred_add_both(deferred, deferred_home, NULL, NULL), "tw_deferred_add_both");
    tw_deferred_unref(deferred);
}

static void begin_deferreds(void *arg)
{
    long i;
    for (i = 0; i < ((const struct course *)arg)->in_flight; i++)
        send_deferred();
    bench_queued();
}

static void trips(const struct course *is)
{
    open_course(is);
    run_course(is, begin_deferreds);
    close_course();
}

static void dispatch(const struct course *is)
{
    course.base = (struct event_base *)bench_made(event_base_new());
    trips(is);
    event_base_free(course.base);
    course.base = NULL;
}

static void idle(const struct course *is)
{
    struct tw_statistics books = {.size = sizeof books};
    open_course(is);
    bench_must(tw_team_grow(tw_pool_team(course.pool), (size_t)is->threads), "tw_team_grow");
    do
        bench_must(tw_team_statistics(tw_pool_team(course.pool), &books), "statistics");
    while (books.idle < (size_t)is->threads);
    run_course(is, begin_deferreds);
    close_course();
}

/* --- nothing ---------------------------------------------------------------------------------- */

static void begin_rest(void *arg)
{
    (void)arg;
    bench_begin();
}

static void end_rest(void *arg)
{
    (void)arg;
    bench_end();
    tw_reactor_stop(course.reactor);
}

static void first_home(struct tw_result *result, void *arg)
{
    const struct course *is = (const struct course *)arg;
    int64_t length = is->jobs * TW_MILLISECOND;
    (void)result;
    if (--course.to_come > 0)
        return;
    bench_must(tw_reactor_call_later(course.reactor, length / 8, begin_rest, NULL, NULL, NULL),
               "tw_reactor_call_later");
    bench_must(
        tw_reactor_call_later(course.reactor, length / 8 + length, end_rest, NULL, NULL, NULL),
        "tw_reactor_call_later");
}

/* A millisecond each, so that all threads have something. */
static void work_once(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    usleep(1000);
}

static void begin_first(void *arg)
{
    const struct course *is = (const struct course *)arg;
    struct tw_deferred *deferred;
    long i;
    for (i = 0; i < is->in_flight; i++) {
        bench_must(tw_defer_to_pool(course.reactor, tw_pool_worker(course.pool), work_once, NULL,
                                    NULL, &deferred),
                   "tw_defer_to_pool");
        bench_must(tw_deferred_add_both(deferred, first_home, arg, NULL), "tw_deferred_add_both");
        tw_deferred_unref(deferred);
    }
}

static void rest(const struct course *is)
{
    open_course(is);
    course.to_come = is->in_flight;
    bench_must(tw_reactor_call_from_thread(course.reactor, begin_first, (void *)is, NULL), "call");
    run_loop();
    close_course();
}

/* --- bare tasks ------------------------------------------------------------------------------- */

static struct tw_task *tasks;

static void bare_home(struct tw_task *task, int status);

static void bare_work(struct tw_task *task, int status)
{
    bench_must(status, "a task was given up");
    bench_work();
    tw_task_delivers(task);
    tw_task_init(task, bare_home);
    bench_must(tw_worker_submit(tw_reactor_worker(course.reactor), task), "home");
}

static void send_bare(struct tw_task *task)
{
    course.to_send--;
    tw_task_init(task, bare_work);
    bench_must(tw_pool_submit(course.pool, task), "tw_pool_submit");
}

static void bare_home(struct tw_task *task, int status)
{
    bench_must(status, "a delivery was given up");
    if (course.to_send > 0)
        send_bare(task);
    count_home();
}

static void begin_bare(void *arg)
{
    long i;
    for (i = 0; i < ((const struct course *)arg)->in_flight; i++)
        send_bare(&tasks[i]);
    bench_queued();
}

static void submit_many(tw_task_fn fn, long count)
{
    struct tw_task *each[MANY];
    long i, n;
    for (i = 0; i < count; i += n) {
        for (n = 0; n < MANY && i + n < count; n++) {
            each[n] = &tasks[i + n];
            tw_task_init(each[n], fn);
        }
        bench_must(tw_pool_submit_many(course.pool, each, (size_t)n), "tw_pool_submit_many");
    }
}

static void begin_bare_many(void *arg)
{
    course.to_send -= ((const struct course *)arg)->in_flight;
    submit_many(bare_work, ((const struct course *)arg)->in_flight);
    bench_queued();
}

static void run_bare(const struct course *is, void (*begin)(void *))
{
    tasks = (struct tw_task *)bench_made(calloc((size_t)is->in_flight, sizeof *tasks));
    open_course(is);
    run_course(is, begin);
    close_course();
    free(tasks);
}

static void bare(const struct course *is)
{
    run_bare(is, begin_bare);
}

static void bare_many(const struct course *is)
{
    run_bare(is, begin_bare_many);
}

/* --- the pool alone --------------------------------------------------------------------------- */

static void count_task(struct tw_task *task, int status)
{
    (void)task;
    bench_must(status, "a task was given up");
    bench_one_done();
}

static void submit_each(tw_task_fn fn, long count)
{
    long i;
    for (i = 0; i < count; i++) {
        tw_task_init(&tasks[i], fn);
        bench_must(tw_pool_submit(course.pool, &tasks[i]), "tw_pool_submit");
    }
}

static void run_alone(const struct course *is, void (*submit)(tw_task_fn fn, long count))
{
    tasks = (struct tw_task *)bench_made(calloc((size_t)is->jobs, sizeof *tasks));
    open_pool(is->threads);
    bench_expect(is->jobs);
    bench_begin();
    submit(count_task, is->jobs);
    bench_wait_done();
    bench_end();
    close_pool();
    free(tasks);
}

static void alone(const struct course *is)
{
    run_alone(is, submit_each);
}

static void alone_many(const struct course *is)
{
    run_alone(is, submit_many);
}

/* --- calls into the loop ---------------------------------------------------------------------- */

static void count_call(void *arg)
{
    (void)arg;
    count_home();
}

static void *produce(void *each)
{
    long i;
    for (i = 0; i < *(long *)each; i++)
        bench_must(tw_reactor_call_from_thread(course.reactor, count_call, NULL, NULL), "call");
    return NULL;
}

static void calls(const struct course *is)
{
    course.to_come = is->jobs;
    bench_must(tw_reactor_new(NULL, &course.reactor), "tw_reactor_new");
    bench_produce(is->threads, produce, is->jobs / is->threads, run_loop);
    bench_must(course.to_come == 0 ? 0 : -EIO, "every call came");
    tw_reactor_unref(course.reactor);
}

/* --- fork and join ---------------------------------------------------------------------------- */

static struct tw_executor *executor;

/* n in, fib(n) out: the number goes where the pointer would. */
static void fib(struct tw_result *result, void *arg)
{
    intptr_t n = (intptr_t)arg;
    struct tw_result right = TW_RESULT_INIT;
    struct tw_future *left;
    if (n < 2) {
        tw_result_set(result, (void *)n, NULL);
        return;
    }
    bench_must(tw_executor_submit(executor, fib, (void *)(n - 1), NULL, &left), "submit");
    fib(&right, (void *)(n - 2));
    bench_must(tw_future_await(&left, 1), "tw_future_await");
    tw_result_set(result,
                  (void *)((intptr_t)tw_future_value(left) + (intptr_t)tw_result_value(&right)),
                  NULL);
    tw_result_done(&right);
    tw_future_unref(left);
}

static void forks(const struct course *is)
{
    struct tw_future *sum;
    bench_must(tw_executor_new((size_t)is->threads, NULL, &executor), "tw_executor_new");
    bench_begin();
    bench_must(tw_executor_submit(executor, fib, (void *)25, NULL, &sum), "submit");
    bench_must(tw_future_wait(&sum, 1, TW_WAIT_ALL, TW_FOREVER), "wait");
    bench_end();
    bench_must((intptr_t)tw_future_value(sum) == 75025 ? 0 : -EIO, "fib(25)");
    tw_future_unref(sum);
    bench_must(tw_executor_shutdown(executor, true, false), "tw_executor_shutdown");
    tw_executor_unref(executor);
}

const struct peer peer_twine = {
    .name = "twine",
    .runs = {[TRIPS] = trips,
             [BARE] = bare,
             [BARE_MANY] = bare_many,
             [DISPATCH] = dispatch,
             [ALONE] = alone,
             [ALONE_MANY] = alone_many,
             [IDLE] = idle,
             [CALLS] = calls,
             [FORKS] = forks,
             [REST] = rest},
    .programs = {[DEFERRED] = &deferred_twine, [AWAIT] = &coroutine_await},
};
