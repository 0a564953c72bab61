/*
 * What the address, leak and thread sanitizers and valgrind have to be told about stacks and
 * switches. Without them all of this is nothing.
 *
 * The order at a switch from one fiber to another:
 *
 *     tw__tools_leave     on the old stack
 *     tw__tools_jump      on the old stack, with nothing but the jump after it
 *     tw__tools_arrive    on the new stack, first of all
 *
 * The address sanitizer keeps a fake stack for each stack, and gives it up when the stack says at
 * its last switch that it will not come back. The leak sanitizer looks at the stack on which a
 * thread is; all others that may hold the only pointer to something are made known to it as roots,
 * the part in use only.
 */
#ifndef TWINE_BASE_FIBER_TOOLS_INTERNAL_H
#define TWINE_BASE_FIBER_TOOLS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#define TW__HAS_FEATURE(feature) __has_feature(feature)
#else
#define TW__HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TW__HAS_FEATURE(address_sanitizer)
#define TW__ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define TW__ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || TW__HAS_FEATURE(thread_sanitizer)
#define TW__TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define TW__TSAN 0
#endif

#if defined(TWINE_VALGRIND) && TWINE_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* For the functions that jump: their variables are to be on the stack itself. The fake one of a
 * stack that will not come back is gone once it has been left, and that is before the jump. */
#if TW__ASAN
#define TW__NO_FAKE_STACK __attribute__((no_sanitize("address")))
#else
#define TW__NO_FAKE_STACK
#endif

/* For each fiber, the thread's own too. */
struct tw__tools {
#if TW__ASAN
    void *fake_stack;
    const void *low; /* the stack; the thread's own is known once it has been left */
    size_t size;
    const char *frame; /* from where it was left */
    const void *root;  /* the part that the leak sanitizer was told of, or NULL */
    size_t root_size;
#endif
#if TW__TSAN
    void *fiber;
#endif
    char unused;
};

#if TW__ASAN

/* The part of a stack in use: from somewhat below the frame that left it, since the registers are
 * there, up to the end. */
static inline const char *tw__tools_used(const struct tw__tools *tools, size_t *ret_size)
{
    const char *low = (const char *)tools->low, *used = tools->frame - 8192;
    if (used < low)
        used = low;
    *ret_size = (size_t)(low + tools->size - used);
    return used;
}

/* In a forked child no roots are told any more: one of the parent's threads may have held the leak
 * sanitizer's lock, which stays held there. */
extern bool tw__tools_is_child;

static inline void tw__tools_add_root(struct tw__tools *tools)
{
    if (tw__tools_is_child)
        return;
    tools->root = tw__tools_used(tools, &tools->root_size);
    __lsan_register_root_region(tools->root, tools->root_size);
}

static inline void tw__tools_remove_root(struct tw__tools *tools)
{
    if (tools->root && !tw__tools_is_child)
        __lsan_unregister_root_region(tools->root, tools->root_size);
    tools->root = NULL;
}

#endif

/* A fiber has been made, and nothing has run on its stack; head: what lies at the top of it. */
static inline void tw__tools_begin(struct tw__tools *tools, const char *low, size_t size,
                                   const void *head)
{
#if TW__ASAN
    tools->fake_stack = NULL;
    tools->low = low;
    tools->size = size;
    tools->frame = (const char *)head;
    tw__tools_add_root(tools);
#endif
#if TW__TSAN
    tools->fiber = __tsan_create_fiber(0);
#endif
    (void)tools, (void)low, (void)size, (void)head;
}

/* A fiber will not run again. On its stack there may be frames that have never returned. */
static inline void tw__tools_end(struct tw__tools *tools)
{
#if TW__ASAN
    size_t size;
    const char *used = tw__tools_used(tools, &size);
    tw__tools_remove_root(tools);
    __asan_unpoison_memory_region(used, size);
#endif
#if TW__TSAN
    __tsan_destroy_fiber(tools->fiber);
#endif
    (void)tools;
}

static inline void tw__tools_leave(struct tw__tools *from, struct tw__tools *to, bool for_good)
{
#if TW__ASAN
    from->frame = (const char *)__builtin_frame_address(0);
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->low, to->size);
#endif
#if TW__TSAN
    from->fiber = __tsan_get_current_fiber();
#endif
    (void)from, (void)to, (void)for_good;
}

static inline void tw__tools_jump(struct tw__tools *to)
{
#if TW__TSAN
    __tsan_switch_to_fiber(to->fiber, 0); /* 0: what came before is seen after */
#endif
    (void)to;
}

static inline void tw__tools_arrive(struct tw__tools *from, struct tw__tools *to, bool for_good)
{
#if TW__ASAN
    __sanitizer_finish_switch_fiber(to->fake_stack, &from->low, &from->size);
    tw__tools_remove_root(to);
    if (!for_good)
        tw__tools_add_root(from);
#endif
    (void)from, (void)to, (void)for_good;
}

static inline unsigned tw__tools_stack_mapped(const char *low, const char *end)
{
#if defined(VALGRIND_STACK_REGISTER)
    return (unsigned)VALGRIND_STACK_REGISTER(low, end);
#else
    (void)low, (void)end;
    return 0;
#endif
}

static inline void tw__tools_stack_unmapped(unsigned id)
{
#if defined(VALGRIND_STACK_DEREGISTER)
    VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id;
}

#endif
