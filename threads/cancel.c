/*
 * The flag of the work that runs on each thread.
 */
#include <twine/threads/cancel_internal.h>

#include <twine/base/here_internal.h>

atomic_bool *tw__cancel_flag_set(atomic_bool *flag)
{
    atomic_bool *before = tw__here.cancel_flag;
    tw__here.cancel_flag = flag;
    return before;
}

bool tw_cancelled(void)
{
    atomic_bool *flag = tw__here.cancel_flag;
    /* Acquire: work that stops sees what was done before it was asked to. */
    return flag && atomic_load_explicit(flag, memory_order_acquire);
}
