/*
 * Descriptors in a reactor's loop: sockets, pipes, whatever can be waited for (Twisted's
 * IReactorFDSet, FDS).
 *
 * A program on libevent has events and bufferevents for that, on the same base. These are for code
 * that is to run on any reactor. Not every plug-in has them.
 */
#ifndef TWINE_REACTOR_DESCRIPTOR_H
#define TWINE_REACTOR_DESCRIPTOR_H

#include <twine/reactor/reactor.h>

TW_BEGIN_DECLS

struct tw_descriptor;

/** What a descriptor is waited for. */
enum tw_io {
    TW_IO_READ = 1, /**< to be readable, or at its end */
    TW_IO_WRITE = 2 /**< to be writable, or broken */
};

/** What a descriptor does. Thread: loop, for all of them. */
struct tw_descriptor_fns {
    size_t size; /**< sizeof(struct tw_descriptor_fns) */
    /** It is readable: called again in each turn while that lasts (FDS-002). NULL: it is no reader.
     * Returns: 0; a negative errno, and then it is removed and lost (FDS-007). */
    int (*read)(struct tw_descriptor *descriptor, void *arg);
    /** It is writable; as read. NULL: it is no writer. */
    int (*write)(struct tw_descriptor *descriptor, void *arg);
    /** It was removed because of an error: what read or write returned, -ESHUTDOWN when the reactor
     * shuts down (FDS-010). The time to close it. NULL: nobody wants to know. */
    void (*lost)(struct tw_descriptor *descriptor, int error, void *arg);
};

/**
 * Make a descriptor of a number. It is waited for once it is added to a reactor.
 *
 * Thread:    any; then the loop's that it is added to.
 * Ownership: the number stays yours to close, after it has been removed. fns is borrowed for as long
 *            as the descriptor lives. (arg, destroy) is consumed, on error too; destroy may be NULL,
 *            and is called when the last reference goes. The descriptor is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL for a number below 0, or fns of another size or without a function
 *            for reading and writing.
 */
TW_EXPORT int tw_descriptor_new(int fd, const struct tw_descriptor_fns *fns, void *arg,
                                tw_destroy_fn destroy, struct tw_descriptor **ret_descriptor);

/** Hold a descriptor once more; a reactor that waits for it holds it too. Thread: loop. Returns: the
 * descriptor; NULL for NULL. */
TW_EXPORT struct tw_descriptor *tw_descriptor_ref(struct tw_descriptor *descriptor);
/** Let go of a descriptor. Thread: loop. Returns: NULL. */
TW_EXPORT struct tw_descriptor *tw_descriptor_unref(struct tw_descriptor *descriptor);
/** Its number. Thread: any. Returns: -1 for NULL. */
TW_EXPORT int tw_descriptor_fd(const struct tw_descriptor *descriptor);

/**
 * Wait for it to be readable. To add it again changes nothing (FDS-003).
 *
 * Thread:  loop.
 * Returns: 0; -ENOTSUP if the plug-in has no descriptors; -EBUSY if another reactor waits for it;
 *          -EPERM for what cannot be waited for, a file; -EBADF, -ENOMEM; -EINVAL if it is no
 *          reader; -ESHUTDOWN from during "shutdown" on; -EOWNERDEAD in a forked child.
 */
TW_EXPORT int tw_reactor_add_reader(struct tw_reactor *reactor, struct tw_descriptor *descriptor);
/** Wait for it to be writable; see tw_reactor_add_reader(). */
TW_EXPORT int tw_reactor_add_writer(struct tw_reactor *reactor, struct tw_descriptor *descriptor);

/** Wait no more for it to be readable: it is not called, even if it is ready now (FDS-004). One that
 * is not waited for does no harm. Thread: loop. Returns: 0; -EINVAL for NULL; -EOWNERDEAD. */
TW_EXPORT int tw_reactor_remove_reader(struct tw_reactor *reactor,
                                       struct tw_descriptor *descriptor);
/** Wait no more for it to be writable; see tw_reactor_remove_reader(). */
TW_EXPORT int tw_reactor_remove_writer(struct tw_reactor *reactor,
                                       struct tw_descriptor *descriptor);

/**
 * Those that are waited for to be readable (Twisted's getReaders).
 *
 * Thread:    loop.
 * Ownership: borrowed.
 * Returns:   how many there are, which may be more than fit.
 *
 * @param ret_descriptors room for so many, or NULL
 * @param room may be 0
 */
TW_EXPORT size_t tw_reactor_readers(struct tw_reactor *reactor,
                                    struct tw_descriptor **ret_descriptors, size_t room);
/** Those that are waited for to be writable; see tw_reactor_readers(). */
TW_EXPORT size_t tw_reactor_writers(struct tw_reactor *reactor,
                                    struct tw_descriptor **ret_descriptors, size_t room);

/**
 * Remove all of them; the reactor's own are not among them (FDS-006).
 *
 * Thread:    loop.
 * Ownership: those that fit are handed over, each once, yours to unref; the others are let go.
 * Returns:   how many there were.
 */
TW_EXPORT size_t tw_reactor_remove_all(struct tw_reactor *reactor,
                                       struct tw_descriptor **ret_descriptors, size_t room);

TW_END_DECLS

#endif
