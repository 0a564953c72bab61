/*
 * The semaphore: tokens, and what it shares with the lock.
 */
#include "trace.h"

SUITE("semaphore")

static struct tw_deferred_semaphore *semaphore;

static void set_up(size_t tokens)
{
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_semaphore_new(tokens, &semaphore), 0);
}

static void tear_down(void)
{
    semaphore = tw_deferred_semaphore_unref(semaphore);
}

static void granted(struct tw_result *result, void *name)
{
    if (tw_result_is_failure(result)) {
        handle(result, name);
        return;
    }
    CU_ASSERT_PTR_EQUAL(tw_result_value(result), semaphore);
    trace("%s+ ", (const char *)name);
}

static struct tw_deferred *acquire(const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_semaphore_acquire(semaphore, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, granted, (void *)(uintptr_t)name, NULL), 0);
    return deferred;
}

static void release(void)
{
    CU_ASSERT_EQUAL(tw_deferred_semaphore_release(semaphore), 0);
}

static size_t tokens(void)
{
    return tw_deferred_semaphore_tokens(semaphore);
}

/* SEM-001, SEM-009: it begins with all its tokens. */
TEST(SEM_001_begins_with_all_tokens)
{
    set_up(3);
    CU_ASSERT_EQUAL(tokens(), 3);
    CU_ASSERT_EQUAL(tw_deferred_semaphore_limit(semaphore), 3);
    CU_ASSERT_EQUAL(tw_deferred_semaphore_waiting(semaphore), 0);
    tear_down();
}

/* SEM-002: less than one token is refused. */
TEST(SEM_002_needs_a_token)
{
    struct tw_deferred *deferred = NULL;
    semaphore = NULL;
    PROVOKE(tw_deferred_semaphore_new(0, &semaphore));
    PROVOKE(tw_deferred_semaphore_new(1, NULL));
    CU_ASSERT_PTR_NULL(semaphore);
    PROVOKE(tw_deferred_semaphore_acquire(NULL, &deferred));
    PROVOKE(tw_deferred_semaphore_run(NULL, handle, "gone", destroy_name, &deferred));
    TRACED("~gone ");
    CU_ASSERT_PTR_NULL(tw_deferred_semaphore_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_deferred_semaphore_unref(NULL));
}

/* SEM-003: acquire takes a token while there are some, and else waits in order. */
TEST(SEM_003_takes_tokens_while_there_are_some)
{
    struct tw_deferred *c, *d;
    set_up(2);
    tw_deferred_unref(acquire("a"));
    CU_ASSERT_EQUAL(tokens(), 1);
    tw_deferred_unref(acquire("b"));
    CU_ASSERT_EQUAL(tokens(), 0);
    c = acquire("c");
    d = acquire("d");
    TRACED("a+ b+ ");
    release();
    TRACED("c+ ");
    release();
    TRACED("d+ ");
    release();
    release();
    tw_deferred_unref(c);
    tw_deferred_unref(d);
    tear_down();
}

static void see_none(struct tw_result *result, void *name)
{
    granted(result, name);
    CU_ASSERT_EQUAL(tokens(), 0);
}

/* SEM-004: release hands the token to the oldest who waits, inside the call. */
TEST(SEM_004_release_hands_the_token_on)
{
    struct tw_deferred *b = NULL;
    set_up(1);
    tw_deferred_unref(acquire("a"));
    CU_ASSERT_EQUAL(tw_deferred_semaphore_acquire(semaphore, &b), 0);
    tw_deferred_add_both(b, see_none, "b", NULL);
    release();
    TRACED("a+ b+ ");
    CU_ASSERT_EQUAL(tokens(), 0);
    release();
    tw_deferred_unref(b);
    tear_down();
}

/* SEM-005: with nobody waiting a release raises the tokens by one. */
TEST(SEM_005_release_raises_the_tokens)
{
    set_up(2);
    tw_deferred_unref(acquire("a"));
    tw_deferred_unref(acquire("b"));
    release();
    CU_ASSERT_EQUAL(tokens(), 1);
    release();
    CU_ASSERT_EQUAL(tokens(), 2);
    tear_down();
}

/* SEM-006: a release beyond the limit is refused. */
TEST(SEM_006_release_beyond_the_limit_is_refused)
{
    set_up(2);
    PROVOKE(tw_deferred_semaphore_release(semaphore));
    CU_ASSERT_EQUAL(tokens(), 2);
    PROVOKE(tw_deferred_semaphore_release(NULL));
    tear_down();
}

/* SEM-007: a cancel takes out who waits, and does nothing to who has a token. */
TEST(SEM_007_cancel)
{
    struct tw_deferred *a, *b;
    set_up(1);
    a = acquire("a");
    b = acquire("b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(b), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(a), 0);
    TRACED("a+ b!125 ");
    CU_ASSERT_EQUAL(tw_deferred_semaphore_waiting(semaphore), 0);
    CU_ASSERT_EQUAL(tokens(), 0);
    release();
    CU_ASSERT_EQUAL(tokens(), 1);
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

/* SEM-008: run as for the lock: so many functions at a time, each until what it left has fired. */
TEST(SEM_008_runs_so_many_at_a_time)
{
    enum { RUNS = 4 };
    static const char *const names[RUNS] = {"0", "1", "2", "3"};
    struct pair inner[RUNS];
    struct tw_deferred *run[RUNS];
    int i;
    set_up(2);
    for (i = 0; i < RUNS; i++) {
        inner[i] = make();
        CU_ASSERT_EQUAL(
            tw_deferred_semaphore_run(semaphore, give_deferred, inner[i].deferred, NULL, &run[i]),
            0);
        settle(run[i], names[i]);
    }
    CU_ASSERT_EQUAL(tw_deferred_semaphore_waiting(semaphore), 2);
    fire(inner[1].source, 1);
    CU_ASSERT_EQUAL(tw_deferred_semaphore_waiting(semaphore), 1);
    CU_ASSERT_EQUAL(tw_deferred_cancel(run[2]), 0); /* it runs: its end lets the last one in */
    CU_ASSERT_EQUAL(tw_deferred_semaphore_waiting(semaphore), 0);
    fire_failure(inner[0].source, 9);
    fire(inner[3].source, 3);
    TRACED("1=1 2!125 0!9 3=3 ");
    CU_ASSERT_EQUAL(tokens(), 2);
    for (i = 0; i < RUNS; i++) {
        drop(&inner[i]);
        tw_deferred_unref(run[i]);
    }
    tear_down();
}

static struct tw_deferred *other;

static void cancel_other(struct tw_result *result, void *name)
{
    granted(result, name);
    CU_ASSERT_EQUAL(tw_deferred_cancel(other), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(other));
    trace("%s. ", (const char *)name);
}

/* SEM-008: a cancel from inside a call of another in the line is over when it returns; whoever gets
 * the token has his turn after that call. */
TEST(SEM_008_cancelled_from_inside_the_line)
{
    struct tw_deferred *b = NULL, *c;
    struct pair inner = make();
    set_up(2);
    CU_ASSERT_EQUAL(
        tw_deferred_semaphore_run(semaphore, give_deferred, inner.deferred, NULL, &other), 0);
    settle(other, "run");
    tw_deferred_unref(acquire("a"));
    CU_ASSERT_EQUAL(tw_deferred_semaphore_acquire(semaphore, &b), 0);
    tw_deferred_add_both(b, cancel_other, "b", NULL);
    c = acquire("c");
    release();
    TRACED("a+ b+ run!125 b. c+ ");
    release();
    release();
    drop(&inner);
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tw_deferred_unref(other);
    tear_down();
}

/* A run inside a call of another in the line takes a free token at once. */
static void run_inside(struct tw_result *result, void *name)
{
    struct tw_deferred *run = NULL;
    granted(result, name);
    release();
    CU_ASSERT_EQUAL(tw_deferred_semaphore_run(semaphore, handle, "inside", NULL, &run), 0);
    settle(run, "run");
    tw_deferred_unref(run);
    trace("%s. ", (const char *)name);
}

TEST(a_free_token_is_taken_at_once_inside_a_call_too)
{
    struct tw_deferred *b = NULL;
    set_up(1);
    tw_deferred_unref(acquire("a"));
    CU_ASSERT_EQUAL(tw_deferred_semaphore_acquire(semaphore, &b), 0);
    tw_deferred_add_both(b, run_inside, "b", NULL);
    release();
    TRACED("a+ b+ inside=0 b. run=0 ");
    CU_ASSERT_EQUAL(tokens(), 1);
    tw_deferred_unref(b);
    tear_down();
}

/* Those who still wait when it goes are abandoned. */
TEST(those_who_wait_for_a_semaphore_that_goes_are_abandoned)
{
    struct tw_deferred *b, *c;
    set_up(1);
    tw_deferred_unref(acquire("a"));
    b = acquire("b");
    c = acquire("c");
    tear_down();
    TRACED("a+ b!32 c!32 ");
    tw_deferred_unref(b);
    tw_deferred_unref(c);
}

SWEEP(failing_allocations)
{
    struct tw_deferred *a = NULL, *b = NULL;
    int gone = 0, rc;
    semaphore = NULL;
    if (tw_deferred_semaphore_new(1, &semaphore) < 0)
        return;
    rc = tw_deferred_semaphore_acquire(semaphore, &a);
    CU_ASSERT_EQUAL(tokens(), rc < 0);
    (void)tw_deferred_semaphore_run(semaphore, handle, &gone, count_destroy, &b);
    if (rc == 0)
        release();
    CU_ASSERT_EQUAL(gone, 1);
    CU_ASSERT_EQUAL(tokens(), 1);
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    semaphore = tw_deferred_semaphore_unref(semaphore);
}
