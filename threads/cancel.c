/*
 * The flag of the work that runs on each thread.
 */
#include <twine/threads/cancel_internal.h>

#include <stddef.h>

static _Thread_local atomic_bool *current;

atomic_bool *tw__cancel_flag_set(atomic_bool *flag)
{
    atomic_bool *before = current;
    current = flag;
    return before;
}

bool tw_cancelled(void)
{
    /* Acquire: work that stops sees what was done before it was asked to. */
    return current && atomic_load_explicit(current, memory_order_acquire);
}
