/*
 * The clients are work of an executor: each blocks in its own thread.
 */
#include "once.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(int port)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return fd;
}

static bool is_right(const char *line, unsigned long number)
{
    unsigned long told = 0, divisor = 0, smaller;
    int loop = 0;
    if (sscanf(line, "%d %lu %lu", &loop, &told, &divisor) != 3 || told != number || divisor < 2)
        return false;
    for (smaller = 2; smaller < divisor && smaller * smaller <= number; smaller++)
        if (number % smaller == 0)
            return false;
    return loop > 0 && number % divisor == 0;
}

/* Returns whether the right answer has come. */
static bool ask(int fd, FILE *answers, unsigned long number)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%lu\n", number);
    return send(fd, line, (size_t)length, MSG_NOSIGNAL) == length &&
           fgets(line, sizeof line, answers) && is_right(line, number);
}

static void ask_all(struct tw_result *result, void *arg)
{
    struct once *once = (struct once *)arg;
    int fd = connect_to(once->port);
    FILE *answers = fd < 0 ? NULL : fdopen(fd, "r");
    unsigned long i;
    (void)result;
    for (i = 0; i < QUESTIONS; i++)
        atomic_fetch_add(answers && ask(fd, answers, 1000003 + i) ? &once->right : &once->wrong, 1);
    if (answers)
        fclose(answers);
}

static void stop(void *reactor)
{
    tw_reactor_stop((struct tw_reactor *)reactor);
}

void *once_run(void *arg)
{
    struct once *once = (struct once *)arg;
    struct tw_executor *clients = NULL;
    int i, rc = tw_executor_new(CLIENTS, NULL, &clients);
    for (i = 0; rc >= 0 && i < CLIENTS; i++) {
        struct tw_future *future = NULL;
        rc = tw_executor_submit(clients, ask_all, once, NULL, &future);
        tw_future_unref(future);
    }
    if (rc < 0)
        atomic_fetch_add(&once->wrong, 1);
    if (clients)
        tw_executor_shutdown(clients, true, false);
    tw_executor_unref(clients);
    if (tw_reactor_call_from_thread(once->reactor, stop, once->reactor, NULL) < 0)
        abort();
    return NULL;
}
