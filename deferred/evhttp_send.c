/*
 * What goes out to the client: whole replies, failures put into words, and answers in pieces.
 */
#include <twine/deferred/evhttp_internal.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <limits.h>
#include <stdio.h>
#include <twine/base/report.h>

#define CLIENT_CLOSED_REQUEST 499 /* no standard's, but nginx's, and known by that */

/* --- replies ---------------------------------------------------------------------------------- */

static bool has_body(int status)
{
    return status != HTTP_NOCONTENT && status != HTTP_NOTMODIFIED;
}

static void move_head(struct tw_evhttp_exchange *exchange, struct tw_evhttp_reply *reply)
{
    exchange->status = tw_evhttp_reply_status(reply);
    tw__evhttp_reply_move_headers(reply, exchange->evhttp);
    evhttp_remove_header(evhttp_request_get_output_headers(exchange->evhttp), "Content-Length");
    if (exchange->is_gone)
        evhttp_add_header(evhttp_request_get_output_headers(exchange->evhttp), "Connection",
                          "close");
}

/* The length is given even if the body is not, as for HEAD: evhttp would send both, or neither. */
void tw__evhttp_send_all(struct tw_evhttp_exchange *exchange, struct tw_evhttp_reply *reply)
{
    struct evbuffer *body = tw_evhttp_reply_body(reply);
    char length[24];
    tw__evhttp_end_watch(exchange);
    exchange->state = TW__EVHTTP_ANSWERED;
    move_head(exchange, reply);
    snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
    if (has_body(exchange->status))
        evhttp_add_header(evhttp_request_get_output_headers(exchange->evhttp), "Content-Length",
                          length);
    if (!has_body(exchange->status) || tw__evhttp_request_is_head(exchange->request))
        evbuffer_drain(body, evbuffer_get_length(body));
    evhttp_send_reply(exchange->evhttp, exchange->status, NULL, body);
    tw_evhttp_reply_free(reply);
}

/* Without memory for a reply of ours: evhttp's, or else it closes the connection. */
static void send_bare(struct tw_evhttp_exchange *exchange, int status)
{
    tw__evhttp_end_watch(exchange);
    exchange->state = TW__EVHTTP_ANSWERED;
    exchange->status = status;
    evhttp_send_error(exchange->evhttp, status, NULL);
}

/* --- failures --------------------------------------------------------------------------------- */

/* Who is to blame is in the failure's kind. */
static int status_of(const struct tw_failure *failure)
{
    int code = tw_failure_code(failure);
    if (tw_failure_is(failure, &TW_EVHTTP_ERROR))
        return code >= 400 && code <= 599 ? code : HTTP_INTERNAL;
    if (tw_failure_is(failure, &TW_ERROR_TIMEOUT) ||
        tw_failure_is(failure, &TW_ERROR_LOOKUP_TIMEOUT))
        return 504;
    if (tw_failure_is(failure, &TW_ERROR_CANCELLED) || tw_failure_is(failure, &TW_ERROR_SHUTDOWN) ||
        tw_failure_is(failure, &TW_ERROR_NO_THREAD) || tw_failure_is(failure, &TW_ERROR_NO_MEMORY))
        return HTTP_SERVUNAVAIL;
    return HTTP_INTERNAL;
}

static const char *sentence_of(const struct tw_failure *failure, int status)
{
    if (tw_failure_is(failure, &TW_EVHTTP_ERROR))
        return tw_failure_message(failure);
    return status == HTTP_SERVUNAVAIL ? "The server cannot do that now."
           : status == 504            ? "It takes too long."
                                      : "Something went wrong in the server.";
}

/* Returns: whether the failure has been dealt with; if not, it is to be reported. */
bool tw__evhttp_send_failure(struct tw_evhttp_exchange *exchange, const struct tw_failure *failure)
{
    int status = status_of(failure);
    struct tw_evhttp_reply *reply = NULL;
    if (tw_evhttp_reply_new(status, "text/plain", &reply) < 0) {
        send_bare(exchange, status);
        return status != HTTP_INTERNAL;
    }
    evbuffer_add_printf(tw_evhttp_reply_body(reply), "%s\n", sentence_of(failure, status));
    if (exchange->options.error)
        exchange->options.error(reply, failure, exchange->request, exchange->options.arg);
    tw__evhttp_send_all(exchange, reply);
    return exchange->options.error || status != HTTP_INTERNAL;
}

/* A call that failed with an errno before there was a Deferred. */
void tw__evhttp_send_refusal(struct tw_evhttp_exchange *exchange, int error)
{
    struct tw_failure *failure;
    if (error == -ESHUTDOWN)
        failure = TW_FAILURE_NEW(&TW_ERROR_SHUTDOWN, -error, NULL);
    else if (error == -ENOMEM)
        failure = TW_FAILURE_NEW(&TW_ERROR_NO_MEMORY, -error, NULL);
    else
        failure = TW_FAILURE_NEW(&TW_ERROR_NO_THREAD, -error, NULL);
    tw__evhttp_send_failure(exchange, failure);
    tw_failure_unref(failure);
}

void tw__evhttp_send_closed(struct tw_evhttp_exchange *exchange)
{
    struct tw_failure *failure =
        TW_FAILURE_NEW(&TW_EVHTTP_ERROR, CLIENT_CLOSED_REQUEST,
                       "You closed your side of the connection before the answer was ready.");
    tw__evhttp_send_failure(exchange, failure);
    tw_failure_unref(failure);
}

/* With the defaults it is reported, as a failure that nobody handled. */
void tw__evhttp_send_unanswered(struct tw_evhttp_exchange *exchange)
{
    struct tw_failure *failure =
        TW_FAILURE_NEW(&TW_ERROR_ABANDONED, EPIPE, "a request was left without an answer");
    struct tw_deferred *unhandled = NULL;
    if (!tw__evhttp_send_failure(exchange, failure) && tw_deferred_fail(failure, &unhandled) >= 0)
        tw_deferred_unref(unhandled);
    tw_failure_unref(failure);
}

/* --- answers by hand -------------------------------------------------------------------------- */

int tw_evhttp_exchange_send(struct tw_evhttp_exchange *exchange, struct tw_evhttp_reply *reply)
{
    int rc = exchange && reply
                 ? tw__evhttp_may_answer(exchange)
                 : tw_report_misuse(-EINVAL, "tw_evhttp_exchange_send: needs an exchange, a reply");
    if (rc < 0) {
        tw_evhttp_reply_free(reply);
        return rc;
    }
    tw_evhttp_exchange_ref(exchange);
    tw__evhttp_send_all(exchange, reply);
    tw__evhttp_cancel_job(exchange);
    tw_evhttp_exchange_unref(exchange);
    return 0;
}

int tw_evhttp_exchange_fail(struct tw_evhttp_exchange *exchange, struct tw_failure *failure)
{
    int rc =
        exchange && failure
            ? tw__evhttp_may_answer(exchange)
            : tw_report_misuse(-EINVAL, "tw_evhttp_exchange_fail: needs an exchange and a failure");
    if (rc < 0)
        return rc;
    tw_evhttp_exchange_ref(exchange);
    tw__evhttp_send_failure(exchange, failure);
    tw__evhttp_cancel_job(exchange);
    tw_evhttp_exchange_unref(exchange);
    return 0;
}

/* --- answers in pieces ------------------------------------------------------------------------ */

void tw__evhttp_fire_drained(struct tw_evhttp_exchange *exchange)
{
    struct tw_source *source = exchange->drained;
    exchange->drained = NULL;
    if (source)
        tw_source_callback(source, NULL, NULL);
    tw_source_unref(source);
}

static void on_drained(struct evhttp_connection *connection, void *arg)
{
    struct tw_evhttp_exchange *exchange = (struct tw_evhttp_exchange *)arg;
    (void)connection;
    tw_evhttp_exchange_ref(exchange);
    tw__evhttp_fire_drained(exchange);
    tw_evhttp_exchange_unref(exchange);
}

/* evhttp sends nothing of it, and calls nobody, if it is empty or there is to be no body. */
static void send_piece(struct tw_evhttp_exchange *exchange, struct evbuffer *piece)
{
    if (evbuffer_get_length(piece) > 0 && has_body(exchange->status) &&
        !tw__evhttp_request_is_head(exchange->request))
        exchange->has_piece = true;
    evhttp_send_reply_chunk_with_cb(exchange->evhttp, piece, on_drained, exchange);
    evbuffer_drain(piece, evbuffer_get_length(piece));
}

int tw_evhttp_exchange_begin(struct tw_evhttp_exchange *exchange, struct tw_evhttp_reply *reply)
{
    int rc =
        exchange && reply
            ? tw__evhttp_may_answer(exchange)
            : tw_report_misuse(-EINVAL, "tw_evhttp_exchange_begin: needs an exchange, a reply");
    if (rc >= 0) {
        exchange->state = TW__EVHTTP_STREAMING;
        move_head(exchange, reply);
        evhttp_send_reply_start(exchange->evhttp, exchange->status, NULL);
        send_piece(exchange, tw_evhttp_reply_body(reply));
    }
    tw_evhttp_reply_free(reply);
    return rc;
}

static int may_go_on(const struct tw_evhttp_exchange *exchange, const char *who)
{
    if (exchange && exchange->is_gone)
        return -EPIPE;
    return exchange && exchange->state == TW__EVHTTP_STREAMING ? 0 : tw_report_misuse(-EINVAL, who);
}

static size_t waiting_bytes(const struct tw_evhttp_exchange *exchange)
{
    struct bufferevent *stream =
        evhttp_connection_get_bufferevent(tw__evhttp_connection_of(exchange));
    return evbuffer_get_length(bufferevent_get_output(stream));
}

int tw_evhttp_exchange_write(struct tw_evhttp_exchange *exchange, struct evbuffer *piece)
{
    size_t waiting;
    int rc = may_go_on(exchange, "tw_evhttp_exchange_write: only between begin and end");
    if (rc >= 0 && !piece)
        rc = tw_report_misuse(-EINVAL, "tw_evhttp_exchange_write: needs a piece");
    if (rc < 0)
        return rc;
    send_piece(exchange, piece);
    waiting = waiting_bytes(exchange);
    return waiting < INT_MAX ? (int)waiting : INT_MAX;
}

int tw_evhttp_exchange_drained(struct tw_evhttp_exchange *exchange,
                               struct tw_deferred **ret_deferred)
{
    int rc = may_go_on(exchange, "tw_evhttp_exchange_drained: only between begin and end");
    if (rc < 0)
        return rc;
    if (exchange->drained)
        return -EALREADY;
    if (!exchange->has_piece || waiting_bytes(exchange) == 0)
        return tw_deferred_succeed(NULL, NULL, ret_deferred);
    return tw_deferred_new(NULL, NULL, NULL, &exchange->drained, ret_deferred);
}

int tw_evhttp_exchange_end(struct tw_evhttp_exchange *exchange)
{
    int rc = may_go_on(exchange, "tw_evhttp_exchange_end: only between begin and end");
    if (rc < 0)
        return rc;
    tw_evhttp_exchange_ref(exchange);
    tw__evhttp_end_watch(exchange);
    exchange->state = TW__EVHTTP_ANSWERED;
    evhttp_send_reply_end(exchange->evhttp);
    tw__evhttp_cancel_job(exchange);
    tw_evhttp_exchange_unref(exchange);
    return 0;
}
