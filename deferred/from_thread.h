/*
 * Blocking work in a thread, its result on the loop's thread (Twisted's internet.threads, THR).
 */
#ifndef TWINE_DEFERRED_FROM_THREAD_H
#define TWINE_DEFERRED_FROM_THREAD_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>
#include <twine/threads/cancel.h>

TW_BEGIN_DECLS

/**
 * Run work in a pool, and have its result as a Deferred here.
 *
 * Cancelling the Deferred fails it at once: work that has not started is taken out of the pool, and
 * never runs; work that runs goes on, is asked to stop by tw_cancelled(), and its result is
 * destroyed when it comes (THR-004). If the reactor shuts down first, the Deferred fails with
 * TW_ERROR_SHUTDOWN.
 *
 * Thread:    loop. Work runs on a thread of the pool and may block, as may the destroy of arg,
 *            which follows it there.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL; work that never starts
 *            leaves it to whoever gives it up. The pool is borrowed: any worker will do, a pool is
 *            one by tw_pool_worker(). The handle is yours to unref; with ret_deferred NULL there is
 *            none, and a failure is reported.
 * Returns:   0; -ENOMEM; -ESHUTDOWN if the pool has quit or the reactor has stopped; -EINVAL
 *            without work.
 *
 * @param work starts from null and leaves its result
 */
TW_EXPORT int tw_defer_to_pool(struct tw_reactor *reactor, struct tw_worker *pool, tw_call_fn work,
                               void *arg, tw_destroy_fn destroy, struct tw_deferred **ret_deferred);

/** tw_defer_to_pool() with the reactor's own pool. Before the reactor runs, the work waits
 * (THR-007). */
TW_EXPORT int tw_defer_to_thread(struct tw_reactor *reactor, tw_call_fn work, void *arg,
                                 tw_destroy_fn destroy, struct tw_deferred **ret_deferred);

/**
 * Turn a loop that is not running until a Deferred has its result.
 *
 * The reactor's pool works meanwhile; the reactor does not count as started.
 *
 * Thread:    the loop's to be.
 * Blocks:    until the Deferred has fired and run its callbacks.
 * Ownership: the result is moved into *ret_result, which must have been initialised, and the
 *            Deferred holds null then; with NULL it stays in the Deferred.
 * Returns:   0, whether it succeeded or failed; -EDEADLK from inside a turn, where it could never
 *            fire; -ESHUTDOWN if the reactor has stopped; a negative errno if the loop broke down.
 */
TW_EXPORT int tw_reactor_wait(struct tw_reactor *reactor, struct tw_deferred *deferred,
                              struct tw_result *ret_result);

TW_END_DECLS

#endif
