/*
 * The mailbox as a worker. The inbox holds the whole protocol: who puts something into one whose
 * owner sleeps writes to the wake descriptor, and nobody else does.
 */
#include <twine/reactor/mailbox_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/worker_internal.h>

/* 0; -ESHUTDOWN. */
static inline int push(struct tw__mailbox *mailbox, struct tw_task *task)
{
    int rc = tw__inbox_push(&mailbox->inbox, task);
    if (rc > 0)
        tw__wake_fd_write(&mailbox->wake);
    return rc < 0 ? rc : 0;
}

static int mailbox_submit(struct tw_worker *worker, struct tw_task *task)
{
    int rc;
    tw_task_accept(task, worker);
    rc = push((struct tw__mailbox *)worker, task);
    return rc < 0 ? tw__task_refused(task, rc) : 0;
}

/* Only for a wake is the mailbox looked at once the task is in, and then it is held, which costs
 * little beside. */
int tw__mailbox_post(struct tw_worker *mailbox, struct tw_task *task)
{
    int rc;
    if (tw__worker_is_inherited(mailbox))
        return -EOWNERDEAD;
    rc = tw__inbox_push_to_awake(&((struct tw__mailbox *)mailbox)->inbox, task);
    if (rc <= 0)
        return rc;
    tw_worker_ref(mailbox);
    rc = push((struct tw__mailbox *)mailbox, task);
    tw_worker_unref(mailbox);
    return rc;
}

/* A reactor is stopped, not quit. It is no misuse to ask: a team does, of its coordinator. */
static int mailbox_quit(struct tw_worker *worker)
{
    (void)worker;
    return -ENOTSUP;
}

/* The reactor has gone before, or there never was one: what it holds was taken out by it. */
static void mailbox_last_unref(struct tw_worker *worker)
{
    struct tw__mailbox *mailbox = (struct tw__mailbox *)worker;
    tw__wake_fd_close(&mailbox->wake);
    tw__free(mailbox);
}

static const struct tw_worker_ops mailbox_ops = {
    sizeof mailbox_ops,     "reactor",    TW_WORKER_EXCLUSIVE,  mailbox_submit,
    tw_worker_cancel_claim, mailbox_quit, tw_worker_enter_none, tw_worker_leave_none,
    mailbox_last_unref};

int tw__mailbox_new(struct tw__mailbox **ret_mailbox)
{
    struct tw__mailbox *mailbox = (struct tw__mailbox *)tw__zalloc(sizeof *mailbox);
    int rc;
    if (!mailbox)
        return -ENOMEM;
    rc = tw__wake_fd_open(&mailbox->wake);
    if (rc < 0) {
        tw__free(mailbox);
        return rc;
    }
    tw_worker_init(&mailbox->base, &mailbox_ops);
    tw__inbox_init(&mailbox->inbox);
    /* Nobody looks yet: the first to put something in makes the descriptor readable. */
    tw__inbox_sleep(&mailbox->inbox);
    *ret_mailbox = mailbox;
    return 0;
}
