/*
 * A team's books, stepped through every order in which three workers can come to them.
 *
 * The coordinator and the workers are memory workers, so that nothing happens but the steps taken
 * here. Each worker takes four:
 *
 *     1, 3    it performs what is in its queue: a task, which it then says it has finished
 *     2, 4    the books are stepped once: whatever has been posted is done
 *
 * (or nothing, if there is nothing to do). So the books hear of one worker, or of several at once,
 * in each order there is: 12! / (4!)^3 = 34,650. Some tasks are long ones: the books are stepped
 * while they run, too. After each step all that is promised is looked at:
 *
 *     R9      no task is called twice; in the end each was called once
 *     order   those that have left the backlog are always the ones submitted first
 *     counts  every worker that is not quit is idle, busy or coming; every task accepted waits, is
 *             with a busy worker, or is over
 *     wakes   a worker that is woken finds a task; one is woken at a time; if tasks wait beside an
 *             idle worker, another is on its way
 */
#include "by_hand.h"
#include <twine/threads/team_internal.h>

SUITE("team interleavings")

enum { WORKERS = 3, STEPS = 4, LENGTH = WORKERS * STEPS, FEW = 3, MORE = 5, TASKS = MORE + 4 };

/* Every order is tried; with a sanitizer, for which each costs ten times as much, one in EACH. */
enum { EACH = HARNESS_SANITIZED ? 16 : 1 };

/* What is thrown in besides, at one place of the order. */
enum disturbance { NOTHING, QUIT, SHRINK, SHRINK_TO, GROW, CANCEL, DISTURBANCES };

struct table {
    struct hand hand;
    struct note notes[TASKS];
    int answers[TASKS];         /* to the submit of each */
    bool is_cancelled[TASKS];   /* by an answer of 0 */
    bool was_idle[MAX_MADE];    /* that worker, before what it has in its queue */
    size_t submitted, accepted; /* so far */
    size_t called;              /* fn's so far */
    size_t over, performed;     /* those that have come to their end; with status 0 */
    const char *wrong;          /* the first thing that was; NULL */
    /* When the books were stepped last: what they had heard of. */
    struct {
        size_t accepted, over, performed;
        uint64_t wakes;
    } heard;
};

/* Over all orders: that there was something to be seen at all. */
static struct {
    size_t orders, wakes, most_at_once, given_up;
} seen;

#define EXPECT(table, condition, otherwise)  \
    do {                                     \
        if (!(condition) && !(table)->wrong) \
            (table)->wrong = (otherwise);    \
    } while (0)

/* --- the tasks -------------------------------------------------------------------------------- */

static void submit_next(struct table *table)
{
    size_t i = table->submitted++;
    table->answers[i] = tw_team_submit(table->hand.team, &table->notes[i].task);
    table->accepted += table->answers[i] == 0;
}

/* As hand_books(), without an assertion of the framework's for each of some millions. */
static struct tw_statistics read_books(const struct table *table)
{
    struct tw_statistics books = {.size = sizeof books};
    tw_team_statistics(table->hand.team, &books);
    return books;
}

/* How many have left the backlog: all that the books have heard of, but those that wait there. */
static size_t left_backlog(const struct table *table)
{
    return table->heard.accepted - read_books(table).backlog;
}

/* --- the steps -------------------------------------------------------------------------------- */

/* How many workers that were idle have got a task, and have not come upon it. */
static size_t on_their_way(const struct table *table)
{
    size_t i, count = 0;
    for (i = 0; i < table->hand.count; i++)
        count += table->was_idle[i] && table->hand.made[i].submits > table->hand.made[i].performed;
    return count;
}

static void note_the_idle(struct table *table)
{
    const struct slot *slot;
    size_t i;
    for (slot = table->hand.team->coord.idle.first; slot; slot = slot->next)
        for (i = 0; i < table->hand.count; i++)
            table->was_idle[i] |= slot->worker == &table->hand.made[i].base;
}

static void step_books(struct table *table)
{
    size_t news = table->over - table->heard.over;
    uint64_t wakes;
    note_the_idle(table);
    if (!hand_step(&table->hand))
        return;
    if (news > seen.most_at_once)
        seen.most_at_once = news;
    wakes = read_books(table).wakes;
    EXPECT(table, wakes <= table->heard.wakes + 1 && on_their_way(table) <= 1,
           "two were woken at once");
    table->heard.accepted = table->accepted;
    table->heard.over = table->over;
    table->heard.performed = table->performed;
    table->heard.wakes = wakes;
}

/* The first task submits three more, so that one waits while another is on its way; the fifth
 * one. */
static void note_call(struct note *note)
{
    struct table *table = (struct table *)note->arg;
    size_t number = (size_t)(note - table->notes), more;
    table->called++;
    EXPECT(table, note->calls == 1, "a task was called twice");
    EXPECT(table, table->answers[number] == 0, "a task that was refused was called");
    EXPECT(table, note->status != 0 || number < left_backlog(table),
           "a task was performed before one that was submitted earlier had left the backlog");
    for (more = number == 0 ? 3 : number == 4; more > 0; more--)
        submit_next(table);
    if (number % 2 == 1 || number >= MORE)
        step_books(table);
    table->over++;
    table->performed += note->status == 0;
}

static void step_worker(struct table *table, size_t index)
{
    size_t before = table->called;
    bool is_start = table->hand.answer == TW_CREATED_COMING && index < table->hand.count &&
                    table->hand.made[index].performed == 0; /* it only says that it has come */
    if (index >= table->hand.count)
        return;
    table->was_idle[index] = false;
    if (hand_perform(&table->hand, index))
        EXPECT(table, table->called == before + !is_start, "a worker was woken for nothing");
}

static void check(struct table *table)
{
    struct tw_statistics books = read_books(table);
    size_t i, live = 0;
    for (i = 0; i < table->hand.count; i++)
        live += table->hand.made[i].quits == 0;
    EXPECT(table, books.idle + books.busy + books.coming == live,
           "a worker is counted twice, or not at all");
    EXPECT(table, books.backlog + books.busy + table->heard.over == table->heard.accepted,
           "a task is counted twice, or not at all");
    EXPECT(table, books.finished == table->heard.performed, "what is finished is miscounted");
    EXPECT(table, !books.backlog || !books.idle || table->hand.team->coord.is_waking,
           "tasks wait, a worker is idle, and none is on its way");
    EXPECT(table, table->hand.team->coord.to_shrink <= books.busy + books.coming,
           "more is owed to a shrink than there are to pay it");
}

static void take_step(struct table *table, size_t worker, size_t number)
{
    if (number % 2 == 0)
        step_worker(table, worker);
    else
        step_books(table);
    check(table);
}

/* --- one order -------------------------------------------------------------------------------- */

static void begin(struct table *table, size_t tasks, int answer)
{
    size_t i;
    memset(table, 0, sizeof *table);
    notes_called = 0;
    for (i = 0; i < TASKS; i++)
        note_init(&table->notes[i], note_call, table);
    CU_ASSERT_EQUAL_FATAL(hand_start(&table->hand, tw_memory_worker_new, WORKERS), 0);
    table->hand.answer = answer;
    while (table->submitted < tasks)
        submit_next(table);
    step_books(table);
    check(table);
}

static void disturb(struct table *table, enum disturbance what, uint64_t *random)
{
    struct tw_team *team = table->hand.team;
    size_t n = (size_t)(harness_random(random) % (what == CANCEL ? TASKS : WORKERS + 1));
    switch (what) {
    case QUIT:
        EXPECT(table, tw_team_quit(team) == 0, "quit was refused");
        break;
    case SHRINK:
        EXPECT(table, tw_team_shrink(team, n ? n : TW_TEAM_ALL) == 0, "shrink was refused");
        break;
    case SHRINK_TO:
        EXPECT(table, tw_team_shrink_to(team, n) == 0, "shrink_to was refused");
        break;
    case GROW:
        EXPECT(table, tw_team_grow(team, n) == 0, "grow was refused");
        break;
    case CANCEL:
        table->is_cancelled[n] = tw_team_cancel(team, &table->notes[n].task) == 0;
        EXPECT(table,
               table->is_cancelled[n] ==
                   (n < table->submitted && table->answers[n] == 0 && table->notes[n].calls == 0),
               "a cancel was answered wrongly");
        break;
    case NOTHING:
    case DISTURBANCES:
        break;
    }
}

/* In turn, until nothing happens any more. */
static void finish(struct table *table)
{
    size_t round, i;
    for (round = 0; round < 2 * TASKS; round++) {
        step_books(table);
        check(table);
        for (i = 0; i < table->hand.count; i++) {
            step_worker(table, i);
            check(table);
        }
    }
    EXPECT(table, table->called == table->accepted, "a task was never called");
    EXPECT(table, !read_books(table).busy, "a worker is busy with nothing");
    seen.wakes += (size_t)read_books(table).wakes;
    for (i = 0; i < table->submitted; i++) {
        int status = table->notes[i].status;
        EXPECT(table, status == (table->is_cancelled[i] ? -ECANCELED : 0), "a wrong status");
        seen.given_up += status != 0;
    }
}

static void print_order(const struct table *table, const unsigned char *order, int what, size_t at)
{
    size_t i;
    printf("\n    %s; the order: ", table->wrong);
    for (i = 0; i < LENGTH; i++)
        printf("%s%c", what != NOTHING && i == at ? "!" : "", 'A' + order[i]);
    printf(", disturbance %d\n", what);
}

/* Returns whether everything was as it should be. */
static bool try_order(const unsigned char *order, size_t tasks, int answer, enum disturbance what,
                      uint64_t *random)
{
    static struct table table;
    size_t i, taken[WORKERS] = {0}, at = (size_t)(harness_random(random) % LENGTH);
    begin(&table, tasks, answer);
    for (i = 0; i < LENGTH; i++) {
        if (i == at)
            disturb(&table, what, random);
        take_step(&table, order[i], taken[order[i]]++);
    }
    finish(&table);
    hand_end(&table.hand);
    if (table.wrong)
        print_order(&table, order, (int)what, at);
    return !table.wrong;
}

/* --- all orders ------------------------------------------------------------------------------- */

/* The next order, by the alphabet; false after the last. */
static bool next_order(unsigned char *order)
{
    size_t i = LENGTH - 1, k = LENGTH - 1, low, high;
    unsigned char letter;
    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    while (order[k] <= order[i - 1])
        k--;
    letter = order[i - 1];
    order[i - 1] = order[k];
    order[k] = letter;
    for (low = i, high = LENGTH - 1; low < high; low++, high--) {
        letter = order[low];
        order[low] = order[high];
        order[high] = letter;
    }
    return true;
}

/* With so many tasks at first. Stops at the first order that is not right. */
static void try_all(size_t tasks, int answer, enum disturbance from, enum disturbance below)
{
    unsigned char order[LENGTH];
    uint64_t random = harness_seed();
    size_t i;
    bool is_right = true;
    memset(&seen, 0, sizeof seen);
    for (i = 0; i < LENGTH; i++)
        order[i] = (unsigned char)(i / STEPS);
    do {
        unsigned what = (unsigned)from + (unsigned)(harness_random(&random) % (below - from));
        if (seen.orders++ % EACH == 0)
            is_right = try_order(order, tasks, answer, (enum disturbance)what, &random);
    } while (is_right && next_order(order));
    CU_ASSERT_TRUE(is_right);
    CU_ASSERT_EQUAL(seen.orders, 34650);
    CU_ASSERT_TRUE(seen.wakes > 0);
    CU_ASSERT_TRUE(seen.most_at_once >= WORKERS);
}

/* R9, R13: every order of three workers that are there at once, when each has a task and one of
 * them brings more: some are idle, and woken. */
TEST(every_order_of_three_workers)
{
    try_all(FEW, TW_CREATED_READY, NOTHING, QUIT);
    CU_ASSERT_EQUAL(seen.given_up, 0);
}

/* TEA-009, TEA-010, TEA-011: the same when tasks wait from the start. */
TEST(every_order_of_three_workers_with_a_backlog)
{
    try_all(MORE, TW_CREATED_READY, NOTHING, QUIT);
    CU_ASSERT_EQUAL(seen.given_up, 0);
}

/* The same with workers whose threads have still to come up. */
TEST(every_order_of_three_workers_that_come_later)
{
    try_all(FEW, TW_CREATED_COMING, NOTHING, QUIT);
    CU_ASSERT_EQUAL(seen.given_up, 0);
}

/* TEA-033: the same, while at a place chosen by the seed the team is quit, shrunk or grown, or a
 * task is cancelled. */
TEST(every_order_with_something_thrown_in)
{
    try_all(MORE, TW_CREATED_READY, QUIT, DISTURBANCES);
    CU_ASSERT_TRUE(seen.given_up > 0);
    try_all(FEW, TW_CREATED_COMING, QUIT, DISTURBANCES);
    CU_ASSERT_TRUE(seen.given_up > 0);
}
