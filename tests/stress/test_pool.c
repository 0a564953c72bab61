/*
 * The pool with its threads: how many there are, who gets what, and how it ends.
 */
#include "crowd.h"

SUITE_WITH_THREADS("pool and threads")

static struct tw_pool *start(size_t limit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(limit, NULL, &pool), 0);
    return pool;
}

/* Quits it, and waits until it has ended. */
static void end(struct tw_pool *pool)
{
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_PTR_NULL(tw_pool_unref(pool));
}

static void submit(struct tw_pool *pool, struct job *jobs, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[i].task), 0);
}

static void check_all(struct job *jobs, size_t count, int status)
{
    size_t i;
    for (i = 0; i < count; i++)
        CHECK_JOB(&jobs[i], status);
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

/* --- how many threads ------------------------------------------------------------------------- */

static atomic_int running, most_running;

static void count_running(struct job *job)
{
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    (void)job;
    sched_yield();
    atomic_fetch_sub(&running, 1);
}

/* POL-002: there are never more threads than the limit. */
TEST(POL_002_never_more_threads_than_the_limit)
{
    static struct job jobs[2000];
    struct tw_pool *pool;
    cache_empty();
    pool = start(3);
    atomic_store(&most_running, 0);
    jobs_init(jobs, 2000, count_running, NULL);
    submit(pool, jobs, 2000);
    end(pool);
    check_all(jobs, 2000, 0);
    CU_ASSERT_TRUE(atomic_load(&most_running) <= 3);
    CU_ASSERT_TRUE(cache_threads() <= 3);
}

/* R12, TPL-034: a burst has as many threads at once as it needs, within the limit: no job waits
 * behind a blocked one while a thread may be made. */
TEST(TPL_034_a_burst_has_all_the_threads_it_needs)
{
    struct tw_pool *pool = start(4);
    struct gate gate;
    struct job jobs[6];
    gate_init(&gate);
    jobs_init(jobs, 6, wait_at_gate, &gate);
    submit(pool, jobs, 6);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 4);
    CU_ASSERT_EQUAL(books(pool).busy, 4);
    CU_ASSERT_EQUAL(books(pool).backlog, 2);
    gate_open(&gate, 6);
    end(pool);
    check_all(jobs, 6, 0);
}

/* TPL-035: a thread is made only if none is idle. */
TEST(TPL_035_an_idle_thread_is_used_again)
{
    struct tw_pool *pool = start(4);
    struct job job;
    int i;
    for (i = 0; i < 200; i++) {
        job_init(&job, NULL, NULL);
        submit(pool, &job, 1);
        WAIT_FOR(&job);
        WAIT_UNTIL(books(pool).idle == 1);
    }
    CU_ASSERT_EQUAL(live(pool), 1);
    CU_ASSERT_EQUAL(books(pool).finished, 200);
    end(pool);
}

/* TPL-053, in twine's own way (appendix B): raising the limit gives threads to what waits at once,
 * also from a limit of 0. */
TEST(raising_the_limit_gives_threads_to_what_waits)
{
    struct tw_pool *pool = start(0);
    struct gate gate;
    struct job jobs[3];
    gate_init(&gate);
    jobs_init(jobs, 3, wait_at_gate, &gate);
    submit(pool, jobs, 3);
    CU_ASSERT_EQUAL(live(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 1), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    CU_ASSERT_EQUAL(books(pool).backlog, 2);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 3), 0);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 3);
    CU_ASSERT_EQUAL(books(pool).busy, 3);
    gate_open(&gate, 3);
    end(pool);
    check_all(jobs, 3, 0);
}

/* When the limit falls, those too many go: idle ones at once, others when they become idle. */
TEST(lowering_the_limit_lets_threads_go)
{
    struct tw_pool *pool = start(4);
    struct gate gate;
    struct job jobs[8];
    gate_init(&gate);
    jobs_init(jobs, 8, wait_at_gate, &gate);
    submit(pool, jobs, 4);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 4);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 2), 0);
    CU_ASSERT_EQUAL(books(pool).busy, 4);
    gate_open(&gate, 4);
    WAIT_UNTIL(live(pool) == 2 && books(pool).idle == 2);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 1), 0);
    CU_ASSERT_EQUAL(live(pool), 1);
    submit(pool, jobs + 4, 4);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 5);
    CU_ASSERT_EQUAL(books(pool).busy, 1);
    gate_open(&gate, 4);
    end(pool);
    check_all(jobs, 8, 0);
}

/* Tcl's tpool::suspend: what runs goes on, what is submitted waits, and no thread is made for it;
 * resumed, all that waits is a burst. */
TEST(a_suspended_pool_keeps_what_it_is_given)
{
    struct tw_pool *pool = start(4);
    struct gate gate;
    struct job jobs[4];
    gate_init(&gate);
    jobs_init(jobs, 4, wait_at_gate, &gate);
    submit(pool, jobs, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    CU_ASSERT_EQUAL(tw_pool_suspend(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_suspend(pool), -EALREADY);
    gate_open(&gate, 1);
    WAIT_FOR(&jobs[0]);
    submit(pool, jobs + 1, 3);
    CU_ASSERT_EQUAL(live(pool), 1);
    CU_ASSERT_EQUAL(books(pool).backlog, 3);
    CU_ASSERT_EQUAL(tw_pool_resume(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_resume(pool), -EALREADY);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 4);
    gate_open(&gate, 3);
    tw_pool_suspend(pool);
    end(pool);
    check_all(jobs, 4, 0);
}

static struct {
    struct tw_pool *pool;
    struct job jobs[4][50];
    atomic_int accepted, refused, strange;
} rush;

static void rush_in(struct person *person)
{
    int i, rc;
    for (i = 0; i < 50; i++) {
        rc = tw_pool_submit(rush.pool, &rush.jobs[person->index][i].task);
        atomic_fetch_add(rc == 0         ? &rush.accepted
                         : rc == -EAGAIN ? &rush.refused
                                         : &rush.strange,
                         1);
    }
}

/* Whoever submits at the same time, exactly as many are accepted as there are threads and places in
 * the backlog. */
TEST(a_bound_on_the_backlog_is_exact)
{
    struct tw_pool_options options = {.size = sizeof options, .max_backlog = 5};
    struct gate gate;
    int round, i;
    for (round = 0; round < 20; round++) {
        gate_init(&gate);
        memset(&rush, 0, sizeof rush);
        CU_ASSERT_EQUAL_FATAL(tw_pool_new(3, &options, &rush.pool), 0);
        for (i = 0; i < 4; i++)
            jobs_init(rush.jobs[i], 50, wait_at_gate, &gate);
        crowd_run(4, harness_seed(), rush_in, NULL);
        CU_ASSERT_EQUAL(atomic_load(&rush.accepted), 3 + 5);
        CU_ASSERT_EQUAL(atomic_load(&rush.refused), 200 - 8);
        gate_open(&gate, 8);
        end(rush.pool);
        CU_ASSERT_EQUAL(atomic_load(&gate.waiting), 8);
    }
}

/* --- who gets what ---------------------------------------------------------------------------- */

struct sequence {
    int next, wrong;
    struct job *first;
};

static void check_sequence(struct job *job)
{
    struct sequence *sequence = (struct sequence *)job->arg;
    sequence->wrong += job - sequence->first != sequence->next++;
}

/* TPL-033: with one thread, jobs run in the order they were submitted. */
TEST(TPL_033_one_thread_keeps_the_order)
{
    static struct job jobs[3000];
    struct sequence sequence = {0, 0, jobs};
    struct tw_pool *pool = start(1);
    jobs_init(jobs, 3000, check_sequence, &sequence);
    submit(pool, jobs, 3000);
    end(pool);
    check_all(jobs, 3000, 0);
    CU_ASSERT_EQUAL(sequence.wrong, 0);
}

struct relay {
    struct tw_pool *pool;
    int left, wrong;
    void *thread;
    atomic_int done;
};

static void relay_fn(struct tw_task *task, int status)
{
    struct job *job = (struct job *)task;
    struct relay *relay = (struct relay *)job->arg;
    relay->wrong += status != 0 || relay->thread != this_thread();
    tw_task_delivers(task);
    relay->wrong += live(relay->pool) != 1;
    if (--relay->left == 0)
        atomic_store(&relay->done, 1);
    else
        relay->wrong += tw_pool_submit(relay->pool, task) != 0;
}

static void relay_begin(struct job *job)
{
    ((struct relay *)job->arg)->thread = this_thread();
}

/* R14: a job that submits the next in its delivery is followed by it on the same thread, and never
 * makes a second one. */
TEST(a_delivery_that_submits_the_next_makes_no_second_thread)
{
    struct tw_pool *pool = start(8);
    struct relay relay = {pool, 5000, 0, NULL, 0};
    struct job first, runner;
    job_init(&first, relay_begin, &relay);
    submit(pool, &first, 1);
    WAIT_FOR(&first);
    WAIT_UNTIL(books(pool).idle == 1);
    job_init(&runner, NULL, &relay);
    runner.task.fn = relay_fn;
    submit(pool, &runner, 1);
    WAIT_UNTIL(atomic_load(&relay.done));
    CU_ASSERT_EQUAL(relay.wrong, 0);
    end(pool);
}

static void note_name(struct job *job)
{
    pthread_getname_np(pthread_self(), (char *)job->arg, 32);
}

/* The pool's threads are named after it, and numbered. */
TEST(threads_are_named_after_the_pool)
{
    struct tw_pool_options options = {.size = sizeof options, .name = "hashing"};
    struct tw_pool *pool = NULL;
    struct job job;
    char name[32] = "";
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(2, &options, &pool), 0);
    job_init(&job, note_name, name);
    submit(pool, &job, 1);
    end(pool);
    CU_ASSERT_STRING_EQUAL(name, "hashing-1");
}

/* --- the end ---------------------------------------------------------------------------------- */

/* TPL-012, TEA-031: quit with a backlog works it off. */
TEST(TPL_012_quit_works_off_the_backlog)
{
    static struct job jobs[500];
    struct tw_pool *pool = start(2);
    jobs_init(jobs, 500, count_running, NULL);
    submit(pool, jobs, 500);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    check_all(jobs, 500, 0);
    CU_ASSERT_EQUAL(live(pool), 0);
    tw_pool_unref(pool);
}

/* Letting go of the pool does the same by itself. */
TEST(unref_works_off_the_backlog)
{
    static struct job jobs[500];
    struct tw_pool *pool = start(2);
    jobs_init(jobs, 500, count_running, NULL);
    submit(pool, jobs, 500);
    CU_ASSERT_PTR_NULL(tw_pool_unref(pool));
    cache_empty();
    check_all(jobs, 500, 0);
}

/* Join waits no longer than it is told to. */
TEST(join_waits_no_longer_than_its_timeout)
{
    struct tw_pool *pool = start(1);
    struct gate gate;
    struct job job;
    gate_init(&gate);
    job_init(&job, wait_at_gate, &gate);
    submit(pool, &job, 1);
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, 0), -ETIMEDOUT);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_MILLISECOND), -ETIMEDOUT);
    gate_open(&gate, 1);
    end(pool);
    CHECK_JOB(&job, 0);
}

static void deliver_at_gate(struct job *job)
{
    tw_task_delivers(&job->task);
    wait_at_gate(job);
}

/* R14: join counts a job until its delivery has returned, though its worker is idle before. */
TEST(join_waits_for_deliveries)
{
    struct tw_pool *pool = start(1);
    struct gate gate;
    struct job job;
    gate_init(&gate);
    job_init(&job, deliver_at_gate, &gate);
    submit(pool, &job, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting));
    CU_ASSERT_EQUAL(books(pool).finished, 1);
    CU_ASSERT_EQUAL(books(pool).idle, 1);
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(live(pool), 0);
    CU_ASSERT_EQUAL(books(pool).remaining, 1);
    CU_ASSERT_EQUAL(tw_pool_join(pool, 0), -ETIMEDOUT);
    gate_open(&gate, 1);
    end(pool);
    CHECK_JOB(&job, 0);
}

/* R14: so do the statistics: besides the task that the worker has in hand meanwhile. */
TEST(remaining_counts_deliveries)
{
    struct tw_pool *pool = start(1);
    struct gate gate;
    struct job jobs[3];
    gate_init(&gate);
    jobs_init(jobs, 2, deliver_at_gate, &gate);
    job_init(&jobs[2], wait_at_gate, &gate);
    submit(pool, jobs, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    CU_ASSERT_EQUAL(books(pool).finished, 1);
    CU_ASSERT_EQUAL(books(pool).idle, 1);
    CU_ASSERT_EQUAL(books(pool).remaining, 1);
    submit(pool, jobs + 1, 2);
    CU_ASSERT_EQUAL(books(pool).remaining, 3);
    gate_open(&gate, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 2);
    CU_ASSERT_EQUAL(books(pool).remaining, 2); /* one delivers, its worker holds the other */
    CU_ASSERT_EQUAL(books(pool).busy, 1);
    gate_open(&gate, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 3);
    CU_ASSERT_EQUAL(books(pool).remaining, 1);
    gate_open(&gate, 1);
    WAIT_UNTIL(books(pool).remaining == 0);
    CU_ASSERT_EQUAL(books(pool).finished, 3);
    end(pool);
}

static atomic_int answer;

static void join_inside(struct job *job)
{
    struct tw_pool *pool = (struct tw_pool *)job->arg;
    tw_pool_quit(pool);
    atomic_store(&answer, tw_pool_join(pool, TW_FOREVER));
}

/* TPL-016, in twine's own way: a join from one of the pool's own threads is refused. */
TEST(TPL_016_join_from_inside_is_refused)
{
    struct tw_pool *pool = start(1);
    struct job job;
    harness_misuse_begin();
    job_init(&job, join_inside, pool);
    submit(pool, &job, 1);
    WAIT_FOR(&job);
    end(pool);
    harness_misuse_end();
    CU_ASSERT_EQUAL(atomic_load(&answer), -EDEADLK);
}

static void join_other_inside(struct job *job)
{
    atomic_store(&answer, tw_pool_join((struct tw_pool *)job->arg, TW_FOREVER));
}

/* A thread of one pool may wait for the end of another. */
TEST(join_of_another_pool)
{
    struct tw_pool *pool = start(1), *other = start(1);
    struct job here, there;
    job_init(&there, NULL, NULL);
    submit(other, &there, 1);
    tw_pool_quit(other);
    job_init(&here, join_other_inside, other);
    submit(pool, &here, 1);
    end(pool);
    CU_ASSERT_EQUAL(atomic_load(&answer), 0);
    CHECK_JOB(&there, 0);
    end(other);
}

struct ending {
    struct job *jobs;
    int count, missing;
};

static void look_for_missing(struct job *job)
{
    struct ending *ending = (struct ending *)job->arg;
    int i;
    for (i = 0; i < ending->count; i++)
        ending->missing += atomic_load(&ending->jobs[i].calls) != 1;
}

/* Who asked is told of the end through a worker, once everything is over. */
TEST(notify_end_tells_when_all_is_over)
{
    static struct job jobs[200];
    struct ending ending = {jobs, 200, 0};
    struct tw_worker *lock = NULL;
    struct tw_pool *pool = start(3);
    struct job told;
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    jobs_init(jobs, 200, count_running, NULL);
    submit(pool, jobs, 200);
    job_init(&told, look_for_missing, &ending);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, lock, &told.task), 0);
    CU_ASSERT_EQUAL(atomic_load(&told.calls), 0);
    tw_pool_unref(pool);
    WAIT_FOR(&told);
    CHECK_JOB(&told, 0);
    CU_ASSERT_EQUAL(ending.missing, 0);
    cache_empty();
    tw_worker_unref(lock);
}

static void unref_inside(struct job *job)
{
    tw_pool_unref((struct tw_pool *)job->arg);
}

/* One of its own jobs may let go of the pool. */
TEST(a_job_may_let_go_of_its_pool)
{
    struct tw_pool *pool = start(2);
    struct job jobs[3];
    jobs_init(jobs, 3, NULL, NULL);
    job_init(&jobs[0], unref_inside, pool);
    submit(tw_pool_ref(pool), jobs, 3);
    tw_pool_unref(pool);
    cache_empty();
    check_all(jobs, 3, 0);
}

/* --- a crowd ---------------------------------------------------------------------------------- */

#define CROWD 4
#define EACH 32
#define MOST 5

/* A job that is submitted again and again: by its owner only when nobody has it. */
struct ball {
    struct tw_task task;
    atomic_bool is_out;
};

static struct {
    struct tw_pool *pool;
    struct ball balls[CROWD][EACH];
    atomic_size_t accepted, cancelled;          /* by what the calls answered */
    atomic_size_t performed, given_up, strange; /* by what fn was called with */
} game;

static void ball_fn(struct tw_task *task, int status)
{
    struct ball *ball = (struct ball *)task;
    if (status == 0)
        count_running(NULL);
    atomic_fetch_add(status == 0            ? &game.performed
                     : status == -ECANCELED ? &game.given_up
                                            : &game.strange,
                     1);
    if (status == 0)
        tw_task_delivers(task);
    if (!atomic_exchange(&ball->is_out, false))
        atomic_fetch_add(&game.strange, 1);
}

static void play_once(struct person *person)
{
    struct ball *own = &game.balls[person->index][below(&person->random, EACH)];
    struct ball *any = &game.balls[below(&person->random, CROWD)][below(&person->random, EACH)];
    size_t choice = below(&person->random, 16);
    if (choice < 11) {
        if (atomic_exchange(&own->is_out, true))
            return;
        if (tw_pool_submit(game.pool, &own->task) == 0)
            atomic_fetch_add(&game.accepted, 1);
        else
            atomic_store(&own->is_out, false);
    } else if (choice < 14) {
        if (tw_pool_cancel(game.pool, &any->task) == 0)
            atomic_fetch_add(&game.cancelled, 1);
    } else if (choice == 14) {
        tw_pool_set_limit(game.pool, 1 + below(&person->random, MOST));
    } else if (below(&person->random, 4) == 0) {
        tw_pool_suspend(game.pool);
    } else if (below(&person->random, 2) == 0) {
        tw_pool_resume(game.pool);
    } else {
        sched_yield();
    }
}

/* What is read inside is of one moment: no task is counted twice or nowhere. */
static void check_books(void)
{
    struct tw_statistics now = books(game.pool);
    if (now.scheduled != now.finished + now.given_up + now.backlog + now.busy ||
        now.remaining < now.backlog + now.busy)
        atomic_fetch_add(&game.strange, 1);
}

static void play(struct person *person)
{
    int i, count = harness_long() ? 20000 : 2000;
    int quits_at = person->index == 0 ? count - 200 : -1;
    for (i = 0; i < count; i++) {
        play_once(person);
        if (i % 16 == 0)
            check_books();
        if (i == quits_at)
            tw_pool_quit(game.pool);
    }
}

static void game_start(void)
{
    size_t i;
    for (i = 0; i < (size_t)CROWD * EACH; i++) {
        tw_task_init(&game.balls[i / EACH][i % EACH].task, ball_fn);
        atomic_init(&game.balls[i / EACH][i % EACH].is_out, false);
    }
    atomic_store(&game.accepted, 0);
    atomic_store(&game.cancelled, 0);
    atomic_store(&game.performed, 0);
    atomic_store(&game.given_up, 0);
    atomic_store(&game.strange, 0);
    atomic_store(&most_running, 0);
    game.pool = start(2);
}

static void game_check(void)
{
    struct tw_statistics now = books(game.pool);
    CU_ASSERT_EQUAL(now.scheduled, atomic_load(&game.accepted));
    CU_ASSERT_EQUAL(now.finished, atomic_load(&game.performed));
    CU_ASSERT_EQUAL(now.given_up, atomic_load(&game.given_up));
    CU_ASSERT_EQUAL(now.remaining, 0);
    CU_ASSERT_EQUAL(atomic_load(&game.performed) + atomic_load(&game.given_up),
                    atomic_load(&game.accepted));
    CU_ASSERT_EQUAL(atomic_load(&game.given_up), atomic_load(&game.cancelled));
    CU_ASSERT_EQUAL(atomic_load(&game.strange), 0);
    CU_ASSERT_TRUE(atomic_load(&most_running) <= MOST);
}

/* R9: whatever several threads submit, cancel and set at random, and whenever one of them quits the
 * pool, each accepted fn is called once: with -ECANCELED if and only if a cancel said so, else to
 * be performed; and never more run at once than the limit has ever been. */
TEST(a_crowd_keeps_the_promises)
{
    int round;
    for (round = 0; round < (harness_long() ? 100 : 15); round++) {
        game_start();
        crowd_run(CROWD, harness_seed() + (uint64_t)round * CROWD, play, NULL);
        tw_pool_quit(game.pool);
        CU_ASSERT_EQUAL(tw_pool_join(game.pool, TW_FOREVER), 0);
        game_check();
        tw_pool_unref(game.pool);
    }
}

static struct {
    struct tw_pool *pool;
    struct job jobs[2000];
    atomic_int submitted;
} hasty;

static void submit_or_cancel_hastily(struct person *person)
{
    int i;
    for (i = 0; i < 2000; i++) {
        struct tw_task *task = &hasty.jobs[i].task;
        if (person->index == 0) {
            atomic_fetch_add(&hasty.submitted, tw_pool_submit(hasty.pool, task) == 0);
            continue;
        }
        while (tw_pool_cancel(hasty.pool, task) < 0 && atomic_load(&hasty.submitted) <= i)
            continue;
    }
}

/* A task may be cancelled by somebody while it is being submitted, with every thread busy: whoever is
 * first, its fn is called once and the books are right. */
TEST(cancelled_while_it_is_submitted)
{
    struct job holder;
    struct gate gate;
    int i, wrong = 0;
    hasty.pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, NULL, &hasty.pool), 0);
    gate_init(&gate);
    job_init(&holder, wait_at_gate, &gate);
    submit(hasty.pool, &holder, 1);
    WAIT_UNTIL(atomic_load(&gate.waiting) == 1);
    jobs_init(hasty.jobs, 2000, NULL, NULL);
    atomic_store(&hasty.submitted, 0);
    crowd_run(2, harness_seed(), submit_or_cancel_hastily, NULL);
    gate_open(&gate, 1);
    end(hasty.pool);
    for (i = 0; i < 2000; i++)
        wrong += atomic_load(&hasty.jobs[i].calls) != 1;
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Short of memory, and so of threads, each accepted fn is called once all the same. */
SWEEP(short_of_memory)
{
    struct tw_pool *pool = NULL;
    struct job jobs[4];
    int i, rc;
    cache_empty();
    rc = tw_pool_new(2, NULL, &pool);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc < 0)
        return;
    jobs_init(jobs, 4, NULL, NULL);
    submit(pool, jobs, 4);
    end(pool);
    for (i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(atomic_load(&jobs[i].calls), 1);
        if (!harness_failed_one() || atomic_load(&jobs[i].status) != -EAGAIN)
            CU_ASSERT_EQUAL(atomic_load(&jobs[i].status), 0);
    }
    CU_ASSERT_TRUE(harness_reports() == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
}
