#include "answer.h"

#include <errno.h>
#include <event2/buffer.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

const struct tw_error HTTP_ERROR = {"HTTP error", &TW_ERROR};

struct answer *answer_new(const char *type)
{
    struct answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return NULL;
    answer->type = type;
    answer->body = evbuffer_new();
    if (!answer->body) {
        free(answer);
        return NULL;
    }
    return answer;
}

void answer_free(void *arg)
{
    struct answer *answer = arg;
    if (!answer)
        return;
    evbuffer_free(answer->body);
    free(answer);
}

bool sha256_hex(const void *bytes, size_t size, char hex[SHA256_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (!EVP_Digest(bytes, size, digest, &length, EVP_sha256(), NULL))
        return false;
    for (unsigned i = 0; i < length && 2 * i + 2 < SHA256_HEX_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return true;
}

void fail_for_memory(struct tw_result *result)
{
    tw_result_failf(result, &TW_ERROR_NO_MEMORY, ENOMEM, "The server has run out of memory.");
}
