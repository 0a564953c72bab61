#include "rude.h"

#include "client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define HOST "127.0.0.1"
#define CLIENTS 8 /* threads */

struct rude_client {
    pthread_t thread;
    uint64_t random;
    uint16_t port;
    time_t end;
    unsigned long turns, answers;
};

void rude_pause(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

time_t rude_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* Below n, by xorshift: the same on every machine for the same seed. */
static unsigned pick(struct rude_client *rude, unsigned n)
{
    rude->random ^= rude->random << 13;
    rude->random ^= rude->random >> 7;
    rude->random ^= rude->random << 17;
    return (unsigned)((rude->random >> 33) % n);
}

static void ask_something(struct rude_client *rude, struct client *client)
{
    static const char *const targets[] = {"/ping",
                                          "/stats",
                                          "/",
                                          "/search?q=license",
                                          "/search?q=free+software&limit=100",
                                          "/search?q=%22",
                                          "/file?name=no/such/file",
                                          "/file?name=common-licenses/GPL-3",
                                          "/file?name=..",
                                          "/resolve?host=localhost",
                                          "/nothing",
                                          "/slow?ms=soon"};
    static const unsigned count = sizeof targets / sizeof *targets;
    char slow[32];
    unsigned choice = pick(rude, 2 * count);
    if (choice < count) {
        client_ask(client, pick(rude, 8) ? "GET" : "HEAD", targets[choice]);
        return;
    }
    snprintf(slow, sizeof slow, "/slow?ms=%u", pick(rude, 150));
    client_ask(client, "GET", slow);
}

static void send_garbage(struct rude_client *rude, struct client *client)
{
    static const char *const garbage[] = {"\r\n\r\n\r\n",
                                          "GET",
                                          "GET /ping",
                                          "GET /ping HTTP/1.1\r\nHo",
                                          "BREW /pot HTTP/1.1\r\n\r\n",
                                          "GET /ping HTTP/9.9\r\n\r\n",
                                          "GET /%zz?%=%&&&=;q HTTP/1.1\r\n\r\n",
                                          "\x16\x03\x01\x02 so might TLS begin",
                                          "POST /ping HTTP/1.1\r\nContent-Length: 9999999\r\n\r\nx",
                                          "POST /ping HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                          "POST /ping HTTP/1.1\r\nContent-Length: 100\r\n\r\nx"};
    client_send(client, garbage[pick(rude, sizeof garbage / sizeof *garbage)]);
}

static void talk(struct rude_client *rude, struct client *client)
{
    unsigned ahead = pick(rude, 4) ? 1 : 2 + pick(rude, 4);
    if (pick(rude, 8) == 0) {
        send_garbage(rude, client);
        return;
    }
    while (ahead-- > 0)
        ask_something(rude, client);
}

/* Read what comes, if anything does: garbage may be answered by silence, so not without end. */
static void read_some(struct rude_client *rude, struct client *client)
{
    struct timeval while_ = {0, 500000};
    char piece[4096];
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &while_, sizeof while_);
    if (recv(client->fd, piece, sizeof piece, 0) > 0)
        rude->answers++;
}

static void take_leave(struct rude_client *rude, struct client *client)
{
    unsigned manner = pick(rude, 4);
    if (manner == 3)
        read_some(rude, client);
    else
        rude_pause(pick(rude, 3) ? pick(rude, 20) : pick(rude, 150));
    if (manner == 2) {
        shutdown(client->fd, SHUT_WR);
        read_some(rude, client);
    }
    if (manner == 1)
        client_reset(client);
    else
        client_close(client);
}

static void *be_rude(void *arg)
{
    struct rude_client *rude = arg;
    while (rude_now() < rude->end) {
        struct client client;
        rude->turns++;
        if (client_open(&client, HOST, rude->port) == 0) {
            talk(rude, &client);
            take_leave(rude, &client);
        } else {
            rude_pause(10);
        }
    }
    return NULL;
}

void rude_clients(uint16_t port, uint64_t seed, long seconds)
{
    struct rude_client clients[CLIENTS];
    unsigned long turns = 0, answers = 0;
    unsigned started = 0;
    memset(clients, 0, sizeof clients);
    for (; started < CLIENTS; started++) {
        struct rude_client *rude = &clients[started];
        rude->random = (seed + started + 1) * UINT64_C(0x9E3779B97F4A7C15);
        rude->port = port;
        rude->end = rude_now() + seconds;
        if (pthread_create(&rude->thread, NULL, be_rude, rude) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(clients[i].thread, NULL);
        turns += clients[i].turns;
        answers += clients[i].answers;
    }
    printf("%lu clients in %ld s, of whom %lu waited for an answer\n", turns, seconds, answers);
}
