/*
 * Answers to evhttp's requests: from a pool, from Deferreds, and by hand.
 */
#include "http_client.h"

SUITE("evhttp")

static int destroyed;

/* --- from a pool ------------------------------------------------------------------------------ */

/* A request goes to the pool, and what the work leaves is the answer; then it is over, once. */
TEST(work_in_a_pool_answers)
{
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/world");
    UNTIL(kept != NULL);
    kept = tw_evhttp_exchange_unref(kept);
    CU_ASSERT_EQUAL(perform_all(), 1);
    HEARD(fd, "hello /world");
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 200);
    close(fd);
    tear_down();
}

static void look_closely(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
{
    const char *name = NULL, *value = NULL;
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_method(request), "POST");
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_uri(request), "/a%20b?x=1+2&y=%26&x=3");
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_path(request), "/a%20b");
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_query(request), "x=1+2&y=%26&x=3");
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_parameter(request, "x"), "1 2");
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_parameter(request, "y"), "&");
    CU_ASSERT_PTR_NULL(tw_evhttp_request_parameter(request, "z"));
    CU_ASSERT_EQUAL(tw_evhttp_request_parameter_at(request, 2, &name, &value), 0);
    CU_ASSERT_STRING_EQUAL(name, "x");
    CU_ASSERT_STRING_EQUAL(value, "3");
    CU_ASSERT_EQUAL(tw_evhttp_request_parameter_at(request, 3, &name, &value), -ENOENT);
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_header(request, "x-LOUD"), "quiet");
    CU_ASSERT_PTR_NULL(tw_evhttp_request_header(request, "X-None"));
    CU_ASSERT_EQUAL(tw_evhttp_request_header_at(request, 0, &name, NULL), 0);
    CU_ASSERT_STRING_EQUAL(name, "Host");
    CU_ASSERT_EQUAL(tw_evhttp_request_header_at(request, 3, NULL, NULL), -ENOENT);
    CU_ASSERT_EQUAL(tw_evhttp_request_body_size(request), 5);
    CU_ASSERT_EQUAL(memcmp(tw_evhttp_request_body(request), "bo\ndy", 6), 0);
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_peer(request), "127.0.0.1");
    CU_ASSERT_TRUE(tw_evhttp_request_peer_port(request) > 0);
    CU_ASSERT_PTR_NOT_NULL(arg);
    say_hello(result, request, NULL);
}

static void defer_closely(struct evhttp_request *request)
{
    struct tw_evhttp_exchange *exchange = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_exchange_new(request, &options, &exchange), 0);
    CU_ASSERT_EQUAL(
        tw_evhttp_exchange_defer(exchange, reactor, pool, look_closely, &destroyed, count_destroy),
        0);
    tw_evhttp_exchange_unref(exchange);
}

/* Work sees all that came, copied; its argument is destroyed behind it. */
TEST(work_sees_the_request)
{
    int fd;
    set_up(defer_closely);
    destroyed = 0;
    fd = client_open();
    client_say(fd, "POST /a%20b?x=1+2&y=%26&x=3 HTTP/1.1\r\nHost: test\r\nX-Loud: quiet\r\n"
                   "Content-Length: 5\r\n\r\nbo\ndy");
    UNTIL(perform_all() == 1);
    CU_ASSERT_EQUAL(destroyed, 1);
    HEARD(fd, "hello /a%20b");
    close(fd);
    tear_down();
}

/* A query that cannot be read has no parameters, and is there as it came. */
TEST(query_that_cannot_be_read)
{
    const struct tw_evhttp_request *request;
    int fd;
    set_up(keep);
    fd = client_ask("/?nonsense");
    UNTIL(kept != NULL);
    request = tw_evhttp_exchange_request(kept);
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_query(request), "nonsense");
    CU_ASSERT_EQUAL(tw_evhttp_request_parameter_at(request, 0, NULL, NULL), -ENOENT);
    CU_ASSERT_EQUAL(tw_evhttp_request_body_size(request), 0);
    CU_ASSERT_STRING_EQUAL((const char *)tw_evhttp_request_body(request), "");
    close(fd);
    tear_down();
}

/* A request may outlive its exchange, in another's hands. */
TEST(request_outlives_its_exchange)
{
    struct tw_evhttp_request *request;
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/later");
    UNTIL(kept != NULL);
    request = tw_evhttp_request_ref(tw_evhttp_exchange_request(kept));
    CU_ASSERT_EQUAL(perform_all(), 1);
    HEARD(fd, "hello");
    close(fd);
    tear_down();
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_path(request), "/later");
    tw_evhttp_request_unref(request);
}

/* Requests sent ahead on one connection are answered in order. */
TEST(requests_sent_ahead_are_answered_in_order)
{
    int fd;
    set_up(defer_closely);
    on_request = keep_and_defer;
    fd = client_open();
    client_say(fd, "GET /1 HTTP/1.1\r\nHost: test\r\n\r\nGET /2 HTTP/1.1\r\nHost: test\r\n\r\n");
    UNTIL(perform_all() == 1);
    kept = tw_evhttp_exchange_unref(kept);
    HEARD(fd, "hello /1");
    UNTIL(perform_all() == 1);
    HEARD(fd, "hello /2");
    UNTIL(done_count == 2);
    close(fd);
    tear_down();
}

/* --- replies ---------------------------------------------------------------------------------- */

static int send_status;

static void send_with_headers(struct evhttp_request *request)
{
    struct tw_evhttp_exchange *exchange = NULL;
    struct tw_evhttp_reply *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_exchange_new(request, &options, &exchange), 0);
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_reply_new(send_status, "text/x", &reply), 0);
    CU_ASSERT_EQUAL(tw_evhttp_reply_status(reply), send_status);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_header(reply, "X-Two", "first"), 0);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_header(reply, "X-Two", "second"), 0);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_header(reply, "Content-Length", "999"), 0);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_header(reply, "X-Bad", "a\r\nX-Forged: b"), -EINVAL);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_header(reply, "X Bad", "a"), -EINVAL);
    evbuffer_add_printf(tw_evhttp_reply_body(reply), "12345");
    CU_ASSERT_EQUAL(tw_evhttp_exchange_send(exchange, reply), 0);
    CU_ASSERT_EQUAL(tw_evhttp_reply_new(200, NULL, &reply), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_send(exchange, reply), -EALREADY);
    tw_evhttp_exchange_unref(exchange);
}

/* Headers go along, the length is seen to, and nobody can forge one. A second answer is refused. */
TEST(reply_has_headers_and_its_length)
{
    const char *heard;
    int fd;
    set_up(send_with_headers);
    send_status = 201;
    fd = client_ask("/");
    heard = client_hear(fd, "12345");
    CU_ASSERT_PTR_EQUAL(strstr(heard, "HTTP/1.1 201 "), heard);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "X-Two: second\r\n"));
    CU_ASSERT_PTR_NULL(strstr(heard, "first"));
    CU_ASSERT_PTR_NULL(strstr(heard, "Forged"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "Content-Type: text/x\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "Content-Length: 5\r\n"));
    CU_ASSERT_PTR_NULL(strstr(heard, "999"));
    close(fd);
    tear_down();
}

/* HEAD has the length and no body; 204 has neither. */
TEST(reply_without_a_body)
{
    const char *heard;
    int fd;
    set_up(send_with_headers);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_HEAD | EVHTTP_REQ_GET);
    send_status = 200;
    fd = client_open();
    client_say(fd, "HEAD / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    heard = client_hear(fd, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "Content-Length: 5\r\n"));
    CU_ASSERT_PTR_NULL(strstr(heard, "12345"));
    close(fd);
    send_status = 204;
    fd = client_open();
    client_say(fd, "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    heard = client_hear(fd, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "HTTP/1.1 204 "));
    CU_ASSERT_PTR_NULL(strstr(heard, "Content-Length"));
    CU_ASSERT_PTR_NULL(strstr(heard, "12345"));
    close(fd);
    tear_down();
}

/* --- from Deferreds --------------------------------------------------------------------------- */

static void answer_at_once(struct evhttp_request *request)
{
    struct tw_result result = TW_RESULT_INIT;
    struct tw_deferred *deferred = NULL;
    tw_destroy_fn destroy = NULL;
    void *value;
    keep(request);
    say_hello(&result, tw_evhttp_exchange_request(kept), NULL);
    value = tw_result_take(&result, &destroy);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_succeed(value, destroy, &deferred), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_answer(kept, deferred), 0);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_succeed(NULL, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_answer(kept, deferred), -EALREADY);
}

/* A Deferred that has fired already answers at once; another comes too late, and is cancelled. */
TEST(fired_deferred_answers_at_once)
{
    int fd;
    set_up(answer_at_once);
    fd = client_ask("/now");
    HEARD(fd, "hello /now");
    close(fd);
    tear_down();
}

/* --- here and now ----------------------------------------------------------------------------- */

static struct tw_source *later;

static void leave_a_deferred(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_PTR_NOT_NULL(arg);
    if (strcmp(tw_evhttp_request_path(request), "/now") == 0) {
        say_hello(result, request, NULL);
        return;
    }
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(NULL, NULL, NULL, &later, &deferred), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, deferred), 0);
}

static void call_here(struct evhttp_request *request)
{
    keep(request);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_call(kept, leave_a_deferred, &destroyed, count_destroy), 0);
    kept = tw_evhttp_exchange_unref(kept);
}

/* Work on the loop's thread answers at once, or leaves a Deferred; a client that goes cancels that
 * one. */
TEST(work_here_may_leave_a_deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    int fd;
    set_up(call_here);
    destroyed = 0;
    fd = client_ask("/now");
    HEARD(fd, "hello /now");
    CU_ASSERT_EQUAL(destroyed, 1);
    client_say(fd, "GET /later HTTP/1.1\r\nHost: test\r\n\r\n");
    UNTIL(later != NULL);
    CU_ASSERT_EQUAL(destroyed, 2);
    CU_ASSERT_PTR_NOT_NULL(tw_evhttp_reply_in(&result, 202, NULL));
    CU_ASSERT_EQUAL(tw_source_fire(later, &result), 0);
    later = tw_source_unref(later);
    HEARD(fd, "HTTP/1.1 202 ");
    client_say(fd, "GET /later HTTP/1.1\r\nHost: test\r\n\r\n");
    UNTIL(later != NULL);
    close(fd);
    UNTIL(done_count == 3);
    CU_ASSERT_EQUAL(done_status, 0);
    CU_ASSERT_EQUAL(tw_source_callback(later, NULL, NULL), 0); /* swallowed */
    later = tw_source_unref(later);
    tear_down();
}

/* --- by hand ---------------------------------------------------------------------------------- */

/* A handle that goes without an answer answers 500, and that is reported. */
TEST(exchange_left_unanswered)
{
    int fd;
    set_up(keep);
    fd = client_ask("/");
    UNTIL(kept != NULL);
    CU_ASSERT_PTR_EQUAL(tw_evhttp_exchange_ref(kept), kept);
    tw_evhttp_exchange_unref(kept);
    CU_ASSERT_EQUAL(done_count, 0);
    kept = tw_evhttp_exchange_unref(kept);
    HEARD(fd, "HTTP/1.1 500 ");
    EXPECT_REPORTS(1);
    CU_ASSERT_PTR_EQUAL(harness_report(0)->kind, &TW_ERROR_ABANDONED);
    close(fd);
    tear_down();
}

/* An answer by hand, a timeout's for instance, cancels the job that was to give it. */
TEST(answer_by_hand_cancels_the_job)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_EVHTTP_ERROR, 429, "too many");
    int fd;
    set_up(keep_and_defer);
    fd = client_ask("/");
    UNTIL(kept != NULL);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_defer(kept, reactor, pool, say_hello, &destroyed, NULL),
                    -EALREADY);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_fail(kept, failure), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_fail(kept, failure), -EALREADY);
    HEARD(fd, "too many");
    on_request = NULL;
    perform_all();
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 429);
    tw_failure_unref(failure);
    close(fd);
    tear_down();
}

/* --- ends ------------------------------------------------------------------------------------- */

static void defer_after_quit(struct evhttp_request *request)
{
    keep(request);
    tw_worker_quit(pool);
    destroyed = 0;
    CU_ASSERT_EQUAL(
        tw_evhttp_exchange_defer(kept, reactor, pool, say_hello, &destroyed, count_destroy),
        -ESHUTDOWN);
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* A pool that refuses: the client is told 503, the argument is consumed. */
TEST(pool_that_refuses)
{
    int fd;
    set_up(defer_after_quit);
    fd = client_ask("/");
    HEARD(fd, "HTTP/1.1 503 ");
    close(fd);
    tear_down();
}

/* The reactor goes first: its jobs fail, and evhttp, on a base of the user's, still tells the
 * clients. */
TEST(reactor_goes_before_evhttp)
{
    struct event_base *base = event_base_new();
    struct tw_reactor *second = NULL;
    int fd;
    CU_ASSERT_EQUAL_FATAL(tw_libevent_reactor_new(base, &reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
    listen_on_any_port();
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.done = count_done;
    done_count = 0;
    on_request = keep_and_defer;
    fd = client_ask("/");
    UNTIL(kept != NULL);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL_FATAL(tw_libevent_reactor_new(base, &second), 0);
    reactor = second; /* only to turn the base */
    HEARD(fd, "HTTP/1.1 503 ");
    UNTIL(done_count == 1);
    perform_all();
    close(fd);
    tear_down();
    event_base_free(base);
}

/* --- misuse, memory --------------------------------------------------------------------------- */

static void misuse(struct evhttp_request *request)
{
    struct tw_evhttp_options wrong = {.size = 1};
    struct tw_reactor *stranger = NULL;
    struct tw_deferred *deferred = NULL;
    struct tw_evhttp_reply *reply = NULL;
    struct tw_result result = TW_RESULT_INIT;
    struct evbuffer *piece = evbuffer_new();
    destroyed = 0;
    PROVOKE(tw_evhttp_exchange_new(request, &wrong, &kept));
    PROVOKE(tw_evhttp_exchange_new(NULL, NULL, &kept));
    PROVOKE(tw_evhttp_exchange_new(request, NULL, NULL));
    PROVOKE(tw_evhttp_defer_to_thread(NULL, request, say_hello, &destroyed, count_destroy));
    keep(request);
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &stranger), 0);
    PROVOKE(tw_evhttp_exchange_defer(kept, stranger, pool, say_hello, &destroyed, count_destroy));
    PROVOKE(tw_evhttp_exchange_defer(kept, reactor, pool, NULL, &destroyed, count_destroy));
    PROVOKE(tw_evhttp_exchange_call(NULL, say_hello, &destroyed, count_destroy));
    PROVOKE(tw_evhttp_exchange_spawn(kept, NULL, say_hello, &destroyed, count_destroy));
    tw_reactor_unref(stranger);
    CU_ASSERT_EQUAL(destroyed, 5);
    CU_ASSERT_EQUAL(tw_deferred_succeed(NULL, NULL, &deferred), 0);
    PROVOKE(tw_evhttp_exchange_answer(NULL, deferred));
    PROVOKE(tw_evhttp_exchange_answer(kept, NULL));
    PROVOKE(tw_evhttp_exchange_send(kept, NULL));
    PROVOKE(tw_evhttp_exchange_fail(kept, NULL));
    PROVOKE(tw_evhttp_exchange_begin(kept, NULL));
    PROVOKE(tw_evhttp_exchange_write(kept, piece));
    PROVOKE(tw_evhttp_exchange_drained(kept, &deferred));
    PROVOKE(tw_evhttp_exchange_end(kept));
    PROVOKE(tw_evhttp_reply_new(42, NULL, &reply));
    PROVOKE(tw_evhttp_reply_set_status(NULL, 200));
    PROVOKE(tw_evhttp_reply_set_header(NULL, "a", "b"));
    CU_ASSERT_PTR_NULL(tw_evhttp_reply_in(&result, 200, "a\r\nb"));
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    tw_result_done(&result);
    tw_evhttp_reply_free(NULL);
    evbuffer_free(piece);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_defer(kept, reactor, pool, say_hello, NULL, NULL), 0);
}

/* What is wrong is told, and the request can be answered afterwards. */
TEST(misuse_is_told)
{
    int fd;
    set_up(misuse);
    fd = client_ask("/");
    UNTIL(perform_all() == 1);
    HEARD(fd, "hello /");
    CU_ASSERT_PTR_NULL(tw_evhttp_exchange_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_evhttp_exchange_unref(NULL));
    CU_ASSERT_PTR_NULL(tw_evhttp_request_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_evhttp_request_unref(NULL));
    CU_ASSERT_FALSE(tw_evhttp_exchange_is_gone(NULL));
    CU_ASSERT_PTR_NULL(tw_evhttp_request_header(NULL, "a"));
    close(fd);
    tear_down();
}

static bool has_been_asked;

static void defer_in_a_sweep(struct evhttp_request *request)
{
    struct tw_evhttp_exchange *exchange = NULL;
    has_been_asked = true;
    if (tw_evhttp_exchange_new(request, &options, &exchange) < 0)
        return;
    if (evhttp_request_get_uri(request)[1] == 'h')
        tw_evhttp_exchange_call(exchange, say_hello, NULL, NULL);
    else if (evhttp_request_get_uri(request)[1] == 's')
        tw_evhttp_exchange_spawn(exchange, reactor, say_hello, NULL, NULL);
    else
        tw_evhttp_exchange_defer(exchange, reactor, pool, say_hello, NULL, NULL);
    tw_evhttp_exchange_unref(exchange);
}

static void ask_in_a_sweep(const char *path)
{
    const char *heard;
    int fd = client_ask(path);
    int turns_left = 100;
    has_been_asked = false;
    while (!has_been_asked && turns_left-- > 0)
        tw_reactor_iterate(reactor, TW_SECOND / 10);
    perform_all();
    heard = client_hear(fd, "\r\n\r\n");
    CU_ASSERT_TRUE(strstr(heard, "HTTP/1.1 200 ") == heard ||
                   (harness_failed_one() && strstr(heard, "HTTP/1.1 50") == heard));
    close(fd);
}

/* Whichever allocation fails, the client has an answer, and nothing is left behind. */
SWEEP(answer_without_memory)
{
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    on_request = defer_in_a_sweep;
    if (tw_reactor_new(NULL, &reactor) == 0 && tw_memory_worker_new(&pool) == 0) {
        listen_on_any_port();
        ask_in_a_sweep("/world");
        ask_in_a_sweep("/here");
        ask_in_a_sweep("/spawn");
    }
    tear_down();
}
