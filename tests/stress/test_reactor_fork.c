/*
 * Reactors and fork: in the child each function of the parent's answers -EOWNERDEAD and touches
 * nothing, and the parent's loop goes on.
 */
#include "on_libevent.h"
#include <signal.h>
#include <sys/wait.h>
#include <twine/reactor/calls_from_threads_internal.h>
#include <unistd.h>

SUITE_WITH_THREADS("reactors and fork")

static struct tw_delayed_call *delayed;
static struct tw_trigger *trigger;
static struct tw_signal_watch *watch;
static struct tw_descriptor *descriptor;
static struct tw_deferred *deferred;
static struct tw_source *source;
static int ends[2];

static void count(void *counter)
{
    ++*(int *)counter;
}

static void trigger_nothing(struct tw_trigger *self, void *arg)
{
    (void)self;
    (void)arg;
}

static void signal_nothing(int number, void *arg)
{
    (void)number;
    (void)arg;
}

static void nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static int read_byte(struct tw_descriptor *self, void *counter)
{
    char byte;
    count(counter);
    return read(tw_descriptor_fd(self), &byte, 1) == 1 ? 0 : -EPIPE;
}

/* In the child: the line of what is wrong, or 0. */
#define CHILD_CHECK(condition) \
    do {                       \
        if (!(condition))      \
            return __LINE__;   \
    } while (0)

static void stop_own(void *arg)
{
    tw_reactor_stop((struct tw_reactor *)arg);
}

static int use_own(void)
{
    struct tw_reactor *own_reactor = NULL;
    struct tw_deferred *work = NULL;
    CHILD_CHECK(tw_reactor_new(NULL, &own_reactor) == 0);
    CHILD_CHECK(tw_defer_to_thread(own_reactor, nothing, NULL, NULL, &work) == 0);
    CHILD_CHECK(tw_reactor_wait(own_reactor, work, NULL) == 0);
    tw_deferred_unref(work);
    CHILD_CHECK(tw_reactor_call_later(own_reactor, 0, stop_own, own_reactor, NULL, NULL) == 0);
    CHILD_CHECK(tw_reactor_run(own_reactor) == 0);
    tw_reactor_unref(own_reactor);
    return 0;
}

static int use_the_parents(void)
{
    struct tw_call one = {nothing, NULL, NULL};
    struct tw_pool *pool = NULL;
    int destroyed = 0;
    CHILD_CHECK(tw_reactor_run(reactor) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_iterate(reactor, 0) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_stop(reactor) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_crash(reactor) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_wait(reactor, deferred, NULL) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_call_later(reactor, 0, count, &destroyed, count_destroy, NULL) ==
                -EOWNERDEAD);
    CHILD_CHECK(tw_delayed_call_cancel(delayed) == -EOWNERDEAD);
    CHILD_CHECK(tw_delayed_call_reset(delayed, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_delayed_call_delay(delayed, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_call_from_thread(reactor, count, &destroyed, count_destroy) ==
                -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_blocking_call_from_thread(reactor, nothing, &destroyed, count_destroy,
                                                     TW_FOREVER, NULL) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_call_in_thread(reactor, nothing, &destroyed, count_destroy) ==
                -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_call_multiple_in_thread(reactor, &one, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_get_thread_pool(reactor, &pool) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_suggest_thread_pool_size(reactor, 1) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_add_trigger(reactor, TW_PHASE_AFTER, "startup", trigger_nothing,
                                       &destroyed, count_destroy, NULL) == -EOWNERDEAD);
    CHILD_CHECK(tw_trigger_remove(trigger) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_fire_event(reactor, "event") == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_call_when_running(reactor, count, &destroyed, count_destroy, NULL) ==
                -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_watch_signal(reactor, SIGUSR1, signal_nothing, &destroyed, count_destroy,
                                        NULL) == -EOWNERDEAD);
    CHILD_CHECK(tw_signal_watch_end(watch) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_add_reader(reactor, descriptor) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_remove_reader(reactor, descriptor) == -EOWNERDEAD);
    CHILD_CHECK(tw_reactor_remove_all(reactor, NULL, 0) == 0);
    CHILD_CHECK(destroyed == 7);
    tw_reactor_wake_up(reactor);
    tw_reactor_unref(reactor);
    return 0;
}

/* A user who has made the base his own by event_reinit() may turn it: the reactor stays out of it. */
static int turn_the_parents_base(void)
{
    CHILD_CHECK(event_reinit(base) == 0);
    CHILD_CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    CHILD_CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    return 0;
}

static int be_a_child(void)
{
    int rc = use_the_parents();
    if (rc == 0)
        rc = use_own();
    return rc ? rc : turn_the_parents_base();
}

/* The line of what was wrong in the child, or 0. */
static int fork_and_wait(void)
{
    int ends_of_child[2], line = -1;
    pid_t child;
    CU_ASSERT_EQUAL_FATAL(pipe(ends_of_child), 0);
    child = fork();
    if (child == 0) {
        alarm(60);
        line = be_a_child();
        _exit(write(ends_of_child[1], &line, sizeof line) != sizeof line);
    }
    close(ends_of_child[1]);
    if (read(ends_of_child[0], &line, sizeof line) != sizeof line)
        line = -1;
    close(ends_of_child[0]);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    return line;
}

/* T12, R23: the child of a fork between two turns, with all that a reactor can have outstanding: a
 * delayed call, a call from a thread, a trigger, a watch, a descriptor that is ready. There all of it
 * is the parent's, in which it then happens, each once. */
TEST(T12_reactor_of_the_parent)
{
    static const struct tw_descriptor_fns fns = {sizeof fns, read_byte, NULL, NULL};
    int timers = 0, calls = 0, reads = 0;
    tw__calls_set_chunk_size(31); /* so that the child could add to what this thread has sent */
    adopt();
    CU_ASSERT(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), 0);
    CU_ASSERT_EQUAL(tw_descriptor_new(ends[0], &fns, &reads, NULL, &descriptor), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, descriptor), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_trigger(reactor, TW_PHASE_AFTER, "shutdown", trigger_nothing,
                                           NULL, NULL, &trigger),
                    0);
    CU_ASSERT_EQUAL(tw_reactor_watch_signal(reactor, SIGUSR1, signal_nothing, NULL, NULL, &watch),
                    0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, count, &timers, NULL, &delayed), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, count, &calls, NULL), 0);
    CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
    CU_ASSERT_EQUAL(fork_and_wait(), 0);
    CU_ASSERT(timers == 0 && calls == 0 && reads == 0);
    while (!timers || !calls || !reads)
        CU_ASSERT(event_base_loop(base, EVLOOP_ONCE) >= 0);
    CU_ASSERT(timers == 1 && calls == 1 && reads == 1);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, TW_MILLISECOND, count, &timers, NULL, NULL), 0);
    while (timers == 1)
        CU_ASSERT(event_base_loop(base, EVLOOP_ONCE) >= 0);
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    tw_source_unref(source);
    tw_deferred_unref(deferred);
    tw_delayed_call_unref(delayed);
    tw_trigger_unref(trigger);
    tw_signal_watch_unref(watch);
    tw_descriptor_unref(descriptor);
    drop_both();
    tw__calls_set_chunk_size(1);
    close(ends[0]);
    close(ends[1]);
}
