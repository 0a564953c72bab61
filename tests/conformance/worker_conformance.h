/*
 * For writers of workers: the suite of promises that every kind of worker keeps, to be run on a
 * kind of one's own.
 *
 * It needs no test framework, and lies in a library of its own: libtwine_test.a,
 * twine::twine_test, twine-test.pc. A kind is described by how one of it is made, and how it is
 * given the time to work:
 *
 *     static int make(void *arg, struct tw_worker **ret_worker)
 *     {
 *         return my_worker_new(ret_worker);
 *     }
 *
 *     static void print(void *arg, const char *check, const char *wrong)
 *     {
 *         printf("%s: %s\n", check, wrong ? wrong : "kept");
 *     }
 *
 *     struct tw_worker_conformance_kind kind = {.size = sizeof kind, .make = make};
 *     return tw_worker_conformance(&kind, print, NULL) != 0;
 *
 * Each check has a worker of its own. Its tasks are watched until the whole suite is over, so that
 * an fn called once too often is seen even if that comes late.
 */
#ifndef TWINE_TEST_WORKER_CONFORMANCE_H
#define TWINE_TEST_WORKER_CONFORMANCE_H

#include <stddef.h>
#include <stdint.h>
#include <twine/threads/worker.h>

TW_BEGIN_DECLS

/** In flags: the kind has no lock, and is used by one thread at a time. */
#define TW_CONFORMANCE_ONE_THREAD 1u
/** In flags: quit answers -ENOTSUP, and the worker goes on. */
#define TW_CONFORMANCE_NO_QUIT 2u
/** In flags: what waits when the last reference goes is given up with -ESHUTDOWN. */
#define TW_CONFORMANCE_GIVES_UP 4u

/** A kind of worker, for the suite; a field left 0 means the default. */
struct tw_worker_conformance_kind {
    size_t size;    /**< sizeof(struct tw_worker_conformance_kind) */
    unsigned flags; /**< of TW_CONFORMANCE_… */
    void *arg;      /**< for the functions that follow */
    /**
     * Make a worker. The reference is the suite's, which lets go of it before end is called. There
     * is one worker at a time. Returns: 0; a negative errno, and then the check fails.
     */
    int (*make)(void *arg, struct tw_worker **ret_worker);
    /**
     * Perform all there is to do, for a kind that waits to be told, as a memory worker does. The
     * worker is NULL when the suite has let go of it; else hold it meanwhile, since a task may let
     * go of it. NULL: the kind works by itself, and the suite waits for it.
     */
    void (*run)(void *arg, struct tw_worker *worker);
    /** Called when a check is over and the suite has let go of the worker. NULL: nothing is left
     * to do. */
    void (*end)(void *arg);
    int64_t patience; /**< how long to wait for a kind that works by itself before a task counts as
                         lost, in nanoseconds; 0: 60 s */
};

/**
 * Hears how a check ended.
 *
 * Thread: the one that runs the suite.
 *
 * @param arg as given to tw_worker_conformance()
 * @param check what the kind promises, in words
 * @param wrong NULL if it keeps that; else what was seen instead
 */
typedef void (*tw_conformance_report_fn)(void *arg, const char *check, const char *wrong);

/**
 * Check that a kind of worker keeps what every worker promises: threads/worker.h, and what
 * threads/worker_ops.h asks of each operation. What only an exclusive worker promises is checked if
 * the worker says that it is one.
 *
 * One check breaks the contract on purpose: three times, or twice where no task can be kept
 * waiting for certain. Each is reported as a misuse; under TWINE_ABORT_ON_MISUSE=1 the check is
 * left out.
 *
 * Thread:    any. Unless the flags say that the kind has no lock, some checks start threads.
 * Blocks:    until all checks are over.
 * Ownership: everything is borrowed for the call. If a task of a kind that works by itself
 *            is lost, what it lies in is leaked, in case it comes after all.
 * Returns:   how many checks failed; -EINVAL for a description that is not right.
 */
TW_EXPORT int tw_worker_conformance(const struct tw_worker_conformance_kind *kind,
                                    tw_conformance_report_fn report, void *arg);

TW_END_DECLS

#endif
