/*
 * The plug-ins that tw_reactor_new() knows, by name (Twisted's reactor choice, REG).
 *
 * "libevent", which is the default, and "test_clock" are there from the beginning; one of your own,
 * written after reactor_ops.h, is added. Who runs the program may choose among them all: where the
 * program asks for the default, the environment variable TWINE_REACTOR names another.
 *
 * The list is the process's. A forked child has a copy.
 */
#ifndef TWINE_REACTOR_PLUG_INS_H
#define TWINE_REACTOR_PLUG_INS_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/** Makes a reactor. Thread: any, and several at a time. Returns: 0; a negative errno, which
 * tw_reactor_new() gives back (REG-005). */
typedef int (*tw_plug_in_fn)(void *arg, struct tw_reactor **ret_reactor);

/**
 * Add a plug-in, so that tw_reactor_new() finds it.
 *
 * Thread:    any. A call of tw_reactor_new() that begins after this has returned finds it.
 * Ownership: name and description are copied. (arg, destroy) is consumed, on error too; destroy may
 *            be NULL, and is called inside tw_plug_in_remove(), or on the thread of the last make
 *            that is under way then.
 * Returns:   0; -EEXIST if there is one of that name; -ENOMEM; -EINVAL without a name, a description
 *            or make, or with an empty name.
 *
 * @param name what tw_reactor_new() and TWINE_REACTOR say
 * @param description a few words, for who has to choose
 */
TW_EXPORT int tw_plug_in_add(const char *name, const char *description, tw_plug_in_fn make,
                             void *arg, tw_destroy_fn destroy);

/**
 * Take an added plug-in out of the list. The reactors that it has made go on: code that is about to
 * be unloaded sees to it that they have gone.
 *
 * Thread:  any.
 * Returns: 0; -ENOENT if nobody has added one of that name: the two of the library's own stay.
 */
TW_EXPORT int tw_plug_in_remove(const char *name);

/**
 * The names of all plug-ins, the library's own first, then in the order added (REG-002).
 *
 * Thread:    any.
 * Ownership: the names are the list's: valid until their plug-ins are removed.
 * Returns:   how many there are, which may be more than fit.
 *
 * @param ret_names room for so many, or NULL
 * @param room may be 0
 */
TW_EXPORT size_t tw_plug_in_list(const char **ret_names, size_t room);

/** What a plug-in is, in a few words (REG-001). Thread: any. Ownership: as a name. Returns: NULL if
 * there is none of that name. */
TW_EXPORT const char *tw_plug_in_description(const char *name);

TW_END_DECLS

#endif
