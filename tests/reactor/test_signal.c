/*
 * Signals, raised by the test itself: so that the handler has run when raise() returns.
 */
#include "../harness.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("signal")

static struct tw_reactor *reactor;
static struct tw_signal_watch *kept;
static int told, others;

static void set_up(void)
{
    told = others = 0;
    kept = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void tear_down(void)
{
    kept = tw_signal_watch_unref(kept);
    reactor = tw_reactor_unref(reactor);
}

static void turn(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

static void count_signal(int number, void *counter)
{
    (void)number;
    ++*(int *)counter;
}

static void watch(struct tw_reactor *by, int number, int *counter)
{
    CU_ASSERT_EQUAL(tw_reactor_watch_signal(by, number, count_signal, counter, NULL, NULL), 0);
}

static void handle_otherwise(int number)
{
    (void)number;
    others++;
}

static void (*handler_of(int number))(int)
{
    struct sigaction now;
    CU_ASSERT_EQUAL(sigaction(number, NULL, &now), 0);
    return now.sa_handler;
}

/* It is told in a pass, not in the handler, and for the signal it watches only. */
TEST(signal_is_told_in_a_pass)
{
    set_up();
    watch(reactor, SIGUSR1, &told);
    watch(reactor, SIGUSR2, &others);
    turn();
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_FOREVER), 0); /* it does not wait */
    CU_ASSERT_EQUAL(told, 1);
    turn();
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(others, 0);
    tear_down();
}

/* Those that come before they can be told may be told as one. */
TEST(signals_may_be_told_as_one)
{
    int i;
    set_up();
    watch(reactor, SIGUSR1, &told);
    for (i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    turn();
    CU_ASSERT_EQUAL(told, 1);
    tear_down();
}

/* Several reactors may watch the same one, and several watches of a reactor: each is told. */
TEST(several_watch_the_same)
{
    struct tw_reactor *other = NULL;
    set_up();
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new("libevent", &other), 0);
    watch(reactor, SIGUSR1, &told);
    watch(reactor, SIGUSR1, &told);
    watch(other, SIGUSR1, &others);
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    turn();
    CU_ASSERT_EQUAL(told, 2);
    CU_ASSERT_EQUAL(others, 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(other, TW_SECOND), 0);
    CU_ASSERT_EQUAL(others, 1);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0); /* it is handled still */
    CU_ASSERT_EQUAL(tw_reactor_iterate(other, TW_SECOND), 0);
    CU_ASSERT_EQUAL(others, 2);
    tw_reactor_unref(other);
}

/* When nobody watches it any more, what was there before is put back. */
TEST(handler_is_put_back)
{
    signal(SIGUSR1, handle_otherwise);
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_watch_signal(reactor, SIGUSR1, count_signal, &told, NULL, &kept), 0);
    CU_ASSERT(handler_of(SIGUSR1) != handle_otherwise);
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    CU_ASSERT_EQUAL(tw_signal_watch_end(kept), 0);
    CU_ASSERT_EQUAL(tw_signal_watch_end(kept), -EALREADY);
    CU_ASSERT(handler_of(SIGUSR1) == handle_otherwise);
    turn();
    CU_ASSERT_EQUAL(told, 0); /* not even what had come */
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    CU_ASSERT_EQUAL(others, 1);
    tear_down();
    signal(SIGUSR1, SIG_DFL);
}

/* But not over one that somebody has installed meanwhile. */
TEST(handler_of_somebody_else_stays)
{
    set_up();
    watch(reactor, SIGUSR1, &told);
    signal(SIGUSR1, handle_otherwise);
    tear_down();
    CU_ASSERT(handler_of(SIGUSR1) == handle_otherwise);
    signal(SIGUSR1, SIG_DFL);
}

static void end_kept(int number, void *counter)
{
    count_signal(number, counter);
    if (kept)
        CU_ASSERT_EQUAL(tw_signal_watch_end(kept), 0);
    kept = tw_signal_watch_unref(kept);
    watch(reactor, SIGUSR1, &others);
}

/* A watch may end itself, and others, and add some, which hear of the next one. */
TEST(watches_come_and_go_while_it_is_told)
{
    int destroyed = 0;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_watch_signal(reactor, SIGUSR1, end_kept, &told, NULL, NULL), 0);
    CU_ASSERT_EQUAL(
        tw_reactor_watch_signal(reactor, SIGUSR1, count_signal, &destroyed, count_destroy, &kept),
        0);
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    turn();
    CU_ASSERT(told == 1 && others == 0);
    CU_ASSERT_EQUAL(destroyed, 1); /* by the end, not by being told */
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    turn();
    CU_ASSERT(told == 2 && others == 1);
    tear_down();
}

/* What cannot be watched is refused. */
TEST(what_cannot_be_watched)
{
    static const int numbers[] = {0, -1, 65, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGABRT};
    int destroyed = 0;
    size_t i;
    set_up();
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        PROVOKE(tw_reactor_watch_signal(reactor, numbers[i], count_signal, &destroyed,
                                        count_destroy, &kept));
    PROVOKE(tw_reactor_watch_signal(reactor, SIGUSR1, NULL, &destroyed, count_destroy, &kept));
    PROVOKE(tw_signal_watch_end(NULL));
    CU_ASSERT_EQUAL(destroyed, 9);
    CU_ASSERT_PTR_NULL(kept);
    tear_down();
}

/* A forked child has the handler back that was there before, and its signals are not the parent's
 * (T13); reactors of its own may watch. */
static int be_a_child(void)
{
    struct tw_reactor *own = NULL;
    if (handler_of(SIGUSR1) != SIG_DFL || tw_signal_watch_end(kept) != -EOWNERDEAD)
        return 1;
    if (tw_test_clock_reactor_new(&own) < 0 ||
        tw_reactor_watch_signal(own, SIGUSR1, count_signal, &others, NULL, NULL) < 0)
        return 2;
    raise(SIGUSR1);
    if (tw_reactor_iterate(own, 0) < 0 || others != 1)
        return 3;
    tw_reactor_unref(own);
    return handler_of(SIGUSR1) == SIG_DFL ? 0 : 4;
}

TEST(T13_signals_of_a_child_are_not_the_parents)
{
    int status = -1;
    pid_t child;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_watch_signal(reactor, SIGUSR1, count_signal, &told, NULL, &kept), 0);
    child = fork();
    if (child == 0)
        _exit(be_a_child());
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    turn();
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_EQUAL(raise(SIGUSR1), 0);
    turn();
    CU_ASSERT_EQUAL(told, 1);
    tear_down();
}

/* --- stopping --------------------------------------------------------------------------------- */

static void raise_term(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(raise(SIGTERM), 0);
}

/* RCT-024: asked for, SIGTERM and SIGINT stop the reactor, which remembers the number; afterwards
 * they are as they were. SIGINT is left to somebody else who handles it. */
TEST(RCT_024_signals_stop_it)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_stop_on_signals(reactor, true), 0);
    CU_ASSERT(handler_of(SIGTERM) == SIG_DFL);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, raise_term, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_stop_signal(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_stop_signal(reactor), SIGTERM);
    CU_ASSERT(handler_of(SIGTERM) == SIG_DFL && handler_of(SIGINT) == SIG_DFL);
    CU_ASSERT_EQUAL(tw_reactor_stop_on_signals(reactor, true), -EBUSY);
    tear_down();
    PROVOKE(tw_reactor_stop_on_signals(NULL, true));
    CU_ASSERT_EQUAL(tw_reactor_stop_signal(NULL), 0);
}

static void see_handlers(struct tw_trigger *trigger, void *ret_seen)
{
    (void)trigger;
    *(int *)ret_seen = (handler_of(SIGTERM) != SIG_DFL) + 2 * (handler_of(SIGINT) != SIG_DFL);
}

static void see_at(enum tw_phase phase, int *ret_seen)
{
    CU_ASSERT_EQUAL(
        tw_reactor_add_trigger(reactor, phase, "startup", see_handlers, ret_seen, NULL, NULL), 0);
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

/* RCT-025: they are watched from during startup on. */
TEST(RCT_025_watched_from_during_startup)
{
    int before = -1, during = -1;
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_stop_on_signals(reactor, true), 0);
    see_at(TW_PHASE_BEFORE, &before);
    see_at(TW_PHASE_DURING, &during);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(before, 0);
    CU_ASSERT_EQUAL(during, 3);
    tear_down();
}

/* RCT-024: without it nothing is installed, and SIGINT not over somebody else's handler. */
TEST(RCT_024_nothing_is_installed_unasked)
{
    int during = -1;
    set_up();
    see_at(TW_PHASE_DURING, &during);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(during, 0);
    tear_down();
    signal(SIGINT, handle_otherwise);
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_stop_on_signals(reactor, true), 0);
    see_at(TW_PHASE_DURING, &during);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(during, 3);
    CU_ASSERT(handler_of(SIGINT) == handle_otherwise);
    CU_ASSERT_EQUAL(raise(SIGINT), 0);
    CU_ASSERT_EQUAL(others, 1);
    tear_down();
    signal(SIGINT, SIG_DFL);
}

/* Out of memory nothing is watched, and the argument destroyed. */
SWEEP(watch_when_memory_is_short)
{
    int destroyed = 0, rc;
    if (tw_test_clock_reactor_new(&reactor) < 0)
        return;
    rc = tw_reactor_watch_signal(reactor, SIGUSR1, count_signal, &destroyed, count_destroy, NULL);
    CU_ASSERT((rc == 0 && destroyed == 0) || (rc == -ENOMEM && destroyed == 1));
    CU_ASSERT((handler_of(SIGUSR1) == SIG_DFL) == (rc < 0));
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT(handler_of(SIGUSR1) == SIG_DFL);
}
