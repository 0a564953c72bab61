/*
 * The library's allocator: everything it allocates comes through here.
 */
#ifndef TWINE_BASE_MEMORY_INTERNAL_H
#define TWINE_BASE_MEMORY_INTERNAL_H

#include <stdbool.h>
#include <twine/base/memory.h>

void *tw__malloc(size_t size);
void *tw__zalloc(size_t size); /* zeroed */
void *tw__realloc(void *old, size_t size);
void tw__free(void *memory);

/* Memory that is not had from tw__malloc() asks here whether it is to fail. Tests give the function
 * that answers, and so let it count as an allocation. NULL: never. Setup. */
bool tw__memory_must_fail(void);
void tw__memory_set_must_fail(bool (*must_fail)(void));

/* The struct that holds a member. */
#define TW_CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
