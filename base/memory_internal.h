/*
 * The library's allocator: everything it allocates comes through here.
 */
#ifndef TWINE_BASE_MEMORY_INTERNAL_H
#define TWINE_BASE_MEMORY_INTERNAL_H

#include <twine/base/memory.h>

void *tw__malloc(size_t size);
void *tw__zalloc(size_t size); /* zeroed */
void *tw__realloc(void *old, size_t size);
void tw__free(void *memory);

/* The struct that holds a member. */
#define TW_CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
