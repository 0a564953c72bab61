/*
 * A trial: one worker of the kind, the tasks it is given, and what was seen of them.
 *
 * A task here is a piece. It notes what happens to it under the trial's lock, which is never held
 * while a worker is called. What each trial has to show, whatever its check does: each piece was
 * called as often as it was accepted, and those of an exclusive worker never overlapped.
 */
#ifndef TWINE_TEST_TRIAL_INTERNAL_H
#define TWINE_TEST_TRIAL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <twine/test/worker_conformance.h>
#include <twine/threads/worker_ops.h>

#define PIECES 256

struct trial;

struct piece {
    struct tw_task task;
    struct trial *trial;
    void (*then)(struct piece *piece); /* what it does when performed, or NULL; it may free it */
    bool is_own;                       /* then frees it; given up, it is freed too */
    /* Under the trial's lock. */
    int accepted, calls;
    int status;   /* the last one */
    size_t order; /* its place among all calls */
};

struct trial {
    const struct tw_worker_conformance_kind *kind;
    struct trial *next; /* kept until the suite is over */
    bool is_made, is_exclusive;
    pthread_t main;
    void (*place)(struct trial *trial); /* see trial_where_nothing_starts() */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under lock. */
    struct tw_worker *worker; /* NULL: the suite has let go of it */
    size_t accepted, begun, ended;
    int inside;        /* how many are being performed */
    bool is_let_go;    /* main has let go, and a piece may */
    const char *wrong; /* what was wrong first; NULL */
    struct piece pieces[PIECES];
};

/* Make a trial; NULL: out of memory. A worker that could not be made is something wrong. */
struct trial *trial_new(const struct tw_worker_conformance_kind *kind);
void trial_free(struct trial *trial);

/* Note that something is wrong; only the first is kept. Any thread. */
void trial_wrong(struct trial *trial, const char *what);
#define EXPECT(trial, condition, otherwise)    \
    do {                                       \
        if (!(condition))                      \
            trial_wrong((trial), (otherwise)); \
    } while (0)

void piece_init(struct piece *piece, struct trial *trial, void (*then)(struct piece *));
/* What tw_worker_submit() answers. The piece may be gone when it returns. */
int piece_submit(struct piece *piece);
/* What tw_worker_cancel() answers. */
int piece_cancel(struct piece *piece);
/* What tw_worker_quit() answers. */
int trial_quit(struct trial *trial);
int piece_calls(struct piece *piece);
int piece_status(struct piece *piece);

/* Submit pieces from first on, each of which must be accepted. */
void trial_submit(struct trial *trial, size_t first, size_t count);
/* Let the worker work until everything accepted is over, or is lost. */
void trial_wait(struct trial *trial);
/* Those pieces were last called with this status. */
void trial_expect_status(struct trial *trial, size_t first, size_t count, int status);
/* Let go of the worker, once. */
void trial_let_go(struct trial *trial);
/* Call a function where nothing that it submits is started before it has returned: in a task of an
 * exclusive worker (piece 0), or before a worker is told to run. false: there is no such place, or
 * what was submitted is lost. */
bool trial_where_nothing_starts(struct trial *trial, void (*place)(struct trial *trial));
/* Let go of all, and look whether each piece was called as often as it was accepted. */
void trial_end(struct trial *trial);
/* Whether some piece was called once more since. */
bool trial_had_late_calls(struct trial *trial);
/* Whether a piece is lost, which may still come. */
bool trial_is_short(struct trial *trial);

/* A promise, and how it is tried. */
struct tw__conformance_check {
    const char *name;
    unsigned not_with;      /* flags of kinds it is not for */
    unsigned only_with;     /* flags of the only kinds it is for */
    bool only_if_exclusive; /* it is for those workers that say they are */
    void (*fn)(struct trial *trial);
};

/* Ended by one without a name. */
extern const struct tw__conformance_check tw__conformance_checks[];

#endif
