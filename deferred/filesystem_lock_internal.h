/*
 * What a lock in the file system asks of the system; tests put others in their place.
 */
#ifndef TWINE_DEFERRED_FILESYSTEM_LOCK_INTERNAL_H
#define TWINE_DEFERRED_FILESYSTEM_LOCK_INTERNAL_H

#include <sys/types.h>
#include <twine/deferred/filesystem_lock.h>

/* Each as the function of its name, errno and all. */
struct tw__filesystem {
    int (*symlink)(const char *target, const char *path);
    ssize_t (*readlink)(const char *path, char *buffer, size_t size);
    int (*unlink)(const char *path);
    int (*kill)(pid_t pid, int signal);
};

extern struct tw__filesystem tw__filesystem;

/* filesystem_link.c: the steps on the link, without any object. 1: taken, *ret_clean tells how; 0:
 * somebody has it; a negative errno. And back: 0; -EPERM; a negative errno. */
int tw__link_take(const char *path, bool *ret_clean);
int tw__link_remove(const char *path);

#endif
