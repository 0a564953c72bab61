/*
 * Debugging: where a Deferred was made and where it was fired, and when that is told.
 */
#include "trace.h"

SUITE("debug")

static char text[1024];

/* Two places cannot be told apart by name here, where nothing is exported; by address they can. */
static __attribute__((noinline)) struct pair make_here(void)
{
    return make();
}

static __attribute__((noinline)) struct pair make_there(void)
{
    struct pair pair = make();
    trace_clear();
    return pair;
}

static bool says(const struct tw_deferred *deferred, const char *what)
{
    tw_deferred_describe(deferred, text, sizeof text);
    return strstr(text, what) != NULL;
}

/* DEF-120: one switch for the process; off, nothing is kept. */
TEST(DEF_120_a_switch)
{
    struct pair pair;
    CU_ASSERT_FALSE(tw_debug_is_on());
    pair = make();
    CU_ASSERT_EQUAL(tw_deferred_describe(pair.deferred, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "");
    fire(pair.source, 0);
    drop(&pair);
    tw_debug_set(true);
    CU_ASSERT_TRUE(tw_debug_is_on());
    pair = make();
    CU_ASSERT_TRUE(tw_deferred_describe(pair.deferred, text, sizeof text) > 0);
    fire(pair.source, 0);
    drop(&pair);
    tw_debug_set(false);
    CU_ASSERT_EQUAL(tw_deferred_describe(NULL, NULL, 0), 0);
}

/* DEF-121: on, it is kept where it was made and where it was first fired. */
TEST(DEF_121_places_are_kept)
{
    struct pair here, there;
    char other[sizeof text];
    tw_debug_set(true);
    here = make_here();
    there = make_there();
    CU_ASSERT_TRUE(says(here.deferred, "made by "));
    CU_ASSERT_FALSE(says(here.deferred, "fired by "));
    memcpy(other, text, sizeof other);
    CU_ASSERT_TRUE(says(there.deferred, "made by "));
    CU_ASSERT_STRING_NOT_EQUAL(text, other);
    fire(here.source, 0);
    CU_ASSERT_TRUE(says(here.deferred, "; fired by "));
    memcpy(other, text, sizeof other);
    CU_ASSERT_EQUAL(tw_deferred_describe(here.deferred, NULL, 0), strlen(text));
    fire(there.source, 0);
    drop(&here);
    drop(&there);
    tw_debug_set(false);
}

/* DEF-122: fired a second time, it tells both places, but not that of the second firing. */
TEST(DEF_122_second_firing_is_reported)
{
    struct pair pair;
    tw_debug_set(true);
    pair = make();
    fire(pair.source, 1);
    says(pair.deferred, "");
    CU_ASSERT_EQUAL(fire(pair.source, 2), -EALREADY);
    CU_ASSERT_EQUAL(fire_failure(pair.source, 7), -EALREADY);
    EXPECT_REPORTS(2);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_PTR_EQUAL(harness_report(0)->kind, &TW_ERROR_ALREADY_CALLED);
    drop(&pair);
    tw_debug_set(false);
}

static void keep_message(struct tw_result *result, void *arg)
{
    (void)arg;
    snprintf(text, sizeof text, "%s", tw_failure_message(tw_result_failure(result)));
    tw_result_set(result, NULL, NULL);
}

/* DEF-122 for an explicit chain: the failure says where the target was made and fired. */
TEST(DEF_122_chain_to_a_fired_one)
{
    struct pair from, to;
    tw_debug_set(true);
    from = make();
    to = make();
    fire(to.source, 1);
    tw_deferred_chain(from.deferred, tw_source_ref(to.source));
    tw_deferred_add_errback(from.deferred, keep_message, NULL, NULL);
    fire(from.source, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "made by "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "fired by "));
    drop(&from);
    drop(&to);
    tw_debug_set(false);
}

/* DEF-123: off, a second firing is only refused. */
TEST(DEF_123_off_nothing_is_told)
{
    struct pair pair = make();
    fire(pair.source, 1);
    CU_ASSERT_EQUAL(fire(pair.source, 2), -EALREADY);
    drop(&pair);
}

/* The one late firing after a cancel is no mistake, and not told. */
TEST(swallowed_firing_is_not_reported)
{
    struct pair pair;
    tw_debug_set(true);
    pair = make();
    tw_deferred_cancel(pair.deferred);
    settle(pair.deferred, "it");
    CU_ASSERT_EQUAL(fire(pair.source, 2), 0);
    drop(&pair);
    tw_debug_set(false);
}

/* DEF-124: a failure nobody handled is reported with the places. */
TEST(DEF_124_unhandled_failure_tells_the_places)
{
    struct pair pair;
    tw_debug_set(true);
    pair = make();
    fire_failure(pair.source, 7);
    drop(&pair);
    tw_debug_set(false);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "not handled: made by "));
}

/* DEF-125: switching between making and firing does no harm. */
TEST(DEF_125_switching_is_harmless)
{
    struct pair before = make(), between;
    tw_debug_set(true);
    between = make();
    fire(before.source, 1);
    tw_debug_set(false);
    fire(between.source, 1);
    CU_ASSERT_FALSE(says(before.deferred, "made"));
    CU_ASSERT_TRUE(says(between.deferred, "fired by "));
    drop(&before);
    drop(&between);
}

/* Many are told apart, and all is let go of. */
TEST(many_are_told_apart)
{
    enum { MANY = 3000 };
    static struct pair pairs[MANY];
    int i;
    tw_debug_set(true);
    for (i = 0; i < MANY; i++)
        pairs[i] = make();
    for (i = 0; i < MANY; i += 2)
        fire(pairs[i].source, 0);
    for (i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(says(pairs[i].deferred, "fired by "), i % 2 == 0);
    for (i = 1; i < MANY; i += 2)
        fire(pairs[i].source, 0);
    for (i = 0; i < MANY; i++)
        drop(&pairs[i]);
    tw_debug_set(false);
}

/* Without memory for the places it works as with the switch off. */
SWEEP(places_without_memory)
{
    struct pair pair = {NULL, NULL};
    tw_debug_set(true);
    if (tw_deferred_new(NULL, NULL, NULL, &pair.source, &pair.deferred) == 0) {
        fire(pair.source, 1);
        drop(&pair);
    }
    tw_debug_set(false);
}
