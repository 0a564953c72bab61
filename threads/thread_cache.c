/*
 * The thread cache: idle threads on shelves, one for each stack size, the last one in first out
 * (after trio's _core/_thread_cache). A shelf comes with the first thread of its size and goes with
 * the last, so that a thread never needs memory to become idle.
 *
 * A thread runs its job, puts itself into the list of idle ones, and only then delivers; so what
 * the delivery starts may well be handed to this very thread, which finds it when the delivery has
 * returned.
 *
 * What always holds: a thread lies on its shelf if and only if it has no job. Both are changed
 * together, under the lock, by whoever hands it a job or by the thread that has waited too long. So
 * a job handed over in the moment of expiry is not lost: either the thread has left the shelf and
 * is not found, or it finds the job.
 *
 * In a forked child all of this is the parent's. Whoever uses the cache there first makes it new,
 * the lock too, without a look at what was in it (base/fork_internal.h).
 */
#include <twine/threads/thread_cache_internal.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <twine/base/check_internal.h>
#include <twine/base/clock.h>
#include <twine/base/context_internal.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/fork_internal.h>
#include <twine/base/lock_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/park_internal.h>
#include <twine/base/report_internal.h>
#include <twine/threads/frame_internal.h>

int (*tw__thread_create_hook)(void);

/* The threads of one stack size; under the cache's lock. */
struct shelf {
    struct shelf *next;
    size_t stack_size;          /* fixed */
    size_t threads;             /* idle or not */
    struct cached_thread *idle; /* the one last used */
};

struct cached_thread {
    struct tw__park park;
    unsigned epoch; /* fixed: the process it lives in */
    struct {
        struct shelf *shelf;
        struct cached_thread *below, *above; /* on the shelf; below: among the ended ones */
        struct tw__cache_job *job;
        bool is_awaited; /* it has ended, and the drainer joins and frees it */
    } locked;
    struct shelf *empty_shelf; /* goes with the thread, which was its last */
    pthread_t id;              /* valid once it is awaited */
};

static struct {
    struct tw__lock lock;
    struct {
        struct shelf usual; /* of the default stack size; the others are its next ones */
        size_t threads, idles;
        int64_t timeout; /* nanoseconds */
        bool is_draining;
        struct cached_thread *ended; /* while it drains: to be joined */
    } locked;
    struct tw__park drainer; /* while it drains */
    atomic_uint stage;       /* twice the epoch it is of; one more while it is made new */
} cache = {.lock = TW_LOCK_INIT, .locked = {.timeout = 10 * TW_SECOND}};

static _Thread_local struct cached_thread *self;

/* --- a forked child --------------------------------------------------------------------------- */

static bool is_inherited(const struct cached_thread *thread)
{
    return thread->epoch != tw__fork_epoch();
}

static void make_new(void)
{
    int64_t timeout = cache.locked.timeout; /* a setting, not an object */
    tw__lock_init(&cache.lock);
    memset(&cache.locked, 0, sizeof cache.locked);
    cache.locked.timeout = timeout;
}

/* The child may have threads of its own before it comes here: one makes it new, the others wait for
 * those few instructions. */
static void adopt(unsigned stage)
{
    unsigned seen = atomic_load(&cache.stage);
    while (seen != stage) {
        if (seen == stage + 1) {
            sched_yield();
            seen = atomic_load(&cache.stage);
        } else if (atomic_compare_exchange_weak(&cache.stage, &seen, stage + 1)) {
            make_new();
            atomic_store(&cache.stage, stage);
            return;
        }
    }
}

/* Takes the lock, of this process. */
static void open_cache(void) TW_GUARD(acquire_capability(cache.lock))
{
    unsigned stage = 2 * tw__fork_epoch();
    /* Acquire, to see it made new. */
    if (atomic_load_explicit(&cache.stage, memory_order_acquire) != stage)
        adopt(stage);
    tw__lock_acquire(&cache.lock);
}

static void close_cache(void) TW_GUARD(release_capability(cache.lock))
{
    tw__lock_release(&cache.lock);
}

/* --- shelves ---------------------------------------------------------------------------------- */

/* NULL: there is no thread of that size. */
static struct shelf *find_shelf_locked(size_t stack_size)
{
    struct shelf *shelf = &cache.locked.usual; /* its size is 0, so the default is found at once */
    while (shelf && shelf->stack_size != stack_size)
        shelf = shelf->next;
    return shelf;
}

static void add_shelf_locked(struct shelf *shelf, size_t stack_size)
{
    shelf->stack_size = stack_size;
    shelf->next = cache.locked.usual.next;
    cache.locked.usual.next = shelf;
}

static void push_idle_locked(struct cached_thread *thread)
{
    struct shelf *shelf = thread->locked.shelf;
    thread->locked.above = NULL;
    thread->locked.below = shelf->idle;
    if (shelf->idle)
        shelf->idle->locked.above = thread;
    shelf->idle = thread;
    cache.locked.idles++;
}

static void remove_idle_locked(struct cached_thread *thread)
{
    if (thread->locked.above)
        thread->locked.above->locked.below = thread->locked.below;
    else
        thread->locked.shelf->idle = thread->locked.below;
    if (thread->locked.below)
        thread->locked.below->locked.above = thread->locked.above;
    cache.locked.idles--;
}

/* The usual shelf stays. */
static void count_out_locked(struct cached_thread *thread)
{
    struct shelf *shelf = thread->locked.shelf, **link = &cache.locked.usual.next;
    cache.locked.threads--;
    if (--shelf->threads || shelf == &cache.locked.usual)
        return;
    while (*link != shelf)
        link = &(*link)->next;
    *link = shelf->next;
    thread->empty_shelf = shelf;
}

static void free_thread(struct cached_thread *thread)
{
    tw__park_done(&thread->park);
    tw__free(thread->empty_shelf);
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

static void set_name(const char *name)
{
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#else
    (void)name;
#endif
}

/* Whatever the job has made of its thread, it is not the next one's. */
static void clean_up(void)
{
    tw__context_swap_back(NULL, NULL);
    TW__CHECK(!tw__here.frame && !tw__here.cancel_flag && !tw__here.job_scope);
    memset(&tw__here, 0, sizeof tw__here);
    block_signals(NULL);
    set_name("twine idle");
    errno = 0;
}

/* It leaves for good. Somebody may wait for its real end; otherwise nobody will ever join it. */
static void retire_locked(struct cached_thread *thread)
{
    remove_idle_locked(thread);
    count_out_locked(thread);
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
        open_cache();
        job = thread->locked.job;
        deadline = tw_time_add(since, cache.locked.timeout);
        if (!job && (cache.locked.is_draining || tw_clock_now(tw_clock_monotonic()) >= deadline)) {
            retire_locked(thread);
            close_cache();
            return NULL;
        }
        close_cache();
        if (job)
            return job;
        tw__park_wait(&thread->park, tw_clock_monotonic(), deadline);
    }
}

/* false in a child that the job has forked, and that comes back from it: it is none of our threads.
 */
static bool perform(struct cached_thread *thread, struct tw__cache_job *job)
{
    set_name(job->name);
    job->run(job);
    if (is_inherited(thread))
        return false;
    open_cache();
    thread->locked.job = NULL;
    push_idle_locked(thread);
    close_cache();
    job->deliver(job);
    if (is_inherited(thread))
        return false;
    clean_up();
    return true;
}

static void *live(void *arg)
{
    struct cached_thread *thread = (struct cached_thread *)arg;
    struct tw__cache_job *job;
    self = thread;
    while ((job = wait_for_job(thread)))
        if (!perform(thread, job))
            return NULL;
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
    struct shelf *shelf;
    open_cache();
    shelf = find_shelf_locked(job->stack_size);
    thread = shelf ? shelf->idle : NULL;
    if (thread) {
        remove_idle_locked(thread);
        thread->locked.job = job;
        tw__park_wake(&thread->park);
    }
    close_cache();
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

/* The signals are blocked before the thread exists, so that it never has them open. */
static int create_blocked(const pthread_attr_t *attributes, struct cached_thread *thread)
{
    sigset_t before;
    pthread_t id;
    int rc = tw__thread_create_hook ? tw__thread_create_hook() : 0;
    if (rc)
        return rc;
    block_signals(&before);
    rc = pthread_create(&id, attributes, live, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int create_thread(struct cached_thread *thread, size_t stack_size)
{
    pthread_attr_t attributes;
    int rc = pthread_attr_init(&attributes);
    if (rc)
        return -rc;
    if (stack_size)
        rc = pthread_attr_setstacksize(&attributes, stack_size);
    if (!rc)
        rc = create_blocked(&attributes, thread);
    pthread_attr_destroy(&attributes);
    return -rc;
}

/* Counts it in. Returns the spare shelf if it is not needed. */
static struct shelf *count_in(struct cached_thread *thread, size_t stack_size, struct shelf *spare)
{
    struct shelf *shelf;
    open_cache();
    shelf = find_shelf_locked(stack_size);
    if (!shelf) {
        assert(spare); /* only the usual size comes without, and its shelf is there */
        shelf = spare;
        spare = NULL;
        add_shelf_locked(shelf, stack_size);
    }
    shelf->threads++;
    cache.locked.threads++;
    thread->locked.shelf = shelf;
    close_cache();
    return spare;
}

static struct cached_thread *new_thread(struct tw__cache_job *job)
{
    struct cached_thread *thread = (struct cached_thread *)tw__zalloc(sizeof *thread);
    struct shelf *spare = NULL;
    if (thread && job->stack_size) /* needed or not: no memory is asked for under the lock */
        spare = (struct shelf *)tw__zalloc(sizeof *spare);
    if (!thread || (job->stack_size && !spare)) {
        tw__free(thread);
        return NULL;
    }
    tw__park_init(&thread->park);
    thread->epoch = tw__fork_epoch();
    thread->locked.job = job;
    tw__free(count_in(thread, job->stack_size, spare));
    return thread;
}

static int start_new(struct tw__cache_job *job)
{
    struct cached_thread *thread;
    int rc;
    tw__fork_watch();
    thread = new_thread(job);
    if (!thread)
        return -ENOMEM;
    rc = create_thread(thread, job->stack_size);
    if (rc < 0) {
        open_cache();
        count_out_locked(thread);
        close_cache();
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
    struct shelf *shelf;
    struct cached_thread *thread;
    for (shelf = &cache.locked.usual; shelf; shelf = shelf->next)
        for (thread = shelf->idle; thread; thread = thread->locked.below)
            tw__park_wake(&thread->park);
}

int tw_thread_cache_set_idle_timeout(int64_t timeout)
{
    if (timeout < 0)
        return tw__misuse(-EINVAL, "tw_thread_cache_set_idle_timeout: a timeout of 0 or more");
    open_cache();
    cache.locked.timeout = timeout;
    wake_idle_locked();
    close_cache();
    return 0;
}

/* --- draining --------------------------------------------------------------------------------- */

static bool begin_to_drain(void)
{
    bool is_first;
    open_cache();
    is_first = !cache.locked.is_draining;
    if (is_first) {
        tw__park_init(&cache.drainer);
        cache.locked.is_draining = true;
        wake_idle_locked();
    }
    close_cache();
    return is_first;
}

/* Joins those that have ended. Returns whether it is over: all have, or it is late; decided together
 * with letting the next one drain, so that a thread which starts meanwhile is waited for, or is not
 * seen at all. */
static bool join_ended(bool is_late, size_t *ret_left)
{
    struct cached_thread *thread, *next;
    bool is_over;
    open_cache();
    thread = cache.locked.ended;
    cache.locked.ended = NULL;
    *ret_left = cache.locked.threads;
    is_over = is_late || !cache.locked.threads;
    if (is_over) {
        cache.locked.is_draining = false;
        tw__park_done(&cache.drainer); /* here, as afterwards it may be the next one's */
    }
    close_cache();
    for (; thread; thread = next) {
        next = thread->locked.below;
        pthread_join(thread->id, NULL);
        free_thread(thread);
    }
    return is_over;
}

int tw_thread_cache_drain(int64_t timeout)
{
    struct tw_clock *clock = tw_clock_monotonic();
    uint64_t deadline = tw_time_add(tw_clock_now(clock), timeout);
    size_t left;
    if (timeout < 0)
        return tw__misuse(-EINVAL, "tw_thread_cache_drain: a timeout of 0 or more");
    if (self && !is_inherited(self))
        return tw__misuse(-EDEADLK, "tw_thread_cache_drain: a thread of the cache cannot wait for "
                                    "its own end");
    if (timeout > 0 && tw__frame_forbids_blocking())
        return tw__misuse(-EDEADLK, "tw_thread_cache_drain: the thread of a loop that turns, or "
                                    "inside a lock worker, cannot be blocked");
    if (!begin_to_drain())
        return -EBUSY;
    while (!join_ended(tw_clock_now(clock) >= deadline, &left))
        tw__park_wait(&cache.drainer, clock, deadline);
    tw__fiber_trim();
    return left ? -ETIMEDOUT : 0;
}

void tw_thread_cache_statistics(size_t *ret_threads, size_t *ret_idle)
{
    open_cache();
    if (ret_threads)
        *ret_threads = cache.locked.threads;
    if (ret_idle)
        *ret_idle = cache.locked.idles;
    close_cache();
}
