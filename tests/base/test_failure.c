/*
 * Failures: what they hold, that they are counted, and how they read as text.
 */
#include "../harness.h"

SUITE("failure")

static const struct tw_error PARSE_ERROR = {"parse error", &TW_ERROR};
static const struct tw_error BAD_NUMBER = {"bad number", &PARSE_ERROR};

static struct tw_failure *make(const struct tw_error *kind, const char *message)
{
    return tw_failure_new(kind, 7, message, "parser.c", 42, NULL);
}

/* FAI-001: a failure holds its kind and what goes with it: code, message, place. */
TEST(FAI_001_it_holds_kind_code_message_and_place)
{
    struct tw_failure *failure = make(&BAD_NUMBER, "no digit in 'abc'");
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(failure), &BAD_NUMBER);
    CU_ASSERT_EQUAL(tw_failure_code(failure), 7);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), "no digit in 'abc'");
    CU_ASSERT_STRING_EQUAL(tw_failure_file(failure), "parser.c");
    CU_ASSERT_EQUAL(tw_failure_line(failure), 42);
    CU_ASSERT_PTR_NULL(tw_failure_cause(failure));
    CU_ASSERT_PTR_NULL(tw_failure_unref(failure));
}

/* The macro notes the place where it is written. */
TEST(the_macro_notes_the_place)
{
    int line = __LINE__ + 1;
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR_SYSTEM, EIO, "the disk is gone");
    CU_ASSERT_STRING_EQUAL(tw_failure_file(failure), __FILE__);
    CU_ASSERT_EQUAL(tw_failure_line(failure), line);
    CU_ASSERT_EQUAL(tw_failure_code(failure), EIO);
    tw_failure_unref(failure);
}

/* The message is copied: the maker's buffer may change afterwards. */
TEST(the_message_is_copied)
{
    char buffer[] = "first";
    struct tw_failure *failure = make(&PARSE_ERROR, buffer);
    memcpy(buffer, "other", sizeof buffer);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), "first");
    tw_failure_unref(failure);
}

/* A message of any length is kept whole. */
TEST(a_long_message_is_kept_whole)
{
    char message[5001];
    struct tw_failure *failure;
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    failure = make(&PARSE_ERROR, message);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), message);
    tw_failure_unref(failure);
}

/* FAI-008: the message is never NULL: without one of its own a failure says its kind's name, and
 * without a kind it is a TW_ERROR. */
TEST(FAI_008_message_and_kind_are_never_null)
{
    struct tw_failure *failure = tw_failure_new(&BAD_NUMBER, 0, NULL, NULL, 0, NULL);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), BAD_NUMBER.name);
    tw_failure_unref(failure);
    failure = tw_failure_new(NULL, 3, NULL, NULL, 0, NULL);
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(failure), &TW_ERROR);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), TW_ERROR.name);
    CU_ASSERT_EQUAL(tw_failure_code(failure), 3);
    tw_failure_unref(failure);
}

/* FAI-003: a failure made of another keeps that one, whole, as its cause, for as long as it needs
 * it. */
TEST(FAI_003_it_keeps_its_cause)
{
    struct tw_failure *cause = make(&BAD_NUMBER, "inner");
    struct tw_failure *failure = tw_failure_new(&TW_ERROR_FIRST_ERROR, 1, "outer", NULL, 0, cause);
    tw_failure_unref(cause);
    CU_ASSERT_PTR_EQUAL(tw_failure_cause(failure), cause);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_failure_cause(failure)), "inner");
    tw_failure_unref(failure);
}

/* A cause of several failures is shared by them, and goes with the last. */
TEST(a_cause_may_be_shared)
{
    struct tw_failure *cause = make(&BAD_NUMBER, "inner");
    struct tw_failure *one = tw_failure_new(&TW_ERROR, 1, "one", NULL, 0, cause);
    struct tw_failure *two = tw_failure_new(&TW_ERROR, 2, "two", NULL, 0, cause);
    tw_failure_unref(cause);
    tw_failure_unref(one);
    CU_ASSERT_STRING_EQUAL(tw_failure_message(tw_failure_cause(two)), "inner");
    tw_failure_unref(two);
}

/* FAI-004: a failure is of its kind and of each kind that one descends from. */
TEST(FAI_004_is_climbs_the_tree)
{
    struct tw_failure *failure = make(&BAD_NUMBER, "x");
    CU_ASSERT_TRUE(tw_failure_is(failure, &BAD_NUMBER));
    CU_ASSERT_TRUE(tw_failure_is(failure, &PARSE_ERROR));
    CU_ASSERT_TRUE(tw_failure_is(failure, &TW_ERROR));
    CU_ASSERT_FALSE(tw_failure_is(failure, &TW_ERROR_SYSTEM));
    CU_ASSERT_FALSE(tw_failure_is(failure, NULL));
    CU_ASSERT_FALSE(tw_failure_is(NULL, &TW_ERROR));
    tw_failure_unref(failure);
}

/* FAI-016: a failure may be held several times; the last holder to go frees it. */
TEST(FAI_016_it_is_counted)
{
    struct tw_failure *failure = make(&PARSE_ERROR, "shared");
    CU_ASSERT_PTR_EQUAL(tw_failure_ref(failure), failure);
    CU_ASSERT_PTR_NULL(tw_failure_unref(failure));
    CU_ASSERT_STRING_EQUAL(tw_failure_message(failure), "shared");
    CU_ASSERT_PTR_NULL(tw_failure_unref(failure));
}

/* ref and unref take NULL and give it back. */
TEST(null_can_be_held_and_let_go)
{
    CU_ASSERT_PTR_NULL(tw_failure_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_failure_unref(NULL));
}

/* A chain of causes of any length is let go in constant stack. */
TEST(a_long_chain_of_causes_goes_in_constant_stack)
{
    struct tw_failure *last = NULL;
    char text[64];
    int i;
    for (i = 0; i < 1000000; i++) {
        struct tw_failure *failure = tw_failure_new(&TW_ERROR, i, "link", NULL, 0, last);
        tw_failure_unref(last);
        last = failure;
    }
    CU_ASSERT_TRUE(tw_failure_describe(last, text, sizeof text) > 1000000u);
    tw_failure_unref(last);
}

/* FAI-013: as text it reads "kind: message (file:line)". */
TEST(FAI_013_describe_shows_kind_message_and_place)
{
    struct tw_failure *failure = make(&BAD_NUMBER, "no digit");
    const char *expected = "bad number: no digit (parser.c:42)";
    char text[100];
    CU_ASSERT_EQUAL(tw_failure_describe(failure, text, sizeof text), strlen(expected));
    CU_ASSERT_STRING_EQUAL(text, expected);
    tw_failure_unref(failure);
}

/* FAI-010: without a place it still shows kind and message. */
TEST(FAI_010_describe_without_a_place)
{
    struct tw_failure *failure = tw_failure_new(&BAD_NUMBER, 0, "no digit", NULL, 0, NULL);
    char text[100];
    CU_ASSERT_EQUAL(tw_failure_describe(failure, text, sizeof text),
                    strlen("bad number: no digit"));
    CU_ASSERT_STRING_EQUAL(text, "bad number: no digit");
    tw_failure_unref(failure);
}

/* Each cause follows after " caused by ". */
TEST(describe_goes_through_the_causes)
{
    struct tw_failure *inner = tw_failure_new(&BAD_NUMBER, 0, "in", "a.c", 1, NULL);
    struct tw_failure *middle = tw_failure_new(&PARSE_ERROR, 0, "mid", "b.c", 2, inner);
    struct tw_failure *outer = tw_failure_new(&TW_ERROR_TIMEOUT, 0, "out", NULL, 0, middle);
    char text[200], expected[200];
    snprintf(expected, sizeof expected,
             "%s: out caused by parse error: mid (b.c:2) caused by bad number: in (a.c:1)",
             TW_ERROR_TIMEOUT.name);
    CU_ASSERT_EQUAL(tw_failure_describe(outer, text, sizeof text), strlen(expected));
    CU_ASSERT_STRING_EQUAL(text, expected);
    tw_failure_unref(inner);
    tw_failure_unref(middle);
    tw_failure_unref(outer);
}

/* What does not fit is cut off, the text is closed, nothing is written beyond, and the answer is
 * the whole length, at every size from 0 up. */
TEST(describe_cuts_off_what_does_not_fit)
{
    struct tw_failure *inner = make(&BAD_NUMBER, "in");
    struct tw_failure *outer = tw_failure_new(&PARSE_ERROR, 0, "out", "b.c", 2, inner);
    char whole[200], text[200];
    size_t size, length = tw_failure_describe(outer, whole, sizeof whole);
    for (size = 1; size <= length + 1; size++) {
        memset(text, '#', sizeof text);
        CU_ASSERT_EQUAL(tw_failure_describe(outer, text, size), length);
        CU_ASSERT_EQUAL(strlen(text), size - 1);
        CU_ASSERT_EQUAL(strncmp(text, whole, size - 1), 0);
        CU_ASSERT_EQUAL(text[size], '#');
    }
    CU_ASSERT_EQUAL(tw_failure_describe(outer, NULL, 0), length);
    tw_failure_unref(inner);
    tw_failure_unref(outer);
}

/* When memory is short the answer is the out-of-memory failure, always the same one; it can be
 * held, let go and described like any other, and never goes away. */
SWEEP(out_of_memory_is_a_failure_of_its_own)
{
    struct tw_failure *failure = make(&PARSE_ERROR, "a message"), *again;
    char text[100];
    int i;
    CU_ASSERT_PTR_NOT_NULL_FATAL(failure);
    if (!harness_failed_one()) {
        CU_ASSERT_TRUE(tw_failure_is(failure, &PARSE_ERROR));
        tw_failure_unref(failure);
        return;
    }
    CU_ASSERT_TRUE(tw_failure_is(failure, &TW_ERROR_NO_MEMORY));
    CU_ASSERT_EQUAL(tw_failure_code(failure), ENOMEM);
    CU_ASSERT_NOT_EQUAL(tw_failure_message(failure)[0], '\0');
    CU_ASSERT_TRUE(tw_failure_describe(failure, text, sizeof text) > 0);
    for (i = 0; i < 1000; i++)
        tw_failure_ref(failure);
    for (i = 0; i < 1001; i++)
        tw_failure_unref(failure);
    again = make(&PARSE_ERROR, "a message");
    if (tw_failure_is(again, &TW_ERROR_NO_MEMORY))
        CU_ASSERT_PTR_EQUAL(again, failure);
    tw_failure_unref(again);
}

/* A failure that could not be made leaves the cause it was given as it was. */
SWEEP(out_of_memory_leaves_the_cause_alone)
{
    struct tw_failure *cause = make(&BAD_NUMBER, "in");
    struct tw_failure *failure = tw_failure_new(&PARSE_ERROR, 0, "out", NULL, 0, cause);
    if (tw_failure_is(failure, &PARSE_ERROR))
        CU_ASSERT_PTR_EQUAL(tw_failure_cause(failure), cause);
    tw_failure_unref(failure);
    CU_ASSERT_PTR_NOT_NULL(tw_failure_message(cause));
    tw_failure_unref(cause);
}

/* --- what it carries, and what it is checked for ---------------------------------------------- */

/* A failure may carry something of a foreign kind, which goes when the last holder does, before its
 * cause. */
TEST(it_may_carry_a_payload)
{
    int gone = 0;
    struct tw_failure *cause = make(&BAD_NUMBER, "no digit"), *failure;
    struct tw_failure_options options = {.size = sizeof options,
                                         .kind = &PARSE_ERROR,
                                         .code = 3,
                                         .message = "no number",
                                         .file = "parser.c",
                                         .line = 9,
                                         .cause = cause,
                                         .payload = &gone,
                                         .destroy = count_destroy};
    failure = tw_failure_new_with(&options);
    tw_failure_unref(cause);
    CU_ASSERT_PTR_EQUAL(tw_failure_payload(failure), &gone);
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(failure), &PARSE_ERROR);
    CU_ASSERT_EQUAL(tw_failure_code(failure), 3);
    CU_ASSERT_EQUAL(tw_failure_line(failure), 9);
    CU_ASSERT_PTR_EQUAL(tw_failure_cause(failure), cause);
    tw_failure_ref(failure);
    tw_failure_unref(failure);
    CU_ASSERT_EQUAL(gone, 0);
    tw_failure_unref(failure);
    CU_ASSERT_EQUAL(gone, 1);
    failure = tw_failure_new_with(NULL);
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(failure), &TW_ERROR);
    CU_ASSERT_PTR_NULL(tw_failure_payload(failure));
    tw_failure_unref(failure);
    CU_ASSERT_PTR_NULL(tw_failure_payload(NULL));
}

/* Without memory the payload goes at once. */
SWEEP(payload_without_memory)
{
    int gone = 0;
    struct tw_failure_options options = {
        .size = sizeof options, .payload = &gone, .destroy = count_destroy};
    struct tw_failure *failure = tw_failure_new_with(&options);
    CU_ASSERT_EQUAL(gone, tw_failure_is(failure, &TW_ERROR_NO_MEMORY) ? 1 : 0);
    tw_failure_unref(failure);
    CU_ASSERT_EQUAL(gone, 1);
}

/* FAI-004: check gives the first of the kinds listed that it is or descends from. */
TEST(FAI_004_check_gives_the_first_that_fits)
{
    const struct tw_error *const kinds[] = {&TW_ERROR_SYSTEM, &PARSE_ERROR, &BAD_NUMBER, NULL};
    struct tw_failure *failure = make(&BAD_NUMBER, NULL);
    CU_ASSERT_PTR_EQUAL(tw_failure_check(failure, kinds, 4), &PARSE_ERROR);
    CU_ASSERT_PTR_NULL(tw_failure_check(failure, kinds, 1));
    CU_ASSERT_PTR_NULL(tw_failure_check(failure, kinds + 3, 1));
    CU_ASSERT_PTR_NULL(tw_failure_check(failure, NULL, 0));
    CU_ASSERT_PTR_NULL(tw_failure_check(NULL, kinds, 4));
    tw_failure_unref(failure);
}

/* Options of another version of the library are not looked at. */
TEST(options_of_another_size)
{
    struct tw_failure_options options = {.size = 1, .code = 7};
    struct tw_failure *failure;
    harness_misuse_begin();
    failure = tw_failure_new_with(&options);
    harness_misuse_end();
    CU_ASSERT_EQUAL(tw_failure_code(failure), 0);
    tw_failure_unref(failure);
}
