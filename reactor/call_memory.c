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

#include <stdatomic.h>
#include <twine/base/cache_line_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/thread_end_internal.h>

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUAL_SIZE 1
#else
#define USUAL_SIZE 31 /* which makes 2 KiB */
#endif

/* Calls and the count lie in lines of their own: the maker writes the one while loops change the
 * others. */
struct tw__call_chunk {
    _Alignas(TW__CACHE_LINE) atomic_uint out; /* calls that are not back */
    void *memory;                             /* as it was allocated */
    _Alignas(TW__CACHE_LINE) struct tw__call calls[];
};

static atomic_uint chunk_size = USUAL_SIZE;

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    struct tw__call_chunk *chunk;
    unsigned left; /* calls that have not been cut off it; at its beginning */
    struct tw__thread_end end;
    bool has_ended;
} cut;

static void give_back(struct tw__call_chunk *chunk, unsigned calls)
{
    /* Release what we did with them, acquire what others did with the rest. */
    if (atomic_fetch_sub_explicit(&chunk->out, calls, memory_order_acq_rel) == calls)
        tw__free(chunk->memory);
}

/* Calls made later, in another key's destructor, get chunks that are used up at once. */
static void thread_ends(void)
{
    cut.has_ended = true;
    if (cut.left)
        give_back(cut.chunk, cut.left);
    cut.left = 0;
}

static unsigned next_size(void)
{
    unsigned size = atomic_load_explicit(&chunk_size, memory_order_relaxed);
    if (size == 1 || cut.has_ended || !tw__thread_end_watch(&cut.end, thread_ends))
        return 1;
    return size;
}

static bool begin_chunk(void)
{
    unsigned size = next_size();
    size_t bytes = sizeof(struct tw__call_chunk) + size * sizeof(struct tw__call);
    char *memory = (char *)tw__malloc(bytes + TW__CACHE_LINE - 1);
    if (!memory)
        return false;
    cut.chunk = (struct tw__call_chunk *)(((uintptr_t)memory + TW__CACHE_LINE - 1) &
                                          ~(uintptr_t)(TW__CACHE_LINE - 1));
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
