/*
 * Bursts: many tasks handed to a team in one visit.
 */
#include "by_hand.h"

SUITE("submit many")

enum { MANY = 6 };

static struct note notes[MANY];
static struct tw_task *tasks[MANY];

static void start(struct hand *hand, make_worker_fn make_coordinator, size_t limit)
{
    size_t i;
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, make_coordinator, limit), 0);
    notes_init(notes, MANY);
    for (i = 0; i < MANY; i++)
        tasks[i] = &notes[i].task;
}

/* One worker at most: so each is performed in the order it was submitted in. */
static void check_order(void)
{
    int i;
    for (i = 0; i < MANY; i++) {
        CHECK_NOTE(&notes[i], 0);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
}

/* R12: a burst starts what it needs at once, in one visit, and never more than there may be. */
TEST(R12_burst_starts_what_it_needs_at_once)
{
    struct hand hand;
    start(&hand, tw_lock_worker_new, 4);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, MANY), 0);
    CHECK_BOOKS(&hand, 0, 4, 2);
    CU_ASSERT_EQUAL(hand.count, 4);
    CU_ASSERT_EQUAL(hand.asked, 5); /* the last answer was: no more */
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, MANY);
    hand_end(&hand);
}

/* R12: those that are free count: only the others are made. */
TEST(R12_free_workers_count)
{
    struct hand hand;
    start(&hand, tw_lock_worker_new, 100);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 4), 0);
    hand.asked = 0;
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, MANY), 0);
    CU_ASSERT_EQUAL(hand.asked, 2);
    CU_ASSERT_EQUAL(hand.count, MANY);
    CU_ASSERT_EQUAL(hand_books(&hand).wakes, 1);
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, MANY);
    hand_end(&hand);
}

/* The order is kept, with a coordinator that can be entered and with one that cannot. */
TEST(order_is_kept)
{
    struct hand hand;
    start(&hand, tw_lock_worker_new, 1);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, MANY), 0);
    hand_run(&hand);
    check_order();
    hand_end(&hand);
    start(&hand, tw_memory_worker_new, 1);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, 2), 0);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks + 2, MANY - 2), 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_run(&hand);
    check_order();
    hand_end(&hand);
}

/* None at all is fine, and does nothing. */
TEST(none_at_all)
{
    struct hand hand;
    start(&hand, tw_lock_worker_new, 1);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, NULL, 0), 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand.asked, 0);
    hand_end(&hand);
}

/* TEA-026: after quit none is accepted, and none called. */
TEST(TEA_026_refused_after_quit)
{
    make_worker_fn makers[] = {tw_lock_worker_new, tw_memory_worker_new};
    struct hand hand;
    size_t i, k;
    for (k = 0; k < 2; k++) {
        start(&hand, makers[k], 1);
        CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
        CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, MANY), -ESHUTDOWN);
        hand_run(&hand);
        for (i = 0; i < MANY; i++) {
            CHECK_NOT_CALLED(&notes[i]);
            CU_ASSERT_EQUAL(tw_team_cancel(hand.team, tasks[i]), -EALREADY);
        }
        hand_end(&hand);
    }
}

/* A bad one among them: none is accepted. */
TEST(bad_one_among_them)
{
    struct tw_task *with_null[2] = {&notes[0].task, NULL};
    struct hand hand;
    start(&hand, tw_lock_worker_new, 0);
    PROVOKE(tw_team_submit_many(NULL, tasks, MANY));
    PROVOKE(tw_team_submit_many(hand.team, NULL, 1));
    PROVOKE(tw_team_submit_many(hand.team, with_null, 2));
    SUBMIT(&hand, &notes[1]);
    PROVOKE(tw_team_submit_many(hand.team, tasks, MANY)); /* the second is submitted already */
    CHECK_BOOKS(&hand, 0, 0, 1);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
    CHECK_NOT_CALLED(&notes[0]);
    hand_end(&hand);
}

/* Each of a burst can be cancelled by itself. */
TEST(one_of_a_burst_is_cancelled)
{
    struct hand hand;
    start(&hand, tw_lock_worker_new, 1);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, 3), 0);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, tasks[1]), 0);
    CHECK_NOTE(&notes[1], -ECANCELED);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[2], 0);
    hand_end(&hand);
}

/* R9: whatever allocation fails, each accepted task is called once, and none else. */
SWEEP(nothing_is_lost_without_memory)
{
    struct hand hand;
    int i;
    if (hand_start(&hand, tw_lock_worker_new, 3) < 0)
        return;
    notes_init(notes, MANY);
    for (i = 0; i < MANY; i++)
        tasks[i] = &notes[i].task;
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, tasks, MANY), 0);
    hand_run(&hand);
    tw_team_quit(hand.team);
    hand_run(&hand);
    for (i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(notes[i].calls, 1);
    EXPECT_REPORTS(harness_reports());
    hand_end(&hand);
}
