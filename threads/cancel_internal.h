/*
 * The flag that work is asked by, for those who run work.
 */
#ifndef TWINE_THREADS_CANCEL_INTERNAL_H
#define TWINE_THREADS_CANCEL_INTERNAL_H

#include <stdatomic.h>
#include <twine/threads/cancel.h>

/* Make a flag the one of the work that runs on this thread from now on. Returns the one before, to
 * be put back afterwards. */
atomic_bool *tw__cancel_flag_set(atomic_bool *flag);

#endif
