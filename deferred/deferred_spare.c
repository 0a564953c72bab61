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
#include <twine/deferred/deferred_internal.h>

#include <pthread.h>

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUALLY_KEPT 0
#else
#define USUALLY_KEPT 64
#endif

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    struct tw_deferred *first; /* linked through next */
    unsigned count, most;
    bool is_watched; /* its end frees them */
} spares = {.most = USUALLY_KEPT};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void free_deferred(struct tw_deferred *deferred)
{
    tw__deferred_free_links(deferred);
    tw__free(deferred);
}

static void free_beyond(unsigned most)
{
    while (spares.count > most) {
        struct tw_deferred *deferred = spares.first;
        spares.first = deferred->next;
        spares.count--;
        free_deferred(deferred);
    }
}

/* What is freed later, in another key's destructor, is not kept any more. */
static void thread_ends(void *arg)
{
    (void)arg;
    spares.most = 0;
    free_beyond(0);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, thread_ends) == 0;
}

/* Whether this thread's end will be told. */
static bool watch_thread(void)
{
    pthread_once(&once, make_key);
    spares.is_watched = has_key && pthread_setspecific(key, &spares) == 0;
    return spares.is_watched;
}

struct tw_deferred *tw__deferred_take_spare(void)
{
    struct tw_deferred *deferred = spares.first;
    if (deferred) {
        spares.first = deferred->next;
        spares.count--;
        return deferred;
    }
    deferred = (struct tw_deferred *)tw__malloc(sizeof *deferred);
    if (deferred) {
        deferred->links = deferred->inside;
        deferred->capacity = TW__LINKS_INSIDE;
    }
    return deferred;
}

void tw__deferred_give_spare(struct tw_deferred *deferred)
{
    if (spares.count >= spares.most || deferred->capacity > TW__LINKS_OUTSIDE ||
        (!spares.is_watched && !watch_thread())) {
        free_deferred(deferred);
        return;
    }
    deferred->next = spares.first;
    spares.first = deferred;
    spares.count++;
}

void tw__deferred_keep_spares(unsigned most)
{
    spares.most = most;
    free_beyond(most);
}
