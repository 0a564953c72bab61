/*
 * The thread cache when the system makes no thread, or refuses one: so without any.
 */
#include "by_hand.h"
#include <twine/threads/thread_cache_internal.h>

SUITE("thread cache, without threads")

static int refused;

static int refuse(void)
{
    refused++;
    return EAGAIN;
}

static void refuse_all(void)
{
    refused = 0;
    tw__thread_create_hook = refuse;
}

static void never(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    CU_FAIL("work without a thread");
}

static void check_no_threads(void)
{
    size_t threads = 99, idle = 99;
    tw_thread_cache_statistics(&threads, &idle);
    CU_ASSERT_EQUAL(threads, 0);
    CU_ASSERT_EQUAL(idle, 0);
}

/* A start for which there is no thread is -EAGAIN; the argument is consumed, and nothing is left of
 * the thread, whatever its stack size. Short of memory, it is -ENOMEM. */
SWEEP(a_start_without_a_thread_is_refused)
{
    struct tw_start_thread_options options = {sizeof options, "label", 0};
    int i, rc, count = 0;
    refuse_all();
    for (i = 0; i < 3; i++) {
        options.stack_size = (size_t)i * 256 * 1024;
        rc = tw_start_thread_soon(never, &count, count_destroy, never, NULL, &options);
        CU_ASSERT_TRUE(rc == -EAGAIN || (rc == -ENOMEM && harness_failed_one()));
        CU_ASSERT_EQUAL(count, i + 1);
        check_no_threads();
    }
    CU_ASSERT_TRUE(refused == 3 || harness_failed_one());
    tw__thread_create_hook = NULL;
}

/* A stack size the system refuses is -EINVAL, before it is asked for a thread. */
TEST(a_stack_size_is_refused)
{
    struct tw_start_thread_options options = {sizeof options, NULL, 1};
    int count = 0;
    refuse_all();
    CU_ASSERT_EQUAL(tw_start_thread_soon(never, &count, count_destroy, never, NULL, &options),
                    -EINVAL);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(refused, 0);
    check_no_threads();
    tw__thread_create_hook = NULL;
}

/* A thread worker without a thread is not made. */
TEST(a_thread_worker_is_not_made)
{
    struct tw_worker *worker = NULL;
    refuse_all();
    CU_ASSERT_EQUAL(tw_thread_worker_new(NULL, &worker), -EAGAIN);
    CU_ASSERT_PTR_NULL(worker);
    check_no_threads();
    tw__thread_create_hook = NULL;
}

/* What a pool has accepted and no thread will do is given up with -EAGAIN, once each, in order; the
 * books count each thread that could not be made; and with the next task it tries again. */
TEST(a_pool_gives_up_with_EAGAIN)
{
    struct tw_statistics books = {.size = sizeof books};
    struct tw_pool *pool = NULL;
    struct note notes[5];
    int i;
    refuse_all();
    notes_init(notes, 5);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(3, NULL, &pool), 0);
    for (i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[i].task), 0);
        CHECK_NOTE(&notes[i], -EAGAIN);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &books), 0);
    CU_ASSERT_EQUAL(books.failed_creations, 5);
    CU_ASSERT_EQUAL(refused, 5);
    CU_ASSERT_EQUAL(books.idle + books.busy + books.coming + books.backlog, 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
    check_no_threads();
    tw__thread_create_hook = NULL;
}
