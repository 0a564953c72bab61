/*
 * Waiting for futures: by blocking the thread, or by suspending the job.
 *
 * One wait puts a waiter into each future and counts. What ends the wait is decided by whoever
 * completes a future, under that future's lock; the one who waits takes its waiters out again under
 * the same locks, and so knows that nobody touches its stack any more.
 */
#include <twine/threads/future_internal.h>

#include <errno.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/suspension_internal.h>

#define FEW 8

struct wait {
    enum tw_wait_for wait_for;
    atomic_size_t left; /* how many are not done; one more while waiters are added */
    atomic_bool is_content;
    struct tw__suspension *suspension; /* how it is woken: this, or the park */
    struct tw__park park;
    struct tw_future *const *futures;
    size_t count;
    struct entry {
        struct tw__waiter base;
        struct wait *wait;
    } * entries, few[FEW];
};

/* --- whether it may --------------------------------------------------------------------------- */

static bool is_inside_exclusive(const struct tw__future_place *place)
{
    size_t i;
    for (i = 0; i < TW__PLACE_EXCLUSIVES && place->exclusives[i]; i++)
        if (tw__frame_is_inside(place->exclusives[i]))
            return true;
    return false;
}

bool tw__place_is_here(const struct tw__future_place *place)
{
    return tw__frame_is_inside(place->worker) || tw__frame_is_inside(place->bottom) ||
           is_inside_exclusive(place);
}

/* It may be that it cannot be done before this thread comes back from what it is inside of. */
static bool waits_for_us(const struct tw_future *future)
{
    return !tw__future_is_done(future) && future->place && tw__place_is_here(future->place);
}

/* It cannot be done before, wherever we leave our stack. */
static bool excludes_us(const struct tw_future *future)
{
    return future->place && future->place->exclusives[0] && !tw__future_is_done(future) &&
           is_inside_exclusive(future->place);
}

/* In a forked child: whoever would complete it is in the parent. */
static bool is_orphaned(const struct tw_future *future)
{
    return tw__future_is_inherited(future) && !tw__future_is_done(future);
}

#define WAITS "tw_future_wait, tw_future_result or tw_as_completed_next"

int tw__future_may_block(const struct tw_future *future)
{
    if (is_orphaned(future))
        return -EOWNERDEAD;
    if (tw__frame_forbids_blocking() && !tw_future_is_done(future))
        return tw__misuse(-EDEADLK, WAITS ": inside a lock worker, or on the thread of a loop that "
                                          "turns; add a done callback to the future");
    if (waits_for_us(future))
        return tw__misuse(-EDEADLK, WAITS ": a worker would block for a future of its own pool; "
                                          "tw_future_await does not keep the thread");
    return 0;
}

static int may_block(struct tw_future *const *futures, size_t count)
{
    size_t i;
    int rc = 0;
    for (i = 0; i < count && rc >= 0; i++)
        rc = tw__future_may_block(futures[i]);
    return rc;
}

static int may_suspend(struct tw__frame *frame, struct tw_future *const *futures, size_t count)
{
    size_t i;
    if (frame->kind == TW__FRAME_SLOT && !tw__suspension_may(frame))
        return tw__misuse(-EDEADLK, "tw_future_await: the job has said that it only delivers");
    if (frame->kind == TW__FRAME_LOCKED)
        return tw__misuse(-EDEADLK, "tw_future_await: inside a lock worker, or on the thread of a "
                                    "loop that turns");
    for (i = 0; i < count; i++)
        if (is_orphaned(futures[i]))
            return -EOWNERDEAD;
    for (i = 0; i < count; i++)
        if (excludes_us(futures[i]))
            return tw__misuse(-EDEADLK, "tw_future_await: for work of the exclusive worker that it "
                                        "is inside of");
    return 0;
}

/* --- one wait --------------------------------------------------------------------------------- */

static void wake(struct wait *wait)
{
    atomic_store(&wait->is_content, true);
    if (wait->suspension)
        tw__suspension_wake(wait->suspension);
    else
        tw__park_wake(&wait->park);
}

static bool ends(struct wait *wait, struct tw_future *future)
{
    bool is_last = atomic_fetch_sub(&wait->left, 1) == 1;
    return is_last ||
           (future &&
            (wait->wait_for == TW_WAIT_FIRST ||
             (wait->wait_for == TW_WAIT_FIRST_FAILURE &&
              (tw_future_is_cancelled(future) || tw_result_is_failure(&future->result)))));
}

static bool wait_is_done(struct tw__waiter *waiter, struct tw_future *future)
{
    struct wait *wait = ((struct entry *)waiter)->wait;
    if (ends(wait, future))
        wake(wait);
    return false;
}

/* Returns 0; -ENOMEM. Afterwards is_content may be set already. */
static int begin(struct wait *wait, struct tw_future *const *futures, size_t count,
                 enum tw_wait_for wait_for)
{
    bool is_content = false;
    size_t i;
    wait->entries = wait->few;
    if (count > FEW && !(wait->entries = (struct entry *)tw__zalloc(count * sizeof(struct entry))))
        return -ENOMEM;
    wait->wait_for = wait_for;
    wait->futures = futures;
    wait->count = count;
    atomic_init(&wait->left, count + 1);
    atomic_init(&wait->is_content, false);
    tw__park_init(&wait->park);
    for (i = 0; i < count; i++) {
        wait->entries[i].wait = wait;
        wait->entries[i].base.is_linked = false;
        wait->entries[i].base.is_done = wait_is_done;
        if (!tw__future_add_waiter(futures[i], &wait->entries[i].base))
            is_content |= ends(wait, futures[i]);
    }
    if (ends(wait, NULL) || is_content)
        atomic_store(&wait->is_content, true);
    return 0;
}

static void end(struct wait *wait)
{
    size_t i;
    for (i = 0; i < wait->count; i++)
        tw__future_remove_waiter(wait->futures[i], &wait->entries[i].base);
    tw__park_done(&wait->park);
    if (wait->entries != wait->few)
        tw__free(wait->entries);
}

static int block(struct wait *wait, int64_t timeout)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    int rc = may_block(wait->futures, wait->count);
    while (rc >= 0 && !atomic_load(&wait->is_content))
        if (!tw__park_wait(&wait->park, clock, deadline) && !atomic_load(&wait->is_content))
            rc = -ETIMEDOUT;
    return rc;
}

static bool are_futures(struct tw_future *const *futures, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (!futures || !futures[i])
            return false;
    return true;
}

int tw_future_wait(struct tw_future *const *futures, size_t count, enum tw_wait_for wait_for,
                   int64_t timeout)
{
    struct wait wait;
    int rc;
    if (!are_futures(futures, count) || (unsigned)wait_for > TW_WAIT_FIRST_FAILURE || timeout < 0)
        return tw__misuse(
            -EINVAL,
            "tw_future_wait or tw_future_result: needs futures, one of the three things to wait "
            "for, and a timeout of 0 or more");
    wait.suspension = NULL;
    rc = begin(&wait, futures, count, wait_for);
    if (rc < 0)
        return rc;
    if (!atomic_load(&wait.is_content))
        rc = timeout ? block(&wait, timeout) : -ETIMEDOUT;
    end(&wait);
    return rc;
}

/* --- await ------------------------------------------------------------------------------------ */

struct call {
    struct tw_future *future;
    struct tw__here here; /* what is in force for the one that waits */
    struct tw__fiber *back;
};

static void run_elsewhere(void *arg)
{
    struct call *call = (struct call *)arg;
    tw__here = call->here;
    call->future->ops->run_here(call->future);
    tw__fiber_exit(call->back);
}

/* With no room for another stack it is left to the others. */
static __attribute__((noinline)) void run_on_fresh_stack(struct tw_future *future)
{
    struct call call = {future, tw__here, tw__fiber_self()};
    struct tw__fiber *fiber;
    if (tw__fiber_new(tw__fiber_stack_size(), run_elsewhere, &call, &fiber) == 0)
        tw__fiber_switch(fiber);
}

/* No job gets much less of a stack than its pool's threads have. */
static void run_here(struct tw_future *future)
{
    if (tw__fiber_has_half_left())
        future->ops->run_here(future);
    else
        run_on_fresh_stack(future);
}

/* The youngest first: its data are warm, and others take the oldest. */
static void run_those_that_wait(struct tw__frame *frame, struct tw_future *const *futures,
                                size_t count)
{
    while (count-- > 0)
        if (futures[count]->place && futures[count]->place->team == frame->worker &&
            tw__future_phase(futures[count]) == TW__PENDING)
            run_here(futures[count]);
}

static bool are_done(struct tw_future *const *futures, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (!tw__future_is_done(futures[i]))
            return false;
    return true;
}

static int suspend(struct tw__frame *frame, struct tw_future *const *futures, size_t count)
{
    struct tw__suspension suspension;
    struct wait wait;
    int rc = tw__suspension_init(&suspension, frame);
    if (rc == -ENOTSUP)
        return tw_future_wait(futures, count, TW_WAIT_ALL, TW_FOREVER);
    wait.suspension = &suspension;
    if (rc >= 0)
        rc = begin(&wait, futures, count, TW_WAIT_ALL);
    if (rc < 0)
        return rc;
    if (!atomic_load(&wait.is_content))
        rc = tw__suspension_wait(&suspension);
    end(&wait);
    return rc;
}

int tw_future_await(struct tw_future *const *futures, size_t count)
{
    struct tw__frame *frame = tw__frame_of_wait();
    int rc;
    if (!are_futures(futures, count))
        return tw__misuse(-EINVAL, "tw_future_await: needs futures");
    if (are_done(futures, count))
        return 0;
    if (!frame || frame->kind == TW__FRAME_WORKER)
        return tw_future_wait(futures, count, TW_WAIT_ALL, TW_FOREVER);
    rc = may_suspend(frame, futures, count);
    if (rc < 0)
        return rc;
    if (frame == tw__here.frame)
        run_those_that_wait(frame, futures, count);
    return are_done(futures, count) ? 0 : suspend(frame, futures, count);
}
