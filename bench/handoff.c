/*
 * Handing work over and bringing it back: twine beside its peers.
 *
 *     handoff [--quick] [--json FILE] [ROUNDS [ROW...]]
 *     handoff PEER ROW [JOBS]        once, in this process: for a profiler
 *
 * W2 stands for all of W2/1, W2/2 and W2/4.
 *
 * All do the same work in turn, round by round, so that the machine's moods touch all. Figures are
 * medians of the rounds; the ratio is to the pool by hand. Every job is counted home.
 *
 * The rows are in rows.c; peer.h says what a peer is.
 */
#include "rows.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, QUICK_ROUNDS = 3, QUICK_FRACTION = 20 };

#define QUICK_WARM_MS "200"

static struct {
    int rounds;
    long fraction; /* of the jobs are done */
    bool is_quick;
    const char *json;
    char **rows; /* NULL ends; none: all */
} asked = {ROUNDS, 1, false, NULL, NULL};

/* --- medians ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Of one of the figures, which is what a number in struct figures is. */
static double median(const struct figures *rounds, int count, size_t which)
{
    double values[MOST_ROUNDS];
    int i;
    for (i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&rounds[i] + which, sizeof values[i]);
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void fill_cell(struct cell *cell, const struct figures *rounds, int count)
{
    int i;
    cell->rounds = count;
    cell->low = cell->high = rounds[0].ns;
    for (i = 0; i < count; i++) {
        cell->low = fmin(cell->low, rounds[i].ns);
        cell->high = fmax(cell->high, rounds[i].ns);
    }
    cell->median.ns = median(rounds, count, offsetof(struct figures, ns));
    cell->median.cpu_ns = median(rounds, count, offsetof(struct figures, cpu_ns));
    cell->median.switches = median(rounds, count, offsetof(struct figures, switches));
    cell->median.writes = median(rounds, count, offsetof(struct figures, writes));
    cell->median.wakes = median(rounds, count, offsetof(struct figures, wakes));
}

/* --- the run ---------------------------------------------------------------------------------- */

/* A program is warm only after a while: in a quick run it gets one round. A rest is long, and is
 * always the same. */
static bool takes_part(const struct row *row, const struct peer *peer, int round)
{
    enum shape shape = bench_shape_of(row, peer);
    bool is_enough = shape == REST || (asked.is_quick && peer->programs[shape]);
    return bench_can(row, peer) && (round == 0 || !is_enough);
}

/* The kernel goes by how busy the processors have been lately: so each begins as the others do, and not
 * with what the one before it has left behind. */
static void settle(void)
{
    const struct timespec some = {.tv_nsec = asked.is_quick ? 5000000 : 30000000};
    nanosleep(&some, NULL);
}

static void measure(int which)
{
    static struct figures rounds[MOST_PEERS][MOST_ROUNDS];
    const struct row *row = &bench_rows[which];
    int done[MOST_PEERS] = {0}, i, p;
    for (i = 0; i < asked.rounds; i++)
        for (p = 0; bench_peers[p]; p++)
            if (takes_part(row, bench_peers[p], i)) {
                settle();
                bench_run(row, bench_peers[p], asked.fraction, &rounds[p][done[p]++]);
            }
    for (p = 0; bench_peers[p]; p++)
        if (done[p]) {
            struct cell *cell = &bench_cells[which][p];
            fill_cell(cell, rounds[p], done[p]);
            cell->median.bytes = row->counts_bytes ? bench_bytes(row, bench_peers[p]) : NAN;
        }
}

static bool is_meant(const char *name, const struct row *row)
{
    size_t length = strlen(name);
    return strncmp(name, row->name, length) == 0 &&
           (row->name[length] == '\0' || row->name[length] == '/');
}

static bool is_asked_for(const struct row *row)
{
    char **name = asked.rows;
    if (!name || !*name)
        return true;
    for (; *name; name++)
        if (is_meant(*name, row))
            return true;
    return false;
}

/* The first name that no row has; NULL. */
static const char *unknown_row(char **names)
{
    int i;
    for (; names && *names; names++) {
        for (i = 0; bench_rows[i].name && !is_meant(*names, &bench_rows[i]); i++)
            ;
        if (!bench_rows[i].name)
            return *names;
    }
    return NULL;
}

static int run_one(const char *peer_name, const char *row_name, long jobs)
{
    struct figures figures;
    struct course course;
    int i, p;
    for (p = 0; bench_peers[p]; p++)
        for (i = 0; bench_rows[i].name; i++) {
            course_fn run = bench_peers[p]->runs[bench_shape_of(&bench_rows[i], bench_peers[p])];
            if (strcmp(bench_peers[p]->name, peer_name) != 0 ||
                strcmp(bench_rows[i].name, row_name) != 0 || !run)
                continue;
            course = bench_course(&bench_rows[i], jobs > 0 ? jobs : bench_rows[i].course.jobs);
            bench_prepare(&course);
            bench_measure(run, &course, &figures);
            printf("%.0f ns, %.0f ns of CPU, %.3f switches, %.3f wakes\n", figures.ns,
                   figures.cpu_ns, figures.switches, figures.wakes);
            return 0;
        }
    fprintf(stderr, "handoff: there is no such peer or row\n");
    return 2;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: handoff [--quick] [--json FILE] [ROUNDS [ROW...]], 1 to %d rounds\n"
            "       handoff PEER ROW [JOBS]\n",
            MOST_ROUNDS);
    return 2;
}

int main(int argc, char **argv)
{
    int i;
    for (argv++; argc > 1 && (*argv)[0] == '-'; argv++, argc--) {
        if (strcmp(*argv, "--quick") == 0) {
            asked.is_quick = true;
            asked.rounds = QUICK_ROUNDS;
            asked.fraction = QUICK_FRACTION;
            setenv("TWINE_BENCH_WARM_MS", QUICK_WARM_MS, 1); /* for Java */
        } else if (strcmp(*argv, "--json") == 0 && argc > 2) {
            asked.json = *++argv;
            argc--;
        } else {
            return usage();
        }
    }
    if ((argc == 3 || argc == 4) && atoi(argv[0]) == 0)
        return run_one(argv[0], argv[1], argc == 4 ? atol(argv[2]) : 0);
    if (argc > 1)
        asked.rounds = atoi(*argv++);
    if (asked.rounds < 1 || asked.rounds > MOST_ROUNDS)
        return usage();
    asked.rows = argv;
    if (unknown_row(asked.rows)) {
        fprintf(stderr, "handoff: there is no row %s\n", unknown_row(asked.rows));
        return 2;
    }
    for (i = 0; bench_rows[i].name; i++)
        if (is_asked_for(&bench_rows[i])) {
            measure(i);
            report_row(i);
        }
    report_summary();
    return asked.json ? report_json(asked.json, asked.rounds) : 0;
}
