/*
 * How tasks, workers and teams come to their end when it is not the plain one: given up, not
 * started, quit from inside, with a coordinator that goes as soon as it can.
 */
#include "by_hand.h"

SUITE("team ends")

static void start(struct hand *hand, make_worker_fn make, size_t limit)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, make, limit), 0);
}

static void submit(struct hand *hand, struct note *notes, size_t from, size_t to)
{
    for (; from < to; from++)
        SUBMIT(hand, &notes[from]);
    while (hand_step(hand))
        ;
}

/* --- given up --------------------------------------------------------------------------------- */

static void cancel_the_next(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    CU_ASSERT_EQUAL(tw_team_cancel(hand->team, &(note + 1)->task), -EALREADY);
    CHECK_NOT_CALLED(note + 1);
}

static void three_that_wait(struct hand *hand, struct note *notes, make_worker_fn make)
{
    start(hand, make, 0);
    notes_init(notes, 3);
    note_init(&notes[0], cancel_the_next, hand);
    note_init(&notes[1], cancel_the_next, hand);
    submit(hand, notes, 0, 3);
    CHECK_BOOKS(hand, 0, 0, 3);
}

static void check_all(const struct note *notes, int count, int status)
{
    int i;
    for (i = 0; i < count; i++) {
        CHECK_NOTE(&notes[i], status);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
}

static void check_given_up_for_want_of_a_worker(make_worker_fn make)
{
    struct hand hand;
    struct note notes[3], later;
    three_that_wait(&hand, notes, make);
    hand.error = -EAGAIN;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    while (hand_step(&hand))
        ;
    EXPECT_REPORTS(1);
    check_all(notes, 3, -EAGAIN);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand.error = 0;
    hand.limit = 1;
    note_init(&later, NULL, NULL);
    submit(&hand, &later, 0, 1);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 1, 0, 0);
    CHECK_NOTE(&later, 0);
    hand_end(&hand);
}

/* R9: a task that has been given up, and is about to be told so, cannot be cancelled any more, by
 * the fn of one given up with it for instance; each fn is called once, and the books are right
 * afterwards. */
TEST(a_task_given_up_cannot_be_cancelled)
{
    check_given_up_for_want_of_a_worker(tw_lock_worker_new);
    check_given_up_for_want_of_a_worker(tw_memory_worker_new);
}

static void check_given_up_by_quit(make_worker_fn make)
{
    struct hand hand;
    struct note notes[3];
    three_that_wait(&hand, notes, make);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    while (hand_step(&hand))
        ;
    check_all(notes, 3, -ESHUTDOWN);
    CHECK_BOOKS(&hand, 0, 0, 0);
    hand_end(&hand);
}

/* The same when it is quit that gives it up. */
TEST(a_task_given_up_by_quit_cannot_be_cancelled)
{
    check_given_up_by_quit(tw_lock_worker_new);
    check_given_up_by_quit(tw_memory_worker_new);
}

static void fail_once(struct hand *hand)
{
    hand->error = hand->asked == 1 ? -EAGAIN : 0;
}

/* An error of the create function gives up what waited then; what comes later, and is answered "none
 * now", waits. */
TEST(an_error_gives_up_only_what_waited_then)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, tw_memory_worker_new, 0);
    notes_init(notes, 2);
    hand.when_asked = fail_once;
    submit(&hand, notes, 0, 1);
    EXPECT_REPORTS(1);
    CHECK_NOTE(&notes[0], -EAGAIN);
    submit(&hand, notes, 1, 2);
    CHECK_NOT_CALLED(&notes[1]);
    CHECK_BOOKS(&hand, 0, 0, 1);
    hand.limit = 1;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 0), 0);
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    hand_end(&hand);
}

/* --- workers that cannot start ---------------------------------------------------------------- */

/* R12: while another worker is there to come for what waits, one that cannot be started is not
 * replaced: a submit that is one worker short tries once. */
TEST(a_worker_that_cannot_start_is_not_tried_again_at_once)
{
    struct hand hand;
    struct note notes[3];
    int i;
    start(&hand, tw_lock_worker_new, MAX_MADE);
    notes_init(notes, 3);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 2), 0);
    hand.answer = TW_CREATED_COMING;
    hand.refusal = -EAGAIN;
    submit(&hand, notes, 0, 2);
    CU_ASSERT_EQUAL(hand.asked, 2);
    submit(&hand, notes, 2, 3);
    CU_ASSERT_EQUAL(hand.asked, 3);
    CU_ASSERT_EQUAL(hand_books(&hand).failed_creations, 1);
    CHECK_BOOKS(&hand, 1, 1, 2);
    hand_run(&hand);
    for (i = 0; i < 3; i++)
        CHECK_NOTE(&notes[i], 0);
    hand_end(&hand);
}

/* The same where the coordinator cannot be entered, and the news of it comes by a step. */
TEST(a_worker_that_cannot_start_is_not_tried_again_by_the_step)
{
    struct hand hand;
    struct note notes[2];
    int i;
    start(&hand, tw_memory_worker_new, MAX_MADE);
    notes_init(notes, 2);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    hand.answer = TW_CREATED_COMING;
    hand.refusal = -EAGAIN;
    SUBMIT(&hand, &notes[0]);
    SUBMIT(&hand, &notes[1]);
    for (i = 0; i < 10 && hand_step(&hand); i++)
        ;
    CU_ASSERT_TRUE(i < 10);
    CU_ASSERT_EQUAL(hand.asked, 2);
    CU_ASSERT_EQUAL(hand_books(&hand).failed_creations, 1);
    hand_run(&hand);
    for (i = 0; i < 2; i++)
        CHECK_NOTE(&notes[i], 0);
    hand_end(&hand);
}

/* --- quit ------------------------------------------------------------------------------------- */

/* QUI-001: a team says whether it has quit, from the moment quit is called. */
TEST(QUI_001_a_team_says_whether_it_has_quit)
{
    struct hand hand;
    struct note note;
    start(&hand, tw_memory_worker_new, 1);
    notes_init(&note, 1);
    submit(&hand, &note, 0, 1);
    CU_ASSERT_FALSE(tw_team_has_quit(hand.team));
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_TRUE(tw_team_has_quit(hand.team));
    CHECK_NOT_CALLED(&note);
    hand_run(&hand);
    CU_ASSERT_TRUE(tw_team_has_quit(hand.team));
    CU_ASSERT_FALSE(tw_team_has_quit(NULL));
    hand_end(&hand);
    CHECK_NOTE(&note, 0);
}

static void quit_when_asked(struct hand *hand)
{
    hand->when_asked = NULL;
    CU_ASSERT_EQUAL(tw_team_quit(hand->team), 0);
    CU_ASSERT_TRUE(tw_team_has_quit(hand->team));
    CU_ASSERT_EQUAL(hand->coordinator.quits, 0);
    CU_ASSERT_EQUAL(hand->destroyed, 0);
}

static void look_where(struct note *note)
{
    CU_ASSERT_FALSE(((struct hand *)note->arg)->coordinator.is_inside);
}

/* What the create function asks of its team takes effect once the books are closed, and then what
 * is given up is told so outside the coordinator's lock. */
TEST(given_up_outside_the_lock_when_create_quits_the_team)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, tw_lock_worker_new, 0);
    notes_init(notes, 2);
    note_init(&notes[0], look_where, &hand);
    note_init(&notes[1], look_where, &hand);
    submit(&hand, notes, 0, 1);
    CHECK_NOT_CALLED(&notes[0]);
    hand.when_asked = quit_when_asked;
    submit(&hand, notes, 1, 2);
    check_all(notes, 2, -ESHUTDOWN);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    hand_end(&hand);
}

/* --- submitted twice -------------------------------------------------------------------------- */

static void check_submitted_twice(make_worker_fn make)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, make, 1);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 2);
    SUBMIT(&hand, &notes[2]);
    PROVOKE(tw_team_submit(hand.team, &notes[0].task)); /* bound to a worker */
    PROVOKE(tw_team_submit(hand.team, &notes[1].task)); /* in the backlog */
    PROVOKE(tw_team_submit(hand.team, &notes[2].task)); /* perhaps still to be put there */
    hand_run(&hand);
    check_all(notes, 3, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 3);
    hand_end(&hand);
}

/* A task that a team has already is refused as misuse, wherever it waits, and nothing is lost. */
TEST(a_task_submitted_twice_is_refused)
{
    check_submitted_twice(tw_lock_worker_new);
    check_submitted_twice(tw_memory_worker_new);
}

static void submit_the_next(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    PROVOKE(tw_team_submit(hand->team, &(note + 1)->task));
}

/* So is one that has been given up, or cancelled, and has still to be told so. */
TEST(a_task_about_to_be_told_that_it_is_given_up_is_refused)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, tw_memory_worker_new, 0);
    notes_init(notes, 3);
    note_init(&notes[0], submit_the_next, &hand);
    note_init(&notes[1], submit_the_next, &hand);
    submit(&hand, notes, 0, 3);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[2].task), 0);
    hand.error = -EAGAIN;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    hand_step(&hand);
    EXPECT_REPORTS(1);
    check_all(notes, 2, -EAGAIN);
    CHECK_NOTE(&notes[2], -ECANCELED);
    hand.error = 0;
    hand_end(&hand);
}

/* --- the coordinator -------------------------------------------------------------------------- */

static bool went_too_early;

/* Performs the step before its submit has returned, as a coordinator's own thread may. */
static int hasty_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct watched *own = (struct watched *)worker;
    int rc = watched_submit(worker, task);
    if (rc == 0)
        watched_perform(own);
    went_too_early |= own->is_gone;
    return rc;
}

/* A coordinator that nobody but the team holds does not go while a step is being submitted to it,
 * though the team has ended by that step. */
TEST(the_coordinator_is_held_while_a_step_is_submitted)
{
    struct tw_worker_ops hasty_ops = watched_ops;
    struct hand hand;
    struct note note;
    hasty_ops.submit = hasty_submit;
    went_too_early = false;
    start(&hand, tw_memory_worker_new, 1);
    hand.coordinator.base._ops = &hasty_ops;
    notes_init(&note, 1);
    submit(&hand, &note, 0, 1);
    tw_worker_unref(&hand.coordinator.base);
    hand.team = tw_team_unref(hand.team);
    CU_ASSERT_FALSE(hand.coordinator.is_gone);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&note, 0);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.destroyed, 1);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    CU_ASSERT_TRUE(hand.coordinator.is_gone);
    CU_ASSERT_FALSE(went_too_early);
}

static struct note *doer; /* the task under way */

static void deliver_when_asked(struct hand *hand)
{
    hand->when_asked = NULL;
    tw_task_delivers(&doer->task);
}

static void step_inside(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    doer = note;
    hand->when_asked = deliver_when_asked;
    CU_ASSERT_TRUE(hand_step(hand));
    CU_ASSERT_PTR_NULL(hand->when_asked);
}

/* What comes while a step does what it has found, is done after all of that, a quit among it too: a
 * worker that has started is not heard to be through before. */
TEST(a_quit_does_not_bring_forward_what_comes_later)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, tw_memory_worker_new, 1);
    notes_init(notes, 2);
    SUBMIT(&hand, &notes[0]);
    hand_run(&hand); /* there is a worker that idles, and then one that is woken */
    note_init(&notes[1], step_inside, &hand);
    SUBMIT(&hand, &notes[1]);
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_TRUE(
        hand_perform(&hand, 0)); /* says that it is up, and has the books stepped inside */
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.destroyed, 1);
    hand.team = tw_team_unref(hand.team);
    tw_worker_unref(&hand.coordinator.base);
}

/* --- shutdown --------------------------------------------------------------------------------- */

static void shut_down_inside(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    CU_ASSERT_EQUAL(tw_team_shutdown(hand->team, 0, NULL), -ENOTSUP);
}

/* A shutdown that cannot enter the coordinator has done nothing: the team accepts tasks and can
 * quit. With one that has an enter that answers that it cannot, and inside of one that can. */
TEST(a_shutdown_that_cannot_enter_does_nothing)
{
    make_worker_fn make[] = {tw_memory_worker_new, tw_lock_worker_new};
    size_t i;
    for (i = 0; i < 2; i++) {
        struct hand hand;
        struct note notes[2];
        start(&hand, make[i], 1);
        notes_init(notes, 2);
        note_init(&notes[0], shut_down_inside, &hand);
        CU_ASSERT_EQUAL(tw_worker_submit(&hand.coordinator.base, &notes[0].task), 0);
        hand_run(&hand);
        CHECK_NOTE(&notes[0], 0);
        CU_ASSERT_FALSE(tw_team_has_quit(hand.team));
        SUBMIT(&hand, &notes[1]);
        hand_run(&hand);
        CHECK_NOTE(&notes[1], 0);
        hand_end(&hand);
    }
}
