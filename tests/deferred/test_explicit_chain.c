/*
 * Explicit chains (tw_deferred_chain): what one Deferred has reached fires another.
 */
#include "trace.h"

SUITE("explicit chain")

static void chain(struct pair *from, struct pair *to)
{
    CU_ASSERT_EQUAL(tw_deferred_chain(from->deferred, tw_source_ref(to->source)), 0);
}

/* DEF-100, DEF-101: a's value or failure at that link fires b, and a's own is null then. */
TEST(DEF_100_chain_fires_the_other)
{
    int with_failure;
    for (with_failure = 0; with_failure < 2; with_failure++) {
        struct pair a = make(), b = make();
        watch(a.deferred, "before");
        chain(&a, &b);
        tw_deferred_add_callbacks(a.deferred, see, go_wrong, "after", NULL);
        settle(b.deferred, "b");
        CU_ASSERT_EQUAL(with_failure ? fire_failure(a.source, 7) : fire(a.source, 7), 0);
        TRACED(with_failure ? "before!7 b!7 after=0 " : "before=7 b=7 after=0 ");
        drop(&a);
        drop(&b);
    }
}

/* A chain from a Deferred that is fired already fires the other at once. */
TEST(chain_from_a_fired_one_fires_at_once)
{
    struct pair a = make(), b = make();
    CU_ASSERT_EQUAL(fire(a.source, 7), 0);
    watch(b.deferred, "b");
    chain(&a, &b);
    TRACED("b=7 ");
    drop(&a);
    drop(&b);
}

static void see_kind(struct tw_result *result, void *name)
{
    const struct tw_error *kind = tw_failure_kind(tw_result_failure(result));
    trace("%s:%s ", (const char *)name, kind == &TW_ERROR_ALREADY_CALLED ? "already" : "?");
    tw_result_set(result, NULL, NULL);
}

/* DEF-102: if b has been fired already, a goes on with a failure that says so. */
TEST(DEF_102_chain_to_a_fired_one_fails)
{
    struct pair a = make(), b = make();
    chain(&a, &b);
    tw_deferred_add_both(a.deferred, see_kind, "a", NULL);
    CU_ASSERT_EQUAL(fire(b.source, 1), 0);
    CU_ASSERT_EQUAL(fire(a.source, 2), 0);
    TRACED("a:already ");
    watch(b.deferred, "b");
    TRACED("b=1 ");
    drop(&a);
    drop(&b);
}

/* The same when nobody holds b any more: its source is all that is left of it. */
TEST(DEF_102_chain_to_one_that_is_gone)
{
    struct pair a = make(), b = make();
    CU_ASSERT_EQUAL(tw_deferred_chain(a.deferred, tw_source_ref(b.source)), 0);
    tw_deferred_add_both(a.deferred, see_kind, "a", NULL);
    CU_ASSERT_EQUAL(fire(b.source, 1), 0);
    drop(&b);
    CU_ASSERT_EQUAL(fire(a.source, 2), 0);
    TRACED("a:already ");
    drop(&a);
    a = make();
    b = make();
    chain(&a, &b);
    settle(b.deferred, "b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(b.deferred), 0);
    drop(&b);
    CU_ASSERT_EQUAL(fire(a.source, 2), 0);
    TRACED("b!125 ");
    drop(&a);
}

/* DEF-103, CAN-022: firing or cancelling b does not touch a; a's late result is swallowed, once
 * it comes, as any firing after a cancel. */
TEST(DEF_103_cancel_does_not_go_backwards)
{
    struct pair a = make(), b = make();
    chain(&a, &b);
    watch(a.deferred, "a");
    settle(b.deferred, "b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(b.deferred), 0);
    TRACED("b!125 "); /* ECANCELED */
    CU_ASSERT_FALSE(tw_deferred_is_called(a.deferred));
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("a=0 ");
    drop(&a);
    drop(&b);
}

/* DEF-104: b is recorded as waiting for a, until it runs. */
TEST(DEF_104_the_other_waits_for_the_first)
{
    struct pair a = make(), b = make();
    chain(&a, &b);
    CU_ASSERT_PTR_EQUAL(tw_deferred_waits_for(b.deferred), a.deferred);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(b.deferred));
    drop(&a);
    drop(&b);
}

/* DEF-104: the record goes with the Deferred it names. */
TEST(DEF_104_the_record_goes_with_the_first)
{
    struct pair a = make(), b = make();
    chain(&a, &b);
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    drop(&a); /* paused for ever: its links go, and with them their reference to b's source */
    CU_ASSERT_PTR_NULL(tw_deferred_waits_for(b.deferred));
    CU_ASSERT_EQUAL(fire(b.source, 2), 0);
    drop(&b);
}

/* DEF-106: what is added to a later is not seen by b. */
TEST(DEF_106_later_links_are_not_seen)
{
    struct pair a = make(), b = make();
    tw_deferred_add_callback(a.deferred, add_one, "1", NULL);
    chain(&a, &b);
    tw_deferred_add_callback(a.deferred, add_one, "2", NULL);
    CU_ASSERT_EQUAL(fire(a.source, 5), 0);
    watch(b.deferred, "b");
    TRACED("1=5 2=0 b=6 ");
    drop(&a);
    drop(&b);
}

/* The chain holds the source it was given: when the first goes without running, the other is
 * abandoned. */
TEST(chain_that_never_runs_abandons_the_other)
{
    struct pair a = make(), b = make();
    CU_ASSERT_EQUAL(tw_deferred_chain(a.deferred, b.source), 0);
    b.source = NULL;
    settle(b.deferred, "b");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("");
    drop(&a);
    TRACED("b!32 ");
    drop(&b);
}

static void cancel_other(struct tw_result *result, void *other)
{
    handle(result, "first");
    CU_ASSERT_EQUAL(tw_deferred_cancel((struct tw_deferred *)other), 0);
}

/* Of several that are abandoned together, one may cancel the next: none is forgotten. */
TEST(abandoned_ones_may_cancel_one_another)
{
    struct pair head = make(), paused = make(), target[3];
    int i;
    for (i = 0; i < 3; i++) {
        target[i] = make();
        CU_ASSERT_EQUAL(tw_deferred_chain(paused.deferred, target[i].source), 0);
        target[i].source = NULL;
    }
    tw_deferred_add_both(target[0].deferred, cancel_other, target[1].deferred, NULL);
    settle(target[1].deferred, "second");
    settle(target[2].deferred, "third");
    CU_ASSERT_EQUAL(tw_deferred_chain(head.deferred, paused.source), 0);
    tw_deferred_pause(paused.deferred);
    tw_deferred_unref(paused.deferred);
    tw_deferred_pause(head.deferred);
    CU_ASSERT_EQUAL(fire(head.source, 1), 0);
    EXPECT_REPORTS(1); /* the paused one ends as abandoned */
    drop(&head);
    TRACED("first!32 second!125 third!32 ");
    for (i = 0; i < 3; i++)
        drop(&target[i]);
}

static void see_cycle(struct tw_result *result, void *name)
{
    bool cycle = tw_failure_is(tw_result_failure(result), &TW_ERROR_CYCLE);
    trace("%s:%s ", (const char *)name, cycle ? "cycle" : "?");
    tw_result_set(result, NULL, NULL);
}

/* DEF-091: a that waits for b, which only a's own chain would fire, would wait for ever: it is
 * refused like any cycle, and the failure goes down the chain. */
TEST(DEF_091_cycle_through_an_explicit_chain_is_refused)
{
    struct pair a = make(), b = make();
    tw_deferred_add_callback(a.deferred, give_deferred, b.deferred, NULL);
    CU_ASSERT_EQUAL(tw_deferred_chain(a.deferred, b.source), 0);
    b.source = NULL;
    tw_deferred_add_both(b.deferred, see_cycle, "b", NULL);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    TRACED("b:cycle ");
    drop(&a);
    drop(&b);
}

/* A chain needs both; the source is consumed all the same. */
TEST(chain_without_a_deferred_is_refused)
{
    struct pair a = make();
    settle(a.deferred, "a");
    PROVOKE(tw_deferred_chain(NULL, a.source));
    a.source = NULL;
    TRACED("a!32 ");
    PROVOKE(tw_deferred_chain(a.deferred, NULL));
    drop(&a);
}

/* Out of memory, the source is let go of: nothing leaks, and the other is abandoned. */
SWEEP(chain_loses_nothing_when_memory_is_short)
{
    struct pair a = {NULL, NULL}, b = {NULL, NULL};
    if (tw_deferred_new(NULL, NULL, NULL, &a.source, &a.deferred) < 0)
        return;
    if (tw_deferred_new(NULL, NULL, NULL, &b.source, &b.deferred) == 0) {
        bool handled = tw_deferred_add_both(b.deferred, handle, "b", NULL) == 0;
        int rc = tw_deferred_chain(a.deferred, b.source);
        b.source = NULL;
        CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
        CU_ASSERT_EQUAL(tw_deferred_is_called(b.deferred), rc < 0);
        if (rc < 0 && !handled)
            EXPECT_REPORTS(1);
    }
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    CU_ASSERT_TRUE(!b.deferred || tw_deferred_is_called(b.deferred));
    drop(&a);
    drop(&b);
    trace_clear();
}
