/*
 * Deferreds against a model: operations at random, from outside and from inside callbacks, are
 * performed by both; each must tell the same story, event by event.
 *
 * TWINE_SEED=… replays a run.
 */
#include "random_model.h"

SUITE("deferreds against a model")

struct r_slot {
    struct tw_deferred *deferred;
    struct tw_source *source;
    int id, handles, sources;
};

/* What a canceller needs to know. */
struct r_canceller {
    int id, number;
    enum canceller kind;
};

static struct r_slot r_slots[SLOTS];
static struct events r_events;
static struct r_canceller r_cancellers[MAX_STEPS];

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
    (void)text;
    (void)arg;
    note(&r_events, level == TW_REPORT_UNHANDLED ? 'R' : '?', tw_failure_code(failure), 0);
}

static void *to_value(int number)
{
    return (void *)(intptr_t)number;
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
    if (tw_result_is_failure(result))
        note(&r_events, 'L', step->id, -tw_failure_code(tw_result_failure(result)));
    else
        note(&r_events, 'L', step->id, (int)(intptr_t)tw_result_value(result));
    if (step->has_operation)
        note(&r_events, 'X', (int)step->operation.verb, r_perform(&step->operation));
    if (step->leave == LEAVE_VALUE)
        tw_result_set(result, to_value(step->number), step->number ? value_gone : NULL);
    if (step->leave == LEAVE_FAILURE)
        tw_result_failf(result, &TW_ERROR, step->number, "%d", step->number);
    if (step->leave == LEAVE_NULL)
        tw_result_set(result, NULL, NULL);
    if (step->leave == LEAVE_DEFERRED && slot->handles && may_wait(step->owner, slot->id))
        tw_result_set_deferred(result, tw_deferred_ref(slot->deferred));
}

static int r_make(struct r_slot *slot, const struct operation *operation)
{
    struct r_canceller *canceller = &r_cancellers[operation->id % MAX_STEPS];
    if (slot->handles || slot->sources)
        return 1;
    canceller->id = slot->id = operation->id;
    canceller->kind = operation->canceller;
    canceller->number = operation->number;
    slot->handles = slot->sources = 1;
    return tw_deferred_new(operation->canceller == NO_CANCELLER ? NULL : cancel_it, canceller,
                           canceller_gone, &slot->source, &slot->deferred);
}

static int r_add(struct r_slot *slot, struct step *step)
{
    step->owner = slot->id;
    return tw_deferred_add_callbacks(slot->deferred, step->on_value ? run_step : NULL,
                                     step->on_failure ? run_step : NULL, step, step_gone);
}

static int r_chain(struct r_slot *from, struct r_slot *to)
{
    if (cycles_allowed || !to->sources || !may_wait(to->id, from->id))
        return 1;
    to->sources--;
    return tw_deferred_chain(from->deferred, to->source);
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

/* How often each verb is chosen, of 100: without explicit chains, and with many. */
static const int weights[2][VERBS] = {
    {[MAKE] = 15,
     [ADD] = 28,
     [FIRE] = 12,
     [FIRE_FAILURE] = 6,
     [CANCEL] = 9,
     [PAUSE] = 5,
     [UNPAUSE] = 8,
     [REF] = 4,
     [UNREF] = 9,
     [SOURCE_UNREF] = 4},
    {[MAKE] = 20,
     [ADD] = 20,
     [FIRE] = 6,
     [FIRE_FAILURE] = 3,
     [CANCEL] = 5,
     [PAUSE] = 9,
     [UNPAUSE] = 3,
     [CHAIN] = 19,
     [REF] = 1,
     [UNREF] = 11,
     [SOURCE_UNREF] = 3},
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
    int verb = 0, dice = pick(100);
    memset(&operation, 0, sizeof operation);
    while (dice >= weights[!cycles_allowed][verb])
        dice -= weights[!cycles_allowed][verb++];
    operation.verb = (enum verb)verb;
    operation.slot = pick(SLOTS);
    operation.other = pick(SLOTS);
    operation.number = pick(8) ? ++next_number : 0;
    if (operation.verb == FIRE_FAILURE && !operation.number)
        operation.number = 1;
    operation.canceller = (enum canceller)pick(CANCELLERS);
    operation.id = ++next_id;
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

/* Who pauses a Deferred that another waits for, and lets go of it, makes that wait for ever: such
 * a handle is kept. Others that are paused may go. */
static bool has_waiter(const struct m_deferred *deferred)
{
    const struct m_item *item;
    for (item = deferred->first; item; item = item->next)
        if (item->waiter)
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
    step_count = next_number = next_id = 0;
    cycles_allowed = pick(2);
    for (i = 0; same && i < length && step_count < MAX_STEPS - 8; i++)
        same = agree_at_random();
    same = same && agree_on_the_end();
    CU_ASSERT_TRUE(same);
    CU_ASSERT_EQUAL(m_alive, 0);
    return same && m_alive == 0;
}

/* All of DEF-010 to DEF-119 and CAN-001 to CAN-022, in whatever mixture comes up. */
TEST(deferreds_do_as_the_model_says)
{
    long operations = 0, limit = harness_long() ? 1000000 : 100000;
    uint64_t seed = harness_seed();
    tw_report_set_handler(keep_report, NULL);
    random_state = seed;
    while (operations < limit) {
        int length = 20 + pick(400);
        if (!script(length)) {
            printf("\n    after %ld operations\n", operations);
            break;
        }
        operations += length;
    }
}
