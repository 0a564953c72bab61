/*
 * Fibers on several threads at once: each thread has its own, the stacks that are kept are
 * everybody's.
 */
#include "crowd.h"
#include <signal.h>
#include <sys/wait.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/here_internal.h>
#include <unistd.h>

SUITE_WITH_THREADS("stress fiber")

#define PLACES 40

/* One thread's fibers. All of it is that thread's alone. */
struct stage {
    struct tw__fiber *fibers[PLACES]; /* NULL: nobody is there */
    struct tw__fiber *home;
    uint64_t random;
    long switches; /* that are still to be made */
    long made, ended, freed, wrong;
};

static uint64_t draw(struct stage *stage, uint64_t limit)
{
    return harness_random(&stage->random) % limit;
}

/* Somebody else on this stage: home when there is none, or enough has been done. */
static struct tw__fiber *choose(struct stage *stage, const struct tw__fiber *self)
{
    struct tw__fiber *fiber = stage->fibers[draw(stage, PLACES)];
    if (--stage->switches <= 0 || !fiber || fiber == self)
        fiber = stage->home;
    return fiber;
}

static void perform(void *arg);

static void make_one(struct stage *stage)
{
    static const size_t sizes[] = {32 * 1024, 64 * 1024, 0};
    struct tw__fiber **place = &stage->fibers[draw(stage, PLACES)];
    if (*place || tw__fiber_new(sizes[draw(stage, 3)], perform, stage, place) < 0)
        return;
    stage->made++;
}

static void free_one(struct stage *stage)
{
    struct tw__fiber **place = &stage->fibers[draw(stage, PLACES)];
    if (!*place || *place == tw__fiber_self())
        return;
    tw__fiber_free(*place);
    *place = NULL;
    stage->freed++;
}

static void leave_stage(struct stage *stage, struct tw__fiber *self)
{
    size_t i;
    for (i = 0; i < PLACES; i++)
        if (stage->fibers[i] == self)
            stage->fibers[i] = NULL;
    stage->ended++;
}

/* Whatever may be done between two switches. */
static void do_something(struct stage *stage)
{
    switch (draw(stage, 8)) {
    case 0:
    case 1:
        make_one(stage);
        break;
    case 2:
        free_one(stage);
        break;
    case 3:
        if (draw(stage, 64) == 0)
            tw__fiber_trim();
        break;
    default:
        break;
    }
}

/* Uses so much of its stack in several frames, with a switch in the deepest. */
static bool survives(struct stage *stage, struct tw__fiber *self, uint64_t depth)
{
    unsigned char page[1024], mark = (unsigned char)draw(stage, 256);
    struct tw__fiber *to = depth ? NULL : choose(stage, self);
    size_t i;
    bool is_same = true;
    memset(page, mark, sizeof page);
    if (depth)
        is_same = survives(stage, self, depth - 1);
    else if (to != self)
        tw__fiber_switch(to);
    for (i = 0; i < sizeof page; i++)
        is_same = is_same && page[i] == mark;
    return is_same;
}

static void perform(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    struct tw__fiber *self = tw__fiber_self(), *next;
    atomic_bool mine;
    stage->wrong += tw__here.cancel_flag != NULL;
    tw__here.cancel_flag = &mine;
    while (draw(stage, 10) != 0) {
        do_something(stage);
        stage->wrong += !survives(stage, self, draw(stage, 8));
        stage->wrong += tw__here.cancel_flag != &mine || tw__fiber_self() != self;
    }
    leave_stage(stage, self);
    next = choose(stage, self);
    tw__fiber_exit(next);
}

static void play(struct person *person)
{
    struct stage *stage = &((struct stage *)person->arg)[person->index];
    size_t i;
    memset(stage, 0, sizeof *stage);
    stage->home = tw__fiber_self();
    stage->random = person->random;
    stage->switches = harness_long() ? 1000000 : 10000;
    while (stage->switches > 0) {
        struct tw__fiber *next;
        do_something(stage);
        next = choose(stage, stage->home);
        if (next != stage->home)
            tw__fiber_switch(next);
        stage->wrong += tw__here.cancel_flag != NULL;
    }
    for (i = 0; i < PLACES; i++) {
        if (!stage->fibers[i])
            continue;
        tw__fiber_free(stage->fibers[i]);
        stage->freed++;
    }
}

/* Threads with fibers that make, leave and free each other at random: everybody finds his frames
 * and his tw__here as he left them, and each fiber ends once. */
TEST(random_switches)
{
    static struct stage stages[4];
    size_t i, in_use;
    crowd_run(4, harness_seed(), play, stages);
    for (i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(stages[i].wrong, 0);
        CU_ASSERT_TRUE(stages[i].made > 100);
        CU_ASSERT_EQUAL(stages[i].made, stages[i].ended + stages[i].freed);
    }
    tw__fiber_statistics(NULL, &in_use);
    CU_ASSERT_EQUAL(in_use, 0);
}

static void exit_to(void *arg)
{
    tw__fiber_exit((struct tw__fiber *)arg);
}

static void make_and_end_many(struct person *person)
{
    struct tw__fiber *fiber;
    atomic_int *ended = (atomic_int *)person->arg;
    int i;
    for (i = 0; i < 1000; i++) {
        if (tw__fiber_new(0, exit_to, tw__fiber_self(), &fiber) < 0)
            continue;
        tw__fiber_switch(fiber);
        atomic_fetch_add(ended, 1);
        if (below(&person->random, 50) == 0)
            tw__fiber_trim();
    }
}

/* Stacks that go from thread to thread by being kept, while some trim. */
TEST(stacks_go_from_thread_to_thread)
{
    size_t stacks, in_use;
    atomic_int ended = 0;
    crowd_run(4, harness_seed(), make_and_end_many, &ended);
    CU_ASSERT_EQUAL(atomic_load(&ended), 4 * 1000);
    tw__fiber_statistics(NULL, &in_use);
    CU_ASSERT_EQUAL(in_use, 0);
    tw__fiber_trim();
    tw__fiber_statistics(&stacks, NULL);
    CU_ASSERT_EQUAL(stacks, 0);
}

static bool make_and_end_one(void)
{
    struct tw__fiber *fiber;
    if (tw__fiber_new(64 * 1024, exit_to, tw__fiber_self(), &fiber) < 0)
        return false;
    tw__fiber_switch(fiber);
    return true;
}

struct forks {
    atomic_int right; /* children that came to their end */
    atomic_bool done;
};

static void fork_while_others_make(struct person *person)
{
    struct forks *forks = (struct forks *)person->arg;
    int i, status = 1;
    while (person->index > 0 && !atomic_load(&forks->done))
        make_and_end_one();
    for (i = 0; person->index == 0 && i < 50; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(make_and_end_one() ? 0 : 1);
        if (waitpid(child, &status, 0) == child && status == 0)
            atomic_fetch_add(&forks->right, 1);
    }
    atomic_store(&forks->done, true);
}

/* A thread forks while others have the store's lock now and then: the child makes and ends a fiber
 * all the same. */
TEST(a_child_finds_no_lock_held)
{
    struct forks forks = {0, false};
    crowd_run(4, harness_seed(), fork_while_others_make, &forks);
    CU_ASSERT_EQUAL(atomic_load(&forks.right), 50);
}

#if defined(TWINE_CHECKS)

static void *switch_to(void *fiber)
{
    tw__fiber_switch((struct tw__fiber *)fiber);
    return NULL;
}

static void let_another_switch(void)
{
    struct tw__fiber *fiber = NULL;
    pthread_t other;
    if (tw__fiber_new(0, exit_to, tw__fiber_self(), &fiber) == 0 &&
        pthread_create(&other, NULL, switch_to, fiber) == 0)
        pthread_join(other, NULL);
}

/* Checking builds stop when a fiber is switched to on a thread that is not its own. */
TEST(another_threads_fiber_is_refused)
{
    int status = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        fclose(stderr);
        let_another_switch();
        _exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#endif
