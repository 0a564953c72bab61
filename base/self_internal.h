/*
 * Who am I: a number no other living thread has. Cheaper than a system call, and never 0.
 */
#ifndef TWINE_BASE_SELF_INTERNAL_H
#define TWINE_BASE_SELF_INTERNAL_H

#include <stdint.h>

/* initial-exec: an offset from the thread pointer, without a call; one byte of the static TLS
 * reserve. */
extern _Thread_local char tw__self_mark __attribute__((tls_model("initial-exec")));

static inline uintptr_t tw__self(void)
{
    return (uintptr_t)&tw__self_mark;
}

#endif
