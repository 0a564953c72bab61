/*
 * The plug-ins that there are by name, and which of them makes a reactor.
 */
#include "../harness.h"

SUITE("plug-ins")

static struct tw_reactor *reactor;
static int destroyed;

static const char *kind(void)
{
    return reactor ? reactor->_ops->name : "none";
}

static void drop(void)
{
    reactor = tw_reactor_unref(reactor);
}

static int make_clock(void *calls, struct tw_reactor **ret_reactor)
{
    ++*(int *)calls;
    return tw_test_clock_reactor_new(ret_reactor);
}

static int make_nothing(void *arg, struct tw_reactor **ret_reactor)
{
    (void)ret_reactor;
    return *(int *)arg;
}

/* REG-001: each has a name, a few words about it, and makes a reactor. */
TEST(REG_001_name_description_and_make)
{
    const char *names[8];
    size_t i, count = tw_plug_in_list(names, 8);
    CU_ASSERT_EQUAL(count, 2);
    for (i = 0; i < count; i++) {
        CU_ASSERT(tw_plug_in_description(names[i])[0] != '\0');
        CU_ASSERT_EQUAL(tw_reactor_new(names[i], &reactor), 0);
        CU_ASSERT_STRING_EQUAL(kind(), names[i]);
        drop();
    }
    CU_ASSERT_PTR_NULL(tw_plug_in_description("glub"));
    CU_ASSERT_PTR_NULL(tw_plug_in_description(NULL));
}

/* REG-002: all are listed, the library's own first, then those added, in that order; a list with too
 * little room still counts. */
SWEEP(REG_002_all_are_listed)
{
    const char *names[8] = {NULL, NULL, NULL, NULL};
    int calls = 0, first = tw_plug_in_add("a", "the first", make_clock, &calls, NULL);
    int second = tw_plug_in_add("b", "the second", make_clock, &calls, NULL);
    size_t count = 2;
    CU_ASSERT(first == 0 || first == -ENOMEM);
    CU_ASSERT(second == 0 || second == -ENOMEM);
    CU_ASSERT_EQUAL(tw_plug_in_list(names, 8), 2 + (size_t)(first == 0) + (size_t)(second == 0));
    CU_ASSERT_STRING_EQUAL(names[0], "libevent");
    CU_ASSERT_STRING_EQUAL(names[1], "test_clock");
    if (first == 0)
        CU_ASSERT_STRING_EQUAL(names[count++], "a");
    if (second == 0)
        CU_ASSERT_STRING_EQUAL(names[count++], "b");
    names[1] = NULL;
    CU_ASSERT_EQUAL(tw_plug_in_list(names, 1), count);
    CU_ASSERT_PTR_NULL(names[1]);
    CU_ASSERT_EQUAL(tw_plug_in_list(NULL, 0), count);
    CU_ASSERT_EQUAL(tw_plug_in_remove("a"), first == 0 ? 0 : -ENOENT);
    CU_ASSERT_EQUAL(tw_plug_in_remove("b"), second == 0 ? 0 : -ENOENT);
}

/* REG-003: the plug-in of a name makes the reactor, which is given back; there is one of a name, and
 * the library's own names are taken. */
TEST(REG_003_chosen_by_name)
{
    char name[] = "mine", words[] = "of my own";
    int calls = 0;
    destroyed = 0;
    CU_ASSERT_EQUAL(tw_plug_in_add(name, words, make_clock, &calls, NULL), 0);
    name[0] = words[0] = '?';
    CU_ASSERT_STRING_EQUAL(tw_plug_in_description("mine"), "of my own");
    CU_ASSERT_EQUAL(tw_plug_in_add("mine", "another", make_clock, &destroyed, count_destroy),
                    -EEXIST);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(tw_plug_in_add("libevent", "another", make_clock, &calls, NULL), -EEXIST);
    CU_ASSERT_EQUAL(tw_reactor_new("mine", &reactor), 0);
    CU_ASSERT_EQUAL(calls, 1);
    CU_ASSERT_STRING_EQUAL(kind(), "test_clock");
    drop();
    CU_ASSERT_EQUAL(tw_plug_in_remove("mine"), 0);
}

/* REG-004: a name that nobody knows is an error, and no longer known is one that was removed; its
 * argument is destroyed with it. The library's own stay. */
TEST(REG_004_unknown_name)
{
    int calls = 0;
    destroyed = 0;
    CU_ASSERT_EQUAL(tw_reactor_new("glub", &reactor), -ENOENT);
    CU_ASSERT_EQUAL(tw_reactor_new("", &reactor), -ENOENT);
    CU_ASSERT_EQUAL(tw_plug_in_add("glub", "fish", make_clock, &destroyed, count_destroy), 0);
    CU_ASSERT_EQUAL(tw_plug_in_remove("glub"), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(tw_plug_in_remove("glub"), -ENOENT);
    CU_ASSERT_EQUAL(tw_reactor_new("glub", &reactor), -ENOENT);
    CU_ASSERT_EQUAL(tw_plug_in_remove("libevent"), -ENOENT);
    CU_ASSERT_EQUAL(tw_plug_in_add("glub", "again", make_clock, &calls, NULL), 0);
    CU_ASSERT_EQUAL(tw_plug_in_remove("glub"), 0);
}

/* REG-005: what a plug-in answers comes out. */
TEST(REG_005_own_error_comes_out)
{
    int error = -EPROTO;
    CU_ASSERT_EQUAL(tw_plug_in_add("broken", "fails", make_nothing, &error, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_new("broken", &reactor), -EPROTO);
    CU_ASSERT_EQUAL(tw_plug_in_remove("broken"), 0);
}

/* REG-006, REG-007: there is no global reactor, so there may be several, of several plug-ins. */
TEST(REG_006_several_reactors)
{
    struct tw_reactor *other = NULL;
    CU_ASSERT_EQUAL(tw_reactor_new("libevent", &reactor), 0);
    CU_ASSERT_EQUAL(tw_reactor_new("test_clock", &other), 0);
    CU_ASSERT_PTR_NOT_EQUAL(reactor, other);
    tw_reactor_unref(other);
    drop();
}

/* REG-007: where none is named the environment chooses, and else it is the default. */
TEST(REG_007_default_and_environment)
{
    CU_ASSERT_EQUAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_STRING_EQUAL(kind(), "libevent");
    drop();
    setenv("TWINE_REACTOR", "test_clock", 1);
    CU_ASSERT_EQUAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_STRING_EQUAL(kind(), "test_clock");
    drop();
    CU_ASSERT_EQUAL(tw_reactor_new("libevent", &reactor), 0);
    CU_ASSERT_STRING_EQUAL(kind(), "libevent");
    drop();
    setenv("TWINE_REACTOR", "", 1);
    CU_ASSERT_EQUAL(tw_reactor_new(NULL, &reactor), 0);
    CU_ASSERT_STRING_EQUAL(kind(), "libevent");
    drop();
    unsetenv("TWINE_REACTOR");
}

/* REG-004: that the environment names one nobody knows is told, with those there are. */
TEST(REG_004_unknown_name_in_the_environment_is_told)
{
    setenv("TWINE_REACTOR", "glub", 1);
    CU_ASSERT_EQUAL(tw_reactor_new(NULL, &reactor), -ENOENT);
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_WARNING);
    CU_ASSERT_STRING_EQUAL(
        harness_report(0)->text,
        "TWINE_REACTOR=glub: there is no such plug-in; there are: libevent test_clock");
    EXPECT_REPORTS(1);
    unsetenv("TWINE_REACTOR");
}

static int make_and_remove(void *calls, struct tw_reactor **ret_reactor)
{
    CU_ASSERT_EQUAL(tw_plug_in_remove("mine"), 0);
    CU_ASSERT_EQUAL(destroyed, 0);
    return make_clock(calls, ret_reactor);
}

static void note_destroyed(void *calls)
{
    destroyed = *(int *)calls;
}

/* One may be removed while it makes a reactor: its argument goes afterwards. */
TEST(plug_in_is_held_while_it_makes)
{
    int calls = 0;
    destroyed = 0;
    CU_ASSERT_EQUAL(tw_plug_in_add("mine", "goes", make_and_remove, &calls, note_destroyed), 0);
    CU_ASSERT_EQUAL(tw_reactor_new("mine", &reactor), 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(tw_plug_in_remove("mine"), -ENOENT);
    drop();
}

/* Misuse is refused, and the argument destroyed all the same. */
TEST(misuse_is_refused)
{
    destroyed = 0;
    PROVOKE(tw_plug_in_add(NULL, "words", make_clock, &destroyed, count_destroy));
    PROVOKE(tw_plug_in_add("", "words", make_clock, &destroyed, count_destroy));
    PROVOKE(tw_plug_in_add("mine", NULL, make_clock, &destroyed, count_destroy));
    PROVOKE(tw_plug_in_add("mine", "words", NULL, &destroyed, count_destroy));
    CU_ASSERT_EQUAL(destroyed, 4);
    PROVOKE(tw_plug_in_remove(NULL));
    PROVOKE(tw_reactor_new("libevent", NULL));
}
