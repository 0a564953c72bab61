#include "answer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

struct tw_evhttp_reply *answer_new(const char *type)
{
    struct tw_evhttp_reply *reply = NULL;
    if (tw_evhttp_reply_new(200, type, &reply) == 0)
        tw_evhttp_reply_set_header(reply, "X-Content-Type-Options", "nosniff");
    return reply;
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
