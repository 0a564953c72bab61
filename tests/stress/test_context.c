/*
 * Contexts that travel with work to real threads, and are gone from them afterwards.
 */
#include "crowd.h"

SUITE_WITH_THREADS("context on threads")

static struct tw_context_key who = TW_CONTEXT_KEY("who");

static struct seen {
    void *in_work, *in_destroy, *in_delivery;
    atomic_int destroyed, done;
} ann;

static void destroy_ann(void *seen)
{
    atomic_fetch_add(&((struct seen *)seen)->destroyed, 1);
}

/* Put ann in force, whose value counts how often it is destroyed. */
static struct tw_context *enter_ann(void)
{
    struct tw_context *before = NULL;
    memset(&ann, 0, sizeof ann);
    CU_ASSERT_EQUAL_FATAL(tw_context_enter_with(&who, &ann, destroy_ann, &before), 0);
    return before;
}

static void work(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    ann.in_work = tw_context_get(&who);
}

static void destroy_arg(void *arg)
{
    (void)arg;
    ann.in_destroy = tw_context_get(&who);
}

static void deliver(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    ann.in_delivery = tw_context_get(&who);
}

static void look(struct tw_result *result, void *ret_seen)
{
    (void)result;
    *(void **)ret_seen = tw_context_get(&who);
}

static void note_done(struct tw_result *result, void *arg)
{
    (void)result;
    atomic_store((atomic_int *)arg, 1);
}

/* CTX-005: a thread of the cache has the context of its job while it works and delivers, and none
 * afterwards: the next job on it sees what it was submitted with. */
TEST(CTX_005_nothing_stays_on_a_thread_of_the_cache)
{
    struct tw_context *before;
    void *seen = &seen;
    atomic_int done = 0;
    cache_empty();
    before = enter_ann();
    CU_ASSERT_EQUAL(tw_start_thread_soon(work, NULL, destroy_arg, deliver, NULL, NULL), 0);
    tw_context_leave(before);
    WAIT_UNTIL(atomic_load(&ann.destroyed) == 1); /* the delivery is over */
    CU_ASSERT_PTR_EQUAL(ann.in_work, &ann);
    CU_ASSERT_PTR_EQUAL(ann.in_destroy, &ann);
    CU_ASSERT_PTR_EQUAL(ann.in_delivery, &ann);
    CU_ASSERT_EQUAL(tw_start_thread_soon(look, &seen, NULL, note_done, &done, NULL), 0);
    WAIT_UNTIL(atomic_load(&done));
    CU_ASSERT_PTR_NULL(seen);
    CU_ASSERT_EQUAL(cache_threads(), 1);
    cache_empty();
}

/* TPL-042, TPL-043: the function sees the context of who submitted it, and so does the callback,
 * which in Twisted it does not. */
TEST(TPL_042_TPL_043_function_and_callback_see_it)
{
    struct tw_threadpool *pool = NULL;
    struct tw_context *before;
    CU_ASSERT_EQUAL_FATAL(tw_threadpool_new(0, 1, NULL, &pool), 0);
    CU_ASSERT_EQUAL(tw_threadpool_start(pool), 0);
    before = enter_ann();
    CU_ASSERT_EQUAL(
        tw_threadpool_call_in_thread_with_callback(pool, deliver, NULL, work, NULL, destroy_arg),
        0);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(tw_threadpool_stop(pool), 0);
    CU_ASSERT_PTR_EQUAL(ann.in_work, &ann);
    CU_ASSERT_PTR_EQUAL(ann.in_destroy, &ann);
    CU_ASSERT_PTR_EQUAL(ann.in_delivery, &ann);
    CU_ASSERT_EQUAL(atomic_load(&ann.destroyed), 1);
    tw_threadpool_unref(pool);
}

static void stop(void *reactor)
{
    tw_reactor_stop((struct tw_reactor *)reactor);
}

/* A call in a thread sees it too. */
TEST(call_in_thread_sees_it)
{
    struct tw_reactor *reactor = NULL;
    struct tw_context *before;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new(NULL, &reactor), 0);
    before = enter_ann();
    CU_ASSERT_EQUAL(tw_reactor_call_in_thread(reactor, work, NULL, destroy_arg), 0);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(tw_reactor_call_later(reactor, 0, stop, reactor, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0); /* a stop lets what is out come home */
    tw_reactor_unref(reactor);
    CU_ASSERT_PTR_EQUAL(ann.in_work, &ann);
    CU_ASSERT_PTR_EQUAL(ann.in_destroy, &ann);
    CU_ASSERT_EQUAL(atomic_load(&ann.destroyed), 1);
    cache_empty();
}

static void share(struct person *person)
{
    struct tw_context *context = (struct tw_context *)person->arg;
    int i;
    for (i = 0; i < 2000; i++) {
        struct tw_context *before = tw_context_enter(context), *inner = NULL;
        struct tw_context *held = tw_context_current();
        if (below(&person->random, 2) && tw_context_enter_with(&who, &ann, NULL, &inner) == 0)
            tw_context_leave(inner);
        if (tw_context_get(&who) != &ann)
            atomic_fetch_add(&ann.done, 1);
        tw_context_leave(before);
        tw_context_unref(held);
    }
}

/* One context shared by many threads: it goes once, with the last holder. */
TEST(shared_by_many_it_goes_once)
{
    struct tw_context *context = NULL;
    memset(&ann, 0, sizeof ann);
    CU_ASSERT_EQUAL_FATAL(tw_context_with(NULL, &who, &ann, destroy_ann, &context), 0);
    crowd_run(4, harness_seed(), share, context);
    CU_ASSERT_EQUAL(atomic_load(&ann.done), 0);
    CU_ASSERT_EQUAL(atomic_load(&ann.destroyed), 0);
    tw_context_unref(context);
    CU_ASSERT_EQUAL(atomic_load(&ann.destroyed), 1);
}
