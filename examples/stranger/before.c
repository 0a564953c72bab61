/*
 * A server as people have them: libevent's evhttp, one thread, and one call that blocks.
 *
 *     server FOLDER [PORT]
 *
 * GET /sum?NAME gives the checksum of a file in the folder, GET /dump what was asked. While a file is
 * read nobody else is answered: make a FIFO in the folder, ask for its sum, and then for /dump.
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

static void sum(struct evhttp_request *request, void *folder)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    struct evbuffer *body = evbuffer_new();
    if (add_sum(body, (const char *)folder, evhttp_uri_get_query(uri)) < 0)
        evhttp_send_error(request, 404, "There is no such file.");
    else
        evhttp_send_reply(request, 200, "OK", body);
    evbuffer_free(body);
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
    int port = argc > 2 ? atoi(argv[2]) : 8080;
    signal(SIGPIPE, SIG_IGN);
    event_add(interrupt, NULL);
    evhttp_set_cb(http, "/dump", dump, NULL);
    evhttp_set_cb(http, "/sum", sum, folder);
    if (evhttp_bind_socket(http, "127.0.0.1", (uint16_t)port) < 0)
        return 1;
    printf("http://127.0.0.1:%d/sum?NAME\n", port);
    fflush(stdout);
    event_base_dispatch(base);
    event_free(interrupt);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
