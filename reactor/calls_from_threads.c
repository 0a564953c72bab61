/*
 * Calls from threads, and tasks that go home.
 *
 * A call is made on one thread and performed on another, which is what allocators do worst: the
 * memory does not come back to where the next call is made. So each thread allocates a chunk at a
 * time and cuts its calls off that, as runs.
 *
 * A thread adds its call to its newest run, if it may; else it begins one and puts that into the
 * mailbox. It may:
 *
 *     as long as that run is the newest in the mailbox    so what was called before is performed
 *                                                         before, by whomever: had another call, or
 *                                                         a result, come in since, that would be
 *                                                         the newest. What comes in during the call
 *                                                         itself was not before it.
 *     until the loop closes the run                       which it does before it performs it, in
 *                                                         the word that counts the calls; an add
 *                                                         is a compare and exchange of the same
 *                                                         word, so either the loop finds the call,
 *                                                         or its thread knows that it does not
 *     while there is room in the chunk
 *
 * A run that is the newest lies in a mailbox whose owner is awake, or has been told to wake up: so an
 * add wakes nobody. And no other task has its address, since its thread holds the chunk: the word of
 * the mailbox is all that is to be looked at.
 *
 * A chunk counts its lines that are not back: the loop gives back those of a run, and the thread
 * those that it has not cut off, with a hold of its own, once there is no more room; or at its end.
 * While it holds the chunk it may write where a call would go that then comes too late.
 *
 * Checking builds allocate each call by itself: a call used after its end is then seen by the tools
 * that look for that.
 */
#include <twine/reactor/calls_from_threads_internal.h>

#include <errno.h>
#include <stdint.h>
#include <twine/base/cache_line_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/thread_end_internal.h>
#include <twine/reactor/reactor_internal.h>
#include <twine/threads/task_internal.h>

#if defined(TWINE_CHECKS) && TWINE_CHECKS
#define USUAL_LINES 1
#else
#define USUAL_LINES 31 /* which makes 2 KiB */
#endif

/* --- chunks ----------------------------------------------------------------------------------- */

struct line {
    _Alignas(TW__CACHE_LINE) char bytes[TW__CACHE_LINE];
};

struct chunk {
    _Alignas(TW__CACHE_LINE) atomic_uint out; /* lines that are not back, and the thread's hold */
    void *memory;                             /* as it was allocated */
    struct line lines[];
};

static atomic_uint chunk_lines = USUAL_LINES;

/* initial-exec: an offset from the thread pointer, without a call; some bytes of the static TLS
 * reserve. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    struct tw__call_run *run; /* the newest; NULL: there is none to add to */
    unsigned count;           /* its calls */
    char *next, *end;         /* of the chunk, what has not been cut off */
    struct chunk *chunk;      /* held; NULL: none */
    struct tw__thread_end thread_end;
    bool has_ended;
} own;

static void give_back(struct chunk *chunk, unsigned lines)
{
    /* Release what we did with them, acquire what others did with the rest. */
    if (atomic_fetch_sub_explicit(&chunk->out, lines, memory_order_acq_rel) == lines)
        tw__free(chunk->memory);
}

static __attribute__((noinline)) void leave_chunk(void)
{
    give_back(own.chunk,
              1 + (unsigned)((own.end - (char *)tw__next_line(own.next)) / TW__CACHE_LINE));
    own.chunk = NULL;
    own.run = NULL;
    own.next = own.end = NULL;
}

/* Calls made later, in another key's destructor, get chunks that are used up at once. */
static void thread_ends(void)
{
    own.has_ended = true;
    if (own.chunk)
        leave_chunk();
}

static unsigned next_size(void)
{
    unsigned lines = atomic_load_explicit(&chunk_lines, memory_order_relaxed);
    if (lines == 1 || own.has_ended || !tw__thread_end_watch(&own.thread_end, thread_ends))
        return 1;
    return lines;
}

static bool begin_chunk(void)
{
    unsigned lines = next_size();
    size_t bytes = sizeof(struct chunk) + lines * sizeof(struct line);
    void *memory = tw__malloc(bytes + TW__CACHE_LINE - 1);
    if (!memory)
        return false;
    own.chunk = (struct chunk *)tw__next_line(memory);
    own.chunk->memory = memory;
    atomic_init(&own.chunk->out, lines + 1);
    own.next = own.chunk->lines[0].bytes;
    own.end = own.chunk->lines[lines].bytes;
    return true;
}

void tw__calls_set_chunk_size(unsigned lines)
{
    if (own.chunk)
        leave_chunk();
    atomic_store_explicit(&chunk_lines, lines, memory_order_relaxed);
}

/* --- on the way ------------------------------------------------------------------------------- */

static void cut_off(struct tw__call *call)
{
    own.next = (char *)(call + 1);
    if (own.end - own.next < (ptrdiff_t)sizeof *call)
        leave_chunk();
}

/* false: the loop has closed the run. */
static bool add(struct tw__call_run *run, tw_action_fn action, void *arg, tw_destroy_fn destroy)
{
    struct tw__call *place = (struct tw__call *)(void *)own.next;
    unsigned seen = own.count;
    *place = (struct tw__call){action, arg, destroy};
    /* Release: the loop sees the call's content. */
    if (!atomic_compare_exchange_strong_explicit(&run->count, &seen, seen + 1, memory_order_release,
                                                 memory_order_relaxed))
        return false;
    own.count++;
    cut_off(place);
    return true;
}

static __attribute__((noinline)) int begin_run(struct tw__mailbox *mailbox, tw_action_fn action,
                                               void *arg, tw_destroy_fn destroy)
{
    char *place = (char *)tw__next_line(own.next);
    struct tw__call_run *run;
    int rc;
    own.run = NULL;
    if (!own.chunk || own.end - place < TW__CACHE_LINE) {
        if (own.chunk)
            leave_chunk();
        if (!begin_chunk())
            return -ENOMEM;
        place = own.next;
    }
    run = (struct tw__call_run *)(void *)place;
    tw_task_init(&run->task, NULL);
    atomic_init(&run->count, 1);
    run->done = 0;
    run->line = (unsigned short)((struct line *)(void *)place - own.chunk->lines);
    run->calls[0] = (struct tw__call){action, arg, destroy};
    rc = tw__mailbox_post(&mailbox->base, &run->task);
    if (rc < 0) {
        if (own.end - place == TW__CACHE_LINE)
            leave_chunk();
        return rc;
    }
    own.run = run;
    own.count = 1;
    cut_off(run->calls);
    return 0;
}

/* The parts of a call each by itself: they stay in registers until they are where they travel. */
static inline __attribute__((always_inline)) int
send_call(struct tw__mailbox *mailbox, tw_action_fn action, void *arg, tw_destroy_fn destroy)
{
    /* Relaxed: what was put in before this call is seen, or else something newer. */
    if (own.run && tw__inbox_newest(&mailbox->inbox) == &own.run->task &&
        !tw__worker_is_inherited(&mailbox->base) && add(own.run, action, arg, destroy))
        return 0;
    return begin_run(mailbox, action, arg, destroy);
}

/* While the loop is behind with what it has, what goes home goes as a call: so the loop need not turn
 * round tasks whose lines are on other processors, and can have the next one fetched while it ends
 * this one. Otherwise it goes by itself, which moves one line less. */
int tw__task_send_home(struct tw_worker *worker, struct tw_task *task, tw_task_fn fn)
{
    struct tw__mailbox *mailbox = (struct tw__mailbox *)worker;
    tw__task_delivers(task, true);
    tw_task_init(task, fn);
    if (tw__inbox_newest(&mailbox->inbox) &&
        atomic_load_explicit(&chunk_lines, memory_order_relaxed) > 1) {
        int rc = send_call(mailbox, NULL, task, NULL);
        if (rc != -ENOMEM)
            return rc;
    }
    return tw__mailbox_post(worker, task);
}

/* --- in a context ----------------------------------------------------------------------------- */

/* A block of its own. */
struct call_in_context {
    struct tw_task task;
    struct tw__call call;
    struct tw_context *context; /* a reference */
};

static void free_in_context(struct call_in_context *call)
{
    tw_context_unref(call->context);
    tw__free(call);
}

static void call_in_context_fn(struct tw_task *task, int status)
{
    struct call_in_context *call = (struct call_in_context *)task;
    tw__call_perform(&call->call, call->context, status);
    free_in_context(call);
}

static __attribute__((noinline)) int send_in(struct tw_context *context,
                                             struct tw__mailbox *mailbox, tw_action_fn action,
                                             void *arg, tw_destroy_fn destroy)
{
    struct call_in_context *in = (struct call_in_context *)tw__malloc(sizeof *in);
    int rc;
    if (!in)
        return -ENOMEM;
    tw_task_init(&in->task, call_in_context_fn);
    in->call = (struct tw__call){action, arg, destroy};
    in->context = tw_context_ref(context);
    rc = tw__mailbox_post(&mailbox->base, &in->task);
    if (rc < 0)
        free_in_context(in);
    return rc;
}

int tw_reactor_call_from_thread(struct tw_reactor *reactor, tw_action_fn action, void *arg,
                                tw_destroy_fn destroy)
{
    int rc;
    if (!reactor || !action)
        rc = tw__misuse(-EINVAL, "tw_reactor_call_from_thread: needs a reactor and an action");
    else if (tw__here.context)
        rc = send_in(tw__here.context, reactor->_common->mailbox, action, arg, destroy);
    else
        rc = send_call(reactor->_common->mailbox, action, arg, destroy);
    if (rc < 0 && destroy)
        destroy(arg);
    return rc;
}

/* --- there ------------------------------------------------------------------------------------ */

void tw__call_run_free(struct tw__call_run *run)
{
    struct line *line = (struct line *)(void *)run;
    struct chunk *chunk = TW_CONTAINER(line - run->line, struct chunk, lines);
    char *end = (char *)tw__next_line(run->calls + run->done);
    give_back(chunk, (unsigned)((end - (char *)run) / TW__CACHE_LINE));
}
