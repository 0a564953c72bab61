/*
 * Deferreds against a model: operations at random, from outside and from inside callbacks, are
 * performed by both; each must tell the same story, event by event.
 *
 * TWINE_SEED=… replays a run.
 */
#include "random_model.h"
#include <limits.h>
#include <twine/deferred/deferred_internal.h>

SUITE("deferreds against a model")

struct r_slot {
    struct tw_deferred *deferred;
    struct tw_source *source;
    int rank, handles, sources;
    bool in_making;
};

/* What a canceller needs to know. */
struct r_canceller {
    int id, number;
    enum canceller kind;
};

static struct r_slot r_slots[SLOTS];
static struct events r_events;
static struct r_canceller r_cancellers[MAX_STEPS];
static struct tw_reactor *r_reactor;

static int r_perform(const struct operation *operation);

/* --- the library's side ----------------------------------------------------------------------- */

static void value_gone(void *value)
{
    note(&r_events, 'V', (int)(intptr_t)value, 0);
}

static void step_gone(void *step)
{
    note(&r_events, 'D', ((struct step *)step)->id, 0);
}

static void canceller_gone(void *canceller)
{
    note(&r_events, 'K', ((struct r_canceller *)canceller)->id, 0);
}

static void keep_report(enum tw_report_level level, const char *text, struct tw_failure *failure,
                        void *arg)
{
    static const char letters[] = {
        [TW_REPORT_WARNING] = 'W', [TW_REPORT_UNHANDLED] = 'R', [TW_REPORT_MISUSE] = 'M'};
    (void)text;
    (void)arg;
    note(&r_events, letters[level], tw_failure_code(failure), 0);
}

static void *to_value(int number)
{
    return (void *)(intptr_t)number;
}

/* A value is a small number, or a list's outcomes. */
static int result_number(struct tw_result *result)
{
    void *value = tw_result_value(result);
    struct tw_outcomes *outcomes = (struct tw_outcomes *)value;
    int come = 0;
    size_t i;
    if (tw_result_is_failure(result))
        return -tw_failure_code(tw_result_failure(result));
    if ((uintptr_t)value <= INT_MAX)
        return (int)(intptr_t)value;
    for (i = 0; i < tw_outcomes_count(outcomes); i++)
        come += tw_outcomes_has(outcomes, i);
    return outcomes_number((int)i, (int)tw_outcomes_winner(outcomes), come);
}

static int fire_number(struct tw_source *source, bool fails, int number)
{
    struct tw_result result = TW_RESULT_INIT;
    if (fails)
        tw_result_failf(&result, &TW_ERROR, number, "%d", number);
    else
        tw_result_set(&result, to_value(number), number ? value_gone : NULL);
    return tw_source_fire(source, &result);
}

static int cancel_it(struct tw_source *source, void *arg)
{
    struct r_canceller *canceller = (struct r_canceller *)arg;
    note(&r_events, 'C', canceller->id, 0);
    if (canceller->kind == FIRES_VALUE || canceller->kind == FIRES_FAILURE)
        fire_number(source, canceller->kind == FIRES_FAILURE, canceller->number);
    return canceller->kind == REFUSES ? -EBUSY : 0;
}

static void run_step(struct tw_result *result, void *arg)
{
    struct step *step = (struct step *)arg;
    struct r_slot *slot = &r_slots[step->slot];
    note(&r_events, 'L', step->id, result_number(result));
    if (step->has_operation)
        note(&r_events, 'X', (int)step->operation.verb, r_perform(&step->operation));
    if (step->leave == LEAVE_VALUE)
        tw_result_set(result, to_value(step->number), step->number ? value_gone : NULL);
    if (step->leave == LEAVE_FAILURE)
        tw_result_failf(result, &TW_ERROR, step->number, "%d", step->number);
    if (step->leave == LEAVE_NULL)
        tw_result_set(result, NULL, NULL);
    if (step->leave == LEAVE_DEFERRED && slot->handles && may_wait(step->owner, slot->rank))
        tw_result_set_deferred(result, tw_deferred_ref(slot->deferred));
}

static int r_make(struct r_slot *slot, const struct operation *operation)
{
    struct r_canceller *canceller = &r_cancellers[operation->id % MAX_STEPS];
    if (slot->handles || slot->sources || slot->in_making)
        return 1;
    canceller->id = operation->id;
    slot->rank = RANKS * operation->id;
    canceller->kind = operation->canceller;
    canceller->number = operation->number;
    slot->handles = slot->sources = 1;
    return tw_deferred_new(operation->canceller == NO_CANCELLER ? NULL : cancel_it, canceller,
                           canceller_gone, &slot->source, &slot->deferred);
}

static int r_add(struct r_slot *slot, struct step *step)
{
    step->owner = slot->rank;
    return tw_deferred_add_callbacks(slot->deferred, step->on_value ? run_step : NULL,
                                     step->on_failure ? run_step : NULL, step, step_gone);
}

static int r_chain(struct r_slot *from, struct r_slot *to)
{
    if (cycles_allowed || !to->sources || !may_wait(to->rank, from->rank))
        return 1;
    to->sources--;
    return tw_deferred_chain(from->deferred, to->source);
}

static int r_make_list(struct r_slot *slot, const struct operation *operation)
{
    struct tw_deferred *children[CHILDREN];
    size_t count = 0;
    int i, rc;
    if (cycles_allowed || slot->handles || slot->sources || slot->in_making)
        return 1;
    slot->rank = RANKS * operation->id;
    for (i = 0; i < CHILDREN; i++) {
        struct r_slot *child = &r_slots[operation->children[i]];
        if (!child->handles)
            continue;
        children[count++] = child->deferred;
        if (slot->rank > child->rank - 1)
            slot->rank = child->rank - 1;
    }
    slot->in_making = true;
    rc = operation->flags == RACE
             ? tw_deferred_race(children, count, &slot->deferred)
             : tw_deferred_list_new(children, count, operation->flags, &slot->deferred);
    slot->in_making = false;
    slot->handles = 1;
    return rc;
}

static void on_timeout(struct tw_result *result, void *id)
{
    note(&r_events, 'O', (int)(intptr_t)id, result_number(result));
}

static void limit_gone(void *id)
{
    note(&r_events, 'T', (int)(intptr_t)id, 0);
}

static int r_add_limit(struct tw_deferred *deferred, const struct operation *operation)
{
    return tw_deferred_add_timeout(deferred, r_reactor, 1 + operation->other,
                                   operation->custom ? on_timeout : NULL,
                                   (void *)(intptr_t)operation->id, limit_gone);
}

static int r_source_unref(struct r_slot *slot)
{
    if (!slot->sources)
        return 1;
    slot->sources--;
    tw_source_unref(slot->source);
    return 0;
}

static int r_perform_on_handle(struct r_slot *slot, const struct operation *operation)
{
    switch (operation->verb) {
    case ADD:
        return r_add(slot, operation->step);
    case TIMEOUT:
        return r_add_limit(slot->deferred, operation);
    case CANCEL:
        return tw_deferred_cancel(slot->deferred);
    case PAUSE:
        return tw_deferred_pause(slot->deferred);
    case UNPAUSE:
        return tw_deferred_pauses(slot->deferred) ? tw_deferred_unpause(slot->deferred) : 1;
    case CHAIN:
        return r_chain(slot, &r_slots[operation->other]);
    case REF:
        slot->handles++;
        tw_deferred_ref(slot->deferred);
        return 0;
    default:
        if (slot->handles == 1 && tw_deferred_pauses(slot->deferred) && !operation->even_if_paused)
            return 1;
        slot->handles--;
        tw_deferred_unref(slot->deferred);
        return 0;
    }
}

static int r_perform(const struct operation *operation)
{
    struct r_slot *slot = &r_slots[operation->slot];
    if (operation->verb == MAKE)
        return r_make(slot, operation);
    if (operation->verb == LIST)
        return r_make_list(slot, operation);
    if (operation->verb == ADVANCE)
        return tw_test_clock_reactor_advance(r_reactor, operation->number);
    if (operation->verb == SOURCE_UNREF)
        return r_source_unref(slot);
    if (operation->verb == FIRE || operation->verb == FIRE_FAILURE)
        return slot->sources
                   ? fire_number(slot->source, operation->verb == FIRE_FAILURE, operation->number)
                   : 1;
    return slot->handles ? r_perform_on_handle(slot, operation) : 1;
}

/* --- scripts ---------------------------------------------------------------------------------- */

static uint64_t random_state;
static struct step steps[MAX_STEPS];
static int step_count, next_id, next_number;

static int pick(int below)
{
    return (int)(harness_random(&random_state) % (uint64_t)below);
}

/* How often each verb is chosen, of 100: without chains and lists, and with many. */
static const int weights[2][VERBS] = {
    {[MAKE] = 14,
     [ADD] = 24,
     [FIRE] = 11,
     [FIRE_FAILURE] = 6,
     [CANCEL] = 8,
     [PAUSE] = 5,
     [UNPAUSE] = 8,
     [REF] = 3,
     [UNREF] = 8,
     [SOURCE_UNREF] = 4,
     [TIMEOUT] = 6,
     [ADVANCE] = 3},
    {[MAKE] = 19,
     [ADD] = 17,
     [FIRE] = 7,
     [FIRE_FAILURE] = 4,
     [CANCEL] = 6,
     [PAUSE] = 5,
     [UNPAUSE] = 3,
     [CHAIN] = 10,
     [REF] = 1,
     [UNREF] = 10,
     [SOURCE_UNREF] = 3,
     [LIST] = 10,
     [TIMEOUT] = 3,
     [ADVANCE] = 2},
};

static struct operation random_operation(int depth);

static struct step *random_step(int depth)
{
    struct step *step = &steps[step_count++];
    int sides = pick(6);
    memset(step, 0, sizeof *step);
    step->id = step_count;
    step->on_value = sides != 0;
    step->on_failure = sides != 1;
    step->leave = (enum leave)pick(LEAVE_KINDS);
    step->number = ++next_number;
    step->slot = pick(SLOTS);
    if (depth < 3 && pick(3) == 0) {
        step->has_operation = true;
        step->operation = random_operation(depth + 1);
    }
    return step;
}

static struct operation random_operation(int depth)
{
    struct operation operation;
    int verb = 0, dice = pick(100), i;
    memset(&operation, 0, sizeof operation);
    while (dice >= weights[!cycles_allowed][verb])
        dice -= weights[!cycles_allowed][verb++];
    operation.verb = verb == ADVANCE && depth ? CANCEL : (enum verb)verb; /* time passes outside */
    operation.slot = pick(SLOTS);
    operation.other = pick(SLOTS);
    operation.number = pick(8) ? ++next_number : 0;
    if (operation.verb == FIRE_FAILURE && !operation.number)
        operation.number = 1;
    operation.canceller = (enum canceller)pick(CANCELLERS);
    operation.id = ++next_id;
    for (i = 0; i < CHILDREN; i++)
        operation.children[i] = pick(SLOTS);
    operation.flags = (unsigned)pick(RACE + 4);
    if (operation.flags > RACE)
        operation.flags = RACE;
    operation.custom = pick(2);
    if (operation.verb == ADVANCE)
        operation.number = pick(6);
    if (operation.verb == ADD)
        operation.step = random_step(depth);
    return operation;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void print_events(const char *who, const struct events *events)
{
    int i;
    printf("\n    %s:", who);
    for (i = 0; i < events->count; i++)
        printf(" %c%d,%d", events->list[i].what, events->list[i].id, events->list[i].detail);
}

static bool same_events(void)
{
    return m_events.count == r_events.count && m_events.count < MAX_EVENTS &&
           memcmp(m_events.list, r_events.list, (size_t)m_events.count * sizeof *m_events.list) ==
               0;
}

static bool same_slot(const struct m_slot *model, const struct r_slot *real)
{
    const struct m_deferred *waits_for;
    if (model->handles != real->handles || model->sources != real->sources)
        return false;
    if (!model->handles)
        return true;
    waits_for = model->deferred->called ? model->deferred->waits_for : model->deferred->chained_to;
    return model->deferred->called == tw_deferred_is_called(real->deferred) &&
           model->deferred->pauses == (int)tw_deferred_pauses(real->deferred) &&
           !waits_for == !tw_deferred_waits_for(real->deferred);
}

/* Performs the operation on both sides; whether they agree. */
static bool agree(const struct operation *operation)
{
    bool same;
    int i;
    m_events.count = r_events.count = 0;
    note(&m_events, 'X', (int)operation->verb, m_perform(operation));
    note(&r_events, 'X', (int)operation->verb, r_perform(operation));
    same = same_events();
    for (i = 0; i < SLOTS; i++)
        same = same && same_slot(&m_slots[i], &r_slots[i]);
    if (!same) {
        printf("\n    verb %d on slot %d:", operation->verb, operation->slot);
        print_events("model", &m_events);
        print_events("twine", &r_events);
    }
    return same;
}

static bool anything_left(void)
{
    int i;
    for (i = 0; i < SLOTS; i++)
        if (m_slots[i].handles || m_slots[i].sources)
            return true;
    return false;
}

/* Who pauses a Deferred that another or a list waits for, and lets go of it, makes that wait for ever: such
 * a handle is kept. Others that are paused may go. */
static bool has_waiter(const struct m_deferred *deferred)
{
    const struct m_item *item;
    for (item = deferred->first; item; item = item->next)
        if (item->waiter || item->list)
            return true;
    return false;
}

static bool agree_at_random(void)
{
    struct operation operation = random_operation(0);
    const struct m_slot *slot = &m_slots[operation.slot];
    operation.even_if_paused = slot->handles && !has_waiter(slot->deferred);
    return agree(&operation);
}

/* Everything is unpaused and let go of, sources first in one script and handles first in another;
 * again and again, since callbacks that run then may make new ones. */
static bool agree_on_the_end(void)
{
    static const enum verb orders[2][3] = {{UNPAUSE, UNREF, SOURCE_UNREF},
                                           {UNPAUSE, SOURCE_UNREF, UNREF}};
    struct operation operation;
    int i, round;
    bool same = true;
    memset(&operation, 0, sizeof operation);
    for (round = 0; same && anything_left(); round++) {
        operation.verb = orders[step_count % 2][round % 3];
        for (i = 0; same && i < SLOTS; i++) {
            operation.slot = i;
            same = agree(&operation);
        }
    }
    return same;
}

static bool script(int length)
{
    bool same = true;
    int i;
    memset(m_slots, 0, sizeof m_slots);
    memset(r_slots, 0, sizeof r_slots);
    step_count = next_id = 0;
    next_number = 1000; /* beyond the codes of the library's failures */
    cycles_allowed = pick(2);
    tw__deferred_keep_spares(pick(2) ? 8 : 0); /* with memory used again, and without */
    for (i = 0; same && i < length && step_count < MAX_STEPS - 8; i++)
        same = agree_at_random();
    same = same && agree_on_the_end();
    CU_ASSERT_TRUE(same);
    CU_ASSERT_EQUAL(m_alive, 0);
    CU_ASSERT_PTR_NULL(m_limits);
    return same && m_alive == 0 && !m_limits;
}

/* All of DEF-010 to DEF-119, CAN-001 to CAN-022, TMO, DLS and RAC, in whatever mixture comes up. A
 * cancel that comes from inside a list's own is misuse, and answered. */
TEST(deferreds_do_as_the_model_says)
{
    long operations = 0, limit = harness_long() ? 3000000 : 300000;
    uint64_t seed = harness_seed();
    unsetenv("TWINE_ABORT_ON_MISUSE");
    tw_report_set_handler(keep_report, NULL);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&r_reactor), 0);
    random_state = seed;
    while (operations < limit) {
        int length = 20 + pick(400);
        if (!script(length)) {
            printf("\n    after %ld operations\n", operations);
            break;
        }
        operations += length;
    }
    r_reactor = tw_reactor_unref(r_reactor);
    tw__deferred_keep_spares(0);
    setenv("TWINE_ABORT_ON_MISUSE", "1", 1);
}
