/*
 * The epoch, and the little that is done in a forked child before fork() returns there.
 */
#include <twine/base/fork_internal.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <twine/base/check_internal.h>

atomic_uint tw__fork_count;

#define RENEWALS 8

static void (*_Atomic renewals[RENEWALS])(void);

static void is_child(void)
{
    int i;
    atomic_fetch_add_explicit(&tw__fork_count, 1, memory_order_relaxed);
    for (i = 0; i < RENEWALS && atomic_load(&renewals[i]); i++)
        atomic_load (&renewals[i])();
}

void tw__fork_renew(void (*fn)(void))
{
    int i;
    for (i = 0; i < RENEWALS; i++) {
        void (*none)(void) = NULL;
        if (atomic_load(&renewals[i]) == fn ||
            atomic_compare_exchange_strong(&renewals[i], &none, fn) || none == fn)
            break;
    }
    TW__CHECK(i < RENEWALS);
    tw__fork_watch();
}

/* Two threads that come first together may both register it, and then a fork counts twice: it only
 * has to be another number. Short of memory the next one to come tries again. */
void tw__fork_watch(void)
{
    static atomic_bool is_watched;
    if (!atomic_load(&is_watched) && pthread_atfork(NULL, NULL, is_child) == 0)
        atomic_store(&is_watched, true);
}
