/*
 * Memory that a thread cuts its calls off.
 */
#include "../harness.h"
#include <pthread.h>
#include <twine/reactor/call_memory_internal.h>
#include <twine/reactor/test_clock.h>

SUITE("call memory")

static struct tw_reactor *reactor;
static int seen, gone;

static void see(void *arg)
{
    (void)arg;
    seen++;
}

static int post(void)
{
    return tw_reactor_call_from_thread(reactor, see, &gone, count_destroy);
}

/* Returns how many blocks live with nothing posted. */
static long begin(unsigned chunk_size)
{
    seen = gone = 0;
    tw__call_set_chunk_size(chunk_size);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    return harness_live();
}

static void turn(void)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 0), 0);
}

static void end(void)
{
    tw__call_set_chunk_size(1);
    tw_reactor_unref(reactor);
}

/* A call is one cache line, and does not share it. */
TEST(call_is_a_line)
{
    struct tw__call *one = tw__call_new(), *other = tw__call_new();
    CU_ASSERT_EQUAL(sizeof(struct tw__call), 64);
    CU_ASSERT_EQUAL((uintptr_t)one % 64, 0);
    CU_ASSERT_EQUAL((uintptr_t)other % 64, 0);
    tw__call_free(one);
    tw__call_free(other);
}

/* So many calls take one allocation, and it goes with the last of them. */
TEST(chunk_goes_with_its_last_call)
{
    long before = begin(4);
    int i;
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(harness_live(), before + 1);
    CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(harness_live(), before + 2);
    turn();
    CU_ASSERT_EQUAL(seen, 5);
    CU_ASSERT_EQUAL(gone, 5);
    CU_ASSERT_EQUAL(harness_live(), before + 1); /* of which three have not been made */
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(post(), 0);
    turn();
    CU_ASSERT_EQUAL(harness_live(), before);
    end();
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
    end();
    return arg;
}

/* The same when all that it has cut off is back already. */
TEST(thread_whose_calls_have_run_leaves_nothing)
{
    long before = harness_live();
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, post_and_turn, NULL), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(harness_live(), before);
}

/* Calls that the reactor gives up, and those that it refuses, are back too. */
TEST(calls_given_up_come_back)
{
    long before = begin(2);
    CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(post(), 0);
    CU_ASSERT_EQUAL(harness_live(), before + 1);
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
    tw__call_set_chunk_size(2);
    if (tw_test_clock_reactor_new(&reactor) == 0) {
        for (i = 0; i < 4; i++)
            accepted += post() == 0;
        turn();
        CU_ASSERT_EQUAL(seen, accepted);
        CU_ASSERT_EQUAL(gone, 4);
        while (accepted++ % 2) { /* a chunk is used up */
            CU_ASSERT_EQUAL(post(), 0);
            turn();
        }
        tw_reactor_unref(reactor);
    }
    tw__call_set_chunk_size(1);
}
