/*
 * A small HTTP client on blocking sockets, to ask the server as a stranger would.
 *
 * It blocks, for a minute at most each time: never call it on a loop's thread.
 */
#ifndef SEARCH_CLIENT_H
#define SEARCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection, and what has been read of it but belongs to no reply yet. */
struct client {
    int fd; /* -1: closed */
    char *buffer;
    size_t length;
};

#define CLIENT_INIT \
    {               \
        -1, NULL, 0 \
    }

struct reply {
    int status;
    char *head; /* status line and headers, with a null */
    char *body; /* with a null, which size does not count */
    size_t size;
};

/* Each returns 0; -1 on failure, and errno says why. */

int client_open(struct client *client, const char *host, uint16_t port);
int client_send(struct client *client, const char *text);
/* Send a request without a body; the connection stays open for another. */
int client_ask(struct client *client, const char *method, const char *target);
/* Read the next reply, which is to be cleared; the one to a HEAD has no body. */
int client_read(struct client *client, bool has_body, struct reply *ret_reply);

void client_close(struct client *client);
/* Close so that the server gets a reset and not an end. */
void client_reset(struct client *client);

/* Open, ask, read, close. */
int client_fetch(const char *host, uint16_t port, const char *method, const char *target,
                 struct reply *ret_reply);

/* A header's value; false, and "", if there is none, or it does not fit. */
bool reply_header(const struct reply *reply, const char *name, char *value, size_t size);
/* The number after "key": in a flat JSON object; -1 if there is none. */
long reply_number(const struct reply *reply, const char *key);
void reply_clear(struct reply *reply);

#endif
