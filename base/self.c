/*
 * One byte for each thread; its address is the thread's number.
 */
#include <twine/base/self_internal.h>

_Thread_local char tw__self_mark;
