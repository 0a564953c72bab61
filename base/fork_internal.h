/*
 * Which process made it: an epoch that is one higher in a forked child.
 *
 * A child has copies of all that was there, but not the threads that work on it, and perhaps of a
 * lock that was held, which nobody will ever release. So whatever threads share notes the epoch in
 * which it was made, and is left alone in any other: its functions answer -EOWNERDEAD before they
 * touch a lock, and what it holds stays where it is. Nothing is cleaned up in the child: that would
 * need the locks.
 *
 * Only fork() raises it; vfork(), posix_spawn() and a clone() of one's own do not.
 */
#ifndef TWINE_BASE_FORK_INTERNAL_H
#define TWINE_BASE_FORK_INTERNAL_H

#include <stdatomic.h>

extern atomic_uint tw__fork_count;

/* Relaxed: it changes only in a child that has no second thread yet. */
static inline unsigned tw__fork_epoch(void)
{
    return atomic_load_explicit(&tw__fork_count, memory_order_relaxed);
}

/* From now on fn is called in each forked child, before fork() returns there: for what has to be new
 * before anybody can use it, such as a lock of the process. It only stores. Any thread, any number of
 * times; a few different ones. */
void tw__fork_renew(void (*fn)(void));

/* From now on forks are noticed. Before the first object notes its epoch; any thread. */
void tw__fork_watch(void);

#endif
