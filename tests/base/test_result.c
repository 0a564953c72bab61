/*
 * Results: value, failure and who destroys what, and that each destroy is called exactly once.
 */
#include "../harness.h"

SUITE("result")

static const struct tw_error PARSE_ERROR = {"parse error", &TW_ERROR};

static void check_null(const struct tw_result *result)
{
    CU_ASSERT_EQUAL(tw_result_kind(result), TW_RESULT_VALUE);
    CU_ASSERT_TRUE(tw_result_is_ok(result));
    CU_ASSERT_FALSE(tw_result_is_failure(result));
    CU_ASSERT_PTR_NULL(tw_result_value(result));
    CU_ASSERT_PTR_NULL(tw_result_failure(result));
}

/* A fresh result holds null, which is a value, however it was made. */
TEST(a_fresh_result_holds_null)
{
    struct tw_result by_macro = TW_RESULT_INIT, by_call;
    memset(&by_call, 0xee, sizeof by_call);
    tw_result_init(&by_call);
    check_null(&by_macro);
    check_null(&by_call);
    tw_result_done(&by_macro);
    tw_result_done(&by_call);
}

/* A value that nobody takes is destroyed once, when the result is done; the result holds null then
 * and may be used again. */
TEST(a_value_is_destroyed_once_at_the_end)
{
    struct tw_result result = TW_RESULT_INIT;
    int first = 0, second = 0;
    tw_result_set(&result, &first, count_destroy);
    CU_ASSERT_TRUE(tw_result_is_ok(&result));
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &first);
    CU_ASSERT_EQUAL(first, 0);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(first, 1);
    check_null(&result);
    tw_result_done(&result);
    tw_result_done(NULL);
    CU_ASSERT_EQUAL(first, 1);
    tw_result_set(&result, &second, count_destroy);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(second, 1);
}

/* A value without a destroy is only pointed at. */
TEST(a_value_without_destroy_is_left_alone)
{
    struct tw_result result = TW_RESULT_INIT;
    int value = 0;
    tw_result_set(&result, &value, NULL);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &value);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(value, 0);
}

/* A new value drives out the old one, which is destroyed once. */
TEST(set_destroys_what_was_there)
{
    struct tw_result result = TW_RESULT_INIT;
    int first = 0, second = 0;
    tw_result_set(&result, &first, count_destroy);
    tw_result_set(&result, &second, count_destroy);
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_EQUAL(second, 0);
    tw_result_set(&result, NULL, NULL);
    CU_ASSERT_EQUAL(second, 1);
    check_null(&result);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(first + second, 2);
}

/* The same value set again is not destroyed, and goes by its new destroy. */
TEST(set_the_same_value_keeps_it)
{
    struct tw_result result = TW_RESULT_INIT;
    int value = 0;
    tw_result_set(&result, &value, NULL);
    tw_result_set(&result, &value, count_destroy);
    tw_result_set(&result, tw_result_value(&result), count_destroy);
    CU_ASSERT_EQUAL(value, 0);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &value);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(value, 1);
    tw_result_set(&result, &value, count_destroy);
    tw_result_set(&result, &value, NULL);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(value, 1);
}

struct watcher {
    struct tw_result *result;
    int seen;
};

static void look_at_the_result(void *value)
{
    struct watcher *watcher = (struct watcher *)value;
    watcher->seen += tw_result_value(watcher->result) != value;
}

/* A destroy that looks at the result no longer finds the value that goes. */
TEST(destroy_does_not_find_its_value_in_the_result)
{
    struct tw_result result = TW_RESULT_INIT;
    struct watcher watcher = {&result, 0};
    tw_result_set(&result, &watcher, look_at_the_result);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(watcher.seen, 1);
    tw_result_set(&result, &watcher, look_at_the_result);
    tw_result_set(&result, &result, NULL);
    CU_ASSERT_EQUAL(watcher.seen, 2);
    tw_result_done(&result);
}

/* A failure is borrowed: the result holds it by a reference of its own. */
TEST(set_failure_takes_a_reference)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_failure *failure = TW_FAILURE_NEW(&PARSE_ERROR, 3, "no good");
    tw_result_set_failure(&result, failure);
    tw_failure_unref(failure);
    CU_ASSERT_EQUAL(tw_result_kind(&result), TW_RESULT_FAILURE);
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    CU_ASSERT_FALSE(tw_result_is_ok(&result));
    CU_ASSERT_PTR_NULL(tw_result_value(&result));
    CU_ASSERT_PTR_EQUAL(tw_result_failure(&result), failure);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "no good");
    tw_result_done(&result);
    check_null(&result);
}

/* The failure that the result itself holds may be set again. */
TEST(set_failure_to_its_own_failure)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_failf(&result, &PARSE_ERROR, 0, "mine");
    tw_result_set_failure(&result, tw_result_failure(&result));
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "mine");
    tw_result_done(&result);
}

/* Failure drives out value and value drives out failure. */
TEST(value_and_failure_drive_each_other_out)
{
    struct tw_result result = TW_RESULT_INIT;
    int value = 0;
    tw_result_set(&result, &value, count_destroy);
    tw_result_failf(&result, &PARSE_ERROR, 0, "no good");
    CU_ASSERT_EQUAL(value, 1);
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    tw_result_set(&result, NULL, NULL);
    check_null(&result);
    tw_result_done(&result);
}

/* Taking hands value and destroy over; the result holds null and destroys nothing. */
TEST(take_hands_over_value_and_destroy)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_destroy_fn destroy = NULL;
    int value = 0;
    tw_result_set(&result, &value, count_destroy);
    CU_ASSERT_PTR_EQUAL(tw_result_take(&result, &destroy), &value);
    CU_ASSERT_TRUE(destroy == count_destroy);
    check_null(&result);
    tw_result_set(&result, &value, count_destroy);
    CU_ASSERT_PTR_EQUAL(tw_result_take(&result, NULL), &value);
    tw_result_done(&result);
    CU_ASSERT_EQUAL(value, 0);
}

/* There is nothing to take from a failure or from null, and they stay as they are. */
TEST(take_leaves_a_failure_standing)
{
    struct tw_result result = TW_RESULT_INIT;
    CU_ASSERT_PTR_NULL(tw_result_take(&result, NULL));
    tw_result_failf(&result, &PARSE_ERROR, 0, "still here");
    CU_ASSERT_PTR_NULL(tw_result_take(&result, NULL));
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "still here");
    tw_result_done(&result);
}

/* Moving carries a value across with its destroy; what the other held is destroyed, and the first
 * holds null. */
TEST(move_carries_a_value)
{
    struct tw_result from = TW_RESULT_INIT, to = TW_RESULT_INIT;
    int value = 0, old = 0;
    tw_result_set(&from, &value, count_destroy);
    tw_result_set(&to, &old, count_destroy);
    tw_result_move(&from, &to);
    CU_ASSERT_EQUAL(old, 1);
    CU_ASSERT_EQUAL(value, 0);
    check_null(&from);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&to), &value);
    tw_result_done(&from);
    tw_result_done(&to);
    CU_ASSERT_EQUAL(value, 1);
    CU_ASSERT_EQUAL(old, 1);
}

/* Moving carries a failure, over a failure too; moving null leaves null. */
TEST(move_carries_failure_and_null)
{
    struct tw_result from = TW_RESULT_INIT, to = TW_RESULT_INIT;
    tw_result_failf(&from, &PARSE_ERROR, 1, "new");
    tw_result_failf(&to, &PARSE_ERROR, 2, "old");
    tw_result_move(&from, &to);
    check_null(&from);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&to)), "new");
    tw_result_move(&from, &to);
    check_null(&to);
}

/* fail_at notes kind, code, message and place; without a message it says the kind's name. */
TEST(fail_at_notes_everything)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_failure *failure;
    tw_result_fail_at(&result, "far.c", 99, &PARSE_ERROR, -5, "100%s");
    failure = tw_result_failure(&result);
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(failure), &PARSE_ERROR);
    CU_ASSERT_EQUAL(tw_failure_code(failure), -5);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), "100%s");
    CU_ASSERT_STRING_EQUAL(tw_failure_file(failure), "far.c");
    CU_ASSERT_EQUAL(tw_failure_line(failure), 99);
    tw_result_fail_at(&result, NULL, 0, &PARSE_ERROR, 0, NULL);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), PARSE_ERROR.name);
    tw_result_done(&result);
}

/* failf writes the message as printf would and notes the place where it stands. */
TEST(failf_writes_the_message)
{
    struct tw_result result = TW_RESULT_INIT;
    int line = __LINE__ + 1;
    tw_result_failf(&result, &TW_ERROR_SYSTEM, ENOENT, "cannot read %s, line %d", "x", 12);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)),
                           "cannot read x, line 12");
    CU_ASSERT_STRING_EQUAL(tw_failure_file(tw_result_failure(&result)), __FILE__);
    CU_ASSERT_EQUAL(tw_failure_line(tw_result_failure(&result)), line);
    CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(&result)), ENOENT);
    tw_result_done(&result);
}

/* A long message is kept whole. */
TEST(failf_keeps_a_long_message_whole)
{
    struct tw_result result = TW_RESULT_INIT;
    tw_result_failf(&result, &PARSE_ERROR, 0, "%4000d|", 1);
    CU_ASSERT_EQUAL(strlen(tw_failure_message(tw_result_failure(&result))), 4001);
    tw_result_done(&result);
}

/* The message may be made of what the result holds: it is written before that is destroyed. */
TEST(failf_may_quote_what_the_result_holds)
{
    struct tw_result result = TW_RESULT_INIT;
    char *name = (char *)malloc(6);
    CU_ASSERT_PTR_NOT_NULL_FATAL(name);
    memcpy(name, "a.txt", 6);
    tw_result_set(&result, name, free);
    tw_result_failf(&result, &PARSE_ERROR, 0, "cannot read %s", name);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "cannot read a.txt");
    tw_result_fail_at(&result, NULL, 0, &TW_ERROR, 0,
                      tw_failure_message(tw_result_failure(&result)));
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "cannot read a.txt");
    tw_result_done(&result);
}

/* Out of memory, failing still gives a failure: the one that says so. The old value is destroyed
 * once all the same. */
SWEEP(failing_never_fails)
{
    struct tw_result result = TW_RESULT_INIT;
    int value = 0;
    tw_result_set(&result, &value, count_destroy);
    tw_result_failf(&result, &PARSE_ERROR, 1, "no digit in %s", "abc");
    CU_ASSERT_EQUAL(value, 1);
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    if (!harness_failed_one())
        CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_result_failure(&result)), "no digit in abc");
    if (!tw_failure_is(tw_result_failure(&result), &PARSE_ERROR))
        CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(&result), &TW_ERROR_NO_MEMORY));
    tw_result_fail_at(&result, NULL, 0, &PARSE_ERROR, 2, "again");
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    tw_result_done(&result);
}
