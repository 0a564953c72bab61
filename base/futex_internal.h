/*
 * Whether there is Linux's futex: a word that threads can sleep on.
 */
#ifndef TWINE_BASE_FUTEX_INTERNAL_H
#define TWINE_BASE_FUTEX_INTERNAL_H

#if defined(__linux__) && !defined(TWINE_PORTABLE)
#define TWINE_FUTEX 1
#else
#define TWINE_FUTEX 0
#endif

#endif
