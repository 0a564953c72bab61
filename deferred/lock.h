/*
 * A lock for those who wait without blocking (Twisted's DeferredLock, LCK).
 *
 * It is for steps that belong together while callbacks of others run in between, all on one
 * thread: it is no mutex, and takes none.
 *
 *     tw_deferred_lock_run(lock, update, record, NULL, &deferred);
 *
 * calls update when its turn has come, and lets go when what update waits for is over, whether it
 * went well or not. By hand it is acquire, and release exactly once for each that was granted.
 *
 * Those who wait are served in order. One that a release serves is called inside that release; a
 * release from inside such a call only hands the lock on, and the next is called when this one has
 * returned. So any number follow on each other in constant stack.
 *
 * Thread: one, the Deferreds'. Nothing blocks.
 */
#ifndef TWINE_DEFERRED_LOCK_H
#define TWINE_DEFERRED_LOCK_H

#include <stddef.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

struct tw_deferred_lock;

/** Make a lock, which is free. Ownership: it is yours to unref. Returns: 0; -ENOMEM. */
TW_EXPORT int tw_deferred_lock_new(struct tw_deferred_lock **ret_lock);

/** Hold a lock object once more; this does not acquire it. Returns: the lock; NULL for NULL. */
TW_EXPORT struct tw_deferred_lock *tw_deferred_lock_ref(struct tw_deferred_lock *lock);
/** Let go of a lock object. When the last one goes, those who still wait for the lock fail with
 * TW_ERROR_ABANDONED. Returns: NULL. */
TW_EXPORT struct tw_deferred_lock *tw_deferred_lock_unref(struct tw_deferred_lock *lock);

/**
 * Ask for the lock (LCK-001 to LCK-003). If it is free, the Deferred has fired on return.
 *
 * A cancel ends the wait. Once the lock has been granted it does nothing: release it.
 *
 * Ownership: the handle is yours to unref. The Deferred fires with the lock: a struct
 *            tw_deferred_lock, and a reference to it, which goes with the result unless somebody
 *            takes it.
 * Returns:   0; -ENOMEM.
 */
TW_EXPORT int tw_deferred_lock_acquire(struct tw_deferred_lock *lock,
                                       struct tw_deferred **ret_deferred);

/** Give the lock back: to the oldest who waits, or to nobody (LCK-004, LCK-005). Returns: 0;
 * -EINVAL if it is not taken (LCK-006). */
TW_EXPORT int tw_deferred_lock_release(struct tw_deferred_lock *lock);

/**
 * Call a function while holding the lock, and have what it leaves as a Deferred (LCK-009 to
 * LCK-013).
 *
 * The function starts from null, and may leave a Deferred in its result. The lock is given back
 * when that has fired, whether it failed or not; after that the caller's Deferred fires, and before
 * it whoever got the lock next.
 *
 * A cancel ends the wait for the lock, or, once the function has been called, what it waits for.
 *
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called after the function, or
 *            when it is not called. The lock object is held while it is taken, not while this waits
 *            for it. The handle is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL without a lock, a function or ret_deferred. A cancel answers
 *            -EINPROGRESS if the function's end is still to come.
 */
TW_EXPORT int tw_deferred_lock_run(struct tw_deferred_lock *lock, tw_call_fn fn, void *arg,
                                   tw_destroy_fn destroy, struct tw_deferred **ret_deferred);

/** Whether it is taken (LCK-016). */
TW_EXPORT bool tw_deferred_lock_is_locked(const struct tw_deferred_lock *lock);
/** How many wait for it. */
TW_EXPORT size_t tw_deferred_lock_waiting(const struct tw_deferred_lock *lock);

TW_END_DECLS

#endif
