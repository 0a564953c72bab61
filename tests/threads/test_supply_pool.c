/*
 * The supply pool: its one formula, and its pullers' steps in every order.
 */
#include "by_hand.h"
#include <twine/base/memory_internal.h>
#include <twine/threads/supply_pool_internal.h>

SUITE("supply pool")

enum { MOST = 8 };

/* --- a supply, and a worker below whose pullers are stepped by hand --------------------------- */

static struct note notes[MOST];
static struct note *list[64]; /* the supply, oldest first */
static size_t in_list, takes, empty_takes;
static struct tw__puller *started[64]; /* those that are out */
static size_t out;
static int refusal, destroyed;
static void (*when_taken)(void); /* what happens between the supply and the pool, or NULL */
static struct tw_supply_pool *pool;
static struct tw_worker below;

static struct tw_task *take(void *arg)
{
    struct note *note;
    CU_ASSERT_PTR_EQUAL(arg, &in_list);
    takes++;
    empty_takes += in_list == 0;
    if (in_list == 0)
        return NULL;
    note = list[0];
    memmove(list, list + 1, --in_list * sizeof list[0]);
    if (when_taken)
        when_taken();
    return &note->task;
}

static size_t count(void *arg)
{
    return *(size_t *)arg;
}

static const struct tw_supply_ops counting = {sizeof counting, take, count};
static const struct tw_supply_ops not_counting = {sizeof not_counting, take, NULL};

static int below_submit(struct tw_worker *worker, struct tw_task *task)
{
    (void)worker;
    if (refusal)
        return refusal;
    started[out++] = TW_CONTAINER(task, struct tw__puller, node);
    return 0;
}

static int no_cancel(struct tw_worker *worker, struct tw_task *task)
{
    (void)worker;
    (void)task;
    return -EALREADY;
}

static int no_quit(struct tw_worker *worker)
{
    (void)worker;
    return 0;
}

static void no_last_unref(struct tw_worker *worker)
{
    (void)worker;
}

static const struct tw_worker_ops below_ops = {
    sizeof below_ops,     "by hand",    0, below_submit, no_cancel, no_quit, tw_worker_enter_none,
    tw_worker_leave_none, no_last_unref};

static void note_destroyed(void *arg)
{
    CU_ASSERT_PTR_EQUAL(arg, &in_list);
    destroyed++;
}

static void start(size_t limit, const struct tw_supply_ops *ops)
{
    notes_init(notes, MOST);
    in_list = takes = empty_takes = out = 0;
    refusal = destroyed = 0;
    when_taken = NULL;
    tw_worker_init(&below, &below_ops);
    CU_ASSERT_EQUAL_FATAL(tw_supply_pool_new(&below, limit, ops, &in_list, note_destroyed, &pool),
                          0);
}

/* One step of one of those that are out. */
static void step(size_t which)
{
    if (!tw__puller_step(started[which]))
        memmove(started + which, started + which + 1, (--out - which) * sizeof started[0]);
}

static void run(void)
{
    while (out)
        step(0);
}

static void put(struct note *note)
{
    list[in_list++] = note;
}

static void add(int from, int to)
{
    int i;
    for (i = from; i < to; i++)
        put(&notes[i]);
    CU_ASSERT_EQUAL(tw_supply_pool_added(pool, (size_t)(to - from)), 0);
}

static struct tw_supply_pool_numbers now(void)
{
    struct tw_supply_pool_numbers statistics = {sizeof statistics, 0, 0, 0, 0, 0};
    CU_ASSERT_EQUAL(tw_supply_pool_statistics(pool, &statistics), 0);
    return statistics;
}

#define CHECK_NOW(expected_live, expected_free)               \
    do {                                                      \
        CU_ASSERT_EQUAL(now().live, (expected_live));         \
        CU_ASSERT_EQUAL(now().free, (size_t)(expected_free)); \
    } while (0)

static void stop(void)
{
    pool = tw_supply_pool_unref(pool);
    run();
    CU_ASSERT_EQUAL(destroyed, 1);
}

/* --- the formula ------------------------------------------------------------------------------ */

/* R12: shortage is the smaller of "tasks that no free worker will take" and "workers that there may
 * still be", and never below nothing: for all small numbers. */
TEST(R12_shortage)
{
    int tasks, free_ones, limit, live, wrong = 0;
    for (tasks = 0; tasks < 9; tasks++)
        for (free_ones = 0; free_ones < 9; free_ones++)
            for (limit = 0; limit < 9; limit++)
                for (live = 0; live < 9; live++) {
                    int wanted = tasks - free_ones, allowed = limit - live;
                    int least = wanted < allowed ? wanted : allowed;
                    size_t is =
                        tw__shortage((size_t)tasks, (size_t)free_ones, (size_t)limit, (size_t)live);
                    wrong += is != (size_t)(least < 0 ? 0 : least);
                }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(tw__shortage(SIZE_MAX, 0, SIZE_MAX, 1), SIZE_MAX - 1);
}

/* --- adding ----------------------------------------------------------------------------------- */

static void check_burst(const struct tw_supply_ops *ops)
{
    int i;
    start(3, ops);
    add(0, 2);
    CU_ASSERT_EQUAL(out, 2);
    CHECK_NOW(2, 2);
    add(2, 5);
    CU_ASSERT_EQUAL(out, 3);
    CHECK_NOW(3, 3);
    run();
    for (i = 0; i < 5; i++)
        CHECK_NOTE(&notes[i], 0);
    CHECK_NOW(0, 0);
    CU_ASSERT_EQUAL(now().started, 3);
    add(5, 6); /* they can be started again */
    CU_ASSERT_EQUAL(out, 1);
    run();
    CHECK_NOTE(&notes[5], 0);
    stop();
}

/* A burst starts as many workers as are short at once, and no more; told one by one, too. */
TEST(adding_starts_as_many_as_are_short)
{
    check_burst(&counting);
    check_burst(&not_counting);
}

/* A free worker is counted on: what is added before it has looked starts no other. */
TEST(a_free_worker_is_counted_on)
{
    start(3, &not_counting);
    add(0, 1);
    step(0); /* it has taken, and has not marked itself */
    step(0);
    CHECK_NOW(1, 0);
    step(0); /* it has worked, and will look again */
    CHECK_NOW(1, 1);
    add(1, 2);
    CU_ASSERT_EQUAL(out, 1);
    run();
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(now().started, 1);
    stop();
}

static void slip_in(void)
{
    when_taken = NULL;
    add(1, 2);
}

static void check_slip_in(const struct tw_supply_ops *ops)
{
    start(2, ops);
    when_taken = slip_in;
    add(0, 1);
    step(0);                 /* it takes, and a task slips in before it has marked itself */
    step(0);                 /* so when it marks itself ... */
    CU_ASSERT_EQUAL(out, 2); /* ... another comes for that one */
    run();
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[1], 0);
    stop();
}

/* What slips in while a worker takes a task is come for at once, not when that worker is done. */
TEST(work_that_slips_in_while_a_worker_takes)
{
    check_slip_in(&counting);
    check_slip_in(&not_counting);
}

/* What slips in while a worker is about to leave is taken by it. */
TEST(work_that_slips_in_while_a_worker_leaves)
{
    start(1, &not_counting);
    add(0, 1);
    step(0);
    step(0);
    step(0); /* it has worked */
    step(0); /* it has found nothing */
    add(1, 2);
    CU_ASSERT_EQUAL(out, 1);
    run();
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(now().started, 1);
    stop();
}

/* Tasks may leave the supply in other ways. Without an op that counts a worker may be started for
 * nothing, once, and then the number is right again. */
TEST(tasks_that_leave_in_other_ways)
{
    start(4, &not_counting);
    add(0, 1);
    in_list = 0;
    run();
    CHECK_NOT_CALLED(&notes[0]);
    CHECK_NOW(0, 0);
    add(1, 2);
    CU_ASSERT_EQUAL(out, 1);
    run();
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(now().started, 2);
    stop();
}

/* A worker that leaves sets the number right, but for a task that another has taken and not marked
 * yet: so it does not fall too low, and what is added next is come for. */
TEST(one_leaves_while_another_takes)
{
    start(2, &not_counting);
    add(0, 3);
    in_list--; /* one leaves in another way */
    step(0);
    step(0);
    step(0); /* the first has worked, and will look again */
    step(1); /* the second has taken */
    step(0);
    step(0); /* the first has found nothing, and left */
    CU_ASSERT_EQUAL(out, 1);
    step(0); /* the second marks itself */
    CU_ASSERT_EQUAL(out, 1);
    add(3, 4);
    CU_ASSERT_EQUAL(out, 2);
    run();
    CHECK_NOTE(&notes[3], 0);
    stop();
}

static void deliver_and_add(struct note *note)
{
    tw_task_delivers(&note->task);
    CHECK_NOW(1, 1);
    add(1, 2);
}

/* R14: a worker is free from its task's delivery on, so what that adds starts no other. */
TEST(R14_free_before_the_delivery)
{
    start(4, &not_counting);
    note_init(&notes[0], deliver_and_add, NULL);
    add(0, 1);
    run();
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(now().started, 1);
    stop();
}

/* --- the limit, and the end ------------------------------------------------------------------- */

/* Raised, the limit starts those that are short; lowered, those too many leave after their task. */
TEST(the_limit_can_be_changed)
{
    int i;
    start(0, &not_counting);
    add(0, 8);
    CU_ASSERT_EQUAL(out, 0);
    CU_ASSERT_EQUAL(tw_supply_pool_set_limit(pool, 3), 0);
    CU_ASSERT_EQUAL(out, 3);
    for (i = 0; i < 3; i++) {
        step((size_t)i);
        step((size_t)i); /* busy */
    }
    CU_ASSERT_EQUAL(tw_supply_pool_set_limit(pool, 1), 0);
    for (i = 0; i < 3; i++)
        step((size_t)i);
    CU_ASSERT_EQUAL(now().free, 1);
    CU_ASSERT_EQUAL(tw_supply_pool_set_limit(pool, 2), 0); /* two are about to go still */
    CU_ASSERT_EQUAL(out, 3);
    step(0);
    CU_ASSERT_EQUAL(out, 2); /* one has gone */
    step(0);
    CU_ASSERT_EQUAL(out, 2); /* one has gone, one has come in its place */
    CHECK_NOW(2, 2);
    run();
    for (i = 0; i < 8; i++)
        CHECK_NOTE(&notes[i], 0);
    stop();
}

/* After quit nothing can be told, and what the supply has is worked off; then its argument goes. */
TEST(quit_works_off_what_is_there)
{
    start(2, &counting);
    add(0, 5);
    CU_ASSERT_EQUAL(tw_supply_pool_quit(pool), 0);
    CU_ASSERT_EQUAL(tw_supply_pool_quit(pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_supply_pool_added(pool, 1), -ESHUTDOWN);
    run();
    CHECK_NOTE(&notes[4], 0);
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_PTR_EQUAL(tw_supply_pool_ref(pool), pool);
    tw_supply_pool_unref(pool);
    pool = tw_supply_pool_unref(pool);
}

/* With no worker, what the supply has stays in it. */
TEST(quit_without_a_worker_leaves_it)
{
    start(0, &counting);
    add(0, 1);
    stop();
    CHECK_NOT_CALLED(&notes[0]);
}

/* If no worker can be started and there is none, who told hears of it, and the next call tries
 * again; as long as there is one, that one comes. */
TEST(a_worker_that_cannot_be_started)
{
    start(2, &not_counting);
    refusal = -EAGAIN;
    put(&notes[0]);
    CU_ASSERT_EQUAL(tw_supply_pool_added(pool, 1), -EAGAIN);
    CHECK_NOW(0, 0);
    CU_ASSERT_EQUAL(now().failed_starts, 1);
    refusal = 0;
    put(&notes[1]);
    CU_ASSERT_EQUAL(tw_supply_pool_added(pool, 1), 0);
    CU_ASSERT_EQUAL(out, 2);
    step(0);
    step(0);
    step(1);
    step(1); /* both busy */
    run();
    add(2, 3);
    step(0);
    step(0);
    refusal = -ENOMEM;
    add(3, 4);
    CHECK_NOW(1, 0);
    run();
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOTE(&notes[3], 0);
    refusal = -ESHUTDOWN;
    CU_ASSERT_EQUAL(tw_supply_pool_added(pool, 1), -ESHUTDOWN);
    stop();
}

/* Over a memory worker: a puller is one task of it, that goes on until the supply is empty. */
TEST(a_puller_is_one_task_below)
{
    struct tw_worker *memory = NULL;
    start(2, &counting);
    tw_supply_pool_unref(pool);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&memory), 0);
    CU_ASSERT_EQUAL_FATAL(tw_supply_pool_new(memory, 2, &counting, &in_list, NULL, &pool), 0);
    add(0, 3);
    CHECK_NOW(2, 2);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(memory), 1);
    CHECK_NOTE(&notes[2], 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(memory), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(memory), 0);
    CHECK_NOW(0, 0);
    pool = tw_supply_pool_unref(pool);
    tw_worker_unref(memory);
}

/* A worker below that gives its pullers up takes nothing out of the supply. */
TEST(below_gives_its_pullers_up)
{
    struct hand hand;
    start(2, &counting);
    tw_supply_pool_unref(pool);
    CU_ASSERT_EQUAL_FATAL(hand_start(&hand, tw_lock_worker_new, 0), 0); /* no worker, ever */
    CU_ASSERT_EQUAL_FATAL(
        tw_supply_pool_new(tw_team_worker(hand.team), 2, &counting, &in_list, NULL, &pool), 0);
    add(0, 3);
    CHECK_NOW(2, 2);
    CU_ASSERT_EQUAL(tw_team_quit(hand.team), 0);
    CHECK_NOW(0, 0);
    CU_ASSERT_EQUAL(in_list, 3);
    CHECK_NOT_CALLED(&notes[0]);
    pool = tw_supply_pool_unref(pool);
    hand_end(&hand);
}

/* --- every order ------------------------------------------------------------------------------ */

/* Two adders, each of two steps: put, tell. And two pullers at most. At each point any of them may
 * take its next step; every sequence of such choices is played from the start. */
static struct {
    unsigned char choices[64], options[64]; /* what is chosen at each point, out of how many */
    size_t depth;
} game;

static size_t choose(size_t options)
{
    size_t at = game.depth++;
    game.options[at] = (unsigned char)options;
    return game.choices[at];
}

/* To the next sequence. false: all have been played. */
static bool next_game(void)
{
    while (game.depth > 0) {
        size_t at = game.depth - 1;
        if (game.choices[at] + 1 < game.options[at]) {
            game.choices[at]++;
            memset(game.choices + game.depth, 0, sizeof game.choices - game.depth);
            game.depth = 0;
            return true;
        }
        game.depth = at;
    }
    return false;
}

enum { ADDERS = 2 };
static struct adder {
    int steps;    /* taken so far: 0 puts, 1 tells */
    int from, to; /* its notes */
} adders[ADDERS];

static void adder_step(struct adder *adder)
{
    int i;
    if (adder->steps++ == 0)
        for (i = adder->from; i < adder->to; i++)
            put(&notes[i]);
    else
        CU_ASSERT_EQUAL(tw_supply_pool_added(pool, (size_t)(adder->to - adder->from)), 0);
}

static size_t untold(void)
{
    size_t i, n = 0;
    for (i = 0; i < ADDERS; i++)
        if (adders[i].steps == 1)
            n += (size_t)(adders[i].to - adders[i].from);
    return n;
}

static bool somebody_is_to_mark(void)
{
    size_t i;
    for (i = 0; i < out; i++)
        if (started[i]->phase == PULLER_MARK)
            return true;
    return false;
}

/* Whatever was told, and is not believed to be on its way, has a worker coming or all are busy. */
static bool is_come_for(void)
{
    struct tw_supply_pool_numbers books = now();
    size_t told = in_list > untold() ? in_list - untold() : 0;
    return somebody_is_to_mark() || tw__shortage(told, books.free, books.limit, books.live) == 0;
}

/* One game. Returns whether all went well. */
static bool play(size_t limit, const struct tw_supply_ops *ops, const int sizes[ADDERS])
{
    bool is_well = true;
    int i, tasks = 0;
    start(limit, ops);
    for (i = 0; i < ADDERS; i++) {
        adders[i].steps = 0;
        adders[i].from = tasks;
        adders[i].to = tasks += sizes[i];
    }
    for (;;) {
        struct adder *ready[ADDERS];
        size_t n = 0, chosen;
        for (i = 0; i < ADDERS; i++)
            if (adders[i].steps < 2)
                ready[n++] = &adders[i];
        if (n + out == 0)
            break;
        chosen = choose(n + out);
        if (chosen < n)
            adder_step(ready[chosen]);
        else
            step(chosen - n);
        is_well &= is_come_for() && out <= limit;
    }
    for (i = 0; i < tasks; i++)
        is_well &= notes[i].calls == 1 && notes[i].status == 0;
    is_well &= now().live == 0 && now().free == 0;
    tw_supply_pool_unref(pool);
    return is_well;
}

static void play_all(size_t limit, const struct tw_supply_ops *ops, int first, int second,
                     size_t expected)
{
    const int sizes[ADDERS] = {first, second};
    size_t games = 0, lost = 0;
    memset(&game, 0, sizeof game);
    do {
        lost += !play(limit, ops, sizes);
        games++;
    } while (next_game());
    CU_ASSERT_EQUAL(lost, 0);
    CU_ASSERT_EQUAL(games, expected);
}

/* In every order of two adders' and two pullers' steps each task runs once, and none that was told
 * waits while a worker could be had for it. */
TEST(every_order_with_an_op_that_counts)
{
    play_all(1, &counting, 1, 1, 102);
    play_all(2, &counting, 1, 1, 53542);
}

TEST(every_order_without_one)
{
    play_all(1, &not_counting, 1, 1, 102);
    play_all(1, &not_counting, 2, 1, 159);
    play_all(2, &not_counting, 1, 1, 3758);
    if (harness_long())
        play_all(2, &not_counting, 2, 1, 771155);
}

/* --- misuse, and short of memory -------------------------------------------------------------- */

TEST(bad_arguments_are_refused)
{
    static const struct tw_supply_ops bad = {0, take, NULL}, without = {sizeof without, NULL, NULL};
    struct tw_supply_pool_numbers unset = {0, 0, 0, 0, 0, 0};
    struct tw_supply_pool *none = NULL;
    int gone = 0;
    start(1, &counting);
    PROVOKE(tw_supply_pool_new(NULL, 1, &counting, &gone, count_destroy, &none));
    PROVOKE(tw_supply_pool_new(&below, 1, NULL, &gone, count_destroy, &none));
    PROVOKE(tw_supply_pool_new(&below, 1, &bad, &gone, count_destroy, &none));
    PROVOKE(tw_supply_pool_new(&below, 1, &without, &gone, count_destroy, &none));
    PROVOKE(tw_supply_pool_new(&below, 1, &counting, &gone, count_destroy, NULL));
    CU_ASSERT_EQUAL(gone, 5);
    PROVOKE(tw_supply_pool_added(NULL, 1));
    PROVOKE(tw_supply_pool_set_limit(NULL, 1));
    PROVOKE(tw_supply_pool_quit(NULL));
    PROVOKE(tw_supply_pool_statistics(pool, &unset));
    CU_ASSERT_PTR_NULL(tw_supply_pool_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_supply_pool_unref(NULL));
    CU_ASSERT_EQUAL(tw_supply_pool_set_limit(pool, SIZE_MAX), -ENOMEM);
    CU_ASSERT_EQUAL(now().limit, 1);
    stop();
}

SWEEP(short_of_memory)
{
    int gone = 0, rc;
    notes_init(notes, MOST);
    in_list = out = 0;
    refusal = 0;
    tw_worker_init(&below, &below_ops);
    rc = tw_supply_pool_new(&below, 1, &not_counting, &in_list, NULL, &pool);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    if (rc >= 0) {
        add(0, 4);
        rc = tw_supply_pool_set_limit(pool, 3);
        CU_ASSERT_EQUAL(out, rc < 0 ? 1 : 3);
        run();
        CU_ASSERT_EQUAL(notes_called, 4);
        tw_supply_pool_unref(pool);
    }
    rc = tw_supply_pool_new(&below, 1, &not_counting, &gone, count_destroy, &pool);
    CU_ASSERT_EQUAL(gone, rc < 0);
    if (rc >= 0)
        tw_supply_pool_unref(pool);
    CU_ASSERT_EQUAL(gone, 1);
}
