/*
 * A Deferred for several Deferreds (Twisted's DeferredList, gatherResults and race; DLS, GAT, RAC).
 *
 * It fires with the outcome of each, in the order given. In C a value has one owner: the list takes
 * a child's value at the point of its link, and the child's later callbacks see null. A failure is
 * shared: the child keeps it too, unless the list is told to consume errors.
 */
#ifndef TWINE_DEFERRED_LIST_H
#define TWINE_DEFERRED_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

/** Fire as soon as one child has succeeded (DLS-009). */
#define TW_LIST_FIRE_ON_ONE_CALLBACK 1u
/** Fail, with TW_ERROR_FIRST_ERROR, as soon as one child has failed (DLS-011). The failure's code is
 * the child's index, its cause the child's failure. */
#define TW_LIST_FIRE_ON_ONE_ERRBACK 2u
/** Leave null in a child that failed, so that it is not reported (DLS-016). */
#define TW_LIST_CONSUME_ERRORS 4u

/** No child in particular. */
#define TW_LIST_NONE SIZE_MAX

/** The value a list fires with: what became of each child. */
struct tw_outcomes;

/**
 * Make a Deferred that waits for several.
 *
 * Thread:    loop.
 * Ownership: the Deferreds are borrowed; the list keeps a handle of each until its link has run.
 *            The handle is yours to unref. The value is a struct tw_outcomes, owned by the result
 *            as any value.
 * Returns:   0; -ENOMEM; -EINVAL if one is NULL, or a flag is unknown.
 *
 * @param deferreds an array, copied; the same one may stand in it twice
 * @param count how many; 0 fires at once, as abandoned with TW_LIST_FIRE_ON_ONE_CALLBACK, since no
 *              child will ever succeed (DLS-007)
 * @param flags TW_LIST_… or 0
 */
TW_EXPORT int tw_deferred_list_new(struct tw_deferred *const *deferreds, size_t count,
                                   unsigned flags, struct tw_deferred **ret_deferred);

/**
 * Make a Deferred that has all the values, or fails with TW_ERROR_FIRST_ERROR (Twisted's
 * gatherResults, GAT).
 *
 * Thread:    loop.
 * Ownership: as tw_deferred_list_new(). The value is a struct tw_outcomes without a failure.
 * Returns:   as tw_deferred_list_new().
 *
 * @param flags TW_LIST_CONSUME_ERRORS or 0
 */
TW_EXPORT int tw_deferred_gather(struct tw_deferred *const *deferreds, size_t count, unsigned flags,
                                 struct tw_deferred **ret_deferred);

/**
 * Make a Deferred for the first to succeed (Twisted's race, RAC). The others are cancelled before
 * it fires, and each child holds null after its link. If none succeeds it fails with
 * TW_ERROR_FAILURE_GROUP.
 *
 * Thread:    loop.
 * Ownership: as tw_deferred_list_new(). The value is a struct tw_outcomes, whose winner tells which
 *            has succeeded.
 * Returns:   as tw_deferred_list_new(). Without children it is abandoned at once (RAC-011).
 */
TW_EXPORT int tw_deferred_race(struct tw_deferred *const *deferreds, size_t count,
                               struct tw_deferred **ret_deferred);

/** How many failures a failure of the kind TW_ERROR_FAILURE_GROUP holds; 0 if it is another.
 * Thread: any. */
TW_EXPORT size_t tw_failure_group_count(const struct tw_failure *failure);
/** One of them, in the order in which the children were given; NULL if there is none. Thread: any.
 * Ownership: the group's. */
TW_EXPORT struct tw_failure *tw_failure_group_at(const struct tw_failure *failure, size_t index);

/** How many children there are. */
TW_EXPORT size_t tw_outcomes_count(const struct tw_outcomes *outcomes);
/** What became of a child; a null result for one that has not come, or an index that is none.
 * Ownership: the outcomes'; take the value out to keep it. */
TW_EXPORT struct tw_result *tw_outcomes_at(struct tw_outcomes *outcomes, size_t index);
/** Whether a child has come. */
TW_EXPORT bool tw_outcomes_has(const struct tw_outcomes *outcomes, size_t index);
/** The child whose success fired the list early, or TW_LIST_NONE. */
TW_EXPORT size_t tw_outcomes_winner(const struct tw_outcomes *outcomes);

TW_END_DECLS

#endif
