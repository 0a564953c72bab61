/*
 * The watch, over a team and a worker that are both stepped by hand.
 */
#include "by_hand.h"

SUITE("watch")

static struct hand hand;
static struct tw_worker *worker;
static struct tw_watch *watch;
static struct tw_statistics last;
static int told, destroyed;
static void (*when_told)(void);

static void tell(const struct tw_statistics *now, void *arg)
{
    CU_ASSERT_PTR_EQUAL(arg, &destroyed);
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(now->size, sizeof *now);
    CU_ASSERT_TRUE(told == 0 || memcmp(now, &last, sizeof last) != 0);
    last = *now;
    told++;
    if (when_told)
        when_told();
}

static int start(make_worker_fn make_coordinator)
{
    int rc;
    told = destroyed = 0;
    when_told = NULL;
    worker = NULL;
    watch = NULL;
    memset(&last, 0, sizeof last);
    rc = tw_memory_worker_new(&worker);
    if (rc < 0)
        return rc;
    rc = hand_start(&hand, make_coordinator, 2);
    if (rc < 0) {
        tw_worker_unref(worker);
        return rc;
    }
    return 0;
}

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(tw_watch_new(hand.team, worker, tell, &destroyed, count_destroy, &watch),
                          0);
}

/* How many tasks the watch's worker had. */
static int perform(void)
{
    int tasks = 0;
    while (tw_memory_worker_perform(worker) > 0)
        tasks++;
    return tasks;
}

static void stop(void)
{
    watch = tw_watch_unref(watch);
    perform();
    CU_ASSERT_EQUAL(destroyed, 1);
    hand_end(&hand);
    worker = tw_worker_unref(worker);
}

/* Many changes make one call, with what the statistics are when it is made. */
TEST(many_changes_make_one_call)
{
    struct note notes[5];
    int i;
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    begin();
    CU_ASSERT_EQUAL(perform(), 0); /* what it was at first counts as told */
    notes_init(notes, 5);
    for (i = 0; i < 5; i++)
        SUBMIT(&hand, &notes[i]);
    CU_ASSERT_EQUAL(told, 0); /* not here */
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(last.busy, 2);
    CU_ASSERT_EQUAL(last.backlog, 3);
    hand_run(&hand);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 2);
    CU_ASSERT_EQUAL(last.idle, 2);
    CU_ASSERT_EQUAL(last.finished, 5);
    stop();
}

/* A visit to the books that changes nothing is not told. */
TEST(only_changes_are_told)
{
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    begin();
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 0), 0);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    perform();
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 0), 0);
    perform();
    CU_ASSERT_EQUAL(told, 1);
    stop();
}

/* So it is if the books are kept in steps, by a coordinator that cannot be entered. */
TEST(changes_by_a_step_are_told)
{
    struct note note;
    CU_ASSERT_EQUAL_FATAL(start(tw_memory_worker_new), 0);
    begin();
    note_init(&note, NULL, NULL);
    SUBMIT(&hand, &note);
    CU_ASSERT_EQUAL(perform(), 0);
    CU_ASSERT_TRUE(hand_step(&hand));
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(last.busy, 1);
    hand_run(&hand);
    perform();
    CU_ASSERT_EQUAL(last.idle, 1);
    CU_ASSERT_EQUAL(last.finished, 1);
    stop();
}

/* R13: to be watched wakes no worker of the team, and makes no step of its own. */
TEST(R13_nobody_of_the_team_is_woken)
{
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 2), 0);
    begin();
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(last.wakes, 0);
    CU_ASSERT_EQUAL(hand.made[0].submits + hand.made[1].submits, 0);
    CU_ASSERT_EQUAL(hand.coordinator.submits, 0);
    stop();
}

static void grow_once(void)
{
    when_told = NULL;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(told, 1);
}

/* What changes while it tells is told afterwards, by a task of its own: others of the worker get
 * their turn. */
TEST(a_change_while_it_tells)
{
    struct note between;
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    begin();
    when_told = grow_once;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    note_init(&between, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &between.task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(last.idle, 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&between, 0);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 2);
    CU_ASSERT_EQUAL(last.idle, 2);
    stop();
}

/* After unref nothing is told, also if its task is out; then its argument goes with that task, and
 * else at once. */
TEST(after_unref_nothing_is_told)
{
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    begin();
    CU_ASSERT_PTR_EQUAL(tw_watch_ref(watch), watch);
    tw_watch_unref(watch);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_PTR_NULL(tw_watch_unref(watch));
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 0);
    destroyed = 0;
    begin();
    watch = tw_watch_unref(watch);
    CU_ASSERT_EQUAL(destroyed, 1);
    stop();
}

static void unref_it(void)
{
    watch = tw_watch_unref(watch);
    CU_ASSERT_EQUAL(destroyed, 0); /* not while it is being called */
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
}

/* It may be let go of inside its own call. */
TEST(unref_inside_the_call)
{
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    begin();
    when_told = unref_it;
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(destroyed, 1);
    stop();
}

/* The team ends though it is watched, and that is told as well. */
TEST(the_team_is_not_kept)
{
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 2), 0);
    begin();
    tw_team_unref(hand.team);
    hand_run(&hand);
    hand_check_gone(&hand);
    CU_ASSERT_EQUAL(hand.coordinator.quits, 1);
    CU_ASSERT_EQUAL(hand.destroyed, 1);
    CU_ASSERT_EQUAL(perform(), 1);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(last.idle + last.busy + last.coming + last.backlog, 0);
    watch = tw_watch_unref(watch);
    CU_ASSERT_EQUAL(destroyed, 1);
    tw_worker_unref(&hand.coordinator.base);
    CU_ASSERT_TRUE(hand.coordinator.is_gone);
    worker = tw_worker_unref(worker);
}

/* A worker that has quit, or goes with the task, is not asked again. */
TEST(a_worker_that_refuses)
{
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    begin();
    CU_ASSERT_EQUAL(tw_worker_quit(worker), 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 0);
    CU_ASSERT_EQUAL(destroyed, 0);
    stop();
    CU_ASSERT_EQUAL(told, 0);
}

static void count_told(const struct tw_statistics *now, void *arg)
{
    (void)now;
    ++*(int *)arg;
}

/* Several may watch one team, on workers of their own, and go in any order. */
TEST(several_watch_one_team)
{
    struct tw_watch *watches[3];
    struct tw_worker *lock = NULL;
    int counts[3] = {0, 0, 0}, i;
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_watch_new(hand.team, i == 1 ? lock : worker, count_told, &counts[i],
                                     NULL, &watches[i]),
                        0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(counts[1], 1); /* a lock worker performs at once, with the books closed */
    CU_ASSERT_EQUAL(perform(), 2);
    tw_watch_unref(watches[1]);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 2);
    tw_watch_unref(watches[2]);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 1);
    tw_watch_unref(watches[0]);
    CU_ASSERT_EQUAL(tw_team_shrink(hand.team, 1), 0);
    CU_ASSERT_EQUAL(perform(), 0);
    CU_ASSERT_EQUAL(counts[0], 3);
    CU_ASSERT_EQUAL(counts[1], 1);
    CU_ASSERT_EQUAL(counts[2], 2);
    tw_worker_unref(lock);
    begin();
    stop();
}

TEST(bad_arguments_are_refused)
{
    struct tw_watch *none = NULL;
    struct tw_pool *pool = NULL;
    int gone = 0;
    CU_ASSERT_EQUAL_FATAL(start(tw_lock_worker_new), 0);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(0, NULL, &pool), 0);
    PROVOKE(
        tw_watch_new(tw_pool_team(pool), tw_pool_worker(pool), tell, &gone, count_destroy, &none));
    tw_pool_unref(pool);
    PROVOKE(tw_watch_new(NULL, worker, tell, &gone, count_destroy, &none));
    PROVOKE(tw_watch_new(hand.team, NULL, tell, &gone, count_destroy, &none));
    PROVOKE(tw_watch_new(hand.team, tw_team_worker(hand.team), tell, &gone, count_destroy, &none));
    PROVOKE(tw_watch_new(hand.team, worker, NULL, &gone, count_destroy, &none));
    PROVOKE(tw_watch_new(hand.team, worker, tell, &gone, count_destroy, NULL));
    CU_ASSERT_EQUAL(gone, 6);
    CU_ASSERT_PTR_NULL(tw_watch_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_watch_unref(NULL));
    begin();
    stop();
}

SWEEP(short_of_memory)
{
    int rc = start(tw_lock_worker_new);
    if (rc < 0)
        return;
    rc = tw_watch_new(hand.team, worker, tell, &destroyed, count_destroy, &watch);
    CU_ASSERT_EQUAL(destroyed, rc < 0);
    CU_ASSERT_EQUAL(tw_team_grow(hand.team, 1), 0);
    EXPECT_REPORTS((int)hand_books(&hand).failed_creations);
    perform();
    if (rc >= 0)
        watch = tw_watch_unref(watch);
    CU_ASSERT_EQUAL(destroyed, 1);
    hand_end(&hand);
    tw_worker_unref(worker);
}
