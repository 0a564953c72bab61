/*
 * The client's connection while its request waits: noticing that it goes, and cutting it.
 */
#include <twine/deferred/evhttp_internal.h>

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The descriptor must be closed before the answer is sent: while it is open, a connection that
 * evhttp closes would not be closed for the client. */
void tw__evhttp_end_watch(struct tw_evhttp_exchange *exchange)
{
    evutil_socket_t fd;
    if (!exchange->watch)
        return;
    fd = event_get_fd(exchange->watch);
    event_free(exchange->watch);
    close(fd);
    exchange->watch = NULL;
}

enum client { STAYS, HAS_CLOSED, IS_RESET };

/* A closed connection shows as the end of what can be read, and behind requests sent ahead, which
 * evhttp will see to in its time, as EV_CLOSED. */
static enum client look_at_client(evutil_socket_t fd, short what)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        return IS_RESET;
    return got == 0 || what & EV_CLOSED ? HAS_CLOSED : STAYS;
}

/*
 * A client that only closes its sending side looks just like one that has gone. Hardly any does so
 * before it has its answer, and work for nobody is dear; so both lose their job. An answer is sent
 * all the same: the one who still listens gets a sentence, and for the other evhttp finds out by
 * itself and ends the request.
 */
static void client_stirs(evutil_socket_t fd, short what, void *arg)
{
    struct tw_evhttp_exchange *exchange = (struct tw_evhttp_exchange *)arg;
    enum client client = look_at_client(fd, what);
    if (client == STAYS)
        return;
    tw_evhttp_exchange_ref(exchange);
    exchange->is_gone = true;
    tw__evhttp_end_watch(exchange);
    tw__evhttp_cancel_job(exchange);
    if (!exchange->evhttp)
        ; /* who was cancelled has freed the evhttp */
    else if (client == HAS_CLOSED && exchange->state == TW__EVHTTP_WAITING)
        tw__evhttp_send_closed(exchange);
    else
        tw__evhttp_cut(exchange);
    tw_evhttp_exchange_unref(exchange);
}

/*
 * A descriptor of our own, since evhttp's is in the loop already; edge-triggered, since what arrives
 * stays unread, and would be reported without end. (To enable reading on evhttp's own bufferevent
 * instead would let a client that sends ahead end the process: evhttp asserts that it reads no second
 * request while it answers the first.)
 *
 * Where there is no descriptor or no memory for it, or the loop knows no edges, a client that goes is
 * noticed at the write.
 */
void tw__evhttp_begin_watch(struct tw_evhttp_exchange *exchange)
{
    struct event_base *base = evhttp_connection_get_base(tw__evhttp_connection_of(exchange));
    int features = event_base_get_features(base), fd;
    short what = EV_READ | EV_ET | EV_PERSIST;
    if (exchange->watch || !(features & EV_FEATURE_ET))
        return;
    if (features & EV_FEATURE_EARLY_CLOSE)
        what |= EV_CLOSED;
    fd = fcntl(
        bufferevent_getfd(evhttp_connection_get_bufferevent(tw__evhttp_connection_of(exchange))),
        F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return;
    exchange->watch = event_new(base, fd, what, client_stirs, exchange);
    if (!exchange->watch)
        close(fd);
    else if (event_add(exchange->watch, NULL) < 0)
        tw__evhttp_end_watch(exchange);
}

/* So that the client sees that what it has is not all. It comes back by connection_closed(). */
void tw__evhttp_cut(struct tw_evhttp_exchange *exchange)
{
    tw__evhttp_end_watch(exchange);
    evhttp_connection_free(tw__evhttp_connection_of(exchange));
}
