/*
 * A trial: some clients that ask, and look whether the answers are right.
 */
#ifndef ONCE_H
#define ONCE_H

#include <stdatomic.h>
#include <twine/twine.h>

enum { CLIENTS = 32, QUESTIONS = 100 };

struct once {
    int port;
    struct tw_reactor *reactor; /* to be stopped when all is over */
    atomic_ulong right, wrong;
};

/* On a thread of its own, which may block. */
void *once_run(void *once);

#endif
