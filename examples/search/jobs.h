/*
 * What is behind the endpoints: each makes the answer to a request (answer.h).
 *
 * Those that block are for threads of the pool; of the server they may read the folders and the index,
 * which do not change. The others are for the loop's thread, and never wait.
 */
#ifndef SEARCH_JOBS_H
#define SEARCH_JOBS_H

#include "server.h"

struct tw_evhttp_request;

/* In a thread. */
void search_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);
void file_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);
void slow_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);

/* On the loop's thread; resolve_job() leaves a Deferred. */
void resolve_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);
void ping_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);
void page_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);
void stats_job(struct tw_result *result, struct tw_evhttp_request *request, void *server);

#endif
