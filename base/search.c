/*
 * The search, and when it is not worth it.
 *
 * Four finds pay for one search in vain; no more than sixteen are remembered. Where fewer than four
 * are left, twice as many chances are let go by after each search in vain, up to a limit, so a searcher
 * with bad luck spends next to nothing; one find, and it searches every time again.
 *
 * What it waits for may be the work of a thread that is behind it on its own processor: because
 * there are more threads than processors, or because the kernel has woken that one where its waker
 * runs, though another processor is idle (to Linux in a virtual machine a halted processor looks
 * taken). So a search lets others go first after 2 microseconds, and again after 4 and 8; if the last
 * time was a good one, at once too. Meanwhile it is none of the searchers: the others may want to look.
 *
 * But meanwhile nobody looks: a task left to the searcher waits until the yield is over, where a
 * sleeper would have been woken. So yields are judged. One is good if others had the processor, not
 * for too long, and what is looked for is there afterwards: most likely that has saved a wake-up. The
 * time of any other is added to the searcher's debt: nobody was there, or the others search too, have
 * long tasks, or are another program. A good one takes 8 microseconds off. A bad one that would take
 * the debt over its limit is not added: instead nobody in the process yields for 300 times as long as
 * it took. So a searcher that has only bad yields spends a 300th of its time on them, apart from the
 * debt.
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

#define MOST_FINDS 16
#define FINDS_FOR_ONE_IN_VAIN 4

/* Nanoseconds from the search's beginning to its first yield; each further one after twice as long. */
#define FIRST_YIELD 2000

/* Nanoseconds. */
#define LEAST_YIELD 2000    /* of a good one: two switches and a task take longer */
#define LONG_YIELD 60000    /* bad for I/O; a batch of short tasks takes half of it */
#define WORTH_OF_YIELD 8000 /* what a good one takes off the debt */
#define MOST_DEBT 160000    /* less than another program's turn */

#define RECOVERY 300
#define LONGEST_CHARGED 10000000 /* a longer one counts as this: the machine may have stood still */

struct tw_clock *tw__search_clock_hook;

/* Below, how many there are; above, the epoch: a child must not count the parent's. */
static _Atomic(uint64_t) searchers;

static _Atomic(uint64_t) no_yield_before; /* by the clock */

/* Relaxed throughout: the number is a courtesy, nothing is published by it. */
static bool enter(void)
{
    uint64_t none = (uint64_t)tw__fork_epoch() << 32, limit = tw__processors() - 1, count;
    uint64_t seen = atomic_load_explicit(&searchers, memory_order_relaxed);
    do {
        count = (seen ^ none) >> 32 ? 0 : seen - none;
        if (count >= limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&searchers, &seen, none + count + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
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

/* --- whether it pays -------------------------------------------------------------------------- */

static void judge_search(struct tw__search *search, bool was_found)
{
    if (was_found) {
        search->finds += search->finds < MOST_FINDS;
        search->next_skip = 0;
    } else if (search->finds >= FINDS_FOR_ONE_IN_VAIN) {
        search->finds -= FINDS_FOR_ONE_IN_VAIN;
    } else {
        search->next_skip = 2 * search->next_skip + 1;
        if (search->next_skip > MOST_SKIPPED)
            search->next_skip = MOST_SKIPPED;
    }
    search->to_skip = search->next_skip;
}

/* Of several such times the latest holds. Relaxed, here and below: who sees it late yields once more.
 */
static void forbid_yields(uint64_t until)
{
    uint64_t seen = atomic_load_explicit(&no_yield_before, memory_order_relaxed);
    while (seen < until &&
           !atomic_compare_exchange_weak_explicit(&no_yield_before, &seen, until,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

static void judge_yield(struct tw__search *search, uint64_t took, bool was_found, uint64_t now)
{
    search->yields_at_once = was_found && took >= LEAST_YIELD && took < LONG_YIELD;
    if (search->yields_at_once)
        search->debt -= search->debt < WORTH_OF_YIELD ? search->debt : WORTH_OF_YIELD;
    else if (search->debt + took <= MOST_DEBT)
        search->debt += took;
    else
        forbid_yields(now + RECOVERY * (took < LONGEST_CHARGED ? took : LONGEST_CHARGED));
}

/* --- the search ------------------------------------------------------------------------------- */

enum outcome { FOUND, IN_VAIN, CROWDED_OUT, NOT_YET };

/* Called as one of the searchers; the caller still is one only if it says NOT_YET. */
static enum outcome let_others_go_first(struct tw__search *search, bool (*found)(void *arg),
                                        void *arg, struct tw_clock *clock, uint64_t before)
{
    uint64_t now;
    bool was_found;
    leave();
    sched_yield();
    was_found = found(arg);
    now = tw_clock_now(clock);
    search->was_away |= now - before >= LEAST_YIELD;
    judge_yield(search, now - before, was_found, now);
    if (was_found)
        return FOUND;
    return enter() ? NOT_YET : CROWDED_OUT;
}

static bool may_yield(uint64_t now)
{
    return now >= atomic_load_explicit(&no_yield_before, memory_order_relaxed);
}

/* Called as one of the searchers; the caller is none afterwards. */
static enum outcome look(struct tw__search *search, bool (*found)(void *arg), void *arg)
{
    struct tw_clock *clock = tw__search_clock_hook ? tw__search_clock_hook : tw_clock_monotonic();
    uint64_t begin = tw_clock_now(clock), now,
             yields_after = search->yields_at_once ? 0 : FIRST_YIELD;
    unsigned looks = 0;
    while (!found(arg)) {
        pause_looking();
        if (++looks % LOOKS_PER_CLOCK)
            continue;
        now = tw_clock_now(clock);
        if (now - begin >= TW__SEARCH_TIME) {
            leave();
            return IN_VAIN;
        }
        if (now - begin >= yields_after && may_yield(now)) {
            enum outcome outcome;
            yields_after = yields_after ? 2 * yields_after : FIRST_YIELD;
            outcome = let_others_go_first(search, found, arg, clock, now);
            if (outcome != NOT_YET)
                return outcome;
        }
    }
    leave();
    return FOUND;
}

bool tw__search_pays(const struct tw__search *search)
{
    return search->to_skip == 0 && tw__processors() > 1;
}

bool tw__search(struct tw__search *search, bool (*found)(void *arg), void *arg)
{
    enum outcome outcome;
    search->was_away = false;
    if (search->to_skip > 0) {
        search->to_skip--;
        return false;
    }
    if (!enter_soon(found, arg))
        return found(arg);
    outcome = look(search, found, arg);
    if (outcome == CROWDED_OUT)
        search->to_skip = search->next_skip; /* as after the last one, which said whether it pays */
    else
        judge_search(search, outcome == FOUND);
    return outcome == FOUND;
}
