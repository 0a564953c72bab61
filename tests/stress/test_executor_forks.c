/*
 * Forks on real threads: three that take tasks out of one list, and jobs whose forks others must come
 * for.
 */
#include "crowd.h"
#include <sched.h>
#include <twine/threads/executor_internal.h>

SUITE_WITH_THREADS("executor's forks")

#if TW__TSAN
enum { TASKS = 20000, ROUNDS = 1000 };
#else
enum { TASKS = 200000, ROUNDS = 20000 };
#endif

/* --- the list --------------------------------------------------------------------------------- */

static struct tw__fork_list list;
static struct tw_task tasks[TASKS];
static _Atomic(tw__fork_place *) places[TASKS];
static atomic_int taken[TASKS], newest;
static atomic_bool is_over;

/* The job: it adds, and takes back what it has added last, or before. */
static void own(struct person *person)
{
    int i = 0;
    while (i < TASKS) {
        int which = i - 1 - (int)below(&person->random, 4);
        if (below(&person->random, 3) && tw__fork_list_add(&list, &tasks[i], &places[i])) {
            atomic_store(&newest, i++);
        } else if (which >= 0 && tw__fork_list_take(atomic_load(&places[which]), &tasks[which])) {
            atomic_fetch_add(&taken[which], 1);
        }
    }
    atomic_store(&is_over, true);
}

/* The one that helps: what it gets is in order. */
static void help(struct person *person)
{
    int before = -1;
    (void)person;
    for (;;) {
        bool was_over = atomic_load(&is_over);
        struct tw_task *task = tw__fork_list_take_oldest(&list);
        if (task) {
            CU_ASSERT_TRUE(task - tasks > before);
            before = (int)(task - tasks);
            atomic_fetch_add(&taken[before], 1);
        } else if (was_over) {
            return;
        } else if (!tw__fork_list_has_some(&list)) {
            sched_yield();
        }
    }
}

/* Others, who await or cancel this one or that. */
static void pick(struct person *person)
{
    while (!atomic_load(&is_over)) {
        int which = atomic_load(&newest) - (int)below(&person->random, TW__FORK_PLACES);
        if (which >= 0 && tw__fork_list_take(atomic_load(&places[which]), &tasks[which]))
            atomic_fetch_add(&taken[which], 1);
        sched_yield();
    }
}

static void take_each(struct person *person)
{
    static void (*const roles[])(struct person *) = {own, help, pick};
    roles[person->index](person);
}

TEST(each_is_taken_once)
{
    int i, wrong = 0;
    memset(&list, 0, sizeof list);
    memset(taken, 0, sizeof taken);
    atomic_store(&newest, -1);
    atomic_store(&is_over, false);
    crowd_run(3, harness_seed(), take_each, NULL);
    for (i = 0; i < TASKS; i++)
        wrong += atomic_load(&taken[i]) != 1;
    CU_ASSERT_EQUAL(wrong, 0);
}

/* --- jobs ------------------------------------------------------------------------------------- */

enum { JOBS = 2, MOST = 6 };

static struct tw_executor *executor;
static atomic_long made, performed, cancelled, freed;
static atomic_int jobs_over;

static void work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    atomic_fetch_add(&performed, 1);
}

static void count_freed(void *arg)
{
    (void)arg;
    atomic_fetch_add(&freed, 1);
}

static struct tw_future *fork_one(void)
{
    struct tw_future *future = NULL;
    atomic_fetch_add(&made, 1);
    if (tw_executor_submit(executor, work, &made, count_freed, &future) < 0)
        abort();
    return future;
}

static void end_one(uint64_t *random, struct tw_future *future)
{
    switch (below(random, 3)) {
    case 0:
        if (tw_future_await(&future, 1) < 0)
            abort();
        break;
    case 1:
        if (tw_future_cancel(future) == 0)
            atomic_fetch_add(&cancelled, 1);
        break;
    default: /* others must come for it: this keeps its worker */
        while (!tw_future_is_done(future))
            sched_yield();
    }
    tw_future_unref(future);
}

static void fork_and_wait(struct tw_result *result, void *arg)
{
    uint64_t random = *(const uint64_t *)arg;
    struct tw_future *forks[MOST];
    int i, round, rounds = harness_long() ? 10 * ROUNDS : ROUNDS;
    (void)result;
    for (round = 0; round < rounds; round++) {
        size_t count = 1 + below(&random, MOST) % (round % 8 ? 1 : MOST);
        for (i = 0; i < 4; i++) { /* so that it goes on to keep a list, and its carrier is out */
            struct tw_future *own = fork_one();
            if (tw_future_await(&own, 1) < 0)
                abort();
            tw_future_unref(own);
        }
        for (i = 0; i < (int)count; i++)
            forks[i] = fork_one();
        while (count-- > 0)
            end_one(&random, forks[count]);
    }
    atomic_fetch_add(&jobs_over, 1);
}

/* While all workers are busy, each fork that its job does not perform itself is come for, also when the
 * carrier goes home at that moment. */
TEST(each_is_come_for)
{
    uint64_t seed = harness_seed(), seeds[JOBS];
    struct tw_future *jobs[JOBS];
    int i;
    atomic_store(&made, 0);
    atomic_store(&performed, 0);
    atomic_store(&cancelled, 0);
    atomic_store(&freed, 0);
    atomic_store(&jobs_over, 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(JOBS + 1, NULL, &executor), 0);
    for (i = 0; i < JOBS; i++) {
        seeds[i] = harness_random(&seed);
        CU_ASSERT_EQUAL_FATAL(
            tw_executor_submit(executor, fork_and_wait, &seeds[i], NULL, &jobs[i]), 0);
    }
    while (atomic_load(&jobs_over) < JOBS) { /* the third worker has this to do besides */
        struct tw_future *other = fork_one();
        if (below(&seed, 2))
            tw_future_wait(&other, 1, TW_WAIT_ALL, TW_FOREVER);
        tw_future_unref(other);
    }
    for (i = 0; i < JOBS; i++)
        tw_future_unref(jobs[i]);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    executor = tw_executor_unref(executor);
    CU_ASSERT_EQUAL(atomic_load(&performed) + atomic_load(&cancelled), atomic_load(&made));
    CU_ASSERT_EQUAL(atomic_load(&freed), atomic_load(&made));
}

/* --- order ------------------------------------------------------------------------------------ */

enum { IN_ORDER = 90 };

static atomic_int begun, forked;
static atomic_bool is_helped;
static int order[IN_ORDER], numbers[IN_ORDER];

static void note_order(struct tw_result *result, void *arg)
{
    int place = atomic_load(&begun);
    (void)result;
    order[place] = (int)((int *)arg - numbers);
    atomic_store(&begun, place + 1);
}

static void none(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* The other worker, until it helps in the middle of it. */
static void keep_busy(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_store(&is_helped, true);
    while (atomic_load(&forked) < *(int *)arg)
        continue;
}

static void fork_many(struct tw_result *result, void *arg)
{
    int i;
    (void)result;
    (void)arg;
    while (!atomic_load(&is_helped))
        sched_yield();
    for (i = 0; i < 4; i++) {
        struct tw_future *own = NULL;
        if (tw_executor_submit(executor, none, NULL, NULL, &own) < 0 ||
            tw_future_await(&own, 1) < 0)
            abort();
        tw_future_unref(own);
    }
    for (i = 0; i < IN_ORDER; i++) {
        if (tw_executor_submit(executor, note_order, &numbers[i], NULL, NULL) < 0)
            abort();
        atomic_store(&forked, i + 1);
    }
    while (atomic_load(&begun) < IN_ORDER)
        sched_yield();
}

/* More than the list has room for, while another worker comes for them: they are begun in order. */
TEST(order_of_more_than_there_is_room_for)
{
    int i, round, wrong = 0;
    CU_ASSERT_EQUAL_FATAL(tw_executor_new(2, NULL, &executor), 0);
    for (round = 0; round < ROUNDS / 10; round++) {
        int until = 55 + round % 12;
        struct tw_future *jobs[2];
        atomic_store(&begun, 0);
        atomic_store(&forked, 0);
        atomic_store(&is_helped, false);
        CU_ASSERT_EQUAL_FATAL(tw_executor_submit(executor, fork_many, NULL, NULL, &jobs[0]), 0);
        CU_ASSERT_EQUAL_FATAL(tw_executor_submit(executor, keep_busy, &until, NULL, &jobs[1]), 0);
        CU_ASSERT_EQUAL(tw_future_wait(jobs, 2, TW_WAIT_ALL, TW_FOREVER), 0);
        tw_future_unref(jobs[0]);
        tw_future_unref(jobs[1]);
        for (i = 0; i < IN_ORDER; i++)
            wrong += order[i] != i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, false), 0);
    executor = tw_executor_unref(executor);
}
