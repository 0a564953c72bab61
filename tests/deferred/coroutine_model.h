/*
 * A model of coroutines that wait for Deferreds (slots) and for each other. It switches no stacks:
 * to it a coroutine is a script, and a place in it.
 */
#ifndef TWINE_TESTS_DEFERRED_COROUTINE_MODEL_H
#define TWINE_TESTS_DEFERRED_COROUTINE_MODEL_H

#include "../harness.h"

#define SLOTS 6
#define MOST_LIVES 60
#define MOST_STEPS 6
#define MOST_EVENTS 4000

/* --- what happens ----------------------------------------------------------------------------- */

/* S: started; W: a wait gave number; C: a cancel answered it; E: ended; D: destroyed. No padding. */
struct event {
    int what, id, number;
};

struct events {
    struct event list[MOST_EVENTS];
    int count;
};

static struct events r_events, m_events; /* what is real, what the model says */

static void note(struct events *events, char what, int id, int number)
{
    struct event event = {what, id, number};
    if (events->count < MOST_EVENTS)
        events->list[events->count++] = event;
}

/* --- scripts ---------------------------------------------------------------------------------- */

enum verb { WAIT_SLOT, WAIT_CHILD, SPAWN, FIRE, CANCEL_SLOT, CANCEL_LIFE, VERBS };

struct step {
    enum verb verb;
    int arg;
};

struct script {
    struct step steps[MOST_STEPS];
    int count;
    bool passes_on; /* it leaves its last failure, if its last wait gave one */
};

static struct script scripts[MOST_LIVES];

static void draw_scripts(uint64_t *random)
{
    int i, k;
    for (i = 0; i < MOST_LIVES; i++) {
        scripts[i].count = (int)(harness_random(random) % (MOST_STEPS + 1));
        scripts[i].passes_on = harness_random(random) % 2;
        for (k = 0; k < scripts[i].count; k++) {
            unsigned verb = (unsigned)(harness_random(random) % (VERBS + 2));
            scripts[i].steps[k].verb = verb < VERBS ? (enum verb)verb : WAIT_SLOT;
            scripts[i].steps[k].arg = (int)(harness_random(random) % 1000);
        }
    }
}

/* --- the model -------------------------------------------------------------------------------- */

struct m_wait {
    int life, count; /* who waits, and its how manieth wait this is */
};

struct m_slot {
    struct m_wait waits[MOST_LIVES * MOST_STEPS];
    int first, end, pauses, number; /* number: above 0 a value, below a failure */
    bool fired, running, swallows, has_source;
};

struct m_life {
    int at, child, waits_count, slot, parent, parent_count, number;
    bool waiting, left, asked, ended;
    bool firing; /* it has ended, and who waits for it is told */
};

static struct m_slot m_slots[SLOTS];
static struct m_life m_lives[MOST_LIVES];
static struct m_wait m_ring[MOST_LIVES * MOST_STEPS]; /* those that left their stack, in order */
static int m_count, m_ring_count;
static bool m_stopped;

static void m_go_on(int id);

static void m_see(int id, int number)
{
    m_lives[id].number = number;
    note(&m_events, 'W', id, number);
}

/* A wait ends; if the life has left its stack it goes on here, else when it gets to it. */
static void m_give(int id, int number)
{
    struct m_life *life = &m_lives[id];
    life->waiting = false;
    life->number = number;
    if (!life->left)
        return;
    life->left = false;
    m_see(id, number);
    m_go_on(id);
}

static bool m_is_current(const struct m_wait *wait)
{
    return m_lives[wait->life].waiting && m_lives[wait->life].waits_count == wait->count;
}

static void m_run_slot(struct m_slot *slot)
{
    if (!slot->fired || slot->running || slot->pauses)
        return;
    slot->running = true;
    while (slot->first < slot->end) {
        struct m_wait wait = slot->waits[slot->first++];
        int number = slot->number;
        if (!m_is_current(&wait))
            continue;
        slot->number = 0;
        m_give(wait.life, number);
    }
    slot->running = false;
}

static void m_fire(int index, int number, bool has_source)
{
    struct m_slot *slot = &m_slots[index];
    if (!has_source)
        return;
    if (slot->fired) {
        slot->swallows = false;
        return;
    }
    slot->fired = true;
    slot->number = number;
    m_run_slot(slot);
}

static void m_cancel_slot(int index)
{
    if (m_slots[index].fired)
        return;
    m_slots[index].swallows = true;
    m_fire(index, -ECANCELED, true);
}

/* What it waits for, below all that wait for others. */
static void m_cancel_innermost(int id)
{
    while (m_lives[id].waiting && m_lives[id].slot < 0)
        id = m_lives[id].child;
    if (m_lives[id].waiting)
        m_cancel_slot(m_lives[id].slot);
    else if (!m_lives[id].ended)
        m_lives[id].asked = true;
}

static void m_cancel(int id)
{
    if (!m_lives[id].ended)
        m_cancel_innermost(id);
    note(&m_events, 'C', id, m_lives[id].ended ? 0 : -EINPROGRESS);
}

/* Returns whether it goes on at once. */
static bool m_wait_here(int id)
{
    struct m_life *life = &m_lives[id];
    if (life->asked) {
        life->asked = false;
        m_cancel_innermost(id);
    }
    if (!life->waiting) {
        m_see(id, life->number);
        return true;
    }
    life->left = true;
    m_ring[m_ring_count].life = id;
    m_ring[m_ring_count++].count = life->waits_count;
    return false;
}

static bool m_wait_slot(int id, int index)
{
    struct m_slot *slot = &m_slots[index];
    struct m_life *life = &m_lives[id];
    if (slot->fired && !slot->running && !slot->pauses) {
        int number = slot->number;
        slot->number = 0;
        m_see(id, number);
        return true;
    }
    if (m_stopped) {
        m_see(id, -ESHUTDOWN);
        return true;
    }
    life->waiting = true;
    life->slot = index;
    slot->waits[slot->end].life = id;
    slot->waits[slot->end++].count = ++life->waits_count;
    return m_wait_here(id);
}

/* The outcome of a child is waited for once; it is there, or it will give what it has then. */
static bool m_wait_child(int id)
{
    struct m_life *life = &m_lives[id], *child;
    if (life->child < 0)
        return true;
    child = &m_lives[life->child];
    if (child->ended && !child->firing) {
        int number = child->number;
        child->number = 0;
        m_see(id, number);
        return true;
    }
    if (m_stopped) {
        m_see(id, -ESHUTDOWN);
        return true;
    }
    life->waiting = true;
    life->slot = -1;
    child->parent = id;
    child->parent_count = ++life->waits_count;
    return m_wait_here(id);
}

static int m_spawn(void)
{
    int id = m_count++;
    memset(&m_lives[id], 0, sizeof m_lives[id]);
    m_lives[id].child = m_lives[id].parent = -1;
    note(&m_events, 'S', id, 0);
    m_go_on(id);
    return id;
}

static void m_end(int id)
{
    struct m_life *life = &m_lives[id];
    note(&m_events, 'E', id, 0);
    note(&m_events, 'D', id, 0);
    life->ended = life->firing = true;
    life->number = scripts[id].passes_on && life->number < 0 ? life->number : 1000 + id;
    for (;;) {
        struct m_wait wait = {life->parent, life->parent_count};
        int number = life->number;
        if (wait.life < 0 || !m_is_current(&wait))
            break;
        life->number = 0;
        m_give(wait.life, number);
    }
    life->firing = false;
}

static void m_go_on(int id)
{
    struct m_life *life = &m_lives[id];
    while (life->at < scripts[id].count) {
        struct step step = scripts[id].steps[life->at++];
        if (step.verb == WAIT_SLOT && !m_wait_slot(id, step.arg % SLOTS))
            return;
        if (step.verb == WAIT_CHILD && !m_wait_child(id))
            return;
        if (step.verb == SPAWN && !m_stopped && m_count < MOST_LIVES)
            life->child = m_spawn();
        if (step.verb == FIRE)
            m_fire(step.arg % SLOTS, step.arg + 1, m_slots[step.arg % SLOTS].has_source);
        if (step.verb == CANCEL_SLOT)
            m_cancel_slot(step.arg % SLOTS);
        if (step.verb == CANCEL_LIFE)
            m_cancel(step.arg % m_count);
    }
    m_end(id);
}

/* The reactor goes: those that wait are cancelled, in the order in which they began to. */
static void m_stop(void)
{
    int i, count = m_ring_count;
    m_stopped = true;
    for (i = 0; i < count; i++) {
        if (!m_is_current(&m_ring[i]) || !m_lives[m_ring[i].life].left)
            continue;
        m_cancel_innermost(m_ring[i].life);
        if (m_is_current(&m_ring[i]))
            m_give(m_ring[i].life, -ECANCELED);
    }
}

#endif
