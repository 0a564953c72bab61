/*
 * The adding of links to a Deferred: callbacks, and another Deferred's source.
 */
#include <twine/deferred/deferred_internal.h>

#include <errno.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

/* Those still to run have been moved to the array's begin. */
static void begin_with_first(struct tw_deferred *deferred)
{
    deferred->gone += deferred->first;
    deferred->end -= deferred->first;
    deferred->first = 0;
}

static int grow_links(struct tw_deferred *deferred)
{
    uint32_t count = deferred->end - deferred->first;
    uint32_t capacity =
        deferred->capacity < TW__LINKS_OUTSIDE ? TW__LINKS_OUTSIDE : 2 * deferred->capacity;
    struct tw__link *links = (struct tw__link *)tw__malloc(capacity * sizeof *links);
    if (!links)
        return -ENOMEM;
    memcpy(links, deferred->links + deferred->first, count * sizeof *links);
    tw__deferred_free_links(deferred);
    deferred->links = links;
    deferred->capacity = capacity;
    begin_with_first(deferred);
    return 0;
}

int tw__deferred_reserve(struct tw_deferred *deferred)
{
    uint32_t count = deferred->end - deferred->first;
    if (deferred->end < deferred->capacity)
        return 0;
    if (deferred->first <= deferred->capacity / 2)
        return grow_links(deferred);
    memmove(deferred->links, deferred->links + deferred->first, count * sizeof *deferred->links);
    begin_with_first(deferred);
    return 0;
}

static void put_link(struct tw_deferred *deferred, const struct tw__link *link)
{
    deferred->links[deferred->end++] = *link;
}

/* There is no room, or it is to run now. */
static __attribute__((noinline)) int add_link_slowly(struct tw_deferred *deferred,
                                                     tw_call_fn callback, tw_call_fn errback,
                                                     void *arg, tw_destroy_fn destroy)
{
    struct tw__link link = {{callback, errback}, arg, destroy};
    int rc = tw__deferred_reserve(deferred);
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    put_link(deferred, &link);
    if (tw__deferred_may_run(deferred))
        tw__deferred_run_now(deferred);
    return 0;
}

/* Inlined into each of those below: nothing is done more often. */
static inline int add_link(struct tw_deferred *deferred, tw_call_fn callback, tw_call_fn errback,
                           void *arg, tw_destroy_fn destroy)
{
    struct tw__link link = {{callback, errback}, arg, destroy};
    tw__deferred_check_thread(deferred);
    if (deferred->end == deferred->capacity || deferred->is_called)
        return add_link_slowly(deferred, callback, errback, arg, destroy);
    put_link(deferred, &link);
    return 0;
}

static __attribute__((noinline)) int refuse(void *arg, tw_destroy_fn destroy)
{
    if (destroy)
        destroy(arg);
    return tw__misuse(
        -EINVAL, "tw_deferred_add_callbacks, tw_deferred_add_callback, tw_deferred_add_errback or "
                 "tw_deferred_add_both: needs a Deferred and a function");
}

int tw_deferred_add_callbacks(struct tw_deferred *deferred, tw_call_fn callback, tw_call_fn errback,
                              void *arg, tw_destroy_fn destroy)
{
    if (!deferred || (!callback && !errback))
        return refuse(arg, destroy);
    return add_link(deferred, callback, errback, arg, destroy);
}

int tw_deferred_add_callback(struct tw_deferred *deferred, tw_call_fn callback, void *arg,
                             tw_destroy_fn destroy)
{
    if (!deferred || !callback)
        return refuse(arg, destroy);
    return add_link(deferred, callback, NULL, arg, destroy);
}

int tw_deferred_add_errback(struct tw_deferred *deferred, tw_call_fn errback, void *arg,
                            tw_destroy_fn destroy)
{
    if (!deferred || !errback)
        return refuse(arg, destroy);
    return add_link(deferred, NULL, errback, arg, destroy);
}

int tw_deferred_add_both(struct tw_deferred *deferred, tw_call_fn both, void *arg,
                         tw_destroy_fn destroy)
{
    if (!deferred || !both)
        return refuse(arg, destroy);
    return add_link(deferred, both, both, arg, destroy);
}

/* --- explicit chains -------------------------------------------------------------------------- */

/* Chain links that go unrun let go of their targets' sources one after the other, and not one
 * inside the other: a long chain would need as much stack. Those that wait for that are linked
 * through next, which a Deferred that is not fired does not use otherwise. */
static _Thread_local struct {
    struct tw_deferred *first, *last;
    bool is_active;
} abandoned;

static void abandon_in_turn(struct tw_deferred *target)
{
    target->next = NULL;
    target->is_in_turn = true;
    if (abandoned.first)
        abandoned.last->next = target;
    else
        abandoned.first = target;
    abandoned.last = target;
    if (abandoned.is_active)
        return;
    abandoned.is_active = true;
    while ((target = abandoned.first)) {
        abandoned.first = target->next;
        target->next = NULL;
        target->is_in_turn = false;
        tw_source_unref(tw__source_of(target));
    }
    abandoned.is_active = false;
}

/* One that waits for its turn is fired by somebody else, a cancel perhaps: then the source goes
 * now. */
void tw__deferred_leave_turn(struct tw_deferred *target)
{
    struct tw_deferred **place = &abandoned.first, *before = NULL;
    while (*place != target) {
        before = *place;
        place = &before->next;
    }
    *place = target->next;
    if (abandoned.last == target)
        abandoned.last = before;
    target->next = NULL;
    target->is_in_turn = false;
    target->sources--; /* it is being fired, so this abandons nothing, and its memory stays for that
                        */
}

/* Not called for one that has fired its target (deferred_run.c). */
void tw__deferred_drop_chain_link(void *source)
{
    struct tw_deferred *target = (struct tw_deferred *)source;
    if (!target->is_called)
        target->waits_for = NULL;
    if (target->is_called || target->sources > 1)
        tw_source_unref((struct tw_source *)source);
    else
        abandon_in_turn(target);
}

int tw_deferred_chain(struct tw_deferred *deferred, struct tw_source *source)
{
    struct tw_deferred *target = tw__deferred_of(source);
    if (!deferred || !source || target == deferred) {
        tw_source_unref(source);
        return tw__misuse(-EINVAL,
                          "tw_deferred_chain: needs a Deferred, and the source of another");
    }
    if (!target->is_called)
        target->waits_for = deferred; /* for those who look (DEF-104); not a reference */
    deferred->has_chained = true;
    return add_link(deferred, NULL, NULL, source, tw__deferred_drop_chain_link);
}
