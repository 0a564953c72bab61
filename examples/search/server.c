#include "server.h"

#include "handlers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define HEADERS_MAX 8192      /* bytes: the request line with its query, and the headers */
#define BODY_MAX (64 * 1024)  /* bytes: nobody has anything to send, but may try */
#define CONNECTION_TIMEOUT 60 /* seconds without a byte, in which no job is out */

/* Any method, so that we and not libevent say what is allowed. */
#define EVERY_METHOD                                                                           \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

static uint16_t port_of(evutil_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &size) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.ip6.sin6_port : address.ip4.sin_port);
}

int server_listen(struct server *server, const char *host, uint16_t port)
{
    server->http = evhttp_new(tw_libevent_reactor_base(server->reactor));
    if (!server->http) {
        errno = ENOMEM;
        return -1;
    }
    evhttp_set_max_headers_size(server->http, HEADERS_MAX);
    evhttp_set_max_body_size(server->http, BODY_MAX);
    evhttp_set_timeout(server->http, CONNECTION_TIMEOUT);
    evhttp_set_allowed_methods(server->http, EVERY_METHOD);
    evhttp_set_gencb(server->http, handle_request, server);
    errno = 0;
    server->listener = evhttp_bind_socket_with_handle(server->http, host, port);
    if (!server->listener)
        return -1;
    server->port = port_of(evhttp_bound_socket_get_fd(server->listener));
    return 0;
}

void server_stop(struct server *server)
{
    server->stopping = true;
    if (server->listener)
        evhttp_del_accept_socket(server->http, server->listener);
    server->listener = NULL;
}

void server_drain(struct server *server, int64_t longest)
{
    struct tw_clock *clock = tw_reactor_clock(server->reactor);
    uint64_t end = tw_time_add(tw_clock_now(clock), longest);
    int rc = 0;
    while (rc == 0 && server->count.in_flight > 0) {
        int64_t left = tw_time_between(tw_clock_now(clock), end);
        if (left <= 0)
            break;
        rc = tw_reactor_iterate(server->reactor, left);
    }
}

void server_done(struct server *server)
{
    if (server->http)
        evhttp_free(server->http);
    server->http = NULL;
    server->listener = NULL;
}
