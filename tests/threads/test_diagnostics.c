/*
 * Diagnostics, on a team of memory workers.
 */
#include "by_hand.h"

SUITE("diagnostics")

/* A team of one memory worker that is made when it is needed. */
static struct tw_worker *only;

static int create_one(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    if (live > 0 || tw_memory_worker_new(&only) < 0)
        return TW_CREATED_NONE;
    *ret_worker = tw_worker_ref(only);
    return TW_CREATED_READY;
}

static struct tw_team *new_team(void)
{
    struct tw_worker *coordinator;
    struct tw_team *team = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&coordinator), 0);
    CU_ASSERT_EQUAL_FATAL(tw_team_new(coordinator, create_one, NULL, NULL, &team), 0);
    tw_worker_unref(coordinator);
    return team;
}

static void end_team(struct tw_team *team)
{
    tw_team_quit(team);
    while (tw_memory_worker_perform(only) > 0)
        ;
    tw_worker_unref(only);
    tw_team_unref(team);
}

static int listed;
static struct tw_running first;

static void look(struct note *note)
{
    memset(&first, 0, sizeof first);
    listed = tw_team_running((struct tw_team *)note->arg, &first, 1);
}

/* While a task runs it is listed, with its label and the place where that was given. */
TEST(a_running_task_is_listed_with_its_label)
{
    struct tw_team *team = new_team();
    struct note note;
    int line;
    tw_diagnostics_set(true);
    note_init(&note, look, team);
    TW_LABEL("resize an image");
    line = __LINE__ - 1;
    CU_ASSERT_EQUAL(tw_team_submit(team, &note.task), 0);
    CU_ASSERT_EQUAL(tw_team_running(team, NULL, 0), 0);
    tw_memory_worker_perform(only);
    CU_ASSERT_EQUAL(listed, 1);
    CU_ASSERT_STRING_EQUAL(first.label, "resize an image");
    CU_ASSERT_PTR_NOT_NULL(strstr(first.file, "test_diagnostics.c"));
    CU_ASSERT_EQUAL(first.line, line);
    CU_ASSERT(first.waited >= 0);
    CU_ASSERT(first.age >= 0);
    CU_ASSERT_EQUAL(tw_team_running(team, NULL, 0), 0);
    tw_diagnostics_set(false);
    end_team(team);
}

/* A label is for the next task only, and a task without one is listed all the same. */
TEST(a_label_is_for_the_next_task_only)
{
    struct tw_team *team = new_team();
    struct note notes[2];
    tw_diagnostics_set(true);
    note_init(&notes[0], NULL, NULL);
    note_init(&notes[1], look, team);
    TW_LABEL("the first");
    CU_ASSERT_EQUAL(tw_team_submit(team, &notes[0].task), 0);
    CU_ASSERT_EQUAL(tw_team_submit(team, &notes[1].task), 0);
    tw_memory_worker_perform(only);
    CU_ASSERT_EQUAL(listed, 1);
    CU_ASSERT_PTR_NULL(first.label);
    CU_ASSERT(first.waited >= 0);
    tw_diagnostics_set(false);
    end_team(team);
}

/* A burst has one label for all. */
TEST(a_burst_has_one_label)
{
    struct tw_team *team = new_team();
    struct note notes[2];
    struct tw_task *tasks[2] = {&notes[0].task, &notes[1].task};
    tw_diagnostics_set(true);
    note_init(&notes[0], NULL, NULL);
    note_init(&notes[1], look, team);
    TW_LABEL("both");
    CU_ASSERT_EQUAL(tw_team_submit_many(team, tasks, 2), 0);
    tw_memory_worker_perform(only);
    CU_ASSERT_EQUAL(listed, 1);
    CU_ASSERT_STRING_EQUAL(first.label, "both");
    tw_diagnostics_set(false);
    end_team(team);
}

/* Switched off, nothing is kept and nothing is listed. */
TEST(switched_off_nothing_is_kept)
{
    struct tw_team *team = new_team();
    struct note note;
    CU_ASSERT_FALSE(tw_diagnostics_is_on());
    note_init(&note, look, team);
    TW_LABEL("unheard");
    CU_ASSERT_EQUAL(tw_team_submit(team, &note.task), 0);
    tw_memory_worker_perform(only);
    CU_ASSERT_EQUAL(listed, 0);
    end_team(team);
}

/* What was refused, given up or cancelled leaves nothing behind, nor what waits when the switch goes
 * off: the harness counts allocations. */
TEST(nothing_is_left_behind)
{
    struct tw_team *team = new_team();
    struct note notes[4];
    size_t i;
    tw_diagnostics_set(true);
    notes_init(notes, 4);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_team_submit(team, &notes[i].task), 0);
    CU_ASSERT_EQUAL(tw_team_cancel(team, &notes[2].task), 0);
    tw_diagnostics_set(false);
    end_team(team);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[2], -ECANCELED);
    tw_diagnostics_set(true);
    team = new_team();
    CU_ASSERT_EQUAL(tw_team_grow(team, 1), 0);
    tw_team_quit(team);
    CU_ASSERT_EQUAL(tw_team_submit(team, &notes[3].task), -ESHUTDOWN);
    tw_worker_unref(only);
    tw_team_unref(team);
    tw_diagnostics_set(false);
}

/* Without memory a task runs as ever, without a label. */
SWEEP(labels_cost_memory_that_may_be_missing)
{
    struct tw_worker *coordinator = NULL;
    struct tw_team *team = NULL;
    struct note note;
    note_init(&note, NULL, NULL);
    tw_diagnostics_set(true);
    only = NULL;
    if (tw_lock_worker_new(&coordinator) == 0 &&
        tw_team_new(coordinator, create_one, NULL, NULL, &team) == 0) {
        TW_LABEL("if there is room");
        CU_ASSERT_EQUAL(tw_team_submit(team, &note.task), 0);
        tw_team_quit(team); /* a worker that could not be had before may be had now */
        while (only && tw_memory_worker_perform(only) > 0)
            ;
        CU_ASSERT_EQUAL(note.calls, 1);
        tw_worker_unref(only);
        tw_team_unref(team);
    }
    tw_worker_unref(coordinator);
    tw_diagnostics_set(false);
}

TEST(misuse_is_told)
{
    struct tw_running running;
    PROVOKE(tw_team_running(NULL, &running, 1));
}
