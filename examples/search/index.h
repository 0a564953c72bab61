/*
 * The index: an SQLite FTS5 table of names and texts, in a temporary file.
 *
 * It is first built, by one thread at a time, and then searched, by any number of threads at once,
 * each with a connection of its own out of a stock. It is never written again after index_finish(),
 * so readers never wait for anybody.
 *
 * Everything here blocks on the disk, but for index_new(). A function that fails leaves the failure
 * in the result it was given.
 */
#ifndef SEARCH_INDEX_H
#define SEARCH_INDEX_H

#include <twine/base/result.h>

struct index;

struct hit {
    const char *name;
    const char *snippet; /* the words found stand between U+2039 and U+203A: ‹so› */
    double score;        /* BM25, as a share of the best hit's, which is 1 */
};

/* Takes a hit, whose strings live until it returns. Called in the searching thread. */
typedef void (*hit_fn)(const struct hit *hit, void *arg);

/* For so many threads that may search at once; NULL when memory is short. */
struct index *index_new(size_t readers);

bool index_create(struct index *index, struct tw_result *result);
bool index_add(struct index *index, const char *name, const char *bytes, size_t size,
               struct tw_result *result);
bool index_finish(struct index *index, struct tw_result *result);

/* Call hit for the best matches, best first, at most limit of them. A query that FTS5 cannot make
 * sense of fails with TW_EVHTTP_ERROR 400. */
bool index_search(struct index *index, const char *query, int limit, hit_fn hit, void *arg,
                  struct tw_result *result);

/* Remove the file, under whoever may still be using it: for when the process must go. */
void index_remove_file(struct index *index);

/* Close everything, and remove the file. Nobody may be using the index any more. */
void index_free(struct index *index);

#endif
