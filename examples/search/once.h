/*
 * The self-check behind --once: a client in a thread of its own asks every endpoint over real
 * sockets, wrongly too, hangs up where it hurts, and in the end sends the process a SIGTERM.
 */
#ifndef SEARCH_ONCE_H
#define SEARCH_ONCE_H

#include "folders.h"

#include <stdint.h>

/* What it is told, and what it counts; its thread's while the job runs. */
struct once {
    const struct folders *folders;
    const char *host;
    uint16_t port;
    size_t threads; /* the pool's limit */
    unsigned right, wrong;
};

/* The job; the argument is the struct once. It fails if anything was wrong, having said what. */
void once_job(struct tw_result *result, void *once);

#endif
