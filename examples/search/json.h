/*
 * JSON, written piece by piece into an evbuffer.
 *
 * Punctuation and numbers go through json_raw(), text through json_string(), which is the only
 * place that escapes. Memory running out is remembered and asked for once, at the end.
 */
#ifndef SEARCH_JSON_H
#define SEARCH_JSON_H

#include <stdbool.h>

struct evbuffer;

struct json {
    struct evbuffer *out; /* borrowed */
    bool failed;          /* something could not be added: what is there must not be used */
};

void json_raw(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Quoted and escaped. What is not UTF-8 becomes U+FFFD, as JSON must be UTF-8 and files need not.
 */
void json_string(struct json *json, const char *text);

#endif
