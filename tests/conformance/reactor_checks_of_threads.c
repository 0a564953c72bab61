/*
 * What every reactor promises to threads: calls from them, and jobs in them that come home.
 */
#include "stage_internal.h"

#include <unistd.h>

#define CROWD 4
#define EACH 300
#define ROUNDS 200
#define MANY 100000
#define FLOOD 20000
#define SOON 2000 /* some batches */

/* --- waking ------------------------------------------------------------------------------------- */

static void next_round(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'a'));
    stage_set_round(stage, stage->count);
}

/* Calls each time the call before has run, when the loop is about to wait. */
static void *call_each_round(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    size_t round;
    for (round = 0; round < ROUNDS && stage_wait_for_round(stage, round); round++)
        tw_reactor_call_from_thread(stage->reactor, next_round, stage, NULL);
    return NULL;
}

static void wakes_a_loop_that_waits(struct stage *stage)
{
    pthread_t thread;
    stage_turn_often(stage);
    thread = stage_thread(stage, call_each_round);
    stage_await_waiting(stage, ROUNDS);
    pthread_join(thread, NULL);
}

/* --- order -------------------------------------------------------------------------------------- */

struct person {
    struct stage *stage;
    struct order *orders; /* its calls */
    size_t last;          /* the number of its call that came last */
};

struct order {
    struct person *person;
    size_t number;
};

static void note_number(void *arg)
{
    struct order *order = (struct order *)arg;
    EXPECT(order->person->stage, order->number == order->person->last + 1,
           "calls of one thread did not run in the order made");
    order->person->last = order->number;
    note(letter(order->person->stage, 'a'));
}

static void *make_calls(void *arg)
{
    struct person *person = (struct person *)arg;
    size_t i;
    for (i = 0; i < EACH; i++) {
        person->orders[i] = (struct order){person, i + 1};
        tw_reactor_call_from_thread(person->stage->reactor, note_number, &person->orders[i], NULL);
    }
    return NULL;
}

static void keeps_each_ones_order(struct stage *stage)
{
    static struct order orders[CROWD][EACH];
    static struct person people[CROWD];
    pthread_t threads[CROWD];
    size_t i, started;
    for (started = 0; started < CROWD; started++) {
        people[started] = (struct person){stage, orders[started], 0};
        if (pthread_create(&threads[started], NULL, make_calls, &people[started]) != 0)
            break;
    }
    stage_await(stage, started * EACH);
    for (i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    EXPECT(stage, stage->count == started * EACH, "calls from threads did not run once each");
}

static void call_another(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'a'));
    stage_call(stage, 'b');
    stage_expect(stage, "a", "a call from the loop's thread ran inside another");
}

static void only_queues(struct stage *stage)
{
    int rc = tw_reactor_call_from_thread(stage->reactor, call_another, stage, NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
    stage_expect(stage, "", "a call from the loop's thread ran at once");
    stage_await(stage, 2);
    stage_turn_often(stage);
    stage_expect(stage, "ab", "calls from the loop's thread did not run once, in order");
}

/* --- many --------------------------------------------------------------------------------------- */

static void count(void *arg)
{
    ((struct stage *)arg)->count++;
}

static void make_many(struct stage *stage, size_t many)
{
    size_t i;
    int rc = 0;
    for (i = 0; i < many && rc == 0; i++)
        rc = tw_reactor_call_from_thread(stage->reactor, count, stage, NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
}

static void any_number(struct stage *stage)
{
    make_many(stage, MANY);
    stage_await(stage, MANY);
    stage_turn_often(stage);
    EXPECT(stage, stage->count == MANY, "calls from threads did not run once each");
}

static void note_then(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    stage->then = stage->count;
}

static int note_other_then(struct tw_descriptor *descriptor, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    stage->other_then = stage->count;
    return tw_reactor_remove_reader(stage->reactor, descriptor);
}

static const struct tw_descriptor_fns reader_fns = {sizeof reader_fns, note_other_then, NULL, NULL};

/* From here on a timer is due and, if there are descriptors, one is ready: both are to have their
 * turn soon. */
static void be_ready(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    int rc = tw_reactor_call_later(stage->reactor, 0, note_then, stage, NULL, NULL);
    EXPECT(stage, rc == 0, "a delayed call was refused");
    if (stage->descriptors[0])
        EXPECT(stage, write(stage->ends[1], "x", 1) == 1, "there is no pipe to try it");
}

static void stand_in_line(struct stage *stage)
{
    int rc = 0;
    stage->then = stage->other_then = FLOOD;
    if (stage->reactor->_ops->watch != tw_reactor_watch_none) {
        rc = pipe(stage->ends);
        if (rc == 0)
            rc =
                tw_descriptor_new(stage->ends[0], &reader_fns, stage, NULL, &stage->descriptors[0]);
        if (rc == 0)
            rc = tw_reactor_add_reader(stage->reactor, stage->descriptors[0]);
        EXPECT(stage, rc == 0, "a descriptor could not be added");
    }
    rc = tw_reactor_call_from_thread(stage->reactor, be_ready, stage, NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
}

static void expect_soon(struct stage *stage)
{
    stage_await(stage, FLOOD);
    EXPECT(stage, stage->then <= SOON, "calls from threads held up a delayed call");
    if (stage->descriptors[0])
        EXPECT(stage, stage->other_then <= SOON, "calls from threads held up a descriptor");
}

static void a_flood_holds_up_nobody(struct stage *stage)
{
    stand_in_line(stage);
    make_many(stage, FLOOD);
    expect_soon(stage);
}

static void call_again(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    if (++stage->count < FLOOD)
        tw_reactor_call_from_thread(stage->reactor, call_again, stage, NULL);
}

static void a_call_that_repeats_itself_holds_up_nobody(struct stage *stage)
{
    int rc = tw_reactor_call_from_thread(stage->reactor, call_again, stage, NULL);
    EXPECT(stage, rc == 0, "a call from a thread was refused");
    stand_in_line(stage);
    expect_soon(stage);
}

/* --- jobs --------------------------------------------------------------------------------------- */

static void bring(struct tw_result *result, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    if (!pthread_equal(pthread_self(), stage->loop))
        tw_result_set(result, stage, NULL);
}

static void take(struct tw_result *result, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    EXPECT(stage, tw_result_value(result) == stage, "a job did not run in a thread of the pool");
    tw_result_set(result, NULL, NULL);
    note(letter(stage, 'j'));
}

static void jobs_come_home(struct stage *stage)
{
    int i;
    for (i = 0; i < 50; i++)
        stage_defer(stage, bring, take);
    stage_start(stage);
    stage_await(stage, 50);
    for (i = 0; i < 50; i++) {
        stage_defer(stage, bring, take);
        stage_await(stage, 51 + (size_t)i);
    }
    EXPECT(stage, stage->count == 100, "jobs did not come home once each");
}

static void jobs_wait_for_the_start(struct stage *stage)
{
    stage_defer(stage, bring, take);
    stage_turn_often(stage);
    stage_expect(stage, "", "a job was begun before the reactor was started");
    stage_start(stage);
    stage_await(stage, 1);
}

static void wait_in_gate(struct tw_result *result, void *arg)
{
    stage_enter_gate((struct stage *)arg);
    tw_result_set(result, arg, NULL);
}

static void open_in_shutdown(struct tw_trigger *trigger, void *arg)
{
    (void)trigger;
    stage_open_gate((struct stage *)arg);
}

static void a_shutdown_waits_for_jobs(struct stage *stage)
{
    int rc = tw_reactor_add_trigger(stage->reactor, TW_PHASE_DURING, "shutdown", open_in_shutdown,
                                    stage, NULL, NULL);
    EXPECT(stage, rc == 0, "a trigger was refused");
    stage_trigger(stage, TW_PHASE_AFTER, "shutdown", 'z');
    stage_start(stage);
    stage_defer(stage, wait_in_gate, take);
    stage_stop(stage);
    stage_await(stage, 2);
    stage_expect(stage, "jz", "a shutdown did not wait for a job that was out");
}

static void fail(struct tw_result *result, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    EXPECT(stage, tw_failure_is(tw_result_failure(result), &TW_ERROR_SHUTDOWN),
           "a job that was out did not fail with TW_ERROR_SHUTDOWN");
    tw_result_set(result, NULL, NULL);
    stage->count++;
}

static void count_destroyed(void *arg)
{
    ++*(int *)arg;
}

static void the_last_unref_gives_all_up(struct stage *stage)
{
    int *destroyed = &stage->answers[0];
    stage_start(stage);
    stage_defer(stage, wait_in_gate, fail);
    EXPECT(stage,
           tw_reactor_call_from_thread(stage->reactor, note, destroyed, count_destroyed) == 0,
           "a call from a thread was refused");
    EXPECT(stage,
           tw_reactor_call_later(stage->reactor, TW_SECOND, note, destroyed, count_destroyed,
                                 NULL) == 0,
           "a delayed call was refused");
    stage_drop(stage);
    EXPECT(stage, *destroyed == 2, "the arguments of calls that were given up were not destroyed");
    EXPECT(stage, stage->count == 1, "a job that was out did not fail when the reactor went");
}

/* --- blocking calls ------------------------------------------------------------------------------ */

static void answer(struct tw_result *result, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'a'));
    tw_result_set(result, stage, NULL);
}

static void *ask(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    struct tw_result result = TW_RESULT_INIT;
    stage->answers[0] = tw_reactor_blocking_call_from_thread(stage->reactor, answer, stage, NULL,
                                                             stage_patience(stage), &result);
    stage->answers[1] = tw_result_value(&result) == stage;
    tw_result_done(&result);
    tw_reactor_call_from_thread(stage->reactor, note, letter(stage, 'b'), NULL);
    return NULL;
}

static void a_thread_may_wait_for_its_call(struct stage *stage)
{
    pthread_t thread = stage_thread(stage, ask);
    stage_await(stage, 2);
    pthread_join(thread, NULL);
    stage_expect(stage, "ab", "a blocking call was not called once");
    EXPECT(stage, stage->answers[0] == 0 && stage->answers[1],
           "a blocking call was not answered with its outcome");
}

/* --- all of them -------------------------------------------------------------------------------- */

const struct tw__reactor_check tw__reactor_checks_of_threads[] = {
    {"CFT-001 a call from a thread wakes a loop that waits", 0, wakes_a_loop_that_waits},
    {"CFT-003 each thread's calls run in the order made", 0, keeps_each_ones_order},
    {"CFT-004 on the loop's own thread a call only queues", 0, only_queues},
    {"CFT-007 any number may be queued", 0, any_number},
    {"CFT-006 a flood of calls holds up nobody", 0, a_flood_holds_up_nobody},
    {"CFT-005 nor does a call that repeats itself", 0, a_call_that_repeats_itself_holds_up_nobody},
    {"THR-002 jobs come home to the loop's thread", 0, jobs_come_home},
    {"THR-007 jobs wait for the start", NEEDS_RUN, jobs_wait_for_the_start},
    {"RTP-003 a shutdown waits for jobs that are out", 0, a_shutdown_waits_for_jobs},
    {"THR-012 a thread may wait for its call", 0, a_thread_may_wait_for_its_call},
    {"the last unref gives all up", 0, the_last_unref_gives_all_up},
    {NULL, 0, NULL},
};
