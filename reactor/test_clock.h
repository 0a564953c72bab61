/*
 * A reactor for tests: its clock moves only when told, and its loop only turns then (Twisted's
 * Clock, CLK).
 *
 * Delayed calls, calls from threads and the Deferreds of jobs can be tested on it without waiting.
 * Together with memory workers nothing depends on the machine's speed.
 */
#ifndef TWINE_REACTOR_TEST_CLOCK_H
#define TWINE_REACTOR_TEST_CLOCK_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

/** Make a reactor on a test clock. Thread: any. Returns: 0; -ENOMEM; -EMFILE and the like. */
TW_EXPORT int tw_test_clock_reactor_new(struct tw_reactor **ret_reactor);

/**
 * Move its time forward by all of a duration, then run what is due, and what that makes due, and
 * what other threads have sent (CLK-004, CLK-006).
 *
 * Thread:  loop.
 * Returns: 0; -EINVAL for a negative duration or another plug-in; -EDEADLK from inside a turn.
 */
TW_EXPORT int tw_test_clock_reactor_advance(struct tw_reactor *reactor, int64_t duration);

TW_END_DECLS

#endif
