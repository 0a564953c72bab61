/*
 * Jobs that submit jobs while all workers are busy: where those wait, who comes for them and when.
 * Every task is taken by hand; what other threads would do is done within the job, with nothing of its
 * own in force.
 */
#include "by_hand.h"
#include <twine/base/here_internal.h>
#include <twine/threads/executor_internal.h>
#include <twine/threads/shutdown.h>
#include <twine/threads/team_internal.h>
#include <twine/threads/team_take_internal.h>

SUITE("executor's forks")

enum { MOST = 200, PLACES = TW__FORK_PLACES - 1 };

static struct hand hand;
static struct tw_executor *executor;
static struct note busy; /* what the second worker does until it helps */
static int order[MOST], ran, destroyed[MOST];
static struct tw_future *forks[MOST];
static void (*script)(void); /* what the job does */

/* Two workers, of which the second is busy, or one. */
static void start(size_t workers)
{
    ran = 0;
    memset(destroyed, 0, sizeof destroyed);
    memset(forks, 0, sizeof forks);
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, workers), 0);
    tw__team_set_most(hand.team, workers);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_team_worker(hand.team), &executor), 0);
}

static void stop(void)
{
    int i;
    for (i = 0; i < MOST; i++)
        tw_future_unref(forks[i]);
    executor = tw_executor_unref(executor);
    hand_end(&hand);
}

static void work(struct tw_result *result, void *arg)
{
    int *mine = (int *)arg;
    CU_ASSERT_EQUAL(*mine, 0); /* not destroyed yet */
    order[ran++] = (int)(mine - destroyed);
    tw_result_set(result, mine, NULL);
}

static int try_fork(int i)
{
    return tw_executor_submit(executor, work, &destroyed[i], count_destroy, &forks[i]);
}

static void fork_one(int i)
{
    CU_ASSERT_EQUAL(try_fork(i), 0);
}

static void fork_many(int first, int count)
{
    int i;
    for (i = first; i < first + count; i++)
        fork_one(i);
}

static void await(int i)
{
    CU_ASSERT_EQUAL(tw_future_await(&forks[i], 1), 0);
    CU_ASSERT_EQUAL(destroyed[i], 1);
}

static void nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* So that it keeps a list from then on. */
static void take_some_back(void)
{
    struct tw_future *future;
    int i;
    for (i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(tw_executor_submit(executor, nothing, NULL, NULL, &future), 0);
        CU_ASSERT_EQUAL(tw_future_await(&future, 1), 0);
        tw_future_unref(future);
    }
}

static void play(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    take_some_back();
    script();
}

/* The second worker goes on, as on a thread of its own. */
static void help(void)
{
    struct tw__here here = tw__here;
    memset(&tw__here, 0, sizeof tw__here);
    hand_perform(&hand, 1);
    tw__here = here;
}

static void run_job(void (*what)(void))
{
    script = what;
    CU_ASSERT_EQUAL(tw_executor_submit(executor, play, NULL, NULL, NULL), 0);
    if (hand.limit == 2) {
        note_init(&busy, NULL, NULL);
        SUBMIT(&hand, &busy);
    }
    hand_perform(&hand, 0);
    hand_run(&hand);
}

static void check_order(int first, int count)
{
    int i;
    CU_ASSERT_EQUAL(ran, count);
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(order[i], first + i);
}

/* --- who performs them ------------------------------------------------------------------------ */

static uint64_t scheduled_before;

static void fork_and_await(void)
{
    int i;
    scheduled_before = hand_books(&hand).scheduled;
    for (i = 0; i < 100; i++) {
        fork_one(i);
        await(i);
        CU_ASSERT_EQUAL(ran, i + 1);
        CHECK_BOOKS(&hand, 0, 1, 1); /* the carrier, for all of them */
    }
}

/* The job itself, what it awaits. All of them are in the statistics, and nothing else: the carrier is
 * taken back with the job's end. */
TEST(taken_back)
{
    start(1);
    run_job(fork_and_await);
    check_order(0, 100);
    CU_ASSERT_EQUAL(hand_books(&hand).scheduled, scheduled_before + 100);
    CHECK_BOOKS(&hand, 1, 0, 0);
    stop();
}

static void fork_and_be_helped(void)
{
    fork_one(0);
    await(0);
    help();
    CU_ASSERT_EQUAL(busy.calls, 1);
    CHECK_BOOKS(&hand, 1, 1, 0);
}

/* One who comes for nothing is in no statistics. */
TEST(nothing_is_left_to_help_with)
{
    start(2);
    run_job(fork_and_be_helped);
    check_order(0, 1);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1 + 4 + 1 + 1);
    stop();
}

static void fork_three(void)
{
    fork_many(0, 3);
    CHECK_BOOKS(&hand, 0, 2, 1);
    help();
    CU_ASSERT_EQUAL(busy.calls, 1);
    check_order(0, 3);
    CHECK_BOOKS(&hand, 1, 1, 0);
    await(0);
}

/* Others, the oldest first, until none is left. */
TEST(oldest_first)
{
    start(2);
    run_job(fork_three);
    check_order(0, 3);
    stop();
}

static struct note outside;

static void see_one_ran(struct note *note)
{
    (void)note;
    CU_ASSERT_EQUAL(ran, 1);
}

static void fork_around_another(void)
{
    fork_one(0);
    note_init(&outside, see_one_ran, NULL);
    SUBMIT(&hand, &outside);
    fork_many(1, 2);
}

/* What has come from elsewhere meanwhile goes between, so that nobody waits for all that a job
 * forks. */
TEST(others_go_between)
{
    start(2);
    run_job(fork_around_another);
    CU_ASSERT_EQUAL(outside.calls, 1);
    check_order(0, 3);
    stop();
}

/* --- which way --------------------------------------------------------------------------------- */

static void fork_without_awaiting(void)
{
    size_t backlog = hand_books(&hand).backlog;
    fork_many(0, PLACES);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1);
    fork_one(PLACES); /* now it has been too many: all wait in the backlog, in order */
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1 + PLACES + 1);
    fork_one(PLACES + 1);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1 + PLACES + 2);
    CU_ASSERT_EQUAL(tw_future_cancel(forks[1]), 0); /* it is found there too */
    CU_ASSERT_EQUAL(destroyed[1], 1);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + PLACES + 2);
    await(2);
    CU_ASSERT_EQUAL(ran, 1);
    ran = 0;
}

/* A list has so many places: what is more goes into the backlog, behind those that were before it. */
TEST(full)
{
    int i;
    start(1);
    run_job(fork_without_awaiting);
    CU_ASSERT_EQUAL_FATAL(ran, PLACES);
    CU_ASSERT_EQUAL(order[0], 0);
    for (i = 1; i < ran; i++)
        CU_ASSERT_EQUAL(order[i], i + 2);
    stop();
}

static void fork_while_one_idles(void)
{
    help();
    CHECK_BOOKS(&hand, 1, 1, 0);
    fork_one(0); /* to that one, as ever */
    CU_ASSERT_EQUAL(hand_books(&hand).busy, 2);
    help();
    CU_ASSERT_EQUAL(ran, 1);
    help();
}

/* While somebody is free it is woken. */
TEST(somebody_is_free)
{
    start(2);
    run_job(fork_while_one_idles);
    check_order(0, 1);
    stop();
}

static void fork_behind(void)
{
    fork_many(0, 2);
    tw__team_set_most(hand.team, 3);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 0), 0); /* now it is worth asking for another */
    CU_ASSERT_FALSE(tw__team_is_saturated(tw_team_worker(hand.team)));
    fork_one(2);
}

/* While some wait in the list, those after them do so too, though they need not by now. */
TEST(order_is_kept)
{
    start(2);
    run_job(fork_behind);
    check_order(0, 3);
    stop();
}

static void fork_and_map(void)
{
    void *args[2] = {&destroyed[2], &destroyed[3]};
    size_t backlog = hand_books(&hand).backlog;
    fork_many(0, 2);
    CU_ASSERT_EQUAL(tw_executor_map(executor, work, args, 2, &forks[2]), 0);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1 + 4);
    fork_one(4);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1 + 5);
}

static void fork_between_maps(void)
{
    fork_and_map();
    help(); /* all of it */
    check_order(0, 5);
    ran = 0;
    note_init(&busy, NULL, NULL);
    SUBMIT(&hand, &busy);
    fork_many(5, 2); /* by the list again */
    CHECK_BOOKS(&hand, 0, 2, 1);
}

/* Those of a map come behind them, and what comes then comes behind those. */
TEST(behind_them_a_map)
{
    int i;
    start(2);
    run_job(fork_between_maps);
    check_order(5, 2);
    for (i = 2; i < 4; i++)
        CU_ASSERT_EQUAL(destroyed[i], 0); /* a map's arguments are borrowed */
    stop();
}

static void fork_while_suspended(void)
{
    fork_one(0);
    await(0); /* its carrier waits */
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, true), 0);
    fork_one(1);
    CU_ASSERT_EQUAL(tw__team_suspend(hand.team, false), 0);
    fork_one(2);
}

/* One that has gone to the team is not overtaken by the next, whose list has its carrier ahead of it. */
TEST(not_before_what_has_gone_to_the_team)
{
    start(1);
    run_job(fork_while_suspended);
    check_order(0, 3);
    stop();
}

static void fork_noted(void)
{
    size_t backlog = hand_books(&hand).backlog;
    fork_one(0);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1);
    tw_diagnostics_set(true);
    fork_many(1, 2);
    CU_ASSERT_EQUAL(hand_books(&hand).backlog, backlog + 1 + 3);
    tw_diagnostics_set(false);
}

/* With diagnostics on each of them can be seen, and those that were in the list go before them. */
TEST(with_diagnostics)
{
    start(1);
    run_job(fork_noted);
    check_order(0, 3);
    stop();
}

/* --- lists that are left ---------------------------------------------------------------------- */

static void leave_two_more(void)
{
    fork_many(2, 2);
    CHECK_BOOKS(&hand, 0, 1, 2); /* each has a carrier */
}

static void leave_two(void)
{
    fork_many(0, 2);
    script = leave_two_more;
}

/* A job that ends leaves what it has not awaited. Another one that keeps a list by then has its
 * own. */
TEST(job_is_over_before_its_forks)
{
    static const int expected[] = {0, 2, 1, 3};
    start(1);
    CU_ASSERT_EQUAL(tw_executor_submit(executor, play, NULL, NULL, NULL), 0);
    run_job(leave_two);
    CU_ASSERT_EQUAL_FATAL(ran, 4);
    CU_ASSERT_EQUAL(memcmp(order, expected, sizeof expected), 0);
    stop();
}

static void fork_and_forget(void)
{
    fork_one(0);
    await(0);
    forks[0] = tw_future_unref(forks[0]);
    destroyed[0] = 0;
}

/* A list whose carrier is home is the next job's. */
TEST(list_is_used_again)
{
    long live = 0;
    int i;
    start(1);
    for (i = 0; i < 10; i++) {
        run_job(fork_and_forget);
        CHECK_BOOKS(&hand, 1, 0, 0);
        if (i == 0)
            live = harness_live();
    }
    CU_ASSERT_EQUAL(harness_live(), live);
    stop();
}

static void submit_and_fork(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    fork_one(1);
    take_some_back();
    fork_one(2);
}

static void leave_one(void)
{
    fork_one(0);
}

/* The carrier of the first one's list is ahead of what the second one has submitted before it keeps
 * a list. */
TEST(not_before_what_the_job_has_submitted_earlier)
{
    start(1);
    script = leave_one;
    CU_ASSERT_EQUAL(tw_executor_submit(executor, play, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_executor_submit(executor, submit_and_fork, NULL, NULL, NULL), 0);
    hand_run(&hand);
    check_order(0, 3);
    stop();
}

static int jobs_begun;

/* As somebody outside would, while it goes on. */
static void leave_one_and_go_on(void)
{
    struct tw__here here = tw__here;
    CU_ASSERT_EQUAL(tw_executor_submit(executor, nothing, NULL, NULL, NULL), 0);
    memset(&tw__here, 0, sizeof tw__here);
    if (jobs_begun++ < 2000)
        CU_ASSERT_EQUAL(tw_executor_submit(executor, play, NULL, NULL, NULL), 0);
    tw__here = here;
}

/* There are no more lists than carriers that wait, however many jobs have come and gone. */
TEST(lists_are_bounded_by_the_backlog)
{
    long before;
    int i;
    start(1);
    before = harness_live();
    jobs_begun = 0;
    script = leave_one_and_go_on;
    for (i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(tw_executor_submit(executor, play, NULL, NULL, NULL), 0);
    hand_run(&hand);
    CU_ASSERT_TRUE(harness_live() - before < 60);
    stop();
}

/* --- cancelled, given up, refused -------------------------------------------------------------- */

static void fork_and_cancel(void)
{
    struct tw_statistics before = hand_books(&hand);
    fork_many(0, 3);
    CU_ASSERT_EQUAL(tw_future_cancel(forks[1]), 0);
    CU_ASSERT_EQUAL(destroyed[1], 1);
    CU_ASSERT_TRUE(tw_future_is_cancelled(forks[1]));
    CU_ASSERT_EQUAL(tw_future_cancel(forks[2]), 0);
    CU_ASSERT_EQUAL(tw_future_await(&forks[2], 1), 0);
    CU_ASSERT_EQUAL(hand_books(&hand).given_up, before.given_up + 2);
    await(0);
    CU_ASSERT_EQUAL(tw_future_cancel(forks[0]), -EALREADY);
}

TEST(cancelled)
{
    start(1);
    run_job(fork_and_cancel);
    check_order(0, 1);
    CU_ASSERT_EQUAL(destroyed[2], 1);
    stop();
}

static void check_given_up(int code)
{
    int i;
    CU_ASSERT_EQUAL(ran, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).given_up, 3);
    for (i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(tw_failure_code(tw_future_failure(forks[i])), code);
        CU_ASSERT_EQUAL(destroyed[i], 1);
    }
}

static void fork_and_shut_down(void)
{
    fork_many(0, 3);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, false, true), 0);
    tw__team_give_up(tw_team_worker(hand.team), -ECANCELED);
    CU_ASSERT_EQUAL(try_fork(3), -ESHUTDOWN);
    CU_ASSERT_EQUAL(destroyed[3], 1);
}

static void fork_and_give_up(void)
{
    fork_many(0, 3);
    tw__team_give_up(tw_team_worker(hand.team), -EAGAIN);
}

/* Whoever gives up the carrier gives up all that it stands for. */
TEST(given_up)
{
    start(1);
    run_job(fork_and_shut_down);
    check_given_up(ECANCELED);
    stop();
    start(1);
    run_job(fork_and_give_up);
    check_given_up(EAGAIN);
    stop();
}

static struct note late;

static void fork_and_shut_the_team_down(void)
{
    struct tw_shutdown_report report = {.size = sizeof report};
    fork_many(0, 3);
    PROVOKE_ERROR(tw_team_shutdown(hand.team, 0, &report), -EDEADLK); /* in its own job */
    CU_ASSERT_EQUAL(report.given_up, 3);
    note_init(&late, NULL, NULL);
    tw__team_put_back(tw_team_worker(hand.team), &late.task);
    CHECK_NOTE(&late, -ECANCELED);
}

/* … and what a worker puts back then is given up as well. */
TEST(team_is_shut_down)
{
    start(1);
    run_job(fork_and_shut_the_team_down);
    CU_ASSERT_EQUAL(ran, 0);
    CU_ASSERT_EQUAL(hand_books(&hand).given_up, 4);
    stop();
}

static void fork_after_quit(void)
{
    fork_many(0, 2);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_EQUAL(try_fork(2), -ESHUTDOWN);
    CU_ASSERT_EQUAL(destroyed[2], 1);
}

/* What was accepted before the team has quit runs, what comes later is refused. */
TEST(team_has_quit)
{
    start(2);
    run_job(fork_after_quit);
    check_order(0, 2);
    stop();
}

static void fork_first_after_quit(void)
{
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CU_ASSERT_EQUAL(try_fork(0), -ESHUTDOWN);
    CU_ASSERT_EQUAL(destroyed[0], 1);
}

TEST(team_has_quit_before)
{
    start(1);
    run_job(fork_first_after_quit);
    CU_ASSERT_EQUAL(ran, 0);
    stop();
}

static void fork_while_it_quits(void)
{
    CU_ASSERT_FALSE(tw__team_refuse(hand.team));
    CU_ASSERT_EQUAL(try_fork(0), -ESHUTDOWN);
    CU_ASSERT_EQUAL(destroyed[0], 1);
    tw__team_do(hand.team, &hand.team->quit);
}

/* It refuses already, though its inbox is not closed yet. */
TEST(team_quits_at_this_moment)
{
    start(1);
    run_job(fork_while_it_quits);
    CU_ASSERT_EQUAL(ran, 0);
    stop();
}

static void let_go(void)
{
    fork_one(0);
    await(0);
    forks[0] = tw_future_unref(forks[0]);
    executor = tw_executor_unref(executor);
    CHECK_BOOKS(&hand, 0, 1, 1);
}

/* The carrier holds what it belongs to, after all else has gone. */
TEST(executor_is_let_go_of)
{
    start(1);
    run_job(let_go);
    check_order(0, 1);
    stop();
}

/* --- deliveries -------------------------------------------------------------------------------- */

static void see_worker(struct tw_future *future, void *arg)
{
    (void)future;
    CHECK_BOOKS(&hand, 1, 1, 0);
    ++*(int *)arg;
}

static void fork_with_callback(void)
{
    int seen = 0;
    fork_one(0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(forks[0], NULL, see_worker, &seen, NULL), 0);
    help();
    CU_ASSERT_EQUAL(seen, 1);
}

/* R14: its worker is idle, or has its next task, before what waits for it is told. */
TEST(R14_worker_is_free_before_the_delivery)
{
    start(2);
    run_job(fork_with_callback);
    check_order(0, 1);
    stop();
}

static void see_all_counted(struct tw_future *future, void *arg)
{
    (void)future;
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1 + 4 + 3);
    CHECK_BOOKS(&hand, 1, 0, 0);
    fork_one(3); /* to the worker, which is idle by now */
    CHECK_BOOKS(&hand, 0, 1, 0);
    ++*(int *)arg;
}

static void fork_and_await_three(void)
{
    int i;
    for (i = 0; i < 3; i++) {
        fork_one(i);
        await(i);
    }
}

/* In its delivery a job keeps no list any more, and all that it has performed is counted. */
TEST(list_ends_before_the_delivery)
{
    struct tw_future *job;
    int seen = 0;
    start(1);
    script = fork_and_await_three;
    CU_ASSERT_EQUAL(tw_executor_submit(executor, play, NULL, NULL, &job), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(job, NULL, see_all_counted, &seen, NULL), 0);
    hand_run(&hand);
    CU_ASSERT_EQUAL(seen, 1);
    check_order(0, 4);
    tw_future_unref(job);
    stop();
}

static void fork_in_a_delivery(struct tw_future *future, void *arg)
{
    (void)future;
    (void)arg;
    take_some_back();
    fork_one(0);
}

static void await_from_a_bare_task(struct note *note)
{
    struct tw_future *future;
    (void)note;
    CU_ASSERT_EQUAL(tw_executor_submit(executor, nothing, NULL, NULL, &future), 0);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(future, NULL, fork_in_a_delivery, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_future_await(&future, 1), 0);
    tw_future_unref(future);
}

/* Where a delivery may await, it keeps no list either: nobody would end it. */
TEST(no_list_is_begun_in_a_delivery)
{
    static struct note bare;
    start(1);
    note_init(&bare, await_from_a_bare_task, NULL);
    SUBMIT(&hand, &bare);
    hand_run(&hand);
    check_order(0, 1);
    CU_ASSERT_EQUAL(hand_books(&hand).finished, 1 + 1 + 4 + 1);
    stop();
}

/* --- the team's own coordinator ---------------------------------------------------------------- */

static struct note inside;

static void fork_inside(struct note *note)
{
    (void)note;
    fork_one(2);
}

static void map_inside(struct note *note)
{
    void *args[1] = {&destroyed[2]};
    (void)note;
    CU_ASSERT_EQUAL(tw_executor_map(executor, work, args, 1, &forks[2]), 0);
}

static void fork_within_the_coordinator(void)
{
    fork_many(0, 2);
    tw__team_set_most(hand.team, 3);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 0), 0); /* no more SHORT */
    tw_diagnostics_set(true);
    CU_ASSERT_EQUAL(tw_worker_submit(hand.team->coordinator, &inside.task), 0);
    tw_diagnostics_set(false);
}

/* A job may use the lock worker that is the team's coordinator for something of its own. What its list
 * gives to the team there is posted. */
TEST(within_the_coordinator)
{
    start(2);
    note_init(&inside, fork_inside, NULL);
    run_job(fork_within_the_coordinator);
    check_order(0, 3);
    stop();
    start(2);
    note_init(&inside, map_inside, NULL);
    run_job(fork_within_the_coordinator);
    check_order(0, 3);
    stop();
}

/* --- jobs of jobs ------------------------------------------------------------------------------ */

static struct tw_future *of_the_first;

static void await_the_firsts(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    CU_ASSERT_EQUAL(tw_future_await(&of_the_first, 1), 0);
}

static void fork_for_another(void)
{
    CU_ASSERT_EQUAL(tw_executor_submit(executor, await_the_firsts, NULL, NULL, &forks[0]), 0);
    fork_many(1, 2);
    of_the_first = forks[2];
    help();
    CU_ASSERT_EQUAL(ran, 2);
}

/* Another job that awaits one takes it out of the list where it waits. */
TEST(awaited_by_another)
{
    start(2);
    run_job(fork_for_another);
    CU_ASSERT_EQUAL(order[0], 2);
    CU_ASSERT_EQUAL(order[1], 1);
    stop();
}

static struct tw_executor *other;

static void await_from_another_executor(void)
{
    uint64_t finished = hand_books(&hand).finished;
    CU_ASSERT_EQUAL(tw_executor_submit(other, await_the_firsts, NULL, NULL, &forks[0]), 0);
    fork_many(1, 2);
    of_the_first = forks[2];
    help();
    CU_ASSERT_EQUAL(hand_books(&hand).finished, finished + 1 + 3);
}

/* … and so does a job of another executor over the same team. */
TEST(awaited_by_another_executors_job)
{
    start(2);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(tw_team_worker(hand.team), &other), 0);
    run_job(await_from_another_executor);
    CU_ASSERT_EQUAL(ran, 2);
    CU_ASSERT_EQUAL(order[0], 2);
    other = tw_executor_unref(other);
    stop();
}

/* --- short of memory --------------------------------------------------------------------------- */

static void fork_some(struct tw_result *result, void *arg)
{
    int i, *made = (int *)arg;
    (void)result;
    for (i = 0; i < 8; i++) {
        int rc = try_fork(i);
        CU_ASSERT_TRUE(rc == 0 ||
                       (rc == -ENOMEM && *made == 0)); /* later ones have the first's memory */
        if (rc == 0) {
            await(i);
            forks[i] = tw_future_unref(forks[i]);
            ++*made;
        }
        CU_ASSERT_EQUAL(destroyed[i], 1);
    }
}

/* Without memory for a list a job does without. */
SWEEP(short_of_memory)
{
    int made = 0;
    ran = 0;
    memset(destroyed, 0, sizeof destroyed);
    memset(forks, 0, sizeof forks);
    if (hand_start(&hand, tw_lock_worker_new, 1) < 0)
        return;
    tw__team_set_most(hand.team, 1);
    tw__executor_keep_spares(2);
    if (tw_executor_over(tw_team_worker(hand.team), &executor) == 0 &&
        tw_executor_submit(executor, fork_some, &made, NULL, NULL) == 0) {
        EXPECT_REPORTS(hand.count ? 0 : 2); /* no worker, and what becomes of the job then */
        hand_run(&hand);
    }
    CU_ASSERT_EQUAL(ran, made);
    stop();
    executor = NULL;
    tw__executor_keep_spares(0);
}
