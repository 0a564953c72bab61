/*
 * The thread worker: one thread, in order; and how it ends.
 */
#include "crowd.h"

SUITE_WITH_THREADS("thread worker")

static struct tw_worker *start(void)
{
    struct tw_worker *worker = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_thread_worker_new(NULL, &worker), 0);
    return worker;
}

/* Waits until the thread has gone back to the cache, and on. */
static void end(struct tw_worker *worker)
{
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
    cache_empty();
}

static void note_thread(struct job *job)
{
    *(void **)job->arg = this_thread();
}

/* THW-001: making one starts one thread, at once. It is exclusive (WRK-004). */
TEST(THW_001_a_thread_is_started)
{
    struct tw_worker *worker;
    cache_empty();
    worker = start();
    CU_ASSERT_EQUAL(cache_threads(), 1);
    CU_ASSERT_EQUAL(cache_idle(), 0);
    CU_ASSERT_TRUE(tw_worker_is_exclusive(worker));
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(worker), "thread worker");
    end(worker);
}

/* THW-002: submit returns at once; the task runs on the worker's own thread. */
TEST(THW_002_a_task_runs_on_the_workers_thread)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job first, second;
    void *thread = NULL;
    gate_init(&gate);
    job_init(&first, wait_at_gate, &gate);
    job_init(&second, note_thread, &thread);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &first.task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &second.task), 0);
    CU_ASSERT_EQUAL(atomic_load(&first.calls) + atomic_load(&second.calls), 0);
    gate_open(&gate, 1);
    WAIT_FOR(&second);
    CHECK_JOB(&first, 0);
    CHECK_JOB(&second, 0);
    CU_ASSERT_PTR_NOT_NULL(thread);
    CU_ASSERT_PTR_NOT_EQUAL(thread, this_thread());
    end(worker);
}

/* --- order ------------------------------------------------------------------------------------ */

#define CROWD 4
#define EACH 2000

static struct {
    struct tw_worker *worker;
    struct job jobs[CROWD][EACH];
    size_t next[CROWD]; /* plain: only the worker's tasks touch it, and they never overlap */
    void *thread;
    int wrong;
    atomic_size_t accepted;
} order;

static void check_order(struct job *job)
{
    size_t index = (size_t)(job - &order.jobs[0][0]);
    if (!order.thread)
        order.thread = this_thread();
    order.wrong += order.next[index / EACH]++ != index % EACH || order.thread != this_thread();
}

static void submit_in_order(struct person *person)
{
    size_t i;
    for (i = 0; i < EACH; i++)
        if (tw_worker_submit(order.worker, &order.jobs[person->index][i].task) == 0)
            atomic_fetch_add(&order.accepted, 1);
}

static void order_start(void)
{
    memset(order.next, 0, sizeof order.next);
    order.thread = NULL;
    order.wrong = 0;
    atomic_store(&order.accepted, 0);
    jobs_init(&order.jobs[0][0], (size_t)CROWD * EACH, check_order, NULL);
    order.worker = start();
}

static size_t order_called(void)
{
    size_t i, called = 0;
    for (i = 0; i < (size_t)CROWD * EACH; i++)
        called += (size_t)atomic_load(&order.jobs[i / EACH][i % EACH].calls);
    return called;
}

/* THW-003, WRK-003: all tasks run on that one thread and never overlap, those of each submitter in
 * its order. */
TEST(THW_003_tasks_run_in_order_on_one_thread)
{
    order_start();
    crowd_run(CROWD, harness_seed(), submit_in_order, NULL);
    end(order.worker);
    CU_ASSERT_EQUAL(atomic_load(&order.accepted), (size_t)CROWD * EACH);
    CU_ASSERT_EQUAL(order_called(), (size_t)CROWD * EACH);
    CU_ASSERT_EQUAL(order.wrong, 0);
}

static void submit_or_quit(struct person *person)
{
    if (person->index < CROWD) {
        submit_in_order(person);
        return;
    }
    WAIT_UNTIL(atomic_load(&order.accepted) > below(&person->random, EACH));
    tw_worker_quit(order.worker);
}

/* QUI-005, in twine's own way: accepting is one atomic step, so whatever was accepted runs, in
 * order, however submit and quit race. */
TEST(QUI_005_what_was_accepted_runs_though_quit_races)
{
    int round;
    for (round = 0; round < (harness_long() ? 200 : 10); round++) {
        order_start();
        crowd_run(CROWD + 1, harness_seed() + (uint64_t)round, submit_or_quit, NULL);
        CU_ASSERT_EQUAL(tw_worker_quit(order.worker), -ESHUTDOWN);
        end(order.worker);
        CU_ASSERT_EQUAL(order_called(), atomic_load(&order.accepted));
        CU_ASSERT_EQUAL(order.wrong, 0);
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

/* THW-004: after quit, submit and quit are refused, while the thread is still at work and when it
 * has gone. */
TEST(THW_004_nothing_is_accepted_after_quit)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job job, late;
    gate_init(&gate);
    job_init(&job, wait_at_gate, &gate);
    job_init(&late, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &job.task), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &late.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    gate_open(&gate, 1);
    cache_empty();
    CHECK_JOB(&job, 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &late.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    end(worker);
    CU_ASSERT_EQUAL(atomic_load(&late.calls), 0);
}

/* THW-006: quit does not wait for the thread: it returns while a task is in the midst of its
 * work. */
TEST(THW_006_quit_does_not_wait)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job job;
    gate_init(&gate);
    job_init(&job, wait_at_gate, &gate);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &job.task), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting));
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(atomic_load(&job.calls), 0);
    gate_open(&gate, 1);
    end(worker);
    CHECK_JOB(&job, 0);
}

/* THW-010: nobody joins the thread: the last unref returns while it works. */
TEST(THW_010_the_last_unref_does_not_wait)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job job;
    gate_init(&gate);
    job_init(&job, wait_at_gate, &gate);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &job.task), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting));
    tw_worker_unref(worker);
    CU_ASSERT_EQUAL(atomic_load(&job.calls), 0);
    gate_open(&gate, 1);
    cache_empty();
    CHECK_JOB(&job, 0);
}

/* THW-005: what was accepted before quit runs, and then the thread ends. */
TEST(THW_005_what_was_accepted_before_quit_runs)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job jobs[5], late;
    int i;
    gate_init(&gate);
    jobs_init(jobs, 5, wait_at_gate, &gate);
    job_init(&late, NULL, NULL);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(tw_worker_submit(worker, &jobs[i].task), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &late.task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(atomic_load(&jobs[0].calls), 0);
    gate_open(&gate, 5);
    end(worker);
    for (i = 0; i < 5; i++)
        CHECK_JOB(&jobs[i], 0);
    CU_ASSERT_EQUAL(atomic_load(&late.calls), 0);
}

static atomic_int answer;

static void quit_inside(struct job *job)
{
    atomic_store(&answer, tw_worker_quit((struct tw_worker *)job->arg));
}

/* THW-007: a task may quit its own worker; those queued behind it still run. */
TEST(THW_007_a_task_may_quit_its_worker)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job jobs[3];
    gate_init(&gate);
    job_init(&jobs[0], wait_at_gate, &gate);
    job_init(&jobs[1], quit_inside, worker);
    job_init(&jobs[2], NULL, NULL);
    tw_worker_submit(worker, &jobs[0].task);
    tw_worker_submit(worker, &jobs[1].task);
    tw_worker_submit(worker, &jobs[2].task);
    gate_open(&gate, 1);
    WAIT_FOR(&jobs[2]);
    CU_ASSERT_EQUAL(atomic_load(&answer), 0);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -ESHUTDOWN);
    CHECK_JOB(&jobs[2], 0);
    end(worker);
}

static void unref_inside(struct job *job)
{
    tw_worker_unref((struct tw_worker *)job->arg);
}

/* A task may let go of the last reference to its worker; those queued behind it still run, and the
 * thread goes back. */
TEST(a_task_may_let_go_of_its_worker)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job jobs[3];
    gate_init(&gate);
    job_init(&jobs[0], wait_at_gate, &gate);
    job_init(&jobs[1], unref_inside, worker);
    job_init(&jobs[2], NULL, NULL);
    tw_worker_submit(worker, &jobs[0].task);
    tw_worker_submit(worker, &jobs[1].task);
    tw_worker_submit(worker, &jobs[2].task);
    gate_open(&gate, 1);
    cache_empty();
    CHECK_JOB(&jobs[2], 0);
}

/* Letting go without quit quits. */
TEST(unref_quits)
{
    struct tw_worker *worker = start();
    struct job jobs[100];
    int i;
    jobs_init(jobs, 100, NULL, NULL);
    for (i = 0; i < 100; i++)
        tw_worker_submit(worker, &jobs[i].task);
    end(worker);
    for (i = 0; i < 100; i++)
        CHECK_JOB(&jobs[i], 0);
}

/* A task that waits can be cancelled: its turn comes all the same, with -ECANCELED. One that runs
 * cannot. */
TEST(a_task_that_waits_can_be_cancelled)
{
    struct tw_worker *worker = start();
    struct gate gate;
    struct job jobs[3];
    gate_init(&gate);
    job_init(&jobs[0], wait_at_gate, &gate);
    jobs_init(jobs + 1, 2, NULL, NULL);
    tw_worker_submit(worker, &jobs[0].task);
    WAIT_UNTIL(atomic_load(&gate.waiting));
    tw_worker_submit(worker, &jobs[1].task);
    tw_worker_submit(worker, &jobs[2].task);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &jobs[0].task), -EALREADY);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &jobs[1].task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &jobs[1].task), -EALREADY);
    gate_open(&gate, 1);
    WAIT_FOR(&jobs[2]);
    CHECK_JOB(&jobs[1], -ECANCELED);
    CHECK_JOB(&jobs[2], 0);
    end(worker);
}

static void submit_again(struct job *job)
{
    static int times;
    if (++times < 1000)
        atomic_store(&answer, tw_worker_submit((struct tw_worker *)job->arg, &job->task));
    else
        times = 0;
}

/* A task may submit itself again, any number of times. */
TEST(a_task_may_submit_itself_again)
{
    struct tw_worker *worker = start();
    struct job job;
    job_init(&job, submit_again, worker);
    tw_worker_submit(worker, &job.task);
    WAIT_UNTIL(atomic_load(&job.calls) == 1000);
    CU_ASSERT_EQUAL(atomic_load(&answer), 0);
    end(worker);
}

/* --- quit, submit and cancel at once ---------------------------------------------------------- */

#define BALLS 8

static struct {
    struct tw_worker *worker;
    struct ball {
        struct tw_task task;
        atomic_bool is_out;
    } balls[BALLS];
    atomic_size_t accepted, cancelled, performed, given_up;
} game;

static void ball_fn(struct tw_task *task, int status)
{
    atomic_fetch_add(status == 0 ? &game.performed : &game.given_up, 1);
    atomic_store(&((struct ball *)task)->is_out, false);
}

static void play_once(struct person *person)
{
    struct ball *ball = &game.balls[below(&person->random, BALLS)];
    if (person->index % 2 == 0) {
        if (tw_worker_cancel(game.worker, &ball->task) == 0)
            atomic_fetch_add(&game.cancelled, 1);
    } else if (!atomic_exchange(&ball->is_out, true)) {
        if (tw_worker_submit(game.worker, &ball->task) == 0)
            atomic_fetch_add(&game.accepted, 1);
        else
            atomic_store(&ball->is_out, false);
    }
}

static void play(struct person *person)
{
    int i;
    for (i = 0; i < 4000; i++) {
        play_once(person);
        if (i == 1000 && person->index == 0)
            tw_worker_quit(game.worker);
    }
}

/* R9: if a cancel has been answered with 0, the fn is called with -ECANCELED and the submit is
 * answered with 0, though the worker was just about to refuse the task; and else it is performed or
 * refused. */
TEST(R9_cancel_races_with_a_refusal)
{
    int round, i;
    for (round = 0; round < (harness_long() ? 200 : 20); round++) {
        game.worker = start();
        for (i = 0; i < BALLS; i++) {
            tw_task_init(&game.balls[i].task, ball_fn);
            atomic_store(&game.balls[i].is_out, false);
        }
        atomic_store(&game.accepted, 0);
        atomic_store(&game.cancelled, 0);
        atomic_store(&game.performed, 0);
        atomic_store(&game.given_up, 0);
        crowd_run(4, harness_seed() + (uint64_t)round * 4, play, NULL);
        end(game.worker);
        CU_ASSERT_EQUAL(atomic_load(&game.given_up), atomic_load(&game.cancelled));
        CU_ASSERT_EQUAL(atomic_load(&game.performed) + atomic_load(&game.given_up),
                        atomic_load(&game.accepted));
    }
}

/* --- options ---------------------------------------------------------------------------------- */

struct seen {
    char name[32];
    size_t stack_size;
};

static void look_around(struct job *job)
{
    struct seen *seen = (struct seen *)job->arg;
    pthread_attr_t attributes;
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    pthread_attr_getstacksize(&attributes, &seen->stack_size);
    pthread_attr_destroy(&attributes);
}

/* The thread has the name and the stack that were asked for while it works here. */
TEST(name_and_stack_size_are_as_asked)
{
    struct tw_thread_worker_options options = {sizeof options, "a name of many letters", 4 << 20};
    struct tw_worker *worker = NULL;
    struct seen seen = {"", 0};
    struct job job;
    CU_ASSERT_EQUAL_FATAL(tw_thread_worker_new(&options, &worker), 0);
    job_init(&job, look_around, &seen);
    tw_worker_submit(worker, &job.task);
    WAIT_FOR(&job);
    CU_ASSERT_STRING_EQUAL(seen.name, "a name of many ");
    CU_ASSERT_TRUE(seen.stack_size >= 4 << 20);
    end(worker);
}

/* Options of another size, and no place for the worker, are misuse; a stack size that the system
 * refuses is refused. */
TEST(options_are_checked)
{
    struct tw_thread_worker_options options = {0, NULL, 0};
    struct tw_worker *worker = NULL;
    PROVOKE(tw_thread_worker_new(&options, &worker));
    PROVOKE(tw_thread_worker_new(NULL, NULL));
    options.size = sizeof options;
    options.stack_size = 1;
    CU_ASSERT_EQUAL(tw_thread_worker_new(&options, &worker), -EINVAL);
    CU_ASSERT_PTR_NULL(worker);
}

/* Short of memory none is made, and nothing is left behind. */
SWEEP(short_of_memory)
{
    struct tw_worker *worker = NULL;
    struct job job;
    int rc;
    cache_empty();
    rc = tw_thread_worker_new(NULL, &worker);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc < 0) {
        CU_ASSERT_PTR_NULL(worker);
        CU_ASSERT_EQUAL(cache_threads(), 0);
        return;
    }
    job_init(&job, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &job.task), 0);
    end(worker);
    CHECK_JOB(&job, 0);
}
