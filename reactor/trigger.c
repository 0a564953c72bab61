/*
 * Triggers and events.
 *
 * A trigger is counted: one reference is its event's, while it waits, runs or holds. In a forked
 * child it is the parent's, as its reactor is.
 */
#include <twine/reactor/trigger.h>

#include <errno.h>
#include <string.h>
#include <twine/base/check_internal.h>
#include <twine/base/context_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/reactor_internal.h>

enum trigger_state { TRIGGER_WAITING, TRIGGER_RUNNING, TRIGGER_HOLDING, TRIGGER_OVER };

struct tw_trigger {
    struct tw__ring ring; /* of its phase, or of those that hold */
    struct tw__event *event;
    struct tw_reactor *reactor; /* valid until it is over */
    enum trigger_state state;
    size_t refs;
    unsigned holds;
    tw_trigger_fn fn;    /* NULL: action is called */
    tw_action_fn action; /* of tw_reactor_call_when_running() */
    void *arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference, until it is over */
};

static struct tw_trigger *trigger_of(struct tw__ring *ring)
{
    return TW_CONTAINER(ring, struct tw_trigger, ring);
}

/* --- one trigger ------------------------------------------------------------------------------ */

static void end_trigger(struct tw_trigger *trigger)
{
    struct tw_context *before = tw__context_swap(trigger->context);
    trigger->state = TRIGGER_OVER;
    tw__ring_remove(&trigger->ring);
    if (trigger->destroy)
        trigger->destroy(trigger->arg);
    tw__context_swap_back(before, trigger->context);
    tw__context_drop(trigger->context);
    tw_trigger_unref(trigger);
}

static void run_trigger(struct tw_trigger *trigger)
{
    struct tw_context *before = tw__context_swap(trigger->context);
    trigger->state = TRIGGER_RUNNING;
    tw__ring_remove(&trigger->ring);
    if (trigger->fn)
        trigger->fn(trigger, trigger->arg);
    else
        trigger->action(trigger->arg);
    tw__context_swap_back(before, trigger->context);
    if (trigger->holds == 0) {
        end_trigger(trigger);
        return;
    }
    trigger->state = TRIGGER_HOLDING;
    tw__ring_add(&trigger->event->holding, &trigger->ring);
}

struct tw_trigger *tw_trigger_ref(struct tw_trigger *trigger)
{
    if (trigger)
        trigger->refs++;
    return trigger;
}

struct tw_trigger *tw_trigger_unref(struct tw_trigger *trigger)
{
    if (trigger && --trigger->refs == 0)
        tw__free(trigger);
    return NULL;
}

/* --- an event --------------------------------------------------------------------------------- */

void tw__event_init(struct tw__event *event, const char *name)
{
    int phase;
    memset(event, 0, sizeof *event);
    event->name = name;
    event->phase = TW__PHASE_IDLE;
    for (phase = 0; phase < TW__PHASE_COUNT; phase++)
        tw__ring_init(&event->phases[phase]);
    tw__ring_init(&event->holding);
}

static void enter_phase(struct tw_reactor *reactor, struct tw__event *event, int phase)
{
    event->phase = phase;
    if (event->enter)
        event->enter(reactor, phase);
}

void tw__event_begin(struct tw_reactor *reactor, struct tw__event *event)
{
    TW__CHECK(event->phase == TW__PHASE_IDLE);
    enter_phase(reactor, event, TW_PHASE_BEFORE);
}

/* A trigger may add others, remove them, or break the firing off. */
static void run_phase(struct tw__event *event)
{
    int phase = event->phase;
    struct tw__ring *waiting = &event->phases[phase];
    while (event->phase == phase && !tw__ring_is_empty(waiting))
        run_trigger(trigger_of(waiting->next));
}

static bool may_end(struct tw_reactor *reactor, struct tw__event *event)
{
    bool is_held = !tw__ring_is_empty(&event->holding);
    return event->may_end ? event->may_end(reactor, is_held) : !is_held;
}

bool tw__event_go_on(struct tw_reactor *reactor, struct tw__event *event)
{
    if (event->is_going_on)
        return false;
    event->is_going_on = true;
    while (event->phase != TW__PHASE_IDLE) {
        run_phase(event);
        if (event->phase == TW__PHASE_IDLE || !may_end(reactor, event))
            break;
        enter_phase(reactor, event,
                    event->phase == TW_PHASE_AFTER ? TW__PHASE_IDLE : event->phase + 1);
    }
    event->is_going_on = false;
    return event->phase == TW__PHASE_IDLE;
}

void tw__event_break_off(struct tw__event *event)
{
    event->phase = TW__PHASE_IDLE;
}

static void drop_ring(struct tw__ring *ring)
{
    while (!tw__ring_is_empty(ring))
        end_trigger(trigger_of(ring->next));
}

void tw__event_drop(struct tw__event *event)
{
    int phase;
    tw__event_break_off(event);
    for (phase = 0; phase < TW__PHASE_COUNT; phase++)
        drop_ring(&event->phases[phase]);
    drop_ring(&event->holding);
}

/* --- the user's events ------------------------------------------------------------------------ */

static bool is_own(const struct tw__event *event)
{
    return event->enter != NULL;
}

static struct tw__event *own_event(struct tw_reactor *reactor, const char *name)
{
    struct tw__reactor_common *common = reactor->_common;
    if (strcmp(name, common->startup.name) == 0)
        return &common->startup;
    return strcmp(name, common->shutdown.name) == 0 ? &common->shutdown : NULL;
}

static struct tw__event *find_event(struct tw_reactor *reactor, const char *name)
{
    struct tw__event *event = own_event(reactor, name);
    if (event)
        return event;
    event = reactor->_common->events;
    while (event && strcmp(event->name, name) != 0)
        event = event->next;
    return event;
}

/* The name is behind it. */
static struct tw__event *make_event(struct tw_reactor *reactor, const char *name)
{
    size_t size = strlen(name) + 1;
    struct tw__event *event = (struct tw__event *)tw__malloc(sizeof *event + size);
    if (!event)
        return NULL;
    tw__event_init(event, (const char *)memcpy(event + 1, name, size));
    event->next = reactor->_common->events;
    reactor->_common->events = event;
    return event;
}

static bool is_idle(const struct tw__event *event)
{
    int phase;
    for (phase = 0; phase < TW__PHASE_COUNT; phase++)
        if (!tw__ring_is_empty(&event->phases[phase]))
            return false;
    return tw__ring_is_empty(&event->holding) && event->phase == TW__PHASE_IDLE &&
           !event->is_going_on;
}

/* A user's event that nothing is left of. */
static void forget_if_idle(struct tw_reactor *reactor, struct tw__event *event)
{
    struct tw__event **place = &reactor->_common->events;
    if (is_own(event) || !is_idle(event))
        return;
    while (*place != event)
        place = &(*place)->next;
    *place = event->next;
    tw__free(event);
}

void tw__reactor_drop_events(struct tw_reactor *reactor)
{
    struct tw__event *event;
    tw__event_drop(&reactor->_common->startup);
    tw__event_drop(&reactor->_common->shutdown);
    while ((event = reactor->_common->events)) {
        tw__event_drop(event);
        reactor->_common->events = event->next;
        tw__free(event);
    }
}

/* Returns whether it is over; then it may be gone. */
static bool go_on(struct tw_reactor *reactor, struct tw__event *event)
{
    struct tw__pass pass;
    bool is_over;
    tw__reactor_enter(reactor, &pass);
    is_over = tw__event_go_on(reactor, event);
    forget_if_idle(reactor, event);
    tw__reactor_leave(reactor, &pass);
    return is_over;
}

int tw_reactor_fire_event(struct tw_reactor *reactor, const char *name)
{
    struct tw__event *event;
    if (!reactor || !name || own_event(reactor, name))
        return tw__misuse(-EINVAL, "tw_reactor_fire_event: needs a reactor, and the name of an "
                                   "event that is not its own");
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    event = find_event(reactor, name);
    if (!event)
        return 0;
    if (event->phase != TW__PHASE_IDLE)
        return -EALREADY;
    tw__event_begin(reactor, event);
    return go_on(reactor, event) ? 0 : -EINPROGRESS;
}

/* --- adding and removing ---------------------------------------------------------------------- */

static struct tw_trigger *new_trigger(struct tw_reactor *reactor, struct tw__event *event)
{
    struct tw_trigger *trigger = (struct tw_trigger *)tw__zalloc(sizeof *trigger);
    if (!trigger)
        return NULL;
    trigger->event = event;
    trigger->reactor = reactor;
    trigger->state = TRIGGER_WAITING;
    trigger->refs = 1; /* the event's */
    trigger->context = tw__context_capture();
    return trigger;
}

/* Takes nothing if it fails. */
static int add_trigger(struct tw_reactor *reactor, int phase, const char *name,
                       struct tw_trigger **ret_trigger)
{
    struct tw__event *event;
    struct tw_trigger *trigger;
    if (tw__reactor_is_inherited(reactor))
        return -EOWNERDEAD;
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    event = find_event(reactor, name);
    if (!event)
        event = make_event(reactor, name);
    if (!event)
        return -ENOMEM;
    trigger = new_trigger(reactor, event);
    if (!trigger) {
        forget_if_idle(reactor, event);
        return -ENOMEM;
    }
    tw__ring_add(&event->phases[phase], &trigger->ring);
    *ret_trigger = trigger;
    return 0;
}

static bool is_phase(int phase)
{
    return phase >= 0 && phase < TW__PHASE_COUNT;
}

int tw_reactor_add_trigger(struct tw_reactor *reactor, enum tw_phase phase, const char *event,
                           tw_trigger_fn fn, void *arg, tw_destroy_fn destroy,
                           struct tw_trigger **ret_trigger)
{
    struct tw_trigger *trigger = NULL;
    int rc = reactor && is_phase((int)phase) && event && fn
                 ? add_trigger(reactor, (int)phase, event, &trigger)
                 : tw__misuse(-EINVAL, "tw_reactor_add_trigger: needs a reactor, a phase, the name "
                                       "of an event and a function");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    trigger->fn = fn;
    trigger->arg = arg;
    trigger->destroy = destroy;
    if (ret_trigger)
        *ret_trigger = tw_trigger_ref(trigger);
    return 0;
}

int tw_trigger_remove(struct tw_trigger *trigger)
{
    struct tw_reactor *reactor;
    struct tw__event *event;
    if (!trigger)
        return tw__misuse(-EINVAL, "tw_trigger_remove: needs a trigger");
    if (trigger->state != TRIGGER_WAITING)
        return -EALREADY;
    if (tw__reactor_is_inherited(trigger->reactor))
        return -EOWNERDEAD;
    reactor = tw_reactor_ref(trigger->reactor);
    event = trigger->event;
    end_trigger(trigger);
    forget_if_idle(reactor, event);
    tw_reactor_unref(reactor);
    return 0;
}

/* --- call when running ------------------------------------------------------------------------ */

static void call_now(struct tw_reactor *reactor, tw_action_fn action, void *arg)
{
    struct tw__pass pass;
    tw__reactor_enter(reactor, &pass);
    action(arg);
    tw__reactor_leave(reactor, &pass);
}

static int call_after_startup(struct tw_reactor *reactor, tw_action_fn action, void *arg,
                              tw_destroy_fn destroy, struct tw_trigger **ret_trigger)
{
    struct tw_trigger *trigger = NULL;
    int rc = add_trigger(reactor, TW_PHASE_AFTER, reactor->_common->startup.name, &trigger);
    if (rc < 0)
        return rc;
    trigger->action = action;
    trigger->arg = arg;
    trigger->destroy = destroy;
    if (ret_trigger)
        *ret_trigger = tw_trigger_ref(trigger);
    return 0;
}

int tw_reactor_call_when_running(struct tw_reactor *reactor, tw_action_fn action, void *arg,
                                 tw_destroy_fn destroy, struct tw_trigger **ret_trigger)
{
    int rc = 0;
    if (!reactor || !action) {
        rc = tw__misuse(-EINVAL, "tw_reactor_call_when_running: needs a reactor and an action");
    } else if (tw__reactor_is_inherited(reactor)) {
        rc = -EOWNERDEAD;
    } else if (tw_reactor_is_running(reactor)) {
        if (ret_trigger)
            *ret_trigger = NULL;
        call_now(reactor, action, arg);
    } else {
        rc = call_after_startup(reactor, action, arg, destroy, ret_trigger);
        if (rc >= 0)
            return rc;
    }
    if (destroy)
        destroy(arg);
    return rc;
}

/* --- holding ---------------------------------------------------------------------------------- */

int tw_trigger_hold(struct tw_trigger *trigger)
{
    if (!trigger || trigger->state != TRIGGER_RUNNING)
        return tw__misuse(
            -EINVAL,
            "tw_trigger_hold or tw_trigger_hold_until: only from inside the trigger's function");
    trigger->holds++;
    return 0;
}

/* The reactor's own go on in a pass, which looks whether the time is up as well. */
static void phase_may_end(struct tw_reactor *reactor, struct tw__event *event)
{
    if (is_own(event))
        reactor->_ops->again(reactor);
    else if (!event->is_going_on)
        go_on(reactor, event);
}

int tw_trigger_release(struct tw_trigger *trigger)
{
    struct tw_reactor *reactor;
    struct tw__event *event;
    if (!trigger)
        return tw__misuse(-EINVAL, "tw_trigger_release: needs a trigger");
    if (trigger->state == TRIGGER_OVER || trigger->holds == 0)
        return -EALREADY;
    if (tw__reactor_is_inherited(trigger->reactor))
        return -EOWNERDEAD;
    if (--trigger->holds > 0 || trigger->state == TRIGGER_RUNNING)
        return 0;
    reactor = tw_reactor_ref(trigger->reactor);
    event = trigger->event;
    end_trigger(trigger);
    if (tw__ring_is_empty(&event->holding))
        phase_may_end(reactor, event);
    tw_reactor_unref(reactor);
    return 0;
}
