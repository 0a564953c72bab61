/*
 * A team's minimum, and workers that have idled for too long, as the pool asks for them.
 */
#include "as_pool.h"

SUITE("team keep")

/* A team that may have many workers, and keeps some. */
static void start(struct hand *hand, size_t keep, struct note *notes, size_t count)
{
    CU_ASSERT_EQUAL_FATAL(hand_start_as_pool(hand, 8, SIZE_MAX), 0);
    notes_init(notes, count);
    CU_ASSERT_EQUAL(tw__team_keep(hand->team, keep), 0);
}

static void overstay(struct hand *hand, size_t index)
{
    tw__team_overstay(hand->team, &hand->made[index].base);
}

/* What is to be kept is made at once; and no more. */
TEST(keep_makes_what_lacks)
{
    struct hand hand;
    start(&hand, 3, NULL, 0);
    CHECK_BOOKS(&hand, 3, 0, 0);
    tw__team_keep(hand.team, 2);
    CHECK_BOOKS(&hand, 3, 0, 0);
    tw__team_keep(hand.team, 4);
    CHECK_BOOKS(&hand, 4, 0, 0);
    hand_end(&hand);
}

/* Those that work count too. */
TEST(keep_counts_busy_workers)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 0, notes, 3);
    SUBMIT(&hand, &notes[0]);
    SUBMIT(&hand, &notes[1]);
    tw__team_keep(hand.team, 3);
    CHECK_BOOKS(&hand, 1, 2, 0);
    SUBMIT(&hand, &notes[2]);
    CHECK_BOOKS(&hand, 0, 3, 0);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 3, 0, 0);
    hand_end(&hand);
}

/* Tcl's -minthreads: no shrink goes below it, neither at once nor by debt. */
TEST(shrink_goes_no_lower)
{
    struct hand hand;
    struct note notes[4];
    start(&hand, 2, notes, 4);
    tw_team_grow(hand.team, 2);
    tw_team_shrink(hand.team, TW_TEAM_ALL);
    CHECK_BOOKS(&hand, 2, 0, 0);
    SUBMIT(&hand, &notes[0]);
    SUBMIT(&hand, &notes[1]);
    SUBMIT(&hand, &notes[2]);
    SUBMIT(&hand, &notes[3]);
    CU_ASSERT_EQUAL(hand_books(&hand).busy + hand_books(&hand).idle, 4);
    hand_set_limit(&hand, 0); /* no others */
    tw_team_shrink(hand.team, 1);
    tw_team_shrink(hand.team, TW_TEAM_ALL);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 2, 0, 0);
    tw_team_shrink_to(hand.team, 0);
    CHECK_BOOKS(&hand, 2, 0, 0);
    hand_end(&hand);
}

/* When a worker dies the minimum is made good: not at once, which might fail for ever, but by the
 * next visit. */
TEST(a_death_is_made_good_by_the_next_submit)
{
    struct hand hand;
    struct note notes[2];
    CU_ASSERT_EQUAL_FATAL(hand_start_as_pool(&hand, 8, SIZE_MAX), 0);
    notes_init(notes, 2);
    hand.answer = TW_CREATED_COMING;
    hand.refusal = -EAGAIN;
    tw__team_keep(hand.team, 3);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).failed_creations, 3);
    CU_ASSERT_EQUAL(hand.asked, 3);
    hand.refusal = 0;
    SUBMIT(&hand, &notes[0]);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 3);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_BOOKS(&hand, 3, 0, 0);
    SUBMIT(&hand, &notes[1]);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 3, 0, 0);
    CU_ASSERT_EQUAL(hand.asked, 6);
    hand_end(&hand);
}

/* The same by the next task that is over. */
TEST(a_death_is_made_good_by_the_next_task_over)
{
    struct hand hand;
    struct note note;
    start(&hand, 1, &note, 1);
    SUBMIT(&hand, &note);
    hand.error = -ENOMEM;
    tw__team_keep(hand.team, 2);
    CU_ASSERT_EQUAL(hand.asked, 2);
    EXPECT_REPORTS(1);
    hand.error = 0;
    hand_run(&hand);
    CHECK_BOOKS(&hand, 2, 0, 0);
    hand_end(&hand);
}

/* A worker that has idled for too long goes, but for the minimum: that one, and no other. */
TEST(one_that_overstays_goes)
{
    struct hand hand;
    start(&hand, 1, NULL, 0);
    tw_team_grow(hand.team, 2);
    overstay(&hand, 1);
    CHECK_BOOKS(&hand, 2, 0, 0);
    CU_ASSERT_TRUE(hand.made[1].is_gone);
    overstay(&hand, 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    CU_ASSERT_TRUE(hand.made[0].is_gone);
    overstay(&hand, 2);
    CHECK_BOOKS(&hand, 1, 0, 0);
    CU_ASSERT_FALSE(hand.made[2].is_gone);
    hand_end(&hand);
}

/* One that has been given a task in the moment it wanted to go stays and does it; nor does one go
 * that is still coming. */
TEST(one_with_a_task_does_not_go)
{
    struct hand hand;
    struct note note;
    start(&hand, 0, &note, 1);
    tw_team_grow(hand.team, 1);
    SUBMIT(&hand, &note);
    overstay(&hand, 0); /* woken, but not arrived */
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CHECK_NOTE(&note, 0);
    hand.answer = TW_CREATED_COMING;
    tw_team_grow(hand.team, 1);
    overstay(&hand, 1);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 1);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 2, 0, 0);
    hand_end(&hand);
}

/* When the minimum falls, those that stayed for it alone go at once; not one that has worked
 * since. */
TEST(a_lower_minimum_lets_go_those_that_overstay)
{
    struct hand hand;
    struct note notes[2];
    size_t i;
    start(&hand, 3, notes, 2);
    for (i = 0; i < 3; i++)
        overstay(&hand, i);
    CHECK_BOOKS(&hand, 3, 0, 0);
    SUBMIT(&hand, &notes[0]); /* to the third, the one last in */
    hand_run(&hand);
    tw__team_keep(hand.team, 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    CU_ASSERT_FALSE(hand.made[2].is_gone);
    tw__team_keep(hand.team, 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    overstay(&hand, 2);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_end(&hand);
}

/* No more go than are above the new minimum; and one that a shrink has taken is not counted
 * twice. */
TEST(a_lower_minimum_lets_go_no_more_than_it_must)
{
    struct hand hand;
    size_t i;
    start(&hand, 4, NULL, 0);
    for (i = 0; i < 4; i++)
        overstay(&hand, i);
    tw__team_keep(hand.team, 3);
    CHECK_BOOKS(&hand, 3, 0, 0);
    tw__team_keep(hand.team, 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    tw_team_grow(hand.team, 3);
    tw__team_keep(hand.team, 0);
    CHECK_BOOKS(&hand, 3, 0, 0);
    tw__team_keep(hand.team, 3);
    overstay(&hand, 4);
    tw_team_grow(hand.team, 1);
    tw_team_shrink(hand.team, 1); /* takes the one that overstays */
    CU_ASSERT_TRUE(hand.made[4].is_gone);
    tw__team_keep(hand.team, 0);
    CHECK_BOOKS(&hand, 3, 0, 0);
    hand_end(&hand);
}

/* Quit ends those to be kept as well, and none is made after it. */
TEST(quit_keeps_none)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2, notes, 2);
    SUBMIT(&hand, &notes[0]);
    tw_team_quit(hand.team);
    CU_ASSERT_EQUAL(tw__team_keep(hand.team, 5), -ESHUTDOWN);
    overstay(&hand, 0);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand.asked, 2);
    hand_end(&hand);
}

/* Short of memory fewer are made, and what is submitted is done by them or given up. */
SWEEP(short_of_memory)
{
    struct hand hand;
    struct note notes[2];
    int i;
    if (hand_start_as_pool(&hand, 8, SIZE_MAX) < 0)
        return;
    notes_init(notes, 2);
    CU_ASSERT_EQUAL(tw__team_keep(hand.team, 3), 0);
    SUBMIT(&hand, &notes[0]);
    hand_run(&hand);
    SUBMIT(&hand, &notes[1]);
    hand_run(&hand);
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(notes[i].calls, 1);
    if (!harness_failed_one())
        CHECK_BOOKS(&hand, 3, 0, 0);
    hand_end(&hand);
    CU_ASSERT_TRUE(harness_reports() == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
}
