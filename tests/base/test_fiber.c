/*
 * Fibers on one thread: who runs when, what goes along at a switch, what becomes of the stacks.
 */
#include "../harness.h"
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/fiber_tools_internal.h>
#include <twine/base/here_internal.h>
#include <twine/base/memory_internal.h>
#include <unistd.h>

SUITE("fiber")

#define SMALL ((size_t)64 * 1024)
#define GUARD ((size_t)64 * 1024)
#define WARM 16 /* kept as they are */
#define KEPT 64 /* kept in all */

static struct tw__fiber *home; /* the thread's own */

static struct tw__fiber *new_fiber(void (*fn)(void *arg), void *arg)
{
    struct tw__fiber *fiber = NULL;
    home = tw__fiber_self();
    CU_ASSERT_EQUAL_FATAL(tw__fiber_new(SMALL, fn, arg, &fiber), 0);
    return fiber;
}

static size_t stacks(void)
{
    size_t all;
    tw__fiber_statistics(&all, NULL);
    return all;
}

static size_t in_use(void)
{
    size_t used;
    tw__fiber_statistics(NULL, &used);
    return used;
}

/* --- who runs when ---------------------------------------------------------------------------- */

static char trace[64];

static void note(const char *what)
{
    strncat(trace, what, sizeof trace - strlen(trace) - 1);
}

static void say_two_things(void *arg)
{
    const char *const *words = (const char *const *)arg;
    note(words[0]);
    tw__fiber_switch(home);
    note(words[1]);
    tw__fiber_exit(home);
}

/* A fiber begins when it is first switched to, with its argument, and goes on where it was; so does
 * the one who switches. */
TEST(a_fiber_goes_on_where_it_was)
{
    static const char *const one[] = {"a", "b"}, *const other[] = {"x", "y"};
    struct tw__fiber *first = new_fiber(say_two_things, (void *)one);
    struct tw__fiber *second = new_fiber(say_two_things, (void *)other);
    trace[0] = '\0';
    note("1");
    tw__fiber_switch(first);
    note("2");
    tw__fiber_switch(second);
    note("3");
    tw__fiber_switch(second);
    note("4");
    tw__fiber_switch(first);
    note("5");
    CU_ASSERT_STRING_EQUAL(trace, "1a2x3y4b5");
}

static void note_self(void *arg)
{
    *(struct tw__fiber **)arg = tw__fiber_self();
    tw__fiber_exit(home);
}

/* Self is the one that runs: the thread's own until another is switched to, and then again. */
TEST(self_is_the_one_that_runs)
{
    struct tw__fiber *seen = NULL, *fiber = new_fiber(note_self, &seen);
    CU_ASSERT_PTR_EQUAL(tw__fiber_self(), home);
    tw__fiber_switch(fiber);
    CU_ASSERT_PTR_EQUAL(seen, fiber);
    CU_ASSERT_PTR_EQUAL(tw__fiber_self(), home);
}

static void last_of_chain(void *arg)
{
    note((const char *)arg);
    tw__fiber_exit(home);
}

static void make_the_last(void *arg)
{
    struct tw__fiber *next = NULL;
    note((const char *)arg);
    CU_ASSERT_EQUAL(tw__fiber_new(SMALL, last_of_chain, "c", &next), 0);
    tw__fiber_exit(next);
}

static void make_the_next(void *arg)
{
    struct tw__fiber *next = NULL;
    note((const char *)arg);
    CU_ASSERT_EQUAL(tw__fiber_new(SMALL, make_the_last, "b", &next), 0);
    tw__fiber_exit(next);
}

/* A fiber may make others, and exit to one that has never run: each is laid down by the next. */
TEST(fibers_make_fibers)
{
    trace[0] = '\0';
    tw__fiber_switch(new_fiber(make_the_next, "a"));
    CU_ASSERT_STRING_EQUAL(trace, "abc");
    CU_ASSERT_EQUAL(in_use(), 0);
}

#define RING 1000

static struct {
    struct tw__fiber *fibers[RING];
    int next, laps, steps;
} ring;

/* What it has in its variables must be there again after each lap. */
static void run_in_ring(void *arg)
{
    struct tw__fiber **place = (struct tw__fiber **)arg;
    int index = (int)(place - ring.fibers), lap;
    double half = index / 2.0;
    for (lap = 0; lap < ring.laps; lap++) {
        CU_ASSERT_EQUAL(ring.steps, lap * RING + index);
        ring.steps++;
        tw__fiber_switch(ring.fibers[(index + 1) % RING]);
        half += 1;
    }
    CU_ASSERT_EQUAL(half, index / 2.0 + ring.laps);
    tw__fiber_exit(index + 1 < RING ? ring.fibers[index + 1] : home);
}

/* A thousand fibers hand on to each other, lap after lap, without coming home between. */
TEST(a_thousand_in_a_ring)
{
    int i;
    ring.laps = 20;
    ring.steps = 0;
    for (i = 0; i < RING; i++)
        ring.fibers[i] = new_fiber(run_in_ring, &ring.fibers[i]);
    CU_ASSERT_EQUAL(in_use(), RING);
    tw__fiber_switch(ring.fibers[0]);
    CU_ASSERT_EQUAL(ring.steps, 20 * RING);
    CU_ASSERT_EQUAL(in_use(), 0);
}

/* --- what goes along -------------------------------------------------------------------------- */

static void use_here(void *arg)
{
    atomic_bool *mine = (atomic_bool *)arg;
    CU_ASSERT_PTR_NULL(tw__here.cancel_flag);
    CU_ASSERT_PTR_NULL(tw__here.frame);
    CU_ASSERT_PTR_NULL(tw__here.context);
    tw__here.cancel_flag = mine;
    tw__fiber_switch(home);
    CU_ASSERT_PTR_EQUAL(tw__here.cancel_flag, mine);
    tw__fiber_switch(home);
    CU_ASSERT_PTR_EQUAL(tw__here.cancel_flag, mine);
    tw__fiber_exit(home);
}

/* Each has its own tw__here: a new one an empty one, and whoever is switched back to finds what was
 * there when it left. */
TEST(here_goes_along)
{
    atomic_bool flags[3];
    struct tw__fiber *one, *other;
    int round;
    tw__here.cancel_flag = &flags[2];
    one = new_fiber(use_here, &flags[0]);
    other = new_fiber(use_here, &flags[1]);
    for (round = 0; round < 3; round++) {
        tw__fiber_switch(one);
        CU_ASSERT_PTR_EQUAL(tw__here.cancel_flag, &flags[2]);
        tw__fiber_switch(other);
        CU_ASSERT_PTR_EQUAL(tw__here.cancel_flag, &flags[2]);
    }
    one = new_fiber(use_here, &flags[0]); /* on a stack that was used so */
    tw__fiber_switch(one);
    tw__fiber_free(one);
    tw__here.cancel_flag = NULL;
}

static void block(int signal, int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(how, &set, NULL);
}

static bool is_blocked(int signal)
{
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, signal);
}

static void change_mask_and_errno(void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(is_blocked(SIGUSR1));
    block(SIGUSR2, SIG_BLOCK);
    errno = EXDEV;
    tw__fiber_switch(home);
    CU_ASSERT_FALSE(is_blocked(SIGUSR1));
    CU_ASSERT_TRUE(is_blocked(SIGUSR2));
    CU_ASSERT_EQUAL(errno, EDOM);
    block(SIGUSR2, SIG_UNBLOCK);
    tw__fiber_exit(home);
}

/* The signal mask and errno are the thread's, whoever runs on it: the same on both kinds of switch.
 */
TEST(mask_and_errno_stay_with_the_thread)
{
    struct tw__fiber *fiber = new_fiber(change_mask_and_errno, NULL);
    block(SIGUSR1, SIG_BLOCK);
    tw__fiber_switch(fiber);
    CU_ASSERT_EQUAL(errno, EXDEV);
    CU_ASSERT_TRUE(is_blocked(SIGUSR2));
    block(SIGUSR1, SIG_UNBLOCK);
    errno = EDOM;
    tw__fiber_switch(fiber);
    CU_ASSERT_FALSE(is_blocked(SIGUSR1));
    CU_ASSERT_FALSE(is_blocked(SIGUSR2));
}

/* --- stacks: how large ------------------------------------------------------------------------ */

static void note_size(void *arg)
{
    *(size_t *)arg = tw__fiber_stack_size();
    tw__fiber_exit(home);
}

static size_t size_given(size_t wanted)
{
    struct tw__fiber *fiber = NULL;
    size_t size = 0;
    home = tw__fiber_self();
    CU_ASSERT_EQUAL_FATAL(tw__fiber_new(wanted, note_size, &size, &fiber), 0);
    tw__fiber_switch(fiber);
    return size;
}

static size_t size_of_threads(void)
{
    pthread_attr_t attributes;
    size_t size = 0;
    pthread_attr_init(&attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return size;
}

/* A stack has at least the bytes asked for and little more; without a wish it has what a thread
 * has; and never so few that a signal has no room. */
TEST(sizes_are_honoured)
{
    static const size_t wishes[] = {SMALL, SMALL + 1, SMALL + 4095, 1000000, 12345678};
    size_t i, size;
    for (i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        size = size_given(wishes[i]);
        CU_ASSERT_TRUE(size >= wishes[i]);
        CU_ASSERT_TRUE(size < wishes[i] + 2 * (size_t)sysconf(_SC_PAGESIZE));
    }
    CU_ASSERT_TRUE(size_given(0) >= size_of_threads());
    CU_ASSERT_TRUE(size_given(0) < size_of_threads() + SMALL);
    CU_ASSERT_TRUE(size_given(1) >= (size_t)PTHREAD_STACK_MIN);
}

/* Bytes of this very stack, touched: by alloca() of a size that the compiler cannot know, since the
 * address sanitizer puts variables elsewhere. */
#define USE(bytes, size)                                              \
    do {                                                              \
        volatile size_t wanted = (size);                              \
        size_t each;                                                  \
        (bytes) = (volatile unsigned char *)__builtin_alloca(wanted); \
        for (each = 0; each < (size); each += 512)                    \
            (bytes)[each] = 1;                                        \
    } while (0)

/* Goes down step by step until little is left; how deep it came. */
static size_t descend(size_t before)
{
    volatile unsigned char *step;
    size_t left = tw__fiber_stack_left();
    USE(step, 1024);
    CU_ASSERT_TRUE(left < before);
    return left < 6 * 1024 ? 1 : descend(left) + step[0];
}

struct depth {
    size_t size, left, steps;
};

static void use_most(void *arg)
{
    struct depth *depth = (struct depth *)arg;
    depth->size = tw__fiber_stack_size();
    depth->left = tw__fiber_stack_left();
    depth->steps = descend(depth->left);
    tw__fiber_exit(home);
}

/* All of a stack can be used, and what is left gets less with each call. */
TEST(most_of_a_stack_can_be_used)
{
    struct depth depth = {0, 0, 0};
    struct tw__fiber *fiber = NULL;
    home = tw__fiber_self();
    CU_ASSERT_EQUAL_FATAL(tw__fiber_new(4 * SMALL, use_most, &depth, &fiber), 0);
    tw__fiber_switch(fiber);
    CU_ASSERT_TRUE(depth.left <= depth.size && depth.left > depth.size - 2048);
    CU_ASSERT_TRUE(depth.steps > 20);
}

__attribute__((noinline)) static size_t left_one_call_down(void)
{
    volatile unsigned char *room;
    USE(room, 4096);
    return tw__fiber_stack_left() + room[0] - 1;
}

/* The thread's own stack has a size too, and gets less with each call. */
TEST(the_threads_own_stack_is_known)
{
    size_t left = tw__fiber_stack_left();
    CU_ASSERT_TRUE(left > SMALL);
    CU_ASSERT_TRUE(left < tw__fiber_stack_size());
    CU_ASSERT_TRUE(left_one_call_down() < left);
}

static void note_low_end(void *arg)
{
    *(uintptr_t *)arg = (uintptr_t)__builtin_frame_address(0) - tw__fiber_stack_left();
    tw__fiber_switch(home);
}

/* Whether the bytes from there on cannot be touched, by what the system says. */
static bool is_forbidden(uintptr_t from, uintptr_t to)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long begin, end;
    char line[512], rights[8];
    bool is_so = false;
    while (maps && !is_so && fgets(line, sizeof line, maps))
        is_so = sscanf(line, "%lx-%lx %7s", &begin, &end, rights) == 3 && begin <= from &&
                to <= end && strcmp(rights, "---p") == 0;
    if (maps)
        fclose(maps);
    return is_so;
}

/* Below each stack 64 KiB can be neither read nor written. */
TEST(a_guard_is_below)
{
    uintptr_t low = 0;
    struct tw__fiber *fiber = new_fiber(note_low_end, &low);
    tw__fiber_switch(fiber);
    low &= ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    CU_ASSERT_TRUE(is_forbidden(low - GUARD, low));
    CU_ASSERT_FALSE(is_forbidden(low, low + 1));
    tw__fiber_free(fiber);
}

/* --- stacks: what becomes of them ------------------------------------------------------------- */

static void exit_at_once(void *arg)
{
    (void)arg;
    tw__fiber_exit(home);
}

static void wait_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        tw__fiber_switch(home);
}

/* The stack of one who has exited is laid down as soon as the next runs, and is the next one made:
 * a thousand fibers one after the other need one stack. */
TEST(the_stack_of_one_who_exits_is_used_again)
{
    struct tw__fiber *first, *next;
    int i;
    tw__fiber_trim();
    first = new_fiber(exit_at_once, NULL);
    CU_ASSERT_EQUAL(in_use(), 1);
    tw__fiber_switch(first);
    CU_ASSERT_EQUAL(in_use(), 0);
    for (i = 0; i < 1000; i++) {
        next = new_fiber(exit_at_once, NULL);
        CU_ASSERT_PTR_EQUAL(next, first);
        tw__fiber_switch(next);
    }
    CU_ASSERT_EQUAL(stacks(), 1);
}

/* One that is freed, whether it has run or not, gives its stack too; the last laid down is the
 * first taken. */
TEST(the_stack_of_one_freed_is_used_again)
{
    struct tw__fiber *fresh, *waiting, *next;
    tw__fiber_trim();
    fresh = new_fiber(wait_for_ever, NULL);
    waiting = new_fiber(wait_for_ever, NULL);
    tw__fiber_switch(waiting);
    tw__fiber_switch(waiting);
    tw__fiber_free(fresh);
    tw__fiber_free(waiting);
    CU_ASSERT_EQUAL(in_use(), 0);
    CU_ASSERT_EQUAL(stacks(), 2);
    next = new_fiber(exit_at_once, NULL);
    CU_ASSERT_PTR_EQUAL(next, waiting);
    tw__fiber_switch(next);
}

static void free_the_other(void *arg)
{
    tw__fiber_free((struct tw__fiber *)arg);
    tw__fiber_exit(home);
}

/* Any fiber of the thread may free one that waits. */
TEST(a_fiber_frees_another)
{
    struct tw__fiber *waiting = new_fiber(wait_for_ever, NULL);
    tw__fiber_switch(waiting);
    tw__fiber_switch(new_fiber(free_the_other, waiting));
    CU_ASSERT_EQUAL(in_use(), 0);
}

/* A kept stack of another size is not taken. */
TEST(a_stack_of_the_right_size_is_taken)
{
    struct tw__fiber *small, *large = NULL;
    tw__fiber_trim();
    small = new_fiber(exit_at_once, NULL);
    tw__fiber_switch(small);
    CU_ASSERT_EQUAL(tw__fiber_new(2 * SMALL, exit_at_once, NULL, &large), 0);
    CU_ASSERT_PTR_NOT_EQUAL(large, small);
    tw__fiber_switch(large);
    CU_ASSERT_EQUAL(stacks(), 2);
    CU_ASSERT_TRUE(size_given(SMALL) < 2 * SMALL);
    CU_ASSERT_EQUAL(stacks(), 2);
}

/* Returns how many stacks there were when all were in use. */
static size_t make_and_free(size_t count, size_t size)
{
    struct tw__fiber *fibers[2 * KEPT];
    size_t i, most;
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(tw__fiber_new(size, exit_at_once, NULL, &fibers[i]), 0);
    CU_ASSERT_EQUAL(in_use(), count);
    most = stacks();
    for (i = 0; i < count; i++)
        tw__fiber_free(fibers[i]);
    return most;
}

/* No more than so many are kept, and trim keeps none; those in use stay. */
TEST(so_many_are_kept)
{
    struct tw__fiber *used = new_fiber(exit_at_once, NULL);
    tw__fiber_trim();
    CU_ASSERT_EQUAL(stacks(), 1);
    tw__fiber_free(used);
    make_and_free(2 * KEPT, SMALL);
    CU_ASSERT_EQUAL(stacks(), KEPT);
    CU_ASSERT_EQUAL(in_use(), 0);
    used = new_fiber(exit_at_once, NULL);
    CU_ASSERT_EQUAL(stacks(), KEPT);
    tw__fiber_trim();
    CU_ASSERT_EQUAL(stacks(), 1);
    tw__fiber_switch(used);
    tw__fiber_trim();
    CU_ASSERT_EQUAL(stacks(), 0);
}

/* Stacks of a size that is out of use make way for those of one that is in use. */
TEST(sizes_out_of_use_make_way)
{
    tw__fiber_trim();
    make_and_free(2 * KEPT, SMALL);
    CU_ASSERT_EQUAL(make_and_free(KEPT, 2 * SMALL), 2 * KEPT);
    CU_ASSERT_EQUAL(make_and_free(KEPT, 2 * SMALL), KEPT);
    CU_ASSERT_EQUAL(stacks(), KEPT);
    tw__fiber_trim();
}

#define MANY 40

static void touch_deep(void *arg)
{
    volatile unsigned char *deep;
    USE(deep, SMALL / 2);
    *(uintptr_t *)arg = (uintptr_t)&deep[SMALL / 4];
    tw__fiber_switch(home);
    tw__fiber_exit(home);
}

static int resident(const uintptr_t *places)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char is_there;
    int i, count = 0;
    for (i = 0; i < MANY; i++)
        if (mincore((void *)(places[i] & ~(page - 1)), 1, &is_there) == 0)
            count += is_there & 1;
    return count;
}

/* Stacks that are kept beyond the few last used hold no memory below their topmost page. */
TEST(kept_stacks_give_their_memory_back)
{
    struct tw__fiber *fibers[MANY];
    uintptr_t deep[MANY];
    int i;
    tw__fiber_trim();
    for (i = 0; i < MANY; i++) {
        fibers[i] = new_fiber(touch_deep, &deep[i]);
        tw__fiber_switch(fibers[i]);
    }
    CU_ASSERT_EQUAL(resident(deep), MANY);
    for (i = 0; i < MANY; i++)
        tw__fiber_switch(fibers[i]);
    CU_ASSERT_EQUAL(stacks(), MANY);
    CU_ASSERT_EQUAL(resident(deep), WARM);
}

/* --- a forked child --------------------------------------------------------------------------- */

#if !TW__TSAN /* which sees nothing right in a child of one that has fibers or threads */

static bool child_is_right(struct tw__fiber *inherited)
{
    struct tw__fiber *fiber = NULL;
    bool is_empty = stacks() == 0, is_right;
    tw__fiber_switch(inherited);
    tw__fiber_free(inherited);
    is_right = in_use() == 0 && tw__fiber_new(SMALL, exit_at_once, NULL, &fiber) == 0;
    if (is_right)
        tw__fiber_switch(fiber);
    return is_empty && is_right && stacks() == 1 && in_use() == 0;
}

/* A child keeps none of its parent's stacks, can use on the fibers of the thread that forked, and
 * make its own. */
TEST(a_child_has_a_store_of_its_own)
{
    struct tw__fiber *fiber;
    int status = 0;
    pid_t child;
    make_and_free(3, SMALL);
    fiber = new_fiber(wait_for_ever, NULL);
    tw__fiber_switch(fiber);
    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(child_is_right(fiber) ? 0 : 1);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    tw__fiber_free(fiber);
}

#endif

/* --- leaks ------------------------------------------------------------------------------------ */

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static bool nothing_leaks(void)
{
    return !__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check() == 0;
}

/* Holds the only pointer to some memory, in its stack and nowhere else. */
__attribute__((noinline)) static void hold_memory(void (*meanwhile)(void))
{
    volatile size_t size = sizeof(void *);
    void *volatile *held = (void *volatile *)__builtin_alloca(size);
    *held = malloc(100);
    meanwhile();
    free(*held);
}

static void go_home(void)
{
    tw__fiber_switch(home);
}

static void hold_and_wait(void *arg)
{
    (void)arg;
    hold_memory(go_home);
    tw__fiber_exit(home);
}

static void look_for_leaks(void *arg)
{
    *(bool *)arg = nothing_leaks();
    tw__fiber_exit(home);
}

static void look_from_a_fiber(void)
{
    bool is_clean = false;
    tw__fiber_switch(new_fiber(look_for_leaks, &is_clean));
    CU_ASSERT_TRUE(is_clean);
}

/* To the leak sanitizer, what a waiting fiber or the thread's own stack holds while another runs is
 * held; so is a fiber's argument before it begins. */
TEST(what_waiting_stacks_hold_is_no_leak)
{
    struct tw__fiber *fiber = new_fiber(hold_and_wait, NULL);
    tw__fiber_switch(fiber);
    CU_ASSERT_TRUE(nothing_leaks());
    tw__fiber_switch(fiber);
    hold_memory(look_from_a_fiber);
}

/* --- errors ----------------------------------------------------------------------------------- */

/* A stack that cannot be had is -ENOMEM, whether one is kept or not; what there is works on. */
SWEEP(without_memory_for_a_stack)
{
    struct tw__fiber *fibers[3];
    int i, made = 0;
    home = tw__fiber_self();
    for (i = 0; i < 3; i++) {
        int rc = tw__fiber_new(SMALL, exit_at_once, NULL, &fibers[made]);
        CU_ASSERT_EQUAL(rc, rc < 0 ? -ENOMEM : 0);
        made += rc == 0;
    }
    CU_ASSERT_EQUAL(made == 3, !harness_failed_one());
    CU_ASSERT_EQUAL(in_use(), (size_t)made);
    for (i = 0; i < made; i++)
        tw__fiber_switch(fibers[i]);
}

/* A size that no address space has room for is -ENOMEM too, and nothing is counted. */
TEST(a_size_too_large)
{
    struct tw__fiber *fiber = NULL;
    size_t before = stacks();
    CU_ASSERT_EQUAL(tw__fiber_new(SIZE_MAX, exit_at_once, NULL, &fiber), -ENOMEM);
    CU_ASSERT_EQUAL(tw__fiber_new(SIZE_MAX - 4096, exit_at_once, NULL, &fiber), -ENOMEM);
    CU_ASSERT_EQUAL(tw__fiber_new(SIZE_MAX / 2, exit_at_once, NULL, &fiber), -ENOMEM);
    CU_ASSERT_EQUAL(tw__fiber_new(SIZE_MAX / 4, exit_at_once, NULL, &fiber), -ENOMEM);
    CU_ASSERT_PTR_NULL(fiber);
    CU_ASSERT_EQUAL(stacks(), before);
}

#if defined(TWINE_CHECKS)

static bool aborts(void (*fn)(void))
{
    int status = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        fclose(stderr);
        fn();
        _exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void switch_to_self(void)
{
    tw__fiber_switch(tw__fiber_self());
}

static void switch_to_an_ended_one(void)
{
    struct tw__fiber *fiber = new_fiber(exit_at_once, NULL);
    tw__fiber_switch(fiber);
    tw__fiber_switch(fiber);
}

static void free_the_one_that_runs(void)
{
    tw__fiber_free(tw__fiber_self());
}

static void exit_the_threads_own(void)
{
    tw__fiber_exit(new_fiber(exit_at_once, NULL));
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void return_from_it(void)
{
    tw__fiber_switch(new_fiber(do_nothing, NULL));
}

/* Checking builds stop at a switch to oneself or to one that has ended, when the one that runs is
 * freed, when the thread's own exits; and all do when a fiber's function returns. */
TEST(misuse_is_checked)
{
    CU_ASSERT_TRUE(aborts(switch_to_self));
    CU_ASSERT_TRUE(aborts(switch_to_an_ended_one));
    CU_ASSERT_TRUE(aborts(free_the_one_that_runs));
    CU_ASSERT_TRUE(aborts(exit_the_threads_own));
    CU_ASSERT_TRUE(aborts(return_from_it));
}

#endif

static bool always(void)
{
    return true;
}

/* Making a fiber asks whether it is to fail, even if a stack is kept. This takes the hook away from
 * the harness, so it is the last here. */
TEST(tests_can_let_a_stack_fail)
{
    struct tw__fiber *fiber = new_fiber(exit_at_once, NULL);
    tw__fiber_switch(fiber);
    tw__memory_set_must_fail(always);
    CU_ASSERT_EQUAL(tw__fiber_new(SMALL, exit_at_once, NULL, &fiber), -ENOMEM);
    tw__memory_set_must_fail(NULL);
    tw__fiber_switch(new_fiber(exit_at_once, NULL));
}
