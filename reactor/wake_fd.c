/*
 * The descriptor for waking a loop. It never blocks: a full one is readable, which is all that is
 * wanted (CFT-007).
 */
#include <twine/reactor/wake_fd_internal.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__linux__) && !defined(TWINE_PORTABLE)

#include <sys/eventfd.h>

int tw__wake_fd_open(struct tw__wake_fd *wake)
{
    wake->to_read = wake->to_write = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wake->to_read < 0 ? -errno : 0;
}

void tw__wake_fd_close(struct tw__wake_fd *wake)
{
    close(wake->to_read);
}

#else

static int prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
                   fcntl(fd, F_SETFD, FD_CLOEXEC) < 0
               ? -errno
               : 0;
}

int tw__wake_fd_open(struct tw__wake_fd *wake)
{
    int ends[2], rc;
    if (pipe(ends) < 0)
        return -errno;
    wake->to_read = ends[0];
    wake->to_write = ends[1];
    rc = prepare(ends[0]);
    if (rc == 0)
        rc = prepare(ends[1]);
    if (rc < 0)
        tw__wake_fd_close(wake);
    return rc;
}

void tw__wake_fd_close(struct tw__wake_fd *wake)
{
    close(wake->to_read);
    close(wake->to_write);
}

#endif

void tw__wake_fd_write(const struct tw__wake_fd *wake)
{
    static const uint64_t one = 1;
    ssize_t written;
    do
        written = write(wake->to_write, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

void tw__wake_fd_read(const struct tw__wake_fd *wake)
{
    uint64_t counts[16];
    ssize_t got;
    do
        got = read(wake->to_read, counts, sizeof counts);
    while ((got < 0 && errno == EINTR) || got == (ssize_t)sizeof counts);
}
