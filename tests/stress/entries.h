/*
 * How much the process holds, as the system lists it in a folder of /proc.
 */
#ifndef TWINE_TESTS_STRESS_ENTRIES_H
#define TWINE_TESTS_STRESS_ENTRIES_H

#include "../harness.h"
#include <dirent.h>
#include <sched.h>

#define DESCRIPTORS_HELD "/proc/self/fd"
#define THREADS_HELD "/proc/self/task"

static inline size_t entries_of(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Linux wakes who joins a thread before it takes the thread out of the list: pthread_join() may
 * return while it is there still. */
static inline bool comes_down_to(const char *path, size_t count)
{
    int looks = 0;
    while (entries_of(path) > count && ++looks < 100000)
        sched_yield();
    return looks < 100000;
}

#endif
