/*
 * The libevent plug-in, with real threads: a base of its own, and a base of the user's.
 */
#include "on_libevent.h"
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

SUITE_WITH_THREADS("libevent")

static void call(tw_action_fn action, void *arg)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, action, arg, NULL), 0);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

static void count(void *counter)
{
    ++*(int *)counter;
}

/* --- a base of its own ------------------------------------------------------------------------ */

/* RCT-001, RCT-005, RCT-006: run until stopped; then neither run nor stop again. */
TEST(RCT_001_run_and_stop)
{
    own();
    CU_ASSERT_PTR_NOT_NULL(tw_libevent_reactor_base(reactor));
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    call(stop, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), -ESRCH);
    reactor = tw_reactor_unref(reactor);
}

/* By name it is the default; another plug-in has no base. */
TEST(base_is_that_of_a_libevent_reactor_only)
{
    struct tw_reactor *other = NULL;
    CU_ASSERT_EQUAL(tw_reactor_new("libevent", &other), 0);
    CU_ASSERT_PTR_NOT_NULL(tw_libevent_reactor_base(other));
    tw_reactor_unref(other);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_new(&other), 0);
    CU_ASSERT_PTR_NULL(tw_libevent_reactor_base(other));
    tw_reactor_unref(other);
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int n = 0;
    while (folder && readdir(folder))
        n++;
    if (folder)
        closedir(folder);
    return n;
}

/* Reactors come and go, run or not, and leave no descriptor behind. */
TEST(reactors_leave_no_descriptor_behind)
{
    int before = open_descriptors(), i;
    for (i = 0; i < 50; i++) {
        own();
        if (i % 2) {
            call(stop, NULL);
            CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
        }
        reactor = tw_reactor_unref(reactor);
    }
    CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void run_inside(void *arg)
{
    PROVOKE_ERROR(tw_reactor_run(reactor), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EDEADLK);
    count(arg);
}

/* RCT-004: a run inside a turn is refused, under run and under the user's own dispatch. */
TEST(RCT_004_nested_run_is_refused)
{
    int calls = 0;
    own();
    call(run_inside, &calls);
    call(stop, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    reactor = tw_reactor_unref(reactor);
    adopt();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, run_inside, &calls, NULL, NULL), 0);
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(calls, 2);
    drop_both();
}

static void turn_inside(evutil_socket_t fd, short what, void *deferred)
{
    (void)fd;
    (void)what;
    PROVOKE_ERROR(tw_reactor_run(reactor), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_iterate(reactor, 0), -EDEADLK);
    PROVOKE_ERROR(tw_reactor_wait(reactor, (struct tw_deferred *)deferred, NULL), -EDEADLK);
}

/* R19: nor from a callback of the user's own event, where the loop is not the reactor's to turn. */
TEST(R19_turning_from_a_callback_of_the_users_is_refused)
{
    struct timeval now = {0, 0};
    struct tw_source *source = NULL;
    struct tw_deferred *deferred = NULL;
    int adopted;
    CU_ASSERT_EQUAL(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), 0);
    for (adopted = 0; adopted < 2; adopted++) {
        struct event_base *on;
        if (adopted)
            adopt();
        else
            own();
        on = tw_libevent_reactor_base(reactor);
        CU_ASSERT_EQUAL(event_base_once(on, -1, EV_TIMEOUT, turn_inside, deferred, &now), 0);
        if (adopted) {
            CU_ASSERT(event_base_dispatch(on) >= 0);
            drop_both();
        } else {
            CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_SECOND), 0);
            reactor = tw_reactor_unref(reactor);
        }
    }
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    tw_source_unref(source);
    tw_deferred_unref(deferred);
}

/* RCT-017: iterate waits for no longer than it is told, and starts nothing. */
TEST(RCT_017_iterate_ends_without_an_event)
{
    int calls = 0;
    own();
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_MILLISECOND), 0);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, count, &calls, NULL, NULL), 0);
    while (!calls)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(calls, 1);
    reactor = tw_reactor_unref(reactor);
}

/* --- fairness --------------------------------------------------------------------------------- */

enum { FLOOD = 200000, SOON = 5000 };
static int flooded, flooded_then;

static void flood(void *arg)
{
    (void)arg;
    if (++flooded == FLOOD && tw_reactor_is_running(reactor))
        tw_reactor_stop(reactor);
}

static void note_flood(void)
{
    flooded_then = flooded;
}

static void start_flood(void)
{
    int i, rc = 0;
    flooded = 0;
    flooded_then = FLOOD;
    for (i = 0; i < FLOOD; i++)
        rc |= tw_reactor_call_from_thread(reactor, flood, NULL, NULL);
    CU_ASSERT_EQUAL(rc, 0);
}

static void served(evutil_socket_t fd, short what, void *arg)
{
    char byte;
    (void)what;
    (void)arg;
    CU_ASSERT_EQUAL(read(fd, &byte, 1), 1);
    note_flood();
}

/* R20, CFT-005: calls run in batches; I/O that is ready is served between the first of them. */
TEST(R20_flood_of_calls_does_not_starve_io)
{
    struct event *event;
    int ends[2];
    own();
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    event = event_new(tw_libevent_reactor_base(reactor), ends[0], EV_READ, served, NULL);
    CU_ASSERT_EQUAL(event_add(event, NULL), 0);
    CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
    start_flood();
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(flooded, FLOOD);
    CU_ASSERT(flooded_then <= SOON);
    event_free(event);
    reactor = tw_reactor_unref(reactor);
    close(ends[0]);
    close(ends[1]);
}

static void note_timer(void *arg)
{
    (void)arg;
    note_flood();
}

/* R20: a timer that is due runs between the first batches too. */
TEST(R20_flood_of_calls_does_not_hold_up_timers)
{
    own();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, note_timer, NULL, NULL, NULL), 0);
    start_flood();
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT(flooded_then <= SOON);
    reactor = tw_reactor_unref(reactor);
}

static void flood_on(void *arg)
{
    (void)arg;
    if (++flooded < FLOOD)
        call(flood_on, NULL);
    else
        stop(NULL);
}

/* CFT-005: a call that always makes another holds neither up. */
TEST(CFT_005_call_that_repeats_itself_starves_nobody)
{
    own();
    flooded = 0;
    flooded_then = FLOOD;
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, note_timer, NULL, NULL, NULL), 0);
    call(flood_on, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT(flooded_then <= SOON);
    reactor = tw_reactor_unref(reactor);
}

/* --- the user's base -------------------------------------------------------------------------- */

/* R22: an idle library does not keep the user's loop alive, before its first turn or after. */
TEST(R22_idle_reactor_does_not_keep_the_loop)
{
    adopt();
    CU_ASSERT_PTR_EQUAL(tw_libevent_reactor_base(reactor), base);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    drop_both();
}

/* R22: a delayed call keeps it, and the reactor has started by the loop's first turn. */
TEST(R22_delayed_call_keeps_the_loop)
{
    int calls = 0;
    adopt();
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 2 * TW_MILLISECOND, count, &calls, NULL, NULL),
                    0);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT_EQUAL(calls, 1);
    CU_ASSERT_TRUE(tw_reactor_is_running(reactor));
    drop_both();
}

/* A cancelled one keeps it no longer. */
TEST(R22_cancelled_delayed_call_keeps_nothing)
{
    struct tw_delayed_call *call_later = NULL;
    adopt();
    CU_ASSERT_EQUAL(
        tw_reactor_call_later(reactor, 3600 * TW_SECOND, count, NULL, NULL, &call_later), 0);
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(call_later), 0);
    tw_delayed_call_unref(call_later);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    drop_both();
}

struct seen {
    pthread_t thread;
    int calls, code;
};

static void work(struct tw_result *result, void *ret_thread)
{
    *(pthread_t *)ret_thread = pthread_self();
    tw_result_set(result, ret_thread, NULL);
}

static void see(struct tw_result *result, void *arg)
{
    struct seen *seen = (struct seen *)arg;
    seen->thread = pthread_self();
    seen->calls++;
    seen->code = tw_failure_code(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

/* THR-002, R22: a job keeps the loop alive until its result has been delivered, on the loop's
 * thread; the work ran on another. */
TEST(THR_002_job_keeps_the_loop_until_it_is_home)
{
    int round;
    adopt();
    for (round = 0; round < 100; round++) {
        struct tw_deferred *deferred = NULL;
        struct seen seen = {.calls = 0};
        pthread_t worked_on = pthread_self();
        CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, work, &worked_on, NULL, &deferred), 0);
        tw_deferred_add_both(deferred, see, &seen, NULL);
        tw_deferred_unref(deferred);
        CU_ASSERT(event_base_dispatch(base) >= 0);
        CU_ASSERT(seen.calls == 1 && seen.code == 0);
        CU_ASSERT_TRUE(seen.calls && pthread_equal(seen.thread, pthread_self()));
        CU_ASSERT_FALSE(pthread_equal(worked_on, pthread_self()));
    }
    drop_both();
}

static void count_event(evutil_socket_t fd, short what, void *counter)
{
    (void)fd;
    (void)what;
    count(counter);
}

/* R22: stop ends the reactor in the coming turns, and never the user's loop. */
TEST(R22_stop_does_not_break_the_users_loop)
{
    struct timeval soon = {0, 20000};
    struct event *event;
    int events = 0;
    adopt();
    event = event_new(base, -1, 0, count_event, &events);
    event_add(event, &soon);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, stop, NULL, NULL, NULL), 0);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT_EQUAL(events, 1);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, count, &events, NULL), -ESHUTDOWN);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    event_free(event);
    drop_both();
}

static sem_t gate;

static void held_work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    sem_wait(&gate);
}

static void open_gate(void *arg)
{
    (void)arg;
    sem_post(&gate);
}

/* R23, R22: under the user's own loop a stop with a job out keeps the loop until the job is home.
 */
TEST(R23_stop_under_the_users_loop_waits_for_jobs)
{
    struct tw_deferred *deferred = NULL;
    struct seen seen = {.calls = 0};
    adopt();
    sem_init(&gate, 0, 0);
    CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, held_work, NULL, NULL, &deferred), 0);
    tw_deferred_add_both(deferred, see, &seen, NULL);
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, stop, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 2 * TW_MILLISECOND, open_gate, NULL, NULL, NULL),
                    0);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT(seen.calls == 1 && seen.code == 0);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    drop_both();
    sem_destroy(&gate);
}

/* On an adopted base the reactor may be run by tw_reactor_run too. */
TEST(adopted_base_may_be_run_by_the_reactor)
{
    int calls = 0;
    adopt();
    call(count, &calls);
    call(stop, NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(calls, 1);
    drop_both();
}

/* tw_reactor_wait turns the loop without starting the reactor; its pool works meanwhile. */
TEST(wait_turns_the_loop_without_starting_it)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_deferred *deferred = NULL;
    pthread_t worked_on;
    int adopted;
    for (adopted = 0; adopted < 2; adopted++) {
        if (adopted)
            adopt();
        else
            own();
        CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, work, &worked_on, NULL, &deferred), 0);
        CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, &result), 0);
        CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &worked_on);
        CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
        tw_result_done(&result);
        tw_deferred_unref(deferred);
        if (adopted)
            drop_both();
        else
            reactor = tw_reactor_unref(reactor);
    }
}

/* A reactor may go before its base, with everything still out; the base can be used on. */
TEST(reactor_goes_before_the_base)
{
    struct tw_deferred *deferred = NULL;
    struct seen seen = {.calls = 0};
    pthread_t worked_on;
    int calls = 0;
    adopt();
    CU_ASSERT_EQUAL(tw_defer_to_thread(reactor, work, &worked_on, NULL, &deferred), 0);
    tw_deferred_add_both(deferred, see, &seen, NULL);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_SECOND, count, &calls, NULL, NULL), 0);
    call(count, &calls);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT(seen.calls == 1 && seen.code == ESHUTDOWN);
    CU_ASSERT(event_base_dispatch(base) >= 0);
    CU_ASSERT_EQUAL(calls, 0);
    tw_deferred_unref(deferred);
    event_base_free(base);
}
