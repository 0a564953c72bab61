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

TW_END_DECLS

#endif
