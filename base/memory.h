/*
 * Where the library's memory comes from (as libevent's event_set_mem_functions).
 */
#ifndef TWINE_BASE_MEMORY_H
#define TWINE_BASE_MEMORY_H

#include <stddef.h>
#include <twine/base/export.h>

TW_BEGIN_DECLS

/**
 * Let the library allocate with your functions.
 *
 * Each has the contract of the C function of its name, and is called from any thread. NULL for all
 * three goes back to the C library's.
 *
 * Thread:  setup: before anything else of the library is used.
 * Returns: 0; -EINVAL if some but not all are NULL.
 */
TW_EXPORT int tw_memory_set_functions(void *(*malloc_fn)(size_t size),
                                      void *(*realloc_fn)(void *old, size_t size),
                                      void (*free_fn)(void *memory));

/**
 * Allocate as the library does: for add-ons, plug-ins and kinds of worker.
 *
 * Thread:    any.
 * Ownership: the memory, all zero, is yours to give to tw_memory_free().
 * Returns:   NULL when memory is short.
 */
TW_EXPORT void *tw_memory_alloc(size_t size);
/** Free what tw_memory_alloc() gave; NULL is nothing. Thread: any. */
TW_EXPORT void tw_memory_free(void *memory);

TW_END_DECLS

#endif
