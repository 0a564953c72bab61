/*
 * What a team does beyond Twisted's: wakes in a chain, workers that are still coming, cancelling,
 * deliveries, references, shortage of memory; and a walk at random through all of it.
 */
#include "as_pool.h"

SUITE("team books")

static void start(struct hand *hand, size_t limit)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, tw_memory_worker_new, limit), 0);
}

static void start_locked(struct hand *hand, size_t limit)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(hand, tw_lock_worker_new, limit), 0);
}

static void submit(struct hand *hand, struct note *notes, size_t from, size_t to)
{
    for (; from < to; from++) {
        SUBMIT(hand, &notes[from]);
        hand_step(hand);
    }
}

/* Idle workers, made beforehand. */
static void grow(struct hand *hand, size_t n)
{
    CU_ASSERT_EQUAL(tw_team_grow(hand->team, n), 0);
    hand_step(hand);
    CHECK_BOOKS(hand, n, 0, 0);
}

/* --- wakes ------------------------------------------------------------------------------------ */

/* R13: of several idle workers one is woken at a time. The others stay idle, though work waits,
 * until the one that was woken has begun; it hands on the wake. */
TEST(wakes_go_in_a_chain)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 3);
    notes_init(notes, 3);
    grow(&hand, 3);
    submit(&hand, notes, 0, 3);
    CHECK_BOOKS(&hand, 2, 1, 2);
    CU_ASSERT_EQUAL(hand_books(&hand).wakes, 1);
    CU_ASSERT_TRUE(hand_perform(&hand, 2));
    CHECK_NOTE(&notes[0], 0);
    hand_step(&hand);
    CU_ASSERT_TRUE(hand_perform(&hand, 2) || hand_perform(&hand, 1));
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_EQUAL(hand.count, 3);
    hand_end(&hand);
}

static void expect_the_next_to_be_coming(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    CHECK_BOOKS(hand, 1, 2, 1);
    CU_ASSERT_EQUAL(hand->made[1].submits, 1);
    CU_ASSERT_EQUAL(hand->made[0].submits, 0);
}

/* R13: before a worker runs its task while work remains and another idles, it has made sure that
 * one other, and only one, is coming. */
TEST(the_wake_is_passed_on_before_the_task_runs)
{
    struct hand hand;
    struct note notes[3];
    start_locked(&hand, 3);
    notes_init(notes, 3);
    note_init(&notes[0], expect_the_next_to_be_coming, &hand);
    grow(&hand, 3);
    submit(&hand, notes, 0, 3);
    CU_ASSERT_TRUE(hand_perform(&hand, 2));
    CHECK_NOTE(&notes[0], 0);
    hand_end(&hand);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
}

/* R13: nobody is woken for nothing: neither by settings nor by statistics, nor to find that a
 * finishing worker has taken the work. */
TEST(nobody_is_woken_for_nothing)
{
    struct hand hand;
    struct note notes[8];
    size_t i;
    start_locked(&hand, 4);
    notes_init(notes, 8);
    grow(&hand, 4);
    tw_team_grow(hand.team, 0);
    tw_team_shrink(hand.team, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).wakes, 0);
    submit(&hand, notes, 0, 8);
    hand_run(&hand);
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(hand.made[i].submits, hand.made[i].performed);
    CU_ASSERT_TRUE(hand_books(&hand).wakes <= 8);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 8);
    hand_end(&hand);
}

/* R12: a burst makes as many workers as it is short of, at once, and never more than there may
 * be. */
TEST(a_burst_makes_what_it_is_short_of)
{
    struct hand hand;
    struct note notes[6];
    size_t i;
    start(&hand, 4);
    notes_init(notes, 6);
    grow(&hand, 1);
    for (i = 0; i < 6; i++)
        SUBMIT(&hand, &notes[i]);
    hand_step(&hand);
    CU_ASSERT_EQUAL(hand.count, 4);
    hand_end(&hand);
    for (i = 0; i < 6; i++)
        CHECK_NOTE(&notes[i], 0);
}

/* --- workers that are coming ------------------------------------------------------------------ */

/* R12: a worker that is coming counts as live and free: the next task makes another, not two; it
 * gets its first task only once it runs. */
TEST(a_worker_that_is_coming_is_live_and_free)
{
    struct hand hand;
    struct note notes[3];
    start_locked(&hand, 5);
    hand.answer = TW_CREATED_COMING;
    notes_init(notes, 3);
    submit(&hand, notes, 0, 1);
    CHECK_BOOKS(&hand, 0, 0, 1);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 1);
    submit(&hand, notes, 1, 2);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 2);
    hand.limit = 2;
    submit(&hand, notes, 2, 3);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 2);
    CHECK_BOOKS(&hand, 0, 0, 3);
    CU_ASSERT_TRUE(hand_perform(&hand, 1));
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 1);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_BOOKS(&hand, 2, 0, 0);
    hand_end(&hand);
}

/* The same by steps: its arrival is news for the coordinator, whose step hands it its task. */
TEST(a_worker_that_has_come_gets_its_task_by_a_step)
{
    struct hand hand;
    struct note note;
    start(&hand, 1);
    hand.answer = TW_CREATED_COMING;
    notes_init(&note, 1);
    submit(&hand, &note, 0, 1);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOT_CALLED(&note);
    CHECK_BOOKS(&hand, 0, 0, 1);
    CU_ASSERT_TRUE(hand_step(&hand));
    CHECK_BOOKS(&hand, 0, 1, 0);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&note, 0);
    hand_end(&hand);
}

/* A worker whose thread cannot be started is struck off; if there is no other, what waits is given
 * up with -EAGAIN. */
TEST(a_worker_that_cannot_start_is_struck_off)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 3);
    hand.answer = TW_CREATED_COMING;
    hand.refusal = -EAGAIN;
    notes_init(notes, 2);
    submit(&hand, notes, 0, 1);
    CHECK_NOTE(&notes[0], -EAGAIN);
    CHECK_BOOKS(&hand, 0, 0, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).coming, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).failed_creations, 1);
    hand_check_gone(&hand);
    hand.refusal = 0;
    submit(&hand, notes, 1, 2);
    hand_end(&hand);
    CHECK_NOTE(&notes[1], 0);
}

/* If there is another, the task waits for it, at the front. */
TEST(what_a_lost_worker_was_to_do_goes_back_to_the_front)
{
    struct hand hand;
    struct note notes[3];
    int i;
    start_locked(&hand, 1);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 3);
    hand.limit = 2;
    hand.refusal = -EAGAIN;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(hand.count, 2);
    CU_ASSERT_TRUE(hand.made[1].is_gone);
    CHECK_BOOKS(&hand, 0, 1, 2);
    hand_run(&hand);
    for (i = 0; i < 3; i++) {
        CHECK_NOTE(&notes[i], 0);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
    hand_end(&hand);
}

/* Quit while a worker is still coming: it works off what waits, then goes. */
TEST(quit_waits_for_workers_that_are_coming)
{
    struct hand hand;
    struct note note;
    start_locked(&hand, 1);
    hand.answer = TW_CREATED_COMING;
    notes_init(&note, 1);
    submit(&hand, &note, 0, 1);
    tw_team_quit(hand.team);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 0);
    CHECK_NOT_CALLED(&note);
    hand_run(&hand);
    CHECK_NOTE(&note, 0);
    hand_end(&hand);
}

/* --- cancelling ------------------------------------------------------------------------------- */

/* With a coordinator that can be entered, a task that waits leaves the backlog at once: its fn has
 * been called when cancel returns, and the books do not count it. */
TEST(cancel_takes_a_task_out_of_the_backlog)
{
    struct hand hand;
    struct note notes[4];
    start_locked(&hand, 1);
    notes_init(notes, 4);
    submit(&hand, notes, 0, 4);
    CHECK_BOOKS(&hand, 0, 1, 3);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[2].task), 0);
    CHECK_NOTE(&notes[2], -ECANCELED);
    CHECK_BOOKS(&hand, 0, 1, 2);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[2].task), -EALREADY);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[1].task), 0);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[3].task), 0);
    CHECK_BOOKS(&hand, 0, 1, 0);
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1);
    hand_end(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], -ECANCELED);
    CHECK_NOTE(&notes[3], -ECANCELED);
}

/* With one that cannot, it stays where it is and whoever comes upon it gives it up, also before the
 * step that would have put it there. */
TEST(cancel_by_steps_leaves_it_to_who_comes_upon_it)
{
    struct hand hand;
    struct note notes[3];
    start(&hand, 1);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 2);
    SUBMIT(&hand, &notes[2]);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[1].task), 0);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[2].task), 0);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[2].task), -EALREADY);
    CHECK_NOT_CALLED(&notes[1]);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], -ECANCELED);
    CHECK_NOTE(&notes[2], -ECANCELED);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1);
    hand_end(&hand);
}

/* A task bound to a worker that has not begun it can still be cancelled; the worker gives it up. */
TEST(cancel_of_a_task_on_its_way_to_a_worker)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 1);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 1);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[0].task), 0);
    CHECK_NOT_CALLED(&notes[0]);
    CHECK_BOOKS(&hand, 0, 1, 0);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&notes[0], -ECANCELED);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 0);
    CHECK_BOOKS(&hand, 1, 0, 0);
    submit(&hand, notes, 1, 2);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[1].task), 0);
    hand_end(&hand);
    CHECK_NOTE(&notes[1], -ECANCELED);
}

static void cancel_oneself(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    CU_ASSERT_EQUAL(tw_team_cancel(hand->team, &note->task), -EALREADY);
    tw_task_delivers(&note->task);
    CU_ASSERT_EQUAL(tw_team_cancel(hand->team, &note->task), -EALREADY);
}

/* What runs, delivers or is over, or was never submitted, is not cancelled. */
TEST(cancel_comes_too_late)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 1);
    notes_init(notes, 2);
    note_init(&notes[0], cancel_oneself, &hand);
    submit(&hand, notes, 0, 1);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[0].task), -EALREADY);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[1].task), -EALREADY);
    hand_end(&hand);
}

/* A cancelled task stays cancelled when the team gives up what waits. */
TEST(cancelled_and_then_given_up_is_cancelled)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 0);
    notes_init(notes, 2);
    submit(&hand, notes, 0, 2);
    tw_team_cancel(hand.team, &notes[0].task);
    tw_team_quit(hand.team);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], -ECANCELED);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
    hand_end(&hand);
}

static void submit_again(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    if (note->calls == 1)
        SUBMIT(hand, note);
}

/* A task given up may be submitted again from its fn, and waits anew. */
TEST(a_cancelled_task_may_submit_itself_again)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 1);
    notes_init(notes, 2);
    note_init(&notes[1], submit_again, &hand);
    submit(&hand, notes, 0, 2);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[1].task), 0);
    CU_ASSERT_EQUAL(notes[1].status, -ECANCELED);
    CHECK_BOOKS(&hand, 0, 1, 1);
    hand_run(&hand);
    CU_ASSERT_EQUAL(notes[1].calls, 2);
    CU_ASSERT_EQUAL(notes[1].status, 0);
    hand_end(&hand);
}

/* --- deliveries ------------------------------------------------------------------------------- */

static void deliver_and_submit_next(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    CHECK_BOOKS(hand, 0, 1, 0);
    tw_task_delivers(&note->task);
    CHECK_BOOKS(hand, 1, 0, 0);
    CU_ASSERT_EQUAL(hand_books(hand).finished, 1);
    SUBMIT(hand, note + 1);
    CHECK_BOOKS(hand, 0, 1, 0);
    CHECK_NOT_CALLED(note + 1);
}

/* R14: a worker is idle between work and delivery, so what the delivery submits is its own next
 * task, and no second worker is made. */
TEST(a_worker_is_idle_before_it_delivers)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 5);
    notes_init(notes, 2);
    note_init(&notes[0], deliver_and_submit_next, &hand);
    submit(&hand, notes, 0, 1);
    hand_run(&hand);
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(hand.count, 1);
    hand_end(&hand);
}

static void deliver_while_work_waits(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    tw_task_delivers(&note->task);
    CHECK_BOOKS(hand, 0, 1, 0);
    CHECK_NOT_CALLED(note + 1);
}

/* R14: or it holds its next task already, which runs when the delivery is over. */
TEST(a_worker_holds_its_next_task_before_it_delivers)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 1);
    notes_init(notes, 2);
    note_init(&notes[0], deliver_while_work_waits, &hand);
    submit(&hand, notes, 0, 2);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&notes[1], 0);
    hand_end(&hand);
}

static void deliver_and_take_a_step(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    tw_task_delivers(&note->task);
    CHECK_BOOKS(hand, 0, 1, 0);
    CU_ASSERT_TRUE(hand_step(hand));
    CHECK_BOOKS(hand, 1, 0, 0);
    SUBMIT(hand, note + 1);
    CU_ASSERT_TRUE(hand_step(hand));
    CU_ASSERT_FALSE(hand_step(hand));
}

/* The same by steps, taken during the delivery: the worker may be handed its next task while the
 * last one's fn is still being called. */
TEST(a_worker_may_be_given_work_while_it_delivers)
{
    struct hand hand;
    struct note notes[2];
    start(&hand, 5);
    notes_init(notes, 2);
    note_init(&notes[0], deliver_and_take_a_step, &hand);
    submit(&hand, notes, 0, 1);
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CU_ASSERT_FALSE(hand_step(&hand));
    CU_ASSERT_TRUE(hand_perform(&hand, 0));
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(hand.count, 1);
    hand_end(&hand);
}

static void deliver_twice(struct note *note)
{
    tw_task_delivers(&note->task);
    tw_task_delivers(&note->task);
}

/* Saying it twice says it once. */
TEST(delivers_counts_once)
{
    struct hand hand;
    struct note notes[2];
    start_locked(&hand, 2);
    notes_init(notes, 2);
    note_init(&notes[0], deliver_twice, NULL);
    submit(&hand, notes, 0, 2);
    hand_run(&hand);
    CHECK_BOOKS(&hand, 2, 0, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 2);
    hand_end(&hand);
}

static void deliver_and_quit(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    tw_task_delivers(&note->task);
    CU_ASSERT_EQUAL(tw_team_quit(hand->team), 0);
    CU_ASSERT_EQUAL(hand->coordinator.quits, 1);
    hand_check_gone(hand);
}

/* The team may end while a worker delivers. */
TEST(a_team_may_end_during_a_delivery)
{
    struct hand hand;
    struct note note;
    start_locked(&hand, 1);
    note_init(&note, deliver_and_quit, &hand);
    submit(&hand, &note, 0, 1);
    hand_run(&hand);
    CHECK_NOTE(&note, 0);
    hand_end(&hand);
}

static void deliver_and_free(struct note *note)
{
    int *frees = (int *)note->arg;
    tw_task_delivers(&note->task);
    ++*frees;
    memset(note, 0xdd, sizeof *note);
    free(note);
}

/* A task may free itself in its delivery, or without one; nobody looks at it afterwards. */
TEST(a_task_may_free_itself)
{
    struct hand hand;
    int frees = 0, i;
    start_locked(&hand, 1);
    for (i = 0; i < 3; i++) {
        struct note *note = (struct note *)malloc(sizeof *note);
        CU_ASSERT_PTR_NOT_NULL_FATAL(note);
        note_init(note, deliver_and_free, &frees);
        SUBMIT(&hand, note);
    }
    hand_end(&hand);
    CU_ASSERT_EQUAL(frees, 3);
}

/* --- from inside ------------------------------------------------------------------------------ */

static struct note *submitted_when_asked;

static void use_the_team(struct hand *hand)
{
    hand->when_asked = NULL;
    SUBMIT(hand, submitted_when_asked);
    CU_ASSERT_EQUAL(tw_team_grow(hand->team, 1), 0);
    CU_ASSERT_EQUAL(hand->count, 0);
}

static void check_create_may_use_the_team(make_worker_fn make)
{
    struct hand hand;
    struct note notes[2];
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, make, 10), 0);
    notes_init(notes, 2);
    submitted_when_asked = &notes[1];
    hand.when_asked = use_the_team;
    SUBMIT(&hand, &notes[0]);
    while (hand_step(&hand))
        ;
    CHECK_BOOKS(&hand, 1, 2, 0);
    hand_end(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
}

/* The create function may call the team's operations; they take effect afterwards, under either
 * kind of coordinator. */
TEST(create_may_use_its_team)
{
    check_create_may_use_the_team(tw_lock_worker_new);
    check_create_may_use_the_team(tw_memory_worker_new);
}

static void submit_from_the_coordinator(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    SUBMIT(hand, note + 1);
    SUBMIT(hand, note + 2);
    CHECK_BOOKS(hand, 0, 0, 0);
}

/* A task of the coordinator's own may use the team; that takes effect when the task is over, in
 * order. */
TEST(a_task_of_the_coordinator_may_use_the_team)
{
    struct hand hand;
    struct note notes[3];
    start_locked(&hand, 1);
    notes_init(notes, 3);
    note_init(&notes[0], submit_from_the_coordinator, &hand);
    CU_ASSERT_EQUAL(tw_worker_submit(&hand.coordinator.base, &notes[0].task), 0);
    CHECK_BOOKS(&hand, 0, 1, 1);
    hand_end(&hand);
    CU_ASSERT_EQUAL(notes[1].order, 1);
    CU_ASSERT_EQUAL(notes[2].order, 2);
}

static void submit_three(struct note *note)
{
    struct hand *hand = (struct hand *)note->arg;
    int i;
    for (i = 1; i < 4; i++)
        SUBMIT(hand, note + i);
}

/* A task may submit to its own team. */
TEST(a_task_may_submit_to_its_team)
{
    struct hand hand;
    struct note notes[4];
    int i;
    start_locked(&hand, 2);
    notes_init(notes, 4);
    note_init(&notes[0], submit_three, &hand);
    submit(&hand, notes, 0, 1);
    hand_run(&hand);
    for (i = 0; i < 4; i++)
        CHECK_NOTE(&notes[i], 0);
    hand_end(&hand);
}

/* --- references, arguments, misuse ------------------------------------------------------------ */

static void let_go(struct note *note)
{
    tw_team_unref((struct tw_team *)note->arg);
}

static void check_let_go_inside(make_worker_fn make)
{
    struct hand hand;
    struct note notes[2];
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, make, 1), 0);
    notes_init(notes, 2);
    note_init(&notes[0], let_go, hand.team);
    submit(&hand, notes, 0, 2);
    hand_run(&hand);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.destroyed, 1);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    tw_worker_unref(&hand.coordinator.base);
}

/* The last reference may be let go of in one of the team's own tasks; what was accepted still
 * runs. */
TEST(a_task_may_let_go_of_its_team)
{
    check_let_go_inside(tw_lock_worker_new);
    check_let_go_inside(tw_memory_worker_new);
}

/* Letting go of the last reference quits, and works off what waits. */
TEST(unref_works_off_what_waits)
{
    struct hand hand;
    struct note notes[3];
    int i;
    start_locked(&hand, 1);
    notes_init(notes, 3);
    submit(&hand, notes, 0, 3);
    CU_ASSERT_PTR_EQUAL(tw_team_ref(hand.team), hand.team);
    tw_team_unref(hand.team);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 0), 0);
    hand_end(&hand);
    for (i = 0; i < 3; i++)
        CHECK_NOTE(&notes[i], 0);
}

/* As a worker a team has the same count, its kind, and is not exclusive (WRK-004). */
TEST(a_team_is_a_worker)
{
    struct hand hand;
    struct tw_worker *worker;
    struct note note;
    start_locked(&hand, 1);
    note_init(&note, NULL, NULL);
    worker = tw_team_worker(hand.team);
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(worker), "team");
    CU_ASSERT_FALSE(tw_worker_is_exclusive(worker));
    tw_worker_ref(worker);
    tw_team_unref(hand.team);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    hand_end(&hand);
    CHECK_NOTE(&note, -ECANCELED);
    CU_ASSERT_PTR_NULL(tw_team_worker(NULL));
    CU_ASSERT_PTR_NULL(tw_team_unref(NULL));
}

/* A coordinator that is not exclusive, or something missing, is misuse; (arg, destroy) is consumed
 * all the same. */
TEST(making_a_team_of_what_is_not_right_is_refused)
{
    struct hand hand;
    struct tw_team *team = NULL;
    int destroyed = 0;
    start_locked(&hand, 1);
    PROVOKE(tw_team_new(tw_team_worker(hand.team), hand_create, &destroyed, count_destroy, &team));
    PROVOKE(tw_team_new(NULL, hand_create, &destroyed, count_destroy, &team));
    PROVOKE(tw_team_new(&hand.coordinator.base, NULL, &destroyed, count_destroy, &team));
    PROVOKE(tw_team_new(&hand.coordinator.base, hand_create, &destroyed, count_destroy, NULL));
    CU_ASSERT_EQUAL(destroyed, 4);
    CU_ASSERT_PTR_NULL(team);
    hand_end(&hand);
}

/* No team, no task, and a struct whose size is not set, are misuse. */
TEST(misuse_is_refused)
{
    struct hand hand;
    struct note note;
    struct tw_statistics books;
    start_locked(&hand, 1);
    memset(&books, 0, sizeof books);
    note_init(&note, NULL, NULL);
    PROVOKE(tw_team_submit(NULL, &note.task));
    PROVOKE(tw_team_submit(hand.team, NULL));
    PROVOKE(tw_team_cancel(NULL, &note.task));
    PROVOKE(tw_team_cancel(hand.team, NULL));
    PROVOKE(tw_team_grow(NULL, 1));
    PROVOKE(tw_team_shrink(NULL, 1));
    PROVOKE(tw_team_quit(NULL));
    PROVOKE(tw_team_statistics(hand.team, NULL));
    PROVOKE(tw_team_statistics(hand.team, &books));
    hand_end(&hand);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void live_through(make_worker_fn make, int answer)
{
    struct hand hand;
    struct note notes[6];
    int i, rc;
    if (hand_start(&hand, make, 3) < 0)
        return;
    hand.answer = answer;
    notes_init(notes, 6);
    rc = tw_team_grow(hand.team, 1);
    CU_ASSERT_TRUE(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    for (i = 0; i < 6; i++) {
        SUBMIT(&hand, &notes[i]);
        if (i == 3)
            hand_run(&hand);
    }
    rc = tw_team_shrink(hand.team, 1);
    CU_ASSERT_TRUE(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    hand_end(&hand);
    for (i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(notes[i].calls, 1);
        CU_ASSERT_TRUE(notes[i].status == 0 || harness_failed_one());
        CU_ASSERT_TRUE(notes[i].status == 0 || notes[i].status == -EAGAIN ||
                       notes[i].status == -ESHUTDOWN);
    }
}

/* Each worker that could not be made was reported. */
static void expect_what_was_reported(void)
{
    CU_ASSERT_TRUE(harness_reports() == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
}

/* A submit needs no memory, and a team short of it loses no task and leaks nothing. */
SWEEP(short_of_memory_under_a_lock_worker)
{
    live_through(tw_lock_worker_new, TW_CREATED_READY);
    expect_what_was_reported();
}

/* The same by steps: grow and shrink may say -ENOMEM, quit cannot. */
SWEEP(short_of_memory_by_steps)
{
    live_through(tw_memory_worker_new, TW_CREATED_READY);
    expect_what_was_reported();
}

/* The same with workers that come later. */
SWEEP(short_of_memory_with_workers_that_are_coming)
{
    live_through(tw_lock_worker_new, TW_CREATED_COMING);
    live_through(tw_memory_worker_new, TW_CREATED_COMING);
    expect_what_was_reported();
}

/* A team that cannot be made consumes its argument. */
SWEEP(making_a_team_without_memory)
{
    struct hand hand;
    int rc = hand_start(&hand, tw_memory_worker_new, 1);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc == 0)
        hand_end(&hand);
}

/* Each task accepted is counted, and then again when it is over: performed, cancelled in the backlog
 * or when reached, or given up. hand_books() checks the sum each time. */
TEST(counters)
{
    struct hand hand;
    struct note notes[5];
    int i;
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 1), 0);
    notes_init(notes, 5);
    for (i = 0; i < 3; i++)
        SUBMIT(&hand, &notes[i]);
    CU_ASSERT_EQUAL(hand_books(&hand).scheduled, 3);
    CU_ASSERT_EQUAL(hand_books(&hand).remaining, 3);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &notes[1].task), 0);
    CU_ASSERT_EQUAL(hand_books(&hand).given_up, 1);
    hand_run(&hand);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 2);
    CU_ASSERT_EQUAL(hand_books(&hand).remaining, 0);
    hand.limit = 0;
    tw_team_shrink(hand.team, TW_TEAM_ALL);
    SUBMIT(&hand, &notes[3]);
    CU_ASSERT_EQUAL(tw_team_submit_many(hand.team, (struct tw_task *[]){&notes[4].task}, 1), 0);
    CU_ASSERT_EQUAL(hand_books(&hand).scheduled, 5);
    tw_team_quit(hand.team);
    CU_ASSERT_EQUAL(hand_books(&hand).given_up, 3);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 2);
    CU_ASSERT_EQUAL(hand_books(&hand).remaining, 0);
    hand_end(&hand);
}

/* A task that is cancelled, but stays linked until a worker reaches it, is given up then. */
TEST(counters_of_a_cancelled_task_that_is_reached)
{
    struct hand hand;
    struct note note;
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_memory_worker_new, 1), 0);
    notes_init(&note, 1);
    SUBMIT(&hand, &note);
    CU_ASSERT_EQUAL(tw_team_cancel(hand.team, &note.task), 0);
    hand_run(&hand);
    CHECK_NOTE(&note, -ECANCELED);
    CU_ASSERT_EQUAL(hand_books(&hand).scheduled, 1);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).given_up, 1);
    hand_end(&hand);
}

/* --- at random -------------------------------------------------------------------------------- */

#define WALK_NOTES 64

struct walk {
    struct hand hand;
    uint64_t random;
    struct note notes[WALK_NOTES];
    bool accepted[WALK_NOTES], cancelled[WALK_NOTES];
    size_t next;
    bool has_quit, can_be_entered;
};

static size_t below(struct walk *walk, size_t bound)
{
    return (size_t)(harness_random(&walk->random) % bound);
}

static void deliver_at_random(struct note *note)
{
    struct walk *walk = (struct walk *)note->arg;
    if (note->status == 0 && below(walk, 2))
        tw_task_delivers(&note->task);
    if (below(walk, 4) == 0)
        hand_step(&walk->hand);
}

static void walk_submit(struct walk *walk)
{
    size_t i = walk->next;
    int rc;
    if (i == WALK_NOTES)
        return;
    note_init(&walk->notes[i], deliver_at_random, walk);
    rc = tw_team_submit(walk->hand.team, &walk->notes[i].task);
    CU_ASSERT_EQUAL(rc, walk->has_quit ? -ESHUTDOWN : 0);
    walk->accepted[i] = rc == 0;
    walk->next++;
}

static void walk_cancel(struct walk *walk)
{
    size_t i = walk->next ? below(walk, walk->next) : 0;
    int calls = walk->next ? walk->notes[i].calls : 0;
    if (!walk->next)
        return;
    if (tw_team_cancel(walk->hand.team, &walk->notes[i].task) == 0) {
        CU_ASSERT_TRUE(walk->accepted[i] && !walk->cancelled[i] && calls == 0);
        walk->cancelled[i] = true;
    } else {
        CU_ASSERT_TRUE(!walk->accepted[i] || walk->cancelled[i] || calls == 1);
    }
}

/* What only a pool does with its team. */
static void walk_set_limit(struct walk *walk, size_t limit)
{
    walk->hand.limit = limit;
    if (walk->can_be_entered)
        tw__team_set_most(walk->hand.team, limit);
}

static void walk_as_pool(struct walk *walk, size_t choice)
{
    struct hand *hand = &walk->hand;
    if (choice < 2)
        tw__team_suspend(hand->team, choice == 0 && below(walk, 2));
    else if (hand->count)
        tw__team_overstay(hand->team, &hand->made[below(walk, hand->count)].base);
}

static void walk_somewhere(struct walk *walk)
{
    struct hand *hand = &walk->hand;
    size_t choice = below(walk, 30);
    if (choice < 8)
        hand_step(hand);
    else if (choice < 14 && hand->count)
        hand_perform(hand, below(walk, hand->count));
    else if (choice < 18)
        walk_submit(walk);
    else if (choice < 20)
        walk_cancel(walk);
    else if (choice == 20)
        tw_team_grow(hand->team, below(walk, 3));
    else if (choice == 21)
        tw_team_shrink(hand->team, below(walk, 3));
    else if (choice == 22)
        walk_set_limit(walk, below(walk, 5));
    else if (choice == 23 && below(walk, 12) == 0)
        walk->has_quit |= tw_team_quit(hand->team) == 0;
    else if (choice == 24 && walk->can_be_entered)
        tw__team_keep(hand->team, below(walk, 3));
    else if (choice > 24 && walk->can_be_entered)
        walk_as_pool(walk, choice - 25);
}

/* What always holds, whatever was done. */
static void walk_check(const struct walk *walk)
{
    struct tw_statistics books = hand_books(&walk->hand);
    size_t i, live = 0;
    for (i = 0; i < walk->hand.count; i++)
        live += walk->hand.made[i].quits == 0;
    CU_ASSERT_TRUE(books.idle + books.busy + books.coming <= live);
    CU_ASSERT_TRUE(books.backlog <= walk->next);
    for (i = 0; i < walk->next; i++)
        CU_ASSERT_TRUE(walk->notes[i].calls <= (walk->accepted[i] ? 1 : 0));
}

/* While workers can be had, nothing waits for ever: not even before quit. */
static void walk_check_nothing_is_stuck(struct walk *walk)
{
    walk_set_limit(walk, 3);
    if (walk->can_be_entered)
        tw__team_suspend(walk->hand.team, false);
    if (!walk->has_quit)
        CU_ASSERT_EQUAL(tw_team_grow(walk->hand.team, 0), 0);
    hand_run(&walk->hand);
    CU_ASSERT_EQUAL(hand_books(&walk->hand).backlog, 0);
    CU_ASSERT_EQUAL(hand_books(&walk->hand).busy, 0);
}

static void walk_end(struct walk *walk)
{
    size_t i;
    walk_check_nothing_is_stuck(walk);
    hand_end(&walk->hand);
    for (i = 0; i < walk->next; i++) {
        CU_ASSERT_EQUAL(walk->notes[i].calls, walk->accepted[i]);
        if (walk->cancelled[i]) {
            CU_ASSERT_EQUAL(walk->notes[i].status, -ECANCELED);
        } else if (walk->notes[i].calls) {
            CU_ASSERT_TRUE(walk->notes[i].status == 0 || walk->notes[i].status == -ESHUTDOWN);
        }
    }
}

static void walk(make_worker_fn make, int answer, uint64_t seed)
{
    static struct walk own;
    int i;
    memset(&own, 0, sizeof own);
    own.random = seed;
    own.can_be_entered = make == tw_lock_worker_new;
    CU_ASSERT_EQUAL_FATAL(own.can_be_entered ? hand_start_as_pool(&own.hand, 3, SIZE_MAX)
                                             : hand_start(&own.hand, make, 3),
                          0);
    own.hand.answer = answer;
    for (i = 0; i < 250; i++) {
        walk_somewhere(&own);
        walk_check(&own);
    }
    walk_end(&own);
}

/* R9: whatever the order of submits, cancels, grows, shrinks, changes of the limit and the minimum,
 * suspends, resumes, workers that overstay, quits and single steps, each accepted task is called once, rightly, and each worker is quit once. */
TEST(every_order_of_steps_keeps_the_promises)
{
    uint64_t seed = harness_seed();
    int round;
    for (round = 0; round < (harness_long() ? 20000 : 400); round++) {
        int answer = round % 2 ? TW_CREATED_COMING : TW_CREATED_READY;
        walk(round % 4 < 2 ? tw_memory_worker_new : tw_lock_worker_new, answer,
             seed + (uint64_t)round);
    }
}
