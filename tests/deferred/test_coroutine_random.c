/*
 * Coroutines against a simple model. Random ones are spawned, by the test and by each other; they
 * wait for Deferreds and for each other, fire and cancel; the test does so too, pauses, lets go of
 * sources, and in the end lets the reactor go. What happens, and in what order, is written down by
 * the coroutines and by the model.
 *
 * The seed is printed, and taken back from TWINE_SEED.
 */
#include "coroutine_model.h"

SUITE("coroutine_random")

/* --- what is real ----------------------------------------------------------------------------- */

struct r_life {
    int id;
    struct tw_deferred *outcome; /* while it is alive, NULL before it is known */
};

static struct tw_source *r_sources[SLOTS];
static struct tw_deferred *r_slots[SLOTS];
static struct r_life r_lives[MOST_LIVES];
static struct tw_reactor *reactor;
static int r_count;
static bool r_stopped;

static int r_number(const struct tw_result *result)
{
    return tw_result_is_failure(result) ? -tw_failure_code(tw_result_failure(result))
                                        : (int)(intptr_t)tw_result_value(result);
}

static void r_fire(int index, int number)
{
    if (r_sources[index])
        tw_source_callback(r_sources[index], (void *)(intptr_t)number, NULL);
}

static void r_body(struct tw_result *result, void *arg);

static void r_destroy(void *arg)
{
    note(&r_events, 'D', ((struct r_life *)arg)->id, 0);
}

static int r_spawn(void)
{
    struct r_life *life = &r_lives[r_count];
    int id = r_count++;
    life->id = id;
    life->outcome = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_spawn(reactor, r_body, life, r_destroy, NULL, &life->outcome), 0);
    return id;
}

static void r_cancel(int id)
{
    note(&r_events, 'C', id, tw_deferred_cancel(r_lives[id].outcome));
}

static void r_wait(int id, struct tw_deferred *deferred, struct tw_result *seen)
{
    int rc = tw_await(deferred, seen);
    CU_ASSERT(rc == 0 || rc == r_number(seen));
    note(&r_events, 'W', id, r_number(seen));
}

static void r_body(struct tw_result *result, void *arg)
{
    int id = ((struct r_life *)arg)->id, child = -1, i;
    struct tw_result seen = TW_RESULT_INIT;
    note(&r_events, 'S', id, 0);
    for (i = 0; i < scripts[id].count; i++) {
        struct step step = scripts[id].steps[i];
        if (step.verb == WAIT_SLOT)
            r_wait(id, r_slots[step.arg % SLOTS], &seen);
        if (step.verb == WAIT_CHILD && child >= 0)
            r_wait(id, r_lives[child].outcome, &seen);
        if (step.verb == SPAWN && !r_stopped && r_count < MOST_LIVES)
            child = r_spawn();
        if (step.verb == FIRE)
            r_fire(step.arg % SLOTS, step.arg + 1);
        if (step.verb == CANCEL_SLOT)
            tw_deferred_cancel(r_slots[step.arg % SLOTS]);
        if (step.verb == CANCEL_LIFE)
            r_cancel(step.arg % r_count);
    }
    note(&r_events, 'E', id, 0);
    if (scripts[id].passes_on && tw_result_is_failure(&seen))
        tw_result_move(&seen, result);
    else
        tw_result_set(result, (void *)(intptr_t)(1000 + id), NULL);
    tw_result_done(&seen);
}

/* --- both, side by side ----------------------------------------------------------------------- */

static void make_slot(int index)
{
    memset(&m_slots[index], 0, sizeof m_slots[index]);
    m_slots[index].has_source = true;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(NULL, NULL, NULL, &r_sources[index], &r_slots[index]), 0);
}

static void handle(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set(result, NULL, NULL);
}

static void drop_slot(int index)
{
    tw_deferred_add_both(r_slots[index], handle, NULL, NULL);
    r_sources[index] = tw_source_unref(r_sources[index]);
    r_slots[index] = tw_deferred_unref(r_slots[index]);
}

static void abandon(int index)
{
    struct tw_source *source = r_sources[index];
    bool has_source = m_slots[index].has_source;
    r_sources[index] = NULL;
    m_slots[index].has_source = false;
    tw_source_unref(source);
    if (!m_slots[index].fired)
        m_fire(index, -EPIPE, has_source);
}

static void pause_or_not(int index, bool pause)
{
    if (pause) {
        tw_deferred_pause(r_slots[index]);
        m_slots[index].pauses++;
    } else if (m_slots[index].pauses) {
        tw_deferred_unpause(r_slots[index]);
        m_slots[index].pauses--;
        m_run_slot(&m_slots[index]);
    }
}

static void renew(int index)
{
    struct m_slot *slot = &m_slots[index];
    if (!slot->fired || slot->pauses || slot->first < slot->end)
        return;
    drop_slot(index);
    make_slot(index);
}

static void operate(uint64_t *random)
{
    int index = (int)(harness_random(random) % SLOTS);
    int number = (int)(harness_random(random) % 1000) + 1;
    switch (harness_random(random) % 10) {
    case 0:
    case 1:
        if (r_count < MOST_LIVES) {
            r_spawn();
            m_spawn();
        }
        break;
    case 2:
    case 3:
        r_fire(index, number);
        m_fire(index, number, m_slots[index].has_source);
        break;
    case 4:
        tw_deferred_cancel(r_slots[index]);
        m_cancel_slot(index);
        break;
    case 5:
        pause_or_not(index, number % 3 == 0);
        break;
    case 6:
        if (m_count > 0) {
            index = number % m_count; /* before others are spawned in there */
            r_cancel(index);
            m_cancel(index);
        }
        break;
    case 7:
        abandon(index);
        break;
    default:
        renew(index);
        break;
    }
}

static bool same(void)
{
    return r_count == m_count && r_events.count == m_events.count &&
           memcmp(r_events.list, m_events.list, (size_t)r_events.count * sizeof(struct event)) == 0;
}

static void show_difference(uint64_t seed)
{
    int i = 0;
    while (i < r_events.count && i < m_events.count &&
           memcmp(&r_events.list[i], &m_events.list[i], sizeof(struct event)) == 0)
        i++;
    printf("\n    TWINE_SEED=%llu: event %d: %c %d %d, and by the model %c %d %d",
           (unsigned long long)seed, i, r_events.list[i].what, r_events.list[i].id,
           r_events.list[i].number, m_events.list[i].what, m_events.list[i].id,
           m_events.list[i].number);
}

static void begin_world(uint64_t *random)
{
    int i;
    memset(&r_events, 0, sizeof r_events);
    memset(&m_events, 0, sizeof m_events);
    r_count = m_count = m_ring_count = 0;
    r_stopped = m_stopped = false;
    draw_scripts(random);
    for (i = 0; i < SLOTS; i++)
        make_slot(i);
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
}

static void end_world(void)
{
    int i;
    r_stopped = true;
    reactor = tw_reactor_unref(reactor);
    m_stop();
    for (i = 0; i < SLOTS; i++) {
        while (m_slots[i].pauses)
            pause_or_not(i, false);
        drop_slot(i);
    }
    for (i = 0; i < r_count; i++) {
        CU_ASSERT_TRUE(tw_deferred_is_called(r_lives[i].outcome));
        tw_deferred_add_both(r_lives[i].outcome, handle, NULL, NULL);
        tw_deferred_unref(r_lives[i].outcome);
    }
}

/* Whatever the order, each coroutine sees what the model says, when it says so, and ends. */
TEST(coroutines_do_what_the_model_says)
{
    uint64_t seed = harness_seed(), random;
    long rounds = harness_long() ? 200000 : HARNESS_SANITIZED ? 1500 : 15000, round;
    int steps;
    for (round = 0; round < rounds; round++) {
        random = seed + (uint64_t)round;
        begin_world(&random);
        for (steps = (int)(harness_random(&random) % 120); steps > 0; steps--)
            operate(&random);
        end_world();
        if (!same()) {
            CU_FAIL("it differs from the model");
            show_difference(seed + (uint64_t)round);
            break;
        }
    }
}
