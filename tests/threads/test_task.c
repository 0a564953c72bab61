/*
 * Tasks: the claim that settles who calls fn, and what fn may do with its task.
 */
#include "by_hand.h"
#include <twine/threads/task_internal.h>

SUITE("task")

static struct tw_worker *memory(void)
{
    struct tw_worker *worker = NULL;
    notes_called = 0;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    return worker;
}

/* A task is given its fn and belongs to nobody. */
TEST(init_sets_fn_and_nothing_else)
{
    struct tw_worker *worker = memory();
    struct tw_task task;
    memset(&task, 0xee, sizeof task);
    tw_task_init(&task, note_fn);
    CU_ASSERT_TRUE(task.fn == note_fn);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &task), -EALREADY);
    tw_worker_unref(worker);
}

/* R9: an accepted task's fn is called once, with 0 when it is performed. */
TEST(fn_is_called_once_with_zero)
{
    struct tw_worker *worker = memory();
    struct note note;
    note_init(&note, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    CHECK_NOT_CALLED(&note);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CHECK_NOTE(&note, 0);
    tw_worker_unref(worker);
}

/* A cancelled task's fn is called once, with -ECANCELED; the second cancel comes too late. */
TEST(a_cancelled_task_is_given_up_once)
{
    struct tw_worker *worker = memory();
    struct note note;
    note_init(&note, NULL, NULL);
    tw_worker_submit(worker, &note.task);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), -EALREADY);
    tw_memory_worker_perform(worker);
    CHECK_NOTE(&note, -ECANCELED);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), -EALREADY);
    tw_worker_unref(worker);
}

/* A task that its queue refuses after it looked accepted is its owner's still; but if it was
 * cancelled in between, which was promised to be told, it counts as accepted and is given up. */
TEST(a_task_cancelled_before_it_is_refused_is_given_up)
{
    struct tw_worker *worker = memory();
    struct note notes[2];
    notes_init(notes, 2);
    tw_task_accept(&notes[0].task, worker);
    CU_ASSERT_EQUAL(tw__task_refused(&notes[0].task, -ESHUTDOWN), -ESHUTDOWN);
    CHECK_NOT_CALLED(&notes[0]);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[0].task), -EALREADY);
    tw_task_accept(&notes[1].task, worker);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[1].task), 0);
    CU_ASSERT_EQUAL(tw__task_refused(&notes[1].task, -ESHUTDOWN), 0);
    CHECK_NOTE(&notes[1], -ECANCELED);
    tw_worker_unref(worker);
}

/* A task that another worker has is not this worker's to cancel. */
TEST(only_the_worker_that_has_it_can_cancel_it)
{
    struct tw_worker *one = memory(), *other = memory();
    struct note note;
    note_init(&note, NULL, NULL);
    tw_worker_submit(one, &note.task);
    CU_ASSERT_EQUAL(tw_worker_cancel(other, &note.task), -EALREADY);
    tw_memory_worker_perform(one);
    CHECK_NOTE(&note, 0);
    tw_worker_unref(one);
    tw_worker_unref(other);
}

static void cancel_oneself(struct note *note)
{
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note->task), -EALREADY);
}

/* A task that runs cannot be cancelled any more, nor can one that is over. */
TEST(a_task_that_runs_cannot_be_cancelled)
{
    struct tw_worker *worker = memory();
    struct note note;
    note_init(&note, cancel_oneself, worker);
    tw_worker_submit(worker, &note.task);
    tw_memory_worker_perform(worker);
    CHECK_NOTE(&note, 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), -EALREADY);
    tw_worker_unref(worker);
}

static void submit_again(struct note *note)
{
    if (note->calls < 3)
        CU_ASSERT_EQUAL(tw_worker_submit((struct tw_worker *)note->arg, &note->task), 0);
}

/* Once fn is entered the task is its owner's: it may be submitted again, run or given up. */
TEST(a_task_may_submit_itself_again)
{
    struct tw_worker *worker = memory();
    struct note note;
    note_init(&note, submit_again, worker);
    tw_worker_submit(worker, &note.task);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(note.status, -ECANCELED);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(note.status, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CU_ASSERT_EQUAL(note.calls, 3);
    tw_worker_unref(worker);
}

static int frees;

static void free_it(struct tw_task *task, int status)
{
    (void)status;
    frees++;
    memset(task, 0xdd, sizeof *task);
    free(task);
}

static struct tw_task *heap_task(void)
{
    struct tw_task *task = (struct tw_task *)malloc(sizeof *task);
    CU_ASSERT_PTR_NOT_NULL_FATAL(task);
    tw_task_init(task, free_it);
    return task;
}

/* Once fn is entered nobody else touches the task: fn may free it, run or given up. */
TEST(a_task_may_free_itself)
{
    struct tw_worker *worker = memory();
    struct tw_task *cancelled = heap_task();
    frees = 0;
    tw_worker_submit(worker, heap_task());
    tw_worker_submit(worker, cancelled);
    tw_worker_submit(worker, heap_task());
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, cancelled), 0);
    tw_memory_worker_perform(worker);
    tw_memory_worker_perform(worker);
    CU_ASSERT_EQUAL(frees, 2);
    tw_worker_unref(worker);
    CU_ASSERT_EQUAL(frees, 3);
}

static void deliver(struct note *note)
{
    tw_task_delivers(&note->task);
}

/* Elsewhere than in a team, saying that only the delivery is left does nothing. */
TEST(delivers_does_nothing_outside_a_team)
{
    struct tw_worker *worker = memory(), *lock = NULL;
    struct note note;
    note_init(&note, deliver, NULL);
    tw_worker_submit(worker, &note.task);
    tw_memory_worker_perform(worker);
    CHECK_NOTE(&note, 0);
    note_init(&note, deliver, NULL);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    tw_worker_submit(lock, &note.task);
    CHECK_NOTE(&note, 0);
    note_init(&note, deliver, NULL);
    tw_task_delivers(&note.task);
    tw_worker_unref(worker);
    tw_worker_unref(lock);
}

/* The claim's three operations, as the writer of a worker uses them. */
TEST(accept_take_and_cancel_settle_the_claim)
{
    struct watched worker;
    struct tw_task task;
    watched_init(&worker, NULL);
    tw_task_init(&task, note_fn);
    CU_ASSERT_EQUAL(tw_worker_cancel_claim(&worker.base, &task), -EALREADY);
    tw_task_accept(&task, &worker.base);
    CU_ASSERT_EQUAL(tw_task_take(&task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel_claim(&worker.base, &task), -EALREADY);
    tw_task_accept(&task, &worker.base);
    CU_ASSERT_EQUAL(tw_worker_cancel_claim(&worker.base, &task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel_claim(&worker.base, &task), -EALREADY);
    CU_ASSERT_EQUAL(tw_task_take(&task), -ECANCELED);
    CU_ASSERT_EQUAL(tw_task_take(&task), 0);
}
