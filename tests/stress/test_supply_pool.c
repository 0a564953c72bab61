/*
 * The supply pool with real threads, over a pool: many add, and tasks leave in other ways too.
 */
#include "crowd.h"

SUITE_WITH_THREADS("supply pool under load")

enum { PEOPLE = 4, LIMIT = 3 };

/* A supply: a stack under a lock; the last added is the most urgent. */
static struct {
    pthread_mutex_t lock;
    struct job **jobs;
    size_t count;
    atomic_size_t removed;
    atomic_int inside, most_inside, destroyed;
} stack = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct job *pop(void)
{
    struct job *job;
    pthread_mutex_lock(&stack.lock);
    job = stack.count ? stack.jobs[--stack.count] : NULL;
    pthread_mutex_unlock(&stack.lock);
    return job;
}

static struct tw_task *take(void *arg)
{
    struct job *job = pop();
    (void)arg;
    return job ? &job->task : NULL;
}

static size_t count(void *arg)
{
    size_t n;
    (void)arg;
    pthread_mutex_lock(&stack.lock);
    n = stack.count;
    pthread_mutex_unlock(&stack.lock);
    return n;
}

static void destroy(void *arg)
{
    (void)arg;
    atomic_fetch_add(&stack.destroyed, 1);
}

static const struct tw_supply_ops counting = {sizeof counting, take, count};
static const struct tw_supply_ops not_counting = {sizeof not_counting, take, NULL};

static void be_inside(struct job *job)
{
    int inside = atomic_fetch_add(&stack.inside, 1) + 1;
    int most = atomic_load(&stack.most_inside);
    uintptr_t i = (uintptr_t)job->arg;
    while (inside > most && !atomic_compare_exchange_weak(&stack.most_inside, &most, inside))
        ;
    if (i % 5 == 0)
        sched_yield();
    atomic_fetch_sub(&stack.inside, 1);
    if (i % 3 == 0)
        tw_task_delivers(&job->task);
}

static struct hall {
    struct tw_supply_pool *pool;
    struct job *jobs;
    size_t each;
    bool some_leave;
} hall;

static void put(struct job *jobs, size_t n)
{
    size_t i;
    pthread_mutex_lock(&stack.lock);
    for (i = 0; i < n; i++)
        stack.jobs[stack.count++] = &jobs[i];
    pthread_mutex_unlock(&stack.lock);
}

static void visit(struct person *person)
{
    struct job *jobs = hall.jobs + person->index * hall.each;
    size_t i = 0;
    while (i < hall.each) {
        size_t n = 1 + below(&person->random, 4), k;
        if (n > hall.each - i)
            n = hall.each - i;
        for (k = 0; k < n; k++)
            job_init(&jobs[i + k], be_inside, (void *)(uintptr_t)(i + k));
        put(&jobs[i], n);
        if (below(&person->random, 4) == 0)
            sched_yield();
        if (tw_supply_pool_added(hall.pool, n) < 0)
            atomic_fetch_add(&stack.destroyed, 100);
        if (hall.some_leave && below(&person->random, 16) == 0) {
            struct job *job = pop();
            if (job) {
                job->task.fn(&job->task, -ECANCELED);
                atomic_fetch_add(&stack.removed, 1);
            }
        }
        i += n;
    }
}

/* Each job that a crowd adds is called once, never more at once than the limit, and nothing is told
 * in vain: when nobody adds any more, the rest is worked off without another word. */
static void check_crowd(const struct tw_supply_ops *ops, bool some_leave)
{
    struct tw_supply_pool_numbers now = {sizeof now, 0, 0, 0, 0, 0};
    struct tw_pool *below = NULL;
    size_t i, total, wrong = 0, performed = 0;
    hall.each = harness_long() ? 50000 : 3000;
    hall.some_leave = some_leave;
    total = hall.each * PEOPLE;
    hall.jobs = (struct job *)calloc(total, sizeof *hall.jobs);
    stack.jobs = (struct job **)calloc(total, sizeof *stack.jobs);
    stack.count = 0;
    atomic_store(&stack.removed, 0);
    atomic_store(&stack.most_inside, 0);
    atomic_store(&stack.destroyed, 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(LIMIT + 1, NULL, &below), 0);
    CU_ASSERT_EQUAL_FATAL(
        tw_supply_pool_new(tw_pool_worker(below), LIMIT, ops, NULL, destroy, &hall.pool), 0);
    crowd_run(PEOPLE, harness_seed(), visit, NULL);
    for (i = 0; i < total; i++)
        WAIT_FOR(&hall.jobs[i]);
    do
        tw_supply_pool_statistics(hall.pool, &now);
    while (now.live > 0);
    CU_ASSERT_EQUAL(atomic_load(&stack.destroyed), 0);
    tw_supply_pool_unref(hall.pool);
    CU_ASSERT_EQUAL(atomic_load(&stack.destroyed), 1);
    for (i = 0; i < total; i++) {
        wrong += atomic_load(&hall.jobs[i].calls) != 1;
        performed += atomic_load(&hall.jobs[i].status) == 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(performed + atomic_load(&stack.removed), total);
    CU_ASSERT_TRUE(atomic_load(&stack.most_inside) <= LIMIT);
    tw_pool_quit(below);
    CU_ASSERT_EQUAL(tw_pool_join(below, TW_FOREVER), 0);
    tw_pool_unref(below);
    free(hall.jobs);
    free(stack.jobs);
}

TEST(a_crowd_adds_to_a_supply_that_counts)
{
    check_crowd(&counting, false);
    check_crowd(&counting, true);
}

TEST(a_crowd_adds_to_a_supply_that_does_not)
{
    check_crowd(&not_counting, false);
    check_crowd(&not_counting, true);
}
