/*
 * The jobs behind the endpoints: what blocks, in a thread of the pool.
 *
 * Each is a tw_call_fn whose argument is a struct question and whose result is a struct answer, or
 * a failure (answer.h). A question holds copies of all that came with the request, which a thread
 * must not touch.
 */
#ifndef SEARCH_JOBS_H
#define SEARCH_JOBS_H

#include "server.h"

struct question {
    const struct server *server; /* for its folders and its index, which do not change */
    long number;
    char text[];
};

/* In one block, to be freed; NULL when memory is short. */
struct question *question_new(const struct server *server, const char *text, long number);

void search_job(struct tw_result *result, void *question);  /* text: query; number: hits at most */
void file_job(struct tw_result *result, void *question);    /* text: name */
void resolve_job(struct tw_result *result, void *question); /* text: host */
void slow_job(struct tw_result *result, void *question);    /* number: milliseconds */

#endif
