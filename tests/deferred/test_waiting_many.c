/*
 * A million who wait: in constant stack, on a thread with a small one, and each cancel in constant
 * time.
 */
#include "../harness.h"
#include <limits.h>
#include <pthread.h>

SUITE("waiting, many")

/* Under a sanitizer fewer, to save time. */
#define MANY ((size_t)(HARNESS_SANITIZED ? 100000 : 1000000))
#define STACK_SIZE ((size_t)128 * 1024)

static struct tw_deferred **deferreds;
static size_t seen, failed;
static struct tw_deferred_lock *lock;
static struct tw_deferred_queue *queue;
static struct tw_deferred_event *event;

static void on_small_stack(void *(*scenario)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    seen = failed = 0;
    deferreds = (struct tw_deferred **)calloc(MANY, sizeof *deferreds);
    CU_ASSERT_PTR_NOT_NULL_FATAL(deferreds);
    pthread_attr_init(&attributes);
    CU_ASSERT_EQUAL_FATAL(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, &attributes, scenario, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    free(deferreds);
}

static void drop_all(void)
{
    size_t i;
    for (i = 0; i < MANY; i++)
        deferreds[i] = tw_deferred_unref(deferreds[i]);
}

static void count(struct tw_result *result, void *arg)
{
    (void)arg;
    seen++;
    failed += tw_result_is_failure(result);
    tw_result_set(result, NULL, NULL);
}

static void count_and_release(struct tw_result *result, void *arg)
{
    count(result, arg);
    tw_deferred_lock_release(lock);
}

static void count_and_put(struct tw_result *result, void *arg)
{
    count(result, arg);
    if (seen < MANY)
        tw_deferred_queue_put(queue, NULL, NULL);
}

static void wait_for_the_lock(tw_call_fn fn)
{
    struct tw_deferred *first = NULL;
    size_t i;
    int rc = tw_deferred_lock_new(&lock);
    rc |= tw_deferred_lock_acquire(lock, &first);
    for (i = 0; i < MANY; i++) {
        rc |= tw_deferred_lock_acquire(lock, &deferreds[i]);
        rc |= tw_deferred_add_both(deferreds[i], fn, NULL, NULL);
    }
    CU_ASSERT_EQUAL(rc, 0);
    tw_deferred_unref(first);
}

static void *release_on(void *arg)
{
    wait_for_the_lock(count_and_release);
    CU_ASSERT_EQUAL(tw_deferred_lock_release(lock), 0);
    CU_ASSERT_EQUAL(seen, MANY);
    CU_ASSERT_FALSE(tw_deferred_lock_is_locked(lock));
    drop_all();
    tw_deferred_lock_unref(lock);
    return arg;
}

/* LCK-015: a million who each release the lock inside their call. */
TEST(LCK_015_a_million_hand_the_lock_on)
{
    on_small_stack(release_on);
}

static void *run_on(void *arg)
{
    struct tw_deferred *first = NULL;
    size_t i;
    int rc = tw_deferred_lock_new(&lock);
    rc |= tw_deferred_lock_acquire(lock, &first);
    for (i = 0; i < MANY; i++) {
        rc |= tw_deferred_lock_run(lock, count, NULL, NULL, &deferreds[i]);
        rc |= tw_deferred_add_both(deferreds[i], count, NULL, NULL);
    }
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_EQUAL(tw_deferred_lock_release(lock), 0);
    CU_ASSERT_EQUAL(seen, 2 * MANY);
    drop_all();
    tw_deferred_unref(first);
    tw_deferred_lock_unref(lock);
    return arg;
}

/* LCK-010: a million runs that follow on each other. */
TEST(LCK_010_a_million_runs_in_a_row)
{
    on_small_stack(run_on);
}

/* From the middle outwards: a cancel that searched the line would take for ever. */
static void *cancel_all(void *arg)
{
    size_t i;
    wait_for_the_lock(count);
    for (i = 0; i < MANY / 2; i++) {
        tw_deferred_cancel(deferreds[MANY / 2 + i]);
        tw_deferred_cancel(deferreds[MANY / 2 - 1 - i]);
    }
    CU_ASSERT_EQUAL(failed, MANY);
    CU_ASSERT_EQUAL(tw_deferred_lock_waiting(lock), 0);
    CU_ASSERT_EQUAL(tw_deferred_lock_release(lock), 0);
    drop_all();
    tw_deferred_lock_unref(lock);
    return arg;
}

/* LCK-007: a million cancels, each in constant time. */
TEST(LCK_007_a_million_cancels)
{
    on_small_stack(cancel_all);
}

static void *abandon_all(void *arg)
{
    wait_for_the_lock(count);
    tw_deferred_lock_unref(lock);
    CU_ASSERT_EQUAL(failed, MANY);
    drop_all();
    return arg;
}

/* A lock that goes while a million wait for it. */
TEST(a_million_are_abandoned)
{
    on_small_stack(abandon_all);
}

static void *put_on(void *arg)
{
    size_t i;
    int rc = tw_deferred_queue_new(0, TW_QUEUE_UNLIMITED, &queue);
    for (i = 0; i < MANY; i++) {
        rc |= tw_deferred_queue_get(queue, &deferreds[i]);
        rc |= tw_deferred_add_both(deferreds[i], count_and_put, NULL, NULL);
    }
    rc |= tw_deferred_queue_put(queue, NULL, NULL);
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_EQUAL(seen, MANY);
    CU_ASSERT_EQUAL(tw_deferred_queue_waiting(queue), 0);
    drop_all();
    tw_deferred_queue_unref(queue);
    return arg;
}

/* QUE-013: a million, each of whom puts in what the next one waits for. */
TEST(QUE_013_a_million_puts_in_a_row)
{
    on_small_stack(put_on);
}

static void *set_for_all(void *arg)
{
    size_t i;
    int rc = tw_deferred_event_new(&event);
    for (i = 0; i < MANY; i++) {
        rc |= tw_deferred_event_wait(event, &deferreds[i]);
        rc |= tw_deferred_add_both(deferreds[i], count, NULL, NULL);
    }
    rc |= tw_deferred_event_set(event);
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_EQUAL(seen, MANY);
    CU_ASSERT_EQUAL(failed, 0);
    drop_all();
    tw_deferred_event_unref(event);
    return arg;
}

/* An event for a million. */
TEST(an_event_for_a_million)
{
    on_small_stack(set_for_all);
}
