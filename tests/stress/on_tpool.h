/*
 * For the tests of the tpool shim: pools, jobs that are held by gates, and what comes of them.
 */
#ifndef TWINE_TESTS_STRESS_ON_TPOOL_H
#define TWINE_TESTS_STRESS_ON_TPOOL_H

#include "crowd.h"

static atomic_int ran, destroyed;

static inline void clear(void)
{
    atomic_store(&ran, 0);
    atomic_store(&destroyed, 0);
}

static inline void count_destroyed(void *arg)
{
    (void)arg;
    atomic_fetch_add(&destroyed, 1);
}

static inline uint64_t create(size_t min, size_t max)
{
    struct tw_tpool_options options = {
        .size = sizeof options, .min_workers = min, .max_workers = max};
    uint64_t pool = 0;
    clear();
    CU_ASSERT_EQUAL_FATAL(tw_tpool_create(&options, &pool), 0);
    CU_ASSERT_NOT_EQUAL(pool, 0);
    return pool;
}

static inline struct tw_statistics books(uint64_t number)
{
    struct tw_statistics now = {.size = sizeof now};
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_tpool_pool(number, &pool), 0);
    tw_team_statistics(tw_pool_team(pool), &now);
    tw_pool_unref(pool);
    return now;
}

static inline size_t live(uint64_t pool)
{
    struct tw_statistics now = books(pool);
    return now.idle + now.busy + now.coming;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static inline void give_back(struct tw_result *result, void *arg)
{
    atomic_fetch_add(&ran, 1);
    tw_result_set(result, arg, NULL);
}

static inline void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR_SYSTEM, 7, "as it must");
}

static inline void hold(struct tw_result *result, void *semaphore)
{
    atomic_fetch_add(&ran, 1);
    sem_wait((sem_t *)semaphore);
    tw_result_set(result, semaphore, NULL);
}

static inline uint64_t post(uint64_t pool, tw_call_fn work, void *arg)
{
    uint64_t job = 0;
    CU_ASSERT_EQUAL_FATAL(tw_tpool_post(pool, 0, work, arg, NULL, &job), 0);
    return job;
}

static inline void *value_of(uint64_t pool, uint64_t job)
{
    struct tw_result result = TW_RESULT_INIT;
    void *value;
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), 0);
    value = tw_result_take(&result, NULL);
    tw_result_done(&result);
    return value;
}

static inline int code_of(uint64_t pool, uint64_t job)
{
    struct tw_result result = TW_RESULT_INIT;
    int code;
    CU_ASSERT_EQUAL(tw_tpool_get(pool, job, &result), 0);
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    code = tw_failure_code(tw_result_failure(&result));
    tw_result_done(&result);
    return code;
}

static inline void wait_for(uint64_t pool, uint64_t job)
{
    CU_ASSERT_EQUAL(tw_tpool_wait(pool, NULL, &job, 1), 1);
}

static char text[] = "text";

#endif
