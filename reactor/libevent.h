/*
 * The libevent plug-in: a reactor on an event base of its own, or on yours.
 *
 * Nothing of libevent is called from other threads, so evthread_use_pthreads() is not needed, and
 * does no harm.
 */
#ifndef TWINE_REACTOR_LIBEVENT_H
#define TWINE_REACTOR_LIBEVENT_H

#include <twine/reactor/reactor.h>

struct event_base;

TW_BEGIN_DECLS

/**
 * Make a reactor on libevent.
 *
 * With a base of yours you may go on running your loop by event_base_dispatch() and the like: the
 * reactor starts on its first turn, keeps the loop alive while jobs or delayed calls are out, and
 * is silent when idle. Or you call tw_reactor_run().
 *
 * Neither a call from a thread that is still to come nor a watched signal keeps event_base_dispatch()
 * alive. A loop that waits for those alone runs by event_base_loop() with EVLOOP_NO_EXIT_ON_EMPTY, and
 * is ended by event_base_loopexit(), in a trigger after "shutdown" for instance.
 *
 * Thread:    the one that is to turn the base, or is turning it.
 * Ownership: the base is borrowed; unref the reactor before you free it. NULL: a base of the
 *            reactor's own.
 * Returns:   0; -ENOMEM; -EMFILE and the like.
 *
 * event_base_loopbreak() and event_base_loopexit() end what turns the loop, tw_reactor_run() with
 * -EINTR too; the reactor goes on with the next turn.
 *
 * In a forked child the reactor is the parent's: it answers -EOWNERDEAD, and leaves the base alone.
 * Your own use of the base there needs event_reinit(), as ever; the reactor needs none.
 *
 * Call event_base_priority_init() before: libevent refuses it while an event is active, and the
 * first turn is waited for by one.
 */
TW_EXPORT int tw_libevent_reactor_new(struct event_base *base, struct tw_reactor **ret_reactor);

/** The base a libevent reactor runs on, to add events to. Ownership: its own. Returns: NULL for
 * another plug-in. */
TW_EXPORT struct event_base *tw_libevent_reactor_base(struct tw_reactor *reactor);

TW_END_DECLS

#endif
