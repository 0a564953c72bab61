/*
 * Diagnostics: what the tasks in a team's workers are called, who submitted them, and since when
 * they run. Switched off, which is the default, they cost a load and a branch for each task.
 *
 *     tw_diagnostics_set(true);                          or TWINE_DIAGNOSTICS=1 in the environment
 *     ...
 *     TW_LABEL("resize an image");                       what this thread hands over next
 *     tw_defer_to_thread(reactor, resize, image, NULL, &deferred);
 */
#ifndef TWINE_THREADS_DIAGNOSTICS_H
#define TWINE_THREADS_DIAGNOSTICS_H

#include <stdint.h>
#include <twine/threads/team.h>

TW_BEGIN_DECLS

/** Switch diagnostics on or off, for what is submitted and begun from now on. Thread: any. */
TW_EXPORT void tw_diagnostics_set(bool on);
/** Whether they are on. Thread: any. */
TW_EXPORT bool tw_diagnostics_is_on(void);

/**
 * Say what the next task is called that this thread hands to a team, and where that is written.
 * Does nothing while diagnostics are off.
 *
 * Thread:    any.
 * Ownership: label and file are kept as they are and must live on, as string literals do.
 */
TW_EXPORT void tw_label_at(const char *label, const char *file, int line);

/** tw_label_at() for the place where it is written. */
#define TW_LABEL(label) tw_label_at((label), __FILE__, __LINE__)

/** A task that runs, or is suspended. */
struct tw_running {
    const char *label; /**< NULL if it was given none */
    const char *file;  /**< where it was submitted; NULL if nobody said so */
    int line;          /**< the line there, or 0 */
    int64_t waited;    /**< nanoseconds from its submit to its begin; -1 if not known */
    int64_t age;       /**< nanoseconds since its begin */
};

/**
 * List what runs in a team's workers now, and has begun since diagnostics were switched on.
 *
 * Thread:  any.
 * Returns: how many there are, which may be more than fit; -EINVAL for NULL.
 *
 * @param ret_running room for so many; those that have run longest come first
 * @param room may be 0
 */
TW_EXPORT int tw_team_running(struct tw_team *team, struct tw_running *ret_running, size_t room);

TW_END_DECLS

#endif
