/*
 * One for each thread, all zero at first.
 */
#include <twine/base/here_internal.h>

_Thread_local struct tw__here tw__here;
