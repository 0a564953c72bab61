/*
 * A worker and the process that made it.
 */
#ifndef TWINE_THREADS_WORKER_INTERNAL_H
#define TWINE_THREADS_WORKER_INTERNAL_H

#include <stdbool.h>
#include <twine/base/fork_internal.h>
#include <twine/threads/worker_ops.h>

/* Whether it was made before this process was forked: it is answered with -EOWNERDEAD, and its
 * locks and its tasks are not touched. */
static inline bool tw__worker_is_inherited(const struct tw_worker *worker)
{
    return worker->_epoch != tw__fork_epoch();
}

#endif
