/*
 * The number of processors: the affinity mask, cut down by the quotas of the control group and
 * those above it (version 2: cpu.max holds "quota period" or "max period", in microseconds).
 */
#include <twine/base/processors_internal.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned by_affinity(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0)
        online = CPU_COUNT(&mask);
#endif
    return online > 0 ? (unsigned)online : 1;
}

#if defined(__linux__)

/* The quota in one file, in processors, or the limit given. */
static unsigned by_file(const char *path, unsigned limit)
{
    FILE *file = fopen(path, "re");
    long quota, period;
    if (!file)
        return limit;
    if (fscanf(file, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0) {
        long processors = (quota + period - 1) / period;
        if (processors < (long)limit)
            limit = (unsigned)processors;
    }
    fclose(file);
    return limit;
}

/* Our group's path, as in "0::/a/b"; false if there is no version 2. */
static int read_group(char *group, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[1024];
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, "0::/", 4) == 0;
        if (found) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(group, size, "%s", line + 3);
        }
    }
    if (file)
        fclose(file);
    return found;
}

/* From our own group up to the root: each quota holds. */
static unsigned by_quota(unsigned limit)
{
    char group[1024], path[1200], *slash;
    if (!read_group(group, sizeof group))
        return limit;
    do {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        limit = by_file(path, limit);
        slash = strrchr(group, '/');
        if (slash)
            *slash = '\0';
    } while (slash);
    return limit;
}

#else

static unsigned by_quota(unsigned limit)
{
    return limit;
}

#endif

unsigned tw__processors_hook;

static unsigned processors;

static void count_processors(void)
{
    processors = by_quota(by_affinity());
    if (processors < 1)
        processors = 1;
}

unsigned tw__processors(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (tw__processors_hook)
        return tw__processors_hook;
    pthread_once(&once, count_processors);
    return processors;
}
