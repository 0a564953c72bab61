/*
 * For writers of plug-ins (reactor/reactor_ops.h): the suite of what every reactor promises, to be
 * run on one of your own.
 *
 * It needs no test framework, and lies in libtwine_test.a, as the suite for workers does, which is
 * part of it. A kind of reactor is described by how one of it is made:
 *
 *     static int make(void *arg, struct tw_reactor **ret_reactor)
 *     {
 *         return my_reactor_new(ret_reactor);
 *     }
 *
 *     struct tw_reactor_conformance_kind kind = {.size = sizeof kind, .make = make};
 *     return tw_reactor_conformance(&kind, print, NULL) != 0;
 *
 * Each check has a reactor of its own. Its loop is turned by tw_reactor_run() and
 * tw_reactor_iterate(), or, with turn, as a loop of the user's own would be: a plug-in that can do
 * both is worth two runs of the suite. Each check's name says what is promised, with the numbers of
 * the catalogue that doc/catalogue.txt lists, where it has any.
 */
#ifndef TWINE_TEST_REACTOR_CONFORMANCE_H
#define TWINE_TEST_REACTOR_CONFORMANCE_H

#include <stdbool.h>
#include <twine/reactor/reactor.h>
#include <twine/test/worker_conformance.h>

TW_BEGIN_DECLS

/** A kind of reactor, for the suite; a field left 0 means the default. */
struct tw_reactor_conformance_kind {
    size_t size; /**< sizeof(struct tw_reactor_conformance_kind) */
    void *arg;   /**< for the functions that follow */
    /** Make a reactor, which the suite turns on this thread, and lets go of before end is called.
     * There is one at a time. Returns: 0; a negative errno, and then the check fails. */
    int (*make)(void *arg, struct tw_reactor **ret_reactor);
    /** Turn the loop once as its user would without twine; wait for something if block says so and
     * there is nothing to do. NULL: the reactor is asked to. Returns: 0; a negative errno. */
    int (*turn)(void *arg, struct tw_reactor *reactor, bool block);
    /** With turn: run the loop as its user would until it ends by itself, since nothing is left that
     * it could wait for. NULL: such a loop does not end by itself. Returns: as turn. */
    int (*dispatch)(void *arg, struct tw_reactor *reactor);
    /** For a clock that moves only when told: move it by so many nanoseconds, and run what becomes
     * due. NULL: time passes. Returns: 0; a negative errno. */
    int (*advance)(void *arg, struct tw_reactor *reactor, int64_t duration);
    /** Called when a check is over and the suite has let go of the reactor. NULL: nothing is left to
     * do. */
    void (*end)(void *arg);
    int64_t
        patience; /**< how long a check may take before what it waits for counts as lost, in nanoseconds; 0:
                         60 s */
};

/**
 * Check that a kind of reactor keeps what every reactor promises: delayed calls and their order,
 * calls from threads, their order, their batches and how they wake the loop, starting and stopping,
 * triggers, jobs that come home, descriptors if it has them, and all that a worker promises.
 *
 * Some checks break the contract on purpose, TW_REACTOR_CONFORMANCE_MISUSES times in all. Each is
 * reported as a misuse; under TWINE_ABORT_ON_MISUSE=1 those checks are left out. One more
 * lets a shutdown run out of time, which is reported as a warning.
 *
 * A plug-in that neither wakes up nor rings may hang it: give it a time limit from outside.
 *
 * Thread:    any, which is the loop's meanwhile. The checks start threads.
 * Blocks:    until all checks are over.
 * Ownership: everything is borrowed for the call.
 * Returns:   how many checks failed; -EINVAL for a description that is not right.
 *
 * @param report hears of each check, by the rules of tw_conformance_report_fn; may be NULL
 */
TW_EXPORT int tw_reactor_conformance(const struct tw_reactor_conformance_kind *kind,
                                     tw_conformance_report_fn report, void *arg);

/** How often tw_reactor_conformance() breaks the contract on purpose. */
#define TW_REACTOR_CONFORMANCE_MISUSES 5

TW_END_DECLS

#endif
