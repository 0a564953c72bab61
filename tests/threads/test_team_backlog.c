/*
 * A bound on a team's backlog, as the pool sets it.
 */
#include "as_pool.h"

SUITE("team backlog")

static void start(struct hand *hand, size_t limit, size_t bound, struct note *notes, size_t count)
{
    CU_ASSERT_EQUAL_FATAL(hand_start_as_pool(hand, limit, bound), 0);
    notes_init(notes, count);
}

static int submit(struct hand *hand, struct note *note)
{
    return tw_team_submit(hand->team, &note->task);
}

static int submit_many(struct hand *hand, struct note *notes, size_t count)
{
    struct tw_task *tasks[16];
    size_t i;
    for (i = 0; i < count; i++)
        tasks[i] = &notes[i].task;
    return tw_team_submit_many(hand->team, tasks, count);
}

/* So many wait, and not one more; who is refused has its task still, and may try again. */
TEST(a_task_past_the_bound_is_refused)
{
    struct hand hand;
    struct note notes[4];
    start(&hand, 1, 2, notes, 4);
    CU_ASSERT_EQUAL(submit(&hand, &notes[0]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[1]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[3]), -EAGAIN);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[3].task), -EALREADY);
    CHECK_BOOKS(&hand, 0, 1, 2);
    hand_run(&hand);
    CHECK_NOT_CALLED(&notes[3]);
    CU_ASSERT_EQUAL(submit(&hand, &notes[3]), 0);
    hand_run(&hand);
    CHECK_NOTE(&notes[2], 0);
    CHECK_NOTE(&notes[3], 0);
    hand_end(&hand);
}

/* With no backlog at all a task is accepted if there is a worker for it, or one can be made. */
TEST(no_backlog_at_all)
{
    struct hand hand;
    struct note notes[4];
    start(&hand, 2, 0, notes, 4);
    CU_ASSERT_EQUAL(submit(&hand, &notes[0]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[1]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), -EAGAIN);
    hand_perform(&hand, 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[3]), -EAGAIN);
    hand_run(&hand);
    CHECK_NOTE(&notes[2], 0);
    CHECK_NOT_CALLED(&notes[3]);
    CU_ASSERT_EQUAL(hand.count, 2);
    hand_end(&hand);
}

/* Tasks for which an idle worker will be woken, or one is coming, are not backlog, though they wait
 * for it. */
TEST(what_waits_for_a_free_worker_is_not_backlog)
{
    struct hand hand;
    struct note notes[6];
    int i;
    start(&hand, 5, 0, notes, 6);
    tw_team_grow(hand.team, 3);
    hand.answer = TW_CREATED_COMING;
    tw_team_grow(hand.team, 2);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(submit(&hand, &notes[i]), 0);
    CHECK_BOOKS(&hand, 2, 1, 4);
    CU_ASSERT_EQUAL(submit(&hand, &notes[5]), -EAGAIN);
    hand_run(&hand);
    CHECK_NOTE(&notes[4], 0);
    hand_end(&hand);
}

/* Of several, all are accepted or none; and no worker is made for those that are refused. */
TEST(submit_many_is_all_or_none)
{
    struct hand hand;
    struct note notes[5];
    int i;
    start(&hand, 2, 2, notes, 5);
    CU_ASSERT_EQUAL(submit_many(&hand, notes, 5), -EAGAIN);
    CU_ASSERT_EQUAL(hand.count, 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[i].task), -EALREADY);
    CU_ASSERT_EQUAL(submit_many(&hand, notes, 4), 0);
    CU_ASSERT_EQUAL(submit_many(&hand, notes + 4, 1), -EAGAIN);
    CU_ASSERT_EQUAL(submit_many(&hand, NULL, 0), 0);
    hand_run(&hand);
    CHECK_NOTE(&notes[3], 0);
    CHECK_NOT_CALLED(&notes[4]);
    hand_end(&hand);
}

/* A cancelled task makes room at once. */
TEST(cancel_makes_room)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 0, 2, notes, 3);
    CU_ASSERT_EQUAL(submit(&hand, &notes[0]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[1]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), -EAGAIN);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[0].task), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), 0);
    hand_set_limit(&hand, 1);
    tw_team_grow(hand.team, 0);
    hand_run(&hand);
    CHECK_NOTE(&notes[2], 0);
    hand_end(&hand);
}

/* While the team is suspended everything waits, so all of it is backlog. */
TEST(all_is_backlog_while_suspended)
{
    struct hand hand;
    struct note notes[4];
    start(&hand, 4, 2, notes, 4);
    tw_team_grow(hand.team, 1);
    tw__team_suspend(hand.team, true);
    CU_ASSERT_EQUAL(submit(&hand, &notes[0]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[1]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), -EAGAIN);
    tw__team_suspend(hand.team, false);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), 0);
    hand_run(&hand);
    CHECK_NOTE(&notes[2], 0);
    hand_end(&hand);
}

/* What has been accepted stays so, though the limit falls or no worker can be made. */
TEST(what_is_accepted_is_not_refused_later)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 2, 0, notes, 3);
    tw_team_grow(hand.team, 2);
    CU_ASSERT_EQUAL(submit_many(&hand, notes, 2), 0);
    hand_set_limit(&hand, 0);
    tw_team_shrink_to(hand.team, 1);
    CU_ASSERT_EQUAL(submit(&hand, &notes[2]), -EAGAIN);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOT_CALLED(&notes[2]);
    hand_end(&hand);
}

/* After quit the answer is -ESHUTDOWN, whatever waits. */
TEST(quit_goes_before_the_bound)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 0, 1, notes, 2);
    CU_ASSERT_EQUAL(submit(&hand, &notes[0]), 0);
    CU_ASSERT_EQUAL(submit(&hand, &notes[1]), -EAGAIN);
    tw_team_quit(hand.team);
    CU_ASSERT_EQUAL(submit(&hand, &notes[1]), -ESHUTDOWN);
    CHECK_NOTE(&notes[0], -ESHUTDOWN);
    hand_end(&hand);
}
