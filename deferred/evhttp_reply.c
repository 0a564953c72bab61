/*
 * A reply: a status, headers in evhttp's own form, so that they need no copying when it is sent, and
 * a body.
 *
 * In a result it is known by its destroy, which is this file's: a value of any other kind is not
 * taken for one.
 */
#include <twine/deferred/evhttp_internal.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>
#include <twine/base/memory.h>
#include <twine/base/report.h>

struct tw_evhttp_reply {
    int status;
    struct evkeyvalq headers;
    struct evbuffer *body;
};

static bool is_status(int status)
{
    return status >= 200 && status <= 599; /* those below are not an answer's */
}

int tw_evhttp_reply_new(int status, const char *content_type, struct tw_evhttp_reply **ret_reply)
{
    struct tw_evhttp_reply *reply;
    int rc = 0;
    if (!is_status(status) || !ret_reply)
        return tw_report_misuse(-EINVAL,
                                "tw_evhttp_reply_new: needs a status of 200 to 599, and ret_reply");
    reply = (struct tw_evhttp_reply *)tw_memory_alloc(sizeof *reply);
    if (!reply)
        return -ENOMEM;
    TAILQ_INIT(&reply->headers);
    reply->status = status;
    reply->body = evbuffer_new();
    if (!reply->body)
        rc = -ENOMEM;
    if (rc >= 0 && content_type)
        rc = tw_evhttp_reply_set_header(reply, "Content-Type", content_type);
    if (rc < 0)
        tw_evhttp_reply_free(reply);
    else
        *ret_reply = reply;
    return rc;
}

void tw_evhttp_reply_free(struct tw_evhttp_reply *reply)
{
    if (!reply)
        return;
    evhttp_clear_headers(&reply->headers);
    if (reply->body)
        evbuffer_free(reply->body);
    tw_memory_free(reply);
}

static void destroy_reply(void *reply)
{
    tw_evhttp_reply_free((struct tw_evhttp_reply *)reply);
}

/* --- in results ------------------------------------------------------------------------------- */

void tw_evhttp_result_set(struct tw_result *result, struct tw_evhttp_reply *reply)
{
    tw_result_set(result, reply, destroy_reply);
}

struct tw_evhttp_reply *tw_evhttp_reply_in(struct tw_result *result, int status,
                                           const char *content_type)
{
    struct tw_evhttp_reply *reply = NULL;
    int rc = tw_evhttp_reply_new(status, content_type, &reply);
    if (rc >= 0)
        tw_evhttp_result_set(result, reply);
    else if (rc == -ENOMEM)
        tw_result_failf(result, &TW_ERROR_NO_MEMORY, ENOMEM, "no memory for a reply");
    else
        tw_result_failf(result, &TW_ERROR_SYSTEM, -rc,
                        "%d is no status of a reply, or \"%s\" no type", status, content_type);
    return reply;
}

struct tw_evhttp_reply *tw__evhttp_reply_take(struct tw_result *result)
{
    tw_destroy_fn destroy = NULL;
    void *value = tw_result_take(result, &destroy);
    if (value && destroy != destroy_reply)
        tw_result_set(result, value, destroy);
    return destroy == destroy_reply ? (struct tw_evhttp_reply *)value : NULL;
}

/* --- parts ------------------------------------------------------------------------------------ */

int tw_evhttp_reply_status(const struct tw_evhttp_reply *reply)
{
    return reply ? reply->status : 0;
}

int tw_evhttp_reply_set_status(struct tw_evhttp_reply *reply, int status)
{
    if (!reply || !is_status(status))
        return tw_report_misuse(
            -EINVAL, "tw_evhttp_reply_set_status: needs a reply, and a status of 200 to 599");
    reply->status = status;
    return 0;
}

struct evbuffer *tw_evhttp_reply_body(struct tw_evhttp_reply *reply)
{
    return reply ? reply->body : NULL;
}

/* A line's end in one would begin a header that somebody else has made up. */
int tw_evhttp_reply_set_header(struct tw_evhttp_reply *reply, const char *name, const char *value)
{
    if (!reply || !name || !value)
        return tw_report_misuse(-EINVAL,
                                "tw_evhttp_reply_set_header: needs a reply, a name and a value");
    if (!*name || strpbrk(name, "\r\n: \t") || strpbrk(value, "\r\n"))
        return -EINVAL;
    evhttp_remove_header(&reply->headers, name);
    return evhttp_add_header(&reply->headers, name, value) < 0 ? -ENOMEM : 0;
}

void tw__evhttp_reply_move_headers(struct tw_evhttp_reply *reply, struct evhttp_request *request)
{
    struct evkeyvalq *to = evhttp_request_get_output_headers(request);
    struct evkeyval *header;
    while ((header = TAILQ_FIRST(&reply->headers))) {
        TAILQ_REMOVE(&reply->headers, header, next);
        TAILQ_INSERT_TAIL(to, header, next);
    }
}
