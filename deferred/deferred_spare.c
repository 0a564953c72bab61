/*
 * Memory for Deferreds, kept by each thread for its next ones.
 *
 * A Deferred is made and freed on one thread, so its memory goes from hand to hand there without a
 * lock; the array of links it may have grown stays with it. A thread keeps only so many, and frees
 * them at its end.
 *
 * Checking builds keep none: a Deferred used after its end is then seen by the tools that look for
 * that.
 */
#include <twine/deferred/deferred_spare_internal.h>

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUALLY_KEPT 0
#else
#define USUALLY_KEPT 64
#endif

_Thread_local struct tw__deferred_spares tw__deferred_spares = {.wanted = USUALLY_KEPT};

static void free_deferred(struct tw_deferred *deferred)
{
    tw__deferred_free_links(deferred);
    tw__free(deferred);
}

void tw__deferred_keep_spares(unsigned most)
{
    struct tw__deferred_spares *spares = &tw__deferred_spares;
    spares->wanted = most;
    spares->room = spares->end.fn ? most : 0;
    while (spares->count > spares->room) {
        struct tw_deferred *deferred = spares->first;
        spares->first = deferred->next;
        spares->count--;
        free_deferred(deferred);
    }
}

/* What is freed later, in another key's destructor, is not kept any more. */
static void thread_ends(void)
{
    tw__deferred_keep_spares(0);
}

struct tw_deferred *tw__deferred_allocate(void)
{
    struct tw_deferred *deferred = (struct tw_deferred *)tw__malloc(sizeof *deferred);
    if (deferred) {
        deferred->links = deferred->inside;
        deferred->capacity = TW__LINKS_INSIDE;
    }
    return deferred;
}

void tw__deferred_give_slowly(struct tw_deferred *deferred)
{
    struct tw__deferred_spares *spares = &tw__deferred_spares;
    if (!spares->end.fn && spares->wanted && tw__thread_end_watch(&spares->end, thread_ends)) {
        spares->room = spares->wanted;
        tw__deferred_give_spare(deferred);
        return;
    }
    free_deferred(deferred);
}
