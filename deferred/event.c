/*
 * The event: a flag, and a line of those who wait, all of whom are answered at once.
 */
#include <twine/deferred/event.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/waiters_internal.h>

struct tw_deferred_event {
    size_t refs;
    bool is_set;
    struct tw__waiters waiters;
};

int tw_deferred_event_new(struct tw_deferred_event **ret_event)
{
    struct tw_deferred_event *event;
    if (!ret_event)
        return tw__misuse(-EINVAL, "tw_deferred_event_new: needs ret_event");
    event = (struct tw_deferred_event *)tw__malloc(sizeof *event);
    if (!event)
        return -ENOMEM;
    event->refs = 1;
    event->is_set = false;
    tw__waiters_init(&event->waiters);
    *ret_event = event;
    return 0;
}

struct tw_deferred_event *tw_deferred_event_ref(struct tw_deferred_event *event)
{
    if (event)
        event->refs++;
    return event;
}

struct tw_deferred_event *tw_deferred_event_unref(struct tw_deferred_event *event)
{
    if (!event || --event->refs > 0)
        return NULL;
    tw__waiters_abandon(&event->waiters);
    tw__free(event);
    return NULL;
}

int tw_deferred_event_wait(struct tw_deferred_event *event, struct tw_deferred **ret_deferred)
{
    if (!event || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_deferred_event_wait: needs an event and ret_deferred");
    if (event->is_set)
        return tw_deferred_succeed(NULL, NULL, ret_deferred);
    return tw__waiters_add(&event->waiters, ret_deferred);
}

int tw_deferred_event_set(struct tw_deferred_event *event)
{
    if (!event)
        return tw__misuse(-EINVAL, "tw_deferred_event_set: needs an event");
    event->is_set = true;
    event->refs++;
    while (event->waiters.count) {
        struct tw_result nothing = TW_RESULT_INIT;
        tw__waiters_answer(&event->waiters, &nothing);
    }
    tw__waiters_serve(&event->waiters);
    tw_deferred_event_unref(event);
    return 0;
}

int tw_deferred_event_clear(struct tw_deferred_event *event)
{
    if (!event)
        return tw__misuse(-EINVAL, "tw_deferred_event_clear: needs an event");
    event->is_set = false;
    return 0;
}

bool tw_deferred_event_is_set(const struct tw_deferred_event *event)
{
    return event && event->is_set;
}

size_t tw_deferred_event_waiting(const struct tw_deferred_event *event)
{
    return event ? event->waiters.count : 0;
}
