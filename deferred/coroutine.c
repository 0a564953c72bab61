/*
 * Coroutines: their beginning, their end, and who runs when.
 *
 * Whoever fires what a coroutine waits for resumes it, by switching to its stack, and goes on when
 * it waits again or ends. So coroutines that run are nested like calls, each on its own stack: one
 * that resumes another, or by its end fires what another waits for, needs some frames of its own
 * stack and none of anybody else's. A row of any length runs in constant stack.
 */
#include <twine/deferred/coroutine_internal.h>

#include <errno.h>
#include <twine/base/context_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/self_internal.h>

#define STACK_SIZE ((size_t)256 * 1024)

void tw__coroutine_drop_hold(struct tw__coroutine *coroutine)
{
    if (--coroutine->holds == 0)
        tw__free(coroutine);
}

static void release_outcome(struct tw_deferred *deferred)
{
    tw__coroutine_drop_hold(TW_CONTAINER(deferred, struct tw__coroutine, deferred));
}

bool tw__coroutine_is_outcome(const struct tw_deferred *deferred)
{
    return deferred->release == release_outcome;
}

/* --- running ---------------------------------------------------------------------------------- */

/* The callbacks that run because of it see its context, and are in no coroutine. */
static void fire(struct tw__coroutine *coroutine, struct tw_result *result)
{
    tw__here.coroutine = NULL;
    tw__here.cancel_flag = NULL;
    tw__context_swap_back(coroutine->context, coroutine->context); /* tells if one was not left */
    tw_source_fire(tw__source_of(&coroutine->deferred), result);
    tw__context_swap_back(NULL, coroutine->context);
}

static void run(void *arg)
{
    struct tw__coroutine *coroutine = (struct tw__coroutine *)arg;
    struct tw_result result = TW_RESULT_INIT;
    struct tw__fiber *back;
    tw__here.coroutine = coroutine;
    tw__here.cancel_flag = &coroutine->is_asked_to_stop;
    tw__here.context = coroutine->context;
    coroutine->fn(&result, coroutine->arg);
    if (coroutine->destroy)
        coroutine->destroy(coroutine->arg);
    tw__coroutine_move(coroutine, COROUTINE_ENDED);
    back = coroutine->resumer;
    fire(coroutine, &result);
    tw__context_drop(coroutine->context);
    if (coroutine->mailbox)
        tw_worker_unref(&coroutine->mailbox->base);
    tw_source_unref(tw__source_of(&coroutine->deferred));
    tw__fiber_exit(back);
}

/* --- spawning --------------------------------------------------------------------------------- */

static void init(struct tw__coroutine *coroutine, struct tw_reactor *reactor)
{
    int i;
    tw__deferred_init(&coroutine->deferred, tw__coroutine_cancel, NULL, NULL, release_outcome);
    coroutine->waiting.cut_short = tw__coroutine_cut_short;
    coroutine->mailbox = reactor ? reactor->_common->mailbox : NULL;
    if (reactor)
        tw_worker_ref(&coroutine->mailbox->base);
    coroutine->state = COROUTINE_NEW;
    coroutine->holds = 1;
    coroutine->context = tw__context_capture();
    atomic_init(&coroutine->is_asked_to_stop, false);
    coroutine->wait.link = NULL;
    coroutine->wait.count = 0;
    for (i = 0; i < TW__MOST_LINKS; i++) {
        coroutine->links[i].coroutine = coroutine;
        coroutine->links[i].is_in_use = false;
    }
}

static int may_spawn(struct tw_reactor *reactor, tw_call_fn fn,
                     const struct tw_spawn_options *options)
{
    uintptr_t thread =
        reactor ? atomic_load_explicit(&reactor->_common->thread, memory_order_relaxed) : 0;
    if (!fn || (options && options->size < sizeof *options))
        return tw__misuse(-EINVAL, "tw_spawn: needs a function, and options whose size is set");
    if (thread && thread != tw__self())
        return tw__misuse(-EINVAL, "tw_spawn: this is the wrong thread; a coroutine is spawned on "
                                   "the thread of its reactor");
    return reactor && !tw__reactor_is_open(reactor) ? -ESHUTDOWN : 0;
}

static int make(struct tw_reactor *reactor, const struct tw_spawn_options *options,
                struct tw__coroutine **ret_coroutine)
{
    size_t stack_size = options && options->stack_size ? options->stack_size : STACK_SIZE;
    struct tw__coroutine *coroutine = (struct tw__coroutine *)tw__malloc(sizeof *coroutine);
    int rc = coroutine ? tw__fiber_new(stack_size, run, coroutine, &coroutine->fiber) : -ENOMEM;
    if (rc < 0) {
        tw__free(coroutine);
        return rc;
    }
    init(coroutine, reactor);
    *ret_coroutine = coroutine;
    return 0;
}

int tw_spawn(struct tw_reactor *reactor, tw_call_fn fn, void *arg, tw_destroy_fn destroy,
             const struct tw_spawn_options *options, struct tw_deferred **ret_deferred)
{
    struct tw__coroutine *coroutine = NULL;
    int rc = may_spawn(reactor, fn, options);
    if (rc >= 0)
        rc = make(reactor, options, &coroutine);
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    coroutine->fn = fn;
    coroutine->arg = arg;
    coroutine->destroy = destroy;
    /* Before it runs: it may come to its end here, and arg go, with the place that this is kept in.
     * Without a handle to give, ours is held for as long. */
    if (ret_deferred)
        *ret_deferred = &coroutine->deferred;
    tw__coroutine_resume(coroutine);
    if (!ret_deferred)
        tw_deferred_unref(&coroutine->deferred);
    return 0;
}
