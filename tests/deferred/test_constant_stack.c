/*
 * Chains of any length in constant stack: a million Deferreds on a thread with a small one.
 */
#include "../harness.h"
#include <limits.h>
#include <pthread.h>

SUITE("constant stack")

/* Under a sanitizer fewer, to save time; the small stack would not hold those either. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#ifdef SANITIZED
enum { MANY = 100000 };
#else
enum { MANY = HARNESS_SANITIZED ? 100000 : 1000000 };
#endif
#define STACK_SIZE ((size_t)128 * 1024)

static struct tw_source **sources;
static struct tw_deferred **deferreds;
static size_t seen, destroyed;

static void on_small_stack(void *(*scenario)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    seen = destroyed = 0;
    sources = (struct tw_source **)calloc(MANY, sizeof *sources);
    deferreds = (struct tw_deferred **)calloc(MANY, sizeof *deferreds);
    pthread_attr_init(&attributes);
    CU_ASSERT_EQUAL_FATAL(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, &attributes, scenario, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    free(sources);
    free(deferreds);
}

static void make_all(void)
{
    size_t i;
    int rc = 0;
    for (i = 0; i < MANY; i++)
        rc |= tw_deferred_new(NULL, NULL, NULL, &sources[i], &deferreds[i]);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void drop_all(void)
{
    size_t i;
    for (i = 0; i < MANY; i++) {
        deferreds[i] = tw_deferred_unref(deferreds[i]);
        sources[i] = tw_source_unref(sources[i]);
    }
}

static void count(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    seen++;
}

static void count_and_handle(struct tw_result *result, void *arg)
{
    count(result, arg);
    tw_result_set(result, NULL, NULL);
}

static void count_gone(void *arg)
{
    (void)arg;
    destroyed++;
}

static void give(struct tw_result *result, void *deferred)
{
    tw_result_set_deferred(result, tw_deferred_ref((struct tw_deferred *)deferred));
}

/* Each is to wait for the next; all but the last are fired, from the outermost inward. */
static void wait_in_a_row(void)
{
    size_t i;
    make_all();
    for (i = 0; i + 1 < MANY; i++) {
        tw_deferred_add_callback(deferreds[i], give, deferreds[i + 1], count_gone);
        tw_deferred_add_both(deferreds[i], count, NULL, count_gone);
    }
    for (i = 0; i + 1 < MANY; i++)
        tw_source_callback(sources[i], NULL, NULL);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void *resume_all(void *arg)
{
    int value = 0;
    wait_in_a_row();
    CU_ASSERT_EQUAL(seen, 0);
    CU_ASSERT_EQUAL(tw_source_callback(sources[MANY - 1], &value, count_destroy), 0);
    CU_ASSERT_EQUAL(seen, MANY - 1);
    CU_ASSERT_EQUAL(value, 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(deferreds[0]));
    drop_all();
    CU_ASSERT_EQUAL(value, 1);
    CU_ASSERT_EQUAL(destroyed, 2 * (MANY - 1));
    return arg;
}

/* DEF-080: when the innermost of a million has its result, all resume, in constant stack. */
TEST(DEF_080_a_million_that_wait_in_a_row)
{
    on_small_stack(resume_all);
}

static void *resume_inside_out(void *arg)
{
    size_t i;
    make_all();
    for (i = MANY - 1; i-- > 0;) {
        tw_deferred_add_callback(deferreds[i], give, deferreds[i + 1], NULL);
        tw_deferred_add_both(deferreds[i], count, NULL, NULL);
        tw_source_callback(sources[i], NULL, NULL);
    }
    CU_ASSERT_EQUAL(tw_source_callback(sources[MANY - 1], NULL, NULL), 0);
    CU_ASSERT_EQUAL(seen, MANY - 1);
    drop_all();
    return arg;
}

/* DEF-080: the same when each starts to wait for one that waits already: to look for cycles must
 * not make that slow. */
TEST(DEF_080_a_million_made_to_wait_from_the_inside)
{
    on_small_stack(resume_inside_out);
}

static void *give_fired_ones(void *arg)
{
    struct tw_source *source;
    struct tw_deferred *outer;
    size_t i;
    tw_deferred_new(NULL, NULL, NULL, &source, &outer);
    for (i = 0; i < MANY; i++) {
        tw_deferred_succeed(NULL, NULL, &deferreds[i]);
        tw_deferred_add_callback(outer, give, deferreds[i], NULL);
    }
    tw_deferred_add_callback(outer, count, NULL, NULL);
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    CU_ASSERT_EQUAL(seen, 1);
    tw_source_unref(source);
    tw_deferred_unref(outer);
    drop_all();
    return arg;
}

/* DEF-081: a million callbacks in a row that each leave a fired Deferred. */
TEST(DEF_081_a_million_fired_ones_given_in_a_row)
{
    on_small_stack(give_fired_ones);
}

static void *abandon_all(void *arg)
{
    size_t i;
    wait_in_a_row();
    tw_deferred_add_both(deferreds[0], count_and_handle, NULL, NULL);
    for (i = 0; i < MANY; i++)
        deferreds[i] = tw_deferred_unref(deferreds[i]);
    CU_ASSERT_EQUAL(seen, 0);
    sources[MANY - 1] = tw_source_unref(sources[MANY - 1]);
    CU_ASSERT_EQUAL(seen, MANY);
    CU_ASSERT_EQUAL(destroyed, 2 * (MANY - 1));
    drop_all();
    return arg;
}

/* DEF-092: a million that hold one another and nobody else holds go together when the innermost
 * source does. */
TEST(DEF_092_a_million_abandoned_together)
{
    on_small_stack(abandon_all);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void *cancel_through_all(void *arg)
{
    wait_in_a_row();
    tw_deferred_add_both(deferreds[0], count_and_handle, NULL, NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferreds[0]), 0);
    CU_ASSERT_EQUAL(seen, MANY);
    drop_all();
    return arg;
}

/* CAN-021: cancel goes through a million that wait in a row. */
TEST(CAN_021_cancel_goes_through_a_million)
{
    on_small_stack(cancel_through_all);
}

/* --- explicit chains -------------------------------------------------------------------------- */

static void chain_in_a_row(void)
{
    size_t i;
    make_all();
    for (i = 0; i + 1 < MANY; i++) {
        tw_deferred_chain(deferreds[i], sources[i + 1]);
        sources[i + 1] = NULL;
        tw_deferred_add_both(deferreds[i], count, NULL, NULL);
    }
    tw_deferred_add_both(deferreds[MANY - 1], count_and_handle, NULL, NULL);
}

static void *fire_along(void *arg)
{
    chain_in_a_row();
    CU_ASSERT_EQUAL(tw_source_callback(sources[0], NULL, NULL), 0);
    CU_ASSERT_EQUAL(seen, MANY);
    drop_all();
    return arg;
}

/* DEF-105: a million chained explicitly (in Twisted that takes stack). */
TEST(DEF_105_a_million_in_an_explicit_chain)
{
    on_small_stack(fire_along);
}

static void *abandon_along(void *arg)
{
    size_t i;
    chain_in_a_row();
    for (i = 0; i < MANY; i++)
        deferreds[i] = tw_deferred_unref(deferreds[i]);
    sources[0] = tw_source_unref(sources[0]);
    CU_ASSERT_EQUAL(seen, MANY);
    drop_all();
    return arg;
}

/* DEF-105: a million in an explicit chain, abandoned at its head. */
TEST(DEF_105_explicit_chain_abandoned_at_its_head)
{
    on_small_stack(abandon_along);
}

static void *release_along(void *arg)
{
    size_t i;
    chain_in_a_row();
    for (i = 0; i < MANY; i++)
        tw_deferred_pause(deferreds[i]);
    for (i = 1; i < MANY; i++)
        deferreds[i] = tw_deferred_unref(deferreds[i]);
    tw_source_callback(sources[0], NULL, NULL);
    CU_ASSERT_EQUAL(seen, 0);
    EXPECT_REPORTS(MANY - 1); /* each but the first ends as abandoned, paused for ever */
    drop_all();
    return arg;
}

/* DEF-105: a million in an explicit chain that are all paused, and go: each lets go of the next
 * one's source. */
TEST(DEF_105_paused_explicit_chain_goes_in_constant_stack)
{
    on_small_stack(release_along);
}

/* --- lists and limits ------------------------------------------------------------------------- */

static void drop_list(struct tw_deferred *list)
{
    tw_deferred_add_both(list, count_and_handle, NULL, NULL);
    CU_ASSERT_EQUAL(seen, 1);
    tw_deferred_unref(list);
    drop_all();
}

static void *fire_all_of_a_list(void *arg)
{
    struct tw_deferred *list;
    size_t i;
    make_all();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_gather(deferreds, MANY, 0, &list), 0);
    for (i = MANY; i-- > 0;)
        tw_source_callback(sources[i], NULL, NULL);
    CU_ASSERT_TRUE(tw_deferred_is_called(list));
    drop_list(list);
    return arg;
}

/* DLS-002: a list of a million, each fired. */
TEST(DLS_002_list_of_a_million)
{
    on_small_stack(fire_all_of_a_list);
}

static void *cancel_all_of_a_list(void *arg)
{
    struct tw_deferred *list;
    make_all();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_list_new(deferreds, MANY, TW_LIST_CONSUME_ERRORS, &list), 0);
    CU_ASSERT_EQUAL(tw_deferred_cancel(list), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(list));
    drop_list(list);
    return arg;
}

/* DLS-021: and cancelled. */
TEST(DLS_021_cancel_of_a_list_of_a_million)
{
    on_small_stack(cancel_all_of_a_list);
}

static void *race_a_million(void *arg)
{
    struct tw_deferred *race;
    make_all();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_race(deferreds, MANY, &race), 0);
    tw_source_callback(sources[MANY / 2], NULL, NULL);
    CU_ASSERT_TRUE(tw_deferred_is_called(deferreds[MANY - 1]));
    drop_list(race);
    return arg;
}

/* RAC-002: a race of a million, with all losers cancelled. */
TEST(RAC_002_race_of_a_million)
{
    on_small_stack(race_a_million);
}

static void *yield_a_million(void *arg)
{
    struct tw_deferred_as_completed *each;
    struct tw_deferred *next;
    size_t i;
    make_all();
    CU_ASSERT_EQUAL_FATAL(tw_deferred_as_completed_new(deferreds, MANY, &each), 0);
    for (i = 0; i < MANY; i++) {
        if (i % 2)
            tw_source_callback(sources[i], NULL, NULL);
        CU_ASSERT_EQUAL_FATAL(tw_deferred_as_completed_next(each, &next), 1);
        tw_deferred_add_callback(next, count, NULL, NULL);
        tw_deferred_unref(next);
    }
    for (i = 0; i < MANY; i += 2)
        tw_source_callback(sources[i], NULL, NULL);
    CU_ASSERT_EQUAL(seen, MANY);
    tw_deferred_as_completed_free(each);
    drop_all();
    return arg;
}

/* A million as they complete, half of them asked for beforehand. */
TEST(a_million_as_they_complete)
{
    on_small_stack(yield_a_million);
}

static void *time_out_in_a_row(void *arg)
{
    struct tw_reactor *reactor = NULL;
    size_t i;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    wait_in_a_row();
    for (i = 0; i < MANY; i++)
        tw_deferred_add_timeout(deferreds[i], reactor, TW_SECOND, NULL, NULL, NULL);
    tw_deferred_add_both(deferreds[0], count_and_handle, NULL, NULL);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, TW_SECOND), 0);
    CU_ASSERT_EQUAL(seen, MANY);
    drop_all();
    tw_reactor_unref(reactor);
    return arg;
}

/* TMO-018: a million that wait in a row, each with a limit: the first to expire ends them all, and
 * takes the others back. */
TEST(TMO_018_a_million_limits_in_a_row)
{
    on_small_stack(time_out_in_a_row);
}
