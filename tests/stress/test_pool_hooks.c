/*
 * What happens on each of a pool's threads: the start hook before its first task, the exit hook
 * after its last, and the state between them.
 */
#include "crowd.h"

SUITE_WITH_THREADS("pool hooks")

/* What the hooks of one pool saw. */
static struct stage {
    struct tw_pool *pool;
    atomic_int starts, exits, performed, wrong, destroyed;
    int fail_from, fail_to; /* which starts fail, counted from 0 */
    struct gate *gate;      /* where starts wait, if it is not NULL */
} stage;

static _Thread_local int mine; /* 1 between the hooks */

static int start_hook(void *arg, void **ret_state)
{
    int number = atomic_fetch_add(&stage.starts, 1);
    if (stage.gate)
        gate_wait(stage.gate);
    atomic_fetch_add(&stage.wrong, arg != &stage || *ret_state != NULL || mine != 0);
    if (number >= stage.fail_from && number < stage.fail_to) {
        *ret_state = &stage; /* nobody may see it */
        return -EIO;
    }
    mine = 1;
    *ret_state = &mine;
    return 0;
}

static void exit_hook(void *arg, void *state)
{
    atomic_fetch_add(&stage.wrong, arg != &stage || state != &mine || mine != 1);
    atomic_fetch_add(&stage.wrong, tw_pool_thread_state(stage.pool) != &mine);
    mine = 0;
    atomic_fetch_add(&stage.exits, 1);
}

static void destroy_hook_arg(void *arg)
{
    struct stage *own = (struct stage *)arg;
    atomic_fetch_add(&own->destroyed, 1);
    atomic_fetch_add(&own->wrong, atomic_load(&own->exits) > atomic_load(&own->starts));
}

static void look_at_state(struct job *job)
{
    (void)job;
    atomic_fetch_add(&stage.wrong, mine != 1 || tw_pool_thread_state(stage.pool) != &mine);
    atomic_fetch_add(&stage.performed, 1);
}

static int open_stage(size_t limit)
{
    struct tw_pool_options options = {.size = sizeof options,
                                      .start = start_hook,
                                      .exit = exit_hook,
                                      .hook_arg = &stage,
                                      .hook_destroy = destroy_hook_arg};
    memset(&stage, 0, sizeof stage);
    return tw_pool_new(limit, &options, &stage.pool);
}

static void close_stage(void)
{
    tw_pool_quit(stage.pool);
    CU_ASSERT_EQUAL(tw_pool_join(stage.pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(atomic_load(&stage.destroyed), 1);
    CU_ASSERT_PTR_NULL(tw_pool_unref(stage.pool));
    CU_ASSERT_EQUAL(atomic_load(&stage.destroyed), 1);
    CU_ASSERT_EQUAL(atomic_load(&stage.wrong), 0);
}

static struct tw_statistics books(void)
{
    struct tw_statistics now;
    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    tw_team_statistics(tw_pool_team(stage.pool), &now);
    return now;
}

static void submit(struct job *jobs, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(tw_pool_submit(stage.pool, &jobs[i].task), 0);
}

/* Each thread is started before its first task and left after its last, and join waits for that. */
TEST(hooks_enclose_all_tasks_of_a_thread)
{
    static struct job jobs[300];
    int round;
    for (round = 0; round < 20; round++) {
        CU_ASSERT_EQUAL_FATAL(open_stage(3), 0);
        jobs_init(jobs, 300, look_at_state, NULL);
        submit(jobs, 300);
        close_stage();
        CU_ASSERT_EQUAL(atomic_load(&stage.performed), 300);
        CU_ASSERT_TRUE(atomic_load(&stage.starts) >= 1 && atomic_load(&stage.starts) <= 3);
        CU_ASSERT_EQUAL(atomic_load(&stage.exits), atomic_load(&stage.starts));
    }
}

/* R12: a thread whose start hook runs counts as coming; it gets no task before it is through. */
TEST(no_task_before_the_start_hook_is_through)
{
    struct gate gate;
    struct job jobs[2];
    CU_ASSERT_EQUAL_FATAL(open_stage(2), 0);
    gate_init(&gate);
    stage.gate = &gate;
    jobs_init(jobs, 2, look_at_state, NULL);
    submit(jobs, 2);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 2);
    CU_ASSERT_EQUAL(books().coming, 2);
    CU_ASSERT_EQUAL(books().busy, 0);
    CU_ASSERT_EQUAL(books().backlog, 2);
    gate_open(&gate, 1); /* one is enough for both */
    WAIT_FOR(&jobs[0]);
    WAIT_FOR(&jobs[1]);
    gate_open(&gate, 1);
    close_stage();
    CU_ASSERT_EQUAL(atomic_load(&stage.exits), 2);
}

/* A start hook that always fails: what waits is given up with -EAGAIN, the failure is reported and
 * counted once for each thread that was tried, and no exit hook is called. */
TEST(a_start_hook_that_always_fails)
{
    struct job jobs[4];
    int i;
    CU_ASSERT_EQUAL_FATAL(open_stage(2), 0);
    stage.fail_to = INT32_MAX;
    for (i = 0; i < 4; i++) {
        job_init(&jobs[i], look_at_state, NULL);
        submit(&jobs[i], 1);
        WAIT_FOR(&jobs[i]);
        CHECK_JOB(&jobs[i], -EAGAIN);
        WAIT_UNTIL(books().coming == 0);
    }
    CU_ASSERT_EQUAL(atomic_load(&stage.starts), 4);
    CU_ASSERT_EQUAL(books().failed_creations, 4);
    close_stage();
    CU_ASSERT_EQUAL(atomic_load(&stage.exits), 0);
    CU_ASSERT_EQUAL(harness_reports(), 4);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);
    EXPECT_REPORTS(4);
}

static void look_when_given_up(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    atomic_fetch_add(&stage.wrong, tw_pool_thread_state(stage.pool) != NULL);
    atomic_store(&job->status, status);
    atomic_fetch_add(&job->calls, 1);
}

/* What a failed start has left in its place for the state is seen by nobody. */
TEST(a_failed_start_leaves_no_state)
{
    struct job job;
    CU_ASSERT_EQUAL_FATAL(open_stage(1), 0);
    stage.fail_to = 1;
    job_init(&job, NULL, NULL);
    job.task.fn = look_when_given_up;
    submit(&job, 1);
    WAIT_FOR(&job);
    CHECK_JOB(&job, -EAGAIN);
    close_stage();
    EXPECT_REPORTS(1);
}

/* What waits in a suspended pool goes on waiting though the only start fails. */
TEST(a_failed_start_while_suspended_gives_nothing_up)
{
    struct gate gate;
    struct job job;
    CU_ASSERT_EQUAL_FATAL(open_stage(1), 0);
    gate_init(&gate);
    stage.gate = &gate;
    stage.fail_to = 1;
    job_init(&job, look_at_state, NULL);
    submit(&job, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    CU_ASSERT_EQUAL(tw_pool_suspend(stage.pool), 0);
    gate_open(&gate, 2);
    WAIT_UNTIL(books().coming == 0);
    CU_ASSERT_EQUAL(books().backlog, 1);
    CU_ASSERT_EQUAL(tw_pool_resume(stage.pool), 0);
    close_stage();
    CHECK_JOB(&job, 0);
    EXPECT_REPORTS(1);
}

/* With another thread there, what waits is left to it; the hook is tried again, more and more
 * seldom, and not in a loop. */
TEST(tasks_of_a_failed_start_are_left_to_the_others)
{
    static struct job jobs[200];
    struct gate gate;
    struct job first;
    int i, starts;
    CU_ASSERT_EQUAL_FATAL(open_stage(8), 0);
    gate_init(&gate);
    stage.fail_from = 1;
    stage.fail_to = INT32_MAX;
    job_init(&first, wait_at_gate, &gate);
    submit(&first, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    jobs_init(jobs, 200, look_at_state, NULL);
    for (i = 0; i < 200; i++) {
        submit(&jobs[i], 1);
        WAIT_UNTIL(books().coming == 0);
    }
    CU_ASSERT_EQUAL(books().backlog, 200);
    starts = atomic_load(&stage.starts);
    CU_ASSERT_TRUE(starts >= 4 && starts <= 9);
    gate_open(&gate, 1);
    close_stage();
    CU_ASSERT_EQUAL(atomic_load(&stage.performed), 200);
    starts = atomic_load(&stage.starts);
    CU_ASSERT_EQUAL(atomic_load(&stage.exits), 1);
    CU_ASSERT_EQUAL(harness_reports(), starts - 1);
    EXPECT_REPORTS(starts - 1);
}

/* Once a start succeeds again, threads are made as before. */
TEST(a_start_hook_that_recovers)
{
    struct gate gate;
    struct job first, jobs[4];
    gate_init(&gate);
    CU_ASSERT_EQUAL_FATAL(open_stage(4), 0);
    stage.fail_to = 3;
    do {
        job_init(&first, NULL, NULL);
        submit(&first, 1);
        WAIT_FOR(&first);
    } while (atomic_load(&first.status) == -EAGAIN);
    jobs_init(jobs, 4, wait_at_gate, &gate);
    submit(jobs, 4);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 4);
    gate_open(&gate, 4);
    close_stage();
    CU_ASSERT_EQUAL(atomic_load(&stage.starts), 3 + 4);
    CU_ASSERT_EQUAL(atomic_load(&stage.exits), 4);
    CU_ASSERT_EQUAL(harness_reports(), 3);
    EXPECT_REPORTS(3);
}

static void look_at_other_state(struct job *job)
{
    struct tw_pool *other = (struct tw_pool *)job->arg;
    atomic_fetch_add(&stage.wrong, tw_pool_thread_state(stage.pool) != NULL);
    atomic_fetch_add(&stage.wrong, tw_pool_thread_state(other) != NULL);
}

/* The state is that of the pool one asks for: there is none elsewhere, nor without a start hook. */
TEST(there_is_no_state_elsewhere)
{
    struct tw_pool *other = NULL;
    struct job job;
    CU_ASSERT_EQUAL_FATAL(open_stage(1), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, NULL, &other), 0);
    CU_ASSERT_PTR_NULL(tw_pool_thread_state(stage.pool));
    CU_ASSERT_PTR_NULL(tw_pool_thread_state(NULL));
    job_init(&job, look_at_other_state, other);
    CU_ASSERT_EQUAL(tw_pool_submit(other, &job.task), 0);
    WAIT_FOR(&job);
    tw_pool_unref(other);
    close_stage();
}

static void leave_within(struct job *job)
{
    tw_pool_unref((struct tw_pool *)job->arg);
}

/* The exit hook runs, and hook_arg goes, though nobody waits for it. */
TEST(hooks_when_a_job_lets_go_of_the_pool)
{
    struct job job;
    CU_ASSERT_EQUAL_FATAL(open_stage(1), 0);
    job_init(&job, leave_within, stage.pool);
    submit(&job, 1);
    cache_empty();
    CU_ASSERT_EQUAL(atomic_load(&stage.exits), 1);
    CU_ASSERT_EQUAL(atomic_load(&stage.destroyed), 1);
    CU_ASSERT_EQUAL(atomic_load(&stage.wrong), 0);
}

/* Short of memory the hooks are still called in pairs, and hook_arg destroyed once. */
SWEEP(short_of_memory)
{
    struct job jobs[4];
    int i, rc;
    cache_empty();
    rc = open_stage(2);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc < 0) {
        CU_ASSERT_EQUAL(atomic_load(&stage.destroyed), 1);
        return;
    }
    jobs_init(jobs, 4, look_at_state, NULL);
    submit(jobs, 4);
    close_stage();
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(atomic_load(&jobs[i].calls), 1);
    CU_ASSERT_EQUAL(atomic_load(&stage.exits), atomic_load(&stage.starts));
    CU_ASSERT_TRUE(harness_reports() == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
}
