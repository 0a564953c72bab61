/*
 * The suite: each check gets a trial, and each trial is looked at once more when all are over.
 */
#include "trial_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE (60 * INT64_C(1000000000))

/* --- pieces ----------------------------------------------------------------------------------- */

void trial_wrong(struct trial *trial, const char *what)
{
    pthread_mutex_lock(&trial->lock);
    if (!trial->wrong)
        trial->wrong = what;
    pthread_mutex_unlock(&trial->lock);
}

static void begin(struct piece *piece, struct trial *trial, int status)
{
    bool overlaps;
    pthread_mutex_lock(&trial->lock);
    piece->calls++;
    piece->status = status;
    piece->order = trial->begun++;
    overlaps = status == 0 && trial->inside++ > 0 && trial->is_exclusive;
    pthread_mutex_unlock(&trial->lock);
    if (overlaps)
        trial_wrong(trial, "two tasks of an exclusive worker overlapped");
}

static void piece_fn(struct tw_task *task, int status)
{
    struct piece *piece = (struct piece *)task;
    struct trial *trial = piece->trial;
    begin(piece, trial, status);
    if (status != 0 && piece->is_own)
        free(piece);
    else if (status == 0 && piece->then)
        piece->then(piece); /* the piece may be gone */
    else if (status == 0)
        sched_yield(); /* lets another overlap, if the worker does */
    pthread_mutex_lock(&trial->lock);
    trial->inside -= status == 0;
    trial->ended++;
    pthread_cond_broadcast(&trial->changed);
    pthread_mutex_unlock(&trial->lock);
}

void piece_init(struct piece *piece, struct trial *trial, void (*then)(struct piece *))
{
    memset(piece, 0, sizeof *piece);
    tw_task_init(&piece->task, piece_fn);
    piece->trial = trial;
    piece->then = then;
}

/* NULL if the suite has let go of it: a task that was lost may come as late as that. */
static struct tw_worker *worker_of(struct trial *trial)
{
    struct tw_worker *worker;
    pthread_mutex_lock(&trial->lock);
    worker = trial->worker;
    pthread_mutex_unlock(&trial->lock);
    return worker;
}

/* Counted before, since the piece may be gone afterwards. */
int piece_submit(struct piece *piece)
{
    struct trial *trial = piece->trial;
    struct tw_worker *worker = worker_of(trial);
    int rc;
    pthread_mutex_lock(&trial->lock);
    piece->accepted++;
    trial->accepted++;
    pthread_mutex_unlock(&trial->lock);
    rc = worker ? tw_worker_submit(worker, &piece->task) : -ESHUTDOWN;
    if (rc == 0)
        return 0;
    pthread_mutex_lock(&trial->lock);
    piece->accepted--;
    trial->accepted--;
    pthread_mutex_unlock(&trial->lock);
    return rc;
}

int piece_cancel(struct piece *piece)
{
    struct tw_worker *worker = worker_of(piece->trial);
    return worker ? tw_worker_cancel(worker, &piece->task) : -EALREADY;
}

int trial_quit(struct trial *trial)
{
    struct tw_worker *worker = worker_of(trial);
    return worker ? tw_worker_quit(worker) : -ESHUTDOWN;
}

static int look(struct piece *piece, const int *field)
{
    int value;
    pthread_mutex_lock(&piece->trial->lock);
    value = *field;
    pthread_mutex_unlock(&piece->trial->lock);
    return value;
}

int piece_calls(struct piece *piece)
{
    return look(piece, &piece->calls);
}

int piece_status(struct piece *piece)
{
    return look(piece, &piece->status);
}

/* --- trials ----------------------------------------------------------------------------------- */

struct trial *trial_new(const struct tw_worker_conformance_kind *kind)
{
    struct trial *trial = (struct trial *)calloc(1, sizeof *trial);
    pthread_condattr_t clock;
    size_t i;
    if (!trial)
        return NULL;
    trial->kind = kind;
    trial->main = pthread_self();
    pthread_mutex_init(&trial->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&trial->changed, &clock);
    pthread_condattr_destroy(&clock);
    for (i = 0; i < PIECES; i++)
        piece_init(&trial->pieces[i], trial, NULL);
    if (kind->make(kind->arg, &trial->worker) < 0 || !trial->worker) {
        trial->worker = NULL;
        trial_wrong(trial, "it could not be made");
    }
    trial->is_made = trial->worker != NULL;
    trial->is_exclusive = tw_worker_is_exclusive(trial->worker);
    return trial;
}

void trial_free(struct trial *trial)
{
    pthread_cond_destroy(&trial->changed);
    pthread_mutex_destroy(&trial->lock);
    free(trial);
}

void trial_submit(struct trial *trial, size_t first, size_t count)
{
    size_t i;
    for (i = first; i < first + count; i++)
        EXPECT(trial, piece_submit(&trial->pieces[i]) == 0, "submit refused a task before quit");
}

static void run(struct trial *trial)
{
    if (trial->kind->run)
        trial->kind->run(trial->kind->arg, worker_of(trial));
}

static struct timespec deadline(const struct trial *trial)
{
    int64_t patience = trial->kind->patience ? trial->kind->patience : PATIENCE;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(patience / INT64_C(1000000000));
    at.tv_nsec += (long)(patience % INT64_C(1000000000));
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

void trial_wait(struct trial *trial)
{
    struct timespec until = deadline(trial);
    bool is_over = trial->kind->run != NULL; /* then nothing comes by itself */
    run(trial);
    pthread_mutex_lock(&trial->lock);
    while (trial->ended < trial->accepted && !is_over)
        is_over = pthread_cond_timedwait(&trial->changed, &trial->lock, &until) == ETIMEDOUT;
    is_over = trial->ended < trial->accepted;
    pthread_mutex_unlock(&trial->lock);
    EXPECT(trial, !is_over, "a task that was accepted has not been called");
}

void trial_expect_status(struct trial *trial, size_t first, size_t count, int status)
{
    size_t i;
    for (i = first; i < first + count; i++)
        EXPECT(trial, piece_status(&trial->pieces[i]) == status,
               "a task was called with another status than it should be");
}

void trial_let_go(struct trial *trial)
{
    struct tw_worker *worker;
    pthread_mutex_lock(&trial->lock);
    worker = trial->worker;
    trial->worker = NULL;
    pthread_mutex_unlock(&trial->lock);
    tw_worker_unref(worker);
}

static void call_place(struct piece *piece)
{
    piece->trial->place(piece->trial);
}

bool trial_where_nothing_starts(struct trial *trial, void (*place)(struct trial *trial))
{
    if (trial->is_exclusive) {
        trial->place = place;
        trial->pieces[0].then = call_place;
        trial_submit(trial, 0, 1);
    } else if (trial->kind->run) {
        place(trial);
    } else {
        return false;
    }
    trial_wait(trial);
    return !trial_is_short(trial);
}

static void check_calls(struct trial *trial)
{
    size_t i;
    for (i = 0; i < PIECES; i++) {
        struct piece *piece = &trial->pieces[i];
        EXPECT(trial, look(piece, &piece->calls) >= look(piece, &piece->accepted),
               "a task that was accepted has not been called");
        EXPECT(trial, look(piece, &piece->calls) <= look(piece, &piece->accepted),
               "a task was called though it was not accepted, or once more than it was");
    }
}

/* After a wait that has failed there is no use in another. */
void trial_end(struct trial *trial)
{
    bool is_made = trial->is_made;
    trial_let_go(trial);
    if (is_made && !trial_is_short(trial))
        trial_wait(trial);
    if (is_made && trial->kind->end)
        trial->kind->end(trial->kind->arg);
    check_calls(trial);
}

bool trial_had_late_calls(struct trial *trial)
{
    bool is_late;
    pthread_mutex_lock(&trial->lock);
    is_late = !trial->wrong && trial->begun != trial->accepted;
    pthread_mutex_unlock(&trial->lock);
    return is_late;
}

bool trial_is_short(struct trial *trial)
{
    bool is_short;
    pthread_mutex_lock(&trial->lock);
    is_short = trial->ended < trial->accepted;
    pthread_mutex_unlock(&trial->lock);
    return is_short;
}

/* --- the suite -------------------------------------------------------------------------------- */

struct suite {
    const struct tw_worker_conformance_kind *kind;
    tw_conformance_report_fn report;
    void *arg;
    struct trial *trials; /* those that are over */
    int failed;
};

static void tell(struct suite *suite, const char *check, const char *wrong)
{
    suite->failed += wrong != NULL;
    if (suite->report)
        suite->report(suite->arg, check, wrong);
}

static void try_one(struct suite *suite, const struct tw__conformance_check *check)
{
    unsigned flags = suite->kind->flags;
    struct trial *trial;
    bool is_for_it;
    if (flags & check->not_with || (flags & check->only_with) != check->only_with)
        return;
    trial = trial_new(suite->kind);
    if (!trial) {
        tell(suite, check->name, "there is no memory to try it");
        return;
    }
    is_for_it = trial->is_exclusive || !check->only_if_exclusive;
    if (!trial->wrong && is_for_it)
        check->fn(trial);
    trial_end(trial);
    if (is_for_it)
        tell(suite, check->name, trial->wrong);
    trial->next = suite->trials;
    suite->trials = trial;
}

/* A trial that misses a piece of a kind that works by itself is leaked: it may come after all. */
static void look_once_more(struct suite *suite)
{
    const char *wrong = NULL;
    while (suite->trials) {
        struct trial *trial = suite->trials;
        suite->trials = trial->next;
        if (trial_had_late_calls(trial))
            wrong = "a task was called once more after everything was over";
        if (suite->kind->run || !trial_is_short(trial))
            trial_free(trial);
    }
    tell(suite, "nothing comes late", wrong);
}

int tw_worker_conformance(const struct tw_worker_conformance_kind *kind,
                          tw_conformance_report_fn report, void *arg)
{
    struct suite suite = {kind, report, arg, NULL, 0};
    const struct tw__conformance_check *check;
    if (!kind || kind->size != sizeof *kind || !kind->make || kind->patience < 0)
        return -EINVAL;
    for (check = tw__conformance_checks; check->name; check++)
        try_one(&suite, check);
    look_once_more(&suite);
    return suite.failed;
}
