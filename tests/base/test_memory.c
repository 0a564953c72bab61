/*
 * Memory hooks: all of the library's memory comes from the functions that were set.
 *
 * The tests here take the hooks away from the harness, and count by themselves from then on.
 */
#include "../harness.h"

SUITE("memory")

static int allocated, freed;

static void *own_malloc(size_t size)
{
    allocated++;
    return malloc(size);
}

static void *own_realloc(void *old, size_t size)
{
    allocated += !old;
    return realloc(old, size);
}

static void own_free(void *memory)
{
    freed += memory != NULL;
    free(memory);
}

static void use_own(void)
{
    allocated = freed = 0;
    CU_ASSERT_EQUAL(tw_memory_set_functions(own_malloc, own_realloc, own_free), 0);
}

static void make_and_free_a_clock(void)
{
    struct tw_clock *clock = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&clock), 0);
    tw_test_clock_unref(clock);
}

/* Whatever the library allocates comes from the functions given, and goes back to them. */
TEST(the_functions_given_are_used)
{
    use_own();
    make_and_free_a_clock();
    tw_failure_unref(TW_FAILURE_NEW(&TW_ERROR, 0, "a failure"));
    CU_ASSERT_TRUE(allocated >= 2);
    CU_ASSERT_EQUAL(allocated, freed);
}

/* An add-on's memory comes from the same functions, and is all zero. */
TEST(add_on_allocates_by_the_same_functions)
{
    char *memory;
    use_own();
    allocated = freed = 0;
    memory = (char *)tw_memory_alloc(3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    CU_ASSERT_EQUAL(memory[0] | memory[1] | memory[2], 0);
    CU_ASSERT_EQUAL(allocated, 1);
    tw_memory_free(memory);
    tw_memory_free(NULL);
    CU_ASSERT_EQUAL(freed, 1);
}

/* Some functions without the others are refused, and those in use stay. */
TEST(some_without_the_others_are_refused)
{
    use_own();
    PROVOKE(tw_memory_set_functions(NULL, own_realloc, own_free));
    PROVOKE(tw_memory_set_functions(own_malloc, NULL, own_free));
    PROVOKE(tw_memory_set_functions(own_malloc, own_realloc, NULL));
    PROVOKE(tw_memory_set_functions(own_malloc, NULL, NULL));
    allocated = freed = 0;
    make_and_free_a_clock();
    CU_ASSERT_TRUE(allocated > 0);
    CU_ASSERT_EQUAL(allocated, freed);
}

/* NULL for all three goes back to the C library's. */
TEST(null_goes_back_to_the_c_library)
{
    use_own();
    CU_ASSERT_EQUAL(tw_memory_set_functions(NULL, NULL, NULL), 0);
    make_and_free_a_clock();
    CU_ASSERT_EQUAL(allocated, 0);
    CU_ASSERT_EQUAL(freed, 0);
}
