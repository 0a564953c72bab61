/*
 * What the files of the add-on share. It sees of twine what every user sees: it allocates by
 * tw_memory_alloc() and tells of misuse by tw_report_misuse().
 */
#ifndef TWINE_DEFERRED_EVHTTP_INTERNAL_H
#define TWINE_DEFERRED_EVHTTP_INTERNAL_H

#include <event2/http.h>
#include <twine/base/report.h>
#include <twine/deferred/evhttp.h>

#if defined(__clang_analyzer__) /* which cannot see that it gives back what it is given */
#define tw_report_misuse(error, text) ((void)(text), (error))
#endif

enum tw__evhttp_state { TW__EVHTTP_WAITING, TW__EVHTTP_STREAMING, TW__EVHTTP_ANSWERED };

struct tw_evhttp_exchange {
    struct evhttp_request *evhttp;     /* NULL once evhttp is done with it */
    struct tw_evhttp_request *request; /* a reference */
    struct tw_evhttp_options options;
    struct tw_deferred *job;   /* a handle, until it has fired: its result is the answer */
    struct event *watch;       /* while it is out, for a client that goes */
    struct tw_source *drained; /* for who waits until what was written has been taken, or NULL */
    size_t handles;
    enum tw__evhttp_state state;
    int status; /* what was sent */
    bool is_gone;
    bool has_piece; /* a piece was sent, so evhttp will say when all has been taken */
};

/* While evhttp has the request. */
static inline struct evhttp_connection *
tw__evhttp_connection_of(const struct tw_evhttp_exchange *exchange)
{
    return evhttp_request_get_connection(exchange->evhttp);
}

/* --- evhttp.c: the exchange ------------------------------------------------------------------- */

/* 0 if an answer can still begin; -EPIPE; -EALREADY. */
int tw__evhttp_may_answer(const struct tw_evhttp_exchange *exchange);
/* Nobody needs its result any more. */
void tw__evhttp_cancel_job(struct tw_evhttp_exchange *exchange);

/* --- evhttp_watch.c: the client's connection -------------------------------------------------- */

void tw__evhttp_begin_watch(struct tw_evhttp_exchange *exchange);
void tw__evhttp_end_watch(struct tw_evhttp_exchange *exchange);
/* Close it, so that the client sees that what it has is not all. evhttp tells the exchange before
 * this returns. */
void tw__evhttp_cut(struct tw_evhttp_exchange *exchange);

/* --- evhttp_send.c: what goes out; nothing of it is freed meanwhile ---------------------------- */

/* The reply is used up. */
void tw__evhttp_send_all(struct tw_evhttp_exchange *exchange, struct tw_evhttp_reply *reply);
/* Returns: whether the failure has been dealt with; if not, it is to be reported. */
bool tw__evhttp_send_failure(struct tw_evhttp_exchange *exchange, const struct tw_failure *failure);
/* For a call that failed before there was a Deferred; and for a last handle that goes. */
void tw__evhttp_send_refusal(struct tw_evhttp_exchange *exchange, int error);
void tw__evhttp_send_unanswered(struct tw_evhttp_exchange *exchange);
/* For a client that has closed its sending side. */
void tw__evhttp_send_closed(struct tw_evhttp_exchange *exchange);
void tw__evhttp_fire_drained(struct tw_evhttp_exchange *exchange);

/* --- evhttp_request.c, evhttp_reply.c --------------------------------------------------------- */

/* A copy of what came; the body is moved. NULL when memory is short, and then nothing is moved. */
struct tw_evhttp_request *tw__evhttp_request_new(struct evhttp_request *request);

/* Whether it asked for headers only. */
bool tw__evhttp_request_is_head(const struct tw_evhttp_request *request);

/* The reply in a result, taken out; NULL if it holds something else. */
struct tw_evhttp_reply *tw__evhttp_reply_take(struct tw_result *result);

/* Let a request have the reply's headers; the reply has none then. */
void tw__evhttp_reply_move_headers(struct tw_evhttp_reply *reply, struct evhttp_request *request);

#endif
