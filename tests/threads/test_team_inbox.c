/*
 * A team's inbox: one word, the entries and the way for those who submit.
 */
#include "../harness.h"
#include <twine/threads/team_inbox_internal.h>

SUITE("team inbox")

static void note(struct tw_task *task, int status)
{
    (void)task;
    (void)status;
}

static struct tw_task tasks[4];
static struct tw__team_inbox inbox;

static void begin(void)
{
    int i;
    for (i = 0; i < 4; i++)
        tw_task_init(&tasks[i], note);
    atomic_init(&inbox.word, TW__WAY_LONG);
}

static bool push(int which)
{
    return tw__team_inbox_push_short(&inbox, &tasks[which]);
}

static enum tw__way way(void)
{
    return tw__team_inbox_way(atomic_load(&inbox.word));
}

/* Where a visit is needed, nothing is put in without one. */
TEST(long_way_lets_nothing_in)
{
    begin();
    CU_ASSERT_FALSE(tw__team_inbox_is_open(&inbox));
    CU_ASSERT_FALSE(push(0));
    CU_ASSERT_FALSE(tw__team_inbox_has_entries(&inbox));
    CU_ASSERT_PTR_NULL(tw__team_inbox_take(&inbox));
}

/* By the short way any number comes in, and taking them out leaves the way as it is. */
TEST(short_way_lets_all_in)
{
    begin();
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_TRUE(tw__team_inbox_is_open(&inbox));
    CU_ASSERT_TRUE(push(0) && push(1));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_take(&inbox), &tasks[1]);
    CU_ASSERT_PTR_EQUAL(tasks[1]._next, &tasks[0]);
    CU_ASSERT_PTR_NULL(tasks[0]._next);
    CU_ASSERT_FALSE(tw__team_inbox_has_entries(&inbox));
    CU_ASSERT_EQUAL(way(), TW__WAY_SHORT);
    CU_ASSERT_TRUE(push(2));
}

/* The newest task that came by the short way may be taken back, and by no other way; one that
 * something came after, or that is not there, may not. */
TEST(newest_is_taken_back)
{
    begin();
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_TRUE(push(0) && push(1));
    CU_ASSERT_FALSE(tw__team_inbox_take_back(&inbox, &tasks[0]));
    CU_ASSERT_TRUE(tw__team_inbox_take_back(&inbox, &tasks[1]));
    CU_ASSERT_FALSE(tw__team_inbox_take_back(&inbox, &tasks[1]));
    CU_ASSERT_TRUE(tw__team_inbox_take_back(&inbox, &tasks[0]));
    CU_ASSERT_FALSE(tw__team_inbox_has_entries(&inbox));
    CU_ASSERT_EQUAL(way(), TW__WAY_SHORT);
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_TRUE(push(2));
    CU_ASSERT_FALSE(tw__team_inbox_take_back(&inbox, &tasks[2]));
}

/* Whoever ends the short way gets what came by it, in the same step. */
TEST(end_of_short_way_brings_what_came)
{
    begin();
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_clear_short(&inbox, TW__WAY_LONG), &tasks[0]);
    CU_ASSERT_FALSE(push(1));
    CU_ASSERT_FALSE(tw__team_inbox_has_entries(&inbox));
}

static bool give_up(void)
{
    return tw__team_inbox_give_up_search(&inbox);
}

/* A worker that searches lets in what comes; it learns of that at its end, and gets it inside. */
TEST(search_lets_in_what_comes)
{
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_FALSE(tw__team_inbox_begin_search(&inbox)); /* there is one already */
    CU_ASSERT_TRUE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_FALSE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_TRUE(push(1));
    CU_ASSERT_FALSE(give_up());
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_end_search(&inbox), &tasks[1]);
    CU_ASSERT_PTR_EQUAL(tasks[1]._next, &tasks[0]);
    CU_ASSERT_FALSE(push(2));
}

/* Another who is inside takes out what came meanwhile, and the search goes on. */
TEST(search_goes_on_when_another_was_faster)
{
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_take(&inbox), &tasks[0]);
    CU_ASSERT_TRUE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_TRUE(push(1));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_end_search(&inbox), &tasks[1]);
    CU_ASSERT_PTR_NULL(tw__team_inbox_end_search(&inbox));
}

/* A search in vain leaves nothing behind. */
TEST(search_in_vain)
{
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_TRUE(give_up());
    CU_ASSERT_FALSE(push(0));
}

/* Where something is, or comes by another way, nobody searches; an op ends a search as a task
 * does. */
TEST(nobody_searches_where_there_is_something)
{
    begin();
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_FALSE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_clear_short(&inbox, TW__WAY_LONG), &tasks[0]);
    tw__team_inbox_push(&inbox, &tasks[1]);
    CU_ASSERT_FALSE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_take(&inbox), &tasks[1]);
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    tw__team_inbox_push(&inbox, &tasks[2]);
    CU_ASSERT_FALSE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_FALSE(give_up());
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_end_search(&inbox), &tasks[2]);
}

/* A worker that ends the short way may go on to search in the same step. */
TEST(short_way_becomes_a_search)
{
    begin();
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_clear_short(&inbox, TW__WAY_SEARCHED), &tasks[0]);
    CU_ASSERT_TRUE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_TRUE(push(1));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_end_search(&inbox), &tasks[1]);
    CU_ASSERT_EQUAL(way(), TW__WAY_LONG);
}

/* All workers are busy by the time a search is over: what came since waits for one that finishes,
 * and the searcher takes it all the same. */
TEST(short_way_over_a_search)
{
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_FALSE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_TRUE(give_up());
    CU_ASSERT_EQUAL(way(), TW__WAY_SHORT);
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_FALSE(give_up());
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_end_search(&inbox), &tasks[0]);
    CU_ASSERT_EQUAL(way(), TW__WAY_SHORT);
}

/* The short way has come and gone since, and another searches: whoever ends first ends both, and
 * nobody is counted on then. */
TEST(searches_that_overlap)
{
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox)); /* the first */
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_PTR_NULL(tw__team_inbox_clear_short(&inbox, TW__WAY_LONG));
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox)); /* the second */
    CU_ASSERT_TRUE(give_up());                           /* the first's end */
    CU_ASSERT_FALSE(push(1));
    CU_ASSERT_FALSE(tw__team_inbox_is_searched(&inbox));
    CU_ASSERT_TRUE(give_up()); /* the second's */
}

/* Closed from any way, it brings what came until then, and lets in ops alone. */
TEST(closed_for_ever)
{
    begin();
    tw__team_inbox_set_short(&inbox);
    CU_ASSERT_TRUE(push(0));
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_close(&inbox), &tasks[0]);
    CU_ASSERT_FALSE(push(1));
    CU_ASSERT_FALSE(tw__team_inbox_begin_search(&inbox));
    tw__team_inbox_push(&inbox, &tasks[2]);
    CU_ASSERT_PTR_EQUAL(tw__team_inbox_take(&inbox), &tasks[2]);
    CU_ASSERT_EQUAL(way(), TW__WAY_CLOSED);
    begin();
    CU_ASSERT_TRUE(tw__team_inbox_begin_search(&inbox));
    CU_ASSERT_PTR_NULL(tw__team_inbox_close(&inbox));
    CU_ASSERT_TRUE(give_up());
    CU_ASSERT_FALSE(push(3));
}
