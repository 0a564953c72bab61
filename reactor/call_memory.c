/*
 * Memory for calls from threads.
 *
 * A call is made on one thread and freed on another, which is what allocators do worst: the memory
 * does not come back to where the next call is made. So each thread allocates a chunk of calls at a
 * time and cuts its calls off that; the chunk counts those that are not back, and goes with the
 * last. A thread's end gives back what it has not cut off.
 *
 * Checking builds allocate each call by itself: a call used after its end is then seen by the tools
 * that look for that.
 */
#include <twine/reactor/call_memory_internal.h>

#include <pthread.h>
#include <stdatomic.h>
#include <twine/base/memory_internal.h>

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUAL_SIZE 1
#else
#define USUAL_SIZE 31 /* which makes 2 KiB */
#endif

#define LINE 64 /* bytes that processors move at once, mostly */

/* Calls and the count lie in lines of their own: the maker writes the one while loops change the
 * others. */
struct tw__call_chunk {
    _Alignas(LINE) atomic_uint out; /* calls that are not back */
    void *memory;                   /* as it was allocated */
    _Alignas(LINE) struct tw__call calls[];
};

static atomic_uint chunk_size = USUAL_SIZE;

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    struct tw__call_chunk *chunk;
    unsigned left; /* calls that have not been cut off it; at its beginning */
    bool is_watched, has_ended;
} cut;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void give_back(struct tw__call_chunk *chunk, unsigned calls)
{
    /* Release what we did with them, acquire what others did with the rest. */
    if (atomic_fetch_sub_explicit(&chunk->out, calls, memory_order_acq_rel) == calls)
        tw__free(chunk->memory);
}

/* Calls made later, in another key's destructor, get chunks that are used up at once. */
static void thread_ends(void *arg)
{
    (void)arg;
    cut.has_ended = true;
    if (cut.left)
        give_back(cut.chunk, cut.left);
    cut.left = 0;
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, thread_ends) == 0;
}

/* Whether this thread's end will be told. */
static bool watch_thread(void)
{
    pthread_once(&once, make_key);
    cut.is_watched = has_key && pthread_setspecific(key, &cut) == 0;
    return cut.is_watched;
}

static unsigned next_size(void)
{
    unsigned size = atomic_load_explicit(&chunk_size, memory_order_relaxed);
    if (size == 1 || cut.has_ended || (!cut.is_watched && !watch_thread()))
        return 1;
    return size;
}

static bool begin_chunk(void)
{
    unsigned size = next_size();
    size_t bytes = sizeof(struct tw__call_chunk) + size * sizeof(struct tw__call);
    char *memory = (char *)tw__malloc(bytes + LINE - 1);
    if (!memory)
        return false;
    cut.chunk = (struct tw__call_chunk *)(((uintptr_t)memory + LINE - 1) & ~(uintptr_t)(LINE - 1));
    cut.chunk->memory = memory;
    cut.left = size;
    atomic_init(&cut.chunk->out, size);
    return true;
}

struct tw__call *tw__call_new(void)
{
    struct tw__call *call;
    if (!cut.left && !begin_chunk())
        return NULL;
    call = &cut.chunk->calls[--cut.left];
    call->chunk = cut.chunk;
    return call;
}

void tw__call_free(struct tw__call *call)
{
    if (call->chunk)
        give_back(call->chunk, 1);
    else
        tw__free(call);
}

void tw__call_set_chunk_size(unsigned calls)
{
    atomic_store_explicit(&chunk_size, calls, memory_order_relaxed);
}
