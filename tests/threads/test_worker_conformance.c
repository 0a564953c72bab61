/*
 * The suite of promises, on each kind of worker that needs no thread; tests/stress and
 * tests/reactor have the others. And the suite itself: it finds what a kind does wrong.
 */
#include "../conforms.h"
#include "by_hand.h"

SUITE("worker conformance")

/* --- memory, lock, strand and limiter --------------------------------------------------------- */

static int make_memory(void *arg, struct tw_worker **ret_worker)
{
    (void)arg;
    return tw_memory_worker_new(ret_worker);
}

static void perform_all(void *arg, struct tw_worker *worker)
{
    (void)arg;
    tw_worker_ref(worker);
    while (worker && tw_memory_worker_perform(worker) > 0)
        ;
    tw_worker_unref(worker);
}

/* The memory worker gives up what waits when it goes. */
TEST(MEM_a_memory_worker_conforms)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD | TW_CONFORMANCE_GIVES_UP;
    kind.make = make_memory;
    kind.run = perform_all;
    check_conforms(&kind);
}

static int make_lock(void *arg, struct tw_worker **ret_worker)
{
    (void)arg;
    return tw_lock_worker_new(ret_worker);
}

/* The lock worker performs by itself, in submit. */
TEST(LKW_a_lock_worker_conforms)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.make = make_lock;
    check_conforms(&kind);
}

/* A strand, and what it is over. */
struct over {
    int (*make_below)(struct tw_worker **ret_worker);
    struct tw_worker *below;
};

static int make_strand(void *arg, struct tw_worker **ret_worker)
{
    struct over *over = (struct over *)arg;
    CU_ASSERT_EQUAL_FATAL(over->make_below(&over->below), 0);
    return tw_strand_new(over->below, 3, ret_worker);
}

static void run_below(void *arg, struct tw_worker *worker)
{
    (void)worker;
    perform_all(NULL, ((struct over *)arg)->below);
}

static void drop_below(void *arg)
{
    struct over *over = (struct over *)arg;
    over->below = tw_worker_unref(over->below);
}

/* A strand over a worker that is told to work. */
TEST(a_strand_over_a_memory_worker_conforms)
{
    struct over over = {tw_memory_worker_new, NULL};
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.arg = &over;
    kind.make = make_strand;
    kind.run = run_below;
    kind.end = drop_below;
    check_conforms(&kind);
}

/* A strand over a worker that works by itself, at once. */
TEST(a_strand_over_a_lock_worker_conforms)
{
    struct over over = {tw_lock_worker_new, NULL};
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.arg = &over;
    kind.make = make_strand;
    kind.end = drop_below;
    check_conforms(&kind);
}

static int make_limiter(void *arg, struct tw_worker **ret_worker)
{
    struct over *over = (struct over *)arg;
    struct tw_limiter *limiter = NULL;
    int rc;
    CU_ASSERT_EQUAL_FATAL(over->make_below(&over->below), 0);
    rc = tw_limiter_new(over->below, 2, &limiter);
    *ret_worker = tw_limiter_worker(limiter);
    return rc;
}

/* A limiter over a worker that is told to work. */
TEST(a_limiter_over_a_memory_worker_conforms)
{
    struct over over = {tw_memory_worker_new, NULL};
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.arg = &over;
    kind.make = make_limiter;
    kind.run = run_below;
    kind.end = drop_below;
    check_conforms(&kind);
}

/* A limiter over a worker that works by itself, at once. */
TEST(a_limiter_over_a_lock_worker_conforms)
{
    struct over over = {tw_lock_worker_new, NULL};
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.arg = &over;
    kind.make = make_limiter;
    kind.end = drop_below;
    check_conforms(&kind);
}

/* --- teams ------------------------------------------------------------------------------------ */

struct hand_kind {
    struct hand hand;
    make_worker_fn make_coordinator;
    int answer;
};

static int make_team(void *arg, struct tw_worker **ret_worker)
{
    struct hand_kind *own = (struct hand_kind *)arg;
    CU_ASSERT_EQUAL_FATAL(hand_start(&own->hand, own->make_coordinator, 3), 0);
    own->hand.answer = own->answer;
    *ret_worker = tw_team_worker(own->hand.team);
    return 0;
}

static void run_team(void *arg, struct tw_worker *worker)
{
    struct hand_kind *own = (struct hand_kind *)arg;
    (void)worker;
    hand_run(&own->hand);
}

static void end_team(void *arg)
{
    struct hand *hand = &((struct hand_kind *)arg)->hand;
    hand_run(hand);
    hand_check_gone(hand);
    CU_ASSERT_EQUAL(hand->coordinator.quits, 1);
    CU_ASSERT_EQUAL(hand->destroyed, 1);
    tw_worker_unref(&hand->coordinator.base);
    CU_ASSERT_TRUE(hand->coordinator.is_gone);
}

static void check_team_conforms(make_worker_fn make_coordinator, int answer)
{
    static struct hand_kind own;
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    own.make_coordinator = make_coordinator;
    own.answer = answer;
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.arg = &own;
    kind.make = make_team;
    kind.run = run_team;
    kind.end = end_team;
    check_conforms(&kind);
}

/* A team of memory workers, its books in steps. */
TEST(TEA_a_team_over_a_memory_worker_conforms)
{
    check_team_conforms(tw_memory_worker_new, TW_CREATED_READY);
    check_team_conforms(tw_memory_worker_new, TW_CREATED_COMING);
}

/* The same, its books entered. */
TEST(TEA_a_team_over_a_lock_worker_conforms)
{
    check_team_conforms(tw_lock_worker_new, TW_CREATED_READY);
    check_team_conforms(tw_lock_worker_new, TW_CREATED_COMING);
}

/* --- a kind of one's own ---------------------------------------------------------------------- */

static struct watched watched;

static int make_watched(void *arg, struct tw_worker **ret_worker)
{
    struct tw_worker *inner = NULL;
    int rc = tw_lock_worker_new(&inner);
    (void)arg;
    if (rc < 0)
        return rc;
    watched_init(&watched, inner);
    *ret_worker = &watched.base;
    return 0;
}

static void check_watched_is_gone(void *arg)
{
    (void)arg;
    CU_ASSERT_TRUE(watched.is_gone);
}

/* WRK-005: a user's own kind, which hands on to another. (It counts without a lock.) */
TEST(WRK_005_a_kind_of_ones_own_conforms)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.make = make_watched;
    kind.end = check_watched_is_gone;
    check_conforms(&kind);
}

/* --- kinds that do something wrong ------------------------------------------------------------ */

enum fault {
    NONE,
    CALLS_TWICE,
    LOSES_ONE,
    NEWEST_FIRST,
    STARTS_INSIDE,
    FORGETS_TO_ACCEPT,
    REFUSES_CANCELS,
    CANCELS_AGAIN,
    PERFORMS_WHAT_IS_CANCELLED,
    ACCEPTS_AFTER_QUIT,
    DROPS_AT_QUIT,
    QUITS_AGAIN,
    DROPS_AT_THE_END,
    ENTERS_ANYHOW,
    HAS_NO_NAME,
    CANNOT_BE_MADE
};

/* The most tasks that one worker gets in a check of one thread. */
#define MOST_TASKS 1024

/* A list in memory, with a fault. */
struct faulty {
    struct tw_worker base;
    enum fault fault;
    struct tw_task *tasks[MOST_TASKS];
    size_t next, count;
    bool has_quit, is_performing, is_dropping;
};

static void faulty_perform(struct faulty *own)
{
    size_t place = own->fault == NEWEST_FIRST ? --own->count : own->next++;
    struct tw_task *task = own->tasks[place];
    bool is_many = own->count > 200; /* so none of these frees itself */
    int status = own->is_dropping ? 0 : tw_task_take(task);
    if (own->is_dropping || (own->fault == LOSES_ONE && is_many && place == 7))
        return;
    own->is_performing = true;
    task->fn(task, own->fault == PERFORMS_WHAT_IS_CANCELLED ? 0 : status);
    if (own->fault == CALLS_TWICE && is_many && place == 7)
        task->fn(task, status);
    own->is_performing = false;
}

static int faulty_submit(struct tw_worker *worker, struct tw_task *task)
{
    struct faulty *own = (struct faulty *)worker;
    if ((own->has_quit && own->fault != ACCEPTS_AFTER_QUIT) || own->count == MOST_TASKS)
        return -ESHUTDOWN;
    if (own->fault != FORGETS_TO_ACCEPT)
        tw_task_accept(task, worker);
    own->tasks[own->count++] = task;
    if (own->fault == STARTS_INSIDE && own->is_performing)
        faulty_perform(own);
    return 0;
}

static int faulty_cancel(struct tw_worker *worker, struct tw_task *task)
{
    enum fault fault = ((struct faulty *)worker)->fault;
    int rc = fault == REFUSES_CANCELS ? -EALREADY : tw_worker_cancel_claim(worker, task);
    return fault == CANCELS_AGAIN ? 0 : rc;
}

static int faulty_quit(struct tw_worker *worker)
{
    struct faulty *own = (struct faulty *)worker;
    if (own->has_quit && own->fault != QUITS_AGAIN)
        return -ESHUTDOWN;
    own->has_quit = true;
    own->is_dropping = own->fault == DROPS_AT_QUIT;
    return 0;
}

static int faulty_enter(struct tw_worker *worker)
{
    return ((struct faulty *)worker)->fault == ENTERS_ANYHOW ? 0 : -ENOTSUP;
}

static void faulty_leave(struct tw_worker *worker)
{
    (void)worker;
}

static void faulty_last_unref(struct tw_worker *worker)
{
    struct faulty *own = (struct faulty *)worker;
    own->is_dropping |= own->fault == DROPS_AT_THE_END;
    while (own->next < own->count)
        faulty_perform(own);
    free(own);
}

static const struct tw_worker_ops faulty_ops = {
    sizeof faulty_ops, "faulty worker", TW_WORKER_EXCLUSIVE, faulty_submit,    faulty_cancel,
    faulty_quit,       faulty_enter,    faulty_leave,        faulty_last_unref};
static const struct tw_worker_ops nameless_ops = {
    sizeof nameless_ops, "",           TW_WORKER_EXCLUSIVE, faulty_submit,    faulty_cancel,
    faulty_quit,         faulty_enter, faulty_leave,        faulty_last_unref};

static int make_faulty(void *arg, struct tw_worker **ret_worker)
{
    enum fault fault = *(enum fault *)arg;
    struct faulty *own = (struct faulty *)calloc(1, sizeof *own);
    if (!own || fault == CANNOT_BE_MADE) {
        free(own);
        return -ENOMEM;
    }
    tw_worker_init(&own->base, fault == HAS_NO_NAME ? &nameless_ops : &faulty_ops);
    own->fault = fault;
    *ret_worker = &own->base;
    return 0;
}

static void run_faulty(void *arg, struct tw_worker *worker)
{
    struct faulty *own = (struct faulty *)tw_worker_ref(worker);
    (void)arg;
    while (own && own->next < own->count)
        faulty_perform(own);
    tw_worker_unref(worker);
}

/* Which checks found something. */
static char found[4096];

static void note_found(void *arg, const char *check, const char *wrong)
{
    (void)arg;
    if (wrong)
        snprintf(found + strlen(found), sizeof found - strlen(found), "[%s]", check);
}

static int find(enum fault fault)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.arg = &fault;
    kind.make = make_faulty;
    kind.run = run_faulty;
    found[0] = '\0';
    return tw_worker_conformance(&kind, note_found, NULL);
}

#define FINDS(fault, check)                                   \
    do {                                                      \
        CU_ASSERT_TRUE(find(fault) > 0);                      \
        CU_ASSERT_PTR_NOT_NULL(strstr(found, "[" check "]")); \
    } while (0)

/* Each fault is found, by the check whose business it is; without a fault nothing is. (Submitting
 * twice aborts here, and so is left out, but for the one that lets it pass.) */
TEST(the_suite_finds_what_is_wrong)
{
    CU_ASSERT_EQUAL(find(NONE), 0);
    FINDS(CALLS_TWICE, "each task is performed once");
    FINDS(LOSES_ONE, "each task is performed once");
    FINDS(NEWEST_FIRST, "tasks are performed in order");
    FINDS(STARTS_INSIDE, "a task may submit others");
    FINDS(REFUSES_CANCELS, "a task that waits can be cancelled");
    FINDS(CANCELS_AGAIN, "a task that waits can be cancelled");
    FINDS(CANCELS_AGAIN, "a cancel too early or too late says so");
    FINDS(PERFORMS_WHAT_IS_CANCELLED, "a cancel keeps its word");
    FINDS(ACCEPTS_AFTER_QUIT, "after quit the rest is refused");
    FINDS(DROPS_AT_QUIT, "quit lets what was accepted run");
    FINDS(QUITS_AGAIN, "after quit the rest is refused");
    FINDS(DROPS_AT_THE_END, "the last unref loses nothing");
    FINDS(ENTERS_ANYHOW, "to enter it is to be its task");
    FINDS(HAS_NO_NAME, "it says what it is");
    FINDS(CANNOT_BE_MADE, "each task is performed once");
}

/* A kind that does not note what it has accepted can be given a task twice. */
TEST(the_suite_finds_a_task_taken_twice)
{
    harness_misuse_begin();
    FINDS(FORGETS_TO_ACCEPT, "misuse is refused");
    harness_misuse_end();
    EXPECT_REPORTS(1);
}

/* A memory worker may only give up what waits if it says that it does. */
TEST(giving_up_has_to_be_said)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.make = make_memory;
    kind.run = perform_all;
    found[0] = '\0';
    CU_ASSERT_EQUAL(tw_worker_conformance(&kind, note_found, NULL), 1);
    CU_ASSERT_STRING_EQUAL(found, "[the last unref loses nothing]");
}

/* What has quit in secret, or says that it cannot be quit and can, is found too. */
TEST(a_quit_that_is_not_declined_is_found)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_NO_QUIT;
    kind.make = make_lock;
    found[0] = '\0';
    CU_ASSERT_EQUAL(tw_worker_conformance(&kind, note_found, NULL), 1);
    CU_ASSERT_STRING_EQUAL(found, "[quit is declined]");
}

/* A task of a worker that works by itself is lost when it has not come after a while. */
TEST(a_task_that_does_not_come_is_lost)
{
    enum fault fault = NONE;
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    kind.flags = TW_CONFORMANCE_ONE_THREAD;
    kind.arg = &fault;
    kind.make = make_faulty; /* and nobody tells it to run */
    kind.patience = 1;
    found[0] = '\0';
    CU_ASSERT_TRUE(tw_worker_conformance(&kind, note_found, NULL) > 10);
    CU_ASSERT_PTR_NOT_NULL(strstr(found, "[each task is performed once]"));
}

/* A description that is not right is refused. */
TEST(a_description_is_checked)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind};
    CU_ASSERT_EQUAL(tw_worker_conformance(NULL, NULL, NULL), -EINVAL);
    CU_ASSERT_EQUAL(tw_worker_conformance(&kind, NULL, NULL), -EINVAL);
    kind.make = make_lock;
    kind.patience = -1;
    CU_ASSERT_EQUAL(tw_worker_conformance(&kind, NULL, NULL), -EINVAL);
    kind.patience = 0;
    kind.size = 1;
    CU_ASSERT_EQUAL(tw_worker_conformance(&kind, NULL, NULL), -EINVAL);
}
