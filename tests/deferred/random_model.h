/*
 * A model of the rules for Deferreds: recursive, nothing clever, no limit but the stack. It says
 * what must happen, as events:
 *
 *     L id n    link id ran with the value n, or with a failure of the code -n
 *     D id      the argument of link id was destroyed
 *     V n       the value n was destroyed
 *     C id      the canceller of Deferred id was called
 *     K id      its argument was destroyed
 *     R n       an unhandled failure of the code n was reported
 *     X verb n  an operation answered n
 *     O id n    the on_timeout of limit id was called with n, as for L
 *     T id      its argument was destroyed
 *     W n       it was reported that a canceller refused with n
 *     M         misuse was reported
 */
#ifndef TWINE_TESTS_DEFERRED_RANDOM_MODEL_H
#define TWINE_TESTS_DEFERRED_RANDOM_MODEL_H

#include "random_script.h"

struct m_deferred;
struct m_list;
struct m_limit;

struct m_result {
    enum m_kind { NUMBER, FAILED, DEFERRED } kind;
    int number;
    struct m_deferred *deferred;
    struct m_list *list; /* NUMBER: what a list has fired with */
};

/* In a Deferred's list: a link, an explicit chain, the place where another waits, a list's link, a
 * limit. */
struct m_item {
    struct m_item *next;
    struct step *step;
    struct m_deferred *chain, *waiter;
    struct m_list *list;
    int index; /* among the list's children */
    struct m_limit *limit;
};

struct m_deferred {
    int id, rank, refs, sources, pauses;
    bool called, running, cancelling, swallows, disposed;
    struct m_deferred *waits_for;
    struct m_deferred *chained_to; /* until it is fired: the last one that is to fire it */
    struct m_deferred *next;       /* among the abandoned */
    struct m_result result;
    struct m_item *first, **end;
    enum canceller canceller;
    int number;          /* what the canceller fires with */
    struct m_list *list; /* the list that is the canceller's argument */
};

struct m_slot {
    struct m_deferred *deferred;
    int handles, sources;
    bool in_making; /* a list whose children's callbacks run already: nobody has a handle yet */
};

static struct m_slot m_slots[SLOTS];
static struct events m_events;
static int m_alive;

static const struct m_result m_null = {NUMBER, 0, NULL, NULL};

static int m_perform(const struct operation *operation);
static int m_fire(struct m_deferred *deferred, struct m_result result);
static int m_cancel(struct m_deferred *deferred);
static void m_list_unref(struct m_list *list);
static void m_child_has_come(struct m_list *list, int index, struct m_result *result);
static void m_cancel_children(struct m_list *list);
static int m_list_number(const struct m_list *list);
static void m_limit_passed(struct m_limit *limit, struct m_result *result);
static void m_drop_limit(struct m_limit *limit);

/* --- results and life ------------------------------------------------------------------------- */

static void m_set(struct m_result *result, enum m_kind kind, int number)
{
    struct m_list *list = result->kind == NUMBER ? result->list : NULL;
    if (result->kind == NUMBER && result->number)
        note(&m_events, 'V', result->number, 0);
    result->kind = kind;
    result->number = number;
    result->deferred = NULL;
    result->list = NULL;
    if (list)
        m_list_unref(list);
}

static struct m_result m_take(struct m_result *result)
{
    struct m_result taken = *result;
    *result = m_null;
    return taken;
}

/* How a result is written down. */
static int m_number(const struct m_result *result)
{
    if (result->kind == FAILED)
        return -result->number;
    return result->list ? m_list_number(result->list) : result->number;
}

static void m_free_if_over(struct m_deferred *deferred)
{
    if (deferred->sources || !deferred->disposed)
        return;
    free(deferred);
    m_alive--;
}

static void m_source_unref(struct m_deferred *deferred)
{
    struct m_result abandoned = {FAILED, EPIPE, NULL, NULL};
    if (deferred->sources == 1 && !deferred->called && !deferred->cancelling)
        m_fire(deferred, abandoned);
    deferred->sources--;
    m_free_if_over(deferred);
}

/* A chain link that goes unrun lets go of its target. Those that are abandoned by that come one
 * after the other, not one inside the other. */
static void m_drop_chain(struct m_deferred *target)
{
    static struct m_deferred *first, **end = &first;
    static bool active;
    if (!target->called)
        target->chained_to = NULL;
    if (target->called || target->sources > 1) {
        m_source_unref(target);
        return;
    }
    *end = target;
    end = &target->next;
    if (active)
        return;
    active = true;
    while ((target = first)) {
        first = target->next;
        if (!first)
            end = &first;
        target->next = NULL;
        m_source_unref(target);
    }
    active = false;
}

static struct m_item *m_take_item(struct m_deferred *deferred)
{
    struct m_item *item = deferred->first;
    deferred->first = item->next;
    if (!deferred->first)
        deferred->end = &deferred->first;
    return item;
}

static void m_dispose(struct m_deferred *deferred)
{
    deferred->disposed = true;
    deferred->sources++;
    while (deferred->first) {
        struct m_item *item = m_take_item(deferred);
        if (item->step)
            note(&m_events, 'D', item->step->id, 0);
        if (item->chain)
            m_drop_chain(item->chain);
        if (item->list)
            m_list_unref(item->list);
        if (item->limit)
            m_drop_limit(item->limit);
        free(item);
    }
    if (deferred->result.kind == FAILED)
        note(&m_events, 'R', deferred->result.number, 0);
    m_set(&deferred->result, NUMBER, 0);
    m_source_unref(deferred);
}

static void m_unref(struct m_deferred *deferred)
{
    if (--deferred->refs == 0 && deferred->called && !deferred->disposed)
        m_dispose(deferred);
}

static struct m_item *m_append(struct m_deferred *deferred)
{
    struct m_item *item = (struct m_item *)calloc(1, sizeof *item);
    *deferred->end = item;
    deferred->end = &item->next;
    return item;
}

/* --- running ---------------------------------------------------------------------------------- */

static bool m_may_run(const struct m_deferred *deferred)
{
    return deferred->called && !deferred->running && !deferred->pauses && !deferred->waits_for;
}

static void m_run_step(struct m_deferred *deferred, struct step *step)
{
    struct m_result *result = &deferred->result;
    bool failed = result->kind == FAILED;
    if (failed ? step->on_failure : step->on_value) {
        struct m_slot *slot = &m_slots[step->slot];
        note(&m_events, 'L', step->id, m_number(result));
        if (step->has_operation)
            note(&m_events, 'X', (int)step->operation.verb, m_perform(&step->operation));
        if (step->leave == LEAVE_VALUE)
            m_set(result, NUMBER, step->number);
        if (step->leave == LEAVE_FAILURE)
            m_set(result, FAILED, step->number);
        if (step->leave == LEAVE_NULL)
            m_set(result, NUMBER, 0);
        if (step->leave == LEAVE_DEFERRED && slot->handles &&
            may_wait(step->owner, slot->deferred->rank)) {
            m_set(result, DEFERRED, 0);
            result->deferred = slot->deferred;
            slot->deferred->refs++;
        }
    }
    note(&m_events, 'D', step->id, 0);
}

/* A callback has left a Deferred. */
static void m_follow(struct m_deferred *outer)
{
    struct m_deferred *inner = outer->result.deferred, *next = inner;
    m_set(&outer->result, NUMBER, 0);
    while (next && next != outer)
        next = next->called ? next->waits_for : next->chained_to;
    if (next == outer) {
        m_set(&outer->result, FAILED, EDEADLK);
        m_unref(inner);
    } else if (m_may_run(inner)) {
        outer->result = m_take(&inner->result);
        m_unref(inner);
    } else {
        outer->waits_for = inner;
        outer->refs++;
        m_append(inner)->waiter = outer;
    }
}

static void m_run(struct m_deferred *deferred);

/* What deferred has reached goes to the one that waits here. */
static void m_resume(struct m_deferred *deferred, struct m_deferred *waiter)
{
    waiter->waits_for = NULL;
    waiter->result = m_take(&deferred->result);
    m_run(waiter);
    m_unref(waiter);
    m_unref(deferred);
}

static void m_run_chain(struct m_deferred *deferred, struct m_deferred *target)
{
    if (!target->called || target->swallows) {
        m_fire(target, m_take(&deferred->result));
    } else {
        m_set(&deferred->result, FAILED, EALREADY);
    }
    m_source_unref(target);
}

static void m_run(struct m_deferred *deferred)
{
    if (!m_may_run(deferred))
        return;
    deferred->running = true;
    deferred->refs++;
    while (deferred->first && !deferred->waits_for) {
        struct m_item *item = m_take_item(deferred);
        if (item->waiter) {
            m_resume(deferred, item->waiter);
        } else if (item->chain) {
            m_run_chain(deferred, item->chain);
        } else if (item->list) {
            m_child_has_come(item->list, item->index, &deferred->result);
            m_list_unref(item->list);
        } else if (item->limit) {
            m_limit_passed(item->limit, &deferred->result);
            m_drop_limit(item->limit);
        } else {
            m_run_step(deferred, item->step);
            if (deferred->result.kind == DEFERRED)
                m_follow(deferred);
        }
        free(item);
    }
    deferred->running = false;
    m_unref(deferred);
}

static void m_drop_canceller(struct m_deferred *deferred)
{
    if (deferred->list)
        m_list_unref(deferred->list);
    else
        note(&m_events, 'K', deferred->id, 0);
}

static int m_fire(struct m_deferred *deferred, struct m_result result)
{
    if (deferred->called) {
        bool swallows = deferred->swallows;
        deferred->swallows = false;
        m_set(&result, NUMBER, 0);
        return swallows ? 0 : -EALREADY;
    }
    deferred->called = true;
    deferred->chained_to = NULL;
    deferred->refs++;
    if (!deferred->cancelling)
        m_drop_canceller(deferred);
    deferred->result = result;
    m_run(deferred);
    m_unref(deferred);
    return 0;
}

/* --- operations ------------------------------------------------------------------------------- */

/* What its canceller answers; it may fire it. */
static int m_call_canceller(struct m_deferred *deferred)
{
    struct m_result result = {FAILED, deferred->number, NULL, NULL};
    if (deferred->list) {
        m_cancel_children(deferred->list);
        return -EINPROGRESS;
    }
    note(&m_events, 'C', deferred->id, 0);
    if (deferred->canceller == FIRES_VALUE)
        result.kind = NUMBER;
    if (deferred->canceller == FIRES_VALUE || deferred->canceller == FIRES_FAILURE)
        m_fire(deferred, result);
    return deferred->canceller == REFUSES ? -EBUSY : 0;
}

static int m_cancel_innermost(struct m_deferred *deferred)
{
    struct m_result cancelled = {FAILED, ECANCELED, NULL, NULL};
    int rc = 0;
    if (deferred->list || deferred->canceller != NO_CANCELLER) {
        deferred->cancelling = true;
        rc = m_call_canceller(deferred);
        deferred->cancelling = false;
        if (deferred->called) {
            m_drop_canceller(deferred);
            return 0;
        }
        if (!deferred->sources)
            rc = 0;
    } else {
        deferred->swallows = true;
    }
    if (rc == 0)
        m_fire(deferred, cancelled);
    return rc;
}

static int m_cancel(struct m_deferred *deferred)
{
    int rc;
    while (deferred->waits_for)
        deferred = deferred->waits_for;
    if (deferred->called)
        return 0;
    if (deferred->cancelling) {
        note(&m_events, 'M', 0, 0);
        return -EDEADLK;
    }
    deferred->refs++;
    rc = m_cancel_innermost(deferred);
    m_unref(deferred);
    return rc;
}

static void m_make(struct m_slot *slot, const struct operation *operation)
{
    struct m_deferred *deferred = (struct m_deferred *)calloc(1, sizeof *deferred);
    deferred->id = operation->id;
    deferred->rank = RANKS * operation->id;
    deferred->refs = deferred->sources = slot->handles = slot->sources = 1;
    deferred->end = &deferred->first;
    deferred->canceller = operation->canceller;
    deferred->number = operation->number;
    slot->deferred = deferred;
    m_alive++;
}

static int m_fire_slot(struct m_slot *slot, const struct operation *operation)
{
    struct m_result result = {NUMBER, operation->number, NULL, NULL};
    if (operation->verb == FIRE_FAILURE)
        result.kind = FAILED;
    return slot->sources ? m_fire(slot->deferred, result) : 1;
}

static int m_add(struct m_deferred *deferred, struct step *step)
{
    step->owner = deferred->rank;
    m_append(deferred)->step = step;
    m_run(deferred);
    return 0;
}

static int m_pause(struct m_deferred *deferred, int by)
{
    if (by < 0 && !deferred->pauses)
        return 1;
    deferred->pauses += by;
    if (by < 0)
        m_run(deferred);
    return 0;
}

static int m_chain(struct m_slot *from, struct m_slot *to)
{
    if (cycles_allowed || !to->sources || !may_wait(to->deferred->rank, from->deferred->rank))
        return 1;
    to->sources--;
    if (!to->deferred->called)
        to->deferred->chained_to = from->deferred;
    m_append(from->deferred)->chain = to->deferred;
    m_run(from->deferred);
    return 0;
}

#include "random_lists.h"

/* What the operation answers; 1 if it could not be done. */
static int m_perform(const struct operation *operation)
{
    struct m_slot *slot = &m_slots[operation->slot];
    if (operation->verb == FIRE || operation->verb == FIRE_FAILURE)
        return m_fire_slot(slot, operation);
    if (operation->verb == LIST)
        return m_make_list(slot, operation);
    if (operation->verb == ADVANCE)
        return m_advance(operation->number);
    if (operation->verb == MAKE) {
        if (slot->handles || slot->sources || slot->in_making)
            return 1;
        m_make(slot, operation);
    } else if (operation->verb == SOURCE_UNREF) {
        if (!slot->sources)
            return 1;
        slot->sources--;
        m_source_unref(slot->deferred);
    } else if (!slot->handles) {
        return 1;
    } else if (operation->verb == ADD) {
        return m_add(slot->deferred, operation->step);
    } else if (operation->verb == TIMEOUT) {
        return m_add_limit(slot->deferred, operation);
    } else if (operation->verb == CANCEL) {
        return m_cancel(slot->deferred);
    } else if (operation->verb == PAUSE || operation->verb == UNPAUSE) {
        return m_pause(slot->deferred, operation->verb == PAUSE ? 1 : -1);
    } else if (operation->verb == CHAIN) {
        return m_chain(slot, &m_slots[operation->other]);
    } else if (operation->verb == REF) {
        slot->handles++;
        slot->deferred->refs++;
    } else if (operation->verb == UNREF) {
        if (slot->handles == 1 && slot->deferred->pauses && !operation->even_if_paused)
            return 1;
        slot->handles--;
        m_unref(slot->deferred);
    }
    return 0;
}

#endif
