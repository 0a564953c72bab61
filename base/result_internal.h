/*
 * Results, for the floors above: what a Deferred needs to be held by one, and to take it out.
 */
#ifndef TWINE_BASE_RESULT_INTERNAL_H
#define TWINE_BASE_RESULT_INTERNAL_H

#include <twine/base/result.h>

/* Put a Deferred into a result as an opaque pointer, with what lets go of it. 0; -EINVAL if the
 * result does not take any, and then unref has been called. */
int tw__result_set_deferred(struct tw_result *result, void *deferred, tw_destroy_fn unref);

/* Take the Deferred out; the result holds null then. */
void *tw__result_take_deferred(struct tw_result *result);

/* Move into a result that holds null: nothing there has to be destroyed. */
static inline void tw__result_move_to_null(struct tw_result *from, struct tw_result *to)
{
    to->_held = from->_held;
    to->_destroy = from->_destroy;
    to->_kind = from->_kind;
    from->_held = 0;
    from->_destroy = 0;
    from->_kind = TW_RESULT_VALUE;
}

/* Report a failure that work or a callback left and nobody will see, then hold null. */
void tw__result_done_slowly(struct tw_result *result, const char *text);

static inline void tw__result_done_reporting(struct tw_result *result, const char *text)
{
    if (result->_destroy)
        tw__result_done_slowly(result, text);
    else
        result->_held = 0; /* a value that nothing has to be done for */
}

#endif
