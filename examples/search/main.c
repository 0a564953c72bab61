/*
 * search: an HTTP server over folders of text files, with twine and libevent's evhttp.
 *
 * One thread runs the loop. It accepts, parses and answers; it never waits for anything else. What
 * blocks (disk, database, name server, sleep) is a job in the reactor's pool, and its result comes
 * back to the loop as a Deferred's.
 *
 * The life of the program: index the folders (indexing.h), listen (server.h), answer each request
 * (handlers.h, jobs.h) until a signal comes, finish what runs, and go.
 */
#include "index.h"
#include "indexing.h"
#include "once.h"
#include "options.h"
#include "server.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_LONGEST (2 * TW_SECOND)

/* All of it belongs to the loop's thread. */
struct program {
    struct options options;
    struct server server;
    struct indexing indexing;
    struct once once;
    struct tw_worker *asker; /* the thread that asks, for --once */
    struct event *interrupt, *terminate;
    int code; /* to exit with */
};

/* ---- ending ---- */

static void stop(struct program *program)
{
    indexing_stop(&program->indexing);
    server_stop(&program->server);
    tw_reactor_stop(program->server.reactor);
}

static void give_up(struct program *program, const char *what, const char *why)
{
    fprintf(stderr, "search: %s: %s\n", what, why);
    program->code = 1;
    stop(program);
}

static void take_signal(evutil_socket_t number, short what, void *arg)
{
    struct program *program = arg;
    (void)what;
    if (program->server.stopping) { /* asked twice: go at once */
        index_remove_file(program->server.index);
        _exit(128 + (int)number);
    }
    fprintf(stderr, "search: stopping; what runs is finished first\n");
    stop(program);
}

/* ---- asking oneself ---- */

static void asked(struct tw_result *result, void *arg)
{
    struct program *program = arg;
    if (tw_result_is_failure(result))
        give_up(program, "--once", tw_failure_message(tw_result_failure(result)));
    tw_result_set(result, NULL, NULL);
}

/* Not in the pool, whose threads it is to keep busy, but on a thread of its own. */
static int ask_oneself(struct program *program)
{
    struct tw_deferred *deferred = NULL;
    struct once *once = &program->once;
    int rc = tw_thread_worker_new(NULL, &program->asker);
    once->folders = &program->server.folders;
    once->host = program->options.host;
    once->port = program->server.port;
    once->threads = program->options.threads;
    if (rc == 0)
        rc = tw_defer_to_pool(program->server.reactor, program->asker, once_job, once, NULL,
                              &deferred);
    if (rc == 0)
        rc = tw_deferred_add_both(deferred, asked, program, NULL);
    tw_deferred_unref(deferred);
    return rc;
}

/* ---- beginning ---- */

static void say_address(const struct program *program)
{
    const char *host = program->options.host;
    bool bare = strchr(host, ':') != NULL; /* an IPv6 address, which a URL puts in brackets */
    char address[160];
    snprintf(address, sizeof address, "http://%s%s%s:%u", bare ? "[" : "", host, bare ? "]" : "",
             program->server.port);
    printf("%zu files indexed; serving on %s/\n",
           program->indexing.progress.done - program->indexing.progress.skipped, address);
    printf("try:\n");
    printf("  curl '%s/search?q=free+software'\n", address);
    printf("  curl '%s/resolve?host=localhost'\n", address);
    printf("  curl '%s/slow?ms=2000' & sleep .2; curl '%s/stats'\n", address, address);
    fflush(stdout);
}

static void cannot_listen(struct program *program, int error)
{
    const struct options *options = &program->options;
    char what[160];
    const char *why = error == EADDRINUSE ? "it is taken; --port 0 takes any that is free"
                      : error             ? strerror(error)
                                          : "no such address";
    snprintf(what, sizeof what, "cannot listen on %s, port %u", options->host, options->port);
    give_up(program, what, why);
}

static void serve(struct program *program)
{
    const struct options *options = &program->options;
    int rc = 0;
    if (server_listen(&program->server, options->host, options->port) < 0) {
        cannot_listen(program, errno);
        return;
    }
    say_address(program);
    if (options->once)
        rc = ask_oneself(program);
    if (rc < 0)
        give_up(program, "--once", strerror(-rc));
}

static void indexed(struct tw_result *result, void *arg)
{
    struct program *program = arg;
    const struct tw_failure *failure = tw_result_failure(result);
    if (!failure && !program->server.stopping)
        serve(program);
    else if (failure && !tw_failure_is(failure, &TW_ERROR_CANCELLED))
        give_up(program, "cannot index", tw_failure_message(failure));
    tw_result_set(result, NULL, NULL);
}

static int start_indexing(struct program *program)
{
    struct server *server = &program->server;
    struct tw_deferred *deferred = NULL;
    int rc = indexing_start(&program->indexing, server->reactor, &server->folders, server->index,
                            2 * program->options.threads, &deferred);
    if (rc == 0)
        rc = tw_deferred_add_both(deferred, indexed, program, NULL);
    tw_deferred_unref(deferred);
    return rc;
}

static int add_folder(struct program *program, const char *path)
{
    int rc = folders_add(&program->server.folders, path);
    if (rc < 0)
        fprintf(stderr, "search: cannot serve the folder %s: %s\n", path, strerror(-rc));
    return rc;
}

/* A folder that was asked for must be there; of the default ones, one. Says itself what is not. */
static bool add_folders(struct program *program)
{
    const struct options *options = &program->options;
    int rc = 0;
    for (int i = 0; rc == 0 && i < options->folder_count; i++)
        rc = add_folder(program, options->folders[i]);
    if (options->folder_count > 0)
        return rc == 0;
    add_folder(program, OUR_DOCUMENTS);
    add_folder(program, "/usr/share/common-licenses");
    return program->server.folders.count > 0;
}

static struct event *on_signal(struct program *program, int number)
{
    struct event_base *base = tw_libevent_reactor_base(program->server.reactor);
    struct event *event = evsignal_new(base, number, take_signal, program);
    if (event && event_add(event, NULL) == 0)
        return event;
    if (event)
        event_free(event);
    return NULL;
}

static int set_up(struct program *program)
{
    struct server *server = &program->server;
    int rc = tw_reactor_new(NULL, &server->reactor);
    if (rc == 0)
        rc = tw_reactor_suggest_thread_pool_size(server->reactor, program->options.threads);
    if (rc == 0)
        rc = tw_reactor_get_thread_pool(server->reactor, &server->pool);
    if (rc == 0) /* finish what runs, however long: a second signal ends it */
        rc = tw_reactor_set_shutdown_timeout(server->reactor, TW_FOREVER);
    if (rc < 0)
        return rc;
    server->index = index_new(program->options.threads);
    program->interrupt = on_signal(program, SIGINT);
    program->terminate = on_signal(program, SIGTERM);
    return server->index && program->interrupt && program->terminate ? 0 : -ENOMEM;
}

/* In the order of who uses whom. All jobs are home, or were never started. */
static void tear_down(struct program *program)
{
    server_done(&program->server);
    if (program->interrupt)
        event_free(program->interrupt);
    if (program->terminate)
        event_free(program->terminate);
    tw_worker_unref(program->asker);
    tw_reactor_unref(program->server.reactor);
    tw_thread_cache_drain(5 * TW_SECOND); /* so that nothing is left, not even an idle thread */
    indexing_done(&program->indexing);
    index_free(program->server.index);
    folders_clear(&program->server.folders);
}

static void say_counts(const struct server *server)
{
    printf("%llu requests: %llu answered, %llu hung up, %zu cut off\n",
           (unsigned long long)server->count.requests, (unsigned long long)server->count.answered,
           (unsigned long long)server->count.hung_up, server->count.in_flight);
}

/* Returns: 0 once stopped in order; a negative errno. */
static int run(struct program *program)
{
    int rc = set_up(program);
    if (rc == 0)
        rc = start_indexing(program);
    if (rc == 0)
        rc = tw_reactor_run(program->server.reactor);
    if (rc < 0)
        return rc;
    server_drain(&program->server, DRAIN_LONGEST);
    if (program->server.port > 0)
        say_counts(&program->server);
    return 0;
}

int main(int argc, char **argv)
{
    static struct program program;
    int code = options_parse(&program.options, argc, argv), rc = 0;
    if (code >= 0)
        return code;
    signal(SIGPIPE, SIG_IGN); /* a client that goes is an error of the write, and no more */
    if (!add_folders(&program))
        program.code = 1;
    else
        rc = run(&program);
    if (rc < 0) {
        fprintf(stderr, "search: %s\n", strerror(-rc));
        program.code = 1;
    }
    if (program.options.once && program.server.count.in_flight > 0)
        program.code = 1;
    tear_down(&program);
    return program.code;
}
