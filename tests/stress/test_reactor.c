/*
 * Reactors and real threads: calls from threads, wake-ups, shutting down with jobs out.
 *
 * Jobs are held by semaphores, never by sleeping.
 */
#include "../harness.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <twine/reactor/calls_from_threads_internal.h>

SUITE_WITH_THREADS("reactor and threads")

static struct tw_reactor *reactor;

static void set_up(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void call(tw_action_fn action, void *arg)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, arg, NULL), 0);
}

/* --- calls from threads ----------------------------------------------------------------------- */

enum { CALLERS = 4, CALLS = 20000 };

static struct caller {
    pthread_t thread;
    int next;      /* on the loop's thread: what must come next */
    int disorders; /* there too */
} callers[CALLERS];
static int callers_done; /* there too */
static atomic_int arguments_gone;

struct numbered {
    struct caller *caller;
    int number;
};

static void take_number(void *arg)
{
    struct numbered *numbered = (struct numbered *)arg;
    struct caller *caller = numbered->caller;
    caller->disorders += numbered->number != caller->next++;
    if (caller->next == CALLS && ++callers_done == CALLERS)
        stop(NULL);
}

static void free_number(void *arg)
{
    atomic_fetch_add(&arguments_gone, 1);
    free(arg);
}

static void *make_calls(void *arg)
{
    int i, rc = 0;
    for (i = 0; i < CALLS; i++) {
        struct numbered *numbered = (struct numbered *)malloc(sizeof *numbered);
        if (!numbered)
            abort();
        numbered->caller = (struct caller *)arg;
        numbered->number = i;
        rc |= tw_reactor_call_from_thread(reactor, take_number, numbered, free_number);
    }
    return rc ? arg : NULL;
}

static void all_call(unsigned chunk_lines)
{
    void *failed;
    int i;
    set_up();
    callers_done = 0;
    atomic_store(&arguments_gone, 0);
    tw__calls_set_chunk_size(chunk_lines); /* as in release: runs, and calls made and gone on
                                              different threads */
    for (i = 0; i < CALLERS; i++) {
        callers[i].next = callers[i].disorders = 0;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&callers[i].thread, NULL, make_calls, &callers[i]), 0);
    }
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    for (i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, &failed);
        CU_ASSERT_PTR_NULL(failed);
        CU_ASSERT(callers[i].next == CALLS && callers[i].disorders == 0);
    }
    CU_ASSERT_EQUAL(atomic_load(&arguments_gone), CALLERS * CALLS);
    tw__calls_set_chunk_size(1);
    reactor = tw_reactor_unref(reactor);
}

/* CFT-003, R20: calls made by one thread run in the order made; none is lost, each argument is
 * destroyed once. */
TEST(CFT_003_calls_of_each_thread_keep_their_order)
{
    all_call(2);
    all_call(7);
    all_call(31);
}

static sem_t turns[CALLERS];
static int next_in_turn, out_of_turn; /* on the loop's thread */
static uint64_t seed;

static void take_in_turn(void *number)
{
    out_of_turn += (int)(intptr_t)number != next_in_turn++;
    if (next_in_turn == CALLS)
        stop(NULL);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* In turn with the others, and a few between that nobody waits for. */
static void *call_in_turn(void *caller)
{
    uint64_t random = seed + (uint64_t)(intptr_t)caller;
    int rc = 0, i;
    for (i = (int)(intptr_t)caller; i < CALLS; i += CALLERS) {
        uint64_t between = harness_random(&random) % 4;
        while (between--)
            rc |= tw_reactor_call_from_thread(reactor, nothing, NULL, NULL);
        sem_wait(&turns[i % CALLERS]);
        rc |= tw_reactor_call_from_thread(reactor, take_in_turn, (void *)(intptr_t)i, NULL);
        sem_post(&turns[(i + 1) % CALLERS]);
    }
    return (void *)(intptr_t)rc;
}

/* CFT-003, R20: so do calls of different threads, where one was made before the other. */
TEST(R20_calls_of_different_threads_keep_their_order)
{
    int i;
    set_up();
    next_in_turn = out_of_turn = 0;
    seed = harness_seed();
    tw__calls_set_chunk_size(31);
    for (i = 0; i < CALLERS; i++)
        sem_init(&turns[i], 0, i == 0);
    for (i = 0; i < CALLERS; i++)
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&callers[i].thread, NULL, call_in_turn, (void *)(intptr_t)i), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    for (i = 0; i < CALLERS; i++) {
        void *failed;
        pthread_join(callers[i].thread, &failed);
        CU_ASSERT_PTR_NULL(failed);
        sem_destroy(&turns[i]);
    }
    CU_ASSERT(next_in_turn == CALLS && out_of_turn == 0);
    tw__calls_set_chunk_size(1);
    reactor = tw_reactor_unref(reactor);
}

static sem_t echo;

static void post(void *arg)
{
    (void)arg;
    sem_post(&echo);
}

static void *ping(void *arg)
{
    int i;
    for (i = 0; i < CALLS; i++) {
        if (tw_reactor_call_from_thread(reactor, post, NULL, NULL) < 0)
            abort();
        sem_wait(&echo);
    }
    tw_reactor_call_from_thread(reactor, stop, NULL, NULL);
    return arg;
}

/* R21: no wake-up is lost: a thread that waits for each call before it makes the next is always
 * answered by a loop that has just gone to sleep, or is about to. */
TEST(R21_no_wake_up_is_lost)
{
    pthread_t thread;
    set_up();
    sem_init(&echo, 0, 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ping, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    pthread_join(thread, NULL);
    reactor = tw_reactor_unref(reactor);
    sem_destroy(&echo);
}

struct noted {
    struct tw_task task;
    int calls, status;
};

static void note_status(struct tw_task *task, int status)
{
    struct noted *noted = (struct noted *)task;
    noted->calls++;
    noted->status = status;
}

static struct noted notes[CALLS];

static void *submit_until_refused(void *worker)
{
    size_t accepted = 0;
    while (accepted < CALLS &&
           tw_worker_submit((struct tw_worker *)worker, &notes[accepted].task) == 0) {
        accepted++;
        if (accepted == CALLS / 100)
            sem_post(&echo);
    }
    tw_worker_unref((struct tw_worker *)worker);
    return (void *)accepted;
}

/* A thread with a reference to the worker may submit while the reactor goes: what was accepted has
 * its fn called once, with 0 or -ESHUTDOWN. */
TEST(R9_reactor_goes_while_a_thread_submits)
{
    pthread_t thread;
    void *accepted;
    size_t i, wrong = 0;
    set_up();
    sem_init(&echo, 0, 0);
    for (i = 0; i < CALLS; i++) {
        notes[i].calls = 0;
        tw_task_init(&notes[i].task, note_status);
    }
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, submit_until_refused,
                                         tw_worker_ref(tw_reactor_worker(reactor))),
                          0);
    sem_wait(&echo);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    reactor = tw_reactor_unref(reactor);
    pthread_join(thread, &accepted);
    for (i = 0; i < CALLS; i++)
        wrong += notes[i].calls != (i < (size_t)accepted) ||
                 (notes[i].calls && notes[i].status != 0 && notes[i].status != -ESHUTDOWN);
    CU_ASSERT_EQUAL(wrong, 0);
    sem_destroy(&echo);
}

/* --- as the coordinator of a team ------------------------------------------------------------- */

static sem_t team_ended;
static atomic_int performed;

static int create(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    if (live >= 4)
        return TW_CREATED_NONE;
    return tw_thread_worker_new(NULL, ret_worker) < 0 ? -EAGAIN : TW_CREATED_READY;
}

static void post_ended(void *arg)
{
    (void)arg;
    sem_post(&team_ended);
}

static void perform(struct tw_task *task, int status)
{
    note_status(task, status);
    if (atomic_fetch_add(&performed, 1) == 100)
        sem_post(&echo);
}

/* A reactor that coordinates a team goes while the team's threads are at work: the books are still
 * changed by one at a time, each task is performed once, and the team ends. */
TEST(R9_coordinator_goes_while_its_team_works)
{
    struct tw_team *team = NULL;
    size_t i, wrong = 0;
    set_up();
    sem_init(&echo, 0, 0);
    sem_init(&team_ended, 0, 0);
    atomic_store(&performed, 0);
    CU_ASSERT_EQUAL_FATAL(tw_team_new(tw_reactor_worker(reactor), create, NULL, post_ended, &team),
                          0);
    for (i = 0; i < CALLS; i++) {
        notes[i].calls = 0;
        tw_task_init(&notes[i].task, perform);
        CU_ASSERT_EQUAL(tw_team_submit(team, &notes[i].task), 0);
    }
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    while (sem_trywait(&echo) != 0)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_team_quit(team), 0);
    sem_wait(&team_ended);
    for (i = 0; i < CALLS; i++)
        wrong += notes[i].calls != 1 || notes[i].status != 0;
    CU_ASSERT_EQUAL(wrong, 0);
    tw_team_unref(team);
    sem_destroy(&team_ended);
    sem_destroy(&echo);
}

/* --- shutting down ---------------------------------------------------------------------------- */

/* A job that says when it has started, and waits to be let go. */
static sem_t started, gate;
static atomic_int jobs_run, jobs_gone, values_gone;

static void set_up_jobs(void)
{
    set_up();
    sem_init(&started, 0, 0);
    sem_init(&gate, 0, 0);
    atomic_store(&jobs_run, 0);
    atomic_store(&jobs_gone, 0);
    atomic_store(&values_gone, 0);
}

static void tear_down_jobs(void)
{
    reactor = tw_reactor_unref(reactor);
    sem_destroy(&started);
    sem_destroy(&gate);
}

static void count_atomic(void *counter)
{
    atomic_fetch_add((atomic_int *)counter, 1);
}

static void held_job(struct tw_result *result, void *arg)
{
    (void)arg;
    atomic_fetch_add(&jobs_run, 1);
    sem_post(&started);
    sem_wait(&gate);
    tw_result_set(result, &values_gone, count_atomic);
}

struct outcome {
    int calls, ok;
    const struct tw_error *kind;
};

static void keep_outcome(struct tw_result *result, void *arg)
{
    struct outcome *outcome = (struct outcome *)arg;
    outcome->calls++;
    outcome->ok = tw_result_is_ok(result);
    outcome->kind = tw_failure_kind(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

static void send(struct tw_worker *pool, struct outcome *outcome)
{
    struct tw_deferred *deferred = NULL;
    outcome->calls = 0;
    CU_ASSERT_EQUAL_FATAL(
        pool ? tw_defer_to_pool(reactor, pool, held_job, &jobs_gone, count_atomic, &deferred)
             : tw_defer_to_thread(reactor, held_job, &jobs_gone, count_atomic, &deferred),
        0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, keep_outcome, outcome, NULL), 0);
    tw_deferred_unref(deferred);
}

static void stop_once_started(void *arg)
{
    sem_wait(&started);
    stop(arg);
}

static void open_gate(void *arg)
{
    (void)arg;
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor) && tw_reactor_stop(reactor) == 0);
    sem_post(&gate);
}

/* R23, RCT-010: a shutdown waits for jobs that run, with the loop turning (the timer that lets the
 * job go runs then), and delivers their results before run returns. */
TEST(R23_shutdown_waits_for_jobs_and_delivers)
{
    struct outcome outcome;
    set_up_jobs();
    send(NULL, &outcome);
    call(stop_once_started, NULL);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 5 * TW_MILLISECOND, open_gate, NULL, NULL, NULL),
                    0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT(outcome.calls == 1 && outcome.ok);
    CU_ASSERT_EQUAL(atomic_load(&jobs_gone), 1);
    CU_ASSERT_EQUAL(atomic_load(&values_gone), 1);
    tear_down_jobs();
}

/* R23: work accepted before the stop runs, though it had no thread yet. */
TEST(R23_shutdown_works_off_the_backlog)
{
    struct outcome outcomes[5];
    int i, ok = 0;
    set_up_jobs();
    CU_ASSERT_EQUAL(tw_reactor_suggest_thread_pool_size(reactor, 1), 0);
    for (i = 0; i < 5; i++) {
        send(NULL, &outcomes[i]);
        sem_post(&gate);
    }
    call(stop_once_started, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    for (i = 0; i < 5; i++)
        ok += outcomes[i].calls == 1 && outcomes[i].ok;
    CU_ASSERT_EQUAL(ok, 5);
    CU_ASSERT_EQUAL(atomic_load(&jobs_gone), 5);
    tear_down_jobs();
}

/* R23: when the shutdown timeout passes, the Deferred fails with TW_ERROR_SHUTDOWN before run
 * returns, and the result that comes too late is destroyed. */
TEST(R23_shutdown_timeout_passes)
{
    struct outcome outcome;
    struct tw_pool *pool = NULL;
    set_up_jobs();
    CU_ASSERT_EQUAL(tw_reactor_set_shutdown_timeout(reactor, 2 * TW_MILLISECOND), 0);
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    tw_pool_ref(pool);
    send(NULL, &outcome);
    call(stop_once_started, NULL);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT(outcome.calls == 1 && outcome.kind == &TW_ERROR_SHUTDOWN);
    CU_ASSERT_EQUAL(atomic_load(&values_gone), 0);
    sem_post(&gate);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(outcome.calls, 1);
    CU_ASSERT_EQUAL(atomic_load(&values_gone), 1);
    CU_ASSERT_EQUAL(atomic_load(&jobs_gone), 1);
    tw_pool_unref(pool);
    tear_down_jobs();
}

/* A reactor that goes while jobs run, and more wait, in a pool it shares: each Deferred fails with
 * TW_ERROR_SHUTDOWN inside the unref; each argument and each late result is destroyed once. */
TEST(R23_reactor_goes_while_jobs_run_in_a_shared_pool)
{
    enum { JOBS = 5 };
    struct outcome outcomes[JOBS];
    struct tw_pool *pool = NULL;
    int i, failed = 0;
    set_up_jobs();
    CU_ASSERT_EQUAL(tw_pool_new(2, NULL, &pool), 0);
    for (i = 0; i < JOBS; i++)
        send(tw_pool_worker(pool), &outcomes[i]);
    sem_wait(&started);
    sem_wait(&started);
    reactor = tw_reactor_unref(reactor);
    for (i = 0; i < JOBS; i++)
        failed += outcomes[i].calls == 1 && outcomes[i].kind == &TW_ERROR_SHUTDOWN;
    CU_ASSERT_EQUAL(failed, JOBS);
    for (i = 0; i < JOBS; i++)
        sem_post(&gate);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(atomic_load(&jobs_gone), JOBS);
    CU_ASSERT_EQUAL(atomic_load(&values_gone), atomic_load(&jobs_run));
    CU_ASSERT(atomic_load(&jobs_run) >= 2);
    tw_pool_unref(pool);
    tear_down_jobs();
}

/* THR-004: work that waits in a pool whose threads are busy is taken out by a cancel: it never
 * runs, and its argument is destroyed once. */
TEST(THR_004_cancel_takes_waiting_work_out)
{
    struct tw_pool *pool = NULL;
    struct tw_deferred *waiting = NULL;
    struct outcome running, outcome = {.calls = 0};
    set_up_jobs();
    CU_ASSERT_EQUAL(tw_pool_new(1, NULL, &pool), 0);
    send(tw_pool_worker(pool), &running);
    sem_wait(&started);
    CU_ASSERT_EQUAL(tw_defer_to_pool(reactor, tw_pool_worker(pool), held_job, &jobs_gone,
                                     count_atomic, &waiting),
                    0);
    tw_deferred_add_both(waiting, keep_outcome, &outcome, NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(waiting), 0);
    CU_ASSERT(outcome.calls == 1 && outcome.kind == &TW_ERROR_CANCELLED);
    tw_deferred_unref(waiting);
    sem_post(&gate);
    while (!running.calls)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(atomic_load(&jobs_run), 1);
    CU_ASSERT_EQUAL(atomic_load(&jobs_gone), 2);
    tw_pool_unref(pool);
    tear_down_jobs();
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR, 7, "no luck");
    sem_post(&started);
}

/* callInThread (RTP-006): work runs in the pool, and a failure is reported. */
TEST(RTP_006_call_in_thread_reports_a_failure)
{
    set_up_jobs();
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, fail, &jobs_gone, count_atomic), 0);
    call(stop_once_started, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(atomic_load(&jobs_gone), 1);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 7);
    tear_down_jobs();
}

/* --- calls in a thread ------------------------------------------------------------------------ */

static pthread_t ran_on[3];
static atomic_int calls_run;

static void note_thread(struct tw_result *result, void *arg)
{
    int run = atomic_fetch_add(&calls_run, 1);
    (void)arg;
    tw_result_set(result, &values_gone, count_atomic);
    if (run < 3)
        ran_on[run] = pthread_self();
}

static void fail_second(struct tw_result *result, void *arg)
{
    atomic_fetch_add(&calls_run, 1);
    (void)arg;
    tw_result_failf(result, &TW_ERROR, 8, "no luck");
}

static void stop_when_all_gone(void *arg)
{
    if (atomic_load(&jobs_gone) == (int)(intptr_t)arg)
        stop(NULL);
    else
        call(stop_when_all_gone, arg);
}

/* Runs them, and waits until so many arguments have gone. */
static void run_multiple(const struct tw_call *calls, size_t count)
{
    set_up_jobs();
    atomic_store(&calls_run, 0);
    CU_ASSERT_EQUAL(tw_reactor_call_multiple_in_thread(reactor, calls, count), 0);
    call(stop_when_all_gone, (void *)(intptr_t)count);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    tear_down_jobs();
}

/* THR-009: several calls run one after the other on one thread, as one task; what each leaves is
 * destroyed (THR-011: nobody hears of it). */
TEST(THR_009_several_calls_on_one_thread)
{
    struct tw_call each = {note_thread, &jobs_gone, count_atomic};
    struct tw_call calls[3] = {each, each, each};
    run_multiple(calls, 3);
    CU_ASSERT_EQUAL(atomic_load(&calls_run), 3);
    CU_ASSERT_EQUAL(atomic_load(&values_gone), 3);
    CU_ASSERT(pthread_equal(ran_on[0], ran_on[1]) && pthread_equal(ran_on[1], ran_on[2]));
}

/* THR-010: one that fails is reported, and the rest does not run. */
TEST(THR_010_failure_leaves_out_the_rest)
{
    struct tw_call calls[3] = {{note_thread, &jobs_gone, count_atomic},
                               {fail_second, &jobs_gone, count_atomic},
                               {note_thread, &jobs_gone, count_atomic}};
    run_multiple(calls, 3);
    CU_ASSERT_EQUAL(atomic_load(&calls_run), 2);
    EXPECT_REPORTS(1);
    CU_ASSERT_EQUAL(harness_report(0)->code, 8);
}

/* THR-011: it reports no completion: the loop ends without a word when the work is over. */
TEST(THR_011_no_word_when_it_is_over)
{
    struct tw_call one = {note_thread, &jobs_gone, count_atomic};
    run_multiple(&one, 1);
    CU_ASSERT_EQUAL(atomic_load(&calls_run), 1);
}

static void suggest_too_few(void *arg)
{
    struct tw_pool *pool = NULL;
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    CU_ASSERT_EQUAL(tw_pool_set_minimum(pool, 1), 0);
    PROVOKE(tw_reactor_suggest_thread_pool_size(reactor, 0));
    CU_ASSERT_EQUAL(tw_pool_limit(pool), 10);
    stop(NULL);
}

/* RTP-011: fewer threads than the pool's minimum are refused. */
TEST(RTP_011_fewer_than_the_minimum)
{
    set_up();
    call(suggest_too_few, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    reactor = tw_reactor_unref(reactor);
}

/* RTP-006: work of tw_reactor_call_in_thread runs in the reactor's pool. */
static void see_pool(struct tw_result *result, void *pool)
{
    CU_ASSERT_TRUE(tw_pool_is_own_thread((struct tw_pool *)pool));
    tw_result_set(result, NULL, NULL);
    atomic_fetch_add(&jobs_gone, 1);
}

TEST(RTP_006_call_in_thread_uses_the_pool)
{
    struct tw_pool *pool = NULL;
    set_up_jobs();
    CU_ASSERT_EQUAL(tw_reactor_get_thread_pool(reactor, &pool), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, see_pool, pool, NULL), 0);
    call(stop_when_all_gone, (void *)(intptr_t)1);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    tear_down_jobs();
}

static void see_loop(void *is_there)
{
    *(bool *)is_there = tw_reactor_is_in_thread(reactor);
    stop(NULL);
}

static void *call_loop(void *is_there)
{
    call(see_loop, is_there);
    return NULL;
}

/* CFT-002: a call from another thread runs on the loop's. */
TEST(CFT_002_runs_on_the_loops_thread)
{
    pthread_t thread;
    bool is_there = false;
    set_up();
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, call_loop, &is_there), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(is_there);
    reactor = tw_reactor_unref(reactor);
}
