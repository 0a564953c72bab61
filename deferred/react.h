/*
 * A program of one main function (Twisted's task.react, REA).
 *
 *     static void serve(struct tw_reactor *reactor, struct tw_result *result, void *arg) { ... }
 *
 *     int main(int argc, char **argv)
 *     {
 *         int code = tw_react(NULL, serve, argv);
 *         return code < 0 ? 1 : code;
 *     }
 */
#ifndef TWINE_DEFERRED_REACT_H
#define TWINE_DEFERRED_REACT_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/** A request to exit with the failure's code, 0 to 255 (REA-003); tw_result_failf() makes one. */
TW_EXPORT extern const struct tw_error TW_ERROR_EXIT;

/** A program's main function. The result starts from null; a Deferred left there is the program's
 * end, and else there is none to wait for. Thread: loop; before the reactor runs. */
typedef void (*tw_main_fn)(struct tw_reactor *reactor, struct tw_result *result, void *arg);

/**
 * Call a main function, run a reactor until what it left has fired, and stop it.
 *
 * The process does not exit: that is for the caller, with the code this returns.
 *
 * Thread:    the loop's to be.
 * Blocks:    until the reactor has stopped, whoever stops it.
 * Ownership: the reactor is borrowed; with NULL one is made, and gone when this returns.
 * Returns:   the exit code: 0 for success, and if the reactor is stopped by something else before
 *            the end (REA-005); 1 for a failure, which is reported; the code of a TW_ERROR_EXIT. Or
 *            a negative errno if the reactor could not be made or run: -ENOMEM, and what
 *            tw_reactor_new() and tw_reactor_run() say.
 */
TW_EXPORT int tw_react(struct tw_reactor *reactor, tw_main_fn fn, void *arg);

TW_END_DECLS

#endif
