/*
 * What was measured, for people (a block for each row, then what is met and what is not) and as
 * JSON, for pictures.
 */
#include "rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static int by_hand(void)
{
    int p = 0;
    while (bench_peers[p] != &peer_by_hand)
        p++;
    return p;
}

/* NAN where the pool by hand has no such thing. */
static double ratio(int row, int peer)
{
    const struct cell *base = &bench_cells[row][by_hand()];
    return base->rounds ? bench_cells[row][peer].median.ns / base->median.ns : NAN;
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_number(double value, int width, int digits)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, digits, value);
}

static void print_cell(int row, int peer)
{
    const struct cell *cell = &bench_cells[row][peer];
    char spread[48];
    int digits = cell->median.ns < 1000;
    snprintf(spread, sizeof spread, "%.*f..%.*f", digits, cell->low, digits, cell->high);
    printf("  %-9s", bench_peers[peer]->name);
    print_number(cell->median.ns, 9, digits);
    printf("  %-19s", spread);
    print_number(ratio(row, peer), 7, 2);
    print_number(cell->median.cpu_ns, 9, 0);
    print_number(cell->median.switches, 9, 3);
    print_number(cell->median.writes, 8, 3);
    print_number(cell->median.wakes, 8, 3);
    print_number(cell->median.bytes, 7, 0);
    printf("\n");
}

static bool has_missed; /* something that is asked of the row that is being printed */

/* What is asked, and whether it is met: "gate 0.10 x by hand = 2239 ns: met, at 0.20 of it". */
static void print_verdict(const char *word, const char *unit, double most, double is)
{
    printf("  %s %.*f %s: ", word, most < 10 ? 2 : 0, most, unit);
    if (isnan(is))
        printf("not measured\n");
    else if (is <= most)
        printf("met, at %.2f of it\n", is / most);
    else
        printf("MISSED, %.2f times as much\n", is / most);
    has_missed = has_missed || is > most;
}

static void print_limit(const char *word, const struct limit *limit, int row)
{
    double most = bench_limit(limit, row);
    char unit[64] = "ns";
    if (limit->times == 0)
        return;
    if (limit->of)
        snprintf(unit, sizeof unit, "ns (%.2f x %s)", limit->times, limit->of);
    if (isnan(most))
        printf("  %s %.2f x %s: not measured\n", word, limit->times, limit->of);
    else
        print_verdict(word, unit, most, bench_cells[row][0].median.ns);
}

/* The CPU time of a peer, or the least that any takes that has threads: Go's are not the system's. */
static double least_cpu(int row, const char *of)
{
    double least = NAN;
    int p;
    for (p = 1; bench_peers[p]; p++)
        if (bench_cells[row][p].rounds && bench_peers[p] != &peer_go &&
            (strcmp(of, ANY_THREADS) == 0 || strcmp(of, bench_peers[p]->name) == 0))
            least = fmin(least, bench_cells[row][p].median.cpu_ns);
    return least;
}

static void print_cpu_verdict(int row)
{
    const char *of = bench_rows[row].least_cpu_of;
    double most = of ? least_cpu(row, of) : NAN;
    char unit[64];
    if (isnan(most))
        return;
    snprintf(unit, sizeof unit, "ns of CPU (the least of %s)", of);
    print_verdict("goal", unit, most, bench_cells[row][0].median.cpu_ns);
}

static void print_verdicts(int row)
{
    const struct row *is = &bench_rows[row];
    const struct figures *ours = &bench_cells[row][0].median;
    if (!bench_cells[row][0].rounds)
        return;
    has_missed = false;
    print_limit("gate", &is->gate, row);
    print_limit("goal", &is->goal, row);
    if (is->most_bytes > 0)
        print_verdict("gate", "bytes a job", is->most_bytes, ours->bytes);
    if (is->most_writes > 0)
        print_verdict("gate", "writes a post", is->most_writes, ours->writes);
    if (is->most_wakes > 0)
        print_verdict("gate", "wake-ups a job", is->most_wakes, ours->wakes);
    if (is->most_cpu > 0)
        print_verdict("gate", "ns of CPU", is->most_cpu, ours->cpu_ns);
    if (is->most_switches > 0)
        print_verdict("gate", "switches", is->most_switches, ours->switches);
    print_cpu_verdict(row);
    if (has_missed)
        printf("  why: %s\n", is->why);
}

void report_row(int row)
{
    int p;
    printf("%s: %s\n", bench_rows[row].name, bench_rows[row].what);
    printf("  %-9s %9s  %-19s %7s %9s %9s %8s %8s %7s\n", "", "ns", "spread", "ratio", "CPU ns",
           "switches", "writes", "wakes", "bytes");
    for (p = 0; bench_peers[p]; p++)
        if (bench_cells[row][p].rounds)
            print_cell(row, p);
    print_verdicts(row);
    printf("\n");
    fflush(stdout);
}

static void print_short_limit(const struct limit *limit, int row)
{
    double most = bench_limit(limit, row);
    if (isnan(most))
        printf(" %13s", "-");
    else
        printf(" %7.0f %s", most, bench_cells[row][0].median.ns <= most ? "  met" : "above");
}

void report_summary(void)
{
    int i, p;
    printf("%-9s", "ns");
    for (p = 0; bench_peers[p]; p++)
        printf(" %7s", bench_peers[p]->name);
    printf(" %13s %13s\n", "gate", "goal");
    for (i = 0; bench_rows[i].name; i++) {
        if (!bench_cells[i][0].rounds)
            continue;
        printf("%-9s", bench_rows[i].name);
        for (p = 0; bench_peers[p]; p++)
            print_number(bench_cells[i][p].rounds ? bench_cells[i][p].median.ns : NAN, 7, 0);
        print_short_limit(&bench_rows[i].gate, i);
        print_short_limit(&bench_rows[i].goal, i);
        printf("\n");
    }
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static void put(FILE *file, const char *name, double value)
{
    if (isnan(value))
        fprintf(file, "\"%s\": null", name);
    else
        fprintf(file, "\"%s\": %.6g", name, value);
}

static void put_cell(FILE *file, int row, int peer)
{
    const struct cell *cell = &bench_cells[row][peer];
    const struct figures *is = &cell->median;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"ns", is->ns},         {"low", cell->low},
                   {"high", cell->high},   {"ratio", ratio(row, peer)},
                   {"cpu_ns", is->cpu_ns}, {"switches", is->switches},
                   {"writes", is->writes}, {"wakes", is->wakes},
                   {"bytes", is->bytes}};
    size_t i;
    fprintf(file, "        {\"name\": \"%s\"", bench_peers[peer]->name);
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fprintf(file, ", ");
        put(file, numbers[i].name, numbers[i].value);
    }
    fprintf(file, "}");
}

static void put_row(FILE *file, int row)
{
    const struct row *is = &bench_rows[row];
    const char *comma = "";
    int p;
    fprintf(file, "    {\"name\": \"%s\", \"what\": \"%s\", ", is->name, is->what);
    put(file, "gate_ns", bench_limit(&is->gate, row));
    fprintf(file, ", ");
    put(file, "goal_ns", bench_limit(&is->goal, row));
    fprintf(file, ", \"peers\": [\n");
    for (p = 0; bench_peers[p]; p++)
        if (bench_cells[row][p].rounds) {
            fprintf(file, "%s", comma);
            put_cell(file, row, p);
            comma = ",\n";
        }
    fprintf(file, "]}");
}

int report_json(const char *path, int rounds)
{
    FILE *file = fopen(path, "w");
    struct utsname machine;
    const char *comma = "";
    int i;
    if (!file) {
        fprintf(stderr, "handoff: %s: %s\n", path, strerror(errno));
        return 1;
    }
    uname(&machine);
    fprintf(file, "{\"rounds\": %d, \"processors\": %ld, \"system\": \"%s %s %s\", \"rows\": [\n",
            rounds, sysconf(_SC_NPROCESSORS_ONLN), machine.sysname, machine.release,
            machine.machine);
    for (i = 0; bench_rows[i].name; i++)
        if (bench_cells[i][0].rounds) {
            fprintf(file, "%s", comma);
            put_row(file, i);
            comma = ",\n";
        }
    fprintf(file, "]}\n");
    return fclose(file) == 0 ? 0 : 1;
}
