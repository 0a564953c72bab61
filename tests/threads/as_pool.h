/*
 * A team by hand that is treated as a pool treats its own.
 */
#ifndef TWINE_TESTS_THREADS_AS_POOL_H
#define TWINE_TESTS_THREADS_AS_POOL_H

#include "by_hand.h"

#include <twine/threads/team_internal.h>

static inline size_t hand_delivering(void *arg)
{
    (void)arg;
    return 0;
}

/* As hand_start() with a lock worker; max_backlog: SIZE_MAX for no bound. */
static inline int hand_start_as_pool(struct hand *hand, size_t limit, size_t max_backlog)
{
    static const struct tw__team_policy policy = {hand_delivering};
    int rc = hand_start(hand, tw_lock_worker_new, limit);
    if (rc >= 0)
        tw__team_set_policy(hand->team, &policy, max_backlog, limit);
    return rc;
}

static inline void hand_set_limit(struct hand *hand, size_t limit)
{
    hand->limit = limit;
    tw__team_set_most(hand->team, limit);
}

#endif
