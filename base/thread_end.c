/*
 * A thread's end: one key of the process, and a list for each thread. The key's value is the list's
 * head, and its destructor goes through the list.
 */
#include <twine/base/thread_end_internal.h>

#include <pthread.h>
#include <stddef.h>

static _Thread_local struct tw__thread_end *first;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void thread_ends(void *arg)
{
    (void)arg;
    while (first) {
        struct tw__thread_end *end = first;
        first = end->next;
        end->fn();
    }
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, thread_ends) == 0;
}

bool tw__thread_end_watch(struct tw__thread_end *end, void (*fn)(void))
{
    if (end->fn)
        return true;
    pthread_once(&once, make_key);
    if (!has_key || pthread_setspecific(key, &first) != 0)
        return false;
    end->fn = fn;
    end->next = first;
    first = end;
    return true;
}
