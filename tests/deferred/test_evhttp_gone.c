/*
 * Clients of evhttp who go before they have their answer.
 */
#include "http_client.h"
#include <sys/resource.h>

SUITE("evhttp_gone")

static struct tw_evhttp_reply *new_reply(void)
{
    struct tw_evhttp_reply *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_reply_new(200, NULL, &reply), 0);
    return reply;
}

static struct tw_deferred *new_fired(void)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_succeed(NULL, NULL, &deferred), 0);
    return deferred;
}

/* Whatever comes late is told so, cleanly. */
static void all_is_too_late(void)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR, 0, "late");
    struct evbuffer *piece = evbuffer_new();
    int destroyed = 0;
    CU_ASSERT_TRUE(tw_evhttp_exchange_is_gone(kept));
    CU_ASSERT_EQUAL(tw_evhttp_exchange_send(kept, new_reply()), -EPIPE);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_fail(kept, failure), -EPIPE);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_begin(kept, new_reply()), -EPIPE);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_write(kept, piece), -EPIPE);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_end(kept), -EPIPE);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_answer(kept, new_fired()), -EPIPE);
    CU_ASSERT_EQUAL(
        tw_evhttp_exchange_defer(kept, reactor, pool, say_hello, &destroyed, count_destroy),
        -EPIPE);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_path(tw_evhttp_exchange_request(kept)), "/gone");
    tw_failure_unref(failure);
    evbuffer_free(piece);
}

/* The job that waits for a thread is taken out, it is over once, and what comes late is -EPIPE. */
static void expect_gone(void)
{
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 0);
    all_is_too_late();
    perform_all();
    CU_ASSERT_EQUAL(hello_count, 0);
    tear_down();
    CU_ASSERT_EQUAL(done_count, 1);
}

/* A client that closes in order is noticed while its job waits. */
TEST(close_is_noticed)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/gone");
    UNTIL(kept != NULL);
    close(fd);
    expect_gone();
}

/* So is one that is reset. */
TEST(reset_is_noticed)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/gone");
    UNTIL(kept != NULL);
    client_reset(fd);
    expect_gone();
}

/* So is one that had sent another request ahead, which nobody will see. */
TEST(close_behind_another_request_is_noticed)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/gone");
    client_say(fd, "GET /never HTTP/1.1\r\nHost: test\r\n\r\n");
    UNTIL(kept != NULL);
    close(fd);
    expect_gone();
}

/* A request sent ahead by a client that stays is no hang-up. */
TEST(request_sent_ahead_is_no_hang_up)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/1");
    UNTIL(kept != NULL);
    client_say(fd, "GET /2 HTTP/1.1\r\nHost: test\r\n\r\n");
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_SECOND / 10), 0);
    CU_ASSERT_FALSE(tw_evhttp_exchange_is_gone(kept));
    kept = tw_evhttp_exchange_unref(kept);
    CU_ASSERT_EQUAL(perform_all(), 1);
    HEARD(fd, "hello /1");
    UNTIL(kept != NULL);
    CU_ASSERT_EQUAL(perform_all(), 1);
    HEARD(fd, "hello /2");
    close(fd);
    tear_down();
}

/* One that closes its sending side only looks the same, but hears that it did. */
TEST(half_closed_client_is_told)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/gone");
    UNTIL(kept != NULL);
    shutdown(fd, SHUT_WR);
    HEARD(fd, "HTTP/1.1 499 ");
    CU_ASSERT_STRING_EQUAL(client_hear(fd, NULL), ""); /* and is closed */
    close(fd);
    expect_gone();
}

static int client_of_job;
static bool was_cancelled, was_before;

/* Its client goes while it runs; the loop goes on meanwhile. */
static void work_while_client_goes(struct tw_result *result, struct tw_evhttp_request *request,
                                   void *arg)
{
    was_before = tw_cancelled();
    close(client_of_job);
    UNTIL(tw_evhttp_exchange_is_gone(kept));
    was_cancelled = tw_cancelled();
    say_hello(result, request, arg);
    hello_count--;
}

static void keep_and_defer_long(struct evhttp_request *request)
{
    keep(request);
    CU_ASSERT_EQUAL(
        tw_evhttp_exchange_defer(kept, reactor, pool, work_while_client_goes, NULL, NULL), 0);
}

/* A job that runs sees tw_cancelled(); its reply is freed when it comes home. */
TEST(running_job_is_asked_to_stop)
{
    set_up(keep_and_defer_long);
    client_of_job = client_ask("/gone");
    UNTIL(kept != NULL);
    CU_ASSERT_EQUAL(perform_all(), 1);
    CU_ASSERT_FALSE(was_before);
    CU_ASSERT_TRUE(was_cancelled);
    expect_gone();
}

/* Nobody watches a kept exchange without a Deferred: it is noticed at the write, and is over. */
TEST(unwatched_client_is_noticed_at_the_write)
{
    int fd;
    set_up(keep);
    fd = client_ask("/gone");
    UNTIL(kept != NULL);
    client_reset(fd);
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_SECOND / 10), 0);
    CU_ASSERT_FALSE(tw_evhttp_exchange_is_gone(kept));
    CU_ASSERT_EQUAL(tw_evhttp_exchange_send(kept, new_reply()), 0);
    expect_gone();
}

static struct tw_source *source;
static int refusals;

static int refuse(struct tw_source *borrowed, void *arg)
{
    (void)borrowed;
    (void)arg;
    refusals++;
    return -EBUSY;
}

static void answer_with_stubborn(struct evhttp_request *request)
{
    struct tw_deferred *deferred = NULL;
    keep(request);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(refuse, NULL, NULL, &source, &deferred), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_answer(kept, deferred), 0);
}

/* A Deferred that refuses to be cancelled may fire later: its reply is freed. */
TEST(deferred_that_refuses_to_be_cancelled)
{
    struct tw_result result = TW_RESULT_INIT;
    int fd;
    set_up(answer_with_stubborn);
    refusals = 0;
    fd = client_ask("/gone");
    UNTIL(kept != NULL);
    close(fd);
    UNTIL(done_count == 1);
    CU_ASSERT_TRUE(refusals > 0);
    tw_evhttp_result_set(&result, new_reply());
    CU_ASSERT_EQUAL(tw_source_fire(source, &result), 0);
    source = tw_source_unref(source);
    expect_gone();
}

/* The server goes: exchanges that wait are cancelled, and handles that are left do no harm. */
TEST(evhttp_goes_first)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/gone");
    UNTIL(kept != NULL);
    free_http();
    CU_ASSERT_EQUAL(done_count, 1);
    CU_ASSERT_STRING_EQUAL(client_hear(fd, NULL), "");
    close(fd);
    expect_gone();
}

/* With no descriptor to spare for a watch the job goes on, and the client has its answer. */
TEST(no_descriptor_for_a_watch)
{
    int fd, fds[1024], count = 0;
    set_up(keep);
    fd = client_ask("/stays");
    UNTIL(kept != NULL);
    {
        struct rlimit limit, low;
        CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
        low = limit;
        low.rlim_cur = 64;
        CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &low), 0);
        while (count < 1024 && (fds[count] = dup(fd)) >= 0)
            count++;
        CU_ASSERT_EQUAL(tw_evhttp_exchange_defer(kept, reactor, pool, say_hello, NULL, NULL), 0);
        while (count > 0)
            close(fds[--count]);
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    CU_ASSERT_EQUAL(perform_all(), 1);
    HEARD(fd, "hello /stays");
    close(fd);
    tear_down();
}
