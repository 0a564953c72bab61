/*
 * A descriptor that other threads make readable: an eventfd, or a pipe on the portable path.
 */
#ifndef TWINE_REACTOR_WAKE_FD_INTERNAL_H
#define TWINE_REACTOR_WAKE_FD_INTERNAL_H

struct tw__wake_fd {
    int to_read, to_write; /* the same for an eventfd */
};

int tw__wake_fd_open(struct tw__wake_fd *wake); /* 0; -EMFILE and the like */
void tw__wake_fd_close(struct tw__wake_fd *wake);
void tw__wake_fd_write(const struct tw__wake_fd *wake); /* any thread */
void tw__wake_fd_read(const struct tw__wake_fd *wake);  /* until it is not readable */

#endif
