/*
 * A request as it came, copied out of evhttp's in one block: the struct, the table of headers and
 * parameters, the body, and all strings.
 */
#include <twine/deferred/evhttp_internal.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <twine/base/memory.h>

struct field {
    const char *name, *value;
};

struct tw_evhttp_request {
    atomic_size_t refs;
    const char *method; /* static */
    const char *uri, *path, *query, *peer;
    const void *body;
    size_t body_size;
    size_t header_count, parameter_count;
    uint16_t peer_port;
    bool is_head;
    struct field fields[]; /* the headers, then the parameters */
};

/* --- measuring -------------------------------------------------------------------------------- */

/* What is to be copied; nothing in it is owned but the parameters. */
struct source {
    const char *uri, *path, *query, *peer;
    const struct evkeyvalq *headers;
    struct evkeyvalq parameters;
    struct evbuffer *body;
    uint16_t peer_port;
};

static void find_source(struct evhttp_request *request, struct source *source)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    char *peer = NULL;
    source->peer_port = 0;
    evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &source->peer_port);
    source->peer = peer;
    source->uri = evhttp_request_get_uri(request);
    source->path = uri ? evhttp_uri_get_path(uri) : NULL;
    source->query = uri ? evhttp_uri_get_query(uri) : NULL;
    source->headers = evhttp_request_get_input_headers(request);
    source->body = evhttp_request_get_input_buffer(request);
    TAILQ_INIT(&source->parameters);
}

/* A query that cannot be read has no parameters. */
static void read_parameters(struct source *source)
{
    if (!source->query || !*source->query)
        return;
    if (evhttp_parse_query_str(source->query, &source->parameters) < 0)
        TAILQ_INIT(&source->parameters);
}

static size_t string_size(const char *string)
{
    return string ? strlen(string) + 1 : 1;
}

static size_t fields_size(const struct evkeyvalq *from, size_t *ret_count)
{
    const struct evkeyval *entry;
    size_t size = 0;
    *ret_count = 0;
    TAILQ_FOREACH(entry, from, next)
    {
        size += sizeof(struct field) + string_size(entry->key) + string_size(entry->value);
        ++*ret_count;
    }
    return size;
}

/* --- copying ---------------------------------------------------------------------------------- */

static const char *put_string(char **at, const char *string)
{
    char *copy = *at;
    size_t size = string_size(string);
    memcpy(copy, string ? string : "", size);
    *at += size;
    return copy;
}

static void put_fields(char **at, struct field *field, const struct evkeyvalq *from)
{
    const struct evkeyval *entry;
    TAILQ_FOREACH(entry, from, next)
    {
        field->name = put_string(at, entry->key);
        field->value = put_string(at, entry->value);
        field++;
    }
}

/* The block is zero, and so is the byte behind the body. */
static void put_body(char **at, struct tw_evhttp_request *own, struct evbuffer *body)
{
    own->body = *at;
    if (own->body_size > 0)
        evbuffer_remove(body, *at, own->body_size);
    *at += own->body_size + 1;
}

static const char *method_name(enum evhttp_cmd_type method)
{
    static const struct {
        enum evhttp_cmd_type method;
        const char *name;
    } names[] = {
        {EVHTTP_REQ_GET, "GET"},       {EVHTTP_REQ_POST, "POST"},
        {EVHTTP_REQ_HEAD, "HEAD"},     {EVHTTP_REQ_PUT, "PUT"},
        {EVHTTP_REQ_DELETE, "DELETE"}, {EVHTTP_REQ_OPTIONS, "OPTIONS"},
        {EVHTTP_REQ_TRACE, "TRACE"},   {EVHTTP_REQ_CONNECT, "CONNECT"},
        {EVHTTP_REQ_PATCH, "PATCH"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].method == method)
            return names[i].name;
    return "";
}

static struct tw_evhttp_request *copy_source(const struct source *source)
{
    size_t headers, parameters, body = evbuffer_get_length(source->body);
    size_t size = sizeof(struct tw_evhttp_request) + body + 1 + string_size(source->uri) +
                  string_size(source->path) + string_size(source->query) +
                  string_size(source->peer);
    struct tw_evhttp_request *own;
    char *at;
    size += fields_size(source->headers, &headers);
    size += fields_size(&source->parameters, &parameters);
    own = (struct tw_evhttp_request *)tw_memory_alloc(size);
    if (!own)
        return NULL;
    own->header_count = headers;
    own->parameter_count = parameters;
    own->body_size = body;
    own->peer_port = source->peer_port;
    at = (char *)&own->fields[headers + parameters];
    put_fields(&at, own->fields, source->headers);
    put_fields(&at, own->fields + headers, &source->parameters);
    put_body(&at, own, source->body);
    own->uri = put_string(&at, source->uri);
    own->path = put_string(&at, source->path);
    own->peer = put_string(&at, source->peer);
    own->query = source->query ? put_string(&at, source->query) : NULL;
    return own;
}

struct tw_evhttp_request *tw__evhttp_request_new(struct evhttp_request *request)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    struct tw_evhttp_request *own;
    struct source source;
    find_source(request, &source);
    read_parameters(&source);
    own = copy_source(&source);
    evhttp_clear_headers(&source.parameters);
    if (!own)
        return NULL;
    atomic_init(&own->refs, 1);
    own->method = method_name(method);
    own->is_head = method == EVHTTP_REQ_HEAD;
    return own;
}

/* --- counting --------------------------------------------------------------------------------- */

struct tw_evhttp_request *tw_evhttp_request_ref(struct tw_evhttp_request *request)
{
    if (request) /* who refs has a reference: nothing has to be seen by it */
        atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
    return request;
}

struct tw_evhttp_request *tw_evhttp_request_unref(struct tw_evhttp_request *request)
{
    /* Release our reading of it before whoever is last frees it. */
    if (request && atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel) == 1)
        tw_memory_free(request);
    return NULL;
}

/* --- looking ---------------------------------------------------------------------------------- */

bool tw__evhttp_request_is_head(const struct tw_evhttp_request *request)
{
    return request->is_head;
}

const char *tw_evhttp_request_method(const struct tw_evhttp_request *request)
{
    return request ? request->method : NULL;
}

const char *tw_evhttp_request_uri(const struct tw_evhttp_request *request)
{
    return request ? request->uri : NULL;
}

const char *tw_evhttp_request_path(const struct tw_evhttp_request *request)
{
    return request ? request->path : NULL;
}

const char *tw_evhttp_request_query(const struct tw_evhttp_request *request)
{
    return request ? request->query : NULL;
}

const char *tw_evhttp_request_parameter(const struct tw_evhttp_request *request, const char *name)
{
    if (!request || !name)
        return NULL;
    for (size_t i = 0; i < request->parameter_count; i++)
        if (strcmp(request->fields[request->header_count + i].name, name) == 0)
            return request->fields[request->header_count + i].value;
    return NULL;
}

const char *tw_evhttp_request_header(const struct tw_evhttp_request *request, const char *name)
{
    if (!request || !name)
        return NULL;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->fields[i].name, name) == 0)
            return request->fields[i].value;
    return NULL;
}

static int give_field(const struct field *field, const char **ret_name, const char **ret_value)
{
    if (ret_name)
        *ret_name = field->name;
    if (ret_value)
        *ret_value = field->value;
    return 0;
}

int tw_evhttp_request_parameter_at(const struct tw_evhttp_request *request, size_t index,
                                   const char **ret_name, const char **ret_value)
{
    if (!request || index >= request->parameter_count)
        return -ENOENT;
    return give_field(&request->fields[request->header_count + index], ret_name, ret_value);
}

int tw_evhttp_request_header_at(const struct tw_evhttp_request *request, size_t index,
                                const char **ret_name, const char **ret_value)
{
    if (!request || index >= request->header_count)
        return -ENOENT;
    return give_field(&request->fields[index], ret_name, ret_value);
}

const void *tw_evhttp_request_body(const struct tw_evhttp_request *request)
{
    return request ? request->body : NULL;
}

size_t tw_evhttp_request_body_size(const struct tw_evhttp_request *request)
{
    return request ? request->body_size : 0;
}

const char *tw_evhttp_request_peer(const struct tw_evhttp_request *request)
{
    return request ? request->peer : NULL;
}

uint16_t tw_evhttp_request_peer_port(const struct tw_evhttp_request *request)
{
    return request ? request->peer_port : 0;
}
