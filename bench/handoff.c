/*
 * Handing work over and bringing it back: twine beside the pool people write by hand on libevent,
 * and beside libuv.
 *
 *     handoff [ROUNDS [ROW...]]
 *     handoff PEER ROW               once, in this process: for a profiler
 *
 * All do the same work in turn, round by round, so that the machine's moods touch all; each course
 * is run in a process of its own, twice, and the second time counts. What is printed is the median of the rounds in ns per operation,
 * and its ratio to that of the pool by hand. Every job is counted home.
 *
 *     W1       one no-op job at a time, loop -> pool of 4 -> loop
 *     W2/n     64 jobs in flight, pool of n: a whole Deferred with its callback
 *     W2b/n    the same with bare tasks, which is what the others do
 *     W3, W3b  a burst of jobs, pool of 4
 *     W4       the pool alone, no loop, pool of 4; x100: by bursts of 100
 *     W5       as W1, with 1,000 threads of which one is used
 *     W6       4 threads that call into the loop
 */
#include "peer.h"

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <twine/base/clock.h>
#include <unistd.h>

enum { MOST_ROUNDS = 99 };

static const struct peer *const peers[] = {
    &peer_twine,
    &peer_by_hand,
#if defined(TWINE_BENCH_LIBUV)
    &peer_libuv,
#endif
};

enum { PEERS = sizeof peers / sizeof peers[0], BY_HAND = 1 };

static const struct row {
    const char *name;
    size_t ours, theirs; /* which course, as an offset in struct peer */
    struct course course;
} rows[] = {
    {"W1", offsetof(struct peer, trips), offsetof(struct peer, trips), {4, 1, 20000}},
    {"W2/1", offsetof(struct peer, trips), offsetof(struct peer, trips), {1, 64, 100000}},
    {"W2/2", offsetof(struct peer, trips), offsetof(struct peer, trips), {2, 64, 100000}},
    {"W2/4", offsetof(struct peer, trips), offsetof(struct peer, trips), {4, 64, 100000}},
    {"W2b/1", offsetof(struct peer, bare), offsetof(struct peer, trips), {1, 64, 100000}},
    {"W2b/2", offsetof(struct peer, bare), offsetof(struct peer, trips), {2, 64, 100000}},
    {"W2b/4", offsetof(struct peer, bare), offsetof(struct peer, trips), {4, 64, 100000}},
    {"W3", offsetof(struct peer, trips), offsetof(struct peer, trips), {4, 200000, 200000}},
    {"W3b", offsetof(struct peer, bare), offsetof(struct peer, trips), {4, 200000, 200000}},
    {"W4", offsetof(struct peer, alone), offsetof(struct peer, alone), {4, 1, 200000}},
    {"W4 x100", offsetof(struct peer, alone), offsetof(struct peer, alone), {4, 100, 200000}},
    {"W5", offsetof(struct peer, idle), offsetof(struct peer, idle), {1000, 1, 5000}},
    {"W6", offsetof(struct peer, calls), offsetof(struct peer, calls), {4, 0, 400000}},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

uint64_t bench_now(void)
{
    return tw_clock_now(tw_clock_monotonic());
}

void bench_must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "handoff: %s: %s\n", what, strerror(-rc));
    exit(1);
}

static course_fn course_of(const struct row *row, const struct peer *peer)
{
    size_t which = peer == &peer_twine ? row->ours : row->theirs;
    return *(const course_fn *)((const char *)peer + which);
}

/* ns per operation; a process of its own, since libuv's pool is made once. */
static double run_once(const struct row *row, const struct peer *peer)
{
    int ends[2], status = 0;
    double took = 0;
    pid_t child;
    if (pipe(ends) < 0 || (child = fork()) < 0) {
        perror("handoff");
        exit(1);
    }
    if (child == 0) {
        /* A server that has run for a while: its memory is its own, and stays so. */
        mallopt(M_TRIM_THRESHOLD, 1 << 30);
        mallopt(M_MMAP_THRESHOLD, 1 << 30);
        course_of(row, peer)(&row->course);
        took = (double)course_of(row, peer)(&row->course) / (double)row->course.jobs;
        _exit(write(ends[1], &took, sizeof took) == (ssize_t)sizeof took ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &took, sizeof took) != (ssize_t)sizeof took ||
        waitpid(child, &status, 0) < 0 || status != 0)
        bench_must(-1, peer->name);
    close(ends[0]);
    return took;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void measure(const struct row *row, int rounds)
{
    static double took[PEERS][MOST_ROUNDS];
    double medians[PEERS];
    int i, p;
    for (i = 0; i < rounds; i++)
        for (p = 0; p < PEERS; p++)
            if (course_of(row, peers[p]))
                took[p][i] = run_once(row, peers[p]);
    printf("%-8s", row->name);
    for (p = 0; p < PEERS; p++) {
        if (!course_of(row, peers[p])) {
            printf(" %10s", "-");
            continue;
        }
        medians[p] = median(took[p], rounds);
        printf(" %10.0f", medians[p]);
    }
    printf(" %8.2f   %.0f..%.0f\n", medians[0] / medians[BY_HAND], took[0][0], took[0][rounds - 1]);
    fflush(stdout);
}

static bool is_asked_for(const struct row *row, char **names)
{
    char **name = names;
    if (!*name)
        return true;
    for (; *name; name++)
        if (strcmp(*name, row->name) == 0)
            return true;
    return false;
}

static int run_one(const char *peer_name, const char *row_name)
{
    int i, p;
    for (p = 0; p < PEERS; p++)
        for (i = 0; i < ROWS; i++)
            if (strcmp(peers[p]->name, peer_name) == 0 && strcmp(rows[i].name, row_name) == 0 &&
                course_of(&rows[i], peers[p])) {
                printf("%.0f ns\n", (double)course_of(&rows[i], peers[p])(&rows[i].course) /
                                        (double)rows[i].course.jobs);
                return 0;
            }
    fprintf(stderr, "handoff: there is no such peer or row\n");
    return 2;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5, i;
    if (argc == 3 && rounds == 0)
        return run_one(argv[1], argv[2]);
    if (rounds < 1 || rounds > MOST_ROUNDS) {
        fprintf(stderr, "usage: handoff [ROUNDS [ROW...]], 1 to %d\n", MOST_ROUNDS);
        return 2;
    }
    printf("%-8s", "");
    for (i = 0; i < PEERS; i++)
        printf(" %10s", peers[i]->name);
    printf(" %8s   %s\n", "ratio", "twine's spread");
    for (i = 0; i < ROWS; i++)
        if (is_asked_for(&rows[i], argv + (argc > 1 ? 2 : 1)))
            measure(&rows[i], rounds);
    return 0;
}
