#include "exchange.h"

#include "json.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_CLOSED_REQUEST 499 /* no standard's, but nginx's, and known by that */

struct exchange {
    struct server *server;
    struct evhttp_request *request; /* NULL once evhttp is done with it */
    struct tw_deferred *job;        /* while a job is out */
    struct event *watch;            /* while a job is out, for a client that goes */
    unsigned holders;               /* evhttp, the job, and whoever is in here */
    bool hung_up;
};

/* ---- life ---- */

static void hold(struct exchange *exchange)
{
    exchange->holders++;
}

static void let_go(void *arg)
{
    struct exchange *exchange = arg;
    struct server *server = exchange->server;
    if (--exchange->holders > 0)
        return;
    server->count.in_flight--;
    if (exchange->hung_up)
        server->count.hung_up++;
    else
        server->count.answered++;
    free(exchange);
}

/* ---- the client that goes away ---- */

/* The descriptor must be closed before the answer is sent: while it is open, a connection that
 * evhttp closes would not be closed for the client. */
static void end_watch(struct exchange *exchange)
{
    evutil_socket_t fd;
    if (!exchange->watch)
        return;
    fd = event_get_fd(exchange->watch);
    event_free(exchange->watch);
    close(fd);
    exchange->watch = NULL;
}

/* A closed connection shows as EV_CLOSED, even behind requests sent ahead; a reset one as an error
 * of the socket. Anything else is a request sent ahead, which evhttp will read in its time. */
static bool client_has_gone(evutil_socket_t fd, short what)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (what & EV_CLOSED)
        return true;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0;
}

/*
 * A client that only closes its sending side looks just like one that has gone. Hardly any does
 * so before it has its answer, and work for nobody is dear; so both lose their job. An answer is
 * sent all the same, by deliver(): the one who still listens gets a sentence, and for the other
 * evhttp finds out by itself.
 */
static void client_stirs(evutil_socket_t fd, short what, void *arg)
{
    struct exchange *exchange = arg;
    if (!client_has_gone(fd, what))
        return;
    exchange->hung_up = true;
    tw_deferred_cancel(exchange->job); /* deliver() runs within, and ends this watch */
}

/*
 * A descriptor of our own, since evhttp's is in the loop already; edge-triggered, since what
 * arrives stays unread, and would be reported without end. (To enable reading on evhttp's own
 * bufferevent instead would let a client that sends ahead end the process: evhttp asserts that it
 * reads no second request while it answers the first.)
 *
 * Where there is no descriptor or no memory for it, a hang-up is noticed at the write.
 */
static void begin_watch(struct exchange *exchange)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);
    struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
    struct event_base *base = tw_libevent_reactor_base(exchange->server->reactor);
    int fd = fcntl(bufferevent_getfd(stream), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return;
    exchange->watch =
        event_new(base, fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, client_stirs, exchange);
    if (!exchange->watch)
        close(fd);
    else if (event_add(exchange->watch, NULL) < 0)
        end_watch(exchange);
}

/* ---- what evhttp tells; exactly one of the two, once ---- */

/* The answer has left. The connection may live on, with requests that are not ours. */
static void request_completed(struct evhttp_request *request, void *arg)
{
    struct exchange *exchange = arg;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    exchange->request = NULL;
    let_go(exchange);
}

/* The connection goes before the answer has left: the client is gone, or the server stops. */
static void connection_closed(struct evhttp_connection *connection, void *arg)
{
    struct exchange *exchange = arg;
    struct evhttp_request *request = exchange->request;
    (void)connection;
    exchange->request = NULL;
    exchange->hung_up = true;
    end_watch(exchange);
    if (!evhttp_request_get_connection(request))
        evhttp_request_free(request); /* evhttp has parted with it; else it frees it itself */
    if (exchange->job)
        tw_deferred_cancel(exchange->job);
    let_go(exchange);
}

struct exchange *exchange_begin(struct server *server, struct evhttp_request *request)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return NULL;
    }
    exchange->server = server;
    exchange->request = request;
    exchange->holders = 1;
    server->count.requests++;
    server->count.in_flight++;
    evhttp_request_set_on_complete_cb(request, request_completed, exchange);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), connection_closed,
                                  exchange);
    return exchange;
}

struct server *exchange_server(const struct exchange *exchange)
{
    return exchange->server;
}

/* ---- answering ---- */

/* For want of memory a header is left out; the answer can be read without any of ours. */
void exchange_header(struct exchange *exchange, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

/* The length is given even if the body is not, as for HEAD. */
static void send_body(struct exchange *exchange, int status, const char *reason, const char *type,
                      struct evbuffer *body)
{
    char length[24];
    snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
    exchange_header(exchange, "Content-Length", length);
    exchange_header(exchange, "Content-Type", type);
    exchange_header(exchange, "X-Content-Type-Options", "nosniff");
    if (exchange->server->stopping || exchange->hung_up)
        exchange_header(exchange, "Connection", "close");
    if (evhttp_request_get_command(exchange->request) == EVHTTP_REQ_HEAD)
        evbuffer_drain(body, evbuffer_get_length(body));
    evhttp_send_reply(exchange->request, status, reason, body);
}

void exchange_send(struct exchange *exchange, struct answer *answer)
{
    char tag[SHA256_HEX_SIZE + 2];
    if (answer->sha256[0]) {
        snprintf(tag, sizeof tag, "\"%s\"", answer->sha256);
        exchange_header(exchange, "ETag", tag);
        exchange_header(exchange, "X-SHA256", answer->sha256);
    }
    send_body(exchange, HTTP_OK, NULL, answer->type, answer->body);
}

static void send_sentence(struct exchange *exchange, int status, const char *sentence)
{
    const char *reason = status == CLIENT_CLOSED_REQUEST ? "Client Closed Request" : NULL;
    struct json json = {evbuffer_new(), false};
    if (!json.out) {
        evhttp_send_reply(exchange->request, status, reason, NULL);
        return;
    }
    json_raw(&json, "{\"error\": ");
    json_string(&json, sentence);
    json_raw(&json, "}\n");
    send_body(exchange, status, reason, "application/json", json.out);
    evbuffer_free(json.out);
}

void exchange_refuse(struct exchange *exchange, int status, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    send_sentence(exchange, status, sentence);
}

/* Who is to blame is in the failure's kind; the rest of the tree (base/error.h) is ours. */
static void send_failure(struct exchange *exchange, const struct tw_failure *failure)
{
    if (tw_failure_is(failure, &HTTP_ERROR))
        send_sentence(exchange, tw_failure_code(failure), tw_failure_message(failure));
    else if (tw_failure_is(failure, &TW_ERROR_CANCELLED))
        send_sentence(exchange, CLIENT_CLOSED_REQUEST,
                      "You closed your side of the connection before the answer was ready.");
    else if (tw_failure_is(failure, &TW_ERROR_SHUTDOWN))
        send_sentence(exchange, HTTP_SERVUNAVAIL, "The server is shutting down.");
    else if (tw_failure_is(failure, &TW_ERROR_NO_THREAD) ||
             tw_failure_is(failure, &TW_ERROR_NO_MEMORY))
        send_sentence(exchange, HTTP_SERVUNAVAIL, "The server is short of memory or threads.");
    else
        send_sentence(exchange, HTTP_INTERNAL, tw_failure_message(failure));
}

/* The job's result has come home, or the job was cancelled. */
static void deliver(struct tw_result *result, void *arg)
{
    struct exchange *exchange = arg;
    exchange->job = tw_deferred_unref(exchange->job);
    end_watch(exchange);
    if (!exchange->request)
        ; /* nobody is left to be answered */
    else if (tw_result_is_ok(result))
        exchange_send(exchange, tw_result_value(result));
    else
        send_failure(exchange, tw_result_failure(result));
    tw_result_set(result, NULL, NULL); /* handled, failure or not; an answer is freed here */
}

static void refuse_for(struct exchange *exchange, int error)
{
    exchange_refuse(exchange, HTTP_SERVUNAVAIL, "The server cannot do that now: %s.",
                    error == ESHUTDOWN ? "it is shutting down" : strerror(error));
}

void exchange_defer(struct exchange *exchange, tw_call_fn work, void *arg, tw_destroy_fn destroy)
{
    int rc = tw_defer_to_thread(exchange->server->reactor, work, arg, destroy, &exchange->job);
    if (rc < 0) {
        refuse_for(exchange, -rc);
        return;
    }
    begin_watch(exchange);
    hold(exchange); /* for deliver(), and let go after it */
    rc = tw_deferred_add_both(exchange->job, deliver, exchange, let_go);
    if (rc < 0) {
        end_watch(exchange);
        exchange->job = tw_deferred_unref(exchange->job);
        refuse_for(exchange, -rc);
    }
}
