/*
 * Memory of one size that a thread keeps for its next use: so it goes from hand to hand there
 * without a lock. Taking one that is kept, and keeping one, are inline.
 *
 * A thread keeps only so many, and frees them at its end: none before its end is watched. (A reactor
 * keeps some as well, for its loop's thread; it says itself how many, and frees them when it goes.)
 */
#ifndef TWINE_BASE_SPARES_INTERNAL_H
#define TWINE_BASE_SPARES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <twine/base/thread_end_internal.h>

/* Thread-local; all zero but for wanted. */
struct tw__spares {
    void *first; /* each begins with a pointer to the next */
    unsigned count;
    unsigned room;             /* how many may be kept */
    unsigned wanted;           /* what room is once the thread's end is watched */
    struct tw__thread_end end; /* which frees them */
};

/* NULL: none is kept. */
static inline void *tw__spares_take(struct tw__spares *spares)
{
    void *block = spares->first;
    if (!block)
        return NULL;
    spares->first = *(void **)block;
    spares->count--;
    return block;
}

/* false: it may not be kept, or it is the first: see tw__spares_begin(). */
static inline bool tw__spares_keep(struct tw__spares *spares, void *block)
{
    if (spares->count >= spares->room)
        return false;
    *(void **)block = spares->first;
    spares->first = block;
    spares->count++;
    return true;
}

/* If this thread has not begun to keep any: watch its end, and keep this one. false: it is to be
 * freed. thread_ends is called then, to set the limit to 0. */
bool tw__spares_begin(struct tw__spares *spares, void *block, void (*thread_ends)(void));

/* From now on so many are kept; those too many are freed. */
void tw__spares_limit(struct tw__spares *spares, unsigned most, void (*free_block)(void *block));

#endif
