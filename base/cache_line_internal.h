/*
 * What processors pass to each other is cache lines. A member of a struct that one thread writes to
 * often costs the others each time they read what lies in the same line; so they are kept apart.
 */
#ifndef TWINE_BASE_CACHE_LINE_INTERNAL_H
#define TWINE_BASE_CACHE_LINE_INTERNAL_H

#define TW__CACHE_LINE 64

/* In a struct: what stands before is in no line with what stands behind, wherever the struct is. */
#define TW__APART(name) char name[TW__CACHE_LINE]

#endif
