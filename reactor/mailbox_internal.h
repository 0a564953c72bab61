/*
 * A reactor's mailbox: its inbox for other threads, and the reactor as an exclusive worker.
 *
 * It is counted apart and outlives its reactor: whoever holds a reference may submit at any time,
 * and is told -ESHUTDOWN once the mailbox is closed.
 */
#ifndef TWINE_REACTOR_MAILBOX_INTERNAL_H
#define TWINE_REACTOR_MAILBOX_INTERNAL_H

#include <twine/reactor/wake_fd_internal.h>
#include <twine/threads/inbox_internal.h>
#include <twine/threads/worker_ops.h>

struct tw__mailbox {
    struct tw_worker base;
    struct tw__inbox inbox;
    struct tw__wake_fd wake;
    struct tw_task pool_ended; /* lent to the reactor's pool; here because the pool may end after
                                  the reactor */
    void *reactor;             /* on the loop's thread only; NULL once it has gone */
};

/* Send a fresh task that nobody else knows, and so nobody can cancel: its claim stays empty. Any
 * thread; needs a reference to the mailbox until the task is in, no longer: so it may be the task's.
 * 0, and the task may be gone already; -ESHUTDOWN; -EOWNERDEAD. */
int tw__mailbox_post(struct tw_worker *mailbox, struct tw_task *task);

int tw__mailbox_new(struct tw__mailbox **ret_mailbox); /* 0; -ENOMEM; -EMFILE and the like */

#endif
