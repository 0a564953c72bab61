/*
 * A watch: a callback on a worker of your choice when a team's statistics have changed (the STM
 * library's watch with changes_only).
 *
 * However often they change, at most one task of it is out; when it is performed it reads the
 * statistics, and calls you only if they differ from what it told you last. So a gauge or a log
 * costs the team next to nothing, and nobody of the team is woken for it.
 *
 *     rc = tw_watch_new(tw_pool_team(pool), tw_reactor_worker(reactor), show, gauge, NULL, &watch);
 */
#ifndef TWINE_THREADS_WATCH_H
#define TWINE_THREADS_WATCH_H

#include <twine/threads/team.h>

TW_BEGIN_DECLS

struct tw_watch;

/**
 * Learns that a team's statistics have changed.
 *
 * Thread: the watch's worker's; one call at a time, also if that worker has several threads.
 *
 * @param now what they are; valid for the time of the call
 * @param arg as given to tw_watch_new()
 */
typedef void (*tw_watch_fn)(const struct tw_statistics *now, void *arg);

/**
 * Watch a team. What its statistics are now counts as told.
 *
 * The watch does not keep the team from ending; it tells of that as well, when the last worker has
 * gone. If its worker quits or gives up, nothing is told any more.
 *
 * Thread:    any.
 * Ownership: the team and the worker are borrowed; the watch takes a reference to the worker, which
 *            must not be one that works for the team, as each call would change the statistics
 *            again. (arg, destroy) is consumed, on error too: destroy is called once, after the
 *            last call of fn. The watch is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL if the team, the worker, fn or ret_watch is NULL, or the worker is
 *            the team, or the pool whose team it is; -EOWNERDEAD in a forked child, for a team or a
 *            worker of the parent's.
 */
TW_EXPORT int tw_watch_new(struct tw_team *team, struct tw_worker *worker, tw_watch_fn fn,
                           void *arg, tw_destroy_fn destroy, struct tw_watch **ret_watch);

/** Hold a watch once more. Thread: any. Returns: the watch; NULL for NULL. */
TW_EXPORT struct tw_watch *tw_watch_ref(struct tw_watch *watch);

/**
 * Let go of a watch; the last one ends it.
 *
 * Nothing new is told then. But a call that has just begun on another thread may end after this has
 * returned; destroy tells when it has. On the watch's own worker, if that is exclusive, and inside
 * fn, there is none to follow.
 *
 * Thread:  any, inside fn too. destroy is called here, or by the worker if it has the task.
 * Returns: NULL.
 */
TW_EXPORT struct tw_watch *tw_watch_unref(struct tw_watch *watch);

TW_END_DECLS

#endif
