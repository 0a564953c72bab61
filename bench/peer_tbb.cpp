/*
 * oneTBB, as a peer: an arena that jobs are enqueued to, and a task group for what forks. Its jobs
 * go home through the list and eventfd of by_hand.h, since it has no loop of its own.
 */
extern "C" {
#include "by_hand.h"
}
#include "peer.h"

#include <atomic>
#include <cerrno>
#include <event2/event.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <thread>

namespace
{
using oneapi::tbb::global_control;
using oneapi::tbb::task_arena;
using oneapi::tbb::task_group;

/* An arena none of whose places is kept for the thread that enqueues. */
struct pool {
    global_control control;
    task_arena arena;

    explicit pool(int threads)
        : control(global_control::max_allowed_parallelism, static_cast<std::size_t>(threads) + 1),
          arena(threads, 0)
    {
        arena.initialize();
    }
};

long to_send, to_come; /* the loop's thread */
hand_pool *loop;
pool *here;

void home(void *arg);

void send_job()
{
    here->arena.enqueue([] {
        bench_work();
        hand_pool_call(loop, home, nullptr);
    });
}

void home(void *)
{
    if (to_send > 0) {
        to_send--;
        send_job();
    }
    if (--to_come == 0)
        event_base_loopbreak(hand_pool_base(loop));
}

void run_trips(const course *is)
{
    to_send = is->jobs - is->in_flight;
    to_come = is->jobs;
    loop = hand_pool_new(0);
    bench_begin();
    for (long i = 0; i < is->in_flight; i++)
        send_job();
    bench_queued();
    event_base_loop(hand_pool_base(loop), EVLOOP_NO_EXIT_ON_EMPTY);
    bench_end();
    bench_must(to_come == 0 ? 0 : -EIO, "every job home");
    hand_pool_free(loop);
}

void trips(const course *is)
{
    pool made(is->threads);
    here = &made;
    run_trips(is);
}

/* It makes threads as they are needed: so first all are, at once. */
void idle(const course *is)
{
    pool made(is->threads);
    std::atomic<int> missing(is->threads);
    here = &made;
    bench_expect(is->threads);
    for (int i = 0; i < is->threads; i++)
        made.arena.enqueue([&missing] {
            missing--;
            while (missing > 0)
                std::this_thread::yield();
            bench_one_done();
        });
    bench_wait_done();
    run_trips(is);
}

void alone(const course *is)
{
    pool made(is->threads);
    bench_expect(is->jobs);
    bench_begin();
    for (long i = 0; i < is->jobs; i++)
        made.arena.enqueue([] { bench_one_done(); });
    bench_wait_done();
    bench_end();
}

int fib(int n)
{
    if (n < 2)
        return n;
    int left = 0, right;
    task_group group;
    group.run([&left, n] { left = fib(n - 1); });
    right = fib(n - 2);
    group.wait();
    return left + right;
}

/* The thread that asks takes part, as it does in the others: one place is its own. */
void forks(const course *is)
{
    global_control control(global_control::max_allowed_parallelism,
                           static_cast<std::size_t>(is->threads));
    task_arena arena(is->threads);
    int sum = 0;
    arena.initialize();
    bench_begin();
    arena.execute([&sum] { sum = fib(25); });
    bench_end();
    bench_must(sum == 75025 ? 0 : -EIO, "fib(25)");
}

peer make_peer()
{
    peer made = peer();
    made.name = "TBB";
    made.runs[TRIPS] = trips;
    made.runs[ALONE] = alone;
    made.runs[IDLE] = idle;
    made.runs[FORKS] = forks;
    return made;
}
} // namespace

extern const struct peer peer_tbb = make_peer();
