/*
 * What every check does: note, turn, wait, use threads.
 */
#include "stage_internal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE (60 * TW_SECOND)
#define OFTEN 10

/* --- what is seen ------------------------------------------------------------------------------ */

void stage_wrong(struct stage *stage, const char *what)
{
    if (!stage->wrong)
        stage->wrong = what;
}

void note(void *arg)
{
    struct letter *letter = (struct letter *)arg;
    struct stage *stage = letter->stage;
    EXPECT(stage, tw_reactor_is_in_thread(stage->reactor),
           "something was called, and the thread did not count as the loop's");
    if (stage->count < MOST_SEEN)
        stage->seen[stage->count] = letter->name;
    stage->count++;
}

struct letter *letter(struct stage *stage, char name)
{
    return &stage->letters[(unsigned char)name];
}

void stage_expect(struct stage *stage, const char *word, const char *otherwise)
{
    EXPECT(stage, strcmp(stage->seen, word) == 0, otherwise);
}

/* --- what is done ------------------------------------------------------------------------------ */

struct tw_delayed_call *stage_later_call(struct stage *stage, int64_t delay, char name)
{
    struct tw_delayed_call *call = NULL;
    int rc = tw_reactor_call_later(stage->reactor, delay, note, letter(stage, name), NULL, &call);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    return call;
}

void stage_later(struct stage *stage, int64_t delay, char name)
{
    tw_delayed_call_unref(stage_later_call(stage, delay, name));
}

void stage_call(struct stage *stage, char name)
{
    int rc = tw_reactor_call_from_thread(stage->reactor, note, letter(stage, name), NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
}

static void pull(struct tw_trigger *trigger, void *letter)
{
    (void)trigger;
    note(letter);
}

void stage_trigger(struct stage *stage, enum tw_phase phase, const char *event, char name)
{
    int rc =
        tw_reactor_add_trigger(stage->reactor, phase, event, pull, letter(stage, name), NULL, NULL);
    EXPECT(stage, rc == 0, "a trigger was refused");
}

uint64_t stage_now(struct stage *stage)
{
    return tw_clock_now(tw_reactor_clock(stage->reactor));
}

void stage_stop(struct stage *stage)
{
    EXPECT(stage, tw_reactor_stop(stage->reactor) == 0, "a stop while it runs was refused");
}

/* --- turning ----------------------------------------------------------------------------------- */

int64_t stage_patience(const struct stage *stage)
{
    return stage->kind->patience ? stage->kind->patience : PATIENCE;
}

static uint64_t patient_until(const struct stage *stage)
{
    return tw_time_add(tw_clock_now(tw_clock_monotonic()), stage_patience(stage));
}

static int64_t left_of(uint64_t until)
{
    int64_t left = tw_time_between(tw_clock_now(tw_clock_monotonic()), until);
    return left > 0 ? left : 0;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* A turn of a loop of the user's own has no limit: a delayed call is one. */
static int turn_as_user(struct stage *stage, int64_t limit)
{
    const struct tw_reactor_conformance_kind *kind = stage->kind;
    struct tw_delayed_call *guard = NULL;
    int rc;
    if (limit == 0)
        return kind->turn(kind->arg, stage->reactor, false);
    tw_reactor_call_later(stage->reactor, limit, nothing, NULL, NULL, &guard);
    rc = kind->turn(kind->arg, stage->reactor, true);
    tw_delayed_call_cancel(guard);
    tw_delayed_call_unref(guard);
    return rc;
}

/* For no longer than limit; a clock that does not move would never let it end. */
static void turn_within(struct stage *stage, int64_t limit)
{
    int rc;
    if (stage->kind->turn)
        rc = turn_as_user(stage, limit);
    else if (stage->kind->advance && limit > 0)
        rc = tw_reactor_iterate(stage->reactor, TW_FOREVER);
    else
        rc = tw_reactor_iterate(stage->reactor, limit);
    stage->turns++;
    EXPECT(stage, rc == 0, "a turn was not answered with 0");
}

void stage_turn(struct stage *stage, bool block)
{
    turn_within(stage, block ? left_of(patient_until(stage)) : 0);
}

void stage_turn_often(struct stage *stage)
{
    int i;
    for (i = 0; i < OFTEN; i++)
        stage_turn(stage, false);
}

/* Where time does not pass a turn cannot wait within a limit. */
static void turn_for_threads(struct stage *stage, uint64_t until)
{
    turn_within(stage, stage->kind->advance ? 0 : left_of(until));
    if (stage->kind->advance)
        sched_yield();
}

void stage_await_waiting(struct stage *stage, size_t count)
{
    uint64_t until = patient_until(stage);
    while (stage->count < count && left_of(until) > 0 && !stage->wrong)
        turn_within(stage, left_of(until));
    EXPECT(stage, stage->count >= count, "a call did not wake the loop");
}

void stage_await(struct stage *stage, size_t count)
{
    uint64_t until = patient_until(stage);
    while (stage->count < count && left_of(until) > 0 && !stage->wrong)
        turn_for_threads(stage, until);
    EXPECT(stage, stage->count >= count, "something that was accepted was not called");
}

static void advance(struct stage *stage, int64_t duration)
{
    int rc = stage->kind->advance(stage->kind->arg, stage->reactor, duration);
    EXPECT(stage, rc == 0, "to move its clock was not answered with 0");
}

void stage_await_due(struct stage *stage, size_t count)
{
    uint64_t until = patient_until(stage);
    while (stage->count < count && left_of(until) > 0 && !stage->wrong)
        if (stage->kind->advance)
            advance(stage, TW_MILLISECOND);
        else
            turn_for_threads(stage, until);
    EXPECT(stage, stage->count >= count, "something that became due was not called");
}

void stage_pass_time(struct stage *stage, int64_t duration)
{
    uint64_t until = tw_time_add(tw_clock_now(tw_clock_monotonic()), duration);
    if (stage->kind->advance)
        advance(stage, duration);
    else
        while (left_of(until) > 0 && !stage->wrong)
            turn_within(stage, left_of(until));
}

void stage_start(struct stage *stage)
{
    int i;
    if (!stage->kind->turn)
        tw_reactor_pass(stage->reactor);
    for (i = 0; i < OFTEN && !tw_reactor_is_running(stage->reactor); i++)
        stage_turn(stage, false);
    EXPECT(stage, tw_reactor_is_running(stage->reactor), "it does not start");
}

/* --- threads ----------------------------------------------------------------------------------- */

void stage_enter_gate(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    while (!stage->is_open)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
}

void stage_open_gate(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    stage->is_open = true;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

static struct timespec deadline(const struct stage *stage)
{
    uint64_t until = patient_until(stage);
    struct timespec at = {(time_t)(until / (uint64_t)TW_SECOND),
                          (long)(until % (uint64_t)TW_SECOND)};
    return at;
}

void stage_set_round(struct stage *stage, size_t round)
{
    pthread_mutex_lock(&stage->lock);
    stage->round = round;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

bool stage_wait_for_round(struct stage *stage, size_t round)
{
    struct timespec until = deadline(stage);
    bool has_come;
    pthread_mutex_lock(&stage->lock);
    while (stage->round < round &&
           pthread_cond_timedwait(&stage->changed, &stage->lock, &until) != ETIMEDOUT)
        ;
    has_come = stage->round >= round;
    pthread_mutex_unlock(&stage->lock);
    return has_come;
}

/* The work's argument goes when it is over, or given up. */
static void job_is_over(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    pthread_mutex_lock(&stage->lock);
    stage->jobs--;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

void stage_defer(struct stage *stage, tw_call_fn work, tw_call_fn both)
{
    struct tw_deferred *deferred = NULL;
    int rc;
    pthread_mutex_lock(&stage->lock);
    stage->jobs++;
    pthread_mutex_unlock(&stage->lock);
    rc = tw_defer_to_thread(stage->reactor, work, stage, job_is_over, &deferred);
    if (rc == 0)
        rc = tw_deferred_add_both(deferred, both, stage, NULL);
    tw_deferred_unref(deferred);
    EXPECT(stage, rc == 0, "a job was refused");
}

pthread_t stage_thread(struct stage *stage, void *(*fn)(void *stage))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fn, stage) == 0)
        return thread;
    stage_wrong(stage, "there is no thread to try it");
    fn(stage);
    return pthread_self();
}

/* --- the watchdog ------------------------------------------------------------------------------ */

void stage_give_up(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    stage_wrong(stage, "what should have ended it did not come");
    if (stage->is_in_run)
        tw_reactor_crash(stage->reactor);
}

/* Whether it is needed still, when the patience has been used up. */
static bool is_needed(struct stage *stage)
{
    struct timespec until = deadline(stage);
    bool is_needed;
    pthread_mutex_lock(&stage->lock);
    while (!stage->is_over &&
           pthread_cond_timedwait(&stage->changed, &stage->lock, &until) != ETIMEDOUT)
        ;
    is_needed = !stage->is_over;
    pthread_mutex_unlock(&stage->lock);
    return is_needed;
}

/* Wakes a loop whose timer does not ring. */
static void *watch_over(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    while (is_needed(stage))
        tw_reactor_call_from_thread(stage->reactor, stage_give_up, stage, NULL);
    return NULL;
}

static void end_watch(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    stage->is_over = true;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    if (stage->is_watched)
        pthread_join(stage->watchdog, NULL);
    stage->is_watched = false;
}

/* --- stages ------------------------------------------------------------------------------------ */

struct stage *stage_new(const struct tw_reactor_conformance_kind *kind)
{
    struct stage *stage = (struct stage *)calloc(1, sizeof *stage);
    pthread_condattr_t clock;
    size_t i;
    if (!stage)
        return NULL;
    stage->kind = kind;
    stage->loop = pthread_self();
    for (i = 0; i < 128; i++)
        stage->letters[i] = (struct letter){stage, (char)i};
    for (i = 0; i < 4; i++)
        stage->ends[i] = -1;
    pthread_mutex_init(&stage->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&stage->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (kind->make(kind->arg, &stage->reactor) < 0 || !stage->reactor) {
        stage->reactor = NULL;
        stage_wrong(stage, "it could not be made");
        return stage;
    }
    if (!kind->advance)
        tw_reactor_set_shutdown_timeout(stage->reactor, stage_patience(stage));
    stage->is_watched = pthread_create(&stage->watchdog, NULL, watch_over, stage) == 0;
    return stage;
}

void stage_drop(struct stage *stage)
{
    end_watch(stage);
    stage->reactor = tw_reactor_unref(stage->reactor);
}

/* Whether no thread is at it any more. */
static bool is_left(struct stage *stage)
{
    struct timespec until = deadline(stage);
    bool is_left;
    stage_open_gate(stage);
    pthread_mutex_lock(&stage->lock);
    while (stage->jobs > 0 &&
           pthread_cond_timedwait(&stage->changed, &stage->lock, &until) != ETIMEDOUT)
        ;
    is_left = stage->jobs == 0;
    pthread_mutex_unlock(&stage->lock);
    return is_left;
}

void stage_free(struct stage *stage)
{
    size_t i;
    for (i = 0; i < 4; i++) {
        tw_delayed_call_unref(stage->calls[i]);
        tw_descriptor_unref(stage->descriptors[i]);
    }
    tw_trigger_unref(stage->trigger);
    stage_drop(stage);
    for (i = 0; i < 4; i++)
        if (stage->ends[i] >= 0)
            close(stage->ends[i]);
    if (stage->kind->end)
        stage->kind->end(stage->kind->arg);
    if (!is_left(stage))
        return;
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
    free(stage);
}
