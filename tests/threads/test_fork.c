/*
 * What was made before a fork, as a child finds it. No process is forked here: the epoch is raised
 * as it is in a child, and lowered again. tests/stress has the real ones.
 */
#include "by_hand.h"
#include <twine/base/fork_internal.h>

SUITE("fork")

static void become_child(void)
{
    atomic_fetch_add(&tw__fork_count, 1);
}

static void become_parent(void)
{
    atomic_fetch_sub(&tw__fork_count, 1);
}

/* --- workers ---------------------------------------------------------------------------------- */

static struct tw_worker *below; /* of a strand and a limiter: it performs what they send it */

static int new_strand(struct tw_worker **ret_worker)
{
    return tw_strand_new(below, 0, ret_worker);
}

static int create_none(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    (void)live;
    (void)ret_worker;
    return TW_CREATED_NONE;
}

static int new_team(struct tw_worker **ret_worker)
{
    struct tw_worker *coordinator;
    struct tw_team *team;
    int rc = tw_lock_worker_new(&coordinator);
    if (rc < 0)
        return rc;
    rc = tw_team_new(coordinator, create_none, NULL, NULL, &team);
    tw_worker_unref(coordinator);
    if (rc == 0)
        *ret_worker = tw_team_worker(team);
    return rc;
}

static int new_pool(struct tw_worker **ret_worker)
{
    struct tw_pool *pool;
    int rc = tw_pool_new(0, NULL, &pool);
    if (rc == 0)
        *ret_worker = tw_pool_worker(pool);
    return rc;
}

static int new_limiter(struct tw_worker **ret_worker)
{
    struct tw_limiter *limiter;
    int rc = tw_limiter_new(below, 1, &limiter);
    if (rc == 0)
        *ret_worker = tw_limiter_worker(limiter);
    return rc;
}

static void check_refused(struct tw_worker *worker, struct note *waiting)
{
    struct note other;
    note_init(&other, NULL, NULL);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &other.task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &waiting->task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_worker_cancel(worker, &waiting->task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_worker_quit(worker), -EOWNERDEAD);
    CU_ASSERT_PTR_EQUAL(tw_worker_ref(worker), worker);
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
    CU_ASSERT_PTR_NULL(tw_worker_unref(worker));
    CHECK_NOT_CALLED(&other);
    CHECK_NOT_CALLED(waiting);
}

/* R23: each kind of worker answers -EOWNERDEAD in a child; what it holds stays untouched, however
 * often it is let go of; and the parent's goes on as if nothing had been. */
TEST(every_worker_of_the_parent_refuses)
{
    int (*const kinds[])(struct tw_worker **) = {
        tw_memory_worker_new, tw_lock_worker_new, new_strand, new_team, new_pool, new_limiter};
    struct tw_worker *worker = NULL;
    struct note waiting;
    size_t i;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&below), 0);
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        CU_ASSERT_EQUAL_FATAL(kinds[i](&worker), 0);
        note_init(&waiting, NULL, NULL);
        if (kinds[i] != tw_lock_worker_new) /* where nothing waits */
            CU_ASSERT_EQUAL(tw_worker_submit(worker, &waiting.task), 0);
        become_child();
        check_refused(worker, &waiting);
        become_parent();
        tw_worker_unref(worker); /* the one that check_refused has left, and ours */
        CHECK_NOT_CALLED(&waiting);
        tw_worker_unref(worker);
        while (tw_memory_worker_perform(below) == 1)
            ;
        CU_ASSERT_EQUAL(waiting.calls, kinds[i] != tw_lock_worker_new);
    }
    tw_worker_unref(below);
}

/* --- teams and pools -------------------------------------------------------------------------- */

/* So do a team's own operations. */
TEST(every_operation_of_a_team_refuses)
{
    struct tw_statistics books = {.size = sizeof books};
    struct tw_worker *worker = NULL;
    struct tw_task *tasks[1];
    struct tw_team *team;
    struct note note;
    CU_ASSERT_EQUAL_FATAL(new_team(&worker), 0);
    team = (struct tw_team *)worker;
    note_init(&note, NULL, NULL);
    tasks[0] = &note.task;
    become_child();
    CU_ASSERT_EQUAL(tw_team_submit(team, &note.task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_submit_many(team, tasks, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_cancel(team, &note.task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_grow(team, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_shrink(team, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_shrink_to(team, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_statistics(team, &books), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_quit(team), -EOWNERDEAD);
    CU_ASSERT_FALSE(tw_team_has_quit(team));
    tw_team_unref(team);
    become_parent();
    tw_team_unref(team);
    CHECK_NOT_CALLED(&note);
}

/* And a pool's: it waits for no end there, since none will come. */
TEST(every_operation_of_a_pool_refuses)
{
    struct tw_worker *worker = NULL, *memory = NULL;
    struct tw_task *tasks[1];
    struct tw_pool *pool;
    struct note note;
    CU_ASSERT_EQUAL_FATAL(new_pool(&worker), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&memory), 0);
    pool = (struct tw_pool *)worker;
    note_init(&note, NULL, NULL);
    tasks[0] = &note.task;
    become_child();
    CU_ASSERT_EQUAL(tw_pool_submit(pool, &note.task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_submit_many(pool, tasks, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_cancel(pool, &note.task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_set_minimum(pool, 0), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_suspend(pool), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_resume(pool), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_notify_end(pool, memory, &note.task), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_pool_quit(pool), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(memory), -EOWNERDEAD);
    tw_pool_unref(pool);
    become_parent();
    CU_ASSERT_EQUAL(tw_pool_limit(pool), 0);
    tw_pool_unref(pool);
    tw_worker_unref(memory);
    CHECK_NOT_CALLED(&note);
}

static void never(void *arg, struct tw_task *task, bool is_running)
{
    (void)arg;
    (void)task;
    (void)is_running;
    CU_FAIL("a borrower of the parent's");
}

/* And a limiter's. */
TEST(every_operation_of_a_limiter_refuses)
{
    struct tw_limiter_numbers books = {.size = sizeof books};
    struct tw_limiter *limiter = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_limiter_new(NULL, 0, &limiter), 0);
    become_child();
    CU_ASSERT_EQUAL(tw_limiter_set_total(limiter, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_limiter_statistics(limiter, &books), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_limiter_each_borrower(limiter, never, NULL), -EOWNERDEAD);
    become_parent();
    CU_ASSERT_EQUAL(tw_limiter_statistics(limiter, &books), 0);
    CU_ASSERT_EQUAL(books.total, 0);
    tw_limiter_unref(limiter);
}

static struct tw_task *take_none(void *arg)
{
    (void)arg;
    return NULL;
}

static const struct tw_supply_ops no_supply = {sizeof no_supply, take_none, NULL};

/* And a supply pool's. */
TEST(every_operation_of_a_supply_pool_refuses)
{
    struct tw_supply_pool_numbers books = {.size = sizeof books};
    struct tw_supply_pool *pool = NULL;
    struct tw_worker *memory = NULL;
    int count = 0;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&memory), 0);
    CU_ASSERT_EQUAL_FATAL(tw_supply_pool_new(memory, 1, &no_supply, &count, count_destroy, &pool),
                          0);
    become_child();
    CU_ASSERT_EQUAL(tw_supply_pool_added(pool, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_supply_pool_set_limit(pool, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_supply_pool_statistics(pool, &books), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_supply_pool_quit(pool), -EOWNERDEAD);
    tw_supply_pool_unref(pool);
    become_parent();
    CU_ASSERT_EQUAL(tw_supply_pool_statistics(pool, &books), 0);
    CU_ASSERT_EQUAL(books.started, 0);
    CU_ASSERT_EQUAL(count, 0);
    tw_supply_pool_unref(pool);
    CU_ASSERT_EQUAL(count, 1);
    tw_worker_unref(memory);
}

static void see_nothing(const struct tw_statistics *now, void *arg)
{
    (void)now;
    (void)arg;
}

/* A watch goes by itself in the parent, and stays in the child. */
TEST(a_watch_of_the_parents_stays)
{
    struct tw_worker *team = NULL, *memory = NULL;
    struct tw_watch *watch = NULL;
    int count = 0;
    CU_ASSERT_EQUAL_FATAL(new_team(&team), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&memory), 0);
    CU_ASSERT_EQUAL_FATAL(
        tw_watch_new((struct tw_team *)team, memory, see_nothing, &count, count_destroy, &watch),
        0);
    become_child();
    tw_watch_unref(watch);
    CU_ASSERT_EQUAL(count, 0);
    become_parent();
    tw_watch_unref(watch);
    CU_ASSERT_EQUAL(count, 1);
    tw_worker_unref(team);
    tw_worker_unref(memory);
}

static void do_nothing(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}

static void see_done(struct tw_future *future, void *count)
{
    (void)future;
    ++*(int *)count;
}

/* A future that was not done is the parent's to complete: it is not waited for, cancelled or set. One
 * that was done can be read. */
TEST(futures_of_the_parents_are_left_alone)
{
    struct tw_future *pending = NULL, *done = NULL;
    struct tw_as_completed *each = NULL;
    struct tw_result result = TW_RESULT_INIT;
    int value = 7, count = 0;
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&pending), 0);
    CU_ASSERT_EQUAL_FATAL(tw_future_new(&done), 0);
    tw_result_set(&result, &value, NULL);
    CU_ASSERT_EQUAL(tw_future_set(done, &result), 0);
    CU_ASSERT_EQUAL_FATAL(tw_as_completed_new(&pending, 1, &each), 0);
    become_child();
    CU_ASSERT_EQUAL(tw_future_wait(&pending, 1, TW_WAIT_ALL, TW_FOREVER), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_future_await(&pending, 1), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_future_cancel(pending), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_future_begin(pending), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_future_set(pending, &result), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_future_add_done_callback(pending, NULL, see_done, &count, count_destroy),
                    -EOWNERDEAD);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(tw_as_completed_next(each, TW_FOREVER, &pending), -EOWNERDEAD);
    tw_as_completed_free(each);
    tw_future_unref(pending);
    CU_ASSERT_EQUAL(tw_future_wait(&done, 1, TW_WAIT_ALL, TW_FOREVER), 0);
    CU_ASSERT_PTR_EQUAL(tw_future_value(done), &value);
    become_parent();
    tw_as_completed_free(each);
    tw_future_unref(pending);
    tw_future_unref(done);
}

/* An executor takes nothing in the child, and ends nothing there. */
TEST(executors_of_the_parents_are_left_alone)
{
    struct tw_executor *executor = NULL, *another = NULL;
    struct tw_worker *memory = NULL;
    void *arg = NULL;
    struct tw_future *future = NULL;
    int count = 0;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&memory), 0);
    CU_ASSERT_EQUAL_FATAL(tw_executor_over(memory, &executor), 0);
    become_child();
    CU_ASSERT_EQUAL(tw_executor_submit(executor, do_nothing, &count, count_destroy, &future),
                    -EOWNERDEAD);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(tw_executor_map(executor, do_nothing, &arg, 1, &future), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_executor_join(executor, TW_FOREVER), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_executor_shutdown(executor, true, true), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_executor_over(memory, &another), -EOWNERDEAD);
    tw_executor_unref(executor);
    become_parent();
    CU_ASSERT_EQUAL(tw_executor_submit(executor, do_nothing, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(memory), 1);
    tw_executor_unref(executor);
    tw_worker_unref(memory);
}

/* Nothing new is made on top of what is the parent's; the argument is consumed. */
TEST(nothing_new_stands_on_the_parents)
{
    struct tw_supply_pool *pool = NULL;
    struct tw_watch *watch = NULL;
    struct tw_worker *older = NULL;
    struct tw_worker *memory = NULL, *strand = NULL;
    struct tw_team *team = NULL;
    int count = 0;
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&memory), 0);
    CU_ASSERT_EQUAL_FATAL(new_team(&older), 0);
    become_child();
    CU_ASSERT_EQUAL(tw_strand_new(memory, 0, &strand), -EOWNERDEAD);
    CU_ASSERT_EQUAL(tw_team_new(memory, create_none, &count, count_destroy, &team), -EOWNERDEAD);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(tw_supply_pool_new(memory, 1, &no_supply, &count, count_destroy, &pool),
                    -EOWNERDEAD);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(
        tw_watch_new((struct tw_team *)older, memory, see_nothing, &count, count_destroy, &watch),
        -EOWNERDEAD);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT_TRUE(!strand && !team && !pool && !watch);
    become_parent();
    tw_worker_unref(older);
    tw_worker_unref(memory);
}

static void submit_next_and_fork(struct note *note)
{
    CU_ASSERT_EQUAL(tw_worker_submit((struct tw_worker *)note->arg, &(note + 1)->task), 0);
    become_child();
}

/* A child that comes back from the task of a lock worker that has forked it leaves to the parent
 * what was submitted from inside. */
TEST(what_waits_inside_a_lock_worker_is_the_parents)
{
    struct tw_worker *lock = NULL;
    struct note notes[3];
    CU_ASSERT_EQUAL_FATAL(tw_lock_worker_new(&lock), 0);
    notes_init(notes, 3);
    note_init(&notes[0], submit_next_and_fork, lock);
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &notes[0].task), 0);
    CHECK_NOTE(&notes[0], 0);
    CHECK_NOT_CALLED(&notes[1]);
    become_parent();
    CU_ASSERT_EQUAL(tw_worker_submit(lock, &notes[2].task), 0);
    CHECK_NOTE(&notes[1], 0);
    CHECK_NOTE(&notes[2], 0);
    tw_worker_unref(lock);
}

/* What is made in the child works there, and is left alone in a child of that child. */
TEST(what_the_child_makes_works)
{
    struct tw_worker *worker = NULL;
    struct note first, second;
    note_init(&first, NULL, NULL);
    note_init(&second, NULL, NULL);
    become_child();
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&worker), 0);
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &first.task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&first, 0);
    become_child();
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &second.task), -EOWNERDEAD);
    tw_worker_unref(worker);
    become_parent();
    CU_ASSERT_EQUAL(tw_worker_submit(worker, &second.task), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(worker), 1);
    CHECK_NOTE(&second, 0);
    tw_worker_unref(worker);
    become_parent();
}
