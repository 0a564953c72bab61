/*
 * A peer: something that hands work to threads and brings it back, in the shapes that are measured.
 *
 * Each function runs one course from nothing to nothing, checks that every job came home, and
 * returns the nanoseconds between the first job and the last. One a peer has no such thing for is
 * NULL.
 */
#ifndef TWINE_BENCH_PEER_H
#define TWINE_BENCH_PEER_H

#include <stdint.h>

struct course {
    int threads;
    long in_flight; /* jobs out at once; for alone: how many are handed over at once */
    long jobs;
};

typedef uint64_t (*course_fn)(const struct course *course);

struct peer {
    const char *name;
    course_fn trips; /* loop -> pool -> loop, in_flight at a time */
    course_fn bare;  /* the same with the least that the peer has for it, where that is less */
    course_fn alone; /* the pool without a loop */
    course_fn idle;  /* as trips, with threads - 1 others idle all the time */
    course_fn calls; /* threads that call into the loop */
};

extern const struct peer peer_twine, peer_by_hand, peer_libuv;

uint64_t bench_now(void);
/* Ends the program if rc is a negative errno. */
void bench_must(int rc, const char *what);

#endif
