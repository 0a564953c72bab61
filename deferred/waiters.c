/*
 * The line of those who wait, and its serving.
 */
#include <twine/deferred/waiters_internal.h>

#include <errno.h>
#include <twine/base/check_internal.h>
#include <twine/base/memory_internal.h>

/* --- rings ------------------------------------------------------------------------------------ */

static void init_ring(struct tw__waiter_place *head)
{
    head->next = head->prev = head;
}

static void append(struct tw__waiter_place *head, struct tw__waiter_place *place)
{
    place->prev = head->prev;
    place->next = head;
    place->prev->next = place;
    head->prev = place;
}

static void take_out(struct tw__waiter_place *place)
{
    place->prev->next = place->next;
    place->next->prev = place->prev;
    place->next = place->prev = NULL;
}

static struct tw__waiter *first_of(struct tw__waiter_place *head)
{
    return head->next == head ? NULL : TW_CONTAINER(head->next, struct tw__waiter, place);
}

void tw__waiters_init(struct tw__waiters *waiters)
{
    init_ring(&waiters->line);
    init_ring(&waiters->due);
    waiters->count = 0;
    waiters->is_serving = false;
}

/* --- joining and leaving ---------------------------------------------------------------------- */

static struct tw__waiter *take_oldest(struct tw__waiters *waiters)
{
    struct tw__waiter *waiter = first_of(&waiters->line);
    if (waiter) {
        take_out(&waiter->place);
        waiters->count--;
    }
    return waiter;
}

void tw__waiter_fire(struct tw__waiter *waiter)
{
    struct tw_source *source = tw__source_of(&waiter->deferred);
    take_out(&waiter->place);
    waiter->is_due = false;
    tw_source_fire(source, &waiter->answer);
    tw_source_unref(source);
}

/* One that has been answered is not there to be cancelled any more, and the answer must not be
 * lost: it only comes sooner. */
static int cancel_waiter(struct tw_source *source, void *arg)
{
    struct tw__waiter *waiter = (struct tw__waiter *)arg;
    if (waiter->is_due) {
        tw__waiter_fire(waiter);
        return 0;
    }
    take_out(&waiter->place);
    waiter->waiters->count--;
    tw_source_unref(source); /* the line's */
    return 0;
}

void tw__waiters_join(struct tw__waiters *waiters, struct tw__waiter *waiter,
                      void (*release)(struct tw_deferred *deferred))
{
    tw__deferred_init(&waiter->deferred, cancel_waiter, waiter, NULL, release);
    tw_result_init(&waiter->answer);
    waiter->is_due = false;
    waiter->waiters = waiters;
    append(&waiters->line, &waiter->place);
    waiters->count++;
}

static void release_waiter(struct tw_deferred *deferred)
{
    tw__free(TW_CONTAINER(deferred, struct tw__waiter, deferred));
}

int tw__waiters_add(struct tw__waiters *waiters, struct tw_deferred **ret_deferred)
{
    struct tw__waiter *waiter = (struct tw__waiter *)tw__malloc(sizeof *waiter);
    if (!waiter)
        return -ENOMEM;
    tw__waiters_join(waiters, waiter, release_waiter);
    *ret_deferred = &waiter->deferred;
    return 0;
}

/* --- answering -------------------------------------------------------------------------------- */

void tw__waiters_put_due(struct tw__waiters *waiters, struct tw__waiter *waiter,
                         struct tw_result *answer)
{
    waiter->is_due = true;
    waiter->waiters = waiters;
    tw_result_move(answer, &waiter->answer);
    append(&waiters->due, &waiter->place);
}

void tw__waiters_answer(struct tw__waiters *waiters, struct tw_result *answer)
{
    struct tw__waiter *waiter = take_oldest(waiters);
    TW__CHECK(waiter);
    tw__waiters_put_due(waiters, waiter, answer);
}

void tw__waiters_serve(struct tw__waiters *waiters)
{
    struct tw__waiter *waiter;
    if (waiters->is_serving)
        return;
    waiters->is_serving = true;
    while ((waiter = first_of(&waiters->due)))
        tw__waiter_fire(waiter);
    waiters->is_serving = false;
}

void tw__waiters_abandon(struct tw__waiters *waiters)
{
    struct tw__waiter *waiter;
    TW__CHECK(!first_of(&waiters->due));
    while ((waiter = take_oldest(waiters)))
        tw_source_unref(tw__source_of(&waiter->deferred));
}
