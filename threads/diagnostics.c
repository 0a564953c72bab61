/*
 * Diagnostics: a table of what was submitted and a list of what runs, both of the process, under
 * one lock. That is slow where many threads work, and only taken while diagnostics are on.
 *
 * A task has no room for a label, and must not have: so the table is keyed by the task's address. An
 * entry is made by submit and taken by begin; one whose task was given up stays until the same
 * address is submitted again, or is forgotten when that is told.
 */
#include <twine/threads/diagnostics_internal.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <twine/base/clock.h>
#include <twine/base/fork_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>

#define BUCKETS 256

struct entry {
    struct entry *next;
    const struct tw_task *task;
    const char *label, *file;
    int line;
    uint64_t submitted;
};

atomic_bool tw__diagnostics_on;

static struct {
    struct tw__lock lock;
    struct {
        struct entry *submitted[BUCKETS];
        struct tw__running *running; /* the one begun last first */
    } locked;
} all = {.lock = TW_LOCK_INIT};

/* What this thread hands over next. */
static _Thread_local struct {
    const char *label, *file;
    int line;
} next;

/* With the switch off nothing takes entries out any more: so they go. */
static struct entry *take_all_locked(void)
{
    struct entry *taken = NULL, *entry;
    size_t i;
    for (i = 0; i < BUCKETS; i++)
        while ((entry = all.locked.submitted[i])) {
            all.locked.submitted[i] = entry->next;
            entry->next = taken;
            taken = entry;
        }
    return taken;
}

/* What the parent has noted is the parent's, and so are the threads that run. */
static void start_anew(void)
{
    memset(&all.locked, 0, sizeof all.locked);
    tw__lock_init(&all.lock);
}

void tw_diagnostics_set(bool on)
{
    struct entry *taken = NULL, *after;
    tw__fork_renew(start_anew);
    tw__lock_acquire(&all.lock);
    atomic_store(&tw__diagnostics_on, on);
    if (!on)
        taken = take_all_locked();
    tw__lock_release(&all.lock);
    for (; taken; taken = after) {
        after = taken->next;
        tw__free(taken);
    }
}

__attribute__((constructor)) static void ask_environment(void)
{
    const char *wish = getenv("TWINE_DIAGNOSTICS");
    if (wish && wish[0] == '1' && !wish[1])
        tw_diagnostics_set(true);
}

bool tw_diagnostics_is_on(void)
{
    return tw__diagnostics_are_on();
}

void tw_label_at(const char *label, const char *file, int line)
{
    if (!tw__diagnostics_are_on())
        return;
    next.label = label;
    next.file = file;
    next.line = line;
}

/* --- submitted -------------------------------------------------------------------------------- */

static struct entry **find_locked(const struct tw_task *task)
{
    struct entry **place = &all.locked.submitted[((uintptr_t)task >> 4) % BUCKETS];
    while (*place && (*place)->task != task)
        place = &(*place)->next;
    return place;
}

static struct entry *take_locked(const struct tw_task *task)
{
    struct entry **place = find_locked(task), *entry = *place;
    if (entry)
        *place = entry->next;
    return entry;
}

static void note(struct tw_task *task, uint64_t now)
{
    struct entry *entry = (struct entry *)tw__malloc(sizeof *entry), *stale;
    if (!entry)
        return;
    entry->task = task;
    entry->label = next.label;
    entry->file = next.file;
    entry->line = next.line;
    entry->submitted = now;
    tw__lock_acquire(&all.lock);
    stale = take_locked(task);
    if (tw__diagnostics_are_on()) {
        struct entry **place = find_locked(task);
        entry->next = *place;
        *place = entry;
        entry = NULL;
    }
    tw__lock_release(&all.lock);
    tw__free(stale);
    tw__free(entry);
}

void tw__diagnostics_submitted(struct tw_task *const *tasks, size_t count)
{
    uint64_t now = tw_clock_now(tw_clock_monotonic());
    size_t i;
    for (i = 0; i < count; i++)
        note(tasks[i], now);
    next.label = next.file = NULL;
    next.line = 0;
}

void tw__diagnostics_forget(struct tw_task *const *tasks, size_t count)
{
    struct entry *entry;
    size_t i;
    for (i = 0; i < count; i++) {
        tw__lock_acquire(&all.lock);
        entry = take_locked(tasks[i]);
        tw__lock_release(&all.lock);
        tw__free(entry);
    }
}

/* --- running ---------------------------------------------------------------------------------- */

void tw__diagnostics_begin(struct tw__running *running, const struct tw_worker *team,
                           const struct tw_task *task)
{
    struct entry *entry;
    running->team = team;
    running->label = running->file = NULL;
    running->line = 0;
    running->submitted = 0;
    running->begun = tw_clock_now(tw_clock_monotonic());
    running->prev = NULL;
    tw__lock_acquire(&all.lock);
    entry = take_locked(task);
    if (entry) {
        running->label = entry->label;
        running->file = entry->file;
        running->line = entry->line;
        running->submitted = entry->submitted;
    }
    running->next = all.locked.running;
    if (running->next)
        running->next->prev = running;
    all.locked.running = running;
    tw__lock_release(&all.lock);
    tw__free(entry);
}

void tw__diagnostics_end(struct tw__running *running)
{
    tw__lock_acquire(&all.lock);
    if (running->prev)
        running->prev->next = running->next;
    else
        all.locked.running = running->next;
    if (running->next)
        running->next->prev = running->prev;
    tw__lock_release(&all.lock);
}

static void describe(const struct tw__running *running, uint64_t now, struct tw_running *ret)
{
    ret->label = running->label;
    ret->file = running->file;
    ret->line = running->line;
    ret->waited = running->submitted ? tw_time_between(running->submitted, running->begun) : -1;
    ret->age = tw_time_between(running->begun, now);
}

/* The list has those begun last first; so the count comes before the places. */
int tw_team_running(struct tw_team *team, struct tw_running *ret_running, size_t room)
{
    const struct tw_worker *worker = tw_team_worker(team);
    const struct tw__running *running;
    uint64_t now = tw_clock_now(tw_clock_monotonic());
    size_t count = 0, place;
    if (!team || (room && !ret_running))
        return tw__misuse(-EINVAL, "tw_team_running: needs a team, and room");
    tw__fork_renew(start_anew); /* diagnostics may never have been on */
    tw__lock_acquire(&all.lock);
    for (running = all.locked.running; running; running = running->next)
        count += running->team == worker;
    place = count;
    for (running = all.locked.running; running; running = running->next)
        if (running->team == worker && --place < room)
            describe(running, now, &ret_running[place]);
    tw__lock_release(&all.lock);
    return count < INT_MAX ? (int)count : INT_MAX;
}
