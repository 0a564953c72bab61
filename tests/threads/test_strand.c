/*
 * The strand, over a memory worker: each turn is taken by hand.
 */
#include "by_hand.h"
#include <twine/threads/strand.h>

SUITE("strand")

enum { MOST = 64 };

struct step {
    struct tw_task task;
    int number;
};

static struct {
    struct tw_worker *below, *strand;
    struct step steps[MOST];
    int order[MOST], ran, cancelled, shut_down, inside, most_inside;
} game;

static void step_fn(struct tw_task *task, int status)
{
    struct step *step = (struct step *)task;
    game.inside++;
    if (game.inside > game.most_inside)
        game.most_inside = game.inside;
    if (status == 0)
        game.order[game.ran++] = step->number;
    else if (status == -ECANCELED)
        game.cancelled++;
    else
        game.shut_down++;
    game.inside--;
}

static void start(unsigned budget)
{
    int i;
    memset(&game, 0, sizeof game);
    for (i = 0; i < MOST; i++) {
        tw_task_init(&game.steps[i].task, step_fn);
        game.steps[i].number = i;
    }
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&game.below), 0);
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(game.below, budget, &game.strand), 0);
}

static void submit(int from, int to)
{
    for (; from < to; from++)
        CU_ASSERT_EQUAL(tw_worker_submit(game.strand, &game.steps[from].task), 0);
}

static int perform_all(void)
{
    int turns = 0;
    while (tw_memory_worker_perform(game.below) > 0)
        turns++;
    return turns;
}

static void stop(void)
{
    game.strand = tw_worker_unref(game.strand);
    perform_all();
    game.below = tw_worker_unref(game.below);
}

static bool in_order(int count)
{
    int i;
    for (i = 0; i < count; i++)
        if (game.order[i] != i)
            return false;
    return game.ran == count;
}

/* WRK-003: a strand is exclusive, though the worker below need not be. */
TEST(WRK_003_is_exclusive)
{
    start(0);
    CU_ASSERT_TRUE(tw_worker_is_exclusive(game.strand));
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(game.strand), "strand");
    stop();
}

/* Nothing runs in submit; all of it runs in one turn, in order. */
TEST(runs_in_order_in_one_turn)
{
    start(0);
    submit(0, 5);
    CU_ASSERT_EQUAL(game.ran, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(game.below), 1);
    CU_ASSERT_TRUE(in_order(5));
    CU_ASSERT_EQUAL(tw_memory_worker_perform(game.below), 0);
    stop();
}

/* After its budget a strand steps back behind what else waits below. */
TEST(steps_back_after_its_budget)
{
    struct step other;
    start(3);
    tw_task_init(&other.task, step_fn);
    other.number = 99;
    submit(0, 7);
    CU_ASSERT_EQUAL(tw_worker_submit(game.below, &other.task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(game.below), 1);
    CU_ASSERT_EQUAL(game.ran, 3);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(game.below), 1);
    CU_ASSERT_EQUAL(game.order[3], 99);
    CU_ASSERT_EQUAL(perform_all(), 2);
    CU_ASSERT_EQUAL(game.ran, 8);
    CU_ASSERT_EQUAL(game.order[7], 6);
    stop();
}

static void submit_more(struct tw_task *task, int status)
{
    step_fn(task, status);
    if (game.ran < 10)
        CU_ASSERT_EQUAL(tw_worker_submit(game.strand, &game.steps[game.ran].task), 0);
}

/* A task may submit: it is queued, and no task runs inside another. */
TEST(a_task_may_submit)
{
    int i;
    start(4);
    for (i = 0; i < 10; i++)
        game.steps[i].task.fn = submit_more;
    submit(0, 1);
    perform_all();
    CU_ASSERT_TRUE(in_order(10));
    CU_ASSERT_EQUAL(game.most_inside, 1);
    stop();
}

/* WRK-002: after quit, submit and quit are refused; what was accepted still runs. */
TEST(WRK_002_quit_lets_what_was_accepted_run)
{
    start(2);
    submit(0, 5);
    CU_ASSERT_EQUAL(tw_worker_quit(game.strand), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(game.strand), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit(game.strand, &game.steps[5].task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_cancel(game.strand, &game.steps[5].task), -EALREADY);
    perform_all();
    CU_ASSERT_TRUE(in_order(5));
    stop();
}

/* The last reference may go while a turn is out: what was accepted runs, and then all is freed. */
TEST(last_reference_may_go_before_the_turn)
{
    start(1);
    submit(0, 3);
    game.strand = tw_worker_unref(game.strand);
    perform_all();
    CU_ASSERT_TRUE(in_order(3));
    stop();
}

/* R10: a cancelled task stays where it is, and is given up when it is reached. */
TEST(cancel_gives_up_when_reached)
{
    start(0);
    submit(0, 3);
    CU_ASSERT_EQUAL(tw_worker_cancel(game.strand, &game.steps[1].task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(game.strand, &game.steps[1].task), -EALREADY);
    CU_ASSERT_EQUAL(game.cancelled, 0);
    perform_all();
    CU_ASSERT_EQUAL(game.cancelled, 1);
    CU_ASSERT_EQUAL(game.ran, 2);
    stop();
}

/* A worker below that lets no more tasks wait: what is submitted meanwhile to a strand at rest gets
 * -EAGAIN, one that cannot step back goes on, and either strand lives on. */
TEST(worker_below_without_a_place)
{
    struct watched below;
    struct tw_worker *inner = NULL, *strand = NULL;
    struct note notes[4];
    int i;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&inner), 0);
    watched_init(&below, inner);
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(&below.base, 1, &strand), 0);
    notes_init(notes, 4);
    below.refusal = -EAGAIN;
    CU_ASSERT_EQUAL(tw_worker_submit(strand, &notes[0].task), 0);
    CHECK_NOTE(&notes[0], -EAGAIN);
    below.refusal = 0;
    for (i = 1; i < 4; i++)
        CU_ASSERT_EQUAL(tw_worker_submit(strand, &notes[i].task), 0);
    below.refusal = -EAGAIN;
    CU_ASSERT_TRUE(watched_perform(&below));
    for (i = 1; i < 4; i++)
        CHECK_NOTE(&notes[i], 0);
    CU_ASSERT_EQUAL(below.submits, 1);
    tw_worker_unref(strand);
    tw_worker_unref(&below.base);
    CU_ASSERT_TRUE(below.is_gone);
}

/* R9: if the worker below refuses, what was accepted is given up, at once, and the strand with it.
 * */
TEST(worker_below_that_refuses)
{
    start(0);
    CU_ASSERT_EQUAL(tw_worker_quit(game.below), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(game.strand, &game.steps[0].task), 0);
    CU_ASSERT_EQUAL(game.shut_down, 1);
    CU_ASSERT_EQUAL(tw_worker_submit(game.strand, &game.steps[1].task), -ESHUTDOWN);
    stop();
}

/* R9: the same if it goes with the turn in its queue. */
TEST(worker_below_that_goes)
{
    struct tw_worker *kept;
    start(0);
    submit(0, 4);
    kept = tw_worker_ref(game.strand);
    stop();
    CU_ASSERT_EQUAL(game.ran + game.shut_down, 4);
    tw_worker_unref(kept);
}

/* Over a lock worker the tasks run inside submit. */
TEST(over_a_lock_worker)
{
    struct tw_worker *lock;
    start(2);
    game.strand = tw_worker_unref(game.strand);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    CU_ASSERT_EQUAL_FATAL(tw_strand_new(lock, 2, &game.strand), 0);
    submit(0, 5);
    CU_ASSERT_TRUE(in_order(5));
    stop();
    tw_worker_unref(lock);
}

TEST(bad_arguments_are_refused)
{
    struct tw_worker *strand = NULL;
    PROVOKE(tw_strand_new(NULL, 0, &strand));
    CU_ASSERT_PTR_NULL(strand);
}

SWEEP(making_one_without_memory)
{
    struct tw_worker *below = NULL, *strand = NULL;
    if (tw_memory_worker_new(&below) == 0 && tw_strand_new(below, 0, &strand) < 0)
        CU_ASSERT_PTR_NULL(strand);
    tw_worker_unref(strand);
    tw_worker_unref(below);
}
