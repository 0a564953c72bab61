/*
 * The memory worker: it queues, and performs when told.
 */
#include "by_hand.h"

SUITE("memory worker")

static struct tw_worker *start(struct note *notes, size_t count)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    notes_init(notes, count);
    return worker;
}

/* MEM-001: creation yields a worker that can be performed; it is exclusive (WRK-004). */
TEST(MEM_001_creation)
{
    struct tw_worker *worker = start(NULL, 0);
    CU_ASSERT_TRUE(tw_worker_is_exclusive(worker));
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(worker), "memory worker");
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
}

/* MEM-002: submit only queues; nothing runs. */
TEST(MEM_002_submit_only_queues)
{
    struct note note;
    struct tw_worker *worker = start(&note, 1);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    CHECK_NOT_CALLED(&note);
    tw_memory_worker_perform(worker);
    tw_worker_unref(worker);
}

/* MEM-003: perform runs exactly the oldest task and says so. */
TEST(MEM_003_perform_runs_the_oldest)
{
    struct note notes[3];
    struct tw_worker *worker = start(notes, 3);
    int i;
    for (i = 0; i < 3; i++)
        tw_worker_submit(worker, &notes[i].task);
    for (i = 0; i < 3; i++) {
        CHECK_NOT_CALLED(&notes[i]);
        CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
        CHECK_NOTE(&notes[i], 0);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
    tw_worker_unref(worker);
}

/* MEM-004: perform with nothing queued says so. */
TEST(MEM_004_perform_with_nothing_queued)
{
    struct tw_worker *worker = start(NULL, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    tw_worker_unref(worker);
}

/* MEM-005: after quit what was queued before can still be performed; then there is nothing for
 * ever. */
TEST(MEM_005_what_was_queued_before_quit_is_performed)
{
    struct note notes[2];
    struct tw_worker *worker = start(notes, 2);
    tw_worker_submit(worker, &notes[0].task);
    tw_worker_submit(worker, &notes[1].task);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    tw_worker_unref(worker);
}

static void submit_itself(struct note *note)
{
    CU_ASSERT_EQUAL(tw_worker_submit((struct tw_worker *)note->arg, &note->task), -ESHUTDOWN);
}

/* MEM-006: perform never goes past the end that quit has set: what its last tasks submit is
 * refused, and so there is nothing behind it. */
TEST(MEM_006_nothing_comes_behind_the_end)
{
    struct note notes[2];
    struct tw_worker *worker = start(notes, 2);
    note_init(&notes[0], submit_itself, worker);
    note_init(&notes[1], submit_itself, worker);
    tw_worker_submit(worker, &notes[0].task);
    tw_worker_submit(worker, &notes[1].task);
    tw_worker_quit(worker);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    tw_worker_unref(worker);
}

/* MEM-007: submit and quit after quit are refused, and the task's fn is not called. */
TEST(MEM_007_nothing_is_accepted_after_quit)
{
    struct note note;
    struct tw_worker *worker = start(&note, 1);
    tw_worker_quit(worker);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CHECK_NOT_CALLED(&note);
    tw_worker_unref(worker);
}

static void perform_next(struct note *note)
{
    struct note *next = note + 1;
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(next, 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 2)->task), 0);
}

/* MEM-008: a task leaves the queue before it runs, so it may perform the next, and submit. */
TEST(MEM_008_a_task_may_perform_the_next)
{
    struct note notes[3];
    struct tw_worker *worker = start(notes, 3);
    note_init(&notes[0], perform_next, worker);
    tw_worker_submit(worker, &notes[0].task);
    tw_worker_submit(worker, &notes[1].task);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOT_CALLED(&notes[2]);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&notes[2], 0);
    tw_worker_unref(worker);
}

/* R10: a cancelled task stays in its place; whoever comes upon it calls fn with -ECANCELED, and
 * that counts as performing. */
TEST(a_cancelled_task_stays_until_it_is_come_upon)
{
    struct note notes[3];
    struct tw_worker *worker = start(notes, 3);
    int i;
    for (i = 0; i < 3; i++)
        tw_worker_submit(worker, &notes[i].task);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[1].task), 0);
    CHECK_NOT_CALLED(&notes[1]);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], -ECANCELED);
    CHECK_NOTE(&notes[2], 0);
    tw_worker_unref(worker);
}

static void submit_the_next(struct note *note)
{
    CU_ASSERT_EQUAL(note->status, -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit((struct tw_worker *)note->arg, &(note + 1)->task), -ESHUTDOWN);
}

/* What is still queued when the last reference goes is given up: -ESHUTDOWN, or -ECANCELED if it
 * was cancelled; and nothing more is accepted meanwhile. */
TEST(the_last_unref_gives_up_what_is_queued)
{
    struct note notes[3];
    struct tw_worker *worker = start(notes, 3);
    note_init(&notes[1], submit_the_next, worker);
    tw_worker_submit(worker, &notes[0].task);
    tw_worker_submit(worker, &notes[1].task);
    tw_worker_cancel(worker, &notes[0].task);
    CU_ASSERT_PTR_EQUAL(tw_worker_ref(worker), worker);
    tw_worker_unref(worker);
    CHECK_NOT_CALLED(&notes[0]);
    tw_worker_unref(worker);
    CHECK_NOTE(&notes[0], -ECANCELED);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
    CHECK_NOT_CALLED(&notes[2]);
}

static void let_go(struct note *note)
{
    tw_worker_unref((struct tw_worker *)note->arg);
}

/* A task may let go of the last reference to its own worker. */
TEST(a_task_may_let_go_of_its_worker)
{
    struct note notes[2];
    struct tw_worker *worker = start(notes, 2);
    note_init(&notes[0], let_go, worker);
    tw_worker_submit(worker, &notes[0].task);
    tw_worker_submit(worker, &notes[1].task);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
}

/* Only a memory worker can be performed. */
TEST(another_kind_cannot_be_performed)
{
    struct tw_worker *lock = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    PROVOKE(tw_memory_worker_perform(lock));
    PROVOKE(tw_memory_worker_perform(NULL));
    tw_worker_unref(lock);
}

/* Making one without memory is -ENOMEM; a submit allocates nothing. */
SWEEP(making_one_without_memory)
{
    struct note note;
    struct tw_worker *worker = NULL;
    int rc = tw_memory_worker_new(&worker);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc < 0)
        return;
    note_init(&note, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    tw_memory_worker_perform(worker);
    CHECK_NOTE(&note, 0);
    tw_worker_unref(worker);
}
