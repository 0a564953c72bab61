/*
 * The hot paths, to be counted in instructions: callgrind's counts do not jitter as times do.
 *
 * Everything is on one thread. The team has one worker, a list in memory, and a lock worker for its
 * coordinator, as a pool has; the reactor is on a test clock. So each run takes the same way to the
 * last instruction, where the kernel's are not counted.
 *
 *     paths            what callgrind is run on, by bench/ceilings: it dumps each path's count
 *                      under its name, and prints the name and how often the path was gone
 *
 * A path is gone BATCH times in a round. The first rounds only warm up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <twine/threads/team_internal.h>
#include <twine/twine.h>
#include <valgrind/callgrind.h>

#define BATCH 64
#define WARM_ROUNDS 4
#define ROUNDS 16

/* A round may have two parts, counted as two paths. */
enum part { FIRST, SECOND };

struct path {
    const char *name;
    void (*round)(void);
    enum part part;
};

static enum part counted; /* of the path under way */
static long seen, value;

/* What the paths lead through, made anew for each. */
static struct {
    struct tw_reactor *reactor;
    struct tw_worker *hands; /* the one worker of the team */
    struct tw_team *team;
    struct tw_executor *executor;
    struct tw_worker *strand;
    struct tw_limiter *limiter;
} house;

static struct tw_task tasks[BATCH], *each[BATCH];

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "paths: %s: %s\n", what, strerror(-rc));
    exit(1);
}

static void begin(enum part part)
{
    if (part == counted)
        CALLGRIND_TOGGLE_COLLECT;
}

static void end(enum part part)
{
    begin(part);
}

/* --- the house -------------------------------------------------------------------------------- */

static int lend_hands(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    (void)live;
    *ret_worker = tw_worker_ref(house.hands);
    return TW_CREATED_READY;
}

static void open_team(void)
{
    struct tw_worker *coordinator;
    must(tw_lock_worker_new(&coordinator), "tw_lock_worker_new");
    must(tw_memory_worker_new(&house.hands), "tw_memory_worker_new");
    must(tw_team_new(coordinator, lend_hands, NULL, NULL, &house.team), "tw_team_new");
    tw__team_set_policy(house.team, NULL, SIZE_MAX, 1); /* one worker, as a pool says it */
    tw_worker_unref(coordinator);
}

static void open_house(void)
{
    struct tw_worker *team;
    open_team();
    team = tw_team_worker(house.team);
    must(tw_test_clock_reactor_new(&house.reactor), "tw_test_clock_reactor_new");
    must(tw_executor_over(team, &house.executor), "tw_executor_over");
    must(tw_strand_new(house.hands, BATCH, &house.strand), "tw_strand_new");
    must(tw_limiter_new(team, BATCH, &house.limiter), "tw_limiter_new");
}

/* What has been submitted to the team. */
static void work_off(void)
{
    while (tw_memory_worker_perform(house.hands) > 0)
        ;
}

static void turn(void)
{
    must(tw_test_clock_reactor_advance(house.reactor, 0), "tw_test_clock_reactor_advance");
}

static void close_house(void)
{
    tw_executor_unref(house.executor);
    tw_worker_unref(house.strand);
    tw_limiter_unref(house.limiter);
    tw_team_unref(house.team);
    work_off();
    tw_worker_unref(house.hands);
    tw_reactor_unref(house.reactor);
}

/* --- tasks ------------------------------------------------------------------------------------ */

static void count_task(struct tw_task *task, int status)
{
    (void)task;
    seen += status == 0;
}

static void init_tasks(void)
{
    int i;
    for (i = 0; i < BATCH; i++) {
        tw_task_init(&tasks[i], count_task);
        each[i] = &tasks[i];
    }
}

static void submit_to(struct tw_worker *worker)
{
    int i;
    for (i = 0; i < BATCH; i++)
        must(tw_worker_submit(worker, &tasks[i]), "tw_worker_submit");
}

/* A worker idles: it is woken, runs the task, and idles. */
static void one_at_a_time(void)
{
    int i;
    init_tasks();
    for (i = 0; i < BATCH; i++) {
        begin(FIRST);
        must(tw_team_submit(house.team, &tasks[i]), "tw_team_submit");
        end(FIRST);
        begin(SECOND);
        work_off();
        end(SECOND);
    }
}

/* Not from the start: how the worker woke is no part of the path. */
static void begin_second(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
    begin(SECOND);
}

/* All are busy, so that submits take the short way; and then the worker takes one after the other. */
static void one_after_another(void)
{
    struct tw_task first;
    tw_task_init(&first, begin_second);
    init_tasks();
    must(tw_team_submit(house.team, &first), "tw_team_submit");
    begin(FIRST);
    submit_to(tw_team_worker(house.team));
    end(FIRST);
    work_off();
    end(SECOND);
}

static void many_at_once(void)
{
    init_tasks();
    begin(FIRST);
    must(tw_team_submit_many(house.team, each, BATCH), "tw_team_submit_many");
    end(FIRST);
    work_off();
}

static void through_strand(void)
{
    init_tasks();
    begin(FIRST);
    submit_to(house.strand);
    work_off();
    end(FIRST);
}

static void through_limiter(void)
{
    init_tasks();
    begin(FIRST);
    submit_to(tw_limiter_worker(house.limiter));
    work_off();
    end(FIRST);
}

static void to_the_loop(void)
{
    init_tasks();
    begin(FIRST);
    submit_to(tw_reactor_worker(house.reactor));
    end(FIRST);
    begin(SECOND);
    turn();
    end(SECOND);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void count_call(void *arg)
{
    (void)arg;
    seen++;
}

static void calls_from_thread(void)
{
    int i;
    begin(FIRST);
    for (i = 0; i < BATCH; i++)
        must(tw_reactor_call_from_thread(house.reactor, count_call, NULL, NULL),
             "tw_reactor_call_from_thread");
    end(FIRST);
    begin(SECOND);
    turn();
    end(SECOND);
}

static void delayed_calls(void)
{
    int i;
    begin(FIRST);
    for (i = 0; i < BATCH; i++)
        must(tw_reactor_call_later(house.reactor, i % 7 + 1, count_call, NULL, NULL, NULL),
             "tw_reactor_call_later");
    end(FIRST);
    begin(SECOND);
    must(tw_test_clock_reactor_advance(house.reactor, 8), "tw_test_clock_reactor_advance");
    end(SECOND);
}

/* --- Deferreds -------------------------------------------------------------------------------- */

static void count_result(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    seen++;
}

static void no_op(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void one_deferred(void)
{
    struct tw_source *source;
    struct tw_deferred *deferred;
    int i;
    must(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), "tw_deferred_new");
    for (i = 0; i < 10; i++)
        must(tw_deferred_add_callback(deferred, i ? no_op : count_result, NULL, NULL),
             "tw_deferred_add_callback");
    tw_source_callback(source, &value, NULL);
    tw_source_unref(source);
    tw_deferred_unref(deferred);
}

static void deferreds(void)
{
    int i;
    begin(FIRST);
    for (i = 0; i < BATCH; i++)
        one_deferred();
    end(FIRST);
}

static void send_deferred(void)
{
    struct tw_deferred *deferred;
    must(tw_defer_to_pool(house.reactor, tw_team_worker(house.team), no_op, NULL, NULL, &deferred),
         "tw_defer_to_pool");
    must(tw_deferred_add_both(deferred, count_result, NULL, NULL), "tw_deferred_add_both");
    tw_deferred_unref(deferred);
}

static void there_and_back(void)
{
    int i;
    begin(FIRST);
    for (i = 0; i < BATCH; i++)
        send_deferred();
    work_off();
    turn();
    end(FIRST);
}

static void there_and_back_alone(void)
{
    int i;
    begin(FIRST);
    for (i = 0; i < BATCH; i++) {
        send_deferred();
        work_off();
        turn();
    }
    end(FIRST);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static struct tw_deferred *awaited[BATCH];

static void await_all(struct tw_result *result, void *arg)
{
    struct tw_result got = TW_RESULT_INIT;
    int i;
    (void)result;
    (void)arg;
    begin(SECOND);
    for (i = 0; i < BATCH; i++) {
        must(tw_await(awaited[i], &got), "tw_await");
        seen += tw_result_value(&got) != NULL;
    }
    end(SECOND);
    tw_result_done(&got);
}

static void fire_all(struct tw_source **sources)
{
    int i;
    begin(FIRST);
    for (i = 0; i < BATCH; i++)
        tw_source_callback(sources[i], &value, NULL);
    end(FIRST);
}

static void await_in_coroutine(bool is_fired)
{
    struct tw_source *sources[BATCH];
    int i;
    for (i = 0; i < BATCH; i++)
        must(tw_deferred_new(NULL, NULL, NULL, &sources[i], &awaited[i]), "tw_deferred_new");
    if (is_fired)
        fire_all(sources);
    must(tw_spawn(house.reactor, await_all, NULL, NULL, NULL, NULL), "tw_spawn");
    if (!is_fired)
        fire_all(sources);
    for (i = 0; i < BATCH; i++) {
        tw_source_unref(sources[i]);
        tw_deferred_unref(awaited[i]);
    }
}

static void await_waits(void)
{
    await_in_coroutine(false);
}

static void await_goes_on(void)
{
    await_in_coroutine(true);
}

static void fork_and_join(struct tw_result *result, void *arg)
{
    struct tw_future *future;
    int i;
    (void)result;
    (void)arg;
    begin(FIRST);
    for (i = 0; i < BATCH; i++) {
        must(tw_executor_submit(house.executor, count_result, NULL, NULL, &future),
             "tw_executor_submit");
        must(tw_future_await(&future, 1), "tw_future_await");
        tw_future_unref(future);
    }
    end(FIRST);
}

static void forks(void)
{
    must(tw_executor_submit(house.executor, fork_and_join, NULL, NULL, NULL), "tw_executor_submit");
    work_off();
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct path paths[] = {
    {"team-submit-idle", one_at_a_time, FIRST},
    {"team-wake-and-idle", one_at_a_time, SECOND},
    {"team-submit-busy", one_after_another, FIRST},
    {"team-run-and-next", one_after_another, SECOND},
    {"team-submit-many", many_at_once, FIRST},
    {"strand-task", through_strand, FIRST},
    {"limiter-task", through_limiter, FIRST},
    {"loop-post", to_the_loop, FIRST},
    {"loop-run", to_the_loop, SECOND},
    {"call-from-thread-post", calls_from_thread, FIRST},
    {"call-from-thread-run", calls_from_thread, SECOND},
    {"delayed-call-set", delayed_calls, FIRST},
    {"delayed-call-run", delayed_calls, SECOND},
    {"deferred-ten-callbacks", deferreds, FIRST},
    {"defer-to-pool", there_and_back, FIRST},
    {"defer-to-pool-alone", there_and_back_alone, FIRST},
    {"await-suspends", await_waits, FIRST},
    {"await-fired", await_goes_on, SECOND},
    {"fork-join", forks, FIRST},
};

static void go(const struct path *path)
{
    int round;
    counted = path->part;
    open_house();
    for (round = 0; round < WARM_ROUNDS; round++)
        path->round();
    seen = 0;
    CALLGRIND_ZERO_STATS;
    for (round = 0; round < ROUNDS; round++)
        path->round();
    CALLGRIND_DUMP_STATS_AT(path->name);
    close_house();
    must(seen == ROUNDS * BATCH ? 0 : -EIO, path->name);
    printf("%s %d\n", path->name, ROUNDS * BATCH);
}

int main(void)
{
    size_t i;
    for (i = 0; i < sizeof paths / sizeof paths[0]; i++)
        go(&paths[i]);
    return 0;
}
