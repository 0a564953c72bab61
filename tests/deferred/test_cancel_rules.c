/*
 * Rules of cancelling that stand for themselves, each by its number.
 */
#include "trace.h"

SUITE("cancel rules")

static int calls;
static struct tw_source *seen_source;

static int count_call(struct tw_source *source, void *answer)
{
    calls++;
    seen_source = source;
    return answer ? *(int *)answer : 0;
}

static struct pair make_counted(int *answer)
{
    calls = 0;
    seen_source = NULL;
    return make_cancellable(count_call, answer);
}

/* CAN-003: after the one firing that is swallowed the next is an error as ever. */
TEST(CAN_003_second_late_firing_is_refused)
{
    struct pair pair = make();
    settle(pair.deferred, "it");
    tw_deferred_cancel(pair.deferred);
    CU_ASSERT_EQUAL(fire(pair.source, 1), 0);
    CU_ASSERT_EQUAL(fire(pair.source, 1), -EALREADY);
    CU_ASSERT_EQUAL(fire_failure(pair.source, 1), -EALREADY);
    trace_clear();
    drop(&pair);
}

/* CAN-006: cancelling what has been cancelled does nothing, before and after the late firing. */
TEST(CAN_006_repeated_cancel_does_nothing)
{
    struct pair pair = make();
    settle(pair.deferred, "it");
    tw_deferred_cancel(pair.deferred);
    trace_clear();
    CU_ASSERT_EQUAL(tw_deferred_cancel(pair.deferred), 0);
    CU_ASSERT_EQUAL(fire(pair.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(pair.deferred), 0);
    TRACED("");
    drop(&pair);
}

/* CAN-007: the canceller is called inside the cancel, once, with what may fire the Deferred. */
TEST(CAN_007_canceller_is_called_once)
{
    struct pair pair = make_counted(NULL);
    settle(pair.deferred, "it");
    CU_ASSERT_EQUAL(tw_deferred_cancel(pair.deferred), 0);
    CU_ASSERT_EQUAL(calls, 1);
    CU_ASSERT_PTR_EQUAL(seen_source, pair.source);
    CU_ASSERT_EQUAL(tw_deferred_cancel(pair.deferred), 0);
    CU_ASSERT_EQUAL(calls, 1);
    trace_clear();
    drop(&pair);
}

/* CAN-010: with a canceller no late firing is swallowed. */
TEST(CAN_010_no_allowance_with_a_canceller)
{
    struct pair pair = make_counted(NULL);
    settle(pair.deferred, "it");
    tw_deferred_cancel(pair.deferred);
    CU_ASSERT_EQUAL(fire(pair.source, 1), -EALREADY);
    trace_clear();
    drop(&pair);
}

/* CAN-017: the allowance is that of the inner one, which was cancelled. */
TEST(CAN_017_allowance_of_the_inner_one)
{
    struct pair outer = make(), inner = make();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    settle(outer.deferred, "outer");
    fire(outer.source, 0);
    tw_deferred_cancel(outer.deferred);
    CU_ASSERT_EQUAL(fire(inner.source, 1), 0);
    CU_ASSERT_EQUAL(fire(inner.source, 1), -EALREADY);
    CU_ASSERT_EQUAL(fire(outer.source, 1), -EALREADY);
    trace_clear();
    drop(&outer);
    drop(&inner);
}

/* CAN-022: a cancel does not go back through an explicit chain; what comes then is swallowed. */
TEST(CAN_022_no_cancel_backwards)
{
    struct pair from = make_counted(NULL), to = make();
    tw_deferred_chain(from.deferred, tw_source_ref(to.source));
    watch(from.deferred, "from");
    settle(to.deferred, "to");
    CU_ASSERT_EQUAL(tw_deferred_cancel(to.deferred), 0);
    CU_ASSERT_EQUAL(calls, 0);
    CU_ASSERT_FALSE(tw_deferred_is_called(from.deferred));
    trace_clear();
    fire(from.source, 1);
    TRACED("from=0 ");
    drop(&from);
    drop(&to);
}

/* CAN-023: a cancellation is a failure like others: an errback may make a success of it. */
TEST(CAN_023_cancellation_may_be_handled)
{
    struct pair pair = make();
    tw_deferred_add_errback(pair.deferred, handle, "it", NULL);
    watch(pair.deferred, "after");
    tw_deferred_cancel(pair.deferred);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "after=0 "));
    trace_clear();
    drop(&pair);
}
