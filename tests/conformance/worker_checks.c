/*
 * What every worker promises, a check each.
 *
 * A check is handed a trial with a fresh worker. Its functions that are called with a piece run as
 * part of that piece's fn, so on whatever thread the worker has.
 */
#include "trial_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <twine/threads/memory_worker.h>

/* --- performing ------------------------------------------------------------------------------- */

static void says_what_it_is(struct trial *trial)
{
    const struct tw_worker_ops *ops = trial->worker->_ops;
    EXPECT(trial, ops->size == sizeof *ops, "its table's size is not that of this library");
    EXPECT(trial, tw_worker_kind(trial->worker)[0], "its kind has no name");
}

static void performs_each_task_once(struct trial *trial)
{
    trial_submit(trial, 0, PIECES);
    trial_wait(trial);
    trial_expect_status(trial, 0, PIECES, 0);
}

static void keeps_the_order(struct trial *trial)
{
    size_t i;
    performs_each_task_once(trial);
    for (i = 0; i < PIECES; i++)
        EXPECT(trial, trial->pieces[i].order == i, "tasks were not performed as submitted");
}

static void submit_two_more(struct piece *piece)
{
    struct trial *trial = piece->trial;
    trial_submit(trial, 1, 2);
    if (trial->is_exclusive)
        EXPECT(trial, piece_calls(piece + 1) + piece_calls(piece + 2) == 0,
               "a task began inside another that submitted it");
}

static void may_be_given_more_by_a_task(struct trial *trial)
{
    trial->pieces[0].then = submit_two_more;
    trial_submit(trial, 0, 1);
    trial_wait(trial);
    trial_expect_status(trial, 0, 3, 0);
    if (trial->is_exclusive)
        EXPECT(trial, trial->pieces[1].order == 1 && trial->pieces[2].order == 2,
               "tasks that were submitted by one were not performed in order");
}

static void submit_itself(struct piece *piece)
{
    struct trial *trial = piece->trial;
    if (piece_calls(piece) < 100)
        EXPECT(trial, piece_submit(piece) == 0, "a task could not submit itself again");
}

static void a_task_may_submit_itself(struct trial *trial)
{
    trial->pieces[0].then = submit_itself;
    trial_submit(trial, 0, 1);
    trial_wait(trial);
    EXPECT(trial, piece_calls(&trial->pieces[0]) == 100, "it was not called each time");
}

static void deliver_and_submit_itself(struct piece *piece)
{
    tw_task_delivers(&piece->task);
    submit_itself(piece);
}

static void a_task_may_say_that_it_delivers(struct trial *trial)
{
    trial->pieces[0].then = deliver_and_submit_itself;
    a_task_may_submit_itself(trial);
}

static void free_itself(struct piece *piece)
{
    memset(piece, 0xdd, sizeof *piece);
    free(piece);
}

static void a_task_may_free_itself(struct trial *trial)
{
    size_t i;
    for (i = 0; i < 32; i++) {
        struct piece *piece = (struct piece *)malloc(sizeof *piece);
        if (!piece)
            break;
        piece_init(piece, trial, free_itself);
        piece->is_own = true;
        if (piece_submit(piece) < 0)
            free(piece);
    }
    trial_wait(trial);
}

static void move_on(struct piece *piece)
{
    struct piece *next = piece + 1;
    next->then = piece - piece->trial->pieces < 50 ? move_on : NULL;
    memset(&piece->task, 0xdd, sizeof piece->task);
    EXPECT(next->trial, piece_submit(next) == 0, "a task could not submit another");
}

static void a_task_may_be_overwritten(struct trial *trial)
{
    trial->pieces[0].then = move_on;
    trial_submit(trial, 0, 1);
    trial_wait(trial);
    trial_expect_status(trial, 0, 52, 0);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void cancel_what_waits(struct trial *trial)
{
    struct piece *piece = &trial->pieces[1];
    trial_submit(trial, 1, 2);
    EXPECT(trial, piece_cancel(piece) == 0, "a task that waits could not be cancelled");
    EXPECT(trial, piece_cancel(piece) == -EALREADY,
           "a second cancel was not answered with -EALREADY");
}

static void a_task_that_waits_can_be_cancelled(struct trial *trial)
{
    if (!trial_where_nothing_starts(trial, cancel_what_waits))
        return;
    trial_expect_status(trial, 1, 1, -ECANCELED);
    trial_expect_status(trial, 2, 1, 0);
    trial_submit(trial, 1, 1);
    trial_wait(trial);
    trial_expect_status(trial, 1, 1, 0);
}

static void cancel_itself(struct piece *piece)
{
    EXPECT(piece->trial, piece_cancel(piece) == -EALREADY,
           "a cancel of a task that runs was not answered with -EALREADY");
}

static void a_cancel_may_be_too_early_or_too_late(struct trial *trial)
{
    struct piece *piece = &trial->pieces[0];
    EXPECT(trial, piece_cancel(piece) == -EALREADY,
           "a cancel of a task never submitted was not answered with -EALREADY");
    piece->then = cancel_itself;
    trial_submit(trial, 0, 1);
    trial_wait(trial);
    EXPECT(trial, piece_cancel(piece) == -EALREADY,
           "a cancel of a task that is over was not answered with -EALREADY");
    trial_expect_status(trial, 0, 1, 0);
}

static void a_cancel_keeps_its_word(struct trial *trial)
{
    size_t i;
    int answers[PIECES];
    for (i = 0; i < PIECES; i++) {
        trial_submit(trial, i, 1);
        answers[i] = piece_cancel(&trial->pieces[i]);
        EXPECT(trial, answers[i] == 0 || answers[i] == -EALREADY,
               "a cancel was answered with neither 0 nor -EALREADY");
    }
    trial_wait(trial);
    for (i = 0; i < PIECES; i++)
        trial_expect_status(trial, i, 1, answers[i] == 0 ? -ECANCELED : 0);
}

/* --- quitting --------------------------------------------------------------------------------- */

/* A refused task is its owner's still: another worker may have it. */
static void refuses(struct trial *trial, struct piece *piece)
{
    struct tw_worker *other;
    int rc = piece_submit(piece);
    EXPECT(trial, rc == -ESHUTDOWN, "submit after quit was not answered with -ESHUTDOWN");
    if (rc == 0 || tw_memory_worker_new(&other) < 0)
        return;
    pthread_mutex_lock(&trial->lock);
    piece->accepted++;
    trial->accepted++;
    pthread_mutex_unlock(&trial->lock);
    EXPECT(trial, tw_worker_submit(other, &piece->task) == 0,
           "a task that was refused could not be given to another worker");
    tw_memory_worker_perform(other);
    tw_worker_unref(other);
}

static void quit_refuses_the_rest(struct trial *trial)
{
    EXPECT(trial, trial_quit(trial) == 0, "the first quit was not answered with 0");
    EXPECT(trial, trial_quit(trial) == -ESHUTDOWN,
           "a second quit was not answered with -ESHUTDOWN");
    refuses(trial, &trial->pieces[0]);
    trial_wait(trial);
    EXPECT(trial, trial_quit(trial) == -ESHUTDOWN, "a later quit was not answered with -ESHUTDOWN");
    EXPECT(trial, piece_cancel(&trial->pieces[1]) == -EALREADY,
           "a cancel after quit was not answered with -EALREADY");
}

static void quit_is_declined(struct trial *trial)
{
    EXPECT(trial, trial_quit(trial) == -ENOTSUP, "quit did not say -ENOTSUP");
    performs_each_task_once(trial);
}

static void quit_lets_what_was_accepted_run(struct trial *trial)
{
    trial_submit(trial, 0, 32);
    EXPECT(trial, trial_quit(trial) == 0, "quit was not answered with 0");
    trial_wait(trial);
    trial_expect_status(trial, 0, 32, 0);
}

static void submit_and_quit(struct piece *piece)
{
    struct trial *trial = piece->trial;
    trial_submit(trial, 1, 3);
    EXPECT(trial, trial_quit(trial) == 0, "a task could not quit its worker");
    EXPECT(trial, trial_quit(trial) == -ESHUTDOWN,
           "a second quit was not answered with -ESHUTDOWN");
    EXPECT(trial, piece_submit(piece + 4) == -ESHUTDOWN,
           "submit after quit was not answered with -ESHUTDOWN");
}

static void a_task_may_quit_its_worker(struct trial *trial)
{
    trial->pieces[0].then = submit_and_quit;
    trial_submit(trial, 0, 1);
    trial_wait(trial);
    trial_expect_status(trial, 0, 4, 0);
}

/* --- letting go ------------------------------------------------------------------------------- */

static void is_counted(struct trial *trial)
{
    EXPECT(trial, tw_worker_ref(trial->worker) == trial->worker, "ref gave another worker");
    tw_worker_unref(trial->worker);
    performs_each_task_once(trial);
}

static void works_off_what_it_has_when_nobody_holds_it(struct trial *trial)
{
    size_t i;
    trial_submit(trial, 0, 32);
    trial_let_go(trial);
    trial_wait(trial);
    for (i = 0; i < 32; i++) {
        int status = piece_status(&trial->pieces[i]);
        bool may_give_up = (trial->kind->flags & TW_CONFORMANCE_GIVES_UP) != 0;
        EXPECT(trial, status == 0 || (may_give_up && status == -ESHUTDOWN),
               "a task that was accepted before the last unref was not performed");
    }
}

/* Waits, if it has a thread of its own, so that the reference is the last. */
static void let_go_inside(struct piece *piece)
{
    struct trial *trial = piece->trial;
    pthread_mutex_lock(&trial->lock);
    while (!trial->is_let_go && !pthread_equal(trial->main, pthread_self()))
        pthread_cond_wait(&trial->changed, &trial->lock);
    pthread_mutex_unlock(&trial->lock);
    trial_let_go(trial);
}

static void a_task_may_let_go_of_its_worker(struct trial *trial)
{
    struct tw_worker *worker = tw_worker_ref(trial->worker); /* for the time of submit */
    trial->pieces[0].then = let_go_inside;
    trial_submit(trial, 0, 1);
    tw_worker_unref(worker);
    pthread_mutex_lock(&trial->lock);
    trial->is_let_go = true;
    pthread_cond_broadcast(&trial->changed);
    pthread_mutex_unlock(&trial->lock);
    trial_wait(trial);
    trial_expect_status(trial, 0, 1, 0);
}

/* --- entering --------------------------------------------------------------------------------- */

static void entering_is_being_its_task(struct trial *trial)
{
    struct tw_worker *worker = trial->worker;
    const struct tw_worker_ops *ops = worker->_ops;
    int rc = ops->enter(worker);
    EXPECT(trial, rc == 0 || rc == -ENOTSUP, "enter was answered with neither 0 nor -ENOTSUP");
    if (rc < 0)
        return;
    EXPECT(trial, trial->is_exclusive, "a worker that is not exclusive can be entered");
    EXPECT(trial, ops->enter(worker) == -EDEADLK, "a second enter was not answered with -EDEADLK");
    trial_submit(trial, 0, 2);
    EXPECT(trial, piece_calls(&trial->pieces[0]) == 0, "a task began though one was inside");
    ops->leave(worker);
    trial_wait(trial);
    trial_expect_status(trial, 0, 2, 0);
}

/* --- misuse ----------------------------------------------------------------------------------- */

static void submit_twice(struct trial *trial)
{
    struct piece *piece = &trial->pieces[1];
    trial_submit(trial, 1, 1);
    EXPECT(trial, tw_worker_submit(trial->worker, &piece->task) == -EINVAL,
           "a task that waits could be submitted once more");
}

static void refuses_misuse(struct trial *trial)
{
    const char *wish = getenv("TWINE_ABORT_ON_MISUSE");
    struct tw_task task;
    if (wish && strcmp(wish, "1") == 0)
        return;
    tw_task_init(&task, NULL);
    EXPECT(trial, tw_worker_submit(trial->worker, NULL) == -EINVAL, "NULL could be submitted");
    EXPECT(trial, tw_worker_submit(trial->worker, &task) == -EINVAL,
           "a task without fn could be submitted");
    trial_where_nothing_starts(trial, submit_twice);
}

/* --- many threads ----------------------------------------------------------------------------- */

#define CROWD 4
#define EACH (PIECES / CROWD)
#define ROUNDS 20

struct person {
    pthread_t thread;
    struct trial *trial;
    size_t index;
    pthread_barrier_t *start;
    void (*fn)(struct person *person);
    int answers[PIECES];
};

static void *person_main(void *arg)
{
    struct person *person = (struct person *)arg;
    pthread_barrier_wait(person->start);
    person->fn(person);
    return NULL;
}

/* Run a function on several threads at once, this one among them. */
static void crowd_run(struct trial *trial, struct person *people, void (*fn)(struct person *))
{
    pthread_barrier_t start;
    size_t i;
    pthread_barrier_init(&start, NULL, CROWD);
    for (i = 0; i < CROWD; i++) {
        people[i].trial = trial;
        people[i].index = i;
        people[i].start = &start;
        people[i].fn = fn;
        memset(people[i].answers, 0, sizeof people[i].answers);
        if (i > 0 && pthread_create(&people[i].thread, NULL, person_main, &people[i]) != 0)
            abort(); /* the others would wait for ever */
    }
    person_main(&people[0]);
    for (i = 1; i < CROWD; i++)
        pthread_join(people[i].thread, NULL);
    pthread_barrier_destroy(&start);
}

static void submit_own(struct person *person)
{
    trial_submit(person->trial, person->index * EACH, EACH);
}

static void expect_each_ones_order(struct trial *trial)
{
    size_t i;
    for (i = 0; i < PIECES; i++)
        EXPECT(trial, i % EACH == 0 || trial->pieces[i - 1].order < trial->pieces[i].order,
               "tasks of one thread were not performed as submitted");
}

static void many_may_submit(struct trial *trial)
{
    struct person people[CROWD];
    int round;
    for (round = 0; round < ROUNDS && !trial->wrong; round++) {
        crowd_run(trial, people, submit_own);
        trial_wait(trial);
        trial_expect_status(trial, 0, PIECES, 0);
        if (trial->is_exclusive)
            expect_each_ones_order(trial);
    }
}

/* Half of them submit, each half of the pieces; the others cancel all. */
static void submit_or_cancel(struct person *person)
{
    size_t i, half = PIECES / 2;
    for (i = 0; i < half && person->index < 2; i++)
        trial_submit(person->trial, person->index * half + i, 1);
    for (i = 0; i < PIECES && person->index >= 2; i++)
        person->answers[i] = piece_cancel(&person->trial->pieces[i]);
}

static void many_may_cancel(struct trial *trial)
{
    struct person people[CROWD];
    int round;
    size_t i;
    for (round = 0; round < ROUNDS && !trial->wrong; round++) {
        crowd_run(trial, people, submit_or_cancel);
        trial_wait(trial);
        for (i = 0; i < PIECES; i++) {
            int taken = (people[2].answers[i] == 0) + (people[3].answers[i] == 0);
            EXPECT(trial, taken <= 1, "one task was cancelled twice");
            trial_expect_status(trial, i, 1, taken ? -ECANCELED : 0);
        }
    }
}

/* One of them quits in the midst of it. */
static void submit_or_quit(struct person *person)
{
    size_t i;
    for (i = 0; i < EACH; i++) {
        size_t piece = person->index * EACH + i;
        person->answers[piece] = piece_submit(&person->trial->pieces[piece]);
        if (person->index == 0 && i == EACH / 2)
            EXPECT(person->trial, trial_quit(person->trial) == 0, "quit was not answered with 0");
    }
}

static void quit_may_come_at_any_time(struct trial *trial)
{
    struct person people[CROWD];
    size_t i;
    crowd_run(trial, people, submit_or_quit);
    trial_wait(trial);
    for (i = 0; i < PIECES; i++) {
        int answer = people[i / EACH].answers[i];
        EXPECT(trial, answer == 0 || answer == -ESHUTDOWN,
               "submit was answered with neither 0 nor -ESHUTDOWN");
        if (answer == 0)
            trial_expect_status(trial, i, 1, 0);
    }
    EXPECT(trial, people[0].answers[0] == 0, "submit refused a task before quit");
    EXPECT(trial, people[0].answers[EACH - 1] == -ESHUTDOWN, "submit took a task after quit");
}

/* --- all of them ------------------------------------------------------------------------------ */

#define ONE_THREAD TW_CONFORMANCE_ONE_THREAD
#define NO_QUIT TW_CONFORMANCE_NO_QUIT

const struct tw__conformance_check tw__conformance_checks[] = {
    {"it says what it is", 0, 0, false, says_what_it_is},
    {"each task is performed once", 0, 0, false, performs_each_task_once},
    {"tasks are performed in order", 0, 0, true, keeps_the_order},
    {"a task may submit others", 0, 0, false, may_be_given_more_by_a_task},
    {"a task may submit itself again", 0, 0, false, a_task_may_submit_itself},
    {"a task may say that it delivers", 0, 0, false, a_task_may_say_that_it_delivers},
    {"a task may free itself", 0, 0, false, a_task_may_free_itself},
    {"a task is not looked at once it runs", 0, 0, false, a_task_may_be_overwritten},
    {"a task that waits can be cancelled", 0, 0, false, a_task_that_waits_can_be_cancelled},
    {"a cancel too early or too late says so", 0, 0, false, a_cancel_may_be_too_early_or_too_late},
    {"a cancel keeps its word", 0, 0, false, a_cancel_keeps_its_word},
    {"after quit the rest is refused", NO_QUIT, 0, false, quit_refuses_the_rest},
    {"quit is declined", 0, NO_QUIT, false, quit_is_declined},
    {"quit lets what was accepted run", NO_QUIT, 0, false, quit_lets_what_was_accepted_run},
    {"a task may quit its worker", NO_QUIT, 0, false, a_task_may_quit_its_worker},
    {"its references are counted", 0, 0, false, is_counted},
    {"the last unref loses nothing", 0, 0, false, works_off_what_it_has_when_nobody_holds_it},
    {"a task may let go of its worker", 0, 0, false, a_task_may_let_go_of_its_worker},
    {"to enter it is to be its task", 0, 0, false, entering_is_being_its_task},
    {"misuse is refused", 0, 0, false, refuses_misuse},
    {"many threads may submit", ONE_THREAD, 0, false, many_may_submit},
    {"many threads may cancel", ONE_THREAD, 0, false, many_may_cancel},
    {"quit may come at any time", ONE_THREAD | NO_QUIT, 0, false, quit_may_come_at_any_time},
    {NULL, 0, 0, false, NULL},
};
