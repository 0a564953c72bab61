/*
 * Indexing the folders, from the loop.
 *
 * All that blocks is a job in a thread. Files are read in the reactor's pool, several at a time,
 * and go from there to the writer, a thread worker that alone has the index in its hands:
 *
 *     writer: create the index
 *     pool:   list the folders
 *     pool:   read a file   ─┐ a few files
 *     writer: add it        ─┘ at a time
 *     writer: finish the index
 *
 * Each arrow between the two is a step on the loop's thread, where the Deferred of one job hands on
 * to the next. So nothing here needs a lock.
 */
#ifndef SEARCH_INDEXING_H
#define SEARCH_INDEXING_H

#include "progress.h"

#include <twine/twine.h>

struct folders;
struct index;
struct file_names;

/* In the caller's memory; all fields belong to the loop's thread. */
struct indexing {
    struct tw_reactor *reactor;
    const struct folders *folders;
    struct index *index;
    struct tw_worker *writer;
    struct tw_source *finished;
    struct file_names *names;
    size_t next;                /* the file to read next */
    size_t at_once, under_way;  /* files: at most, and now */
    struct tw_failure *failure; /* the first, after which no more files are read */
    struct progress progress;
};

/*
 * Start. The Deferred fires when the index is finished; or, with a failure, when that is not to be
 * and the last job is home.
 *
 * Returns: 0; a negative errno, and then there is no Deferred.
 */
int indexing_start(struct indexing *indexing, struct tw_reactor *reactor,
                   const struct folders *folders, struct index *index, size_t at_once,
                   struct tw_deferred **ret_deferred);

/* Start no more jobs; the Deferred fails with TW_ERROR_CANCELLED. */
void indexing_stop(struct indexing *indexing);

/* Free what it holds. Its Deferred must have fired, or never have been made. */
void indexing_done(struct indexing *indexing);

#endif
