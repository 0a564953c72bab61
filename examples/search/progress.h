/*
 * How far the indexing has come: a bar on a terminal, a line now and then elsewhere. On stderr, so
 * that it does not mix with what the program has to say.
 */
#ifndef SEARCH_PROGRESS_H
#define SEARCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    size_t total, done, skipped;
    size_t shown; /* the percentage shown last */
    bool terminal;
};

void progress_begin(struct progress *progress, size_t total);
/* One file more is done. */
void progress_step(struct progress *progress);
/* One of them is no text, or cannot be read. */
void progress_skip(struct progress *progress);
void progress_end(struct progress *progress);

#endif
