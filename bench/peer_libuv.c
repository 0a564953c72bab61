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

static void nothing(uv_work_t *request)
{
    (void)request;
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
    bench_must(uv_queue_work(course.loop, request, nothing, home), "uv_queue_work");
}

static uv_work_t *new_request(void)
{
    uv_work_t *request = (uv_work_t *)malloc(sizeof *request);
    bench_must(request ? 0 : -ENOMEM, "request");
    return request;
}

static uint64_t trips(const struct course *is)
{
    char size[16];
    uint64_t began;
    long i;
    snprintf(size, sizeof size, "%d", is->threads);
    setenv("UV_THREADPOOL_SIZE", size, 1);
    course.loop = uv_default_loop();
    course.to_send = is->jobs - is->in_flight;
    course.to_come = is->jobs;
    began = bench_now();
    for (i = 0; i < is->in_flight; i++)
        send_work(new_request());
    uv_run(course.loop, UV_RUN_DEFAULT);
    began = bench_now() - began;
    bench_must(course.to_come == 0 ? 0 : -EIO, "every job home");
    return began;
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

static void *produce(void *arg)
{
    long i;
    for (i = 0; i < *(long *)arg; i++) {
        struct call *call = (struct call *)malloc(sizeof *call);
        bench_must(call ? 0 : -ENOMEM, "call");
        pthread_mutex_lock(&calls_lock);
        call->next = first_call;
        first_call = call;
        pthread_mutex_unlock(&calls_lock);
        uv_async_send(&async);
    }
    return NULL;
}

static uint64_t calls(const struct course *is)
{
    pthread_t *threads = (pthread_t *)calloc((size_t)is->threads, sizeof *threads);
    long each = is->jobs / is->threads;
    uint64_t began;
    int i;
    bench_must(threads ? 0 : -ENOMEM, "threads");
    course.loop = uv_default_loop();
    course.to_come = each * is->threads;
    bench_must(uv_async_init(course.loop, &async, take_calls), "uv_async_init");
    began = bench_now();
    for (i = 0; i < is->threads; i++)
        bench_must(-pthread_create(&threads[i], NULL, produce, &each), "pthread_create");
    uv_run(course.loop, UV_RUN_DEFAULT);
    began = bench_now() - began;
    for (i = 0; i < is->threads; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return began;
}

const struct peer peer_libuv = {"libuv", trips, NULL, NULL, trips, calls};
