/*
 * search_hangups: whether clients that hang up cost the server anything.
 *
 * It starts a server, lets rude clients loose on it for a minute (rude.h), and leaves it in peace
 * again. Its descriptors, threads and memory must be where they were before, after a warm-up. At
 * last it gets a SIGTERM and must exit 0.
 */
#include "client.h"
#include "rude.h"

#include <dirent.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOST "127.0.0.1"
#define THREADS 8         /* of the server's pool */
#define RESOLVERS 8       /* of its resolver's, at most */
#define WARM_UP 12        /* seconds: a thread the server has no use for stays for 10 */
#define PATIENCE 30       /* seconds for the server to come to rest */
#define MEMORY_SLACK 2048 /* KiB that the memory may have grown by */

/* Under a sanitizer freed memory is kept for a while, so that its size says nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_COUNTS false
#elif defined(__has_feature)
#define MEMORY_COUNTS (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define MEMORY_COUNTS true
#endif

struct server_process {
    pid_t pid;
    uint16_t port;
    FILE *output;
};

struct counts {
    long descriptors, threads, resolvers, memory; /* resolvers: threads too; memory in KiB */
};

/* ---- counting ---- */

static long count_descriptors(pid_t pid)
{
    char path[64];
    DIR *directory;
    long count = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    directory = opendir(path);
    if (!directory)
        return -1;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2; /* "." and ".." */
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Those of the resolver come up as lookups coincide, and go when there are none, after having been
 * idle for a while in the cache of threads: they are counted apart. */
static bool count_threads(pid_t pid, struct counts *counts)
{
    char path[300], name[32];
    struct dirent *entry;
    DIR *directory;
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    directory = opendir(path);
    counts->threads = counts->resolvers = 0;
    while (directory && (entry = readdir(directory))) {
        FILE *file;
        snprintf(path, sizeof path, "/proc/%ld/task/%s/comm", (long)pid, entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!file)
            continue;
        if (fgets(name, sizeof name, file) &&
            (begins_with(name, "resolver") || begins_with(name, "twine idle")))
            counts->resolvers++;
        else
            counts->threads++;
        fclose(file);
    }
    return directory && closedir(directory) == 0;
}

/* A number out of /proc/PID/status; -1 if there is none. */
static long status_number(pid_t pid, const char *key)
{
    char line[256];
    long number = -1;
    FILE *file;
    snprintf(line, sizeof line, "/proc/%ld/status", (long)pid);
    file = fopen(line, "r");
    if (!file)
        return -1;
    while (number < 0 && fgets(line, sizeof line, file))
        if (begins_with(line, key))
            number = strtol(line + strlen(key) + 1, NULL, 10);
    fclose(file);
    return number;
}

static struct counts count(const struct server_process *server)
{
    struct counts counts;
    counts.descriptors = count_descriptors(server->pid);
    if (!count_threads(server->pid, &counts))
        counts.threads = -1;
    counts.memory = status_number(server->pid, "VmRSS:");
    return counts;
}

/* Whether nothing is under way but the question itself. */
static bool rests(const struct server_process *server)
{
    struct reply reply;
    bool resting;
    if (client_fetch(HOST, server->port, "GET", "/stats", &reply) < 0)
        return false;
    resting = reply_number(&reply, "in_flight") == 1 && reply_number(&reply, "busy") == 0 &&
              reply_number(&reply, "backlog") == 0;
    reply_clear(&reply);
    return resting;
}

static bool comes_to_rest(const struct server_process *server)
{
    time_t end = rude_now() + PATIENCE;
    while (!rests(server)) {
        if (rude_now() > end) {
            fprintf(stderr, "WRONG: the server does not come to rest\n");
            return false;
        }
        rude_pause(20);
    }
    rude_pause(500); /* the last connections are closed on both sides */
    return true;
}

static void show(const char *when, const struct counts *counts)
{
    printf("%-8s %3ld descriptors, %3ld threads and %ld that resolve, %7ld KiB\n", when,
           counts->descriptors, counts->threads, counts->resolvers, counts->memory);
    fflush(stdout);
}

static bool same(const struct counts *before, const struct counts *after)
{
    bool good = true;
    if (after->descriptors != before->descriptors) {
        fprintf(stderr, "WRONG: the number of descriptors has changed\n");
        good = false;
    }
    if (after->threads != before->threads || after->resolvers > RESOLVERS) {
        fprintf(stderr, "WRONG: the number of threads has changed\n");
        good = false;
    }
    if (MEMORY_COUNTS && after->memory > before->memory + MEMORY_SLACK) {
        fprintf(stderr, "WRONG: the memory has grown by more than %d KiB\n", MEMORY_SLACK);
        good = false;
    }
    return good;
}

/* ---- the server ---- */

static void become_server(const char *path, const char *folder, const int pipe_ends[2])
{
    char threads[8];
    snprintf(threads, sizeof threads, "%d", THREADS);
    dup2(pipe_ends[1], STDOUT_FILENO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    execl(path, path, "--port", "0", "--threads", threads, folder, (char *)NULL);
    perror(path);
    _exit(127);
}

/* Read its output up to the line that tells the port. */
static bool read_port(struct server_process *server)
{
    char line[512];
    while (fgets(line, sizeof line, server->output)) {
        const char *at = strstr(line, "http://" HOST ":");
        if (at) {
            server->port = (uint16_t)strtoul(at + strlen("http://" HOST ":"), NULL, 10);
            return true;
        }
    }
    return false;
}

static bool start_server(struct server_process *server, const char *path, const char *folder)
{
    int pipe_ends[2];
    if (pipe(pipe_ends) < 0)
        return false;
    server->pid = fork();
    if (server->pid == 0)
        become_server(path, folder, pipe_ends);
    close(pipe_ends[1]);
    server->output = fdopen(pipe_ends[0], "r");
    return server->pid > 0 && server->output && read_port(server);
}

/* Returns: whether it ended as it should. */
static bool end_server(struct server_process *server)
{
    char line[512];
    int status = -1;
    kill(server->pid, SIGTERM);
    while (fgets(line, sizeof line, server->output))
        fputs(line, stdout);
    fclose(server->output);
    if (waitpid(server->pid, &status, 0) == server->pid && WIFEXITED(status) &&
        WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "WRONG: the server ended with status 0x%x\n", (unsigned)status);
    return false;
}

static void path_beside(const char *program, char *path, size_t size)
{
    const char *slash = strrchr(program, '/');
    snprintf(path, size, "%.*ssearch", slash ? (int)(slash + 1 - program) : 0, program);
}

/* Every thread of the server's pool comes up, and every kind of request is made, before counting. */
static bool warm_up(const struct server_process *server, uint64_t seed)
{
    struct client clients[2 * THREADS];
    for (unsigned i = 0; i < 2 * THREADS; i++)
        if (client_open(&clients[i], HOST, server->port) == 0)
            client_ask(&clients[i], "GET", "/slow?ms=200");
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        struct reply reply;
        if (clients[i].fd >= 0 && client_read(&clients[i], true, &reply) == 0)
            reply_clear(&reply);
        client_close(&clients[i]);
    }
    rude_clients(server->port, ~seed, WARM_UP);
    return comes_to_rest(server);
}

static bool run(const struct server_process *server, uint64_t seed, long seconds)
{
    struct counts before, after;
    if (!warm_up(server, seed))
        return false;
    before = count(server);
    show("before", &before);
    rude_clients(server->port, seed, seconds);
    if (!comes_to_rest(server))
        return false;
    after = count(server);
    show("after", &after);
    return same(&before, &after);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"seed", required_argument, NULL, 's'},
                                          {"server", required_argument, NULL, 'p'},
                                          {NULL, 0, NULL, 0}};
    struct server_process server = {0, 0, NULL};
    uint64_t seed = (uint64_t)time(NULL);
    char path[4096];
    long seconds;
    bool good;
    int option;
    path_beside(argv[0], path, sizeof path);
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's') {
            seed = strtoull(optarg, NULL, 0);
        } else if (option == 'p') {
            snprintf(path, sizeof path, "%s", optarg);
        } else {
            fprintf(stderr, "usage: %s [--seed N] [--server PATH] [SECONDS [FOLDER]]\n", argv[0]);
            return 2;
        }
    }
    seconds = optind < argc ? strtol(argv[optind], NULL, 10) : 60;
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    signal(SIGPIPE, SIG_IGN);
    if (!start_server(&server, path,
                      optind + 1 < argc ? argv[optind + 1] : "/usr/share/common-licenses")) {
        fprintf(stderr, "WRONG: the server does not start\n");
        return 1;
    }
    good = run(&server, seed, seconds);
    good = end_server(&server) && good;
    puts(good ? "hanging up costs nothing" : "hanging up leaves traces");
    return good ? 0 : 1;
}
