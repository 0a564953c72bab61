/*
 * The search, and when it is not worth it: after each search in vain twice as many chances are let
 * go by, up to a limit, so a searcher with bad luck spends next to nothing; one find, and it
 * searches every time again.
 */
#include <twine/base/search_internal.h>

#include <stdatomic.h>
#include <twine/base/clock.h>
#include <twine/base/fork_internal.h>
#include <twine/base/processors_internal.h>
#include <twine/base/relax_internal.h>

#define MOST_SKIPPED 31
#define LOOKS_PER_CLOCK 4
#define TRIES_TO_ENTER 16

/* Between two looks, some 100 ns: each look takes the cache line away from who is about to write
 * there. */
#define PAUSES 4

/* Below, how many there are; above, the epoch: a child must not count the parent's. */
static _Atomic(uint64_t) searchers;

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

static void pause_looking(void)
{
    int i;
    for (i = 0; i < PAUSES; i++)
        tw__relax();
}

static bool look(bool (*found)(void *arg), void *arg)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t until = tw_time_add(tw_clock_now(clock), TW__SEARCH_TIME);
    unsigned looks = 0;
    while (!found(arg)) {
        pause_looking();
        if (++looks % LOOKS_PER_CLOCK == 0 && tw_clock_now(clock) >= until)
            return false;
    }
    return true;
}

static void remember(struct tw__search *search, bool was_found)
{
    search->next_skip = was_found ? 0 : 2 * search->next_skip + 1;
    if (search->next_skip > MOST_SKIPPED)
        search->next_skip = MOST_SKIPPED;
    search->to_skip = search->next_skip;
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

bool tw__search_pays(const struct tw__search *search)
{
    return search->to_skip == 0 && tw__processors() > 1;
}

bool tw__search(struct tw__search *search, bool (*found)(void *arg), void *arg)
{
    bool was_found;
    if (search->to_skip > 0) {
        search->to_skip--;
        return false;
    }
    if (!enter_soon(found, arg))
        return found(arg);
    was_found = look(found, arg);
    atomic_fetch_sub_explicit(&searchers, 1, memory_order_relaxed);
    remember(search, was_found);
    return was_found;
}
