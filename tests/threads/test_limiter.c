/*
 * The limiter over a memory worker: every token's way is taken by hand.
 */
#include "by_hand.h"

SUITE("limiter")

enum { MOST = 16 };

static struct tw_worker *below;
static struct tw_limiter *limiter;
static struct note notes[MOST];

static void start(size_t total)
{
    notes_init(notes, MOST);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&below), 0);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(below, total, &limiter), 0);
}

static void run(void)
{
    while (tw_memory_worker_perform(below) > 0)
        continue;
}

static void stop(void)
{
    limiter = tw_limiter_unref(limiter);
    run();
    below = tw_worker_unref(below);
}

static int submit_one(struct note *note)
{
    return tw_worker_submit(tw_limiter_worker(limiter), &note->task);
}

static void submit(int from, int to)
{
    for (; from < to; from++)
        CU_ASSERT_EQUAL(submit_one(&notes[from]), 0);
}

static int cancel(struct note *note)
{
    return tw_worker_cancel(tw_limiter_worker(limiter), &note->task);
}

static void check_now(int line, size_t total, size_t borrowed, size_t waiting)
{
    struct tw_limiter_numbers now = {sizeof now, 0, 0, 0};
    bool is_right = tw_limiter_statistics(limiter, &now) == 0 && now.total == total &&
                    now.borrowed == borrowed && now.waiting == waiting;
    CU_ASSERT(is_right);
    if (!is_right)
        printf("line %d: total %zu, borrowed %zu, waiting %zu\n", line, now.total, now.borrowed,
               now.waiting);
}
#define CHECK_NOW(total, borrowed, waiting) check_now(__LINE__, total, borrowed, waiting)

/* WRK-003: a limiter is a worker, and not an exclusive one, not even with one token. */
TEST(WRK_003_is_a_worker)
{
    start(1);
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(tw_limiter_worker(limiter)), "limiter");
    CU_ASSERT_FALSE(tw_worker_is_exclusive(tw_limiter_worker(limiter)));
    CU_ASSERT_PTR_NULL(tw_limiter_worker(NULL));
    CU_ASSERT_PTR_NULL(tw_limiter_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_limiter_unref(NULL));
    stop();
}

/* As many tasks go below as there are tokens; the others wait, and go first in, first out, as tokens
 * come back. */
TEST(so_many_go_below_and_the_rest_waits)
{
    int i;
    start(2);
    submit(0, 5);
    CHECK_NOW(2, 2, 3);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(below), 1);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOW(2, 2, 2);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(below), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(below), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(below), 1);
    CHECK_NOW(2, 1, 0);
    run();
    CHECK_NOW(2, 0, 0);
    for (i = 0; i < 5; i++) {
        CHECK_NOTE(&notes[i], 0);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
    stop();
}

/* Each task stands in the queue below once, behind what was submitted there before it: a limiter
 * does not hold on to a worker it shares. */
TEST(others_below_get_their_turn)
{
    struct note other;
    start(1);
    note_init(&other, NULL, NULL);
    submit(0, 3);
    CU_ASSERT_EQUAL(tw_worker_submit(below, &other.task), 0);
    run();
    CU_ASSERT_EQUAL(notes[0].order, 0);
    CU_ASSERT_EQUAL(other.order, 1);
    CU_ASSERT_EQUAL(notes[1].order, 2);
    stop();
}

static void look_and_deliver(struct note *note)
{
    CHECK_NOW(1, 1, 1);
    tw_task_delivers(&note->task);
    CHECK_NOW(1, 1, 0); /* the other has it */
    CU_ASSERT_EQUAL(submit_one(&notes[2]), 0);
    CHECK_NOW(1, 1, 1);
}

/* R14: the token is given back between work and delivery. */
TEST(R14_the_token_is_back_before_the_delivery)
{
    start(1);
    note_init(&notes[0], look_and_deliver, NULL);
    submit(0, 2);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(below), 1);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOT_CALLED(&notes[1]);
    run();
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
    CHECK_NOW(1, 0, 0);
    stop();
}

static void submit_itself(struct note *note)
{
    int *left = (int *)note->arg;
    if (--*left > 0)
        CU_ASSERT_EQUAL(submit_one(note), 0);
}

/* Once entered a task is its owner's, who may submit it again. */
TEST(a_task_may_submit_itself)
{
    int left = 5;
    start(1);
    note_init(&notes[0], submit_itself, &left);
    submit(0, 1);
    run();
    CU_ASSERT_EQUAL(notes[0].calls, 5);
    CHECK_NOW(1, 0, 0);
    stop();
}

/* --- cancel ----------------------------------------------------------------------------------- */

/* R10: a cancelled task that waits for a token leaves at once, from the middle of the queue too. */
TEST(R10_a_waiting_task_leaves_at_once)
{
    start(1);
    submit(0, 4);
    CU_ASSERT_EQUAL(cancel(&notes[2]), 0);
    CHECK_NOTE(&notes[2], -ECANCELED);
    CHECK_NOW(1, 1, 2);
    CU_ASSERT_EQUAL(cancel(&notes[2]), -EALREADY);
    run();
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[3], 0);
    CHECK_NOTE(&notes[2], -ECANCELED);
    CU_ASSERT_EQUAL(cancel(&notes[3]), -EALREADY);
    stop();
}

/* One that has a token keeps it until the worker below reaches it. */
TEST(a_task_below_keeps_its_token)
{
    start(1);
    submit(0, 2);
    CU_ASSERT_EQUAL(cancel(&notes[0]), 0);
    CHECK_NOT_CALLED(&notes[0]);
    CHECK_NOW(1, 1, 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(below), 1);
    CHECK_NOTE(&notes[0], -ECANCELED);
    run();
    CHECK_NOTE(&notes[1], 0);
    stop();
}

/* --- the total -------------------------------------------------------------------------------- */

/* Raised, the total lends to those that wait at once; lowered, no token is lent until fewer are
 * out. */
TEST(the_total_can_be_changed_in_use)
{
    start(1);
    submit(0, 8);
    CHECK_NOW(1, 1, 7);
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, 4), 0);
    CHECK_NOW(4, 4, 4);
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, 2), 0);
    CHECK_NOW(2, 4, 4);
    tw_memory_worker_perform(below);
    tw_memory_worker_perform(below);
    CHECK_NOW(2, 2, 4);
    tw_memory_worker_perform(below);
    CHECK_NOW(2, 2, 3);
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, 3), 0);
    CHECK_NOW(3, 3, 2);
    run();
    CHECK_NOW(3, 0, 0);
    CU_ASSERT_EQUAL(notes_called, 8);
    stop();
}

/* With a total of 0 everything waits. */
TEST(a_total_of_zero_lets_all_wait)
{
    start(0);
    submit(0, 2);
    run();
    CHECK_NOW(0, 0, 2);
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, 1), 0);
    run();
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    stop();
}

/* --- the end ---------------------------------------------------------------------------------- */

/* WRK-002: after quit, submit and quit are refused; what was accepted still runs. */
TEST(WRK_002_quit_lets_what_was_accepted_run)
{
    start(1);
    submit(0, 3);
    CU_ASSERT_EQUAL(tw_worker_quit(tw_limiter_worker(limiter)), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(tw_limiter_worker(limiter)), -ESHUTDOWN);
    CU_ASSERT_EQUAL(submit_one(&notes[3]), -ESHUTDOWN);
    CHECK_NOT_CALLED(&notes[3]);
    run();
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_EQUAL(tw_worker_submit(below, &notes[4].task), 0); /* that one has not quit */
    stop();
    CHECK_NOTE(&notes[4], 0);
}

/* The last reference may go while tasks wait: they run, and then all is freed. */
TEST(the_last_reference_may_go_first)
{
    start(1);
    submit(0, 3);
    limiter = tw_limiter_unref(limiter);
    run();
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[2], 0);
    stop();
}

/* R9: with a total of 0 nobody comes for what waits when it is quit, so it is given up: at once, or
 * when the last token is back. */
TEST(R9_quit_with_a_total_of_zero_gives_up)
{
    start(0);
    submit(0, 2);
    CU_ASSERT_EQUAL(tw_worker_quit(tw_limiter_worker(limiter)), 0);
    CHECK_NOTE(&notes[0], -ESHUTDOWN);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
    stop();

    start(1);
    submit(0, 3);
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, 0), 0);
    limiter = tw_limiter_unref(limiter);
    CHECK_NOT_CALLED(&notes[1]);
    run();
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
    CHECK_NOTE(&notes[2], -ESHUTDOWN);
    stop();
}

/* --- a worker below that refuses -------------------------------------------------------------- */

/* R9: if the worker below has quit, what was accepted is given up, and the limiter with it, however
 * much waits. */
TEST(R9_below_has_quit)
{
    static struct note many[20000];
    int i, wrong = 0;
    start(1);
    notes_init(many, 20000);
    for (i = 0; i < 20000; i++)
        CU_ASSERT_EQUAL_FATAL(submit_one(&many[i]), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(below), 0);
    run();
    CHECK_NOTE(&many[0], 0);
    for (i = 1; i < 20000; i++)
        wrong += many[i].calls != 1 || many[i].status != -ESHUTDOWN || many[i].order != i;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(submit_one(&notes[0]), -ESHUTDOWN);
    CHECK_NOW(1, 0, 0);
    stop();
}

/* R9: a worker below that goes with tokens in its queue gives them up: each task hears of it. Here
 * it goes by the limiter's own last reference. */
TEST(R9_below_gives_up)
{
    struct tw_worker *team_below;
    struct hand hand;
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 0), 0); /* no worker, ever */
    team_below = tw_team_worker(hand.team);
    notes_init(notes, MOST);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(team_below, 2, &limiter), 0);
    submit(0, 4);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CHECK_NOTE(&notes[0], -ESHUTDOWN);
    CHECK_NOTE(&notes[3], -ESHUTDOWN);
    CU_ASSERT_EQUAL(submit_one(&notes[4]), -ESHUTDOWN);
    limiter = tw_limiter_unref(limiter);
    notes_called = 0;
    hand_end(&hand);
}

/* A worker below that has no thread now: the task waits for another to give its token back, and
 * keeps its place; and if there is none, hears -EAGAIN. */
TEST(below_has_no_thread_now)
{
    struct watched own;
    start(2);
    watched_init(&own, tw_worker_ref(below));
    limiter = tw_limiter_unref(limiter);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(&own.base, 2, &limiter), 0);
    submit(0, 1);
    own.refusal = -EAGAIN;
    submit(1, 3);
    CHECK_NOW(2, 1, 2);
    CHECK_NOT_CALLED(&notes[1]);
    own.refusal = 0;
    run();
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_EQUAL(notes[1].order, 1);
    CU_ASSERT_EQUAL(notes[2].order, 2);
    own.refusal = -ENOMEM;
    submit(3, 4);
    CHECK_NOTE(&notes[3], -EAGAIN);
    CHECK_NOW(2, 0, 0);
    own.refusal = 0;
    submit(4, 5); /* it goes on */
    run();
    CHECK_NOTE(&notes[4], 0);
    tw_worker_unref(&own.base);
    stop();
}

/* --- above and below -------------------------------------------------------------------------- */

/* Over a lock worker the tasks run inside submit, one after the other. */
TEST(over_a_lock_worker)
{
    struct tw_worker *lock;
    struct note all[3];
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(lock, 1, &limiter), 0);
    notes_init(all, 3);
    CU_ASSERT_EQUAL(submit_one(&all[0]), 0);
    CHECK_NOTE(&all[0], 0);
    limiter = tw_limiter_unref(limiter);
    tw_worker_unref(lock);
}

/* Several limiters over one worker each keep their own count; and one may stand over another. */
TEST(limiters_over_one_worker_and_over_each_other)
{
    struct tw_limiter *inner, *second;
    int i;
    start(3);
    inner = limiter;
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(tw_limiter_worker(inner), 2, &limiter), 0);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(tw_limiter_worker(inner), 2, &second), 0);
    submit(0, 4);
    CHECK_NOW(2, 2, 2);
    for (i = 4; i < 8; i++)
        CU_ASSERT_EQUAL(tw_worker_submit(tw_limiter_worker(second), &notes[i].task), 0);
    run();
    for (i = 0; i < 8; i++)
        CHECK_NOTE(&notes[i], 0);
    tw_limiter_unref(second);
    tw_limiter_unref(inner);
    stop();
}

/* Over a team the worker that gives a token back is the one that takes the next task: no second one
 * is made for a chain. */
TEST(over_a_team_one_worker_does_the_chain)
{
    struct hand hand;
    int i;
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 8), 0);
    notes_init(notes, MOST);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(tw_team_worker(hand.team), 1, &limiter), 0);
    submit(0, 6);
    hand_run(&hand);
    for (i = 0; i < 6; i++)
        CHECK_NOTE(&notes[i], 0);
    CU_ASSERT_EQUAL(hand.count, 1);
    limiter = tw_limiter_unref(limiter);
    hand_end(&hand);
}

/* --- looking at it ---------------------------------------------------------------------------- */

static char seen[64];

static void write_borrower(void *arg, struct tw_task *task, bool is_running)
{
    size_t length = strlen(seen);
    CU_ASSERT_PTR_EQUAL(arg, &below);
    snprintf(seen + length, sizeof seen - length, "%d%s ", (int)((struct note *)task - notes),
             is_running ? "!" : "");
}

static void look_at_borrowers(struct note *note)
{
    (void)note;
    seen[0] = 0;
    CU_ASSERT_EQUAL(tw_limiter_each_borrower(limiter, write_borrower, &below), 3);
}

/* Who has a token can be seen: the longest holder first, and whether its work runs or waits below. */
TEST(borrowers_can_be_seen)
{
    start(3);
    note_init(&notes[1], look_at_borrowers, NULL);
    submit(0, 5);
    tw_memory_worker_perform(below);
    tw_memory_worker_perform(below);
    CU_ASSERT_STRING_EQUAL(seen, "1! 2 3 ");
    run();
    CU_ASSERT_EQUAL(tw_limiter_each_borrower(limiter, write_borrower, &below), 0);
    stop();
}

TEST(bad_arguments_are_refused)
{
    struct tw_limiter_numbers now = {0, 0, 0, 0};
    PROVOKE(tw_limiter_new(NULL, 1, NULL));
    start(1);
    PROVOKE(tw_limiter_set_total(NULL, 1));
    PROVOKE(tw_limiter_statistics(limiter, &now));
    PROVOKE(tw_limiter_statistics(NULL, NULL));
    PROVOKE(tw_limiter_each_borrower(limiter, NULL, NULL));
    PROVOKE(tw_limiter_each_borrower(NULL, write_borrower, NULL));
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, SIZE_MAX), -ENOMEM);
    CHECK_NOW(1, 0, 0);
    stop();
}

/* --- Deferreds -------------------------------------------------------------------------------- */

static int fired;

static void count_fired(struct tw_result *result, void *arg)
{
    (void)arg;
    fired++;
    CU_ASSERT_TRUE(!tw_result_is_failure(result) ||
                   tw_failure_is(tw_result_failure(result), &TW_ERROR_CANCELLED));
    tw_result_set(result, NULL, NULL);
}

static void cancel_and_go_on(struct tw_result *result, void *deferred)
{
    (void)result;
    CU_ASSERT_EQUAL(tw_deferred_cancel(*(struct tw_deferred **)deferred), 0);
    CU_ASSERT_EQUAL(fired, 1);
    CU_ASSERT_TRUE(tw_cancelled());
    CHECK_NOW(1, 1, 1); /* abandoned, it keeps its token */
}

static struct tw_deferred *send(struct tw_reactor *reactor, tw_call_fn work, void *arg,
                                tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    CU_ASSERT_EQUAL_FATAL(
        tw_defer_to_pool(reactor, tw_limiter_worker(limiter), work, arg, destroy, ret_deferred), 0);
    tw_deferred_add_both(*ret_deferred, count_fired, NULL, NULL);
    return *ret_deferred;
}

static void never(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    CU_FAIL("work that was cancelled runs");
}

/* THR-004: a Deferred's job in a limiter can be cancelled: one that waits leaves at once, its
 * argument with it; one that runs is abandoned, and keeps its token until its work returns. */
TEST(THR_004_deferreds_through_a_limiter)
{
    struct tw_reactor *reactor = NULL;
    struct tw_deferred *running = NULL, *waiting = NULL;
    int destroyed = 0;
    fired = 0;
    start(1);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    send(reactor, cancel_and_go_on, &running, NULL, &running);
    submit(0, 1);
    send(reactor, never, &destroyed, count_destroy, &waiting);
    CHECK_NOW(1, 1, 2);
    CU_ASSERT_EQUAL(tw_deferred_cancel(waiting), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(fired, 1);
    fired = 0;
    CHECK_NOW(1, 1, 1);
    run();
    CHECK_NOTE(&notes[0], 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(fired, 1);
    tw_deferred_unref(running);
    tw_deferred_unref(waiting);
    tw_reactor_unref(reactor);
    stop();
}

/* --- short of memory -------------------------------------------------------------------------- */

/* Only making it and raising its total need memory; and then all stays as it was. */
SWEEP(short_of_memory)
{
    int rc;
    below = NULL;
    limiter = NULL;
    notes_init(notes, MOST);
    if (tw_memory_worker_new(&below) == 0 && tw_limiter_new(below, 1, &limiter) == 0) {
        submit(0, 4);
        rc = tw_limiter_set_total(limiter, 3);
        CU_ASSERT_TRUE(rc == 0 || rc == -ENOMEM);
        CHECK_NOW(rc < 0 ? 1 : 3, rc < 0 ? 1 : 3, rc < 0 ? 3 : 1);
        run();
        CU_ASSERT_EQUAL(notes_called, 4);
    }
    tw_limiter_unref(limiter);
    tw_worker_unref(below);
}
