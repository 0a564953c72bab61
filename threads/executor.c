/*
 * The executor: its life, and the waits for its jobs to be over. executor_internal.h says what it
 * counts.
 */
#include <twine/threads/executor_internal.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/failure_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/cancel_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/future_internal.h>
#include <twine/threads/limiter_internal.h>
#include <twine/threads/strand_internal.h>
#include <twine/threads/team_take_internal.h>
#include <twine/threads/worker_internal.h>

const struct tw_error TW_ERROR_BROKEN_EXECUTOR = {"broken executor", &TW_ERROR};

/* --- counting --------------------------------------------------------------------------------- */

void tw__executor_drop_hold(struct tw_executor *executor)
{
    if (atomic_fetch_sub(&executor->counts, TW__EXECUTOR_HOLD) / TW__EXECUTOR_HOLD != 1)
        return;
    tw_failure_unref(atomic_load(&executor->broken));
    tw__forks_free(executor->locked.first_forks);
    tw__lock_done(&executor->lock);
    tw__free(executor);
}

static void wake_joiners(struct tw_executor *executor)
{
    struct tw__joiner *joiner;
    tw__lock_acquire(&executor->lock);
    for (joiner = executor->locked.joiners; joiner; joiner = joiner->next)
        tw__park_wake(&joiner->park);
    tw__lock_release(&executor->lock);
}

/* It may be the last job, or the last of all. A joiner says that it is there and then looks at the
 * count, we change the count and then look for joiners: one of us sees the other. */
static void count_out_slowly(struct tw_executor *executor, uint64_t counts)
{
    uint64_t seen = atomic_fetch_add(&executor->counts, TW__EXECUTOR_HOLD - counts);
    uint32_t left = (uint32_t)(seen - counts);
    if (left == 1 && atomic_load(&executor->has_joiners))
        wake_joiners(executor);
    if (left == 0) {
        tw_worker_unref(executor->worker);
        tw__executor_drop_hold(executor);
    }
    tw__executor_drop_hold(executor);
}

/* While more jobs are unfinished nothing else is touched than the count. */
void tw__executor_count_out(struct tw_executor *executor, uint64_t counts)
{
    uint64_t seen = atomic_load(&executor->counts);
    while ((uint32_t)seen > (uint32_t)counts + 1)
        if (atomic_compare_exchange_weak(&executor->counts, &seen, seen - counts))
            return;
    count_out_slowly(executor, counts);
}

bool tw__executor_count_in(struct tw_executor *executor)
{
    uint64_t seen = atomic_load(&executor->counts);
    while ((uint32_t)seen && !atomic_compare_exchange_weak(&executor->counts, &seen, seen + 1))
        ;
    return (uint32_t)seen != 0;
}

/* --- joining and shutting down ---------------------------------------------------------------- */

static int may_join(struct tw_executor *executor)
{
    if (tw__frame_forbids_blocking() || tw__place_is_here(&executor->place))
        return tw__misuse(
            -EDEADLK, "tw_executor_join or tw_executor_shutdown: one of its jobs, a lock worker or "
                      "the thread of a loop that turns cannot wait for its jobs to be over");
    return 0;
}

static bool is_quiet(struct tw_executor *executor)
{
    return (uint32_t)atomic_load(&executor->counts) <= 1; /* that one is the caller's */
}

static void add_joiner(struct tw_executor *executor, struct tw__joiner *joiner)
{
    tw__park_init(&joiner->park);
    tw__lock_acquire(&executor->lock);
    joiner->next = executor->locked.joiners;
    executor->locked.joiners = joiner;
    tw__lock_release(&executor->lock);
    atomic_fetch_add(&executor->has_joiners, 1);
}

static void remove_joiner(struct tw_executor *executor, struct tw__joiner *joiner)
{
    struct tw__joiner **place = &executor->locked.joiners;
    atomic_fetch_sub(&executor->has_joiners, 1);
    tw__lock_acquire(&executor->lock);
    while (*place != joiner)
        place = &(*place)->next;
    *place = joiner->next;
    tw__lock_release(&executor->lock);
    tw__park_done(&joiner->park);
}

static int wait_until_quiet(struct tw_executor *executor, uint64_t deadline)
{
    struct tw_clock *clock = tw_clock_monotonic();
    struct tw__joiner joiner;
    bool is_over, is_late = false;
    add_joiner(executor, &joiner);
    while (!(is_over = is_quiet(executor)) && !is_late)
        is_late = !tw__park_wait(&joiner.park, clock, deadline);
    remove_joiner(executor, &joiner);
    return is_over ? 0 : -ETIMEDOUT; /* as it was seen: others may have gone on since */
}

int tw_executor_join(struct tw_executor *executor, int64_t timeout)
{
    int rc;
    if (!executor || timeout < 0)
        return tw__misuse(-EINVAL,
                          "tw_executor_join: needs an executor and a timeout of 0 or more");
    if (tw__executor_is_inherited(executor))
        return -EOWNERDEAD;
    rc = may_join(executor);
    return rc < 0 ? rc
                  : wait_until_quiet(executor,
                                     tw_time_add(tw_clock_now(tw_clock_monotonic()), timeout));
}

static void shut(struct tw_executor *executor, bool cancel_futures)
{
    atomic_store(&executor->is_shut, true);
    if (cancel_futures)
        atomic_store(&executor->gives_up, true);
    if (executor->pool && !tw_team_has_quit(tw_pool_team(executor->pool)))
        tw_pool_quit(executor->pool);
    if (executor->pool && cancel_futures)
        tw__team_give_up(tw_team_worker(tw_pool_team(executor->pool)), -ECANCELED);
}

int tw_executor_shutdown(struct tw_executor *executor, bool wait, bool cancel_futures)
{
    int rc;
    if (!executor)
        return tw__misuse(-EINVAL, "tw_executor_shutdown: needs an executor");
    if (tw__executor_is_inherited(executor))
        return -EOWNERDEAD;
    shut(executor, cancel_futures);
    rc = wait ? may_join(executor) : 0;
    if (!wait || rc < 0)
        return rc;
    wait_until_quiet(executor, TW_NEVER);
    return executor->pool ? tw_pool_join(executor->pool, TW_FOREVER) : 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct tw_worker *below(struct tw_worker *worker)
{
    struct tw_worker *strand = tw__strand_below(worker);
    return strand ? strand : tw__limiter_below(worker);
}

/* All that a job goes through, down to the worker that performs it in the end. */
static void find_place(struct tw__future_place *place, struct tw_worker *worker)
{
    size_t count = 0;
    place->worker = worker;
    place->team = tw__team_of(worker);
    for (; worker; worker = below(worker)) {
        place->bottom = tw__team_of(worker) ? tw__team_of(worker) : worker;
        if (tw_worker_is_exclusive(worker) && count < TW__PLACE_EXCLUSIVES)
            place->exclusives[count++] = worker;
    }
}

static struct tw_executor *alloc_executor(void)
{
    struct tw_executor *executor = (struct tw_executor *)tw__zalloc(sizeof *executor);
    if (!executor)
        return NULL;
    tw__future_prepare();
    executor->epoch = tw__fork_epoch();
    atomic_init(&executor->refs, 1);
    atomic_init(&executor->counts, TW__EXECUTOR_HOLD + 1);
    tw__lock_init(&executor->lock);
    return executor;
}

/* Takes over the reference. */
static void stand_on(struct tw_executor *executor, struct tw_worker *worker)
{
    executor->worker = worker;
    find_place(&executor->place, worker);
}

/* On each thread first. A failure breaks the executor: it accepts nothing any more, and what waits
 * fails with it as the cause. */
static int start_thread(void *arg, void **ret_state)
{
    struct tw_executor *executor = (struct tw_executor *)arg;
    struct tw_result result = TW_RESULT_INIT;
    struct tw_failure *none = NULL, *broken;
    (void)ret_state;
    if (atomic_load(&executor->broken))
        return -ENOTRECOVERABLE;
    executor->initializer(&result, executor->initializer_arg);
    if (!tw_result_is_failure(&result)) {
        tw_result_done(&result);
        return 0;
    }
    broken = tw_failure_new(&TW_ERROR_BROKEN_EXECUTOR, ENOTRECOVERABLE,
                            "the initializer of an executor's thread has failed", NULL, 0,
                            tw_result_failure(&result));
    tw_result_done(&result);
    if (!atomic_compare_exchange_strong(&executor->broken, &none, broken))
        tw_failure_unref(broken);
    tw__team_give_up((struct tw_worker *)executor->place.team, -ENOTRECOVERABLE);
    return -ENOTRECOVERABLE;
}

/* When the pool has ended. */
static void threads_have_ended(void *arg)
{
    struct tw_executor *executor = (struct tw_executor *)arg;
    if (executor->destroy_initializer)
        executor->destroy_initializer(executor->initializer_arg);
    tw__executor_drop_hold(executor);
}

static int make_pool(struct tw_executor *executor, size_t max_workers,
                     const struct tw_executor_options *options)
{
    struct tw_pool_options of_pool = {.size = sizeof of_pool};
    if (options) {
        of_pool.name = options->thread_name;
        of_pool.stack_size = options->stack_size;
        executor->initializer = options->initializer;
        executor->initializer_arg = options->initializer_arg;
        executor->destroy_initializer = options->destroy_initializer;
    }
    of_pool.start = executor->initializer ? start_thread : NULL;
    of_pool.hook_arg = executor;
    of_pool.hook_destroy = threads_have_ended;
    atomic_fetch_add(&executor->counts, TW__EXECUTOR_HOLD); /* the pool's */
    return tw_pool_new(max_workers, &of_pool, &executor->pool);
}

static int refuse(const struct tw_executor_options *options, int error)
{
    if (options && options->size == sizeof *options && options->destroy_initializer)
        options->destroy_initializer(options->initializer_arg);
    return error;
}

int tw_executor_new(size_t max_workers, const struct tw_executor_options *options,
                    struct tw_executor **ret_executor)
{
    struct tw_executor *executor;
    int rc;
    if (!ret_executor || !max_workers || (options && options->size != sizeof *options))
        return refuse(options, tw__misuse(-EINVAL, "tw_executor_new: needs ret_executor, one "
                                                   "worker or more, and options of the size "
                                                   "this library knows"));
    executor = alloc_executor();
    if (!executor)
        return refuse(options, -ENOMEM);
    rc = make_pool(executor, max_workers, options);
    if (rc < 0) {
        tw__executor_drop_hold(executor);
        return rc;
    }
    stand_on(executor, tw_pool_worker(executor->pool));
    *ret_executor = executor;
    return 0;
}

int tw_executor_over(struct tw_worker *worker, struct tw_executor **ret_executor)
{
    struct tw_executor *executor;
    if (!worker || !ret_executor)
        return tw__misuse(-EINVAL, "tw_executor_over: needs a worker and ret_executor");
    if (tw__worker_is_inherited(worker))
        return -EOWNERDEAD;
    executor = alloc_executor();
    if (!executor)
        return -ENOMEM;
    stand_on(executor, tw_worker_ref(worker));
    *ret_executor = executor;
    return 0;
}

struct tw_executor *tw_executor_ref(struct tw_executor *executor)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (executor)
        atomic_fetch_add_explicit(&executor->refs, 1, memory_order_relaxed);
    return executor;
}

struct tw_executor *tw_executor_unref(struct tw_executor *executor)
{
    if (!executor || tw__executor_is_inherited(executor) ||
        atomic_fetch_sub(&executor->refs, 1) != 1)
        return NULL;
    shut(executor, false);
    tw__executor_count_out(executor, 1);
    return NULL;
}

struct tw_worker *tw_executor_worker(struct tw_executor *executor)
{
    return executor ? executor->worker : NULL;
}
