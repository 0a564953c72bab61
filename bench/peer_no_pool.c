/*
 * Threads that do their share of the jobs and end: the ideal, where jobs are long.
 */
#include "peer.h"

#include <stddef.h>

static void *do_share(void *each)
{
    long i;
    for (i = 0; i < *(long *)each; i++)
        bench_work();
    return NULL;
}

static void trips(const struct course *is)
{
    bench_share(is->threads, do_share, is->jobs / is->threads);
}

const struct peer peer_no_pool = {.name = "no pool", .runs = {[TRIPS] = trips}};
