/*
 * Looking again before going to sleep: what a search remembers, and when it lets others go first. Each
 * look takes 100 ns of the test clock, a yield as long as the test says.
 */
#include "../harness.h"
#include <sched.h>
#include <twine/base/processors_internal.h>
#include <twine/base/search_internal.h>

SUITE("search, memory")

#define LOOK 100
#define LOOKS (TW__SEARCH_TIME / LOOK)
#define GOOD_YIELD (10 * TW_MICROSECOND)
#define LONG_YIELD (160 * TW_MICROSECOND) /* costs ten good ones, of sixteen at most */
#define FOREIGN (3 * TW_MILLISECOND)      /* another program's turn */

static struct {
    struct tw_clock *clock;
    struct tw__search search;
    int looks, yields;
    bool is_there;        /* what is looked for */
    int64_t yield_takes;  /* nanoseconds */
    void (*others)(void); /* what they do when they go first */
} scene;

/* In place of the C library's. */
int sched_yield(void)
{
    scene.yields++;
    tw_test_clock_advance(scene.clock, scene.yield_takes);
    if (scene.others)
        scene.others();
    return 0;
}

static bool found(void *arg)
{
    (void)arg;
    scene.looks++;
    tw_test_clock_advance(scene.clock, LOOK);
    return scene.is_there;
}

/* false: there is one processor, and nothing is ever looked for. */
static bool begin(void)
{
    static int64_t hours;
    memset(&scene, 0, sizeof scene);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&scene.clock), 0);
    tw_test_clock_advance(scene.clock,
                          ++hours * 3600 * TW_SECOND); /* the tests before are long ago */
    tw__search_clock_hook = scene.clock;
    return tw__processors() > 1;
}

static void end(void)
{
    tw__search_clock_hook = NULL;
    scene.clock = tw_test_clock_unref(scene.clock);
}

static bool search_once(bool is_there)
{
    scene.looks = scene.yields = 0;
    scene.is_there = is_there;
    return tw__search(&scene.search, found, NULL);
}

static void find(int times)
{
    while (times-- > 0)
        CU_ASSERT_TRUE(search_once(true));
}

/* So many chances are let go by without a look. */
static void check_skips(int count)
{
    while (count-- > 0) {
        CU_ASSERT_FALSE(tw__search_pays(&scene.search));
        CU_ASSERT_FALSE(search_once(true));
        CU_ASSERT_EQUAL(scene.looks, 0);
    }
    CU_ASSERT_TRUE(tw__search_pays(&scene.search));
}

/* --- whether it pays -------------------------------------------------------------------------- */

TEST(a_search_in_vain_ends_in_time)
{
    if (begin()) {
        CU_ASSERT_FALSE(search_once(false));
        CU_ASSERT_TRUE(scene.looks >= LOOKS && scene.looks < LOOKS + 8);
    } else {
        CU_ASSERT_FALSE(search_once(true));
        CU_ASSERT_EQUAL(scene.looks, 0);
        CU_ASSERT_FALSE(tw__search_pays(&scene.search));
    }
    end();
}

TEST(who_searches_in_vain_lets_ever_more_chances_go_by)
{
    static const int skips[] = {1, 3, 7, 15, 31, 31};
    size_t i;
    if (begin()) {
        for (i = 0; i < 6; i++) {
            CU_ASSERT_FALSE(search_once(false));
            check_skips(skips[i]);
        }
        find(1); /* all is well again */
        check_skips(0);
        CU_ASSERT_FALSE(search_once(false));
        check_skips(1);
    }
    end();
}

TEST(finds_pay_for_searches_in_vain)
{
    int i;
    if (begin()) {
        find(4);
        CU_ASSERT_FALSE(search_once(false));
        check_skips(0);
        CU_ASSERT_FALSE(search_once(false));
        check_skips(1);
        find(100); /* sixteen of them count */
        for (i = 0; i < 4; i++) {
            CU_ASSERT_FALSE(search_once(false));
            check_skips(0);
        }
        CU_ASSERT_FALSE(search_once(false));
        check_skips(1);
    }
    end();
}

/* --- who goes first --------------------------------------------------------------------------- */

/* They do what is looked for. */
static void do_it(void)
{
    scene.is_there = true;
}

TEST(others_go_first_when_it_takes_longer)
{
    if (begin()) {
        find(4);
        CU_ASSERT_EQUAL(scene.yields, 0);
        CU_ASSERT_FALSE(scene.search.has_yielded);
        CU_ASSERT_FALSE(search_once(false));
        CU_ASSERT_EQUAL(scene.yields, 3);
        CU_ASSERT_TRUE(scene.search.has_yielded);
        find(1);
        CU_ASSERT_FALSE(scene.search.has_yielded);
        scene.others = do_it;
        CU_ASSERT_TRUE(search_once(false));
        CU_ASSERT_EQUAL(scene.yields, 1);
        CU_ASSERT_TRUE(scene.search.has_yielded);
    }
    end();
}

static bool found_at_once(void *arg)
{
    (void)arg;
    return true;
}

static bool count_looks(void *arg)
{
    (*(int *)arg)++;
    tw_test_clock_advance(scene.clock, LOOK);
    return false;
}

/* The one that goes first wants to look itself: on two processors there is room for one. */
static void look_too(void)
{
    struct tw__search another = {0};
    int looks = 0;
    scene.others = NULL;
    CU_ASSERT_TRUE(tw__search(&another, found_at_once, NULL));
    CU_ASSERT_FALSE(tw__search(&another, count_looks, &looks));
    CU_ASSERT_TRUE(looks >= LOOKS);
}

TEST(who_lets_others_go_first_is_no_searcher_meanwhile)
{
    if (begin()) {
        scene.others = look_too;
        search_once(false);
        CU_ASSERT_PTR_NULL(scene.others);
    }
    end();
}

/* Each is a find, so that it goes on searching. */
static void let_go_first(int times, int64_t takes)
{
    scene.others = do_it;
    scene.yield_takes = takes;
    while (times-- > 0) {
        CU_ASSERT_TRUE(search_once(false));
        CU_ASSERT_EQUAL(scene.yields, 1);
    }
    scene.others = NULL;
    scene.yield_takes = 0;
}

/* Nobody goes first until a thousand times as long has passed. */
static void check_recovery(int64_t took)
{
    find(16);
    CU_ASSERT_FALSE(search_once(false));
    CU_ASSERT_EQUAL(scene.yields, 0);
    tw_test_clock_advance(scene.clock, 999 * took);
    find(16);
    CU_ASSERT_FALSE(search_once(false));
    CU_ASSERT_EQUAL(scene.yields, 0);
    tw_test_clock_advance(scene.clock, took);
    find(16);
    CU_ASSERT_FALSE(search_once(false));
    CU_ASSERT_EQUAL(scene.yields, 3);
}

TEST(a_long_turn_of_others_is_made_up_for)
{
    if (begin()) {
        let_go_first(1, LONG_YIELD);
        check_recovery(LONG_YIELD);
        let_go_first(1, FOREIGN);
        check_recovery(FOREIGN);
    }
    end();
}

TEST(good_turns_of_others_pay_for_a_long_one)
{
    if (begin()) {
        let_go_first(100, GOOD_YIELD); /* sixteen of them count */
        let_go_first(1, LONG_YIELD);
        let_go_first(1, GOOD_YIELD);
        let_go_first(1, LONG_YIELD);
        check_recovery(LONG_YIELD);
    }
    end();
}

TEST(they_do_not_pay_for_another_program)
{
    if (begin()) {
        let_go_first(100, GOOD_YIELD);
        let_go_first(1, FOREIGN);
        check_recovery(FOREIGN);
    }
    end();
}

/* Where nobody else is, a yield comes back at once: that is not a good one. */
TEST(nobody_is_no_good_turn)
{
    if (begin()) {
        let_go_first(100, TW_MICROSECOND);
        let_go_first(1, LONG_YIELD);
        check_recovery(LONG_YIELD);
    }
    end();
}
