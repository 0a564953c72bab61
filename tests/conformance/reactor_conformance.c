/*
 * The suite for reactors: a stage for each check that is for the kind, then the suite for workers.
 */
#include "stage_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A task that submits itself again comes back once a turn. */
#define WORKER_TURNS 400

struct suite {
    const struct tw_reactor_conformance_kind *kind;
    tw_conformance_report_fn report;
    void *arg;
    int failed;
    struct stage *stage; /* of the worker that is tried */
};

static void tell(struct suite *suite, const char *check, const char *wrong)
{
    suite->failed += wrong != NULL;
    if (suite->report)
        suite->report(suite->arg, check, wrong);
}

static bool aborts_on_misuse(void)
{
    const char *wish = getenv("TWINE_ABORT_ON_MISUSE");
    return wish && strcmp(wish, "1") == 0;
}

static unsigned has(const struct stage *stage)
{
    const struct tw_reactor_conformance_kind *kind = stage->kind;
    return (kind->turn ? NEEDS_TURN : NEEDS_RUN) | (kind->dispatch ? NEEDS_DISPATCH : 0) |
           (kind->advance ? 0 : NEEDS_TIME) | (aborts_on_misuse() ? 0 : NEEDS_PATIENCE) |
           (stage->reactor && stage->reactor->_ops->watch == tw_reactor_watch_none
                ? 0
                : NEEDS_DESCRIPTORS);
}

static void try_one(struct suite *suite, const struct tw__reactor_check *check)
{
    struct stage *stage = stage_new(suite->kind);
    bool is_for_it;
    if (!stage) {
        tell(suite, check->name, "there is no memory to try it");
        return;
    }
    is_for_it = (check->needs & ~has(stage)) == 0;
    if (is_for_it && !stage->wrong)
        check->fn(stage);
    if (is_for_it)
        tell(suite, check->name, stage->wrong);
    stage_free(stage);
}

static void try_all(struct suite *suite, const struct tw__reactor_check *checks)
{
    for (; checks->name; checks++)
        try_one(suite, checks);
}

/* --- as a worker -------------------------------------------------------------------------------- */

static int make_worker(void *arg, struct tw_worker **ret_worker)
{
    struct suite *suite = (struct suite *)arg;
    suite->stage = stage_new(suite->kind);
    if (!suite->stage || suite->stage->wrong)
        return -ENOMEM;
    *ret_worker = tw_worker_ref(tw_reactor_worker(suite->stage->reactor));
    return 0;
}

static void run_worker(void *arg, struct tw_worker *worker)
{
    struct suite *suite = (struct suite *)arg;
    int i;
    (void)worker;
    for (i = 0; i < WORKER_TURNS; i++)
        stage_turn(suite->stage, false);
}

static void end_worker(void *arg)
{
    stage_free(((struct suite *)arg)->stage);
}

static void tell_as_worker(void *arg, const char *check, const char *wrong)
{
    char name[128];
    snprintf(name, sizeof name, "WRK-001 as a worker: %s", check);
    tell((struct suite *)arg, name, wrong);
}

static void try_as_worker(struct suite *suite)
{
    struct tw_worker_conformance_kind worker = {.size = sizeof worker,
                                                .flags = TW_CONFORMANCE_NO_QUIT,
                                                .arg = suite,
                                                .make = make_worker,
                                                .run = run_worker,
                                                .end = end_worker,
                                                .patience = suite->kind->patience};
    tw_worker_conformance(&worker, tell_as_worker, suite);
}

/* --- all of it ---------------------------------------------------------------------------------- */

static bool is_right(const struct tw_reactor_conformance_kind *kind)
{
    return kind && kind->size == sizeof *kind && kind->make && kind->patience >= 0 &&
           (!kind->dispatch || kind->turn) && !(kind->turn && kind->advance);
}

int tw_reactor_conformance(const struct tw_reactor_conformance_kind *kind,
                           tw_conformance_report_fn report, void *arg)
{
    struct suite suite = {kind, report, arg, 0, NULL};
    if (!is_right(kind))
        return -EINVAL;
    try_all(&suite, tw__reactor_checks_of_time);
    try_all(&suite, tw__reactor_checks_of_threads);
    try_all(&suite, tw__reactor_checks_of_phases);
    try_all(&suite, tw__reactor_checks_of_descriptors);
    try_as_worker(&suite);
    return suite.failed;
}
