/*
 * What answers are made of, in threads as on the loop.
 *
 * Who has something to send leaves a reply as the result. Who has not leaves a failure: of the kind
 * TW_EVHTTP_ERROR, with the status as its code and a sentence as its message, if the client is to
 * blame; of any other kind if the server is.
 */
#ifndef SEARCH_ANSWER_H
#define SEARCH_ANSWER_H

#include <twine/deferred/evhttp.h>

#define SHA256_HEX_SIZE 65 /* 64 digits and a null */

/* A reply with status 200 and a media type, which is not to be guessed; NULL when memory is short. */
struct tw_evhttp_reply *answer_new(const char *type);

/* Write the SHA-256 of some bytes; false if the library for it fails. */
bool sha256_hex(const void *bytes, size_t size, char hex[SHA256_HEX_SIZE]);

/* Say in a result that memory has run out. */
void fail_for_memory(struct tw_result *result);

#endif
