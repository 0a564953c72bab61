/*
 * To be told of a thread's end, for what a thread keeps to itself.
 */
#ifndef TWINE_BASE_THREAD_END_INTERNAL_H
#define TWINE_BASE_THREAD_END_INTERNAL_H

#include <stdbool.h>

/* One that waits for it; thread-local, and zeroed to begin with. */
struct tw__thread_end {
    struct tw__thread_end *next;
    void (*fn)(void); /* NULL: it does not */
};

/* On this thread, have fn called once at its end, if that has not been asked for before. Whether that
 * will be so: not where the system has no key left, or no memory. */
bool tw__thread_end_watch(struct tw__thread_end *end, void (*fn)(void));

#endif
