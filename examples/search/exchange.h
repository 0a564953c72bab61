/*
 * An exchange: one request, from its arrival until its answer has left or its client has.
 *
 * Its hard part is the client that goes away while a thread is at work for it. evhttp does not look
 * at a connection whose request is being handled, and a thread must never touch a request, which
 * evhttp may free at any turn of the loop. So:
 *
 *   - a job gets copies, and the exchange never leaves the loop's thread;
 *   - the exchange is held by evhttp, until it has called back, and by the job, until its Deferred
 *     has fired: whoever lets go last frees it;
 *   - the client is watched through a descriptor of our own, and when it goes the Deferred is
 *     cancelled: a job that waits for a thread is taken out of the pool and never runs.
 *
 *     exchange_begin ── exchange_send ─────────────────────────────────────┐
 *                  └─── exchange_defer ── a thread works ── deliver ── send ┴─ on_complete
 *                                            └─ the client goes: cancel ─┘ └── or: closed
 *
 * Thread: the loop's, for everything.
 */
#ifndef SEARCH_EXCHANGE_H
#define SEARCH_EXCHANGE_H

#include "answer.h"
#include "server.h"

struct evhttp_request;
struct exchange;

/* NULL when memory is short; the request has been answered then. */
struct exchange *exchange_begin(struct server *server, struct evhttp_request *request);

struct server *exchange_server(const struct exchange *exchange);

/* Add a header to the answer to come. */
void exchange_header(struct exchange *exchange, const char *name, const char *value);

/* Each exchange is ended by one of these, called once. */

/* Answer now. The answer stays yours, its body is used up. */
void exchange_send(struct exchange *exchange, struct answer *answer);
/* Refuse now, with a status and a sentence. */
void exchange_refuse(struct exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Let work in a thread of the pool make the answer (answer.h). (arg, destroy) is consumed. */
void exchange_defer(struct exchange *exchange, tw_call_fn work, void *arg, tw_destroy_fn destroy);

#endif
