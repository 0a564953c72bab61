#include "once.h"

#include "answer.h"
#include "client.h"

#include <ctype.h>
#include <errno.h>
#include <event2/http.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOGETHER 8     /* slow requests at the same time */
#define PATIENCE 10000 /* ms to wait for something that must come */

static void pause_for(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static long now_in_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- saying how it went ---- */

static void judge(struct once *once, bool right, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void judge(struct once *once, bool right, const char *format, ...)
{
    va_list arguments;
    if (right)
        once->right++;
    else
        once->wrong++;
    fputs(right ? "  ok     " : "  WRONG  ", stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* A reply against the status it should have and something its body should hold. */
static void judge_reply(struct once *once, const char *what, const struct reply *reply, int status,
                        const char *part)
{
    bool right = reply->status == status && strstr(reply->body, part);
    int line = (int)strcspn(reply->body, "\n");
    judge(once, right, "%-40s %d  %.*s", what, reply->status, line < 100 ? line : 100, reply->body);
    if (!right)
        printf("         should be %d and hold: %s\n", status, part);
}

/* Ask, and judge the reply, which is left to be looked into; cleared if there was none. */
static void ask(struct once *once, const char *method, const char *target, int status,
                const char *part, struct reply *reply)
{
    char what[64];
    snprintf(what, sizeof what, "%s %s", method, target);
    memset(reply, 0, sizeof *reply);
    if (client_fetch(once->host, once->port, method, target, reply) < 0)
        judge(once, false, "%-40s no reply: %s", what, strerror(errno));
    else
        judge_reply(once, what, reply, status, part);
}

static long statistic(struct once *once, const char *key)
{
    struct reply reply;
    long number = -1;
    if (client_fetch(once->host, once->port, "GET", "/stats", &reply) < 0)
        return -1;
    number = reply_number(&reply, key);
    reply_clear(&reply);
    return number;
}

static bool comes_to(struct once *once, const char *key, long number)
{
    long end = now_in_ms() + PATIENCE;
    while (statistic(once, key) != number) {
        if (now_in_ms() > end)
            return false;
        pause_for(5);
    }
    return true;
}

/* ---- one request at a time ---- */

static const struct check {
    const char *method, *target;
    int status;
    const char *part;
} checks[] = {
    {"GET", "/ping", 200, "pong\n"},
    {"HEAD", "/ping", 200, ""},
    {"GET", "/", 200, "<title>twine search</title>"},
    {"GET", "/stats", 200, "\"in_flight\": 1"},
    {"GET", "/slow?ms=50", 200, "\"slept_ms\": 50"},
    {"GET", "/resolve?host=localhost", 200, "\"addresses\": [\""},
    {"GET", "/resolve?host=127.0.0.1", 200, "[\"127.0.0.1\"]"},
    {"GET", "/nothing", 404, "There is nothing at '/nothing'"},
    {"GET", "/search", 400, "'q' is missing"},
    {"GET", "/search?q", 400, "The query cannot be read"},
    {"GET", "/search?q=%22open", 400, "The query cannot be understood"},
    {"GET", "/search?q=a&limit=0", 400, "whole number from 1 to 100"},
    {"GET", "/file", 400, "'name' is missing"},
    {"GET", "/file?name=no/such/file", 404, "There is no file 'no/such/file'"},
    {"GET", "/file?name=../../../etc/passwd", 403, "is refused"},
    {"GET", "/file?name=%2Fetc%2Fpasswd", 403, "is refused"},
    {"GET", "/resolve", 400, "'host' is missing"},
    {"GET", "/slow?ms=soon", 400, "'soon' is not"},
    {"GET", "/slow?ms=60001", 400, "whole number from 0 to 60000"},
    {"GET", "/slow?ms=99999999999999999999", 400, "whole number"},
    {"POST", "/ping", 405, "Only GET and HEAD"},
};

static void ask_each(struct once *once)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct reply reply;
        ask(once, checks[i].method, checks[i].target, checks[i].status, checks[i].part, &reply);
        reply_clear(&reply);
    }
}

static void send_too_much(struct once *once)
{
    struct client client;
    struct reply reply;
    if (client_open(&client, once->host, once->port) < 0 ||
        client_send(&client, "POST /ping HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Length: 100000000\r\n\r\nmuch") < 0 ||
        client_read(&client, true, &reply) < 0) {
        judge(once, false, "%-40s no reply: %s", "POST of 100 MB", strerror(errno));
    } else {
        judge_reply(once, "POST of 100 MB", &reply, 413, "");
        reply_clear(&reply);
    }
    client_close(&client);
}

/* Two requests at once on one connection: the second waits its turn. */
static void send_ahead(struct once *once)
{
    struct client client;
    struct reply reply;
    int rc = client_open(&client, once->host, once->port);
    if (rc == 0)
        rc = client_ask(&client, "GET", "/slow?ms=100");
    if (rc == 0)
        rc = client_ask(&client, "GET", "/ping");
    for (int i = 0; rc == 0 && i < 2; i++) {
        rc = client_read(&client, true, &reply);
        if (rc == 0) {
            judge_reply(once, i == 0 ? "GET /slow?ms=100, and sent ahead:" : "GET /ping", &reply,
                        200, i == 0 ? "100" : "pong");
            reply_clear(&reply);
        }
    }
    if (rc < 0)
        judge(once, false, "two requests at once: %s", strerror(errno));
    client_close(&client);
}

/* ---- what has been indexed ---- */

/* A word to look for: the first that is long enough and plain. */
static bool find_word(const struct text *text, char *word, size_t size)
{
    const char *at = text->bytes;
    while (*at) {
        size_t length = 0;
        while (isalpha((unsigned char)at[length]))
            length++;
        if (length >= 5 && length < size && at[length] == ' ') {
            snprintf(word, size, "%.*s", (int)length, at);
            return true;
        }
        at += length ? length : 1;
    }
    return false;
}

static void search_for(struct once *once, const char *word)
{
    char target[128];
    struct reply reply;
    snprintf(target, sizeof target, "/search?q=%s", word);
    ask(once, "GET", target, 200, "\"hits\": [\n  {\"name\": \"", &reply);
    reply_clear(&reply);
}

/* The bytes must be those on the disk, and the SHA-256 theirs. */
static void fetch_file(struct once *once, const char *name, const struct text *text)
{
    char *encoded = evhttp_encode_uri(name), target[1024];
    char said[SHA256_HEX_SIZE] = "", computed[SHA256_HEX_SIZE] = "";
    struct reply reply;
    snprintf(target, sizeof target, "/file?name=%s", encoded ? encoded : "");
    free(encoded);
    ask(once, "GET", target, 200, "", &reply);
    if (reply.body) {
        bool same = reply.size == text->size && memcmp(reply.body, text->bytes, text->size) == 0;
        reply_header(&reply, "X-SHA256", said, sizeof said);
        sha256_hex(reply.body, reply.size, computed);
        judge(once, same && strcmp(said, computed) == 0, "%-40s %zu bytes, SHA-256 %s", "",
              reply.size, said);
    }
    reply_clear(&reply);
}

/* Returns: whether the file was one to try it on. */
static bool look_into(struct once *once, const char *name)
{
    struct tw_result ignored = TW_RESULT_INIT; /* what cannot be read is not tried, that is all */
    struct text *text = folders_read(once->folders, name, &ignored);
    char word[64];
    bool good = text && text_is_text(text) && find_word(text, word, sizeof word);
    tw_result_done(&ignored);
    if (good) {
        search_for(once, word);
        fetch_file(once, name, text);
    }
    free(text);
    return good;
}

static void look_into_one(struct once *once)
{
    struct tw_result failed = TW_RESULT_INIT;
    struct file_names *names = folders_list(once->folders, &failed);
    bool found = false;
    for (size_t i = 0; names && !found && i < names->count; i++)
        found = look_into(once, names->items[i]);
    if (!found)
        judge(once, false, "there is no file with a word in it to look for");
    file_names_free(names);
    tw_result_done(&failed);
}

/* ---- several at a time, and hanging up ---- */

static bool start_slow(struct once *once, struct client *client, const char *target)
{
    return client_open(client, once->host, once->port) == 0 &&
           client_ask(client, "GET", target) == 0;
}

static unsigned read_all(struct client *clients, unsigned count)
{
    unsigned good = 0;
    for (unsigned i = 0; i < count; i++) {
        struct reply reply;
        if (client_read(&clients[i], true, &reply) == 0) {
            good += reply.status == 200;
            reply_clear(&reply);
        }
        client_close(&clients[i]);
    }
    return good;
}

static void ask_together(struct once *once)
{
    struct client clients[TOGETHER];
    struct reply reply;
    unsigned started = 0, good;
    long begin = now_in_ms(), took;
    while (started < TOGETHER && start_slow(once, &clients[started], "/slow?ms=500"))
        started++;
    ask(once, "GET", "/ping", 200, "pong", &reply);
    reply_clear(&reply);
    took = now_in_ms() - begin;
    judge(once, took < 500, "%-40s %ld ms", "while 8 slow ones run, it took", took);
    good = read_all(clients, started);
    took = now_in_ms() - begin;
    judge(once, good == TOGETHER, "%-40s %u answered, in %ld ms", "8 times GET /slow?ms=500", good,
          took);
}

static void hang_up(struct once *once, const char *how, void (*close_it)(struct client *))
{
    long before = statistic(once, "hung_up");
    struct client client = CLIENT_INIT;
    bool noticed;
    if (start_slow(once, &client, "/slow?ms=300"))
        pause_for(50);
    close_it(&client);
    noticed = comes_to(once, "hung_up", before + 1) && comes_to(once, "busy", 0);
    judge(once, before >= 0 && noticed, "%-40s %s", "GET /slow?ms=300, then", how);
}

/*
 * Every thread busy, one request more that waits, and its client goes: its job never runs, so that
 * as many jobs finish as there are threads.
 */
static void hang_up_while_waiting(struct once *once)
{
    struct client *busy = calloc(once->threads, sizeof *busy), waiting = CLIENT_INIT;
    long before = statistic(once, "finished"), ran;
    unsigned started = 0;
    bool waited, gone;
    while (busy && started < once->threads && start_slow(once, &busy[started], "/slow?ms=1000"))
        started++;
    waited = comes_to(once, "busy", (long)started) && start_slow(once, &waiting, "/slow?ms=1") &&
             comes_to(once, "backlog", 1);
    client_reset(&waiting);
    gone = comes_to(once, "backlog", 0);
    read_all(busy, started);
    free(busy);
    comes_to(once, "busy", 0);
    ran = statistic(once, "finished") - before;
    judge(once, waited && gone && ran == (long)started, "%-40s %ld of %u jobs ran",
          "a client that goes while its job waits", ran, started + 1);
}

/* ---- the end ---- */

/* On a connection from before: 503 from the moment the signal has been taken. */
static bool is_refused(struct client *old)
{
    for (int i = 0; i < 100; i++) {
        struct reply reply;
        int status;
        if (client_ask(old, "GET", "/ping") < 0 || client_read(old, true, &reply) < 0)
            return false;
        status = reply.status;
        reply_clear(&reply);
        if (status == 503)
            return true;
        pause_for(5);
    }
    return false;
}

static void terminate(struct once *once)
{
    struct client running = CLIENT_INIT, old = CLIENT_INIT, late;
    struct reply reply;
    bool accepted;
    bool begun = start_slow(once, &running, "/slow?ms=700") && start_slow(once, &old, "/ping") &&
                 client_read(&old, true, &reply) == 0;
    if (begun)
        reply_clear(&reply);
    begun = begun && comes_to(once, "busy", 1);
    judge(once, begun && kill(getpid(), SIGTERM) == 0, "SIGTERM, while GET /slow?ms=700 runs");
    judge(once, is_refused(&old), "%-40s 503", "GET /ping on an old connection");
    accepted = client_open(&late, once->host, once->port) == 0;
    judge(once, !accepted, "%-40s %s", "a new connection", accepted ? "accepted" : strerror(errno));
    client_close(&late);
    if (client_read(&running, true, &reply) == 0) {
        judge_reply(once, "what ran", &reply, 200, "\"slept_ms\": 700");
        reply_clear(&reply);
    } else {
        judge(once, false, "what ran got no answer: %s", strerror(errno));
    }
    client_close(&running);
    client_close(&old);
}

void once_job(struct tw_result *result, void *arg)
{
    struct once *once = arg;
    printf("\nasking every endpoint:\n");
    ask_each(once);
    send_too_much(once);
    send_ahead(once);
    look_into_one(once);
    ask_together(once);
    hang_up(once, "closed", client_close);
    hang_up(once, "reset", client_reset);
    hang_up_while_waiting(once);
    terminate(once);
    printf("%u right, %u wrong\n\n", once->right, once->wrong);
    if (once->wrong > 0)
        tw_result_failf(result, &TW_ERROR, 0, "%u of the checks above went wrong", once->wrong);
}
