/*
 * Fibers: stacks that one thread switches between.
 *
 * A fiber belongs to the thread that made it and never runs on another: compilers go on using the
 * old thread's errno and thread-locals after a move. The thread's own stack counts as a fiber too.
 * What belongs to the work on a stack (base/here) goes along with each switch; what belongs to the
 * thread (its errno, its signal mask) stays with the thread.
 *
 * Stacks have 64 KiB below them that nobody may touch, and are kept for reuse. On x86-64 and arm64
 * the switch is Boost.Context's, some nanoseconds; elsewhere, and on the portable path, it is
 * ucontext's, with two system calls. The address and thread sanitizers and valgrind are told of
 * each stack and each switch.
 */
#ifndef TWINE_BASE_FIBER_INTERNAL_H
#define TWINE_BASE_FIBER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct tw__fiber;

/* The one that runs. It needs no memory and cannot fail: the thread's own is part of the thread. */
struct tw__fiber *tw__fiber_self(void);

/* Make a fiber that calls fn(arg) when it is first switched to, with nothing in tw__here. fn ends
 * by tw__fiber_exit() and must not return. stack_size: bytes, at least that many; 0: as many as
 * the system gives a thread unless told, as it was when first asked for. 0; -ENOMEM: no memory or
 * no address space; the system's limit of mappings counts as that. */
int tw__fiber_new(size_t stack_size, void (*fn)(void *arg), void *arg,
                  struct tw__fiber **ret_fiber);

/* Give up a fiber of this thread's that is not running, whether it was ever switched to or not: its
 * stack is kept for reuse. What was on the stack is forgotten, so nothing may be there that has to
 * be undone, and nothing in its tw__here that has to be given back. */
void tw__fiber_free(struct tw__fiber *fiber);

/* Leave this one and go on with another of this thread's; returns when one switches back here. */
void tw__fiber_switch(struct tw__fiber *to);

/* As tw__fiber_switch(), for a fiber that is to be nested in this one like a call: it is inside of
 * the frame that this one is inside of, and *ret_back is this one. */
void tw__fiber_call(struct tw__fiber *to, struct tw__fiber **ret_back);
/* As tw__fiber_switch(), back to there; gives back what *answer is when somebody switches here
 * again. To be called last: after a switch the processor foretells each return wrongly, since it
 * goes by the calls it has seen. */
int tw__fiber_go_back(struct tw__fiber *back, const int *answer);

/* Leave this one for good and go on with another; its stack is kept for reuse. Not on the thread's
 * own. */
_Noreturn void tw__fiber_exit(struct tw__fiber *to);

/* How many bytes the stack that runs has in all, and how many of them are left. On the thread's
 * own stack the first call asks the system; both are 0 if it does not say. */
size_t tw__fiber_stack_size(void);
size_t tw__fiber_stack_left(void);
bool tw__fiber_has_half_left(void); /* more than half of it; false if that is not known */

/* Let go of the stacks that are kept; for tests and for tw_thread_cache_drain(). Any thread. */
void tw__fiber_trim(void);

/* How many stacks are there now, in use or kept, and how many are in use. Any thread; NULL for what
 * does not matter. */
void tw__fiber_statistics(size_t *ret_stacks, size_t *ret_in_use);

#endif
