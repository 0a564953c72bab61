/*
 * A reactor as the coordinator of a team, and a team whose coordinator has gone.
 */
#include "../threads/by_hand.h"

SUITE("reactor as coordinator")

enum { MOST = 2 };

static struct tw_reactor *reactor;
static struct tw_team *team;
static struct tw_worker *made[MOST];
static size_t made_count;
static int ended;
static struct note *submitted_when_asked;

static int create(void *arg, size_t live, struct tw_worker **ret_worker)
{
    size_t before = made_count;
    (void)arg;
    if (submitted_when_asked) {
        struct note *note = submitted_when_asked;
        submitted_when_asked = NULL;
        CU_ASSERT_EQUAL(tw_team_submit(team, &note->task), 0);
        CU_ASSERT_EQUAL(made_count, before);
    }
    if (live >= MOST || made_count == MOST)
        return TW_CREATED_NONE;
    if (tw_memory_worker_new(ret_worker) < 0)
        return -ENOMEM;
    made[made_count++] = tw_worker_ref(*ret_worker);
    return TW_CREATED_READY;
}

static void set_up(struct note *notes, size_t count)
{
    made_count = 0;
    ended = 0;
    notes_init(notes, count);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(
        tw_team_new(tw_reactor_worker(reactor), create, &ended, count_destroy, &team), 0);
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

static void submit(struct note *notes, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(tw_team_submit(team, &notes[i].task), 0);
}

/* The workers' turns, until there is nothing left for them to do by themselves. */
static void perform_all(void)
{
    size_t i, done;
    do
        for (i = done = 0; i < made_count; i++)
            done += tw_memory_worker_perform(made[i]) == 1;
    while (done);
}

static void tear_down(void)
{
    team = tw_team_unref(team);
    while (made_count)
        tw_worker_unref(made[--made_count]);
    reactor = tw_reactor_unref(reactor);
}

static void check_all(const struct note *notes, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        CHECK_NOTE(&notes[i], 0);
}

/* The books are kept in the reactor's passes; and when the team ends it quits its coordinator,
 * which a reactor declines: that is no misuse, and the reactor goes on. */
TEST(a_team_over_a_reactor_ends)
{
    struct note notes[4];
    int round;
    set_up(notes, 4);
    submit(notes, 4);
    CU_ASSERT_EQUAL(made_count, 0);
    for (round = 0; round < 4; round++) {
        pass();
        perform_all();
    }
    check_all(notes, 4);
    CU_ASSERT_EQUAL(tw_team_quit(team), 0);
    CU_ASSERT_EQUAL(ended, 0);
    pass();
    CU_ASSERT_EQUAL(ended, 1);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, count_destroy, &ended, NULL), 0);
    pass();
    CU_ASSERT_EQUAL(ended, 2);
    tear_down();
}

/* A team works on though its coordinator has gone: what was accepted is performed, more is
 * accepted, and it ends. */
TEST(a_team_works_on_without_its_coordinator)
{
    struct note notes[6];
    set_up(notes, 6);
    submit(notes, 4);
    pass();
    CU_ASSERT_EQUAL(made_count, 2);
    reactor = tw_reactor_unref(reactor);
    submit(notes + 4, 2);
    perform_all();
    check_all(notes, 6);
    CU_ASSERT_EQUAL(tw_team_quit(team), 0);
    CU_ASSERT_EQUAL(ended, 1);
    tear_down();
}

/* What had been posted when the coordinator went is done then. */
TEST(what_was_posted_is_done_when_the_coordinator_goes)
{
    struct note notes[3];
    set_up(notes, 3);
    submit(notes, 3);
    CU_ASSERT_EQUAL(made_count, 0);
    reactor = tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(made_count, 2);
    perform_all();
    check_all(notes, 3);
    tear_down();
    CU_ASSERT_EQUAL(ended, 1);
}

/* One step at a time without it too: what the create function asks of its team takes effect
 * afterwards. */
TEST(one_step_at_a_time_without_the_coordinator)
{
    struct note notes[2];
    set_up(notes, 2);
    reactor = tw_reactor_unref(reactor);
    submitted_when_asked = &notes[1];
    submit(notes, 1);
    CU_ASSERT_PTR_NULL(submitted_when_asked);
    CU_ASSERT_EQUAL(made_count, 2);
    perform_all();
    check_all(notes, 2);
    tear_down();
    CU_ASSERT_EQUAL(ended, 1);
}
