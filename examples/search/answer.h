/*
 * An answer: what a job in a thread makes, and what the loop then sends.
 *
 * A job that has something to send leaves a struct answer as its result. One that has not leaves a
 * failure: of the kind HTTP_ERROR, with the status as its code and a sentence as its message, if
 * the client is to blame; of any other kind if the server is.
 */
#ifndef SEARCH_ANSWER_H
#define SEARCH_ANSWER_H

#include <twine/base/result.h>

struct evbuffer;

extern const struct tw_error HTTP_ERROR;

#define SHA256_HEX_SIZE 65 /* 64 digits and a null */

struct answer {
    const char *type;             /* its media type, static */
    struct evbuffer *body;        /* owned */
    char sha256[SHA256_HEX_SIZE]; /* of the body, in hexadecimal; "" if nobody asked */
};

/* NULL when memory is short. */
struct answer *answer_new(const char *type);
void answer_free(void *answer);

/* Write the SHA-256 of some bytes; false if the library for it fails. */
bool sha256_hex(const void *bytes, size_t size, char hex[SHA256_HEX_SIZE]);

/* Say in a job's result that memory has run out. */
void fail_for_memory(struct tw_result *result);

#endif
