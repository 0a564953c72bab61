/*
 * For the tests of the threads floor: tasks that note what happened to them, workers that count
 * what is done to them, and a team of such workers whose every step is taken by hand.
 */
#ifndef TWINE_TESTS_THREADS_BY_HAND_H
#define TWINE_TESTS_THREADS_BY_HAND_H

#include "../harness.h"

/* --- tasks ------------------------------------------------------------------------------------ */

/* A task that notes how often, in which order and with which status it was called. */
struct note {
    struct tw_task task;
    int calls, status;
    int order;                   /* its place among all that were called */
    void (*then)(struct note *); /* what it does besides, or NULL */
    void *arg;                   /* for then */
};

static int notes_called;

static inline void note_fn(struct tw_task *task, int status)
{
    struct note *note = (struct note *)task;
    note->calls++;
    note->status = status;
    note->order = notes_called++;
    if (note->then)
        note->then(note);
}

static inline void note_init(struct note *note, void (*then)(struct note *), void *arg)
{
    memset(note, 0, sizeof *note);
    tw_task_init(&note->task, note_fn);
    note->then = then;
    note->arg = arg;
}

static inline void notes_init(struct note *notes, size_t count)
{
    size_t i;
    notes_called = 0;
    for (i = 0; i < count; i++)
        note_init(&notes[i], NULL, NULL);
}

/* It was called once, with this status. */
#define CHECK_NOTE(note, expected)                   \
    do {                                             \
        CU_ASSERT_EQUAL((note)->calls, 1);           \
        CU_ASSERT_EQUAL((note)->status, (expected)); \
    } while (0)
#define CHECK_NOT_CALLED(note) CU_ASSERT_EQUAL((note)->calls, 0)

/* --- workers ---------------------------------------------------------------------------------- */

/* A kind of worker of the tests' own (WRK-005): it hands on to another and counts. The struct is
 * the test's, so that it can be read after the last reference has gone. */
struct watched {
    struct tw_worker base;
    struct tw_worker *inner;
    size_t submits, performed, quits;
    int refusal;             /* what submit answers, if not 0 */
    bool is_gone;            /* the last reference has gone */
    bool is_inside;          /* performing, or entered */
    bool was_quit_with_work; /* quit with a task still to start */
};

static inline bool is_memory(const struct watched *own)
{
    return strcmp(tw_worker_kind(own->inner), "memory worker") == 0;
}

static inline int watched_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct watched *own = (struct watched *)worker;
    bool was_inside = own->is_inside;
    int rc = own->refusal;
    if (rc)
        return rc;
    own->submits++;
    own->is_inside |= !is_memory(own);
    rc = tw_worker_submit(own->inner, task);
    own->is_inside = was_inside;
    own->submits -= rc < 0;
    return rc;
}

static inline int watched_cancel(struct tw_worker *worker, struct tw_task *task)
{
    return tw_worker_cancel(((struct watched *)worker)->inner, task);
}

static inline int watched_quit(struct tw_worker *worker)
{
    struct watched *own = (struct watched *)worker;
    own->quits++;
    own->was_quit_with_work |= own->submits != own->performed;
    return tw_worker_quit(own->inner);
}

static inline int watched_enter(struct tw_worker *worker)
{
    struct watched *own = (struct watched *)worker;
    int rc = own->inner->_ops->enter(own->inner);
    if (rc == 0)
        own->is_inside = true;
    return rc;
}

static inline void watched_leave(struct tw_worker *worker)
{
    struct watched *own = (struct watched *)worker;
    own->inner->_ops->leave(own->inner);
    own->is_inside = false;
}

static inline void watched_last_unref(struct tw_worker *worker)
{
    struct watched *own = (struct watched *)worker;
    own->is_gone = true;
    own->inner = tw_worker_unref(own->inner);
}

static const struct tw_worker_ops watched_ops = {sizeof(struct tw_worker_ops),
                                                 "watched worker",
                                                 TW_WORKER_EXCLUSIVE,
                                                 watched_submit,
                                                 watched_cancel,
                                                 watched_quit,
                                                 watched_enter,
                                                 watched_leave,
                                                 watched_last_unref};

/* Consumes the reference to inner. */
static inline void watched_init(struct watched *own, struct tw_worker *inner)
{
    memset(own, 0, sizeof *own);
    tw_worker_init(&own->base, &watched_ops);
    own->inner = inner;
}

/* Perform one task of a watched memory worker. Returns whether there was one. */
static inline bool watched_perform(struct watched *own)
{
    struct tw_worker *inner;
    bool was_there, was_inside = own->is_inside;
    if (own->is_gone || !is_memory(own))
        return false;
    inner = tw_worker_ref(own->inner);
    own->performed += own->performed < own->submits;
    own->is_inside = true;
    was_there = tw_memory_worker_perform(inner) == 1;
    own->is_inside = was_inside;
    tw_worker_unref(inner);
    return was_there;
}

/* --- a team by hand --------------------------------------------------------------------------- */

#define MAX_MADE 64

/* A team whose workers are watched memory workers, and its coordinator one too, or a watched lock
 * worker. */
struct hand {
    struct watched coordinator, made[MAX_MADE];
    struct tw_team *team;
    size_t count;  /* workers made so far */
    size_t limit;  /* the most there may be at once */
    size_t asked;  /* how often the create function was called */
    int answer;    /* what it says of a worker: TW_CREATED_READY or TW_CREATED_COMING */
    int error;     /* what it answers instead, if not 0 */
    int refusal;   /* what the workers it makes answer to a submit, if not 0 */
    int destroyed; /* how often its argument was */
    bool was_asked_outside;
    void (*when_asked)(struct hand *); /* what it does besides, or NULL */
};

static inline int hand_create(void *arg, size_t live, struct tw_worker **ret_worker)
{
    struct hand *hand = (struct hand *)arg;
    struct tw_worker *inner;
    int rc;
    hand->asked++;
    hand->was_asked_outside |= !hand->coordinator.is_inside;
    if (hand->when_asked)
        hand->when_asked(hand);
    if (hand->error)
        return hand->error;
    if (live >= hand->limit || hand->count == MAX_MADE)
        return TW_CREATED_NONE;
    rc = tw_memory_worker_new(&inner);
    if (rc < 0)
        return rc;
    watched_init(&hand->made[hand->count], inner);
    hand->made[hand->count].refusal = hand->refusal;
    *ret_worker = &hand->made[hand->count++].base;
    return hand->answer;
}

static inline void hand_destroy(void *arg)
{
    ((struct hand *)arg)->destroyed++;
}

typedef int (*make_worker_fn)(struct tw_worker **ret_worker);

/* A team of up to limit workers. Returns what failed, in a sweep; then there is nothing to end. */
static inline int hand_start(struct hand *hand, make_worker_fn make_coordinator, size_t limit)
{
    struct tw_worker *inner;
    int rc = make_coordinator(&inner);
    notes_called = 0;
    memset(hand, 0, sizeof *hand);
    if (rc < 0)
        return rc;
    hand->limit = limit;
    hand->answer = TW_CREATED_READY;
    watched_init(&hand->coordinator, inner);
    rc = tw_team_new(&hand->coordinator.base, hand_create, hand, hand_destroy, &hand->team);
    if (rc < 0) {
        CU_ASSERT_EQUAL(hand->destroyed, 1);
        tw_worker_unref(&hand->coordinator.base);
    }
    return rc;
}

/* One step of the coordinator, if it is a memory worker. Returns whether there was one. */
static inline bool hand_step(struct hand *hand)
{
    return watched_perform(&hand->coordinator);
}

/* One task of a worker, counted from 0 in the order they were made. */
static inline bool hand_perform(struct hand *hand, size_t index)
{
    return watched_perform(&hand->made[index]);
}

/* Everything, until nothing is left to do. */
static inline void hand_run(struct hand *hand)
{
    bool did_something = true;
    while (did_something) {
        size_t i;
        did_something = hand_step(hand);
        for (i = 0; i < hand->count; i++)
            did_something |= hand_perform(hand, i);
    }
}

/* Every worker made so far was quit, once, without work, and let go. */
static inline void hand_check_gone(const struct hand *hand)
{
    size_t i;
    for (i = 0; i < hand->count; i++) {
        CU_ASSERT_EQUAL(hand->made[i].quits, 1);
        CU_ASSERT_TRUE(hand->made[i].is_gone);
        CU_ASSERT_FALSE(hand->made[i].was_quit_with_work);
    }
}

/* Lets go of the team, runs all there is, and checks that everything went as it must: each worker
 * and the coordinator quit once, the argument destroyed once. */
static inline void hand_end(struct hand *hand)
{
    CU_ASSERT_PTR_NULL(tw_team_unref(hand->team));
    hand_run(hand);
    hand_check_gone(hand);
    CU_ASSERT_EQUAL(hand->coordinator.quits, 1);
    CU_ASSERT_EQUAL(hand->destroyed, 1);
    CU_ASSERT_FALSE(hand->was_asked_outside);
    CU_ASSERT_FALSE(hand->coordinator.is_gone);
    tw_worker_unref(&hand->coordinator.base);
    CU_ASSERT_TRUE(hand->coordinator.is_gone);
}

static inline struct tw_statistics hand_books(const struct hand *hand)
{
    struct tw_statistics books;
    memset(&books, 0, sizeof books);
    books.size = sizeof books;
    CU_ASSERT_EQUAL(tw_team_statistics(hand->team, &books), 0);
    CU_ASSERT_EQUAL(books.scheduled, books.finished + books.given_up + books.backlog + books.busy);
    CU_ASSERT_EQUAL(books.remaining, books.backlog + books.busy);
    return books;
}

#define CHECK_BOOKS(hand, expected_idle, expected_busy, expected_backlog) \
    do {                                                                  \
        struct tw_statistics books_now = hand_books(hand);                \
        CU_ASSERT_EQUAL(books_now.idle, (expected_idle));                 \
        CU_ASSERT_EQUAL(books_now.busy, (expected_busy));                 \
        CU_ASSERT_EQUAL(books_now.backlog, (expected_backlog));           \
    } while (0)

#define SUBMIT(hand, note) CU_ASSERT_EQUAL(tw_team_submit((hand)->team, &(note)->task), 0)

#endif
