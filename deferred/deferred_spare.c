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

#include <pthread.h>

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUALLY_KEPT 0
#else
#define USUALLY_KEPT 64
#endif

_Thread_local struct tw__deferred_spares tw__deferred_spares = {.wanted = USUALLY_KEPT};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void free_deferred(struct tw_deferred *deferred)
{
    tw__deferred_free_links(deferred);
    tw__free(deferred);
}

void tw__deferred_keep_spares(unsigned most)
{
    struct tw__deferred_spares *spares = &tw__deferred_spares;
    spares->wanted = most;
    spares->room = spares->is_watched ? most : 0;
    while (spares->count > spares->room) {
        struct tw_deferred *deferred = spares->first;
        spares->first = deferred->next;
        spares->count--;
        free_deferred(deferred);
    }
}

/* What is freed later, in another key's destructor, is not kept any more. */
static void thread_ends(void *arg)
{
    (void)arg;
    tw__deferred_keep_spares(0);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, thread_ends) == 0;
}

/* From now on some are kept, if this thread's end will be told. */
static void watch_thread(void)
{
    struct tw__deferred_spares *spares = &tw__deferred_spares;
    pthread_once(&once, make_key);
    if (!has_key || pthread_setspecific(key, spares) != 0)
        return;
    spares->is_watched = true;
    spares->room = spares->wanted;
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
    if (!spares->is_watched && spares->wanted) {
        watch_thread();
        if (spares->room) {
            tw__deferred_give_spare(deferred);
            return;
        }
    }
    free_deferred(deferred);
}
