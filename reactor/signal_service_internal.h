/*
 * The process's one service for signals.
 *
 * A reactor has a seat in it. The handler notes the signal in each seat that wants it, and makes the
 * seat's descriptor readable; it takes no lock. Seats are linked and unlinked under a lock, and a
 * seat that is unlinked waits until no handler is at work before it may go.
 */
#ifndef TWINE_REACTOR_SIGNAL_SERVICE_INTERNAL_H
#define TWINE_REACTOR_SIGNAL_SERVICE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <twine/reactor/wake_fd_internal.h>

enum { TW__SIGNALS = 65 }; /* of Linux: 1 to 64 */

struct tw__signal_seat {
    _Atomic(struct tw__signal_seat *) next;
    const struct tw__wake_fd *wake;
    atomic_bool is_wanted[TW__SIGNALS];
    atomic_bool has_come[TW__SIGNALS];
    atomic_bool has_any_come;
};

/* Take a seat that is all zero but for the descriptor, and leave it, wanting nothing any more. Any
 * thread. */
void tw__signal_seat_take(struct tw__signal_seat *seat);
void tw__signal_seat_leave(struct tw__signal_seat *seat);

/* Want a signal, once for each seat; 0; -EINVAL. */
int tw__signal_want(struct tw__signal_seat *seat, int number);
void tw__signal_unwant(struct tw__signal_seat *seat, int number);

/* Whether it is as it was when the process began, or nearly. */
bool tw__signal_is_default(int number);

#endif
