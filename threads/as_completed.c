/*
 * As completed: one waiter for each future, and a queue of those that are done.
 *
 * A waiter is in its future until that is done, in the queue until it is yielded, and then nowhere.
 * The queue has a lock of its own, taken inside the future's by whoever completes it.
 */
#include <twine/threads/as_completed.h>

#include <errno.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/future_internal.h>

struct each_one {
    struct tw__waiter waiter;
    struct tw_as_completed *all;
    struct tw_future *future; /* a reference, until it is yielded */
    struct each_one *next;    /* in the queue */
};

struct tw_as_completed {
    struct tw__park park;
    unsigned epoch;        /* fixed: see base/fork */
    size_t count, yielded; /* the owner's; count: fixed */
    struct tw__lock lock;
    struct {
        struct each_one *first, **end;
    } locked;
    struct each_one ones[];
};

/* Woken inside the lock: who has had the last one may free all of it as soon as it has the lock. */
static void add_done(struct each_one *one)
{
    struct tw_as_completed *all = one->all;
    tw__lock_acquire(&all->lock);
    one->next = NULL;
    *all->locked.end = one;
    all->locked.end = &one->next;
    tw__park_wake(&all->park);
    tw__lock_release(&all->lock);
}

static bool one_is_done(struct tw__waiter *waiter, struct tw_future *future)
{
    struct each_one *one = (struct each_one *)waiter;
    (void)future;
    add_done(one);
    return false;
}

static struct each_one *pop_done(struct tw_as_completed *all)
{
    struct each_one *one;
    tw__lock_acquire(&all->lock);
    one = all->locked.first;
    if (one) {
        all->locked.first = one->next;
        if (!one->next)
            all->locked.end = &all->locked.first;
    }
    tw__lock_release(&all->lock);
    return one;
}

int tw_as_completed_new(struct tw_future *const *futures, size_t count,
                        struct tw_as_completed **ret_each)
{
    struct tw_as_completed *all;
    size_t i;
    for (i = 0; i < count; i++)
        if (!futures || !futures[i])
            break;
    if (i < count || !ret_each)
        return tw__misuse(-EINVAL, "tw_as_completed_new: needs futures and ret_each");
    all = (struct tw_as_completed *)tw__zalloc(sizeof *all + count * sizeof all->ones[0]);
    if (!all)
        return -ENOMEM;
    tw__park_init(&all->park);
    tw__lock_init(&all->lock);
    all->epoch = tw__fork_epoch();
    all->locked.end = &all->locked.first;
    all->count = count;
    for (i = 0; i < count; i++) {
        struct each_one *one = &all->ones[i];
        one->all = all;
        one->future = tw_future_ref(futures[i]);
        one->waiter.is_done = one_is_done;
        if (!tw__future_add_waiter(one->future, &one->waiter))
            add_done(one);
    }
    *ret_each = all;
    return 0;
}

/* Those not yielded, as futures to wait for: only to ask whether that may be done. */
static int may_wait(struct tw_as_completed *all)
{
    size_t i;
    int rc = 0;
    for (i = 0; i < all->count && rc >= 0; i++)
        if (all->ones[i].future)
            rc = tw__future_may_block(all->ones[i].future);
    return rc;
}

int tw_as_completed_next(struct tw_as_completed *all, int64_t timeout,
                         struct tw_future **ret_future)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    struct each_one *one;
    int rc;
    if (!all || !ret_future || timeout < 0)
        return tw__misuse(-EINVAL, "tw_as_completed_next: needs what tw_as_completed_new made, a "
                                   "timeout of 0 or more, and ret_future");
    if (all->epoch != tw__fork_epoch())
        return -EOWNERDEAD;
    if (all->yielded == all->count) {
        *ret_future = NULL;
        return 0;
    }
    while (!(one = pop_done(all))) {
        rc = timeout ? may_wait(all) : -ETIMEDOUT;
        if (rc < 0)
            return rc;
        if (!tw__park_wait(&all->park, clock, deadline))
            timeout = 0; /* look once more */
    }
    all->yielded++;
    *ret_future = one->future;
    one->future = NULL;
    return 1;
}

struct tw_as_completed *tw_as_completed_free(struct tw_as_completed *all)
{
    size_t i;
    if (!all || all->epoch != tw__fork_epoch())
        return NULL;
    for (i = 0; i < all->count; i++)
        if (all->ones[i].future) {
            tw__future_remove_waiter(all->ones[i].future, &all->ones[i].waiter);
            tw_future_unref(all->ones[i].future);
        }
    tw__park_done(&all->park);
    tw__lock_done(&all->lock);
    tw__free(all);
    return NULL;
}
