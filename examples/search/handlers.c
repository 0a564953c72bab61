#include "handlers.h"

#include "answer.h"
#include "jobs.h"
#include "json.h"

#include <event2/buffer.h>
#include <string.h>

/* ---- what each exchange tells ---- */

/* A failure's sentence, in JSON. */
static void word_failure(struct tw_evhttp_reply *reply, const struct tw_failure *failure,
                         const struct tw_evhttp_request *request, void *server)
{
    struct evbuffer *body = tw_evhttp_reply_body(reply);
    struct json json = {body, false};
    int status = tw_evhttp_reply_status(reply);
    (void)request;
    evbuffer_drain(body, evbuffer_get_length(body));
    json_raw(&json, "{\"error\": ");
    json_string(&json, tw_failure_message(failure));
    json_raw(&json, "}\n");
    tw_evhttp_reply_set_header(reply, "Content-Type", "application/json");
    tw_evhttp_reply_set_header(reply, "X-Content-Type-Options", "nosniff");
    if (status == 405)
        tw_evhttp_reply_set_header(reply, "Allow", "GET, HEAD");
    if (status == 503)
        tw_evhttp_reply_set_header(reply, "Retry-After", "1");
    if (((const struct server *)server)->stopping)
        tw_evhttp_reply_set_header(reply, "Connection", "close");
}

static void count_done(const struct tw_evhttp_request *request, int status, void *arg)
{
    struct server *server = arg;
    (void)request;
    server->count.in_flight--;
    if (status == 0)
        server->count.hung_up++;
    else
        server->count.answered++;
}

/* ---- who answers what ---- */

static const struct endpoint {
    const char *path;
    tw_evhttp_work_fn job;
    bool blocks;
} endpoints[] = {
    {"/", page_job, false},           {"/search", search_job, true}, {"/file", file_job, true},
    {"/resolve", resolve_job, false}, {"/slow", slow_job, true},     {"/ping", ping_job, false},
    {"/stats", stats_job, false},
};

static const struct endpoint *find_endpoint(const char *path)
{
    if (!*path)
        path = "/";
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (strcmp(endpoints[i].path, path) == 0)
            return &endpoints[i];
    return NULL;
}

/* Says why the request may not be answered; or leaves the result alone. */
static void admit(struct tw_result *result, const struct tw_evhttp_request *request,
                  const struct server *server)
{
    const char *method = tw_evhttp_request_method(request);
    if (server->stopping)
        tw_result_failf(result, &TW_EVHTTP_ERROR, 503, "The server is shutting down.");
    else if (server->count.in_flight > IN_FLIGHT_MAX)
        tw_result_failf(result, &TW_EVHTTP_ERROR, 503,
                        "The server has %d requests at hand already.", IN_FLIGHT_MAX);
    else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        tw_result_failf(result, &TW_EVHTTP_ERROR, 405, "Only GET and HEAD are allowed here.");
    else if (!find_endpoint(tw_evhttp_request_path(request)))
        tw_result_failf(result, &TW_EVHTTP_ERROR, 404, "There is nothing at '%.200s'.",
                        tw_evhttp_request_path(request));
}

static void dispatch(struct server *server, struct tw_evhttp_exchange *exchange)
{
    struct tw_evhttp_request *request = tw_evhttp_exchange_request(exchange);
    const struct endpoint *endpoint = find_endpoint(tw_evhttp_request_path(request));
    struct tw_result result = TW_RESULT_INIT;
    admit(&result, request, server);
    if (tw_result_is_failure(&result))
        tw_evhttp_exchange_fail(exchange, tw_result_failure(&result));
    else if (endpoint->blocks)
        tw_evhttp_exchange_defer(exchange, server->reactor, NULL, endpoint->job, server, NULL);
    else
        tw_evhttp_exchange_call(exchange, endpoint->job, server, NULL);
    tw_result_done(&result);
}

/* What goes wrong here the client has been told. */
void handle_request(struct evhttp_request *request, void *arg)
{
    struct server *server = arg;
    struct tw_evhttp_options options = {sizeof options, word_failure, count_done, server};
    struct tw_evhttp_exchange *exchange = NULL;
    if (tw_evhttp_exchange_new(request, &options, &exchange) < 0)
        return;
    server->count.requests++;
    server->count.in_flight++;
    dispatch(server, exchange);
    tw_evhttp_exchange_unref(exchange);
}
