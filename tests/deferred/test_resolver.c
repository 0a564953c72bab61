/*
 * Looking names up: the threads are a memory worker, the clock is a test clock's, and getaddrinfo()
 * is this file's, which knows two names and asks the C library about addresses only.
 */
#include "trace.h"
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <twine/reactor/reactor_internal.h>

SUITE("resolver")

static struct tw_reactor *reactor;
static struct tw_worker *threads;
static int asked, lists; /* how often getaddrinfo() was asked a name; how many lists are alive */

typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *,
                              struct addrinfo **);
typedef void (*freeaddrinfo_fn)(struct addrinfo *);

/* "twine.test" is 192.0.2.7, "six.test" 2001:db8::7; "later.test" cannot be told now. While
 * "slow.test" is looked up the loop goes on for a second. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    getaddrinfo_fn real = (getaddrinfo_fn)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = *hints;
    int error;
    if (!(hints->ai_flags & AI_NUMERICHOST)) {
        asked++;
        if (strcmp(host, "later.test") == 0)
            return EAI_AGAIN;
        if (strcmp(host, "slow.test") == 0)
            CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, TW_SECOND), 0);
        if (strcmp(host, "twine.test") == 0 || strcmp(host, "slow.test") == 0)
            host = "192.0.2.7";
        if (strcmp(host, "six.test") == 0)
            host = "2001:db8::7";
        numeric.ai_flags |= AI_NUMERICHOST;
    }
    error = real(host, service, &numeric, found);
    lists += error == 0;
    return error;
}

void freeaddrinfo(struct addrinfo *list)
{
    freeaddrinfo_fn real = (freeaddrinfo_fn)(uintptr_t)dlsym(RTLD_NEXT, "freeaddrinfo");
    lists--;
    real(list);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static int use_memory_worker(void)
{
    struct tw_thread_resolver_options options = {.size = sizeof options, .worker = threads};
    struct tw_resolver *resolver = NULL;
    int rc = tw_thread_resolver_new(&options, &resolver);
    if (rc >= 0)
        rc = tw_reactor_set_resolver(reactor, resolver, NULL);
    tw_resolver_unref(resolver);
    return rc;
}

static void set_up(void)
{
    asked = lists = 0;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_memory_worker_new(&threads), 0);
    CU_ASSERT_EQUAL_FATAL(use_memory_worker(), 0);
}

static void tear_down(void)
{
    reactor = tw_reactor_unref(reactor);
    threads = tw_worker_unref(threads);
    CU_ASSERT_EQUAL(lists, 0);
}

static void pass(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

/* Writes each address, or the failure's kind and code, and leaves null. */
static void show(struct tw_result *result, void *name)
{
    const struct addrinfo *info = (const struct addrinfo *)tw_result_value(result);
    char text[INET6_ADDRSTRLEN];
    trace("%s", (const char *)name);
    for (; info; info = info->ai_next) {
        const void *address = &((const struct sockaddr_in *)(void *)info->ai_addr)->sin_addr;
        if (info->ai_family == AF_INET6)
            address = &((const struct sockaddr_in6 *)(void *)info->ai_addr)->sin6_addr;
        trace(" %s", inet_ntop(info->ai_family, address, text, sizeof text));
    }
    if (tw_result_is_failure(result))
        trace(" %s %d", tw_failure_kind(tw_result_failure(result))->name,
              tw_failure_code(tw_result_failure(result)));
    trace("; ");
    tw_result_set(result, NULL, NULL);
}

static struct tw_deferred *ask(const char *host, const struct tw_resolve_options *options)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_reactor_resolve(reactor, host, options, &deferred), 0);
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, show, (void *)(uintptr_t)host, NULL), 0);
    return deferred;
}

static void ask_and_drop(const char *host, const struct tw_resolve_options *options)
{
    tw_deferred_unref(ask(host, options));
}

/* --- what needs no thread --------------------------------------------------------------------- */

/* RSV-001: an address is answered at once, of either family, with a port or without. */
TEST(RSV_001_address_at_once)
{
    struct tw_resolve_options https = {.size = sizeof https, .service = "443"};
    set_up();
    ask_and_drop("192.0.2.1", NULL);
    TRACED("192.0.2.1 192.0.2.1; ");
    ask_and_drop("2001:db8::1", &https);
    TRACED("2001:db8::1 2001:db8::1; ");
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 0);
    tear_down();
}

/* RSV-001: the empty name is the address of any. */
TEST(RSV_001_empty_name_at_once)
{
    struct tw_resolve_options six = {.size = sizeof six, .family = AF_INET6};
    set_up();
    ask_and_drop("", NULL);
    TRACED(" 0.0.0.0; ");
    ask_and_drop("", &six);
    TRACED(" ::; ");
    tear_down();
}

/* An address of the other family, or a name where only an address may stand, fails at once. */
TEST(wrong_address_fails_at_once)
{
    struct tw_resolve_options six = {.size = sizeof six, .family = AF_INET6};
    struct tw_resolve_options numeric = {.size = sizeof numeric, .flags = AI_NUMERICHOST};
    char expected[128];
    set_up();
    ask_and_drop("192.0.2.1", &six);
    ask_and_drop("twine.test", &numeric);
    snprintf(expected, sizeof expected, "192.0.2.1 lookup failed %d; twine.test lookup failed %d; ",
             EAI_ADDRFAMILY, EAI_NONAME);
    TRACED(expected);
    CU_ASSERT_EQUAL(asked, 0);
    tear_down();
}

/* --- in threads ------------------------------------------------------------------------------- */

/* RSV-003: a name is looked up in a thread, and the addresses are delivered on the loop's. */
TEST(RSV_003_name_in_a_thread)
{
    struct tw_deferred *deferred;
    set_up();
    deferred = ask("twine.test", NULL);
    CU_ASSERT_EQUAL(asked, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 1);
    CU_ASSERT_EQUAL(asked, 1);
    TRACED("");
    pass();
    TRACED("twine.test 192.0.2.7; ");
    tw_deferred_unref(deferred);
    tear_down();
}

/* RSV-004: a failure names the host and the reason, and has getaddrinfo()'s code. */
TEST(RSV_004_failure_names_host_and_reason)
{
    struct tw_deferred *deferred = NULL;
    struct tw_result result = TW_RESULT_INIT;
    const char *message;
    set_up();
    CU_ASSERT_EQUAL_FATAL(tw_reactor_resolve(reactor, "later.test", NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 1);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, &result), 0);
    CU_ASSERT_TRUE_FATAL(tw_result_is_failure(&result));
    CU_ASSERT_PTR_EQUAL(tw_failure_kind(tw_result_failure(&result)), &TW_ERROR_LOOKUP);
    CU_ASSERT_EQUAL(tw_failure_code(tw_result_failure(&result)), EAI_AGAIN);
    message = tw_failure_message(tw_result_failure(&result));
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "later.test"));
    CU_ASSERT_PTR_NOT_NULL(strstr(message, gai_strerror(EAI_AGAIN)));
    tw_result_done(&result);
    tw_deferred_unref(deferred);
    tear_down();
}

/* --- the time limit --------------------------------------------------------------------------- */

/* RSV-005: without a limit of its own a lookup has 60 seconds. */
TEST(RSV_005_sixty_seconds_unless_told)
{
    char expected[64];
    set_up();
    ask_and_drop("twine.test", NULL);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 60 * TW_SECOND - 1), 0);
    TRACED("");
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 1), 0);
    snprintf(expected, sizeof expected, "twine.test lookup timed out %d; ", ETIMEDOUT);
    TRACED(expected);
    tear_down();
}

/* RSV-006: a lookup that runs when the time is up is not interrupted; its answer comes too late and
 * is freed. */
TEST(RSV_006_late_answer_is_freed)
{
    struct tw_resolve_options hasty = {.size = sizeof hasty, .timeout = TW_SECOND};
    char expected[64];
    set_up();
    ask_and_drop("slow.test", &hasty);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 1);
    snprintf(expected, sizeof expected, "slow.test lookup timed out %d; ", ETIMEDOUT);
    TRACED(expected);
    CU_ASSERT_EQUAL(lists, 1);
    pass();
    TRACED("");
    CU_ASSERT_EQUAL(lists, 0);
    tear_down();
}

/* One that has not started is taken out of its pool, and never runs. */
TEST(RSV_006_lookup_that_waits_is_taken_out)
{
    struct tw_resolve_options hasty = {.size = sizeof hasty, .timeout = TW_SECOND};
    set_up();
    ask_and_drop("twine.test", &hasty);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, TW_SECOND), 0);
    trace_clear();
    while (tw_memory_worker_perform(threads) > 0)
        ;
    CU_ASSERT_EQUAL(asked, 0);
    tear_down();
}

/* RSV-007: an answer in time takes the timer back: nothing is left in the reactor's heap. */
TEST(RSV_007_answer_in_time_takes_the_timer_back)
{
    set_up();
    ask_and_drop("twine.test", NULL);
    ask_and_drop("later.test", NULL);
    CU_ASSERT_EQUAL(reactor->_common->heap.count, 2);
    while (tw_memory_worker_perform(threads) > 0)
        pass();
    CU_ASSERT_EQUAL(reactor->_common->heap.count, 0);
    trace_clear();
    tear_down();
}

/* TW_FOREVER: no timer at all. */
TEST(no_limit_needs_no_timer)
{
    struct tw_resolve_options patient = {.size = sizeof patient, .timeout = TW_FOREVER};
    set_up();
    ask_and_drop("six.test", &patient);
    CU_ASSERT_EQUAL(reactor->_common->heap.count, 0);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 1);
    pass();
    TRACED("six.test 2001:db8::7; ");
    tear_down();
}

/* Cancelling fails the Deferred at once, and takes the timer back. */
TEST(cancel_is_at_once)
{
    struct tw_deferred *deferred;
    char expected[64];
    set_up();
    deferred = ask("twine.test", NULL);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    snprintf(expected, sizeof expected, "twine.test cancelled %d; ", ECANCELED);
    TRACED(expected);
    CU_ASSERT_EQUAL(reactor->_common->heap.count, 0);
    tw_deferred_unref(deferred);
    tear_down();
}

/* --- resolvers of one's own ------------------------------------------------------------------- */

struct own {
    struct tw_source *source; /* of the lookup that waits */
    int64_t timeout;
    int socktype, gone;
};

static void free_node(void *node)
{
    free(node);
}

/* Two addresses, one of each family, not from getaddrinfo(). */
static void *two_addresses(void)
{
    struct two {
        struct addrinfo info[2];
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } *two = (struct two *)calloc(1, sizeof *two);
    two->info[0].ai_family = two->four.sin_family = AF_INET;
    two->info[1].ai_family = two->six.sin6_family = AF_INET6;
    inet_pton(AF_INET, "192.0.2.8", &two->four.sin_addr);
    inet_pton(AF_INET6, "2001:db8::8", &two->six.sin6_addr);
    two->info[0].ai_addr = (struct sockaddr *)(void *)&two->four;
    two->info[1].ai_addr = (struct sockaddr *)(void *)&two->six;
    two->info[0].ai_next = &two->info[1];
    return two;
}

static int resolve_at_once(struct tw_reactor *of, const char *host,
                           const struct tw_resolve_options *options, void *arg,
                           struct tw_deferred **ret_deferred)
{
    (void)of;
    (void)host;
    (void)options;
    (void)arg;
    return tw_deferred_succeed(two_addresses(), free_node, ret_deferred);
}

static int resolve_later(struct tw_reactor *of, const char *host,
                         const struct tw_resolve_options *options, void *arg,
                         struct tw_deferred **ret_deferred)
{
    struct own *own = (struct own *)arg;
    CU_ASSERT_PTR_EQUAL(of, reactor);
    CU_ASSERT_STRING_EQUAL(host, "own.test");
    own->timeout = options->timeout;
    own->socktype = options->socktype;
    return tw_deferred_new(NULL, NULL, NULL, &own->source, ret_deferred);
}

static int resolve_not(struct tw_reactor *of, const char *host,
                       const struct tw_resolve_options *options, void *arg,
                       struct tw_deferred **ret_deferred)
{
    (void)of;
    (void)host;
    (void)options;
    (void)arg;
    (void)ret_deferred;
    return -EHOSTDOWN;
}

static void count_gone(void *own)
{
    ((struct own *)own)->gone++;
}

static struct tw_resolver *use(tw_resolve_fn resolve, struct own *own)
{
    struct tw_resolver *resolver = NULL, *previous = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_resolver_new(resolve, own, own ? count_gone : NULL, &resolver), 0);
    CU_ASSERT_EQUAL(tw_reactor_set_resolver(reactor, resolver, &previous), 0);
    tw_resolver_unref(resolver);
    return previous;
}

/* RSV-002: what is no address goes to the resolver that is installed, with the options complete;
 * the time limit holds for it too, by a cancel. */
TEST(RSV_002_installed_resolver_is_asked)
{
    struct own own = {0};
    char expected[64];
    set_up();
    tw_resolver_unref(use(resolve_later, &own));
    ask_and_drop("192.0.2.1", NULL);
    TRACED("192.0.2.1 192.0.2.1; ");
    ask_and_drop("own.test", NULL);
    CU_ASSERT_EQUAL(own.timeout, 60 * TW_SECOND);
    CU_ASSERT_EQUAL(own.socktype, SOCK_STREAM);
    CU_ASSERT_EQUAL(tw_source_callback(own.source, two_addresses(), free_node), 0);
    TRACED("own.test 192.0.2.8 2001:db8::8; ");
    own.source = tw_source_unref(own.source);
    ask_and_drop("own.test", NULL);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, 60 * TW_SECOND), 0);
    snprintf(expected, sizeof expected, "own.test lookup timed out %d; ", ETIMEDOUT);
    TRACED(expected);
    tw_source_unref(own.source);
    tear_down();
    CU_ASSERT_EQUAL(own.gone, 1);
}

/* RSV-009: installing gives the one before back; NULL goes back to one in threads. */
TEST(RSV_009_installing_gives_back_the_one_before)
{
    struct own own = {0};
    struct tw_resolver *first, *second;
    set_up();
    first = use(resolve_later, &own);
    CU_ASSERT_PTR_NOT_NULL(first);
    CU_ASSERT_EQUAL(tw_reactor_set_resolver(reactor, first, &second), 0);
    CU_ASSERT_EQUAL(own.gone, 0);
    tw_resolver_unref(second);
    CU_ASSERT_EQUAL(own.gone, 1);
    ask_and_drop("twine.test", NULL);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 1);
    pass();
    TRACED("twine.test 192.0.2.7; ");
    CU_ASSERT_EQUAL(tw_reactor_set_resolver(reactor, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_set_resolver(reactor, NULL, &second), 0);
    CU_ASSERT_PTR_NULL(second);
    tw_resolver_unref(first);
    tear_down();
}

/* RSV-010: a resolver may answer on the spot; the Deferred has fired then when it is handed out. */
TEST(RSV_010_resolver_may_answer_on_the_spot)
{
    set_up();
    tw_resolver_unref(use(resolve_at_once, NULL));
    ask_and_drop("own.test", NULL);
    TRACED("own.test 192.0.2.8 2001:db8::8; ");
    CU_ASSERT_EQUAL(reactor->_common->heap.count, 0);
    tear_down();
}

/* RSV-013: there is one kind of resolver, and it gives as many addresses, of both families, as it
 * has; whoever wants one takes the first. */
TEST(RSV_013_many_addresses_of_both_families)
{
    struct tw_deferred *deferred = NULL;
    struct tw_result result = TW_RESULT_INIT;
    const struct addrinfo *first;
    set_up();
    tw_resolver_unref(use(resolve_at_once, NULL));
    CU_ASSERT_EQUAL(tw_reactor_resolve(reactor, "own.test", NULL, &deferred), 0);
    CU_ASSERT_EQUAL(tw_reactor_wait(reactor, deferred, &result), 0);
    first = (const struct addrinfo *)tw_result_value(&result);
    CU_ASSERT_EQUAL(first->ai_family, AF_INET);
    CU_ASSERT_EQUAL(first->ai_next->ai_family, AF_INET6);
    tw_result_done(&result);
    tw_deferred_unref(deferred);
    tear_down();
}

/* What a resolver answers comes out, and no timer is left. */
TEST(resolver_may_refuse)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    tw_resolver_unref(use(resolve_not, NULL));
    CU_ASSERT_EQUAL(tw_reactor_resolve(reactor, "own.test", NULL, &deferred), -EHOSTDOWN);
    CU_ASSERT_EQUAL(reactor->_common->heap.count, 0);
    tear_down();
}

/* --- ends, misuse, memory --------------------------------------------------------------------- */

/* A lookup that is out when its reactor goes fails, and its answer is freed when it comes. */
TEST(reactor_goes_first)
{
    char expected[64];
    set_up();
    ask_and_drop("twine.test", NULL);
    reactor = tw_reactor_unref(reactor);
    snprintf(expected, sizeof expected, "twine.test shut down %d; ", ESHUTDOWN);
    TRACED(expected);
    CU_ASSERT_EQUAL(tw_memory_worker_perform(threads), 1);
    tear_down();
}

TEST(misuse_is_told)
{
    struct tw_resolve_options wrong = {.size = 1}, negative = {.size = sizeof negative};
    struct tw_thread_resolver_options small = {.size = 1};
    struct tw_deferred *deferred = NULL;
    struct tw_resolver *resolver = NULL;
    int destroyed = 0;
    negative.timeout = -1;
    set_up();
    PROVOKE(tw_reactor_resolve(NULL, "twine.test", NULL, &deferred));
    PROVOKE(tw_reactor_resolve(reactor, NULL, NULL, &deferred));
    PROVOKE(tw_reactor_resolve(reactor, "twine.test", NULL, NULL));
    PROVOKE(tw_reactor_resolve(reactor, "twine.test", &wrong, &deferred));
    PROVOKE(tw_reactor_resolve(reactor, "twine.test", &negative, &deferred));
    PROVOKE(tw_reactor_set_resolver(NULL, NULL, NULL));
    PROVOKE(tw_thread_resolver_new(&small, &resolver));
    PROVOKE(tw_thread_resolver_new(NULL, NULL));
    PROVOKE(tw_resolver_new(NULL, &destroyed, count_destroy, &resolver));
    CU_ASSERT_EQUAL(destroyed, 1);
    CU_ASSERT_PTR_NULL(tw_resolver_ref(NULL));
    CU_ASSERT_PTR_NULL(tw_resolver_unref(NULL));
    tear_down();
}

static void ask_in_a_sweep(const char *host)
{
    struct tw_deferred *deferred = NULL;
    int rc = tw_reactor_resolve(reactor, host, NULL, &deferred);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    if (rc < 0)
        return;
    CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, show, (void *)(uintptr_t)host, NULL), 0);
    tw_deferred_unref(deferred);
    while (tw_memory_worker_perform(threads) > 0)
        pass();
    if (!harness_failed_one())
        CU_ASSERT(traced("twine.test 192.0.2.7; ", __LINE__) || strcmp(host, "twine.test") != 0);
    trace_clear();
}

/* Whichever allocation fails, the answer is -ENOMEM or a failure, and nothing is left behind. */
SWEEP(lookup_without_memory)
{
    asked = lists = 0;
    reactor = NULL;
    threads = NULL;
    if (tw_test_clock_reactor_new(&reactor) == 0 && tw_memory_worker_new(&threads) == 0 &&
        use_memory_worker() == 0)
        ask_in_a_sweep("twine.test");
    tear_down();
}
