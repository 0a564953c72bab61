/*
 * Memory for Deferreds, kept by each thread for its next ones; deferred_spare.c says how. Taking one
 * that is kept, and keeping one, are inline: every Deferred passes here twice.
 */
#ifndef TWINE_DEFERRED_DEFERRED_SPARE_INTERNAL_H
#define TWINE_DEFERRED_DEFERRED_SPARE_INTERNAL_H

#include <twine/base/thread_end_internal.h>
#include <twine/deferred/deferred_internal.h>

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
extern _Thread_local __attribute__((tls_model("initial-exec"))) struct tw__deferred_spares {
    struct tw_deferred *first; /* linked through next */
    unsigned count;
    unsigned room;             /* how many may be kept; none before this thread's end is watched */
    unsigned wanted;           /* what room is from then on */
    struct tw__thread_end end; /* which frees them */
} tw__deferred_spares;

/* When none is kept, and when this one may not be or it is the first. */
struct tw_deferred *tw__deferred_allocate(void);
void tw__deferred_give_slowly(struct tw_deferred *deferred);

/* Memory for a Deferred, with an array of links of its own perhaps; NULL if there is none. */
static inline struct tw_deferred *tw__deferred_take_spare(void)
{
    struct tw_deferred *deferred = tw__deferred_spares.first;
    if (!deferred)
        return tw__deferred_allocate();
    tw__deferred_spares.first = deferred->next;
    tw__deferred_spares.count--;
    return deferred;
}

/* Where it goes. */
static inline void tw__deferred_give_spare(struct tw_deferred *deferred)
{
    if (tw__deferred_spares.count >= tw__deferred_spares.room ||
        deferred->capacity > TW__LINKS_OUTSIDE) {
        tw__deferred_give_slowly(deferred);
        return;
    }
    deferred->next = tw__deferred_spares.first;
    tw__deferred_spares.first = deferred;
    tw__deferred_spares.count++;
}

#endif
