/*
 * Checks of the library's own invariants: on in checking builds (TWINE_CHECKS), gone in others.
 */
#ifndef TWINE_BASE_CHECK_INTERNAL_H
#define TWINE_BASE_CHECK_INTERNAL_H

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#include <stdio.h>
#include <stdlib.h>
#define TW__CHECK(condition)                                                              \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                      \
        }                                                                                 \
    } while (0)
#else
#define TW__CHECK(condition) ((void)0)
#endif

#endif
