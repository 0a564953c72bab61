/*
 * Which plug-ins there are, by name.
 *
 * A list under one lock of the process: the library's own, which are static, then those added. Who
 * makes a reactor holds the plug-in meanwhile, without the lock, so that one may be removed at any
 * time. Whatever is linked in is whole, so that a forked child needs no more than a fresh lock.
 */
#include <twine/reactor/plug_ins.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <twine/base/fork_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/libevent.h>
#include <twine/reactor/test_clock.h>

struct plug_in {
    struct plug_in *next; /* under the lock */
    size_t refs;          /* under the lock; the list's and those of who makes */
    const char *name, *description;
    tw_plug_in_fn make;
    void *arg;
    tw_destroy_fn destroy;
};

static int make_on_libevent(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_libevent_reactor_new(NULL, ret_reactor);
}

static int make_on_test_clock(void *arg, struct tw_reactor **ret_reactor)
{
    (void)arg;
    return tw_test_clock_reactor_new(ret_reactor);
}

static struct plug_in test_clock = {
    NULL, 1, "test_clock", "time moves when told, for tests", make_on_test_clock, NULL, NULL};
static struct plug_in libevent = {&test_clock,      1,    "libevent", "an event base of libevent's",
                                  make_on_libevent, NULL, NULL};

static struct tw__lock lock = TW_LOCK_INIT;
static struct plug_in *const first = &libevent;
static struct plug_in *const last_of_ours = &test_clock;

static void renew_lock(void)
{
    tw__lock_init(&lock);
}

/* --- the list --------------------------------------------------------------------------------- */

static void enter(void) TW_GUARD(acquire_capability(lock))
{
    tw__fork_renew(renew_lock);
    tw__lock_acquire(&lock);
}

static void leave(void) TW_GUARD(release_capability(lock))
{
    tw__lock_release(&lock);
}

/* Under the lock: where the link to it is, or the end of the list. */
static struct plug_in **find_added(const char *name)
{
    struct plug_in **link = &last_of_ours->next;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

/* Under the lock. */
static struct plug_in *find(const char *name)
{
    struct plug_in *plug_in = first;
    while (plug_in && strcmp(plug_in->name, name) != 0)
        plug_in = plug_in->next;
    return plug_in;
}

static struct plug_in *hold(const char *name)
{
    struct plug_in *plug_in;
    enter();
    plug_in = find(name);
    if (plug_in)
        plug_in->refs++;
    leave();
    return plug_in;
}

static void let_go(struct plug_in *plug_in)
{
    size_t refs;
    enter();
    refs = --plug_in->refs;
    leave();
    if (refs > 0)
        return;
    if (plug_in->destroy)
        plug_in->destroy(plug_in->arg);
    tw__free(plug_in);
}

/* --- adding and removing ---------------------------------------------------------------------- */

/* In one piece with its texts. */
static struct plug_in *copy(const char *name, const char *description)
{
    size_t name_size = strlen(name) + 1, description_size = strlen(description) + 1;
    struct plug_in *plug_in =
        (struct plug_in *)tw__zalloc(sizeof *plug_in + name_size + description_size);
    char *texts;
    if (!plug_in)
        return NULL;
    texts = (char *)(plug_in + 1);
    plug_in->refs = 1;
    plug_in->name = (char *)memcpy(texts, name, name_size);
    plug_in->description = (char *)memcpy(texts + name_size, description, description_size);
    return plug_in;
}

static int append(struct plug_in *plug_in)
{
    bool is_new;
    enter();
    is_new = !find(plug_in->name);
    if (is_new)
        *find_added(plug_in->name) = plug_in;
    leave();
    return is_new ? 0 : -EEXIST;
}

static int add(const char *name, const char *description, tw_plug_in_fn make, void *arg,
               tw_destroy_fn destroy)
{
    struct plug_in *plug_in = copy(name, description);
    int rc;
    if (!plug_in)
        return -ENOMEM;
    plug_in->make = make;
    plug_in->arg = arg;
    plug_in->destroy = destroy;
    rc = append(plug_in);
    if (rc < 0)
        tw__free(plug_in);
    return rc;
}

int tw_plug_in_add(const char *name, const char *description, tw_plug_in_fn make, void *arg,
                   tw_destroy_fn destroy)
{
    int rc = name && name[0] && description && make
                 ? add(name, description, make, arg, destroy)
                 : tw__misuse(-EINVAL, "tw_plug_in_add: needs a name, a description and make");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}

int tw_plug_in_remove(const char *name)
{
    struct plug_in **link, *plug_in;
    if (!name)
        return tw__misuse(-EINVAL, "tw_plug_in_remove: needs a name");
    enter();
    link = find_added(name);
    plug_in = *link;
    if (plug_in)
        *link = plug_in->next;
    leave();
    if (!plug_in)
        return -ENOENT;
    let_go(plug_in);
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

size_t tw_plug_in_list(const char **ret_names, size_t room)
{
    struct plug_in *plug_in;
    size_t count = 0;
    enter();
    for (plug_in = first; plug_in; plug_in = plug_in->next, count++)
        if (ret_names && count < room)
            ret_names[count] = plug_in->name;
    leave();
    return count;
}

const char *tw_plug_in_description(const char *name)
{
    struct plug_in *plug_in;
    if (!name)
        return NULL;
    enter();
    plug_in = find(name);
    leave();
    return plug_in ? plug_in->description : NULL;
}

/* --- choosing --------------------------------------------------------------------------------- */

/* Who set the variable does not see what the program is answered. */
static int nobody_knows(const char *name)
{
    char text[256];
    struct plug_in *plug_in;
    size_t length = (size_t)snprintf(
        text, sizeof text, "TWINE_REACTOR=%.64s: there is no such plug-in; there are:", name);
    enter();
    for (plug_in = first; plug_in && length < sizeof text; plug_in = plug_in->next)
        length += (size_t)snprintf(text + length, sizeof text - length, " %s", plug_in->name);
    leave();
    tw__report(TW_REPORT_WARNING, text, NULL);
    return -ENOENT;
}

static const char *chosen_by_environment(void)
{
    const char *name = getenv("TWINE_REACTOR");
    return name && name[0] ? name : NULL;
}

int tw_reactor_new(const char *name, struct tw_reactor **ret_reactor)
{
    const char *chosen = name ? name : chosen_by_environment();
    struct plug_in *plug_in;
    int rc;
    if (!ret_reactor)
        return tw__misuse(-EINVAL, "tw_reactor_new: needs ret_reactor");
    plug_in = hold(chosen ? chosen : first->name);
    if (!plug_in)
        return name ? -ENOENT : nobody_knows(chosen);
    rc = plug_in->make(plug_in->arg, ret_reactor);
    let_go(plug_in);
    return rc < 0 ? rc : 0;
}
