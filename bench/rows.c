/*
 * The rows, as data.
 */
#include "rows.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const struct peer *const bench_peers[] = {
    &peer_twine, &peer_by_hand,
#if defined(TWINE_BENCH_LIBUV)
    &peer_libuv,
#endif
#if defined(TWINE_BENCH_GLIB)
    &peer_glib,  &peer_gtask,
#endif
#if defined(TWINE_BENCH_APR)
    &peer_apr,
#endif
#if defined(TWINE_BENCH_TBB)
    &peer_tbb,
#endif
    &peer_java,  &peer_go,      &peer_node, &peer_twisted, &peer_no_pool, NULL,
};

#define BY_HAND "by hand"
#define WHY_W2                                                                                 \
    "the loop's side of a whole Deferred is some 600 instructions, and each job's first line " \
    "moves there and back"
#define WHY_W2B "the inbox's word, and each task's line, move between two processors"
#define WHY_W3B "each task's line comes from memory, to the submit and to the worker"
#define WHY_BUSY \
    "where the kernel puts loop and workers: with the other program, or on one processor"

enum { FIB_25_FORKS = 121392, CORES = 2 };

const struct row bench_rows[] = {
    {.name = "W1",
     .what = "one job at a time, loop -> pool of 4 -> loop",
     .course = {.threads = 4, .in_flight = 1, .jobs = 20000},
     .gate = {0.1, BY_HAND},
     .goal = {600, NULL},
     .least_cpu_of = ANY_THREADS,
     .why = "each way is a cache line that moves twice, and the other side's 1,200 instructions"},
    {.name = "W1 own",
     .what = "the same under the user's own dispatch",
     .ours = DISPATCH,
     .course = {.threads = 4, .in_flight = 1, .jobs = 20000},
     .gate = {0.1, BY_HAND},
     .why = "as W1, and the user's loop goes round once for each"},
    {.name = "W1'",
     .what = "as W1, on one CPU",
     .course = {.threads = 4, .in_flight = 1, .jobs = 20000, .on_one_cpu = true},
     .gate = {1.0, BY_HAND},
     .goal = {1.0, "TBB"},
     .why = "two wake-ups, and the kernel's two switches between them"},
    {.name = "W2/1",
     .what = "64 in flight, pool of 1; twine: a whole Deferred",
     .course = {.threads = 1, .in_flight = 64, .jobs = 200000},
     .gate = {0.5, BY_HAND},
     .goal = {200, NULL},
     .why = WHY_W2},
    {.name = "W2/2",
     .what = "64 in flight, pool of 2; twine: a whole Deferred",
     .course = {.threads = 2, .in_flight = 64, .jobs = 200000},
     .gate = {0.5, BY_HAND},
     .goal = {200, NULL},
     .why = WHY_W2},
    {.name = "W2/4",
     .what = "64 in flight, pool of 4; twine: a whole Deferred",
     .course = {.threads = 4, .in_flight = 64, .jobs = 200000},
     .gate = {0.5, BY_HAND},
     .goal = {200, NULL},
     .why = WHY_W2},
    {.name = "W2b/1",
     .what = "64 in flight, pool of 1; twine: a bare task",
     .ours = BARE,
     .course = {.threads = 1, .in_flight = 64, .jobs = 200000},
     .gate = {0.5, BY_HAND},
     .goal = {200, NULL},
     .why = WHY_W2B},
    {.name = "W2b/2",
     .what = "64 in flight, pool of 2; twine: a bare task",
     .ours = BARE,
     .course = {.threads = 2, .in_flight = 64, .jobs = 200000},
     .gate = {0.5, BY_HAND},
     .goal = {200, NULL},
     .why = WHY_W2B},
    {.name = "W2b/4",
     .what = "64 in flight, pool of 4; twine: a bare task",
     .ours = BARE,
     .course = {.threads = 4, .in_flight = 64, .jobs = 200000},
     .gate = {0.5, BY_HAND},
     .goal = {200, NULL},
     .why = WHY_W2B},
    {.name = "W3",
     .what = "a burst of 1,000,000, pool of 4; twine: whole Deferreds",
     .course = {.threads = 4, .in_flight = 1000000, .jobs = 1000000},
     .gate = {1.0, BY_HAND},
     .goal = {200, NULL},
     .most_bytes = 192,
     .counts_bytes = true,
     .why =
         "by design a Deferred, its first two callbacks and its job are one block: 192 bytes and "
         "a line of 64 that travels; these four lines are in no cache, and a page from the "
         "kernel costs 2,000 ns"},
    {.name = "W3b",
     .what = "a burst of 1,000,000, pool of 4; twine: bare tasks, one by one",
     .ours = BARE,
     .course = {.threads = 4, .in_flight = 1000000, .jobs = 1000000},
     .gate = {1.0, BY_HAND},
     .goal = {1.0, "TBB"},
     .counts_bytes = true,
     .why = WHY_W3B},
    {.name = "W3b many",
     .what = "a burst of 1,000,000, pool of 4; twine: bare tasks, by submit_many",
     .ours = BARE_MANY,
     .course = {.threads = 4, .in_flight = 1000000, .jobs = 1000000},
     .gate = {1.0, BY_HAND},
     .goal = {120, NULL},
     .counts_bytes = true,
     .why = WHY_W3B},
    {.name = "W4",
     .what = "the pool alone, of 4, no loop; one by one",
     .ours = ALONE,
     .theirs = ALONE,
     .course = {.threads = 4, .in_flight = 1, .jobs = 500000},
     .gate = {0.7, BY_HAND},
     .goal = {1.0, "TBB"},
     .why = "each task is taken inside the books, so that it can be cancelled and looked at until "
            "then"},
    {.name = "W4 many",
     .what = "the pool alone, of 4, no loop; twine: by submit_many",
     .ours = ALONE_MANY,
     .theirs = ALONE,
     .course = {.threads = 4, .in_flight = 1, .jobs = 500000},
     .gate = {0.7, BY_HAND},
     .goal = {80, NULL},
     .why = "the workers' lock, and the inbox's word, move between processors"},
    {.name = "W5",
     .what = "as W1, with 1,000 threads",
     .ours = IDLE,
     .theirs = IDLE,
     .course = {.threads = 1000, .in_flight = 1, .jobs = 5000},
     .gate = {0.1, BY_HAND},
     .goal = {1.2, "W1"},
     .most_wakes = 1,
     .why = "as W1; which of the threads still looks has to be told"},
    {.name = "W6",
     .what = "4 threads that call into the loop",
     .ours = CALLS,
     .theirs = CALLS,
     .course = {.threads = 4, .jobs = 1000000},
     .gate = {0.6, BY_HAND},
     .goal = {45, NULL},
     .most_writes = 0.01,
     .why = "four producers run far ahead of the loop, so that each call's 24 bytes come from "
            "memory"},
    {.name = "W7",
     .what = "fib(25) by submit and await, for each fork, on each core",
     .ours = FORKS,
     .theirs = FORKS,
     .course = {.threads = CORES, .jobs = FIB_25_FORKS},
     .gate = {2.0, "TBB"},
     .goal = {1.0, "TBB"},
     .why = "a fork is 691 instructions: it has a future that others may wait for and cancel, a "
            "result with its destructor, and a context; TBB's have none"},
    {.name = "W8",
     .what = "a Deferred: made, ten callbacks, fired, freed",
     .ours = DEFERRED,
     .theirs = DEFERRED,
     .course = {.jobs = 1},
     .gate = {150, NULL},
     .goal = {60, NULL},
     .why = "743 instructions: a link of 32 bytes and an indirect call for each callback, and ten "
            "of the caller's own"},
    {.name = "W9",
     .what = "await of what is not yet there, there and back",
     .ours = AWAIT,
     .theirs = AWAIT,
     .course = {.jobs = 1},
     .goal = {60, NULL},
     .why = "two switches of stacks, after which the processor foretells each return wrongly, and "
            "a callback: 443 instructions"},
    {.name = "busy/1",
     .what = "as W1, with another program on one of the processors",
     .course = {.threads = 4, .in_flight = 1, .jobs = 5000, .beside_another = true},
     .gate = {1.0, BY_HAND},
     .why = WHY_BUSY},
    {.name = "busy/64",
     .what = "64 in flight, pool of 4, with another program on one of the processors",
     .course = {.threads = 4, .in_flight = 64, .jobs = 100000, .beside_another = true},
     .gate = {1.0, BY_HAND},
     .why = WHY_BUSY},
    {.name = "rest",
     .what = "a loop and 4 threads with nothing to do, seconds 1 to 9, for each millisecond",
     .ours = REST,
     .theirs = REST,
     .course = {.threads = 4, .in_flight = 4, .jobs = 8000},
     .most_cpu = 500,
     .most_switches = 0.01,
     .why = "a timer of somebody's own"},
    {.name = "sleep",
     .what = "jobs of 1 ms of sleep, pool of 4, 64 in flight",
     .course = {.threads = 4, .in_flight = 64, .jobs = 2000, .work = SLEEPS},
     .gate = {1.02, "no pool"},
     .why = "the kernel's timers"},
    {.name = "hash",
     .what = "jobs of 100 us of hashing, a thread a core, 64 in flight",
     .course = {.threads = CORES, .in_flight = 64, .jobs = 4000, .work = HASHES},
     .gate = {1.02, "no pool"},
     .why = "each job that comes home wakes the loop where a worker is at work, by hand too: two "
            "switches, a write, an epoll_wait and a read, 10,000 ns of two processors for each "
            "100,000 of hashing; libuv's loop waits for its turn instead"},
    {.name = "mixed",
     .what = "1 us of hashing, each 50th 1 ms of sleep; pool of 4, 16 in flight",
     .course = {.threads = 4, .in_flight = 16, .jobs = 20000, .work = MIXED},
     .gate = {1.02, BY_HAND},
     .least_cpu_of = BY_HAND,
     .why = "a search in vain of 10,000 ns, each time that all threads sleep"},
    {.name = NULL},
};

struct cell bench_cells[MOST_ROWS][MOST_PEERS];

const char *bench_shape_name(enum shape shape)
{
    static const char *const names[SHAPES] = {
        [TRIPS] = "trips",    [BARE] = "bare",   [BARE_MANY] = "bare_many",
        [DISPATCH] = "own",   [ALONE] = "alone", [ALONE_MANY] = "alone_many",
        [IDLE] = "idle",      [CALLS] = "calls", [FORKS] = "forks",
        [DEFERRED] = "defer", [AWAIT] = "await", [REST] = "rest",
    };
    return names[shape];
}

enum shape bench_shape_of(const struct row *row, const struct peer *peer)
{
    return peer == &peer_twine ? row->ours : row->theirs;
}

double bench_limit(const struct limit *limit, int row)
{
    int i;
    if (limit->times == 0)
        return NAN;
    if (!limit->of)
        return limit->times;
    for (i = 0; bench_peers[i]; i++)
        if (strcmp(bench_peers[i]->name, limit->of) == 0)
            return bench_cells[row][i].rounds ? limit->times * bench_cells[row][i].median.ns : NAN;
    for (i = 0; bench_rows[i].name; i++)
        if (strcmp(bench_rows[i].name, limit->of) == 0 && bench_cells[i][0].rounds)
            return limit->times * bench_cells[i][0].median.ns;
    return NAN;
}
