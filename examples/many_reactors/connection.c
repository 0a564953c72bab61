/*
 * All of a connection belongs to one loop's thread; only find_divisor() runs in the pool.
 *
 * It is held by its descriptor, and by each question that is still in the pool: an answer to somebody
 * who has hung up meanwhile is dropped.
 */
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 64 };

struct connection {
    struct loop *loop;
    struct tw_descriptor *descriptor; /* NULL: it is closed */
    int holds;
    size_t filled;
    char line[LINE]; /* what has come of the next question */
};

struct question {
    struct connection *connection; /* a hold */
    unsigned long number, divisor;
};

static void drop(struct connection *connection)
{
    if (--connection->holds == 0)
        free(connection);
}

static void hang_up(struct connection *connection)
{
    struct tw_descriptor *descriptor = connection->descriptor;
    if (!descriptor)
        return;
    connection->descriptor = NULL;
    tw_reactor_remove_reader(connection->loop->reactor, descriptor);
    close(tw_descriptor_fd(descriptor));
    tw_descriptor_unref(descriptor); /* and with the last of it our hold */
}

/* --- questions and answers -------------------------------------------------------------------- */

static void find_divisor(struct tw_result *result, void *arg) /* in the pool */
{
    struct question *question = (struct question *)arg;
    unsigned long divisor = 2;
    while (divisor * divisor <= question->number && question->number % divisor != 0)
        divisor++;
    question->divisor = divisor * divisor <= question->number ? divisor : question->number;
    tw_result_set(result, NULL, NULL);
}

static void answer(struct tw_result *result, void *arg) /* home again */
{
    struct question *question = (struct question *)arg;
    struct connection *connection = question->connection;
    struct loop *loop = connection->loop;
    char line[LINE];
    int length = snprintf(line, sizeof line, "%d %lu %lu\n", loop->number, question->number,
                          question->divisor);
    loop->strays += !tw_reactor_is_in_thread(loop->reactor);
    if (tw_result_is_ok(result) && connection->descriptor) {
        loop->answered++;
        if (send(tw_descriptor_fd(connection->descriptor), line, (size_t)length, MSG_NOSIGNAL) < 0)
            hang_up(connection);
    }
    tw_result_set(result, NULL, NULL);
    drop(connection);
    free(question);
}

static int ask(struct connection *connection, const char *line)
{
    struct question *question = (struct question *)calloc(1, sizeof *question);
    struct tw_deferred *deferred = NULL;
    int rc;
    if (!question)
        return -ENOMEM;
    question->number = strtoul(line, NULL, 10);
    question->connection = connection;
    rc = tw_defer_to_pool(connection->loop->reactor, connection->loop->pool, find_divisor, question,
                          NULL, &deferred);
    if (rc < 0) {
        free(question);
        return rc;
    }
    connection->holds++;
    tw_deferred_add_both(deferred, answer, question, NULL); /* there is room for two */
    tw_deferred_unref(deferred);
    return 0;
}

/* --- lines ------------------------------------------------------------------------------------ */

static int take_lines(struct connection *connection)
{
    char *end;
    int rc = 0;
    while (rc >= 0 && (end = (char *)memchr(connection->line, '\n', connection->filled))) {
        size_t used = (size_t)(end + 1 - connection->line);
        *end = '\0';
        rc = ask(connection, connection->line);
        connection->filled -= used;
        memmove(connection->line, end + 1, connection->filled);
    }
    return connection->filled == LINE ? -EMSGSIZE : rc;
}

static int on_readable(struct tw_descriptor *descriptor, void *arg)
{
    struct connection *connection = (struct connection *)arg;
    ssize_t got = recv(tw_descriptor_fd(descriptor), connection->line + connection->filled,
                       LINE - connection->filled, 0);
    if (got <= 0)
        return got < 0 && errno == EINTR ? 0 : -EPIPE;
    connection->filled += (size_t)got;
    return take_lines(connection);
}

static void on_lost(struct tw_descriptor *descriptor, int error, void *arg)
{
    (void)descriptor;
    (void)error;
    hang_up((struct connection *)arg);
}

static void drop_with_descriptor(void *connection)
{
    drop((struct connection *)connection);
}

/* --- newcomers -------------------------------------------------------------------------------- */

void newcomer_destroy(void *arg)
{
    struct newcomer *newcomer = (struct newcomer *)arg;
    if (newcomer->socket >= 0)
        close(newcomer->socket);
    free(newcomer);
}

void connection_begin(void *arg)
{
    static const struct tw_descriptor_fns fns = {sizeof fns, on_readable, NULL, on_lost};
    struct newcomer *newcomer = (struct newcomer *)arg;
    struct connection *connection = (struct connection *)calloc(1, sizeof *connection);
    if (!connection)
        return;
    connection->loop = newcomer->loop;
    connection->holds = 1;
    if (tw_descriptor_new(newcomer->socket, &fns, connection, drop_with_descriptor,
                          &connection->descriptor) < 0)
        return;
    newcomer->socket = -1; /* ours now */
    if (tw_reactor_add_reader(connection->loop->reactor, connection->descriptor) < 0)
        hang_up(connection);
}
