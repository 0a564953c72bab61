/*
 * One course in a process of its own: some peers' pools are made once, and a course leaves traces.
 */
#include "rows.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT = 256 };

/* A command that is given by its path, or found where the shell would find it. */
static bool is_there(const char *command)
{
    char path[TEXT * 2];
    const char *folder = getenv("PATH");
    size_t length;
    if (strchr(command, '/'))
        return access(command, X_OK) == 0;
    for (; folder && *folder; folder += length + (folder[length] == ':')) {
        length = strcspn(folder, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, command);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static bool is_built(const struct program *program)
{
    int i;
    if (!is_there(program->argv[0]))
        return false;
    for (i = 1; i < 5 && program->argv[i]; i++)
        if (program->argv[i][0] == '/' && access(program->argv[i], R_OK) < 0)
            return false;
    return true;
}

bool bench_can(const struct row *row, const struct peer *peer)
{
    enum shape shape = bench_shape_of(row, peer);
    const struct program *program = peer->programs[shape];
    if (peer == &peer_no_pool && row->course.work != SLEEPS && row->course.work != HASHES)
        return false; /* it is no peer where the handing over counts */
    if (peer->only_threads && row->course.threads &&
        (row->course.threads != peer->only_threads || row->course.work != NOTHING))
        return false; /* it has more than it says */
    if (program)
        return row->course.work == NOTHING && is_built(program);
    return peer->runs[shape] != NULL;
}

static void stay_on_one_cpu(void)
{
    cpu_set_t all, one;
    size_t cpu = 0;
    sched_getaffinity(0, sizeof all, &all);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    bench_must(sched_setaffinity(0, sizeof one, &one) < 0 ? -errno : 0, "sched_setaffinity");
}

/* Somebody else's work on the last CPU, until this process ends. */
static void keep_last_cpu_busy(void)
{
    cpu_set_t all, last;
    size_t cpu = CPU_SETSIZE - 1;
    pid_t parent = getpid(), other = fork();
    bench_must(other < 0 ? -errno : 0, "fork");
    if (other > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sched_getaffinity(0, sizeof all, &all);
    while (!CPU_ISSET(cpu, &all))
        cpu--;
    CPU_ZERO(&last);
    CPU_SET(cpu, &last);
    if (sched_setaffinity(0, sizeof last, &last) < 0)
        _exit(1);
    while (getppid() == parent)
        ;
    _exit(0);
}

/* A child, and what it writes. */
struct child {
    pid_t pid;
    int from;
};

/* In the child, pid is 0 and from is where it writes. */
static struct child new_child(void)
{
    struct child child;
    int ends[2];
    fflush(stdout);
    bench_must(pipe(ends) < 0 ? -errno : 0, "pipe");
    child.pid = fork();
    bench_must(child.pid < 0 ? -errno : 0, "fork");
    child.from = child.pid == 0 ? ends[1] : ends[0];
    close(child.pid == 0 ? ends[0] : ends[1]);
    return child;
}

/* How many bytes it wrote, at most size; it has to end well. */
static size_t hear_child(struct child child, void *bytes, size_t size, const char *name)
{
    size_t length = 0;
    ssize_t more;
    int status;
    while ((more = read(child.from, (char *)bytes + length, size - length)) > 0)
        length += (size_t)more;
    close(child.from);
    if (waitpid(child.pid, &status, 0) < 0 || status != 0 || length == 0) {
        fprintf(stderr, "handoff: %s failed\n", name);
        exit(1);
    }
    return length;
}

void bench_prepare(const struct course *course)
{
    /* A server that has run for a while: its memory is its own, and stays so. */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    if (course->on_one_cpu)
        stay_on_one_cpu();
    if (course->beside_another)
        keep_last_cpu_busy();
}

static void run_here(const struct peer *peer, enum shape shape, const struct course *course,
                     struct figures *ret_figures)
{
    struct child child = new_child();
    if (child.pid == 0) {
        bench_prepare(course);
        /* Not where it is about memory that has not been used yet, or about a rest. */
        if (course->work != HELD && shape != REST)
            bench_measure(peer->runs[shape], course, ret_figures);
        bench_measure(peer->runs[shape], course, ret_figures);
        _exit(write(child.from, ret_figures, sizeof *ret_figures) < 0);
    }
    hear_child(child, ret_figures, sizeof *ret_figures, peer->name);
}

static void exec_program(const struct program *program, enum shape shape,
                         const struct course *course)
{
    char numbers[3][24];
    const char *argv[10];
    int n = 0, i;
    do
        argv[n] = program->argv[n];
    while (++n < 5 && program->argv[n]);
    if (program->takes_course) {
        snprintf(numbers[0], sizeof numbers[0], "%d", course->threads);
        snprintf(numbers[1], sizeof numbers[1], "%ld", course->in_flight);
        snprintf(numbers[2], sizeof numbers[2], "%ld", course->jobs);
        argv[n++] = bench_shape_name(shape);
        for (i = 0; i < 3; i++)
            argv[n++] = numbers[i];
    }
    argv[n] = NULL;
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static void run_program(const struct program *program, enum shape shape,
                        const struct course *course, struct figures *ret_figures)
{
    struct child child = new_child();
    char text[TEXT];
    if (child.pid == 0) {
        bench_prepare(course);
        dup2(child.from, STDOUT_FILENO);
        exec_program(program, shape, course);
    }
    text[hear_child(child, text, sizeof text - 1, program->argv[0])] = '\0';
    if (sscanf(text, "%lf %lf %lf", &ret_figures->ns, &ret_figures->cpu_ns,
               &ret_figures->switches) < 1) {
        fprintf(stderr, "handoff: %s printed no number\n", program->argv[0]);
        exit(1);
    }
}

static void run(const struct row *row, const struct peer *peer, const struct course *course,
                struct figures *ret_figures)
{
    enum shape shape = bench_shape_of(row, peer);
    *ret_figures = (struct figures){NAN, NAN, NAN, NAN, NAN, NAN};
    if (peer->programs[shape])
        run_program(peer->programs[shape], shape, course, ret_figures);
    else
        run_here(peer, shape, course, ret_figures);
}

struct course bench_course(const struct row *row, long jobs)
{
    struct course course = row->course;
    if (course.in_flight == course.jobs) /* a burst stays one */
        course.in_flight = jobs;
    course.jobs = jobs;
    return course;
}

void bench_run(const struct row *row, const struct peer *peer, long fraction,
               struct figures *ret_figures)
{
    bool is_fixed = bench_shape_of(row, peer) == FORKS || row->course.jobs <= 1;
    struct course course = bench_course(row, row->course.jobs / (is_fixed ? 1 : fraction));
    run(row, peer, &course, ret_figures);
}

double bench_bytes(const struct row *row, const struct peer *peer)
{
    enum { QUEUED = 200000 };
    struct course course = row->course;
    struct figures figures;
    if (peer->programs[bench_shape_of(row, peer)])
        return NAN;
    course.work = HELD;
    course.in_flight = course.jobs = QUEUED;
    run(row, peer, &course, &figures);
    return figures.bytes;
}
