/*
 * What all kinds of worker have in common, by the numbers, step by step. The whole suite of
 * promises, which is installed, is run by test_worker_conformance.c here and in other parts.
 */
#include "by_hand.h"

SUITE("worker")

/* A kind to be tested: how to make one, and how to let it do all it has to do. */
struct kind {
    const char *name;
    bool is_exclusive;
    struct tw_worker *(*make)(void);
    void (*drain)(struct tw_worker *worker);
};

static struct tw_worker *make_memory(void)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    return worker;
}

static void drain_memory(struct tw_worker *worker)
{
    while (tw_memory_worker_perform(worker))
        ;
}

static struct tw_worker *make_lock(void)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&worker), 0);
    return worker;
}

static void drain_nothing(struct tw_worker *worker)
{
    (void)worker;
}

static struct watched own;

static struct tw_worker *make_watched(void)
{
    watched_init(&own, make_memory());
    return &own.base;
}

static void drain_watched(struct tw_worker *worker)
{
    while (watched_perform((struct watched *)worker))
        ;
}

static struct hand hand;

static struct tw_worker *make_team(void)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 2), 0);
    tw_worker_unref(&hand.coordinator.base); /* the team holds it */
    return tw_team_worker(hand.team);
}

static struct tw_worker *make_stepped_team(void)
{
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_memory_worker_new, 2), 0);
    tw_worker_unref(&hand.coordinator.base);
    return tw_team_worker(hand.team);
}

static void drain_team(struct tw_worker *worker)
{
    (void)worker;
    hand_run(&hand);
}

static struct tw_worker *below_limiter;

static struct tw_worker *make_limiter(void)
{
    struct tw_limiter *limiter = NULL;
    below_limiter = make_memory();
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(below_limiter, 2, &limiter), 0);
    tw_worker_unref(below_limiter); /* the limiter holds it */
    return tw_limiter_worker(limiter);
}

static void drain_limiter(struct tw_worker *worker)
{
    (void)worker;
    drain_memory(below_limiter);
}

static const struct kind kinds[] = {
    {"memory worker", true, make_memory, drain_memory},
    {"lock worker", true, make_lock, drain_nothing},
    {"watched worker", true, make_watched, drain_watched},
    {"team", false, make_team, drain_team},
    {"team", false, make_stepped_team, drain_team},
    {"limiter", false, make_limiter, drain_limiter},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* Runs a check with a worker of each kind. The check lets go of the worker. */
static void for_each_kind(void (*check)(const struct kind *, struct tw_worker *))
{
    size_t i;
    for (i = 0; i < KINDS; i++)
        check(&kinds[i], kinds[i].make());
}

static void end(const struct kind *kind, struct tw_worker *worker)
{
    tw_worker_quit(worker);
    kind->drain(worker);
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
    if (kind->drain == drain_team)
        CU_ASSERT_TRUE(hand.coordinator.is_gone);
}

static void check_kind(const struct kind *kind, struct tw_worker *worker)
{
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(worker), kind->name);
    CU_ASSERT_EQUAL(tw_worker_is_exclusive(worker), kind->is_exclusive);
    end(kind, worker);
}

/* WRK-003, WRK-004, WRK-005: a worker says its kind, and whether its tasks never overlap. */
TEST(WRK_004_which_workers_are_exclusive)
{
    for_each_kind(check_kind);
    CU_ASSERT_FALSE(tw_worker_is_exclusive(NULL));
}

static void check_runs_all(const struct kind *kind, struct tw_worker *worker)
{
    struct note notes[5];
    int i;
    notes_init(notes, 5);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[i].task), 0);
    kind->drain(worker);
    for (i = 0; i < 5; i++) {
        CHECK_NOTE(&notes[i], 0);
        if (kind->is_exclusive)
            CU_ASSERT_EQUAL(notes[i].order, i);
    }
    end(kind, worker);
}

/* WRK-001: a worker takes tasks and performs them; an exclusive one in order. */
TEST(WRK_001_a_worker_performs_its_tasks)
{
    for_each_kind(check_runs_all);
}

static void check_quit(const struct kind *kind, struct tw_worker *worker)
{
    struct note notes[2];
    notes_init(notes, 2);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[1].task), -ESHUTDOWN);
    kind->drain(worker);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOT_CALLED(&notes[1]);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[1].task), -EALREADY);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    end(kind, worker);
}

/* WRK-002: after quit, submit and quit are refused; what was accepted runs. */
TEST(WRK_002_after_quit_everything_is_refused)
{
    for_each_kind(check_quit);
}

static void check_flag(const struct kind *kind, struct tw_worker *worker)
{
    struct note notes[3];
    int i;
    notes_init(notes, 3);
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[i].task), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[2].task), -ESHUTDOWN);
    end(kind, worker);
    CHECK_NOT_CALLED(&notes[2]);
}

/* QUI-001, QUI-002: at first nobody has quit it; quit makes it so, for good. */
TEST(QUI_002_quit_is_for_good)
{
    for_each_kind(check_flag);
}

static void check_second_quit(const struct kind *kind, struct tw_worker *worker)
{
    int i;
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    kind->drain(worker);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    end(kind, worker);
}

/* QUI-003: only the first quit is one. */
TEST(QUI_003_a_second_quit_is_refused)
{
    for_each_kind(check_second_quit);
}

static void check_check(const struct kind *kind, struct tw_worker *worker)
{
    struct note notes[2];
    notes_init(notes, 2);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    kind->drain(worker);
    CHECK_NOTE(&notes[0], 0);
    tw_worker_quit(worker);
    kind->drain(worker); /* a team's books have heard of it */
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[1].task), -ESHUTDOWN);
    CHECK_NOT_CALLED(&notes[1]);
    end(kind, worker);
}

/* QUI-004: what is submitted is let by before quit, and refused afterwards. */
TEST(QUI_004_submit_looks_whether_it_has_quit)
{
    for_each_kind(check_check);
}

static void check_refused_is_free(const struct kind *kind, struct tw_worker *worker)
{
    struct tw_worker *other = make_memory();
    struct note note;
    note_init(&note, NULL, NULL);
    tw_worker_quit(worker);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit(other, &note.task), 0);
    drain_memory(other);
    CHECK_NOTE(&note, 0);
    tw_worker_unref(other);
    end(kind, worker);
}

/* R6: a task that was refused is its owner's still: another worker may have it. */
TEST(a_refused_task_is_still_its_owners)
{
    for_each_kind(check_refused_is_free);
}

static void check_cancel(const struct kind *kind, struct tw_worker *worker)
{
    struct note notes[2];
    notes_init(notes, 2);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[0].task), -EALREADY);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    if (notes[0].calls == 0) {
        CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[0].task), 0);
        CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[0].task), -EALREADY);
        kind->drain(worker);
        CHECK_NOTE(&notes[0], -ECANCELED);
    }
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[1].task), 0);
    kind->drain(worker);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[1].task), -EALREADY);
    CHECK_NOTE(&notes[1], 0);
    end(kind, worker);
}

/* R9, R10: a task that waits can be cancelled once; its fn is called once, with -ECANCELED. */
TEST(a_task_that_waits_can_be_cancelled)
{
    for_each_kind(check_cancel);
}

static void submit_again(struct note *note)
{
    if (note->calls < 4)
        CU_ASSERT_EQUAL(tw_worker_submit((struct tw_worker *)note->arg, &note->task), 0);
}

static void check_submit_again(const struct kind *kind, struct tw_worker *worker)
{
    struct note note;
    note_init(&note, submit_again, worker);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    kind->drain(worker);
    CU_ASSERT_EQUAL(note.calls, 4);
    CU_ASSERT_EQUAL(note.status, 0);
    end(kind, worker);
}

/* R9: once fn is entered the task may be submitted again, to the same worker too. */
TEST(a_task_may_submit_itself_again)
{
    for_each_kind(check_submit_again);
}

static void check_submit_twice(const struct kind *kind, struct tw_worker *worker)
{
    struct tw_worker *other = make_memory();
    struct note notes[2];
    notes_init(notes, 2);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[1].task), 0);
    if (notes[0].calls == 0) {
        PROVOKE(tw_worker_submit(worker, &notes[0].task));
        PROVOKE(tw_worker_submit(other, &notes[0].task));
        CU_ASSERT_EQUAL(tw_worker_cancel(worker, &notes[1].task), 0);
        PROVOKE(tw_worker_submit(other, &notes[1].task));
    }
    kind->drain(worker);
    drain_memory(other);
    CHECK_NOTE(&notes[0], 0);
    CU_ASSERT_EQUAL(notes[1].calls, 1);
    CU_ASSERT_EQUAL(tw_worker_submit(other, &notes[1].task), 0);
    drain_memory(other);
    CU_ASSERT_EQUAL(notes[1].calls, 2);
    tw_worker_unref(other);
    end(kind, worker);
}

/* R9: a task that some worker has, cancelled or not, is refused as misuse by it and by any other,
 * until its fn is entered; nothing is lost by that. */
TEST(a_task_submitted_twice_is_refused)
{
    for_each_kind(check_submit_twice);
}

static void quit_inside(struct note *note)
{
    struct tw_worker *worker = (struct tw_worker *)note->arg;
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &(note + 1)->task), -ESHUTDOWN);
}

static void check_quit_inside(const struct kind *kind, struct tw_worker *worker)
{
    struct note notes[2];
    note_init(&notes[0], quit_inside, worker);
    note_init(&notes[1], NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &notes[0].task), 0);
    kind->drain(worker);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOT_CALLED(&notes[1]);
    end(kind, worker);
}

/* A worker's own task may quit it. */
TEST(a_task_may_quit_its_worker)
{
    for_each_kind(check_quit_inside);
}

static void check_references(const struct kind *kind, struct tw_worker *worker)
{
    struct note note;
    note_init(&note, NULL, NULL);
    CU_ASSERT_PTR_EQUAL(tw_worker_ref(worker), worker);
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &note.task), 0);
    kind->drain(worker);
    CHECK_NOTE(&note, 0);
    end(kind, worker);
}

/* A worker stays as long as somebody holds it; NULL can be held and let go. */
TEST(a_worker_is_counted)
{
    for_each_kind(check_references);
    CU_ASSERT_PTR_NULL(tw_worker_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_worker_unref(NULL));
}

static void check_misuse(const struct kind *kind, struct tw_worker *worker)
{
    struct tw_task task;
    tw_task_init(&task, NULL);
    PROVOKE(tw_worker_submit(worker, NULL));
    PROVOKE(tw_worker_submit(worker, &task));
    PROVOKE(tw_worker_cancel(worker, NULL));
    end(kind, worker);
}

/* No worker, no task, and a task without fn are misuse. */
TEST(misuse_is_refused)
{
    struct note note;
    for_each_kind(check_misuse);
    note_init(&note, NULL, NULL);
    PROVOKE(tw_worker_submit(NULL, &note.task));
    PROVOKE(tw_worker_cancel(NULL, &note.task));
    PROVOKE(tw_worker_quit(NULL));
}

/* The operations for kinds that cannot be entered say so. */
TEST(most_workers_cannot_be_entered)
{
    struct tw_worker *worker = make_memory();
    CU_ASSERT_EQUAL(worker->_ops->enter(worker), -ENOTSUP);
    CU_ASSERT_EQUAL(tw_worker_enter_none(worker), -ENOTSUP);
    tw_worker_unref(worker);
}

/* A team's workers, which it makes for another team. */
static struct hand inner;

static int create_team(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    if (live)
        return TW_CREATED_NONE;
    *ret_worker = tw_worker_ref(tw_team_worker(inner.team));
    return TW_CREATED_READY;
}

/* WRK-005: any worker can be a team's, another team too. */
TEST(WRK_005_a_team_can_work_for_a_team)
{
    struct tw_worker *coordinator = make_lock();
    struct tw_team *outer = NULL;
    struct note notes[3];
    int i;
    CU_ASSERT_EQUAL_FATAL(hand_start(&inner, tw_memory_worker_new, 1), 0);
    CU_ASSERT_EQUAL_FATAL(tw_team_new(coordinator, create_team, NULL, NULL, &outer), 0);
    notes_init(notes, 3);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_team_submit(outer, &notes[i].task), 0);
    CHECK_NOT_CALLED(&notes[0]);
    hand_run(&inner);
    for (i = 0; i < 3; i++)
        CHECK_NOTE(&notes[i], 0);
    tw_team_unref(outer);
    CU_ASSERT_EQUAL(tw_team_quit(inner.team), -ESHUTDOWN);
    hand_end(&inner);
    tw_worker_unref(coordinator);
}
