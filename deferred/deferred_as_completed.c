/*
 * Deferreds as they complete: a link on each, a queue of those that have come and a queue of those
 * who ask; one of the two is empty.
 *
 * The links share the block with its owner, and let everything pass. Once the owner is gone they only
 * let go.
 */
#include <twine/deferred/deferred_as_completed.h>

#include <errno.h>
#include <stdint.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>

struct child {
    struct tw_deferred_as_completed *each;
    struct tw_deferred *deferred; /* a handle, until it is yielded */
    struct child *next;           /* among those that have come */
};

/* Who asks; it goes with the canceller of the Deferred that was handed out. */
struct turn {
    struct tw_deferred_as_completed *each;
    struct tw_source *source; /* a reference, while it is in the queue */
    struct turn *next, **place;
};

struct tw_deferred_as_completed {
    size_t refs; /* the owner's, and one for each link */
    bool is_over;
    size_t count, asked;
    struct child *come, **come_end;
    struct turn *turns, **turns_end;
    struct child children[];
};

static void unref_each(struct tw_deferred_as_completed *each)
{
    if (--each->refs == 0)
        tw__free(each);
}

static void unref_value(void *deferred)
{
    tw_deferred_unref((struct tw_deferred *)deferred);
}

/* --- the two queues --------------------------------------------------------------------------- */

static void append_turn(struct tw_deferred_as_completed *each, struct turn *turn)
{
    turn->next = NULL;
    turn->place = each->turns_end;
    *each->turns_end = turn;
    each->turns_end = &turn->next;
}

static void remove_turn(struct tw_deferred_as_completed *each, struct turn *turn)
{
    *turn->place = turn->next;
    if (turn->next)
        turn->next->place = turn->place;
    else
        each->turns_end = turn->place;
}

static struct child *take_child(struct tw_deferred_as_completed *each)
{
    struct child *child = each->come;
    each->come = child->next;
    if (!each->come)
        each->come_end = &each->come;
    return child;
}

/* The oldest that has come, to the oldest that asks. Inside the firing anything may happen. */
static void yield_one(struct tw_deferred_as_completed *each)
{
    struct turn *turn = each->turns;
    struct tw_source *source = turn->source;
    struct child *child = take_child(each);
    struct tw_deferred *deferred = child->deferred;
    child->deferred = NULL;
    remove_turn(each, turn);
    tw_source_callback(source, deferred, unref_value); /* frees the turn */
    tw_source_unref(source);
}

/* --- links ------------------------------------------------------------------------------------ */

static void child_has_come(struct tw_result *result, void *arg)
{
    struct child *child = (struct child *)arg;
    struct tw_deferred_as_completed *each = child->each;
    (void)result;
    if (each->is_over)
        return;
    child->next = NULL;
    *each->come_end = child;
    each->come_end = &child->next;
    if (each->turns)
        yield_one(each);
}

static void drop_link(void *arg)
{
    unref_each(((struct child *)arg)->each);
}

static int attach(struct child *child)
{
    child->each->refs++;
    return tw_deferred_add_both(child->deferred, child_has_come, child, drop_link);
}

/* --- the interface ---------------------------------------------------------------------------- */

static struct tw_deferred_as_completed *make(struct tw_deferred *const *deferreds, size_t count)
{
    struct tw_deferred_as_completed *each = NULL;
    size_t i;
    if (count <= (SIZE_MAX - sizeof *each) / sizeof *each->children)
        each = (struct tw_deferred_as_completed *)tw__zalloc(sizeof *each +
                                                             count * sizeof *each->children);
    if (!each)
        return NULL;
    each->refs = 1;
    each->count = count;
    each->come_end = &each->come;
    each->turns_end = &each->turns;
    for (i = 0; i < count; i++) {
        each->children[i].each = each;
        each->children[i].deferred = tw_deferred_ref(deferreds[i]);
    }
    return each;
}

int tw_deferred_as_completed_new(struct tw_deferred *const *deferreds, size_t count,
                                 struct tw_deferred_as_completed **ret_each)
{
    struct tw_deferred_as_completed *each;
    size_t i;
    int rc = 0;
    bool is_good = ret_each && (deferreds || !count);
    for (i = 0; is_good && i < count; i++)
        is_good = deferreds[i];
    if (!is_good)
        return tw__misuse(-EINVAL, "tw_deferred_as_completed_new: needs Deferreds and ret_each");
    each = make(deferreds, count);
    if (!each)
        return -ENOMEM;
    for (i = 0; i < count && rc >= 0; i++)
        rc = attach(&each->children[i]);
    if (rc < 0)
        tw_deferred_as_completed_free(each);
    else
        *ret_each = each;
    return rc;
}

static int give_turn_back(struct tw_source *source, void *arg)
{
    struct turn *turn = (struct turn *)arg;
    struct tw_deferred_as_completed *each = turn->each;
    if (!each)
        return 0; /* it is being abandoned */
    remove_turn(each, turn);
    turn->each = NULL;
    each->asked--;
    turn->source = NULL;
    tw_source_unref(source); /* it fails as cancelled, by this function's caller */
    return 0;
}

static void free_turn(void *turn)
{
    tw__free(turn);
}

int tw_deferred_as_completed_next(struct tw_deferred_as_completed *each,
                                  struct tw_deferred **ret_next)
{
    struct turn *turn;
    int rc;
    if (!each || !ret_next)
        return tw__misuse(-EINVAL, "tw_deferred_as_completed_next: needs each and ret_next");
    if (each->asked == each->count)
        return 0;
    turn = (struct turn *)tw__malloc(sizeof *turn);
    if (!turn)
        return -ENOMEM;
    rc = tw_deferred_new(give_turn_back, turn, free_turn, &turn->source, ret_next);
    if (rc < 0)
        return rc;
    turn->each = each;
    each->asked++;
    append_turn(each, turn);
    if (each->come)
        yield_one(each);
    return 1;
}

struct tw_deferred_as_completed *
tw_deferred_as_completed_free(struct tw_deferred_as_completed *each)
{
    size_t i;
    if (!each || each->is_over)
        return NULL;
    each->is_over = true;
    while (each->turns) {
        struct turn *turn = each->turns;
        struct tw_source *source = turn->source;
        remove_turn(each, turn);
        turn->each = NULL;
        tw_source_unref(source);
    }
    for (i = 0; i < each->count; i++)
        each->children[i].deferred = tw_deferred_unref(each->children[i].deferred);
    unref_each(each);
    return NULL;
}
