/*
 * What processors pass to each other is cache lines. A member of a struct that one thread writes to
 * often costs the others each time they read what lies in the same line; so they are kept apart.
 */
#ifndef TWINE_BASE_CACHE_LINE_INTERNAL_H
#define TWINE_BASE_CACHE_LINE_INTERNAL_H

#include <stdint.h>

#define TW__CACHE_LINE 64

/* The first line that begins here, or behind. */
static inline void *tw__next_line(void *place)
{
    return (void *)(((uintptr_t)place + TW__CACHE_LINE - 1) & ~(uintptr_t)(TW__CACHE_LINE - 1));
}

/* In a struct: what stands before is in no line with what stands behind, wherever the struct is. */
#define TW__APART(name) char name[TW__CACHE_LINE]

#endif
