/*
 * The stacks' mappings, and those that are kept.
 *
 *     | guard, 64 KiB, no access | low ... grows down from the head | head |
 *
 * The head (struct tw__stack, and the fiber that it begins) is on the topmost page, which is in use
 * whenever the stack is. So a stack costs one mapping, or none when one of its size is kept.
 *
 * What is kept is one process-wide store, last in first out, in two lists:
 *
 *     warm    the few last used, as they are: taking and laying down costs some nanoseconds
 *     cold    others: they have given back all their pages but the topmost
 *
 * What is too many in warm goes to cold, what is too many in cold goes back to the system: each
 * time the one that has lain there longest, whatever its size, so that sizes out of use make way.
 * No system call is made under the lock. Whoever has taken a stack out of a list has it alone, so
 * it can cool or unmap it without the lock.
 *
 * Nothing here is a thread's: a thread that ends leaves nothing behind, and a stack laid down by
 * one thread may be taken by another; the lock orders what they do with it.
 *
 * A forked child starts with an empty store and a new lock, before fork() has returned there: the
 * parent's may be held, and its lists half changed. What was kept stays mapped and is forgotten;
 * what the forking thread has in use it can use on, and unmaps in the end.
 */
#include <twine/base/fiber_internal.h>
#include <twine/base/fiber_stack_internal.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <twine/base/fiber_tools_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <unistd.h>

#define GUARD ((size_t)64 * 1024)
#define MOST_WARM 16
#define MOST_COLD 48
#define HEAD_ALIGNMENT 64
#define USUAL_SIZE ((size_t)8 * 1024 * 1024)

struct list {
    struct tw__stack *first, *last;
    size_t count;
};

static struct {
    struct tw__lock lock;
    struct {
        struct list warm, cold;
        size_t stacks, kept; /* kept: in a list, or on its way from one to the other */
    } locked;
    unsigned generation; /* one more in a forked child; it changes while there is one thread only */
} store = {.lock = TW_LOCK_INIT};

/* --- a forked child --------------------------------------------------------------------------- */

#if TW__ASAN
bool tw__tools_is_child;
#endif

static void start_anew(void)
{
#if TW__ASAN
    tw__tools_is_child = true;
#endif
    tw__lock_init(&store.lock);
    memset(&store.locked, 0, sizeof store.locked);
    store.generation++;
}

/* Before the lock is first taken for a stack. Short of memory the next one to come tries again; if
 * two come at once, it is started anew twice. */
static void watch_forks(void)
{
    static atomic_bool is_watched;
    if (!atomic_load(&is_watched) && pthread_atfork(NULL, NULL, start_anew) == 0)
        atomic_store(&is_watched, true);
}

/* --- sizes ------------------------------------------------------------------------------------ */

static struct {
    size_t page, least, usual;
} sizes;

/* What pthread_create() would give: to the C library's knowledge, or else to ours. */
static size_t usual_size(void)
{
    size_t size = 0;
#if defined(__GLIBC__)
    pthread_attr_t attributes;
    if (pthread_getattr_default_np(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
#else
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        size = (size_t)limit.rlim_cur;
#endif
    return size ? size : USUAL_SIZE;
}

/* The least that a thread can have is enough for a signal's frame on this processor. */
static void find_sizes(void)
{
    sizes.page = (size_t)sysconf(_SC_PAGESIZE);
    sizes.least = (size_t)PTHREAD_STACK_MIN;
    sizes.usual = usual_size();
}

/* The mapping above the guard for a stack and its head, or 0 if there is no such number. */
static size_t mapping_size(size_t size, size_t head_size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_sizes);
    if (!size)
        size = sizes.usual;
    if (size < sizes.least)
        size = sizes.least;
    if (size > SIZE_MAX / 2)
        return 0;
    size += head_size + HEAD_ALIGNMENT;
    return (size + sizes.page - 1) & ~(sizes.page - 1);
}

/* --- mappings --------------------------------------------------------------------------------- */

/* Huge pages would make a stack of which 4 KiB are used cost 2 MiB; MAP_STACK means so only since
 * Linux 6.7. */
static char *map_guarded(size_t size)
{
    char *guard = (char *)mmap(NULL, GUARD + size, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (guard == MAP_FAILED)
        return NULL;
    if (mprotect(guard + GUARD, size, PROT_READ | PROT_WRITE) != 0) {
        munmap(guard, GUARD + size);
        return NULL;
    }
#if defined(MADV_NOHUGEPAGE)
    madvise(guard + GUARD, size, MADV_NOHUGEPAGE);
#endif
    return guard + GUARD;
}

static struct tw__stack *map_stack(size_t size, size_t head_size)
{
    char *low = map_guarded(size);
    struct tw__stack *stack;
    if (!low)
        return NULL;
    head_size = (head_size + HEAD_ALIGNMENT - 1) & ~(size_t)(HEAD_ALIGNMENT - 1);
    stack = (struct tw__stack *)(void *)(low + size - head_size);
    stack->low = low;
    stack->size = size;
    stack->valgrind_id = tw__tools_stack_mapped(low, (char *)stack);
    return stack;
}

static void unmap_stack(struct tw__stack *stack)
{
    tw__tools_stack_unmapped(stack->valgrind_id);
    munmap(stack->low - GUARD, GUARD + stack->size);
}

/* Gives back the pages below the one where the head begins. */
static void cool(struct tw__stack *stack)
{
    madvise(stack->low, (size_t)((char *)stack - stack->low) & ~(sizes.page - 1), MADV_DONTNEED);
}

/* --- those that are kept ---------------------------------------------------------------------- */

static void push(struct list *list, struct tw__stack *stack)
{
    stack->previous = NULL;
    stack->next = list->first;
    if (list->first)
        list->first->previous = stack;
    else
        list->last = stack;
    list->first = stack;
    list->count++;
}

static void take(struct list *list, struct tw__stack *stack)
{
    if (stack->previous)
        stack->previous->next = stack->next;
    else
        list->first = stack->next;
    if (stack->next)
        stack->next->previous = stack->previous;
    else
        list->last = stack->previous;
    list->count--;
}

static struct tw__stack *take_excess(struct list *list, size_t most)
{
    struct tw__stack *stack = list->count > most ? list->last : NULL;
    if (stack)
        take(list, stack);
    return stack;
}

static struct tw__stack *take_of_size(struct list *list, size_t size)
{
    struct tw__stack *stack = list->first;
    while (stack && stack->size != size)
        stack = stack->next;
    if (stack)
        take(list, stack);
    return stack;
}

/* One that is kept; or NULL, and then one that is to be mapped has been counted. */
static struct tw__stack *take_kept(size_t size)
{
    struct tw__stack *stack;
    tw__lock_acquire(&store.lock);
    stack = take_of_size(&store.locked.warm, size);
    if (!stack)
        stack = take_of_size(&store.locked.cold, size);
    if (stack)
        store.locked.kept--;
    else
        store.locked.stacks++;
    tw__lock_release(&store.lock);
    return stack;
}

static void count_one_less(void)
{
    tw__lock_acquire(&store.lock);
    store.locked.stacks--;
    tw__lock_release(&store.lock);
}

int tw__stack_new(size_t size, size_t head_size, struct tw__stack **ret_stack)
{
    struct tw__stack *stack;
    size = mapping_size(size, head_size);
    if (!size || tw__memory_must_fail())
        return -ENOMEM;
    watch_forks();
    stack = take_kept(size);
    if (!stack && !(stack = map_stack(size, head_size))) {
        count_one_less();
        return -ENOMEM;
    }
    stack->generation = store.generation;
    *ret_stack = stack;
    return 0;
}

/* One was too many in warm, and may make one too many in cold. */
static void lay_down_cold(struct tw__stack *stack)
{
    cool(stack);
    tw__lock_acquire(&store.lock);
    push(&store.locked.cold, stack);
    stack = take_excess(&store.locked.cold, MOST_COLD);
    if (stack) {
        store.locked.kept--;
        store.locked.stacks--;
    }
    tw__lock_release(&store.lock);
    if (stack)
        unmap_stack(stack);
}

void tw__stack_free(struct tw__stack *stack)
{
    struct tw__stack *excess;
    if (stack->generation != store.generation) {
        unmap_stack(stack);
        return;
    }
    tw__lock_acquire(&store.lock);
    push(&store.locked.warm, stack);
    store.locked.kept++;
    excess = take_excess(&store.locked.warm, MOST_WARM);
    tw__lock_release(&store.lock);
    if (excess)
        lay_down_cold(excess);
}

static struct tw__stack *take_all(struct list *list)
{
    struct tw__stack *all = list->first;
    store.locked.kept -= list->count;
    store.locked.stacks -= list->count;
    list->first = list->last = NULL;
    list->count = 0;
    return all;
}

static void unmap_all(struct tw__stack *stack)
{
    struct tw__stack *next;
    for (; stack; stack = next) {
        next = stack->next;
        unmap_stack(stack);
    }
}

void tw__fiber_trim(void)
{
    struct tw__stack *warm, *cold;
    tw__lock_acquire(&store.lock);
    warm = take_all(&store.locked.warm);
    cold = take_all(&store.locked.cold);
    tw__lock_release(&store.lock);
    unmap_all(warm);
    unmap_all(cold);
}

void tw__fiber_statistics(size_t *ret_stacks, size_t *ret_in_use)
{
    tw__lock_acquire(&store.lock);
    if (ret_stacks)
        *ret_stacks = store.locked.stacks;
    if (ret_in_use)
        *ret_in_use = store.locked.stacks - store.locked.kept;
    tw__lock_release(&store.lock);
}
