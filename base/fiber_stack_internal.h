/*
 * Stacks for fibers: mapped, guarded, kept for reuse.
 */
#ifndef TWINE_BASE_FIBER_STACK_INTERNAL_H
#define TWINE_BASE_FIBER_STACK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/* Lies at the top of its own stack, so a stack needs no other memory. */
struct tw__stack {
    char *low;                         /* fixed: its first byte; the guard ends here */
    size_t size;                       /* fixed: from there up to the end of the mapping */
    unsigned valgrind_id;              /* fixed */
    unsigned generation;               /* of the process that took it into use */
    struct tw__stack *next, *previous; /* locked, while it is kept */
};

/* A stack with at least that many bytes, 0 for the system's default, below a struct of head_size
 * bytes that begins with the struct tw__stack. Each call gives the same head_size. In a fresh
 * mapping the rest of the head is zero, and in one that was kept it is as it was left. 0; -ENOMEM.
 */
int tw__stack_new(size_t size, size_t head_size, struct tw__stack **ret_stack);

/* It is not stood on, and may be given to another thread from now on. */
void tw__stack_free(struct tw__stack *stack);

#endif
