/*
 * A race: the first success of several, the end of the others, and what becomes of it when none
 * succeeds.
 */
#include "trace.h"

SUITE("race")

enum { COUNT = 3 };

static struct pair child[COUNT];
static struct tw_deferred *array[COUNT];
static const char *names[COUNT] = {"0", "1", "2"};

/* Writes "C0 " when child 0 is asked to end. */
static int note_cancel(struct tw_source *source, void *name)
{
    (void)source;
    trace("C%s ", (const char *)name);
    return 0;
}

static int succeed_instead(struct tw_source *source, void *name)
{
    trace("S%s ", (const char *)name);
    return fire(source, 50 + atoi((const char *)name));
}

static void make_children(tw_canceller_fn canceller)
{
    int i;
    for (i = 0; i < COUNT; i++) {
        child[i] = make_cancellable(canceller, (void *)(uintptr_t)names[i]);
        array[i] = child[i].deferred;
    }
}

/* "1=5 " if child 1 has won with the value 5, "group 7 8 9 " if all have failed with these codes,
 * "!32 " for another failure. */
static void show(struct tw_result *result, void *arg)
{
    struct tw_outcomes *outcomes = (struct tw_outcomes *)tw_result_value(result);
    struct tw_failure *failure = tw_result_failure(result);
    size_t i, winner = tw_outcomes_winner(outcomes);
    (void)arg;
    if (outcomes)
        trace("%zu=%d ", winner, NUMBER(tw_result_value(tw_outcomes_at(outcomes, winner))));
    else if (!tw_failure_is(failure, &TW_ERROR_FAILURE_GROUP))
        trace("!%d ", tw_failure_code(failure));
    else
        trace("group ");
    for (i = 0; i < tw_failure_group_count(failure); i++)
        trace("%d ", tw_failure_code(tw_failure_group_at(failure, i)));
    tw_result_set(result, NULL, NULL);
}

static struct tw_deferred *start(size_t count)
{
    struct tw_deferred *race = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_race(array, count, &race), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(race, show, NULL, NULL), 0);
    return race;
}

static void drop_all(struct tw_deferred *race)
{
    int i;
    tw_deferred_unref(race);
    for (i = 0; i < COUNT; i++)
        drop(&child[i]);
    trace_clear();
}

/* RAC-001: the first to succeed decides, and which it was can be told. */
TEST(RAC_001_first_success_wins)
{
    struct tw_deferred *race;
    make_children(NULL);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire(child[1].source, 5), 0);
    TRACED("1=5 ");
    drop_all(race);
}

/* RAC-002: the others are cancelled, once each and before the result is delivered; the winner is
 * not. */
TEST(RAC_002_losers_are_cancelled_first)
{
    struct tw_deferred *race;
    make_children(note_cancel);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire(child[1].source, 5), 0);
    TRACED("C0 C2 1=5 ");
    drop_all(race);
}

/* RAC-003: a loser that has failed already has nothing to cancel. */
TEST(RAC_003_loser_that_has_failed_is_left_alone)
{
    struct tw_deferred *race;
    make_children(note_cancel);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
    CU_ASSERT_EQUAL(fire(child[1].source, 5), 0);
    TRACED("C2 1=5 ");
    drop_all(race);
}

/* RAC-004: if all fail, it fails with all the failures, in the order of the children. */
TEST(RAC_004_group_of_failures)
{
    struct tw_deferred *race;
    make_children(NULL);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire_failure(child[2].source, 9), 0);
    CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
    TRACED("");
    CU_ASSERT_EQUAL(fire_failure(child[1].source, 8), 0);
    TRACED("group 7 8 9 ");
    drop_all(race);
}

static void take_failure(struct tw_result *result, void *ret_failure)
{
    *(struct tw_failure **)ret_failure = tw_failure_ref(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

/* A group outlives its race and its children, and says how many there are. */
TEST(RAC_004_group_may_be_kept)
{
    struct tw_failure *group = NULL;
    struct tw_deferred *race;
    int i;
    make_children(NULL);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_race(array, COUNT, &race), 0);
    tw_deferred_add_errback(race, take_failure, &group, NULL);
    for (i = 0; i < COUNT; i++)
        fire_failure(child[i].source, 7 + i);
    drop_all(race);
    CU_ASSERT_EQUAL(tw_failure_code(group), COUNT);
    CU_ASSERT_EQUAL(tw_failure_group_count(group), COUNT);
    CU_ASSERT_EQUAL(tw_failure_code(tw_failure_group_at(group, 2)), 9);
    CU_ASSERT_PTR_NULL(tw_failure_group_at(group, COUNT));
    tw_failure_unref(group);
    CU_ASSERT_EQUAL(tw_failure_group_count(NULL), 0);
}

/* RAC-005: one failure alone causes nothing. */
TEST(RAC_005_one_failure_causes_nothing)
{
    struct tw_deferred *race;
    make_children(note_cancel);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire_failure(child[0].source, 7), 0);
    TRACED("");
    CU_ASSERT_EQUAL(fire(child[2].source, 6), 0);
    TRACED("C1 2=6 ");
    drop_all(race);
}

/* RAC-006: a loser that fires after its cancel is ignored, value or failure. */
TEST(RAC_006_late_loser_is_ignored)
{
    struct tw_deferred *race;
    make_children(NULL);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire(child[0].source, 5), 0);
    TRACED("0=5 ");
    CU_ASSERT_EQUAL(fire(child[1].source, 6), 0);
    CU_ASSERT_EQUAL(fire_failure(child[2].source, 7), 0);
    TRACED("");
    drop_all(race);
}

/* RAC-007: a loser whose canceller fires it with success does not disturb the result. */
TEST(RAC_007_loser_that_succeeds_when_cancelled)
{
    struct tw_deferred *race;
    make_children(succeed_instead);
    race = start(COUNT);
    CU_ASSERT_EQUAL(fire(child[1].source, 5), 0);
    TRACED("S0 S2 1=5 ");
    drop_all(race);
}

/* RAC-008: a cancel of the race cancels all the children; if none succeeds it fails as a group. */
TEST(RAC_008_cancel_cancels_all)
{
    struct tw_deferred *race;
    make_children(note_cancel);
    race = start(COUNT);
    CU_ASSERT_EQUAL(tw_deferred_cancel(race), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace_text, "C0 C1 C2 group "));
    trace_clear();
    drop_all(race);
}

/* RAC-009: a child that succeeds during that cancel wins. */
TEST(RAC_009_success_during_the_cancel_wins)
{
    struct tw_deferred *race;
    make_children(succeed_instead);
    race = start(COUNT);
    CU_ASSERT_EQUAL(tw_deferred_cancel(race), 0);
    TRACED("S0 S1 S2 0=50 ");
    drop_all(race);
}

/* RAC-010: the children hold null after their links, so nothing is reported. */
TEST(RAC_010_children_are_consumed)
{
    struct tw_deferred *race;
    int i;
    make_children(NULL);
    race = start(COUNT);
    fire_failure(child[0].source, 7);
    fire(child[1].source, 5);
    trace_clear();
    for (i = 0; i < COUNT; i++)
        watch(child[i].deferred, names[i]);
    TRACED("0=0 1=0 2=0 ");
    drop_all(race);
}

/* RAC-011 in C: without children nobody could ever win, so it is abandoned at once. */
TEST(RAC_011_race_of_none_is_abandoned)
{
    struct tw_deferred *race = start(0);
    TRACED("!32 "); /* EPIPE */
    tw_deferred_unref(race);
}

/* RAC-012: of children that have fired already, the first in the list wins at once; those that have
 * not are cancelled. */
TEST(RAC_012_fired_children_decide_at_once)
{
    struct tw_deferred *race;
    make_children(note_cancel);
    fire(child[1].source, 5);
    fire(child[2].source, 6);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_race(array, COUNT, &race), 0);
    TRACED("C0 ");
    CU_ASSERT_TRUE(tw_deferred_is_called(race));
    tw_deferred_add_both(race, show, NULL, NULL);
    TRACED("1=5 ");
    drop_all(race);
}

/* Whoever is told of the winner may let go of everything. */
static void let_all_go(struct tw_result *result, void *race)
{
    int i;
    (void)result;
    for (i = 0; i < COUNT; i++)
        child[i].deferred = tw_deferred_unref(child[i].deferred);
    tw_deferred_unref(*(struct tw_deferred **)race);
    *(struct tw_deferred **)race = NULL;
}

TEST(everything_may_go_inside_the_callback)
{
    struct tw_deferred *race;
    make_children(NULL);
    race = start(COUNT);
    tw_deferred_add_callback(race, let_all_go, &race, NULL);
    fire(child[2].source, 5);
    TRACED("2=5 ");
    CU_ASSERT_PTR_NULL(race);
    drop_all(NULL);
}

/* The values of winner and losers are each destroyed once. */
TEST(values_are_destroyed_once)
{
    int gone[COUNT] = {0, 0, 0}, i;
    struct tw_deferred *race;
    make_children(NULL);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_race(array, COUNT, &race), 0);
    for (i = 0; i < COUNT; i++)
        tw_source_callback(child[i].source, &gone[i], count_destroy);
    drop_all(race);
    for (i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(gone[i], 1);
}

/* What is no race is refused. */
TEST(bad_races_are_refused)
{
    struct tw_deferred *race, *none = NULL;
    PROVOKE(tw_deferred_race(&none, 1, &race));
    PROVOKE(tw_deferred_race(NULL, 1, &race));
    PROVOKE(tw_deferred_race(NULL, 0, NULL));
}

/* Short of memory, it cannot be made and the children are untouched; once made, it ends as always. */
SWEEP(race_without_memory)
{
    struct tw_deferred *race = NULL;
    struct tw_deferred *two[2];
    struct pair pair[2] = {{NULL, NULL}, {NULL, NULL}};
    int i, made = 0;
    for (i = 0; i < 2; i++)
        if (tw_deferred_new(NULL, NULL, NULL, &pair[i].source, &pair[i].deferred) == 0)
            two[made++] = pair[i].deferred;
    if (made == 2 && tw_deferred_race(two, 2, &race) == 0) {
        tw_deferred_add_both(race, show, NULL, NULL);
        fire(pair[0].source, 4);
        TRACED("0=4 ");
    } else {
        for (i = 0; i < 2; i++)
            if (pair[i].source)
                fire(pair[i].source, 4);
    }
    for (i = 0; i < 2; i++)
        if (pair[i].deferred)
            drop(&pair[i]);
    tw_deferred_unref(race);
}
