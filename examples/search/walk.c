/*
 * Listing the folders: a walk over directories, in depth, that collects names.
 */
#include "answer.h"
#include "folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 64 /* each level holds a descriptor */

/* Where the walk is. The path on the disk and the name outside grow and shrink together. */
struct walk {
    struct file_names *names; /* what has been found */
    size_t room;              /* for so many names there is memory */
    char path[PATH_MAX];
    size_t path_length;
    size_t root_length; /* of the folder's own path, which the name does not show */
    const char *label;
    unsigned depth;
};

static int add_name(struct walk *walk)
{
    struct file_names *names = walk->names;
    char *name;
    if (names->count == walk->room) {
        size_t room = walk->room ? 2 * walk->room : 64;
        char **more = realloc(names->items, room * sizeof *more);
        if (!more)
            return -ENOMEM;
        names->items = more;
        walk->room = room;
    }
    if (asprintf(&name, "%s%s", walk->label, walk->path + walk->root_length) < 0)
        return -ENOMEM;
    names->items[names->count++] = name;
    return 0;
}

static int walk_directory(struct walk *walk);

/* Returns: 0, also for an entry that is passed over; -ENOMEM. */
static int walk_entry(struct walk *walk, DIR *directory, const char *entry)
{
    size_t before = walk->path_length, room = sizeof walk->path - before;
    int length, rc = 0;
    struct stat status;
    if (entry[0] == '.' || fstatat(dirfd(directory), entry, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    length = snprintf(walk->path + before, room, "/%s", entry);
    if (length < 0 || (size_t)length >= room) {
        walk->path[before] = '\0';
        return 0;
    }
    walk->path_length += (size_t)length;
    if (S_ISDIR(status.st_mode))
        rc = walk_directory(walk);
    else if (S_ISREG(status.st_mode) && status.st_size <= (off_t)FILE_SIZE_MAX)
        rc = add_name(walk);
    walk->path_length = before;
    walk->path[before] = '\0';
    return rc;
}

/* A directory that may not be read is passed over, like a file that may not. */
static int walk_directory(struct walk *walk)
{
    const char *path = *walk->path ? walk->path : "/";
    DIR *directory = walk->depth < DEPTH_MAX ? opendir(path) : NULL;
    struct dirent *entry;
    int rc = 0;
    if (!directory)
        return 0;
    walk->depth++;
    while (rc == 0 && (entry = readdir(directory)))
        rc = walk_entry(walk, directory, entry->d_name);
    walk->depth--;
    closedir(directory);
    return rc;
}

static int walk_folder(struct walk *walk, const struct folder *folder)
{
    /* "/" is the one path that ends in a slash; the entries bring their own. */
    const char *path = strcmp(folder->path, "/") == 0 ? "" : folder->path;
    int length = snprintf(walk->path, sizeof walk->path, "%s", path);
    if (length < 0 || (size_t)length >= sizeof walk->path)
        return -ENAMETOOLONG;
    walk->path_length = walk->root_length = (size_t)length;
    walk->label = folder->label;
    return walk_directory(walk);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct file_names *folders_list(const struct folders *folders, struct tw_result *result)
{
    struct walk *walk = calloc(1, sizeof *walk);
    struct file_names *names = calloc(1, sizeof *names);
    int rc = walk && names ? 0 : -ENOMEM;
    if (rc == 0)
        walk->names = names;
    for (size_t i = 0; rc == 0 && i < folders->count; i++)
        rc = walk_folder(walk, &folders->items[i]);
    free(walk);
    if (rc < 0) {
        tw_result_failf(result, &TW_ERROR_SYSTEM, -rc, "The folders cannot be listed: %s.",
                        strerror(-rc));
        file_names_free(names);
        return NULL;
    }
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, by_name);
    return names;
}

void file_names_free(void *arg)
{
    struct file_names *names = arg;
    if (!names)
        return;
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    free(names);
}
