/*
 * Where a Deferred was made and where it was fired (Twisted's debug mode, DEF-120 to DEF-125).
 *
 *     tw_debug_set(true);                                or TWINE_DEBUG=1 in the environment
 *
 * What is made while the switch is on keeps both places, as the functions on the stack there. They
 * are told with a failure nobody handled, and when it is fired a second time, which is then reported
 * besides being refused. Switched off, which is the default, all that costs a load and a branch.
 */
#ifndef TWINE_DEFERRED_DEBUG_H
#define TWINE_DEFERRED_DEBUG_H

#include <stddef.h>
#include <twine/deferred/deferred.h>

TW_BEGIN_DECLS

/** Switch debugging on or off, for the Deferreds that are made from now on. Thread: any. */
TW_EXPORT void tw_debug_set(bool on);
/** Whether it is on. Thread: any. */
TW_EXPORT bool tw_debug_is_on(void);

/**
 * Write where it was made and fired: "made by f+0x1c < main+0x40; fired by g+0x8 < main+0x52". What
 * has no exported name is told as an address in its file (for addr2line).
 *
 * Thread:  loop.
 * Returns: the length of the whole text, as snprintf does; 0 if nothing was kept.
 */
TW_EXPORT size_t tw_deferred_describe(const struct tw_deferred *deferred, char *buffer,
                                      size_t size);

TW_END_DECLS

#endif
