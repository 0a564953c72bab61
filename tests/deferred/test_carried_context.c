/*
 * The context of who submitted work is in force where the work runs and where its result is
 * delivered, and nowhere else: step by step, on one thread.
 */
#include "trace.h"

SUITE("carried context")

static struct tw_context_key who = TW_CONTEXT_KEY("who");
static struct tw_reactor *reactor;
static struct tw_worker *pool;
static int destroyed;

static const char *name_here(void)
{
    const char *name = (const char *)tw_context_get(&who);
    return name ? name : "nobody";
}

static void set_up(void)
{
    destroyed = 0;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
}

static void count_destroyed(void *name)
{
    (void)name;
    destroyed++;
}

static struct tw_context *enter(const char *name)
{
    struct tw_context *before = NULL;
    CU_ASSERT_EQUAL_FATAL(
        tw_context_enter_with(&who, (void *)(uintptr_t)name, count_destroyed, &before), 0);
    return before;
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

static void work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    trace("work:%s ", name_here());
}

static void callback(struct tw_result *result, void *arg)
{
    (void)arg;
    trace("callback:%s ", name_here());
    tw_result_set(result, NULL, NULL);
}

static void destroy_arg(void *arg)
{
    (void)arg;
    trace("destroy:%s ", name_here());
}

static void action(void *arg)
{
    (void)arg;
    trace("action:%s ", name_here());
}

static struct tw_deferred *send_as(const char *name)
{
    struct tw_deferred *deferred = NULL;
    struct tw_context *before = enter(name);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work, &who, destroy_arg, &deferred), 0);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, callback, NULL, NULL), 0);
    return deferred;
}

/* Work, the destroy of its argument and the callbacks its delivery runs see the submitter's
 * context; who performs it and the loop keep theirs; and afterwards it is gone. */
TEST(work_and_its_delivery_see_the_submitters_context)
{
    struct tw_deferred *deferred;
    struct tw_context *before;
    set_up();
    deferred = send_as("ann");
    before = enter("pool");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(pool), 1);
    CU_ASSERT_STRING_EQUAL(name_here(), "pool");
    tw_context_leave(before);
    CU_ASSERT_EQUAL(destroyed, 1); /* the pool's own */
    before = enter("loop");
    pass();
    CU_ASSERT_STRING_EQUAL(name_here(), "loop");
    tw_context_leave(before);
    CU_ASSERT_EQUAL(destroyed, 3);
    TRACED("work:ann destroy:ann callback:ann ");
    CU_ASSERT_PTR_NULL(tw_context_current());
    tw_deferred_unref(deferred);
    tear_down();
}

/* Without a context the work does not see that of the thread where it runs. */
TEST(work_without_a_context_sees_none)
{
    struct tw_deferred *deferred = NULL;
    struct tw_context *before;
    set_up();
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work, &who, destroy_arg, &deferred), 0);
    tw_deferred_add_both(deferred, callback, NULL, NULL);
    before = enter("loop");
    tw_memory_worker_perform(pool);
    pass();
    tw_context_leave(before);
    TRACED("work:nobody destroy:nobody callback:nobody ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* Two jobs on one worker each see their own. */
TEST(each_job_sees_its_own)
{
    struct tw_deferred *ann, *bob;
    set_up();
    ann = send_as("ann");
    bob = send_as("bob");
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    pass();
    TRACED("work:ann destroy:ann work:bob destroy:bob callback:ann callback:bob ");
    CU_ASSERT_EQUAL(destroyed, 2);
    tw_deferred_unref(ann);
    tw_deferred_unref(bob);
    tear_down();
}

static void work_that_submits(struct tw_result *result, void *ret_deferred)
{
    work(result, NULL);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work, &who, destroy_arg,
                                     (struct tw_deferred **)ret_deferred),
                    0);
}

/* What work submits has the context of the work: it goes on with it. */
TEST(what_work_submits_goes_on_with_it)
{
    struct tw_deferred *first = NULL, *second = NULL;
    struct tw_context *before;
    set_up();
    before = enter("ann");
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work_that_submits, &second, NULL, &first), 0);
    tw_context_leave(before);
    while (tw_memory_worker_perform(pool) > 0)
        continue;
    pass();
    TRACED("work:ann work:ann destroy:ann ");
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_deferred_unref(first);
    tw_deferred_unref(second);
    tear_down();
}

/* A callback added after the delivery runs inside the add, in the context of who adds. */
TEST(a_callback_added_later_sees_who_adds_it)
{
    struct tw_deferred *deferred;
    struct tw_context *before;
    set_up();
    deferred = send_as("ann");
    tw_memory_worker_perform(pool);
    pass();
    before = enter("bob");
    tw_deferred_add_both(deferred, callback, NULL, NULL);
    tw_context_leave(before);
    TRACED("work:ann destroy:ann callback:ann callback:bob ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* Cancelled, the callbacks run inside the cancel, in the canceller's context; the context of the
 * job goes with the job. */
TEST(cancelled_it_goes_with_the_job)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = send_as("ann");
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("callback:nobody ");
    CU_ASSERT_EQUAL(destroyed, 0);
    tw_memory_worker_perform(pool);
    pass();
    TRACED("destroy:ann ");
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_deferred_unref(deferred);
    tear_down();
}

/* So it does when the reactor has gone before, and when the job is refused. */
TEST(the_context_goes_when_there_is_no_way_home)
{
    struct tw_deferred *deferred, *refused = NULL;
    struct tw_context *before;
    set_up();
    deferred = send_as("ann");
    reactor = tw_reactor_unref(reactor);
    tw_memory_worker_perform(pool);
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_deferred_unref(deferred);
    tear_down();
    trace_clear();

    set_up();
    tw_worker_quit(pool);
    before = enter("ann");
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, pool, work, &who, destroy_arg, &refused), -ESHUTDOWN);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(destroyed, 1);
    trace_clear();
    tear_down();
}

/* Calls from threads carry it to the loop. */
TEST(calls_from_threads_carry_it)
{
    struct tw_context *before;
    set_up();
    before = enter("ann");
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, &who, destroy_arg), 0);
    tw_context_leave(before);
    pass();
    TRACED("action:ann destroy:ann ");
    CU_ASSERT_EQUAL(destroyed, 1);
    tear_down();
}

/* Delayed calls keep it until they are due, or cancelled. */
TEST(delayed_calls_keep_it)
{
    struct tw_delayed_call *call = NULL, *cancelled = NULL;
    struct tw_context *before;
    set_up();
    before = enter("ann");
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 5, action, &who, destroy_arg, &call), 0);
    tw_context_leave(before);
    before = enter("bob");
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 5, action, &who, destroy_arg, &cancelled), 0);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(cancelled), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    TRACED("destroy:nobody ");
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 5), 0);
    TRACED("action:ann destroy:ann ");
    CU_ASSERT_EQUAL(destroyed, 2);
    tw_delayed_call_unref(call);
    tw_delayed_call_unref(cancelled);
    tear_down();
}

/* Every allocation may fail: the context goes all the same. */
SWEEP(short_of_memory)
{
    struct tw_context *before = NULL;
    destroyed = 0;
    reactor = NULL;
    pool = NULL;
    if (tw_test_clock_reactor_new(&reactor) == 0 && tw_memory_worker_new(&pool) == 0 &&
        tw_context_enter_with(&who, &destroyed, count_destroyed, &before) == 0) {
        tw_reactor_call_later(reactor, 5, action, &who, NULL, NULL);
        tw_reactor_call_from_thread(reactor, action, &who, NULL);
        tw_defer_to_pool(reactor, pool, work, &who, NULL, NULL);
        tw_context_leave(before);
        tw_memory_worker_perform(pool);
        tw_reactor_iterate(reactor, 0);
        tw_reactor_unref(reactor);
        CU_ASSERT_EQUAL(destroyed, 1);
    } else {
        tw_reactor_unref(reactor);
    }
    trace_clear();
    tw_worker_unref(pool);
}
