/*
 * Which plug-ins there are, by name.
 */
#include <errno.h>
#include <string.h>
#include <twine/base/report_internal.h>
#include <twine/reactor/libevent.h>
#include <twine/reactor/test_clock.h>

int tw_reactor_new(const char *plug_in, struct tw_reactor **ret_reactor)
{
    if (!ret_reactor)
        return tw__misuse(-EINVAL, "tw_reactor_new: needs ret_reactor");
    if (!plug_in || strcmp(plug_in, "libevent") == 0)
        return tw_libevent_reactor_new(NULL, ret_reactor);
    if (strcmp(plug_in, "test_clock") == 0)
        return tw_test_clock_reactor_new(ret_reactor);
    return -ENOENT;
}
