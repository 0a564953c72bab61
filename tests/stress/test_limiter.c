/*
 * The limiter with real threads: over a pool, and over threads of the cache.
 */
#include "crowd.h"

SUITE_WITH_THREADS("limiter under load")

enum { PEOPLE = 4, MOST_TOTAL = 5 };

static struct hall {
    struct tw_limiter *limiter;
    struct job *jobs;
    size_t each;
    atomic_int inside, most_inside, performed;
    bool changes_total;
} hall;

static void be_inside(struct job *job)
{
    int inside = atomic_fetch_add(&hall.inside, 1) + 1;
    int most = atomic_load(&hall.most_inside);
    uintptr_t i = (uintptr_t)job->arg;
    while (inside > most && !atomic_compare_exchange_weak(&hall.most_inside, &most, inside))
        ;
    if (i % 7 == 0)
        sched_yield();
    atomic_fetch_add(&hall.performed, 1);
    atomic_fetch_sub(&hall.inside, 1);
    if (i % 3 == 0) /* else when it returns */
        tw_task_delivers(&job->task);
}

static void visit(struct person *person)
{
    struct job *jobs = hall.jobs + person->index * hall.each;
    struct tw_worker *worker = tw_limiter_worker(hall.limiter);
    size_t i;
    for (i = 0; i < hall.each; i++) {
        job_init(&jobs[i], be_inside, (void *)(uintptr_t)i);
        while (tw_worker_submit(worker, &jobs[i].task) < 0)
            sched_yield();
        switch (below(&person->random, 8)) {
        case 0:
            tw_worker_cancel(worker, &jobs[below(&person->random, i + 1)].task);
            break;
        case 1:
            if (hall.changes_total)
                tw_limiter_set_total(hall.limiter, 1 + below(&person->random, MOST_TOTAL));
            break;
        case 2:
            sched_yield();
            break;
        }
    }
}

/* Lets a crowd submit, cancel and change the total, and lets go of the limiter while work is out.
 * Each job is called once, performed or cancelled, and never more at once than there were tokens. */
static void check_crowd(struct tw_worker *below, size_t total, bool changes_total)
{
    size_t i, count, wrong = 0, performed = 0;
    memset(&hall, 0, sizeof hall);
    hall.each = harness_long() ? 20000 : 1500;
    hall.changes_total = changes_total;
    count = hall.each * PEOPLE;
    hall.jobs = (struct job *)calloc(count, sizeof *hall.jobs);
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(below, total, &hall.limiter), 0);
    crowd_run(PEOPLE, harness_seed(), visit, NULL);
    tw_limiter_unref(hall.limiter);
    for (i = 0; i < count; i++) {
        WAIT_FOR(&hall.jobs[i]);
        wrong += atomic_load(&hall.jobs[i].calls) != 1;
        performed += atomic_load(&hall.jobs[i].status) == 0;
        wrong += atomic_load(&hall.jobs[i].status) != 0 &&
                 atomic_load(&hall.jobs[i].status) != -ECANCELED;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(performed, (size_t)atomic_load(&hall.performed));
    CU_ASSERT_TRUE((size_t)atomic_load(&hall.most_inside) <= (changes_total ? MOST_TOTAL : total));
    CU_ASSERT_TRUE(atomic_load(&hall.most_inside) >= 1);
}

static void over_a_pool(size_t threads, size_t total, bool changes_total)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(threads, NULL, &pool), 0);
    check_crowd(tw_pool_worker(pool), total, changes_total);
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
    free(hall.jobs);
}

TEST(over_a_pool_never_more_than_the_total)
{
    over_a_pool(6, 3, false);
    over_a_pool(2, 3, false);
    over_a_pool(6, 1, false);
}

TEST(over_a_pool_while_the_total_changes)
{
    over_a_pool(6, MOST_TOTAL, true);
}

/* Without a worker below the limiter is the only bound of the cache's threads, and it lets them do
 * the next task themselves: of threads there is hardly one more than of tokens, for those on their
 * way back. */
TEST(over_the_cache_never_more_than_the_total)
{
    cache_empty();
    check_crowd(NULL, 3, false);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    free(hall.jobs);
    check_crowd(NULL, MOST_TOTAL, true);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    free(hall.jobs);
}

static struct tw_limiter *chained;
static atomic_int left;

static void submit_next(struct job *job)
{
    tw_task_delivers(&job->task);
    if (atomic_fetch_sub(&left, 1) > 1)
        tw_worker_submit(tw_limiter_worker(chained), &((struct job *)job->arg)->task);
}

/* R14: a delivery that submits the next finds its own thread: a chain of a thousand needs one. */
TEST(R14_a_chain_over_the_cache_needs_one_thread)
{
    struct job jobs[2];
    cache_empty();
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(NULL, 4, &chained), 0);
    job_init(&jobs[0], submit_next, &jobs[1]);
    job_init(&jobs[1], submit_next, &jobs[0]);
    atomic_store(&left, 1000);
    CU_ASSERT_EQUAL(tw_worker_submit(tw_limiter_worker(chained), &jobs[0].task), 0);
    WAIT_UNTIL(atomic_load(&left) == 0);
    WAIT_UNTIL(cache_idle() == cache_threads());
    CU_ASSERT_EQUAL(cache_threads(), 1);
    CU_ASSERT_EQUAL(atomic_load(&jobs[0].calls) + atomic_load(&jobs[1].calls), 1000);
    tw_limiter_unref(chained);
    cache_empty();
}
