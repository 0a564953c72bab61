/*
 * The list of a job's forks: what each of the three that take tasks out of it finds.
 */
#include "../harness.h"
#include <twine/threads/fork_list_internal.h>

SUITE("fork list")

enum { MOST = TW__FORK_PLACES - 1, TASKS = 1000 };

static struct tw_task tasks[TASKS];
static _Atomic(tw__fork_place *) places[TASKS];
static struct tw__fork_list list;
static int added;

static void begin(void)
{
    memset(&list, 0, sizeof list);
    added = 0;
}

/* As a job does. Returns whether there was room. */
static bool add(void)
{
    if (!tw__fork_list_add(&list, &tasks[added], &places[added]))
        return false;
    added++;
    return true;
}

static bool is_empty(void)
{
    return !tw__fork_list_newest(&list);
}

static bool take(int which)
{
    return tw__fork_list_take(places[which], &tasks[which]);
}

/* Which one the helper gets; -1: none. */
static int help(void)
{
    struct tw_task *task = tw__fork_list_take_oldest(&list);
    return task ? (int)(task - tasks) : -1;
}

static void add_many(int count)
{
    while (count-- > 0)
        CU_ASSERT_TRUE(add());
}

TEST(helper_takes_the_oldest)
{
    int i;
    begin();
    CU_ASSERT_TRUE(is_empty());
    CU_ASSERT_EQUAL(help(), -1);
    add_many(3);
    for (i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(tw__fork_list_has_some(&list));
        CU_ASSERT_EQUAL(help(), i);
    }
    CU_ASSERT_FALSE(tw__fork_list_has_some(&list));
    CU_ASSERT_TRUE(is_empty());
    CU_ASSERT_EQUAL(help(), -1);
}

/* A task has one taker. */
TEST(each_is_taken_once)
{
    begin();
    add_many(2);
    CU_ASSERT_TRUE(take(1));
    CU_ASSERT_FALSE(take(1));
    CU_ASSERT_EQUAL(help(), 0);
    CU_ASSERT_FALSE(take(0));
    CU_ASSERT_EQUAL(help(), -1);
}

/* What was taken at the job's end leaves its place to the next one. */
TEST(place_is_used_again)
{
    int i;
    begin();
    for (i = 0; i < 3 * TW__FORK_PLACES; i++) {
        CU_ASSERT_TRUE(add());
        CU_ASSERT_PTR_EQUAL(places[i], places[0]);
        CU_ASSERT_TRUE(take(i));
        CU_ASSERT_TRUE(is_empty());
        CU_ASSERT_FALSE(tw__fork_list_has_some(&list));
    }
}

/* The helper goes past those that were taken, and the job does not come back behind it. */
TEST(one_was_taken_from_the_middle)
{
    begin();
    add_many(4); /* 0 1 2 3 */
    CU_ASSERT_TRUE(take(1) && take(0));
    CU_ASSERT_EQUAL(help(), 2);
    CU_ASSERT_TRUE(take(3));
    CU_ASSERT_TRUE(is_empty());
    add_many(1);
    CU_ASSERT_PTR_EQUAL(places[4], places[3]);
    CU_ASSERT_TRUE(take(4));
    CU_ASSERT_EQUAL(help(), -1); /* but it has gone past that place now */
    add_many(1);
    CU_ASSERT_PTR_NOT_EQUAL(places[5], places[4]);
    CU_ASSERT_EQUAL(help(), 5);
}

TEST(full)
{
    int i;
    begin();
    add_many(MOST);
    CU_ASSERT_FALSE(add());
    CU_ASSERT_TRUE(take(5)); /* that makes no room: others are behind it */
    CU_ASSERT_FALSE(add());
    CU_ASSERT_TRUE(take(MOST - 1)); /* this does */
    CU_ASSERT_TRUE(add());
    CU_ASSERT_FALSE(add());
    CU_ASSERT_EQUAL(help(), 0); /* and this */
    CU_ASSERT_TRUE(add());
    CU_ASSERT_FALSE(add());
    for (i = 1; i < MOST - 1; i++)
        if (i != 5)
            CU_ASSERT_EQUAL(help(), i);
    CU_ASSERT_EQUAL(help(), MOST);
    CU_ASSERT_EQUAL(help(), MOST + 1);
    CU_ASSERT_EQUAL(help(), -1);
}

/* All have gone by the helper, round the end of the places and on. */
TEST(round_and_round)
{
    int i;
    begin();
    for (i = 0; i < 10 * TW__FORK_PLACES; i++) {
        CU_ASSERT_TRUE(add());
        CU_ASSERT_EQUAL(help(), i);
        CU_ASSERT_TRUE(is_empty());
    }
}

/* A number that has gone round as well. */
TEST(numbers_wrap)
{
    int i;
    begin();
    atomic_store(&list.end, UINT32_MAX - 1);
    atomic_store(&list.oldest, UINT32_MAX - 1);
    list.next = list.seen_oldest = UINT32_MAX - 1;
    add_many(MOST);
    CU_ASSERT_FALSE(add());
    for (i = 0; i < MOST; i++)
        CU_ASSERT_EQUAL(help(), i);
    CU_ASSERT_FALSE(tw__fork_list_has_some(&list));
}

/* Whatever order they come in: as a list of those that are there says. */
TEST(at_random)
{
    uint64_t random = harness_seed();
    bool is_there[TASKS] = {false};
    int oldest = 0, count = 0, i, round;
    for (round = 0; round < 200; round++) {
        begin();
        for (oldest = count = 0; added < TASKS;) {
            switch (harness_random(&random) % 4) {
            case 0:
            case 1:
                if (add()) {
                    is_there[added - 1] = true;
                    count++;
                    break;
                }
                CU_ASSERT_TRUE(count > 0); /* so make some */
                /* fall through */
            case 2:
                while (oldest < added && !is_there[oldest])
                    oldest++;
                CU_ASSERT_EQUAL(help(), oldest < added ? oldest : -1);
                count -= oldest < added;
                if (oldest < added)
                    is_there[oldest] = false;
                break;
            default:
                if (!added)
                    break;
                i = added - 1 - (int)(harness_random(&random) % 8);
                i = i < 0 ? 0 : i;
                CU_ASSERT_EQUAL(take(i), is_there[i]);
                count -= is_there[i];
                is_there[i] = false;
            }
            CU_ASSERT_EQUAL(is_empty(), count == 0);
            CU_ASSERT_EQUAL(tw__fork_list_has_some(&list), count != 0);
        }
    }
}
