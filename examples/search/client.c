#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PIECE 16384 /* bytes to ask for at a time */

static int connect_to(const struct addrinfo *info)
{
    struct timeval minute = {60, 0};
    int error, fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof minute) == 0 &&
        connect(fd, info->ai_addr, info->ai_addrlen) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

int client_open(struct client *client, const char *host, uint16_t port)
{
    struct addrinfo hints, *found = NULL;
    char service[8];
    int error;
    memset(client, 0, sizeof *client);
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    snprintf(service, sizeof service, "%u", port);
    client->fd = -1;
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    client->fd = connect_to(found);
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return client->fd < 0 ? -1 : 0;
}

int client_send(struct client *client, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t sent = send(client->fd, text, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        text += sent;
        left -= (size_t)sent;
    }
    return 0;
}

int client_ask(struct client *client, const char *method, const char *target)
{
    size_t size = strlen(method) + strlen(target) + 64;
    char *text = malloc(size);
    int rc;
    if (!text)
        return -1;
    snprintf(text, size, "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method, target);
    rc = client_send(client, text);
    free(text);
    return rc;
}

/* Read some more into the buffer, which ends in a null. An end counts as an error. */
static int read_more(struct client *client)
{
    char *more = realloc(client->buffer, client->length + PIECE + 1);
    ssize_t got;
    if (!more)
        return -1;
    client->buffer = more;
    do
        got = recv(client->fd, client->buffer + client->length, PIECE, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        errno = ECONNRESET;
    if (got <= 0)
        return -1;
    client->length += (size_t)got;
    client->buffer[client->length] = '\0';
    return 0;
}

static int read_at_least(struct client *client, size_t length)
{
    while (client->length < length)
        if (read_more(client) < 0)
            return -1;
    return 0;
}

/* Cut so many bytes off the front of the buffer, as a string. */
static char *cut(struct client *client, size_t size)
{
    char *piece = malloc(size + 1);
    if (!piece)
        return NULL;
    if (size > 0)
        memcpy(piece, client->buffer, size);
    piece[size] = '\0';
    client->length -= size;
    if (client->length > 0)
        memmove(client->buffer, client->buffer + size, client->length);
    if (client->buffer)
        client->buffer[client->length] = '\0';
    return piece;
}

static int read_head(struct client *client, struct reply *reply)
{
    const char *end = NULL;
    while (client->length == 0 || !(end = strstr(client->buffer, "\r\n\r\n")))
        if (read_more(client) < 0)
            return -1;
    reply->head = cut(client, (size_t)(end - client->buffer) + 4);
    if (!reply->head)
        return -1;
    if (sscanf(reply->head, "HTTP/1.%*d %d", &reply->status) == 1)
        return 0;
    errno = EPROTO;
    return -1;
}

int client_read(struct client *client, bool has_body, struct reply *reply)
{
    char length[24];
    memset(reply, 0, sizeof *reply);
    if (read_head(client, reply) < 0) {
        reply_clear(reply);
        return -1;
    }
    if (has_body && reply_header(reply, "Content-Length", length, sizeof length))
        reply->size = strtoul(length, NULL, 10);
    if (read_at_least(client, reply->size) == 0)
        reply->body = cut(client, reply->size);
    if (reply->body)
        return 0;
    reply_clear(reply);
    return -1;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->buffer);
    memset(client, 0, sizeof *client);
    client->fd = -1;
}

void client_reset(struct client *client)
{
    struct linger at_once = {1, 0};
    if (client->fd >= 0)
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client_close(client);
}

int client_fetch(const char *host, uint16_t port, const char *method, const char *target,
                 struct reply *reply)
{
    struct client client;
    int rc = client_open(&client, host, port);
    if (rc == 0)
        rc = client_ask(&client, method, target);
    if (rc == 0)
        rc = client_read(&client, strcmp(method, "HEAD") != 0, reply);
    client_close(&client);
    return rc;
}

bool reply_header(const struct reply *reply, const char *name, char *value, size_t size)
{
    size_t name_length = strlen(name);
    const char *line = strstr(reply->head, "\r\n");
    value[0] = '\0';
    for (; line; line = strstr(line + 2, "\r\n")) {
        const char *start = line + 2 + name_length;
        if (strncasecmp(line + 2, name, name_length) == 0 && *start == ':') {
            size_t length;
            start += 1 + strspn(start + 1, " ");
            length = strcspn(start, "\r");
            if (length < size)
                snprintf(value, size, "%.*s", (int)length, start);
            return length < size;
        }
    }
    return false;
}

long reply_number(const struct reply *reply, const char *key)
{
    char quoted[40];
    const char *at;
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    at = strstr(reply->body, quoted);
    return at ? strtol(at + strlen(quoted), NULL, 10) : -1;
}

void reply_clear(struct reply *reply)
{
    free(reply->head);
    free(reply->body);
    memset(reply, 0, sizeof *reply);
}
