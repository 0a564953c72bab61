/*
 * The thread cache, for the library itself: start something that brings its own memory.
 */
#ifndef TWINE_THREADS_THREAD_CACHE_INTERNAL_H
#define TWINE_THREADS_THREAD_CACHE_INTERNAL_H

#include <twine/threads/thread_cache.h>

#define TW__THREAD_NAME_SIZE 16 /* what the system keeps, with its NUL */

struct tw__cache_job {
    /* Runs on the thread, and may block. */
    void (*run)(struct tw__cache_job *job);
    /* Runs after it, when the thread counts as idle; must not block. The job may free itself here.
     */
    void (*deliver)(struct tw__cache_job *job);
    size_t stack_size; /* bytes; 0: the default */
    char name[TW__THREAD_NAME_SIZE];
};

/* Whether the system would make a thread with a stack of so many bytes; 0: the default. Any thread.
 * */
bool tw__thread_cache_takes_stack(size_t stack_size);

/* For tests: asked before each thread is made; what it answers is the error, if it is not 0. Set
 * while no other thread may start one; NULL: not asked. */
extern int (*tw__thread_create_hook)(void);

/* Any thread. 0; -EAGAIN or -ENOMEM: no thread; -EINVAL: the system refuses the stack size. On
 * error the job is yours still. */
int tw__thread_cache_start(struct tw__cache_job *job);

#endif
