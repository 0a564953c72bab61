/*
 * Strands, for those who ask what is below.
 */
#ifndef TWINE_THREADS_STRAND_INTERNAL_H
#define TWINE_THREADS_STRAND_INTERNAL_H

#include <twine/threads/strand.h>

/* The worker below, borrowed, if this is a strand; else NULL. Any thread. */
struct tw_worker *tw__strand_below(struct tw_worker *worker);

#endif
