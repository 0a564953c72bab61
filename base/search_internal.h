/*
 * Looking again before going to sleep.
 *
 * To be woken costs 10 to 40 microseconds, to find a task that comes within the next few costs 0.3.
 * So who has nothing to do looks again for some 10 microseconds; but only while that has lately
 * paid off, by one searcher for each spare processor at most, and never when there is one
 * processor: there the searcher would keep off the very thread that it waits for. Where others want
 * its processor it lets them go first, while that pays too (search.c).
 */
#ifndef TWINE_BASE_SEARCH_INTERNAL_H
#define TWINE_BASE_SEARCH_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <twine/base/clock.h>

#define TW__SEARCH_TIME 10000 /* nanoseconds */

/* One searcher's memory of how it went. All zero to begin with. */
struct tw__search {
    unsigned finds;              /* of late, less what searches in vain have used up */
    unsigned to_skip, next_skip; /* chances to let go by: now, and after the last one in vain */
    uint64_t debt; /* nanoseconds: what bad yields have cost, less what good ones have saved */
    bool yields_at_once; /* the last yield was a good one */
    bool was_away;       /* a yield of the last search took so long that others had the processor */
};

/* For the tests, set while there is no other thread; NULL: the monotonic one. */
extern struct tw_clock *tw__search_clock_hook;

/* Whether the next one would look at all, as far as is known. */
bool tw__search_pays(const struct tw__search *search);

/* Call found(arg) until it says true, or for TW__SEARCH_TIME, and longer if others have the processor
 * meanwhile. A few times only if others look already; once with one processor; not at all, and false,
 * if it has not paid lately. Returns what it said last. */
bool tw__search(struct tw__search *search, bool (*found)(void *arg), void *arg);

#endif
