/*
 * Looking again before going to sleep: what a search remembers, and when it lets others go first.
 * Each look takes 100 ns of the test clock, a yield as long as the test says, and there are two
 * processors.
 */
#include "../harness.h"
#include <sched.h>
#include <sys/wait.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/fork_internal.h>
#include <twine/base/processors_internal.h>
#include <twine/base/search_internal.h>
#include <unistd.h>

SUITE("search, memory")

#define LOOK 100
#define LOOKS (TW__SEARCH_TIME / LOOK)
#define KEPT_OUT 17 /* looks of one for whom there is no place */

#define SHORTEST 2000      /* nanoseconds: of good turns of others */
#define LONG 60000         /* too long for one */
#define DEBT 160000        /* so much may be owed */
#define FOREIGN (DEBT + 1) /* more than can be */

static struct {
    struct tw_clock *clock;
    struct tw__search search;
    int looks, yields;
    bool is_there;        /* what is looked for */
    int64_t yield_takes;  /* nanoseconds */
    void (*others)(void); /* what they do when they go first */
} scene;

/* In place of the C library's. (A leak checker yields as well, when all is over.) */
int sched_yield(void)
{
    if (!scene.clock)
        return 0;
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

/* Of a search in vain. */
static bool is_whole(int looks)
{
    return looks >= LOOKS && looks < LOOKS + 8;
}

static void begin(void)
{
    static int64_t days;
    memset(&scene, 0, sizeof scene);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_new(&scene.clock), 0);
    tw_test_clock_advance(scene.clock,
                          ++days * 86400 * TW_SECOND); /* the tests before are long ago */
    tw__search_clock_hook = scene.clock;
    tw__processors_hook = 2;
}

static void end(void)
{
    tw__processors_hook = 0;
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

/* Bring it to where it searches in any case. */
static void settle(void)
{
    while (!tw__search_pays(&scene.search))
        search_once(true);
    find(16);
}

static void search_in_vain(void)
{
    CU_ASSERT_FALSE(search_once(false));
    CU_ASSERT_TRUE(scene.looks > 0);
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
    begin();
    search_in_vain();
    CU_ASSERT_TRUE(is_whole(scene.looks));
    end();
}

/* It would keep off the very thread that it waits for. */
TEST(on_one_processor_there_is_one_look)
{
    begin();
    tw__processors_hook = 1;
    CU_ASSERT_FALSE(tw__search_pays(&scene.search));
    CU_ASSERT_TRUE(search_once(true));
    CU_ASSERT_FALSE(search_once(false));
    CU_ASSERT_EQUAL(scene.looks, 1);
    end();
}

TEST(who_searches_in_vain_lets_ever_more_chances_go_by)
{
    static const int skips[] = {1, 3, 7, 15, 31, 31};
    size_t i;
    begin();
    for (i = 0; i < 6; i++) {
        search_in_vain();
        check_skips(skips[i]);
    }
    find(1); /* all is well again */
    check_skips(0);
    search_in_vain();
    check_skips(1);
    end();
}

TEST(finds_pay_for_searches_in_vain)
{
    int i;
    begin();
    find(4);
    search_in_vain();
    check_skips(0);
    search_in_vain();
    check_skips(1);
    find(100); /* sixteen of them count */
    for (i = 0; i < 4; i++) {
        search_in_vain();
        check_skips(0);
    }
    search_in_vain();
    check_skips(1);
    end();
}

/* --- who is one of the searchers -------------------------------------------------------------- */

static bool count_look(void *arg)
{
    (*(int *)arg)++;
    tw_test_clock_advance(scene.clock, LOOK);
    return false;
}

/* How often another searcher looks. */
static int looks_of_another(void)
{
    struct tw__search another = {0};
    int looks = 0;
    CU_ASSERT_FALSE(tw__search(&another, count_look, &looks));
    return looks;
}

static int another_looked;

static bool found_beside_another(void *arg)
{
    another_looked = looks_of_another();
    return found(arg);
}

/* On two processors one may look. Who finds the place taken waits a moment for it. */
TEST(one_searcher_for_each_spare_processor)
{
    begin();
    scene.is_there = true;
    CU_ASSERT_TRUE(tw__search(&scene.search, found_beside_another, NULL));
    CU_ASSERT_EQUAL(another_looked, KEPT_OUT);
    CU_ASSERT_TRUE(is_whole(looks_of_another())); /* the place is free again */
    tw__processors_hook = 3;
    CU_ASSERT_TRUE(tw__search(&scene.search, found_beside_another, NULL));
    CU_ASSERT_TRUE(is_whole(another_looked));
    end();
}

static void look_beside(void)
{
    scene.others = NULL;
    another_looked = looks_of_another();
}

/* The one that goes first may want to look itself; afterwards the place is taken again. */
TEST(who_lets_others_go_first_is_no_searcher_meanwhile)
{
    begin();
    another_looked = 0;
    scene.others = look_beside;
    search_in_vain();
    CU_ASSERT_TRUE(is_whole(another_looked));
    settle();
    scene.is_there = false;
    CU_ASSERT_FALSE(tw__search(&scene.search, found_beside_another, NULL));
    CU_ASSERT_EQUAL(another_looked, KEPT_OUT);
    CU_ASSERT_TRUE(is_whole(looks_of_another()));
    end();
}

/* --- who has lost the place ------------------------------------------------------------------- */

/* One that begins to look when it goes first, on a stack of its own, and stays at it. */
static struct {
    struct tw__fiber *fiber, *back;
    bool is_over;
} rival;

static bool look_until_over(void *arg)
{
    (void)arg;
    if (!rival.is_over)
        tw__fiber_switch(rival.back);
    return rival.is_over;
}

static void live_as_rival(void *arg)
{
    struct tw__search search = {0};
    (void)arg;
    CU_ASSERT_TRUE(tw__search(&search, look_until_over, NULL));
    tw__fiber_exit(rival.back);
}

static void let_rival_in(void)
{
    scene.others = NULL;
    rival.back = tw__fiber_self();
    tw__fiber_switch(rival.fiber);
}

static void begin_rival(void)
{
    rival.is_over = false;
    CU_ASSERT_EQUAL_FATAL(tw__fiber_new(0, live_as_rival, NULL, &rival.fiber), 0);
    scene.others = let_rival_in;
}

static void end_rival(void)
{
    rival.is_over = true;
    tw__fiber_switch(rival.fiber);
}

/* That others look says nothing about whether it pays: as many chances go by as the last time. */
TEST(who_has_lost_the_place_looks_no_more)
{
    begin();
    search_in_vain(); /* one chance to let go by from now on */
    check_skips(1);
    begin_rival();
    search_in_vain();
    CU_ASSERT_EQUAL(scene.yields, 1);
    CU_ASSERT_TRUE(scene.looks < LOOKS);
    CU_ASSERT_EQUAL(looks_of_another(), KEPT_OUT); /* the rival has the place */
    end_rival();
    CU_ASSERT_TRUE(is_whole(looks_of_another()));
    check_skips(1);
    search_in_vain();
    check_skips(3);
    end();
}

static void let_rival_in_and_do_it(void)
{
    let_rival_in();
    scene.is_there = true;
}

TEST(who_has_lost_the_place_may_have_found_it)
{
    begin();
    search_in_vain();
    check_skips(1);
    begin_rival();
    scene.others = let_rival_in_and_do_it;
    CU_ASSERT_TRUE(search_once(false));
    end_rival();
    CU_ASSERT_TRUE(is_whole(looks_of_another()));
    search_in_vain(); /* the find counts */
    check_skips(1);
    end();
}

/* A child is none of the parent's searchers, and has none of them. */
static void fork_and_look(void)
{
    int status = 0;
    pid_t child = fork();
    scene.others = NULL;
    if (child == 0)
        _exit(is_whole(looks_of_another()) ? 0 : 1);
    CU_ASSERT_TRUE_FATAL(child > 0);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
}

static bool found_beside_a_child(void *arg)
{
    if (!scene.looks)
        fork_and_look();
    return found(arg);
}

TEST(a_child_has_searchers_of_its_own)
{
    begin();
    tw__fork_watch();
    scene.is_there = true;
    CU_ASSERT_TRUE(tw__search(&scene.search, found_beside_a_child, NULL));
    scene.others = fork_and_look;
    search_in_vain();
    CU_ASSERT_PTR_NULL(scene.others);
    CU_ASSERT_TRUE(is_whole(looks_of_another()));
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
    begin();
    find(4);
    CU_ASSERT_EQUAL(scene.yields, 0);
    search_in_vain();
    CU_ASSERT_EQUAL(scene.yields, 3);
    CU_ASSERT_TRUE(is_whole(scene.looks));
    scene.others = do_it;
    CU_ASSERT_TRUE(search_once(false));
    CU_ASSERT_EQUAL(scene.yields, 1);
    CU_ASSERT_TRUE(scene.looks > 20 && scene.looks < 30); /* after 2 us */
    end();
}

TEST(others_go_first_at_once_if_that_was_good_the_last_time)
{
    begin();
    scene.others = do_it;
    scene.yield_takes = SHORTEST;
    CU_ASSERT_TRUE(search_once(false));
    CU_ASSERT_TRUE(search_once(false));
    CU_ASSERT_EQUAL(scene.yields, 1);
    CU_ASSERT_TRUE(scene.looks < 8);
    scene.others = NULL;
    scene.yield_takes = 0;
    settle();
    search_in_vain();
    CU_ASSERT_EQUAL(scene.yields, 4);
    settle();
    search_in_vain();
    CU_ASSERT_EQUAL(scene.yields, 3);
    end();
}

/* Searches in which a yield takes so long, the look after it included. */
static void let_go_first(int times, int64_t takes, bool do_it_then)
{
    scene.others = do_it_then ? do_it : NULL;
    scene.yield_takes = takes - LOOK;
    while (times-- > 0) {
        CU_ASSERT_EQUAL(search_once(false), do_it_then);
        CU_ASSERT_EQUAL(scene.yields, 1);
        settle();
    }
    scene.others = NULL;
    scene.yield_takes = 0;
}

static void be_quick_from_now_on(void)
{
    scene.yield_takes = 0;
}

static bool others_had_it(int64_t duration)
{
    scene.others = do_it;
    scene.yield_takes = duration - LOOK;
    CU_ASSERT_TRUE(search_once(false));
    return scene.search.was_away;
}

TEST(it_knows_whether_others_had_the_processor)
{
    begin();
    CU_ASSERT_TRUE(others_had_it(SHORTEST));
    CU_ASSERT_FALSE(others_had_it(SHORTEST - 1));
    CU_ASSERT_TRUE(others_had_it(LONG));
    find(1);
    CU_ASSERT_FALSE(scene.search.was_away);
    scene.others = be_quick_from_now_on;
    scene.yield_takes = SHORTEST;
    search_in_vain();
    CU_ASSERT_TRUE(scene.yields > 1);
    CU_ASSERT_TRUE(scene.search.was_away);
    end();
}

static bool yields_now(void)
{
    settle();
    search_in_vain();
    return scene.yields > 0;
}

/* Nobody goes first until so long has passed. (To ask takes 15 us.) */
static void check_pause(int64_t duration)
{
    CU_ASSERT_FALSE(yields_now());
    tw_test_clock_advance(scene.clock, duration - 40 * TW_MICROSECOND);
    CU_ASSERT_FALSE(yields_now());
    tw_test_clock_advance(scene.clock, 40 * TW_MICROSECOND);
    CU_ASSERT_TRUE(yields_now());
}

TEST(good_turns_of_others_cost_nothing)
{
    begin();
    let_go_first(1000, SHORTEST, true);
    let_go_first(1000, LONG - 1, true);
    CU_ASSERT_TRUE(yields_now());
    end();
}

TEST(long_turns_of_others_are_owed)
{
    begin();
    let_go_first(2, LONG, true);
    let_go_first(1, DEBT - 2 * LONG, false);
    let_go_first(1, LONG, true);
    check_pause(300 * LONG);
    end();
}

TEST(turns_in_which_others_do_something_else_are_owed)
{
    begin();
    let_go_first(16, DEBT / 16, false);
    let_go_first(1, SHORTEST, false);
    check_pause(300 * SHORTEST);
    end();
}

TEST(that_there_is_nobody_is_owed)
{
    begin();
    let_go_first(DEBT / 1000, 1000, true);
    let_go_first(1, 1000, true);
    check_pause(300 * 1000);
    end();
}

/* A good one has saved 8 us. */
TEST(good_turns_pay_off_a_debt)
{
    begin();
    let_go_first(1, DEBT, true);
    let_go_first(1, LONG - 1, true);
    let_go_first(1, SHORTEST, true);
    let_go_first(1, 16000, false);
    let_go_first(1, 1000, true);
    check_pause(300 * 1000);
    end();
}

TEST(what_is_saved_beyond_the_debt_is_not_remembered)
{
    begin();
    let_go_first(1, 10000, false);
    let_go_first(1000, SHORTEST, true);
    let_go_first(1, DEBT, true);
    let_go_first(1, 1000, true);
    check_pause(300 * 1000);
    end();
}

/* It is longer than any debt. */
TEST(the_turn_of_another_program_is_made_up_for)
{
    begin();
    let_go_first(1000, SHORTEST, true);
    let_go_first(1, FOREIGN, true);
    check_pause(300 * (int64_t)FOREIGN);
    let_go_first(1, FOREIGN, false);
    check_pause(300 * (int64_t)FOREIGN);
    end();
}

TEST(that_the_machine_stood_still_is_soon_forgotten)
{
    begin();
    let_go_first(1, 3600 * TW_SECOND, true);
    check_pause(3 * TW_SECOND);
    end();
}

/* --- two turns at once ------------------------------------------------------------------------ */

static void leave_rival(void)
{
    tw__fiber_switch(rival.back);
}

static void go_on_with_rival(void)
{
    scene.others = NULL;
    rival.back = tw__fiber_self();
    tw__fiber_switch(rival.fiber);
    scene.is_there = true;
}

static bool is_over(void *arg)
{
    (void)arg;
    tw_test_clock_advance(scene.clock, LOOK);
    return rival.is_over;
}

static void let_go_first_as_rival(void *arg)
{
    struct tw__search search = {0};
    (void)arg;
    scene.others = leave_rival;
    CU_ASSERT_TRUE(tw__search(&search, is_over, NULL));
    tw__fiber_exit(rival.back);
}

/* The one that takes longer has begun before and ends before. */
TEST(the_longer_pause_holds)
{
    begin();
    rival.is_over = false;
    rival.back = tw__fiber_self();
    CU_ASSERT_EQUAL_FATAL(tw__fiber_new(0, let_go_first_as_rival, NULL, &rival.fiber), 0);
    tw__fiber_switch(rival.fiber);
    tw_test_clock_advance(scene.clock, 9 * TW_MILLISECOND);
    rival.is_over = true;
    scene.others = go_on_with_rival;
    scene.yield_takes = FOREIGN;
    CU_ASSERT_TRUE(search_once(false));
    scene.yield_takes = 0;
    tw_test_clock_advance(scene.clock, 2600 * TW_MILLISECOND);
    CU_ASSERT_FALSE(yields_now());
    tw_test_clock_advance(scene.clock, TW_SECOND);
    CU_ASSERT_TRUE(yields_now());
    end();
}
