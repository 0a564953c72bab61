/*
 * A reactor belongs to the thread that runs it. Others reach it by tw_reactor_call_from_thread()
 * only; what its own thread sends to the pool comes home to it.
 */
#include "loops.h"

#include <errno.h>
#include <stdlib.h>

static void *run(void *arg)
{
    tw_reactor_run(((struct loop *)arg)->reactor);
    return NULL;
}

static int start(struct loops *loops, int i)
{
    struct loop *loop = &loops->loop[i];
    int rc;
    loop->number = i + 1;
    loop->pool = tw_pool_worker(loops->pool);
    rc = tw_reactor_new(NULL, &loop->reactor);
    if (rc >= 0)
        rc = -pthread_create(&loop->thread, NULL, run, loop);
    if (rc >= 0)
        loops->running++;
    return rc;
}

int loops_start(struct loops *loops, int count, size_t threads)
{
    int i, rc;
    loops->count = count;
    loops->running = 0;
    loops->pool = NULL;
    loops->loop = (struct loop *)calloc((size_t)count, sizeof *loops->loop);
    rc = loops->loop ? tw_pool_new(threads, NULL, &loops->pool) : -ENOMEM;
    for (i = 0; rc >= 0 && i < count; i++)
        rc = start(loops, i);
    if (rc < 0) {
        loops_stop(loops);
        loops_free(loops);
    }
    return rc;
}

int loops_call(struct loop *loop, tw_action_fn action, void *arg, tw_destroy_fn destroy)
{
    return tw_reactor_call_from_thread(loop->reactor, action, arg, destroy);
}

static void stop(void *arg)
{
    tw_reactor_stop(((struct loop *)arg)->reactor);
}

/* A call that was queued before the loop has started comes after its startup, and stops it then. */
void loops_stop(struct loops *loops)
{
    int i;
    for (i = 0; i < loops->running; i++)
        if (loops_call(&loops->loop[i], stop, &loops->loop[i], NULL) < 0)
            abort();
    for (i = 0; i < loops->running; i++)
        pthread_join(loops->loop[i].thread, NULL);
    loops->running = 0;
    if (loops->pool && tw_pool_quit(loops->pool) == 0)
        tw_pool_join(loops->pool, TW_FOREVER);
}

void loops_free(struct loops *loops)
{
    int i;
    for (i = 0; loops->loop && i < loops->count; i++)
        tw_reactor_unref(loops->loop[i].reactor);
    tw_pool_unref(loops->pool);
    free(loops->loop);
}
