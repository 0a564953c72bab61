/*
 * A team that is suspended and resumed, as the pool does it.
 */
#include "as_pool.h"

SUITE("team suspend")

static void start(struct hand *hand, size_t limit, struct note *notes, size_t count)
{
    CU_ASSERT_EQUAL_FATAL(hand_start_as_pool(hand, limit, SIZE_MAX), 0);
    notes_init(notes, count);
}

static void suspend(struct hand *hand)
{
    CU_ASSERT_EQUAL(tw__team_suspend(hand->team, true), 0);
}

static void resume(struct hand *hand)
{
    CU_ASSERT_EQUAL(tw__team_suspend(hand->team, false), 0);
}

static void submit(struct hand *hand, struct note *notes, size_t from, size_t to)
{
    for (; from < to; from++)
        SUBMIT(hand, &notes[from]);
}

/* Tcl's tpool::suspend: what is submitted waits; nobody is woken or made for it. */
TEST(what_is_submitted_to_a_suspended_team_waits)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 4, notes, 3);
    tw_team_grow(hand.team, 1);
    suspend(&hand);
    submit(&hand, notes, 0, 3);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 1, 0, 3);
    CU_ASSERT_EQUAL(hand_books(&hand).wakes, 0);
    CU_ASSERT_EQUAL(hand.count, 1);
    CHECK_NOT_CALLED(&notes[0]);
    resume(&hand);
    CHECK_BOOKS(&hand, 0, 3, 0); /* one woken, two made */
    CU_ASSERT_EQUAL(hand.count, 3);
    hand_run(&hand);
    CHECK_NOTE(&notes[2], 0);
    hand_end(&hand);
}

/* What runs goes on; its worker idles then, though work waits. */
TEST(what_runs_goes_on)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 1, notes, 3);
    submit(&hand, notes, 0, 2);
    suspend(&hand);
    CHECK_BOOKS(&hand, 0, 1, 1);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOT_CALLED(&notes[1]);
    CHECK_BOOKS(&hand, 1, 0, 1);
    submit(&hand, notes, 2, 3);
    resume(&hand);
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_TRUE(notes[1].order < notes[2].order);
    hand_end(&hand);
}

/* A worker that was woken before has its task, and does it, but wakes no other. */
TEST(a_worker_on_its_way_does_what_it_has)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2, notes, 2);
    tw_team_grow(hand.team, 2);
    submit(&hand, notes, 0, 2);
    CHECK_BOOKS(&hand, 1, 1, 1);
    suspend(&hand);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOT_CALLED(&notes[1]);
    CHECK_BOOKS(&hand, 2, 0, 1);
    CU_ASSERT_EQUAL(hand_books(&hand).wakes, 1);
    resume(&hand);
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    hand_end(&hand);
}

/* A worker that comes up meanwhile idles, and so does one made by hand. */
TEST(a_worker_that_comes_up_idles)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 4, notes, 2);
    hand.answer = TW_CREATED_COMING;
    submit(&hand, notes, 0, 2);
    suspend(&hand);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 2, 0, 2);
    hand.answer = TW_CREATED_READY;
    tw_team_grow(hand.team, 1);
    CHECK_BOOKS(&hand, 3, 0, 2);
    resume(&hand);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 3, 0, 0);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    hand_end(&hand);
}

/* The second suspend, and a resume of what is not suspended, are -EALREADY. */
TEST(twice_is_already)
{
    struct hand hand;
    start(&hand, 1, NULL, 0);
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, false), -EALREADY);
    suspend(&hand);
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, true), -EALREADY);
    resume(&hand);
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, false), -EALREADY);
    hand_end(&hand);
}

/* A quit resumes: what was accepted runs. After it neither is to be had. */
TEST(quit_resumes)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 2, notes, 3);
    tw_team_grow(hand.team, 1);
    suspend(&hand);
    submit(&hand, notes, 0, 3);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, true), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, false), -ESHUTDOWN);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_end(&hand);
}

/* Cancel and shrink work meanwhile, also down to no worker; settings wake nobody. */
TEST(cancel_and_shrink_work_meanwhile)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 3, notes, 2);
    tw_team_grow(hand.team, 2);
    suspend(&hand);
    submit(&hand, notes, 0, 2);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[0].task), 0);
    CHECK_NOTE(&notes[0], -ECANCELED);
    tw_team_shrink(hand.team, TW_TEAM_ALL);
    tw_team_shrink_to(hand.team, 3);
    tw__team_keep(hand.team, 1);
    CHECK_BOOKS(&hand, 0, 0, 1);
    resume(&hand);
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    hand_end(&hand);
}

/* If every worker dies meanwhile nothing is given up: resume makes others, or gives up then. */
TEST(a_death_meanwhile_gives_nothing_up)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2, notes, 2);
    tw_team_grow(hand.team, 1);
    hand.made[0].refusal = -EAGAIN;
    suspend(&hand);
    submit(&hand, notes, 0, 1);
    resume(&hand); /* cannot be woken, and there is no other */
    CHECK_NOTE(&notes[0], -EAGAIN);
    hand.answer = TW_CREATED_COMING;
    submit(&hand, notes, 1, 2);
    suspend(&hand);
    hand_perform(&hand, 1);
    hand.made[1].refusal = -EAGAIN;
    CHECK_BOOKS(&hand, 1, 0, 1);
    tw_team_shrink(hand.team, 1);
    CHECK_NOT_CALLED(&notes[1]);
    resume(&hand);
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    hand_end(&hand);
}
