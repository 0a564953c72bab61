/*
 * Accept on one reactor, serve on many, work in one pool:
 *
 *     many_reactors [--port N] [--loops N]     serves until SIGINT or SIGTERM; try it with netcat
 *     many_reactors --once                     on a free port, with clients of its own, and ends
 *
 * Each connection is given to one of the loops, in turn. What a loop sends to the pool comes home to
 * that loop, so a connection needs no lock.
 */
#include "connection.h"
#include "once.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct acceptor {
    struct loops *loops;
    int next;
};

/* --- accepting -------------------------------------------------------------------------------- */

static int hand_on(struct acceptor *acceptor, int fd)
{
    struct newcomer *newcomer = (struct newcomer *)malloc(sizeof *newcomer);
    if (!newcomer) {
        close(fd);
        return 0;
    }
    newcomer->socket = fd;
    newcomer->loop = &acceptor->loops->loop[acceptor->next];
    acceptor->next = (acceptor->next + 1) % acceptor->loops->count;
    loops_call(newcomer->loop, connection_begin, newcomer, newcomer_destroy);
    return 0;
}

static int on_newcomer(struct tw_descriptor *descriptor, void *arg)
{
    int fd = accept(tw_descriptor_fd(descriptor), NULL, NULL);
    return fd < 0 ? 0 : hand_on((struct acceptor *)arg, fd);
}

/* Returns the socket; a negative errno. */
static int listen_on(int port, int *ret_port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int serve(struct loops *loops, int fd, struct once *once)
{
    static const struct tw_descriptor_fns fns = {sizeof fns, on_newcomer, NULL, NULL};
    struct acceptor acceptor = {loops, 0};
    struct tw_descriptor *descriptor = NULL;
    struct tw_reactor *reactor = NULL;
    pthread_t clients;
    bool has_clients = false;
    int rc = tw_reactor_new(NULL, &reactor);
    if (rc >= 0)
        rc = tw_reactor_stop_on_signals(reactor, true);
    if (rc >= 0)
        rc = tw_descriptor_new(fd, &fns, &acceptor, NULL, &descriptor);
    if (rc >= 0)
        rc = tw_reactor_add_reader(reactor, descriptor);
    if (rc >= 0 && once) {
        once->reactor = reactor;
        rc = -pthread_create(&clients, NULL, once_run, once);
        has_clients = rc == 0;
    }
    if (rc >= 0)
        rc = tw_reactor_run(reactor);
    if (has_clients)
        pthread_join(clients, NULL);
    tw_descriptor_unref(descriptor);
    tw_reactor_unref(reactor);
    return rc;
}

/* --- what came of it -------------------------------------------------------------------------- */

static bool report(const struct loops *loops)
{
    bool is_good = true;
    int i;
    for (i = 0; i < loops->count; i++) {
        const struct loop *loop = &loops->loop[i];
        printf("loop %d: %lu answered, %lu came home elsewhere\n", loop->number, loop->answered,
               loop->strays);
        is_good = is_good && loop->strays == 0;
    }
    return is_good;
}

static bool report_once(const struct loops *loops, struct once *once)
{
    bool is_good = atomic_load(&once->wrong) == 0 &&
                   atomic_load(&once->right) == (unsigned long)CLIENTS * QUESTIONS;
    int i;
    for (i = 0; i < loops->count; i++)
        is_good = is_good && loops->loop[i].answered > 0;
    printf("%lu answers right, %lu wrong\n", atomic_load(&once->right), atomic_load(&once->wrong));
    return is_good;
}

static int run(int port, int count, bool is_once)
{
    struct loops loops;
    struct once once;
    int fd = listen_on(port, &port), rc = fd;
    bool is_good = false;
    if (rc >= 0)
        rc = loops_start(&loops, count, 4);
    if (rc >= 0) {
        memset(&once, 0, sizeof once);
        once.port = port;
        printf("127.0.0.1:%d, %d loops\n", port, count);
        fflush(stdout);
        rc = serve(&loops, fd, is_once ? &once : NULL);
        loops_stop(&loops);
        is_good = report(&loops) && (!is_once || report_once(&loops, &once));
        loops_free(&loops);
    }
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        fprintf(stderr, "many_reactors: %s\n", strerror(-rc));
    return rc < 0 || !is_good;
}

int main(int argc, char **argv)
{
    int port = 8081, count = 4, i;
    bool is_once = false;
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0)
            is_once = true;
        else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = atoi(argv[++i]);
        else if (strcmp(argv[i], "--loops") == 0 && i + 1 < argc && atoi(argv[i + 1]) > 0)
            count = atoi(argv[++i]);
        else
            return fprintf(stderr, "usage: %s [--once] [--port N] [--loops N]\n", argv[0]), 2;
    }
    return run(is_once ? 0 : port, count, is_once);
}
