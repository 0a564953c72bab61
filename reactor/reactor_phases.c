/*
 * What a reactor does itself in the phases of "startup" and "shutdown".
 *
 *     during startup     it is running, and watches the signals that are to stop it
 *     after startup      its pool begins to work
 *     during shutdown    those that wait are cut short, descriptors are lost, its pool is asked to
 *                        end; the phase is held, with the loop turning, until all of it is home and
 *                        has ended (R23)
 *     at the end         its mailbox is closed, and what is still out is left behind
 *
 * A shutdown as a whole takes no longer than its timeout: from then on nothing holds a phase.
 */
#include <twine/reactor/reactor_internal.h>

#include <stdio.h>
#include <string.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/shutdown_internal.h>

/* --- startup ---------------------------------------------------------------------------------- */

void tw__reactor_start_pool(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    common->is_pool_started = true;
    if (common->pool && !common->is_pool_given)
        tw_pool_set_limit(common->pool, common->pool_size);
}

static void enter_startup(struct tw_reactor *reactor, int phase)
{
    if (phase == TW_PHASE_DURING) {
        tw__reactor_move_state(reactor->_common, REACTOR_RUNNING);
        tw__reactor_begin_stop_signals(reactor);
    } else if (phase == TW_PHASE_AFTER) {
        tw__reactor_start_pool(reactor);
    }
}

/* A crash breaks it off, at the end of the pass. */
static bool may_end_startup(struct tw_reactor *reactor, bool is_held)
{
    return !is_held && !reactor->_common->wants_crash;
}

void tw__reactor_begin_startup(struct tw_reactor *reactor)
{
    reactor->_common->has_crashed = false;
    tw__reactor_move_state(reactor->_common, REACTOR_STARTING);
    tw__event_begin(reactor, &reactor->_common->startup);
}

/* --- a shutdown that runs out of time ---------------------------------------------------------- */

enum { CUT_TRIGGERS = 1, CUT_JOBS = 2, CUT_WAITING = 4, CUT_POOL = 8 };

/* The time is up, and this phase would be held. What is cut off is told when all of it is known. */
static void note_cut_off(struct tw__reactor_common *common, bool has_triggers)
{
    common->cut_off |= has_triggers ? CUT_TRIGGERS : 0;
    if (common->shutdown.phase != TW_PHASE_DURING)
        return;
    common->cut_off |= (common->away_count ? CUT_JOBS : 0) |
                       (common->waiting.next != &common->waiting ? CUT_WAITING : 0) |
                       (common->pool && !common->has_pool_ended ? CUT_POOL : 0);
}

/* With a timeout of 0 it was asked for. */
static void report_cut_off(struct tw__reactor_common *common)
{
    unsigned cut_off = common->shutdown_timeout ? common->cut_off : 0;
    char text[192];
    common->cut_off = 0;
    if (!cut_off)
        return;
    snprintf(text, sizeof text, "a reactor's shutdown has run out of time; left behind:%s%s%s%s",
             cut_off & CUT_TRIGGERS ? " triggers that hold it," : "",
             cut_off & CUT_JOBS ? " jobs that are out," : "",
             cut_off & CUT_WAITING ? " coroutines and blocked calls," : "",
             cut_off & CUT_POOL ? " its pool," : "");
    text[strlen(text) - 1] = '\0'; /* a comma */
    tw__report(TW_REPORT_WARNING, text, NULL);
}

/* --- shutdown --------------------------------------------------------------------------------- */

static void pool_ended(struct tw_task *task, int status)
{
    struct tw__mailbox *mailbox = TW_CONTAINER(task, struct tw__mailbox, pool_ended);
    struct tw_reactor *reactor = status == 0 ? (struct tw_reactor *)mailbox->reactor : NULL;
    if (reactor)
        reactor->_common->has_pool_ended = true;
}

/* What was accepted runs; what is suspended is resumed with cancelled, and nothing suspends again. */
static void end_pool(struct tw__reactor_common *common)
{
    if (!common->pool)
        return;
    tw_pool_quit(common->pool);
    tw__team_cut_short(tw_pool_team(common->pool));
    tw_task_init(&common->mailbox->pool_ended, pool_ended);
    tw_pool_notify_end(common->pool, &common->mailbox->base, &common->mailbox->pool_ended);
}

static void finish_shutdown(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    report_cut_off(common);
    common->wants_stop = false;
    common->bell = TW_NEVER;
    tw__reactor_end_stop_signals(reactor);
    tw__reactor_empty_mailbox(common, 0);
    tw__reactor_move_state(common, REACTOR_STOPPED);
    tw__reactor_leave_all_behind(common);
    tw__reactor_cut_all_short(common);
}

static void enter_shutdown(struct tw_reactor *reactor, int phase)
{
    if (phase == TW_PHASE_DURING) {
        tw__reactor_move_state(reactor->_common, REACTOR_ENDING);
        tw__reactor_cut_all_short(reactor->_common);
        tw__reactor_lose_descriptors(reactor);
        end_pool(reactor->_common);
    } else if (phase == TW__PHASE_IDLE) {
        finish_shutdown(reactor);
    }
}

static bool is_all_home(struct tw__reactor_common *common)
{
    return !common->away_count && common->waiting.next == &common->waiting &&
           (!common->pool || common->has_pool_ended);
}

static bool may_end_shutdown(struct tw_reactor *reactor, bool has_triggers)
{
    struct tw__reactor_common *common = reactor->_common;
    bool is_held =
        has_triggers || (common->shutdown.phase == TW_PHASE_DURING && !is_all_home(common));
    if (is_held && tw_clock_now(common->clock) < common->shutdown_deadline)
        return false;
    if (is_held)
        note_cut_off(common, has_triggers);
    return true;
}

void tw__reactor_begin_shutdown(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    tw__reactor_move_state(common, REACTOR_STOPPING);
    common->shutdown_deadline = tw_time_add(tw_clock_now(common->clock), common->shutdown_timeout);
    tw__reactor_set_bell(reactor, common->shutdown_deadline);
    tw__event_begin(reactor, &common->shutdown);
}

/* --- both ------------------------------------------------------------------------------------- */

void tw__reactor_phases_init(struct tw__reactor_common *common)
{
    tw__event_init(&common->startup, "startup");
    common->startup.enter = enter_startup;
    common->startup.may_end = may_end_startup;
    tw__event_init(&common->shutdown, "shutdown");
    common->shutdown.enter = enter_shutdown;
    common->shutdown.may_end = may_end_shutdown;
}

/* The loop is left as it is, as if it had not started; what is out comes home in later turns. */
static void crash(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    common->wants_crash = false;
    if (common->state != REACTOR_STARTING && common->state != REACTOR_RUNNING)
        return;
    tw__event_break_off(&common->startup);
    tw__reactor_end_stop_signals(reactor);
    tw__reactor_move_state(common, REACTOR_NEW);
    common->has_crashed = true;
}

/* RCT-015: after a crash a stop shuts down, though the reactor does not run. */
static bool must_stop(const struct tw__reactor_common *common)
{
    return common->wants_stop && (common->state == REACTOR_RUNNING || common->has_crashed) &&
           common->startup.phase == TW__PHASE_IDLE && common->shutdown.phase == TW__PHASE_IDLE;
}

void tw__reactor_go_on(struct tw_reactor *reactor)
{
    struct tw__reactor_common *common = reactor->_common;
    if (common->startup.phase != TW__PHASE_IDLE)
        tw__event_go_on(reactor, &common->startup);
    if (common->wants_crash)
        crash(reactor);
    if (must_stop(common))
        tw__reactor_begin_shutdown(reactor);
    if (common->shutdown.phase != TW__PHASE_IDLE)
        tw__event_go_on(reactor, &common->shutdown);
}
