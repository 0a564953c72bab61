/*
 * So many at a time, for those who wait without blocking (Twisted's DeferredSemaphore, SEM).
 *
 * It is a lock (deferred/lock.h) that several may hold: everything said there holds here.
 *
 * Thread: one, the Deferreds'. Nothing blocks.
 */
#ifndef TWINE_DEFERRED_SEMAPHORE_H
#define TWINE_DEFERRED_SEMAPHORE_H

#include <stddef.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

struct tw_deferred_semaphore;

/**
 * Make a semaphore.
 *
 * Ownership: it is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL for less than one token (SEM-002).
 *
 * @param tokens how many may hold it at a time
 */
TW_EXPORT int tw_deferred_semaphore_new(size_t tokens,
                                        struct tw_deferred_semaphore **ret_semaphore);

/** Hold a semaphore object once more; this does not acquire it. Returns: the semaphore; NULL for
 * NULL. */
TW_EXPORT struct tw_deferred_semaphore *
tw_deferred_semaphore_ref(struct tw_deferred_semaphore *semaphore);
/** Let go of a semaphore object. When the last one goes, those who still wait fail with
 * TW_ERROR_ABANDONED. Returns: NULL. */
TW_EXPORT struct tw_deferred_semaphore *
tw_deferred_semaphore_unref(struct tw_deferred_semaphore *semaphore);

/** Ask for a token (SEM-003, SEM-007); see tw_deferred_lock_acquire(). The Deferred fires with the
 * semaphore. Returns: 0; -ENOMEM. */
TW_EXPORT int tw_deferred_semaphore_acquire(struct tw_deferred_semaphore *semaphore,
                                            struct tw_deferred **ret_deferred);

/** Give a token back: to the oldest who waits, or to the others (SEM-004, SEM-005). Returns: 0;
 * -EINVAL if none is out (SEM-006). */
TW_EXPORT int tw_deferred_semaphore_release(struct tw_deferred_semaphore *semaphore);

/** Call a function while holding a token (SEM-008); see tw_deferred_lock_run(). */
TW_EXPORT int tw_deferred_semaphore_run(struct tw_deferred_semaphore *semaphore, tw_call_fn fn,
                                        void *arg, tw_destroy_fn destroy,
                                        struct tw_deferred **ret_deferred);

/** How many tokens can be had at once. */
TW_EXPORT size_t tw_deferred_semaphore_tokens(const struct tw_deferred_semaphore *semaphore);
/** How many tokens there are in all. */
TW_EXPORT size_t tw_deferred_semaphore_limit(const struct tw_deferred_semaphore *semaphore);
/** How many wait for one. */
TW_EXPORT size_t tw_deferred_semaphore_waiting(const struct tw_deferred_semaphore *semaphore);

TW_END_DECLS

#endif
