/*
 * Exchanges: what holds evhttp's request, the client's connection and the Deferred together.
 *
 * An exchange lives while evhttp has the request, and while there are handles. evhttp tells that it
 * is done with the request by exactly one of two callbacks: on_complete, when the answer has left, or
 * the connection's close. From then on the exchange does not know the request any more, so that
 * nothing which comes late can touch it, or another one at the same address.
 *
 *     WAITING ─ send ───────────────────▶ ANSWERED
 *        └───── begin ─▶ STREAMING ─ end ────┘         the connection may close in any of them
 *
 * Thread: all of this belongs to the loop's.
 */
#include <twine/deferred/evhttp_internal.h>

#include <errno.h>
#include <event2/http.h>
#include <twine/base/memory.h>
#include <twine/base/report.h>
#include <twine/deferred/coroutine.h>
#include <twine/deferred/from_thread.h>
#include <twine/reactor/libevent.h>

const struct tw_error TW_EVHTTP_ERROR = {"HTTP error", &TW_ERROR};

/* --- life ------------------------------------------------------------------------------------- */

static void free_if_over(struct tw_evhttp_exchange *exchange)
{
    if (exchange->evhttp || exchange->handles > 0)
        return;
    tw_evhttp_request_unref(exchange->request);
    tw_memory_free(exchange);
}

/* evhttp is done with the request. */
static void end_request(struct tw_evhttp_exchange *exchange)
{
    exchange->evhttp = NULL;
    if (exchange->options.done)
        exchange->options.done(exchange->request, exchange->is_gone ? 0 : exchange->status,
                               exchange->options.arg);
}

void tw__evhttp_cancel_job(struct tw_evhttp_exchange *exchange)
{
    if (exchange->job)
        tw_deferred_cancel(exchange->job);
}

int tw__evhttp_may_answer(const struct tw_evhttp_exchange *exchange)
{
    if (!exchange->evhttp || exchange->is_gone)
        return exchange->is_gone ? -EPIPE : -EALREADY;
    return exchange->state == TW__EVHTTP_WAITING ? 0 : -EALREADY;
}

/* --- what evhttp tells; exactly one of the two, once ------------------------------------------ */

/* The answer has left. The connection may live on, with requests that are not ours. */
static void request_completed(struct evhttp_request *request, void *arg)
{
    struct tw_evhttp_exchange *exchange = (struct tw_evhttp_exchange *)arg;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    tw_evhttp_exchange_ref(exchange);
    end_request(exchange);
    tw__evhttp_fire_drained(exchange);
    tw_evhttp_exchange_unref(exchange);
}

/* The connection goes before the answer has left: the client is gone, or the server stops. */
static void connection_closed(struct evhttp_connection *connection, void *arg)
{
    struct tw_evhttp_exchange *exchange = (struct tw_evhttp_exchange *)arg;
    struct evhttp_request *request = exchange->evhttp;
    (void)connection;
    tw_evhttp_exchange_ref(exchange);
    exchange->is_gone = true;
    tw__evhttp_end_watch(exchange);
    if (!evhttp_request_get_connection(request))
        evhttp_request_free(request); /* evhttp has parted with it; else it frees it itself */
    end_request(exchange);
    tw__evhttp_cancel_job(exchange);
    exchange->drained = tw_source_unref(exchange->drained); /* which fails as abandoned */
    tw_evhttp_exchange_unref(exchange);
}

int tw_evhttp_exchange_new(struct evhttp_request *request, const struct tw_evhttp_options *options,
                           struct tw_evhttp_exchange **ret_exchange)
{
    struct tw_evhttp_exchange *exchange;
    if (!request || !ret_exchange || !evhttp_request_get_connection(request) ||
        (options && options->size != sizeof *options))
        return tw_report_misuse(-EINVAL, "tw_evhttp_exchange_new: needs a request that has come, "
                                         "ret_exchange, and options of their size");
    exchange = (struct tw_evhttp_exchange *)tw_memory_alloc(sizeof *exchange);
    if (exchange)
        exchange->request = tw__evhttp_request_new(request);
    if (!exchange || !exchange->request) {
        tw_memory_free(exchange);
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return -ENOMEM;
    }
    if (options)
        exchange->options = *options;
    exchange->evhttp = request;
    exchange->handles = 1;
    evhttp_request_set_on_complete_cb(request, request_completed, exchange);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), connection_closed,
                                  exchange);
    *ret_exchange = exchange;
    return 0;
}

struct tw_evhttp_exchange *tw_evhttp_exchange_ref(struct tw_evhttp_exchange *exchange)
{
    if (exchange)
        exchange->handles++;
    return exchange;
}

/* What is sent here may come back in by connection_closed(), which holds the exchange meanwhile. */
struct tw_evhttp_exchange *tw_evhttp_exchange_unref(struct tw_evhttp_exchange *exchange)
{
    if (!exchange)
        return NULL;
    if (exchange->handles == 1 && exchange->evhttp && exchange->state == TW__EVHTTP_WAITING)
        tw__evhttp_send_unanswered(exchange);
    else if (exchange->handles == 1 && exchange->evhttp && exchange->state == TW__EVHTTP_STREAMING)
        tw__evhttp_cut(exchange);
    exchange->handles--;
    free_if_over(exchange);
    return NULL;
}

struct tw_evhttp_request *tw_evhttp_exchange_request(const struct tw_evhttp_exchange *exchange)
{
    return exchange ? exchange->request : NULL;
}

bool tw_evhttp_exchange_is_gone(const struct tw_evhttp_exchange *exchange)
{
    return exchange && exchange->is_gone;
}

/* --- the Deferred's result -------------------------------------------------------------------- */

static bool send_result(struct tw_evhttp_exchange *exchange, struct tw_result *result)
{
    struct tw_evhttp_reply *reply = tw__evhttp_reply_take(result);
    if (reply) {
        tw__evhttp_send_all(exchange, reply);
        return true;
    }
    if (!tw_result_is_failure(result))
        tw_result_failf(result, &TW_ERROR, 0, "the answer to a request is no tw_evhttp_reply");
    return tw__evhttp_send_failure(exchange, tw_result_failure(result));
}

static void deliver(struct tw_result *result, void *arg)
{
    struct tw_evhttp_exchange *exchange = (struct tw_evhttp_exchange *)arg;
    bool is_told = true;
    exchange->job = tw_deferred_unref(exchange->job);
    tw__evhttp_end_watch(exchange);
    if (!exchange->evhttp || exchange->is_gone)
        ; /* nobody is left to be answered */
    else if (exchange->state == TW__EVHTTP_WAITING)
        is_told = send_result(exchange, result);
    else if (exchange->state == TW__EVHTTP_STREAMING && tw_result_is_failure(result))
        tw__evhttp_cut(exchange);
    else if (exchange->state == TW__EVHTTP_STREAMING)
        tw_evhttp_exchange_end(exchange);
    if (is_told)
        tw_result_set(result, NULL, NULL);
}

static void swallow(struct tw_result *result, void *arg)
{
    (void)arg;
    tw_result_set(result, NULL, NULL);
}

static void give_up(struct tw_deferred *deferred)
{
    tw_deferred_add_both(deferred, swallow, NULL, NULL);
    tw_deferred_cancel(deferred);
    tw_deferred_unref(deferred);
}

static void unref_exchange(void *exchange)
{
    tw_evhttp_exchange_unref((struct tw_evhttp_exchange *)exchange);
}

int tw_evhttp_exchange_answer(struct tw_evhttp_exchange *exchange, struct tw_deferred *deferred)
{
    int rc;
    if (!exchange || !deferred) {
        tw_deferred_unref(deferred);
        return tw_report_misuse(-EINVAL,
                                "tw_evhttp_exchange_answer: needs an exchange and a Deferred");
    }
    rc = exchange->job ? -EALREADY : tw__evhttp_may_answer(exchange);
    if (rc < 0) {
        give_up(deferred);
        return rc;
    }
    exchange->job = deferred;
    rc = tw_deferred_add_both(deferred, deliver, tw_evhttp_exchange_ref(exchange), unref_exchange);
    if (rc < 0) {
        exchange->job = NULL;
        give_up(deferred);
        tw__evhttp_send_refusal(exchange, rc);
    } else if (exchange->job) { /* it has not been delivered yet */
        tw__evhttp_begin_watch(exchange);
    }
    return rc;
}

/* --- work: in a thread, or here ------------------------------------------------------------------------- */

struct job {
    struct tw_evhttp_request *request; /* a reference */
    tw_evhttp_work_fn work;
    void *arg;
    tw_destroy_fn destroy;
};

static void run_job(struct tw_result *result, void *arg)
{
    const struct job *job = (const struct job *)arg;
    job->work(result, job->request, job->arg);
}

static void free_job(void *arg)
{
    struct job *job = (struct job *)arg;
    if (job->destroy)
        job->destroy(job->arg);
    tw_evhttp_request_unref(job->request);
    tw_memory_free(job);
}

static struct job *job_new(struct tw_evhttp_exchange *exchange, tw_evhttp_work_fn work, void *arg,
                           tw_destroy_fn destroy)
{
    struct job *job = (struct job *)tw_memory_alloc(sizeof *job);
    if (!job)
        return NULL;
    job->request = tw_evhttp_request_ref(exchange->request);
    job->work = work;
    job->arg = arg;
    job->destroy = destroy;
    return job;
}

/* Makes the job, if an answer can still begin. If not, (arg, destroy) is consumed, and the client told
 * what there is to tell. */
static int begin_job(struct tw_evhttp_exchange *exchange, tw_evhttp_work_fn work, void *arg,
                     tw_destroy_fn destroy, struct job **ret_job)
{
    int rc = exchange->job ? -EALREADY : tw__evhttp_may_answer(exchange);
    if (rc >= 0) {
        *ret_job = job_new(exchange, work, arg, destroy);
        if (*ret_job)
            return 0;
        rc = -ENOMEM;
        tw__evhttp_send_refusal(exchange, rc);
    }
    if (destroy)
        destroy(arg);
    return rc;
}

static int answer_or_refuse(struct tw_evhttp_exchange *exchange, int rc,
                            struct tw_deferred *deferred)
{
    if (rc >= 0)
        return tw_evhttp_exchange_answer(exchange, deferred);
    tw__evhttp_send_refusal(exchange, rc);
    return rc;
}

static int refuse_misuse(void *arg, tw_destroy_fn destroy, const char *text)
{
    if (destroy)
        destroy(arg);
    return tw_report_misuse(-EINVAL, text);
}

/* Results would come home to a thread that must not touch the connection. */
static bool is_at_home(struct tw_evhttp_exchange *exchange, struct tw_reactor *reactor)
{
    struct event_base *base = tw_libevent_reactor_base(reactor);
    return !base || !exchange->evhttp ||
           base == evhttp_connection_get_base(tw__evhttp_connection_of(exchange));
}

int tw_evhttp_exchange_defer(struct tw_evhttp_exchange *exchange, struct tw_reactor *reactor,
                             struct tw_worker *pool, tw_evhttp_work_fn work, void *arg,
                             tw_destroy_fn destroy)
{
    struct tw_deferred *deferred = NULL;
    struct job *job = NULL;
    int rc;
    if (!exchange || !reactor || !work || !is_at_home(exchange, reactor))
        return refuse_misuse(arg, destroy,
                             "tw_evhttp_exchange_defer: needs an exchange, a reactor on the same "
                             "event base, and work");
    rc = begin_job(exchange, work, arg, destroy, &job);
    if (rc < 0)
        return rc;
    rc = pool ? tw_defer_to_pool(reactor, pool, run_job, job, free_job, &deferred)
              : tw_defer_to_thread(reactor, run_job, job, free_job, &deferred);
    return answer_or_refuse(exchange, rc, deferred);
}

int tw_evhttp_exchange_spawn(struct tw_evhttp_exchange *exchange, struct tw_reactor *reactor,
                             tw_evhttp_work_fn work, void *arg, tw_destroy_fn destroy)
{
    struct tw_deferred *deferred = NULL;
    struct job *job = NULL;
    int rc;
    if (!exchange || !reactor || !work || !is_at_home(exchange, reactor))
        return refuse_misuse(arg, destroy,
                             "tw_evhttp_exchange_spawn: needs an exchange, a reactor on the same "
                             "event base, and work");
    rc = begin_job(exchange, work, arg, destroy, &job);
    if (rc < 0)
        return rc;
    rc = tw_spawn(reactor, run_job, job, free_job, NULL, &deferred);
    return answer_or_refuse(exchange, rc, deferred);
}

/* As the callback of a Deferred that has fired: so it may leave another in its result. */
int tw_evhttp_exchange_call(struct tw_evhttp_exchange *exchange, tw_evhttp_work_fn work, void *arg,
                            tw_destroy_fn destroy)
{
    struct tw_deferred *deferred = NULL;
    struct job *job = NULL;
    int rc;
    if (!exchange || !work)
        return refuse_misuse(arg, destroy, "tw_evhttp_exchange_call: needs an exchange and work");
    rc = begin_job(exchange, work, arg, destroy, &job);
    if (rc < 0)
        return rc;
    rc = tw_deferred_succeed(NULL, NULL, &deferred);
    if (rc < 0)
        free_job(job);
    else
        rc = tw_deferred_add_callback(deferred, run_job, job, free_job);
    return answer_or_refuse(exchange, rc, deferred);
}

int tw_evhttp_defer_to_thread(struct tw_reactor *reactor, struct evhttp_request *request,
                              tw_evhttp_work_fn work, void *arg, tw_destroy_fn destroy)
{
    struct tw_evhttp_exchange *exchange = NULL;
    int rc = reactor && work
                 ? tw_evhttp_exchange_new(request, NULL, &exchange)
                 : tw_report_misuse(-EINVAL, "tw_evhttp_defer_to_thread: needs a reactor and work");
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    rc = tw_evhttp_exchange_defer(exchange, reactor, NULL, work, arg, destroy);
    tw_evhttp_exchange_unref(exchange);
    return rc;
}

void tw_evhttp_on_request(struct evhttp_request *request, void *arg)
{
    const struct tw_evhttp_route *route = (const struct tw_evhttp_route *)arg;
    if (tw_evhttp_defer_to_thread(route->reactor, request, route->work, route->arg, NULL) ==
        -EINVAL)
        evhttp_send_error(request, HTTP_INTERNAL, NULL); /* it has been reported */
}
