/*
 * A lock for a few instructions at a time: it spins briefly before it sleeps. Clang checks who holds
 * it (-Wthread-safety).
 *
 * On Linux it is one word, and both ways through it are inline, so that to take and release one that
 * nobody else wants is two locked instructions and little more (with a mutex: 64 instructions). The
 * portable path uses a mutex.
 */
#ifndef TWINE_BASE_LOCK_INTERNAL_H
#define TWINE_BASE_LOCK_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/futex_internal.h>

#if !TWINE_FUTEX
#include <pthread.h>
#endif

#if defined(__clang__)
#define TW_GUARD(...) __attribute__((__VA_ARGS__))
#else
#define TW_GUARD(...)
#endif

struct TW_GUARD(capability("mutex")) tw__lock {
#if TWINE_FUTEX
    atomic_int word; /* see lock.c */
#else
    pthread_mutex_t mutex;
#endif
};

#if TWINE_FUTEX

#define TW_LOCK_INIT  \
    {                 \
        TW__LOCK_FREE \
    }

enum { TW__LOCK_FREE = 0, TW__LOCK_HELD = 1, TW__LOCK_WANTED = 2 };

void tw__lock_acquire_slowly(struct tw__lock *lock);
void tw__lock_wake(struct tw__lock *lock);

static inline void tw__lock_init(struct tw__lock *lock)
{
    atomic_init(&lock->word, TW__LOCK_FREE);
}

static inline void tw__lock_done(struct tw__lock *lock)
{
    (void)lock;
}

static inline void tw__lock_acquire(struct tw__lock *lock) TW_GUARD(acquire_capability(lock))
    TW_GUARD(no_thread_safety_analysis)
{
    int seen = TW__LOCK_FREE;
    /* Acquire: what was done under the lock before is seen. */
    if (!atomic_compare_exchange_strong_explicit(&lock->word, &seen, TW__LOCK_HELD,
                                                 memory_order_acquire, memory_order_relaxed))
        tw__lock_acquire_slowly(lock);
}

static inline void tw__lock_release(struct tw__lock *lock) TW_GUARD(release_capability(lock))
    TW_GUARD(no_thread_safety_analysis)
{
    /* Release: what was done under it is seen by the next. The lock may be gone after this, and only
     * its address is used. */
    if (atomic_exchange_explicit(&lock->word, TW__LOCK_FREE, memory_order_release) ==
        TW__LOCK_WANTED)
        tw__lock_wake(lock);
}

#else

#if defined(PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP)
#define TW_LOCK_INIT                          \
    {                                         \
        PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP \
    }
#else
#define TW_LOCK_INIT              \
    {                             \
        PTHREAD_MUTEX_INITIALIZER \
    }
#endif

static inline void tw__lock_init(struct tw__lock *lock)
{
    static const struct tw__lock fresh = TW_LOCK_INIT;
    *lock = fresh;
}

static inline void tw__lock_done(struct tw__lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

static inline void tw__lock_acquire(struct tw__lock *lock) TW_GUARD(acquire_capability(lock))
    TW_GUARD(no_thread_safety_analysis)
{
    pthread_mutex_lock(&lock->mutex);
}

static inline void tw__lock_release(struct tw__lock *lock) TW_GUARD(release_capability(lock))
    TW_GUARD(no_thread_safety_analysis)
{
    pthread_mutex_unlock(&lock->mutex);
}

#endif

#endif
