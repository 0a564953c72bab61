/*
 * Signals, told on a loop's thread.
 *
 * One service of the process has the handlers, so several reactors may watch the same signal, each
 * told on its own thread. (libevent lets one base of a process have signals.) A handler is installed
 * while somebody watches its signal, and then what was there before is put back.
 *
 * Like the kernel's, signals that come in quick succession may be told as one. To watch a signal
 * does not keep a loop alive that is your own.
 */
#ifndef TWINE_REACTOR_SIGNAL_H
#define TWINE_REACTOR_SIGNAL_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

struct tw_signal_watch;

/** What a watch calls. Thread: loop, in a pass: anything may be called. */
typedef void (*tw_signal_fn)(int number, void *arg);

/**
 * Be told of a signal.
 *
 * Thread:    loop.
 * Ownership: (arg, destroy) is consumed, on error too; destroy may be NULL, and is called when the
 *            watch ends. ret_watch may be NULL, and then it lasts as long as the reactor; else the
 *            handle is yours to unref, and unref does not end the watch.
 * Returns:   0; -ENOMEM; -EINVAL for no function, or a number that cannot be watched: those that tell
 *            of a fault in the program, SIGKILL, SIGSTOP; -ESHUTDOWN once the reactor has stopped;
 *            -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_watch_signal(struct tw_reactor *reactor, int number, tw_signal_fn fn,
                                      void *arg, tw_destroy_fn destroy,
                                      struct tw_signal_watch **ret_watch);

/** End a watch: it is told no more, not even of what has come already. Thread: loop. Returns: 0;
 * -EALREADY if it has ended; -EINVAL for NULL; -EOWNERDEAD in a forked child. */
TW_EXPORT int tw_signal_watch_end(struct tw_signal_watch *watch);
/** Hold a watch's handle once more. Thread: loop. Returns: the watch; NULL for NULL. */
TW_EXPORT struct tw_signal_watch *tw_signal_watch_ref(struct tw_signal_watch *watch);
/** Let go of a watch; it goes on. Thread: loop. Returns: NULL. */
TW_EXPORT struct tw_signal_watch *tw_signal_watch_unref(struct tw_signal_watch *watch);

/**
 * Whether SIGINT and SIGTERM stop the reactor (RCT-024): they are watched while it runs, from during
 * startup on, SIGINT only if nobody else handles it by then. Without this the library handles no
 * signal on its own.
 *
 * Thread:  loop, before the reactor runs.
 * Returns: 0; -EBUSY once it has started; -EINVAL for NULL; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_stop_on_signals(struct tw_reactor *reactor, bool stops);
/** The signal that has stopped it in this way, to be raised again perhaps; 0: none has. Thread: loop.
 */
TW_EXPORT int tw_reactor_stop_signal(struct tw_reactor *reactor);

TW_END_DECLS

#endif
