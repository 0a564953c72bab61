/*
 * A lock for a few instructions at a time: a mutex that spins briefly before it sleeps, where the
 * system has one. Clang checks who holds it (-Wthread-safety).
 */
#ifndef TWINE_BASE_LOCK_INTERNAL_H
#define TWINE_BASE_LOCK_INTERNAL_H

#include <pthread.h>

#if defined(__clang__)
#define TW_GUARD(...) __attribute__((__VA_ARGS__))
#else
#define TW_GUARD(...)
#endif

struct TW_GUARD(capability("mutex")) tw__lock {
    pthread_mutex_t mutex;
};

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
