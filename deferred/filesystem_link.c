/*
 * The link that is a lock: how it is made, read, broken and removed.
 *
 * A stale link is removed only by its breaker, who holds flock() on the folder and has read it once
 * more: its owner is dead and cannot remove it, and whoever makes a new one must find none. So what
 * is removed is what was read.
 */
#include <twine/deferred/filesystem_lock_internal.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <twine/base/memory_internal.h>
#include <unistd.h>

#define TARGET_SIZE 32

struct tw__filesystem tw__filesystem = {symlink, readlink, unlink, kill};

/* --- looking ---------------------------------------------------------------------------------- */

static int parse_owner(const char *target, pid_t *ret_owner)
{
    char *end = NULL;
    long number;
    errno = 0;
    number = strtol(target, &end, 10);
    if (errno || end == target || *end || number <= 0 || (pid_t)number != number)
        return -EBADMSG;
    *ret_owner = (pid_t)number;
    return 0;
}

/* 0; -ENOENT if there is no link; -EBADMSG if it is none of ours. */
static int read_owner(const char *path, pid_t *ret_owner)
{
    char target[TARGET_SIZE];
    ssize_t length = tw__filesystem.readlink(path, target, sizeof target);
    if (length < 0)
        return errno == EINVAL ? -EBADMSG : -errno;
    if ((size_t)length == sizeof target)
        return -EBADMSG;
    target[length] = '\0';
    return parse_owner(target, ret_owner);
}

/* 1; 0; a negative errno. A process we may not signal lives all the same. */
static int is_alive(pid_t pid)
{
    if (tw__filesystem.kill(pid, 0) == 0 || errno == EPERM)
        return 1;
    return errno == ESRCH ? 0 : -errno;
}

/* --- breaking --------------------------------------------------------------------------------- */

static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    char *folder;
    int fd;
    if (!slash || slash == path)
        return open(slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder = (char *)tw__malloc(length + 1);
    if (!folder) {
        errno = ENOMEM;
        return -1;
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tw__free(folder);
    return fd;
}

/* *ret_broken tells whether it was we who removed it: it may have gone, or be another's by now. */
static int remove_if_still(const char *path, pid_t stale, bool *ret_broken)
{
    pid_t owner = 0;
    int rc = read_owner(path, &owner);
    if (rc == -ENOENT || (rc == 0 && owner != stale))
        return 0;
    if (rc < 0)
        return rc;
    if (tw__filesystem.unlink(path) < 0)
        return errno == ENOENT ? 0 : -errno;
    *ret_broken = true;
    return 0;
}

/* 1: it is not there any more, try again; 0: somebody else is at it; a negative errno. */
static int break_stale(const char *path, pid_t stale, bool *ret_broken)
{
    int rc, fd = open_folder(path);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? 0 : -errno;
    } else {
        rc = remove_if_still(path, stale, ret_broken);
        rc = rc < 0 ? rc : 1;
    }
    close(fd); /* and with it the flock */
    return rc;
}

/* --- taking and giving back ------------------------------------------------------------------- */

/* 1: made; 0: there is one; a negative errno. */
static int make_link(const char *path)
{
    char target[TARGET_SIZE];
    snprintf(target, sizeof target, "%ld", (long)getpid());
    if (tw__filesystem.symlink(target, path) == 0)
        return 1;
    return errno == EEXIST ? 0 : -errno;
}

/* Of one that is there. 1: it has gone, try again; 0: somebody holds it; a negative errno. */
static int look_at_holder(const char *path, bool *ret_broken)
{
    pid_t owner = 0;
    int rc = read_owner(path, &owner);
    if (rc == -ENOENT)
        return 1;
    if (rc < 0)
        return rc;
    rc = is_alive(owner);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return break_stale(path, owner, ret_broken);
}

int tw__link_take(const char *path, bool *ret_clean)
{
    bool is_broken = false;
    int rc;
    while ((rc = make_link(path)) == 0) {
        rc = look_at_holder(path, &is_broken);
        if (rc != 1)
            return rc;
    }
    if (rc == 1)
        *ret_clean = !is_broken;
    return rc;
}

int tw__link_remove(const char *path)
{
    pid_t owner = 0;
    int rc = read_owner(path, &owner);
    if (rc < 0)
        return rc;
    if (owner != getpid())
        return -EPERM;
    return tw__filesystem.unlink(path) < 0 ? -errno : 0;
}
