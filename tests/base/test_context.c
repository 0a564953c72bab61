/*
 * Contexts: bindings, what is in force, and who holds a value how long.
 */
#include "../harness.h"
#include <twine/base/context_internal.h>

SUITE("context")

static struct tw_context_key animal = TW_CONTEXT_KEY("animal");
static struct tw_context_key plant = TW_CONTEXT_KEY("plant");
static int cat, dog, oak, cat_destroyed, dog_destroyed;

static struct tw_context *with(struct tw_context *parent, struct tw_context_key *key, void *value)
{
    struct tw_context *context = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_context_with(parent, key, value, NULL, &context), 0);
    return context;
}

/* A context whose value is the counter of its own destruction. */
static struct tw_context *counting(struct tw_context *parent, struct tw_context_key *key,
                                   int *counter)
{
    struct tw_context *context = NULL;
    *counter = 0;
    CU_ASSERT_EQUAL_FATAL(tw_context_with(parent, key, counter, count_destroy, &context), 0);
    return context;
}

/* CTX-001: what is not bound gives null. */
TEST(CTX_001_what_is_not_bound_gives_null)
{
    CU_ASSERT_PTR_NULL(tw_context_get(&animal));
    CU_ASSERT_PTR_NULL(tw_context_get(NULL));
    CU_ASSERT_PTR_NULL(tw_context_current());
}

/* CTX-001: a look-up goes from the innermost binding outwards, and a key is its address, not its
 * name. */
TEST(CTX_001_the_innermost_binding_is_found)
{
    struct tw_context_key namesake = TW_CONTEXT_KEY("animal");
    struct tw_context *outer = with(NULL, &animal, &cat), *middle, *inner, *before;
    middle = with(outer, &plant, &oak);
    inner = with(middle, &animal, &dog);
    before = tw_context_enter(inner);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), &dog);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&plant), &oak);
    CU_ASSERT_PTR_NULL(tw_context_get(&namesake));
    tw_context_leave(before);
    before = tw_context_enter(middle); /* immutable: what was bound inside it does not show */
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), &cat);
    tw_context_leave(before);
    tw_context_unref(outer);
    tw_context_unref(middle);
    tw_context_unref(inner);
}

/* A value bound to null hides what is bound outside, and the default. */
TEST(CTX_001_null_is_a_value)
{
    struct tw_context_key key = TW_CONTEXT_KEY("key");
    struct tw_context *context = with(NULL, &key, NULL), *before;
    CU_ASSERT_EQUAL(tw_context_set_default(&key, &cat), 0);
    before = tw_context_enter(context);
    CU_ASSERT_PTR_NULL(tw_context_get(&key));
    tw_context_leave(before);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&key), &cat);
    tw_context_unref(context);
}

static void see(struct tw_result *result, void *key)
{
    tw_result_set(result, tw_context_get((struct tw_context_key *)key), NULL);
}

/* CTX-002: call puts a context in force for the time of the function, and hands its result back. */
TEST(CTX_002_call_is_for_the_time_of_the_function)
{
    struct tw_context *context = with(NULL, &animal, &cat);
    struct tw_result result = TW_RESULT_INIT;
    tw_context_call(context, see, &result, &animal);
    CU_ASSERT_PTR_EQUAL(tw_result_value(&result), &cat);
    CU_ASSERT_PTR_NULL(tw_context_get(&animal));
    tw_context_unref(context);
    tw_result_done(&result);
}

static void fail(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_failf(result, &TW_ERROR, 3, "no luck");
}

/* CTX-003: and puts back what was there when the function has failed, too. */
TEST(CTX_003_what_was_there_is_put_back_after_a_failure)
{
    struct tw_context *outer = with(NULL, &animal, &dog);
    struct tw_context *inner = with(outer, &animal, &cat);
    struct tw_context *before = tw_context_enter(outer);
    struct tw_result result = TW_RESULT_INIT;
    tw_context_call(inner, fail, &result, NULL);
    CU_ASSERT_TRUE(tw_result_is_failure(&result));
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), &dog);
    tw_context_leave(before);
    tw_context_unref(outer);
    tw_context_unref(inner);
    tw_result_done(&result);
}

/* CTX-004: a default holds where nothing is bound. */
TEST(CTX_004_default)
{
    struct tw_context_key key = TW_CONTEXT_KEY("key");
    struct tw_context *context = with(NULL, &key, &dog), *before;
    CU_ASSERT_EQUAL(tw_context_set_default(&key, &cat), 0);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&key), &cat);
    before = tw_context_enter(context);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&key), &dog);
    tw_context_leave(before);
    CU_ASSERT_EQUAL(tw_context_set_default(&key, NULL), 0);
    CU_ASSERT_PTR_NULL(tw_context_get(&key));
    tw_context_unref(context);
    PROVOKE(tw_context_set_default(NULL, &cat));
}

/* enter_with binds upon what is in force, and leave puts that back. */
TEST(enter_with_binds_upon_what_is_in_force)
{
    struct tw_context *before = NULL, *between = NULL;
    CU_ASSERT_EQUAL(tw_context_enter_with(&animal, &cat, NULL, &before), 0);
    CU_ASSERT_PTR_NULL(before);
    CU_ASSERT_EQUAL(tw_context_enter_with(&plant, &oak, NULL, &between), 0);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), &cat);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&plant), &oak);
    tw_context_leave(between);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), &cat);
    CU_ASSERT_PTR_NULL(tw_context_get(&plant));
    tw_context_leave(before);
    CU_ASSERT_PTR_NULL(tw_context_get(&animal));
}

/* The empty context can be entered: nothing that is bound outside shows. */
TEST(the_empty_context_can_be_entered)
{
    struct tw_context *before = NULL, *hidden;
    CU_ASSERT_EQUAL(tw_context_enter_with(&animal, &cat, NULL, &before), 0);
    hidden = tw_context_enter(NULL);
    CU_ASSERT_PTR_NULL(tw_context_get(&animal));
    tw_context_leave(hidden);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), &cat);
    tw_context_leave(before);
}

/* R6: a value goes once, with the last holder: here a context made from it, and then what is in
 * force. */
TEST(R6_value_goes_with_the_last_holder)
{
    struct tw_context *outer = counting(NULL, &animal, &cat_destroyed), *inner, *before, *held;
    inner = counting(outer, &plant, &dog_destroyed);
    tw_context_unref(outer);
    before = tw_context_enter(inner);
    tw_context_unref(inner);
    held = tw_context_current();
    tw_context_leave(before);
    CU_ASSERT_EQUAL(cat_destroyed + dog_destroyed, 0);
    CU_ASSERT_PTR_NULL(tw_context_unref(held));
    CU_ASSERT_EQUAL(cat_destroyed, 1);
    CU_ASSERT_EQUAL(dog_destroyed, 1);
    CU_ASSERT_PTR_NULL(tw_context_unref(NULL));
    CU_ASSERT_PTR_NULL(tw_context_ref(NULL));
}

/* A chain of any length goes in constant stack. */
TEST(a_long_chain_needs_no_stack)
{
    struct tw_context *chain = NULL;
    int i, destroyed = 0;
    for (i = 0; i < 300000; i++) {
        struct tw_context *longer = NULL;
        if (tw_context_with(chain, &animal, &destroyed, count_destroy, &longer) < 0)
            break;
        tw_context_unref(chain);
        chain = longer;
    }
    tw_context_unref(chain);
    CU_ASSERT_EQUAL(destroyed, 300000);
}

/* What carries work lends its context, and finds out if the work has left one behind: that is told,
 * and what was there before is in force again. */
TEST(work_that_does_not_leave_is_told)
{
    struct tw_context *jobs = counting(NULL, &animal, &cat_destroyed);
    struct tw_context *before, *forgotten = NULL;
    before = tw__context_swap(jobs);
    CU_ASSERT_EQUAL(tw_context_enter_with(&plant, &dog_destroyed, NULL, &forgotten), 0);
    harness_misuse_begin();
    tw__context_swap_back(before, jobs);
    harness_misuse_end();
    CU_ASSERT_PTR_NULL(tw_context_get(&plant));
    CU_ASSERT_EQUAL(cat_destroyed, 0);
    tw_context_unref(jobs);
    CU_ASSERT_EQUAL(cat_destroyed, 1);
}

/* Misuse consumes the value all the same. */
TEST(misuse_consumes_the_value)
{
    struct tw_context *context = NULL;
    int destroyed = 0;
    PROVOKE(tw_context_with(NULL, NULL, &destroyed, count_destroy, &context));
    PROVOKE(tw_context_with(NULL, &animal, &destroyed, count_destroy, NULL));
    PROVOKE(tw_context_enter_with(&animal, &destroyed, count_destroy, NULL));
    PROVOKE(tw_context_enter_with(NULL, &destroyed, count_destroy, &context));
    CU_ASSERT_EQUAL(destroyed, 4);
    CU_ASSERT_PTR_NULL(context);
}

/* Out of memory nothing is entered, and the value is consumed. */
SWEEP(short_of_memory)
{
    struct tw_context *before = NULL;
    int destroyed = 0, rc;
    rc = tw_context_enter_with(&animal, &destroyed, count_destroy, &before);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    CU_ASSERT_EQUAL(destroyed, rc < 0);
    CU_ASSERT_PTR_EQUAL(tw_context_get(&animal), rc < 0 ? NULL : &destroyed);
    if (rc >= 0)
        tw_context_leave(before);
    CU_ASSERT_EQUAL(destroyed, 1);
}
