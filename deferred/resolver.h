/*
 * Looking names up without blocking the loop (Twisted's resolve and ThreadedResolver, RSV).
 *
 * getaddrinfo() asks whatever the system is told to ask, /etc/hosts, mDNS, a name server, and blocks
 * meanwhile. So it is called in threads, in a pool of its own: names that take long keep other
 * names waiting, but no other work.
 *
 *     rc = tw_reactor_resolve(reactor, "example.org", NULL, &deferred);
 *     ...
 *     struct addrinfo *addresses = (struct addrinfo *)tw_result_value(result);
 *
 * Addresses written as such ("192.0.2.1", "::1"), and the empty name, need no thread: they are
 * answered at once. For the rest each reactor has a resolver, which can be replaced by one of yours.
 */
#ifndef TWINE_DEFERRED_RESOLVER_H
#define TWINE_DEFERRED_RESOLVER_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/reactor.h>

struct addrinfo;

TW_BEGIN_DECLS

struct tw_resolver;

/** How to look a name up; a field left 0 means the default. */
struct tw_resolve_options {
    size_t size;         /**< sizeof(struct tw_resolve_options) */
    const char *service; /**< a port's number or name, to be put into the addresses; NULL: none */
    int family;          /**< AF_INET, AF_INET6; 0: both */
    int socktype;    /**< SOCK_DGRAM and the like; 0: SOCK_STREAM, so that an address comes once */
    int protocol;    /**< IPPROTO_...; 0: any */
    int flags;       /**< AI_... */
    int64_t timeout; /**< nanoseconds; 0: 60 s (RSV-005); TW_FOREVER: none */
};

/**
 * Look a name up (RSV-001 to RSV-007).
 *
 * The value is a struct addrinfo, a list as getaddrinfo() gives it, owned by the result. What cannot
 * be looked up fails with TW_ERROR_LOOKUP, whose code is getaddrinfo()'s and whose message names the
 * host and the reason; what has not come in time, with TW_ERROR_LOOKUP_TIMEOUT; short memory with
 * TW_ERROR_NO_MEMORY.
 *
 * When the time is up, or the Deferred is cancelled, it fails at once. A lookup that waits for a
 * thread is taken out then; one that runs cannot be interrupted: it goes on in its thread, and what
 * it finds is freed. A shutdown of the reactor waits for it like for any job.
 *
 * Thread:    loop.
 * Ownership: all is copied. The handle is yours to unref.
 * Returns:   0; -ENOMEM; -ESHUTDOWN once the reactor has stopped; -EINVAL without a host, or for
 *            options that are not right; what a resolver of yours answers.
 *
 * @param host a name or an address; "": 0.0.0.0, or :: if the family is AF_INET6
 * @param options NULL: the defaults
 */
TW_EXPORT int tw_reactor_resolve(struct tw_reactor *reactor, const char *host,
                                 const struct tw_resolve_options *options,
                                 struct tw_deferred **ret_deferred);

/**
 * Let a reactor use another resolver (RSV-009).
 *
 * Thread:    loop.
 * Ownership: the resolver is borrowed; the reactor takes a reference. NULL: a new one in threads, at
 *            the next need. The one before comes out, yours to unref, or NULL if there was none yet;
 *            with ret_previous NULL it is let go of. Lookups that are out come home all the same.
 * Returns:   0; -EINVAL without a reactor.
 */
TW_EXPORT int tw_reactor_set_resolver(struct tw_reactor *reactor, struct tw_resolver *resolver,
                                      struct tw_resolver **ret_previous);

/** How a resolver in threads is made; a field left 0 means the default. */
struct tw_thread_resolver_options {
    size_t size;              /**< sizeof(struct tw_thread_resolver_options) */
    size_t threads;           /**< how many names at once; 0: 8 */
    struct tw_worker *worker; /**< where to look up, in place of a pool of its own; borrowed */
};

/**
 * Make a resolver that calls getaddrinfo() in threads, as each reactor has by itself. Several
 * reactors may share one.
 *
 * Thread:    any.
 * Ownership: the resolver is yours to unref. Its pool goes with it.
 * Returns:   0; -ENOMEM; -EINVAL for options of a wrong size.
 *
 * @param options NULL: the defaults
 */
TW_EXPORT int tw_thread_resolver_new(const struct tw_thread_resolver_options *options,
                                     struct tw_resolver **ret_resolver);

/**
 * Looks a name up, for tw_resolver_new().
 *
 * The Deferred may have fired already (RSV-010), with a list of struct addrinfo and what destroys
 * it, or with a failure. It is cancelled when the time is up.
 *
 * Thread:    loop.
 * Ownership: host and options are borrowed for the call. The handle goes to the caller.
 * Returns:   0; a negative errno, which comes out of tw_reactor_resolve().
 *
 * @param options never NULL, and with nothing left to default
 */
typedef int (*tw_resolve_fn)(struct tw_reactor *reactor, const char *host,
                             const struct tw_resolve_options *options, void *arg,
                             struct tw_deferred **ret_deferred);

/**
 * Make a resolver of your own (RSV-002, RSV-013).
 *
 * Thread:    any; resolve is called on the loop's thread of each reactor that uses it.
 * Ownership: (arg, destroy) is consumed, on error too; destroy is called when the last reference
 *            has gone, by whoever let go of it. The resolver is yours to unref.
 * Returns:   0; -ENOMEM; -EINVAL without resolve.
 */
TW_EXPORT int tw_resolver_new(tw_resolve_fn resolve, void *arg, tw_destroy_fn destroy,
                              struct tw_resolver **ret_resolver);

/** Hold a resolver once more. Thread: any. Returns: the resolver; NULL for NULL. */
TW_EXPORT struct tw_resolver *tw_resolver_ref(struct tw_resolver *resolver);
/** Let go of a resolver. Thread: any. Returns: NULL. */
TW_EXPORT struct tw_resolver *tw_resolver_unref(struct tw_resolver *resolver);

TW_END_DECLS

#endif
