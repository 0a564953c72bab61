/*
 * The model's lists, races and time limits; a part of random_model.h.
 */
#ifndef TWINE_TESTS_DEFERRED_RANDOM_LISTS_H
#define TWINE_TESTS_DEFERRED_RANDOM_LISTS_H

struct m_outcome {
    struct m_result result;
    struct m_deferred *child;
    bool attached, come;
};

struct m_list {
    int refs, count, missing, winner;
    unsigned flags;
    struct m_deferred *deferred; /* its source, until it is fired */
    struct m_outcome outcomes[CHILDREN];
};

struct m_limit {
    struct m_limit *next; /* those added later */
    int id;
    long deadline;
    bool active, expired, custom;
    struct m_deferred *deferred;
};

static struct m_limit *m_limits;
static long m_now;

/* --- lists ------------------------------------------------------------------------------------ */

static void m_list_unref(struct m_list *list)
{
    int i;
    if (--list->refs > 0)
        return;
    for (i = 0; i < list->count; i++) {
        m_set(&list->outcomes[i].result, NUMBER, 0);
        if (list->outcomes[i].child)
            m_unref(list->outcomes[i].child);
    }
    if (list->deferred)
        m_source_unref(list->deferred);
    free(list);
}

static int m_list_number(const struct m_list *list)
{
    int i, come = 0;
    for (i = 0; i < list->count; i++)
        come += list->outcomes[i].come;
    return outcomes_number(list->count, list->winner, come);
}

static void m_cancel_children(struct m_list *list)
{
    int i;
    list->refs++;
    for (i = 0; i < list->count; i++) {
        struct m_deferred *child = list->outcomes[i].child;
        int rc;
        if (!child)
            continue;
        child->refs++;
        rc = m_cancel(child);
        m_unref(child);
        if (rc != 0 && rc != -EINPROGRESS)
            note(&m_events, 'W', rc, 0);
    }
    m_list_unref(list);
}

/* With the list as its value, or with a failure. */
static void m_fire_list(struct m_list *list, bool fails, int code)
{
    struct m_result result = {fails ? FAILED : NUMBER, code, NULL, fails ? NULL : list};
    struct m_deferred *deferred = list->deferred;
    list->deferred = NULL;
    if (list->flags == RACE && !fails)
        m_cancel_children(list);
    if (!fails)
        list->refs++;
    m_fire(deferred, result);
    m_source_unref(deferred);
}

static void m_decide(struct m_list *list, int index)
{
    bool race = list->flags == RACE, ok = list->outcomes[index].result.kind == NUMBER;
    if (ok && (race || list->flags & TW_LIST_FIRE_ON_ONE_CALLBACK)) {
        list->winner = index;
        m_fire_list(list, false, 0);
    } else if (!ok && list->flags & TW_LIST_FIRE_ON_ONE_ERRBACK) {
        m_fire_list(list, true, index);
    } else if (!list->missing) {
        m_fire_list(list, race, race ? list->count : 0);
    }
}

static void m_child_has_come(struct m_list *list, int index, struct m_result *result)
{
    struct m_outcome *outcome = &list->outcomes[index];
    outcome->come = true;
    list->missing--;
    if (result->kind == NUMBER)
        outcome->result = m_take(result);
    else
        outcome->result = *result;
    if (result->kind == FAILED && (list->flags == RACE || list->flags & TW_LIST_CONSUME_ERRORS))
        m_set(result, NUMBER, 0);
    m_unref(outcome->child);
    outcome->child = NULL;
    if (list->deferred)
        m_decide(list, index);
}

static void m_attach(struct m_list *list, int index)
{
    struct m_deferred *child = list->outcomes[index].child;
    struct m_item *item = m_append(child);
    item->list = list;
    item->index = index;
    list->outcomes[index].attached = true;
    list->refs++;
    m_run(child);
}

static void m_begin_list(struct m_list *list)
{
    int i;
    for (i = 0; i < list->count; i++)
        if (!m_may_run(list->outcomes[i].child))
            m_attach(list, i);
    for (i = 0; i < list->count; i++)
        if (!list->outcomes[i].attached)
            m_attach(list, i);
    if (list->count)
        return;
    if (list->flags == RACE || list->flags & TW_LIST_FIRE_ON_ONE_CALLBACK) {
        struct m_deferred *deferred = list->deferred;
        list->deferred = NULL;
        m_source_unref(deferred);
    } else {
        m_fire_list(list, false, 0);
    }
}

static int m_make_list(struct m_slot *slot, const struct operation *operation)
{
    struct m_list *list;
    int i, rank = RANKS * operation->id;
    if (cycles_allowed || slot->handles || slot->sources || slot->in_making)
        return 1;
    list = (struct m_list *)calloc(1, sizeof *list);
    for (i = 0; i < CHILDREN; i++) {
        struct m_slot *child = &m_slots[operation->children[i]];
        if (!child->handles)
            continue;
        list->outcomes[list->count++].child = child->deferred;
        child->deferred->refs++;
        if (rank > child->deferred->rank - 1)
            rank = child->deferred->rank - 1;
    }
    list->flags = operation->flags;
    list->missing = list->count;
    list->winner = -1;
    list->refs = 2; /* ours, and the canceller's */
    m_make(slot, operation);
    slot->handles = slot->sources = 0;
    slot->in_making = true;
    slot->deferred->rank = rank;
    slot->deferred->list = list;
    list->deferred = slot->deferred;
    m_begin_list(list);
    m_list_unref(list);
    slot->in_making = false;
    slot->handles = 1;
    return 0;
}

/* --- limits ----------------------------------------------------------------------------------- */

static void m_limit_passed(struct m_limit *limit, struct m_result *result)
{
    limit->active = false;
    if (!limit->expired)
        return;
    if (limit->custom)
        note(&m_events, 'O', limit->id, m_number(result));
    else if (result->kind == FAILED && result->number == ECANCELED)
        m_set(result, FAILED, ETIMEDOUT);
}

static void m_drop_limit(struct m_limit *limit)
{
    struct m_limit **place = &m_limits;
    while (*place != limit)
        place = &(*place)->next;
    *place = limit->next;
    note(&m_events, 'T', limit->id, 0);
    free(limit);
}

static int m_add_limit(struct m_deferred *deferred, const struct operation *operation)
{
    struct m_limit *limit = (struct m_limit *)calloc(1, sizeof *limit), **place = &m_limits;
    limit->id = operation->id;
    limit->deadline = m_now + 1 + operation->other;
    limit->active = true;
    limit->custom = operation->custom;
    limit->deferred = deferred;
    while (*place)
        place = &(*place)->next;
    *place = limit;
    m_append(deferred)->limit = limit;
    m_run(deferred);
    return 0;
}

/* Of those that are due the one due first, and of these the one added first. */
static struct m_limit *m_due(void)
{
    struct m_limit *due = NULL, *limit;
    for (limit = m_limits; limit; limit = limit->next)
        if (limit->active && limit->deadline <= m_now && (!due || limit->deadline < due->deadline))
            due = limit;
    return due;
}

static int m_advance(int by)
{
    struct m_limit *limit;
    m_now += by;
    while ((limit = m_due())) {
        int rc;
        limit->active = false;
        limit->expired = true;
        rc = m_cancel(limit->deferred);
        if (rc != 0 && rc != -EINPROGRESS)
            note(&m_events, 'W', rc, 0);
    }
    return 0;
}

#endif
