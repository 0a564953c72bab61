/*
 * A reactor: one thread's event loop.
 *
 * Callbacks run on its thread. Other threads reach it through its mailbox: calls arrive in the
 * order made, in batches with a budget, so that I/O and timers get their turn between batches.
 * There may be many reactors in a process, one per thread; there is no global one.
 *
 * The loop itself is a plug-in (reactor_ops.h), chosen by name (plug_ins.h); libevent is the one
 * used unless told otherwise (libevent.h). What Twisted's ReactorBase does is written once, above the plug-in.
 */
#ifndef TWINE_REACTOR_REACTOR_H
#define TWINE_REACTOR_REACTOR_H

#include <stdbool.h>
#include <twine/base/clock.h>
#include <twine/base/result.h>
#include <twine/threads/pool.h>

TW_BEGIN_DECLS

struct tw_reactor;

/** Something to call with an argument. It must not block if it is called on a loop's thread. */
typedef void (*tw_action_fn)(void *arg);

/**
 * Make a reactor by a plug-in.
 *
 * Thread:    any; the reactor belongs to the thread that first turns it.
 * Ownership: the reactor is yours to unref.
 * Returns:   0; -ENOENT for a plug-in nobody knows (REG-004), which is reported too if it is the
 *            environment that names it; -ENOMEM, -EMFILE and the like from the plug-in.
 *
 * @param name "libevent", "test_clock", or one that was added (plug_ins.h); NULL: the one that the
 * environment variable TWINE_REACTOR names, and where that is not set or empty the default,
 * "libevent"
 */
TW_EXPORT int tw_reactor_new(const char *name, struct tw_reactor **ret_reactor);

/** Hold a reactor once more. Thread: loop. Returns: the reactor; NULL for NULL. */
TW_EXPORT struct tw_reactor *tw_reactor_ref(struct tw_reactor *reactor);

/**
 * Let go of a reactor. The last one out ends it: its pool is quit, results still out fail with
 * TW_ERROR_SHUTDOWN on this thread, calls that have not run are given up, and what arrives later
 * finds its mailbox closed and is destroyed.
 *
 * Thread:  loop; not from inside its own turn.
 * Blocks:  never; jobs that run go on without it.
 * Returns: NULL.
 */
TW_EXPORT struct tw_reactor *tw_reactor_unref(struct tw_reactor *reactor);

/**
 * The reactor as an exclusive worker: tasks submitted to it run on its thread.
 *
 * The worker is the mailbox, which outlives the reactor: a thread that holds a reference may submit
 * at any time, and is answered -ESHUTDOWN when the reactor has gone. Quit answers -ENOTSUP: stop
 * the reactor instead.
 *
 * Thread:    any.
 * Ownership: borrowed; take a reference to keep it.
 */
TW_EXPORT struct tw_worker *tw_reactor_worker(struct tw_reactor *reactor);

/** The reactor's clock. Thread: any. Ownership: the reactor's. */
TW_EXPORT struct tw_clock *tw_reactor_clock(struct tw_reactor *reactor);

/**
 * Run the loop until it is stopped (Twisted's run, RCT-001).
 *
 * It starts the reactor: "startup" is fired (trigger.h), its pool begins to work, and then what was
 * called before is done. After a stop "shutdown" is fired: jobs that are suspended go on with
 * cancelled, the pool is quit, the loop keeps turning until every job is home, from other pools too,
 * or the shutdown timeout passes, and then it returns.
 *
 * Thread:  the one that is to be the loop's.
 * Blocks:  for as long as the reactor runs.
 * Returns: 0 once stopped, or crashed; -EDEADLK from inside a turn (RCT-004); -ESHUTDOWN if it has
 *          been stopped before (RCT-005); -EOWNERDEAD in a forked child; -EINTR if a callback told
 *          the loop to end in the loop's own way, by event_base_loopbreak() and the like; another
 *          negative errno if the loop itself broke down. After these it may be run again.
 */
TW_EXPORT int tw_reactor_run(struct tw_reactor *reactor);

/**
 * Ask a reactor that has started to stop. It only notes the wish (RCT-007); under a loop of your own
 * (an adopted base) the reactor shuts down in the coming turns and never breaks your loop: a trigger
 * after "shutdown" tells when it has finished. While it is still starting it starts first (RCT-011).
 *
 * Thread:  loop. From elsewhere: tw_reactor_call_from_thread().
 * Returns: 0; -ESRCH if it has not started yet, or is stopping or stopped already (RCT-006);
 *          -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_stop(struct tw_reactor *reactor);

/**
 * Leave the loop at the end of this turn as if it had not started (RCT-012): no trigger is called,
 * nothing is taken back, jobs that are out come home in later turns. It may be run again, and only
 * tw_reactor_run() starts it then.
 *
 * Thread:  loop.
 * Returns: 0, also when it does not run (RCT-014); -ESHUTDOWN once it is stopping; -EOWNERDEAD in a
 *          forked child.
 */
TW_EXPORT int tw_reactor_crash(struct tw_reactor *reactor);

/**
 * Turn the loop once: calls from threads, timers that are due, then I/O (RCT-017). It starts
 * nothing.
 *
 * Thread:  loop.
 * Blocks:  for at most timeout nanoseconds, when there is nothing to do; 0: not at all.
 * Returns: 0; -EDEADLK from inside a turn; -EOWNERDEAD in a forked child; a negative errno from the
 *          loop.
 */
TW_EXPORT int tw_reactor_iterate(struct tw_reactor *reactor, int64_t timeout);

/** Whether it runs: from during startup to before shutdown (RCT-001, RCT-003). Thread: loop. */
TW_EXPORT bool tw_reactor_is_running(struct tw_reactor *reactor);
/** Whether the caller is the thread that turns, or last turned, the loop (RCT-027). Thread: any. */
TW_EXPORT bool tw_reactor_is_in_thread(struct tw_reactor *reactor);

/** How long a shutdown takes at most, waiting for jobs and for triggers that hold it, in nanoseconds;
 * 30 s unless told. If it runs out of time a warning says what is left behind; with a timeout of 0,
 * which waits for nothing, none does. Thread: loop. Returns: 0; -EINVAL if negative. */
TW_EXPORT int tw_reactor_set_shutdown_timeout(struct tw_reactor *reactor, int64_t timeout);

/**
 * Call a function on the loop's thread (Twisted's callFromThread, CFT).
 *
 * Calls made by one thread run in the order made. From the loop's own thread too it only queues.
 *
 * Thread:    any that keeps the reactor alive meanwhile; one that cannot takes the worker of
 *            tw_reactor_worker().
 * Blocks:    never.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called after
 *            action, on the loop's thread. If the reactor goes before the call is made, only
 *            destroy is called.
 * Returns:   0; -ENOMEM; -ESHUTDOWN once the reactor has stopped.
 */
TW_EXPORT int tw_reactor_call_from_thread(struct tw_reactor *reactor, tw_action_fn action,
                                          void *arg, tw_destroy_fn destroy);

/** Make the loop turn once (Twisted's wakeUp, CFT-013). Thread: any, as
 * tw_reactor_call_from_thread(). */
TW_EXPORT void tw_reactor_wake_up(struct tw_reactor *reactor);

/**
 * Run work in the reactor's pool and forget about it (Twisted's callInThread). A failure is
 * reported.
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called after
 *            work, on its thread.
 * Returns:   0; -ENOMEM; -ESHUTDOWN from during "shutdown" on.
 */
TW_EXPORT int tw_reactor_call_in_thread(struct tw_reactor *reactor, tw_call_fn work, void *arg,
                                        tw_destroy_fn destroy);

/** Some work, with what it is called with. */
struct tw_call {
    tw_call_fn work;       /**< see tw_reactor_call_in_thread() */
    void *arg;             /**< passed to work */
    tw_destroy_fn destroy; /**< destroys arg, or NULL */
};

/**
 * Run several calls in the reactor's pool, one after the other on one thread, as one piece of work
 * (Twisted's callMultipleInThread, THR-009). When one fails that is reported, and the rest is left
 * out.
 *
 * Thread:    loop.
 * Ownership: the array is borrowed for the call; each (arg, destroy) is consumed, on error too, and
 *            destroyed after its own work, or instead of it.
 * Returns:   as tw_reactor_call_in_thread().
 */
TW_EXPORT int tw_reactor_call_multiple_in_thread(struct tw_reactor *reactor,
                                                 const struct tw_call *calls, size_t count);

/**
 * The reactor's own pool, made at first use. It holds back its work until the reactor starts
 * (RTP-002, RTP-007) and is quit during "shutdown"; before it, it may still be used.
 *
 * Thread:    loop.
 * Ownership: the reactor's; take a reference to keep it.
 * Returns:   0; -ENOMEM; -ESHUTDOWN from during "shutdown" on; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_get_thread_pool(struct tw_reactor *reactor, struct tw_pool **ret_pool);

/**
 * Make a pool of yours the reactor's own, before it has one. It works as it is: nothing is held back
 * until the reactor starts, and its limit is left alone unless tw_reactor_suggest_thread_pool_size()
 * is called. The reactor quits it as if it had made it.
 *
 * Thread:    loop.
 * Ownership: the pool is borrowed, the reactor takes a reference.
 * Returns:   0; -EBUSY if the reactor has a pool already; -ESHUTDOWN from during "shutdown" on;
 *            -EOWNERDEAD in a forked child; -EINVAL for NULL.
 */
TW_EXPORT int tw_reactor_set_thread_pool(struct tw_reactor *reactor, struct tw_pool *pool);

/**
 * How many threads the reactor's pool may have; 10 unless told (RTP-001). 0: none, until it is
 * raised (RTP-010).
 *
 * Thread:  loop.
 * Returns: as tw_reactor_get_thread_pool(); -EINVAL below the minimum of a pool that was given, or
 *          for NULL.
 */
TW_EXPORT int tw_reactor_suggest_thread_pool_size(struct tw_reactor *reactor, size_t size);

TW_END_DECLS

#endif
