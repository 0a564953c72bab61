/*
 * The GLib plug-in: a reactor on a main context of its own, or on yours.
 *
 * An add-on, in a library of its own (libtwine-glib, twine-glib.pc, twine::twine_glib), so that
 * twine itself does not need GLib. Nothing of GLib's is called from other threads.
 *
 * A main context does not end by itself as a libevent loop does: g_main_loop_run() returns after
 * g_main_loop_quit(), whether work is out or not, so there is nothing that the reactor could keep
 * alive. What is out when the loop is left comes home when the context is turned again, and fails
 * with TW_ERROR_SHUTDOWN when the reactor goes. To leave in order, stop the reactor, and quit the
 * loop in a trigger after "shutdown" (trigger.h).
 *
 * The reactor is a source of priority G_PRIORITY_DEFAULT: sources of a higher priority that are
 * always ready hold it up, as they do others. Where memory is short GLib ends the process, and so
 * what is told here of -ENOMEM is true of twine's part only.
 */
#ifndef TWINE_REACTOR_GLIB_H
#define TWINE_REACTOR_GLIB_H

#include <twine/reactor/reactor.h>

struct _GMainContext; /* GLib's GMainContext */

TW_BEGIN_DECLS

/**
 * Make a reactor on GLib.
 *
 * With a context of yours, g_main_context_default() for instance, you may go on running your loop
 * by g_main_loop_run() and the like: the reactor starts on the context's first turn, and is silent
 * when idle. Or you call tw_reactor_run(), which turns the context, and makes it the thread's
 * default for each turn, so that what GIO is asked for in a callback comes back to it.
 *
 * Thread:    the one that is to turn the context, or is turning it.
 * Ownership: the reactor holds a reference to the context. NULL: a context of the reactor's own, as
 *            with tw_libevent_reactor_new(), and not GLib's default context.
 * Returns:   0; -ENOMEM; -EMFILE and the like.
 */
TW_EXPORT int tw_glib_reactor_new(struct _GMainContext *context, struct tw_reactor **ret_reactor);

/** The context a GLib reactor runs on, to attach sources to. Thread: any. Ownership: its own.
 * Returns: NULL for another plug-in. */
TW_EXPORT struct _GMainContext *tw_glib_reactor_context(struct tw_reactor *reactor);

/**
 * Let tw_reactor_new() and the environment variable TWINE_REACTOR know this plug-in by the name of
 * "glib" (plug_ins.h): each with a context of its own.
 *
 * Thread:  any.
 * Returns: 0; -EEXIST if that was done; -ENOMEM.
 */
TW_EXPORT int tw_glib_plug_in_add(void);

TW_END_DECLS

#endif
