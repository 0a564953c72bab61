/*
 * The pool, as far as it goes without a thread: one whose limit is 0 never starts any.
 * tests/stress has the rest.
 */
#include "by_hand.h"

SUITE("pool")

static struct tw_pool *start(struct note *notes, size_t count)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(0, NULL, &pool), 0);
    notes_init(notes, count);
    return pool;
}

static struct tw_pool *start_with_work(struct note *notes, size_t count)
{
    struct tw_pool *pool = start(notes, count);
    size_t i;
    for (i = 0; i < count; i++)
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[i].task), 0);
    return pool;
}

static size_t backlog(struct tw_pool *pool)
{
    struct tw_statistics books;
    memset(&books, 0, sizeof books);
    books.size = sizeof books;
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &books), 0);
    CU_ASSERT_EQUAL(books.idle + books.busy + books.coming, 0);
    return books.backlog;
}

static void check_no_threads(void)
{
    size_t threads = 99, idle = 99;
    tw_thread_cache_statistics(&threads, &idle);
    CU_ASSERT_EQUAL(threads, 0);
    CU_ASSERT_EQUAL(idle, 0);
}

/* POL-001: a pool is a worker, not an exclusive one, and has a team. */
TEST(POL_001_a_pool_is_a_worker_and_has_a_team)
{
    struct tw_pool *pool = start(NULL, 0);
    CU_ASSERT_STRING_EQUAL(tw_worker_kind(tw_pool_worker(pool)), "pool");
    CU_ASSERT_FALSE(tw_worker_is_exclusive(tw_pool_worker(pool)));
    CU_ASSERT_PTR_NOT_NULL(tw_pool_team(pool));
    CU_ASSERT_PTR_EQUAL(tw_pool_ref(pool), pool);
    CU_ASSERT_PTR_NULL(tw_worker_unref(tw_pool_worker(pool)));
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CU_ASSERT_PTR_NULL(tw_pool_unref(pool));
}

/* No thread is made before there is work. */
TEST(an_idle_pool_has_no_thread)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(TW_POOL_LIMIT_DEFAULT, NULL, &pool), 0);
    CU_ASSERT_TRUE(tw_pool_limit(pool) > 0);
    CU_ASSERT_TRUE(tw_pool_limit(pool) < TW_POOL_LIMIT_DEFAULT);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 7), 0);
    CU_ASSERT_EQUAL(tw_pool_limit(pool), 7);
    CU_ASSERT_EQUAL(backlog(pool), 0);
    tw_pool_unref(pool);
    check_no_threads();
}

/* A pool whose limit is 0 keeps what it is given. */
TEST(limit_zero_keeps_the_work)
{
    struct note notes[3];
    struct tw_pool *pool = start_with_work(notes, 3);
    CU_ASSERT_EQUAL(tw_pool_limit(pool), 0);
    CU_ASSERT_EQUAL(backlog(pool), 3);
    CHECK_NOT_CALLED(&notes[0]);
    check_no_threads();
    tw_pool_unref(pool);
}

static void check_all_given_up(const struct note *notes, int count)
{
    int i;
    for (i = 0; i < count; i++) {
        CHECK_NOTE(&notes[i], -ESHUTDOWN);
        CU_ASSERT_EQUAL(notes[i].order, i);
    }
}

/* TPL-013, TEA-032, in twine's own way: work queued into a pool that never starts is given up when
 * it quits: each fn is called once, with -ESHUTDOWN, in order; and the pool has ended. */
TEST(quit_gives_up_what_no_thread_will_do)
{
    struct note notes[5];
    struct tw_pool *pool = start_with_work(notes, 5);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    check_all_given_up(notes, 5);
    CU_ASSERT_EQUAL(backlog(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, 0), 0);
    tw_pool_unref(pool);
    check_all_given_up(notes, 5);
}

/* Letting go of the pool quits it. */
TEST(unref_gives_up_what_no_thread_will_do)
{
    struct note notes[5];
    struct tw_pool *pool = start_with_work(notes, 5);
    tw_pool_unref(pool);
    check_all_given_up(notes, 5);
}

static void submit_the_next(struct note *note)
{
    CU_ASSERT_EQUAL(tw_pool_submit((struct tw_pool *)note->arg, &(note + 1)->task), -ESHUTDOWN);
}

/* What is submitted meanwhile, or later, is refused. */
TEST(nothing_is_accepted_after_quit)
{
    struct note notes[2];
    struct tw_pool *pool = start(notes, 2);
    note_init(&notes[0], submit_the_next, pool);
    tw_pool_submit(pool, &notes[0].task);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    CHECK_NOTE(&notes[0], -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[1].task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_submit(tw_pool_worker(pool), &notes[1].task), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_worker_quit(tw_pool_worker(pool)), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 5), -ESHUTDOWN);
    CHECK_NOT_CALLED(&notes[1]);
    tw_pool_unref(pool);
    check_no_threads();
}

/* A task that waits is cancelled at once: it is called, and the books do not count it. */
TEST(cancel_takes_a_task_out_of_the_backlog)
{
    struct note notes[3];
    struct tw_pool *pool = start_with_work(notes, 3);
    CU_ASSERT_EQUAL(tw_pool_cancel(pool, &notes[1].task), 0);
    CHECK_NOTE(&notes[1], -ECANCELED);
    CU_ASSERT_EQUAL(backlog(pool), 2);
    CU_ASSERT_EQUAL(tw_pool_cancel(pool, &notes[1].task), -EALREADY);
    CU_ASSERT_EQUAL(tw_worker_cancel(tw_pool_worker(pool), &notes[0].task), 0);
    CHECK_NOTE(&notes[0], -ECANCELED);
    tw_pool_quit(pool);
    CHECK_NOTE(&notes[2], -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_cancel(pool, &notes[2].task), -EALREADY);
    tw_pool_unref(pool);
    CHECK_NOTE(&notes[0], -ECANCELED);
}

static void cancel_the_next(struct note *note)
{
    struct tw_pool *pool = (struct tw_pool *)note->arg;
    CU_ASSERT_EQUAL(tw_pool_cancel(pool, &(note + 1)->task), -EALREADY);
}

/* A task that has been given up, and is about to be told so, cannot be cancelled. */
TEST(a_task_given_up_cannot_be_cancelled)
{
    struct note notes[5];
    struct tw_pool *pool = start_with_work(notes, 5);
    int i;
    for (i = 0; i < 4; i++) {
        notes[i].then = cancel_the_next;
        notes[i].arg = pool;
    }
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    check_all_given_up(notes, 5);
    CU_ASSERT_EQUAL(backlog(pool), 0);
    tw_pool_unref(pool);
}

/* After quit the limit stays what it was. */
TEST(the_limit_cannot_be_set_after_quit)
{
    struct tw_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(3, NULL, &pool), 0);
    CU_ASSERT_EQUAL(tw_team_quit(tw_pool_team(pool)), 0);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 7), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_limit(pool), 3);
    tw_pool_unref(pool);
}

/* A pool that is suspended gives up at quit what no thread will do, like any other. */
TEST(quit_of_a_suspended_pool)
{
    struct note notes[3];
    struct tw_pool *pool = start(notes, 3);
    CU_ASSERT_EQUAL(tw_pool_suspend(pool), 0);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[0].task), 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    check_all_given_up(notes, 1);
    CU_ASSERT_EQUAL(tw_pool_suspend(pool), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_resume(pool), -ESHUTDOWN);
    tw_pool_unref(pool);
}

/* A bound on the backlog; 0 is none, and TW_POOL_NO_BACKLOG lets nobody wait. Refusal is an answer,
 * not misuse, and the pool as a worker gives it too. */
TEST(a_bound_on_the_backlog)
{
    struct note notes[4];
    struct tw_task *both[2] = {&notes[2].task, &notes[3].task};
    struct tw_pool_options options = {.size = sizeof options, .max_backlog = 3};
    struct tw_pool *pool = NULL;
    notes_init(notes, 4);
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(0, &options, &pool), 0);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[0].task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(tw_pool_worker(pool), &notes[1].task), 0);
    CU_ASSERT_EQUAL(tw_pool_submit_many(pool, both, 2), -EAGAIN);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[2].task), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(tw_pool_worker(pool), &notes[3].task), -EAGAIN);
    CU_ASSERT_EQUAL(backlog(pool), 3);
    tw_pool_unref(pool);
    CHECK_NOT_CALLED(&notes[3]);
    options.max_backlog = TW_POOL_NO_BACKLOG;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(0, &options, &pool), 0);
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[3].task), -EAGAIN);
    tw_pool_unref(pool);
    CHECK_NOT_CALLED(&notes[3]);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Waiting for the end of a pool that nobody has quit is misuse: it might not come. So is a time
 * below 0. */
TEST(join_needs_a_quit)
{
    struct tw_pool *pool = start(NULL, 0);
    PROVOKE(tw_pool_join(pool, 0));
    PROVOKE(tw_pool_join(NULL, 0));
    tw_pool_quit(pool);
    PROVOKE(tw_pool_join(pool, -1));
    CU_ASSERT_EQUAL(tw_pool_join(pool, 0), 0);
    tw_pool_unref(pool);
}

/* The books can be read for as long as somebody holds the team, though the pool has gone. */
TEST(a_team_outlives_its_pool)
{
    struct note notes[2];
    struct tw_statistics books = {.size = sizeof books};
    struct tw_pool *pool = start_with_work(notes, 2);
    struct tw_team *team = tw_team_ref(tw_pool_team(pool));
    tw_pool_unref(pool);
    CU_ASSERT_EQUAL(tw_team_statistics(team, &books), 0);
    CU_ASSERT_EQUAL(books.given_up, 2);
    CU_ASSERT_EQUAL(books.remaining, 0);
    CU_ASSERT_EQUAL(tw_team_submit(team, &notes[0].task), -ESHUTDOWN);
    tw_team_unref(team);
}

/* A quit through its team or its worker is the pool's. */
TEST(join_after_a_quit_of_its_team)
{
    struct tw_pool *pool = start(NULL, 0);
    CU_ASSERT_FALSE(tw_team_has_quit(tw_pool_team(pool)));
    CU_ASSERT_EQUAL(tw_team_quit(tw_pool_team(pool)), 0);
    CU_ASSERT_TRUE(tw_team_has_quit(tw_pool_team(pool)));
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), -ESHUTDOWN);
    tw_pool_unref(pool);
    pool = start(NULL, 0);
    CU_ASSERT_EQUAL(tw_worker_quit(tw_pool_worker(pool)), 0);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
}

/* Who wants to be told of the end is told through the worker given, when it has come and not
 * before; several are told in the order they asked. */
TEST(notify_end_tells_when_the_end_has_come)
{
    struct note notes[3];
    struct tw_worker *worker = NULL;
    struct tw_pool *pool = start(notes, 3);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, worker, &notes[0].task), 0);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, worker, &notes[1].task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    tw_pool_quit(pool);
    CHECK_NOT_CALLED(&notes[0]);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&notes[0], 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&notes[1], 0);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, worker, &notes[2].task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&notes[2], 0);
    tw_pool_unref(pool);
    tw_worker_unref(worker);
}

/* The task is lent meanwhile, but not submitted: the worker has nothing to cancel yet. */
TEST(notify_end_cannot_be_cancelled_before_the_end)
{
    struct note note;
    struct tw_worker *worker = NULL;
    struct tw_pool *pool = start(&note, 1);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, worker, &note.task), 0);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &note.task), -EALREADY);
    PROVOKE(tw_worker_submit(worker, &note.task));
    tw_pool_unref(pool);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 0);
    CHECK_NOTE(&note, 0);
    tw_worker_unref(worker);
}

/* The worker is held meanwhile, and let go of afterwards. */
TEST(notify_end_holds_the_worker)
{
    struct note note;
    struct watched watched;
    struct tw_worker *lock = NULL;
    struct tw_pool *pool = start(&note, 1);
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    watched_init(&watched, lock);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, &watched.base, &note.task), 0);
    tw_worker_unref(&watched.base);
    CU_ASSERT_FALSE(watched.is_gone);
    tw_pool_unref(pool);
    CHECK_NOTE(&note, 0);
    CU_ASSERT_TRUE(watched.is_gone);
}

/* If the worker refuses the task, its fn gets the worker's error. */
TEST(notify_end_tells_of_a_refusal)
{
    struct note notes[2];
    struct tw_worker *worker = NULL;
    struct tw_pool *pool = start(notes, 2);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    tw_worker_quit(worker);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, worker, &notes[0].task), 0);
    CHECK_NOT_CALLED(&notes[0]);
    tw_pool_quit(pool);
    CHECK_NOTE(&notes[0], -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, worker, &notes[1].task), 0);
    CHECK_NOTE(&notes[1], -ESHUTDOWN);
    tw_worker_unref(worker);
    tw_pool_unref(pool);
}

/* --- making one ------------------------------------------------------------------------------- */

/* Options of another size than the library knows, and no place for the pool, are misuse; a long
 * name is cut. */
TEST(options_are_checked)
{
    struct tw_pool_options options;
    struct tw_pool *pool = NULL;
    memset(&options, 0, sizeof options);
    PROVOKE(tw_pool_new(1, &options, &pool));
    options.size = sizeof options + 8;
    PROVOKE(tw_pool_new(1, &options, &pool));
    PROVOKE(tw_pool_new(1, NULL, NULL));
    options.size = sizeof options;
    options.minimum = 2;
    PROVOKE(tw_pool_new(1, &options, &pool));
    options.minimum = 0;
    options.idle_time = -1;
    PROVOKE(tw_pool_new(1, &options, &pool));
    options.idle_time = 0;
    CU_ASSERT_PTR_NULL(pool);
    options.name = "a name far longer than the system keeps";
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, &options, &pool), 0);
    tw_pool_unref(pool);
}

/* R6: the hooks' argument is consumed, on error too: when the pool has ended, or at once. */
TEST(the_argument_of_the_hooks_is_consumed)
{
    int destroyed = 0;
    struct tw_pool *pool = NULL;
    struct tw_pool_options options = {
        .size = sizeof options, .hook_arg = &destroyed, .hook_destroy = count_destroy};
    PROVOKE(tw_pool_new(1, &options, NULL));
    CU_ASSERT_EQUAL(destroyed, 1);
    options.stack_size = 1;
    CU_ASSERT_EQUAL(tw_pool_new(1, &options, &pool), -EINVAL);
    CU_ASSERT_EQUAL(destroyed, 2);
    options.stack_size = 0;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(1, &options, &pool), 0);
    tw_pool_quit(tw_pool_ref(pool));
    CU_ASSERT_EQUAL(destroyed, 3);
    tw_pool_unref(pool);
    tw_pool_unref(pool);
    CU_ASSERT_EQUAL(destroyed, 3);
}

/* What is not right is refused as misuse, and NULL is no pool. */
TEST(misuse_is_refused)
{
    struct note note;
    struct tw_worker *worker = NULL;
    struct tw_pool *pool = start(&note, 1);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    PROVOKE(tw_pool_submit(NULL, &note.task));
    PROVOKE(tw_pool_submit(pool, NULL));
    PROVOKE(tw_pool_cancel(NULL, &note.task));
    PROVOKE(tw_pool_cancel(pool, NULL));
    PROVOKE(tw_pool_quit(NULL));
    PROVOKE(tw_pool_set_limit(NULL, 1));
    PROVOKE(tw_pool_set_minimum(NULL, 0));
    PROVOKE(tw_pool_set_minimum(pool, 1));
    PROVOKE(tw_pool_suspend(NULL));
    PROVOKE(tw_pool_resume(NULL));
    PROVOKE(tw_pool_set_idle_time(NULL, 0));
    PROVOKE(tw_pool_set_idle_time(pool, -1));
    CU_ASSERT_EQUAL(tw_pool_minimum(NULL), 0);
    PROVOKE(tw_pool_notify_end(NULL, worker, &note.task));
    PROVOKE(tw_pool_notify_end(pool, NULL, &note.task));
    PROVOKE(tw_pool_notify_end(pool, worker, NULL));
    CU_ASSERT_PTR_NULL(tw_pool_worker(NULL));
    CU_ASSERT_PTR_NULL(tw_pool_team(NULL));
    CU_ASSERT_PTR_NULL(tw_pool_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_pool_unref(NULL));
    tw_worker_unref(worker);
    tw_pool_unref(pool);
}

/* A pool that cannot be made is -ENOMEM and leaks nothing. One that could loses nothing: with no
 * memory for its first worker and none that lives, what waits is given up with -EAGAIN. */
SWEEP(short_of_memory)
{
    struct note notes[3];
    struct tw_pool *pool = NULL;
    int i, rc = tw_pool_new(0, NULL, &pool);
    CU_ASSERT_EQUAL(rc, harness_failed_one() ? -ENOMEM : 0);
    CU_ASSERT_EQUAL(rc == 0, pool != NULL);
    if (rc < 0)
        return;
    notes_init(notes, 3);
    for (i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &notes[i].task), 0);
    rc = tw_pool_cancel(pool, &notes[1].task);
    CU_ASSERT_EQUAL(rc, notes[1].status == -EAGAIN ? -EALREADY : 0);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), 0);
    tw_pool_unref(pool);
    for (i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(notes[i].calls, 1);
        if (notes[i].status != -EAGAIN || !harness_failed_one())
            CU_ASSERT_EQUAL(notes[i].status, i == 1 ? -ECANCELED : -ESHUTDOWN);
    }
    CU_ASSERT_TRUE(harness_reports() == 0 || harness_failed_one());
    EXPECT_REPORTS(harness_reports());
}
