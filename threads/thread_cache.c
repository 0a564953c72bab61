/*
 * The thread cache: idle threads in a list, the last one in first out (after trio's
 * _core/_thread_cache).
 *
 * A thread runs its job, puts itself into the list of idle ones, and only then delivers; so what
 * the delivery starts may well be handed to this very thread, which finds it when the delivery has
 * returned.
 *
 * What always holds: a thread is in the idle list if and only if it has no job. Both are changed
 * together, under the lock, by whoever hands it a job or by the thread that has waited too long. So
 * a job handed over in the moment of expiry is not lost: either the thread has left the list and is
 * not found, or it finds the job.
 */
#include <twine/threads/thread_cache_internal.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <twine/base/clock.h>
#include <twine/base/context_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>

struct cached_thread {
    struct tw__park park;
    size_t stack_size;               /* fixed */
    char name[TW__THREAD_NAME_SIZE]; /* the thread's own: what the system calls it now */
    struct {
        struct cached_thread *below, *above; /* in the idle list; below: among the ended ones */
        struct tw__cache_job *job;
        bool is_awaited; /* it has ended, and the drainer joins and frees it */
    } locked;
    pthread_t id; /* valid once it is awaited */
};

static struct {
    struct tw__lock lock;
    struct {
        struct cached_thread *idle; /* the one last used */
        size_t threads, idles;
        int64_t timeout; /* nanoseconds */
        bool is_draining;
        struct cached_thread *ended; /* while it drains: to be joined */
    } locked;
    struct tw__park drainer; /* while it drains */
} cache = {.lock = TW_LOCK_INIT, .locked = {.timeout = 10 * TW_SECOND}};

static _Thread_local bool is_of_cache;

static void push_idle_locked(struct cached_thread *thread)
{
    thread->locked.above = NULL;
    thread->locked.below = cache.locked.idle;
    if (cache.locked.idle)
        cache.locked.idle->locked.above = thread;
    cache.locked.idle = thread;
    cache.locked.idles++;
}

static void remove_idle_locked(struct cached_thread *thread)
{
    if (thread->locked.above)
        thread->locked.above->locked.below = thread->locked.below;
    else
        cache.locked.idle = thread->locked.below;
    if (thread->locked.below)
        thread->locked.below->locked.above = thread->locked.above;
    cache.locked.idles--;
}

static void free_thread(struct cached_thread *thread)
{
    tw__park_done(&thread->park);
    tw__free(thread);
}

/* --- a thread's life -------------------------------------------------------------------------- */

/* Workers must not receive the application's signals; faults of their own stay theirs. */
static void block_signals(sigset_t *ret_before)
{
    sigset_t blocked;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGTRAP);
    sigdelset(&blocked, SIGABRT);
    sigdelset(&blocked, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

static void set_name(struct cached_thread *thread, const char *name)
{
    if (strcmp(thread->name, name) == 0)
        return;
    memcpy(thread->name, name, strlen(name) + 1); /* names are never longer than that */
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#endif
}

/* It leaves for good. Somebody may wait for its real end; otherwise nobody will ever join it. */
static void retire_locked(struct cached_thread *thread)
{
    remove_idle_locked(thread);
    cache.locked.threads--;
    thread->locked.is_awaited = cache.locked.is_draining;
    if (!thread->locked.is_awaited)
        return;
    thread->id = pthread_self();
    thread->locked.below = cache.locked.ended;
    cache.locked.ended = thread;
    tw__park_wake(&cache.drainer);
}

/* The next job; NULL when the thread has waited long enough, and has left the list for good. */
static struct tw__cache_job *wait_for_job(struct cached_thread *thread)
{
    uint64_t since = tw_clock_now(tw_clock_monotonic()), deadline;
    struct tw__cache_job *job;
    for (;;) {
        tw__lock_acquire(&cache.lock);
        job = thread->locked.job;
        deadline = tw_time_add(since, cache.locked.timeout);
        if (!job && (cache.locked.is_draining || tw_clock_now(tw_clock_monotonic()) >= deadline)) {
            retire_locked(thread);
            tw__lock_release(&cache.lock);
            return NULL;
        }
        tw__lock_release(&cache.lock);
        if (job)
            return job;
        tw__park_wait(&thread->park, tw_clock_monotonic(), deadline);
    }
}

static void perform(struct cached_thread *thread, struct tw__cache_job *job)
{
    set_name(thread, job->name);
    job->run(job);
    tw__context_swap_back(NULL, NULL); /* nothing of the job stays: no context, */
    block_signals(NULL);               /* and not what it has made of the mask */
    set_name(thread, "twine idle");
    tw__lock_acquire(&cache.lock);
    thread->locked.job = NULL;
    push_idle_locked(thread);
    tw__lock_release(&cache.lock);
    job->deliver(job);
}

static void *live(void *arg)
{
    struct cached_thread *thread = (struct cached_thread *)arg;
    struct tw__cache_job *job;
    is_of_cache = true;
    while ((job = wait_for_job(thread)))
        perform(thread, job);
    if (!thread->locked.is_awaited) {
        pthread_detach(pthread_self());
        free_thread(thread);
    }
    return NULL;
}

/* --- starting --------------------------------------------------------------------------------- */

/* The wake is given under the lock: as soon as the lock is free the thread may see the job, run it,
 * wait too long, and be freed. Returns whether there was one. */
static bool hand_to_idle(struct tw__cache_job *job)
{
    struct cached_thread *thread;
    tw__lock_acquire(&cache.lock);
    thread = cache.locked.idle;
    while (thread && thread->stack_size != job->stack_size)
        thread = thread->locked.below;
    if (thread) {
        remove_idle_locked(thread);
        thread->locked.job = job;
        tw__park_wake(&thread->park);
    }
    tw__lock_release(&cache.lock);
    return thread != NULL;
}

bool tw__thread_cache_takes_stack(size_t stack_size)
{
    pthread_attr_t attributes;
    bool takes;
    if (!stack_size || pthread_attr_init(&attributes))
        return true;
    takes = pthread_attr_setstacksize(&attributes, stack_size) == 0;
    pthread_attr_destroy(&attributes);
    return takes;
}

static int create_thread(struct cached_thread *thread)
{
    pthread_attr_t attributes;
    sigset_t before;
    pthread_t id;
    int rc = pthread_attr_init(&attributes);
    if (rc)
        return -rc;
    if (thread->stack_size)
        rc = pthread_attr_setstacksize(&attributes, thread->stack_size);
    if (!rc) {
        /* Blocked before the thread exists, so that it never has them open. */
        block_signals(&before);
        rc = pthread_create(&id, &attributes, live, thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return -rc;
}

static void count_threads(int by)
{
    tw__lock_acquire(&cache.lock);
    cache.locked.threads += (size_t)by;
    tw__lock_release(&cache.lock);
}

static int start_new(struct tw__cache_job *job)
{
    struct cached_thread *thread = (struct cached_thread *)tw__zalloc(sizeof *thread);
    int rc;
    if (!thread)
        return -ENOMEM;
    tw__park_init(&thread->park);
    thread->stack_size = job->stack_size;
    thread->locked.job = job;
    count_threads(1);
    rc = create_thread(thread);
    if (rc < 0) {
        count_threads(-1);
        free_thread(thread);
    }
    return rc;
}

int tw__thread_cache_start(struct tw__cache_job *job)
{
    return hand_to_idle(job) ? 0 : start_new(job);
}

/* They look again at how long they may wait. */
static void wake_idle_locked(void)
{
    struct cached_thread *thread;
    for (thread = cache.locked.idle; thread; thread = thread->locked.below)
        tw__park_wake(&thread->park);
}

int tw_thread_cache_set_idle_timeout(int64_t timeout)
{
    if (timeout < 0)
        return tw__misuse(-EINVAL, "tw_thread_cache_set_idle_timeout: a timeout of 0 or more");
    tw__lock_acquire(&cache.lock);
    cache.locked.timeout = timeout;
    wake_idle_locked();
    tw__lock_release(&cache.lock);
    return 0;
}

/* --- draining --------------------------------------------------------------------------------- */

static bool begin_to_drain(void)
{
    bool is_first;
    tw__lock_acquire(&cache.lock);
    is_first = !cache.locked.is_draining;
    if (is_first) {
        tw__park_init(&cache.drainer);
        cache.locked.is_draining = true;
        wake_idle_locked();
    }
    tw__lock_release(&cache.lock);
    return is_first;
}

/* Joins those that have ended. Returns how many have not; is_last: and lets nobody wait for us. */
static size_t join_ended(bool is_last)
{
    struct cached_thread *thread, *next;
    size_t left;
    tw__lock_acquire(&cache.lock);
    thread = cache.locked.ended;
    cache.locked.ended = NULL;
    left = cache.locked.threads;
    if (is_last)
        cache.locked.is_draining = false;
    tw__lock_release(&cache.lock);
    for (; thread; thread = next) {
        next = thread->locked.below;
        pthread_join(thread->id, NULL);
        free_thread(thread);
    }
    return left;
}

int tw_thread_cache_drain(int64_t timeout)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    size_t left;
    if (timeout < 0)
        return tw__misuse(-EINVAL, "tw_thread_cache_drain: a timeout of 0 or more");
    if (is_of_cache)
        return tw__misuse(-EDEADLK, "tw_thread_cache_drain: a thread of the cache cannot wait for "
                                    "its own end");
    if (!begin_to_drain())
        return -EBUSY;
    while (join_ended(false) && tw_clock_now(clock) < deadline)
        tw__park_wait(&cache.drainer, clock, deadline);
    left = join_ended(true);
    tw__park_done(&cache.drainer);
    return left ? -ETIMEDOUT : 0;
}

void tw_thread_cache_statistics(size_t *ret_threads, size_t *ret_idle)
{
    tw__lock_acquire(&cache.lock);
    if (ret_threads)
        *ret_threads = cache.locked.threads;
    if (ret_idle)
        *ret_idle = cache.locked.idles;
    tw__lock_release(&cache.lock);
}

/* --- tw_start_thread_soon --------------------------------------------------------------------- */

struct soon {
    struct tw__cache_job job;
    tw_call_fn work, deliver;
    void *arg, *deliver_arg;
    tw_destroy_fn destroy;
    struct tw_context *context; /* a reference */
    struct tw_result result;
};

static void soon_run(struct tw__cache_job *job)
{
    struct soon *soon = (struct soon *)job;
    struct tw_context *before = tw__context_swap(soon->context);
    soon->work(&soon->result, soon->arg);
    if (soon->destroy)
        soon->destroy(soon->arg);
    tw__context_swap_back(before, soon->context);
}

static void soon_deliver(struct tw__cache_job *job)
{
    struct soon *soon = (struct soon *)job;
    struct tw_context *before = tw__context_swap(soon->context);
    if (soon->deliver) {
        soon->deliver(&soon->result, soon->deliver_arg);
        tw_result_done(&soon->result);
    } else {
        tw__result_done_reporting(&soon->result,
                                  "work of tw_start_thread_soon failed, and nobody takes delivery");
    }
    tw__context_swap_back(before, soon->context);
    tw__context_drop(soon->context);
    tw__free(soon);
}

static int soon_start(tw_call_fn work, void *arg, tw_destroy_fn destroy, tw_call_fn deliver,
                      void *deliver_arg)
{
    struct soon *soon = (struct soon *)tw__zalloc(sizeof *soon);
    int rc;
    if (!soon)
        return -ENOMEM;
    soon->job.run = soon_run;
    soon->job.deliver = soon_deliver;
    memcpy(soon->job.name, "twine soon", sizeof "twine soon");
    soon->work = work;
    soon->arg = arg;
    soon->destroy = destroy;
    soon->deliver = deliver;
    soon->deliver_arg = deliver_arg;
    soon->context = tw__context_capture();
    rc = tw__thread_cache_start(&soon->job);
    if (rc < 0) {
        tw__context_drop(soon->context);
        tw__free(soon);
    }
    return rc;
}

int tw_start_thread_soon(tw_call_fn work, void *arg, tw_destroy_fn destroy, tw_call_fn deliver,
                         void *deliver_arg)
{
    int rc = work ? soon_start(work, arg, destroy, deliver, deliver_arg)
                  : tw__misuse(-EINVAL, "tw_start_thread_soon: needs work");
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}
