/*
 * Long work on the loop's thread in small steps, several of them in turn (Twisted's Cooperator,
 * COP).
 *
 *     static int step(struct tw_result *result, void *arg)      one piece of it
 *     {
 *         struct import *import = arg;
 *         if (!read_line(import))
 *             return TW_STEP_DONE;
 *         store_line(import);
 *         return TW_STEP_MORE;
 *     }
 *     ...
 *     tw_cooperator_new(reactor, NULL, &cooperator);
 *     tw_cooperator_cooperate(cooperator, step, import, NULL, &task);
 *
 * In each tick the cooperator takes one step of each task in turn, until its slice of time is over;
 * then the loop has its turn. The next tick goes on where this one stopped.
 *
 * Thread: loop. Nothing blocks.
 */
#ifndef TWINE_DEFERRED_COOPERATOR_H
#define TWINE_DEFERRED_COOPERATOR_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

struct tw_cooperator;
struct tw_cooperative_task;

/** A task was stopped: what its whenDone fails with (COP-014). A case of TW_ERROR_CANCELLED. */
TW_EXPORT extern const struct tw_error TW_ERROR_TASK_STOPPED;
/** A task's cooperator was stopped (COP-019). A case of TW_ERROR_SHUTDOWN. */
TW_EXPORT extern const struct tw_error TW_ERROR_SCHEDULER_STOPPED;

/** What a step answers. */
enum tw_step {
    TW_STEP_DONE = 0, /**< that was all */
    TW_STEP_MORE = 1  /**< there is more to do */
};

/**
 * Does one piece of the work.
 *
 * The result starts from null. A Deferred left there holds the task back until it has fired; if
 * that fails, the task has failed (COP-005, COP-007). A failure left there fails the task. A value
 * is destroyed.
 *
 * Returns: TW_STEP_MORE; TW_STEP_DONE, and then a Deferred in the result is not waited for; or a
 *          negative errno, with which the task fails if the result holds no failure.
 */
typedef int (*tw_step_fn)(struct tw_result *result, void *arg);

/** How a cooperator is made. Begin with {.size = sizeof options}; what is left null is the default.
 */
struct tw_cooperator_options {
    size_t size;       /**< sizeof(struct tw_cooperator_options) */
    int64_t slice;     /**< nanoseconds a tick may take, on the reactor's clock; 0: 10 ms */
    bool is_held_back; /**< not started: tasks queue up until tw_cooperator_start() (COP-021) */
    /** Arrange for tw_cooperator_tick() to be called once, soon, and not from here. At most one is
     * out. NULL: the reactor's next pass. Returns: 0; a negative errno. */
    int (*schedule)(struct tw_cooperator *cooperator, void *arg);
    /** Take that back; goes with schedule. */
    void (*unschedule)(struct tw_cooperator *cooperator, void *arg);
    /** A tick begins; may be NULL. */
    void (*begin_slice)(void *arg);
    /** Asked after each step whether the tick is over. NULL: by the slice. */
    bool (*is_slice_over)(void *arg);
    void *arg;             /**< for these functions */
    tw_destroy_fn destroy; /**< destroys arg when the cooperator goes; may be NULL */
};

/**
 * Make a cooperator.
 *
 * Ownership: the reactor is borrowed, and must outlive it; it may be NULL if the options have all
 *            of schedule, unschedule and is_slice_over. (arg, destroy) of the options is consumed,
 *            on error too. The cooperator is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL.
 */
TW_EXPORT int tw_cooperator_new(struct tw_reactor *reactor,
                                const struct tw_cooperator_options *options,
                                struct tw_cooperator **ret_cooperator);

/** Hold a cooperator once more. Returns: the cooperator; NULL for NULL. */
TW_EXPORT struct tw_cooperator *tw_cooperator_ref(struct tw_cooperator *cooperator);
/** Let go of a cooperator. When the last one goes, tasks that have not ended fail with
 * TW_ERROR_ABANDONED. Returns: NULL. */
TW_EXPORT struct tw_cooperator *tw_cooperator_unref(struct tw_cooperator *cooperator);

/**
 * Add a task (COP-001). To a cooperator that has been stopped it is added as one that has failed
 * with TW_ERROR_SCHEDULER_STOPPED (COP-019).
 *
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called when the task goes, which
 *            is after it has ended. The task is yours to unref; with ret_task NULL there is no
 *            handle, and a failure is reported. The cooperator holds it until it has ended.
 * Returns:   0; -ENOMEM; -EINVAL; what schedule answered.
 */
TW_EXPORT int tw_cooperator_cooperate(struct tw_cooperator *cooperator, tw_step_fn step, void *arg,
                                      tw_destroy_fn destroy, struct tw_cooperative_task **ret_task);

/** Add a task and have its end as a Deferred: cooperate and when_done in one (Twisted's coiterate,
 * COP-018). Ownership and Returns: as of tw_cooperator_cooperate(). */
TW_EXPORT int tw_cooperator_coiterate(struct tw_cooperator *cooperator, tw_step_fn step, void *arg,
                                      tw_destroy_fn destroy, struct tw_deferred **ret_deferred);

/** Start it, for the first time or again after a stop. Returns: 0; what schedule answered. */
TW_EXPORT int tw_cooperator_start(struct tw_cooperator *cooperator);
/** Stop it: every task fails with TW_ERROR_SCHEDULER_STOPPED (COP-019). Returns: 0, also if it is
 * stopped. */
TW_EXPORT int tw_cooperator_stop(struct tw_cooperator *cooperator);
/** Whether it is started and not stopped (COP-022). */
TW_EXPORT bool tw_cooperator_is_running(const struct tw_cooperator *cooperator);
/** Take steps until the slice is over: what a schedule of your own has called. Returns: 0; -EDEADLK
 * from inside a step. */
TW_EXPORT int tw_cooperator_tick(struct tw_cooperator *cooperator);

/** Hold a task once more. Returns: the task; NULL for NULL. */
TW_EXPORT struct tw_cooperative_task *tw_cooperative_task_ref(struct tw_cooperative_task *task);
/** Let go of a task; it goes on. Returns: NULL. */
TW_EXPORT struct tw_cooperative_task *tw_cooperative_task_unref(struct tw_cooperative_task *task);

/**
 * Learn of a task's end: a new Deferred each time, fired at once if it has ended (COP-008).
 *
 * Ownership: the handle is yours to unref. It fires with the task, a reference, or fails with the
 *            task's failure.
 * Returns:   0; -ENOMEM.
 */
TW_EXPORT int tw_cooperative_task_when_done(struct tw_cooperative_task *task,
                                            struct tw_deferred **ret_deferred);

/** Hold a task back, until as many resumes (COP-011). Returns: 0; if it has ended, how:
 * -EALREADY for done, -EIO for failed, -ECANCELED for stopped, -ESHUTDOWN for a cooperator that was
 * stopped or has gone. */
TW_EXPORT int tw_cooperative_task_pause(struct tw_cooperative_task *task);
/** Take a pause back; after the last one it runs in the next tick. Returns: 0, also if it has ended
 * (COP-015); -EINVAL if it is not paused (COP-012); what schedule answered, and then it stays
 * paused. */
TW_EXPORT int tw_cooperative_task_resume(struct tw_cooperative_task *task);
/** End a task: its Deferreds fail with TW_ERROR_TASK_STOPPED (COP-014). Returns: as pause. */
TW_EXPORT int tw_cooperative_task_stop(struct tw_cooperative_task *task);
/** How it stands: 0 if it has not ended, else as pause. */
TW_EXPORT int tw_cooperative_task_status(const struct tw_cooperative_task *task);
/** What its steps are handed. Ownership: the task's. */
TW_EXPORT void *tw_cooperative_task_arg(const struct tw_cooperative_task *task);

TW_END_DECLS

#endif
