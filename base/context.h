/*
 * Context: values that travel with work, from where it was submitted to where it runs and to the
 * delivery of its result (Twisted's python.context, CTX).
 *
 * A context is an immutable chain of bindings, each a key and a value; one is in force on a thread
 * at a time, and NULL is the empty one. What carries work for you takes the context in force where
 * you hand it over, puts it in force while the work, the destroy of its argument and the delivery
 * run, and puts back afterwards what was in force there: tw_defer_to_pool() and
 * tw_defer_to_thread(), calls of a reactor from, in and after, tw_start_thread_soon(), and
 * Twisted's ThreadPool. A task of your own is a bare node, and carries none.
 *
 *     static struct tw_context_key request_id = TW_CONTEXT_KEY("request id");
 *
 *     struct tw_context *before = NULL;
 *     rc = tw_context_enter_with(&request_id, strdup(id), free, &before);
 *     if (rc >= 0) {
 *         rc = tw_defer_to_thread(reactor, look_up, request, NULL, &deferred);
 *         tw_context_leave(before);
 *     }
 *     ...
 *     log("%s: ...", (const char *)tw_context_get(&request_id));     in look_up, and in callbacks
 */
#ifndef TWINE_BASE_CONTEXT_H
#define TWINE_BASE_CONTEXT_H

#include <twine/base/result.h>

TW_BEGIN_DECLS

struct tw_context;

/** What a value is found by: its address. Usually static. */
struct tw_context_key {
    const char *name; /**< for people */
    void *_default;
};

/** The initialiser of a key. */
#define TW_CONTEXT_KEY(name) \
    {                        \
        (name), 0            \
    }

/**
 * Make a context that binds one value more than another does.
 *
 * Thread:    any.
 * Ownership: the parent is borrowed; the new one takes a reference. (value, destroy) is consumed,
 *            on error too: destroy is called when the last holder lets go, on whatever thread that
 *            is; it may be NULL. The context is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL without a key or ret_context.
 *
 * @param parent where other keys are looked up; NULL: the empty one
 */
TW_EXPORT int tw_context_with(struct tw_context *parent, const struct tw_context_key *key,
                              void *value, tw_destroy_fn destroy, struct tw_context **ret_context);

/** Hold a context once more. Thread: any. Returns: the context; NULL for NULL. */
TW_EXPORT struct tw_context *tw_context_ref(struct tw_context *context);
/** Let go of a context. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_context *tw_context_unref(struct tw_context *context);

/** The context in force on this thread. Ownership: yours to unref. Returns: NULL for the empty
 * one. */
TW_EXPORT struct tw_context *tw_context_current(void);

/**
 * Look a key up in the context in force on this thread: its innermost binding, or else its
 * process-wide default (CTX-001).
 *
 * Thread:    any. It costs a step for each binding inside the one that is found.
 * Ownership: borrowed: a bound value lives while that context is in force, or as long as you hold
 *            it.
 * Returns:   the value; NULL if there is none.
 */
TW_EXPORT void *tw_context_get(const struct tw_context_key *key);

/**
 * Set what a key gives where nothing is bound to it, on every thread (CTX-004).
 *
 * Thread:    any.
 * Ownership: borrowed: it must live as long as anybody may look the key up.
 * Returns:   0; -EINVAL for NULL.
 */
TW_EXPORT int tw_context_set_default(struct tw_context_key *key, void *value);

/**
 * Put a context in force on this thread, until tw_context_leave().
 *
 * Each enter needs its leave, in the reverse order, on the same thread and inside the same work.
 *
 * Ownership: borrowed; it is held while it is in force.
 * Returns:   what was in force before: to be handed to tw_context_leave(), which takes it back.
 */
TW_EXPORT struct tw_context *tw_context_enter(struct tw_context *context);

/** Bind one value more than what is in force here, and put that in force, until tw_context_leave().
 *  Ownership: as of tw_context_with(). Returns: 0; -ENOMEM; -EINVAL: and then nothing has been
 *  entered. */
TW_EXPORT int tw_context_enter_with(const struct tw_context_key *key, void *value,
                                    tw_destroy_fn destroy, struct tw_context **ret_before);

/** Put back what was in force before an enter. */
TW_EXPORT void tw_context_leave(struct tw_context *before);

/** Call a function with a context in force (CTX-002, CTX-003). Ownership: the context is borrowed;
 * result and arg are handed on. */
TW_EXPORT void tw_context_call(struct tw_context *context, tw_call_fn fn, struct tw_result *result,
                               void *arg);

TW_END_DECLS

#endif
