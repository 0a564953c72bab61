/*
 * The Deferred list: one block holds the outcomes, and each child's link counts them.
 *
 * The block is shared by the children's links, each of which has a reference, and by the list's
 * canceller until it has fired. What the list fires with is the block as well: its value is one
 * more reference.
 */
#include <twine/deferred/list.h>

#include <errno.h>
#include <stdio.h>
#include <twine/base/failure_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>

#define IS_RACE 0x100u /* among the flags */

/* One child's; also what its link is told. */
struct outcome {
    struct tw_result result;
    struct tw_deferred *child; /* a handle, until its link has run */
    struct tw_outcomes *all;
    bool is_attached, has_come;
};

/* What a failure group carries. */
struct group {
    size_t count;
    struct tw_failure *failures[]; /* references; none until a race is lost */
};

struct tw_outcomes {
    size_t refs;
    unsigned flags;
    bool is_void; /* the list could not be made: links let everything pass */
    size_t count, missing, winner;
    struct tw_source *source; /* a reference, until it has fired */
    struct tw_failure *group; /* of a race: what it fails with, made beforehand */
    struct outcome outcomes[];
};

static void unref_outcomes(void *value)
{
    struct tw_outcomes *all = (struct tw_outcomes *)value;
    size_t i;
    if (--all->refs > 0)
        return;
    for (i = 0; i < all->count; i++) {
        tw_result_done(&all->outcomes[i].result);
        tw_deferred_unref(all->outcomes[i].child);
    }
    tw_source_unref(all->source);
    tw_failure_unref(all->group);
    tw__free(all);
}

/* --- children --------------------------------------------------------------------------------- */

static void cancel_child(struct tw_deferred *child)
{
    struct tw_failure *failure;
    int rc;
    tw_deferred_ref(child);
    rc = tw_deferred_cancel(child);
    tw_deferred_unref(child);
    if (rc == 0 || rc == -EINPROGRESS)
        return;
    failure = TW_FAILURE_NEW(NULL, rc, "its canceller refused");
    tw__report(TW_REPORT_WARNING, "a child of a Deferred list could not be cancelled", failure);
    tw_failure_unref(failure);
}

/* Those that have not come, in order. */
static void cancel_children(struct tw_outcomes *all)
{
    size_t i;
    all->refs++;
    for (i = 0; i < all->count; i++)
        if (all->outcomes[i].child)
            cancel_child(all->outcomes[i].child);
    unref_outcomes(all);
}

/* --- a child has come ------------------------------------------------------------------------- */

static struct tw_source *take_source(struct tw_outcomes *all)
{
    struct tw_source *source = all->source;
    all->source = NULL;
    return source;
}

static void fire_with(struct tw_source *source, struct tw_outcomes *all)
{
    all->refs++;
    tw_source_callback(source, all, unref_outcomes);
    tw_source_unref(source);
}

static void succeed(struct tw_outcomes *all)
{
    fire_with(take_source(all), all);
}

static void fail_with(struct tw_source *source, struct tw_failure *failure)
{
    tw_source_errback(source, failure);
    tw_failure_unref(failure);
    tw_source_unref(source);
}

static void fail(struct tw_outcomes *all, size_t index, struct tw_failure *cause)
{
    char message[64];
    snprintf(message, sizeof message, "number %zu of several Deferreds failed", index);
    fail_with(take_source(all),
              tw_failure_new(&TW_ERROR_FIRST_ERROR, (int)index, message, NULL, 0, cause));
}

/* A race is won: the source is taken out first, so that nothing the losers do decides any more. */
static void win(struct tw_outcomes *all)
{
    struct tw_source *source = take_source(all);
    cancel_children(all);
    fire_with(source, all);
}

static void lose(struct tw_outcomes *all)
{
    struct tw_failure *failure = all->group;
    struct group *group = (struct group *)tw_failure_payload(failure);
    size_t i;
    for (i = 0; i < all->count; i++)
        group->failures[i] = tw_failure_ref(tw_result_failure(&all->outcomes[i].result));
    all->group = NULL;
    fail_with(take_source(all), failure);
}

/* Takes the value, shares the failure. */
static void record(struct outcome *outcome, struct tw_result *result)
{
    outcome->has_come = true;
    outcome->all->missing--;
    if (tw_result_is_ok(result)) {
        tw_result_move(result, &outcome->result);
        return;
    }
    tw_result_set_failure(&outcome->result, tw_result_failure(result));
    if (outcome->all->flags & TW_LIST_CONSUME_ERRORS)
        tw_result_set(result, NULL, NULL);
}

/* Fires the list if this child decides it. */
static void decide(struct outcome *outcome)
{
    struct tw_outcomes *all = outcome->all;
    size_t index = (size_t)(outcome - all->outcomes);
    bool is_ok = tw_result_is_ok(&outcome->result);
    if (is_ok && all->flags & TW_LIST_FIRE_ON_ONE_CALLBACK) {
        all->winner = index;
        if (all->flags & IS_RACE)
            win(all);
        else
            succeed(all);
    } else if (!is_ok && all->flags & TW_LIST_FIRE_ON_ONE_ERRBACK) {
        fail(all, index, tw_result_failure(&outcome->result));
    } else if (!all->missing) {
        if (all->flags & IS_RACE)
            lose(all);
        else
            succeed(all);
    }
}

static void child_has_come(struct tw_result *result, void *arg)
{
    struct outcome *outcome = (struct outcome *)arg;
    if (outcome->all->is_void)
        return;
    record(outcome, result);
    outcome->child = tw_deferred_unref(outcome->child);
    if (outcome->all->source)
        decide(outcome);
}

static void drop_outcome(void *arg)
{
    unref_outcomes(((struct outcome *)arg)->all);
}

/* --- cancelling ------------------------------------------------------------------------------- */

/* Cancels every child, in order. The list then fires by its own rules, or goes on waiting; no
 * cancellation of its own is added (DLS-021 to DLS-024): that is what this answer is for. */
static int cancel_all(struct tw_source *source, void *arg)
{
    struct tw_outcomes *all = (struct tw_outcomes *)arg;
    (void)source;
    cancel_children(all);
    return -EINPROGRESS;
}

/* --- making ----------------------------------------------------------------------------------- */

static struct tw_outcomes *make_outcomes(struct tw_deferred *const *deferreds, size_t count,
                                         unsigned flags)
{
    struct tw_outcomes *all = NULL;
    size_t i;
    if (count <= (SIZE_MAX - sizeof *all) / sizeof *all->outcomes)
        all = (struct tw_outcomes *)tw__zalloc(sizeof *all + count * sizeof *all->outcomes);
    if (!all)
        return NULL;
    all->refs = 1;
    all->flags = flags;
    all->count = all->missing = count;
    all->winner = TW_LIST_NONE;
    for (i = 0; i < count; i++) {
        all->outcomes[i].all = all;
        all->outcomes[i].child = tw_deferred_ref(deferreds[i]);
    }
    return all;
}

static int attach_one(struct outcome *outcome)
{
    outcome->all->refs++;
    outcome->is_attached = true;
    return tw_deferred_add_both(outcome->child, child_has_come, outcome, drop_outcome);
}

/* Those whose links only wait come first: until they are attached, nothing has been taken, and
 * being out of memory can be taken back. Those that have their result run their link at once, and
 * the room for it is there already. */
static int attach_all(struct tw_outcomes *all)
{
    size_t i;
    int rc = 0;
    for (i = 0; i < all->count && rc >= 0; i++)
        rc = tw__deferred_reserve(all->outcomes[i].child);
    for (i = 0; i < all->count && rc >= 0; i++)
        if (!tw__deferred_may_run(all->outcomes[i].child))
            rc = attach_one(&all->outcomes[i]);
    if (rc < 0) {
        all->is_void = true;
        return rc;
    }
    for (i = 0; i < all->count; i++)
        if (!all->outcomes[i].is_attached)
            attach_one(&all->outcomes[i]);
    return 0;
}

static int make_list(struct tw_outcomes *all, struct tw_deferred **ret_deferred)
{
    struct tw_deferred *list;
    int rc;
    all->refs++;
    rc = tw_deferred_new(cancel_all, all, unref_outcomes, &all->source, &list);
    if (rc < 0)
        return rc;
    rc = attach_all(all);
    if (rc < 0) {
        tw_deferred_unref(list);
        tw_source_callback(all->source, NULL, NULL); /* nobody sees it: it only lets go */
        all->source = tw_source_unref(all->source);
        return rc;
    }
    if (all->count == 0 && all->flags & TW_LIST_FIRE_ON_ONE_CALLBACK)
        tw_source_unref(take_source(all)); /* no child will ever succeed, so it is abandoned */
    else if (all->count == 0)
        succeed(all);
    *ret_deferred = list;
    return 0;
}

static void free_group(void *payload)
{
    struct group *group = (struct group *)payload;
    size_t i;
    for (i = 0; i < group->count; i++)
        tw_failure_unref(group->failures[i]);
    tw__free(group);
}

/* What a race may fail with is made now: losing must not depend on memory. */
static int make_group(struct tw_outcomes *all)
{
    struct tw_failure_options options = {.size = sizeof options,
                                         .kind = &TW_ERROR_FAILURE_GROUP,
                                         .code = (int)all->count,
                                         .message = "of several Deferreds none succeeded",
                                         .destroy = free_group};
    struct group *group;
    if (!(all->flags & IS_RACE))
        return 0;
    group = (struct group *)tw__zalloc(sizeof *group + all->count * sizeof(void *));
    if (!group)
        return -ENOMEM;
    group->count = all->count;
    options.payload = group;
    all->group = tw_failure_new_with(&options);
    return tw_failure_is(all->group, &TW_ERROR_NO_MEMORY) ? -ENOMEM : 0;
}

static int new_list(struct tw_deferred *const *deferreds, size_t count, unsigned flags,
                    struct tw_deferred **ret_deferred)
{
    struct tw_outcomes *all;
    size_t i;
    int rc;
    if (!ret_deferred || (count && !deferreds))
        return tw__misuse(-EINVAL, "tw_deferred_list_new, tw_deferred_gather or tw_deferred_race: "
                                   "needs Deferreds and ret_deferred");
    for (i = 0; i < count; i++)
        if (!deferreds[i])
            return tw__misuse(-EINVAL, "tw_deferred_list_new, tw_deferred_gather or "
                                       "tw_deferred_race: one of the Deferreds is NULL");
    all = make_outcomes(deferreds, count, flags);
    if (!all)
        return -ENOMEM;
    rc = make_group(all);
    if (rc == 0)
        rc = make_list(all, ret_deferred);
    unref_outcomes(all);
    return rc;
}

int tw_deferred_list_new(struct tw_deferred *const *deferreds, size_t count, unsigned flags,
                         struct tw_deferred **ret_deferred)
{
    const unsigned known =
        TW_LIST_FIRE_ON_ONE_CALLBACK | TW_LIST_FIRE_ON_ONE_ERRBACK | TW_LIST_CONSUME_ERRORS;
    if (flags & ~known)
        return tw__misuse(-EINVAL, "tw_deferred_list_new: one of the flags is unknown");
    return new_list(deferreds, count, flags, ret_deferred);
}

int tw_deferred_gather(struct tw_deferred *const *deferreds, size_t count, unsigned flags,
                       struct tw_deferred **ret_deferred)
{
    if (flags & ~TW_LIST_CONSUME_ERRORS)
        return tw__misuse(-EINVAL,
                          "tw_deferred_gather: knows the flag TW_LIST_CONSUME_ERRORS only");
    return new_list(deferreds, count, flags | TW_LIST_FIRE_ON_ONE_ERRBACK, ret_deferred);
}

int tw_deferred_race(struct tw_deferred *const *deferreds, size_t count,
                     struct tw_deferred **ret_deferred)
{
    return new_list(deferreds, count,
                    TW_LIST_FIRE_ON_ONE_CALLBACK | TW_LIST_CONSUME_ERRORS | IS_RACE, ret_deferred);
}

/* --- looking ---------------------------------------------------------------------------------- */

size_t tw_outcomes_count(const struct tw_outcomes *outcomes)
{
    return outcomes ? outcomes->count : 0;
}

struct tw_result *tw_outcomes_at(struct tw_outcomes *outcomes, size_t index)
{
    static _Thread_local struct tw_result none;
    if (outcomes && index < outcomes->count)
        return &outcomes->outcomes[index].result;
    tw_result_done(&none);
    return &none;
}

bool tw_outcomes_has(const struct tw_outcomes *outcomes, size_t index)
{
    return outcomes && index < outcomes->count && outcomes->outcomes[index].has_come;
}

size_t tw_outcomes_winner(const struct tw_outcomes *outcomes)
{
    return outcomes ? outcomes->winner : TW_LIST_NONE;
}

static const struct group *group_of(const struct tw_failure *failure)
{
    if (tw_failure_kind(failure) != &TW_ERROR_FAILURE_GROUP)
        return NULL;
    return (const struct group *)tw_failure_payload(failure);
}

size_t tw_failure_group_count(const struct tw_failure *failure)
{
    const struct group *group = group_of(failure);
    return group ? group->count : 0;
}

struct tw_failure *tw_failure_group_at(const struct tw_failure *failure, size_t index)
{
    return index < tw_failure_group_count(failure) ? group_of(failure)->failures[index] : NULL;
}
