/*
 * How many workers are short (R12; the STM pool's formula).
 */
#ifndef TWINE_THREADS_SHORTAGE_INTERNAL_H
#define TWINE_THREADS_SHORTAGE_INTERNAL_H

#include <stddef.h>

static inline size_t tw__less(size_t n, size_t by)
{
    return n > by ? n - by : 0;
}

/* One for each task that no free worker will take, as far as the limit goes. */
static inline size_t tw__shortage(size_t tasks, size_t free, size_t limit, size_t live)
{
    size_t wanted = tw__less(tasks, free), allowed = tw__less(limit, live);
    return wanted < allowed ? wanted : allowed;
}

#endif
