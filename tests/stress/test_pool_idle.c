/*
 * A pool's minimum and idle time, with threads, on a clock that moves when told.
 */
#include "crowd.h"

SUITE_WITH_THREADS("pool idle")

/* A test clock that counts how often somebody asked to be told. */
struct counted_clock {
    struct tw_clock base;
    struct tw_clock *inner;
    atomic_int alarms; /* set so far */
};

static uint64_t counted_now(struct tw_clock *clock)
{
    return tw_clock_now(((struct counted_clock *)clock)->inner);
}

static void counted_set(struct tw_clock *clock, struct tw_alarm *alarm, uint64_t deadline)
{
    struct counted_clock *own = (struct counted_clock *)clock;
    own->inner->ops->set_alarm(own->inner, alarm, deadline);
    atomic_fetch_add(&own->alarms, 1);
}

static void counted_clear(struct tw_clock *clock, struct tw_alarm *alarm)
{
    struct counted_clock *own = (struct counted_clock *)clock;
    own->inner->ops->clear_alarm(own->inner, alarm);
}

static const struct tw_clock_ops counted_ops = {sizeof counted_ops, "counted", counted_now,
                                                counted_set, counted_clear};

#define IDLE_TIME (10 * TW_SECOND)

static struct counted_clock ticks;
static atomic_int exits;

static void count_exit(void *arg, void *state)
{
    (void)arg;
    (void)state;
    atomic_fetch_add(&exits, 1);
}

static struct tw_pool *start(size_t limit, size_t minimum, int64_t idle_time)
{
    struct tw_pool_options options = {.size = sizeof options,
                                      .minimum = minimum,
                                      .idle_time = idle_time,
                                      .clock = &ticks.base,
                                      .exit = count_exit};
    struct tw_pool *pool = NULL;
    ticks.base.ops = &counted_ops;
    atomic_store(&ticks.alarms, 0);
    atomic_store(&exits, 0);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&ticks.inner), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, &options, &pool), 0);
    return pool;
}

static void end(struct tw_pool *pool)
{
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_PTR_NULL(tw_pool_unref(pool));
    tw_test_clock_unref(ticks.inner);
}

static struct tw_statistics books(struct tw_pool *pool)
{
    struct tw_statistics now;
    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    tw_team_statistics(tw_pool_team(pool), &now);
    return now;
}

static size_t live(struct tw_pool *pool)
{
    struct tw_statistics now = books(pool);
    return now.idle + now.busy + now.coming;
}

/* So many jobs at once, each on a thread of its own; then all idle, and about to sleep or asleep.
 */
static void use_threads(struct tw_pool *pool, int count)
{
    struct gate gate;
    struct job jobs[8];
    int i, alarms = atomic_load(&ticks.alarms);
    bool may_expire = tw_pool_idle_time(pool) != TW_FOREVER;
    gate_init(&gate);
    jobs_init(jobs, (size_t)count, wait_at_gate, &gate);
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[i].task), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == count);
    gate_open(&gate, count);
    for (i = 0; i < count; i++)
        WAIT_FOR(&jobs[i]);
    WAIT_UNTIL(books(pool).busy == 0);
    WAIT_UNTIL(!may_expire || atomic_load(&ticks.alarms) - alarms >= count);
}

static void advance(int64_t duration)
{
    tw_test_clock_advance(ticks.inner, duration);
}

/* Tcl's -minthreads: that many are there as soon as the pool is, and never more than work needs
 * beyond it. */
TEST(the_minimum_is_made_with_the_pool)
{
    struct tw_pool *pool = start(4, 3, 0);
    CU_ASSERT_EQUAL(live(pool), 3);
    CU_ASSERT_EQUAL(tw_pool_minimum(pool), 3);
    CU_ASSERT_EQUAL(tw_pool_idle_time(pool), TW_FOREVER);
    WAIT_UNTIL(books(pool).idle == 3);
    use_threads(pool, 2);
    CU_ASSERT_EQUAL(live(pool), 3);
    end(pool);
}

/* Raised, it is made good; above the limit, and a limit below it, are refused. */
TEST(the_minimum_can_be_changed)
{
    struct tw_pool *pool = start(4, 1, 0);
    CU_ASSERT_EQUAL(tw_pool_set_minimum(pool, 4), 0);
    CU_ASSERT_EQUAL(live(pool), 4);
    PROVOKE(tw_pool_set_minimum(pool, 5));
    PROVOKE(tw_pool_set_limit(pool, 3));
    CU_ASSERT_EQUAL(tw_pool_limit(pool), 4);
    CU_ASSERT_EQUAL(tw_pool_set_minimum(pool, 2), 0);
    CU_ASSERT_EQUAL(live(pool), 4);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 2), 0);
    WAIT_UNTIL(live(pool) == 2);
    WAIT_UNTIL(books(pool).idle == 2);
    tw_team_shrink(tw_pool_team(pool), TW_TEAM_ALL);
    CU_ASSERT_EQUAL(live(pool), 2);
    end(pool);
}

/* Without an idle time threads stay, and nobody looks at the clock. */
TEST(threads_stay_by_default)
{
    struct tw_pool *pool = start(4, 0, 0);
    use_threads(pool, 3);
    advance(1000 * IDLE_TIME);
    CU_ASSERT_EQUAL(live(pool), 3);
    CU_ASSERT_EQUAL(atomic_load(&ticks.alarms), 0);
    end(pool);
}

/* Tcl's -idletime: a thread goes when it has idled for so long, not before, but for the minimum; and
 * its exit hook is called. */
TEST(idle_threads_go_after_the_idle_time)
{
    struct tw_pool *pool = start(4, 1, IDLE_TIME);
    WAIT_UNTIL(atomic_load(&ticks.alarms) == 1);
    use_threads(pool, 4);
    advance(IDLE_TIME - 1);
    CU_ASSERT_EQUAL(live(pool), 4);
    advance(1);
    WAIT_UNTIL(live(pool) == 1);
    WAIT_UNTIL(atomic_load(&exits) == 3);
    advance(10 * IDLE_TIME);
    CU_ASSERT_EQUAL(live(pool), 1);
    use_threads(pool, 4);
    CU_ASSERT_EQUAL(live(pool), 4);
    end(pool);
    CU_ASSERT_EQUAL(atomic_load(&exits), 7);
}

/* Without a minimum the last one goes too. */
TEST(the_last_thread_goes)
{
    struct tw_pool *pool = start(4, 0, IDLE_TIME);
    use_threads(pool, 1);
    advance(IDLE_TIME);
    WAIT_UNTIL(live(pool) == 0);
    use_threads(pool, 2);
    CU_ASSERT_EQUAL(live(pool), 2);
    end(pool);
}

/* Idle means idle: a thread that may not go is woken once, asks, and then sleeps until it has had a
 * task again. */
TEST(a_thread_that_must_stay_sleeps_on)
{
    struct tw_pool *pool = start(2, 1, IDLE_TIME);
    int i;
    use_threads(pool, 1);
    WAIT_UNTIL(books(pool).idle == 1);
    i = atomic_load(&ticks.alarms);
    CU_ASSERT_TRUE(i <= 2); /* when it was made, and after its job */
    for (; i > 0; i--)
        advance(IDLE_TIME);
    for (i = 0; i < 20; i++) {
        advance(IDLE_TIME);
        sched_yield();
    }
    CU_ASSERT_EQUAL(live(pool), 1);
    CU_ASSERT_TRUE(atomic_load(&ticks.alarms) <= 2);
    i = atomic_load(&ticks.alarms);
    use_threads(pool, 1);
    CU_ASSERT_EQUAL(atomic_load(&ticks.alarms), i + 1);
    end(pool);
}

/* A minimum that falls lets go those that had been kept for it alone, without waking others. */
TEST(a_lower_minimum_lets_threads_go)
{
    struct tw_pool *pool = start(3, 3, IDLE_TIME);
    WAIT_UNTIL(atomic_load(&ticks.alarms) == 3);
    advance(IDLE_TIME);
    while (live(pool) > 1) /* until all three have asked */
        tw_pool_set_minimum(pool, 1);
    CU_ASSERT_EQUAL(live(pool), 1);
    end(pool);
}

/* An idle time that is set holds from a thread's next task on. */
TEST(the_idle_time_can_be_changed)
{
    struct tw_pool *pool = start(2, 0, 100 * IDLE_TIME);
    use_threads(pool, 2); /* both have asked how long they may idle */
    CU_ASSERT_EQUAL(tw_pool_set_idle_time(pool, IDLE_TIME), 0);
    CU_ASSERT_EQUAL(tw_pool_idle_time(pool), IDLE_TIME);
    advance(IDLE_TIME);
    CU_ASSERT_EQUAL(live(pool), 2);
    use_threads(pool, 2);
    advance(IDLE_TIME);
    WAIT_UNTIL(live(pool) == 0);
    CU_ASSERT_EQUAL(tw_pool_set_idle_time(pool, 0), 0);
    CU_ASSERT_EQUAL(tw_pool_idle_time(pool), TW_FOREVER);
    end(pool);
}

/* --- a crowd ---------------------------------------------------------------------------------- */

static struct {
    struct tw_pool *pool;
    atomic_int performed;
} hall;

static void count_performed(struct job *job)
{
    (void)job;
    atomic_fetch_add(&hall.performed, 1);
}

#define VISITS 400

/* One job after the other, with pauses of about the idle time; the first also changes settings. */
static void come_and_go(struct person *person)
{
    struct job job;
    int i;
    for (i = 0; i < VISITS; i++) {
        size_t pause = below(&person->random, 2000);
        job_init(&job, count_performed, NULL);
        if (tw_pool_submit(hall.pool, &job.task) == 0)
            WAIT_FOR(&job);
        if (person->index == 0 && i % 8 == 0)
            tw_pool_set_minimum(hall.pool, below(&person->random, 3));
        while (pause-- > 0)
            tw_clock_now(tw_clock_monotonic());
    }
}

/* R15: a task handed over in the moment of expiry is not lost. */
TEST(R15_expiry_loses_no_task)
{
    struct tw_pool_options options = {.size = sizeof options, .idle_time = 20 * TW_MICROSECOND};
    int round;
    for (round = 0; round < (harness_long() ? 50 : 5); round++) {
        atomic_store(&hall.performed, 0);
        CU_ASSERT_EQUAL_FATAL(tw_pool_new(4, &options, &hall.pool), 0);
        crowd_run(3, harness_seed() + (uint64_t)round, come_and_go, NULL);
        tw_pool_set_minimum(hall.pool, 0);
        CU_ASSERT_EQUAL(atomic_load(&hall.performed), 3 * VISITS);
        tw_pool_quit(hall.pool);
        CU_ASSERT_EQUAL(tw_pool_join(hall.pool, TW_FOREVER), 0);
        tw_pool_unref(hall.pool);
    }
}

/* Short of memory the pool is made all the same, with fewer threads than its minimum, and makes
 * them good when it can. */
SWEEP(short_of_memory)
{
    struct tw_pool_options options = {.size = sizeof options, .minimum = 2};
    struct tw_pool *pool = NULL;
    struct job jobs[2];
    int i, rc;
    cache_empty();
    rc = tw_pool_new(2, &options, &pool);
    CU_ASSERT_TRUE(rc == 0 || harness_failed_one());
    if (rc < 0)
        return;
    jobs_init(jobs, 2, NULL, NULL);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[i].task), 0);
        WAIT_FOR(&jobs[i]);
    }
    if (!harness_failed_one())
        CU_ASSERT_EQUAL(live(pool), 2);
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
    CU_ASSERT_TRUE(harness_reports() == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
}
