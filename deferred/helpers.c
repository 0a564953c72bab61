/*
 * Small things around Deferreds.
 */
#include <twine/deferred/helpers.h>

#include <errno.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>

/* The Deferred comes first, so that a call that has been made has somewhere to leave its outcome. */
static int call_now(tw_call_fn fn, void *arg, struct tw_result *result,
                    struct tw_deferred **ret_deferred)
{
    struct tw_deferred *deferred;
    int rc;
    if (!fn || !ret_deferred)
        return tw__misuse(-EINVAL,
                          "tw_deferred_execute or tw_deferred_maybe: needs fn and ret_deferred");
    rc = tw_deferred_succeed(NULL, NULL, &deferred);
    if (rc < 0)
        return rc;
    fn(result, arg);
    if (tw_result_kind(result) == TW_RESULT_DEFERRED) {
        tw_deferred_unref(deferred);
        deferred = (struct tw_deferred *)tw__result_take_deferred(result);
    } else {
        tw_result_move(result, &deferred->result);
    }
    *ret_deferred = deferred;
    return 0;
}

static int call_and_destroy(tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                            struct tw_result *result, struct tw_deferred **ret_deferred)
{
    int rc = call_now(fn, arg, result, ret_deferred);
    if (destroy)
        destroy(arg);
    return rc;
}

int tw_deferred_execute(tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                        struct tw_deferred **ret_deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    return call_and_destroy(fn, arg, destroy, &result, ret_deferred);
}

int tw_deferred_maybe(tw_call_fn fn, void *arg, tw_destroy_fn destroy,
                      struct tw_deferred **ret_deferred)
{
    struct tw_result result = {NULL, NULL, TW_RESULT_VALUE, 1};
    return call_and_destroy(fn, arg, destroy, &result, ret_deferred);
}

void tw_result_log_error(struct tw_result *result, void *text)
{
    const char *sentence = text ? (const char *)text : "an error";
    if (tw_result_is_failure(result))
        tw__report(TW_REPORT_WARNING, sentence, tw_result_failure(result));
}

void tw_result_passthru(struct tw_result *result, void *arg)
{
    (void)result;
    (void)arg;
}
