/*
 * The lock: who gets it, in which order, and what cancelling and running do.
 */
#include "trace.h"

SUITE("lock")

static struct tw_deferred_lock *lock;

static void set_up(void)
{
    trace_clear();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_lock_new(&lock), 0);
}

static void tear_down(void)
{
    lock = tw_deferred_lock_unref(lock);
}

/* Writes "a+ " when a has been granted the lock, "a!125 " when it has failed. */
static void granted(struct tw_result *result, void *name)
{
    if (tw_result_is_failure(result)) {
        handle(result, name);
        return;
    }
    CU_ASSERT_PTR_EQUAL(tw_result_value(result), lock);
    trace("%s+ ", (const char *)name);
}

static void granted_and_release(struct tw_result *result, void *name)
{
    granted(result, name);
    CU_ASSERT_EQUAL(tw_deferred_lock_release(lock), 0);
    trace("%s- ", (const char *)name);
}

static struct tw_deferred *acquire_with(tw_call_fn fn, const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_lock_acquire(lock, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, fn, (void *)(uintptr_t)name, NULL), 0);
    return deferred;
}

static struct tw_deferred *acquire(const char *name)
{
    return acquire_with(granted, name);
}

static void release(void)
{
    CU_ASSERT_EQUAL(tw_deferred_lock_release(lock), 0);
}

/* --- acquire and release ---------------------------------------------------------------------- */

/* LCK-001: acquire gives a Deferred that fires with the lock itself. */
TEST(LCK_001_fires_with_the_lock)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = acquire("a");
    TRACED("a+ ");
    release();
    tw_deferred_unref(deferred);
    tear_down();
}

/* LCK-002, LCK-016: a free lock is taken at once. */
TEST(LCK_002_a_free_lock_is_taken_at_once)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    CU_ASSERT_EQUAL(tw_deferred_lock_acquire(lock, &deferred), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(deferred));
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    tw_deferred_unref(deferred);
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock)); /* the handle is not what holds it */
    release();
    tear_down();
}

/* LCK-003: who comes later waits at the end of the line. */
TEST(LCK_003_waits_in_line)
{
    struct tw_deferred *a, *b, *c;
    set_up();
    a = acquire("a");
    b = acquire("b");
    c = acquire("c");
    TRACED("a+ ");
    CU_ASSERT_EQUAL(tw_deferred_lock_waiting(lock), 2);
    release();
    TRACED("b+ ");
    release();
    TRACED("c+ ");
    release();
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tear_down();
}

/* Sees whether anybody could slip in. */
static void see_taken(struct tw_result *result, void *name)
{
    granted(result, name);
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
}

/* LCK-004: release calls the oldest who waits, and the lock is taken all along. */
TEST(LCK_004_release_hands_it_on)
{
    struct tw_deferred *a, *b;
    set_up();
    a = acquire("a");
    b = acquire_with(see_taken, "b");
    release();
    TRACED("a+ b+ ");
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    release();
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

/* LCK-005: with nobody waiting a release makes it free. */
TEST(LCK_005_release_makes_it_free)
{
    set_up();
    tw_deferred_unref(acquire("a"));
    release();
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    tw_deferred_unref(acquire("b"));
    TRACED("a+ b+ ");
    release();
    tear_down();
}

/* LCK-006: a release of a lock that is not taken is refused, and changes nothing. */
TEST(LCK_006_release_of_a_free_lock_is_refused)
{
    set_up();
    PROVOKE(tw_deferred_lock_release(lock));
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    PROVOKE(tw_deferred_lock_release(NULL));
    tw_deferred_unref(acquire("a"));
    release();
    PROVOKE(tw_deferred_lock_release(lock));
    tear_down();
}

/* LCK-007: a cancel takes who waits out of the line. */
TEST(LCK_007_cancel_leaves_the_line)
{
    struct tw_deferred *b, *c;
    set_up();
    tw_deferred_unref(acquire("a"));
    b = acquire("b");
    c = acquire("c");
    CU_ASSERT_EQUAL(tw_deferred_cancel(b), 0);
    TRACED("a+ b!125 ");
    CU_ASSERT_EQUAL(tw_deferred_lock_waiting(lock), 1);
    release();
    TRACED("c+ ");
    release();
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tear_down();
}

/* LCK-008: a cancel of one that has been granted does nothing. */
TEST(LCK_008_cancel_after_the_grant_does_nothing)
{
    struct tw_deferred *a;
    set_up();
    a = acquire("a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a), 0);
    TRACED("a+ ");
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    release();
    tw_deferred_unref(a);
    tear_down();
}

static struct tw_deferred *other;

static void release_and_cancel_other(struct tw_result *result, void *name)
{
    granted_and_release(result, name);
    CU_ASSERT_EQUAL(tw_deferred_cancel(other), 0);
    trace("%s. ", (const char *)name);
}

/* LCK-008: that holds for one that has been granted the lock and has not had its turn, too: it is
 * only called sooner. */
TEST(LCK_008_cancel_between_grant_and_call)
{
    struct tw_deferred *a, *b;
    set_up();
    a = acquire("a");
    b = acquire_with(release_and_cancel_other, "b");
    other = acquire("c");
    release();
    TRACED("a+ b+ b- c+ b. ");
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    release();
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(other);
    tear_down();
}

/* LCK-015: a waiter's callback may release again; those behind it are served in order. */
TEST(LCK_015_a_callback_may_release)
{
    struct tw_deferred *b, *c, *d;
    set_up();
    tw_deferred_unref(acquire("a"));
    b = acquire_with(granted_and_release, "b");
    c = acquire_with(granted_and_release, "c");
    d = acquire("d");
    release();
    TRACED("a+ b+ b- c+ c- d+ ");
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    release();
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tw_deferred_unref(d);
    tear_down();
}

static void acquire_inside(struct tw_result *result, void *name)
{
    granted_and_release(result, name);
    other = acquire("late");
}

/* Nobody slips in: who asks between the grant and the call of another waits behind it. */
TEST(asks_while_another_is_due)
{
    struct tw_deferred *b, *c;
    set_up();
    tw_deferred_unref(acquire("a"));
    b = acquire_with(acquire_inside, "b");
    c = acquire("c");
    release();
    TRACED("a+ b+ b- c+ ");
    release();
    TRACED("late+ ");
    release();
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tw_deferred_unref(other);
    tear_down();
}

/* --- run -------------------------------------------------------------------------------------- */

static void work(struct tw_result *result, void *name)
{
    CU_ASSERT_PTR_NULL(tw_result_value(result));
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    trace("%s ", (const char *)name);
    tw_result_set(result, VALUE(7), NULL);
}

static struct tw_deferred *run_with(tw_call_fn fn, void *arg, const char *name)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_lock_run(lock, fn, arg, NULL, &deferred), 0);
    settle(deferred, name);
    return deferred;
}

/* LCK-009: run acquires, calls, releases and delivers what the function left. */
TEST(LCK_009_run_delivers_the_outcome)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_deferred_lock_run(lock, work, "work", destroy_name, &deferred), 0);
    TRACED("work ~work ");
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    settle(deferred, "run");
    TRACED("run=7 ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* LCK-009: if the function leaves a Deferred, the lock is kept until that has its result. */
TEST(LCK_009_run_waits_for_a_deferred)
{
    struct tw_deferred *run, *b;
    struct pair inner;
    set_up();
    inner = make();
    run = run_with(give_deferred, inner.deferred, "run");
    b = acquire("b");
    TRACED("");
    fire(inner.source, 5);
    TRACED("b+ run=5 ");
    release();
    drop(&inner);
    tw_deferred_unref(run);
    tw_deferred_unref(b);
    tear_down();
}

/* LCK-010: the next in line comes before the caller sees the result; in a row of runs too, each of
 * which ends inside the release of the one before. */
TEST(LCK_010_releases_before_its_caller_sees_the_result)
{
    struct tw_deferred *a, *b, *c, *d;
    set_up();
    tw_deferred_unref(acquire("x"));
    a = run_with(work, "A", "a");
    b = run_with(work, "B", "b");
    c = run_with(work, "C", "c");
    d = acquire("d");
    release();
    TRACED("x+ A B a=7 C b=7 d+ c=7 ");
    release();
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(c);
    tw_deferred_unref(d);
    tear_down();
}

/* LCK-011: a failure is delivered, and the lock released, whether the function or its Deferred
 * failed. */
TEST(LCK_011_releases_after_a_failure)
{
    struct tw_deferred *a, *b;
    struct pair inner;
    set_up();
    a = run_with(go_wrong, "A", "a");
    TRACED("A=0 a!99 ");
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    inner = make();
    b = run_with(give_deferred, inner.deferred, "b");
    fire_failure(inner.source, 8);
    TRACED("b!8 ");
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    drop(&inner);
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tear_down();
}

/* LCK-012: cancelled before it has the lock, the function is never called, and its argument goes. */
TEST(LCK_012_cancelled_while_it_waits)
{
    struct tw_deferred *run = NULL;
    set_up();
    tw_deferred_unref(acquire("a"));
    CU_ASSERT_EQUAL(tw_deferred_lock_run(lock, work, "work", destroy_name, &run), 0);
    settle(run, "run");
    CU_ASSERT_EQUAL(tw_deferred_cancel(run), 0);
    TRACED("a+ ~work run!125 ");
    CU_ASSERT_EQUAL(tw_deferred_lock_waiting(lock), 0);
    release();
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    tw_deferred_unref(run);
    tear_down();
}

/* LCK-013: cancelled later, what the function waits for is cancelled, then the lock released. */
TEST(LCK_013_cancelled_while_it_runs)
{
    struct tw_deferred *run, *b;
    struct pair inner;
    set_up();
    inner = make();
    run = run_with(give_deferred, inner.deferred, "run");
    b = acquire("b");
    CU_ASSERT_EQUAL(tw_deferred_cancel(run), 0);
    TRACED("b+ run!125 ");
    release();
    drop(&inner);
    tw_deferred_unref(run);
    tw_deferred_unref(b);
    tear_down();
}

static int refuse(struct tw_source *source, void *arg)
{
    (void)source;
    (void)arg;
    return -EBUSY;
}

/* LCK-013: if that refuses, its answer comes back, and nothing has changed. */
TEST(LCK_013_what_it_waits_for_refuses)
{
    struct tw_deferred *run;
    struct pair inner;
    set_up();
    inner = make_cancellable(refuse, NULL);
    run = run_with(give_deferred, inner.deferred, "run");
    CU_ASSERT_EQUAL(tw_deferred_cancel(run), -EBUSY);
    TRACED("");
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    fire(inner.source, 3);
    TRACED("run=3 ");
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    drop(&inner);
    tw_deferred_unref(run);
    tear_down();
}

static void cancel_run_inside(struct tw_result *result, void *arg)
{
    granted_and_release(result, arg);
    CU_ASSERT_EQUAL(tw_deferred_cancel(other), 0);
    trace("after ");
}

/* LCK-012: between getting the lock and its turn, too, the function is not called any more. */
TEST(LCK_012_cancelled_between_grant_and_call)
{
    struct tw_deferred *b;
    struct tw_deferred *x;
    set_up();
    x = acquire("x");
    b = acquire_with(cancel_run_inside, "b");
    other = run_with(work, "work", "run");
    release();
    TRACED("x+ b+ b- run!125 after ");
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    tw_deferred_unref(x);
    tw_deferred_unref(b);
    tw_deferred_unref(other);
    tear_down();
}

/* --- in a coroutine --------------------------------------------------------------------------- */

struct visit {
    const char *name;
    struct tw_deferred *wait; /* for what, with the lock */
};

static void visit_with_the_lock(struct tw_result *result, void *arg)
{
    struct visit *visit = (struct visit *)arg;
    struct tw_deferred *deferred = NULL;
    struct tw_result outcome = TW_RESULT_INIT;
    CU_ASSERT_EQUAL(tw_deferred_lock_acquire(lock, &deferred), 0);
    if (tw_await(deferred, NULL) == 0 && tw_deferred_lock_is_locked(lock)) {
        trace("%s+ ", visit->name);
        tw_await(visit->wait, &outcome);
        write_result(&outcome, (void *)(uintptr_t)visit->name);
        release();
        trace("%s- ", visit->name);
    }
    tw_deferred_unref(deferred);
    tw_result_move(&outcome, result); /* a failure goes on (LCK-017) */
}

/* LCK-017: a coroutine acquires, awaits and releases, also when what it did with the lock failed;
 * the next one has its turn inside that release. */
TEST(LCK_017_around_a_part_of_a_coroutine)
{
    struct pair waits[2];
    struct visit a = {"a", NULL}, b = {"b", NULL};
    struct tw_deferred *one = NULL, *two = NULL;
    set_up();
    waits[0] = make();
    waits[1] = make();
    a.wait = waits[0].deferred;
    b.wait = waits[1].deferred;
    CU_ASSERT_EQUAL(tw_spawn(NULL, visit_with_the_lock, &a, NULL, NULL, &one), 0);
    CU_ASSERT_EQUAL(tw_spawn(NULL, visit_with_the_lock, &b, NULL, NULL, &two), 0);
    settle(one, "one");
    settle(two, "two");
    fire_failure(waits[0].source, 6);
    TRACED("a+ a!6 b+ a- one!6 ");
    CU_ASSERT_TRUE(tw_deferred_lock_is_locked(lock));
    fire(waits[1].source, 7);
    TRACED("b=7 b- two=7 ");
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    drop(&waits[0]);
    drop(&waits[1]);
    tw_deferred_unref(one);
    tw_deferred_unref(two);
    tear_down();
}

/* --- misuse ----------------------------------------------------------------------------------- */

/* Without a function, a lock or somewhere to put the Deferred, nothing is run and the argument is
 * consumed. */
TEST(run_needs_a_function)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_deferred_lock_run(lock, NULL, "1", destroy_name, &deferred));
    PROVOKE(tw_deferred_lock_run(NULL, work, "2", destroy_name, &deferred));
    PROVOKE(tw_deferred_lock_run(lock, work, "3", destroy_name, NULL));
    TRACED("~1 ~2 ~3 ");
    PROVOKE(tw_deferred_lock_acquire(NULL, &deferred));
    PROVOKE(tw_deferred_lock_acquire(lock, NULL));
    PROVOKE(tw_deferred_lock_new(NULL));
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    CU_ASSERT_PTR_NULL(tw_deferred_lock_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_deferred_lock_unref(NULL));
    tear_down();
}

/* --- going ------------------------------------------------------------------------------------ */

/* A lock that goes while some wait for it fails them as abandoned; a run that waits never calls. */
TEST(those_who_wait_for_a_lock_that_goes_are_abandoned)
{
    struct tw_deferred *b, *run = NULL;
    set_up();
    tw_deferred_unref(acquire("a"));
    b = acquire("b");
    CU_ASSERT_EQUAL(tw_deferred_lock_run(lock, work, "work", destroy_name, &run), 0);
    settle(run, "run");
    tear_down();
    TRACED("a+ b!32 ~work run!32 ");
    tw_deferred_unref(b);
    tw_deferred_unref(run);
}

/* A run that has the lock keeps it from going; so does a result that holds it. */
TEST(who_has_the_lock_keeps_it)
{
    struct tw_deferred *run, *a = NULL;
    struct pair inner;
    struct tw_deferred_lock *mine;
    set_up();
    inner = make();
    run = run_with(give_deferred, inner.deferred, "run");
    mine = lock;
    tear_down();
    lock = mine;
    a = acquire("a");
    fire(inner.source, 1);
    TRACED("a+ run=1 ");
    release(); /* the result of a holds the object still */
    tw_deferred_unref(a);
    drop(&inner);
    tw_deferred_unref(run);
}

static void drop_lock(struct tw_result *result, void *name)
{
    granted(result, name);
    tw_result_set(result, NULL, NULL);
    tw_deferred_lock_unref(lock);
}

/* The last hold may go inside a release. */
TEST(lock_goes_inside_its_release)
{
    struct tw_deferred *b, *c;
    set_up();
    tw_deferred_unref(acquire("a"));
    b = acquire_with(drop_lock, "b");
    c = acquire("c");
    release();
    TRACED("a+ b+ c!32 ");
    tw_deferred_unref(b);
    tw_deferred_unref(c);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Whatever cannot be had, the lock is as it was, and each argument goes once. */
SWEEP(failing_allocations)
{
    struct tw_deferred *a = NULL, *b = NULL, *run = NULL, *late = NULL;
    int gone = 0, rc_a, rc_b, rc_run, rc_late;
    lock = NULL;
    if (tw_deferred_lock_new(&lock) < 0)
        return;
    rc_a = tw_deferred_lock_acquire(lock, &a);
    CU_ASSERT_EQUAL(tw_deferred_lock_is_locked(lock), rc_a == 0);
    rc_b = tw_deferred_lock_acquire(lock, &b);
    rc_run = tw_deferred_lock_run(lock, handle, &gone, count_destroy, &run);
    rc_late = tw_deferred_lock_run(lock, handle, &gone, count_destroy, &late);
    CU_ASSERT_TRUE(harness_failed_one() || (!rc_a && !rc_b && !rc_run && !rc_late));
    if (rc_a == 0)
        release();
    if (rc_b == 0)
        release();
    CU_ASSERT_EQUAL(gone, 2);
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    tw_deferred_unref(a);
    tw_deferred_unref(b);
    tw_deferred_unref(run);
    tw_deferred_unref(late);
    lock = tw_deferred_lock_unref(lock);
}
