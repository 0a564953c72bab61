/*
 * Contexts: counted links of a chain that only grows inwards, so that nothing needs a lock.
 *
 * What is in force on a thread is either entered here, and then the thread has a reference of its
 * own, or lent by whoever runs work there; leave drops what the matching enter took, and so never
 * touches what was lent.
 */
#include <twine/base/context_internal.h>

#include <errno.h>
#include <stdatomic.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

struct tw_context {
    atomic_uint refs;
    struct tw_context *parent; /* a reference */
    const struct tw_context_key *key;
    void *value;
    tw_destroy_fn destroy;
};

static struct tw_context *bind(struct tw_context *parent, const struct tw_context_key *key,
                               void *value, tw_destroy_fn destroy)
{
    struct tw_context *context = (struct tw_context *)tw__malloc(sizeof *context);
    if (!context)
        return NULL;
    atomic_init(&context->refs, 1);
    context->parent = tw_context_ref(parent);
    context->key = key;
    context->value = value;
    context->destroy = destroy;
    return context;
}

int tw_context_with(struct tw_context *parent, const struct tw_context_key *key, void *value,
                    tw_destroy_fn destroy, struct tw_context **ret_context)
{
    struct tw_context *context = NULL;
    int rc = 0;
    if (!key || !ret_context)
        rc = tw__misuse(-EINVAL,
                        "tw_context_with or tw_context_enter_with: needs a key and ret_context");
    else if (!(context = bind(parent, key, value, destroy)))
        rc = -ENOMEM;
    if (rc < 0) {
        if (destroy)
            destroy(value);
        return rc;
    }
    *ret_context = context;
    return 0;
}

struct tw_context *tw_context_ref(struct tw_context *context)
{
    /* Relaxed: whoever refs holds a reference already. */
    if (context)
        atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

/* A loop, so that a long chain needs no stack. */
struct tw_context *tw_context_unref(struct tw_context *context)
{
    /* Release what we did with it, acquire what all others did, before it goes. */
    while (context && atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) == 1) {
        struct tw_context *parent = context->parent;
        if (context->destroy)
            context->destroy(context->value);
        tw__free(context);
        context = parent;
    }
    return NULL;
}

struct tw_context *tw_context_current(void)
{
    return tw__context_capture();
}

void *tw_context_get(const struct tw_context_key *key)
{
    const struct tw_context *context;
    for (context = tw__here.context; context; context = context->parent)
        if (context->key == key)
            return context->value;
    /* Acquire: who finds a default sees what it points to. */
    return key ? __atomic_load_n(&key->_default, __ATOMIC_ACQUIRE) : NULL;
}

int tw_context_set_default(struct tw_context_key *key, void *value)
{
    if (!key)
        return tw__misuse(-EINVAL, "tw_context_set_default: needs a key");
    __atomic_store_n(&key->_default, value, __ATOMIC_RELEASE);
    return 0;
}

struct tw_context *tw_context_enter(struct tw_context *context)
{
    return tw__context_swap(tw_context_ref(context));
}

int tw_context_enter_with(const struct tw_context_key *key, void *value, tw_destroy_fn destroy,
                          struct tw_context **ret_before)
{
    struct tw_context *context = NULL;
    int rc;
    if (!ret_before) {
        if (destroy)
            destroy(value);
        return tw__misuse(-EINVAL, "tw_context_enter_with: needs ret_before, for the leave");
    }
    rc = tw_context_with(tw__here.context, key, value, destroy, &context);
    if (rc >= 0)
        *ret_before = tw__context_swap(context);
    return rc;
}

void tw_context_leave(struct tw_context *before)
{
    tw_context_unref(tw__context_swap(before));
}

void tw_context_call(struct tw_context *context, tw_call_fn fn, struct tw_result *result, void *arg)
{
    struct tw_context *before = tw_context_enter(context);
    fn(result, arg);
    tw_context_leave(before);
}

void tw__context_was_left(struct tw_context *left)
{
    tw_context_unref(left);
    tw__misuse(-EINVAL, "work entered a context and ended without tw_context_leave()");
}
