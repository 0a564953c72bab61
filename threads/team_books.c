/*
 * The books of a team; team_internal.h says what always holds.
 *
 * Each function here is one visit, some dozens of instructions. After Twisted's Team: coordinate,
 * recycle, grow, shrink and quit are its words (TEA).
 */
#include <twine/threads/team_books_internal.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/threads/shortage_internal.h>

/* --- slots ------------------------------------------------------------------------------------ */

static void push_slot(struct slot **list, struct slot *slot)
{
    slot->next = *list;
    *list = slot;
}

static void add_idle(struct tw_team *team, struct slot *slot)
{
    slot->prev = NULL;
    slot->next = team->coord.idle.first;
    if (slot->next)
        slot->next->prev = slot;
    else
        team->coord.idle.last = slot;
    team->coord.idle.first = slot;
    books_add(&team->coord.idles, 1);
}

/* At the far end: it is chosen last, and does not go. */
static void add_pinned(struct tw_team *team, struct slot *slot)
{
    slot->next = NULL;
    slot->prev = team->coord.idle.last;
    if (slot->prev)
        slot->prev->next = slot;
    else
        team->coord.idle.first = slot;
    team->coord.idle.last = slot;
    books_add(&team->coord.idles, 1);
    team->coord.pinned++;
}

/* Idle ones that no suspended job keeps. */
static size_t free_to_go(struct tw_team *team)
{
    return books_get(&team->coord.idles) - team->coord.pinned;
}

void tw__books_remove_idle(struct tw_team *team, struct slot *slot)
{
    if (slot->prev)
        slot->prev->next = slot->next;
    else
        team->coord.idle.first = slot->next;
    if (slot->next)
        slot->next->prev = slot->prev;
    else
        team->coord.idle.last = slot->prev;
    books_add(&team->coord.idles, -1);
    team->coord.pinned -= slot->suspended > 0;
    if (team->coord.overstayed > free_to_go(team))
        team->coord.overstayed = free_to_go(team);
}

void tw__books_give_up(struct tw_team *team, int why, struct outcome *outcome)
{
    while (books_get(&team->coord.waiting)) {
        struct tw_task *task = books_pop(team);
        books_count(&team->coord.given_up);
        tw__task_give_up(task, why); /* here, so that no cancel finds it on its way */
        tw__task_queue_append(&outcome->given_up, task);
    }
}

/* --- what a worker does next ------------------------------------------------------------------ */

static void retire(struct slot *slot, struct outcome *outcome)
{
    slot_move(slot, SLOT_GONE);
    if (slot->team->policy)
        slot->worker->_slot = NULL;
    push_slot(&outcome->to_quit, slot);
}

/* Those idle longest, so that the ones last used stay warm. */
static void retire_idle(struct tw_team *team, size_t n, struct outcome *outcome)
{
    struct slot *slot = team->coord.idle.last, *before;
    for (; slot && n > 0; slot = before) {
        before = slot->prev;
        if (slot->suspended)
            continue;
        if (team->coord.overstayed)
            team->coord.overstayed--;
        tw__books_remove_idle(team, slot);
        retire(slot, outcome);
        n--;
    }
}

static size_t lack(struct tw_team *team)
{
    bool lacks = !team->coord.should_quit && team->coord.keep > books_live(team);
    return lacks ? team->coord.keep - books_live(team) : 0;
}

static void note_lack(struct tw_team *team)
{
    team->coord.is_lacking = lack(team) > 0;
}

/* A worker that is counted nowhere, and for which nothing waits (TEA-012, TEA-013). Inline, since
 * nearly every visit comes by here. */
static inline void rest(struct tw_team *team, struct slot *slot, struct outcome *outcome)
{
    if (slot->suspended) {
        slot_move(slot, SLOT_IDLE);
        add_pinned(team, slot);
    } else if (team->coord.should_quit) {
        retire(slot, outcome);
        retire_idle(team, TW_TEAM_ALL, outcome);
    } else if (team->coord.to_shrink > 0) {
        team->coord.to_shrink--;
        retire(slot, outcome);
        note_lack(team); /* if one has died since the debt was made */
    } else {
        slot_move(slot, SLOT_IDLE);
        add_idle(team, slot);
    }
}

/* A worker that is not running takes the oldest task along with its node. */
static void dispatch(struct tw_team *team, struct slot *slot, enum slot_state state,
                     struct outcome *outcome)
{
    slot_move(slot, state);
    slot->task = books_pop(team);
    books_add(&team->coord.busy, 1);
    push_slot(&outcome->to_run, slot);
}

/* --- making workers --------------------------------------------------------------------------- */

/* The slot is there before the worker, so that a worker made is never without one; and the first
 * before the team is, so that a team that is not to have any does not ask for memory. */
struct slot *tw__books_spare_slot(struct tw_team *team)
{
    if (!team->coord.spare)
        team->coord.spare = (struct slot *)tw__zalloc(sizeof *team->coord.spare);
    return team->coord.spare;
}

/* Ask for one worker. Returns 1 if there is one more, 0 if there is none to be had, or an error. */
static int create(struct tw_team *team, struct outcome *outcome)
{
    struct slot *slot = tw__books_spare_slot(team);
    int rc = slot ? team->create(team->arg, books_live(team), &slot->worker) : -ENOMEM;
    if (rc < 0) {
        books_count(&team->coord.failed_creations);
        outcome->create_error = rc;
    }
    if (rc <= 0)
        return rc;
    team->coord.spare = NULL;
    tw__slot_init(slot, team);
    if (team->policy)
        slot->worker->_slot = slot;
    if (rc == TW_CREATED_COMING) {
        books_add(&team->coord.coming, 1);
        push_slot(&outcome->to_run, slot);
    } else if (books_has_work(team)) {
        dispatch(team, slot, SLOT_BUSY, outcome);
    } else {
        rest(team, slot, outcome);
    }
    return 1;
}

/* Wake one idle worker for what waits, unless one is on its way. */
static inline void wake_one(struct tw_team *team, struct outcome *outcome)
{
    struct slot *slot = team->coord.idle.first;
    if (!books_has_work(team) || !slot || team->coord.is_waking)
        return;
    team->coord.is_waking = true;
    books_count(&team->coord.wakes);
    tw__books_remove_idle(team, slot);
    dispatch(team, slot, SLOT_WAKING, outcome);
}

/* See that what waits is come for: wake one, and make those that are short. */
static void pump(struct tw_team *team, struct outcome *outcome)
{
    size_t short_by;
    int made = 1;
    if ((!books_get(&team->coord.waiting) && !team->coord.is_lacking) || team->coord.is_suspended)
        return;
    wake_one(team, outcome);
    /* Where only the create function knows how many there may be, it is asked that many times at
     * most. */
    short_by = tw__shortage(books_get(&team->coord.waiting),
                            books_get(&team->coord.idles) + books_get(&team->coord.coming),
                            books_most(team), books_live(team));
    if (team->coord.is_lacking && short_by < lack(team))
        short_by = lack(team);
    while (short_by-- > 0 && made > 0)
        made = create(team, outcome);
    if (team->coord.is_lacking)
        note_lack(team);
    if (made < 0 && !books_live(team))
        tw__books_give_up(team, -EAGAIN, outcome);
}

/* After quit, when the last worker has gone, or there never was one: no one will come for what
 * still waits. */
static void maybe_end(struct tw_team *team, struct outcome *outcome)
{
    if (!team->coord.should_quit || team->coord.has_ended || books_live(team))
        return;
    if (books_get(&team->coord.waiting))
        tw__books_give_up(team, -ESHUTDOWN, outcome);
    team->coord.has_ended = outcome->has_ended = true;
}

/* A task for which there is a free worker, or one can be made, is not backlog. */
bool tw__books_has_room(struct tw_team *team, size_t count)
{
    size_t rest = books_get(&team->coord.waiting) + count;
    if (!team->coord.is_suspended) {
        rest = tw__less(rest, books_get(&team->coord.idles) + books_get(&team->coord.coming));
        rest = tw__less(rest, tw__less(books_most(team), books_live(team)));
    }
    return rest <= team->max_backlog;
}

/* --- the visits ------------------------------------------------------------------------------- */

void tw__books_submit(struct tw_team *team, struct tw_task *task, struct outcome *outcome)
{
    tw_task_accept(task, &team->base);
    tw__books_wait(team, task, outcome);
}

void tw__books_submit_many(struct tw_team *team, struct tw_task *const *tasks, size_t count,
                           struct outcome *outcome)
{
    size_t i;
    for (i = 0; i < count; i++) {
        tw_task_accept(tasks[i], &team->base);
        tw__task_queue_append(&team->coord.backlog, tasks[i]);
    }
    books_add(&team->coord.waiting, (ptrdiff_t)count);
    books_count_by(&team->coord.scheduled, count);
    pump(team, outcome);
}

void tw__books_append(struct tw_team *team, struct tw_task *task)
{
    books_count(&team->coord.scheduled);
    tw__task_queue_append(&team->coord.backlog, task);
    books_add(&team->coord.waiting, 1);
}

void tw__books_append_all(struct tw_team *team, struct tw__task_queue *tasks, size_t count)
{
    books_count_by(&team->coord.scheduled, count);
    books_add(&team->coord.waiting, (ptrdiff_t)count);
    tw__task_queue_move(tasks, &team->coord.backlog);
}

void tw__books_rest(struct tw_team *team, struct slot *slot, struct outcome *outcome)
{
    rest(team, slot, outcome);
}

void tw__books_pump(struct tw_team *team, struct outcome *outcome)
{
    pump(team, outcome);
}

void tw__books_wait(struct tw_team *team, struct tw_task *task, struct outcome *outcome)
{
    tw__books_append(team, task);
    pump(team, outcome);
}

void tw__books_give_up_new(struct tw_team *team, struct tw_task *task, struct outcome *outcome)
{
    books_count(&team->coord.scheduled);
    books_count(&team->coord.given_up);
    tw__task_give_up(task, -ECANCELED);
    tw__task_queue_append(&outcome->given_up, task);
}

/* A cancelled task that a worker has reached meanwhile is not linked any more; one that was
 * submitted anew has another claim. */
void tw__books_cancel(struct tw_team *team, struct tw_task *task, struct outcome *outcome)
{
    if (!tw__task_is_cancelled(task) || !tw__task_is_linked(task))
        return;
    tw__task_unlink(task);
    books_add(&team->coord.waiting, -1);
    books_count(&team->coord.given_up);
    tw__task_give_up(task, -ECANCELED);
    tw__task_queue_append(&outcome->given_up, task);
}

struct tw_task *tw__books_start(struct tw_team *team, struct slot *slot, struct outcome *outcome)
{
    struct tw_task *task = slot->task;
    if (slot->state == SLOT_WAKING) {
        team->coord.is_waking = false;
        slot_move(slot, SLOT_BUSY);
    } else {
        books_add(&team->coord.coming, -1);
        if (books_has_work(team)) {
            slot_move(slot, SLOT_BUSY);
            books_add(&team->coord.busy, 1);
            task = books_pop(team);
        } else {
            rest(team, slot, outcome);
        }
    }
    pump(team, outcome);
    maybe_end(team, outcome);
    return task;
}

struct tw_task *tw__books_next(struct tw_team *team, bool was_performed)
{
    books_count(was_performed ? &team->coord.finished : &team->coord.given_up);
    return books_pop(team);
}

struct tw_task *tw__books_recycle(struct tw_team *team, struct slot *slot, bool was_performed,
                                  struct outcome *outcome)
{
    struct tw_task *next = NULL;
    books_count(was_performed ? &team->coord.finished : &team->coord.given_up);
    if (books_has_work(team)) {
        next = books_pop(team); /* work goes before quit and shrink debt (TEA-011, TEA-023) */
    } else {
        books_add(&team->coord.busy, -1);
        rest(team, slot, outcome);
    }
    pump(team, outcome);
    maybe_end(team, outcome);
    return next;
}

void tw__books_take_up(struct tw_team *team, struct slot *slot)
{
    tw__books_remove_idle(team, slot);
    slot_move(slot, SLOT_BUSY);
    slot->task = books_pop(team);
    books_add(&team->coord.busy, 1);
}

/* No more is owed than there are to pay it. */
static void cap_debt(struct tw_team *team)
{
    size_t payers =
        books_get(&team->coord.busy) + books_get(&team->coord.coming) + team->coord.pinned;
    if (team->coord.to_shrink > payers)
        team->coord.to_shrink = payers;
}

/* Its task goes back to the front, for the others; if there is no other, nobody will come. No
 * worker is made in its place here: that would fail as well, and again. */
void tw__books_strike_off(struct tw_team *team, struct slot *slot, int error,
                          struct outcome *outcome)
{
    books_count(&team->coord.failed_creations);
    books_add(slot->state == SLOT_COMING ? &team->coord.coming : &team->coord.busy, -1);
    if (slot->state == SLOT_WAKING)
        team->coord.is_waking = false;
    if (slot->task) {
        tw__task_queue_prepend(&team->coord.backlog, slot->task);
        books_add(&team->coord.waiting, 1);
        slot->task = NULL;
    }
    retire(slot, outcome);
    cap_debt(team);
    note_lack(team);
    if (!books_live(team) && books_has_work(team))
        tw__books_give_up(team, error == -ESHUTDOWN ? -ESHUTDOWN : -EAGAIN, outcome);
    else
        wake_one(team, outcome);
    maybe_end(team, outcome);
}

void tw__books_grow(struct tw_team *team, size_t n, struct outcome *outcome)
{
    while (n-- > 0 && create(team, outcome) > 0)
        ;
    pump(team, outcome);
}

/* How many may go: not those to keep, nor those that are to go already. */
static size_t spare(struct tw_team *team)
{
    size_t staying = team->coord.keep + team->coord.to_shrink;
    return books_live(team) > staying ? books_live(team) - staying : 0;
}

/* What idle workers cannot pay is owed by those that are busy or coming, and by no more than there
 * are: a debt must not eat workers made later (TEA-021, TPL-055; appendix B of the catalogue). */
void tw__books_shrink(struct tw_team *team, size_t n, struct outcome *outcome)
{
    size_t idles = free_to_go(team), owed;
    if (n > spare(team))
        n = spare(team);
    owed = n > idles ? n - idles : 0;
    retire_idle(team, n, outcome);
    team->coord.to_shrink =
        owed > SIZE_MAX - team->coord.to_shrink ? SIZE_MAX : team->coord.to_shrink + owed;
    cap_debt(team);
}

/* Not so many more, but so many left: what was owed before is settled by it. */
void tw__books_shrink_to(struct tw_team *team, size_t n, struct outcome *outcome)
{
    team->coord.to_shrink = 0;
    if (books_live(team) > n)
        tw__books_shrink(team, books_live(team) - n, outcome);
    pump(team, outcome);
}

/* Those that have been kept for the minimum alone need not wait once more. */
void tw__books_keep(struct tw_team *team, size_t n, struct outcome *outcome)
{
    size_t too_many;
    team->coord.keep = n;
    too_many = spare(team);
    retire_idle(team, too_many < team->coord.overstayed ? too_many : team->coord.overstayed,
                outcome);
    note_lack(team);
    pump(team, outcome);
}

/* A worker that is being given a task in this moment is not idle any more. */
void tw__books_overstay(struct tw_team *team, struct tw_worker *worker, struct outcome *outcome)
{
    struct slot *slot = (struct slot *)worker->_slot;
    if (!slot || slot->state != SLOT_IDLE || slot->suspended)
        return;
    if (spare(team) == 0) {
        team->coord.overstayed++;
        return;
    }
    tw__books_remove_idle(team, slot);
    retire(slot, outcome);
    maybe_end(team, outcome);
}

/* What waits at a resume is a burst like any other. */
int tw__books_suspend(struct tw_team *team, bool is_suspended, struct outcome *outcome)
{
    if (team->coord.is_suspended == is_suspended)
        return -EALREADY;
    team->coord.is_suspended = is_suspended;
    pump(team, outcome);
    return 0;
}

/* What was accepted has to run, so a quit resumes. */
void tw__books_quit(struct tw_team *team, struct outcome *outcome)
{
    team->coord.should_quit = true;
    team->coord.is_suspended = false;
    note_lack(team);
    pump(team, outcome);
    if (!books_get(&team->coord.waiting))
        retire_idle(team, TW_TEAM_ALL, outcome);
    maybe_end(team, outcome);
}
