/*
 * Typed faces of results.
 */
#include "../harness.h"

SUITE("result type")

struct digest {
    int number;
};

static int freed;

static void digest_free(struct digest *digest)
{
    freed += digest->number;
    free(digest);
}

TW_RESULT_TYPE(digest, struct digest, digest_free)

static struct digest *make(int number)
{
    struct digest *digest = (struct digest *)malloc(sizeof *digest);
    digest->number = number;
    return digest;
}

/* A value is set, looked at and destroyed by functions of its own type. */
TEST(set_and_get)
{
    struct tw_result result = TW_RESULT_INIT;
    freed = 0;
    digest_set(&result, make(3));
    CU_ASSERT_EQUAL(digest_get(&result)->number, 3);
    CU_ASSERT_EQUAL(freed, 0);
    digest_set(&result, make(4));
    CU_ASSERT_EQUAL(freed, 3);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(freed, 7);
}

/* Taken out it is the taker's. */
TEST(take)
{
    struct tw_result result = TW_RESULT_INIT;
    struct digest *digest;
    freed = 0;
    digest_set(&result, make(5));
    digest = digest_take(&result);
    CU_ASSERT_PTR_NULL(digest_get(&result));
    tw_result_done(&result);
    CU_ASSERT_EQUAL(freed, 0);
    digest_free(digest);
}

/* A failure holds none. */
TEST(failure_holds_none)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_failf(&result, NULL, 7, "no digest");
    CU_ASSERT_PTR_NULL(digest_get(&result));
    CU_ASSERT_PTR_NULL(digest_take(&result));
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    tw_result_done(&result);
}
