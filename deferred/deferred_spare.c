/*
 * Memory for Deferreds, kept by each thread for its next ones.
 *
 * A Deferred is made and freed on one thread. The array of links it may have grown stays with it.
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

_Thread_local struct tw__spares tw__deferred_spares = {.wanted = USUALLY_KEPT};

static void free_deferred(void *block)
{
    struct tw_deferred *deferred = (struct tw_deferred *)block;
    tw__deferred_free_links(deferred);
    tw__free(deferred);
}

void tw__deferred_keep_spares(unsigned most)
{
    tw__spares_limit(&tw__deferred_spares, most, free_deferred);
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
    if (deferred->capacity > TW__LINKS_OUTSIDE ||
        !tw__spares_begin(&tw__deferred_spares, deferred, thread_ends))
        free_deferred(deferred);
}
