/*
 * A stage: one reactor of the kind, and what was seen on it.
 *
 * What a check has called notes a letter, in the order called; the check then says which word has to
 * have come of it. Everything happens on the thread of the suite, which is the loop's, but what is
 * said to be another thread's. Since that may outlive a check that has failed, what it needs lies in
 * the stage and not on the check's stack.
 */
#ifndef TWINE_TEST_STAGE_INTERNAL_H
#define TWINE_TEST_STAGE_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <twine/reactor/reactor_ops.h>
#include <twine/test/reactor_conformance.h>
#include <twine/twine.h>

#define MOST_SEEN 255
#define MOST_TIMED 256

struct stage;

struct letter {
    struct stage *stage;
    char name;
};

/* A call with its exact time. */
struct timed {
    struct stage *stage;
    size_t index;
    uint64_t due;
};

struct stage {
    const struct tw_reactor_conformance_kind *kind;
    pthread_t loop;             /* the suite's thread */
    struct tw_reactor *reactor; /* not for jobs, which may outlive it */
    const char *wrong;          /* what was wrong first; NULL */
    struct letter letters[128];
    char seen[MOST_SEEN + 1]; /* the first of them */
    size_t count;             /* how often something was noted */
    size_t turns;             /* how often the loop was turned */
    /* For the checks, each as it likes. */
    struct timed timed[MOST_TIMED], last;
    struct tw_delayed_call *calls[4];
    struct tw_descriptor *descriptors[4];
    struct tw_trigger *trigger;
    int ends[4];
    size_t then, other_then;
    int answers[4];
    bool is_in_run;
    pthread_t watchdog;
    bool is_watched;
    /* Other threads', under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    bool is_over; /* the watchdog is not needed any more */
    size_t jobs;  /* whose argument has not gone */
    size_t round;
};

struct stage *stage_new(const struct tw_reactor_conformance_kind *kind);
/* Let go of all. The stage is leaked if a job of its is still at it. */
void stage_free(struct stage *stage);
/* Let go of the reactor, once. */
void stage_drop(struct stage *stage);

/* An action: it has taken too long. Leave run too, which does not end. */
void stage_give_up(void *stage);

/* Note that something is wrong; only the first is kept. */
void stage_wrong(struct stage *stage, const char *what);
#define EXPECT(stage, condition, otherwise)    \
    do {                                       \
        if (!(condition))                      \
            stage_wrong((stage), (otherwise)); \
    } while (0)

/* An action: its letter was called, on the loop's thread. */
void note(void *letter);
struct letter *letter(struct stage *stage, char name);
/* No more and no less was seen. */
void stage_expect(struct stage *stage, const char *word, const char *otherwise);

/* The letter is called later, or by a call from a thread. */
void stage_later(struct stage *stage, int64_t delay, char name);
struct tw_delayed_call *stage_later_call(struct stage *stage, int64_t delay, char name);
void stage_call(struct stage *stage, char name);
/* The letter is called by a trigger. */
void stage_trigger(struct stage *stage, enum tw_phase phase, const char *event, char name);
uint64_t stage_now(struct stage *stage);
int64_t stage_patience(const struct stage *stage); /* nanoseconds */

/* Start the reactor: as the first turn of a loop of the user's own does. */
void stage_start(struct stage *stage);
void stage_stop(struct stage *stage);
/* Turn the loop once. With block it may wait, but for no longer than the patience. */
void stage_turn(struct stage *stage, bool block);
/* Turn the loop some times without waiting: what is there has been done then. */
void stage_turn_often(struct stage *stage);
/* Turn the loop until so much was noted. It comes from threads, and in the second the loop waits for
 * it in any case; or it becomes due. */
void stage_await(struct stage *stage, size_t count);
void stage_await_waiting(struct stage *stage, size_t count);
void stage_await_due(struct stage *stage, size_t count);
/* Turn the loop for so long. */
void stage_pass_time(struct stage *stage, int64_t duration);

/* A job, and what its result is handed to. Work may wait until the gate is open. */
void stage_defer(struct stage *stage, tw_call_fn work, tw_call_fn both);
void stage_enter_gate(struct stage *stage);
void stage_open_gate(struct stage *stage);
pthread_t stage_thread(struct stage *stage, void *(*fn)(void *stage));
/* Rounds that a thread waits for, for as long as the patience lasts: whether it has come. */
void stage_set_round(struct stage *stage, size_t round);
bool stage_wait_for_round(struct stage *stage, size_t round);

/* When a check is for a kind. */
#define NEEDS_RUN 1u          /* the reactor turns the loop itself */
#define NEEDS_TURN 2u         /* it does not */
#define NEEDS_DISPATCH 4u     /* and the loop ends by itself */
#define NEEDS_TIME 8u         /* time passes */
#define NEEDS_DESCRIPTORS 16u /* it has descriptors */
#define NEEDS_PATIENCE 32u    /* misuse does not abort */

struct tw__reactor_check {
    const char *name;
    unsigned needs;
    void (*fn)(struct stage *stage);
};

/* Each ended by one without a name. */
extern const struct tw__reactor_check tw__reactor_checks_of_time[];
extern const struct tw__reactor_check tw__reactor_checks_of_threads[];
extern const struct tw__reactor_check tw__reactor_checks_of_phases[];
extern const struct tw__reactor_check tw__reactor_checks_of_descriptors[];

#endif
