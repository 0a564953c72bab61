/*
 * The suite of promises, on the kinds of worker that have threads.
 */
#include "../conforms.h"

SUITE_WITH_THREADS("worker conformance with threads")

/* How one is made over another, and what is let go of afterwards. */
struct over {
    int (*make_below)(struct tw_worker **ret_worker);
    struct tw_worker *below;
};

static int make_thread(struct tw_worker **ret_worker)
{
    return tw_thread_worker_new(NULL, ret_worker);
}

static int make_pool(struct tw_worker **ret_worker)
{
    struct tw_pool *pool = NULL;
    int rc = tw_pool_new(3, NULL, &pool);
    *ret_worker = tw_pool_worker(pool);
    return rc;
}

static int make_below(void *arg, struct tw_worker **ret_worker)
{
    return ((struct over *)arg)->make_below(ret_worker);
}

static int make_strand(void *arg, struct tw_worker **ret_worker)
{
    struct over *over = (struct over *)arg;
    CU_ASSERT_EQUAL_FATAL(over->make_below(&over->below), 0);
    return tw_strand_new(over->below, 0, ret_worker);
}

static void drop_below(void *arg)
{
    struct over *over = (struct over *)arg;
    over->below = tw_worker_unref(over->below);
}

static void check(int (*make)(void *, struct tw_worker **), int (*below)(struct tw_worker **))
{
    struct over over = {below, NULL};
    struct tw_worker_conformance_kind kind = {
        .size = sizeof kind, .arg = &over, .make = make, .end = drop_below};
    check_conforms(&kind);
}

/* A thread worker keeps what every worker promises. */
TEST(THW_a_thread_worker_conforms)
{
    check(make_below, make_thread);
}

/* So does a pool. */
TEST(POL_a_pool_conforms)
{
    check(make_below, make_pool);
}

/* So does a strand over a thread, though its thread quits only when nobody holds it. */
TEST(a_strand_over_a_thread_worker_conforms)
{
    check(make_strand, make_thread);
}

/* So does a strand over a pool: one at a time, on any of its threads. */
TEST(a_strand_over_a_pool_conforms)
{
    check(make_strand, make_pool);
}

static int make_limiter(void *arg, struct tw_worker **ret_worker)
{
    struct over *over = (struct over *)arg;
    struct tw_limiter *limiter = NULL;
    int rc;
    if (over->make_below)
        CU_ASSERT_EQUAL_FATAL(over->make_below(&over->below), 0);
    rc = tw_limiter_new(over->below, 2, &limiter);
    *ret_worker = tw_limiter_worker(limiter);
    return rc;
}

/* So does a limiter over a pool, and over nothing but the threads of the cache. */
TEST(a_limiter_conforms)
{
    check(make_limiter, make_pool);
    check(make_limiter, NULL);
}

/* The thread workers of a team whose coordinator is a thread too: its books go by steps, with
 * nobody to take them by hand. */
struct threads_team {
    struct tw_worker *coordinator;
};

static int create_thread(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    return live >= 3                                     ? TW_CREATED_NONE
           : tw_thread_worker_new(NULL, ret_worker) == 0 ? TW_CREATED_READY
                                                         : TW_CREATED_NONE;
}

static int make_team(void *arg, struct tw_worker **ret_worker)
{
    struct tw_worker **coordinator = (struct tw_worker **)arg;
    struct tw_team *team = NULL;
    int rc;
    CU_ASSERT_EQUAL_FATAL(make_thread(coordinator), 0);
    rc = tw_team_new(*coordinator, create_thread, NULL, NULL, &team);
    *ret_worker = tw_team_worker(team);
    return rc;
}

static void drop_coordinator(void *arg)
{
    tw_worker_unref(*(struct tw_worker **)arg);
}

/* So does a team of threads whose books are kept by one more. */
TEST(TEA_a_team_of_threads_over_a_thread_conforms)
{
    struct tw_worker *coordinator = NULL;
    struct tw_worker_conformance_kind kind = {
        .size = sizeof kind, .arg = &coordinator, .make = make_team, .end = drop_coordinator};
    check_conforms(&kind);
}
