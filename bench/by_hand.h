/*
 * The pool that people write by hand on libevent: a mutex, a condition variable, a list of results
 * and an eventfd. It is written as well as it can be without tricks, to be measured against.
 */
#ifndef TWINE_BENCH_BY_HAND_H
#define TWINE_BENCH_BY_HAND_H

struct event_base;
struct hand_pool;

/* With a base of its own. Aborts when something cannot be had. */
struct hand_pool *hand_pool_new(int threads);
struct event_base *hand_pool_base(struct hand_pool *pool);
/* work in a thread, then home(arg) on the loop; home may be NULL. */
void hand_pool_submit(struct hand_pool *pool, void (*work)(void *arg), void (*home)(void *arg),
                      void *arg);
/* home(arg) on the loop, from any thread. */
void hand_pool_call(struct hand_pool *pool, void (*home)(void *arg), void *arg);
/* Works off what is queued, joins the threads. */
void hand_pool_free(struct hand_pool *pool);

#endif
