/*
 * Failures nobody handled: reported once, when the last holder goes, and not before.
 *
 * These tests take the reports themselves, to see the failure's message too.
 */
#include "trace.h"

SUITE("unhandled failures")

static struct {
    int count;
    enum tw_report_level level;
    const struct tw_error *kind;
    char message[128], file[128], text[256];
} seen;

static void keep_report(enum tw_report_level level, const char *text, struct tw_failure *failure,
                        void *arg)
{
    const char *file = tw_failure_file(failure);
    (void)arg;
    seen.count++;
    seen.level = level;
    seen.kind = tw_failure_kind(failure);
    snprintf(seen.message, sizeof seen.message, "%s", tw_failure_message(failure));
    snprintf(seen.file, sizeof seen.file, "%s", file ? file : "");
    snprintf(seen.text, sizeof seen.text, "%s", text);
}

static void watch_reports(void)
{
    tw_report_set_handler(keep_report, NULL);
    memset(&seen, 0, sizeof seen);
}

/* DEF-110, DEF-111, DEF-114: reported once, with a sentence, the failure's message and the place
 * where it was made; not while the Deferred is alive. */
TEST(DEF_110_unhandled_failure_is_reported_at_the_end)
{
    struct pair a = make();
    watch_reports();
    CU_ASSERT_EQUAL(fire_failure(a.source, 7), 0);
    watch(a.deferred, "a");
    TRACED("a!7 ");
    CU_ASSERT_EQUAL(seen.count, 0);
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_EQUAL(seen.level, TW_REPORT_UNHANDLED);
    CU_ASSERT_PTR_EQUAL(seen.kind, &TW_ERROR);
    CU_ASSERT_STRING_EQUAL(seen.message, "made to fail");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.file, "trace.h"));
    CU_ASSERT_TRUE(seen.text[0] != '\0');
}

/* The last handle decides, whether the source is still held or not. */
TEST(DEF_110_report_comes_with_the_last_handle)
{
    struct pair a = make();
    watch_reports();
    tw_deferred_ref(a.deferred);
    CU_ASSERT_EQUAL(fire_failure(a.source, 7), 0);
    tw_deferred_unref(a.deferred);
    CU_ASSERT_EQUAL(seen.count, 0);
    a.deferred = tw_deferred_unref(a.deferred);
    CU_ASSERT_EQUAL(seen.count, 1);
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
}

/* A Deferred that nobody holds reports its failure when that comes. */
TEST(DEF_110_failure_for_nobody_is_reported_when_it_comes)
{
    struct pair a = make();
    watch_reports();
    tw_deferred_add_both(a.deferred, go_wrong, "a", NULL);
    a.deferred = tw_deferred_unref(a.deferred);
    CU_ASSERT_EQUAL(fire(a.source, 7), 0);
    TRACED("a=7 ");
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_STRING_EQUAL(seen.message, "a went wrong");
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
}

/* DEF-115: handled, it is not reported; passed on by the last errback, it is. */
TEST(DEF_115_handled_failure_is_not_reported)
{
    struct pair a = make(), b = make();
    watch_reports();
    settle(a.deferred, "a");
    watch(b.deferred, "b");
    CU_ASSERT_EQUAL(fire_failure(a.source, 1), 0);
    CU_ASSERT_EQUAL(fire_failure(b.source, 2), 0);
    TRACED("a!1 b!2 ");
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 0);
    drop(&b);
    CU_ASSERT_EQUAL(seen.count, 1);
}

/* DEF-115: a failure that a callback replaces by another is not reported, the other is. */
TEST(DEF_115_replaced_failure_is_not_reported)
{
    struct pair a = make();
    watch_reports();
    tw_deferred_add_errback(a.deferred, go_wrong, "a", NULL);
    CU_ASSERT_EQUAL(fire_failure(a.source, 1), 0);
    drop(&a);
    TRACED("a!1 ");
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_STRING_EQUAL(seen.message, "a went wrong");
}

/* DEF-116: a Deferred whose source goes unfired ends as abandoned, and says so (in Twisted it
 * vanishes silently). */
TEST(DEF_116_abandoned_one_is_reported)
{
    struct pair a = make();
    watch_reports();
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_PTR_EQUAL(seen.kind, &TW_ERROR_ABANDONED);
}

/* DEF-117: a failure held by a paused Deferred is reported, paused before or after (differs on
 * purpose). */
TEST(DEF_117_failure_of_a_paused_one_is_reported)
{
    struct pair a = make(), b = make();
    watch_reports();
    settle(a.deferred, "never");
    CU_ASSERT_EQUAL(tw_deferred_pause(a.deferred), 0);
    CU_ASSERT_EQUAL(fire_failure(a.source, 1), 0);
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_EQUAL(fire_failure(b.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(b.deferred), 0);
    drop(&b);
    CU_ASSERT_EQUAL(seen.count, 2);
    TRACED("");
}

/* DEF-118: so is a failure that inner handed to a paused outer (differs on purpose); and by the
 * outer only (DEF-079, DEF-119). */
TEST(DEF_118_failure_handed_to_a_paused_outer_is_reported)
{
    struct pair outer = make(), inner = make();
    watch_reports();
    tw_deferred_add_callback(outer.deferred, give_deferred, inner.deferred, NULL);
    CU_ASSERT_EQUAL(fire(outer.source, 1), 0);
    CU_ASSERT_EQUAL(tw_deferred_pause(outer.deferred), 0);
    CU_ASSERT_EQUAL(fire_failure(inner.source, 7), 0);
    drop(&inner);
    CU_ASSERT_EQUAL(seen.count, 0);
    drop(&outer);
    CU_ASSERT_EQUAL(seen.count, 1);
}

/* DEF-119: what an explicit chain handed over is reported by the second Deferred only. */
TEST(DEF_119_last_holder_reports)
{
    struct pair a = make(), b = make();
    watch_reports();
    CU_ASSERT_EQUAL(tw_deferred_chain(a.deferred, tw_source_ref(b.source)), 0);
    CU_ASSERT_EQUAL(fire_failure(a.source, 7), 0);
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 0);
    drop(&b);
    CU_ASSERT_EQUAL(seen.count, 1);
}

/* CAN-005, DEF-036: a failure swallowed after a cancel, or refused, is the producer's own. */
TEST(CAN_005_swallowed_failure_is_not_reported)
{
    struct pair a = make();
    watch_reports();
    settle(a.deferred, "a");
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    CU_ASSERT_EQUAL(fire_failure(a.source, 1), 0);
    CU_ASSERT_EQUAL(fire_failure(a.source, 1), -EALREADY);
    TRACED("a!125 ");
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 0);
}

/* A cancelled Deferred nobody looks at is reported like any other failure. */
TEST(unhandled_cancel_is_reported)
{
    struct pair a = make();
    watch_reports();
    CU_ASSERT_EQUAL(tw_deferred_cancel(a.deferred), 0);
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_PTR_EQUAL(seen.kind, &TW_ERROR_CANCELLED);
}

static void fail_here(struct tw_result *result, void *ret_line)
{
    *(int *)ret_line = __LINE__ + 1;
    tw_result_failf(result, &TW_ERROR, 1, "number %d", 5);
}

static void see_place(struct tw_result *result, void *line)
{
    CU_ASSERT_EQUAL(tw_failure_line(tw_result_failure(result)), *(int *)line);
    tw_result_set(result, NULL, NULL);
}

/* A failure has one place where it was made: the line of the tw_result_failf. */
TEST(failure_knows_where_it_was_made)
{
    struct pair a = make();
    int line = 0;
    watch_reports();
    tw_deferred_add_both(a.deferred, fail_here, &line, NULL);
    tw_deferred_add_errback(a.deferred, see_place, &line, NULL);
    CU_ASSERT_EQUAL(fire(a.source, 1), 0);
    tw_deferred_add_both(a.deferred, fail_here, &line, NULL);
    drop(&a);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_STRING_EQUAL(seen.message, "number 5");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.file, "test_unhandled.c"));
}
