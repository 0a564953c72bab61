/*
 * Descriptors: what is asked of each is kept here, and the plug-in does the waiting.
 *
 * One that is waited for is in its reactor's ring, with a reference.
 */
#include <twine/reactor/descriptor.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/reactor_internal.h>

struct tw_descriptor {
    struct tw__ring ring;
    struct tw_reactor *reactor; /* NULL: it is not waited for */
    unsigned what;              /* of enum tw_io */
    void *slot;                 /* the plug-in's */
    int fd;
    size_t refs;
    const struct tw_descriptor_fns *fns;
    void *arg;
    tw_destroy_fn destroy;
};

static struct tw_descriptor *descriptor_of(struct tw__ring *ring)
{
    return TW_CONTAINER(ring, struct tw_descriptor, ring);
}

/* --- one of them ------------------------------------------------------------------------------ */

static int make(int fd, const struct tw_descriptor_fns *fns, void *arg, tw_destroy_fn destroy,
                struct tw_descriptor **ret_descriptor)
{
    struct tw_descriptor *descriptor = (struct tw_descriptor *)tw__zalloc(sizeof *descriptor);
    if (!descriptor)
        return -ENOMEM;
    tw__ring_init(&descriptor->ring);
    descriptor->fd = fd;
    descriptor->refs = 1;
    descriptor->fns = fns;
    descriptor->arg = arg;
    descriptor->destroy = destroy;
    *ret_descriptor = descriptor;
    return 0;
}

int tw_descriptor_new(int fd, const struct tw_descriptor_fns *fns, void *arg, tw_destroy_fn destroy,
                      struct tw_descriptor **ret_descriptor)
{
    bool is_right =
        fd >= 0 && fns && fns->size == sizeof *fns && (fns->read || fns->write) && ret_descriptor;
    int rc = is_right
                 ? make(fd, fns, arg, destroy, ret_descriptor)
                 : tw__misuse(-EINVAL, "tw_descriptor_new: needs a descriptor, functions of the "
                                       "size this library knows, and ret_descriptor");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}

struct tw_descriptor *tw_descriptor_ref(struct tw_descriptor *descriptor)
{
    if (descriptor)
        descriptor->refs++;
    return descriptor;
}

struct tw_descriptor *tw_descriptor_unref(struct tw_descriptor *descriptor)
{
    if (!descriptor || --descriptor->refs > 0)
        return NULL;
    if (descriptor->destroy)
        descriptor->destroy(descriptor->arg);
    tw__free(descriptor);
    return NULL;
}

int tw_descriptor_fd(const struct tw_descriptor *descriptor)
{
    return descriptor ? descriptor->fd : -1;
}

/* --- adding and removing ---------------------------------------------------------------------- */

/* Ask the plug-in for something else. */
static int ask(struct tw_reactor *reactor, struct tw_descriptor *descriptor, unsigned what)
{
    int rc = what == descriptor->what
                 ? 0
                 : reactor->_ops->watch(reactor, descriptor, what, &descriptor->slot);
    if (rc < 0)
        return rc;
    descriptor->what = what;
    if (what && !descriptor->reactor) {
        descriptor->reactor = reactor;
        tw__ring_add(&reactor->_common->descriptors, &tw_descriptor_ref(descriptor)->ring);
    } else if (!what && descriptor->reactor) {
        descriptor->reactor = NULL;
        tw__ring_remove(&descriptor->ring);
        tw_descriptor_unref(descriptor);
    }
    return 0;
}

static int add(struct tw_reactor *reactor, struct tw_descriptor *descriptor, unsigned what)
{
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (reactor->_common->state >= REACTOR_ENDING)
        return -ESHUTDOWN;
    if (descriptor->reactor && descriptor->reactor != reactor)
        return -EBUSY;
    return ask(reactor, descriptor, descriptor->what | what);
}

int tw_reactor_add_reader(struct tw_reactor *reactor, struct tw_descriptor *descriptor)
{
    if (!reactor || !descriptor || !descriptor->fns->read)
        return tw__misuse(-EINVAL,
                          "tw_reactor_add_reader: needs a reactor, and a descriptor with a "
                          "function for reading");
    return add(reactor, descriptor, TW_IO_READ);
}

int tw_reactor_add_writer(struct tw_reactor *reactor, struct tw_descriptor *descriptor)
{
    if (!reactor || !descriptor || !descriptor->fns->write)
        return tw__misuse(-EINVAL,
                          "tw_reactor_add_writer: needs a reactor, and a descriptor with a "
                          "function for writing");
    return add(reactor, descriptor, TW_IO_WRITE);
}

static int take_away(struct tw_reactor *reactor, struct tw_descriptor *descriptor, unsigned what)
{
    if (!reactor || !descriptor)
        return tw__misuse(-EINVAL, "tw_reactor_remove_reader or _writer: needs a reactor and a "
                                   "descriptor");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    return descriptor->reactor == reactor ? ask(reactor, descriptor, descriptor->what & ~what) : 0;
}

int tw_reactor_remove_reader(struct tw_reactor *reactor, struct tw_descriptor *descriptor)
{
    return take_away(reactor, descriptor, TW_IO_READ);
}

int tw_reactor_remove_writer(struct tw_reactor *reactor, struct tw_descriptor *descriptor)
{
    return take_away(reactor, descriptor, TW_IO_WRITE);
}

/* --- all of them ------------------------------------------------------------------------------ */

static size_t list(struct tw_reactor *reactor, unsigned what, struct tw_descriptor **ret,
                   size_t room)
{
    struct tw__ring *ring;
    size_t count = 0;
    if (!reactor)
        return 0;
    for (ring = reactor->_common->descriptors.next; ring != &reactor->_common->descriptors;
         ring = ring->next) {
        if (!(descriptor_of(ring)->what & what))
            continue;
        if (ret && count < room)
            ret[count] = descriptor_of(ring);
        count++;
    }
    return count;
}

size_t tw_reactor_readers(struct tw_reactor *reactor, struct tw_descriptor **ret_descriptors,
                          size_t room)
{
    return list(reactor, TW_IO_READ, ret_descriptors, room);
}

size_t tw_reactor_writers(struct tw_reactor *reactor, struct tw_descriptor **ret_descriptors,
                          size_t room)
{
    return list(reactor, TW_IO_WRITE, ret_descriptors, room);
}

/* The oldest one, removed; NULL: there is none. The reference is the caller's. */
static struct tw_descriptor *take_first(struct tw_reactor *reactor)
{
    struct tw__ring *head = &reactor->_common->descriptors;
    struct tw_descriptor *descriptor;
    if (tw__ring_is_empty(head))
        return NULL;
    descriptor = tw_descriptor_ref(descriptor_of(head->next));
    ask(reactor, descriptor, 0);
    return descriptor;
}

size_t tw_reactor_remove_all(struct tw_reactor *reactor, struct tw_descriptor **ret_descriptors,
                             size_t room)
{
    struct tw_descriptor *descriptor;
    size_t count = 0;
    if (!reactor || tw__reactor_is_inherited(reactor))
        return 0;
    while ((descriptor = take_first(reactor))) {
        if (ret_descriptors && count < room)
            ret_descriptors[count] = descriptor;
        else
            tw_descriptor_unref(descriptor);
        count++;
    }
    return count;
}

void tw__reactor_drop_descriptors(struct tw_reactor *reactor)
{
    tw_reactor_remove_all(reactor, NULL, 0);
}

static void tell_lost(struct tw_descriptor *descriptor, int error)
{
    if (descriptor->fns->lost)
        descriptor->fns->lost(descriptor, error, descriptor->arg);
}

/* Nobody adds one any more. */
void tw__reactor_lose_descriptors(struct tw_reactor *reactor)
{
    struct tw_descriptor *descriptor;
    while ((descriptor = take_first(reactor))) {
        tell_lost(descriptor, -ESHUTDOWN);
        tw_descriptor_unref(descriptor);
    }
}

/* --- what the plug-in tells ------------------------------------------------------------------- */

/* What is called first may have removed it, or have asked for something else. */
static int call(struct tw_descriptor *descriptor, unsigned ready)
{
    int rc = 0;
    if (ready & descriptor->what & TW_IO_READ)
        rc = descriptor->fns->read(descriptor, descriptor->arg);
    if (rc >= 0 && (ready & descriptor->what & TW_IO_WRITE))
        rc = descriptor->fns->write(descriptor, descriptor->arg);
    return rc;
}

static void lose(struct tw_descriptor *descriptor, int error)
{
    if (descriptor->reactor)
        ask(descriptor->reactor, descriptor, 0);
    tell_lost(descriptor, error);
}

void tw_reactor_descriptor_ready(struct tw_reactor *reactor, struct tw_descriptor *descriptor,
                                 unsigned what)
{
    struct tw__pass pass;
    int rc;
    if (tw__reactor_is_inherited(reactor))
        return;
    tw__reactor_enter(reactor, &pass);
    tw_descriptor_ref(descriptor);
    rc = call(descriptor, what);
    if (rc < 0)
        lose(descriptor, rc);
    tw_descriptor_unref(descriptor);
    tw__reactor_leave(reactor, &pass);
}

int tw_reactor_watch_none(struct tw_reactor *reactor, struct tw_descriptor *descriptor,
                          unsigned what, void **slot)
{
    (void)reactor;
    (void)descriptor;
    (void)slot;
    return what ? -ENOTSUP : 0;
}
