/*
 * The rows of the table: what is measured, and what is asked of twine in each.
 */
#ifndef TWINE_BENCH_ROWS_H
#define TWINE_BENCH_ROWS_H

#include "peer.h"

#define ANY_THREADS "a peer with threads"

/* That many times what a peer takes, or twine itself in another row; of NULL: nanoseconds. times 0:
 * nothing is asked. */
struct limit {
    double times;
    const char *of;
};

struct row {
    const char *name, *what;
    enum shape ours, theirs; /* twine's shape, the peers' */
    struct course course;
    struct limit gate, goal;
    double most_bytes, most_writes, most_wakes; /* per operation; 0: nothing is asked */
    double most_cpu, most_switches;             /* likewise */
    const char *least_cpu_of; /* CPU time is to be no more than this peer takes, or ANY_THREADS */
    bool counts_bytes;        /* of a queued job */
    const char *why;          /* what is in the way, should something not be met */
};

enum { MOST_PEERS = 16, MOST_ROWS = 40, MOST_ROUNDS = 99 };

/* Of a peer in a row: medians, and the rounds they are of. */
struct cell {
    int rounds; /* 0: the peer has no such thing */
    double low, high;
    struct figures median;
};

extern const struct peer *const bench_peers[]; /* NULL ends; twine is the first */
extern const struct row bench_rows[];          /* a name of NULL ends */
extern struct cell bench_cells[MOST_ROWS][MOST_PEERS];

const char *bench_shape_name(enum shape shape);
enum shape bench_shape_of(const struct row *row, const struct peer *peer);

/* Whether the peer has something for this row: not all have all, and a program may be missing. */
bool bench_can(const struct row *row, const struct peer *peer);
/* A row's course with so many jobs, and this process made ready for it. */
struct course bench_course(const struct row *row, long jobs);
void bench_prepare(const struct course *course);
/* In a process of its own, by jobs / fraction; twice where that is in this program, and the second
 * time counts, but a rest once. */
void bench_run(const struct row *row, const struct peer *peer, long fraction,
               struct figures *ret_figures);
/* How many bytes of memory a queued job takes. */
double bench_bytes(const struct row *row, const struct peer *peer);

/* A limit in nanoseconds, and what stands in its place; NAN if what it compares with is missing. */
double bench_limit(const struct limit *limit, int row);

void report_row(int row);
void report_summary(void);
int report_json(const char *path, int rounds);

#endif
