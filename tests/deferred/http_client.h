/*
 * For the evhttp glue's tests: a server and its clients on one thread. The pool is a memory worker,
 * so that a job runs when the test says; a client is a socket, and the loop is turned until what it
 * waits for has come.
 */
#ifndef TWINE_TESTS_DEFERRED_HTTP_CLIENT_H
#define TWINE_TESTS_DEFERRED_HTTP_CLIENT_H

#include "../harness.h"
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <twine/deferred/evhttp.h>
#include <unistd.h>

static struct tw_reactor *reactor;
static struct tw_worker *pool;
static struct evhttp *http;
static uint16_t port;

/* What the server does with the next requests, and what it has kept of the last. */
static void (*on_request)(struct evhttp_request *request);
static struct tw_evhttp_options options;
static struct tw_evhttp_exchange *kept;
static int done_count, done_status, hello_count;

static inline void count_done(const struct tw_evhttp_request *request, int status, void *arg)
{
    CU_ASSERT_PTR_NOT_NULL(tw_evhttp_request_uri(request));
    CU_ASSERT_PTR_NULL(arg);
    done_count++;
    done_status = status;
}

static inline void dispatch(struct evhttp_request *request, void *arg)
{
    (void)arg;
    on_request(request);
}

static inline void listen_on_any_port(void)
{
    struct evhttp_bound_socket *bound;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    http = evhttp_new(tw_libevent_reactor_base(reactor));
    CU_ASSERT_PTR_NOT_NULL_FATAL(http);
    evhttp_set_gencb(http, dispatch, NULL);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bound);
    CU_ASSERT_EQUAL_FATAL(
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)(void *)&address, &size),
        0);
    port = ntohs(address.sin_port);
}

static inline void set_up(void (*handler)(struct evhttp_request *request))
{
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&pool), 0);
    listen_on_any_port();
    signal(SIGPIPE, SIG_IGN);
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.done = count_done;
    on_request = handler;
    done_count = done_status = hello_count = 0;
}

static inline void free_http(void)
{
    if (http)
        evhttp_free(http);
    http = NULL;
}

static inline void tear_down(void)
{
    free_http();
    kept = tw_evhttp_exchange_unref(kept);
    reactor = tw_reactor_unref(reactor);
    pool = tw_worker_unref(pool);
}

/* Turn the loop until something is so; the test fails if it does not come. */
#define UNTIL(condition)                                                     \
    do {                                                                     \
        int turns_left = 200;                                                \
        bool has_come = (condition);                                         \
        for (; !has_come && turns_left > 0; turns_left--) {                  \
            CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_SECOND / 10), 0); \
            has_come = (condition);                                          \
        }                                                                    \
        CU_ASSERT_TRUE(has_come);                                            \
    } while (0)

/* --- handlers --------------------------------------------------------------------------------- */

/* Keeps the exchange. */
static inline void keep(struct evhttp_request *request)
{
    CU_ASSERT_EQUAL_FATAL(tw_evhttp_exchange_new(request, &options, &kept), 0);
}

static inline void say_hello(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
{
    struct tw_evhttp_reply *reply = tw_evhttp_reply_in(result, 200, "text/plain");
    (void)arg;
    hello_count++;
    if (reply)
        evbuffer_add_printf(tw_evhttp_reply_body(reply), "hello %s",
                            tw_evhttp_request_path(request));
}

/* Sends it to the pool, and keeps it. */
static inline void keep_and_defer(struct evhttp_request *request)
{
    keep(request);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_defer(kept, reactor, pool, say_hello, NULL, NULL), 0);
}

/* --- clients ---------------------------------------------------------------------------------- */

static inline int client_open(void)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)(void *)&address, sizeof address), 0);
    return fd;
}

static inline void client_say(int fd, const char *text)
{
    size_t size = strlen(text);
    CU_ASSERT_EQUAL(send(fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Opens a connection and asks for a path. */
static inline int client_ask(const char *path)
{
    char text[256];
    int fd = client_open();
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
    client_say(fd, text);
    return fd;
}

/* All that comes up to a mark, which is the last of it, or, without one, up to the end. The buffer
 * stays until the next call. */
static inline const char *client_hear(int fd, const char *mark)
{
    static char heard[1 << 16];
    size_t length = 0;
    ssize_t got = 1;
    int turns_left = 200;
    heard[0] = '\0';
    while (got != 0 && !(mark && strstr(heard, mark)) && length < sizeof heard - 1 &&
           turns_left > 0) {
        got = recv(fd, heard + length, sizeof heard - 1 - length, MSG_DONTWAIT);
        if (got > 0)
            heard[length += (size_t)got] = '\0';
        else if (got < 0 && errno != EAGAIN)
            return "error";
        else if (got < 0) {
            turns_left--;
            CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, TW_SECOND / 10), 0);
        }
    }
    return turns_left > 0 ? heard : "nothing";
}

#define HEARD(fd, part)                                            \
    do {                                                           \
        const char *heard_text = client_hear((fd), (part));        \
        if (!strstr(heard_text, (part)))                           \
            printf("\n    line %d: \"%s\"", __LINE__, heard_text); \
        CU_ASSERT_PTR_NOT_NULL(strstr(heard_text, (part)));        \
    } while (0)

/* By a reset, not in order. */
static inline void client_reset(int fd)
{
    struct linger none = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static inline int perform_all(void)
{
    int performed = 0;
    while (tw_memory_worker_perform(pool) > 0)
        performed++;
    return performed;
}

#endif
