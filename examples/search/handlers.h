/*
 * The endpoints: who answers which path.
 */
#ifndef SEARCH_HANDLERS_H
#define SEARCH_HANDLERS_H

struct evhttp_request;

/* evhttp's callback for every request; the argument is the struct server. */
void handle_request(struct evhttp_request *request, void *server);

#endif
