/*
 * The service: one handler for all signals that anybody wants.
 *
 * In a forked child the service starts anew. A signal that reaches the child before that, still by
 * the parent's handler, is no business of the parent's: what was there before the handler is put
 * back, and gets it.
 */
#include <twine/reactor/signal_service_internal.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <twine/base/fork_internal.h>
#include <twine/base/lock_internal.h>
#include <unistd.h>

static struct tw__lock lock = TW_LOCK_INIT;
static unsigned wanted_by[TW__SIGNALS];      /* how many seats; under the lock */
static struct sigaction before[TW__SIGNALS]; /* valid while anybody wants it; under the lock */
static _Atomic(struct tw__signal_seat *) seats;
static atomic_int handlers; /* at work right now */
static atomic_int owner;    /* the process */

/* --- the handler ------------------------------------------------------------------------------ */

static void note(struct tw__signal_seat *seat, int number)
{
    if (!atomic_load(&seat->is_wanted[number]))
        return;
    atomic_store(&seat->has_come[number], true);
    atomic_store(&seat->has_any_come, true);
    tw__wake_fd_write(seat->wake);
}

static void note_in_all_seats(int number)
{
    struct tw__signal_seat *seat;
    atomic_fetch_add(&handlers, 1); /* from now on no seat goes */
    for (seat = atomic_load(&seats); seat; seat = atomic_load(&seat->next))
        note(seat, number);
    atomic_fetch_sub(&handlers, 1);
}

static void handle(int number)
{
    int error = errno;
    if (atomic_load(&owner) == getpid()) {
        note_in_all_seats(number);
    } else {
        sigaction(number, &before[number], NULL);
        raise(number); /* delivered when this handler returns */
    }
    errno = error;
}

static bool is_ours(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == handle;
}

/* Somebody may have put a handler of his own in the place of ours: that one stays. */
static void restore(int number)
{
    if (is_ours(number))
        sigaction(number, &before[number], NULL);
}

/* In a forked child: nobody has a seat, and the lock may have been held. */
static void start_anew(void)
{
    int number;
    for (number = 1; number < TW__SIGNALS; number++)
        if (wanted_by[number])
            restore(number);
    memset(wanted_by, 0, sizeof wanted_by);
    atomic_store(&seats, NULL);
    atomic_store(&handlers, 0);
    tw__lock_init(&lock);
}

/* --- seats ------------------------------------------------------------------------------------ */

void tw__signal_seat_take(struct tw__signal_seat *seat)
{
    tw__fork_renew(start_anew);
    tw__lock_acquire(&lock);
    atomic_store(&owner, (int)getpid());
    atomic_store(&seat->next, atomic_load(&seats));
    atomic_store(&seats, seat);
    tw__lock_release(&lock);
}

static void unlink_seat(struct tw__signal_seat *seat)
{
    _Atomic(struct tw__signal_seat *) *place = &seats;
    while (atomic_load(place) != seat)
        place = &atomic_load(place)->next;
    atomic_store(place, atomic_load(&seat->next));
}

/* A handler that begins after the seat was unlinked does not find it; those that began before take a
 * moment. On this thread none can be at work. */
void tw__signal_seat_leave(struct tw__signal_seat *seat)
{
    int number;
    for (number = 1; number < TW__SIGNALS; number++)
        if (atomic_load(&seat->is_wanted[number]))
            tw__signal_unwant(seat, number);
    tw__lock_acquire(&lock);
    unlink_seat(seat);
    tw__lock_release(&lock);
    while (atomic_load(&handlers) > 0)
        sched_yield();
}

/* --- wanting ---------------------------------------------------------------------------------- */

static bool can_be_watched(int number)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    size_t i;
    for (i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (number == faults[i])
            return false;
    return number > 0 && number < TW__SIGNALS;
}

static int install(int number)
{
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = handle;
    ours.sa_flags = SA_RESTART;
    sigfillset(&ours.sa_mask);
    return sigaction(number, NULL, &before[number]) < 0 || sigaction(number, &ours, NULL) < 0
               ? -EINVAL
               : 0;
}

int tw__signal_want(struct tw__signal_seat *seat, int number)
{
    int rc = 0;
    if (!can_be_watched(number))
        return -EINVAL;
    tw__lock_acquire(&lock);
    atomic_store(&seat->has_come[number], false);
    atomic_store(&seat->is_wanted[number], true);
    if (wanted_by[number] == 0)
        rc = install(number);
    if (rc >= 0)
        wanted_by[number]++;
    else
        atomic_store(&seat->is_wanted[number], false);
    tw__lock_release(&lock);
    return rc;
}

void tw__signal_unwant(struct tw__signal_seat *seat, int number)
{
    tw__lock_acquire(&lock);
    atomic_store(&seat->is_wanted[number], false);
    if (--wanted_by[number] == 0)
        restore(number);
    tw__lock_release(&lock);
}

bool tw__signal_is_default(int number)
{
    struct sigaction now;
    return is_ours(number) || (sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
                               now.sa_handler == SIG_DFL);
}
