/*
 * A connection: lines with a number come in, and for each goes out a line with the loop that has
 * served it, the number, and its smallest divisor.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "loops.h"

/* A socket that was accepted, and the loop that is to serve it. */
struct newcomer {
    int socket;
    struct loop *loop;
};

/* On the loop's thread: serve a newcomer. */
void connection_begin(void *newcomer);
/* Of a newcomer that no loop serves: closes the socket; of one that is served: lets go. */
void newcomer_destroy(void *newcomer);

#endif
