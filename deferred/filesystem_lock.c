/*
 * The lock in the file system as an object, and the waiting for it: a try at each tick of one
 * timer, a last one at the end of another.
 */
#include <twine/deferred/filesystem_lock_internal.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/later_internal.h>

const struct tw_error TW_ERROR_ALREADY_TRYING_TO_LOCK = {"already trying to lock", &TW_ERROR};

struct tw_filesystem_lock {
    size_t refs;
    struct tw_reactor *reactor; /* borrowed, or NULL */
    struct tw__later *retry, *limit;
    struct tw_source *source; /* while one waits */
    int64_t interval, timeout;
    bool is_locked, is_clean;
    char path[];
};

static void on_retry(void *owner, int status);
static void on_limit(void *owner, int status);

/* --- life ------------------------------------------------------------------------------------- */

static void free_lock(struct tw_filesystem_lock *lock)
{
    tw__later_free(lock->retry);
    tw__later_free(lock->limit);
    tw__free(lock);
}

static struct tw_filesystem_lock *make(struct tw_reactor *reactor, const char *path,
                                       int64_t interval)
{
    size_t size = strlen(path) + 1;
    struct tw_filesystem_lock *lock = (struct tw_filesystem_lock *)tw__zalloc(sizeof *lock + size);
    if (!lock)
        return NULL;
    lock->refs = 1;
    lock->reactor = reactor;
    lock->interval = interval ? interval : TW_SECOND;
    memcpy(lock->path, path, size);
    lock->retry = tw__later_new(on_retry, lock);
    lock->limit = tw__later_new(on_limit, lock);
    if (lock->retry && lock->limit)
        return lock;
    free_lock(lock);
    return NULL;
}

int tw_filesystem_lock_new(struct tw_reactor *reactor, const char *path,
                           const struct tw_filesystem_lock_options *options,
                           struct tw_filesystem_lock **ret_lock)
{
    struct tw_filesystem_lock *lock;
    if (options && options->size != sizeof *options)
        return tw__misuse(-EINVAL,
                          "tw_filesystem_lock_new: needs options of the size this library knows");
    if (!path || !*path || !ret_lock || (options && options->interval < 0))
        return tw__misuse(-EINVAL, "tw_filesystem_lock_new: needs a path, an interval of 0 or "
                                   "more, and ret_lock");
    lock = make(reactor, path, options ? options->interval : 0);
    if (!lock)
        return -ENOMEM;
    *ret_lock = lock;
    return 0;
}

struct tw_filesystem_lock *tw_filesystem_lock_ref(struct tw_filesystem_lock *lock)
{
    if (lock)
        lock->refs++;
    return lock;
}

struct tw_filesystem_lock *tw_filesystem_lock_unref(struct tw_filesystem_lock *lock)
{
    struct tw_source *source;
    if (!lock || --lock->refs > 0)
        return NULL;
    source = lock->source;
    free_lock(lock);
    tw_source_unref(source);
    return NULL;
}

/* --- taking and giving back ------------------------------------------------------------------- */

int tw_filesystem_lock_lock(struct tw_filesystem_lock *lock)
{
    int rc;
    if (!lock)
        return tw__misuse(-EINVAL, "tw_filesystem_lock_lock: needs a lock");
    rc = tw__link_take(lock->path, &lock->is_clean);
    if (rc == 1)
        lock->is_locked = true;
    return rc;
}

int tw_filesystem_lock_unlock(struct tw_filesystem_lock *lock)
{
    int rc;
    if (!lock)
        return tw__misuse(-EINVAL, "tw_filesystem_lock_unlock: needs a lock");
    rc = tw__link_remove(lock->path);
    if (rc == 0)
        lock->is_locked = false;
    return rc;
}

bool tw_filesystem_lock_is_locked(const struct tw_filesystem_lock *lock)
{
    return lock && lock->is_locked;
}

bool tw_filesystem_lock_is_clean(const struct tw_filesystem_lock *lock)
{
    return lock && lock->is_clean;
}

int tw_filesystem_lock_is_held(const char *path)
{
    bool is_clean;
    int rc;
    if (!path || !*path)
        return tw__misuse(-EINVAL, "tw_filesystem_lock_is_held: needs a path");
    rc = tw__link_take(path, &is_clean);
    if (rc == 1)
        return tw__link_remove(path);
    return rc == 0 ? 1 : rc;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static struct tw_source *stop_waiting(struct tw_filesystem_lock *lock)
{
    struct tw_source *source = lock->source;
    lock->source = NULL;
    tw__later_stop(lock->retry);
    tw__later_stop(lock->limit);
    return source;
}

/* The lock may go with it. */
static void finish(struct tw_filesystem_lock *lock, struct tw_failure *failure)
{
    struct tw_source *source = stop_waiting(lock);
    if (failure)
        tw_source_errback(source, failure);
    else
        tw_source_callback(source, NULL, NULL);
    tw_source_unref(source);
}

static void finish_for_error(struct tw_filesystem_lock *lock, int error)
{
    struct tw_failure *failure = tw__failure_of_start(error, lock->path);
    finish(lock, failure);
    tw_failure_unref(failure);
}

/* true: that decided it. */
static bool try_and_finish(struct tw_filesystem_lock *lock)
{
    int rc = tw_filesystem_lock_lock(lock);
    if (rc == 0)
        return false;
    if (rc < 0)
        finish_for_error(lock, rc);
    else
        finish(lock, NULL);
    return true;
}

static void on_retry(void *owner, int status)
{
    struct tw_filesystem_lock *lock = (struct tw_filesystem_lock *)owner;
    int rc;
    if (status < 0) {
        finish(lock, tw__failure_shutdown());
        return;
    }
    if (try_and_finish(lock))
        return;
    rc = tw__later_start(lock->retry, lock->reactor, lock->interval);
    if (rc < 0)
        finish_for_error(lock, rc);
}

static void time_out(struct tw_filesystem_lock *lock)
{
    struct tw_failure *failure;
    char message[256];
    snprintf(message, sizeof message, "%s was not to be had within %g s", lock->path,
             (double)lock->timeout / (double)TW_SECOND);
    failure = TW_FAILURE_NEW(&TW_ERROR_TIMEOUT, ETIMEDOUT, message);
    finish(lock, failure);
    tw_failure_unref(failure);
}

static void on_limit(void *owner, int status)
{
    struct tw_filesystem_lock *lock = (struct tw_filesystem_lock *)owner;
    if (status < 0)
        finish(lock, tw__failure_shutdown());
    else if (!try_and_finish(lock))
        time_out(lock);
}

/* A last try: FSL-013. */
static int cancel(struct tw_source *source, void *arg)
{
    struct tw_filesystem_lock *lock = (struct tw_filesystem_lock *)arg;
    (void)source;
    tw__later_stop(lock->retry);
    tw__later_stop(lock->limit);
    if (!try_and_finish(lock))
        tw_source_unref(stop_waiting(lock));
    return 0;
}

static int begin(struct tw_filesystem_lock *lock, int64_t timeout)
{
    int rc;
    lock->timeout = timeout;
    if (try_and_finish(lock))
        return 0;
    rc = tw__later_start(lock->retry, lock->reactor, lock->interval);
    if (rc >= 0 && timeout != TW_FOREVER)
        rc = tw__later_start(lock->limit, lock->reactor, timeout);
    if (rc < 0)
        finish(lock, NULL); /* nobody sees it: it only lets go */
    return rc;
}

static int refuse(struct tw_deferred **ret_deferred)
{
    struct tw_failure *failure = TW_FAILURE_NEW(&TW_ERROR_ALREADY_TRYING_TO_LOCK, EALREADY,
                                                "the lock is being waited for already");
    int rc = tw_deferred_fail(failure, ret_deferred);
    tw_failure_unref(failure);
    return rc;
}

int tw_filesystem_lock_defer_until_locked(struct tw_filesystem_lock *lock, int64_t timeout,
                                          struct tw_deferred **ret_deferred)
{
    struct tw_deferred *deferred = NULL;
    int rc;
    if (!lock || !lock->reactor || timeout < 0 || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_filesystem_lock_defer_until_locked: needs a lock with a "
                                   "reactor, a timeout of 0 or more, and ret_deferred");
    if (lock->source)
        return refuse(ret_deferred);
    rc = tw_deferred_new(cancel, lock, NULL, &lock->source, &deferred);
    if (rc < 0)
        return rc;
    rc = begin(lock, timeout);
    if (rc < 0)
        tw_deferred_unref(deferred);
    else
        *ret_deferred = deferred;
    return rc;
}
