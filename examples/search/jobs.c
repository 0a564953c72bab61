#include "jobs.h"

#include "answer.h"
#include "index.h"
#include "json.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct question *question_new(const struct server *server, const char *text, long number)
{
    size_t size = strlen(text) + 1;
    struct question *question = malloc(sizeof *question + size);
    if (!question)
        return NULL;
    question->server = server;
    question->number = number;
    memcpy(question->text, text, size);
    return question;
}

/* An answer in JSON, being written. */
struct writing {
    struct answer *answer;
    struct json json;
    size_t items; /* in its list so far */
};

static bool begin_writing(struct writing *writing, struct tw_result *result)
{
    writing->answer = answer_new("application/json");
    writing->items = 0;
    if (!writing->answer) {
        fail_for_memory(result);
        return false;
    }
    writing->json.out = writing->answer->body;
    writing->json.failed = false;
    return true;
}

/* What the result holds already is a failure, and stays. */
static void end_writing(struct writing *writing, struct tw_result *result)
{
    if (writing->json.failed && tw_result_is_ok(result))
        fail_for_memory(result);
    if (tw_result_is_ok(result))
        tw_result_set(result, writing->answer, answer_free);
    else
        answer_free(writing->answer);
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

void search_job(struct tw_result *result, void *arg)
{
    const struct question *question = arg;
    struct writing writing;
    if (!begin_writing(&writing, result))
        return;
    json_raw(&writing.json, "{\"query\": ");
    json_string(&writing.json, question->text);
    json_raw(&writing.json, ", \"hits\": [");
    index_search(question->server->index, question->text, (int)question->number, write_hit,
                 &writing, result);
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
void file_job(struct tw_result *result, void *arg)
{
    const struct question *question = arg;
    struct text *text = folders_read(&question->server->folders, question->text, result);
    struct answer *answer = text ? answer_new("text/plain; charset=utf-8") : NULL;
    if (!text)
        return;
    if (!answer ||
        evbuffer_add_reference(answer->body, text->bytes, text->size, release_text, text) < 0) {
        free(text);
        answer_free(answer);
        fail_for_memory(result);
        return;
    }
    tw_result_set(result, answer, answer_free);
    if (!sha256_hex(text->bytes, text->size, answer->sha256))
        tw_result_failf(result, &TW_ERROR, 0, "The SHA-256 of the file cannot be computed.");
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

/* A host that does not exist is the client's mistake; a name server that is silent is not. */
static void fail_to_resolve(struct tw_result *result, const char *host, int error)
{
    if (error == EAI_MEMORY)
        fail_for_memory(result);
    else if (error == EAI_NONAME || error == EAI_NODATA || error == EAI_FAIL)
        tw_result_failf(result, &HTTP_ERROR, 404, "There is no host '%s': %s.", host,
                        gai_strerror(error));
    else if (error == EAI_AGAIN)
        tw_result_failf(result, &HTTP_ERROR, 503, "'%s' cannot be looked up now: %s.", host,
                        gai_strerror(error));
    else
        tw_result_failf(result, &TW_ERROR, error, "'%s' cannot be looked up: %s.", host,
                        gai_strerror(error));
}

void resolve_job(struct tw_result *result, void *arg)
{
    const struct question *question = arg;
    struct addrinfo hints, *found = NULL;
    struct writing writing;
    int error;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM; /* each address once, not once for each kind of socket */
    error = getaddrinfo(question->text, NULL, &hints, &found);
    if (error != 0) {
        fail_to_resolve(result, question->text, error);
        return;
    }
    if (begin_writing(&writing, result)) {
        json_raw(&writing.json, "{\"host\": ");
        json_string(&writing.json, question->text);
        json_raw(&writing.json, ", \"addresses\": [");
        for (const struct addrinfo *info = found; info; info = info->ai_next)
            write_address(&writing, info);
        json_raw(&writing.json, "]}\n");
        end_writing(&writing, result);
    }
    freeaddrinfo(found);
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

void slow_job(struct tw_result *result, void *arg)
{
    const struct question *question = arg;
    struct writing writing;
    sleep_for(question->number);
    if (!begin_writing(&writing, result))
        return;
    json_raw(&writing.json, "{\"slept_ms\": %ld}\n", question->number);
    end_writing(&writing, result);
}
