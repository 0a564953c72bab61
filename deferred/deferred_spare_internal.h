/*
 * Memory for Deferreds, kept by each thread for its next ones; deferred_spare.c says how. Taking one
 * that is kept, and keeping one, are inline: every Deferred passes here twice.
 */
#ifndef TWINE_DEFERRED_DEFERRED_SPARE_INTERNAL_H
#define TWINE_DEFERRED_DEFERRED_SPARE_INTERNAL_H

#include <twine/base/spares_internal.h>
#include <twine/deferred/deferred_internal.h>

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
extern _Thread_local
    __attribute__((tls_model("initial-exec"))) struct tw__spares tw__deferred_spares;

/* When none is kept, and when this one may not be or it is the first. */
struct tw_deferred *tw__deferred_allocate(void);
void tw__deferred_give_slowly(struct tw_deferred *deferred);

/* Memory for a Deferred, with an array of links of its own perhaps; NULL if there is none. */
static inline struct tw_deferred *tw__deferred_take_spare(void)
{
    void *kept = tw__spares_take(&tw__deferred_spares);
    return kept ? (struct tw_deferred *)kept : tw__deferred_allocate();
}

/* Where it goes. */
static inline void tw__deferred_give_spare(struct tw_deferred *deferred)
{
    if (deferred->capacity > TW__LINKS_OUTSIDE || !tw__spares_keep(&tw__deferred_spares, deferred))
        tw__deferred_give_slowly(deferred);
}

#endif
