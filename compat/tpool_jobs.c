/*
 * The tpool shim's jobs: futures of the pool's executor, found by their numbers.
 */
#include <twine/compat/tpool_internal.h>

#include <errno.h>
#include <stddef.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/compat/tpool_wait_internal.h>
#include <twine/threads/frame_internal.h>

/* --- the table -------------------------------------------------------------------------------- */

static struct tw__tpool_job **chain_of(struct tw__tpool_table *table, uint64_t number)
{
    return table->chains ? &table->chains[number & (table->chain_count - 1)] : &table->first;
}

static void link_job(struct tw__tpool_table *table, struct tw__tpool_job *job)
{
    struct tw__tpool_job **chain = chain_of(table, job->number);
    job->next = *chain;
    *chain = job;
}

/* All jobs out of the table, in one list. */
static struct tw__tpool_job *take_all(struct tw__tpool_table *table)
{
    struct tw__tpool_job *all = table->first, *job;
    size_t i;
    table->first = NULL;
    for (i = 0; i < table->chain_count; i++)
        while ((job = table->chains[i])) {
            table->chains[i] = job->next;
            job->next = all;
            all = job;
        }
    return all;
}

/* Twice as many chains; without memory they only get longer. */
static void grow(struct tw__tpool_table *table)
{
    struct tw__tpool_table bigger = {
        .chain_count = table->chain_count ? 2 * table->chain_count : 16, .count = table->count};
    struct tw__tpool_job *job, *next;
    bigger.chains =
        (struct tw__tpool_job **)tw__zalloc(bigger.chain_count * sizeof(*bigger.chains));
    if (!bigger.chains)
        return;
    for (job = take_all(table); job; job = next) {
        next = job->next;
        link_job(&bigger, job);
    }
    tw__free(table->chains);
    *table = bigger;
}

static void add_job(struct tw__tpool_table *table, struct tw__tpool_job *job)
{
    if (table->count >= 16 && table->count >= table->chain_count)
        grow(table);
    link_job(table, job);
    table->count++;
}

static struct tw__tpool_job **find(struct tw__tpool_table *table, uint64_t number)
{
    struct tw__tpool_job **link = chain_of(table, number);
    while (*link && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

static void free_job(struct tw__tpool_job *job)
{
    tw_future_unref(job->future);
    tw__free(job);
}

void tw__tpool_drop_jobs(struct tw__tpool *pool)
{
    struct tw__tpool_job *job, *next;
    struct tw__tpool_job **chains;
    tw__lock_acquire(&pool->lock);
    job = take_all(&pool->locked.jobs);
    chains = pool->locked.jobs.chains;
    pool->locked.jobs = (struct tw__tpool_table){.chains = NULL};
    tw__lock_release(&pool->lock);
    tw__free(chains);
    for (; job; job = next) {
        next = job->next;
        tw_future_cancel(job->future);
        free_job(job);
    }
}

/* --- post ------------------------------------------------------------------------------------- */

static int submit(struct tw__tpool *pool, tw_call_fn work, void *arg, tw_destroy_fn destroy,
                  struct tw_future **ret_future)
{
    int rc = tw_executor_submit(pool->executor, work, arg, destroy, ret_future);
    return rc == -ESHUTDOWN ? -ESRCH : rc; /* released just now */
}

/* If the pool is released before the job has its number, nobody will ask for it. */
static uint64_t number_job(struct tw__tpool *pool, struct tw__tpool_job *job)
{
    uint64_t number;
    bool is_released;
    tw__lock_acquire(&pool->lock);
    number = job->number = ++pool->locked.last_number;
    is_released = pool->locked.is_released;
    if (!is_released)
        add_job(&pool->locked.jobs, job);
    tw__lock_release(&pool->lock);
    if (is_released)
        free_job(job);
    return number;
}

static int post(struct tw__tpool *pool, tw_call_fn work, void *arg, tw_destroy_fn destroy,
                uint64_t *ret_job)
{
    struct tw__tpool_job *job;
    int rc;
    if (!ret_job)
        return submit(pool, work, arg, destroy, NULL);
    job = (struct tw__tpool_job *)tw__malloc(sizeof *job);
    if (!job) {
        if (destroy)
            destroy(arg);
        return -ENOMEM;
    }
    rc = submit(pool, work, arg, destroy, &job->future);
    if (rc < 0)
        tw__free(job);
    else
        *ret_job = number_job(pool, job);
    return rc;
}

int tw_tpool_post(uint64_t number, unsigned flags, tw_call_fn work, void *arg,
                  tw_destroy_fn destroy, uint64_t *ret_job)
{
    struct tw__tpool *pool;
    int rc = 0;
    if (!work || (flags & ~(unsigned)(TW_TPOOL_DETACHED | TW_TPOOL_NOWAIT)))
        rc = tw__misuse(-EINVAL, "tw_tpool_post: needs work, and flags that are known");
    if (rc >= 0)
        rc = tw__tpool_take(number, "tw_tpool_post: " TW__TPOOL_NO_POOL, &pool);
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    rc = post(pool, work, arg, destroy, flags & TW_TPOOL_DETACHED ? NULL : ret_job);
    tw__tpool_put(pool);
    return rc;
}

/* --- several jobs ----------------------------------------------------------------------------- */

/* The jobs of one call. */
struct several {
    uint64_t *numbers; /* the caller's, sorted in the end */
    size_t count;
    struct {
        struct tw_future **futures; /* references */
        uint64_t *rest;             /* room for sort() */
        bool *comes_first;
    } room; /* one block */
};

static int find_all(struct tw__tpool *pool, struct several *several, const char *who)
{
    size_t i;
    tw__lock_acquire(&pool->lock);
    for (i = 0; i < several->count; i++) {
        const struct tw__tpool_job *job = *find(&pool->locked.jobs, several->numbers[i]);
        if (!job)
            break;
        several->room.futures[i] = tw_future_ref(job->future);
    }
    tw__lock_release(&pool->lock);
    return i == several->count ? 0 : tw__misuse(-ESRCH, who);
}

static void let_go(struct several *several)
{
    size_t i;
    for (i = 0; i < several->count; i++)
        tw_future_unref(several->room.futures[i]);
    tw__free(several->room.rest);
}

static int make_room(struct several *several)
{
    size_t each = sizeof(uint64_t) + sizeof(struct tw_future *) + sizeof(bool);
    if (several->count > SIZE_MAX / each - 1)
        return -ENOMEM;
    several->room.rest = (uint64_t *)tw__zalloc(several->count * each + 1);
    if (!several->room.rest)
        return -ENOMEM;
    several->room.futures = (struct tw_future **)(void *)(several->room.rest + several->count);
    several->room.comes_first = (bool *)(several->room.futures + several->count);
    return 0;
}

/* 0; -ESRCH; -ENOMEM. */
static int gather(struct tw__tpool *pool, uint64_t *jobs, size_t count, const char *who,
                  struct several *ret_several)
{
    struct several several = {.numbers = jobs, .count = count};
    int rc = make_room(&several);
    if (rc < 0)
        return rc;
    rc = find_all(pool, &several, who);
    if (rc < 0)
        let_go(&several);
    *ret_several = several;
    return rc;
}

/* Those that come first to the front, each part in the order it was in. Returns how many. */
static int sort(struct several *several)
{
    size_t first = 0, rest = 0, i;
    for (i = 0; i < several->count; i++)
        if (several->room.comes_first[i])
            several->numbers[first++] = several->numbers[i];
        else
            several->room.rest[rest++] = several->numbers[i];
    for (i = 0; i < rest; i++)
        several->numbers[first + i] = several->room.rest[i];
    return (int)first;
}

static size_t look(struct several *several)
{
    size_t done = 0, i;
    for (i = 0; i < several->count; i++) {
        several->room.comes_first[i] = tw_future_is_done(several->room.futures[i]);
        done += several->room.comes_first[i];
    }
    return done;
}

/* --- wait ------------------------------------------------------------------------------------- */

static int may_wait(struct tw__tpool *pool)
{
    const struct tw__frame *frame = tw__frame_of_wait();
    if (frame && frame->kind == TW__FRAME_LOCKED)
        return tw__misuse(-EDEADLK, "tw_tpool_wait: inside a callback the loop cannot turn; use "
                                    "tw_tpool_future() and tw_future_add_done_callback() instead");
    if (tw_pool_is_own_thread(pool->pool))
        return tw__misuse(-EDEADLK, "tw_tpool_wait: a job would keep a thread from the jobs it "
                                    "waits for; use tw_tpool_future() and tw_future_await() "
                                    "instead");
    return 0;
}

static bool is_released(struct tw__tpool *pool)
{
    bool is_released;
    tw__lock_acquire(&pool->lock);
    is_released = pool->locked.is_released;
    tw__lock_release(&pool->lock);
    return is_released;
}

static int wait_for_first(struct tw__tpool *pool, struct tw_reactor *reactor,
                          struct several *several)
{
    struct tw_reactor *awaits_on = tw__tpool_awaits_on(reactor);
    int rc = awaits_on ? 0 : may_wait(pool);
    if (rc < 0)
        return rc;
    if (awaits_on)
        reactor = awaits_on;
    rc = reactor ? tw__tpool_serve(reactor, several->room.futures, several->count)
                 : tw_future_wait(several->room.futures, several->count, TW_WAIT_FIRST, TW_FOREVER);
    if (rc >= 0 && is_released(pool))
        return -ESHUTDOWN;
    return rc;
}

static int wait_in(struct tw__tpool *pool, struct tw_reactor *reactor, uint64_t *jobs, size_t count)
{
    struct several several;
    int rc = gather(pool, jobs, count, "tw_tpool_wait: " TW__TPOOL_NO_JOB, &several);
    if (rc < 0)
        return rc;
    if (count && !look(&several)) {
        rc = wait_for_first(pool, reactor, &several);
        look(&several);
    }
    if (rc >= 0)
        rc = sort(&several);
    let_go(&several);
    return rc;
}

int tw_tpool_wait(uint64_t number, struct tw_reactor *reactor, uint64_t *jobs, size_t count)
{
    struct tw__tpool *pool;
    int rc = jobs || !count ? tw__tpool_take(number, "tw_tpool_wait: " TW__TPOOL_NO_POOL, &pool)
                            : tw__misuse(-EINVAL, "tw_tpool_wait: needs jobs");
    if (rc < 0)
        return rc;
    rc = wait_in(pool, reactor, jobs, count);
    tw__tpool_put(pool);
    return rc;
}

/* --- cancel, get ------------------------------------------------------------------------------ */

static int cancel_in(struct tw__tpool *pool, uint64_t *jobs, size_t count)
{
    struct several several;
    size_t i;
    int rc = gather(pool, jobs, count, "tw_tpool_cancel: " TW__TPOOL_NO_JOB, &several);
    if (rc < 0)
        return rc;
    for (i = 0; i < count; i++)
        several.room.comes_first[i] = tw_future_cancel(several.room.futures[i]) == 0;
    rc = sort(&several);
    let_go(&several);
    return rc;
}

int tw_tpool_cancel(uint64_t number, uint64_t *jobs, size_t count)
{
    struct tw__tpool *pool;
    int rc = jobs || !count ? tw__tpool_take(number, "tw_tpool_cancel: " TW__TPOOL_NO_POOL, &pool)
                            : tw__misuse(-EINVAL, "tw_tpool_cancel: needs jobs");
    if (rc < 0)
        return rc;
    rc = cancel_in(pool, jobs, count);
    tw__tpool_put(pool);
    return rc;
}

/* Takes a job that is completed out. 0; -EINPROGRESS; -ESRCH. */
static int take_job(struct tw__tpool *pool, uint64_t number, struct tw__tpool_job **ret_job)
{
    struct tw__tpool_job **link, *job;
    int rc = 0;
    tw__lock_acquire(&pool->lock);
    link = find(&pool->locked.jobs, number);
    job = *link;
    if (job && !tw_future_is_done(job->future)) {
        rc = -EINPROGRESS;
    } else if (job) {
        *link = job->next;
        pool->locked.jobs.count--;
    }
    tw__lock_release(&pool->lock);
    *ret_job = job;
    return job ? rc : tw__misuse(-ESRCH, "tw_tpool_get: " TW__TPOOL_NO_JOB);
}

int tw_tpool_get(uint64_t number, uint64_t job_number, struct tw_result *ret_result)
{
    struct tw__tpool *pool;
    struct tw__tpool_job *job;
    int rc = ret_result ? tw__tpool_take(number, "tw_tpool_get: " TW__TPOOL_NO_POOL, &pool)
                        : tw__misuse(-EINVAL, "tw_tpool_get: needs ret_result");
    if (rc < 0)
        return rc;
    rc = take_job(pool, job_number, &job);
    tw__tpool_put(pool);
    if (rc < 0)
        return rc;
    rc = tw_future_result(job->future, 0, ret_result);
    free_job(job);
    return rc;
}

int tw_tpool_future(uint64_t number, uint64_t job, struct tw_future **ret_future)
{
    struct tw__tpool *pool;
    struct several several;
    int rc = ret_future ? tw__tpool_take(number, "tw_tpool_future: " TW__TPOOL_NO_POOL, &pool)
                        : tw__misuse(-EINVAL, "tw_tpool_future: needs ret_future");
    if (rc < 0)
        return rc;
    rc = gather(pool, &job, 1, "tw_tpool_future: " TW__TPOOL_NO_JOB, &several);
    tw__tpool_put(pool);
    if (rc < 0)
        return rc;
    *ret_future = tw_future_ref(several.room.futures[0]);
    let_go(&several);
    return 0;
}
