/*
 * Answers to evhttp's requests that are sent piece by piece.
 */
#include "http_client.h"

SUITE("evhttp_pieces")

static void begin(const char *first)
{
    struct tw_evhttp_reply *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_reply_new(200, "text/plain", &reply), 0);
    if (first)
        evbuffer_add_printf(tw_evhttp_reply_body(reply), "%s", first);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_begin(kept, reply), 0);
}

static int write_text(const char *text)
{
    struct evbuffer *piece = evbuffer_new();
    int rc;
    evbuffer_add_printf(piece, "%s", text);
    rc = tw_evhttp_exchange_write(kept, piece);
    CU_ASSERT_TRUE(rc < 0 || evbuffer_get_length(piece) == 0);
    evbuffer_free(piece);
    return rc;
}

/* A first piece with the headers, more as they come, and an end; then the connection is free for the
 * next. */
TEST(pieces_in_order)
{
    struct tw_evhttp_reply *reply = NULL;
    int fd;
    set_up(keep);
    fd = client_ask("/");
    UNTIL(kept != NULL);
    begin("one ");
    HEARD(fd, "Transfer-Encoding: chunked");
    CU_ASSERT_TRUE(write_text("two ") > 0);
    HEARD(fd, "two ");
    CU_ASSERT_EQUAL(tw_evhttp_reply_new(200, NULL, &reply), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_send(kept, reply), -EALREADY);
    CU_ASSERT_EQUAL(done_count, 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_end(kept), 0);
    HEARD(fd, "0\r\n\r\n");
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 200);
    PROVOKE(write_text("late"));
    PROVOKE(tw_evhttp_exchange_end(kept));
    kept = tw_evhttp_exchange_unref(kept);
    client_say(fd, "GET /again HTTP/1.1\r\nHost: test\r\n\r\n");
    UNTIL(kept != NULL);
    begin(NULL);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_end(kept), 0);
    HEARD(fd, "0\r\n\r\n");
    close(fd);
    tear_down();
}

/* HEAD gets the headers and none of the pieces. */
TEST(head_gets_no_pieces)
{
    const char *heard;
    struct tw_deferred *drained = NULL;
    int fd;
    set_up(keep);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_HEAD);
    fd = client_open();
    client_say(fd, "HEAD / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    UNTIL(kept != NULL);
    begin("one");
    CU_ASSERT_TRUE(write_text("two") >= 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_drained(kept, &drained), 0);
    CU_ASSERT_TRUE(tw_deferred_is_called(drained));
    tw_deferred_unref(drained);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_end(kept), 0);
    heard = client_hear(fd, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "HTTP/1.1 200 "));
    CU_ASSERT_PTR_NULL(strstr(heard, "one"));
    CU_ASSERT_PTR_NULL(strstr(heard, "two"));
    close(fd);
    tear_down();
}

static int drained_count, abandoned_count;

static void note_drained(struct tw_result *result, void *arg)
{
    (void)arg;
    drained_count += tw_result_is_ok(result);
    abandoned_count += tw_failure_is(tw_result_failure(result), &TW_ERROR_ABANDONED);
    tw_result_set(result, NULL, NULL);
}

static void wait_until_drained(void)
{
    struct tw_deferred *drained = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_exchange_drained(kept, &drained), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(drained, note_drained, NULL, NULL), 0);
    tw_deferred_unref(drained);
}

static char *much_text(void)
{
    size_t size = 8 << 20; /* more than the sockets hold */
    char *text = (char *)malloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

/* Who writes much waits until the client has taken it. */
TEST(writer_can_wait_for_the_reader)
{
    struct tw_deferred *second = NULL;
    char *text = much_text();
    int fd, turns;
    set_up(keep);
    drained_count = abandoned_count = 0;
    fd = client_ask("/");
    UNTIL(kept != NULL);
    begin(NULL);
    CU_ASSERT_TRUE(write_text(text) >= 8 << 20);
    wait_until_drained();
    CU_ASSERT_EQUAL(tw_evhttp_exchange_drained(kept, &second), -EALREADY);
    for (turns = 0; turns < 5; turns++)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
    CU_ASSERT_EQUAL(drained_count, 0);
    for (turns = 0; turns < 10000 && !drained_count; turns++)
        client_hear(fd, "x");
    CU_ASSERT_EQUAL(drained_count, 1);
    wait_until_drained();
    CU_ASSERT_EQUAL(drained_count, 2); /* nothing waits: at once */
    CU_ASSERT_EQUAL(tw_evhttp_exchange_end(kept), 0);
    HEARD(fd, "0\r\n\r\n");
    CU_ASSERT_EQUAL(abandoned_count, 0);
    free(text);
    close(fd);
    tear_down();
}

/* A client that goes ends the wait, and what is written then is -EPIPE. */
TEST(client_goes_between_pieces)
{
    char *text = much_text();
    int fd;
    set_up(keep);
    drained_count = abandoned_count = 0;
    fd = client_ask("/");
    UNTIL(kept != NULL);
    begin("one");
    HEARD(fd, "one");
    write_text(text);
    wait_until_drained();
    client_reset(fd);
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 0);
    CU_ASSERT_EQUAL(drained_count, 0);
    CU_ASSERT_EQUAL(abandoned_count, 1);
    CU_ASSERT_EQUAL(write_text("two"), -EPIPE);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_end(kept), -EPIPE);
    free(text);
    tear_down();
}

/* A last handle that goes without an end cuts the connection, so that the client sees it. */
TEST(answer_without_an_end_is_cut)
{
    const char *heard;
    int fd;
    set_up(keep);
    fd = client_ask("/");
    UNTIL(kept != NULL);
    begin("one");
    HEARD(fd, "one");
    kept = tw_evhttp_exchange_unref(kept);
    heard = client_hear(fd, NULL);
    CU_ASSERT_PTR_NULL(strstr(heard, "0\r\n\r\n"));
    CU_ASSERT_EQUAL(done_count, 1);
    close(fd);
    tear_down();
}

static struct tw_source *source;

static void answer_by_source(struct evhttp_request *request)
{
    struct tw_deferred *deferred = NULL;
    keep(request);
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(NULL, NULL, NULL, &source, &deferred), 0);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_answer(kept, deferred), 0);
    begin("one");
}

/* When the pieces are a Deferred's business, as a coroutine's, its success ends the answer. */
TEST(success_of_the_deferred_ends_the_answer)
{
    int fd;
    set_up(answer_by_source);
    fd = client_ask("/");
    HEARD(fd, "one");
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0);
    source = tw_source_unref(source);
    HEARD(fd, "0\r\n\r\n");
    close(fd);
    tear_down();
}

/* Its failure cuts it. */
TEST(failure_of_the_deferred_cuts_the_answer)
{
    int fd;
    set_up(answer_by_source);
    fd = client_ask("/");
    HEARD(fd, "one");
    source = tw_source_unref(source);
    CU_ASSERT_PTR_NULL(strstr(client_hear(fd, NULL), "0\r\n\r\n"));
    CU_ASSERT_EQUAL(done_count, 1);
    close(fd);
    tear_down();
}

/* A client that goes in the middle cancels it, though nothing was being written. */
TEST(client_goes_while_the_deferred_is_out)
{
    int fd;
    set_up(answer_by_source);
    fd = client_ask("/");
    HEARD(fd, "one");
    close(fd);
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 0);
    CU_ASSERT_EQUAL(tw_source_callback(source, NULL, NULL), 0); /* swallowed */
    source = tw_source_unref(source);
    tear_down();
}
