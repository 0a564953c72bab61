/*
 * Fibers, and the switch between them.
 *
 * A fiber lies at the top of its own stack; the thread's own is a thread-local. A switch has two
 * halves: the one who leaves writes down who leaves and who runs next, and jumps; whoever arrives,
 * after the jump, on its own stack, finishes for the one who left. What is on a stack stays there
 * until somebody switches back, the registers among it (the callee's: to the compiler the jump is a
 * call). What is not on the stack but belongs to its work, tw__here, is saved and put back by
 * value. So nothing is lost when a thread switches.
 *
 * Who frees what: nobody can give away the stack he stands on, since another thread would take it
 * at once. So one who exits is laid down by his successor, in that second half, when nothing of him
 * will run any more. One who waits is laid down by tw__fiber_free(), whose caller by that stands on
 * another stack. In both cases it is in no list and no other thread knows of it: a fiber is handed
 * about on its own thread only, and its stack gets to others through the lock in base/fiber_stack.
 * Neither allocates.
 *
 * All is of one thread, so there are no atomics here: `running` and `left` are the thread's, and
 * are read after the jump on the same thread on which they were written before it. That the
 * compiler may keep the address of a thread-local over the jump is right for the same reason.
 */
#include <twine/base/fiber_internal.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <twine/base/check_internal.h>
#include <twine/base/fiber_stack_internal.h>
#include <twine/base/fiber_tools_internal.h>
#include <twine/base/here_internal.h>
#include <twine/base/self_internal.h>

#if !(defined(TWINE_FCONTEXT) && TWINE_FCONTEXT)
#include <signal.h>
#include <ucontext.h>
#endif

/* One that is kept is no fiber any more; a fresh mapping says the same, by its zeros. */
enum fiber_state { FIBER_KEPT, FIBER_WAITING, FIBER_RUNNING, FIBER_ENDED, FIBER_STATES };

struct tw__fiber {
    struct tw__stack stack; /* fixed; of the thread's own: once somebody asked, else size is 0 */
    enum fiber_state state;
    uintptr_t thread;     /* fixed: tw__self() */
    void *context;        /* where it goes on, while it waits; NULL: it begins */
    struct tw__here here; /* while it waits */
    void (*fn)(void *arg);
    void *arg;
    struct tw__fiber *heir; /* it only exits, to this one, when it is switched to; or NULL */
    struct tw__tools tools;
};

/* initial-exec: as tw__here, so that it needs no memory of its own. */
static _Thread_local struct {
    struct tw__fiber *running; /* NULL: nobody has asked yet, so it is the thread's own */
    struct tw__fiber *left;    /* at a switch: whom the one who arrives has to finish for */
    struct tw__fiber own;
} thread __attribute__((tls_model("initial-exec")));

static void fiber_move(struct tw__fiber *fiber, enum fiber_state to)
{
    static const bool allowed[FIBER_STATES][FIBER_STATES] = {
        [FIBER_KEPT] = {[FIBER_WAITING] = true},
        [FIBER_WAITING] = {[FIBER_RUNNING] = true, [FIBER_KEPT] = true},
        [FIBER_RUNNING] = {[FIBER_WAITING] = true, [FIBER_ENDED] = true},
        [FIBER_ENDED] = {[FIBER_KEPT] = true},
    };
    TW__CHECK(allowed[fiber->state][to]);
    (void)allowed;
    fiber->state = to;
}

struct tw__fiber *tw__fiber_self(void)
{
    if (!thread.running) {
        thread.running = &thread.own;
        thread.own.state = FIBER_RUNNING;
        thread.own.thread = tw__self();
    }
    return thread.running;
}

/* Nothing runs on its stack, and nothing will. */
static void lay_down(struct tw__fiber *fiber)
{
    fiber_move(fiber, FIBER_KEPT);
    tw__tools_end(&fiber->tools);
    tw__stack_free(&fiber->stack);
}

/* The second half of a switch, first of all on the stack that was switched to. */
static void arrive(void)
{
    struct tw__fiber *left = thread.left;
    bool has_ended = left->state == FIBER_ENDED;
    tw__tools_arrive(&left->tools, &thread.running->tools, has_ended);
    if (has_ended)
        lay_down(left);
}

/* The bottom of each stack. */
static _Noreturn void begin(void)
{
    struct tw__fiber *self;
    arrive();
    self = thread.running;
    self->fn(self->arg);
    abort(); /* it has returned, and there is nowhere to go */
}

/* --- the jump --------------------------------------------------------------------------------- */

#if defined(TWINE_FCONTEXT) && TWINE_FCONTEXT

/* Boost.Context's, renamed (cmake/fiber.cmake). A context is a stack pointer, at which the
 * registers are. A jump comes back, or begins, with that of whoever jumped there. */
struct transfer {
    void *context;
    void *data;
};

__attribute__((visibility("hidden"))) struct transfer tw__jump_fcontext(void *to, void *data);
__attribute__((visibility("hidden"))) void *tw__make_fcontext(void *top, size_t size,
                                                              void (*fn)(struct transfer came));

#if defined(__x86_64__)
/* As a call, but the processor is not told of one: the other side comes back by a jump, and with one
 * call more than returns it would foretell all returns that follow wrongly. */
__attribute__((always_inline)) TW__NO_FAKE_STACK static inline struct transfer
jump_fcontext(void *to)
{
    struct transfer came;
    void *unused;
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "jmp %P[jump]\n"
                     "1:"
                     : "=&a"(came.context), "=&d"(came.data), "+D"(to), "=S"(unused)
                     : [jump] "i"(tw__jump_fcontext), "S"(NULL)
                     : "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                       "xmm14", "xmm15", "memory", "cc");
    return came;
}
#else
#define jump_fcontext(to) tw__jump_fcontext((to), NULL)
#endif

static void begin_there(struct transfer came)
{
    thread.left->context = came.context;
    begin();
}

__attribute__((always_inline)) TW__NO_FAKE_STACK static inline void jump(struct tw__fiber *from,
                                                                         struct tw__fiber *to)
{
    void *there = to->context;
    struct transfer came;
    (void)from;
    if (!there)
        there = tw__make_fcontext(to, (size_t)((char *)to - to->stack.low), begin_there);
    tw__tools_jump(&to->tools);
    came = jump_fcontext(there);
    thread.left->context = came.context;
}

#else

/* A context is a ucontext_t on the stack that waits. The address sanitizer's swapcontext() wipes
 * what it knows of the stack named in one, and we know better: none is named when it is called. */
TW__NO_FAKE_STACK static void name_no_stack(ucontext_t *context)
{
    context->uc_stack.ss_sp = NULL;
    context->uc_stack.ss_size = 0;
}

/* By itself, since getcontext() is to a compiler what setjmp() is. */
__attribute__((noinline)) TW__NO_FAKE_STACK static void make_context(ucontext_t *fresh,
                                                                     struct tw__fiber *fiber)
{
    getcontext(fresh);
    fresh->uc_stack.ss_sp = fiber->stack.low;
    fresh->uc_stack.ss_size = (size_t)((char *)fiber - fiber->stack.low);
    fresh->uc_link = NULL;
    makecontext(fresh, begin, 0);
    name_no_stack(fresh);
}

/* ucontext saves and puts back the signal mask, which is to stay the thread's: so the one to be put
 * back is made the one in force. */
__attribute__((always_inline)) TW__NO_FAKE_STACK static inline void jump(struct tw__fiber *from,
                                                                         struct tw__fiber *to)
{
    ucontext_t here, fresh, *there = (ucontext_t *)to->context;
    if (there) {
        pthread_sigmask(SIG_SETMASK, NULL, &there->uc_sigmask);
    } else {
        there = &fresh;
        make_context(there, to);
    }
    name_no_stack(&here);
    from->context = &here;
    tw__tools_jump(&to->tools);
    swapcontext(&here, there);
}

#endif

/* Returns when somebody switches back, if ever. Inlined: the processor foretells returns by the
 * calls it has seen, and after a jump each return is a surprise to it. */
__attribute__((always_inline)) TW__NO_FAKE_STACK static inline void
go(struct tw__fiber *from, struct tw__fiber *to, enum fiber_state becomes)
{
    TW__CHECK(to != from);
    TW__CHECK(to->thread == tw__self());
    fiber_move(from, becomes);
    fiber_move(to, FIBER_RUNNING);
    from->here = tw__here;
    tw__here = to->here;
    thread.left = from;
    thread.running = to;
    tw__tools_leave(&from->tools, &to->tools, becomes == FIBER_ENDED);
    jump(from, to);
    arrive();
}

/* --- what others see -------------------------------------------------------------------------- */

int tw__fiber_new(size_t stack_size, void (*fn)(void *arg), void *arg, struct tw__fiber **ret_fiber)
{
    static const struct tw__here nothing;
    struct tw__stack *stack;
    struct tw__fiber *fiber;
    int rc = tw__stack_new(stack_size, sizeof *fiber, &stack);
    if (rc < 0)
        return rc;
    fiber = (struct tw__fiber *)stack;
    fiber_move(fiber, FIBER_WAITING);
    fiber->thread = tw__self();
    fiber->context = NULL;
    fiber->here = nothing;
    fiber->fn = fn;
    fiber->arg = arg;
    fiber->heir = NULL;
    tw__tools_begin(&fiber->tools, stack->low, stack->size, fiber);
    *ret_fiber = fiber;
    return 0;
}

/* If it was given up meanwhile it is switched to only to exit. */
__attribute__((always_inline)) TW__NO_FAKE_STACK static inline void
wait_for_turn(struct tw__fiber *self, struct tw__fiber *to)
{
    go(self, to, FIBER_WAITING);
    if (__builtin_expect(self->heir != NULL, 0))
        tw__fiber_exit(self->heir);
}

TW__NO_FAKE_STACK void tw__fiber_switch(struct tw__fiber *to)
{
    wait_for_turn(tw__fiber_self(), to);
}

TW__NO_FAKE_STACK void tw__fiber_call(struct tw__fiber *to, struct tw__fiber **ret_back)
{
    struct tw__fiber *self = tw__fiber_self();
    to->here.frame = tw__here.frame;
    *ret_back = self;
    wait_for_turn(self, to);
}

TW__NO_FAKE_STACK int tw__fiber_go_back(struct tw__fiber *back, const int *answer)
{
    wait_for_turn(tw__fiber_self(), back);
    return *answer;
}

TW__NO_FAKE_STACK void tw__fiber_exit(struct tw__fiber *to)
{
    struct tw__fiber *self = tw__fiber_self();
    TW__CHECK(self != &thread.own);
    go(self, to, FIBER_ENDED);
    abort(); /* nobody can switch to one that has ended */
}

void tw__fiber_free(struct tw__fiber *fiber)
{
    TW__CHECK(fiber != &thread.own);
    TW__CHECK(fiber->thread == tw__self());
    TW__CHECK(fiber->state == FIBER_WAITING);
    if (TW__ASAN && fiber->context) { /* only it can give up its fake stack */
        fiber->heir = tw__fiber_self();
        tw__fiber_switch(fiber);
    } else {
        lay_down(fiber);
    }
}

/* --- how large, how much is left -------------------------------------------------------------- */

/* The thread's own stack, once the system has told. */
static void ask_for_own(struct tw__stack *stack)
{
#if defined(__linux__)
    pthread_attr_t attributes;
    void *low;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &low, &stack->size) == 0)
        stack->low = (char *)low;
    pthread_attr_destroy(&attributes);
#else
    (void)stack;
#endif
}

static struct tw__fiber *self_with_stack(void)
{
    struct tw__fiber *self = tw__fiber_self();
    if (!self->stack.size)
        ask_for_own(&self->stack);
    return self;
}

static inline size_t size_of(const struct tw__fiber *self)
{
    return self == &thread.own ? self->stack.size : (size_t)((char *)self - self->stack.low);
}

static inline size_t left_of(const struct tw__fiber *self)
{
    const char *low = self->stack.low;
    const char *here = (const char *)__builtin_frame_address(0);
    return low && here > low ? (size_t)(here - low) : 0;
}

size_t tw__fiber_stack_size(void)
{
    return size_of(self_with_stack());
}

size_t tw__fiber_stack_left(void)
{
    return left_of(self_with_stack());
}

bool tw__fiber_has_half_left(void)
{
    const struct tw__fiber *self = self_with_stack();
    return left_of(self) > size_of(self) / 2;
}
