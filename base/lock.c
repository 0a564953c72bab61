/*
 * The lock, when somebody else has it.
 *
 *     FREE      nobody has it
 *     HELD      somebody has it, and nobody sleeps
 *     WANTED    somebody has it, and others may sleep until it is released
 *
 * Nobody sleeps for ever: the kernel puts a thread to sleep only while the word is WANTED, and whoever
 * releases it then wakes one. That one takes the lock as WANTED, since it cannot know whether it was
 * the last: at worst a wake finds nobody. (The third lock of "Futexes are tricky", Drepper.)
 */
#include <twine/base/lock_internal.h>

#if TWINE_FUTEX

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <twine/base/processors_internal.h>
#include <twine/base/relax_internal.h>
#include <unistd.h>

#define LONGEST_PAUSE 64

static bool try_to_acquire(struct tw__lock *lock)
{
    int seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
    return seen == TW__LOCK_FREE &&
           atomic_compare_exchange_weak_explicit(&lock->word, &seen, TW__LOCK_HELD,
                                                 memory_order_acquire, memory_order_relaxed);
}

/* What it guards takes some dozens of instructions: its holder, if it runs, is soon through. But each
 * look takes the word's line from the holder, who has to fetch it back; so they become rarer, and
 * meanwhile one thread does many short visits in a row, with all that they touch in its own cache.
 * (A loop against one thread that does nothing else waits 0.7 to 1.1 microseconds at the 99.9th
 * percentile, and 0.5 to 0.8 with looks as often as can be.) */
static bool acquire_soon(struct tw__lock *lock)
{
    int pauses, i;
    if (tw__processors() == 1)
        return false;
    for (pauses = 1; pauses <= LONGEST_PAUSE; pauses *= 2) {
        if (try_to_acquire(lock))
            return true;
        for (i = 0; i < pauses; i++)
            tw__relax();
    }
    return try_to_acquire(lock);
}

/* Like a mutex's, these leave errno alone. */
void tw__lock_acquire_slowly(struct tw__lock *lock)
{
    int before = errno;
    if (acquire_soon(lock))
        return;
    while (atomic_exchange_explicit(&lock->word, TW__LOCK_WANTED, memory_order_acquire) !=
           TW__LOCK_FREE)
        syscall(SYS_futex, &lock->word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, TW__LOCK_WANTED, NULL,
                NULL, 0);
    errno = before;
}

void tw__lock_wake(struct tw__lock *lock)
{
    int before = errno;
    syscall(SYS_futex, &lock->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
    errno = before;
}

#endif
