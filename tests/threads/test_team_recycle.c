/*
 * How a worker of a team comes back from a task, after Twisted's catalogue (TEA), by hand.
 */
#include "by_hand.h"

SUITE("team recycle")

static void start(struct hand *hand, size_t limit, struct note *notes, size_t count)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, tw_memory_worker_new, limit), 0);
    notes_init(notes, count);
}

/* Submits so many notes, and has the books take notice of all at once. */
static void submit(struct hand *hand, struct note *notes, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        SUBMIT(hand, &notes[i]);
    CU_ASSERT_TRUE(hand_step(hand));
}

/* TEA-009: when its task is over, a worker asks the coordinator for a step; nothing is counted
 * before that. Several that come back before it need one step between them. */
TEST(TEA_009_a_worker_that_comes_back_asks_for_a_step)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2, notes, 2);
    submit(&hand, notes, 2);
    CU_ASSERT_EQUAL(hand.coordinator.submits, 1);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CU_ASSERT_EQUAL(hand.coordinator.submits, 2);
    CHECK_BOOKS(&hand, 0, 2, 0);
    CU_ASSERT_TRUE(hand_perform(&hand, 1));
    CU_ASSERT_EQUAL(hand.coordinator.submits, 2);
    CHECK_BOOKS(&hand, 0, 2, 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    CHECK_BOOKS(&hand, 2, 0, 0);
    CU_ASSERT_FALSE(hand_step(&hand));
    hand_end(&hand);
}

/* TEA-010: a worker that comes back looks for what waits first, then whether the team has quit,
 * then whether it is owed to a shrink. */
TEST(TEA_010_the_backlog_comes_before_quit_and_debt)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 1, notes, 2);
    submit(&hand, notes, 2);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_EQUAL(hand.made[0].quits, 0);
    CHECK_BOOKS(&hand, 0, 1, 0);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_EQUAL(hand.made[0].quits, 1);
    hand_end(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
}

/* TEA-010: quit comes before debt: not only the worker that is owed goes, but every idle one. */
TEST(TEA_010_quit_comes_before_debt)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2, notes, 2);
    submit(&hand, notes, 2);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CU_ASSERT_TRUE(hand_perform(&hand, 1));
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_TRUE(hand_step(&hand)); /* one pays the debt, one is idle, then quit */
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}

/* TEA-028: after quit each busy worker is quit in the step in which it comes back, and with the
 * last of them the coordinator. */
TEST(TEA_028_busy_workers_are_quit_as_they_come_back)
{
    struct hand hand;
    struct note notes[3];
    size_t i, k;
    start(&hand, 3, notes, 3);
    submit(&hand, notes, 3);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    for (i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(hand.coordinator.quits, 0);
        CU_ASSERT_TRUE(hand_perform(&hand, i));
        CU_ASSERT_EQUAL(hand.made[i].quits, 0);
        CU_ASSERT_TRUE(hand_step(&hand));
        for (k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(hand.made[k].quits, k <= i);
    }
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}
