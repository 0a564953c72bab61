/*
 * The team, after Twisted's catalogue (TEA): every step by hand, with memory workers for the
 * coordinator and for the workers, and, where it makes a difference, with a lock worker as the
 * coordinator. test_team_books.c has what is twine's own.
 */
#include "by_hand.h"

SUITE("team")

/* A team by hand under a memory coordinator, with up to limit workers. */
static void start(struct hand *hand, size_t limit)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, tw_memory_worker_new, limit), 0);
}

static void start_locked(struct hand *hand, size_t limit)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, tw_lock_worker_new, limit), 0);
}

/* Submits notes from one index up to another, and takes a step after each. */
static void submit(struct hand *hand, struct note *notes, size_t from, size_t to)
{
    for (; from < to; from++) {
        SUBMIT(hand, &notes[from]);
        hand_step(hand);
    }
}

/* Has a worker perform, and the books take notice. */
static void finish(struct hand *hand, size_t worker)
{
    CU_ASSERT_TRUE(hand_perform(hand, worker));
    hand_step(hand);
}

/* TEA-001: submit only notes a step for the coordinator; with a lock worker that step has been
 * taken when it returns, with a memory worker not before it is performed. */
TEST(TEA_001_submit_asks_the_coordinator)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand.asked, 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_end(&hand);
    CHECK_NOTE(&note, 0);
    start_locked(&hand, 1);
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_end(&hand);
    CHECK_NOTE(&note, 0);
}

/* A coordinator that cannot be entered has at most one step of the team's queued, and that step
 * does all that was asked, in order. */
TEST(one_step_does_all_that_was_asked)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 3);
    notes_init(notes, 3);
    SUBMIT(&hand, &notes[0]);
    SUBMIT(&hand, &notes[1]);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    SUBMIT(&hand, &notes[2]);
    CU_ASSERT_EQUAL(hand.coordinator.submits, 1);
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_FALSE(hand_step(&hand));
    CU_ASSERT_EQUAL(hand.count, 4);
    CHECK_BOOKS(&hand, 0, 3, 0);
    hand_end(&hand);
}

/* TEA-002: an idle worker takes the task if there is one; else one is made; else it waits. */
TEST(TEA_002_idle_then_new_then_backlog)
{
    struct hand hand;
    struct note notes[4];
    start(&hand, 2);
    notes_init(notes, 4);
    submit(&hand, notes, 0, 1);
    finish(&hand, 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    submit(&hand, notes, 1, 2);
    CU_ASSERT_EQUAL(hand.count, 1);
    CHECK_BOOKS(&hand, 0, 1, 0);
    submit(&hand, notes, 2, 3);
    CU_ASSERT_EQUAL(hand.count, 2);
    CHECK_BOOKS(&hand, 0, 2, 0);
    submit(&hand, notes, 3, 4);
    CHECK_BOOKS(&hand, 0, 2, 1);
    hand_end(&hand);
    CHECK_NOTE(&notes[3], 0);
}

/* TEA-003, which Twisted leaves open: of several idle workers the one last used takes the task. */
TEST(TEA_003_the_idle_worker_last_used_is_taken)
{
    struct hand hand;
    struct note notes[4];
    start(&hand, 3);
    notes_init(notes, 4);
    submit(&hand, notes, 0, 3);
    finish(&hand, 0);
    finish(&hand, 2);
    finish(&hand, 1);
    CHECK_BOOKS(&hand, 3, 0, 0);
    submit(&hand, notes, 3, 4);
    CU_ASSERT_FALSE(hand_perform(&hand, 0));
    CU_ASSERT_FALSE(hand_perform(&hand, 2));
    CU_ASSERT_TRUE(hand_perform(&hand, 1));
    CHECK_NOTE(&notes[3], 0);
    hand_end(&hand);
}

/* TEA-004: the create function is asked only when no worker is idle, and only inside the
 * coordinator (hand_end checks that). */
TEST(TEA_004_create_is_asked_when_none_is_idle)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 5);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 1);
    CU_ASSERT_EQUAL(hand.asked, 1);
    finish(&hand, 0);
    submit(&hand, notes, 1, 2);
    finish(&hand, 0);
    CU_ASSERT_EQUAL(hand.asked, 1);
    hand_end(&hand);
}

/* TEA-005, TEA-009: a worker counts as busy until the step that takes notice of its end has run in
 * the coordinator; that step is asked for by the worker. */
TEST(TEA_005_a_worker_is_busy_until_the_step_after_its_task)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    hand_step(&hand);
    CU_ASSERT_FALSE(hand_step(&hand));
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&note, 0);
    CHECK_BOOKS(&hand, 0, 1, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    CHECK_BOOKS(&hand, 1, 0, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1);
    hand_end(&hand);
}

/* TEA-006: the task runs where the chosen worker performs. */
TEST(TEA_006_the_task_runs_through_its_worker)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    CHECK_NOT_CALLED(&notes[0]);
    CU_ASSERT_TRUE(hand_perform(&hand, 1));
    CHECK_NOT_CALLED(&notes[0]);
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&notes[0], 0);
    hand_end(&hand);
}

/* TEA-010, TEA-011: a worker that has finished takes the oldest task that waits. */
TEST(TEA_011_a_finished_worker_takes_the_oldest_that_waits)
{
    struct hand hand;
    struct note notes[4];
    size_t i;
    start(&hand, 1);
    notes_init(notes, 4);
    submit(&hand, notes, 0, 4);
    CHECK_BOOKS(&hand, 0, 1, 3);
    for (i = 0; i < 4; i++) {
        finish(&hand, 0);
        CHECK_NOTE(&notes[i], 0);
    }
    CHECK_BOOKS(&hand, 1, 0, 0);
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(notes[i].order, (int)i);
    hand_end(&hand);
}

/* The same under a lock worker: it takes the next in the same visit, without travelling anew. */
TEST(TEA_011_under_a_lock_worker_in_one_visit)
{
    struct hand hand;
    struct note notes[4];
    start_locked(&hand, 1);
    notes_init(notes, 4);
    submit(&hand, notes, 0, 4);
    CU_ASSERT_EQUAL(hand.made[0].submits, 1);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&notes[3], 0);
    CU_ASSERT_EQUAL(hand.made[0].submits, 1);
    CHECK_BOOKS(&hand, 1, 0, 0);
    hand_end(&hand);
}

/* TEA-012, TEA-028: on quit a busy worker is quit as it finishes, and with the last one the
 * coordinator. */
TEST(TEA_012_quit_later_when_busy)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    hand_step(&hand);
    CU_ASSERT_EQUAL(hand.made[0].quits + hand.made[1].quits, 0);
    finish(&hand, 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 1);
    CU_ASSERT_EQUAL(hand.made[1].quits, 0);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 0);
    CU_ASSERT_EQUAL(hand.destroyed, 0);
    finish(&hand, 1);
    CU_ASSERT_EQUAL(hand.made[1].quits, 1);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    CU_ASSERT_EQUAL(hand.destroyed, 1);
    hand_end(&hand);
}

/* TEA-013: with nothing waiting, a worker that finishes pays shrink debt: it is quit, and the debt
 * is one less. */
TEST(TEA_013_shrink_debt_is_paid)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 2);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 2, 0);
    finish(&hand, 1);
    CU_ASSERT_EQUAL(hand.made[1].quits, 1);
    CHECK_BOOKS(&hand, 0, 1, 0);
    finish(&hand, 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    hand_end(&hand);
}

/* TEA-014: the books start empty and count what is idle, busy and waiting. */
TEST(TEA_014_statistics)
{
    struct hand hand;
    struct note notes[4];
    struct tw_statistics books;
    start(&hand, 2);
    notes_init(notes, 4);
    CHECK_BOOKS(&hand, 0, 0, 0);
    submit(&hand, notes, 0, 3);
    CHECK_BOOKS(&hand, 0, 2, 1);
    finish(&hand, 0);
    finish(&hand, 0);
    CHECK_BOOKS(&hand, 1, 1, 0);
    submit(&hand, notes, 3, 4);
    books = hand_books(&hand);
    CU_ASSERT_EQUAL(books.finished, 2);
    CU_ASSERT_EQUAL(books.wakes, 1);
    CU_ASSERT_EQUAL(books.coming, 0);
    CU_ASSERT_EQUAL(books.failed_creations, 0);
    hand_end(&hand);
}

/* TEA-015: statistics works after quit, to the end. */
TEST(TEA_015_statistics_after_quit)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    hand_step(&hand);
    tw_team_quit(hand.team);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1);
    hand_end(&hand);
}

/* TEA-016: grow makes up to n workers, idle ones, and stops at the first "none". */
TEST(TEA_016_grow_makes_idle_workers)
{
    struct hand hand;
    start(&hand, 3);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 2), 0);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 2, 0, 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 100), 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 3, 0, 0);
    CU_ASSERT_EQUAL(hand.asked, 4);
    hand_end(&hand);
}

/* TEA-017: what grow makes goes straight to what waits. */
TEST(TEA_017_grow_feeds_the_backlog)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 0);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 3);
    CHECK_BOOKS(&hand, 0, 0, 3);
    hand.limit = 5;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 2), 0);
    hand_step(&hand);
    CU_ASSERT_TRUE(hand_books(&hand).busy >= 2);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&notes[0], 0);
    hand_end(&hand);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
}

/* TEA-018: what grow makes pays shrink debt first. */
TEST(TEA_018_grow_pays_shrink_debt)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 10);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 3);
    tw_team_shrink(hand.team, 3);
    hand_step(&hand);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 5), 0);
    hand_step(&hand);
    CU_ASSERT_EQUAL(hand.count, 8);
    CHECK_BOOKS(&hand, 2, 3, 0);
    hand_end(&hand);
}

/* TEA-019: shrink quits up to n idle workers; the rest is debt. */
TEST(TEA_019_shrink_quits_idle_workers)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 4);
    notes_init(notes, 2);
    tw_team_grow(hand.team, 4);
    hand_step(&hand);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 3, 0, 0);
    submit(&hand, notes, 0, 1);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 3), 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand.count, 4);
    hand_check_gone(&hand);
    hand_end(&hand);
}

/* The ones idle longest go first, and the one last used goes last: it is warm. */
TEST(shrink_keeps_the_one_last_used)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 3);
    notes_init(notes, 2);
    tw_team_grow(hand.team, 3); /* the third is the last one in */
    hand_step(&hand);
    submit(&hand, notes, 0, 1);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    hand_run(&hand);
    CU_ASSERT_TRUE(hand.made[0].is_gone);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    hand_run(&hand);
    CU_ASSERT_TRUE(hand.made[1].is_gone);
    CU_ASSERT_FALSE(hand.made[2].is_gone);
    submit(&hand, notes, 1, 2);
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand.made[2].performed, 2);
    hand_end(&hand);
}

/* TEA-020: shrink by all means those idle and busy at the time of the step. */
TEST(TEA_020_shrink_by_all)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 3);
    notes_init(notes, 2);
    tw_team_grow(hand.team, 3);
    submit(&hand, notes, 0, 1);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, TW_TEAM_ALL), 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 0, 0, 0);
    submit(&hand, notes, 1, 2);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 1, 0, 0);
    hand_end(&hand);
}

/* TEA-021, in twine's own way (appendix B): debt is capped by the workers that are there to pay it,
 * so it does not eat those made later. */
TEST(TEA_021_debt_does_not_outlive_its_workers)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 5);
    notes_init(notes, 2);
    tw_team_shrink(hand.team, 3);
    hand_step(&hand);
    submit(&hand, notes, 0, 1);
    tw_team_shrink(hand.team, 3);
    tw_team_shrink(hand.team, 3);
    hand_step(&hand);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 0, 0, 0);
    submit(&hand, notes, 1, 2);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 1, 0, 0);
    hand_end(&hand);
}

/* TEA-022: shrink by all on an empty team leaves no debt. */
TEST(TEA_022_shrink_by_all_of_none_leaves_no_debt)
{
    struct hand hand;
    start(&hand, 2);
    tw_team_shrink(hand.team, TW_TEAM_ALL);
    hand_step(&hand);
    tw_team_grow(hand.team, 2);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 2, 0, 0);
    hand_end(&hand);
}

/* TEA-023: work goes before debt: a worker freed while work waits takes it, and the debt stays. */
TEST(TEA_023_backlog_beats_debt)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 1);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    tw_team_shrink(hand.team, 1);
    hand_step(&hand);
    finish(&hand, 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 0);
    CHECK_BOOKS(&hand, 0, 1, 0);
    finish(&hand, 0);
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 1);
    hand_end(&hand);
}

/* TEA-024: growing and shrinking by 0 with nothing waiting does nothing. */
TEST(TEA_024_by_nothing_does_nothing)
{
    struct hand hand;
    start(&hand, 2);
    tw_team_grow(hand.team, 1);
    hand_step(&hand);
    tw_team_grow(hand.team, 0);
    tw_team_shrink(hand.team, 0);
    hand_step(&hand);
    CU_ASSERT_EQUAL(hand.asked, 1);
    CHECK_BOOKS(&hand, 1, 0, 0);
    hand_end(&hand);
}

/* TEA-025: shrink by itself changes nothing until its step is taken. */
TEST(TEA_025_shrink_acts_in_its_step)
{
    struct hand hand;
    start(&hand, 2);
    tw_team_grow(hand.team, 2);
    hand_step(&hand);
    tw_team_shrink(hand.team, TW_TEAM_ALL);
    CHECK_BOOKS(&hand, 2, 0, 0);
    CU_ASSERT_EQUAL(hand.made[0].quits + hand.made[1].quits, 0);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_check_gone(&hand);
    hand_end(&hand);
}

static void check_refuses(struct hand *hand)
{
    struct note note;
    note_init(&note, NULL, NULL);
    CU_ASSERT_EQUAL(tw_team_submit(hand->team, &note.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_team_grow(hand->team, 1), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_team_shrink(hand->team, 1), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_team_quit(hand->team), -ESHUTDOWN);
    hand_run(hand);
    CHECK_NOT_CALLED(&note);
    CU_ASSERT_EQUAL(tw_team_cancel(hand->team, &note.task), -EALREADY);
}

/* TEA-026: from the moment quit was called, everything is refused, before its step as after it. */
TEST(TEA_026_everything_is_refused_after_quit)
{
    struct hand hand;
    start(&hand, 1);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), -ESHUTDOWN);
    check_refuses(&hand);
    check_refuses(&hand);
    hand_end(&hand);
    start_locked(&hand, 1);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    check_refuses(&hand);
    hand_end(&hand);
}

/* TEA-027: quit quits every idle worker in its step and, as none is busy, the coordinator. */
TEST(TEA_027_quit_quits_idle_workers_and_coordinator)
{
    struct hand hand;
    start(&hand, 3);
    tw_team_grow(hand.team, 3);
    hand_step(&hand);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 0);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 0);
    hand_step(&hand);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}

/* TEA-029: what was submitted before quit is dispatched all the same, with a worker made for it if
 * need be. */
TEST(TEA_029_work_submitted_before_quit_is_done)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    tw_team_quit(hand.team);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CHECK_NOTE(&note, 0);
    hand_check_gone(&hand);
    hand_end(&hand);
}

/* TEA-030, in twine's own way (appendix B): when workers can be made again, the oldest that waits
 * goes before what is submitted then. */
TEST(TEA_030_later_work_does_not_overtake_the_backlog)
{
    struct hand hand;
    struct note notes[3];
    size_t i;
    start(&hand, 0);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 2);
    hand.limit = 1;
    submit(&hand, notes, 2, 3);
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand.count, 1);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(notes[i].order, (int)i);
    hand_end(&hand);
}

/* Growing by 0 lets what waits have workers, when the create function has changed its mind, and
 * makes no more than that takes. */
TEST(grow_by_nothing_dispatches_the_backlog)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 0);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    hand.limit = 10;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 0), 0);
    hand_step(&hand);
    CU_ASSERT_EQUAL(hand.count, 2);
    CHECK_BOOKS(&hand, 0, 2, 0);
    hand_end(&hand);
}

/* TEA-031: quit with work waiting and busy workers: it is worked off first. */
TEST(TEA_031_quit_works_off_the_backlog)
{
    struct hand hand;
    struct note notes[5];
    size_t i;
    start(&hand, 2);
    notes_init(notes, 5);
    submit(&hand, notes, 0, 5);
    tw_team_quit(hand.team);
    hand_step(&hand);
    CHECK_BOOKS(&hand, 0, 2, 3);
    hand_run(&hand);
    for (i = 0; i < 5; i++)
        CHECK_NOTE(&notes[i], 0);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}

/* TEA-032, in twine's own way (appendix B): quit with work waiting and no worker to be had gives it
 * up with -ESHUTDOWN, in order, each once. */
TEST(TEA_032_quit_without_workers_gives_up_what_waits)
{
    struct hand hand;
    struct note notes[3];
    int i;
    start(&hand, 0);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 3);
    tw_team_quit(hand.team);
    CHECK_NOT_CALLED(&notes[0]);
    hand_step(&hand);
    for (i = 0; i < 3; i++) {
        CHECK_NOTE(&notes[i], -ESHUTDOWN);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}

/* TEA-033: work that finishes between the call of quit and its step does no harm. */
TEST(TEA_033_work_finishing_while_quit_is_on_its_way)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    hand_step(&hand);
    tw_team_quit(hand.team);
    hand_perform(&hand, 0);
    CHECK_NOTE(&note, 0);
    hand_step(&hand);
    CU_ASSERT_EQUAL(hand.made[0].quits, 1);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}

/* TEA-034, in twine's own way: an error of the create function is reported as a warning and counts
 * as none; the task waits for the workers there are. */
TEST(TEA_034_an_error_of_create_is_reported)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 5);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 1);
    hand.error = -EMFILE;
    submit(&hand, notes, 1, 2);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_PTR_EQUAL(harness_report(0)->kind, &TW_ERROR_SYSTEM);
    CU_ASSERT_EQUAL(harness_report(0)->code, EMFILE);
    CU_ASSERT_EQUAL(hand_books(&hand).failed_creations, 1);
    CHECK_BOOKS(&hand, 0, 1, 1);
    hand.error = 0;
    hand_end(&hand);
    CHECK_NOTE(&notes[1], 0);
}

/* R9: with no worker at all, an error of the create function means that none will come: what waits
 * is given up with -EAGAIN. */
TEST(an_error_of_create_with_no_worker_gives_up_what_waits)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 0);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 1);
    CHECK_NOT_CALLED(&notes[0]);
    hand.error = -EMFILE;
    submit(&hand, notes, 1, 2);
    EXPECT_REPORTS(1);
    CHECK_NOTE(&notes[0], -EAGAIN);
    CHECK_NOTE(&notes[1], -EAGAIN);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_end(&hand);
}

static void look_for_quits(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    CU_ASSERT_EQUAL(tw_team_shrink(hand->team, TW_TEAM_ALL), 0);
    CU_ASSERT_EQUAL(tw_team_quit(hand->team), 0);
    hand_step(hand);
    CU_ASSERT_EQUAL(hand->made[0].quits, 0);
}

/* TEA-035: a worker is quit once, and not while it is busy, though its own task shrinks and quits
 * the team (hand_end checks the once). */
TEST(TEA_035_a_worker_is_not_quit_while_busy)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    note_init(&note, look_for_quits, &hand);
    SUBMIT(&hand, &note);
    hand_step(&hand);
    finish(&hand, 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 1);
    hand_end(&hand);
    start_locked(&hand, 1);
    note_init(&note, look_for_quits, &hand);
    SUBMIT(&hand, &note);
    finish(&hand, 0);
    CU_ASSERT_EQUAL(hand.made[0].quits, 1);
    hand_end(&hand);
}

/* TEA-036: quit waits for nothing: it comes back with work still to do. */
TEST(TEA_036_quit_does_not_wait)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 1);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CHECK_NOT_CALLED(&notes[0]);
    CHECK_BOOKS(&hand, 0, 1, 1);
    hand_end(&hand);
    CHECK_NOTE(&notes[1], 0);
}

/* POL-005: under a lock worker each operation has taken effect when it returns. */
TEST(POL_005_under_a_lock_worker_each_operation_is_done_when_it_returns)
{
    struct hand hand;
    struct note note;
    start_locked(&hand, 3);
    note_init(&note, NULL, NULL);
    tw_team_grow(hand.team, 3);
    CHECK_BOOKS(&hand, 3, 0, 0);
    tw_team_shrink(hand.team, 2);
    CHECK_BOOKS(&hand, 1, 0, 0);
    SUBMIT(&hand, &note);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_perform(&hand, hand.made[0].is_gone ? (hand.made[1].is_gone ? 2 : 1) : 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    tw_team_quit(hand.team);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}
