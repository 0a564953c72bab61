/*
 * A peer: something that hands work to threads and brings it back, in the shapes that are measured.
 *
 * A course goes from nothing to nothing: it makes what it needs, calls bench_begin() right before
 * the first job, bench_end() right after the last one is home, and checks that every job came.
 */
#ifndef TWINE_BENCH_PEER_H
#define TWINE_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* What a course is about. Where a peer has nothing better for a shape, another is taken: rows.c. */
enum shape {
    TRIPS,      /* loop -> pool -> loop, in_flight at a time */
    BARE,       /* the same with the least that the peer has for it */
    BARE_MANY,  /* the same, many handed over at once */
    DISPATCH,   /* TRIPS under a loop that the user runs */
    ALONE,      /* the pool without a loop */
    ALONE_MANY, /* the same, many handed over at once */
    IDLE,       /* TRIPS, with threads - 1 others idle all the time */
    CALLS,      /* threads that call into the loop */
    FORKS,      /* fib(25): each call submits one half, does the other, awaits */
    DEFERRED,   /* a Deferred: made, ten callbacks, fired, freed; no threads */
    AWAIT,      /* a coroutine awaits, and resumes; no threads */
    REST,       /* each thread has worked; then nothing is to be done, a job for each millisecond */
    SHAPES
};

/* What the jobs do. */
enum work {
    NOTHING,
    HELD,   /* wait until all are queued: to see how much memory they take */
    SLEEPS, /* 1 ms */
    HASHES, /* 100 us */
    MIXED,  /* 1 us; each 50th 1 ms of sleep */
};

struct course {
    int threads;
    long in_flight; /* jobs out at once */
    long jobs;
    enum work work;
    bool on_one_cpu;
    bool beside_another; /* the last CPU is kept busy by somebody else */
};

typedef void (*course_fn)(const struct course *course);

/* A program that runs courses: its arguments, and then if takes_course the shape's name, threads,
 * in_flight and jobs. It prints ns, and may print CPU ns and context switches, per operation. */
struct program {
    const char *argv[5];
    bool takes_course;
};

extern const struct program deferred_twine, deferred_gtask, coroutine_await; /* programs.c */

struct peer {
    const char *name;
    int only_threads; /* the size of pool it stands beside, whatever it has; 0: any */
    course_fn runs[SHAPES];
    const struct program *programs[SHAPES];
};

extern const struct peer peer_twine, peer_by_hand, peer_no_pool, peer_libuv, peer_glib, peer_gtask,
    peer_apr, peer_tbb, peer_java, peer_go, peer_node, peer_twisted;

/* Ends the program if rc is a negative errno. */
void bench_must(int rc, const char *what);
/* Ends the program for want of memory if that is why made is NULL. */
void *bench_made(void *made);

/* The interval that is measured. */
void bench_begin(void);
void bench_end(void);
/* All that can be out is out. */
void bench_queued(void);
/* How often the peer woke a thread. */
void bench_wakes(uint64_t count);

/* What each job does: no peer's jobs do less. */
extern enum work bench_kind;
void bench_real_work(void);
static inline void bench_work(void)
{
    if (bench_kind != NOTHING)
        bench_real_work();
}

/* For pools that do not say when they are through: count the jobs, and wait for the last. */
void bench_expect(long jobs);
void bench_one_done(void);
void bench_wait_done(void);

/* Have that many threads call fn(&each), and this one meanwhile() until they have had their effect:
 * that is what is measured. */
void bench_produce(int threads, void *(*fn)(void *each), long each, void (*meanwhile)(void));

/* Have that many threads call fn(&each), and wait for their end. */
void bench_share(int threads, void *(*fn)(void *each), long each);

/* Figures per operation; not a number where nothing is known. */
struct figures {
    double ns, cpu_ns, switches, writes, wakes, bytes;
};

/* In this process, from nothing: a course, and what it took. */
void bench_measure(course_fn run, const struct course *course, struct figures *ret_figures);

#if defined(__cplusplus)
}
#endif

#endif
