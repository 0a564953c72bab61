/*
 * The add-on for evhttp can be linked, and makes replies.
 */
#include <twine/deferred/evhttp.h>

int main(void)
{
    struct tw_evhttp_reply *reply = NULL;
    int rc = tw_evhttp_reply_new(200, "text/plain", &reply);
    tw_evhttp_reply_free(reply);
    return rc < 0;
}
