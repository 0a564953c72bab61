/*
 * For writers of plug-ins: an event loop behind the reactor interface.
 *
 * The common half does everything but wait. A plug-in waits, on the reactor's thread, until one of
 * three things happens, and calls tw_reactor_pass() then:
 *
 *     the wake descriptor, tw_reactor_wake_fd(), is readable    another thread has sent something
 *     the time given to set_timer has come                      a delayed call is due
 *     again was called                                          a pass has used up its budget
 *
 * It may wait for descriptors of the user's as well, and calls tw_reactor_descriptor_ready() then. A
 * user may wait for more in the loop's own way: with libevent, by events on the base. Signals need
 * nothing of a plug-in: they come by the wake descriptor.
 */
#ifndef TWINE_REACTOR_REACTOR_OPS_H
#define TWINE_REACTOR_REACTOR_OPS_H

#include <twine/reactor/descriptor.h>

TW_BEGIN_DECLS

/** What a plug-in can do. No slot is NULL; all are called on the loop's thread. */
struct tw_reactor_ops {
    size_t size;      /**< sizeof(struct tw_reactor_ops) */
    const char *name; /**< the plug-in's short name */
    /** Call tw_reactor_pass() once the reactor's clock has reached this time, instead of any time
     * given before; TW_NEVER: at no time. Returns: 0; a negative errno. */
    int (*set_timer)(struct tw_reactor *reactor, uint64_t deadline);
    /** Call tw_reactor_pass() again in the next turn, after I/O has been looked at. May be called
     * inside a pass, and more than once before the next. */
    void (*again)(struct tw_reactor *reactor);
    /** Whether work is out, for loops that end by themselves when there is nothing to wait for. */
    void (*set_alive)(struct tw_reactor *reactor, bool alive);
    /** Wait for a descriptor, level-triggered, for what is given of enum tw_io, instead of what was
     * asked before; 0: no more, and from now on it is not told to be ready; this cannot fail. *slot
     * is the plug-in's own for this descriptor, NULL at first, and to be again after 0. A plug-in
     * without descriptors has tw_reactor_watch_none(). Returns: 0; -ENOTSUP; a negative errno, and
     * then what was asked before stands. */
    int (*watch)(struct tw_reactor *reactor, struct tw_descriptor *descriptor, unsigned what,
                 void **slot);
    /** Turn the loop once; wait for something if block says so. Returns: 0; a negative errno. */
    int (*turn)(struct tw_reactor *reactor, bool block);
    /** Stop listening and free the plug-in's own part and the struct; nothing of the reactor is
     * called afterwards. */
    void (*destroy)(struct tw_reactor *reactor);
};

/** A reactor: the first member of each plug-in's struct. Its fields are private. */
struct tw_reactor {
    const struct tw_reactor_ops *_ops;
    struct tw__reactor_common *_common;
};

/**
 * Make the common half.
 *
 * Thread:  any. The clock is borrowed and must outlive the reactor.
 * Returns: 0; -ENOMEM; -EMFILE and the like if there is no descriptor for waking up.
 */
TW_EXPORT int tw_reactor_init(struct tw_reactor *reactor, const struct tw_reactor_ops *ops,
                              struct tw_clock *clock);
/** Free the common half again; only for a plug-in whose own making failed after tw_reactor_init().
 */
TW_EXPORT void tw_reactor_done(struct tw_reactor *reactor);

/** The descriptor to watch for reading, level-triggered. Thread: any. */
TW_EXPORT int tw_reactor_wake_fd(struct tw_reactor *reactor);
/** Empty the wake descriptor: to be called when it is readable, before the pass. Thread: loop. */
TW_EXPORT void tw_reactor_woken(struct tw_reactor *reactor);

/** A descriptor is ready, for what is given of enum tw_io. Not inside tw_reactor_pass(). Thread:
 * loop. */
TW_EXPORT void tw_reactor_descriptor_ready(struct tw_reactor *reactor,
                                           struct tw_descriptor *descriptor, unsigned what);
/** The watch of a plug-in that has no descriptors. Returns: -ENOTSUP. */
TW_EXPORT int tw_reactor_watch_none(struct tw_reactor *reactor, struct tw_descriptor *descriptor,
                                    unsigned what, void **slot);

/** Whether it was made before this process was forked: it is the parent's, whose descriptors must not
 * be read here, nor anything else of it be touched. Thread: any. */
TW_EXPORT bool tw_reactor_is_inherited(struct tw_reactor *reactor);

/** Do what is to be done: calls from threads, timers that are due, shutting down. Thread: loop. */
TW_EXPORT void tw_reactor_pass(struct tw_reactor *reactor);

TW_END_DECLS

#endif
