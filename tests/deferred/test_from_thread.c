/*
 * Work in a pool, its result on the loop's thread: with a memory worker as the pool and the test
 * clock's reactor every step is taken by hand, on one thread.
 */
#include "trace.h"
#include <twine/reactor/calls_from_threads_internal.h>

SUITE("from_thread")

static struct tw_reactor *reactor;
static struct tw_worker *pool;

static void set_up(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

/* Work: writes its name, and leaves a value, a failure, or null. */
static int value_destroyed;

static void work_value(struct tw_result *result, void *name)
{
    write_result(result, name);
    tw_result_set(result, &value_destroyed, count_destroy);
}

static void work_failure(struct tw_result *result, void *name)
{
    trace("%s ", (const char *)name);
    tw_result_failf(result, &TW_ERROR, 7, "no luck");
}

static void work_nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void home(struct tw_result *result, void *name)
{
    if (tw_result_value(result) == &value_destroyed)
        trace("%s home ", (const char *)name);
    else
        handle(result, name);
}

static struct tw_deferred *send(tw_call_fn work, const char *name, const char *at_home)
{
    struct tw_deferred *deferred = NULL;
    value_destroyed = 0;
    CU_ASSERT_EQUAL_FATAL(
        tw_defer_to_pool(reactor, pool, work, (void *)(uintptr_t)name, destroy_name, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, home, (void *)(uintptr_t)at_home, NULL), 0);
    return deferred;
}

/* --- the way there and back ------------------------------------------------------------------- */

/* THR-001: work is handed to the pool, with its argument, and there is a Deferred for its result. */
TEST(THR_001_work_and_a_deferred)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send(work_value, "work", "it");
    CU_ASSERT_PTR_NOT_NULL(deferred);
    CU_ASSERT_FALSE(tw_deferred_is_called(deferred));
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    pass();
    CU_ASSERT_TRUE(tw_deferred_is_called(deferred));
    TRACED("work=0 ~work it home ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* THR-005: a job that fails does not affect one before it, nor one after it. */
TEST(THR_005_jobs_are_independent)
{
    struct tw_deferred *first, *bad, *last;
    set_up();
    first = send(work_value, "1", "first");
    bad = send(work_failure, "2", "bad");
    last = send(work_value, "3", "last");
    while (tw_memory_worker_perform(pool) == 1)
        ;
    TRACED("1=0 ~1 2 ~2 3=0 ~3 ");
    pass();
    TRACED("first home bad!7 last home ");
    tw_deferred_unref(first);
    tw_deferred_unref(bad);
    tw_deferred_unref(last);
    tear_down();
}

/* THR-001, THR-002: work starts from null, its argument goes right after it, and the result is
 * home only when the loop passes. */
TEST(THR_002_result_comes_home_in_a_pass)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send(work_value, "work", "it");
    pass();
    TRACED("");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("work=0 ~work ");
    CU_ASSERT_FALSE(tw_deferred_is_called(deferred));
    pass();
    TRACED("it home ");
    CU_ASSERT_EQUAL(value_destroyed, 0);
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tear_down();
}

static void count_shutdown(struct tw_result *result, void *told)
{
    struct tw_failure *failure = tw_result_failure(result);
    *(int *)told += failure && tw_failure_is(failure, &TW_ERROR_SHUTDOWN);
    tw_result_set(result, NULL, NULL);
}

static void write_call(void *name)
{
    trace("%s ", (const char *)name);
}

static void perform(int times)
{
    while (times-- > 0)
        CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
}

/* What comes home while the loop is behind comes together, in the order it went; calls made from the
 * work, and what a pass has begun with, keep their places. */
TEST(R20_results_that_come_home_together)
{
    struct tw_deferred *deferreds[5];
    static const char *const names[] = {"1", "2", "3", "4", "5"};
    int i;
    tw__calls_set_chunk_size(31);
    set_up();
    for (i = 0; i < 5; i++)
        deferreds[i] = send(work_value, names[i], names[i]);
    perform(3);
    CU_ASSERT_EQUAL(
        tw_reactor_call_from_thread(reactor, write_call, (void *)(uintptr_t) "call", NULL), 0);
    perform(1);
    trace_clear();
    pass();
    TRACED("1 home 2 home 3 home call 4 home ");
    perform(1);
    trace_clear();
    pass();
    TRACED("5 home ");
    for (i = 0; i < 5; i++)
        tw_deferred_unref(deferreds[i]);
    CU_ASSERT_EQUAL(value_destroyed, 5);
    tw__calls_set_chunk_size(1);
    tear_down();
}

/* And if the reactor goes meanwhile, each is told, and nothing is lost. */
TEST(results_that_have_come_together_when_the_reactor_goes)
{
    struct tw_deferred *deferreds[4];
    int destroyed = 0, told = 0, i;
    tw__calls_set_chunk_size(31);
    set_up();
    for (i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL_FATAL(
            tw_defer_to_pool(reactor, pool, work_nothing, &destroyed, count_destroy, &deferreds[i]),
            0);
        tw_deferred_add_both(deferreds[i], count_shutdown, &told, NULL);
    }
    perform(4);
    tw_deferred_unref(deferreds[1]);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT(told == 4 && destroyed == 4);
    for (i = 0; i < 4; i++)
        if (i != 1)
            tw_deferred_unref(deferreds[i]);
    tw__calls_set_chunk_size(1);
    tear_down();
}

/* THR-003, THR-005: a failure comes home too, and does not affect other calls. */
TEST(THR_003_failure_comes_home)
{
    struct tw_deferred *bad, *good;
    set_up();
    bad = send(work_failure, "1", "bad");
    good = send(work_value, "2", "good");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("1 ~1 2=0 ~2 ");
    pass();
    TRACED("bad!7 good home ");
    tw_deferred_unref(bad);
    tw_deferred_unref(good);
    tear_down();
}

/* The handle may go at once: the callbacks still run, and the value is destroyed behind them. */
TEST(handle_may_go_before_the_work)
{
    set_up();
    tw_deferred_unref(send(work_value, "work", "it"));
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(value_destroyed, 0);
    pass();
    TRACED("work=0 ~work it home ");
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tear_down();
}

/* Without a handle a failure is reported, a value destroyed. */
TEST(failure_of_work_nobody_asks_about_is_reported)
{
    set_up();
    value_destroyed = 0;
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_failure, "1", destroy_name, NULL), 0);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_value, "2", destroy_name, NULL), 0);
    while (tw_memory_worker_perform(pool) > 0)
        pass();
    TRACED("1 ~1 2=0 ~2 ");
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tear_down();
}

/* A pool is held while jobs are out in it, the one that most are sent to and another, in whatever order
 * they come home; and no longer. */
TEST(pools_are_held_while_their_jobs_are_out)
{
    int order, i;
    for (order = 0; order < 2; order++) {
        struct tw_worker *pools[2] = {NULL, NULL};
        set_up();
        pools[0] = pool;
        CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pools[1]), 0);
        for (i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pools[i % 2], work_value, "1", NULL, NULL),
                            0);
        CU_ASSERT_TRUE(pools[0]->_refs > 1 && pools[1]->_refs > 1);
        for (i = 0; i < 2; i++) {
            struct tw_worker *done = pools[i ^ order];
            while (tw_memory_worker_perform(done) > 0)
                pass();
            CU_ASSERT_EQUAL(done->_refs, 1);
            CU_ASSERT_TRUE(i == 1 || pools[1 ^ order]->_refs > 1);
        }
        tw_worker_unref(pools[1]);
        tear_down();
        trace_clear();
    }
}

static void work_deferred(struct tw_result *result, void *arg)
{
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_succeed(arg, count_destroy, &deferred), 0);
    PROVOKE(tw_result_set_deferred(result, deferred));
}

/* R1: in a job a Deferred is refused, and the handle consumed. */
TEST(R1_job_takes_no_deferred)
{
    int destroyed = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_deferred, &destroyed, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(destroyed, 1);
    pass();
    tear_down();
}

static void work_moved_deferred(struct tw_result *result, void *arg)
{
    struct tw_result other = {NULL, NULL, TW_RESULT_VALUE, 1}; /* as a callback's is */
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_succeed(arg, count_destroy, &deferred), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(&other, deferred), 0);
    tw_result_move(&other, result);
}

/* Moved there from a result that takes one, it is refused when the job comes home, and whoever waits
 * is told that the source has gone. */
TEST(R1_moved_deferred_is_refused)
{
    int destroyed = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_moved_deferred, &destroyed, NULL, NULL),
                    0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    harness_misuse_begin();
    pass();
    harness_misuse_end();
    CU_ASSERT_EQUAL(destroyed, 1);
    EXPECT_REPORTS(1); /* nobody asked about its failure */
    tear_down();
}

/* Without work, without a reactor or a pool there is nothing to do; the argument is consumed. */
TEST(bad_calls_are_refused_and_their_argument_destroyed)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_defer_to_pool(reactor, pool, NULL, "1", destroy_name, &deferred));
    PROVOKE(tw_defer_to_pool(NULL, pool, work_value, "2", destroy_name, &deferred));
    PROVOKE(tw_defer_to_pool(reactor, NULL, work_value, "3", destroy_name, &deferred));
    PROVOKE(tw_defer_to_thread(reactor, NULL, "4", destroy_name, &deferred));
    TRACED("~1 ~2 ~3 ~4 ");
    CU_ASSERT_PTR_NULL(deferred);
    tear_down();
}

/* --- cancelled -------------------------------------------------------------------------------- */

/* Cancelled before it starts: the Deferred fails at once, the work never runs, its argument is
 * destroyed once. */
TEST(THR_004_cancel_before_the_start_takes_the_work_out)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send(work_value, "work", "it");
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    tw_deferred_unref(deferred);
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    pass();
    TRACED("it!125 ~work ");
    CU_ASSERT_EQUAL(value_destroyed, 0);
    tear_down();
}

static void work_and_cancel(struct tw_result *result, void *deferred)
{
    trace("( ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(*(struct tw_deferred **)deferred), 0);
    trace(") ");
    tw_result_set(result, &value_destroyed, count_destroy);
}

/* THR-004: cancelled while the work runs, it fails at once; the work goes on, and its late result
 * is destroyed. */
TEST(THR_004_cancel_of_running_work_destroys_the_late_result)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    value_destroyed = 0;
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_and_cancel, &deferred, NULL, &deferred),
                    0);
    tw_deferred_add_both(deferred, home, "it", NULL);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("( it!125 ) ");
    tw_deferred_unref(deferred);
    pass();
    TRACED("");
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tear_down();
}

static struct tw_deferred *asked;

static void look_and_be_asked(struct tw_result *result, void *name)
{
    (void)result;
    trace("%s %s ", (const char *)name, tw_cancelled() ? "early" : "goes on");
    CU_ASSERT_EQUAL(tw_deferred_cancel(asked), 0);
    trace("%s ", tw_cancelled() ? "stops" : "deaf");
}

/* Running work sees that its Deferred was cancelled, and the next on the same thread does not. */
TEST(running_work_is_asked_to_stop)
{
    struct tw_deferred *next;
    set_up();
    asked = send(look_and_be_asked, "work", "it");
    next = send(work_value, "next", "it too");
    CU_ASSERT_FALSE(tw_cancelled());
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("work goes on it!125 stops ~work ");
    CU_ASSERT_FALSE(tw_cancelled());
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("next=0 ~next ");
    pass();
    TRACED("it too home ");
    asked = tw_deferred_unref(asked);
    tw_deferred_unref(next);
    tear_down();
}

static void look_without_reactor(struct tw_result *result, void *name)
{
    (void)result;
    reactor = tw_reactor_unref(reactor);
    trace("%s %s ", (const char *)name, tw_cancelled() ? "stops" : "deaf");
}

/* So does work whose reactor goes meanwhile. */
TEST(work_of_a_reactor_that_has_gone_is_asked_to_stop)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send(look_without_reactor, "work", "it");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("it!108 work stops ~work ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* Cancelled while the result is on its way, it is destroyed when it comes. */
TEST(THR_004_cancel_of_a_result_on_its_way)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send(work_value, "work", "it");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("work=0 ~work it!125 ");
    pass();
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tw_deferred_unref(deferred);
    TRACED("");
    tear_down();
}

/* Cancelling twice, or after it came home, does nothing. */
TEST(cancel_too_late_does_nothing)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send(work_value, "work", "it");
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    tw_deferred_unref(deferred);
    deferred = send(work_value, "other", "it");
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    pass();
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    settle(deferred, "end");
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tear_down();
    trace_clear();
}

/* What a pool refuses leaves nothing behind, with debugging on either, which notes where a Deferred was
 * made; and takes no more memory, however often. */
TEST(refused_work_leaves_nothing_behind)
{
    struct tw_deferred *deferred = NULL;
    int destroyed = 0, i;
    long live;
    set_up();
    tw_deferred_unref(send(work_value, "work", "it"));
    perform(1);
    pass();
    trace_clear();
    tw_debug_set(true);
    tw_worker_quit(pool);
    live = harness_live();
    for (i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_nothing, &destroyed, count_destroy,
                                         i % 2 ? &deferred : NULL),
                        -ESHUTDOWN);
    CU_ASSERT_PTR_NULL(deferred);
    CU_ASSERT_EQUAL(destroyed, 100);
    CU_ASSERT_EQUAL(harness_live(), live);
    tw_debug_set(false);
    tear_down();
}

/* --- pools that end --------------------------------------------------------------------------- */

/* What was accepted before quit still runs; afterwards it is refused, and the argument gone. */
TEST(quit_with_a_backlog)
{
    struct tw_deferred *deferred, *refused = NULL;
    set_up();
    deferred = send(work_value, "1", "it");
    CU_ASSERT_EQUAL(tw_worker_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_value, "2", destroy_name, &refused),
                    -ESHUTDOWN);
    CU_ASSERT_PTR_NULL(refused);
    TRACED("~2 ");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 0);
    pass();
    TRACED("1=0 ~1 it home ");
    tw_deferred_unref(deferred);
    tear_down();
}

static void see_shutdown(struct tw_result *result, void *name)
{
    bool shutdown = tw_failure_is(tw_result_failure(result), &TW_ERROR_SHUTDOWN);
    trace("%s:%s ", (const char *)name, shutdown ? "shutdown" : "?");
    tw_result_set(result, NULL, NULL);
}

/* A pool that gives the work up without a thread fails the Deferred with TW_ERROR_SHUTDOWN. */
TEST(work_given_up_by_its_pool_fails_as_shut_down)
{
    struct tw_pool *real = NULL;
    struct tw_deferred *deferred = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_pool_new(0, NULL, &real), 0);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, tw_pool_worker(real), work_value, "work",
                                     destroy_name, &deferred),
                    0);
    tw_deferred_add_both(deferred, see_shutdown, "it", NULL);
    CU_ASSERT_EQUAL(tw_pool_quit(real), 0);
    TRACED("~work ");
    pass();
    TRACED("it:shutdown ");
    tw_deferred_unref(deferred);
    tw_pool_unref(real);
    tear_down();
}

/* --- reactors that go ------------------------------------------------------------------------- */

/* Free a reactor with work outstanding: in each state the Deferred fails with TW_ERROR_SHUTDOWN
 * inside the unref; work that has not started may still run, what it gives is destroyed. */
TEST(reactor_that_goes_fails_what_is_out)
{
    struct tw_deferred *waiting, *on_its_way;
    set_up();
    on_its_way = send(work_value, "1", "first");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    TRACED("1=0 ~1 ");
    waiting = NULL;
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_failure, "2", destroy_name, &waiting), 0);
    tw_deferred_add_both(waiting, see_shutdown, "second", NULL);
    tw_deferred_add_both(waiting, see, "second", NULL);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_TRUE(tw_deferred_is_called(waiting));
    CU_ASSERT_TRUE(tw_deferred_is_called(on_its_way));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "second:shutdown second=0 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "first"));
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "~2 "));
    CU_ASSERT_PTR_NULL(strstr(strstr(trace_text, "~2 ") + 1, "~2 "));
    trace_clear();
    tw_deferred_unref(waiting);
    tw_deferred_unref(on_its_way);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tear_down();
}

enum { CROWD = 40 }; /* of several chunks of memory */

/* However many are out, and in whatever order others have come home before. */
TEST(reactor_that_goes_fails_all_that_are_out)
{
    struct tw_deferred *deferreds[CROWD];
    int destroyed = 0, told = 0, i;
    set_up();
    for (i = 0; i < CROWD; i++)
        CU_ASSERT_EQUAL_FATAL(
            tw_defer_to_pool(reactor, pool, work_nothing, &destroyed, count_destroy, &deferreds[i]),
            0);
    for (i = 0; i < CROWD; i++)
        tw_deferred_add_both(deferreds[i], count_shutdown, &told, NULL);
    for (i = 0; i < CROWD; i += 3)
        CU_ASSERT_EQUAL(tw_deferred_cancel(deferreds[i]), 0);
    for (i = 0; i < CROWD / 2; i++)
        CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    pass();
    CU_ASSERT_EQUAL(told, 0);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(told, CROWD - (CROWD + 2) / 3 - (CROWD / 2 - (CROWD / 2 + 2) / 3));
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    CU_ASSERT_EQUAL(destroyed, CROWD);
    for (i = 0; i < CROWD; i++)
        tw_deferred_unref(deferreds[i]);
    tear_down();
}

static void see_and_send_more(struct tw_result *result, void *ret_deferred)
{
    struct tw_deferred **next = (struct tw_deferred **)ret_deferred;
    see_shutdown(result, "first");
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_value, "next", destroy_name, next),
                    -ESHUTDOWN);
}

/* A callback that runs because the reactor goes cannot send more work with it. */
TEST(reactor_that_goes_takes_no_more_work)
{
    struct tw_deferred *first = NULL, *next = NULL;
    struct tw_reactor *gone;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_value, "work", NULL, &first), 0);
    tw_deferred_add_both(first, see_and_send_more, &next, NULL);
    gone = tw_reactor_unref(reactor);
    TRACED("first:shutdown ~next ");
    CU_ASSERT_PTR_NULL(next);
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    trace_clear();
    tw_deferred_unref(first);
    reactor = gone;
    tear_down();
}

static void see_limit(void *ret_limit)
{
    struct tw_pool *own_pool = NULL;
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &own_pool), 0);
    *(size_t *)ret_limit = tw_pool_limit(own_pool);
}

/* THR-007: work for the reactor's own pool waits until the reactor runs: until then it has no thread. */
TEST(THR_007_work_waits_for_the_reactor)
{
    struct tw_deferred *deferred = NULL;
    size_t limit = 1;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, work_value, "1", destroy_name, &deferred), 0);
    tw_deferred_add_both(deferred, see_shutdown, "it", NULL);
    see_limit(&limit);
    CU_ASSERT_EQUAL(limit, 0);
    pass();
    TRACED("");
    reactor = tw_reactor_unref(reactor);
    tw_deferred_unref(deferred);
    trace_clear();
    tear_down();
}

/* THR-007, RTP-007: before the reactor runs its own pool holds work back; if it never runs, the
 * work never starts: its argument is destroyed once, its Deferred fails with TW_ERROR_SHUTDOWN. */
TEST(RTP_007_pool_of_a_reactor_that_never_runs)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, work_value, "1", destroy_name, &deferred), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, work_value, "2", destroy_name), 0);
    tw_deferred_add_both(deferred, see_shutdown, "it", NULL);
    pass();
    TRACED("");
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "it:shutdown "));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "~1 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "~2 "));
    CU_ASSERT_EQUAL(trace_length, strlen("it:shutdown ~1 ~2 "));
    trace_clear();
    tw_deferred_unref(deferred);
    EXPECT_REPORTS(harness_reports()); /* what call_in_thread gave up may be told */
    CU_ASSERT(harness_reports() <= 1);
    tear_down();
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* tw_reactor_wait turns the loop until the Deferred has its result, and moves it out. */
TEST(wait_moves_the_result_out)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_deferred *deferred;
    set_up();
    deferred = send(work_value, "work", "it");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, &result), 0);
    TRACED("work=0 ~work it home ");
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &value_destroyed);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    watch(deferred, "left");
    TRACED("left=0 ");
    tw_result_done(&result);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    tw_deferred_unref(deferred);
    tear_down();
}

/* A failure is a result like any other; without a result asked for it stays in the Deferred. */
TEST(wait_is_over_when_it_failed)
{
    struct tw_deferred *deferred = NULL;
    struct tw_result result = TW_RESULT_INIT;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_failure, "work", NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, NULL), 0);
    TRACED("work ");
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, &result), 0);
    CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(&result)), 7);
    tw_result_done(&result);
    tw_deferred_unref(deferred); /* handed over: not reported */
    tear_down();
}

static void wait_inside(void *deferred)
{
    PROVOKE_ERROR(tw_reactor_wait(reactor, (struct tw_deferred *)deferred, NULL), -EDEADLK);
}

/* R19: from inside a turn it could never fire. */
TEST(R19_wait_inside_a_turn_is_refused)
{
    struct pair a = make();
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, wait_inside, a.deferred, NULL), 0);
    pass();
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    drop(&a);
    tear_down();
}

/* --- short of memory -------------------------------------------------------------------------- */

static void forget(struct tw_result *result, void *homes)
{
    ++*(int *)homes;
    tw_result_set(result, NULL, NULL);
}

/* Whatever allocation fails, the argument is destroyed once, and what was accepted comes home. */
SWEEP(nothing_is_lost_when_memory_is_short)
{
    struct tw_deferred *deferred = NULL;
    int destroyed = 0, homes = 0, rc, added = -1;
    reactor = NULL;
    pool = NULL;
    if (tw_test_clock_reactor_new(&reactor) < 0 || tw_memory_worker_new(&pool) < 0) {
        CU_ASSERT_TRUE(harness_failed_one());
        tear_down();
        return;
    }
    rc = tw_defer_to_pool(reactor, pool, work_nothing, &destroyed, count_destroy, &deferred);
    CU_ASSERT((rc == 0 && destroyed == 0) || (rc == -ENOMEM && destroyed == 1));
    if (rc == 0)
        added = tw_deferred_add_both(deferred, forget, &homes, NULL);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), rc == 0);
    pass();
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(homes, added == 0);
    CU_ASSERT_TRUE(rc < 0 || tw_deferred_is_called(deferred));
    tw_deferred_unref(deferred);
    tear_down();
}

/* The same where what goes home would go together with what is in the mailbox, but for memory. */
SWEEP(nothing_is_lost_on_the_way_home_when_memory_is_short)
{
    struct tw_deferred *deferreds[3] = {NULL, NULL, NULL};
    int destroyed = 0, homes = 0, sent = 0, i;
    tw__calls_set_chunk_size(31);
    reactor = NULL;
    pool = NULL;
    if (tw_test_clock_reactor_new(&reactor) == 0 && tw_memory_worker_new(&pool) == 0) {
        for (i = 0; i < 3; i++)
            if (tw_defer_to_pool(reactor, pool, work_nothing, &destroyed, count_destroy,
                                 &deferreds[i]) == 0) {
                CU_ASSERT_EQUAL(tw_deferred_add_both(deferreds[i], forget, &homes, NULL), 0);
                sent++;
            }
        while (tw_memory_worker_perform(pool) > 0)
            continue;
        pass();
        CU_ASSERT(destroyed == 3 && homes == sent);
        for (i = 0; i < 3; i++)
            tw_deferred_unref(deferreds[i]);
    }
    tw__calls_set_chunk_size(1);
    tear_down();
}

static struct tw_context_key color = TW_CONTEXT_KEY("color");

static void see_color(struct tw_result *result, void *arg)
{
    (void)result;
    CU_ASSERT_PTR_EQUAL(tw_context_get(&color), arg);
}

/* The same for one in a context, which lies elsewhere, and one that has none beside it. */
SWEEP(nothing_is_lost_in_a_context_when_memory_is_short)
{
    struct tw_context *before;
    int destroyed = 0, i, rc;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    if (tw_memory_worker_new(&pool) == 0 &&
        tw_context_enter_with(&color, &destroyed, NULL, &before) == 0) {
        struct tw_deferred *deferreds[2] = {NULL, NULL};
        rc = tw_defer_to_pool(reactor, pool, see_color, &destroyed, count_destroy, &deferreds[0]);
        CU_ASSERT((rc == 0 && destroyed == 0) || (rc == -ENOMEM && destroyed == 1));
        tw_context_leave(before);
        rc = tw_defer_to_pool(reactor, pool, see_color, NULL, NULL, &deferreds[1]);
        CU_ASSERT(rc == 0 || rc == -ENOMEM);
        while (tw_memory_worker_perform(pool) > 0)
            continue;
        pass();
        CU_ASSERT_EQUAL(destroyed, 1);
        for (i = 0; i < 2; i++)
            CU_ASSERT_TRUE(!deferreds[i] || tw_deferred_is_called(deferreds[i]));
        for (i = 0; i < 2; i++)
            tw_deferred_unref(deferreds[i]);
    }
    tear_down();
}

/* The same through the reactor's own pool, which never starts. Short of memory the pool may give
 * the work up at once, and says so. */
SWEEP(nothing_is_lost_before_the_reactor_runs)
{
    struct tw_deferred *deferred = NULL;
    int destroyed = 0, homes = 0, rc, added = -1;
    if (tw_test_clock_reactor_new(&reactor) < 0) {
        CU_ASSERT_TRUE(harness_failed_one());
        return;
    }
    rc = tw_defer_to_thread(reactor, work_nothing, &destroyed, count_destroy, &deferred);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && destroyed == 1));
    CU_ASSERT(destroyed == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
    if (rc == 0)
        added = tw_deferred_add_both(deferred, forget, &homes, NULL);
    pass();
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(homes, added == 0);
    if (rc == 0 && added < 0)
        EXPECT_REPORTS(1);
    tw_deferred_unref(deferred);
}
