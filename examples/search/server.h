/*
 * The server: a listening evhttp, what the endpoints need, and the counts.
 *
 * It belongs to the loop's thread. Jobs in threads may read the folders and search the index.
 */
#ifndef SEARCH_SERVER_H
#define SEARCH_SERVER_H

#include "folders.h"

#include <stdint.h>
#include <twine/twine.h>

struct evhttp;
struct evhttp_bound_socket;
struct index;

#define IN_FLIGHT_MAX 400 /* requests; each takes two descriptors, of 1024 that a process gets */

struct server {
    struct tw_reactor *reactor;
    struct tw_pool *pool; /* the reactor's */
    struct folders folders;
    struct index *index;
    struct evhttp *http;
    struct evhttp_bound_socket *listener; /* NULL before it listens, and once it is stopping */
    uint16_t port;
    bool stopping;
    struct {
        uint64_t requests; /* that have come */
        uint64_t answered; /* whose answer has left */
        uint64_t hung_up;  /* whose client went first */
        size_t in_flight;  /* the rest: requests = answered + hung_up + in_flight */
    } count;
};

/*
 * Listen, and answer what comes.
 *
 * Returns: 0; -1 if the address cannot be had, and errno says why; it may have no reason to give.
 */
int server_listen(struct server *server, const char *host, uint16_t port);

/* Accept no more connections; refuse, with 503, what comes on those there are. */
void server_stop(struct server *server);

/* Turn the loop until every answer has left, but not for longer than this many nanoseconds: a
 * client that does not read must not hold us. */
void server_drain(struct server *server, int64_t longest);

/* Close what is still open. No job may be out. */
void server_done(struct server *server);

#endif
