/*
 * Kinds of error: the tree, and the question whether one kind descends from another.
 */
#include "../harness.h"

SUITE("error")

static const struct tw_error PARSE_ERROR = {"parse error", &TW_ERROR};
static const struct tw_error BAD_NUMBER = {"bad number", &PARSE_ERROR};
static const struct tw_error FOREIGN = {"foreign", NULL};

static const struct tw_error *const own_kinds[] = {
    &TW_ERROR,           &TW_ERROR_CANCELLED, &TW_ERROR_TIMEOUT,
    &TW_ERROR_ABANDONED, &TW_ERROR_NO_THREAD, &TW_ERROR_ALREADY_CALLED,
    &TW_ERROR_SHUTDOWN,  &TW_ERROR_CYCLE,     &TW_ERROR_FIRST_ERROR,
    &TW_ERROR_SYSTEM,    &TW_ERROR_NO_MEMORY,
};
#define OWN_KINDS (sizeof own_kinds / sizeof own_kinds[0])

/* Each of the library's kinds has a name and descends from TW_ERROR, which alone is a root. */
TEST(every_kind_has_a_name_and_the_root_as_ancestor)
{
    size_t i;
    for (i = 0; i < OWN_KINDS; i++) {
        CU_ASSERT_FATAL(own_kinds[i]->name != NULL && own_kinds[i]->name[0] != '\0');
        CU_ASSERT_TRUE(tw_error_is(own_kinds[i], &TW_ERROR));
        CU_ASSERT_EQUAL(own_kinds[i]->parent == NULL, own_kinds[i] == &TW_ERROR);
    }
}

/* A kind's address is its identity: no two of the library's kinds share name or place, and none is
 * the other's ancestor save by the tree. */
TEST(the_kinds_are_distinct)
{
    size_t i, j;
    for (i = 0; i < OWN_KINDS; i++)
        for (j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(own_kinds[i]->name, own_kinds[j]->name);
    CU_ASSERT_FALSE(tw_error_is(&TW_ERROR_CANCELLED, &TW_ERROR_TIMEOUT));
    CU_ASSERT_FALSE(tw_error_is(&TW_ERROR_TIMEOUT, &TW_ERROR_CANCELLED));
}

/* FAI-004: a kind is itself and all it descends from, never what descends from it. */
TEST(FAI_004_a_kind_is_itself_and_its_ancestors)
{
    CU_ASSERT_TRUE(tw_error_is(&BAD_NUMBER, &BAD_NUMBER));
    CU_ASSERT_TRUE(tw_error_is(&BAD_NUMBER, &PARSE_ERROR));
    CU_ASSERT_TRUE(tw_error_is(&BAD_NUMBER, &TW_ERROR));
    CU_ASSERT_FALSE(tw_error_is(&PARSE_ERROR, &BAD_NUMBER));
    CU_ASSERT_FALSE(tw_error_is(&TW_ERROR, &PARSE_ERROR));
    CU_ASSERT_FALSE(tw_error_is(&FOREIGN, &TW_ERROR));
    CU_ASSERT_TRUE(tw_error_is(&FOREIGN, &FOREIGN));
}

/* Out of memory is a system error: whoever handles those, handles it. */
TEST(out_of_memory_is_a_system_error)
{
    CU_ASSERT_TRUE(tw_error_is(&TW_ERROR_NO_MEMORY, &TW_ERROR_SYSTEM));
    CU_ASSERT_FALSE(tw_error_is(&TW_ERROR_SYSTEM, &TW_ERROR_NO_MEMORY));
}

/* NULL is no kind, and nobody's ancestor. */
TEST(null_is_no_kind)
{
    CU_ASSERT_FALSE(tw_error_is(NULL, &TW_ERROR));
    CU_ASSERT_FALSE(tw_error_is(&TW_ERROR, NULL));
    CU_ASSERT_FALSE(tw_error_is(NULL, NULL));
}
