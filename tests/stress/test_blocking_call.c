/*
 * Threads that wait for a call on the loop's thread, and what ends their wait.
 */
#include "../harness.h"
#include <pthread.h>
#include <stdatomic.h>

SUITE_WITH_THREADS("blocking call")

static struct tw_reactor *reactor;
static atomic_int arguments_gone;

/* One thread that blocks, and how that ended. */
static struct blocked {
    pthread_t thread;
    tw_call_fn fn;
    int64_t timeout;
    bool defers;
    struct tw_result result;
    int rc;
} one;

static void count_atomic(void *counter)
{
    atomic_fetch_add((atomic_int *)counter, 1);
}

static void set_up(void)
{
    atomic_store(&arguments_gone, 0);
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void *block(void *arg)
{
    struct blocked *blocked = (struct blocked *)arg;
    blocked->rc = (blocked->defers ? tw_reactor_blocking_defer_from_thread
                                   : tw_reactor_blocking_call_from_thread)(
        reactor, blocked->fn, &arguments_gone, count_atomic, blocked->timeout, &blocked->result);
    return NULL;
}

static void begin(tw_call_fn fn, bool defers, int64_t timeout)
{
    one.fn = fn;
    one.defers = defers;
    one.timeout = timeout;
    one.rc = 1;
    tw_result_init(&one.result);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&one.thread, NULL, block, &one), 0);
}

/* Joins it, and checks that its argument has gone when the loop is done with it. */
static void end(int rc)
{
    pthread_join(one.thread, NULL);
    CU_ASSERT_EQUAL(one.rc, rc);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), 1);
}

static void see_thread(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(tw_reactor_is_in_thread(reactor));
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    tw_result_set(result, &one, NULL);
}

/* THR-012: the function runs on the loop's thread, and the thread has what it leaves. */
TEST(THR_012_runs_on_the_loops_thread)
{
    set_up();
    begin(see_thread, false, TW_FOREVER);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    end(0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&one.result), &one);
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    tw_result_failf(result, &TW_ERROR, 7, "no luck");
}

/* THR-014: a failure is the thread's. */
TEST(THR_014_failure_comes_to_the_thread)
{
    set_up();
    begin(fail, false, TW_FOREVER);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    end(0);
    CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(&one.result)), 7);
    tw_result_done(&one.result);
}

/* --- a Deferred ------------------------------------------------------------------------------- */

static struct tw_source *source;
static struct tw_deferred *deferred;

static void leave_deferred(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, tw_deferred_ref(deferred)), 0);
}

static void fire_when_there(void *arg)
{
    if (!source) {
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, fire_when_there, arg, NULL), 0);
        return;
    }
    CU_ASSERT_EQUAL(tw_source_callback(source, &one, NULL), 0);
    stop(NULL);
}

static void drop_deferred(void)
{
    source = tw_source_unref(source);
    deferred = tw_deferred_unref(deferred);
}

/* THR-013: if it leaves a Deferred the thread waits for that. */
TEST(THR_013_waits_for_a_deferred)
{
    set_up();
    begin(leave_deferred, true, TW_FOREVER);
    fire_when_there(NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    end(0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&one.result), &one);
    drop_deferred();
}

static void see_null(struct tw_result *result, void *seen)
{
    *(bool *)seen = tw_result_is_ok(result) && !tw_result_value(result);
}

/* THR-015: that Deferred holds null then. */
TEST(THR_015_deferred_holds_null)
{
    bool is_null = false;
    set_up();
    begin(leave_deferred, true, TW_FOREVER);
    fire_when_there(NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, see_null, &is_null, NULL), 0);
    end(0);
    CU_ASSERT_TRUE(is_null);
    drop_deferred();
}

static void stop_when_there(void *arg)
{
    if (source)
        stop(NULL);
    else
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop_when_there, arg, NULL), 0);
}

/* R23: a shutdown lets the thread go, though the Deferred never fires; a value that comes later is
 * destroyed once. */
TEST(R23_shutdown_lets_those_go_that_wait_for_a_deferred)
{
    int destroyed = 0;
    set_up();
    begin(leave_deferred, true, TW_FOREVER);
    stop_when_there(NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    end(-ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_source_callback(source, &destroyed, count_destroy), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    drop_deferred();
}

/* A source that goes fails the Deferred as abandoned, and so the call. */
static void abandon_when_there(void *arg)
{
    if (!source) {
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, abandon_when_there, arg, NULL), 0);
        return;
    }
    source = tw_source_unref(source);
    stop(NULL);
}

TEST(THR_014_abandoned_deferred)
{
    set_up();
    begin(leave_deferred, true, TW_FOREVER);
    abandon_when_there(NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    end(0);
    CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(&one.result), &TW_ERROR_ABANDONED));
    tw_result_done(&one.result);
    drop_deferred();
}

/* --- refused ---------------------------------------------------------------------------------- */

static void block_here(void *arg)
{
    (void)arg;
    PROVOKE_ERROR(tw_reactor_blocking_call_from_thread(reactor, see_thread, &arguments_gone,
                                                       count_atomic, TW_FOREVER, NULL),
                  -EDEADLK);
    stop(NULL);
}

static void block_other(void *other)
{
    PROVOKE_ERROR(tw_reactor_blocking_call_from_thread((struct tw_reactor *)other, see_thread,
                                                       &arguments_gone, count_atomic, TW_FOREVER,
                                                       NULL),
                  -EDEADLK);
}

/* THR-016: on the loop's own thread it is refused, in a callback and between two turns; on that of
 * another loop that turns too. */
TEST(THR_016_refused_on_a_loops_thread)
{
    struct tw_reactor *other = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_new(NULL, &other), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, block_other, other, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, block_here, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    PROVOKE_ERROR(tw_reactor_blocking_call_from_thread(reactor, see_thread, &arguments_gone,
                                                       count_atomic, TW_FOREVER, NULL),
                  -EDEADLK);
    PROVOKE(tw_reactor_blocking_call_from_thread(reactor, NULL, &arguments_gone, count_atomic, 0,
                                                 NULL));
    PROVOKE(tw_reactor_blocking_defer_from_thread(NULL, see_thread, &arguments_gone, count_atomic,
                                                  0, NULL));
    PROVOKE(tw_reactor_blocking_call_from_thread(reactor, see_thread, &arguments_gone, count_atomic,
                                                 -1, NULL));
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), 6);
    tw_reactor_unref(other);
    reactor = tw_reactor_unref(reactor);
}

/* THR-017: if the reactor never runs the time is over some time; the call is not made later. */
TEST(THR_017_reactor_never_runs)
{
    set_up();
    begin(see_thread, false, TW_MILLISECOND);
    pthread_join(one.thread, NULL);
    CU_ASSERT_EQUAL(one.rc, -ETIMEDOUT);
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), 1);
    reactor = tw_reactor_unref(reactor);
}

static bool is_joined;

static void take_long(struct tw_result *result, void *arg)
{
    (void)arg;
    pthread_join(one.thread, NULL); /* until its time is over */
    is_joined = true;
    tw_result_set(result, &arguments_gone, count_atomic);
}

/* The time may be over while the call is made: what it leaves is destroyed. */
TEST(THR_017_timeout_inside_the_call)
{
    set_up();
    is_joined = false;
    begin(take_long, false, 20 * TW_MILLISECOND);
    while (atomic_load(&arguments_gone) == 0)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0);
    if (!is_joined) /* the machine was too slow: it was taken back */
        pthread_join(one.thread, NULL);
    CU_ASSERT_EQUAL(one.rc, -ETIMEDOUT);
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), is_joined ? 2 : 1);
    reactor = tw_reactor_unref(reactor);
}

/* THR-017: a reactor that stops lets those go that come in the middle of it, and refuses those that
 * come later. */
TEST(THR_017_reactor_stops_first)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    begin(see_thread, false, TW_FOREVER);
    end(-ESHUTDOWN);
}

enum { THREADS = 4, CALLS = 2000 };

static int calls; /* the loop's */

static void count_and_stop(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    if (++calls == CALLS)
        stop(NULL);
}

static void *block_until_refused(void *arg)
{
    int64_t made = -1;
    int rc;
    (void)arg;
    do {
        made++;
        rc = tw_reactor_blocking_call_from_thread(reactor, count_and_stop, &arguments_gone,
                                                  count_atomic, TW_FOREVER, NULL);
    } while (rc == 0);
    return (void *)(intptr_t)(rc == -ESHUTDOWN ? made : -1);
}

/* R23: with threads that block again and again a shutdown ends, each of them is let go, and as many
 * calls were made as they say. */
TEST(R23_shutdown_lets_all_go)
{
    pthread_t threads[THREADS];
    int64_t sum = 0;
    void *made;
    int i;
    set_up();
    calls = 0;
    for (i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, block_until_refused, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &made);
        CU_ASSERT((intptr_t)made >= 0);
        sum += (intptr_t)made;
    }
    CU_ASSERT_EQUAL(sum, calls);
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), sum + THREADS);
    reactor = tw_reactor_unref(reactor);
}

static void block_in_pool(struct tw_result *result, void *arg)
{
    int rc =
        tw_reactor_blocking_defer_from_thread(reactor, leave_deferred, arg, NULL, TW_FOREVER, NULL);
    CU_ASSERT_EQUAL(rc, -ESHUTDOWN);
    tw_result_set(result, NULL, NULL);
}

/* R23: so a job of the reactor's own pool that is blocked does not keep it from ending. */
TEST(R23_blocked_job_does_not_hold_the_shutdown)
{
    set_up();
    CU_ASSERT_EQUAL(
        tw_reactor_call_in_thread(reactor, block_in_pool, &arguments_gone, count_atomic), 0);
    stop_when_there(NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), 1);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    drop_deferred();
}

static struct tw_future *never;

static void suspend(struct tw_result *result, void *ret_rc)
{
    *(int *)ret_rc = tw_future_await(&never, 1);
    tw_result_set(result, NULL, NULL);
}

static void stop_once_suspended(void *arg)
{
    struct tw_pool *pool = NULL;
    struct tw_statistics statistics = {.size = sizeof statistics};
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &statistics), 0);
    if (statistics.suspended == 1)
        stop(NULL);
    else
        CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop_once_suspended, arg, NULL), 0);
}

/* R23: a job that is suspended, for something that will never be, is resumed with cancelled. */
TEST(R23_suspended_job_is_resumed)
{
    int rc = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_future_new(&never), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, suspend, &rc, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop_once_suspended, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(rc, -ECANCELED);
    reactor = tw_reactor_unref(reactor);
    tw_future_unref(never);
}
