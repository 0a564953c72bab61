/*
 * As completed, over futures set by hand.
 */
#include "../harness.h"

SUITE("as_completed")

enum { MOST = 5 };

static struct tw_future *futures[MOST];
static int destroyed[MOST];

static int make_all(void)
{
    int i, rc = 0;
    memset(destroyed, 0, sizeof destroyed);
    memset(futures, 0, sizeof futures);
    for (i = 0; i < MOST && rc >= 0; i++)
        rc = tw_future_new(&futures[i]);
    return rc;
}

static void drop_all(void)
{
    int i;
    for (i = 0; i < MOST; i++)
        futures[i] = tw_future_unref(futures[i]);
}

static void set(int i)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_set(&result, &destroyed[i], count_destroy);
    CU_ASSERT_EQUAL(tw_future_set(futures[i], &result), 0);
}

/* The next one there is, or NULL. */
static struct tw_future *next(struct tw_as_completed *each, int expected)
{
    struct tw_future *future = expected == 0 ? futures[0] : NULL;
    CU_ASSERT_EQUAL(tw_as_completed_next(each, 0, &future), expected);
    CU_ASSERT_EQUAL(future != NULL, expected == 1);
    return future;
}

static void check_next(struct tw_as_completed *each, int i)
{
    struct tw_future *future = next(each, 1);
    CU_ASSERT_PTR_EQUAL(future, futures[i]);
    tw_future_unref(future);
}

/* What is done already comes first, as it stands in the array; then each as it is done, in whatever
 * way. */
TEST(in_the_order_in_which_they_are_done)
{
    struct tw_as_completed *each = NULL;
    CU_ASSERT_EQUAL_FATAL(make_all(), 0);
    set(3);
    set(1);
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(futures, MOST, &each), 0);
    check_next(each, 1);
    check_next(each, 3);
    next(each, -ETIMEDOUT);
    set(4);
    CU_ASSERT_EQUAL(tw_future_cancel(futures[0]), 0);
    check_next(each, 4);
    check_next(each, 0);
    next(each, -ETIMEDOUT);
    next(each, -ETIMEDOUT);
    set(2);
    check_next(each, 2);
    next(each, 0);
    next(each, 0);
    CU_ASSERT_PTR_NULL(tw_as_completed_free(each));
    drop_all();
}

/* Nothing holds on to what was yielded: its value goes with it. */
TEST(lets_go_of_what_it_has_yielded)
{
    struct tw_as_completed *each = NULL;
    struct tw_future *future;
    CU_ASSERT_EQUAL_FATAL(make_all(), 0);
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(futures, MOST, &each), 0);
    set(2);
    futures[2] = tw_future_unref(futures[2]);
    CU_ASSERT_EQUAL(destroyed[2], 0);
    future = next(each, 1);
    CU_ASSERT_EQUAL(destroyed[2], 0);
    tw_future_unref(future);
    CU_ASSERT_EQUAL(destroyed[2], 1);
    set(0);
    tw_as_completed_free(each); /* one is queued, the others are not done */
    CU_ASSERT_EQUAL(destroyed[0], 0);
    drop_all();
    CU_ASSERT_EQUAL(destroyed[0], 1);
}

/* It can be freed at any time, and what is done afterwards does not look for it. */
TEST(freed_before_they_are_done)
{
    struct tw_as_completed *each = NULL;
    int i;
    CU_ASSERT_EQUAL_FATAL(make_all(), 0);
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(futures, MOST, &each), 0);
    tw_as_completed_free(each);
    for (i = 0; i < MOST; i++)
        set(i);
    drop_all();
}

/* Two may go through the same futures; and one future may be named twice, and is yielded twice. */
TEST(two_at_once_and_one_twice)
{
    struct tw_as_completed *first = NULL, *second = NULL;
    struct tw_future *twice[2];
    CU_ASSERT_EQUAL_FATAL(make_all(), 0);
    twice[0] = twice[1] = futures[0];
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(futures, 1, &first), 0);
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(twice, 2, &second), 0);
    set(0);
    check_next(first, 0);
    next(first, 0);
    check_next(second, 0);
    check_next(second, 0);
    next(second, 0);
    tw_as_completed_free(first);
    tw_as_completed_free(second);
    drop_all();
}

TEST(of_none)
{
    struct tw_as_completed *each = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(NULL, 0, &each), 0);
    next(each, 0);
    tw_as_completed_free(each);
    CU_ASSERT_PTR_NULL(tw_as_completed_free(NULL));
}

TEST(misuse)
{
    struct tw_as_completed *each = NULL;
    struct tw_future *future = NULL;
    PROVOKE(tw_as_completed_new(NULL, 1, &each));
    PROVOKE(tw_as_completed_new(&future, 1, &each));
    PROVOKE(tw_as_completed_new(NULL, 0, NULL));
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(NULL, 0, &each), 0);
    PROVOKE(tw_as_completed_next(NULL, 0, &future));
    PROVOKE(tw_as_completed_next(each, -1, &future));
    PROVOKE(tw_as_completed_next(each, 0, NULL));
    tw_as_completed_free(each);
}

/* Making it needs memory, going through it none. */
SWEEP(short_of_memory)
{
    struct tw_as_completed *each = NULL;
    int i;
    if (make_all() == 0 && tw_as_completed_new(futures, MOST, &each) == 0)
        for (i = MOST; i-- > 0;) {
            set(i);
            check_next(each, i);
        }
    tw_as_completed_free(each);
    drop_all();
}
