/*
 * Coroutines: functions that wait for Deferreds where they stand (Twisted's inlineCallbacks, INL).
 *
 *     static void answer(struct tw_result *result, void *arg)      a coroutine: reads like blocking
 *     {
 *         struct request *request = (struct request *)arg;
 *         struct tw_result row = TW_RESULT_INIT;
 *         tw_await_in_thread(NULL, find_row, strdup(request->key), free, &row);
 *         if (tw_result_is_ok(&row))
 *             send_row(request, tw_result_value(&row));
 *         else
 *             send_error(request, tw_failure_message(tw_result_failure(&row)));
 *         tw_result_done(&row);
 *     }
 *     ...
 *     rc = tw_spawn(reactor, answer, request, free_request, NULL, &deferred);
 *
 * A coroutine has a stack of its own. It runs on the loop's thread, from tw_spawn() to its first
 * wait and on from each wait inside whatever fires what it waited for, like any callback; while it
 * waits, the loop turns. It is always run to its end, so that what it holds is let go of by its own
 * code; cancelling it, and stopping its reactor, end its waits.
 *
 * Between a wait and what follows others have run on the thread. So hold no lock over a wait,
 * expect errno and thread-locals to have changed, and do not longjmp() out.
 *
 * Thread: a coroutine never leaves the thread that it was spawned on.
 */
#ifndef TWINE_DEFERRED_COROUTINE_H
#define TWINE_DEFERRED_COROUTINE_H

#include <stddef.h>
#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/** How a coroutine is made. Zero is the usual for each field but size. */
struct tw_spawn_options {
    size_t size; /**< sizeof(struct tw_spawn_options) */
    /** Bytes of stack, at least that many; 0: 256 KiB. Only pages that were touched use memory;
     * below the stack there is a guard, so too small a one crashes and does not overwrite. */
    size_t stack_size;
};

/**
 * Run a function as a coroutine.
 *
 * It starts at once and runs to its first wait, or to its end, before this returns. What it leaves
 * in its result fires the Deferred. Cancelling that while the coroutine waits cancels what it waits
 * for, and it learns the outcome there; if it goes on nevertheless, the Deferred stays as it is,
 * the cancel answers -EINPROGRESS, and another one cancels the next wait. A cancel while it runs
 * counts for its next wait; until then tw_cancelled() says so.
 *
 * When the reactor stops, what each waiting coroutine waits for is cancelled, and one that still
 * waits is resumed with TW_ERROR_CANCELLED. It may then wait again, until the shutdown timeout has
 * passed. A reactor that has stopped lets none wait.
 *
 * Thread:    loop. What fires the Deferred fires it on the coroutine's stack: its callbacks too.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called after fn,
 *            before the Deferred fires. The context in force here goes along. The handle is yours
 *            to unref; the coroutine goes on without it. With ret_deferred NULL there is none. It is
 *            written before fn begins, so that fn may look at it.
 * Returns:   0; -ENOMEM, also for want of another stack; -ESHUTDOWN if the reactor has stopped;
 *            -EINVAL without fn, or on another thread than the reactor's.
 *
 * @param reactor whose stop ends its waits; NULL: nobody's, and it cannot await in a thread
 * @param fn starts from null and leaves its result, which may not be a Deferred
 * @param options NULL: the usual
 */
TW_EXPORT int tw_spawn(struct tw_reactor *reactor, tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                       const struct tw_spawn_options *options, struct tw_deferred **ret_deferred);

/**
 * Wait in a coroutine until a Deferred has its result.
 *
 * If it has one already this returns at once, however often: others are not let run. To the
 * Deferred the wait is a link: links before it go first, those behind it see null.
 *
 * Thread:    a coroutine's; at any depth of calls.
 * Blocks:    the coroutine; the thread goes on.
 * Ownership: the Deferred is borrowed: keep your handle until this returns. Its result is moved
 *            into *ret_result, which must have been initialised; with NULL it stays in the
 *            Deferred.
 * Returns:   0 if it has its result, a value or a failure. Otherwise *ret_result holds a failure
 *            too, which says why: -ECANCELED, the reactor stops; -ESHUTDOWN, it has stopped;
 *            -EDEADLK, the Deferred waits for this coroutine, or this is inside a worker's task, a
 *            lock worker's above all; -EINVAL, outside a coroutine; -ENOMEM.
 */
TW_EXPORT int tw_await(struct tw_deferred *deferred, struct tw_result *ret_result);

/**
 * Run work in a pool, and wait in a coroutine for its result: one tw_defer_to_pool() awaited.
 *
 * Thread:    a coroutine's. Work runs on a thread of the pool and may block.
 * Blocks:    the coroutine; the thread goes on.
 * Ownership: as of tw_defer_to_pool() and tw_await(); with ret_result NULL a value is destroyed,
 *            and a failure reported.
 * Returns:   as tw_await(); also -EAGAIN if the pool refuses; -ESHUTDOWN if it has quit.
 *
 * @param pool any worker; NULL: the own pool of the coroutine's reactor
 */
TW_EXPORT int tw_await_in_thread(struct tw_worker *pool, tw_call_fn work, void *arg,
                                 tw_destroy_fn destroy, struct tw_result *ret_result);

TW_END_DECLS

#endif
