/*
 * The server of before.c, whose one call that blocks has gone to a thread.
 *
 *     server FOLDER [PORT]
 *
 * GET /sum?NAME gives the checksum of a file in the folder, GET /dump what was asked. While files are
 * read everybody else is answered; a client that goes away takes its file out of the queue.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <twine/deferred/evhttp.h>

/* Add a line with the checksum of a file. Returns: 0; -1 if there is no such file. */
static int add_sum(struct evbuffer *body, const char *folder, const char *name)
{
    uint64_t sum = 0xcbf29ce484222325; /* FNV-1a, 64 bits */
    char path[1024];
    FILE *file;
    if (!name || strchr(name, '/'))
        return -1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return -1;
    for (int byte; (byte = getc(file)) != EOF;)
        sum = (sum ^ (uint64_t)byte) * 0x100000001b3;
    fclose(file);
    return evbuffer_add_printf(body, "%016" PRIx64 "  %s\n", sum, name);
}

static void sum(struct tw_result *result, struct tw_evhttp_request *request, void *folder)
{
    struct evbuffer *body = tw_evhttp_reply_body(tw_evhttp_reply_in(result, 200, "text/plain"));
    if (body && add_sum(body, (const char *)folder, tw_evhttp_request_query(request)) < 0)
        tw_result_failf(result, &TW_EVHTTP_ERROR, 404, "There is no such file.");
}

static void dump(struct evhttp_request *request, void *arg)
{
    struct evbuffer *body = evbuffer_new();
    struct evkeyval *header;
    (void)arg;
    evbuffer_add_printf(body, "%s\n", evhttp_request_get_uri(request));
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        evbuffer_add_printf(body, "  %s: %s\n", header->key, header->value);
    }
    evhttp_send_reply(request, 200, "OK", body);
    evbuffer_free(body);
}

static void end(evutil_socket_t number, short what, void *base)
{
    (void)number;
    (void)what;
    event_base_loopbreak((struct event_base *)base);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);
    struct event *interrupt = evsignal_new(base, SIGINT, end, base);
    char *folder = argc > 1 ? argv[1] : ".";
    struct tw_evhttp_route sums = {NULL, sum, folder};
    int port = argc > 2 ? atoi(argv[2]) : 8080;
    signal(SIGPIPE, SIG_IGN);
    event_add(interrupt, NULL);
    evhttp_set_cb(http, "/dump", dump, NULL);
    tw_libevent_reactor_new(base, &sums.reactor);
    evhttp_set_cb(http, "/sum", tw_evhttp_on_request, &sums);
    if (evhttp_bind_socket(http, "127.0.0.1", (uint16_t)port) < 0)
        return 1;
    printf("http://127.0.0.1:%d/sum?NAME\n", port);
    fflush(stdout);
    event_base_dispatch(base);
    event_free(interrupt);
    tw_reactor_unref(sums.reactor);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
