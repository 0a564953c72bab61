/*
 * A loop that looks for results before it sleeps, and lets others go first: then it is I/O's turn
 * before it looks again. The pool's thread is this one, when it goes first.
 */
#include "../harness.h"
#include <sched.h>
#include <twine/base/processors_internal.h>
#include <twine/base/search_internal.h>
#include <unistd.h>

SUITE("search, turns")

static struct tw_worker *pool;
static int ends[2]; /* of a pipe: to read, to write */
static int yields;
static char text[256];

/* By which the loop looks: each reading takes 400 ns. */
static uint64_t time_of_search;

static uint64_t pass_time(struct tw_clock *clock)
{
    (void)clock;
    return time_of_search += 400;
}

static const struct tw_clock_ops clock_ops = {sizeof clock_ops, "search", pass_time, NULL, NULL};
static struct tw_clock clock_of_search = {&clock_ops};

/* In place of the C library's. It takes long enough for others to have had the processor. (A leak
 * checker yields as well, when all is over.) */
int sched_yield(void)
{
    if (!pool)
        return 0;
    time_of_search += 5 * TW_MICROSECOND;
    yields++;
    tw_memory_worker_perform(pool);
    if (yields == 1)
        CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
    return 0;
}

static void work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void on_result(struct tw_result *result, void *arg)
{
    (void)result;
    strcat(text, (const char *)arg);
}

static int on_read(struct tw_descriptor *descriptor, void *arg)
{
    char byte;
    (void)arg;
    strcat(text, "read ");
    return read(tw_descriptor_fd(descriptor), &byte, 1) == 1 ? 0 : -EPIPE;
}

static void on_lost(struct tw_descriptor *descriptor, int error, void *arg)
{
    (void)descriptor;
    (void)error;
    (void)arg;
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void send_out(struct tw_reactor *reactor, const char *word)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_defer_to_pool(reactor, pool, work, NULL, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_callback(deferred, on_result, (void *)word, NULL), 0);
    tw_deferred_unref(deferred);
}

TEST(IO_has_its_turn_when_others_had_the_processor)
{
    static const struct tw_descriptor_fns fns = {sizeof fns, on_read, NULL, on_lost};
    struct tw_reactor *reactor = NULL;
    struct tw_descriptor *reader = NULL;
    int turns;
    tw__processors_hook = 2;
    tw__search_clock_hook = &clock_of_search;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new("libevent", &reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL_FATAL(tw_descriptor_new(ends[0], &fns, NULL, NULL, &reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    send_out(reactor, "first ");
    send_out(reactor, "second ");
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, do_nothing, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(yields, 1);
    CU_ASSERT_STRING_EQUAL(text, "");
    for (turns = 0; !strstr(text, "second") && turns < 10; turns++)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(yields, 2);
    CU_ASSERT_TRUE(strcmp(text, "read first second ") == 0 ||
                   strcmp(text, "first read second ") == 0);
    tw_descriptor_unref(reader);
    tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
    close(ends[0]);
    close(ends[1]);
    tw__search_clock_hook = NULL;
    tw__processors_hook = 0;
}
