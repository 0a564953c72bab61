/*
 * The ThreadPool shim with threads made by hand (TPL-020): memory workers that perform when told,
 * under a lock worker, so that each operation has taken effect when it returns.
 * stress/test_threadpool.c has it with real threads.
 */
#include "../harness.h"

SUITE("threadpool")

#define MOST 8

static struct stage {
    struct tw_worker *coordinator;
    struct tw_threadpool *pool;
    struct tw_worker *made[MOST];
    char names[MOST][64];
    size_t count;
    int ran, destroyed, arg_destroyed, delivered, failed_with;
    const char *seen;
    char order[MOST];
} stage;

static int make_thread(void *arg, const char *name, struct tw_worker **ret_worker)
{
    struct stage *own = (struct stage *)arg;
    int rc = own->count < MOST ? tw_memory_worker_new(ret_worker) : TW_CREATED_NONE;
    if (rc < 0 || own->count == MOST)
        return rc;
    snprintf(own->names[own->count], sizeof own->names[0], "%s", name);
    own->made[own->count++] = tw_worker_ref(*ret_worker);
    return TW_CREATED_READY;
}

static void count_arg_destroyed(void *arg)
{
    ((struct stage *)arg)->arg_destroyed++;
}

static int open_stage(size_t min, size_t max)
{
    struct tw_threadpool_options options = {.size = sizeof options,
                                            .name = "hand",
                                            .make_thread = make_thread,
                                            .arg = &stage,
                                            .destroy = count_arg_destroyed};
    int rc;
    memset(&stage, 0, sizeof stage);
    rc = tw_lock_worker_new(&stage.coordinator);
    if (rc < 0)
        return rc;
    options.coordinator = stage.coordinator;
    rc = tw_threadpool_new_with_options(min, max, &options, &stage.pool);
    if (rc < 0) {
        CU_ASSERT_EQUAL(stage.arg_destroyed, 1);
        tw_worker_unref(stage.coordinator);
    }
    return rc;
}

static void start(size_t min, size_t max)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(min, max), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), 0);
}

/* Everything, until nothing is left to do. */
static void perform_all(void)
{
    bool did_something = true;
    while (did_something) {
        size_t i;
        did_something = false;
        for (i = 0; i < stage.count; i++)
            did_something |= tw_memory_worker_perform(stage.made[i]) == 1;
    }
}

static void close_stage(void)
{
    size_t i;
    if (!tw_threadpool_joined(stage.pool))
        CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    perform_all();
    CU_ASSERT_EQUAL(tw_threadpool_workers(stage.pool), 0);
    CU_ASSERT_PTR_NULL(tw_threadpool_unref(stage.pool));
    CU_ASSERT_EQUAL(stage.arg_destroyed, 1);
    for (i = 0; i < stage.count; i++)
        tw_worker_unref(stage.made[i]);
    tw_worker_unref(stage.coordinator);
}

#define CHECK_POOL(workers_, working_, queued)                           \
    do {                                                                 \
        CU_ASSERT_EQUAL(tw_threadpool_workers(stage.pool), (workers_));  \
        CU_ASSERT_EQUAL(tw_threadpool_working(stage.pool), (working_));  \
        CU_ASSERT_EQUAL(tw_threadpool_waiters(stage.pool),               \
                        (size_t)(workers_) - (size_t)(working_));        \
        CU_ASSERT_EQUAL(tw_threadpool_queue_size(stage.pool), (queued)); \
    } while (0)

static void note(struct tw_result *result, void *letter)
{
    (void)result;
    if (letter && stage.ran < MOST)
        stage.order[stage.ran] = *(const char *)letter;
    stage.ran++;
}

static void count_destroyed(void *arg)
{
    (void)arg;
    stage.destroyed++;
}

static int call(void)
{
    return tw_threadpool_call_in_thread(stage.pool, note, NULL, count_destroyed);
}

static void call_times(int n)
{
    while (n-- > 0)
        CU_ASSERT_EQUAL(call(), 0);
}

static void fail(struct tw_result *result, void *arg)
{
    note(result, arg);
    tw_result_failf(result, &TW_ERROR_SYSTEM, 5, "as it must");
}

static void take(struct tw_result *result, void *arg)
{
    (void)arg;
    stage.delivered++;
    stage.failed_with = tw_failure_code(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

/* --- life ------------------------------------------------------------------------------------- */

/* TPL-001: a new pool has its numbers and its name, and else nothing. */
TEST(TPL_001_a_new_pool_has_nothing_yet)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(5, 20), 0);
    CU_ASSERT_FALSE(tw_threadpool_started(stage.pool));
    CU_ASSERT_FALSE(tw_threadpool_joined(stage.pool));
    CU_ASSERT_STRING_EQUAL(tw_threadpool_name(stage.pool), "hand");
    CU_ASSERT_EQUAL(tw_threadpool_threads(stage.pool, NULL, NULL), 0);
    CHECK_POOL(0, 0, 0);
    close_stage();
}

/* TPL-002: a min above max is refused, and so are options that make no sense; what was handed over
 * is destroyed. */
TEST(TPL_002_min_above_max_is_refused)
{
    struct tw_threadpool_options options = {
        .size = sizeof options, .arg = &stage, .destroy = count_arg_destroyed};
    struct tw_threadpool *pool = NULL;
    memset(&stage, 0, sizeof stage);
    PROVOKE(tw_threadpool_new_with_options(3, 2, &options, &pool));
    CU_ASSERT_EQUAL(stage.arg_destroyed, 1);
    PROVOKE(tw_threadpool_new_with_options(1, 2, &options, NULL));
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&options.coordinator), 0);
    PROVOKE(tw_threadpool_new_with_options(1, 2, &options, &pool));
    CU_ASSERT_EQUAL(stage.arg_destroyed, 3);
    tw_worker_unref(options.coordinator);
    options.size--;
    PROVOKE(tw_threadpool_new_with_options(1, 2, &options, &pool));
    CU_ASSERT_EQUAL(stage.arg_destroyed, 3);
    PROVOKE(tw_threadpool_new(3, 2, NULL, &pool));
    CU_ASSERT_PTR_NULL(pool);
}

/* TPL-003: a pool of none is allowed, and runs nothing. */
TEST(TPL_003_none_is_allowed)
{
    start(0, 0);
    call_times(2);
    CHECK_POOL(0, 0, 2);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    CU_ASSERT_EQUAL(stage.ran, 0);
    CU_ASSERT_EQUAL(stage.destroyed, 2);
    close_stage();
}

/* TPL-004: both numbers can be read. */
TEST(TPL_004_min_and_max_can_be_read)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(2, 3), 0);
    CU_ASSERT_EQUAL(tw_threadpool_min(stage.pool), 2);
    CU_ASSERT_EQUAL(tw_threadpool_max(stage.pool), 3);
    close_stage();
}

/* TPL-005, TPL-010: before start no thread may be made, not for work, nor when asked for one. */
TEST(TPL_010_before_start_there_may_be_no_thread)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(3, 5), 0);
    call_times(2);
    CU_ASSERT_EQUAL(tw_threadpool_start_a_worker(stage.pool), 0);
    CHECK_POOL(0, 0, 2);
    CU_ASSERT_EQUAL(stage.count, 0);
    close_stage();
    CU_ASSERT_EQUAL(stage.destroyed, 2);
}

/* TPL-006: start makes min threads. */
TEST(TPL_006_start_makes_min)
{
    start(3, 5);
    CHECK_POOL(3, 0, 0);
    CU_ASSERT_TRUE(tw_threadpool_started(stage.pool));
    close_stage();
}

/* TPL-007: start makes as many as the work wants that has come before, within max. */
TEST(TPL_007_start_makes_what_the_backlog_wants)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(1, 5), 0);
    call_times(3);
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), 0);
    CHECK_POOL(3, 3, 0);
    close_stage();
    CU_ASSERT_EQUAL_FATAL(open_stage(1, 2), 0);
    call_times(3);
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), 0);
    CHECK_POOL(2, 2, 1);
    close_stage();
    CU_ASSERT_EQUAL(stage.ran, 3);
}

/* TPL-009: a second start adds nothing. */
TEST(TPL_009_a_second_start_adds_nothing)
{
    start(2, 5);
    CU_ASSERT_EQUAL(tw_threadpool_stop_a_worker(stage.pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), 0);
    CHECK_POOL(1, 0, 0);
    close_stage();
}

/* TPL-011: stop marks the pool joined and not started, and every thread is quit. */
TEST(TPL_011_stop_ends_every_thread)
{
    start(3, 5);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    CU_ASSERT_TRUE(tw_threadpool_joined(stage.pool));
    CU_ASSERT_FALSE(tw_threadpool_started(stage.pool));
    CHECK_POOL(0, 0, 0);
    close_stage();
}

/* TPL-012: what is queued when stop begins is worked off by the threads there are. */
TEST(TPL_012_stop_lets_queued_work_finish)
{
    start(0, 2);
    call_times(5);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    CHECK_POOL(2, 2, 3);
    perform_all();
    CU_ASSERT_EQUAL(stage.count, 2);
    CU_ASSERT_EQUAL(stage.ran, 5);
    close_stage();
}

/* TPL-014: a second stop is refused. */
TEST(TPL_014_a_second_stop_is_refused)
{
    start(1, 1);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), -ESHUTDOWN);
    close_stage();
}

/* TPL-015: a stopped pool cannot be started again, not even one with a min of 0, nor be changed. */
TEST(TPL_015_a_stopped_pool_stays_stopped)
{
    start(0, 2);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(stage.pool, 1, 2), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_threadpool_start_a_worker(stage.pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_threadpool_stop_a_worker(stage.pool), -ESHUTDOWN);
    CHECK_POOL(0, 0, 0);
    close_stage();
}

static void number_name(void *arg, size_t number, char *buffer, size_t size)
{
    ((struct stage *)arg)->seen = "named";
    snprintf(buffer, size, "worker %zu of mine", number);
}

/* TPL-019, TPL-020: threads are named after the pool and how many there are, or by a function; and
 * they are what a function makes. */
TEST(TPL_020_threads_and_names_by_functions)
{
    struct tw_threadpool_options options = {.size = sizeof options,
                                            .make_name = number_name,
                                            .make_thread = make_thread,
                                            .arg = &stage};
    start(2, 3);
    call_times(3);
    CU_ASSERT_EQUAL(stage.count, 3);
    CU_ASSERT_STRING_EQUAL(stage.names[0], "PoolThread-hand-0");
    CU_ASSERT_STRING_EQUAL(stage.names[2], "PoolThread-hand-2");
    CU_ASSERT_PTR_NULL(tw_threadpool_pool(stage.pool));
    CU_ASSERT_PTR_NULL(tw_threadpool_thread_name(stage.pool));
    close_stage();
    memset(&stage, 0, sizeof stage);
    CU_ASSERT_EQUAL_FATAL(tw_threadpool_new_with_options(1, 1, &options, &stage.pool), 0);
    CU_ASSERT_PTR_NULL(tw_threadpool_name(stage.pool));
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), 0);
    CU_ASSERT_STRING_EQUAL(stage.names[0], "worker 0 of mine");
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0); /* it idles, so there is no wait */
    tw_threadpool_unref(stage.pool);
    tw_worker_unref(stage.made[0]);
}

/* --- submitting work -------------------------------------------------------------------------- */

/* TPL-030: call_in_thread runs the function, destroys its argument, and delivers to nobody. */
TEST(TPL_030_call_in_thread_is_the_one_without_a_callback)
{
    start(0, 1);
    call_times(1);
    CU_ASSERT_EQUAL(stage.ran, 0);
    perform_all();
    CU_ASSERT_EQUAL(stage.ran, 1);
    CU_ASSERT_EQUAL(stage.destroyed, 1);
    PROVOKE(tw_threadpool_call_in_thread(stage.pool, NULL, NULL, count_destroyed));
    PROVOKE(tw_threadpool_call_in_thread(NULL, note, NULL, count_destroyed));
    CU_ASSERT_EQUAL(stage.destroyed, 3);
    close_stage();
}

static void call_again(struct tw_result *result, void *arg)
{
    note(result, arg);
    CU_ASSERT_EQUAL(call(), -ESHUTDOWN);
}

/* TPL-031: once stop has begun a call does nothing and reports nothing, from the pool's own threads
 * too; its argument is destroyed. */
TEST(TPL_031_calls_after_stop_are_ignored)
{
    start(0, 1);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(stage.pool, call_again, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_stop(stage.pool), 0);
    CU_ASSERT_EQUAL(call(), -ESHUTDOWN);
    CU_ASSERT_EQUAL(stage.destroyed, 1);
    perform_all();
    CU_ASSERT_EQUAL(stage.ran, 1);
    CU_ASSERT_EQUAL(stage.destroyed, 2);
    close_stage();
}

/* TPL-033: with one thread, functions run in the order of the calls. */
TEST(TPL_033_one_thread_keeps_the_order)
{
    static char letters[] = "abcde";
    int i;
    start(0, 1);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(stage.pool, note, &letters[i], NULL), 0);
    perform_all();
    CU_ASSERT_NSTRING_EQUAL(stage.order, "abcde", 5);
    close_stage();
}

/* TPL-035: a thread is made only if none is idle. */
TEST(TPL_035_a_thread_is_made_only_if_none_idles)
{
    start(1, 3);
    call_times(1);
    CU_ASSERT_EQUAL(stage.count, 1);
    perform_all();
    call_times(1);
    CU_ASSERT_EQUAL(stage.count, 1);
    call_times(1);
    CU_ASSERT_EQUAL(stage.count, 2);
    close_stage();
}

static void leave_text(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, count_destroyed);
}

static void look(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(tw_result_is_ok(result));
    stage.seen = (const char *)tw_result_value(result);
    CU_ASSERT_EQUAL(tw_threadpool_working(stage.pool), 1);
    CU_ASSERT_EQUAL(stage.destroyed, 0);
}

/* TPL-036, TPL-041: the callback gets the result inside the same piece of work, and what it leaves
 * of that is destroyed when it has returned: an idle thread keeps nothing. */
TEST(TPL_036_the_callback_gets_the_result)
{
    static char text[] = "result";
    start(0, 1);
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(stage.pool, look, NULL, leave_text, text, NULL),
        0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(stage.made[0]), 1);
    CU_ASSERT_PTR_EQUAL(stage.seen, text);
    CHECK_POOL(1, 0, 0);
    CU_ASSERT_EQUAL(stage.destroyed, 1);
    close_stage();
}

/* TPL-037, TPL-041: and the failure of one that fails. */
TEST(TPL_037_the_callback_gets_the_failure)
{
    start(0, 1);
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(stage.pool, take, NULL, fail, NULL, NULL), 0);
    perform_all();
    CU_ASSERT_EQUAL(stage.delivered, 1);
    CU_ASSERT_EQUAL(stage.failed_with, 5);
    close_stage();
}

/* TPL-038: without a callback a failure is reported, and the thread goes on. */
TEST(TPL_038_a_failure_without_a_callback_is_reported)
{
    start(0, 1);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(stage.pool, fail, NULL, NULL), 0);
    perform_all();
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, 5);
    CHECK_POOL(1, 0, 0);
    EXPECT_REPORTS(1);
    close_stage();
}

/* TPL-039: a failure that the callback leaves is reported, and the thread goes on. */
TEST(TPL_039_a_failure_in_the_callback_is_reported)
{
    start(0, 1);
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(stage.pool, fail, NULL, note, NULL, NULL), 0);
    perform_all();
    CU_ASSERT_EQUAL(harness_reports(), 1);
    EXPECT_REPORTS(1);
    call_times(1);
    perform_all();
    CU_ASSERT_EQUAL(stage.ran, 3);
    close_stage();
}

static void expect_destroyed(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(stage.destroyed, 1);
    take(result, NULL);
}

/* TPL-040: the argument is destroyed before the callback is called. */
TEST(TPL_040_the_argument_goes_before_the_callback)
{
    start(0, 1);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread_with_callback(stage.pool, expect_destroyed, NULL,
                                                               note, NULL, count_destroyed),
                    0);
    perform_all();
    CU_ASSERT_EQUAL(stage.delivered, 1);
    close_stage();
}

static void keep(struct tw_result *result, void *kept)
{
    tw_result_move(result, (struct tw_result *)kept);
}

/* TPL-041: what the callback takes out of the result is its own, and nobody else destroys it. */
TEST(TPL_041_the_callback_may_keep_the_result)
{
    static char text[] = "result";
    struct tw_result kept = TW_RESULT_INIT;
    start(0, 1);
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(stage.pool, keep, &kept, leave_text, text, NULL),
        0);
    perform_all();
    CU_ASSERT_EQUAL(stage.destroyed, 0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&kept), text);
    tw_result_done(&kept);
    CU_ASSERT_EQUAL(stage.destroyed, 1);
    close_stage();
}

static struct tw_context_key who = TW_CONTEXT_KEY("who");

static void see(struct tw_result *result, void *arg)
{
    (void)arg;
    (void)result;
    stage.seen = (const char *)tw_context_get(&who);
}

static void see_too(struct tw_result *result, void *arg)
{
    CU_ASSERT_PTR_EQUAL(stage.seen, tw_context_get(&who));
    take(result, arg);
}

/* TPL-042, TPL-043: function and callback see the context of who has called, not that of the thread
 * that runs them. */
TEST(TPL_042_the_context_is_carried)
{
    static char caller[] = "caller", runner[] = "runner";
    struct tw_context *before = NULL;
    start(0, 1);
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&who, caller, NULL, &before), 0);
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(stage.pool, see_too, NULL, see, NULL, NULL), 0);
    tw_context_leave(before);
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&who, runner, NULL, &before), 0);
    perform_all();
    CU_ASSERT_PTR_EQUAL(stage.seen, caller);
    CU_ASSERT_EQUAL(stage.delivered, 1);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&who), runner);
    tw_context_leave(before);
    close_stage();
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* TPL-050: a pair that is wrong changes nothing. */
TEST(TPL_050_a_wrong_pair_changes_nothing)
{
    start(1, 3);
    PROVOKE(tw_threadpool_adjust_pool_size(stage.pool, 4, 3));
    CU_ASSERT_EQUAL(tw_threadpool_min(stage.pool), 1);
    CU_ASSERT_EQUAL(tw_threadpool_max(stage.pool), 3);
    CHECK_POOL(1, 0, 0);
    close_stage();
}

/* TPL-051: before start only the numbers change. */
TEST(TPL_051_before_start_only_the_numbers_change)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(0, 1), 0);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(stage.pool, 2, 4), 0);
    CU_ASSERT_EQUAL(tw_threadpool_min(stage.pool), 2);
    CHECK_POOL(0, 0, 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(stage.pool), 0);
    CHECK_POOL(2, 0, 0);
    close_stage();
}

/* TPL-052: while started, threads above max go, idle ones now, busy ones when they are free, and
 * some are made if there are fewer than min. */
TEST(TPL_052_adjusting_makes_and_lets_go)
{
    start(0, 4);
    call_times(3);
    CU_ASSERT_EQUAL(tw_threadpool_start_a_worker(stage.pool), 0);
    CHECK_POOL(4, 3, 0);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(stage.pool, 0, 2), 0);
    CHECK_POOL(3, 3, 0);
    perform_all();
    CHECK_POOL(2, 0, 0);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(stage.pool, 3, 5), 0);
    CHECK_POOL(3, 0, 0);
    close_stage();
}

/* TPL-053: a max that rises gives what waits its threads, in order. */
TEST(TPL_053_a_higher_max_serves_the_backlog)
{
    start(0, 1);
    call_times(3);
    CHECK_POOL(1, 1, 2);
    CU_ASSERT_EQUAL(tw_threadpool_adjust_pool_size(stage.pool, 0, 2), 0);
    CHECK_POOL(2, 2, 1);
    close_stage();
}

/* TPL-054: one thread more, within max. */
TEST(TPL_054_start_a_worker)
{
    start(1, 2);
    CU_ASSERT_EQUAL(tw_threadpool_start_a_worker(stage.pool), 0);
    CHECK_POOL(2, 0, 0);
    CU_ASSERT_EQUAL(tw_threadpool_start_a_worker(stage.pool), 0);
    CHECK_POOL(2, 0, 0);
    PROVOKE(tw_threadpool_start_a_worker(NULL));
    close_stage();
}

/* TPL-055: one thread less, now, or when one is free. */
TEST(TPL_055_stop_a_worker)
{
    start(2, 2);
    CU_ASSERT_EQUAL(tw_threadpool_stop_a_worker(stage.pool), 0);
    CHECK_POOL(1, 0, 0);
    call_times(1);
    CU_ASSERT_EQUAL(tw_threadpool_stop_a_worker(stage.pool), 0);
    CHECK_POOL(1, 1, 0);
    perform_all();
    CHECK_POOL(0, 0, 0);
    PROVOKE(tw_threadpool_stop_a_worker(NULL));
    close_stage();
}

/* TPL-056, TPL-057, TPL-058: how many there are, run and are free, and what waits, as it goes from
 * no thread over a busy one to an idle one. */
TEST(TPL_056_the_numbers)
{
    start(0, 1);
    CHECK_POOL(0, 0, 0);
    call_times(2);
    CHECK_POOL(1, 1, 1);
    perform_all();
    CHECK_POOL(1, 0, 0);
    close_stage();
}

/* TPL-057: the length of the queue can be read, before start too. */
TEST(TPL_057_the_queue_has_a_length)
{
    CU_ASSERT_EQUAL_FATAL(open_stage(0, 1), 0);
    CU_ASSERT_EQUAL(tw_threadpool_queue_size(stage.pool), 0);
    call_times(2);
    CU_ASSERT_EQUAL(tw_threadpool_queue_size(stage.pool), 2);
    close_stage();
}

static void look_at_itself(struct tw_result *result, void *arg)
{
    note(result, arg);
    CHECK_POOL(1, 1, 0);
}

/* TPL-058: a thread is busy while the function runs, and idle after it. */
TEST(TPL_058_busy_while_the_function_runs)
{
    start(0, 1);
    CU_ASSERT_EQUAL(tw_threadpool_call_in_thread(stage.pool, look_at_itself, NULL, NULL), 0);
    perform_all();
    CU_ASSERT_EQUAL(stage.ran, 1);
    CHECK_POOL(1, 0, 0);
    close_stage();
}

/* TPL-059: three lines are reported. */
TEST(TPL_059_dump_stats_reports_three_lines)
{
    start(0, 4);
    call_times(3);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(stage.made[0]), 1);
    tw_threadpool_dump_stats(stage.pool);
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 3);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_STRING_EQUAL(harness_report(0)->text, "waiters: 1");
    CU_ASSERT_STRING_EQUAL(harness_report(1)->text, "workers: 2");
    CU_ASSERT_STRING_EQUAL(harness_report(2)->text, "total: 3");
    EXPECT_REPORTS(3);
    close_stage();
}

/* What is asked of no pool is answered with nothing. */
TEST(no_pool_has_nothing)
{
    CU_ASSERT_EQUAL(tw_threadpool_workers(NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_queue_size(NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_threads(NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_threadpool_max(NULL), 0);
    CU_ASSERT_PTR_NULL(tw_threadpool_name(NULL));
    CU_ASSERT_PTR_NULL(tw_threadpool_worker(NULL));
    CU_ASSERT_PTR_NULL(tw_threadpool_pool(NULL));
    CU_ASSERT_PTR_NULL(tw_threadpool_unref(NULL));
    PROVOKE(tw_threadpool_start(NULL));
    PROVOKE(tw_threadpool_stop(NULL));
}

/* Whatever allocation fails: every argument is destroyed once, the options' too, and what was
 * accepted is performed. */
SWEEP(nothing_is_lost_without_memory)
{
    int accepted = 0, i;
    if (open_stage(1, 2) < 0)
        return;
    for (i = 0; i < 3; i++)
        accepted += tw_threadpool_call_in_thread_with_callback(stage.pool, take, NULL, note, NULL,
                                                               count_destroyed) == 0;
    tw_threadpool_start(stage.pool);
    perform_all();
    close_stage();
    CU_ASSERT_EQUAL(stage.destroyed, 3);
    CU_ASSERT_EQUAL(stage.delivered, accepted);
    EXPECT_REPORTS(harness_reports()); /* a worker that could not be made is reported */
}
