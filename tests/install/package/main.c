/*
 * The library is the one whose headers these are, and can make a reactor.
 */
#include <string.h>
#include <twine/twine.h>

int main(void)
{
    struct tw_reactor *reactor = NULL;
    int rc = tw_reactor_new(NULL, &reactor);
    tw_reactor_unref(reactor);
    return rc < 0 || strcmp(tw_version(), TW_VERSION) != 0;
}
