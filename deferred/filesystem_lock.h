/*
 * A lock in the file system, for processes that would keep out of each other's way (Twisted's
 * DeferredFilesystemLock, FSL).
 *
 *     tw_filesystem_lock_new(reactor, "/run/spool.lock", NULL, &lock);
 *     tw_filesystem_lock_defer_until_locked(lock, 30 * TW_SECOND, &deferred);
 *     tw_deferred_add_both(deferred, work, lock, NULL);           work unlocks it
 *
 * The lock is a symbolic link whose target is its owner's process id, as Twisted's is, so both can
 * share one. A link whose process has gone is broken. Only one process at a time may do that: it
 * holds flock() on the folder and looks again, so that two that find the same stale link cannot
 * both end up with the lock, which they can in Twisted. A process id that is in use again looks
 * alive.
 *
 * Thread: loop. The file system is touched here; that takes what a few system calls take.
 */
#ifndef TWINE_DEFERRED_FILESYSTEM_LOCK_H
#define TWINE_DEFERRED_FILESYSTEM_LOCK_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/** The lock is being waited for through the same object already (FSL-011). Code: EALREADY. */
TW_EXPORT extern const struct tw_error TW_ERROR_ALREADY_TRYING_TO_LOCK;

struct tw_filesystem_lock;

/** How a lock is made. Begin with {.size = sizeof options}; what is left null is the default. */
struct tw_filesystem_lock_options {
    size_t size;      /**< sizeof(struct tw_filesystem_lock_options) */
    int64_t interval; /**< nanoseconds between two tries; 0: a second */
};

/**
 * Make a lock object; the lock itself is not touched.
 *
 * Ownership: the reactor is borrowed, and must be there when something is deferred; NULL if nothing
 *            will be. The path is copied. The object is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL.
 */
TW_EXPORT int tw_filesystem_lock_new(struct tw_reactor *reactor, const char *path,
                                     const struct tw_filesystem_lock_options *options,
                                     struct tw_filesystem_lock **ret_lock);

/** Hold an object once more. Returns: the lock; NULL for NULL. */
TW_EXPORT struct tw_filesystem_lock *tw_filesystem_lock_ref(struct tw_filesystem_lock *lock);
/** Let go of an object. When the last one goes, a Deferred that still waits fails with
 * TW_ERROR_ABANDONED. A lock that is held stays: unlock it. Returns: NULL. */
TW_EXPORT struct tw_filesystem_lock *tw_filesystem_lock_unref(struct tw_filesystem_lock *lock);

/**
 * Try to take the lock (FSL-001 to FSL-005).
 *
 * Returns: 1 if it is held now; 0 if another living process holds it, or this one already does, or
 *          another process is just breaking it; -EBADMSG if what is there is no lock; else the
 *          negative errno of the file system.
 */
TW_EXPORT int tw_filesystem_lock_lock(struct tw_filesystem_lock *lock);

/** Give it back: remove the link (FSL-006). Returns: 0; -EPERM if it names another process; -EBADMSG
 * and others as above, -ENOENT if nobody holds it. */
TW_EXPORT int tw_filesystem_lock_unlock(struct tw_filesystem_lock *lock);

/** Whether it has been taken by this object and not given back. */
TW_EXPORT bool tw_filesystem_lock_is_locked(const struct tw_filesystem_lock *lock);
/** Whether the one before gave it back as it should: false if its link had to be broken, last time
 * (FSL-003). */
TW_EXPORT bool tw_filesystem_lock_is_clean(const struct tw_filesystem_lock *lock);

/** Whether anybody holds a lock: it is tried, and given back (FSL-007). Thread: any. Returns: 1 if
 * so; 0; a negative errno as of tw_filesystem_lock_lock(); -ENOMEM. */
TW_EXPORT int tw_filesystem_lock_is_held(const char *path);

/**
 * Take the lock when it is to be had (FSL-008 to FSL-014).
 *
 * It is tried at once, and then at intervals; a last time when the timeout is over or the Deferred
 * is cancelled: if it is free then, it is taken after all.
 *
 * Ownership: the handle is yours to unref. It fires with null. It fails with TW_ERROR_TIMEOUT, with
 *            TW_ERROR_SYSTEM if the file system refuses, with TW_ERROR_SHUTDOWN if the reactor goes,
 *            and at once with TW_ERROR_ALREADY_TRYING_TO_LOCK if one of this object is out.
 * Returns:   0; -ENOMEM; -EINVAL for a negative timeout or without a reactor.
 *
 * @param timeout nanoseconds from now; TW_FOREVER for none
 */
TW_EXPORT int tw_filesystem_lock_defer_until_locked(struct tw_filesystem_lock *lock,
                                                    int64_t timeout,
                                                    struct tw_deferred **ret_deferred);

TW_END_DECLS

#endif
