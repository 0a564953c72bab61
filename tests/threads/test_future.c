/*
 * Futures of one's own: their states, their results, who is told, and waiting without blocking.
 */
#include "by_hand.h"

SUITE("future")

static struct tw_future *new_future(void)
{
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&future), 0);
    return future;
}

static int destroyed;

/* Set it to a value that counts its destruction. */
static int set(struct tw_future *future)
{
    struct tw_result result = TW_RESULT_INIT;
    int rc;
    tw_result_set(&result, &destroyed, count_destroy);
    rc = tw_future_set(future, &result);
    CU_ASSERT_PTR_NULL(tw_result_value(&result));
    return rc;
}

static int fail(struct tw_future *future)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_failf(&result, &TW_ERROR_SYSTEM, EIO, "broken");
    return tw_future_set(future, &result);
}

static int wait_now(struct tw_future *const *futures, size_t count, enum tw_wait_for wait_for)
{
    return tw_future_wait(futures, count, wait_for, 0);
}

/* What each question answers. */
static void check_is(int line, struct tw_future *future, bool is_running, bool is_done,
                     bool is_cancelled)
{
    bool is_right = tw_future_is_running(future) == is_running &&
                    tw_future_is_done(future) == is_done &&
                    tw_future_is_cancelled(future) == is_cancelled &&
                    wait_now(&future, 1, TW_WAIT_ALL) == (is_done ? 0 : -ETIMEDOUT);
    CU_ASSERT(is_right);
    if (!is_right)
        printf("line %d\n", line);
}
#define CHECK_PENDING(future) check_is(__LINE__, future, false, false, false)
#define CHECK_RUNNING(future) check_is(__LINE__, future, true, false, false)
#define CHECK_DONE(future) check_is(__LINE__, future, false, true, false)
#define CHECK_CANCELLED(future) check_is(__LINE__, future, false, true, true)

/* --- states ----------------------------------------------------------------------------------- */

/* It begins, is set, and is done: then nothing changes it any more. */
TEST(begin_and_set)
{
    struct tw_future *future = new_future();
    destroyed = 0;
    CHECK_PENDING(future);
    CU_ASSERT_PTR_NULL(tw_future_value(future));
    CU_ASSERT_PTR_NULL(tw_future_failure(future));
    CU_ASSERT_EQUAL(tw_future_begin(future), 0);
    CHECK_RUNNING(future);
    CU_ASSERT_EQUAL(tw_future_begin(future), -EALREADY);
    CU_ASSERT_EQUAL(tw_future_cancel(future), -EINPROGRESS);
    CHECK_RUNNING(future);
    CU_ASSERT_EQUAL(set(future), 0);
    CHECK_DONE(future);
    CU_ASSERT_PTR_EQUAL(tw_future_value(future), &destroyed);
    CU_ASSERT_PTR_NULL(tw_future_failure(future));
    CU_ASSERT_EQUAL(tw_future_begin(future), -EALREADY);
    CU_ASSERT_EQUAL(tw_future_cancel(future), -EALREADY);
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(set(future), -EALREADY); /* and its value is destroyed */
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(fail(future), -EALREADY);
    CU_ASSERT_PTR_EQUAL(tw_future_value(future), &destroyed);
    CU_ASSERT_PTR_NULL(tw_future_unref(future));
    CU_ASSERT_EQUAL(destroyed, 2);
}

/* It may be set without having begun. */
TEST(set_at_once)
{
    struct tw_future *future = new_future();
    destroyed = 0;
    CU_ASSERT_EQUAL(set(future), 0);
    CHECK_DONE(future);
    CU_ASSERT_EQUAL(tw_future_begin(future), -EALREADY);
    tw_future_unref(future);
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* Cancelled while it is pending it stays so: it cannot begin, nor be set. */
TEST(cancel_pending)
{
    struct tw_future *future = new_future();
    destroyed = 0;
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CHECK_CANCELLED(future);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CU_ASSERT_EQUAL(tw_future_begin(future), -ECANCELED);
    CU_ASSERT_EQUAL(set(future), -ECANCELED);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_PTR_NULL(tw_future_value(future));
    CU_ASSERT_TRUE(tw_failure_is(tw_future_failure(future), &TW_ERROR_CANCELLED));
    CHECK_CANCELLED(future);
    tw_future_unref(future);
}

/* --- results ---------------------------------------------------------------------------------- */

/* The value can be taken once, and then null is; a failure again and again. */
TEST(result_moves_a_value_and_copies_a_failure)
{
    struct tw_future *future = new_future();
    struct tw_result result = TW_RESULT_INIT;
    int i;
    destroyed = 0;
    CU_ASSERT_EQUAL(tw_future_result(future, 0, &result), -ETIMEDOUT);
    CU_ASSERT_EQUAL(set(future), 0);
    CU_ASSERT_EQUAL(tw_future_result(future, 0, &result), 0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &destroyed);
    CU_ASSERT_PTR_NULL(tw_future_value(future));
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(tw_future_result(future, TW_FOREVER, &result), 0);
    CU_ASSERT_TRUE(tw_result_is_ok(&result));
    CU_ASSERT_PTR_NULL(tw_result_value(&result));
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_future_unref(future);
    CU_ASSERT_EQUAL(destroyed, 1);

    future = new_future();
    CU_ASSERT_EQUAL(fail(future), 0);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(tw_future_result(future, 0, &result), 0);
        CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(&result)), EIO);
        CU_ASSERT_PTR_EQUAL(tw_result_failure(&result), tw_future_failure(future));
        CU_ASSERT_PTR_NULL(tw_future_value(future));
        tw_result_done(&result);
    }
    tw_future_unref(future);

    future = new_future();
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CU_ASSERT_EQUAL(tw_future_result(future, 0, &result), 0);
    CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(&result), &TW_ERROR_CANCELLED));
    tw_result_done(&result);
    tw_future_unref(future);
}

/* A failure nobody has looked at is reported when the last holder goes: not one that was looked at,
 * and not that it was cancelled. */
TEST(failure_nobody_looked_at_is_reported)
{
    struct tw_future *future = new_future();
    CU_ASSERT_EQUAL(fail(future), 0);
    CU_ASSERT_EQUAL(wait_now(&future, 1, TW_WAIT_FIRST_FAILURE), 0); /* that is no look at it */
    CU_ASSERT_PTR_EQUAL(tw_future_ref(future), future);
    tw_future_unref(future);
    CU_ASSERT_EQUAL(harness_reports(), 0);
    EXPECT_REPORTS(1);
    tw_future_unref(future);
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);

    future = new_future();
    CU_ASSERT_EQUAL(fail(future), 0);
    CU_ASSERT_PTR_NOT_NULL(tw_future_failure(future));
    tw_future_unref(future);

    future = new_future();
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    tw_future_unref(future);
}

/* --- done callbacks --------------------------------------------------------------------------- */

static struct tw_context_key key = TW_CONTEXT_KEY("future");

struct called {
    int calls, order, destroyed;
    bool was_done;
    struct tw_future *future;
    void *context;
};
static int calls_so_far;

static void note_call(struct tw_future *future, void *arg)
{
    struct called *called = (struct called *)arg;
    CU_ASSERT_EQUAL(called->destroyed, 0);
    called->calls++;
    called->order = calls_so_far++;
    called->future = future;
    called->context = tw_context_get(&key);
    called->was_done = tw_future_is_done(future);
}

static void note_destroy(void *arg)
{
    ((struct called *)arg)->destroyed++;
}

static void add(struct tw_future *future, struct tw_worker *worker, struct called *called)
{
    memset(called, 0, sizeof *called);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, worker, note_call, called, note_destroy),
                    0);
}

#define CHECK_CALLED(called, how_often)                   \
    do {                                                  \
        CU_ASSERT_EQUAL((called)->calls, (how_often));    \
        CU_ASSERT_EQUAL((called)->destroyed, 1);          \
        CU_ASSERT_EQUAL((called)->was_done, (how_often)); \
    } while (0)

/* Callbacks are called once each, in the order in which they were added, by whoever completes the
 * future; one that is added later at once. */
TEST(callbacks_in_order)
{
    struct tw_future *future = new_future();
    struct called called[4];
    int i;
    calls_so_far = 0;
    for (i = 0; i < 3; i++)
        add(future, NULL, &called[i]);
    CU_ASSERT_EQUAL(tw_future_begin(future), 0);
    CU_ASSERT_EQUAL(calls_so_far, 0);
    CU_ASSERT_EQUAL(set(future), 0);
    add(future, NULL, &called[3]);
    for (i = 0; i < 4; i++) {
        CHECK_CALLED(&called[i], 1);
        CU_ASSERT_EQUAL(called[i].order, i);
        CU_ASSERT_PTR_EQUAL(called[i].future, future);
    }
    tw_future_unref(future);
}

/* Cancelling completes it too. */
TEST(callbacks_of_a_cancelled_future)
{
    struct tw_future *future = new_future();
    struct called called;
    add(future, NULL, &called);
    CU_ASSERT_EQUAL(tw_future_cancel(future), 0);
    CHECK_CALLED(&called, 1);
    tw_future_unref(future);
}

/* On a worker it is called when the worker gets to it, and holds the future until then. */
TEST(callback_on_a_worker)
{
    struct tw_future *future = new_future();
    struct tw_worker *worker = NULL;
    struct called called, later;
    destroyed = 0;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    add(future, worker, &called);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CU_ASSERT_EQUAL(set(future), 0);
    add(future, worker, &later);
    CU_ASSERT_EQUAL(called.calls + later.calls, 0);
    tw_future_unref(future);
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_CALLED(&called, 1);
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_CALLED(&later, 1);
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_worker_unref(worker);
}

/* If its worker refuses, or gives up, it is not called: its argument is destroyed, and a warning
 * reported. The worker is held until then. */
TEST(callback_whose_worker_goes)
{
    struct tw_future *future = new_future();
    struct tw_worker *worker = NULL;
    struct called refused, given_up;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    add(future, worker, &refused);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    worker = tw_worker_unref(worker);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(set(future), 0);
    CHECK_CALLED(&refused, 0);
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_PTR_EQUAL(harness_report(0)->kind, &TW_ERROR_SHUTDOWN);
    tw_future_unref(future);

    future = new_future();
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&worker), 0);
    add(future, worker, &given_up); /* a lock worker calls it on the spot */
    worker = tw_worker_unref(worker);
    CU_ASSERT_EQUAL(set(future), 0);
    CHECK_CALLED(&given_up, 1);
    tw_future_unref(future);
}

static void set_another(struct tw_future *future, void *another)
{
    (void)future;
    CU_ASSERT_EQUAL(set((struct tw_future *)another), 0);
}

static void add_another(struct tw_future *future, void *called)
{
    add(future, NULL, (struct called *)called);
    CHECK_CALLED((struct called *)called, 1); /* at once */
}

static void let_go(struct tw_future *future, void *arg)
{
    (void)arg;
    tw_future_unref(future); /* the last one outside */
}

/* A callback may complete other futures, add callbacks, and let go of the future. */
TEST(callbacks_may_do_anything)
{
    struct tw_future *future = new_future(), *another = new_future();
    struct called by_another, added, after;
    add(another, NULL, &by_another);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, set_another, another, NULL), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, add_another, &added, NULL), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, let_go, NULL, NULL), 0);
    add(future, NULL, &after);
    CU_ASSERT_EQUAL(set(future), 0);
    CHECK_CALLED(&by_another, 1);
    CHECK_CALLED(&after, 1);
    tw_future_unref(another);
}

/* A callback sees the context in force where it was added, its destroy too, and leaves none. */
TEST(callback_sees_its_context)
{
    struct tw_future *future = new_future();
    struct tw_worker *worker = NULL;
    struct tw_context *before = NULL;
    struct called here, there, without;
    int value_destroyed = 0;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&key, &value_destroyed, count_destroy, &before), 0);
    add(future, NULL, &here);
    add(future, worker, &there);
    tw_context_leave(before);
    add(future, NULL, &without);
    CU_ASSERT_EQUAL(set(future), 0);
    CU_ASSERT_PTR_EQUAL(here.context, &value_destroyed);
    CU_ASSERT_PTR_NULL(without.context);
    CU_ASSERT_EQUAL(value_destroyed, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_PTR_EQUAL(there.context, &value_destroyed);
    CU_ASSERT_EQUAL(value_destroyed, 1);
    CU_ASSERT_PTR_NULL(tw_context_get(&key));
    tw_worker_unref(worker);
    tw_future_unref(future);
}

static void look_at_failure(struct tw_future *future, void *ret_kind)
{
    *(const struct tw_error **)ret_kind = tw_failure_kind(tw_future_failure(future));
}

/* If the last reference goes before it is set, its callbacks hear that it was abandoned. */
TEST(abandoned)
{
    struct tw_future *future = new_future();
    struct tw_worker *worker = NULL;
    const struct tw_error *here = NULL, *there = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, look_at_failure, &here, NULL), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, worker, look_at_failure, &there, NULL), 0);
    CU_ASSERT_EQUAL(tw_future_begin(future), 0);
    tw_future_unref(future);
    CU_ASSERT_PTR_EQUAL(here, &TW_ERROR_ABANDONED);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_PTR_EQUAL(there, &TW_ERROR_ABANDONED);
    tw_worker_unref(worker);
    tw_future_unref(new_future()); /* nobody to hear of it */
}

/* --- waiting ---------------------------------------------------------------------------------- */

enum { MOST = 20 };

static void make_some(struct tw_future **futures, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        futures[i] = new_future();
}

static void drop_some(struct tw_future **futures, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        tw_future_unref(futures[i]);
}

static void check_waits(int line, struct tw_future **futures, size_t count, int all, int first,
                        int first_failure)
{
    bool is_right = wait_now(futures, count, TW_WAIT_ALL) == all &&
                    wait_now(futures, count, TW_WAIT_FIRST) == first &&
                    wait_now(futures, count, TW_WAIT_FIRST_FAILURE) == first_failure;
    CU_ASSERT(is_right);
    if (!is_right)
        printf("line %d\n", line);
}
#define CHECK_WAITS(...) check_waits(__LINE__, __VA_ARGS__)

/* What each of the three waits is content with, for few futures and for many. */
static void check_three_waits(size_t count)
{
    enum { NOT = -ETIMEDOUT };
    struct tw_future *futures[MOST];
    size_t i;
    make_some(futures, count);
    CHECK_WAITS(futures, count, NOT, NOT, NOT);
    CU_ASSERT_EQUAL(tw_future_begin(futures[0]), 0);
    CHECK_WAITS(futures, count, NOT, NOT, NOT);
    CU_ASSERT_EQUAL(set(futures[count - 1]), 0);
    CHECK_WAITS(futures, count, NOT, 0, NOT);
    CU_ASSERT_EQUAL(fail(futures[0]), 0);
    CHECK_WAITS(futures, count, NOT, 0, 0);
    CHECK_WAITS(futures + 1, count - 1, NOT, 0, NOT);
    CU_ASSERT_EQUAL(tw_future_cancel(futures[1]), 0); /* that counts as a failure */
    CHECK_WAITS(futures + 1, count - 1, NOT, 0, 0);
    for (i = 2; i + 1 < count; i++)
        CU_ASSERT_EQUAL(set(futures[i]), 0);
    CHECK_WAITS(futures, count, 0, 0, 0);
    CHECK_WAITS(futures + 2, count - 2, 0, 0, 0); /* none has failed, all are done */
    CU_ASSERT_PTR_NOT_NULL(tw_future_failure(futures[0]));
    drop_some(futures, count);
}

TEST(wait_for_all_the_first_and_the_first_failure)
{
    check_three_waits(4);
    check_three_waits(8);
    check_three_waits(9);
    check_three_waits(MOST);
}

/* None is needed: then it is content at once; and one future may be named more than once. */
TEST(wait_for_none_and_for_one_twice)
{
    struct tw_future *twice[2];
    CHECK_WAITS(NULL, 0, 0, 0, 0);
    CU_ASSERT_EQUAL(tw_future_wait(NULL, 0, TW_WAIT_FIRST, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_future_await(NULL, 0), 0);
    twice[0] = twice[1] = new_future();
    CHECK_WAITS(twice, 2, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT);
    CU_ASSERT_EQUAL(set(twice[0]), 0);
    CHECK_WAITS(twice, 2, 0, 0, 0);
    CU_ASSERT_EQUAL(tw_future_await(twice, 2), 0);
    tw_future_unref(twice[0]);
}

/* A wait that has had its time leaves nothing behind in the futures. */
TEST(wait_that_has_had_its_time)
{
    struct tw_future *futures[MOST];
    make_some(futures, MOST);
    CU_ASSERT_EQUAL(tw_future_wait(futures, MOST, TW_WAIT_ALL, 1), -ETIMEDOUT);
    CU_ASSERT_EQUAL(tw_future_wait(futures, MOST, TW_WAIT_FIRST, 1), -ETIMEDOUT);
    CU_ASSERT_EQUAL(set(futures[3]), 0);
    drop_some(futures, MOST);
}

/* --- misuse ----------------------------------------------------------------------------------- */

/* What takes something over destroys it on error too. */
TEST(misuse)
{
    struct tw_future *future = new_future(), *none = NULL;
    struct tw_result result = TW_RESULT_INIT;
    struct called called;
    PROVOKE(tw_future_new(NULL));
    PROVOKE(tw_future_begin(NULL));
    PROVOKE(tw_future_cancel(NULL));
    PROVOKE(tw_future_set(future, NULL));
    destroyed = 0;
    tw_result_set(&result, &destroyed, count_destroy);
    PROVOKE(tw_future_set(NULL, &result));
    CU_ASSERT_EQUAL(destroyed, 1);
    PROVOKE(tw_future_wait(NULL, 1, TW_WAIT_ALL, 0));
    PROVOKE(tw_future_wait(&none, 1, TW_WAIT_ALL, 0));
    PROVOKE(tw_future_wait(&future, 1, (enum tw_wait_for)3, 0));
    PROVOKE(tw_future_wait(&future, 1, TW_WAIT_ALL, -1));
    PROVOKE(tw_future_await(&none, 1));
    PROVOKE(tw_future_result(NULL, 0, &result));
    PROVOKE(tw_future_result(future, 0, NULL));
    memset(&called, 0, sizeof called);
    PROVOKE(tw_future_add_done_callback(NULL, NULL, note_call, &called, note_destroy));
    PROVOKE(tw_future_add_done_callback(future, NULL, NULL, &called, note_destroy));
    CU_ASSERT_EQUAL(called.destroyed, 2);
    CU_ASSERT_PTR_NULL(tw_future_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_future_unref(NULL));
    CU_ASSERT_PTR_NULL(tw_future_value(NULL));
    CU_ASSERT_PTR_NULL(tw_future_failure(NULL));
    CU_ASSERT_FALSE(tw_future_is_done(NULL) || tw_future_is_running(NULL) ||
                    tw_future_is_cancelled(NULL));
    CHECK_PENDING(future);
    tw_future_unref(future);
}

static struct tw_future *waited_for;
static int answers[3];

/* The maker of a future sees that somebody has cancelled it in the middle of its work. */
TEST(a_future_that_has_begun_is_asked_to_stop)
{
    struct tw_future *future = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&future), 0);
    CU_ASSERT_EQUAL(tw_future_begin(future), 0);
    CU_ASSERT_FALSE(tw_future_is_asked_to_stop(future));
    CU_ASSERT_EQUAL(tw_future_cancel(future), -EINPROGRESS);
    CU_ASSERT_TRUE(tw_future_is_asked_to_stop(future));
    CU_ASSERT_FALSE(tw_future_is_asked_to_stop(NULL));
    tw_future_unref(future);
}

static void wait_inside(struct note *note)
{
    (void)note;
    answers[0] = tw_future_wait(&waited_for, 1, TW_WAIT_ALL, TW_FOREVER);
    answers[1] = tw_future_await(&waited_for, 1);
    answers[2] = tw_future_wait(&waited_for, 1, TW_WAIT_ALL, 0);
}

/* Inside a lock worker nothing waits; but one may look, and have what is done. */
TEST(inside_a_lock_worker)
{
    struct tw_worker *lock = NULL;
    struct note note;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    waited_for = new_future();
    note_init(&note, wait_inside, NULL);
    EXPECT_REPORTS(1);
    harness_misuse_begin();
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &note.task), 0);
    harness_misuse_end();
    CU_ASSERT_EQUAL(answers[0], -EDEADLK);
    CU_ASSERT_EQUAL(answers[1], -EDEADLK);
    CU_ASSERT_EQUAL(answers[2], -ETIMEDOUT);
    CU_ASSERT_EQUAL(set(waited_for), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &note.task), 0);
    CU_ASSERT_EQUAL(answers[0] | answers[1] | answers[2], 0);
    tw_future_unref(waited_for);
    tw_worker_unref(lock);
}

/* --- short of memory -------------------------------------------------------------------------- */

/* Making one, adding a callback and waiting for many need memory; cancelling, setting and letting
 * go do not. */
SWEEP(short_of_memory)
{
    struct tw_future *futures[MOST];
    struct tw_worker *worker = NULL;
    struct called here, there;
    size_t count = 0, i;
    int rc, added[2] = {-1, -1};
    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    if (tw_memory_worker_new(&worker) < 0)
        return;
    while (count < MOST && tw_future_new(&futures[count]) == 0)
        count++;
    if (count) {
        added[0] = tw_future_add_done_callback(futures[0], NULL, note_call, &here, note_destroy);
        added[1] = tw_future_add_done_callback(futures[0], worker, note_call, &there, note_destroy);
        rc = wait_now(futures, count, TW_WAIT_ALL);
        CU_ASSERT_TRUE(rc == -ETIMEDOUT || (rc == -ENOMEM && count > 8));
        CU_ASSERT_EQUAL(tw_future_cancel(futures[0]), 0);
    }
    for (i = 1; i < count; i++)
        CU_ASSERT_EQUAL(set(futures[i]), 0);
    drop_some(futures, count);
    while (tw_memory_worker_perform(worker) > 0)
        continue;
    tw_worker_unref(worker);
    if (count) {
        CU_ASSERT_TRUE(added[0] == 0 || added[0] == -ENOMEM);
        CU_ASSERT_TRUE(added[1] == 0 || added[1] == -ENOMEM);
        CHECK_CALLED(&here, added[0] == 0);
        CHECK_CALLED(&there, added[1] == 0);
    }
}
