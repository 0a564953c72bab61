/*
 * In a loop that waits for another processor: says so to this one.
 */
#ifndef TWINE_BASE_RELAX_INTERNAL_H
#define TWINE_BASE_RELAX_INTERNAL_H

static inline void tw__relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif
