#include "jobs.h"

#include "answer.h"
#include "index.h"
#include "json.h"
#include "page.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLEEP_MAX 60000 /* ms */
#define HITS_MAX 100
#define HITS_DEFAULT 10

/* ---- parameters ---- */

/* The parameter; NULL, and then the result says what is wrong. */
static const char *need(struct tw_result *result, const struct tw_evhttp_request *request,
                        const char *name)
{
    const char *value = tw_evhttp_request_parameter(request, name);
    const char *query = tw_evhttp_request_query(request);
    if (value && *value)
        return value;
    if (query && *query && tw_evhttp_request_parameter_at(request, 0, NULL, NULL) < 0)
        tw_result_failf(result, &TW_EVHTTP_ERROR, 400,
                        "The query cannot be read: it should be NAME=VALUE&NAME=VALUE.");
    else
        tw_result_failf(result, &TW_EVHTTP_ERROR, 400, "The parameter '%s' is missing.", name);
    return NULL;
}

/* A whole number from least to most; -1, and then the result says what is wrong. */
static long parse_number(struct tw_result *result, const char *name, const char *value, long least,
                         long most)
{
    size_t digits = strspn(value, "0123456789");
    long number;
    errno = 0;
    number = strtol(value, NULL, 10);
    if (digits > 0 && !value[digits] && errno == 0 && number >= least && number <= most)
        return number;
    tw_result_failf(
        result, &TW_EVHTTP_ERROR, 400,
        "The parameter '%s' must be a whole number from %ld to %ld, and '%.40s' is not.", name,
        least, most, value);
    return -1;
}

/* ---- JSON ---- */

/* An answer in JSON, being written. */
struct writing {
    struct tw_evhttp_reply *reply;
    struct json json;
    size_t items; /* in its list so far */
};

static bool begin_writing(struct writing *writing, struct tw_result *result)
{
    writing->reply = answer_new("application/json");
    writing->items = 0;
    if (!writing->reply) {
        fail_for_memory(result);
        return false;
    }
    writing->json.out = tw_evhttp_reply_body(writing->reply);
    writing->json.failed = false;
    return true;
}

/* What the result holds already, if it is a failure, stays. */
static void end_writing(struct writing *writing, struct tw_result *result)
{
    if (writing->json.failed && tw_result_is_ok(result))
        fail_for_memory(result);
    if (tw_result_is_ok(result))
        tw_evhttp_result_set(result, writing->reply);
    else
        tw_evhttp_reply_free(writing->reply);
}

static const char *separator(struct writing *writing)
{
    return writing->items++ > 0 ? "," : "";
}

/* ---- search ---- */

static void write_hit(const struct hit *hit, void *arg)
{
    struct writing *writing = arg;
    json_raw(&writing->json, "%s\n  {\"name\": ", separator(writing));
    json_string(&writing->json, hit->name);
    json_raw(&writing->json, ", \"score\": %.3f, \"snippet\": ", hit->score);
    json_string(&writing->json, hit->snippet);
    json_raw(&writing->json, "}");
}

void search_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    const char *query = need(result, request, "q");
    const char *limit = tw_evhttp_request_parameter(request, "limit");
    long most = query && limit ? parse_number(result, "limit", limit, 1, HITS_MAX) : HITS_DEFAULT;
    struct writing writing;
    if (!query || most < 0 || !begin_writing(&writing, result))
        return;
    json_raw(&writing.json, "{\"query\": ");
    json_string(&writing.json, query);
    json_raw(&writing.json, ", \"hits\": [");
    index_search(((struct server *)server)->index, query, (int)most, write_hit, &writing, result);
    json_raw(&writing.json, "]}\n");
    end_writing(&writing, result);
}

/* ---- file ---- */

static void release_text(const void *bytes, size_t size, void *text)
{
    (void)bytes;
    (void)size;
    free(text);
}

/* The body is the text itself, not a copy, and frees it in the end. */
static void send_text(struct tw_result *result, struct text *text)
{
    struct tw_evhttp_reply *reply = answer_new("text/plain; charset=utf-8");
    char tag[SHA256_HEX_SIZE + 2] = "\"";
    if (!reply || evbuffer_add_reference(tw_evhttp_reply_body(reply), text->bytes, text->size,
                                         release_text, text) < 0) {
        free(text);
        tw_evhttp_reply_free(reply);
        fail_for_memory(result);
        return;
    }
    tw_evhttp_result_set(result, reply);
    if (!sha256_hex(text->bytes, text->size, tag + 1)) {
        tw_result_failf(result, &TW_ERROR, 0, "The SHA-256 of the file cannot be computed.");
        return;
    }
    tw_evhttp_reply_set_header(reply, "X-SHA256", tag + 1);
    tw_evhttp_reply_set_header(reply, "ETag", strcat(tag, "\""));
}

void file_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    const char *name = need(result, request, "name");
    struct text *text =
        name ? folders_read(&((struct server *)server)->folders, name, result) : NULL;
    if (text)
        send_text(result, text);
}

/* ---- slow ---- */

/* In short naps, since the client may go meanwhile, and then nobody waits for the end. */
static void sleep_for(long milliseconds)
{
    while (milliseconds > 0 && !tw_cancelled()) {
        long nap = milliseconds < 20 ? milliseconds : 20;
        struct timespec left = {0, nap * 1000000};
        while (nanosleep(&left, &left) < 0 && errno == EINTR)
            ; /* with what is left */
        milliseconds -= nap;
    }
}

void slow_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    const char *value = need(result, request, "ms");
    long milliseconds = value ? parse_number(result, "ms", value, 0, SLEEP_MAX) : -1;
    struct writing writing;
    (void)server;
    if (milliseconds < 0)
        return;
    sleep_for(milliseconds);
    if (!begin_writing(&writing, result))
        return;
    json_raw(&writing.json, "{\"slept_ms\": %ld}\n", milliseconds);
    end_writing(&writing, result);
}

/* ---- resolve ---- */

static void write_address(struct writing *writing, const struct addrinfo *info)
{
    char address[NI_MAXHOST];
    if (getnameinfo(info->ai_addr, info->ai_addrlen, address, sizeof address, NULL, 0,
                    NI_NUMERICHOST) != 0)
        return;
    json_raw(&writing->json, "%s", separator(writing));
    json_string(&writing->json, address);
}

static void write_addresses(struct tw_result *result, void *request)
{
    const struct addrinfo *found = tw_result_value(result);
    struct writing writing;
    if (!begin_writing(&writing, result))
        return;
    json_raw(&writing.json, "{\"host\": ");
    json_string(&writing.json, tw_evhttp_request_parameter(request, "host"));
    json_raw(&writing.json, ", \"addresses\": [");
    for (; found; found = found->ai_next)
        write_address(&writing, found);
    json_raw(&writing.json, "]}\n");
    end_writing(&writing, result);
}

/* A host that does not exist is the client's mistake; a name server that is silent is not. */
static void blame_host(struct tw_result *result, void *request)
{
    struct tw_failure *failure = tw_failure_ref(tw_result_failure(result));
    int code = tw_failure_code(failure);
    (void)request;
    if (tw_failure_is(failure, &TW_ERROR_LOOKUP))
        tw_result_failf(result, &TW_EVHTTP_ERROR,
                        code == EAI_NONAME || code == EAI_NODATA || code == EAI_FAIL ? 404 : 503,
                        "%s", tw_failure_message(failure));
    tw_failure_unref(failure);
}

static void let_go(void *request)
{
    tw_evhttp_request_unref(request);
}

void resolve_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    const char *host = need(result, request, "host");
    struct tw_deferred *deferred = NULL;
    int rc;
    if (!host)
        return;
    rc = tw_reactor_resolve(((struct server *)server)->reactor, host, NULL, &deferred);
    if (rc == 0)
        rc = tw_deferred_add_callbacks(deferred, write_addresses, blame_host,
                                       tw_evhttp_request_ref(request), let_go);
    if (rc == 0)
        rc = tw_result_set_deferred(result, tw_deferred_ref(deferred));
    tw_deferred_unref(deferred);
    if (rc < 0)
        tw_result_failf(result, &TW_ERROR_SYSTEM, -rc, "The lookup cannot begin: %s.",
                        strerror(-rc));
}

/* ---- those with nothing to wait for ---- */

static struct tw_evhttp_reply *send_static(struct tw_result *result, const char *type,
                                           const char *text)
{
    struct tw_evhttp_reply *reply = answer_new(type);
    if (reply &&
        evbuffer_add_reference(tw_evhttp_reply_body(reply), text, strlen(text), NULL, NULL) == 0) {
        tw_evhttp_result_set(result, reply);
        return reply;
    }
    tw_evhttp_reply_free(reply);
    fail_for_memory(result);
    return NULL;
}

void ping_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    (void)request;
    (void)server;
    send_static(result, "text/plain", "pong\n");
}

void page_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    struct tw_evhttp_reply *reply = send_static(result, "text/html; charset=utf-8", page_html);
    (void)request;
    (void)server;
    if (reply)
        tw_evhttp_reply_set_header(reply, "Content-Security-Policy", page_policy);
}

static void write_statistics(struct json *json, const struct server *server)
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

void stats_job(struct tw_result *result, struct tw_evhttp_request *request, void *server)
{
    struct writing writing;
    (void)request;
    if (!begin_writing(&writing, result))
        return;
    write_statistics(&writing.json, server);
    end_writing(&writing, result);
}
