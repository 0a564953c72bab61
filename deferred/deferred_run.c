/*
 * The running of Deferreds' links (after Twisted's _runCallbacks, which is iterative for the same
 * reason).
 *
 * Those whose links run form a stack, linked through themselves. The one on top runs its links
 * until
 *     - there are none left: it comes off the stack;
 *     - a callback leaves a Deferred that has no result yet: it comes off the stack, and waits
 *       beside that one's links;
 *     - it reaches a Deferred that waits for it, or that it was chained to: that one gets its
 *       result, goes on top, and runs first.
 * So a chain of any length needs no stack of the machine's, and no memory.
 */
#include <twine/deferred/deferred_internal.h>

#include <errno.h>
#include <twine/base/failure_internal.h>

static void push(struct tw_deferred **stack, struct tw_deferred *deferred)
{
    deferred->is_running = true;
    deferred->refs++;
    deferred->next = *stack;
    *stack = deferred;
}

static void pop(struct tw_deferred **stack)
{
    struct tw_deferred *deferred = *stack;
    *stack = deferred->next;
    deferred->next = NULL;
    deferred->is_running = false;
    tw__deferred_unref(deferred);
}

/* The oldest waiter, if its place among the links has been reached. */
static struct tw_deferred *due_waiter(struct tw_deferred *deferred)
{
    struct tw_deferred *oldest = deferred->last_waiter ? deferred->last_waiter->next : NULL;
    return oldest && (int32_t)(deferred->gone + deferred->first - oldest->position) >= 0 ? oldest
                                                                                         : NULL;
}

/* The one on top comes off the stack, and its hold for running becomes one for waiting. */
static void wait_for(struct tw_deferred **stack, struct tw_deferred *inner)
{
    struct tw_deferred *outer = *stack;
    *stack = outer->next;
    outer->is_running = false;
    outer->waits_for = inner; /* the reference that was in the result */
    outer->position = inner->gone + inner->end;
    if (inner->last_waiter) {
        outer->next = inner->last_waiter->next;
        inner->last_waiter->next = outer;
    } else {
        outer->next = outer;
    }
    inner->last_waiter = outer;
}

static void remove_oldest_waiter(struct tw_deferred *inner)
{
    struct tw_deferred *oldest = inner->last_waiter->next;
    if (oldest == inner->last_waiter)
        inner->last_waiter = NULL;
    else
        inner->last_waiter->next = oldest->next;
    oldest->next = NULL;
}

/* The waiter gets the result and, unless it is paused, runs next; a paused one holds it until it is
 * unpaused, and the links behind it go on (appendix B of the catalogue, DEF-085). */
static void resume_waiter(struct tw_deferred **stack, struct tw_deferred *inner,
                          struct tw_deferred *outer)
{
    remove_oldest_waiter(inner);
    outer->waits_for = NULL;
    tw_result_move(&inner->result, &outer->result);
    if (tw__deferred_may_run(outer))
        push(stack, outer);
    tw__deferred_unref(outer); /* the waiter's hold */
    tw__deferred_unref(inner); /* outer's; inner runs, so it stays */
}

/* Whether inner waits, at some remove, for outer. Nothing can, if nothing waits for outer or is
 * chained to it. */
static bool would_wait_for_itself(struct tw_deferred *outer, struct tw_deferred *inner)
{
    if (inner == outer)
        return true;
    if (outer->last_waiter || outer->has_chained)
        for (inner = inner->waits_for; inner; inner = inner->waits_for)
            if (inner == outer)
                return true;
    return false;
}

/* The one on top has a Deferred as its result: take that one's result if it is there, wait for it
 * otherwise. */
static void follow(struct tw_deferred **stack)
{
    struct tw_deferred *outer = *stack;
    struct tw_deferred *inner = (struct tw_deferred *)tw__result_take_deferred(&outer->result);
    if (would_wait_for_itself(outer, inner)) {
        tw_result_set_failure(&outer->result, tw__failure_cycle());
        tw__deferred_unref(inner);
    } else if (tw__deferred_may_run(
                   inner)) { /* fired, and nothing left to run: else it would have run */
        tw_result_move(&inner->result, &outer->result);
        tw__deferred_unref(inner);
    } else {
        wait_for(stack, inner);
    }
}

/* A link that tw_deferred_chain() added: the target gets the result and runs next. */
static void run_chain_link(struct tw_deferred **stack, struct tw_deferred *deferred,
                           struct tw_deferred *target)
{
    target->refs++;
    if (tw__deferred_mark_fired(target)) {
        tw_result_move(&deferred->result, &target->result);
        if (tw__deferred_may_run(target))
            push(stack, target);
    } else if (target->swallows) {
        target->swallows = false;
        tw_result_done(&deferred->result);
    } else if (target->is_noted) {
        struct tw_failure *failure = tw__debug_already_called(target);
        tw_result_set_failure(&deferred->result, failure);
        tw_failure_unref(failure);
    } else {
        tw_result_fail_at(&deferred->result, NULL, 0, &TW_ERROR_ALREADY_CALLED, EALREADY,
                          "the Deferred chained to has been fired before");
    }
    tw__deferred_unref(target);
    tw_source_unref(tw__source_of(target)); /* last: the memory may go with it */
}

/* Runs links of the one on top, until there are none or it is another's turn. A link's fields are
 * read before it is called: the array may grow meanwhile. */
static void run_links(struct tw_deferred **stack, struct tw_deferred *deferred)
{
    do {
        const struct tw__link *link = &deferred->links[deferred->first++];
        tw_call_fn fn = link->fn[deferred->result._kind];
        tw_destroy_fn destroy = link->destroy;
        void *arg = link->arg;
        if (fn)
            fn(&deferred->result, arg);
        if (destroy) {
            if (destroy == tw__deferred_drop_chain_link) {
                run_chain_link(stack, deferred, (struct tw_deferred *)arg);
                return;
            }
            destroy(arg);
        }
        if (deferred->result._kind == TW_RESULT_DEFERRED) {
            follow(stack);
            return;
        }
    } while (deferred->first < deferred->end && !deferred->last_waiter);
}

/* One step of the Deferred on top of the stack. */
static void run_top(struct tw_deferred **stack)
{
    struct tw_deferred *top = *stack, *waiter = due_waiter(top);
    if (waiter)
        resume_waiter(stack, top, waiter);
    else if (top->first < top->end)
        run_links(stack, top);
    else
        pop(stack);
}

/* A pause by one of its own callbacks does not stop the links already there (DEF-064): it is looked
 * at only here. */
void tw__deferred_run_now(struct tw_deferred *deferred)
{
    struct tw_deferred *stack = NULL;
    push(&stack, deferred);
    while (stack)
        run_top(&stack);
}
