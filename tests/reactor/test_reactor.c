/*
 * The common half of a reactor, on the test clock's plug-in: run, stop and iterate, calls from
 * threads, the reactor as a worker, and its end.
 */
#include "../harness.h"
#include <pthread.h>

SUITE("reactor")

static struct tw_reactor *reactor;
static char text[1024];

static void set_up(void)
{
    text[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

/* Actions; the argument is a name. */
static void write_name(void *name)
{
    strcat(strcat(text, (const char *)name), " ");
}

static void destroy_name(void *name)
{
    strcat(text, "~");
    write_name(name);
}

static void call(tw_action_fn action, const char *name)
{
    CU_ASSERT_EQUAL(
        tw_reactor_call_from_thread(reactor, action, (void *)(uintptr_t)name, destroy_name), 0);
}

static void stop(void *name)
{
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    write_name(name);
}

static void run_until_stopped(void)
{
    call(stop, "stop");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
}

#define WROTE(expected)                         \
    do {                                        \
        CU_ASSERT_STRING_EQUAL(text, expected); \
        text[0] = '\0';                         \
    } while (0)

/* --- calls from threads ----------------------------------------------------------------------- */

/* CFT-001, CFT-003: a call only queues; in a pass calls run in the order made, and the argument of
 * each is destroyed after it. */
TEST(CFT_003_calls_run_in_order)
{
    set_up();
    call(write_name, "1");
    call(write_name, "2");
    call(write_name, "3");
    WROTE("");
    pass();
    WROTE("1 ~1 2 ~2 3 ~3 ");
    pass();
    WROTE("");
    tear_down();
}

static void call_more(void *name)
{
    write_name(name);
    call(write_name, "more");
    strcat(text, "| ");
}

static void make_due(const char *name)
{
    CU_ASSERT_EQUAL(
        tw_reactor_call_later(reactor, 0, write_name, (void *)(uintptr_t)name, NULL, NULL), 0);
}

/* CFT-004, CFT-005, CFT-014: from the loop's thread too it only queues; only those present at the
 * start of the batch run in it, the others in the next turn, after the timers of this one. */
TEST(CFT_005_call_made_by_a_call_runs_in_the_next_turn)
{
    set_up();
    call(call_more, "1");
    call(write_name, "2");
    make_due("timer");
    pass();
    WROTE("1 | ~1 2 ~2 timer ");
    pass();
    WROTE("more ~more ");
    tear_down();
}

static void count(void *counter)
{
    ++*(int *)counter;
}

/* CFT-007: any number may be queued in one go. */
TEST(CFT_007_a_hundred_thousand_calls)
{
    enum { MANY = 100000 };
    int i, calls = 0, passes = 0, rc = 0;
    set_up();
    for (i = 0; i < MANY; i++)
        rc |= tw_reactor_call_from_thread(reactor, count, &calls, NULL);
    CU_ASSERT_EQUAL(rc, 0);
    while (calls < MANY && passes++ < MANY)
        pass();
    CU_ASSERT_EQUAL(calls, MANY);
    tear_down();
}

/* CFT-010: without an action there is nothing to call; the argument is consumed. */
TEST(CFT_010_call_without_an_action_is_refused)
{
    set_up();
    PROVOKE(tw_reactor_call_from_thread(reactor, NULL, "1", destroy_name));
    PROVOKE(tw_reactor_call_in_thread(reactor, NULL, "2", destroy_name));
    PROVOKE(tw_reactor_call_from_thread(NULL, write_name, "3", destroy_name));
    WROTE("~1 ~2 ~3 ");
    tear_down();
}

/* CFT-001: it returns at once, and nothing has been called yet. */
TEST(CFT_001_call_only_queues)
{
    set_up();
    call(write_name, "1");
    WROTE("");
    pass();
    WROTE("1 ~1 ");
    tear_down();
}

/* CFT-004: from the loop's thread, inside a call too, it also only queues. */
TEST(CFT_004_queues_on_the_loops_thread)
{
    set_up();
    call(call_more, "1");
    pass();
    WROTE("1 | ~1 ");
    pass();
    WROTE("more ~more ");
    tear_down();
}

/* CFT-006: with more calls queued than a batch takes the loop does not wait. */
TEST(CFT_006_no_wait_while_calls_are_queued)
{
    enum { MANY = 1000 };
    int i, calls = 0, turns;
    set_up();
    for (i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, count, &calls, NULL), 0);
    for (turns = 0; calls < MANY && turns < MANY; turns++) /* each would wait for ever */
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0);
    CU_ASSERT(turns > 1 && turns < MANY);
    CU_ASSERT_EQUAL(calls, MANY);
    tear_down();
}

/* CFT-013: to be woken makes the loop turn once, though there is nothing to do. */
TEST(CFT_013_wake_up_makes_it_turn)
{
    set_up();
    tw_reactor_wake_up(reactor);
    tw_reactor_wake_up(reactor);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0);
    tw_reactor_wake_up(NULL);
    tear_down();
}

/* CFT-014: only what was there when the batch began runs in it. */
TEST(CFT_014_only_what_was_there)
{
    set_up();
    call(call_more, "1");
    call(call_more, "2");
    pass();
    WROTE("1 | ~1 2 | ~2 ");
    pass();
    WROTE("more ~more more ~more ");
    tear_down();
}

/* --- run and stop ----------------------------------------------------------------------------- */

static void see_running(void *name)
{
    strcat(text, tw_reactor_is_running(reactor) ? "running " : "not running ");
    (void)name;
}

/* RCT-001, CFT-009: run starts the reactor, does what was called before, and returns 0 once it is
 * stopped. */
TEST(RCT_001_run_until_stopped)
{
    set_up();
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    call(see_running, "1");
    call(stop, "stop");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    WROTE("running ~1 stop ~stop ");
    tear_down();
}

static void run_inside(void *name)
{
    write_name(name);
    PROVOKE_ERROR(tw_reactor_run(reactor), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EDEADLK);
}

/* RCT-004, RCT-019: neither run nor iterate from inside a turn. */
TEST(RCT_004_run_inside_a_turn_is_refused)
{
    set_up();
    call(run_inside, "iterated");
    pass();
    call(run_inside, "run");
    run_until_stopped();
    WROTE("iterated ~iterated run ~run stop ~stop ");
    tear_down();
}

/* RCT-005: run after a stop is refused, and that is an answer, no misuse. */
TEST(RCT_005_run_after_stop_is_refused)
{
    set_up();
    run_until_stopped();
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -ESHUTDOWN);
    tear_down();
}

static void stop_twice(void *name)
{
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    write_name(name);
}

/* RCT-006: stop before the reactor runs, while it is stopping, and after it has stopped. */
TEST(RCT_006_stop_of_one_that_does_not_run)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    call(stop_twice, "stop");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    WROTE("stop ~stop ");
    tear_down();
}

/* RCT-007, RCT-008, RCT-020: stop only notes the wish: the rest of the batch and the timers of
 * that turn still run. */
TEST(RCT_007_stop_lets_the_turn_end)
{
    set_up();
    call(stop, "stop");
    call(write_name, "behind");
    make_due("timer");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    WROTE("stop ~stop behind ~behind timer ");
    tear_down();
}

/* RCT-028: a timer may stop the reactor. */
TEST(RCT_028_timer_may_stop)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, stop, "stop", destroy_name, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    WROTE("stop ~stop ");
    tear_down();
}

static void nothing(void *arg)
{
    (void)arg;
}

static void stop_and_call(void *name)
{
    stop(name);
    /* still running: accepted, and then run or given up, but destroyed once */
    call(nothing, "late");
}

/* CFT-011: a call made while the reactor stops is not lost: its argument is destroyed once. */
TEST(CFT_011_call_made_while_stopping)
{
    char *late;
    set_up();
    call(stop_and_call, "stop");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    tear_down();
    late = strstr(text, "~late ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(late);
    CU_ASSERT_PTR_NULL(strstr(late + 1, "~late "));
}

/* Once it has stopped everything is refused, and what was given destroyed. */
TEST(stopped_reactor_refuses)
{
    struct tw_pool *pool = NULL;
    struct tw_delayed_call *delayed = NULL;
    set_up();
    run_until_stopped();
    text[0] = '\0';
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, write_name, "1", destroy_name),
                    -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, write_name, "2", destroy_name, &delayed),
                    -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), -ESHUTDOWN); /* RTP-008 */
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 3), -ESHUTDOWN);
    CU_ASSERT_PTR_NULL(delayed);
    CU_ASSERT_PTR_NULL(pool);
    WROTE("~1 ~2 ");
    pass(); /* RCT-018: iterate still works */
    tear_down();
}

/* RCT-017: iterate does one turn, and starts nothing. */
TEST(RCT_017_iterate_starts_nothing)
{
    set_up();
    call(see_running, "1");
    pass();
    WROTE("not running ~1 ");
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    run_until_stopped();
    tear_down();
}

static void *ask_elsewhere(void *ret_answer)
{
    *(bool *)ret_answer = tw_reactor_is_in_thread(reactor);
    return NULL;
}

static void ask_inside(void *ret_answer)
{
    *(bool *)ret_answer = tw_reactor_is_in_thread(reactor);
}

/* RCT-027: the thread that turns the loop is its thread, no other. */
TEST(RCT_027_is_in_thread)
{
    bool inside = false, elsewhere = true;
    pthread_t thread;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, ask_inside, &inside, NULL), 0);
    pass();
    CU_ASSERT_TRUE(inside);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask_elsewhere, &elsewhere), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_FALSE(elsewhere);
    tear_down();
}

/* --- its pool --------------------------------------------------------------------------------- */

/* RTP-001, RTP-009, RTP-010: the pool is made at first use, and is the same afterwards; its limit
 * is 10, or what is suggested, 0 included. */
TEST(RTP_001_pool_is_made_at_first_use)
{
    struct tw_pool *pool = NULL, *again = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &again), 0);
    CU_ASSERT_PTR_EQUAL(pool, again);
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 3), 0);
    tear_down();
}

/* RTP-002: made before the reactor runs it has no thread to begin with; while it runs it has its
 * limit at once. */
static void make_pool(void *ret_limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    *(size_t *)ret_limit = tw_pool_limit(pool);
}

TEST(RTP_002_pool_starts_with_the_reactor)
{
    size_t before = 1, running = 0;
    set_up();
    make_pool(&before);
    CU_ASSERT_EQUAL(before, 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, make_pool, &running, NULL), 0);
    run_until_stopped();
    CU_ASSERT_EQUAL(running, 10);
    tear_down();
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, make_pool, &before, NULL), 0);
    run_until_stopped();
    CU_ASSERT_EQUAL(before, 10);
    tear_down();
}

static void leave_nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* RTP-007: work for it before the reactor runs waits; if it never runs, nothing is executed, and the
 * argument is destroyed. */
TEST(RTP_007_work_waits_for_the_start)
{
    int destroyed = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, leave_nothing, &destroyed, count_destroy),
                    0);
    pass();
    CU_ASSERT_EQUAL(destroyed, 0);
    tear_down();
    CU_ASSERT_EQUAL(destroyed, 1);
}

static void suggest(void *ret_limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 3), 0);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    *(size_t *)ret_limit = tw_pool_limit(pool);
}

/* RTP-009: the size suggested is its limit, and makes it if need be. */
TEST(RTP_009_suggested_size_is_the_limit)
{
    size_t limit = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, suggest, &limit, NULL), 0);
    run_until_stopped();
    CU_ASSERT_EQUAL(limit, 3);
    tear_down();
}

static void suggest_none(void *ret_limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    *(size_t *)ret_limit = tw_pool_limit(pool);
}

/* RTP-010: 0 is allowed. */
TEST(RTP_010_no_threads)
{
    size_t limit = 1;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, suggest_none, &limit, NULL), 0);
    run_until_stopped();
    CU_ASSERT_EQUAL(limit, 0);
    tear_down();
}

/* RTP-004: nothing of the reactor keeps it alive afterwards. */
TEST(RTP_004_pool_is_let_go)
{
    struct tw_pool *pool = NULL;
    int destroyed = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, leave_nothing, &destroyed, count_destroy),
                    0);
    tear_down(); /* and the harness finds nothing left */
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* THR-009: work in each of several calls is needed, and each argument is destroyed, once. */
TEST(THR_009_several_calls_that_wait)
{
    int destroyed = 0;
    struct tw_call calls[3] = {{leave_nothing, &destroyed, count_destroy},
                               {leave_nothing, &destroyed, count_destroy},
                               {NULL, &destroyed, count_destroy}};
    set_up();
    PROVOKE(tw_reactor_call_multiple_in_thread(reactor, calls, 3));
    CU_ASSERT_EQUAL(destroyed, 3);
    PROVOKE(tw_reactor_call_multiple_in_thread(reactor, NULL, 1));
    CU_ASSERT_EQUAL(tw_reactor_call_multiple_in_thread(reactor, NULL, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_multiple_in_thread(reactor, calls, 2), 0);
    tear_down();
    CU_ASSERT_EQUAL(destroyed, 5);
}

/* RTP-003, RTP-004: it is quit when the reactor stops; a reference of the user's outlives it. */
TEST(RTP_003_pool_is_quit_when_the_reactor_stops)
{
    struct tw_pool *pool = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    tw_pool_ref(pool);
    run_until_stopped();
    CU_ASSERT_EQUAL(tw_pool_quit(pool), -ESHUTDOWN);
    tear_down();
    tw_pool_unref(pool);
}

/* --- as a worker ------------------------------------------------------------------------------ */

struct noted {
    struct tw_task task;
    int calls, status;
};

static void note_status(struct tw_task *task, int status)
{
    struct noted *noted = (struct noted *)task;
    noted->calls++;
    noted->status = status;
}

/* A reactor is an exclusive worker: its tasks run in a pass, in order with the calls; one that is
 * cancelled is given up. It cannot be quit from outside. */
TEST(reactor_is_a_worker)
{
    struct noted one = {.calls = 0}, two = {.calls = 0};
    struct tw_worker *worker;
    set_up();
    worker = tw_reactor_worker(reactor);
    CU_ASSERT_TRUE(tw_worker_is_exclusive(worker));
    tw_task_init(&one.task, note_status);
    tw_task_init(&two.task, note_status);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &one.task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &two.task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &two.task), 0);
    CU_ASSERT_EQUAL(one.calls, 0);
    pass();
    CU_ASSERT(one.calls == 1 && one.status == 0);
    CU_ASSERT(two.calls == 1 && two.status == -ECANCELED);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &one.task), -EALREADY);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ENOTSUP);
    tear_down();
}

/* --- its end ---------------------------------------------------------------------------------- */

/* A reactor that goes with calls queued destroys their arguments and calls nothing. */
TEST(unref_with_calls_queued_only_destroys)
{
    set_up();
    call(write_name, "1");
    call(write_name, "2");
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, write_name, "3", destroy_name, NULL), 0);
    tear_down();
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "~1 ~2 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "~3 "));
    CU_ASSERT_EQUAL(strlen(text), strlen("~1 ~2 ~3 "));
}

/* The worker outlives the reactor, and answers that it has gone; tasks queued are given up. */
TEST(worker_of_a_reactor_that_is_gone)
{
    struct noted queued = {.calls = 0}, late = {.calls = 0};
    struct tw_worker *worker;
    set_up();
    worker = tw_worker_ref(tw_reactor_worker(reactor));
    tw_task_init(&queued.task, note_status);
    tw_task_init(&late.task, note_status);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &queued.task), 0);
    tear_down();
    CU_ASSERT(queued.calls == 1 && queued.status == -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &late.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(late.calls, 0);
    tw_worker_unref(worker);
}

/* References: only the last one ends it. */
TEST(last_reference_ends_it)
{
    set_up();
    CU_ASSERT_PTR_EQUAL(tw_reactor_ref(reactor), reactor);
    CU_ASSERT_PTR_NULL(tw_reactor_unref(reactor));
    call(write_name, "1");
    pass();
    WROTE("1 ~1 ");
    tear_down();
    CU_ASSERT_PTR_NULL(tw_reactor_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_reactor_unref(NULL));
}

/* What is not right is refused. */
TEST(bad_arguments_are_refused)
{
    struct tw_reactor *made = NULL;
    CU_ASSERT_EQUAL(tw_reactor_new("no such plug-in", &made), -ENOENT);
    CU_ASSERT_PTR_NULL(made);
    set_up();
    PROVOKE(tw_reactor_set_shutdown_timeout(reactor, -1));
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 0), 0);
    PROVOKE(tw_test_clock_reactor_advance(reactor, -1));
    tear_down();
}

/* Whatever allocation fails, each argument is destroyed once. */
SWEEP(nothing_is_lost_when_memory_is_short)
{
    struct tw_pool *pool = NULL;
    int calls = 0, destroyed = 0, accepted = 0, rc;
    text[0] = '\0';
    rc = tw_test_clock_reactor_new(&reactor);
    if (rc < 0) {
        CU_ASSERT(rc == -ENOMEM && harness_failed_one());
        return;
    }
    accepted += tw_reactor_call_from_thread(reactor, count, &calls, NULL) == 0;
    rc = tw_reactor_call_from_thread(reactor, count, &destroyed, count_destroy);
    CU_ASSERT((rc == 0 && destroyed == 0) || (rc == -ENOMEM && destroyed == 1));
    rc = tw_reactor_get_thread_pool(reactor, &pool);
    CU_ASSERT((rc == 0 && pool) || (rc == -ENOMEM && !pool));
    pass();
    CU_ASSERT_EQUAL(calls, accepted);
    CU_ASSERT(destroyed == 1 || destroyed == 2); /* counted as a call, and as destroyed */
    tear_down();
}

/* THR-017: a blocking call whose time is over at once, of a reactor that never ran, is not made;
 * whatever allocation fails, its argument is destroyed once. */
SWEEP(blocking_call_is_taken_back)
{
    int destroyed = 0, rc;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    rc = tw_reactor_blocking_call_from_thread(reactor, leave_nothing, &destroyed, count_destroy, 0,
                                              NULL);
    CU_ASSERT((rc == -ETIMEDOUT && destroyed == 0) || (rc == -ENOMEM && destroyed == 1));
    rc = tw_reactor_blocking_defer_from_thread(reactor, leave_nothing, &destroyed, count_destroy, 0,
                                               NULL);
    CU_ASSERT(rc == -ETIMEDOUT || (rc == -ENOMEM && harness_failed_one()));
    tear_down();
    CU_ASSERT_EQUAL(destroyed, 2);
}
