/*
 * The version of the library that is loaded.
 */
#include <twine/base/version.h>

const char *tw_version(void)
{
    return TW_VERSION;
}
