/*
 * Shutdown: one visit to the books that ends all that can be ended, and a wait for the end.
 *
 * Who waits for a team's end is in a list inside the coordinator. Whoever makes the team end wakes
 * all in the list, once the books are closed for good; who is too late to be in it sees that inside.
 */
#include <twine/threads/shutdown_internal.h>

#include <errno.h>
#include <string.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/pool_internal.h>
#include <twine/threads/team_internal.h>
#include <twine/threads/worker_internal.h>

/* What waits is given up before the quit, so that nobody is woken for it. */
static void ask_to_end(struct tw_team *team, struct outcome *outcome)
{
    atomic_store_explicit(&team->is_stopping, true, memory_order_release);
    tw__books_give_up(team, -ECANCELED, outcome);
    tw__books_quit(team, outcome);
    tw__books_cancel_suspended(team);
}

static uint64_t count_given_up(struct tw_team *team)
{
    return atomic_load_explicit(&team->coord.given_up, memory_order_relaxed) +
           atomic_load_explicit(&team->given_up, memory_order_relaxed);
}

void tw__team_cut_short(struct tw_team *team)
{
    struct outcome outcome;
    if (!tw__team_enter(team, &outcome))
        return;
    tw__books_cancel_suspended(team);
    tw__team_leave(team, &outcome);
}

static bool add_ender(struct tw_team *team, struct tw__ender *ender)
{
    if (team->coord.has_ended)
        return false;
    ender->next = team->coord.enders;
    team->coord.enders = ender;
    return true;
}

/* false: the team has ended, and the list is being gone through, outside. */
static bool remove_ender(struct tw_team *team, struct tw__ender *ender)
{
    struct tw__ender **place = &team->coord.enders;
    if (team->coord.has_ended)
        return false;
    while (*place != ender)
        place = &(*place)->next;
    *place = ender->next;
    return true;
}

/* false: not in time. */
static bool wait_for_end(struct tw_team *team, uint64_t deadline)
{
    struct tw_clock *clock = tw_clock_monotonic();
    struct tw__ender ender;
    struct outcome outcome;
    bool is_added, has_ended = true;
    tw__park_init(&ender.park);
    if (!tw__team_enter(team, &outcome))
        return false;
    is_added = add_ender(team, &ender);
    tw__team_leave(team, &outcome);
    if (is_added && !tw__park_wait(&ender.park, clock, deadline)) {
        if (!tw__team_enter(team, &outcome))
            return false;
        has_ended = !remove_ender(team, &ender);
        tw__team_leave(team, &outcome);
        if (has_ended)
            tw__park_wait(&ender.park, clock, TW_NEVER); /* it is being woken right now */
    }
    tw__park_done(&ender.park);
    return has_ended;
}

static void describe(struct tw_team *team, size_t running, struct tw_shutdown_report *report)
{
    int listed = tw_team_running(team, report->jobs, TW_SHUTDOWN_JOBS);
    report->running = running;
    report->described = listed < TW_SHUTDOWN_JOBS ? (size_t)listed : TW_SHUTDOWN_JOBS;
}

static size_t count_running(struct tw_team *team)
{
    struct outcome outcome;
    size_t running;
    if (!tw__team_enter(team, &outcome))
        return 0;
    running = atomic_load_explicit(&team->coord.busy, memory_order_relaxed) +
              atomic_load_explicit(&team->coord.jobs_suspended, memory_order_relaxed);
    tw__team_leave(team, &outcome);
    return running;
}

static int shutdown_team(struct tw_team *team, uint64_t deadline, struct tw_shutdown_report *report)
{
    struct outcome outcome;
    uint64_t before, after;
    bool has_ended;
    if (!tw__team_enter(team, &outcome))
        return -ENOTSUP; /* before anything is refused: inside the coordinator nobody would quit */
    tw__team_refuse(team);
    tw__team_close_inbox(team, &outcome); /* with what was accepted before that by the short way */
    before = count_given_up(team);
    ask_to_end(team, &outcome);
    has_ended = team->coord.has_ended;
    tw__team_leave(team, &outcome);
    after = count_given_up(team); /* with what waited with jobs; others may have counted too */
    report->given_up = after > before ? (size_t)(after - before) : 0;
    if (tw__frame_is_inside(&team->base))
        return tw__misuse(
            -EDEADLK,
            "tw_team_shutdown or tw_pool_shutdown: one of its own workers cannot wait for the end");
    if (tw_clock_now(tw_clock_monotonic()) < deadline && tw__frame_forbids_blocking() && !has_ended)
        return tw__misuse(
            -EDEADLK, "tw_team_shutdown or tw_pool_shutdown: the thread of a loop that turns, or "
                      "inside a lock worker, cannot be blocked");
    if (wait_for_end(team, deadline))
        return 0;
    describe(team, count_running(team), report);
    return -ETIMEDOUT;
}

static bool is_report(const struct tw_shutdown_report *report)
{
    return !report || report->size == sizeof *report;
}

static void begin_report(struct tw_shutdown_report *report)
{
    memset(report, 0, sizeof *report);
    report->size = sizeof *report;
}

int tw_team_shutdown(struct tw_team *team, int64_t timeout, struct tw_shutdown_report *ret_report)
{
    struct tw_shutdown_report report;
    uint64_t deadline = tw_time_add(tw_clock_now(tw_clock_monotonic()), timeout);
    int rc;
    if (!team || timeout < 0 || !is_report(ret_report))
        return tw__misuse(-EINVAL, "tw_team_shutdown: needs a team, a timeout of 0 or more, and a "
                                   "report whose size is set");
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    begin_report(&report);
    rc = shutdown_team(team, deadline, &report);
    if (ret_report)
        *ret_report = report;
    return rc;
}

int tw_pool_shutdown(struct tw_pool *pool, int64_t timeout, struct tw_shutdown_report *ret_report)
{
    struct tw_clock *clock = tw_clock_monotonic();
    struct tw_team *team = tw_pool_team(pool);
    struct tw_shutdown_report report;
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    int rc;
    if (!pool || timeout < 0 || !is_report(ret_report))
        return tw__misuse(-EINVAL, "tw_pool_shutdown: needs a pool, a timeout of 0 or more, and a "
                                   "report whose size is set");
    if (tw__worker_is_inherited(&team->base))
        return -EOWNERDEAD;
    begin_report(&report);
    rc = shutdown_team(team, deadline, &report);
    if (rc >= 0) {
        int64_t left =
            deadline == TW_NEVER ? TW_FOREVER : tw_time_between(tw_clock_now(clock), deadline);
        rc = tw_pool_join(pool, left < 0 ? 0 : left);
        if (rc == -ETIMEDOUT)
            describe(team, tw__pool_threads(pool), &report);
    }
    if (ret_report)
        *ret_report = report;
    return rc;
}
