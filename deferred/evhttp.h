/*
 * Glue for libevent's evhttp: a request is handed to a thread, or to whatever gives a Deferred, and
 * is answered when that has fired. An add-on: libtwine-evhttp, not part of twine.h.
 *
 *     static void work(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
 *     {                                                                  in a thread: may block
 *         struct tw_evhttp_reply *reply = tw_evhttp_reply_in(result, 200, "text/plain");
 *         if (reply)
 *             evbuffer_add_printf(tw_evhttp_reply_body(reply), "%s\n", tw_evhttp_request_path(request));
 *     }
 *
 *     static struct tw_evhttp_route route = {NULL, work, NULL};          its reactor is set later
 *     ...
 *     evhttp_set_cb(http, "/path", tw_evhttp_on_request, &route);        on the loop's thread
 *
 * Three objects:
 *   - a request is what came, copied: it never changes, and any thread may read it;
 *   - an exchange is the handle by which a request is answered, on the loop's thread. It knows
 *     evhttp's request until evhttp is done with it, and not for a moment longer, so what comes late
 *     is answered -EPIPE and never meets another request at the same address;
 *   - a reply is made by one thread, mostly a pool's, and used up by sending.
 *
 * The client may go away meanwhile. evhttp does not look at a connection whose request is pending, so
 * an exchange watches it through a descriptor of its own (one more for each request that waits). When
 * the client has gone, the Deferred is cancelled: a job that waits for a thread never runs, one that
 * runs sees tw_cancelled(). A client that closes only its sending side looks just the same, and is
 * told with status 499 that it did.
 *
 * As with any evhttp, let the program ignore SIGPIPE.
 *
 * Every exchange is answered: by a failure's status if there is one, 500 if its last handle goes
 * without an answer. The evhttp may be freed while exchanges are out, and before or after the
 * reactor is let go of.
 */
#ifndef TWINE_DEFERRED_EVHTTP_H
#define TWINE_DEFERRED_EVHTTP_H

#include <stddef.h>
#include <stdint.h>
#include <twine/deferred/deferred.h>
#include <twine/reactor/libevent.h>

struct evbuffer;
struct evhttp_request;

TW_BEGIN_DECLS

struct tw_evhttp_request;
struct tw_evhttp_exchange;
struct tw_evhttp_reply;

/** The client is told: the status is the code, and the message is its text. Other failures become
 * 503, 504 or 500, and tell it nothing of what went wrong here. */
TW_EXPORT extern const struct tw_error TW_EVHTTP_ERROR;

/**
 * Work for a request. It leaves a reply (tw_evhttp_reply_in()), or a failure.
 *
 * Thread: the pool's, where it may block; the loop's with tw_evhttp_exchange_call() and
 *         tw_evhttp_exchange_spawn().
 *
 * @param result starts from null
 * @param request valid for the call, unless a reference is taken
 */
typedef void (*tw_evhttp_work_fn)(struct tw_result *result, struct tw_evhttp_request *request,
                                  void *arg);

/**
 * Hand a request to a thread of the reactor's pool; what the work leaves is the answer.
 *
 * Thread:    loop; in the callback that evhttp calls for the request.
 * Ownership: the request is answered in any case, and not yours any more; (arg, destroy) is
 *            consumed, on error too; destroy follows work on its thread.
 * Returns:   0; -ENOMEM; -ESHUTDOWN; -EAGAIN: the client has been told 503. -EINVAL: nothing was
 *            done.
 */
TW_EXPORT int tw_evhttp_defer_to_thread(struct tw_reactor *reactor, struct evhttp_request *request,
                                        tw_evhttp_work_fn work, void *arg, tw_destroy_fn destroy);

/**
 * Where the requests of a path go, in your memory: it has to stay until the evhttp has gone.
 *
 *     evhttp_set_cb(http, "/sum", tw_evhttp_on_request, &route);
 */
struct tw_evhttp_route {
    struct tw_reactor *reactor; /**< on the evhttp's event base; borrowed */
    tw_evhttp_work_fn work;     /**< in a thread of its pool */
    void *arg;                  /**< for it */
};

/** A callback for evhttp_set_cb() and evhttp_set_gencb(): tw_evhttp_defer_to_thread() along a
 * struct tw_evhttp_route. Thread: loop. */
TW_EXPORT void tw_evhttp_on_request(struct evhttp_request *request, void *route);

/* --- exchanges -------------------------------------------------------------------------------- */

/**
 * Makes the answer to a failure. The reply is there, with the status and the text that would be sent
 * otherwise; it may be changed, its body emptied and written anew.
 *
 * Thread: loop.
 */
typedef void (*tw_evhttp_error_fn)(struct tw_evhttp_reply *reply, const struct tw_failure *failure,
                                   const struct tw_evhttp_request *request, void *arg);

/**
 * Is told that an exchange is over: to count, to log.
 *
 * Thread: loop.
 *
 * @param status what has been sent; 0 if the client went first
 */
typedef void (*tw_evhttp_done_fn)(const struct tw_evhttp_request *request, int status, void *arg);

/** How an exchange is kept; a field left 0 means the default. */
struct tw_evhttp_options {
    size_t size; /**< sizeof(struct tw_evhttp_options) */
    tw_evhttp_error_fn
        error;              /**< NULL: plain text; and a failure that is answered 500 is reported */
    tw_evhttp_done_fn done; /**< called once, when the answer or the client has left; NULL */
    void *arg;              /**< for both; it must live until the last exchange is over */
};

/**
 * Take a request over from evhttp, to be answered now or later.
 *
 * Until then the request's on-complete callback and its connection's close callback are the
 * exchange's.
 *
 * Thread:    loop; in the callback that evhttp calls for the request.
 * Ownership: the request is not yours any more, on -ENOMEM too, when it has been answered 503. The
 *            body is moved out of it. The options are copied. The handle is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL for what is missing, or options of a wrong size: nothing was done.
 *
 * @param options NULL: the defaults
 */
TW_EXPORT int tw_evhttp_exchange_new(struct evhttp_request *request,
                                     const struct tw_evhttp_options *options,
                                     struct tw_evhttp_exchange **ret_exchange);

/** Hold an exchange once more. Thread: loop. Returns: the exchange; NULL for NULL. */
TW_EXPORT struct tw_evhttp_exchange *tw_evhttp_exchange_ref(struct tw_evhttp_exchange *exchange);
/** Let go of an exchange; if nobody holds it and nothing was sent, it is answered 500. Thread: loop.
 * Returns: NULL. */
TW_EXPORT struct tw_evhttp_exchange *tw_evhttp_exchange_unref(struct tw_evhttp_exchange *exchange);

/** What came. Thread: loop. Ownership: borrowed; take a reference for another thread. */
TW_EXPORT struct tw_evhttp_request *
tw_evhttp_exchange_request(const struct tw_evhttp_exchange *exchange);
/** Whether the client has gone before it had its answer. Thread: loop. */
TW_EXPORT bool tw_evhttp_exchange_is_gone(const struct tw_evhttp_exchange *exchange);

/**
 * Let work in a thread make the answer.
 *
 * Thread:    loop.
 * Ownership: the exchange is borrowed, and holds itself until it is over; (arg, destroy) is consumed,
 *            on error too; destroy follows work on its thread.
 * Returns:   0; -ENOMEM; -ESHUTDOWN; -EAGAIN: the client has been told 503; as
 *            tw_evhttp_exchange_answer(). -EINVAL also if the reactor has another event base than
 *            the connection.
 *
 * @param pool any worker; NULL: the reactor's pool
 */
TW_EXPORT int tw_evhttp_exchange_defer(struct tw_evhttp_exchange *exchange,
                                       struct tw_reactor *reactor, struct tw_worker *pool,
                                       tw_evhttp_work_fn work, void *arg, tw_destroy_fn destroy);

/**
 * Let work make the answer here and now. It may also leave a Deferred in its result
 * (tw_result_set_deferred()), whose result is the answer then.
 *
 * Thread:    loop.
 * Ownership: the exchange is borrowed, and holds itself until it is over; (arg, destroy) is consumed,
 *            on error too.
 * Returns:   0; -ENOMEM: the client has been told 503; as tw_evhttp_exchange_answer().
 */
TW_EXPORT int tw_evhttp_exchange_call(struct tw_evhttp_exchange *exchange, tw_evhttp_work_fn work,
                                      void *arg, tw_destroy_fn destroy);

/**
 * Let work as a coroutine make the answer (coroutine.h): it may await Deferreds and work in threads.
 * It runs to its first wait here and now. If the client goes, what it waits for is cancelled.
 *
 * Thread:    loop.
 * Ownership: the exchange is borrowed, and holds itself until it is over; (arg, destroy) is consumed,
 *            on error too.
 * Returns:   as tw_evhttp_exchange_defer().
 */
TW_EXPORT int tw_evhttp_exchange_spawn(struct tw_evhttp_exchange *exchange,
                                       struct tw_reactor *reactor, tw_evhttp_work_fn work,
                                       void *arg, tw_destroy_fn destroy);

/**
 * Let what a Deferred fires with be the answer: a reply, or a failure. It may have fired already.
 * If the client goes first the Deferred is cancelled; its canceller is how to learn of that.
 *
 * Thread:    loop.
 * Ownership: the exchange is borrowed, and holds itself until the Deferred has fired. Takes your
 *            handle of the Deferred over, on error too.
 * Returns:   0; -EPIPE if the client has gone: the Deferred is cancelled; -EALREADY if it has its
 *            answer, or waits for another Deferred's; -ENOMEM: the client has been told 503;
 *            -EINVAL for NULL.
 */
TW_EXPORT int tw_evhttp_exchange_answer(struct tw_evhttp_exchange *exchange,
                                        struct tw_deferred *deferred);

/**
 * Answer now. A Deferred that was to give the answer is cancelled.
 *
 * Thread:    loop.
 * Ownership: the reply is used up, on error too.
 * Returns:   0; -EPIPE if the client has gone; -EALREADY if it has its answer; -EINVAL for NULL.
 */
TW_EXPORT int tw_evhttp_exchange_send(struct tw_evhttp_exchange *exchange,
                                      struct tw_evhttp_reply *reply);
/** Answer with a failure, as the options' error says. Ownership: the failure is borrowed. See
 * tw_evhttp_exchange_send(). */
TW_EXPORT int tw_evhttp_exchange_fail(struct tw_evhttp_exchange *exchange,
                                      struct tw_failure *failure);

/**
 * Begin an answer that is sent piece by piece: status, headers and, if it has one, a first piece.
 * After it come tw_evhttp_exchange_write() and tw_evhttp_exchange_end(). A last handle that goes
 * without an end cuts the connection, so that the client sees that something is missing.
 *
 * Thread:    loop.
 * Ownership: the reply is used up, on error too.
 * Returns:   as tw_evhttp_exchange_send().
 */
TW_EXPORT int tw_evhttp_exchange_begin(struct tw_evhttp_exchange *exchange,
                                       struct tw_evhttp_reply *reply);
/**
 * Send a piece.
 *
 * Thread:    loop.
 * Ownership: the piece is emptied, and stays yours.
 * Returns:   the number of bytes that wait to be taken by the client, at most INT_MAX: who makes much
 *            waits when they are many (tw_evhttp_exchange_drained()); -EPIPE if the client has gone; -EINVAL before begin or after
 *            end.
 */
TW_EXPORT int tw_evhttp_exchange_write(struct tw_evhttp_exchange *exchange, struct evbuffer *piece);
/**
 * Wait until the client's side has taken all that was written. It fails as abandoned if the client
 * goes first.
 *
 * Thread:    loop.
 * Ownership: the handle is yours to unref.
 * Returns:   0; -EPIPE; -EINVAL, as tw_evhttp_exchange_write(); -EALREADY if one waits already;
 *            -ENOMEM.
 */
TW_EXPORT int tw_evhttp_exchange_drained(struct tw_evhttp_exchange *exchange,
                                         struct tw_deferred **ret_deferred);
/** End such an answer. Thread: loop. Returns: 0; -EPIPE if the client has gone; -EINVAL before begin
 * or after end. */
TW_EXPORT int tw_evhttp_exchange_end(struct tw_evhttp_exchange *exchange);

/* --- requests --------------------------------------------------------------------------------- */

/** Hold a request once more. Thread: any. Returns: the request; NULL for NULL. */
TW_EXPORT struct tw_evhttp_request *tw_evhttp_request_ref(struct tw_evhttp_request *request);
/** Let go of a request. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_evhttp_request *tw_evhttp_request_unref(struct tw_evhttp_request *request);

/** "GET", "POST", ...; "" for one that evhttp does not know. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_method(const struct tw_evhttp_request *request);
/** The target as it came. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_uri(const struct tw_evhttp_request *request);
/** The target's path, as it came; "" if it has none. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_path(const struct tw_evhttp_request *request);
/** What follows the "?", as it came; NULL if there is none. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_query(const struct tw_evhttp_request *request);
/** A parameter of the query, decoded; NULL if there is none of that name, or the query cannot be
 * read as NAME=VALUE&... at all. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_parameter(const struct tw_evhttp_request *request,
                                                  const char *name);
/** A header, whatever the case of its name; NULL if it did not come. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_header(const struct tw_evhttp_request *request,
                                               const char *name);
/** The parameters in turn. Thread: any. Returns: 0; -ENOENT past the last. */
TW_EXPORT int tw_evhttp_request_parameter_at(const struct tw_evhttp_request *request, size_t index,
                                             const char **ret_name, const char **ret_value);
/** The headers in turn. Thread: any. Returns: 0; -ENOENT past the last. */
TW_EXPORT int tw_evhttp_request_header_at(const struct tw_evhttp_request *request, size_t index,
                                          const char **ret_name, const char **ret_value);
/** The body; there is a null byte behind it. Thread: any. */
TW_EXPORT const void *tw_evhttp_request_body(const struct tw_evhttp_request *request);
/** The number of the body's bytes. Thread: any. */
TW_EXPORT size_t tw_evhttp_request_body_size(const struct tw_evhttp_request *request);
/** The client's address, as text. Thread: any. */
TW_EXPORT const char *tw_evhttp_request_peer(const struct tw_evhttp_request *request);
/** The client's port. Thread: any. */
TW_EXPORT uint16_t tw_evhttp_request_peer_port(const struct tw_evhttp_request *request);

/* --- replies ---------------------------------------------------------------------------------- */

/**
 * Make a reply.
 *
 * Thread:    any; whoever has it, one at a time.
 * Ownership: the type is copied; NULL: none. The reply is yours, to be sent or freed.
 * Returns:   0; -ENOMEM; -EINVAL for a status that is none.
 */
TW_EXPORT int tw_evhttp_reply_new(int status, const char *content_type,
                                  struct tw_evhttp_reply **ret_reply);
/**
 * Make a reply as a result: what work mostly does first.
 *
 * Thread:    as the result's.
 * Ownership: the result's. A failure that is set later takes its place.
 * Returns:   the reply, to be filled; NULL when it could not be made, and the result is the failure
 *            then.
 */
TW_EXPORT struct tw_evhttp_reply *tw_evhttp_reply_in(struct tw_result *result, int status,
                                                     const char *content_type);
/** Free a reply that is not sent; takes NULL. Thread: any. */
TW_EXPORT void tw_evhttp_reply_free(struct tw_evhttp_reply *reply);
/** Put a reply into a result. Ownership: the result's. */
TW_EXPORT void tw_evhttp_result_set(struct tw_result *result, struct tw_evhttp_reply *reply);
/** Its status. */
TW_EXPORT int tw_evhttp_reply_status(const struct tw_evhttp_reply *reply);
/** Change its status. Returns: 0; -EINVAL for a status that is none. */
TW_EXPORT int tw_evhttp_reply_set_status(struct tw_evhttp_reply *reply, int status);
/** Its body, to be filled. Ownership: the reply's. */
TW_EXPORT struct evbuffer *tw_evhttp_reply_body(struct tw_evhttp_reply *reply);
/** Set a header; one of that name is replaced. Content-Length is seen to. Returns: 0; -ENOMEM;
 * -EINVAL if it is none that may be sent. */
TW_EXPORT int tw_evhttp_reply_set_header(struct tw_evhttp_reply *reply, const char *name,
                                         const char *value);

TW_END_DECLS

#endif
