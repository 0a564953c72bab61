/*
 * Calls from threads: the runs they travel in, and the memory that a thread cuts them off.
 */
#include "../harness.h"
#include <pthread.h>
#include <string.h>
#include <twine/reactor/calls_from_threads_internal.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/reactor/test_clock.h>

SUITE("calls from threads")

/* A run's first line takes one call, each further line at least two. */
enum { LINE = 64 };

static struct tw_reactor *reactor;
static int seen, gone;
static char text[256];

static void see(void *arg)
{
    (void)arg;
    seen++;
}

static void write_name(void *name)
{
    strcat(text, (const char *)name);
}

static int post(void)
{
    return tw_reactor_call_from_thread(reactor, see, &gone, count_destroy);
}

static void say(const char *name)
{
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, write_name, (void *)(uintptr_t)name, NULL),
                    0);
}

/* Returns how many blocks live with nothing posted. */
static long begin(unsigned lines)
{
    seen = gone = 0;
    text[0] = '\0';
    tw__calls_set_chunk_size(lines);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    return harness_live();
}

static void turn(void)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 0), 0);
}

static void end(void)
{
    tw__calls_set_chunk_size(1);
    tw_reactor_unref(reactor);
}

/* How many tasks the mailbox holds, which are performed. */
static int take_out(void)
{
    struct tw__reactor_common *common = reactor->_common;
    struct tw_task *task;
    int tasks = 0;
    common->calls = tw__inbox_take(&common->mailbox->inbox);
    for (task = common->calls; task; task = task->_next)
        tasks++;
    turn();
    return tasks;
}

static struct tw__call_run *newest_run(void)
{
    struct tw_task *task =
        (struct tw_task *)(uintptr_t)tw__inbox_newest(&reactor->_common->mailbox->inbox);
    return tw__call_run_of(task);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* A call by itself is one cache line. */
TEST(call_by_itself_is_a_line)
{
    struct tw__call_run *first, *other;
    begin(4);
    CU_ASSERT_EQUAL(sizeof(struct tw__call_run) + sizeof(struct tw__call), LINE);
    CU_ASSERT_EQUAL(post(), 0);
    first = newest_run();
    turn();
    CU_ASSERT_EQUAL(post(), 0);
    other = newest_run();
    CU_ASSERT_EQUAL((uintptr_t)first % LINE, 0);
    CU_ASSERT_EQUAL((uintptr_t)other % LINE, 0);
    CU_ASSERT_PTR_NOT_EQUAL(first, other);
    end();
}

/* What one thread calls one after the other is one task. */
TEST(calls_travel_as_one)
{
    int i;
    begin(31);
    for (i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(take_out(), 1);
    CU_ASSERT(seen == 20 && gone == 20);
    end();
}

/* The loop has taken the run, and closed it, after a thread has seen that it may add to it: here it
 * is only closed, of one to five calls. */
TEST(call_that_comes_too_late_is_not_lost)
{
    int before, i;
    for (before = 1; before <= 5; before++) {
        begin(5);
        for (i = 0; i < before; i++)
            CU_ASSERT_EQUAL(post(), 0);
        atomic_fetch_or(&newest_run()->count, TW__CALL_RUN_CLOSED);
        CU_ASSERT_EQUAL(post(), 0);
        CU_ASSERT_EQUAL(post(), 0);
        CU_ASSERT_EQUAL(take_out(), 2);
        CU_ASSERT(seen == before + 2 && gone == before + 2);
        end();
    }
}

static void write_task(struct tw_task *task, int status)
{
    (void)task;
    strcat(text, status == 0 ? "task " : "? ");
}

static void *write_b(void *arg)
{
    say("b ");
    return arg;
}

/* R20: what was called, or sent home, before is performed before, whoever did it. */
TEST(R20_what_comes_between_is_not_overtaken)
{
    struct tw_task task;
    pthread_t thread;
    begin(31);
    say("1 ");
    say("2 ");
    tw_task_init(&task, write_task);
    CU_ASSERT_EQUAL(tw_worker_submit(tw_reactor_worker(reactor), &task), 0);
    say("3 ");
    say("4 ");
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, write_b, NULL), 0);
    pthread_join(thread, NULL);
    say("5 ");
    turn();
    CU_ASSERT_STRING_EQUAL(text, "1 2 task 3 4 b 5 ");
    end();
}

/* Nor by a call that brings its context with it. */
TEST(CTX_calls_with_and_without_a_context_keep_their_order)
{
    static struct tw_context_key color;
    struct tw_context *before;
    begin(31);
    say("1 ");
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&color, text, NULL, &before), 0);
    say("2 ");
    say("3 ");
    tw_context_leave(before);
    say("4 ");
    turn();
    CU_ASSERT_STRING_EQUAL(text, "1 2 3 4 ");
    end();
}

/* Two reactors served by one thread in turn. */
TEST(runs_of_two_reactors)
{
    struct tw_reactor *first, *other;
    begin(31);
    first = reactor;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&other), 0);
    say("1 ");
    reactor = other;
    say("a ");
    say("b ");
    reactor = first;
    say("2 ");
    turn();
    CU_ASSERT_STRING_EQUAL(text, "1 2 ");
    reactor = other;
    turn();
    CU_ASSERT_STRING_EQUAL(text, "1 2 a b ");
    tw_reactor_unref(first);
    end();
}

static void write_more(void *name)
{
    write_name(name);
    say("more ");
}

/* CFT-014: a run that is being performed is closed. */
TEST(CFT_014_what_a_call_calls_waits_for_the_next_pass)
{
    begin(31);
    tw_reactor_call_from_thread(reactor, write_more, (void *)(uintptr_t) "1 ", NULL);
    say("2 ");
    tw_reactor_pass(reactor);
    CU_ASSERT_STRING_EQUAL(text, "1 2 ");
    tw_reactor_pass(reactor);
    CU_ASSERT_STRING_EQUAL(text, "1 2 more ");
    end();
}

/* R20: a batch ends within a run too. */
TEST(R20_batch_ends_within_a_run)
{
    int i;
    begin(255);
    for (i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(post(), 0);
    tw_reactor_pass(reactor);
    CU_ASSERT_EQUAL(seen, 128);
    CU_ASSERT_EQUAL(post(), 0); /* behind the others */
    tw_reactor_pass(reactor);
    CU_ASSERT_EQUAL(seen, 256);
    tw_reactor_pass(reactor);
    CU_ASSERT_EQUAL(seen, 300);
    tw_reactor_pass(reactor);
    CU_ASSERT(seen == 301 && gone == 301);
    end();
}

static void pass(void *arg)
{
    (void)arg;
    strcat(text, "( ");
    tw_reactor_pass(reactor);
    strcat(text, ") ");
}

/* A loop that is turned inside a call goes on where that call stands, be it the last of its run. */
TEST(calls_go_on_within_a_call)
{
    begin(31);
    say("1 ");
    tw_reactor_call_from_thread(reactor, pass, NULL, NULL);
    say("2 ");
    tw_reactor_call_from_thread(reactor, pass, NULL, NULL);
    turn();
    CU_ASSERT_STRING_EQUAL(text, "1 ( 2 ( ) ) ");
    end();
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

/* The rest of a run is accepted, and so it is performed though the loop stops; then all are refused,
 * with the newest run full or not. */
TEST(CFT_011_run_is_finished_when_the_loop_stops)
{
    int i;
    begin(31);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT(seen == 3 && gone == 3);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(post(), -ESHUTDOWN);
    CU_ASSERT(seen == 3 && gone == 6);
    end();
}

/* Nor are they overtaken when a call turns the loop while it stops, behind a whole batch. */
TEST(R20_calls_go_on_within_a_call_while_the_loop_stops)
{
    int i;
    begin(255);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    tw_reactor_call_from_thread(reactor, write_more, (void *)(uintptr_t) "1 ", NULL);
    for (i = 2; i < 128; i++)
        CU_ASSERT_EQUAL(post(), 0);
    tw_reactor_call_from_thread(reactor, pass, NULL, NULL);
    say("2 ");
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_STRING_EQUAL(text, "1 ( 2 ) more ");
    end();
}

static void crash(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_crash(reactor), 0);
}

/* What a batch has left of a run when the reactor goes is given up. */
TEST(rest_of_a_run_is_given_up)
{
    long before = begin(255);
    int i;
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, crash, NULL, NULL), 0);
    for (i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(seen, 127);
    end();
    CU_ASSERT_EQUAL(seen, 127);
    CU_ASSERT_EQUAL(gone, 300);
    CU_ASSERT_TRUE(harness_live() < before);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* So many calls take one allocation, and it goes with the last of them: here 1, 3, 3 and 2, of four
 * lines in all. */
TEST(chunk_goes_with_its_last_call)
{
    long before = begin(4);
    int i;
    for (i = 0; i < 9; i++)
        CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(harness_live(), before + 1);
    CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(harness_live(), before + 2);
    turn();
    CU_ASSERT_EQUAL(seen, 10);
    CU_ASSERT_EQUAL(gone, 10);
    CU_ASSERT_EQUAL(harness_live(), before + 1); /* of which three lines have not been cut off */
    for (i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(post(), 0);
        turn();
    }
    CU_ASSERT_EQUAL(harness_live(), before);
    end();
}

/* As many runs as there is room for, of all lengths, come back whole. */
TEST(lines_of_runs_add_up)
{
    unsigned lines, each;
    for (lines = 1; lines < 9; lines++)
        for (each = 1; each < 9; each++) {
            long before = begin(lines);
            unsigned i;
            for (i = 0; i < 10 * each; i++) {
                CU_ASSERT_EQUAL(post(), 0);
                if (i % each == each - 1)
                    turn();
            }
            CU_ASSERT_EQUAL(seen, (int)(10 * each));
            tw__calls_set_chunk_size(1);
            CU_ASSERT_EQUAL(harness_live(), before);
            end();
        }
}

/* With a key that is destroyed after ours, since it is destroyed once more. */
static pthread_key_t key;

static void post_later(void *arg)
{
    static int times;
    if (++times < 2)
        pthread_setspecific(key, arg);
    else
        CU_ASSERT_EQUAL(post(), 0);
}

static void *post_three(void *arg)
{
    pthread_setspecific(key, arg);
    post();
    post();
    post();
    return arg;
}

/* A thread's end gives back what it has not cut off, before the calls are made or after; and what is
 * posted later still, from another key's destructor, keeps nothing. */
TEST(thread_gives_the_rest_back_at_its_end)
{
    long before = begin(8);
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_key_create(&key, post_later), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, post_three, &before), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(harness_live(), before + 2);
    turn();
    CU_ASSERT_EQUAL(seen, 4);
    CU_ASSERT_EQUAL(harness_live(), before);
    pthread_key_delete(key);
    end();
}

static void *post_and_turn(void *arg)
{
    long before = begin(8);
    CU_ASSERT_EQUAL(post(), 0);
    turn();
    CU_ASSERT_EQUAL(seen, 1);
    CU_ASSERT_EQUAL(harness_live(), before + 1);
    tw_reactor_unref(reactor);
    return arg;
}

/* The same when all that it has cut off is back already. */
TEST(thread_whose_calls_have_run_leaves_nothing)
{
    long before = harness_live();
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, post_and_turn, NULL), 0);
    pthread_join(thread, NULL);
    tw__calls_set_chunk_size(1);
    CU_ASSERT_EQUAL(harness_live(), before);
}

/* Calls that the reactor gives up, and those that it refuses, are back too. */
TEST(calls_given_up_come_back)
{
    long before = begin(1);
    CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(harness_live(), before + 2);
    end();
    CU_ASSERT_EQUAL(seen, 0);
    CU_ASSERT_EQUAL(gone, 2);
    CU_ASSERT_TRUE(harness_live() < before);
}

/* Short of memory each call is accepted or refused, and its argument goes. */
SWEEP(short_of_memory)
{
    int i, accepted = 0;
    seen = gone = 0;
    tw__calls_set_chunk_size(2);
    if (tw_test_clock_reactor_new(&reactor) == 0) {
        for (i = 0; i < 8; i++)
            accepted += post() == 0;
        turn();
        CU_ASSERT_EQUAL(seen, accepted);
        CU_ASSERT_EQUAL(gone, 8);
        tw_reactor_unref(reactor);
    }
    tw__calls_set_chunk_size(1);
}
