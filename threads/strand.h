/*
 * A strand: an exclusive worker over any other worker, a pool for instance.
 *
 * Its tasks run one after the other, in order, on whatever thread the worker below has; it needs
 * none of its own while there is nothing to do. It is meant for libraries that want to be called by
 * one thread at a time, such as a SQLite handle. Each strand has a queue of its own, and after some
 * tasks it steps back behind what else waits below, so neither a long strand nor many of them
 * starve others.
 */
#ifndef TWINE_THREADS_STRAND_H
#define TWINE_THREADS_STRAND_H

#include <twine/threads/worker.h>

TW_BEGIN_DECLS

/** How many tasks a strand runs before it steps back, unless told. */
#define TW_STRAND_BUDGET 16u

/**
 * Make a strand.
 *
 * Quit lets what was accepted run, and leaves the worker below as it is. If that one refuses or
 * gives up, so does the strand: what waits gets -ESHUTDOWN, or whatever the worker said. If it lets
 * no more tasks wait just now, what is submitted to a strand at rest gets -EAGAIN, and the strand
 * lives on.
 *
 * Thread:    any.
 * Ownership: the worker below is borrowed; the strand takes a reference. The strand is yours to
 *            unref.
 * Returns:   0; -ENOMEM; -EINVAL without a worker.
 *
 * @param below who runs its tasks
 * @param budget how many of its tasks run in a row before others below get their turn; 0:
 *               TW_STRAND_BUDGET
 */
TW_EXPORT int tw_strand_new(struct tw_worker *below, unsigned budget,
                            struct tw_worker **ret_strand);

TW_END_DECLS

#endif
