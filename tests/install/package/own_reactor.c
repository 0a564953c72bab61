/*
 * A plug-in of a user's own, on poll(), and the suite that every kind passes.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <twine/reactor/plug_ins.h>
#include <twine/reactor/reactor_ops.h>
#include <twine/test/reactor_conformance.h>

struct own_reactor {
    struct tw_reactor base;
    uint64_t deadline; /* what set_timer was told, until it has come */
    bool must_pass;
};

static int own_set_timer(struct tw_reactor *reactor, uint64_t deadline)
{
    ((struct own_reactor *)reactor)->deadline = deadline;
    return 0;
}

static void own_again(struct tw_reactor *reactor)
{
    ((struct own_reactor *)reactor)->must_pass = true;
}

static void own_set_alive(struct tw_reactor *reactor, bool alive) /* it does not end by itself */
{
    (void)reactor;
    (void)alive;
}

/* In milliseconds, rather too long than too short; -1: for ever. */
static int how_long(const struct own_reactor *own)
{
    int64_t left = tw_time_between(tw_clock_now(tw_clock_monotonic()), own->deadline);
    if (own->deadline == TW_NEVER)
        return -1;
    if (left > 1000 * TW_SECOND)
        left = 1000 * TW_SECOND;
    return left <= 0 ? 0 : (int)((left + TW_MILLISECOND - 1) / TW_MILLISECOND);
}

static int own_turn(struct tw_reactor *reactor, bool block)
{
    struct own_reactor *own = (struct own_reactor *)reactor;
    struct pollfd wake = {tw_reactor_wake_fd(reactor), POLLIN, 0};
    if (poll(&wake, 1, block && !own->must_pass ? how_long(own) : 0) > 0) {
        tw_reactor_woken(reactor);
        own->must_pass = true;
    }
    if (own->deadline <= tw_clock_now(tw_clock_monotonic())) {
        own->deadline = TW_NEVER;
        own->must_pass = true;
    }
    if (own->must_pass) {
        own->must_pass = false;
        tw_reactor_pass(reactor);
    }
    return 0;
}

static void own_destroy(struct tw_reactor *reactor)
{
    tw_reactor_done(reactor);
    free(reactor);
}

static const struct tw_reactor_ops own_ops = {
    sizeof(struct tw_reactor_ops), "own",    own_set_timer, own_again, own_set_alive,
    tw_reactor_watch_none,         own_turn, own_destroy};

static int own_new(void *arg, struct tw_reactor **ret_reactor)
{
    struct own_reactor *own = (struct own_reactor *)calloc(1, sizeof *own);
    int rc = own ? tw_reactor_init(&own->base, &own_ops, tw_clock_monotonic()) : -ENOMEM;
    (void)arg;
    if (rc < 0) {
        free(own);
        return rc;
    }
    own->deadline = TW_NEVER;
    *ret_reactor = &own->base;
    return 0;
}

static int by_name(void *name, struct tw_reactor **ret_reactor)
{
    return tw_reactor_new((const char *)name, ret_reactor);
}

static void print(void *arg, const char *check, const char *wrong)
{
    (void)arg;
    printf("%s: %s\n", check, wrong ? wrong : "kept");
}

int main(void)
{
    char name[] = "own";
    struct tw_reactor_conformance_kind kind = {0};
    kind.size = sizeof kind;
    kind.arg = name;
    kind.make = by_name;
    if (tw_plug_in_add(name, "poll, and nothing else", own_new, NULL, NULL) < 0)
        return 2;
    return tw_reactor_conformance(&kind, print, NULL) != 0;
}
