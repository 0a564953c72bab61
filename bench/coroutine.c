/*
 * What a coroutine costs, in nanoseconds, the quickest and the middle of several rounds:
 *
 *     callback      a Deferred that waits is given a callback and fired
 *     await         one that waits is awaited and fired: the coroutine leaves its stack and resumes
 *     await fired   one that has its result is awaited
 *     spawn         a coroutine that does nothing, on a stack that is kept
 *     spawn, await  one that waits once
 *
 * The Deferreds are made, and freed, outside of what is measured.
 *
 *     coroutine [ROUNDS]           a table
 *     coroutine ROW 0              one row, once, to be watched by another tool
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <twine/twine.h>

#define MANY 20000
#define MOST_ROUNDS 1000

static struct tw_reactor *reactor;
static struct tw_deferred *deferreds[MANY];
static struct tw_source *sources[MANY];
static long seen;

static void must(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "coroutine: %s\n", strerror(-rc));
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void make_all(void)
{
    int i;
    for (i = 0; i < MANY; i++)
        must(tw_deferred_new(NULL, NULL, NULL, &sources[i], &deferreds[i]));
}

static void fire_all(void)
{
    int i;
    for (i = 0; i < MANY; i++)
        tw_source_callback(sources[i], &deferreds[i], NULL);
}

static void drop_all(void)
{
    int i;
    for (i = 0; i < MANY; i++) {
        tw_source_unref(sources[i]);
        tw_deferred_unref(deferreds[i]);
    }
}

/* --- rows: each returns what it took ---------------------------------------------------------- */

static void count(struct tw_result *result, void *arg)
{
    (void)arg;
    seen += tw_result_value(result) != NULL;
}

static double callback(void)
{
    double took;
    int i;
    make_all();
    took = -now();
    for (i = 0; i < MANY; i++) {
        tw_deferred_add_both(deferreds[i], count, NULL, NULL);
        tw_source_callback(sources[i], &deferreds[i], NULL);
    }
    took += now();
    drop_all();
    return took;
}

static void await_all(struct tw_result *result, void *arg)
{
    struct tw_result each = TW_RESULT_INIT;
    int i;
    (void)result;
    (void)arg;
    for (i = 0; i < MANY; i++) {
        tw_await(deferreds[i], &each);
        seen += tw_result_value(&each) != NULL;
    }
    tw_result_done(&each);
}

static double await(void)
{
    double took;
    make_all();
    must(tw_spawn(reactor, await_all, NULL, NULL, NULL, NULL));
    took = -now();
    fire_all();
    took += now();
    drop_all();
    return took;
}

static double await_fired(void)
{
    double took;
    make_all();
    fire_all();
    took = -now();
    must(tw_spawn(reactor, await_all, NULL, NULL, NULL, NULL));
    took += now();
    drop_all();
    return took;
}

static void count_one(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
    seen++;
}

static double spawn(void)
{
    double took = -now();
    int i;
    for (i = 0; i < MANY; i++)
        must(tw_spawn(reactor, count_one, NULL, NULL, NULL, NULL));
    return took + now();
}

static void await_one(struct tw_result *result, void *deferred)
{
    tw_await((struct tw_deferred *)deferred, result);
    seen += tw_result_value(result) != NULL;
}

static double spawn_await(void)
{
    double took;
    int i;
    make_all();
    took = -now();
    for (i = 0; i < MANY; i++) {
        must(tw_spawn(reactor, await_one, deferreds[i], NULL, NULL, NULL));
        tw_source_callback(sources[i], &deferreds[i], NULL);
    }
    took += now();
    drop_all();
    return took;
}

static const struct row {
    const char *name;
    double (*course)(void);
} rows[] = {{"callback", callback},
            {"await", await},
            {"await fired", await_fired},
            {"spawn", spawn},
            {"spawn, await", spawn_await}};

#define ROWS (sizeof rows / sizeof rows[0])

/* --- the table -------------------------------------------------------------------------------- */

static double run(const struct row *row)
{
    double took;
    seen = 0;
    took = row->course();
    if (seen != MANY) {
        fprintf(stderr, "coroutine: %s: %ld of %d\n", row->name, seen, MANY);
        exit(1);
    }
    return took / MANY;
}

static int by_time(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static int run_one(const char *name)
{
    size_t i;
    for (i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0) {
            printf("%.1f ns\n", run(&rows[i]));
            return 0;
        }
    fprintf(stderr, "coroutine: there is no such row\n");
    return 2;
}

static void run_all(int rounds)
{
    static double took[ROWS][MOST_ROUNDS];
    size_t i;
    int round;
    for (round = 0; round < rounds; round++)
        for (i = 0; i < ROWS; i++)
            took[i][round] = run(&rows[i]);
    printf("%-14s %8s %8s\n", "", "quickest", "middle");
    for (i = 0; i < ROWS; i++) {
        qsort(took[i], (size_t)rounds, sizeof(double), by_time);
        printf("%-14s %8.1f %8.1f\n", rows[i].name, took[i][0], took[i][rounds / 2]);
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 50, rc = 0;
    must(tw_reactor_new(NULL, &reactor));
    if (argc == 3)
        rc = run_one(argv[1]);
    else if (rounds >= 1 && rounds <= MOST_ROUNDS)
        run_all(rounds);
    else
        rc = 2;
    tw_reactor_unref(reactor);
    return rc;
}
