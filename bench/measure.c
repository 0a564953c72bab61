/*
 * What is measured of a course, and how: time, CPU time, context switches and the memory of queued
 * jobs are in the system's books; wake-ups of loops are counted by a write() that counts.
 */
#include "peer.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void bench_must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "handoff: %s: %s\n", what, strerror(-rc));
    exit(1);
}

void *bench_made(void *made)
{
    bench_must(made ? 0 : -ENOMEM, "memory");
    return made;
}

/* --- the books -------------------------------------------------------------------------------- */

static atomic_long writes;

/* This one is found before the C library's, by the peers' libraries too. */
__attribute__((visibility("default"))) ssize_t write(int fd, const void *bytes, size_t size)
{
    atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
    return syscall(SYS_write, fd, bytes, size);
}

struct books {
    double ns, cpu_ns, switches, writes;
};

static struct books begun, ended;
static double woken, resident_before, resident_queued;

static struct books read_books(void)
{
    struct books books;
    struct timespec time;
    struct rusage used;
    clock_gettime(CLOCK_MONOTONIC, &time);
    getrusage(RUSAGE_SELF, &used);
    books.ns = (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
    books.cpu_ns = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
    books.switches = (double)(used.ru_nvcsw + used.ru_nivcsw);
    books.writes = (double)atomic_load(&writes);
    return books;
}

/* Memory of its own that the process has touched, from whatever allocator; 0: it is not told. */
static double resident(void)
{
    char line[128];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %ld kB", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return (double)kilobytes * 1024;
}

void bench_begin(void)
{
    begun = read_books();
}

void bench_end(void)
{
    ended = read_books();
}

void bench_wakes(uint64_t count)
{
    woken = (double)count;
}

void bench_measure(course_fn run, const struct course *course, struct figures *ret_figures)
{
    double jobs = (double)course->jobs;
    bench_kind = course->work;
    woken = resident_queued = NAN;
    resident_before = resident();
    run(course);
    ret_figures->ns = (ended.ns - begun.ns) / jobs;
    ret_figures->cpu_ns = (ended.cpu_ns - begun.cpu_ns) / jobs;
    ret_figures->switches = (ended.switches - begun.switches) / jobs;
    ret_figures->writes = (ended.writes - begun.writes) / jobs;
    ret_figures->wakes = woken / jobs;
    ret_figures->bytes = (resident_queued - resident_before) / jobs;
}

/* --- what jobs do ----------------------------------------------------------------------------- */

enum work bench_kind;

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static atomic_bool gate_is_open;

static void pass_gate(void)
{
    if (atomic_load_explicit(&gate_is_open, memory_order_acquire))
        return;
    pthread_mutex_lock(&gate_lock);
    while (!atomic_load(&gate_is_open))
        pthread_cond_wait(&gate_opened, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

void bench_queued(void)
{
    if (bench_kind != HELD)
        return;
    resident_queued = resident();
    pthread_mutex_lock(&gate_lock);
    atomic_store(&gate_is_open, true);
    pthread_cond_broadcast(&gate_opened);
    pthread_mutex_unlock(&gate_lock);
}

static void sleep_1_ms(void)
{
    static const struct timespec ms = {0, 1000000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
}

/* FNV-1a, a fixed number of times: some 0.8 ns each. */
static void hash(long times)
{
    volatile uint32_t sink;
    uint32_t sum = 2166136261U;
    long i;
    for (i = 0; i < times; i++)
        sum = (sum ^ (uint32_t)(i & 0xff)) * 16777619U;
    sink = sum;
    (void)sink;
}

void bench_real_work(void)
{
    enum { HASHES_IN_100_US = 80000, HASHES_IN_1_US = 800, EACH = 50 };
    static atomic_long job;
    switch (bench_kind) {
    case HELD:
        pass_gate();
        break;
    case SLEEPS:
        sleep_1_ms();
        break;
    case HASHES:
        hash(HASHES_IN_100_US);
        break;
    case MIXED:
        if (atomic_fetch_add_explicit(&job, 1, memory_order_relaxed) % EACH == 0)
            sleep_1_ms();
        else
            hash(HASHES_IN_1_US);
        break;
    case NOTHING:
        break;
    }
}

/* --- counting --------------------------------------------------------------------------------- */

static atomic_long to_do;
static sem_t all_done;

void bench_expect(long jobs)
{
    bench_must(sem_init(&all_done, 0, 0), "sem_init");
    atomic_store(&to_do, jobs);
}

void bench_one_done(void)
{
    if (atomic_fetch_sub_explicit(&to_do, 1, memory_order_acq_rel) == 1)
        sem_post(&all_done);
}

void bench_wait_done(void)
{
    while (sem_wait(&all_done) < 0)
        continue;
    bench_must(atomic_load(&to_do) == 0 ? 0 : -EIO, "every job counted");
    sem_destroy(&all_done);
}

static pthread_t *start(int count, void *(*fn)(void *each), long *each)
{
    pthread_t *threads = (pthread_t *)bench_made(calloc((size_t)count, sizeof *threads));
    int i;
    bench_begin();
    for (i = 0; i < count; i++)
        bench_must(-pthread_create(&threads[i], NULL, fn, each), "pthread_create");
    return threads;
}

static void join(pthread_t *threads, int count)
{
    int i;
    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

void bench_produce(int count, void *(*fn)(void *each), long each, void (*meanwhile)(void))
{
    pthread_t *threads = start(count, fn, &each);
    meanwhile();
    bench_end();
    join(threads, count);
}

void bench_share(int count, void *(*fn)(void *each), long each)
{
    join(start(count, fn, &each), count);
    bench_end();
}
