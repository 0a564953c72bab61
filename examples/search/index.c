#include "index.h"

#include "answer.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Nobody reads the file before it is finished, and a build that fails is thrown away: so it needs
 * no journal, and no waiting for the disk.
 */
#define CREATE                                                                              \
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"                                  \
    "CREATE VIRTUAL TABLE documents USING fts5(name, body, tokenize = 'porter unicode61');" \
    "BEGIN"
#define ADD "INSERT INTO documents (name, body) VALUES (?1, ?2)"
#define FINISH "INSERT INTO documents (documents) VALUES ('optimize'); COMMIT"

/* A word in the name counts four times as much as one in the text. */
#define SEARCH                                                                                \
    "SELECT name, -bm25(documents, 4.0, 1.0), snippet(documents, 1, '‹', '›', '…', 24)" \
    "  FROM documents WHERE documents MATCH ?1 ORDER BY 2 DESC LIMIT ?2"

/* A connection that searches. One thread has it at a time. */
struct reader {
    struct reader *next;
    sqlite3 *database;
    sqlite3_stmt *search;
};

struct index {
    size_t readers;           /* to have in stock */
    char directory[PATH_MAX]; /* "" until it has been made */
    char file[PATH_MAX + 16];
    sqlite3 *writer; /* while it is built */
    sqlite3_stmt *add;
    pthread_mutex_t lock;
    struct {
        struct reader *idle;
    } locked;
};

struct index *index_new(size_t readers)
{
    struct index *index = calloc(1, sizeof *index);
    if (!index)
        return NULL;
    if (pthread_mutex_init(&index->lock, NULL) != 0) {
        free(index);
        return NULL;
    }
    index->readers = readers;
    return index;
}

/* Always false, so that a function can end with it. */
static bool fail(struct tw_result *result, sqlite3 *database, const char *what)
{
    if (!database || sqlite3_errcode(database) == SQLITE_NOMEM)
        fail_for_memory(result);
    else
        tw_result_failf(result, &TW_ERROR, sqlite3_errcode(database), "The index cannot be %s: %s.",
                        what, sqlite3_errmsg(database));
    return false;
}

static bool make_directory(struct index *index, struct tw_result *result)
{
    const char *parent = getenv("TMPDIR");
    char name[PATH_MAX];
    int length;
    if (!parent || !*parent)
        parent = "/tmp";
    length = snprintf(name, sizeof name, "%s/twine-search-XXXXXX", parent);
    if (length >= (int)sizeof name || !mkdtemp(name)) {
        tw_result_failf(result, &TW_ERROR_SYSTEM, errno, "No directory can be made in %s: %s.",
                        parent, strerror(errno));
        return false;
    }
    memcpy(index->directory, name, (size_t)length + 1);
    snprintf(index->file, sizeof index->file, "%s/index.db", name);
    return true;
}

/* A connection is used by one thread at a time, so SQLite need not lock it. */
static int open_database(const char *file, int flags, sqlite3 **ret_database)
{
    return sqlite3_open_v2(file, ret_database, flags | SQLITE_OPEN_NOMUTEX, NULL);
}

bool index_create(struct index *index, struct tw_result *result)
{
    if (!make_directory(index, result))
        return false;
    if (open_database(index->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &index->writer) ||
        sqlite3_exec(index->writer, CREATE, NULL, NULL, NULL) ||
        sqlite3_prepare_v2(index->writer, ADD, -1, &index->add, NULL))
        return fail(result, index->writer, "created");
    return true;
}

bool index_add(struct index *index, const char *name, const char *bytes, size_t size,
               struct tw_result *result)
{
    bool added = sqlite3_bind_text(index->add, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
                 sqlite3_bind_text(index->add, 2, bytes, (int)size, SQLITE_STATIC) == SQLITE_OK &&
                 sqlite3_step(index->add) == SQLITE_DONE;
    if (!added)
        fail(result, index->writer, "written");
    sqlite3_reset(index->add); /* its answer repeats that of the step */
    sqlite3_clear_bindings(index->add);
    return added;
}

static void close_writer(struct index *index)
{
    sqlite3_finalize(index->add);
    sqlite3_close(index->writer);
    index->add = NULL;
    index->writer = NULL;
}

static void reader_free(struct reader *reader)
{
    sqlite3_finalize(reader->search);
    sqlite3_close(reader->database);
    free(reader);
}

static struct reader *reader_new(struct index *index, struct tw_result *result)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        fail_for_memory(result);
        return NULL;
    }
    if (open_database(index->file, SQLITE_OPEN_READONLY, &reader->database) ||
        sqlite3_prepare_v2(reader->database, SEARCH, -1, &reader->search, NULL)) {
        fail(result, reader->database, "opened");
        reader_free(reader);
        return NULL;
    }
    return reader;
}

/* Out of the stock; a new one only if more threads search than it was filled for. */
static struct reader *take_reader(struct index *index, struct tw_result *result)
{
    struct reader *reader;
    pthread_mutex_lock(&index->lock);
    reader = index->locked.idle;
    if (reader)
        index->locked.idle = reader->next;
    pthread_mutex_unlock(&index->lock);
    return reader ? reader : reader_new(index, result);
}

static void give_back(struct index *index, struct reader *reader)
{
    pthread_mutex_lock(&index->lock);
    reader->next = index->locked.idle;
    index->locked.idle = reader;
    pthread_mutex_unlock(&index->lock);
}

/* The stock is filled at once, so that the first searches are no slower than the others. */
bool index_finish(struct index *index, struct tw_result *result)
{
    if (sqlite3_exec(index->writer, FINISH, NULL, NULL, NULL))
        return fail(result, index->writer, "finished");
    close_writer(index);
    for (size_t i = 0; i < index->readers; i++) {
        struct reader *reader = reader_new(index, result);
        if (!reader)
            return false;
        give_back(index, reader);
    }
    return true;
}

static const char *column(sqlite3_stmt *statement, int number)
{
    const unsigned char *text = sqlite3_column_text(statement, number);
    return text ? (const char *)text : "";
}

static int step_through(sqlite3_stmt *search, hit_fn hit, void *arg)
{
    double best = 0;
    int rc;
    while ((rc = sqlite3_step(search)) == SQLITE_ROW) {
        double score = sqlite3_column_double(search, 1);
        struct hit found;
        if (best <= 0)
            best = score;
        found.name = column(search, 0);
        found.score = best > 0 ? score / best : 0;
        found.snippet = column(search, 2);
        hit(&found, arg);
    }
    return rc;
}

bool index_search(struct index *index, const char *query, int limit, hit_fn hit, void *arg,
                  struct tw_result *result)
{
    struct reader *reader = take_reader(index, result);
    int rc;
    if (!reader)
        return false;
    rc = sqlite3_bind_text(reader->search, 1, query, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(reader->search, 2, limit);
    if (rc == SQLITE_OK)
        rc = step_through(reader->search, hit, arg);
    if (rc == SQLITE_ERROR) /* FTS5 about the query; the disk and memory have codes of their own */
        tw_result_failf(result, &TW_EVHTTP_ERROR, 400, "The query cannot be understood: %s.",
                        sqlite3_errmsg(reader->database));
    else if (rc != SQLITE_DONE)
        fail(result, reader->database, "searched");
    sqlite3_reset(reader->search);
    sqlite3_clear_bindings(reader->search);
    give_back(index, reader);
    return rc == SQLITE_DONE;
}

void index_remove_file(struct index *index)
{
    if (!index->directory[0])
        return;
    unlink(index->file);
    rmdir(index->directory);
    index->directory[0] = '\0';
}

void index_free(struct index *index)
{
    if (!index)
        return;
    while (index->locked.idle) {
        struct reader *reader = index->locked.idle;
        index->locked.idle = reader->next;
        reader_free(reader);
    }
    close_writer(index);
    index_remove_file(index);
    pthread_mutex_destroy(&index->lock);
    free(index);
}
