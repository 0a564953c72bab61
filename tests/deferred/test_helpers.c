/*
 * Calls whose outcome is a Deferred, and callbacks that let things pass.
 */
#include "trace.h"

SUITE("helpers")

static void set_five(struct tw_result *result, void *name)
{
    trace("%s ", (const char *)name);
    tw_result_set(result, VALUE(5), NULL);
}

/* HLP-001: a Deferred made to have succeeded is as one that was fired. */
TEST(HLP_001_succeed)
{
    struct pair by_hand = make();
    struct tw_deferred *deferred;
    fire(by_hand.source, 5);
    CU_ASSERT_EQUAL(tw_deferred_succeed(VALUE(5), NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_is_called(deferred), tw_deferred_is_called(by_hand.deferred));
    CU_ASSERT_EQUAL(tw_deferred_pauses(deferred), tw_deferred_pauses(by_hand.deferred));
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(deferred));
    watch(deferred, "made");
    watch(by_hand.deferred, "fired");
    TRACED("made=5 fired=5 ");
    tw_deferred_unref(deferred);
    drop(&by_hand);
}

/* HLP-002: fired with a result that holds a failure, it has failed. */
TEST(HLP_002_result_that_holds_a_failure)
{
    struct tw_result result = TW_RESULT_INIT;
    struct pair pair = make();
    tw_result_failf(&result, NULL, 7, "no");
    CU_ASSERT_EQUAL(tw_source_fire(pair.source, &result), 0);
    settle(pair.deferred, "it");
    TRACED("it!7 ");
    drop(&pair);
}

/* HLP-003: and one that has failed. */
TEST(HLP_003_fail)
{
    struct tw_failure *failure = TW_FAILURE_NEW(NULL, 7, NULL);
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_fail(failure, &deferred), 0);
    settle(deferred, "it");
    TRACED("it!7 ");
    tw_deferred_unref(deferred);
    tw_failure_unref(failure);
}

/* HLP-005: execute calls at once, and its outcome, value or failure, is a Deferred's; a Deferred it
 * cannot leave. */
TEST(HLP_005_execute)
{
    struct pair other = make();
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_execute(set_five, "call", destroy_name, &deferred), 0);
    TRACED("call ~call ");
    watch(deferred, "it");
    TRACED("it=5 ");
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL(tw_deferred_execute(go_wrong, "call", destroy_name, &deferred), 0);
    trace_clear();
    settle(deferred, "it");
    TRACED("it!99 ");
    tw_deferred_unref(deferred);
    fire(other.source, 0);
    drop(&other);
}

static void try_to_leave(struct tw_result *result, void *deferred)
{
    PROVOKE(tw_result_set_deferred(result, tw_deferred_ref((struct tw_deferred *)deferred)));
}

TEST(HLP_005_execute_takes_no_deferred)
{
    struct pair other = make();
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_execute(try_to_leave, other.deferred, NULL, &deferred), 0);
    watch(deferred, "it");
    TRACED("it=0 ");
    tw_deferred_unref(deferred);
    fire(other.source, 0);
    drop(&other);
}

/* HLP-006: if the function leaves a Deferred, that very one comes out. */
TEST(HLP_006_maybe_a_deferred)
{
    struct pair other = make();
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_maybe(give_deferred, other.deferred, NULL, &deferred), 0);
    CU_ASSERT_PTR_EQUAL(deferred, other.deferred);
    watch(deferred, "it");
    fire(other.source, 3);
    TRACED("it=3 ");
    tw_deferred_unref(deferred);
    drop(&other);
}

/* HLP-007: if it leaves a value, a Deferred that has succeeded with it. */
TEST(HLP_007_maybe_a_value)
{
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_maybe(set_five, "call", destroy_name, &deferred), 0);
    watch(deferred, "it");
    TRACED("call ~call it=5 ");
    tw_deferred_unref(deferred);
}

static struct tw_failure *prepared;

static void leave_prepared(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set_failure(result, prepared);
}

static void is_prepared(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_PTR_EQUAL(tw_result_failure(result), prepared);
    trace("the same ");
    tw_result_set(result, NULL, NULL);
}

/* HLP-008: if it leaves a failure, one that has failed with that same failure. */
TEST(HLP_008_maybe_a_failure)
{
    struct tw_deferred *deferred;
    prepared = TW_FAILURE_NEW(NULL, 7, NULL);
    CU_ASSERT_EQUAL(tw_deferred_maybe(leave_prepared, NULL, NULL, &deferred), 0);
    tw_deferred_add_errback(deferred, is_prepared, NULL, NULL);
    TRACED("the same ");
    tw_deferred_unref(deferred);
    tw_failure_unref(prepared);
}

/* HLP-009: what goes wrong in it is a failure of the Deferred's, not of the call. */
TEST(HLP_009_maybe_goes_wrong)
{
    struct tw_deferred *deferred;
    CU_ASSERT_EQUAL(tw_deferred_maybe(go_wrong, "call", NULL, &deferred), 0);
    trace_clear();
    settle(deferred, "it");
    TRACED("it!99 ");
    tw_deferred_unref(deferred);
}

/* HLP-011: log_error reports a failure and lets it pass; a value it does not touch. */
TEST(HLP_011_log_error)
{
    struct pair failed = make(), fine = make();
    tw_deferred_add_both(failed.deferred, tw_result_log_error, "a disk", NULL);
    tw_deferred_add_both(fine.deferred, tw_result_log_error, NULL, NULL);
    fire_failure(failed.source, 7);
    fire(fine.source, 5);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    CU_ASSERT_STRING_EQUAL(harness_report(0)->text, "a disk");
    settle(failed.deferred, "failed");
    settle(fine.deferred, "fine");
    TRACED("failed!7 fine=5 ");
    drop(&failed);
    drop(&fine);
}

/* HLP-012: passthru lets everything pass, and its argument goes like any link's. */
TEST(HLP_012_passthru)
{
    struct pair pair = make();
    tw_deferred_add_both(pair.deferred, tw_result_passthru, "link", destroy_name);
    watch(pair.deferred, "it");
    fire(pair.source, 5);
    TRACED("~link it=5 ");
    drop(&pair);
}

/* What cannot be called is refused; the argument goes all the same. */
TEST(bad_calls_are_refused)
{
    struct tw_deferred *deferred;
    int gone = 0;
    PROVOKE(tw_deferred_execute(NULL, &gone, count_destroy, &deferred));
    PROVOKE(tw_deferred_maybe(set_five, &gone, count_destroy, NULL));
    CU_ASSERT_EQUAL(gone, 2);
}

/* Without memory the function is not called. */
SWEEP(maybe_without_memory)
{
    struct tw_deferred *deferred = NULL;
    int gone = 0, rc = tw_deferred_maybe(tw_result_passthru, &gone, count_destroy, &deferred);
    CU_ASSERT_TRUE(rc == 0 || rc == -ENOMEM);
    CU_ASSERT_EQUAL(gone, 1);
    tw_deferred_unref(deferred);
}
