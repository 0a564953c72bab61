/*
 * The epoch, and the one thing that is done in a forked child before fork() returns there.
 */
#include <twine/base/fork_internal.h>

#include <pthread.h>
#include <stdbool.h>

atomic_uint tw__fork_count;

static void is_child(void)
{
    atomic_fetch_add_explicit(&tw__fork_count, 1, memory_order_relaxed);
}

/* Two threads that come first together may both register it, and then a fork counts twice: it only
 * has to be another number. Short of memory the next one to come tries again. */
void tw__fork_watch(void)
{
    static atomic_bool is_watched;
    if (!atomic_load(&is_watched) && pthread_atfork(NULL, NULL, is_child) == 0)
        atomic_store(&is_watched, true);
}
