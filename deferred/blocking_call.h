/*
 * A thread that waits for a Deferred of a loop's (Twisted's blockingCallFromThread, THR-013).
 */
#ifndef TWINE_DEFERRED_BLOCKING_CALL_H
#define TWINE_DEFERRED_BLOCKING_CALL_H

#include <twine/deferred/deferred.h>
#include <twine/reactor/blocking_call.h>

TW_BEGIN_DECLS

/**
 * As tw_reactor_blocking_call_from_thread(), but fn may leave a Deferred in its result
 * (tw_result_set_deferred()): then the thread waits for what that has, and the Deferred holds null
 * afterwards (THR-015). A shutdown lets the thread go, and nobody else waits for the Deferred then.
 */
TW_EXPORT int tw_reactor_blocking_defer_from_thread(struct tw_reactor *reactor, tw_call_fn fn,
                                                    void *arg, tw_destroy_fn destroy,
                                                    int64_t timeout, struct tw_result *ret_result);

TW_END_DECLS

#endif
