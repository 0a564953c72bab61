/*
 * The flag of the work that runs on each thread.
 */
#include <twine/threads/cancel_internal.h>

#include <twine/threads/frame_internal.h>

atomic_bool *tw__cancel_flag_set(atomic_bool *flag)
{
    atomic_bool *before = tw__here.cancel_flag;
    tw__here.cancel_flag = flag;
    return before;
}

/* Acquire: work that stops sees what was done before it was asked to. */
static bool is_raised(const atomic_bool *flag)
{
    return flag && atomic_load_explicit(flag, memory_order_acquire);
}

bool tw_cancelled(void)
{
    const struct tw__frame *frame;
    if (is_raised(tw__here.cancel_flag))
        return true;
    for (frame = tw__here.frame; frame; frame = frame->outer)
        if (is_raised(frame->is_stopping))
            return true;
    return false;
}
