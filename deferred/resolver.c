/*
 * Resolvers, and the lookups that a reactor makes with its own.
 *
 * A lookup is answered at once if the host is an address. Otherwise the reactor's resolver gives a
 * Deferred, and a first link is put on it, which owns the timer that would cancel it. So the time
 * limit is the same for every resolver, and whoever cancels the Deferred reaches the resolver.
 *
 * The one in threads sends getaddrinfo() to its pool by tw_defer_to_pool(), which sees to the rest:
 * the list that comes too late is destroyed on its way home.
 */
#include <twine/deferred/resolver.h>

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/deferred/from_thread.h>
#include <twine/reactor/delayed_call.h>
#include <twine/reactor/reactor_internal.h>

#define TIMEOUT (60 * TW_SECOND)
#define THREADS 8
#define IDLE_TIME (10 * TW_SECOND)

struct tw_resolver {
    atomic_size_t refs;
    tw_resolve_fn resolve;
    void *arg;
    tw_destroy_fn destroy;
};

static void free_addresses(void *addresses)
{
    freeaddrinfo((struct addrinfo *)addresses);
}

/* --- getaddrinfo ------------------------------------------------------------------------------ */

static void fail_lookup(struct tw_result *result, const char *host, int error, int number)
{
    if (error == EAI_MEMORY)
        tw_result_failf(result, &TW_ERROR_NO_MEMORY, ENOMEM, "no memory to look '%s' up", host);
    else
        tw_result_failf(result, &TW_ERROR_LOOKUP, error, "cannot look '%s' up: %s%s%s", host,
                        gai_strerror(error), error == EAI_SYSTEM ? ": " : "",
                        error == EAI_SYSTEM ? strerror(number) : "");
}

/* Leaves the addresses, or a failure. flags come on top of those asked for. Returns what
 * getaddrinfo() says. */
static int look_up(struct tw_result *result, const char *host,
                   const struct tw_resolve_options *options, int flags)
{
    struct addrinfo hints, *found = NULL;
    int error;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = options->family;
    hints.ai_socktype = options->socktype;
    hints.ai_protocol = options->protocol;
    hints.ai_flags = options->flags | flags;
    error = getaddrinfo(host, options->service, &hints, &found);
    if (error == 0)
        tw_result_set(result, found, free_addresses);
    else
        fail_lookup(result, host, error, errno);
    return error;
}

/* --- resolvers -------------------------------------------------------------------------------- */

int tw_resolver_new(tw_resolve_fn resolve, void *arg, tw_destroy_fn destroy,
                    struct tw_resolver **ret_resolver)
{
    struct tw_resolver *resolver = NULL;
    int rc = 0;
    if (!resolve || !ret_resolver)
        rc = tw__misuse(-EINVAL, "tw_resolver_new: needs resolve and ret_resolver");
    else if (!(resolver = (struct tw_resolver *)tw__zalloc(sizeof *resolver)))
        rc = -ENOMEM;
    if (rc < 0) {
        if (destroy)
            destroy(arg);
        return rc;
    }
    atomic_init(&resolver->refs, 1);
    resolver->resolve = resolve;
    resolver->arg = arg;
    resolver->destroy = destroy;
    *ret_resolver = resolver;
    return 0;
}

struct tw_resolver *tw_resolver_ref(struct tw_resolver *resolver)
{
    if (resolver) /* who refs has a reference: nothing has to be seen by it */
        atomic_fetch_add_explicit(&resolver->refs, 1, memory_order_relaxed);
    return resolver;
}

struct tw_resolver *tw_resolver_unref(struct tw_resolver *resolver)
{
    /* Release what we did with it, acquire what the others did. */
    if (!resolver || atomic_fetch_sub_explicit(&resolver->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    if (resolver->destroy)
        resolver->destroy(resolver->arg);
    tw__free(resolver);
    return NULL;
}

/* --- in threads ------------------------------------------------------------------------------- */

struct threads {
    struct tw_worker *worker; /* a reference */
    bool is_own;              /* to be quit */
};

/* A lookup's way to a thread: one block, with the two strings behind it. */
struct question {
    struct tw_resolve_options options;
    const char *host;
    char text[];
};

static struct question *question_new(const char *host, const struct tw_resolve_options *options)
{
    size_t host_size = strlen(host) + 1;
    size_t service_size = options->service ? strlen(options->service) + 1 : 0;
    struct question *question =
        (struct question *)tw__malloc(sizeof *question + host_size + service_size);
    if (!question)
        return NULL;
    question->options = *options;
    question->host = (const char *)memcpy(question->text, host, host_size);
    if (options->service)
        question->options.service =
            (const char *)memcpy(question->text + host_size, options->service, service_size);
    return question;
}

static void answer_question(struct tw_result *result, void *arg)
{
    const struct question *question = (const struct question *)arg;
    look_up(result, question->host, &question->options, 0);
}

static int resolve_in_threads(struct tw_reactor *reactor, const char *host,
                              const struct tw_resolve_options *options, void *arg,
                              struct tw_deferred **ret_deferred)
{
    const struct threads *threads = (const struct threads *)arg;
    struct question *question = question_new(host, options);
    if (!question)
        return -ENOMEM;
    return tw_defer_to_pool(reactor, threads->worker, answer_question, question, tw__free,
                            ret_deferred);
}

static void free_threads(void *arg)
{
    struct threads *threads = (struct threads *)arg;
    if (threads->is_own)
        tw_worker_quit(threads->worker);
    tw_worker_unref(threads->worker);
    tw__free(threads);
}

static int own_pool(size_t limit, struct tw_worker **ret_worker)
{
    struct tw_pool_options options = {
        .size = sizeof options, .name = "resolver", .idle_time = IDLE_TIME};
    struct tw_pool *pool = NULL;
    int rc = tw_pool_new(limit ? limit : THREADS, &options, &pool);
    *ret_worker = tw_pool_worker(pool);
    return rc;
}

int tw_thread_resolver_new(const struct tw_thread_resolver_options *options,
                           struct tw_resolver **ret_resolver)
{
    struct threads *threads;
    int rc = 0;
    if (!ret_resolver || (options && options->size != sizeof *options))
        return tw__misuse(-EINVAL,
                          "tw_thread_resolver_new: needs ret_resolver, and options of their size");
    threads = (struct threads *)tw__zalloc(sizeof *threads);
    if (!threads)
        return -ENOMEM;
    threads->is_own = !options || !options->worker;
    if (threads->is_own)
        rc = own_pool(options ? options->threads : 0, &threads->worker);
    else
        threads->worker = tw_worker_ref(options->worker);
    if (rc < 0) {
        tw__free(threads);
        return rc;
    }
    return tw_resolver_new(resolve_in_threads, threads, free_threads, ret_resolver);
}

/* --- a reactor's resolver --------------------------------------------------------------------- */

static void let_resolver_go(void *resolver)
{
    tw_resolver_unref((struct tw_resolver *)resolver);
}

int tw_reactor_set_resolver(struct tw_reactor *reactor, struct tw_resolver *resolver,
                            struct tw_resolver **ret_previous)
{
    struct tw_resolver *previous;
    if (!reactor)
        return tw__misuse(-EINVAL, "tw_reactor_set_resolver: needs a reactor");
    previous = (struct tw_resolver *)reactor->_common->resolver;
    reactor->_common->resolver = tw_resolver_ref(resolver);
    reactor->_common->resolver_destroy = let_resolver_go;
    if (ret_previous)
        *ret_previous = previous;
    else
        tw_resolver_unref(previous);
    return 0;
}

/* Ask it, or the one it has by itself from now on. */
static int ask_resolver(struct tw_reactor *reactor, const char *host,
                        const struct tw_resolve_options *options, struct tw_deferred **ret_deferred)
{
    struct tw_resolver *resolver = NULL;
    int rc = 0;
    if (!reactor->_common->resolver) {
        rc = tw_thread_resolver_new(NULL, &resolver);
        if (rc >= 0)
            rc = tw_reactor_set_resolver(reactor, resolver, NULL);
    } else {
        resolver = tw_resolver_ref((struct tw_resolver *)reactor->_common->resolver);
    }
    if (rc >= 0)
        rc = resolver->resolve(reactor, host, options, resolver->arg, ret_deferred);
    tw_resolver_unref(resolver);
    return rc;
}

/* --- a lookup --------------------------------------------------------------------------------- */

struct lookup {
    struct tw_deferred *deferred; /* a handle, until it has fired */
    struct tw_delayed_call *timer;
    int64_t timeout;
    bool has_expired;
    char host[];
};

/* Right after the link has run, or when it never will. */
static void free_lookup(void *arg)
{
    struct lookup *lookup = (struct lookup *)arg;
    if (lookup->timer)
        tw_delayed_call_cancel(lookup->timer);
    tw_delayed_call_unref(lookup->timer);
    tw_deferred_unref(lookup->deferred);
    tw__free(lookup);
}

static void expire(void *arg)
{
    struct lookup *lookup = (struct lookup *)arg;
    lookup->has_expired = true;
    tw_deferred_cancel(lookup->deferred);
}

/* The first link of each lookup's Deferred. */
static void settle(struct tw_result *result, void *arg)
{
    const struct lookup *lookup = (const struct lookup *)arg;
    if (lookup->has_expired && tw_failure_is(tw_result_failure(result), &TW_ERROR_CANCELLED))
        tw_result_failf(result, &TW_ERROR_LOOKUP_TIMEOUT, ETIMEDOUT,
                        "cannot look '%s' up: no answer within %.3f s", lookup->host,
                        (double)lookup->timeout / (double)TW_SECOND);
}

static int lookup_new(struct tw_reactor *reactor, const char *host, int64_t timeout,
                      struct lookup **ret_lookup)
{
    size_t size = strlen(host) + 1;
    struct lookup *lookup = (struct lookup *)tw__zalloc(sizeof *lookup + size);
    int rc = 0;
    if (!lookup)
        return -ENOMEM;
    memcpy(lookup->host, host, size);
    lookup->timeout = timeout;
    if (timeout != TW_FOREVER)
        rc = tw_reactor_call_later(reactor, timeout, expire, lookup, NULL, &lookup->timer);
    if (rc < 0) {
        tw__free(lookup);
        return rc;
    }
    *ret_lookup = lookup;
    return 0;
}

/* All that may fail comes before the resolver is asked: a Deferred fresh from it has room for the
 * link. */
static int resolve_name(struct tw_reactor *reactor, const char *host,
                        const struct tw_resolve_options *options, struct tw_deferred **ret_deferred)
{
    struct tw_deferred *deferred = NULL;
    struct lookup *lookup = NULL;
    int rc = lookup_new(reactor, host, options->timeout, &lookup);
    if (rc < 0)
        return rc;
    rc = ask_resolver(reactor, host, options, &deferred);
    if (rc < 0) {
        free_lookup(lookup);
        return rc;
    }
    lookup->deferred = tw_deferred_ref(deferred);
    rc = tw_deferred_add_both(deferred, settle, lookup, free_lookup);
    if (rc < 0) {
        tw_deferred_cancel(deferred);
        tw_deferred_unref(deferred);
        return rc;
    }
    *ret_deferred = deferred;
    return 0;
}

static int fired_with(struct tw_result *result, struct tw_deferred **ret_deferred)
{
    tw_destroy_fn destroy = NULL;
    void *value;
    int rc;
    if (tw_result_is_failure(result)) {
        rc = tw_deferred_fail(tw_result_failure(result), ret_deferred);
        tw_result_done(result);
        return rc;
    }
    value = tw_result_take(result, &destroy);
    return tw_deferred_succeed(value, destroy, ret_deferred);
}

/* "Not known" means, here, that the host is a name, or the service is. */
static int resolve(struct tw_reactor *reactor, const char *host,
                   const struct tw_resolve_options *options, struct tw_deferred **ret_deferred)
{
    struct tw_result result = TW_RESULT_INIT;
    int error = look_up(&result, host, options, AI_NUMERICHOST | AI_NUMERICSERV);
    if (error != EAI_NONAME || options->flags & AI_NUMERICHOST)
        return fired_with(&result, ret_deferred);
    tw_result_done(&result);
    return resolve_name(reactor, host, options, ret_deferred);
}

static bool are_right(const struct tw_resolve_options *options)
{
    return !options || (options->size == sizeof *options && options->timeout >= 0);
}

int tw_reactor_resolve(struct tw_reactor *reactor, const char *host,
                       const struct tw_resolve_options *options, struct tw_deferred **ret_deferred)
{
    struct tw_resolve_options complete = {.size = sizeof complete};
    if (!reactor || !host || !ret_deferred || !are_right(options))
        return tw__misuse(-EINVAL, "tw_reactor_resolve: needs a reactor, a host, ret_deferred, and "
                                   "options of their size with a timeout of 0 or more");
    if (!tw__reactor_is_open(reactor))
        return -ESHUTDOWN;
    if (options)
        complete = *options;
    if (!complete.socktype)
        complete.socktype = SOCK_STREAM;
    if (!complete.timeout)
        complete.timeout = TIMEOUT;
    if (!*host)
        host = complete.family == AF_INET6 ? "::" : "0.0.0.0";
    return resolve(reactor, host, &complete, ret_deferred);
}
