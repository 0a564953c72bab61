#include "handlers.h"

#include "exchange.h"
#include "jobs.h"
#include "json.h"
#include "page.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define SLEEP_MAX 60000 /* ms */
#define HITS_MAX 100
#define HITS_DEFAULT "10"

/* ---- parameters ---- */

/* The parameter; NULL, and then the exchange has been refused. */
static const char *need(struct exchange *exchange, const struct evkeyvalq *parameters,
                        const char *name)
{
    const char *value = evhttp_find_header(parameters, name);
    if (value && *value)
        return value;
    exchange_refuse(exchange, HTTP_BADREQUEST, "The parameter '%s' is missing.", name);
    return NULL;
}

/* A whole number from least to most; -1, and then the exchange has been refused. */
static long parse_number(struct exchange *exchange, const char *name, const char *value, long least,
                         long most)
{
    size_t digits = strspn(value, "0123456789");
    long number;
    errno = 0;
    number = strtol(value, NULL, 10);
    if (digits > 0 && !value[digits] && errno == 0 && number >= least && number <= most)
        return number;
    exchange_refuse(
        exchange, HTTP_BADREQUEST,
        "The parameter '%s' must be a whole number from %ld to %ld, and '%.40s' is not.", name,
        least, most, value);
    return -1;
}

/* ---- those that a thread answers ---- */

static void defer(struct exchange *exchange, tw_call_fn work, const char *text, long number)
{
    struct question *question = question_new(exchange_server(exchange), text, number);
    if (question)
        exchange_defer(exchange, work, question, free);
    else
        exchange_refuse(exchange, HTTP_SERVUNAVAIL, "The server has run out of memory.");
}

static void search(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    const char *query = need(exchange, parameters, "q");
    const char *limit = evhttp_find_header(parameters, "limit");
    long most;
    if (!query)
        return;
    most = parse_number(exchange, "limit", limit ? limit : HITS_DEFAULT, 1, HITS_MAX);
    if (most >= 0)
        defer(exchange, search_job, query, most);
}

static void file(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    const char *name = need(exchange, parameters, "name");
    if (name)
        defer(exchange, file_job, name, 0);
}

static void resolve(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    const char *host = need(exchange, parameters, "host");
    if (host)
        defer(exchange, resolve_job, host, 0);
}

static void slow(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    const char *value = need(exchange, parameters, "ms");
    long milliseconds = value ? parse_number(exchange, "ms", value, 0, SLEEP_MAX) : -1;
    if (milliseconds >= 0)
        defer(exchange, slow_job, "", milliseconds);
}

/* ---- those that the loop answers, having nothing to wait for ---- */

/* Send what has been written, if all of it could be. */
static void send_or_refuse(struct exchange *exchange, struct answer *answer, bool complete)
{
    if (complete)
        exchange_send(exchange, answer);
    else
        exchange_refuse(exchange, HTTP_SERVUNAVAIL, "The server has run out of memory.");
    answer_free(answer);
}

static void send_static(struct exchange *exchange, const char *type, const char *text)
{
    struct answer *answer = answer_new(type);
    bool complete =
        answer && evbuffer_add_reference(answer->body, text, strlen(text), NULL, NULL) == 0;
    send_or_refuse(exchange, answer, complete);
}

static void ping(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    (void)parameters;
    send_static(exchange, "text/plain", "pong\n");
}

static void page(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    (void)parameters;
    exchange_header(exchange, "Content-Security-Policy", page_policy);
    send_static(exchange, "text/html; charset=utf-8", page_html);
}

static void write_statistics(struct json *json, struct server *server)
{
    struct tw_statistics team;
    memset(&team, 0, sizeof team);
    team.size = sizeof team;
    tw_team_statistics(tw_pool_team(server->pool), &team);
    json_raw(json, "{\"idle\": %zu, \"busy\": %zu, \"coming\": %zu, \"backlog\": %zu, ", team.idle,
             team.busy, team.coming, team.backlog);
    json_raw(json, "\"finished\": %llu, \"limit\": %zu, ", (unsigned long long)team.finished,
             tw_pool_limit(server->pool));
    json_raw(json,
             "\"requests\": %llu, \"answered\": %llu, \"hung_up\": %llu, \"in_flight\": %zu}\n",
             (unsigned long long)server->count.requests, (unsigned long long)server->count.answered,
             (unsigned long long)server->count.hung_up, server->count.in_flight);
}

static void stats(struct exchange *exchange, const struct evkeyvalq *parameters)
{
    struct answer *answer = answer_new("application/json");
    struct json json = {answer ? answer->body : NULL, !answer};
    (void)parameters;
    if (answer)
        write_statistics(&json, exchange_server(exchange));
    send_or_refuse(exchange, answer, !json.failed);
}

/* ---- who answers what ---- */

static const struct endpoint {
    const char *path;
    void (*handle)(struct exchange *exchange, const struct evkeyvalq *parameters);
} endpoints[] = {
    {"/", page},     {"/search", search}, {"/file", file},   {"/resolve", resolve},
    {"/slow", slow}, {"/ping", ping},     {"/stats", stats},
};

static const struct endpoint *find_endpoint(const char *path)
{
    if (!path || !*path)
        path = "/";
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (strcmp(endpoints[i].path, path) == 0)
            return &endpoints[i];
    return NULL;
}

/* Returns: whether the request may be answered; if not, it has been refused. */
static bool admit(struct exchange *exchange, enum evhttp_cmd_type method)
{
    const struct server *server = exchange_server(exchange);
    if (server->stopping) {
        exchange_refuse(exchange, HTTP_SERVUNAVAIL, "The server is shutting down.");
    } else if (server->count.in_flight > IN_FLIGHT_MAX) {
        exchange_header(exchange, "Retry-After", "1");
        exchange_refuse(exchange, HTTP_SERVUNAVAIL, "The server has %d requests at hand already.",
                        IN_FLIGHT_MAX);
    } else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        exchange_header(exchange, "Allow", "GET, HEAD");
        exchange_refuse(exchange, HTTP_BADMETHOD, "Only GET and HEAD are allowed here.");
    } else {
        return true;
    }
    return false;
}

static void dispatch(struct exchange *exchange, const struct evhttp_uri *uri)
{
    const struct endpoint *endpoint = find_endpoint(evhttp_uri_get_path(uri));
    const char *query = evhttp_uri_get_query(uri);
    struct evkeyvalq parameters;
    TAILQ_INIT(&parameters);
    if (!endpoint) {
        exchange_refuse(exchange, HTTP_NOTFOUND, "There is nothing at '%.200s'.",
                        evhttp_uri_get_path(uri));
        return;
    }
    if (query && evhttp_parse_query_str(query, &parameters) < 0) {
        exchange_refuse(exchange, HTTP_BADREQUEST,
                        "The query cannot be read: it should be NAME=VALUE&NAME=VALUE.");
        return;
    }
    endpoint->handle(exchange, &parameters);
    evhttp_clear_headers(&parameters);
}

void handle_request(struct evhttp_request *request, void *server)
{
    struct exchange *exchange = exchange_begin(server, request);
    if (exchange && admit(exchange, evhttp_request_get_command(request)))
        dispatch(exchange, evhttp_request_get_evhttp_uri(request));
}
