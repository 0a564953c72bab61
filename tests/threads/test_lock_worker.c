/*
 * The lock worker, as far as one thread can tell; tests/stress has what takes several.
 */
#include "by_hand.h"
#include <pthread.h>

SUITE("lock worker")

static struct tw_worker *start(struct note *notes, size_t count)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&worker), 0);
    notes_init(notes, count);
    return worker;
}

static void note_thread(struct note *note)
{
    *(pthread_t *)note->arg = pthread_self();
}

/* LKW-001: submit runs the task at once, on the calling thread. A lock worker is exclusive
 * (WRK-004). */
TEST(LKW_001_submit_runs_the_task_at_once)
{
    struct note note;
    struct tw_worker *worker = start(&note, 1);
    pthread_t thread;
    memset(&thread, 0, sizeof thread);
    note_init(&note, note_thread, &thread);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    CHECK_NOTE(&note, 0);
    CU_ASSERT_TRUE(pthread_equal(thread, pthread_self()));
    CU_ASSERT_TRUE(tw_worker_is_exclusive(worker));
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(worker), "lock worker");
    tw_worker_unref(worker);
}

/* Submits the next note, and sees that it does not run yet. */
static void submit_next(struct note *note)
{
    struct note *next = note + 1;
    CU_ASSERT_EQUAL(tw_worker_submit((struct tw_worker *)note->arg, &next->task), 0);
    CHECK_NOT_CALLED(next);
}

/* LKW-002: a submit from inside a task of the same worker only queues; the outer one runs it
 * afterwards, before it returns. */
TEST(LKW_002_a_nested_submit_only_queues)
{
    struct note notes[2];
    struct tw_worker *worker = start(notes, 2);
    note_init(&notes[0], submit_next, worker);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(notes[1].order, 1);
    tw_worker_unref(worker);
}

static void submit_both_next(struct note *note)
{
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 1)->task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 2)->task), 0);
    CHECK_NOT_CALLED(note + 1);
    CHECK_NOT_CALLED(note + 2);
}

/* LKW-003: nested tasks run first in, first out, with those queued by nested tasks. */
TEST(LKW_003_nested_tasks_run_in_order)
{
    struct note notes[5];
    struct tw_worker *worker = start(notes, 5);
    int i;
    note_init(&notes[0], submit_both_next, worker); /* queues 1 and 2 */
    note_init(&notes[2], submit_both_next, worker); /* queues 3 and 4 */
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    for (i = 0; i < 5; i++) {
        CHECK_NOTE(&notes[i], 0);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
    tw_worker_unref(worker);
}

static void submit_oneself(struct note *note)
{
    if (note->calls < 200000)
        tw_worker_submit((struct tw_worker *)note->arg, &note->task);
}

/* A chain of nested submits of any length runs in constant stack. */
TEST(a_long_chain_of_submits_runs_in_constant_stack)
{
    struct note note;
    struct tw_worker *worker = start(&note, 1);
    note_init(&note, submit_oneself, worker);
    tw_worker_submit(worker, &note.task);
    CU_ASSERT_EQUAL(note.calls, 200000);
    tw_worker_unref(worker);
}

static struct tw_worker *first_worker, *second_worker;

static void go_there_and_back(struct note *note)
{
    struct note *there = note + 1, *back = note + 2;
    CU_ASSERT_EQUAL(tw_worker_submit(second_worker, &there->task), 0);
    CHECK_NOTE(there, 0);
    CHECK_NOT_CALLED(back);
}

static void go_back(struct note *note)
{
    struct note *back = note + 1;
    CU_ASSERT_EQUAL(tw_worker_submit(first_worker, &back->task), 0);
    CHECK_NOT_CALLED(back);
}

/* LKW-005: "inside" is known for each worker apart: a second one's task runs at once inside the
 * first one's; from there the first only queues. */
TEST(LKW_005_two_lock_workers_are_told_apart)
{
    struct note notes[3];
    first_worker = start(notes, 3);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&second_worker), 0);
    note_init(&notes[0], go_there_and_back, NULL);
    note_init(&notes[1], go_back, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(first_worker, &notes[0].task), 0);
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_EQUAL(notes[2].order, 2);
    tw_worker_unref(first_worker);
    tw_worker_unref(second_worker);
}

/* LKW-006: after quit, submit and quit are refused. */
TEST(LKW_006_nothing_is_accepted_after_quit)
{
    struct note note;
    struct tw_worker *worker = start(&note, 1);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    CHECK_NOT_CALLED(&note);
    tw_worker_unref(worker);
}

static void submit_quit_submit(struct note *note)
{
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 1)->task), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 2)->task), -ESHUTDOWN);
}

/* LKW-007, LKW-008: quit from inside a task waits for nothing; what was queued before it still
 * runs, what comes after it is refused. */
TEST(LKW_008_quit_from_inside_a_task)
{
    struct note notes[3];
    struct tw_worker *worker = start(notes, 3);
    note_init(&notes[0], submit_quit_submit, worker);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOT_CALLED(&notes[2]);
    tw_worker_unref(worker);
}

static void submit_and_cancel(struct note *note)
{
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    tw_worker_submit(worker, &(note + 1)->task);
    tw_worker_submit(worker, &(note + 2)->task);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &(note + 1)->task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &(note + 1)->task), -EALREADY);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note->task), -EALREADY);
}

/* A task that waits inside may be cancelled; one that runs may not. */
TEST(a_nested_task_may_be_cancelled)
{
    struct note notes[3];
    struct tw_worker *worker = start(notes, 3);
    note_init(&notes[0], submit_and_cancel, worker);
    tw_worker_submit(worker, &notes[0].task);
    CHECK_NOTE(&notes[1], -ECANCELED);
    CHECK_NOTE(&notes[2], 0);
    tw_worker_unref(worker);
}

static void let_go(struct note *note)
{
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 1)->task), 0);
    tw_worker_unref(worker);
}

/* A task may let go of the last reference: what was accepted still runs. */
TEST(a_task_may_let_go_of_its_worker)
{
    struct note notes[2];
    struct tw_worker *worker = start(notes, 2);
    note_init(&notes[0], let_go, worker);
    tw_worker_submit(worker, &notes[0].task);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
}

/* Entering makes the calling thread the task: submits only queue, entering twice is refused, and
 * leaving runs what was queued. */
TEST(entering_is_like_being_a_task)
{
    struct note notes[2];
    struct tw_worker *worker = start(notes, 2);
    CU_ASSERT_EQUAL(worker->_ops->enter(worker), 0);
    CU_ASSERT_EQUAL(worker->_ops->enter(worker), -EDEADLK);
    tw_worker_submit(worker, &notes[0].task);
    tw_worker_submit(worker, &notes[1].task);
    CHECK_NOT_CALLED(&notes[0]);
    worker->_ops->leave(worker);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(worker->_ops->enter(worker), 0);
    worker->_ops->leave(worker);
    tw_worker_unref(worker);
}

/* Making one without memory is -ENOMEM; a submit allocates nothing. */
SWEEP(making_one_without_memory)
{
    struct note note;
    struct tw_worker *worker = NULL;
    int rc = tw_lock_worker_new(&worker);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc < 0)
        return;
    note_init(&note, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    CHECK_NOTE(&note, 0);
    tw_worker_unref(worker);
}
