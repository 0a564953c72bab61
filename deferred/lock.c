/*
 * The lock: permits, of which there is one.
 */
#include <twine/deferred/lock.h>

#include <errno.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/permits_internal.h>

struct tw_deferred_lock {
    struct tw__permits permits;
};

int tw_deferred_lock_new(struct tw_deferred_lock **ret_lock)
{
    struct tw__permits *permits = NULL;
    int rc;
    if (!ret_lock)
        return tw__misuse(-EINVAL, "tw_deferred_lock_new: needs ret_lock");
    rc = tw__permits_new(1, &permits);
    if (rc >= 0)
        *ret_lock = (struct tw_deferred_lock *)permits;
    return rc;
}

struct tw_deferred_lock *tw_deferred_lock_ref(struct tw_deferred_lock *lock)
{
    if (lock)
        lock->permits.refs++;
    return lock;
}

struct tw_deferred_lock *tw_deferred_lock_unref(struct tw_deferred_lock *lock)
{
    if (lock)
        tw__permits_unref(&lock->permits);
    return NULL;
}

int tw_deferred_lock_acquire(struct tw_deferred_lock *lock, struct tw_deferred **ret_deferred)
{
    if (!lock || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_deferred_lock_acquire: needs a lock and ret_deferred");
    return tw__permits_acquire(&lock->permits, ret_deferred);
}

int tw_deferred_lock_release(struct tw_deferred_lock *lock)
{
    if (!lock || !tw__permits_release(&lock->permits))
        return tw__misuse(-EINVAL, "tw_deferred_lock_release: needs a lock that is taken");
    return 0;
}

int tw_deferred_lock_run(struct tw_deferred_lock *lock, tw_call_fn fn, void *arg,
                         tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    int rc = lock && fn && ret_deferred
                 ? tw__permits_run(&lock->permits, fn, arg, destroy, ret_deferred)
                 : tw__misuse(-EINVAL, "tw_deferred_lock_run: needs a lock, a function and "
                                       "ret_deferred");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}

bool tw_deferred_lock_is_locked(const struct tw_deferred_lock *lock)
{
    return lock && !lock->permits.free;
}

size_t tw_deferred_lock_waiting(const struct tw_deferred_lock *lock)
{
    return lock ? lock->permits.waiters.count : 0;
}
