/*
 * The memory hooks. They are set before anything else runs, so they are read without a lock.
 */
#include <twine/base/memory_internal.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <twine/base/report_internal.h>

static void *(*use_malloc)(size_t) = malloc;
static void *(*use_realloc)(void *, size_t) = realloc;
static void (*use_free)(void *) = free;
static bool (*ask_must_fail)(void);

int tw_memory_set_functions(void *(*malloc_fn)(size_t size),
                            void *(*realloc_fn)(void *old, size_t size),
                            void (*free_fn)(void *memory))
{
    if (!malloc_fn != !realloc_fn || !malloc_fn != !free_fn)
        return tw__misuse(-EINVAL, "tw_memory_set_functions: give all three functions, or none");
    use_malloc = malloc_fn ? malloc_fn : malloc;
    use_realloc = realloc_fn ? realloc_fn : realloc;
    use_free = free_fn ? free_fn : free;
    return 0;
}

void *tw__malloc(size_t size)
{
    return use_malloc(size);
}

void *tw__zalloc(size_t size)
{
    void *memory = use_malloc(size);
    return memory ? memset(memory, 0, size) : NULL;
}

void *tw__realloc(void *old, size_t size)
{
    return use_realloc(old, size);
}

void tw__free(void *memory)
{
    if (memory)
        use_free(memory);
}

void *tw_memory_alloc(size_t size)
{
    return tw__zalloc(size);
}

void tw_memory_free(void *memory)
{
    tw__free(memory);
}

bool tw__memory_must_fail(void)
{
    return ask_must_fail && ask_must_fail();
}

void tw__memory_set_must_fail(bool (*must_fail)(void))
{
    ask_must_fail = must_fail;
}
