/*
 * The end of the way home: work on the loop's own thread, and waiting for a Deferred that is not
 * through.
 */
#include "trace.h"
#include <twine/reactor/reactor_ops.h>

SUITE("from_thread, home")

static struct tw_reactor *reactor;

static void set_up(void)
{
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

static struct tw_deferred *send_to_oneself(void)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_defer_to_pool(reactor, tw_reactor_worker(reactor), write_result,
                                           "work", destroy_name, &deferred),
                          0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, handle, "it", NULL), 0);
    return deferred;
}

/* With nothing out a shutdown is over in the turn that begins it. The test clock does not move, so
 * one that waits for its timeout would not be. */
static void check_that_nothing_is_out(void)
{
    tw_reactor_pass(reactor); /* as a loop that is not ours would: that starts it */
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
    pass();
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
}

/* The reactor is a worker too, and may be the pool: work runs in one pass, and its result is
 * home in the next. */
TEST(reactor_may_be_its_own_pool)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send_to_oneself();
    pass();
    TRACED("work=0 ~work ");
    pass();
    TRACED("it=0 ");
    tw_deferred_unref(deferred);
    check_that_nothing_is_out();
    tear_down();
}

/* THR-004: a result cancelled on its way home is given up by the mailbox, which was the pool as
 * well, and yet it has come home: a shutdown does not wait for it. */
TEST(THR_004_cancel_on_the_way_home_from_oneself)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send_to_oneself();
    pass();
    TRACED("work=0 ~work ");
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("it!125 ");
    tw_deferred_unref(deferred);
    pass();
    check_that_nothing_is_out();
    TRACED("");
    tear_down();
}

/* The same for work that was cancelled before it began. */
TEST(THR_004_cancel_of_work_for_oneself)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send_to_oneself();
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    tw_deferred_unref(deferred);
    pass();
    TRACED("it!125 ~work ");
    pass();
    check_that_nothing_is_out();
    tear_down();
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void unpause(void *deferred)
{
    trace("unpause ");
    CU_ASSERT_EQUAL(tw_deferred_unpause((struct tw_deferred *)deferred), 0);
}

/* tw_reactor_wait goes on while a Deferred is paused, though it has fired: its callbacks have not
 * run. */
TEST(wait_goes_on_while_it_is_paused)
{
    struct tw_result result = TW_RESULT_INIT;
    struct pair a = make();
    set_up();
    CU_ASSERT_EQUAL(tw_deferred_add_both(a.deferred, add_one, "a", NULL), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 5), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, unpause, a.deferred, NULL), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, a.deferred, &result), 0);
    TRACED("unpause a=5 ");
    CU_ASSERT_EQUAL(NUMBER(tw_result_value(&result)), 6);
    tw_result_done(&result);
    drop(&a);
    tear_down();
}
