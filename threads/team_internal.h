/*
 * A team's books. team_books.c and team_books_jobs.c keep them, team.c and team_inbox.c are the ways
 * to them, team_slot.c what a worker does, team_suspend.c how a job is suspended, team_policy.c what
 * others may ask. Of them only the pool's files, shutdown.c and watches include this.
 *
 * The books say which workers there are, what each does, and what waits. They are changed inside
 * the coordinator, and the functions that change them call no user code but create_worker. What has
 * to happen outside (a task handed to a worker, a worker quit, a task given up) they note in an
 * outcome, which is carried out once the books are closed.
 *
 * A worker's slot owns the node that travels in the worker's own queue; the user's task travels
 * only in the team's. A slot's states:
 *
 *     COMING -> IDLE | BUSY | GONE    its thread has come up; or could not be started
 *     IDLE   -> WAKING | BUSY | GONE  it was given a task and must be woken; or came for one while it
 *                                     searched, or goes on with a job that was suspended; or was
 *                                     shrunk, or has idled for too long
 *     WAKING -> BUSY | GONE           it has started
 *     BUSY   -> IDLE | GONE           it has finished, or its job is suspended, and nothing waits;
 *                                     or it was owed to a shrink, or to quit
 *
 * What always holds when the books are closed:
 *     - something waits  =>  somebody will come for it: a worker is busy, waking or coming; or the
 *       create function had none to give and there is no worker at all, and then it waits for grow
 *       or is given up by quit; or the team is suspended;
 *     - at most one slot is WAKING. It passes the wake on before it runs its task, so wakes go in a
 *       chain;
 *     - a slot with suspended jobs does not go: it is COMING never, GONE only after them;
 *     - a slot's node is in its worker's queue only while it is COMING or WAKING, or BUSY and not
 *       yet started.
 */
#ifndef TWINE_THREADS_TEAM_INTERNAL_H
#define TWINE_THREADS_TEAM_INTERNAL_H

#include <stdatomic.h>
#include <twine/base/cache_line_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/park_internal.h>
#include <twine/threads/frame_internal.h>
#include <twine/threads/suspension_internal.h>
#include <twine/threads/task_internal.h>
#include <twine/threads/task_queue_internal.h>
#include <twine/threads/team.h>
#include <twine/threads/team_inbox_internal.h>
#include <twine/threads/worker_internal.h>

enum slot_state { SLOT_COMING, SLOT_IDLE, SLOT_WAKING, SLOT_BUSY, SLOT_GONE, SLOT_STATES };

/* What an entry of a team's inbox asks for; any entry whose fn is not tw__op_mark is a user's
 * task. */
enum op_kind {
    OP_START,
    OP_RECYCLE,
    OP_STRIKE_OFF,
    OP_GROW,
    OP_SHRINK,
    OP_SHRINK_TO,
    OP_KEEP,
    OP_QUIT
};

struct op {
    struct tw_task node;
    enum op_kind kind;
    struct slot *slot; /* start, recycle, strike off */
    size_t n;          /* grow, shrink, keep: how many; recycle: whether the task was performed */
    int error;         /* strike off: why */
    bool is_allocated; /* freed when it has been done */
};

struct slot {
    struct tw_task node; /* travels in the worker's queue */
    struct tw_team *team;
    struct tw_worker *worker; /* a reference */
    struct slot *next, *prev; /* among the idle ones, or next in an outcome */
    struct tw_task *task;     /* what the node brings to the worker */
    enum slot_state state;
    size_t suspended;             /* how many of its jobs wait; changed by its own thread, inside */
    struct tw__suspension *ready; /* its own thread's: woken, and still to go on */
    struct op start, recycle;     /* for the inbox */
};

/* What a pool says about its team. Asked inside the coordinator, with the team's arg. */
struct tw__team_policy {
    /* How many of its workers, idle already or with their next task, are in a delivery. */
    size_t (*delivering)(void *arg);
};

/* What is to be done when the books are closed. */
struct outcome {
    struct slot *to_run;            /* their nodes go to their workers */
    struct slot *to_quit;           /* GONE: their workers are quit, and they are freed */
    struct tw__task_queue given_up; /* each with the reason in its claim */
    int create_error;               /* what create_worker answered; 0 */
    bool has_ended;
};

static inline void tw__outcome_init(struct outcome *outcome)
{
    outcome->to_run = outcome->to_quit = NULL;
    tw__task_queue_init(&outcome->given_up);
    outcome->create_error = 0;
    outcome->has_ended = false;
}

/* As after most visits. */
static inline bool tw__outcome_is_nothing(const struct outcome *outcome)
{
    return !outcome->to_run && !outcome->to_quit && !outcome->create_error && !outcome->has_ended &&
           tw__task_queue_is_empty(&outcome->given_up);
}

/* Who waits for a team's end, on its own stack. */
struct tw__ender {
    struct tw__park park;
    struct tw__ender *next;
};

/* In four parts, apart from each other in memory: a thread that writes to one does not take what
 * others read away from them. */
struct tw_team {
    struct tw_worker base; /* its count of references changes with each job */
    TW__APART(from_count);
    struct tw_worker *coordinator; /* fixed, a reference */
    tw_create_worker_fn create;    /* fixed */
    void *arg;
    tw_destroy_fn destroy;
    const struct tw__team_policy *policy; /* NULL: it is not a pool's, or the pool has gone */
    size_t max_backlog;                   /* fixed; SIZE_MAX: none */
    _Atomic(size_t) most; /* workers there may be; SIZE_MAX: only the create function knows */
    atomic_int holds;     /* the users' one, one until the end, one while the step is posted */
    _Atomic(struct tw_watch *) watches; /* those who watch it, changed under post_lock */
    atomic_bool has_quit;               /* set under post_lock, from the moment quit was called */
    atomic_bool is_stopping;            /* what runs is asked to end */
    TW__APART(from_fixed);
    _Atomic(uintptr_t) visitor; /* tw__self() of the thread that has entered for this team; 0 */
    struct {
        struct {
            struct slot *first, *last; /* the one last used, the one idle longest; behind it those
                                          with suspended jobs */
        } idle;
        size_t keep;       /* the pool's minimum */
        size_t overstayed; /* idle for too long, but kept: so many, from the last one on */
        bool is_lacking;   /* fewer are live than to keep: made good by the next visit that can */
        size_t pinned;     /* idle ones with suspended jobs */
        struct tw__suspension *suspended; /* jobs that wait */
        struct tw__ender *enders;         /* who waits for the end; see shutdown.c */
        struct slot *spare;
        struct tw__task_queue backlog;
        size_t to_shrink;
        bool is_cut_short; /* no job is suspended any more */
        bool is_waking, should_quit, has_ended;
        bool has_asked; /* the one inside, something of the team */
        bool is_short;  /* the inbox's way is SHORT */
        bool *searches; /* to be set if the one inside may be counted on to search; NULL */
        /* Written inside the coordinator, read by anybody. */
        atomic_bool is_suspended; /* nobody takes what waits, and nobody is woken or made for it */
        _Atomic(size_t) idles, busy, coming, waiting, jobs_suspended;
        _Atomic(uint64_t) scheduled, given_up, finished, wakes, failed_creations;
    } coord;
    TW__APART(from_books);
    struct tw__team_inbox inbox;
    _Atomic(uint64_t) performed, given_up; /* what is not in the books: see team_take_internal.h */
    struct tw_task step;                   /* in the coordinator while is_posted */
    struct op quit;
    struct tw__lock post_lock;
    bool is_posted; /* under post_lock */
    TW__APART(from_others);
};

/* --- team_books.c: inside the coordinator ----------------------------------------------------- */

struct slot *tw__books_spare_slot(struct tw_team *team); /* NULL: out of memory */
/* Whether so many tasks more find workers, or a place in the backlog. */
bool tw__books_has_room(struct tw_team *team, size_t count);
/* Accept a task; let one that was accepted when it was posted wait. */
void tw__books_submit(struct tw_team *team, struct tw_task *task, struct outcome *outcome);
void tw__books_submit_many(struct tw_team *team, struct tw_task *const *tasks, size_t count,
                           struct outcome *outcome);
void tw__books_wait(struct tw_team *team, struct tw_task *task, struct outcome *outcome);
/* The same in two steps, of which the second may be for several. */
void tw__books_append(struct tw_team *team, struct tw_task *task);
void tw__books_append_all(struct tw_team *team, struct tw__task_queue *tasks, size_t count);
void tw__books_pump(struct tw_team *team, struct outcome *outcome);
void tw__books_cancel(struct tw_team *team, struct tw_task *task, struct outcome *outcome);
/* Accept one that has been cancelled before it was in. */
void tw__books_give_up_new(struct tw_team *team, struct tw_task *task, struct outcome *outcome);
/* A worker's thread is up, or has woken. Returns the task it runs first; NULL: none. */
struct tw_task *tw__books_start(struct tw_team *team, struct slot *slot, struct outcome *outcome);
/* A worker has finished a task, but for its delivery. Returns the task it runs next; NULL: none,
 * and the slot may be gone. */
struct tw_task *tw__books_recycle(struct tw_team *team, struct slot *slot, bool was_performed,
                                  struct outcome *outcome);
/* The same while the books are steady. */
struct tw_task *tw__books_next(struct tw_team *team, bool was_performed);
/* A worker that is idle comes by itself for what waits; its slot's node brings it to it. */
void tw__books_take_up(struct tw_team *team, struct slot *slot);
/* A worker refused its node. */
void tw__books_strike_off(struct tw_team *team, struct slot *slot, int error,
                          struct outcome *outcome);
void tw__books_grow(struct tw_team *team, size_t n, struct outcome *outcome);
void tw__books_shrink(struct tw_team *team, size_t n, struct outcome *outcome);
void tw__books_shrink_to(struct tw_team *team, size_t n, struct outcome *outcome);
/* So many are not let go, and are made now, if that many can be. */
void tw__books_keep(struct tw_team *team, size_t n, struct outcome *outcome);
/* This worker, if it is idle, has been so for too long. */
void tw__books_overstay(struct tw_team *team, struct tw_worker *worker, struct outcome *outcome);
/* Let no worker take what waits; or let them again. 0; -EALREADY. */
int tw__books_suspend(struct tw_team *team, bool is_suspended, struct outcome *outcome);
void tw__books_quit(struct tw_team *team, struct outcome *outcome);

/* Give up all that waits. */
void tw__books_give_up(struct tw_team *team, int why, struct outcome *outcome);
/* Take a task out of the backlog, to be performed elsewhere. false: it is not there. */
bool tw__books_take(struct tw_team *team, struct tw_task *task);
/* A worker's job leaves its stack, for another of its jobs that goes on, or with NULL for the task
 * that is returned; NULL: none, and the slot is idle. */
struct tw_task *tw__books_suspend_job(struct tw_team *team, struct slot *slot,
                                      struct tw__suspension *suspension,
                                      struct tw__suspension *other, struct outcome *outcome);
/* A job goes on, in place of what its worker did: nothing; then false means that the worker is about
 * to be woken, and the suspension is among its ready ones. */
bool tw__books_resume(struct tw_team *team, struct slot *slot, struct tw__suspension *suspension);
/* … or a task that has been finished, or that it was woken for and that goes back to the front. */
void tw__books_resume_next(struct tw_team *team, struct slot *slot,
                           struct tw__suspension *suspension, bool was_performed,
                           struct outcome *outcome);
void tw__books_resume_instead(struct tw_team *team, struct slot *slot,
                              struct tw__suspension *suspension, struct tw_task *task,
                              struct outcome *outcome);
/* Wake all jobs that wait, to be told that they are cancelled; none waits any more. */
void tw__books_cancel_suspended(struct tw_team *team);

/* --- team.c: the ways to the books ------------------------------------------------------------ */

/* false: the coordinator cannot be entered, or this thread is inside already. */
bool tw__team_enter(struct tw_team *team, struct outcome *outcome);
/* The same, but what the inbox holds stays there. */
bool tw__team_enter_bare(struct tw_team *team, struct outcome *outcome);
/* The same for a worker that comes for its next task, has entered the coordinator, and pumps. */
void tw__team_begin_recycle(struct tw_team *team, struct outcome *outcome);
/* Close the books, and do what is to be done then. The team may be gone afterwards. */
void tw__team_leave(struct tw_team *team, struct outcome *outcome);
/* The last thing done for a visit. */
void tw__team_settle(struct tw_team *team, struct outcome *outcome);
/* Enter, or post. */
void tw__team_do(struct tw_team *team, struct op *op);
/* Refuse from now on. Returns whether that has been so before. */
bool tw__team_refuse(struct tw_team *team);
void tw__team_drop_hold(struct tw_team *team);

/* As tw_team_submit(), of what tw_worker_submit() has looked at. */
int tw__team_submit(struct tw_team *team, struct tw_task *task);

/* For a team that nobody else has yet; and before the pool goes, which the team may outlive. */
void tw__team_set_policy(struct tw_team *team, const struct tw__team_policy *policy,
                         size_t max_backlog, size_t most);
/* How many workers there may be; for teams whose coordinator can be entered. Any thread. */
void tw__team_set_most(struct tw_team *team, size_t most);
void tw__team_forget_policy(struct tw_team *team);
/* For the pool; see the books. The coordinator is one that can be entered. */
int tw__team_keep(struct tw_team *team, size_t n); /* 0; -ESHUTDOWN */
void tw__team_overstay(struct tw_team *team, struct tw_worker *worker);
int tw__team_suspend(struct tw_team *team, bool is_suspended); /* as tw_pool_suspend() */

/* --- team_inbox.c: what cannot be done at once ------------------------------------------------ */

void tw__op_mark(struct tw_task *task, int status);
void tw__op_init(struct op *op, enum op_kind kind, struct slot *slot);
/* Put entries into the inbox, to be done by whoever is inside next. 0; -ESHUTDOWN. */
int tw__team_post(struct tw_team *team, struct tw_task *const *entries, size_t count,
                  bool is_refused_after_quit);
/* Accept a task without a visit. 0; -ESHUTDOWN; 1: this is not the time for it. */
int tw__team_submit_short(struct tw_team *team, struct tw_task *task);
/* A task that was accepted, is in no queue, and has been cancelled: it is noted in the books, and
 * told. */
void tw__team_give_up_cancelled(struct tw_team *team, struct tw_task *task);
int tw__team_post_op(struct tw_team *team, struct op *op, bool is_refused_after_quit);
/* Inside the coordinator: one op; and in order what was taken out of the inbox, newest first, and
 * what it holds. Without anything nothing is done: nobody is woken or made. */
void tw__team_do_op(struct tw_team *team, struct op *op, struct outcome *outcome);
void tw__team_do_all(struct tw_team *team, struct tw_task *newest, struct outcome *outcome);
static inline void tw__team_drain(struct tw_team *team, struct outcome *outcome)
{
    tw__team_do_all(team, tw__team_inbox_take(&team->inbox), outcome);
}
/* Inside: the same, but nobody is woken yet for the last tasks. Returns whether there are any: then
 * whoever calls it pumps. */
bool tw__team_take_in(struct tw_team *team, struct tw_task *newest, struct outcome *outcome);
/* Inside, for a quit: nothing more comes. */
void tw__team_close_inbox(struct tw_team *team, struct outcome *outcome);

/* --- team_slot.c: a worker's turn ------------------------------------------------------------- */

void tw__slot_init(struct slot *slot, struct tw_team *team);
/* For the team's worker whose thread this is, which searches when it has nothing to do; a pool's, with
 * a coordinator that can be entered. Whether it may be counted on from now on, until it ends that; and
 * its next task, by its slot's node, or NULL. */
static inline bool tw__team_begin_search(struct tw_team *team)
{
    /* Where what waits is bounded each submit has to be admitted. */
    return team->max_backlog == SIZE_MAX && tw__team_inbox_begin_search(&team->inbox);
}
struct tw_task *tw__team_end_search(struct tw_team *team, struct tw_worker *worker);
/* The slot whose job's frame this is; NULL if the job has said that it delivers. */
struct slot *tw__slot_of_frame(struct tw__frame *frame);
/* Its worker has refused its node, or given it up. */
void tw__slot_strike_off(struct slot *slot, int error);

/* --- team_suspend.c --------------------------------------------------------------------------- */

/* A job of this worker's that can go on; NULL. On its thread, while it is busy. */
struct tw__suspension *tw__slot_ready(struct slot *slot);
/* Go on with it, from the worker's loop: this stack is given up. On the thread's own stack it
 * returns, when the loop is back there, and then the slot may be gone. */
void tw__slot_resume(struct slot *slot, struct tw__suspension *suspension);

#endif
