/*
 * Looking names up in real threads.
 */
#include "../harness.h"
#include <netdb.h>
#include <semaphore.h>

SUITE_WITH_THREADS("resolver in threads")

enum { THREADS = 3, NAMES = 10 };

static struct tw_reactor *reactor;
static sem_t enough; /* a slow lookup waits for one of these */
static int left, worked, found, expired;

static void one_over(void)
{
    if (--left == 0)
        tw_reactor_stop(reactor);
}

/* --- a real name ------------------------------------------------------------------------------ */

static void show(struct tw_result *result, void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(tw_reactor_is_in_thread(reactor));
    found += tw_result_value(result) != NULL;
    tw_result_set(result, NULL, NULL);
    one_over();
}

static void ask_localhost(void *arg)
{
    struct tw_deferred *deferred = NULL;
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_resolve(reactor, "localhost", NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, show, NULL, NULL), 0);
    tw_deferred_unref(deferred);
}

/* RSV-012: localhost, asked for in the first moment of a fresh reactor. */
TEST(RSV_012_localhost_on_a_fresh_reactor)
{
    left = 1;
    found = 0;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, ask_localhost, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(found, 1);
    reactor = tw_reactor_unref(reactor);
}

/* --- names that take for ever ----------------------------------------------------------------- */

static void wait_for_enough(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    while (sem_wait(&enough) < 0)
        ;
}

/* A resolver like the one in threads, whose lookups take as long as the test wants. */
static int resolve_slowly(struct tw_reactor *of, const char *host,
                          const struct tw_resolve_options *options, void *pool,
                          struct tw_deferred **ret_deferred)
{
    (void)host;
    (void)options;
    return tw_defer_to_pool(of, tw_pool_worker((struct tw_pool *)pool), wait_for_enough, NULL, NULL,
                            ret_deferred);
}

static void count_expired(struct tw_result *result, void *arg)
{
    (void)arg;
    expired += tw_failure_is(tw_result_failure(result), &TW_ERROR_LOOKUP_TIMEOUT);
    tw_result_set(result, NULL, NULL);
    one_over();
}

static void work(struct tw_result *result, void *arg)
{
    tw_result_set(result, arg, NULL);
}

static void has_worked(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    worked++;
    one_over();
}

static void ask_slow_name(const struct tw_resolve_options *options)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_resolve(reactor, "slow.test", options, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, count_expired, NULL, NULL), 0);
    tw_deferred_unref(deferred);
    CU_ASSERT_EQUAL_FATAL(tw_defer_to_thread(reactor, work, NULL, NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, has_worked, NULL, NULL), 0);
    tw_deferred_unref(deferred);
}

static void unref_pool(void *pool)
{
    tw_pool_quit((struct tw_pool *)pool);
    tw_pool_unref((struct tw_pool *)pool);
}

static void let_lookups_go(void *arg)
{
    (void)arg;
    if (left > 0) {
        CU_ASSERT_EQUAL(
            tw_reactor_call_later(reactor, TW_MILLISECOND, let_lookups_go, NULL, NULL, NULL), 0);
        return;
    }
    for (int i = 0; i < THREADS; i++)
        sem_post(&enough);
}

/* Names that hang hold up no other work, and each ends when its own time is up; those that run still
 * hold up the shutdown, like any job. */
TEST(slow_names_starve_nobody)
{
    struct tw_resolve_options hasty = {.size = sizeof hasty, .timeout = TW_MILLISECOND};
    struct tw_resolver *resolver = NULL;
    struct tw_pool *pool = NULL;
    left = 2 * NAMES;
    worked = expired = 0;
    CU_ASSERT_EQUAL_FATAL(sem_init(&enough, 0, 0), 0);
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(THREADS, NULL, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_resolver_new(resolve_slowly, pool, unref_pool, &resolver), 0);
    CU_ASSERT_EQUAL(tw_reactor_set_resolver(reactor, resolver, NULL), 0);
    tw_resolver_unref(resolver);
    for (int i = 0; i < NAMES; i++)
        ask_slow_name(&hasty);
    let_lookups_go(NULL);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    CU_ASSERT_EQUAL(worked, NAMES);
    CU_ASSERT_EQUAL(expired, NAMES);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(tw_thread_cache_drain(TW_FOREVER), 0);
    sem_destroy(&enough);
}
