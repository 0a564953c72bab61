/*
 * The search, and when it is not worth it.
 *
 * Finds pay for searches in vain, four for one, up to four. Where there are none left, twice as many
 * chances are let go by after each search in vain, up to a limit, so a searcher with bad luck spends
 * next to nothing; one find, and it searches every time again.
 *
 * What it waits for may be the work of a thread that is behind it on its own processor: because
 * there are more threads than processors, or because the kernel has woken that one where its waker
 * runs, though another processor is idle (to Linux in a virtual machine a halted processor looks
 * taken). So a search lets others go first after 2 microseconds, and again after 4 and 8, and is
 * none of the searchers meanwhile: the others may want to look. If there is nobody, that costs 0.3
 * microseconds.
 *
 * But nobody looks meanwhile, and who sleeps would be woken in time. So that pays off as long as the
 * others have little to do each time. Good yields pay for those that took long, by the time these
 * took; where there are none left, or another program has had the processor for milliseconds, nobody
 * is let go first for a thousand times as long. So no more than a thousandth of the time is lost.
 */
#include <twine/base/search_internal.h>

#include <sched.h>
#include <stdatomic.h>
#include <twine/base/fork_internal.h>
#include <twine/base/processors_internal.h>
#include <twine/base/relax_internal.h>

#define MOST_SKIPPED 31
#define LOOKS_PER_CLOCK 4
#define TRIES_TO_ENTER 16

/* Between two looks, some 100 ns: each look takes the cache line away from who is about to write
 * there. */
#define PAUSES 4

#define LOOKS_BEFORE_YIELD 16

#define MOST_CREDIT 16
#define PRICE_IN_VAIN 4

/* Nanoseconds: a yield that takes less has found nobody; one that takes more is a long one, and costs a
 * good one for so much of it. */
#define LEAST_YIELD 2000
#define LONG_YIELD 60000
#define PRICE_OF_YIELD 16000
#define YIELD_RECOVERY 1000

struct tw_clock *tw__search_clock_hook;

/* Below, how many there are; above, the epoch: a child must not count the parent's. */
static _Atomic(uint64_t) searchers;

static _Atomic(uint64_t) no_yield_before; /* by the clock */

/* Relaxed throughout: the number is a courtesy, nothing is published by it. */
static bool enter(void)
{
    uint64_t none = (uint64_t)tw__fork_epoch() << 32;
    uint64_t seen = atomic_load_explicit(&searchers, memory_order_relaxed);
    uint64_t count = (seen ^ none) >> 32 ? 0 : seen - none;
    return count < tw__processors() - 1 &&
           atomic_compare_exchange_strong_explicit(&searchers, &seen, none + count + 1,
                                                   memory_order_relaxed, memory_order_relaxed);
}

static void leave(void)
{
    atomic_fetch_sub_explicit(&searchers, 1, memory_order_relaxed);
}

static void pause_looking(void)
{
    int i;
    for (i = 0; i < PAUSES; i++)
        tw__relax();
}

/* Another may be about to find what we have just sent it, and leave: wait a moment for its place.
 * */
static bool enter_soon(bool (*found)(void *arg), void *arg)
{
    unsigned tries;
    if (tw__processors() == 1)
        return false;
    for (tries = 0; tries < TRIES_TO_ENTER; tries++) {
        if (enter())
            return true;
        if (found(arg))
            return false;
        pause_looking();
    }
    return false;
}

/* --- what it has paid ------------------------------------------------------------------------- */

static void earn(unsigned *credit)
{
    *credit += *credit < MOST_CREDIT;
}

static bool pay(unsigned *credit, uint64_t price)
{
    if (*credit < price)
        return false;
    *credit -= (unsigned)price;
    return true;
}

static void judge_yield(struct tw__search *search, uint64_t took, uint64_t now)
{
    if (took < LEAST_YIELD)
        return;
    if (took < LONG_YIELD)
        earn(&search->good_yields);
    else if (!pay(&search->good_yields, took / PRICE_OF_YIELD))
        /* Relaxed, here and below: who sees it late yields once more. */
        atomic_store_explicit(&no_yield_before, now + YIELD_RECOVERY * took, memory_order_relaxed);
}

static void judge_search(struct tw__search *search, bool was_found)
{
    if (was_found) {
        earn(&search->finds);
        search->next_skip = 0;
    } else if (!pay(&search->finds, PRICE_IN_VAIN)) {
        search->next_skip = 2 * search->next_skip + 1;
        if (search->next_skip > MOST_SKIPPED)
            search->next_skip = MOST_SKIPPED;
    }
    search->to_skip = search->next_skip;
}

/* --- the search ------------------------------------------------------------------------------- */

/* Whether it is one of the searchers still. */
static bool let_others_go_first(struct tw__search *search, struct tw_clock *clock)
{
    uint64_t before = tw_clock_now(clock), now;
    if (before < atomic_load_explicit(&no_yield_before, memory_order_relaxed))
        return true;
    leave();
    sched_yield();
    search->has_yielded = true;
    now = tw_clock_now(clock);
    judge_yield(search, now - before, now);
    return enter();
}

/* As one of the searchers, which it is not any more afterwards. */
static bool look(struct tw__search *search, bool (*found)(void *arg), void *arg)
{
    struct tw_clock *clock = tw__search_clock_hook ? tw__search_clock_hook : tw_clock_monotonic();
    uint64_t until = tw_time_add(tw_clock_now(clock), TW__SEARCH_TIME);
    unsigned looks = 0, yields_at = LOOKS_BEFORE_YIELD;
    bool was_found;
    while (!(was_found = found(arg))) {
        pause_looking();
        if (++looks % LOOKS_PER_CLOCK == 0 && tw_clock_now(clock) >= until)
            break;
        if (looks == yields_at) {
            yields_at *= 2;
            if (!let_others_go_first(search, clock))
                return found(arg); /* others look, so it says nothing about whether it pays */
        }
    }
    leave();
    judge_search(search, was_found);
    return was_found;
}

bool tw__search_pays(const struct tw__search *search)
{
    return search->to_skip == 0 && tw__processors() > 1;
}

bool tw__search(struct tw__search *search, bool (*found)(void *arg), void *arg)
{
    search->has_yielded = false;
    if (search->to_skip > 0) {
        search->to_skip--;
        return false;
    }
    return enter_soon(found, arg) ? look(search, found, arg) : found(arg);
}
