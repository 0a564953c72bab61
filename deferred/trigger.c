/*
 * The release is the destructor of a callback that does nothing: it is called once the Deferred has
 * come that far, or can come no further.
 */
#include <twine/deferred/trigger.h>

#include <errno.h>
#include <twine/base/report_internal.h>

static void pass_on(struct tw_result *result, void *trigger)
{
    (void)result;
    (void)trigger;
}

static void release(void *arg)
{
    struct tw_trigger *trigger = (struct tw_trigger *)arg;
    tw_trigger_release(trigger);
    tw_trigger_unref(trigger);
}

int tw_trigger_hold_until(struct tw_trigger *trigger, struct tw_deferred *deferred)
{
    int rc;
    if (!trigger || !deferred)
        return tw__misuse(-EINVAL, "tw_trigger_hold_until: needs a trigger and a Deferred");
    rc = tw_trigger_hold(trigger);
    if (rc < 0)
        return rc;
    return tw_deferred_add_both(deferred, pass_on, tw_trigger_ref(trigger), release);
}
