/*
 * Shutting down, for a reactor: its pool's jobs that wait are told, and the others run on.
 */
#ifndef TWINE_THREADS_SHUTDOWN_INTERNAL_H
#define TWINE_THREADS_SHUTDOWN_INTERNAL_H

#include <twine/threads/shutdown.h>

/* Resume all that are suspended, with cancelled, and let none suspend any more; any thread. */
void tw__team_cut_short(struct tw_team *team);

#endif
