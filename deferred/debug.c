/*
 * Debugging: a table of places, of the process, under one lock; only taken for Deferreds that were
 * made while the switch was on, which have a mark.
 *
 * A Deferred has no room for this, and must not have: so the table is keyed by its address. Nothing
 * is kept when memory is short.
 */
#include <twine/deferred/debug.h>

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <twine/base/lock_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/deferred_internal.h>

#if defined(__GLIBC__)
#include <execinfo.h>
#else
#define backtrace(frames, room) (0) /* then only that it was made is known */
#endif

#define BUCKETS 1024
#define FRAMES 8
#define OWN_FRAMES 2 /* the innermost of them are this file's */

struct place {
    void *frames[FRAMES];
    int count;
};

struct entry {
    struct entry *next;
    const struct tw_deferred *deferred;
    struct place made, fired;
};

atomic_bool tw__debug_on;

static struct {
    struct tw__lock lock;
    struct {
        struct entry *entries[BUCKETS];
    } locked;
} all = {.lock = TW_LOCK_INIT};

__attribute__((constructor)) static void ask_environment(void)
{
    const char *wish = getenv("TWINE_DEBUG");
    if (wish && wish[0] == '1' && !wish[1])
        atomic_store(&tw__debug_on, true);
}

void tw_debug_set(bool on)
{
    atomic_store(&tw__debug_on, on);
}

bool tw_debug_is_on(void)
{
    return tw__debug_is_on();
}

/* --- the table -------------------------------------------------------------------------------- */

static __attribute__((noinline)) void here(struct place *place)
{
    void *frames[FRAMES + OWN_FRAMES];
    int count = backtrace(frames, FRAMES + OWN_FRAMES);
    place->count = count > OWN_FRAMES ? count - OWN_FRAMES : 0;
    memcpy(place->frames, frames + OWN_FRAMES, (size_t)place->count * sizeof *frames);
}

/* Where the entry hangs, or would. */
static struct entry **find_locked(const struct tw_deferred *deferred)
{
    size_t bucket = (uintptr_t)deferred / 64 % BUCKETS;
    struct entry **place = &all.locked.entries[bucket];
    while (*place && (*place)->deferred != deferred)
        place = &(*place)->next;
    return place;
}

void tw__debug_made(struct tw_deferred *deferred)
{
    struct entry *entry = (struct entry *)tw__zalloc(sizeof *entry), **place;
    if (!entry)
        return;
    entry->deferred = deferred;
    here(&entry->made);
    tw__lock_acquire(&all.lock);
    place = find_locked(deferred);
    *place = entry;
    tw__lock_release(&all.lock);
    deferred->is_noted = true;
}

void tw__debug_fired(const struct tw_deferred *deferred)
{
    struct place place;
    here(&place);
    tw__lock_acquire(&all.lock);
    (*find_locked(deferred))->fired = place;
    tw__lock_release(&all.lock);
}

void tw__debug_forget(const struct tw_deferred *deferred)
{
    struct entry **place, *entry;
    tw__lock_acquire(&all.lock);
    place = find_locked(deferred);
    entry = *place;
    *place = entry->next;
    tw__lock_release(&all.lock);
    tw__free(entry);
}

/* --- as text ---------------------------------------------------------------------------------- */

struct text {
    char *buffer;
    size_t size, length;
};

/* As snprintf does: length counts what there would be. */
static void append(struct text *text, const char *format, const char *name, unsigned long offset)
{
    size_t room = text->length < text->size ? text->size - text->length : 0;
    int length = snprintf(room ? text->buffer + text->length : NULL, room, format, name, offset);
    if (length > 0)
        text->length += (size_t)length;
}

static void append_frame(struct text *text, void *frame)
{
    Dl_info info;
    const char *file;
    memset(&info, 0, sizeof info);
    if (!dladdr(frame, &info) || !info.dli_fname) {
        append(text, "%s0x%lx", "", (unsigned long)(uintptr_t)frame);
        return;
    }
    file = strrchr(info.dli_fname, '/');
    if (info.dli_sname)
        append(text, "%s+0x%lx", info.dli_sname,
               (unsigned long)((char *)frame - (char *)info.dli_saddr));
    else
        append(text, "%s+0x%lx", file ? file + 1 : info.dli_fname,
               (unsigned long)((char *)frame - (char *)info.dli_fbase));
}

static void append_place(struct text *text, const char *what, const struct place *place)
{
    int i;
    for (i = 0; i < place->count; i++) {
        append(text, "%s", i ? " < " : what, 0);
        append_frame(text, place->frames[i]);
    }
}

size_t tw_deferred_describe(const struct tw_deferred *deferred, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};
    struct entry entry, **place;
    if (size)
        buffer[0] = '\0';
    if (!deferred || !deferred->is_noted)
        return 0;
    tw__lock_acquire(&all.lock);
    place = find_locked(deferred);
    assert(*place);
    entry = **place;
    tw__lock_release(&all.lock);
    append_place(&text, "made by ", &entry.made);
    append_place(&text, text.length ? "; fired by " : "fired by ", &entry.fired);
    return text.length;
}

/* --- what is told ----------------------------------------------------------------------------- */

void tw__debug_report_unhandled(struct tw_deferred *deferred)
{
    char text[1024] = TW__UNHANDLED ": ";
    size_t length = strlen(text);
    tw_deferred_describe(deferred, text + length, sizeof text - length);
    tw__result_done_reporting(&deferred->result, text);
}

struct tw_failure *tw__debug_already_called(const struct tw_deferred *deferred)
{
    char text[1024] = "it has been fired before: ";
    size_t length = strlen(text);
    tw_deferred_describe(deferred, text + length, sizeof text - length);
    return tw_failure_new(&TW_ERROR_ALREADY_CALLED, EALREADY, text, NULL, 0, NULL);
}

void tw__debug_report_again(const struct tw_deferred *deferred)
{
    struct tw_failure *failure = tw__debug_already_called(deferred);
    tw__report(TW_REPORT_WARNING, "a Deferred was fired again", failure);
    tw_failure_unref(failure);
}
