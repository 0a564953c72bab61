/*
 * The semaphore: permits, which it calls tokens.
 */
#include <twine/deferred/semaphore.h>

#include <errno.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/permits_internal.h>

struct tw_deferred_semaphore {
    struct tw__permits permits;
};

int tw_deferred_semaphore_new(size_t tokens, struct tw_deferred_semaphore **ret_semaphore)
{
    struct tw__permits *permits = NULL;
    int rc;
    if (!tokens || !ret_semaphore)
        return tw__misuse(-EINVAL,
                          "tw_deferred_semaphore_new: needs a token or more, and ret_semaphore");
    rc = tw__permits_new(tokens, &permits);
    if (rc >= 0)
        *ret_semaphore = (struct tw_deferred_semaphore *)permits;
    return rc;
}

struct tw_deferred_semaphore *tw_deferred_semaphore_ref(struct tw_deferred_semaphore *semaphore)
{
    if (semaphore)
        semaphore->permits.refs++;
    return semaphore;
}

struct tw_deferred_semaphore *tw_deferred_semaphore_unref(struct tw_deferred_semaphore *semaphore)
{
    if (semaphore)
        tw__permits_unref(&semaphore->permits);
    return NULL;
}

int tw_deferred_semaphore_acquire(struct tw_deferred_semaphore *semaphore,
                                  struct tw_deferred **ret_deferred)
{
    if (!semaphore || !ret_deferred)
        return tw__misuse(-EINVAL,
                          "tw_deferred_semaphore_acquire: needs a semaphore and ret_deferred");
    return tw__permits_acquire(&semaphore->permits, ret_deferred);
}

int tw_deferred_semaphore_release(struct tw_deferred_semaphore *semaphore)
{
    if (!semaphore || !tw__permits_release(&semaphore->permits))
        return tw__misuse(
            -EINVAL, "tw_deferred_semaphore_release: needs a semaphore of which a token is out");
    return 0;
}

int tw_deferred_semaphore_run(struct tw_deferred_semaphore *semaphore, tw_call_fn fn, void *arg,
                              tw_destroy_fn destroy, struct tw_deferred **ret_deferred)
{
    int rc =
        semaphore && fn && ret_deferred
            ? tw__permits_run(&semaphore->permits, fn, arg, destroy, ret_deferred)
            : tw__misuse(-EINVAL, "tw_deferred_semaphore_run: needs a semaphore, a function and "
                                  "ret_deferred");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}

size_t tw_deferred_semaphore_tokens(const struct tw_deferred_semaphore *semaphore)
{
    return semaphore ? semaphore->permits.free : 0;
}

size_t tw_deferred_semaphore_limit(const struct tw_deferred_semaphore *semaphore)
{
    return semaphore ? semaphore->permits.limit : 0;
}

size_t tw_deferred_semaphore_waiting(const struct tw_deferred_semaphore *semaphore)
{
    return semaphore ? semaphore->permits.waiters.count : 0;
}
