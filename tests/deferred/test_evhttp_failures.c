/*
 * Failures as answers to evhttp's requests.
 */
#include "http_client.h"

SUITE("evhttp_failures")

static int destroyed;

static const struct tw_error *fail_kind;
static int fail_code;

static void fail_so(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
{
    (void)request;
    (void)arg;
    tw_result_failf(result, fail_kind, fail_code, "secret reason");
}

static void defer_to_fail(struct evhttp_request *request)
{
    struct tw_evhttp_exchange *exchange = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_exchange_new(request, &options, &exchange), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_defer(exchange, reactor, pool, fail_so, NULL, NULL), 0);
    tw_evhttp_exchange_unref(exchange);
}

static void expect_failure(const struct tw_error *kind, int code, const char *line,
                           bool tells_reason)
{
    const char *heard;
    int fd = client_open();
    fail_kind = kind;
    fail_code = code;
    client_say(fd, "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    UNTIL(perform_all() == 1);
    heard = client_hear(fd, NULL);
    CU_ASSERT_PTR_EQUAL(strstr(heard, line), heard);
    CU_ASSERT_EQUAL(strstr(heard, "secret reason") != NULL, tells_reason);
    close(fd);
}

/* A failure becomes a status by its kind. Only TW_EVHTTP_ERROR tells the client its reason; one that
 * becomes 500 is reported to us. */
TEST(failures_become_statuses)
{
    set_up(defer_to_fail);
    expect_failure(&TW_EVHTTP_ERROR, 404, "HTTP/1.1 404 ", true);
    expect_failure(&TW_ERROR_TIMEOUT, ETIMEDOUT, "HTTP/1.1 504 ", false);
    expect_failure(&TW_ERROR_LOOKUP_TIMEOUT, ETIMEDOUT, "HTTP/1.1 504 ", false);
    expect_failure(&TW_ERROR_NO_MEMORY, ENOMEM, "HTTP/1.1 503 ", false);
    expect_failure(&TW_ERROR_CANCELLED, ECANCELED, "HTTP/1.1 503 ", false);
    expect_failure(&TW_ERROR_SYSTEM, EIO, "HTTP/1.1 500 ", false);
    expect_failure(&TW_EVHTTP_ERROR, 200, "HTTP/1.1 500 ", true);
    EXPECT_REPORTS(2);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_UNHANDLED);
    CU_ASSERT_EQUAL(harness_report(0)->code, EIO);
    tear_down();
}

static void make_teapot(struct tw_evhttp_reply *reply, const struct tw_failure *failure,
                        const struct tw_evhttp_request *request, void *arg)
{
    CU_ASSERT_PTR_NULL(arg);
    CU_ASSERT_EQUAL(tw_evhttp_reply_status(reply), 500);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_status(reply, 418), 0);
    CU_ASSERT_EQUAL(tw_evhttp_reply_set_header(reply, "Content-Type", "text/tea"), 0);
    evbuffer_drain(tw_evhttp_reply_body(reply), 1000);
    evbuffer_add_printf(tw_evhttp_reply_body(reply), "%s of %s", tw_failure_message(failure),
                        tw_evhttp_request_path(request));
}

/* The options' error writes the answer to a failure, and then nothing is reported. */
TEST(failures_are_worded_by_the_options)
{
    const char *heard;
    int fd;
    set_up(defer_to_fail);
    options.error = make_teapot;
    fail_kind = &TW_ERROR_SYSTEM;
    fd = client_ask("/tea");
    UNTIL(perform_all() == 1);
    heard = client_hear(fd, "secret reason of /tea");
    CU_ASSERT_PTR_EQUAL(strstr(heard, "HTTP/1.1 418 "), heard);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "Content-Type: text/tea\r\n"));
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 418);
    close(fd);
    tear_down();
}

static void leave_a_number(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
{
    (void)request;
    tw_result_set(result, arg, count_destroy);
}

static void defer_a_number(struct evhttp_request *request)
{
    keep(request);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_defer(kept, reactor, pool, leave_a_number, &destroyed, NULL),
                    0);
}

/* A value that is no reply is destroyed, the client is told 500, and we are told why. */
TEST(value_that_is_no_reply)
{
    int fd;
    set_up(defer_a_number);
    destroyed = 0;
    fd = client_ask("/");
    UNTIL(perform_all() == 1);
    HEARD(fd, "HTTP/1.1 500 ");
    CU_ASSERT_EQUAL(destroyed, 1);
    EXPECT_REPORTS(1);
    close(fd);
    tear_down();
}
