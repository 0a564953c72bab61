/*
 * Clients of the rude kind: they ask, wait a random while, and close, reset, half-close, send
 * garbage or send ahead; sometimes they even read the answer.
 *
 * What each does follows from the seed; how that falls together with the server does not.
 */
#ifndef SEARCH_RUDE_H
#define SEARCH_RUDE_H

#include <stdint.h>
#include <time.h>

/* Sleep. */
void rude_pause(long milliseconds);
/* Seconds, from some moment on. */
time_t rude_now(void);

/* Let several loose on a port of this machine, each in a thread, for so many seconds. */
void rude_clients(uint16_t port, uint64_t seed, long seconds);

#endif
