/*
 * libuv, as a peer: uv_queue_work out and home, uv_async_send and a list into the loop.
 *
 * Its pool is one for the process, and its size is fixed at the first use: so the program has to be
 * run for each size, which is what bench/handoff does by forking.
 */
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static struct {
    long to_send, to_come; /* the loop's thread */
    uv_loop_t *loop;
} course;

static void work(uv_work_t *request)
{
    (void)request;
    bench_work();
}

static void send_work(uv_work_t *request);

static void home(uv_work_t *request, int status)
{
    bench_must(status, "uv_queue_work came home");
    if (course.to_send > 0) {
        course.to_send--;
        send_work(request);
    } else {
        free(request);
    }
    course.to_come--;
}

static void send_work(uv_work_t *request)
{
    bench_must(uv_queue_work(course.loop, request, work, home), "uv_queue_work");
}

static uv_work_t *new_request(void)
{
    return (uv_work_t *)bench_made(malloc(sizeof(uv_work_t)));
}

static void trips(const struct course *is)
{
    char size[16];
    long i;
    snprintf(size, sizeof size, "%d", is->threads);
    setenv("UV_THREADPOOL_SIZE", size, 1);
    course.loop = uv_default_loop();
    course.to_send = is->jobs - is->in_flight;
    course.to_come = is->jobs;
    bench_begin();
    for (i = 0; i < is->in_flight; i++)
        send_work(new_request());
    bench_queued();
    uv_run(course.loop, UV_RUN_DEFAULT);
    bench_end();
    bench_must(course.to_come == 0 ? 0 : -EIO, "every job home");
}

/* --- calls into the loop ---------------------------------------------------------------------- */

struct call {
    struct call *next;
};

static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;
static struct call *first_call;
static uv_async_t async;

static void take_calls(uv_async_t *handle)
{
    struct call *call, *next;
    pthread_mutex_lock(&calls_lock);
    call = first_call;
    first_call = NULL;
    pthread_mutex_unlock(&calls_lock);
    for (; call; call = next) {
        next = call->next;
        free(call);
        if (--course.to_come == 0)
            uv_close((uv_handle_t *)handle, NULL);
    }
}

static void *produce(void *each)
{
    long i;
    for (i = 0; i < *(long *)each; i++) {
        struct call *call = (struct call *)bench_made(malloc(sizeof *call));
        pthread_mutex_lock(&calls_lock);
        call->next = first_call;
        first_call = call;
        pthread_mutex_unlock(&calls_lock);
        uv_async_send(&async);
    }
    return NULL;
}

static void run_loop(void)
{
    uv_run(course.loop, UV_RUN_DEFAULT);
}

static void calls(const struct course *is)
{
    course.loop = uv_default_loop();
    course.to_come = is->jobs;
    bench_must(uv_async_init(course.loop, &async, take_calls), "uv_async_init");
    bench_produce(is->threads, produce, is->jobs / is->threads, run_loop);
    bench_must(course.to_come == 0 ? 0 : -EIO, "every call came");
}

const struct peer peer_libuv = {
    .name = "libuv",
    .runs = {[TRIPS] = trips, [IDLE] = trips, [CALLS] = calls},
};
